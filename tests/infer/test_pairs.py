"""The pair test: closed forms against scipy, promises by simulation, properties by hypothesis."""

from __future__ import annotations

import dataclasses
import math
import random
import statistics

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfall.infer.pairs import (
    Decision,
    NeutralArms,
    assess,
    effect,
    evidence,
    likelihood_ratio,
    null_scale,
    score,
    t2_cdf,
    t2_density,
)
from evenfall.infer.profiles import PAIRS_2026
from evenfall.model.vocabulary import Direction

SCORES = st.floats(-8, 8)
SCALES = st.sampled_from([0.19, 0.22, 0.3, 0.5, 1.0, 2.0])
QUIET = [0.05, -0.1]


@pytest.mark.parametrize("y", [-40.0, -3.0, -0.7, 0.0, 0.2, 1.0, 8.0, 300.0])
def test_closed_forms_agree_with_scipy(y: float) -> None:
    """Density and distribution of t with 2 d.o.f. are scipy's."""
    assert t2_density(y) == pytest.approx(scipy.stats.t.pdf(y, 2), rel=1e-12)
    assert t2_cdf(y) == pytest.approx(scipy.stats.t.cdf(y, 2), rel=1e-9)


@pytest.mark.parametrize("x", [-3.0, -2.0, -1.1, -0.4, -0.1, 0.0])
@pytest.mark.parametrize("scale", [0.19, 0.3])
def test_likelihood_ratio_is_the_mixture_over_f0(x: float, scale: float) -> None:
    """f1 is the mean of f0(x − m) over m in [−ln 60, −ln 1.5], by numerical integration."""
    low, high = -math.log(60), -math.log(1.5)
    null = scipy.stats.t(2, scale=scale)
    # Told where the peak is, the integrator does not step over it.
    area, _ = scipy.integrate.quad(
        lambda m: null.pdf(x - m), low, high, points=[min(max(x, low), high)], limit=200
    )
    expected = min(area / (high - low) / null.pdf(x), 60.0)
    assert likelihood_ratio(x, scale) == pytest.approx(expected, rel=1e-5)


@given(SCORES, SCORES, SCALES)
def test_more_slowing_never_lowers_the_evidence(x: float, y: float, scale: float) -> None:
    """The slower of two transfers is never the weaker evidence."""
    slower, faster = min(x, y), max(x, y)
    assert likelihood_ratio(slower, scale) >= likelihood_ratio(faster, scale) - 1e-12


@given(st.lists(SCORES, min_size=1, max_size=12), SCALES)
def test_zero_bytes_are_the_strongest_evidence(scores: list[float], scale: float) -> None:
    """Any pair replaced by one that brought nothing leaves the evidence as strong or stronger."""
    nothing = score(0, 5e6)
    for index in range(len(scores)):
        replaced = [*scores[:index], nothing, *scores[index + 1 :]]
        assert evidence(replaced, scale) >= evidence(scores, scale) * (1 - 1e-12)


@given(st.lists(SCORES, min_size=2, max_size=12), st.integers(0, 1000))
def test_order_of_pairs_does_not_matter(scores: list[float], seed: int) -> None:
    """Evidence, decision and effect depend on the set of pairs alone."""
    shuffled = list(scores)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 (an order, not a secret)
    one, other = assess(scores, QUIET), assess(shuffled, QUIET)
    assert one.e_value == pytest.approx(other.e_value, rel=1e-9)
    assert one.slower_by == other.slower_by


@given(SCORES)
def test_one_pair_never_convicts(x: float) -> None:
    """Whatever a single pair shows, nothing is decided."""
    assert assess([x], QUIET).decision is not Decision.THROTTLED


def test_expected_evidence_under_the_null_is_at_most_one() -> None:
    """E_f0[L] ≤ 1, so E is a supermartingale; about .7 as METHOD says, by integration."""
    for scale in (0.19, 0.3, 0.5, 1.0, 2.0, 5.0):
        null = scipy.stats.t(2, scale=scale)
        mean, _ = scipy.integrate.quad(
            lambda x, s=scale, f=null: likelihood_ratio(x, s) * f.pdf(x),
            -60, 60, points=[-3, -1, -0.4, 0], limit=500,
        )  # fmt: skip
        assert mean <= 1
    assert 0.5 < mean_under_null(0.19) < 0.85


