"""Wehe's decision rule, applied to our own transfers: what the best-known peer would have said.

What it does. `wehe_says` takes the paired transfers of one target in the order in which they were
made and returns the words of Wehe's client: differentiation, inconclusive, or none.

How it works. Each arm's byte curve becomes throughputs of `SLICES` equal slices of its own
duration. `area` is the difference of the two means over the larger; the two-sample
Kolmogorov–Smirnov test looks at the slices that are not zero. Differentiation if |area| is at least
0.5 (0.3 if either mean is above 10 Mbit/s) *and* p < 0.01; the area alone is inconclusive. Unless
the first pair says none, the second pair is the confirmation, and its result counts.

What it does not do. It replays no recorded application: the transfers are ours (64 KiB and more of
random bytes, which are shorter than Wehe's), so this compares decision rules on identical data, not
the two programs.

Sources: github.com/NEU-SNS/wehe-py3 testHypothesis.py (`sampleKS2`, `doTests`),
oneDiffTest.processResult and wehe-cmdline Replay.java (rule in force); the p-value is the
asymptotic one with Stephens's correction (Numerical Recipes 14.3.3), as scipy's `ks_2samp` of then.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from evenfall.model.observation import Observation

__all__ = ["SLICES", "ks_p_value", "rule", "slices_bps", "wehe_says"]

SLICES = 100
AREA_MIN = 0.5
AREA_MIN_FAST = 0.3
FAST_BPS = 10e6
P_MAX = 0.01
_TERMS = 100

DIFFERENTIATION, INCONCLUSIVE, NONE = "differentiation", "inconclusive", "none"


def wehe_says(pairs: Sequence[tuple[Observation, Observation]]) -> str | None:
    """What the rule says of (target arm, neutral arm) pairs; None without a usable pair."""
    usable = [(slices_bps(t), slices_bps(n)) for t, n in pairs]
    said = [rule(target, neutral) for target, neutral in usable if target and neutral]
    if not said:
        return None
    return said[1] if said[0] != NONE and len(said) > 1 else said[0]


def rule(original_bps: Sequence[float], control_bps: Sequence[float]) -> str:
    """The rule on the slices of one pair."""
    means = (_mean(original_bps), _mean(control_bps))
    if max(means) <= 0:
        return INCONCLUSIVE
    area = (means[1] - means[0]) / max(means)
    if abs(area) < (AREA_MIN_FAST if max(means) > FAST_BPS else AREA_MIN):
        return NONE
    moving = [[v for v in values if v > 0] for values in (original_bps, control_bps)]
    if not all(moving):
        return DIFFERENTIATION
    return DIFFERENTIATION if ks_p_value(*moving) < P_MAX else INCONCLUSIVE


def slices_bps(arm: Observation) -> list[float]:
    """Throughput of each slice of an arm; empty if it has no curve and never began."""
    if arm.goodput_bps is None:
        return []
    if not arm.curve or arm.curve[-1][0] <= 0:
        return [0.0] * SLICES  # it began, and nothing came
    end_us = arm.curve[-1][0]
    bounds = [_bytes_at(arm.curve, end_us * i / SLICES) for i in range(SLICES + 1)]
    slice_s = end_us / SLICES / 1e6
    return [8 * (b - a) / slice_s for a, b in itertools.pairwise(bounds)]


def ks_p_value(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sample Kolmogorov–Smirnov, two-sided, asymptotic; both samples are not empty."""
    d = _ks_distance(sorted(first), sorted(second))
    n = math.sqrt(len(first) * len(second) / (len(first) + len(second)))
    return _kolmogorov_tail((n + 0.12 + 0.11 / n) * d)


def _ks_distance(first: list[float], second: list[float]) -> float:
    i = j = 0
    distance = 0.0
    while i < len(first) and j < len(second):
        at = min(first[i], second[j])
        while i < len(first) and first[i] <= at:
            i += 1
        while j < len(second) and second[j] <= at:
            j += 1
        distance = max(distance, abs(i / len(first) - j / len(second)))
    return distance


def _kolmogorov_tail(x: float) -> float:
    """P(K > x) of the Kolmogorov distribution."""
    if x < 0.2:
        return 1.0
    total = 0.0
    for k in range(1, _TERMS + 1):
        term = math.exp(-2.0 * k * k * x * x)
        total += term if k % 2 else -term
    return min(1.0, max(0.0, 2 * total))


def _bytes_at(curve: Sequence[tuple[int, int]], at_us: float) -> float:
    """Bytes so far at a time, linear between points, from zero at the ClientHello."""
    before_us, before = 0, 0
    for point_us, point in curve:
        if point_us >= at_us:
            width = point_us - before_us
            share = (at_us - before_us) / width if width else 1.0
            return before + share * (point - before)
        before_us, before = point_us, point
    return float(before)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
