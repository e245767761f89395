"""What was measured around one moment, or in one night, of one series.

What it does. Counts the measurements of a stretch of time and how they fared, beside the rest of
that night, the same readings of the clock on other nights, and the controls; says whether the
stretch lies in hours that were found over many nights. `text.show` puts it into words.

Rules:
    How one measurement fared is the carpet's own step (`carpet.steps_of`), so that picture and
    paragraph cannot disagree; slow is three times or more.
    A night is named by the local date of its noon, as everywhere.
    The same hours of another night are the same readings of the wall clock; of a whole night, the
    hours found, if there are any.
    Of a whole night, the half hours that went wrong are named: the carpet's cells.
    How the line itself fared is judged by what is known: the controls of that time against their
    own usual speed, else the neutral arms of the pairs against their own median on other days at
    any hour. Twice as slow is said to be slower; half of the controls failing, to be failing.
    What could not tell (a wrong clock, a failure beside dead controls) is counted apart.

What it does not do. Test, claim or judge scope: one evening cannot show a pattern. A stretch inside
hours that were found is told so, and the finding is quoted; nothing is added to it.

Source: METHOD 3 (controls first) and 4; the wording rules are PRODUCT's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.carpet import (
    CELL_S,
    SLOW_STEP,
    Step,
    carpet_of,
    inside_of,
    local_minutes,
    steps_of,
)
from evenfall.infer.localtime import EARLIEST_US, LATEST_US, load_zone, local_times
from evenfall.infer.series import Basis, Series
from evenfall.infer.when import Stretch
from evenfall.model.curfew import Window

__all__ = ["CONTROLS_FAILING", "LINE_SLOWER", "Fared", "Line", "Moment", "moment_of"]

LINE_SLOWER = 2.0
"""Controls this many times slower than usual are said to suffer too."""

CONTROLS_FAILING = 0.5
"""Half of the controls failing, and the failure of a target says nothing (`carpet`, rule 3)."""

_DAY_MIN = 1440
_NOON_MIN = 720
_Floats = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Fared:
    """How a set of measurements fared.

    Attributes:
        n: those that could tell.
        n_failed: did not open, or brought no byte.
        n_slow: came, three times slower or more.
        n_untold: those that could not tell.
        slower_by: median of control ÷ target (of the own usual level without a control), over
            those whose speed is known and not zero; None: no speed known.
        target_bps, control_bps: medians of both arms, where both are known.
        n_speeds: over how many.
    """

    n: int
    n_failed: int
    n_slow: int
    n_untold: int
    slower_by: float | None
    target_bps: float | None
    control_bps: float | None
    n_speeds: int

    @property
    def n_bad(self) -> int:
        """Slow or failed."""
        return self.n_failed + self.n_slow


@dataclass(frozen=True, kw_only=True)
class Line:
    """How everything else on the network fared in the stretch.

    Attributes:
        slower_by: how many times slower than usual; None: not known.
        failed_share: share of concurrent controls that failed; None: none measured.
        against: `controls` (other sites) or `neutral` (the other arm of the pairs); None: nothing.
    """

    slower_by: float | None
    failed_share: float | None
    against: str | None

    @property
    def is_known(self) -> bool:
        """Whether anything beside the service was measured."""
        return self.slower_by is not None or self.failed_share is not None

    @property
    def suffered(self) -> bool:
        """The line or its controls fared badly too."""
        return (self.slower_by or 0.0) >= LINE_SLOWER or (
            self.failed_share or 0.0
        ) >= CONTROLS_FAILING


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Everything about one stretch of one series.

    Attributes:
        stretch: what was asked.
        there: the measurements in it.
        rest: those of the same night outside it; for a whole night, none.
        nights_same, nights_same_bad: other nights measured in the same hours, and those of them on
            which at least half was slow or failed.
        bad_hours: of a whole night, the stretches of the clock (`HH:MM`, `HH:MM`) in whose half
            hours at least half was slow or failed, from noon on.
        windows: indices of the windows found in which some of the stretch's measurements lie.
        nearest_us: the nearest measurement, where nothing lies in the stretch; None: no rows.
        line: see `Line`.
    """

    stretch: Stretch
    there: Fared
    rest: Fared
    nights_same: int
    nights_same_bad: int
    bad_hours: tuple[tuple[str, str], ...]
    windows: tuple[int, ...]
    nearest_us: int | None
    line: Line