def mean_under_null(scale: float) -> float:
    """E_f0[L] by simulation with a fixed seed."""
    x = scipy.stats.t.rvs(2, scale=scale, size=200_000, random_state=np.random.default_rng(7))
    return statistics.fmean(likelihood_ratio(float(v), scale) for v in x)


def test_false_alarms_stay_below_one_per_cent() -> None:
    """2,000 innocent sessions of up to 12 pairs, stopped as soon as they like: < 1 % convicted."""
    rng = np.random.default_rng(11)
    convicted = 0
    for _ in range(2000):
        x = scipy.stats.t.rvs(2, scale=0.19, size=12, random_state=rng).tolist()
        null = scipy.stats.t.rvs(2, scale=0.19, size=2, random_state=rng).tolist()
        convicted += any(assess(x[:n], null).decision is Decision.THROTTLED for n in range(2, 13))
    assert convicted <= 12, convicted  # 0.6 %; METHOD measured 0.1 %


def test_noisy_lines_are_not_convicted() -> None:
    """Lines more than twice as wide as f0 (scale .4): the wide rule keeps them below 1 %."""
    rng = np.random.default_rng(12)
    convicted = 0
    for _ in range(1500):
        x = scipy.stats.t.rvs(2, scale=0.4, size=12, random_state=rng).tolist()
        null = scipy.stats.t.rvs(2, scale=0.4, size=2, random_state=rng).tolist()
        convicted += any(assess(x[:n], null).decision is Decision.THROTTLED for n in range(2, 13))
    assert convicted <= 15, convicted


@pytest.mark.parametrize(("factor", "least"), [(4, 246), (8, 288), (40, 291)])
def test_power(factor: float, least: int) -> None:
    """A name that is 4, 8, 40 times slower is convicted in ≥ 82, 96, 97 % of 300 sessions."""
    rng = np.random.default_rng(int(factor))
    found = 0
    for _ in range(300):
        noise = scipy.stats.t.rvs(2, scale=0.19, size=12, random_state=rng)
        x = (noise - math.log(factor)).tolist()
        null = scipy.stats.t.rvs(2, scale=0.19, size=2, random_state=rng).tolist()
        found += any(assess(x[:n], null).decision is Decision.THROTTLED for n in range(2, 13))
    assert found >= least, found


def test_equal_arms_are_not_seen_after_six() -> None:
    """Six pairs at x = 0 are enough to say "no slowing by name of ×1/3 or more", five are not."""
    assert assess([0.0] * 5, QUIET).decision is Decision.INCONCLUSIVE
    assert assess([0.0] * 6, QUIET).decision is Decision.NOT_SEEN


def test_partial_slowing_is_not_dismissed() -> None:
    """Two hits among four innocent pairs are not "not seen"."""
    assert assess([0.0, -3.0, 0.05, -2.8, -0.03, 0.0], QUIET).decision is not Decision.NOT_SEEN


@pytest.mark.parametrize(
    ("null", "failed"),
    [([0.6, -0.5], 0), ([0.05, 0.0], 1), ([0.05], 0), ([], 0)],
    ids=["wide", "stalled", "one_null", "no_null"],
)
def test_wide_lines_need_more(null: list[float], failed: int) -> None:
    """Noisy lines, a neutral arm that failed, or too few null pairs: three slow pairs are few."""
    neutral = NeutralArms(done=8, failed=failed)
    few = assess([-2.0] * 3, null, neutral=neutral)
    many = assess([-2.0] * 6, null, neutral=neutral)
    assert few.wide
    assert few.decision is Decision.INCONCLUSIVE
    assert many.decision is Decision.THROTTLED
    assert assess([-2.0] * 3, QUIET).decision is Decision.THROTTLED


def test_settled_after_twelve() -> None:
    """Twelve pairs without a decision are settled as inconclusive."""
    mixed = [-0.45, 0.1, -0.5, 0.0, -0.6, 0.1] * 2
    assert assess(mixed, QUIET).settled
    assert not assess(mixed[:3], QUIET).settled


