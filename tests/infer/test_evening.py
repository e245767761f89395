"""One evening: alarm only for what is slowed, and bounds that are facts about samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evenfall.infer.evening import Sample, find_stretch

TRUE_FROM, TRUE_TO = 1200.0, 1320.0


def row(
    rng: np.random.Generator,
    *,
    x_inside: float = 0.0,
    scale: float = 0.15,
    every_min: float = 15.0,
    share: float = 1.0,
) -> list[Sample]:
    """Samples from 17:00 to 24:00; those that overlap the window are slowed by `x_inside`."""
    samples = []
    for at in np.arange(1020.0, 1440.0, every_min):
        begin = float(at + rng.uniform(0, 3))
        hit = TRUE_FROM <= begin < TRUE_TO and rng.random() < share
        x = float(rng.standard_t(2)) * scale + (x_inside if hit else 0.0)
        samples.append(Sample(from_min=begin, to_min=begin + 4, x=x, empty=hit and x_inside < -6))
    return samples


def test_a_slowed_stretch_is_found_and_its_ends_hold_the_truth() -> None:
    """In 200 evenings slowed eightfold: found, and both true ends lie between the samples named."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        stretch = find_stretch(row(rng, x_inside=-math.log(8)))
        assert stretch is not None
        assert stretch.begin_after_min is not None
        assert stretch.end_by_min is not None
        held += (
            stretch.begin_after_min <= TRUE_FROM <= stretch.begin_by_min
            and stretch.end_after_min <= TRUE_TO <= stretch.end_by_min
        )
    assert held >= 180  # a heavy-tailed outlier next to an end may push it by one sample


@pytest.mark.parametrize("scale", [0.10, 0.19])
def test_innocent_evenings_do_not_alarm(scale: float) -> None:
    """2,000 innocent evenings of 28 pairs: at most a handful (bound: 28 × 2000 / 20000 = 2.8)."""
    rng = np.random.default_rng(2)
    alarms = sum(find_stretch(row(rng, scale=scale)) is not None for _ in range(2000))
    assert alarms <= 8


def test_a_noisy_line_is_measured_by_its_own_neutral_pairs() -> None:
    """With scale 0.6 everywhere, the neutral pairs widen the null density and nothing is said."""
    rng = np.random.default_rng(3)
    null_x = [float(rng.standard_t(2)) * 0.6 for _ in range(9)]
    evenings = [row(rng, scale=0.6) for _ in range(100)]
    told = sum(find_stretch(samples, null_x) is not None for samples in evenings)
    naive = sum(find_stretch(samples) is not None for samples in evenings)
    assert told <= 2
    assert naive > told


def test_two_slow_pairs_are_not_enough() -> None:
    """One pair's evidence is cut, so that no fewer than three can alarm."""
    quiet = [Sample(from_min=float(t), to_min=t + 1.0, x=0.0) for t in range(0, 100, 10)]
    slow = [Sample(from_min=100.0 + t, to_min=101.0 + t, x=-9.0, empty=True) for t in range(3)]
    assert find_stretch([*quiet, *slow[:2]]) is None
    stretch = find_stretch([*quiet, *slow])
    assert stretch is not None
    assert (stretch.n, stretch.n_all, stretch.share_empty) == (3, 13, 1.0)
    assert stretch.end_by_min is None


def test_nothing_measured_is_nothing_found() -> None:
    """No samples, no alarm."""
    assert find_stretch([]) is None


def test_half_of_the_flows_hit_is_still_found() -> None:
    """Partial treatment: found in most evenings, its factor from the stretch alone."""
    rng = np.random.default_rng(4)
    found = [
        find_stretch(row(rng, x_inside=-3.0, share=0.6, every_min=8.0)) is not None
        for _ in range(100)
    ]
    assert sum(found) >= 95