def moment_of(series: Series, stretch: Stretch, *, windows: tuple[Window, ...] = ()) -> Moment:
    """Look at one stretch of a series.

    Args:
        series: any order, any garbage, may be empty.
        stretch: from `when.stretch_of`.
        windows: what was found over many nights, if anything.
    """
    at = series.started_us
    outside = ~inside_of(series, windows)
    steps = steps_of(series, outside=outside)
    level = _level(series, outside)
    inside = (at >= stretch.from_us) & (at < stretch.to_us)
    local = local_minutes(series)
    night = (local - _NOON_MIN) // _DAY_MIN
    own_night = _night_of(series, stretch)
    same = ~outside if stretch.at_us is None else _same_clock(series, stretch, local)
    told = steps >= 0
    return Moment(
        stretch=stretch,
        there=_fared(series, steps, inside, level),
        rest=_fared(series, steps, (night == own_night) & ~inside, level),
        **_other_nights(night[same & told], steps[same & told], own_night),
        bad_hours=() if stretch.at_us is not None else _bad_hours(series, stretch, windows),
        windows=tuple(
            index for index, one in enumerate(windows) if (inside & inside_of(series, [one])).any()
        ),
        nearest_us=None if inside.any() else _nearest(at, stretch),
        line=_line(series, inside),
    )


