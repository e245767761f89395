"""The hours: a union of at most three windows that explains the nights best.

A window is a start (ten-minute bin of the local day) and a length (30 min … 12 h); it may cross
midnight, and it belongs to the date on which it starts. The score of a night is the sum of the bin
scores inside the union; the worth of a union is that of its best episodes (`episodes.py`).

Rules:
    First the best single window of all. Then, as long as it pays at least ln 200 and there are
    fewer than three windows: add a window, or cut a hole of at least 30 min out of one, whichever
    pays more; after each step every window is sought anew with the others held fixed.
    Windows stay at least 30 min apart.
    Where several windows are equally good (nobody measured at the edge), the middle one is taken,
    or one beside it that begins or ends on a full hour: what people order, they order by the
    hour. The interval (`edges.py`) is the same either way.
    One night says no more than 60. Where a *typical* night inside the union comes near that, parts
    of a long window are as good as the whole, so the search is repeated with twice a typical
    (median) night as the limit: long windows are measured, and one very bad day still counts no
    more than two others.

Why a union and not one window after another: the best single window of Kenya 2023 runs from the
morning's start to the afternoon's end; what is left then shows nothing. A hole can be cut out.

How it works:
    Each date carries its own 144 bins and the 144 of the date after it (so windows cross midnight,
    and dates without data cost nothing), as a cumulative sum; a window's score on all dates is a
    difference of two columns. `windows.py` finds the best of all windows.

What it does not do: test anything. Every union is found in noise too; see `rotation.py`.

Sources: METHOD 4 (the union, the constants).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from evenfall.infer.episodes import best_value, night_gain
from evenfall.infer.localtime import BINS_PER_DAY, weekday_of
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.windows import allowed, near_best

__all__ = [
    "Nights",
    "Span",
    "find_union",
    "in_union",
    "lay_out",
    "night_scores",
    "occupied",
]

_SWEEPS_MAX = 3
_TIE = 1e-6
_PER_HOUR = BINS_PER_DAY // 24
_RAISES_MAX = 4
_RAISE_MIN = 1.05
_Floats = npt.NDArray[np.float64]
_Table = npt.NDArray[np.float64] | npt.NDArray[np.int32]


@dataclass(frozen=True, order=True)
class Span:
    """A window of local time: `start` 0 … 143 and `bins` (its length), in ten-minute bins."""

    start: int
    bins: int

    @property
    def end(self) -> int:
        """First bin after it, counted from the start's midnight: up to 287."""
        return self.start + self.bins


@dataclass(frozen=True)
class Nights:
    """The bins of a series by date, dates in order, only those that matter.

    Attributes:
        day: shape (d,), local dates with data in their own or in the following day.
        cumulative: shape (d, 289), running sum of scores over the date and the one after it.
        counted: shape (d, 289), running number of measured bins.
    """

    day: npt.NDArray[np.int64]
    cumulative: _Floats
    counted: npt.NDArray[np.int32]

    @property
    def weekday(self) -> npt.NDArray[np.int64]:
        """Shape (d,), 0 = Monday."""
        return weekday_of(self.day)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Nights:
        """The same with some of the dates."""
        return Nights(self.day[chosen], self.cumulative[chosen], self.counted[chosen])


def lay_out(day: npt.NDArray[np.int64], slot: npt.NDArray[np.int64], score: _Floats) -> Nights:
    """Arrange measured bins (three arrays of one length) by the date on which a window starts."""
    dates = np.unique(np.concatenate((day, day - 1)))
    grid = np.zeros((dates.size, 2 * BINS_PER_DAY))
    seen = np.zeros((dates.size, 2 * BINS_PER_DAY), dtype=np.int32)
    for shift in (0, 1):
        row = np.searchsorted(dates, day - shift)
        grid[row, slot + shift * BINS_PER_DAY] = score
        seen[row, slot + shift * BINS_PER_DAY] = 1
    return Nights(day=dates, cumulative=_running(grid), counted=_running(seen).astype(np.int32))


def _running(grid: _Table) -> _Floats:
    sums = np.zeros((grid.shape[0], grid.shape[1] + 1))
    np.cumsum(grid, axis=1, out=sums[:, 1:])
    return sums


def night_scores(table: _Table, union: tuple[Span, ...]) -> _Floats:
    """Sum of a cumulative table (scores or counts) inside the union, for each date."""
    total = np.zeros(table.shape[0])
    for span in union:
        total += table[:, span.end] - table[:, span.start]
    return total


