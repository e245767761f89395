"""What was measured around one moment, or in one night, of one series.

What it does. Counts the measurements of a stretch of time and how they fared, beside the rest of
that night, the same readings of the clock on other nights, and the controls; says whether the
stretch lies in hours that were found over many nights. `text.show` puts it into words.

Rules:
    How one measurement fared is the carpet's own step (`carpet.steps_of`), so that picture and
    paragraph cannot disagree; slow is three times or more.
    A night is named by the local date of its noon; by that of its midnight, for hours in daylight.
    The same hours of another night are the same readings of the wall clock; of a whole night, the
    hours found, if there are any.
    Of a whole night, the half hours that went wrong are named.
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
    inside_of,
    local_minutes,
    steps_of,
)
from evenfall.infer.line_then import Line, line_of, median_of, times_slower
from evenfall.infer.localtime import EARLIEST_US, LATEST_US, date_text, load_zone, local_times
from evenfall.infer.series import Basis, Series
from evenfall.infer.when import NOON_H, Stretch
from evenfall.model.curfew import Spell, Window

__all__ = ["Fared", "Moment", "moment_of"]

_DAY_MIN = 1440
_CELL_US = CELL_S * 1_000_000
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
        target_bps, control_bps: medians of both arms, where both are known; of the target alone,
            where no control was measured.
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
class Moment:
    """Everything about one stretch of one series.

    Attributes:
        stretch: what was asked.
        there: the measurements in it.
        rest: those of the same night outside it; for a whole night, none.
        nights_same, nights_same_bad: other nights measured in the same hours, and those of them on
            which at least half was slow or failed.
        is_bad: at least half of what could tell was slow or failed; of a whole night, of what lies
            in the hours found.
        bad_hours: of a whole night, the stretches (µs since 1970, half-open) in whose half hours at
            least half was slow or failed.
        windows: indices of the windows found in which some of the stretch's measurements lie.
        held: its night lies in an episode of what was found.
        nearest_us: the nearest measurement, where nothing lies in the stretch; None: no rows.
        line: how everything else on the network fared (`line_then`).
    """

    stretch: Stretch
    there: Fared
    rest: Fared
    nights_same: int
    nights_same_bad: int
    is_bad: bool
    bad_hours: tuple[tuple[int, int], ...]
    windows: tuple[int, ...]
    held: bool
    nearest_us: int | None
    line: Line
    basis: Basis

    @property
    def tells_apart(self) -> bool:
        """Whether the rest did not suffer, or both arms of pairs shared what it suffered."""
        return not self.line.suffered or self.basis is Basis.PAIRS

    @property
    def is_explained(self) -> bool:
        """Whether a finding over many nights may be quoted: its dates and hours, its trouble."""
        return self.held and bool(self.windows) and self.is_bad and self.tells_apart


def moment_of(
    series: Series,
    stretch: Stretch,
    *,
    windows: tuple[Window, ...] = (),
    episodes: tuple[Spell, ...] = (),
    day_from_h: int = NOON_H,
) -> Moment:
    """Look at one stretch of a series.

    Args:
        series: any order, any garbage, may be empty.
        stretch: from `when.stretch_of`.
        windows: what was found over many nights, if anything.
        episodes: when it held, if that is known; else it is taken to have held throughout.
        day_from_h: local hour at which a night begins: 12, or 0.
    """
    at = series.started_us
    outside = ~inside_of(series, windows)
    steps = steps_of(series, outside=outside)
    level = _level(series, outside)
    inside = (at >= stretch.from_us) & (at < stretch.to_us)
    local = local_minutes(series)
    night = (local - day_from_h * 60) // _DAY_MIN
    own_night = _night_of(series, stretch, day_from_h * 60)
    same = ~outside if stretch.at_us is None else _same_clock(series, stretch, local)
    told = steps >= 0
    return Moment(
        stretch=stretch,
        there=_fared(series, steps, inside, level),
        rest=_fared(series, steps, (night == own_night) & ~inside, level),
        **_other_nights(night[same & told], steps[same & told], own_night),
        bad_hours=() if stretch.at_us is not None else _bad_hours(series, stretch, steps),
        is_bad=_is_bad(steps[inside & (~outside if stretch.at_us is None else True)]),
        windows=tuple(
            index for index, one in enumerate(windows) if (inside & inside_of(series, [one])).any()
        ),
        held=not episodes or any(e.first <= date_text(own_night) <= e.last for e in episodes),
        nearest_us=None if inside.any() else _nearest(at, stretch),
        line=line_of(series, inside),
        basis=series.basis,
    )


def _night_of(series: Series, stretch: Stretch, from_min: int) -> int:
    """The night (days since 1970) to which the stretch belongs."""
    middle = stretch.at_us if stretch.at_us is not None else stretch.from_us
    middle = min(max(middle, EARLIEST_US), LATEST_US - 1)
    local = local_times(np.array([middle], dtype=np.int64), load_zone(series.timezone))
    return int((local.day[0] * _DAY_MIN + local.minute[0] - from_min) // _DAY_MIN)


def _same_clock(series: Series, stretch: Stretch, local: npt.NDArray[np.int64]) -> _Flags:
    """Measurements at the same readings of the clock, on whatever day."""
    zone = load_zone(series.timezone)
    first = local_times(np.array([max(stretch.from_us, EARLIEST_US)], dtype=np.int64), zone)
    length = (stretch.to_us - stretch.from_us) // 60_000_000
    return np.asarray((local - int(first.minute[0])) % _DAY_MIN < length)


def _bad_hours(
    series: Series, stretch: Stretch, steps: npt.NDArray[np.int8]
) -> tuple[tuple[int, int], ...]:
    """Half hours of a night in which at least half was slow or worse, neighbours joined."""
    told = (series.started_us >= stretch.from_us) & (series.started_us < stretch.to_us)
    told &= steps >= 0
    cells = (stretch.to_us - stretch.from_us) // _CELL_US
    which = (series.started_us[told] - stretch.from_us) // _CELL_US
    n = np.bincount(which, minlength=cells)
    bad = np.bincount(which, weights=steps[told] >= SLOW_STEP, minlength=cells)
    wrong = (n > 0) & (2 * bad >= n)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], wrong.astype(np.int8), [0]))))
    at = (stretch.from_us + edges * _CELL_US).tolist()
    return tuple(zip(at[::2], at[1::2], strict=True))


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
        slower_by=times_slower(median_of(ratio), level),
        target_bps=median_of(target),
        control_bps=median_of(control),
        n_speeds=int(np.count_nonzero(~np.isnan(target))),
    )


def _is_bad(steps: npt.NDArray[np.int8]) -> bool:
    told = steps[steps >= 0]
    return bool(told.size) and bool(2 * np.count_nonzero(told >= SLOW_STEP) >= told.size)


def _level(series: Series, outside: _Flags) -> float:
    """What a ratio is measured from: without a control, the own median outside the hours found."""
    if series.basis is not Basis.UNPAIRED:
        return 0.0
    finite = np.isfinite(series.log_ratio)
    own = (
        series.log_ratio[finite & outside] if (finite & outside).any() else series.log_ratio[finite]
    )
    return float(np.median(own)) if own.size else 0.0


def _both_speeds(series: Series, chosen: _Flags) -> tuple[_Floats, _Floats]:
    """Both speeds in bit/s where both are known (or the target's alone), else NaN."""
    target, control = (
        _speeds(column, chosen) for column in (series.target_bps, series.control_bps)
    )
    if np.isnan(control).all():
        return target, control
    both = ~(np.isnan(target) | np.isnan(control))
    return np.where(both, target, np.nan), np.where(both, control, np.nan)


def _speeds(column: _Floats | None, chosen: _Flags) -> _Floats:
    """Speeds that a measurement can give; NaN elsewhere."""
    if column is None:
        return np.full(chosen.size, np.nan)
    with np.errstate(invalid="ignore"):
        known = chosen & (column >= 0) & np.isfinite(column)
    return np.where(known, column, np.nan)


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