def _night_of(series: Series, stretch: Stretch) -> int:
    """The night (days since 1970, from noon) to which the stretch belongs."""
    middle = stretch.at_us if stretch.at_us is not None else stretch.from_us
    middle = min(max(middle, EARLIEST_US), LATEST_US - 1)
    local = local_times(np.array([middle], dtype=np.int64), load_zone(series.timezone))
    return int((local.day[0] * _DAY_MIN + local.minute[0] - _NOON_MIN) // _DAY_MIN)


def _same_clock(series: Series, stretch: Stretch, local: npt.NDArray[np.int64]) -> _Flags:
    """Measurements at the same readings of the clock, on whatever day."""
    zone = load_zone(series.timezone)
    first = local_times(np.array([max(stretch.from_us, EARLIEST_US)], dtype=np.int64), zone)
    length = (stretch.to_us - stretch.from_us) // 60_000_000
    return np.asarray((local - int(first.minute[0])) % _DAY_MIN < length)


def _bad_hours(
    series: Series, stretch: Stretch, windows: tuple[Window, ...]
) -> tuple[tuple[str, str], ...]:
    """The carpet's cells of one night that are slow or worse, neighbours joined."""
    carpet = carpet_of(series, windows=windows, axis_start_h=_NOON_MIN // 60)
    if stretch.date not in carpet.dates:
        return ()
    bad = carpet.steps[carpet.dates.index(stretch.date)] >= SLOW_STEP
    edges = np.flatnonzero(np.diff(np.concatenate(([0], bad.astype(np.int8), [0]))))
    return tuple(
        (_clock(start), _clock(end)) for start, end in zip(*[iter(edges)] * 2, strict=True)
    )


def _clock(cell: int) -> str:
    minutes = (_NOON_MIN + int(cell) * CELL_S // 60) % _DAY_MIN
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _fared(series: Series, steps: npt.NDArray[np.int8], chosen: _Flags, level: float) -> Fared:
    step = steps[chosen]
    told = chosen & (steps >= 0)
    ratio = np.where(told & np.isfinite(series.log_ratio), series.log_ratio, np.nan)
    target, control = _both_speeds(series, told)
    return Fared(
        n=int(np.count_nonzero(step >= 0)),
        n_failed=int(np.count_nonzero(step == Step.DID_NOT_OPEN)),
        n_slow=int(np.count_nonzero((step >= SLOW_STEP) & (step < Step.DID_NOT_OPEN))),
        n_untold=int(np.count_nonzero(step < 0)),
        slower_by=_times(_median(ratio), level),
        target_bps=_median(target),
        control_bps=_median(control),
        n_speeds=int(np.count_nonzero(~np.isnan(target))),
    )


def _level(series: Series, outside: _Flags) -> float:
    """What a ratio is measured from: without a control, the own median outside the hours found."""
    if series.basis is not Basis.UNPAIRED:
        return 0.0
    finite = np.isfinite(series.log_ratio)
    own = (
        series.log_ratio[finite & outside] if (finite & outside).any() else series.log_ratio[finite]
    )
    return float(np.median(own)) if own.size else 0.0


def _times(log_ratio: float | None, level: float) -> float | None:
    return None if log_ratio is None else float(np.exp(np.clip(level - log_ratio, -50.0, 50.0)))


def _both_speeds(series: Series, chosen: _Flags) -> tuple[_Floats, _Floats]:
    """Both speeds in bit/s where both are known, else NaN; shape (n,) each."""
    nowhere = np.full(chosen.size, np.nan)
    if series.target_bps is None or series.control_bps is None:
        return nowhere, nowhere
    with np.errstate(invalid="ignore"):
        known = chosen & (series.target_bps >= 0) & (series.control_bps >= 0)
        known &= np.isfinite(series.target_bps) & np.isfinite(series.control_bps)
    return (
        np.where(known, series.target_bps, np.nan),
        np.where(known, series.control_bps, np.nan),
    )


def _median(values: _Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else None


def _other_nights(
    night: npt.NDArray[np.int64], steps: npt.NDArray[np.int8], own: int
) -> dict[str, int]:
    """Nights other than `own` with a measurement, and those with at least half of them bad."""
    others = night != own
    names, which = np.unique(night[others], return_inverse=True)
    n = np.bincount(which, minlength=names.size)
    bad = np.bincount(which, weights=steps[others] >= SLOW_STEP, minlength=names.size)
    return {
        "nights_same": int(names.size),
        "nights_same_bad": int(np.count_nonzero(2 * bad >= n)) if names.size else 0,
    }


def _nearest(at: npt.NDArray[np.int64], stretch: Stretch) -> int | None:
    possible = at[(at >= EARLIEST_US) & (at < LATEST_US)]
    if not possible.size:
        return None
    middle = (stretch.from_us + stretch.to_us) // 2
    return int(possible[np.argmin(np.abs(possible - middle))])


def _line(series: Series, inside: _Flags) -> Line:
    failed = _mean(series.control_failed[inside])
    if series.control_log_goodput is not None:
        now = _median(_sane(series.control_log_goodput[inside]))
        if now is not None:
            usual = _median(_sane(series.control_log_goodput[~inside])) or 0.0
            return Line(slower_by=_times(now, usual), failed_share=failed, against="controls")
    slower = _neutral_slower(series, inside)
    against = "neutral" if slower is not None else ("controls" if failed is not None else None)
    return Line(slower_by=slower, failed_share=failed, against=against)


def _neutral_slower(series: Series, inside: _Flags) -> float | None:
    """How many times slower the other arm was than in all other measurements."""
    if series.control_bps is None:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = np.where(series.control_bps > 0, np.log(series.control_bps), np.nan)
    now, usual = _median(_sane(speed[inside])), _median(_sane(speed[~inside]))
    return None if now is None or usual is None else _times(now, usual)


def _sane(values: _Floats) -> _Floats:
    return np.where(np.abs(values) <= 50.0, values, np.nan)


def _mean(values: _Floats) -> float | None:
    known = values[(values >= 0.0) & (values <= 1.0)]
    return float(known.mean()) if known.size else None
