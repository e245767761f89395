"""The gate: what passes, what must not, and limits that know that nights hang together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from evenfall.infer.effect import (
    effective_rows,
    share_difference,
    shares_inside,
    slower_than_controls,
    state_of,
    strength,
)
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.scores import usable_rows
from evenfall.infer.series import Basis
from evenfall.model.vocabulary import State

UNPAIRED = replace(NIGHTLY_2026, effect_share_min=NIGHTLY_2026.effect_share_min_unpaired)


def judged(histories, make, *, nights: int = 14, seed: int = 1, basis: Basis = Basis.PAIRS):
    """The strength of 20–22 in a history made by `make(history, inside)`."""
    h = histories.measured(np.random.default_rng(seed), nights)
    inside = h.inside(20, 22)
    rows = usable_rows(h.series(basis, **make(h, inside)), NIGHTLY_2026)
    return strength(rows, inside, ~inside, NIGHTLY_2026)


def test_blocking_and_slowing_pass(histories) -> None:
    """Nine of ten failed: blocked. Eight times slower: slowed, with the factor in its interval."""
    blocked = judged(histories, lambda h, i: {"failed": h.failing(np.where(i, 0.9, 0.02))})
    assert blocked.state is State.BLOCKED
    assert (
        blocked.effect.low < blocked.effect.in_window - blocked.effect.outside < blocked.effect.high
    )
    slowed = judged(histories, lambda h, i: {"log_ratio": h.slowed(i, 8)})
    assert slowed.state is State.SLOWED
    assert slowed.slower_by.low <= 8 <= slowed.slower_by.high


def test_zero_bytes_are_blocked(histories) -> None:
    """Transfers that brought nothing are failures, not slow transfers."""
    got = judged(histories, lambda h, i: {"log_ratio": np.where(i, -np.inf, h.noise())})
    assert got.state is State.BLOCKED
    assert got.effect.in_window == 1.0


@pytest.mark.parametrize("share", [0.6, 0.75])
def test_a_share_of_the_flows(histories, share: float) -> None:
    """60 % of flows at ×1/8 over 30 nights: slowed, and it is said that it is a share."""
    got = judged(histories, lambda h, i: {"log_ratio": h.slowed(i, 8, share)}, nights=30)
    assert got.state is State.SLOWED


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a dip of a quarter", lambda h, i: {"log_ratio": h.noise() - np.where(i, 0.3, 0.0)}),
        ("noise three times as wide", lambda h, i: {"log_ratio": h.noise(np.where(i, 0.6, 0.19))}),
        (
            "noise ten times as wide",
            lambda h, i: {"log_ratio": np.clip(h.noise(np.where(i, 1.9, 0.19)), -30, 30)},
        ),
        ("a fifth fails", lambda h, i: {"failed": h.failing(np.where(i, 0.2, 0.02))}),
        ("everything fails everywhere", lambda h, i: {"failed": h.failing(0.9)}),
        ("one bad night", lambda h, i: {"failed": (i & (h.date == 3)).astype(float)}),
    ],
)
def test_what_does_not_pass(histories, name: str, make) -> None:
    """Real but small, noisy but even-handed, general, or once: never an effect."""
    for seed in range(20):
        got = judged(histories, make, nights=28, seed=seed)
        assert got.state is State.INSUFFICIENT, name
        assert got.because


def test_effective_rows() -> None:
    """Separate rows keep their number; nights that are all or nothing count as nights."""
    day = np.repeat(np.arange(20), 10)
    rng = np.random.default_rng(1)
    assert effective_rows((rng.random(200) < 0.5).astype(float), day) > 100
    assert effective_rows((day % 2).astype(float), day) == pytest.approx(20, rel=0.1)
    assert effective_rows(np.ones(200), day) == 200


def test_difference_limits_cover_the_truth() -> None:
    """Rows of a night hang together (beta-binomial): 95 % limits still hold the truth ≥ 92 %."""
    held = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        day = np.repeat(np.arange(14), 6)
        night = stats.beta.rvs(3, 1, size=14, random_state=rng)
        inside = (rng.random(84) < night[day]).astype(float)
        outside = (rng.random(84) < 0.1).astype(float)
        low, high = share_difference(inside, day, outside, day, level=0.95)
        held += low <= 0.65 <= high
    assert held >= 0.92 * 300


def mixed(h, inside, failed: float, slow: float):
    """A share of the rows inside fails (zero bytes), another is twelve times slower."""
    draw = h.rng.random(h.n)
    lost, slowed = inside & (draw < failed), inside & (draw >= failed) & (draw < failed + slow)
    return {"log_ratio": np.where(lost, -np.inf, h.noise() - np.where(slowed, np.log(12), 0))}


@pytest.mark.parametrize(
    ("failed", "slow", "state"),
    [(0.3, 0.7, State.SLOWED), (0.7, 0.3, State.BLOCKED), (0.25, 0.35, State.SLOWED),
     (0.4, 0.2, State.BLOCKED)],
)  # fmt: skip
def test_failures_and_slowness_together(histories, failed: float, slow: float, state) -> None:
    """Some closed, others slowed: claimed, by the larger share, which is within ten points."""
    for seed in range(5):
        h = histories.measured(np.random.default_rng(seed), 28)
        inside = h.inside(20, 22)
        rows = usable_rows(h.series(Basis.PAIRS, **mixed(h, inside, failed, slow)), NIGHTLY_2026)
        assert strength(rows, inside, ~inside, NIGHTLY_2026).state is state
        shares = shares_inside(rows, inside, ~inside, NIGHTLY_2026)
        assert state_of(shares) is state
        assert shares.failed == pytest.approx(failed, abs=0.1)
        assert shares.slow == pytest.approx(slow, abs=0.1)
        assert shares.failed + shares.slow + shares.fine == pytest.approx(1.0, abs=1e-3)
        assert shares.n == int(inside.sum())


def test_neither_alone_but_both_together(histories) -> None:
    """A quarter fails and a quarter crawls: neither passes the gate, the two of them do."""
    together = 0
    for seed in range(10):
        h = histories.measured(np.random.default_rng(seed), 28)
        inside = h.inside(20, 22)
        both = mixed(h, inside, 0.25, 0.25)
        rows = usable_rows(h.series(Basis.PAIRS, **both), NIGHTLY_2026)
        found = strength(rows, inside, ~inside, UNPAIRED)
        together += any("failed and" in note for note in found.notes)
    assert together >= 8


@pytest.mark.parametrize(("failed", "slow"), [(0.04, 0.04), (0.0, 0.08), (0.05, 0.0)])
def test_very_little_of_both_is_nothing_between_pairs(histories, failed, slow) -> None:
    """Pairs claim smaller shares, and none that is not surely above 15 in a hundred."""
    for seed in range(10):
        h = histories.measured(np.random.default_rng(seed), 28)
        inside = h.inside(20, 22)
        made = mixed(h, inside, failed, slow)
        made["log_ratio"] = made["log_ratio"] + h.noise(np.where(inside, 0.4, 0.1))
        rows = usable_rows(h.series(Basis.PAIRS, **made), NIGHTLY_2026)
        assert strength(rows, inside, ~inside, NIGHTLY_2026).state is State.INSUFFICIENT


@pytest.mark.parametrize(("failed", "slow"), [(0.1, 0.1), (0.0, 0.15), (0.15, 0.0)])
def test_a_little_of_both_is_nothing(histories, failed: float, slow: float) -> None:
    """Less than three in ten beyond doubt: no claim, ten times; noise on top changes nothing."""
    for seed in range(10):
        h = histories.measured(np.random.default_rng(seed), 28)
        inside = h.inside(20, 22)
        made = mixed(h, inside, failed, slow)
        made["log_ratio"] = made["log_ratio"] + h.noise(np.where(inside, 0.4, 0.1))
        rows = usable_rows(h.series(Basis.PAIRS, **made), NIGHTLY_2026)
        assert strength(rows, inside, ~inside, UNPAIRED).state is State.INSUFFICIENT


def test_shares_of_nothing(histories) -> None:
    """Nothing measured inside: no shares. A page that opened and brought no byte has failed."""
    h = histories.measured(np.random.default_rng(1), 14)
    inside = h.inside(20, 22)
    rows = usable_rows(
        h.series(Basis.PAIRS, failed=np.zeros(h.n), log_ratio=np.full(h.n, -np.inf)), NIGHTLY_2026
    )
    assert shares_inside(rows, np.zeros(h.n, dtype=bool), inside, NIGHTLY_2026) is None
    assert shares_inside(rows, inside, ~inside, NIGHTLY_2026).failed == 1.0


def test_slower_than_controls_needs_no_other_hours(histories) -> None:
    """Ten times slower at all hours: the ratio's own level hides it, the speeds do not."""
    h = histories.measured(np.random.default_rng(2), 14)
    control = 2e7 * np.exp(0.3 * h.rng.normal(size=h.n))
    series = h.series(Basis.CONTROL_DIFFERENCE, log_ratio=h.noise() - np.log(10))
    series = replace(series, target_bps=control / 10, control_bps=control)
    rows = usable_rows(series, NIGHTLY_2026)
    everything = np.ones(h.n, dtype=bool)
    found = slower_than_controls(rows, everything, NIGHTLY_2026)
    assert found.median == pytest.approx(10, rel=0.01)
    assert slower_than_controls(rows, ~everything, NIGHTLY_2026) is None
