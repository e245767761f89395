"""The carpet: one row a night, one cell a half hour, five steps or nothing.

What it is. A picture's worth of numbers and no more: how often a service was measured in each
half hour of each night, and how it fared. It decides nothing; the estimator of nights does not
read it. Terminal, page and table all show the same `Carpet`, so that they cannot disagree.

Rules of this file.
1. A night is named by the local date of its first cell. The axis runs from local noon to local
   noon, so that the evening is in the middle; `axis_for` turns it to midnight only where every
   window found lies in daylight, because a school morning split over two rows cannot be read.
2. A cell takes the worst step that at least half of its measurements reached. One bad transfer out
   of three does not colour it; the counts are kept beside it and the table prints them.
3. What was not measured is `NOT_MEASURED` and looks like it. It is never "normal", and neither is a
   measurement that could not tell: an unverified clock, or a failure while half of the controls on
   the same network failed too. Those are counted in `n_left_out`, and so is what lies outside the
   eleven years that hold most measurements: one clock that was never set must not hide the others.
4. Zero bytes are evidence: infinite slowness is "did not open", whatever the failure column says.
5. Local time is the wall clock of the zone at that moment. The hour that a zone change skips is
   unmeasured; the hour that it repeats falls into the same cells and is one hour.
6. An unpaired speed has no control; it is compared with the service's own median outside the
   windows (everywhere, if there is none), and `basis` says so.

What it does not do: no test, no smoothing, no filling of gaps.

Source: METHOD 4 (the axis, naming of nights, zone changes); the five steps are those of the page's
design, and their lower bound is the effect gate of the nightly profile (1.5).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from evenfall.infer.localtime import EARLIEST_US, LATEST_US, load_zone, local_times, weekday_of
from evenfall.infer.series import Basis, Series
from evenfall.model.curfew import Window

__all__ = [
    "CELLS_A_NIGHT",
    "CELL_S",
    "NIGHTS_MAX",
    "SLOW_STEP",
    "Carpet",
    "Step",
    "axis_for",
    "carpet_of",
    "inside_of",
    "local_minutes",
    "minutes_of",
    "steps_of",
    "window_cells",
]

CELL_S = 1800
CELLS_A_NIGHT = 48
NIGHTS_MAX = 4000
"""A carpet is no longer than this (eleven years): what lies further off has a wrong stamp."""

_DAY_MIN = 1440
_CELL_MIN = CELL_S // 60
_STEP_FACTORS = (1.5, 3.0, 10.0)  # control ÷ target at which a step begins
_CONTROLS_FAILING = 0.5  # of one instant; half of them failing, a failure there tells nothing
_DAYLIGHT_MIN = (4 * 60, 18 * 60 + 30)


class Step(IntEnum):
    """How one measurement, or the better half of a cell's, went; worse is higher."""

    NOT_MEASURED = -1
    NORMAL = 0
    SLIGHTLY_SLOWER = 1  # 1.5 to 3 times
    SLOWER = 2  # 3 to 10 times
    MUCH_SLOWER = 3  # more than 10 times
    DID_NOT_OPEN = 4


SLOW_STEP = Step.SLOWER
"""From here on the table counts a measurement as slow; slighter slowness is also plain noise."""


