"""After a slow pair: with how many bytes would the next one tell most for its price?

Both arms of a pair leave a byte curve. From these one reads how long each arm had taken for fewer
bytes, and so which score a smaller pair would have had; a larger one is foreseen by going on at the
rate of the last half. The size with the most evidence a byte is taken. A policer without a burst is
so asked again with 64 KB; one that lets 256 KB pass first with what lies beyond its burst; and a
mild one with as much as it takes to see it. Sizes are chosen from pairs that are past, so the
evidence stays valid (METHOD 2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from evenfall.infer.facts import Pair
from evenfall.infer.pairs import likelihood_ratio
from evenfall.infer.profiles import PAIRS_2026, PairsProfile
from evenfall.model.observation import Observation

__all__ = ["telling_size", "took_s"]

_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
"""Sizes that are considered, times the smallest of the ladder: 64 KB … 1 MB."""
_OVERHEAD_BYTES = 5_000
_GAIN_MIN = 0.05


def telling_size(pair: Pair, *, above_bytes: int = 0, profile: PairsProfile = PAIRS_2026) -> int:
    """Bytes an arm of the next pair, judged by this one.

    Args:
        pair: a slow one.
        above_bytes: sizes up to here are known to come through fast.
        profile: parameters.
    """
    small = profile.size_ladder_bytes[0]
    best, best_gain = pair.target.size_bytes or small, 0.0
    if pair.target_failed:
        return best
    for step in _STEPS:
        size_bytes = round(step * small)
        if size_bytes <= above_bytes:
            continue
        gain, cost_bytes = _foreseen(pair, size_bytes, profile)
        if gain / cost_bytes > best_gain * (1 + _GAIN_MIN):
            best, best_gain = size_bytes, gain / cost_bytes
    return best


def _foreseen(pair: Pair, size_bytes: int, profile: PairsProfile) -> tuple[float, float]:
    """(ln of the likelihood ratio, against a preference too; bytes of both arms)."""
    (target_s, target_bytes), (neutral_s, neutral_bytes) = (
        _within_cap(arm, size_bytes, profile.cap_s) for arm in (pair.target, pair.neutral)
    )
    x = math.log(max(1.0, target_bytes) / target_s) - math.log(max(1.0, neutral_bytes) / neutral_s)
    preferred = x + math.log(profile.factor_min)
    ratio = min(
        likelihood_ratio(x, profile.scale_min, profile=profile),
        # What is asked for against a preference is less, so each pair may give less.
        likelihood_ratio(preferred, profile.scale_min, profile=profile)
        ** (math.log(profile.e_throttled) / math.log(profile.e_preferred)),
    )
    return math.log(max(1.0, ratio)), target_bytes + neutral_bytes + 2 * _OVERHEAD_BYTES


def _within_cap(arm: Observation, size_bytes: int, cap_s: float) -> tuple[float, float]:
    """(seconds, bytes) of this arm, had it been asked for so many bytes."""
    needed_s = took_s(arm.curve or (), size_bytes)
    if needed_s is None:
        rate = max(1.0, (arm.goodput_bps or 0) / 8)
        needed_s = size_bytes / rate
        return min(needed_s, cap_s), min(float(size_bytes), rate * cap_s)
    if needed_s <= cap_s:
        return needed_s, float(size_bytes)
    return cap_s, _bytes_at(arm.curve or (), cap_s)


def took_s(curve: Sequence[tuple[int, int]], size_bytes: int) -> float | None:
    """When so many bytes had come; beyond the curve, at the rate of its last half.

    None: the curve has fewer than two points, or does not rise in its last half.
    """
    before_us, before = 0, 0
    for at_us, so_far in curve:
        if so_far >= size_bytes:
            share = (size_bytes - before) / max(1, so_far - before)
            return (before_us + share * (at_us - before_us)) / 1e6
        before_us, before = at_us, so_far
    rate = _last_rate(curve)
    return None if rate is None else before_us / 1e6 + (size_bytes - before) / rate


def _bytes_at(curve: Sequence[tuple[int, int]], at_s: float) -> float:
    """Bytes by a time at or after which the curve ends, or within it."""
    before_us, before = 0, 0
    for at_us, so_far in curve:
        if at_us >= at_s * 1e6:
            share = (at_s * 1e6 - before_us) / max(1, at_us - before_us)
            return before + share * (so_far - before)
        before_us, before = at_us, so_far
    rate = _last_rate(curve) or 0.0
    return before + rate * (at_s - before_us / 1e6)


def _last_rate(curve: Sequence[tuple[int, int]]) -> float | None:
    """Bytes a second over the later half of the time; None where it cannot be told."""
    if len(curve) < 2:
        return None
    end_us, end = curve[-1]
    half_us = (curve[0][0] + end_us) / 2
    at_us, count = next(((t, n) for t, n in curve if t >= half_us), curve[0])
    if at_us == end_us:
        at_us, count = curve[-2]
    if end_us <= at_us or end <= count:
        return None
    return (end - count) * 1e6 / (end_us - at_us)
