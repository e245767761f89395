"""Rows → evidence per ten-minute bin of local time.

A score is a log likelihood ratio: above zero speaks for a curfew in that bin, below zero against,
and an unmeasured bin says nothing. What one bin may say is clipped, so that no single fault
convicts and no single success acquits.

Rules:
    failures    ln(.8 ÷ .05) for a failure, ln(.2 ÷ .95) for a success. Where controls on the same
                network failed at that time as well, the .05 is replaced by *their* rate (the row's
                own and that of the hour around it), and the .8 by "fails with the controls or, on
                top of that, by itself". A failure beside dead controls then weighs almost nothing;
                a success weighs what it always does.
    pairs       ln(f1 ÷ f0) of x = ln(target ÷ neutral), f0 Student t₂ with the scale of *that
                hour's* neutral pairs, never below .19; f1 the same moved down by ln 1.5 … ln 60.
                Noisy evenings are not slow evenings. An hour without enough neutral pairs is
                judged by its own pairs in which the target was the faster, if they are at least a
                quarter: noise is even-handed (the order of the arms is random), a slowing is not.
    difference  as pairs, but x is first measured from the series' own level (the median over hours
                of the hourly medians, so that dense sampling of a slow evening does not become the
                level), and the scale is that of the values above their hour's median, an hour's
                own at most twice that of the whole series (above it lie also the rows that a
                partial slowing spares).
    −∞ (zero bytes) is evidence and counts as x_min. NaN says nothing. Anything else that is not a
    number a measurement can give (+∞, e⁵⁰ times as fast, a failure of 0.3, a stamp outside
    1970–2199) is counted out.
    Rows whose clock was not verified are left out, unless the stamps are an archive's own.
    The hour that comes twice counts once: the mean of its two passes.

What it does not do: decide what a test is and when it failed; the importer has done that.

Sources: METHOD 2 and 4; t₂ in closed form: W. Shaw, J. Comput. Finance 9 (2006).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from evenfall.infer.localtime import (
    BINS_PER_DAY,
    EARLIEST_US,
    LATEST_US,
    load_zone,
    local_times,
)
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.series import Basis, Series

__all__ = [
    "Rows",
    "bin_scores",
    "failure_scores",
    "first_of_bursts",
    "in_zone",
    "log_ratio_scores",
    "usable_rows",
]

_T2_QUARTILE = 0.816496580927726  # of |t₂|: half of its mass lies within √(2/3)
_HOUR_US = 3_600_000_000
_LOG_MAX = 50.0  # e⁵⁰ bit/s, or times as fast: no measurement gives that
_Floats = npt.NDArray[np.float64]
_Column = TypeVar("_Column", _Floats, npt.NDArray[np.int64], npt.NDArray[np.bool_])


@dataclass(frozen=True)
class Rows:
    """Usable rows in order of time; every array has shape (n,).

    Arrays are for reading only: some are the series' own, some hold one value for all rows.

    Attributes:
        at_us: µs since 1970 UTC.
        day: local date, days since 1970-01-01.
        slot: ten-minute bin of that date, 0 … 143.
        fold: 1 on the second pass through a repeated hour.
        failed: 1, 0, or NaN where the row says nothing about opening.
        x: ln ratio measured from the level; NaN where no speed is known, empty rows at x_min or
            at the slowest transfer, whichever is less.
        empty: bool, zero bytes came.
        control: share of concurrent controls that failed, NaN where there is none.
        control_speed: ln of how fast they were, from their usual goodput; NaN where not known.
        score: log likelihood ratio of the row.
        bad: bool; the row went wrong: slower than the smallest factor looked for where a speed is
            known, else failed.
        line: which line, or None where the archive does not tell.
        left_out_clock, left_out_other: rows not used, and why.
        left_out_time: of the other ones, those whose stamp no clock can have shown.
        target_bps, control_bps: the speeds themselves, bit/s; NaN where not known.
        mix: who measured what, and how (`infer.series.Series.mix`), of these rows.
    """

    at_us: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    slot: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]
    failed: _Floats
    x: _Floats
    empty: npt.NDArray[np.bool_]
    control: _Floats
    control_speed: _Floats
    score: _Floats
    bad: npt.NDArray[np.bool_]
    line: npt.NDArray[np.object_] | None
    left_out_clock: int
    left_out_other: int
    left_out_time: int
    target_bps: _Floats
    control_bps: _Floats
    mix: Mapping[str, npt.NDArray[np.object_]]

    @property
    def n(self) -> int:
        """How many rows are usable."""
        return int(self.day.size)


def usable_rows(series: Series, profile: NightlyProfile, *, against_controls: bool = True) -> Rows:
    """Sort out what can be used, place it in local time, and score it.

    Args:
        series: one network × service, any order, any garbage.
        profile: the constants.
        against_controls: False scores failures as if there were no controls, to see whether the
            target failed at all.

    Raises:
        FormatError: the zone is unknown.
    """
    zone = load_zone(series.timezone)
    started = series.started_us
    failed = _only(series.failed, (series.failed == 0.0) | (series.failed == 1.0))
    empty = series.log_ratio == -np.inf
    x = _only(series.log_ratio, empty | (np.abs(series.log_ratio) <= _LOG_MAX))
    clock_bad = (
        np.zeros(started.size, dtype=bool) if series.archive_clock else ~series.clock_verified
    )
    never = (started < EARLIEST_US) | (started >= LATEST_US)
    other_bad = never | (np.isnan(failed) & np.isnan(x))
    chosen = _in_order(~clock_bad & ~other_bad, started)
    at = started[chosen]
    local = local_times(at, zone)
    slot = local.minute // (profile.bin_s // 60)
    control = np.clip(series.control_failed[chosen], 0.0, 1.0)
    x = _levelled(x[chosen], local.minute // 60, series.basis, profile)
    scale = _scales(x, series.null_log_ratio[chosen], local.minute // 60, series.basis, profile)
    weighed = control if against_controls else np.full(at.size, np.nan)
    score = np.where(
        np.isnan(x),
        failure_scores(failed[chosen], _control_rates(at, weighed), profile),
        log_ratio_scores(x, scale, profile),
    )
    return Rows(
        at_us=at,
        day=local.day,
        slot=slot,
        fold=_lean(local.fold),
        failed=_lean(failed[chosen]),
        x=x,
        empty=_lean(empty[chosen]),
        control=_lean(control),
        control_speed=_lean(_control_speed(series)[chosen]),
        score=score,
        bad=np.where(np.isnan(x), failed[chosen] == 1.0, x <= -np.log(profile.factor_min)),
        line=None if series.line is None else series.line[chosen],
        left_out_clock=int(np.count_nonzero(clock_bad & ~other_bad)),
        left_out_other=int(np.count_nonzero(other_bad)),
        left_out_time=int(np.count_nonzero(never)),
        target_bps=_lean(_speeds(series.target_bps, started.size)[chosen]),
        control_bps=_lean(_speeds(series.control_bps, started.size)[chosen]),
        mix={name: column[chosen] for name, column in series.mix.items()},
    )


def _only(column: _Floats, good: npt.NDArray[np.bool_]) -> _Floats:
    """NaN in place of what is not good; the column itself where there is nothing to replace."""
    return column if (good | np.isnan(column)).all() else np.where(good, column, np.nan)


def _in_order(
    usable: npt.NDArray[np.bool_], started_us: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64] | slice:
    """Usable rows by time; all of them as a slice, which copies nothing, if they are so already."""
    if usable.all() and bool((np.diff(started_us) >= 0).all()):
        return slice(None)
    chosen = np.flatnonzero(usable)
    return chosen[np.argsort(started_us[chosen], kind="stable")]


def _lean(column: _Column) -> _Column:
    """The column; if all of it is one value, that value once, standing for every row."""
    if column.size and (column == column[0]).all():
        return np.broadcast_to(column[0], column.shape)
    if column.size and np.isnan(column).all():
        return np.broadcast_to(column[0], column.shape)
    return column


def first_of_bursts(rows: Rows, profile: NightlyProfile) -> npt.NDArray[np.bool_]:
    """Rows that speak for themselves: of each line the first in ten minutes, shape (n,).

    Who finds something slow measures again at once, and what is measured again within minutes is no
    news. A burst counts once, whatever it showed.
    """
    lines = np.zeros(rows.n, dtype=np.int64)
    if rows.line is not None:
        known = [str(name) for name in rows.line]
        lines = np.unique(known, return_inverse=True)[1]
    order = np.lexsort((rows.at_us, lines))
    at, of = rows.at_us[order].tolist(), lines[order].tolist()
    apart_us = profile.bin_s * 1_000_000
    kept, last, line = np.zeros(rows.n, dtype=bool), 0, -1
    for place, (at_us, own) in zip(order.tolist(), zip(at, of, strict=True), strict=True):
        if own != line or at_us - last >= apart_us:
            kept[place], last, line = True, at_us, own
    return kept


def in_zone(rows: Rows, zone: ZoneInfo, profile: NightlyProfile) -> Rows:
    """The rows on another zone's clock: what is asked about the same hours is the same instants."""
    local = local_times(rows.at_us, zone)
    slot = local.minute // (profile.bin_s // 60)
    return replace(rows, day=local.day, slot=slot, fold=local.fold)