@dataclass(frozen=True, kw_only=True)
class Carpet:
    """Nights × half hours of one service on one network.

    Attributes:
        axis_start_h: local hour at which a row begins, 12 or 0.
        dates: one local date a row, consecutive, gaps included; empty if nothing was measured.
        counts: shape (nights, 48, 5), int32; how many measurements came to each step.
        n_left_out: measurements that could not tell (rule 3).
    """

    service: str
    network: str
    timezone: str
    basis: Basis
    axis_start_h: int
    dates: tuple[dt.date, ...]
    counts: npt.NDArray[np.int32]
    n_left_out: int = 0

    @property
    def steps(self) -> npt.NDArray[np.int8]:
        """The step of each cell, shape (nights, 48)."""
        return _cell_steps(self.counts)

    @property
    def n(self) -> npt.NDArray[np.int32]:
        """Measurements that could tell, shape (nights, 48)."""
        n: npt.NDArray[np.int32] = self.counts.sum(axis=2, dtype=np.int32)
        return n

    @property
    def n_failed(self) -> npt.NDArray[np.int32]:
        """Those that did not open, shape (nights, 48)."""
        return self.counts[:, :, Step.DID_NOT_OPEN]

    @property
    def n_slow(self) -> npt.NDArray[np.int32]:
        """Those three times slower or more, the failed ones not among them, shape (nights, 48)."""
        slow = self.counts[:, :, SLOW_STEP : Step.DID_NOT_OPEN]
        n: npt.NDArray[np.int32] = slow.sum(axis=2, dtype=np.int32)
        return n

    @property
    def nights_measured(self) -> int:
        """Rows with at least one measurement."""
        return int((self.n.sum(axis=1) > 0).sum())

    def hourly(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Measurements, and those slow or failed: two arrays of shape (nights, 24)."""
        shape = (len(self.dates), CELLS_A_NIGHT // 2, 2)
        bad = self.n_failed + self.n_slow
        return (
            self.n.reshape(shape).sum(axis=2, dtype=np.int32),
            bad.reshape(shape).sum(axis=2, dtype=np.int32),
        )

    def overall(self) -> npt.NDArray[np.int8]:
        """The step of each half hour with all nights laid on one another, shape (48,)."""
        together = self.counts.sum(axis=0, dtype=np.int32, keepdims=True)
        return _cell_steps(together).reshape(CELLS_A_NIGHT)

    def last(self, nights: int) -> Carpet:
        """The same carpet, its newest rows only."""
        first = max(0, len(self.dates) - nights)
        return replace(self, dates=self.dates[first:], counts=self.counts[first:])


def carpet_of(
    series: Series,
    *,
    windows: Sequence[Window] = (),
    axis_start_h: int = 12,
) -> Carpet:
    """Lay a series out in local nights.

    Args:
        series: any order, may be empty.
        windows: what was found, if anything; only the baseline of an unpaired series needs it.
        axis_start_h: 12 (noon to noon) or 0; see `axis_for`.
    """
    local = local_minutes(series)
    step = steps_of(series, outside=~_inside(local, windows))
    told = step >= 0
    night = (local - axis_start_h * 60) // _DAY_MIN
    cell = (local - axis_start_h * 60) % _DAY_MIN // _CELL_MIN
    first, nights = _extent(night[told])
    told &= (night >= first) & (night < first + nights)
    flat = ((night - first) * CELLS_A_NIGHT + cell)[told]
    return Carpet(
        service=series.service,
        network=series.network,
        timezone=series.timezone,
        basis=series.basis,
        axis_start_h=axis_start_h,
        dates=tuple(
            dt.date(1970, 1, 1) + dt.timedelta(days=int(first) + row) for row in range(nights)
        ),
        counts=_counts(flat, step[told], nights),
        n_left_out=int((~told).sum()),
    )


def steps_of(series: Series, *, outside: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
    """The step of every single measurement, `NOT_MEASURED` where it could not tell.

    Args:
        series: shape (n,).
        outside: shape (n,); True where a measurement lies in no window (the unpaired baseline).
    """
    ratio = series.log_ratio
    if series.basis is Basis.UNPAIRED:
        ratio = ratio - _own_level(ratio, outside)
    with np.errstate(invalid="ignore"):
        slowness = -ratio
        step = np.searchsorted(np.log(_STEP_FACTORS), slowness, side="right").astype(np.int8)
    step[np.isnan(ratio)] = Step.NOT_MEASURED
    step[np.isnan(ratio) & (series.failed == 0)] = Step.NORMAL
    failed = (series.failed == 1) | np.isposinf(slowness)
    step[failed] = Step.DID_NOT_OPEN
    # A failure tells nothing about the service while the controls fail as well.
    step[failed & (series.control_failed >= _CONTROLS_FAILING)] = Step.NOT_MEASURED
    if not series.archive_clock:
        step[~series.clock_verified] = Step.NOT_MEASURED
    possible = (series.started_us >= EARLIEST_US) & (series.started_us <= LATEST_US)
    step[~possible] = Step.NOT_MEASURED
    return step


def inside_of(series: Series, windows: Sequence[Window]) -> npt.NDArray[np.bool_]:
    """Which measurements lie in one of the windows, on its weekdays; shape (n,)."""
    return _inside(local_minutes(series), windows)


def axis_for(windows: Sequence[Window]) -> int:
    """12, or 0 if there are windows and all of them begin and end in daylight (rule 1)."""
    low, high = _DAYLIGHT_MIN
    spans = [(minutes_of(w.start_local), minutes_of(w.end_local)) for w in windows]
    daylight = [low <= start < end <= high for start, end in spans]
    return 0 if daylight and all(daylight) else 12


def minutes_of(clock: str) -> int:
    """`HH:MM` as minutes since midnight; `24:00` is 1440."""
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def window_cells(window: Window, axis_start_h: int) -> tuple[float, float]:
    """Where a window begins and ends on the axis, in cells; the end may pass 48."""
    begin = (minutes_of(window.start_local) - axis_start_h * 60) % 1440
    length = (minutes_of(window.end_local) - minutes_of(window.start_local)) % 1440 or 1440
    return begin / 30, (begin + length) / 30


def local_minutes(series: Series) -> npt.NDArray[np.int64]:
    """Minutes on the zone's wall clock since 1970-01-01 00:00 of each stamp; shape (n,)."""
    stamps = np.clip(series.started_us, EARLIEST_US, LATEST_US)
    local = local_times(stamps, load_zone(series.timezone))
    return local.day * _DAY_MIN + local.minute


def _inside(local: npt.NDArray[np.int64], windows: Sequence[Window]) -> npt.NDArray[np.bool_]:
    """Which stamps lie in a window, on the weekdays of the date on which it starts."""
    inside = np.zeros(len(local), dtype=bool)
    for window in windows:
        since = (local - minutes_of(window.start_local)) % _DAY_MIN
        begin, end = window_cells(window, 0)
        weekday = weekday_of((local - since) // _DAY_MIN)
        inside |= (since < (end - begin) * _CELL_MIN) & np.isin(weekday, window.weekdays)
    return inside


def _own_level(ratio: npt.NDArray[np.float64], outside: npt.NDArray[np.bool_]) -> float:
    usable = ratio[np.isfinite(ratio) & outside]
    if not len(usable):
        usable = ratio[np.isfinite(ratio)]
    return float(np.median(usable)) if len(usable) else math.nan


def _extent(night: npt.NDArray[np.int64]) -> tuple[int, int]:
    """The first night and how many: all, or those of the `NIGHTS_MAX` that hold most rows."""
    if not len(night):
        return 0, 0
    ordered = np.sort(night)
    first, last = int(ordered[0]), int(ordered[-1])
    if last - first >= NIGHTS_MAX:
        held = np.searchsorted(ordered, ordered + NIGHTS_MAX) - np.arange(len(ordered))
        most = len(ordered) - 1 - int(np.argmax(held[::-1]))  # of equal ones the newest
        first, last = int(ordered[most]), int(ordered[most + held[most] - 1])
    return first, last - first + 1


def _counts(
    flat: npt.NDArray[np.int64], step: npt.NDArray[np.int8], nights: int
) -> npt.NDArray[np.int32]:
    """How many measurements of each step: shape (nights, 48, 5)."""
    kinds = len(Step) - 1
    counted = np.bincount(flat * kinds + step, minlength=nights * CELLS_A_NIGHT * kinds)
    return counted.reshape(nights, CELLS_A_NIGHT, kinds).astype(np.int32)


def _cell_steps(counts: npt.NDArray[np.int32]) -> npt.NDArray[np.int8]:
    """The worst step that at least half of a cell's measurements reached (rule 2)."""
    reached = counts[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]  # this step or worse
    enough = reached * 2 >= counts.sum(axis=2, keepdims=True)
    worst = (len(Step) - 2) - np.argmax(enough[:, :, ::-1], axis=2)
    return np.where(counts.sum(axis=2) > 0, worst, Step.NOT_MEASURED).astype(np.int8)
