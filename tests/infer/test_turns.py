"""Rotated copies against a plain reckoning: every score rotated, every window added up, in a loop.

The reference knows nothing of running sums, bundles, tables or screens. Half of the series drawn
are noise.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfall.infer import turns as module
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.rotation import rotation_p
from evenfall.infer.turns import Turns

LENGTHS = [length // 1800 for length in NIGHTLY_2026.test_lengths_s]
COST = NIGHTLY_2026.gain_min


def worth_plainly(day: np.ndarray, block: np.ndarray, score: np.ndarray, shift: list[int]) -> float:
    """The statistic of one copy: shift[k] slots in the k-th day."""
    half_hours = []
    for place, one in enumerate(np.unique(day)):
        chosen = np.flatnonzero(day == one)
        own = np.zeros(48)
        for k, at in enumerate(chosen):
            own[block[at]] += score[chosen[(k - shift[place]) % chosen.size]]
        half_hours.append(own)
    return max(
        episodes_plainly([gain(sum(own[(a + k) % 48] for k in range(n))) for own in half_hours])
        for a, n in itertools.product(range(48), LENGTHS)
    )


def gain(score: float) -> float:
    """ln(.8·e^S + .2), S clipped to ±60."""
    return math.log(0.8 * math.exp(min(60.0, max(-60.0, score))) + 0.2)


def episodes_plainly(gains: list[float]) -> float:
    """The best sum over stretches of nights, each less ln 200, by the last night of a stretch."""
    best = [0.0]  # of the first k nights
    for k in range(1, len(gains) + 1):
        ends_here = (best[j] + sum(gains[j:k]) - COST for j in range(k))
        best.append(max(best[-1], *ends_here))
    return best[-1]


def history(seed: int, nights: int, *, guilty: bool) -> tuple[np.ndarray, ...]:
    """Day, half hour and score of irregular bins; on guilty days a few hours are bad."""
    rng = np.random.default_rng(seed)
    day, block, score = [], [], []
    for one in range(nights):
        n = int(rng.integers(1, 12))
        at = np.sort(rng.integers(0, 48, n))
        value = rng.choice([-1.6, 2.8, 6.0, -0.3], n, p=[0.7, 0.2, 0.05, 0.05])
        if guilty:
            value = np.where((at >= 40) & (at < 46), 5.0, value)
        day.append(np.full(n, 100 + 2 * one))
        block.append(at)
        score.append(value)
    return np.concatenate(day), np.concatenate(block), np.concatenate(score)


def drawn_whole(turns: Turns, row: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Shifts of a copy; days that were not drawn get any shift."""
    return [
        int(r - first if r >= 0 else rng.integers(size))
        for r, first, size in zip(row, turns._first, turns._size, strict=True)
    ]


cases = st.tuples(st.integers(0, 10_000), st.integers(2, 7), st.booleans())


@settings(max_examples=25, deadline=None)
@given(cases)
def test_a_copy_exceeds_exactly_if_the_plain_reckoning_says_so(case: tuple) -> None:
    """Of every copy drawn, ruled out early or not, the plain statistic decides the same."""
    seed, nights, guilty = case
    series = history(seed, nights, guilty=guilty)
    turns = Turns(*series, NIGHTLY_2026)
    observed = worth_plainly(*series, [0] * nights)
    assert turns.observed() == pytest.approx(observed, rel=1e-4, abs=1e-3)
    needed = max(observed, 0.5) * 0.9999 - 1e-3
    row, _ = turns.survivors(12, needed, np.random.default_rng(seed))
    hit = turns.exceed(12, needed, np.random.default_rng(seed))
    rng = np.random.default_rng(seed + 1)
    for copy in range(12):
        plain = worth_plainly(*series, drawn_whole(turns, row[:, copy], rng))
        if abs(plain - needed) > 2e-3:  # nearer than that, rounding decides
            assert hit[copy] == (plain >= needed)


