"""Rotation over slots: validity under dense evenings, power, masks, and the stopping rule."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import kstest

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.rotation import rotation_p
from evenfall.infer.search import Span, occupied


def dense_evenings(rng: np.random.Generator, nights: int) -> tuple[np.ndarray, np.ndarray]:
    """Bins: two an hour by day, six an hour from 18 to 24."""
    at = np.arange(nights * 144)
    hour = at % 144 / 6
    kept = (at % 3 == 0) | (hour >= 18)
    kept &= rng.random(at.size) > 0.2
    return at[kept] // 144, at[kept] % 144


def p_of(day, slot, score, rng, **options) -> float:
    """The p-value with 499 rotations and no mask, unless said otherwise."""
    arguments = {"masked": None, "rotations": 499, "profile": NIGHTLY_2026} | options
    return rotation_p(day, slot, score, rng=rng, **arguments).p_value


def test_p_is_not_too_small_with_dense_evenings() -> None:
    """Bad spells at any hour, dense evenings, 120 series: p is at least uniform."""
    values = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        day, slot = dense_evenings(rng, 10)
        spell = np.repeat(rng.random(day.size // 8 + 1) < 0.15, 8)[: day.size]
        values.append(p_of(day, slot, np.where(spell, 2.8, -1.6), rng))
    assert kstest(values, "uniform", alternative="greater").pvalue > 0.01
    assert np.mean(np.array(values) <= 0.05) <= 0.1


def test_rotating_the_clock_instead_would_convict() -> None:
    """The same innocent series, each day turned over the clock: why the slots matter."""
    rng = np.random.default_rng(5)
    day, slot = dense_evenings(rng, 10)
    score = np.full(day.size, 0.4)  # everything equally suspicious: only the sampling has a shape
    by_slot = p_of(day, slot, score, rng)
    grid = np.zeros((10, 144))
    grid[day, slot] = score
    best = max(grid[:, a : a + 36].sum() for a in range(108))
    turned = [
        max(
            np.stack([np.roll(row, rng.integers(144)) for row in grid])[:, a : a + 36].sum()
            for a in range(108)
        )
        for _ in range(200)
    ]
    by_clock = (sum(t >= best for t in turned) + 1) / 201
    assert by_slot > 0.9
    assert by_clock < 0.01


@pytest.mark.parametrize("aligned", ["midnight", "noon"])
def test_wholly_bad_days_are_no_hours(aligned: str) -> None:
    """Days that are bad from edge to edge, wherever the edge, do not become hours."""
    small = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        day, slot = dense_evenings(rng, 14)
        unit = day if aligned == "midnight" else (day * 144 + slot - 72) // 144 + 1
        bad = rng.random(16) < 0.35
        small += p_of(day, slot, np.where(bad[unit], 2.8, -1.6), rng) <= 0.01
    assert small <= 1


def test_a_curfew_is_found_and_its_mask_leaves_nothing() -> None:
    """20–22 on ten nights has the smallest p there is; masked, the rest has none."""
    rng = np.random.default_rng(8)
    day, slot = dense_evenings(rng, 10)
    score = np.where((slot >= 120) & (slot < 132), 2.8, -1.6)
    assert p_of(day, slot, score, rng) == 1 / 500
    assert p_of(day, slot, score, rng, masked=occupied((Span(120, 12),), 0)) == 1.0


def test_it_stops_early_for_the_innocent_and_never_says_zero() -> None:
    """Besag and Clifford: h exceedances end it, and then p is h ÷ rotations drawn."""
    rng = np.random.default_rng(9)
    day, slot = dense_evenings(rng, 10)
    score = np.where(rng.random(day.size) < 0.3, 2.8, -1.0)
    test = rotation_p(day, slot, score, masked=None, rotations=9999, profile=NIGHTLY_2026, rng=rng)
    if test.p_value > 0.01:
        assert test.rotations < 9999
        assert test.p_value == pytest.approx(NIGHTLY_2026.exceedances_stop / test.rotations)


def test_the_profile_is_not_touched() -> None:
    """Profiles are frozen: a test that changes one changes a copy."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        NIGHTLY_2026.rotations = 1
