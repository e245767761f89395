"""Where exactly a window begins and ends: intervals that the sampling limits.

Nobody knows an edge better than the gap between the last measurement on one side of it and the
first on the other. So each edge is given as the interval that holds 90 % of a posterior over all
windows, with the other windows, the weekdays and the episodes held fixed:

    weight of a window = exp(temper · Σ night gains),   temper ½,

and one ten-minute bin is added on both sides. The tempering stands in for the dependence of
neighbouring samples (a failure at 20:10 makes one at 20:20 likely whatever the curfew is). Where
nothing was measured around an edge the posterior is flat there and the interval covers the gap.

Edges are rounded to bins: an interval says when the change happened, not that it was that sharp.

What it does not do: allow for a wrong clock (a clock an hour off moves everything by an hour, and
no interval can tell), or for edges that differ from night to night by more than the bins.

Source: METHOD 4; prototype figures in METHOD 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.localtime import BINS_PER_DAY
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.search import Nights, Span, night_scores, occupied
from evenfall.infer.windows import allowed, near_best

__all__ = ["Edges", "edge_intervals"]

_LOG_WEIGHT_MIN = 40.0  # windows lighter than e⁻⁴⁰ of the best are not weighed: 10⁻¹³ all together


@dataclass(frozen=True)
class Edges:
    """Bins counted from the midnight before the window's start; may be below 0 or above 288.

    Attributes:
        start_low, start_high: the start lies between (bin boundaries, both included).
        end_low, end_high: the end lies between.
    """

    start_low: int
    start_high: int
    end_low: int
    end_high: int


def edge_intervals(
    nights: Nights, union: tuple[Span, ...], place: int, profile: NightlyProfile
) -> Edges:
    """Intervals for one window of the union.

    Args:
        nights: the dates of the weekdays and episodes concerned, and no others.
        union: the windows found.
        place: which of them.
        profile: the constants.
    """
    span = union[place]
    others = (*union[:place], *union[place + 1 :])
    gap = profile.window_min_s // profile.bin_s
    found = near_best(
        nights.cumulative,
        night_scores(nights.cumulative, others),
        allowed(occupied(others, gap), profile),
        lambda gain: gain.sum(axis=0),
        _LOG_WEIGHT_MIN / profile.edge_temper,
        profile,
    )
    mass = np.exp(profile.edge_temper * (found.worth - found.top))
    start = span.start + _nearest(found.start - span.start)
    end = start + found.bins
    start_low, start_high = _interval(start, mass, span.start, profile)
    end_low, end_high = _interval(end, mass, span.end, profile)
    return Edges(start_low - 1, start_high + 1, end_low - 1, end_high + 1)


def _nearest(offset: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The same place on the clock, at most twelve hours away."""
    half = BINS_PER_DAY // 2
    return np.asarray((offset + half) % BINS_PER_DAY - half)


def _interval(
    value: npt.NDArray[np.int64],
    mass: npt.NDArray[np.float64],
    estimate: int,
    profile: NightlyProfile,
) -> tuple[int, int]:
    """Central interval that holds the mass, widened to hold the estimate."""
    low = int(value.min())
    weight = np.bincount(value - low, weights=mass)
    held = np.cumsum(weight) / weight.sum()
    tail = (1.0 - profile.edge_mass) / 2.0
    first = low + int(np.searchsorted(held, tail))
    last = low + int(np.searchsorted(held, 1.0 - tail))
    return min(first, estimate), max(last, estimate)