def _speeds(column: _Floats | None, rows: int) -> _Floats:
    """Speeds that a measurement can give; NaN for the others, and where there are none."""
    if column is None:
        return np.full(rows, np.nan)
    return _only(column, (column >= 0.0) & (column <= np.exp(_LOG_MAX)))


def _control_speed(series: Series) -> _Floats:
    speed = series.control_log_goodput
    if speed is None:
        return np.full(series.started_us.size, np.nan)
    return _only(speed, np.abs(speed) <= _LOG_MAX)


def failure_scores(failed: _Floats, control_rate: _Floats, profile: NightlyProfile) -> _Floats:
    """Log likelihood ratio of a failure or a success beside controls that fail at a rate.

    Args:
        failed: shape (n,), 1 or 0; NaN scores 0.
        control_rate: shape (n,), 0 … 1; NaN means no control.
        profile: the constants.
    """
    quiet = profile.failure_rate_out
    rate = np.clip(
        np.where(np.isnan(control_rate), quiet, control_rate), quiet, profile.control_rate_max
    )
    spared = (1.0 - profile.failure_rate_in) / (1.0 - quiet)
    with_curfew = 1.0 - spared * (1.0 - rate)
    score = np.where(failed == 1.0, np.log(with_curfew / rate), np.log(spared))
    return np.where(np.isnan(failed), 0.0, score)


