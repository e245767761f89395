"""Changes of the level at all hours: another plan, another device, another way. No curfew.

A line that becomes twice as fast in May is not "slow before May", and the evenings of one month
must not be set against the days of another. So the days on which the level changed for good are
found first, reported as what they are, and taken out where a series is judged against itself.

Rules:
    A change is at least ×1.25, lasts at least five measured days on both sides, and shows in at
    least three of the four parts of the day. What changes only in the evening is not the level;
    it is what the windows are looked for.
    It must also stand out of what the line does anyway: lines wander, and days hang together. The
    step between two stretches of days, two or three or five or as many as there are, exceeds 5.5
    times the usual difference between two adjacent stretches of that length elsewhere in the series
    (more where there is little elsewhere). Wander comes slowly and steps at once, so the short
    stretches tell them apart where a series has many steps.

How it works:
    1. Every day gets one value: the median, over its rows, of value − the usual deviation of that
       hour from its day. So a day measured in the evening only is not a slow day. The weekly rhythm
       is taken out likewise, where there are weeks to see it in.
    2. The days are cut by optimal partitioning: the cheapest sequence of levels, each at least five
       days long, where a day costs by its distance from its level (bounded, so that a bad day is no
       level) and each cut costs a multiple of ln(days). Levels lie on a grid, so the exact optimum
       takes days × levels steps.
    3. Cuts are candidates only. The strongest is tested first against the wander of the rest, the
       parts of the day are looked at, and what remains is dated by the posterior of all its dates.

What it does not do: say why. Date a slope, other than by its steepest days. Know whether a speed,
an index or a ratio is meant: it is given logarithms. Tell a level that changes at all hours from a
measure that holds at all hours: that takes controls, see `always.py`.

Sources: METHOD 4, 5; B. Jackson et al., IEEE Signal Processing Letters 12 (2005), optimal
partitioning; P. Fearnhead and G. Rigaill, JASA 114 (2019), why the loss must be bounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.credible import credible_days
from evenfall.infer.daily import daily_levels, day_medians
from evenfall.infer.localtime import BINS_PER_DAY
from evenfall.infer.night_profiles import LEVELS_2026, LevelProfile
from evenfall.model.curfew import Change, Instants
from evenfall.model.vocabulary import ChangeKind

__all__ = ["LevelChange", "level_changes", "without_levels"]

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Line:
    """The days of a series: their levels, their dates, and the same by part of the day.

    Attributes:
        parts: for each part of the day, places in `days` of its measured days, and their medians.
    """

    level: _Floats
    days: _Ints
    parts: list[tuple[_Ints, _Floats]]
    profile: LevelProfile


@dataclass(frozen=True)
class LevelChange:
    """One change for good.

    Attributes:
        first_day: the likeliest first day of the new level, days since 1970-01-01.
        between: the same as an interval of local dates.
        step: ln(after ÷ before).
        parts_shown, parts_measured: parts of the day in which it shows, of those measured.
    """

    first_day: int
    between: Instants
    step: float
    parts_shown: int
    parts_measured: int

    @property
    def factor(self) -> float:
        """After ÷ before."""
        return math.exp(self.step)

    @property
    def change(self) -> Change:
        """The same for people and programs."""
        return Change(
            what=ChangeKind.LEVEL,
            between=self.between,
            factor=round(self.factor, 3),
            because=(
                f"at all hours {self.factor:.2f} times as high as before "
                f"({self.parts_shown} of {self.parts_measured} parts of the day)"
            ),
        )


def level_changes(
    day: _Ints, slot: _Ints, value: _Floats, profile: LevelProfile = LEVELS_2026
) -> tuple[LevelChange, ...]:
    """Find them; earliest first, none where there is too little to tell.

    Args:
        day: shape (n,), local date of each row, days since 1970-01-01; any order.
        slot: shape (n,), ten-minute bin of that date, 0 … 143.
        value: shape (n,), natural logarithm of a speed, ratio or index; what is not finite is left
            out (an empty transfer says nothing about the level).
        profile: the constants.
    """
    known = np.isfinite(value)
    day, slot, value = day[known], slot[known], value[known]
    days = np.unique(day)
    if days.size < 2 * profile.days_min:
        return ()
    level = daily_levels(day, slot * 24 // BINS_PER_DAY, value)
    candidates = _sharpened(level, _cuts(level, profile), profile)
    if not candidates:
        return ()
    line = _Line(level, days, _parts(day, slot, value, days, profile), profile)
    confirmed: list[int] = []
    for cut in sorted(candidates, key=lambda c: -abs(_step(level, c, candidates, profile))):
        near = sorted({*confirmed, cut})
        if _stands_out(line, cut, near, candidates) and _parts_shown(line, cut, near)[0]:
            confirmed = near
    return tuple(_dated(line, cut, confirmed) for cut in confirmed)


def without_levels(day: _Ints, value: _Floats, changes: tuple[LevelChange, ...]) -> _Floats:
    """The values with the steps taken out: all days at the level of the first ones."""
    steps = np.zeros(day.size)
    for change in changes:
        steps += np.where(day >= change.first_day, change.step, 0.0)
    return np.asarray(value - steps)


def _cuts(level: _Floats, profile: LevelProfile) -> list[int]:
    """Optimal partitioning; indices of the first day of each later level."""
    n, shortest = level.size, profile.days_min
    if _spread(level, profile) < math.log(profile.factor_min):
        return []
    loss = np.cumsum(_losses(level, profile), axis=0)
    penalty = profile.penalty_per_ln_days * math.log(n)
    # best[k] of day t: the cheapest way that ends with at least `shortest` days at level k.
    best = np.full((n, loss.shape[1]), np.inf)
    begun = np.zeros((n, loss.shape[1]), dtype=np.int64)
    best[shortest - 1] = loss[shortest - 1]
    for t in range(shortest, n):
        best[t] = best[t - 1] + loss[t] - loss[t - 1]
        begun[t] = begun[t - 1]
        start = t - shortest + 1
        if start >= shortest:
            entered = best[start - 1].min() + penalty + loss[t] - loss[start - 1]
            better = entered < best[t]
            best[t] = np.where(better, entered, best[t])
            begun[t] = np.where(better, start, begun[t])
    return _traced(best, begun)


def _traced(best: _Floats, begun: _Ints) -> list[int]:
    cuts: list[int] = []
    t = best.shape[0] - 1
    while (start := int(begun[t, int(best[t].argmin())])) > 0:
        cuts.append(start)
        t = start - 1
    return cuts[::-1]


def _sharpened(level: _Floats, cuts: list[int], profile: LevelProfile) -> list[int]:
    """Each cut at its likeliest day between its neighbours."""
    sharp = []
    for cut in cuts:
        before, after = _width(cut, cuts, level.size, profile.days_min)
        worth = _date_worth(level[cut - before : cut + after], before, profile)
        sharp.append(cut - before + 1 + int(worth.argmax()))
    return sorted(set(sharp))


def _spread(level: _Floats, profile: LevelProfile) -> float:
    """The largest difference of medians that any cut could have."""
    width = profile.days_min
    medians = np.median(np.lib.stride_tricks.sliding_window_view(level, width), axis=1)
    return float(medians.max() - medians.min())


def _losses(level: _Floats, profile: LevelProfile) -> _Floats:
    """Shape (days, levels): what a day costs at a level; Student t₂'s, bounded."""
    low, high = float(level.min()), float(level.max())
    step = max(profile.grid_step, (high - low) / profile.grid_levels_max)
    grid = np.arange(low, high + step, step)
    distance = (level[:, None] - grid[None, :]) / _noise(level, profile)
    return np.minimum(1.5 * np.log1p(distance**2 / 2.0), profile.loss_max)