@settings(max_examples=25, deadline=None)
@given(cases)
def test_bounds_are_bounds(case: tuple) -> None:
    """No bundle is worth more than its bound, and the best of all bundles is the statistic."""
    seed, nights, guilty = case
    series = history(seed, nights, guilty=guilty)
    turns = Turns(*series, NIGHTLY_2026)
    row, alive = turns.survivors(5, -100.0, np.random.default_rng(seed))
    assert alive.size == 5
    copy, bundle = np.divmod(np.arange(5 * 16), 16)
    bound, worth = turns.bounds(row).ravel(), turns.worth(row, copy, bundle)
    assert (bound >= worth - 1e-4 * np.abs(worth)).all()
    for one in range(5):
        shift = drawn_whole(turns, row[:, one], np.random.default_rng())
        best = worth[copy == one].max()
        assert best == pytest.approx(worth_plainly(*series, shift), rel=1e-4, abs=1e-3)


def test_the_same_scores_in_another_order_tie() -> None:
    """Sums are exact: days of the two outcomes of a test give equal windows, not nearly equal."""
    rng = np.random.default_rng(4)
    score = np.where(rng.random(288) < 0.4, math.log(0.8 / 0.05), math.log(0.2 / 0.95))
    turns = Turns(np.repeat(np.arange(4), 72), np.tile(np.repeat(np.arange(48), 3)[::2], 4), score,
                  NIGHTLY_2026)  # fmt: skip
    window = turns._running[24] - turns._running[0]
    values = np.unique(window)
    assert values.size <= 37  # 36 slots of two outcomes


@pytest.mark.parametrize("guilty", [False, True])
def test_series_too_long_for_tables_give_the_same(guilty: bool, monkeypatch) -> None:
    """Tables made anew for each batch, in blocks of a few days, give the same p as one kept."""
    day, block, score = history(3, 30, guilty=guilty)
    arguments = {"masked": None, "rotations": 400, "profile": NIGHTLY_2026}
    kept = rotation_p(day, block * 3, score, rng=np.random.default_rng(2), **arguments)
    monkeypatch.setattr(module, "_KEPT_CELLS_MAX", 0)
    monkeypatch.setattr(module, "_BLOCK_ROWS", 20)
    monkeypatch.setattr(module, "_PAIRS_MAX", 50)
    anew = rotation_p(day, block * 3, score, rng=np.random.default_rng(2), **arguments)
    assert kept == anew


@pytest.mark.parametrize("seed", range(4))
def test_p_is_the_share_of_all_copies(seed: int) -> None:
    """Three days of four to six slots: all copies counted one by one against those drawn."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(4, 7, 3)
    day = np.repeat(np.arange(3), sizes)
    block = np.concatenate([np.sort(rng.choice(24, n, replace=False)) + 24 for n in sizes])
    score = rng.choice([-1.6, 2.8, 6.0], day.size)
    observed = worth_plainly(day, block, score, [0, 0, 0])
    if observed <= 0.0:
        score[:] = 6.0 - day
        observed = worth_plainly(day, block, score, [0, 0, 0])
    copies = itertools.product(*(range(n) for n in sizes))
    reached = [worth_plainly(day, block, score, list(s)) >= observed - 1e-3 for s in copies]
    turns = Turns(day, block, score, NIGHTLY_2026)
    hits = turns.exceed(4000, observed - 1e-3, np.random.default_rng(seed))
    spread = math.sqrt(0.25 / 4000)
    assert hits.mean() == pytest.approx(np.mean(reached), abs=4 * spread)


def test_p_values_of_innocent_series_are_not_too_small() -> None:
    """300 tiny series whose bins come in bad spells: P(p ≤ a) does not exceed a."""
    small = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        nights = 6
        day = np.repeat(np.arange(nights), 12)
        slot = np.concatenate([np.sort(rng.choice(144, 12, replace=False)) for _ in range(nights)])
        changes = rng.random(day.size) < 0.3  # spells of three on average, wherever they begin
        spell = (rng.random(day.size + 1) < 0.3)[np.cumsum(changes)]
        test = rotation_p(
            day, slot, np.where(spell, 2.8, -1.0), masked=None, rotations=199,
            profile=NIGHTLY_2026, rng=rng,
        )  # fmt: skip
        small.append(test.p_value)
    for level in (0.01, 0.05, 0.1, 0.2):
        spread = math.sqrt(level * (1 - level) / 300)
        assert np.mean(np.array(small) <= level) <= level + 2.6 * spread