def log_ratio_scores(x: _Floats, scale: _Floats, profile: NightlyProfile) -> _Floats:
    """ln(f1 ÷ f0) of the ln ratio x, both shape (n,); NaN stays NaN, −∞ counts as x_min."""
    x = np.maximum(x, profile.x_min)
    low, high = np.log(profile.factor_min), np.log(profile.factor_max)
    f1 = (_t2_cdf((x + high) / scale) - _t2_cdf((x + low) / scale)) / (high - low)
    f0 = (2.0 + (x / scale) ** 2) ** -1.5 / scale
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(f1 / f0))


def _t2_cdf(z: _Floats) -> _Floats:
    return 0.5 + z / (2.0 * np.sqrt(2.0 + z * z))


def _levelled(
    x: _Floats, hour: npt.NDArray[np.int64], basis: Basis, profile: NightlyProfile
) -> _Floats:
    """The ratios from their own level, finite; pairs have the level 0 by construction."""
    finite = np.isfinite(x)
    if not finite.any():
        return np.maximum(x, profile.x_min)
    if basis is not Basis.PAIRS:
        x = x - np.nanmedian(_hourly(np.where(finite, x, np.nan), hour))
    return np.maximum(x, min(profile.x_min, float(x[finite].min())))


def _hourly(values: _Floats, hour: npt.NDArray[np.int64]) -> _Floats:
    """Median of the known values in each of 24 hours, NaN where there is none."""
    medians = np.full(24, np.nan)
    known = ~np.isnan(values)
    for h in np.unique(hour[known]):
        medians[h] = np.median(values[known & (hour == h)])
    return medians


def _scales(
    x: _Floats,
    null: _Floats,
    hour: npt.NDArray[np.int64],
    basis: Basis,
    profile: NightlyProfile,
) -> _Floats:
    """Scale of f0 for each row: its hour's noise, never below the calibrated one."""
    null = np.where(np.abs(null) <= _LOG_MAX, np.abs(null), np.nan)
    level = np.zeros(24) if basis is Basis.PAIRS else _hourly(x, hour)
    above = x - level[hour]
    above = np.where(above > 0, above, np.nan)
    pooled = _median(null)
    if np.isnan(pooled):
        pooled = 0.0 if basis is Basis.PAIRS else _median(above)
    by_hour = np.full(24, pooled)
    known = np.bincount(hour[~np.isnan(x)], minlength=24)
    limit = np.inf if basis is Basis.PAIRS else profile.noise_hour_factor_max * pooled
    for values, most in ((above, limit), (null, np.inf)):
        counts = np.bincount(hour[~np.isnan(values)], minlength=24)
        enough = counts >= profile.null_values_min
        if values is above:
            enough &= counts >= profile.noise_above_share_min * known
        by_hour[enough] = np.minimum(_hourly(values, hour)[enough], most)
    return np.fmax(by_hour / _T2_QUARTILE, profile.scale_min)[hour]


def _median(values: _Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else float("nan")


def _control_rates(at: npt.NDArray[np.int64], control: _Floats) -> _Floats:
    """The larger of a row's own share of failed controls and that of the hour around it."""
    known = ~np.isnan(control)
    if not known.any():
        return control
    times, shares = at[known], np.concatenate(([0.0], np.cumsum(control[known])))
    first = np.searchsorted(times, at - _HOUR_US // 2, side="left")
    last = np.searchsorted(times, at + _HOUR_US // 2, side="right")
    around = (shares[last] - shares[first]) / np.maximum(last - first, 1)
    around = np.where(last > first, around, np.nan)
    return np.fmax(control, around)


def bin_scores(
    rows: Rows, profile: NightlyProfile
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], _Floats]:
    """Add rows up in bins, clipped.

    Returns:
        day, slot and score of each measured bin, in order of time; three arrays of one length.
    """
    key = (rows.day * BINS_PER_DAY + rows.slot) * 2 + rows.fold
    passes, where = np.unique(key, return_inverse=True)
    sums = np.bincount(where, weights=rows.score, minlength=passes.size)
    bins, where = np.unique(passes // 2, return_inverse=True)
    total = np.bincount(where, weights=sums, minlength=bins.size)
    times = np.bincount(where, minlength=bins.size)
    score = np.clip(total / np.maximum(times, 1), profile.score_min, profile.score_max)
    return bins // BINS_PER_DAY, bins % BINS_PER_DAY, score
