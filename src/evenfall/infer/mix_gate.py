"""Before anything is claimed: is it the hours, or who measured in them?

A window or a run of bad days that passed every other gate is held against the mix of those who
measured (`strata.py`). What does not hold there is not claimed, and the line of the series says
which column of the mix explains it.

Rules:
    pairs       are not asked: both arms of a pair are one line at one moment.
    a window    has to hold within lines, versions, targets and resolvers that were measured inside
                and outside the hours. Where none was, nothing is said (insufficient).
    its onset   has to hold within those that were there before it too, but only where a change of
                the mix (`mix.py`) falls together with it.
    a run       likewise, against the days outside it.

What it does not do: find changes of the mix; it is given them.

Source: METHOD 5 ("Changes in who measures … are checked first").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.always import Run
from evenfall.infer.episodes import onset
from evenfall.infer.mix import MixChange
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.scores import Rows
from evenfall.infer.search import in_union
from evenfall.infer.series import Basis
from evenfall.infer.strata import MixAnswer, MixOutcome, explains, explains_onset
from evenfall.infer.window import Found
from evenfall.model.curfew import Instants
from evenfall.model.vocabulary import State

__all__ = ["MixGate", "run_gate", "window_gate"]

_CHANGE = "the mix of those who measure changed, no curfew"


@dataclass(frozen=True)
class MixGate:
    """Why it may not be claimed, and whether that is a lack of data; "" if it may."""

    reason: str = ""
    insufficient: bool = False


def window_gate(
    rows: Rows,
    found: Found,
    basis: Basis,
    changes: tuple[MixChange, ...],
    profile: NightlyProfile,
) -> MixGate:
    """Hold a window against the mix.

    Args:
        rows: of the series, steps of its level taken out.
        found: the window, having passed its gate.
        basis: of the series.
        changes: of its mix.
        profile: the constants.
    """
    if basis is Basis.PAIRS:
        return MixGate()
    state = found.strength.state
    answer = explains(rows, found.inside, found.outside, state)
    if answer.outcome is not MixOutcome.HOLDS:
        return _said(answer)
    began = onset(found.gain, found.measured, found.nights.day, found.episodes, profile)
    before = _before(rows, found)
    if began is None or not before.any() or not _together(changes, began):
        return MixGate()
    return _said(explains_onset(rows, found.inside, before, state))


def run_gate(
    rows: Rows, run: Run, basis: Basis, changes: tuple[MixChange, ...], state: State
) -> MixGate:
    """Hold a run of bad days against the mix."""
    first, last = int(run.day[run.found.first]), int(run.day[run.found.last])
    swapped = any(first - 1 <= c.first_day <= first + 1 for c in changes)
    back = any(last <= c.first_day <= last + 2 for c in changes)
    if basis is Basis.PAIRS or not run.other_days or not (swapped or back):
        return MixGate()
    return _said(explains_onset(rows, run.inside, ~run.inside, state))


def _before(rows: Rows, found: Found) -> npt.NDArray[np.bool_]:
    """Rows in the hours, on the weekdays, of nights before the first episode."""
    within, night = in_union(rows.day, rows.slot, found.union)
    first = found.nights.day[found.episodes[0].first]
    return np.asarray(within & (night < first) & np.isin((night + 3) % 7, found.weekdays))


def _together(changes: tuple[MixChange, ...], began: Instants) -> bool:
    """Whether a change of the mix may be of the same date as the onset."""
    return any(
        change.between.earliest <= began.latest and began.earliest <= change.between.latest
        for change in changes
    )


def _said(answer: MixAnswer) -> MixGate:
    if answer.outcome is MixOutcome.HOLDS:
        return MixGate()
    if answer.outcome is MixOutcome.CANNOT_TELL:
        return MixGate(answer.because, insufficient=True)
    return MixGate(f"{answer.because}: {_CHANGE}")
