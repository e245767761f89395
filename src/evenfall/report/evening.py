"""One evening drawn large: which one, and its measurements in order.

The evening is chosen for how densely it was measured, never for its look: of the nights that show
the window (all nights, if there is none), the one with most measurements inside it, the newest of
equals.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evenfall.infer.carpet import Carpet, Step, inside_of, local_minutes, steps_of, window_cells
from evenfall.infer.series import Basis, Series
from evenfall.model.curfew import Window

__all__ = ["Evening", "NightSummary", "Point", "Speed", "evening_of", "night_summary"]

_DAY_MIN = 1440


class Speed(NamedTuple):
    """What the two arms of one pair came to, where the store still has them."""

    started_us: int
    target_bps: int
    control_bps: int


class Point(NamedTuple):
    """One measurement.

    Attributes:
        hour: local hours since the row began, 0 ≤ hour < 24.
        clock: `HH:MM` local.
        target, control: in the evening's unit; None: not known.
        failed: nothing came through.
    """

    hour: float
    clock: str
    target: float | None
    control: float | None
    failed: bool


@dataclass(frozen=True, kw_only=True)
class Evening:
    """The measurements of one night in order of time.

    Attributes:
        unit: `Mbit/s`, or `× control` where only ratios are known, or `` where nothing but
            success and failure is.
    """

    date: dt.date
    unit: str
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True)
class NightSummary:
    """Medians and counts of one night: inside the window, or of all of it without one."""

    date: dt.date
    unit: str
    n_windows: int
    n: int
    n_failed: int
    target: float | None
    control: float | None


def evening_of(
    series: Series,
    carpet: Carpet,
    windows: Sequence[Window],
    speeds: Sequence[Speed] = (),
) -> Evening | None:
    """Choose and lay out an evening; None if nothing was measured.

    Args:
        series: what the carpet was made of.
        carpet: gives the axis.
        windows: what was found; empty: any night counts.
        speeds: both arms of the pairs, any order; without them ratios are drawn.
    """
    if not carpet.dates:
        return None
    shifted = local_minutes(series) - carpet.axis_start_h * 60
    night = shifted // _DAY_MIN
    chosen = _densest(series, night, windows)
    rows = np.flatnonzero(night == chosen)
    rows = rows[np.argsort(series.started_us[rows], kind="stable")]
    by_time = {s.started_us: s for s in speeds}
    unit = _unit(series, by_time, rows.tolist())
    points = [
        _point(series, int(row), int(shifted[row] % _DAY_MIN), carpet.axis_start_h, unit, by_time)
        for row in rows
    ]
    return Evening(
        date=dt.date(1970, 1, 1) + dt.timedelta(days=chosen), unit=unit, points=tuple(points)
    )


def _densest(series: Series, night: npt.NDArray[np.int64], windows: Sequence[Window]) -> int:
    """The night to draw: of those that show the window, the one measured most often inside it."""
    inside = inside_of(series, windows) if windows else np.ones(len(night), dtype=bool)
    hit = inside & (steps_of(series, outside=~inside) >= Step.SLIGHTLY_SLOWER)
    nights, n_inside = np.unique(night[inside], return_counts=True)
    n_hit = np.array([int((night[hit] == k).sum()) for k in nights])
    showing = n_hit * 2 >= n_inside
    if windows and showing.any():
        nights, n_inside = nights[showing], n_inside[showing]
    if not len(nights):
        nights, n_inside = np.unique(night, return_counts=True)
    return int(nights[np.flatnonzero(n_inside == n_inside.max())[-1]])


def _unit(series: Series, by_time: dict[int, Speed], rows: list[int]) -> str:
    known = sum(int(series.started_us[row]) in by_time for row in rows)
    if rows and known * 2 >= len(rows):
        return "Mbit/s"
    if bool(np.any(~np.isnan(series.log_ratio[rows]))):
        return "Mbit/s" if series.basis is Basis.UNPAIRED else "× control"
    return ""


def _point(
    series: Series, row: int, since: int, start_h: int, unit: str, by_time: dict[int, Speed]
) -> Point:
    minutes = (since + start_h * 60) % _DAY_MIN
    ratio = float(series.log_ratio[row])
    failed = bool(series.failed[row] == 1) or ratio == -math.inf
    target: float | None = None
    control: float | None = None
    speed = by_time.get(int(series.started_us[row]))
    if unit == "Mbit/s" and speed is not None:
        target, control = speed.target_bps / 1e6, speed.control_bps / 1e6
    elif unit == "Mbit/s" and series.basis is Basis.UNPAIRED and math.isfinite(ratio):
        target = math.exp(ratio) / 1e6
    elif unit == "× control" and math.isfinite(ratio):
        target, control = math.exp(ratio), 1.0
    if target is not None and target <= 0:
        target, failed = None, True
    if control is not None and control <= 0:
        control = None  # a neutral arm through which nothing came has no place on a log scale
    return Point(
        hour=since / 60,
        clock=f"{minutes // 60:02d}:{minutes % 60:02d}",
        target=target,
        control=control,
        failed=failed,
    )


def night_summary(evening: Evening, windows: Sequence[Window], start_h: int) -> NightSummary:
    """Medians and counts of the evening, for its caption."""
    spans = [window_cells(w, start_h) for w in windows]
    inside = [p for p in evening.points if any(a <= p.hour * 2 < b for a, b in spans)]
    shown = inside if spans else list(evening.points)
    return NightSummary(
        date=evening.date,
        unit=evening.unit,
        n_windows=len(spans),
        n=len(shown),
        n_failed=sum(p.failed for p in shown),
        target=_median([p.target for p in shown]),
        control=_median([p.control for p in shown]),
    )


def _median(values: list[float | None]) -> float | None:
    known = sorted(v for v in values if v is not None)
    return known[len(known) // 2] if known else None