def _noise(level: _Floats, profile: LevelProfile) -> float:
    """Robust scale of one day around its level, from the differences of neighbours."""
    return max(profile.scale_min, float(np.median(np.abs(np.diff(level)))) / 0.6745 / math.sqrt(2))


def _width(cut: int, cuts: list[int], days: int, most: int) -> tuple[int, int]:
    """Measured days before and after that belong to the levels on either side."""
    before = cut - max((c for c in cuts if c < cut), default=0)
    after = min((c for c in cuts if c > cut), default=days) - cut
    return min(before, most), min(after, most)


def _step(level: _Floats, cut: int, cuts: list[int], profile: LevelProfile) -> float:
    before, after = _width(cut, cuts, level.size, profile.days_max)
    return float(np.median(level[cut : cut + after]) - np.median(level[cut - before : cut]))


def _stands_out(line: _Line, cut: int, confirmed: list[int], candidates: list[int]) -> bool:
    """Large enough, lasting, and more than the line does elsewhere."""
    level, profile = line.level, line.profile
    smallest = math.log(profile.factor_min)
    lasting = _step(level, cut, confirmed, profile)
    width = min(_width(cut, candidates, level.size, profile.days_max))
    if width < profile.days_min or abs(lasting) < smallest:
        return False
    if not _kept(level, cut, confirmed, profile):
        return False
    lengths = {*(length for length in profile.sharp_days if length < width), width}
    return any(
        _exceeds_wander(level, cut, length, confirmed, profile)
        and _before_after(level, cut, length) * lasting > 0
        for length in lengths
    )


def _exceeds_wander(
    level: _Floats, cut: int, length: int, confirmed: list[int], profile: LevelProfile
) -> bool:
    """Whether so many days on either side differ by more than such stretches do elsewhere."""
    step = abs(_before_after(level, cut, length))
    wander, separate = _wander(level, length, confirmed, profile)
    needed = profile.wander_factor + profile.wander_few / max(separate, 0.5)
    return step >= math.log(profile.factor_min) and step > wander * needed


def _before_after(level: _Floats, cut: int, length: int) -> float:
    return float(np.median(level[cut : cut + length]) - np.median(level[cut - length : cut]))


