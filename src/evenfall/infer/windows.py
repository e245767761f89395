"""Which windows of all are the best, or nearly: found without adding every one of them up.

There are 144 starts × 70 lengths. Windows that begin within the same 40 minutes and end within the
same 40 minutes make a *patch* (684 of them), and no window of a patch can score more on a night
than from the lowest running sum at its starts to the highest at its ends. Where even that makes a
patch worth less than the best window by more than the margin asked for, its windows are left out.
What is returned is what adding up all of them would give, to the last bit.

What it does not do: say what worth is. The caller gives the function (best episodes for the search,
the plain sum for the edges); it must not fall when a night's gain rises.

Source: branch and bound, A. Land and A. Doig, Econometrica 28 (1960).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.episodes import night_gain
from evenfall.infer.localtime import BINS_PER_DAY
from evenfall.infer.profiles import NightlyProfile

__all__ = ["Windows", "allowed", "near_best", "window_lengths"]

_PATCH = 4  # bins; divides 144
_FIRST_PATCHES = 8
_CELLS_MAX = 1_000_000  # of one array, so that memory stays small and the cache is used
_ROUNDING = 1e-6
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]
_Value = Callable[[_Floats], npt.NDArray[np.floating]]


@dataclass(frozen=True)
class Windows:
    """Windows by start, then by length; three arrays of one shape, `bins` being the lengths."""

    start: _Ints
    bins: _Ints
    worth: _Floats

    @property
    def top(self) -> float:
        """The best worth; −inf where no window is allowed."""
        return float(self.worth.max()) if self.worth.size else -np.inf


def window_lengths(profile: NightlyProfile) -> _Ints:
    """Lengths that are tried, in bins."""
    shortest, longest = profile.window_min_s // profile.bin_s, profile.window_max_s // profile.bin_s
    return np.arange(shortest, longest + 1)


def allowed(taken: npt.NDArray[np.bool_], profile: NightlyProfile) -> npt.NDArray[np.bool_]:
    """Windows that touch no taken bin: shape (144 starts, lengths), True = allowed."""
    running = np.concatenate(([0], np.cumsum(np.tile(taken, 2))))
    starts = np.arange(BINS_PER_DAY)[:, None]
    return np.asarray(running[starts + window_lengths(profile)] == running[starts])


def near_best(
    cumulative: _Floats,
    base: _Floats,
    permitted: npt.NDArray[np.bool_],
    value: _Value,
    margin: float,
    profile: NightlyProfile,
    *,
    least: float = -np.inf,
) -> Windows:
    """All permitted windows whose worth lies within a margin of the best one's.

    Args:
        cumulative: shape (nights, 289), running sums of scores over a date and the one after it.
        base: shape (nights,), what each night scores without the window.
        permitted: shape (144, lengths), from `allowed`.
        value: worth of gains of shape (nights, windows); shape (windows,).
        margin: how far below the best still counts.
        profile: the constants.
        least: windows worth less are of no interest.
    """
    start, end = _patches(permitted, profile)
    low = cumulative[:, :BINS_PER_DAY].reshape(-1, BINS_PER_DAY // _PATCH, _PATCH).min(axis=2)
    high = cumulative[:, :-1].reshape(-1, 2 * BINS_PER_DAY // _PATCH, _PATCH).max(axis=2)
    bound = _worth(low, high, base, start, end, value, profile)
    # The most promising patches first, twice as many each time, until no other can be good enough.
    order = np.argsort(-bound, kind="stable")
    seen = Windows(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))
    done, size = 0, _FIRST_PATCHES
    while done < order.size:
        part = order[done : done + size]
        chosen = part[bound[part] >= max(seen.top - margin, least) - _ROUNDING]
        if not chosen.size:
            break
        starts, ends = _of_patches(start[chosen], end[chosen], permitted, profile)
        worth = _worth(cumulative, cumulative, base, starts, ends, value, profile)
        seen = _joined(seen, Windows(starts, ends - starts, worth))
        done, size = done + size, 2 * size
    enough = seen.worth >= max(seen.top - margin, least)
    return Windows(seen.start[enough], seen.bins[enough], seen.worth[enough])


def _joined(one: Windows, other: Windows) -> Windows:
    start = np.concatenate((one.start, other.start))
    bins = np.concatenate((one.bins, other.bins))
    order = np.lexsort((bins, start))
    return Windows(start[order], bins[order], np.concatenate((one.worth, other.worth))[order])


def _patches(permitted: npt.NDArray[np.bool_], profile: NightlyProfile) -> tuple[_Ints, _Ints]:
    """Number of the starts' and of the ends' patch, of all in which a window is permitted."""
    starts, which = np.nonzero(permitted)
    ends = starts + which + window_lengths(profile)[0]
    of_ends = 2 * BINS_PER_DAY // _PATCH
    code = np.unique(starts // _PATCH * of_ends + ends // _PATCH)
    return code // of_ends, code % of_ends


def _of_patches(
    start: _Ints, end: _Ints, permitted: npt.NDArray[np.bool_], profile: NightlyProfile
) -> tuple[_Ints, _Ints]:
    """Start and end of all permitted windows of these patches."""
    within = np.arange(_PATCH)
    starts = np.repeat(start * _PATCH, _PATCH**2) + np.tile(np.repeat(within, _PATCH), start.size)
    ends = np.repeat(end * _PATCH, _PATCH**2) + np.tile(within, _PATCH * end.size)
    lengths = window_lengths(profile)
    which = ends - starts - lengths[0]
    known = (which >= 0) & (which < lengths.size)
    known[known] = permitted[starts[known], which[known]]
    return starts[known], ends[known]


def _worth(
    at_start: _Floats,
    at_end: _Floats,
    base: _Floats,
    starts: _Ints,
    ends: _Ints,
    value: _Value,
    profile: NightlyProfile,
) -> _Floats:
    """Worth of at_end[:, ends] − at_start[:, starts] beside the base, a part at a time."""
    worth = np.empty(starts.size)
    step = max(1, _CELLS_MAX // max(1, base.size))
    for low in range(0, starts.size, step):
        part = slice(low, low + step)
        score = base[:, None] + at_end[:, ends[part]] - at_start[:, starts[part]]
        worth[part] = value(night_gain(score, profile))
    return worth
