"""Change points by PELT, from the library ruptures: hours of drops that recur.

The published rule: the piecewise constant signal that minimises the squared error plus a penalty
for each change, found exactly by PELT; the penalty is 3·log n at unit variance, as the library's
documentation and Yao's criterion put it.

How it is carried over, each choice in its favour:
    The signal is the median of each hour that was measured, of the ratio to the concurrent control,
    in order of time; hours without measurements do not exist.
    Unit variance is reached by a robust scale, that of the differences between neighbours (median
    of their size), not by the standard deviation, which the curfew itself would widen.
    A segment has at least two hours, so that one stray hour is no change.
    A segment is a drop if its mean is below half of the usual level; change points that lead to no
    drop are not held against it.
    An hour of the day is claimed if it lies in drops on a third of the dates on which it was
    measured, and on at least `DATES_MIN` dates: one bad day is not claimed, and neither is a
    lifting or a wave lost.
    Limits were chosen on tuning seeds (below 10,000), 25 of each family; no other figure of them is
    published: with two thirds in place of half it finds 1 % more and claims falsely 29 % more
    often; with half of the dates it claims falsely half as often, and loses waves and liftings.
    The search is the library's own in C (`KernelCPD` with the linear kernel: the same cost and
    pruning, and the answer of `Pelt("l2")`, as a test holds), some hundred times faster.

What it does not do: give an interval or a p-value.

Sources: C. Truong, L. Oudre, N. Vayatis, Signal Processing 167 (2020); R. Killick, P. Fearnhead,
I. Eckley, JASA 107 (2012); Y.-C. Yao, Statistics & Probability Letters 6 (1988).
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

from evenfall.lab.peers.given import HOURS, Given, cells

__all__ = ["change_points", "pelt_hours"]

PENALTY_PER_LOG = 3.0
SEGMENT_MIN = 2
DROP = math.log(2.0)
DATES_MIN = 3
DATES_SHARE = 1 / 3
_NORMAL_DIFFERENCE = math.sqrt(2.0) * 0.6744897501960817  # median of |difference| of two normals
_SCALE_MIN = 0.02  # of medians that are all alike: a rounding, no noise


def pelt_hours(seen: Given) -> frozenset[int]:
    """Local hours that lie in drops on enough dates."""
    hours, median = cells(seen, seen.x)
    low = np.zeros(hours.size, dtype=bool)
    for first, last in itertools.pairwise([0, *change_points(median)]):
        low[first:last] = median[first:last].mean() < -DROP
    measured = np.bincount(hours % HOURS, minlength=HOURS)
    dropped = np.bincount(hours[low] % HOURS, minlength=HOURS)
    recurs = (dropped >= DATES_MIN) & (dropped >= DATES_SHARE * measured)
    return frozenset(np.flatnonzero(recurs).tolist())


def change_points(signal: npt.NDArray[np.float64]) -> list[int]:
    """Ends of the segments, half-open, the last one the signal's own end.

    Args:
        signal: shape (n,).
    """
    import ruptures

    if signal.size < 2 * SEGMENT_MIN:
        return [signal.size]
    spread = float(np.median(np.abs(np.diff(signal)))) / _NORMAL_DIFFERENCE
    scaled = signal / max(spread, _SCALE_MIN)
    search = ruptures.KernelCPD(kernel="linear", min_size=SEGMENT_MIN)
    found = search.fit(scaled.reshape(-1, 1)).predict(pen=PENALTY_PER_LOG * math.log(signal.size))
    return [int(end) for end in found]
