"""A series at one level: changes of level named, and taken out where it is judged against itself.

Rules:
    unpaired    the target's own speed: the steps are taken out before hours are looked for, so that
                a new tariff in May makes no window and hides none. A step of the target alone
                cannot be told from a new tariff, so it is named and never called slowed.
    an index    likewise; and its hours are set against the same hours of other dates, for people
                sleep (`rhythm.py`).
    difference  a ratio to controls does not move with the line, so a step of it is the target's
                own: a new server, a measure at all hours. The steps are taken out while hours are
                looked for, and left in for runs of days that went wrong at all hours (`always.py`).
    pairs       nothing is taken out. Of these two the level of the line is read from the controls,
                and its changes are named.

What it does not do: find changes (`levels.py`).

Sources: METHOD 4 and 5.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evenfall.infer.levels import LevelChange, level_changes, without_levels
from evenfall.infer.localtime import EARLIEST_US, LATEST_US, load_zone, local_times
from evenfall.infer.rhythm import is_index, without_rhythm
from evenfall.infer.scores import Rows
from evenfall.infer.series import Basis, Series

__all__ = ["line_changes", "own_changes", "steady"]


def own_changes(rows: Rows) -> tuple[LevelChange, ...]:
    """Changes of the target's own level; an empty transfer says nothing about it."""
    return level_changes(rows.day, rows.slot, np.where(rows.empty, np.nan, rows.x))


def line_changes(rows: Rows) -> tuple[LevelChange, ...]:
    """Changes of the line's level, as the controls show it."""
    with np.errstate(divide="ignore"):
        return level_changes(rows.day, rows.slot, np.log(rows.control_bps))


def steady(series: Series, changes: tuple[LevelChange, ...]) -> Series:
    """The series without the steps of its level and the rhythm of an index; pairs as they are."""
    index = is_index(series)
    if series.basis is Basis.PAIRS or not (changes or index):
        return series
    known = (series.started_us >= EARLIEST_US) & (series.started_us < LATEST_US)
    at = np.where(known, series.started_us, EARLIEST_US)
    local = local_times(at, load_zone(series.timezone))
    log_ratio = without_levels(local.day, series.log_ratio, changes)
    if index:
        log_ratio = without_rhythm(local.day, local.minute // 60, log_ratio)
    return replace(series, log_ratio=log_ratio)