def _kept(level: _Floats, cut: int, cuts: list[int], profile: LevelProfile) -> bool:
    """Whether the next days are nearer to their own side's level: all of a few, most of more."""
    before, after = _width(cut, cuts, level.size, 2 * profile.days_min)
    first, second = level[cut - before : cut], level[cut : cut + after]
    middle = (np.median(first) + np.median(second)) / 2.0
    rises = bool(np.median(second) > np.median(first))
    for side in ((first < middle)[::-1] == rises, (second > middle) == rises):
        if not side[: profile.days_min].all() or side.mean() < profile.kept_min:
            return False
    return True


def _wander(
    level: _Floats, width: int, cuts: list[int], profile: LevelProfile
) -> tuple[float, float]:
    """Usual difference between adjacent stretches of that many days, away from the cuts.

    Where no two stretches of that length lie elsewhere, shorter ones are taken, and what they show
    grows with the root of the length, as in a random walk: no line wanders faster.

    Returns:
        the scale, and from how many separate stretches it is known.
    """
    length = width
    while length > 1:
        steps = _differences(level, length, cuts)
        if steps.size > length:
            break
        length = length // 2
    else:
        steps = _differences(level, 1, cuts)
    if not steps.size:
        return math.inf, 0.0
    scale = float(np.median(np.abs(steps))) / 0.6745 * math.sqrt(width / length)
    return max(scale, profile.wander_min), steps.size / length


def _differences(level: _Floats, length: int, cuts: list[int]) -> _Floats:
    """Medians of the next `length` days less those of the last, where no cut lies between."""
    if level.size < 2 * length:
        return np.zeros(0)
    medians = np.median(np.lib.stride_tricks.sliding_window_view(level, length), axis=1)
    at = np.arange(length, level.size - length + 1)
    free = np.ones(at.size, dtype=bool)
    for cut in cuts:
        free &= (at + length <= cut) | (at - length >= cut)
    return np.asarray((medians[length:] - medians[:-length])[free])


def _parts(
    day: _Ints, slot: _Ints, value: _Floats, days: _Ints, profile: LevelProfile
) -> list[tuple[_Ints, _Floats]]:
    """For each part of the day: places in `days` of its measured days, and their medians."""
    part = slot * profile.parts // BINS_PER_DAY
    found = []
    for number in range(profile.parts):
        own = part == number
        measured, medians = day_medians(day[own], value[own])
        found.append((np.searchsorted(days, measured), medians))
    return found


def _parts_shown(line: _Line, cut: int, confirmed: list[int]) -> tuple[int, int]:
    """Parts of the day that show a cut, 0 where they are too few, and parts that were measured."""
    profile = line.profile
    before, after = _width(cut, confirmed, line.level.size, profile.days_max)
    step = _step(line.level, cut, confirmed, profile)
    steps = (_part_step(*part, cut, before, after, profile) for part in line.parts)
    measured = [s * math.copysign(1.0, step) for s in steps if s is not None]
    shown = sum(1 for s in measured if s >= profile.part_share * abs(step))
    return (shown if shown >= profile.parts_min else 0), len(measured)


def _dated(line: _Line, cut: int, confirmed: list[int]) -> LevelChange:
    """The change, with its interval."""
    profile = line.profile
    before, after = _width(cut, confirmed, line.level.size, profile.days_max)
    near = slice(cut - before, cut + after)
    days, worth = line.days[near], _date_worth(line.level[near], before, profile)
    temper, mass = profile.edge_temper, profile.edge_mass
    shown, measured = _parts_shown(line, cut, confirmed)
    return LevelChange(
        first_day=int(days[int(worth.argmax()) + 1]),
        between=credible_days(worth, days[1:], int(days[0]), temper=temper, mass=mass),
        step=_step(line.level, cut, confirmed, profile),
        parts_shown=shown,
        parts_measured=measured,
    )


def _part_step(
    place: _Ints, medians: _Floats, cut: int, before: int, after: int, profile: LevelProfile
) -> float | None:
    """The step within one part of the day; None where it was hardly measured."""
    first = medians[(place >= cut - before) & (place < cut)]
    second = medians[(place >= cut) & (place < cut + after)]
    if min(first.size, second.size) < profile.days_min:
        return None
    return float(np.median(second) - np.median(first))


def _date_worth(level: _Floats, before: int, profile: LevelProfile) -> _Floats:
    """Log worth of "the new level began on day k", k = 1 … n − 1 of the days around a cut."""
    old, new = float(np.median(level[:before])), float(np.median(level[before:]))
    settled = np.concatenate((level[:before] - old, level[before:] - new))
    scale = max(profile.scale_min, float(np.median(np.abs(settled))) / 0.6745)
    gain = np.log1p(((level - new) / scale) ** 2 / 2.0) - np.log1p(
        ((level - old) / scale) ** 2 / 2.0
    )
    return np.asarray(1.5 * np.cumsum(gain)[:-1])