def test_null_scale_recovers_the_scale() -> None:
    """The scale of many t₂ draws is found within 5 %."""
    x = scipy.stats.t.rvs(2, scale=0.37, size=20_000, random_state=np.random.default_rng(5))
    assert null_scale(x.tolist()) == pytest.approx(0.37, rel=0.05)
    assert null_scale([]) is None


def test_effect_is_printed_as_control_over_target() -> None:
    """41 times slower is printed as 41 with an interval around it."""
    by = effect([-math.log(41), -math.log(38), -math.log(45)], 0.19)
    assert by.median == pytest.approx(41, rel=0.01)
    assert 15 < by.low < 41 < by.high < 110


@settings(max_examples=30)
@given(st.lists(SCORES, min_size=1, max_size=12), SCALES)
def test_effect_interval_holds_its_median(scores: list[float], scale: float) -> None:
    """The bounds hold the median, all finite and positive, whatever came."""
    by = effect(scores, scale)
    assert 0 < by.low <= by.median <= by.high < math.inf


def test_effect_interval_covers_at_every_stop() -> None:
    """In 200 sessions the interval holds the true factor at every n looked at in ≥ 93 %."""
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        noise = scipy.stats.t.rvs(2, scale=0.19, size=12, random_state=rng)
        x = (noise - math.log(20)).tolist()
        intervals = [effect(x[:n], 0.19) for n in (2, 3, 4, 6, 9, 12)]
        covered += all(by.low <= 20 <= by.high for by in intervals)
    assert covered >= 186, covered


def test_scores() -> None:
    """Equal arms are 0, both empty are 0, an empty target is the slowest there is."""
    assert score(1e6, 1e6) == 0
    assert score(0, 0) == 0
    assert score(0, 1) < PAIRS_2026.x_min
    assert score(1e5, 1e6) == pytest.approx(-math.log(10))


def test_the_two_directions_share_the_one_per_cent() -> None:
    """What convicts downwards is a fifth of what uploads need; E = 101 is too little for both."""
    slow = [-1.6, -1.6]
    down, up = (
        assess(slow, QUIET, direction=way) for way in (Direction.DOWNLOAD, Direction.UPLOAD)
    )
    assert down.e_value == up.e_value == pytest.approx(460, abs=1)
    assert (down.decision, up.decision) == (Decision.THROTTLED, Decision.INCONCLUSIVE)
    unbiased = dataclasses.replace(PAIRS_2026, e_preferred=0.0)
    for x, decision in ((-1.23, Decision.INCONCLUSIVE), (-1.26, Decision.THROTTLED)):
        said = assess([x, x], QUIET, profile=unbiased)
        assert 100 < said.e_value < 120
        assert said.decision is decision


def test_looking_twice_at_the_signs_counts_twice() -> None:
    """All pairs and the large ones alone are two tests: five slow large ones are then too few."""
    five, six = (
        assess([0.0, *[-2.0] * n], QUIET, large=range(1, n + 1), erratic=True) for n in (5, 6)
    )
    assert (five.sign_p, six.sign_p) == (2 / 32, 2 / 64)
    assert five.e_value > 1_000_000
    assert five.decision is Decision.INCONCLUSIVE
    assert six.decision is Decision.THROTTLED
    alone = assess([-2.0] * 5, QUIET, large=range(5), erratic=True)
    assert (alone.sign_p, alone.decision) == (1 / 32, Decision.THROTTLED)


@pytest.mark.parametrize(
    "null", [[0.05, -0.1, 0.75], [0.05, -0.1, -0.75]], ids=["faster", "slower"]
)
def test_one_null_pair_that_hangs_makes_a_line_wide(null: list[float]) -> None:
    """Whichever of its arms hung, and however quiet the others were."""
    said = assess([-2.0] * 3, null)
    assert said.wide
    assert said.scale == PAIRS_2026.scale_min
    assert said.decision is Decision.INCONCLUSIVE
    assert not assess([-2.0] * 3, [0.05, -0.1, 0.6]).wide