def in_union(
    day: npt.NDArray[np.int64], slot: npt.NDArray[np.int64], union: tuple[Span, ...]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Which rows lie in the union, and the date whose night each row belongs to.

    A row outside belongs to its own date; one after midnight in a window that began the evening
    before, to the date before.
    """
    today, yesterday = np.zeros(slot.size, dtype=bool), np.zeros(slot.size, dtype=bool)
    for span in union:
        today |= (slot >= span.start) & (slot < span.end)
        yesterday |= slot + BINS_PER_DAY < span.end
    return today | yesterday, np.where(yesterday & ~today, day - 1, day)


def occupied(union: tuple[Span, ...], margin: int) -> npt.NDArray[np.bool_]:
    """Which of the 144 bins of the clock lie in the union or within `margin` bins of it."""
    taken = np.zeros(BINS_PER_DAY, dtype=bool)
    for span in union:
        taken[np.arange(span.start - margin, span.end + margin) % BINS_PER_DAY] = True
    return taken


def _best(
    nights: Nights,
    others: tuple[Span, ...],
    profile: NightlyProfile,
    *,
    least: float = -np.inf,
) -> tuple[float, Span] | None:
    """The best window beside the given others; among equals the middle one, or a full hour beside.

    None where no window is allowed, or none is worth `least`.
    """
    found = near_best(
        nights.cumulative,
        night_scores(nights.cumulative, others),
        allowed(occupied(others, profile.window_min_s // profile.bin_s), profile),
        partial(best_value, profile=profile),
        _TIE,
        profile,
        least=least,
    )
    if not found.worth.size:
        return None
    starts, ends = found.start, found.start + found.bins
    middle = (starts.min() + starts.max()) / 2, (ends.min() + ends.max()) / 2
    away = np.abs(starts - middle[0]) + np.abs(ends - middle[1])
    odd = (starts % _PER_HOUR != 0).astype(float) + (ends % _PER_HOUR != 0)
    pick = int(np.argmin(away + odd))
    return found.top, Span(int(starts[pick]), int(found.bins[pick]))


def _worth(nights: Nights, union: tuple[Span, ...], profile: NightlyProfile) -> float:
    gain = night_gain(night_scores(nights.cumulative, union), profile)
    return float(best_value(gain, profile))


def find_union(nights: Nights, profile: NightlyProfile) -> tuple[tuple[Span, ...], NightlyProfile]:
    """The union, in order of start; empty where no window is worth anything.

    Args:
        nights: the dates of the weekdays concerned.
        profile: the constants.

    Returns:
        The union, and the profile with the night's limit that it was found with.
    """
    union = _grow(nights, profile)
    for _ in range(_RAISES_MAX):
        raised = _raised(nights, union, profile)
        if raised is profile:
            break
        profile = raised
        union = _grow(nights, profile)
    return union, profile


def _raised(nights: Nights, union: tuple[Span, ...], profile: NightlyProfile) -> NightlyProfile:
    """A higher limit if a typical night of those that speak for the union needs it."""
    score = night_scores(nights.cumulative, union)
    typical = float(np.median(score[score > 0])) if (score > 0).any() else 0.0
    limit = profile.night_score_typical * typical
    if limit <= profile.night_score_max * _RAISE_MIN:
        return profile
    return replace(profile, night_score_max=limit)


def _grow(nights: Nights, profile: NightlyProfile) -> tuple[Span, ...]:
    first = _best(nights, (), profile, least=_TIE)
    if first is None:
        return ()
    worth = first[0]
    union: tuple[Span, ...] = (first[1],)
    while len(union) < profile.windows_max:
        needed = worth + profile.gain_min
        candidates = (
            *_with_window(nights, union, profile, needed),
            *_with_holes(nights, union, profile),
        )
        better, grown = max(candidates, key=lambda pair: pair[0], default=(-np.inf, union))
        if better < needed:
            break
        worth, union = _refined(nights, grown, profile)
    return tuple(sorted(union))


def _with_window(
    nights: Nights, union: tuple[Span, ...], profile: NightlyProfile, needed: float
) -> list[tuple[float, tuple[Span, ...]]]:
    """The best window beside the union, if it makes it worth what is needed."""
    found = _best(nights, union, profile, least=needed)
    return [] if found is None else [(found[0], (*union, found[1]))]


def _with_holes(
    nights: Nights, union: tuple[Span, ...], profile: NightlyProfile
) -> list[tuple[float, tuple[Span, ...]]]:
    """The best hole of each window that is long enough to have one."""
    shortest = profile.window_min_s // profile.bin_s
    found = []
    for place, span in enumerate(union):
        if span.bins < 3 * shortest:
            continue
        rest = (*union[:place], *union[place + 1 :])
        parts = _hole(nights, union, span, profile)
        split = (*rest, *parts)
        found.append((_worth(nights, split, profile), split))
    return found


def _hole(
    nights: Nights, union: tuple[Span, ...], span: Span, profile: NightlyProfile
) -> tuple[Span, Span]:
    """The two parts that remain when the best hole is cut out of one window of the union."""
    shortest = profile.window_min_s // profile.bin_s
    begin, finish = np.triu_indices(span.bins + 1, k=shortest)
    inside = (begin >= shortest) & (finish <= span.bins - shortest)
    begin, finish = span.start + begin[inside], span.start + finish[inside]
    base = night_scores(nights.cumulative, union)[:, None]
    score = base - (nights.cumulative[:, finish] - nights.cumulative[:, begin])
    worth = best_value(night_gain(score, profile), profile)
    ties = np.flatnonzero(worth >= worth.max() - _TIE)
    centre = (begin[ties] + finish[ties]).mean()
    best = ties[int(np.argmin(np.abs(begin[ties] + finish[ties] - centre)))]
    low, high = int(begin[best]), int(finish[best])
    return (
        Span(span.start, low - span.start),
        Span(high % BINS_PER_DAY, span.end - high),
    )


def _refined(
    nights: Nights, union: tuple[Span, ...], profile: NightlyProfile
) -> tuple[float, tuple[Span, ...]]:
    """Seek each window anew with the others fixed, until nothing moves."""
    worth = _worth(nights, union, profile)
    for _ in range(_SWEEPS_MAX):
        before = union
        for place in range(len(union)):
            rest = (*union[:place], *union[place + 1 :])
            found = _best(nights, rest, profile, least=worth - _TIE)
            if found is not None:
                worth, union = found[0], (*union[:place], found[1], *union[place + 1 :])
        if union == before:
            break
    return worth, union
