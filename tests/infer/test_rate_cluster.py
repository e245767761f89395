"""Speeds that gather at one rate, and honest ones that do not. More than half are innocent.

Populations are drawn here, independently of bench/rate_calibration.py, which counts thousands.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.rate_cluster import (
    cluster_rows,
    rate_beside,
    rate_cluster,
    rate_elsewhere,
    rate_of_slowed,
)
from evenfall.infer.scores import usable_rows
from evenfall.infer.series import Basis

SEEDS = 40


def lines(rng, n: int, spread: float = 0.8) -> np.ndarray:
    """What lines can do: lognormal around 15 Mbit/s."""
    return 1.5e7 * np.exp(rng.normal(0, spread, n))


def days(rng, n: int) -> np.ndarray:
    """Rows fall on two weeks."""
    return np.sort(rng.integers(0, 14, n))


def limited(rng, n: int, *, rate=128e3, spread=0.08, share=1.0):
    """A limiter hits a share of the transfers; the others do what the line can."""
    line = lines(rng, n)
    free = line * np.exp(rng.normal(-0.2, 0.3, n))
    at_rate = rate * np.exp(rng.normal(0, spread, n))
    hit = rng.random(n) < share
    return np.where(hit, at_rate, free), line * np.exp(rng.normal(0, 0.2, n)), hit


@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("rate", [64e3, 128e3, 512e3])
def test_a_limiter_is_found(rate: float, share: float) -> None:
    """The median within 5 %, the share near the truth, and the count as counted here."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        target, control, hit = limited(rng, 400, rate=rate, share=share)
        found = rate_cluster(target, control, days(rng, 400))
        assert found is not None
        assert found.median_bps == pytest.approx(rate, rel=0.05)
        assert found.low_bps < found.median_bps < found.high_bps
        assert found.share_low <= found.share <= found.share_high
        fast = control >= 3 * 1.25 / 0.8 * found.high_bps
        in_band = fast & (target >= found.low_bps) & (target < found.high_bps)
        assert found.n == pytest.approx(int(in_band.sum()), abs=1)  # limits are whole bit/s
        assert found.share == pytest.approx(hit[fast].mean(), abs=0.05)


def honest_site(rng, n):
    """One site, its speeds lognormal, cut by the line."""
    line = lines(rng, n)
    own = 6e5 * np.exp(rng.normal(0, rng.uniform(0.3, 1.2), n))
    return np.minimum(line, own), line


def full_road(rng, n):
    """Slower by a factor with noise: follows the line."""
    line = lines(rng, n)
    return line / 12 * np.exp(0.19 * rng.standard_t(2, n)), line


def two_classes(rng, n):
    """Near and far servers."""
    line = lines(rng, n)
    own = np.where(rng.random(n) < 0.5, 3e6, 4e5) * np.exp(rng.normal(0, 0.35, n))
    return np.minimum(line, own), line


def one_tariff(rng, n):
    """Everybody has 100 Mbit/s, and the site is slower by one factor: nothing varies."""
    line = 1e8 * np.exp(rng.normal(0, 0.03, n))
    noise = rng.normal(0, 0.12, (2, n))
    return line / 20 * np.exp(noise[0]), line * np.exp(noise[1])


def whole_megabits(rng, n):
    """Rounded so coarsely that one value is all there is."""
    target, line = honest_site(rng, n)
    return np.maximum(np.round(target / 1e6), 1) * 1e6, line


def few(rng, n):
    """A dozen rows, even of a limiter, are too few."""
    target, control, _ = limited(rng, 12)
    return target, control


def slow_lines(rng, n):
    """Lines that can do no more than the rate: nothing tells them from it."""
    control = 1.5e5 * np.exp(rng.normal(0, 0.3, n))
    return np.minimum(control, 128e3 * np.exp(rng.normal(0, 0.05, n))), control


@pytest.mark.parametrize(
    "innocent", [honest_site, full_road, two_classes, one_tariff, whole_megabits, few, slow_lines]
)
def test_honest_speeds_do_not_gather(innocent) -> None:
    """None of forty populations."""
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        target, control = innocent(rng, 600)
        assert rate_cluster(target, control, days(rng, target.size)) is None


@pytest.mark.parametrize(("power", "gathers"), [(0.3, False), (0.05, True)])
def test_a_rate_that_follows_the_line_is_none(power: float, gathers: bool) -> None:
    """As tight as a limiter's, but moving with what the line can do, by a known power of it."""
    rng = np.random.default_rng(1)
    control = lines(rng, 2000, 0.35)
    target = 1e5 * (control / 1.5e7) ** power * np.exp(rng.normal(0, 0.02, 2000))
    slope = stats.linregress(np.log(control), np.log(target)).slope
    assert slope == pytest.approx(power, abs=0.01)
    assert (rate_cluster(target, control, days(rng, 2000)) is not None) is gathers


def test_pairs_need_no_lines_that_vary() -> None:
    """One home, one line: in pairs the name alone differs; beside other servers nothing shows."""
    rng = np.random.default_rng(2)
    target, control = (
        128e3 * np.exp(rng.normal(0, 0.05, 300)),
        3e7 * np.exp(rng.normal(0, 0.1, 300)),
    )
    day = days(rng, 300)
    assert rate_cluster(target, control, day, paired=True) is not None
    assert rate_cluster(target, control, day) is None


def test_even_pairs_do_not_gather() -> None:
    """Both arms at one rate, whichever it is: the neutral arm is no faster."""
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        line = 128e3 * np.exp(rng.normal(0, 0.05, 400))
        noise = 0.19 * rng.standard_t(2, (2, 400))
        target, control = line * np.exp(noise[0]), line * np.exp(noise[1])
        assert rate_cluster(target, control, days(rng, 400), paired=True) is None


def test_garbage_says_nothing() -> None:
    """NaN, zero and infinities are left out, and all of them together are no population."""
    rng = np.random.default_rng(3)
    target, control, _ = limited(rng, 400)
    day = days(rng, 400)
    clean = rate_cluster(target, control, day)
    odd = np.array([np.nan, 0.0, np.inf, 1e5])
    more = rate_cluster(
        np.append(target, odd),
        np.append(control, [1e7, 1e7, 1e7, np.nan]),
        np.append(day, np.full(4, 13)),
    )
    assert clean == more
    assert rate_cluster(np.full(50, np.nan), np.full(50, 1e7), np.zeros(50, dtype=np.int64)) is None
    assert rate_cluster(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64)) is None


def rows_of(histories, seed: int, *, share: float, rate: float = 128e3, network: str = "AS1"):
    """Fourteen days of a network with a share at one rate, as rows of the estimator."""
    h = histories.measured(np.random.default_rng(seed), 14, network=network)
    target, control, _ = limited(h.rng, h.n, rate=rate, share=share)
    series = h.series(Basis.CONTROL_DIFFERENCE, log_ratio=np.log(target / control))
    series = replace(series, target_bps=target, control_bps=control)
    return h, usable_rows(series, NIGHTLY_2026)


def test_elsewhere(histories) -> None:
    """Free of the rate, showing it, slow in another way, and too few to tell."""
    _, own = rows_of(histories, 1, share=0.8)
    everything = np.ones(own.n, dtype=bool)
    rate = rate_beside(own, everything, paired=False)
    others = {}
    for name, seed, share, at in (
        ("free", 2, 0.0, 1e5), ("same", 3, 0.6, 128e3), ("fifth", 4, 0.2, 128e3),
        ("slower", 5, 1.0, 30e3), ("farther", 6, 1.0, 500e3),
    ):  # fmt: skip
        _, rows = rows_of(histories, seed, share=share, rate=at, network=name)
        others[name] = (rows, np.ones(rows.n, dtype=bool))
    free = others["free"][0]
    others["few"] = (free, np.arange(free.n) < 20)
    found = rate_elsewhere(rate, others)
    assert found.clean == ("free",)
    assert found.affected == ("same", "fifth")
    assert found.other_rate == ("slower", "farther")
    assert "free; the same rate: same, fifth; a rate of their own: slower, farther" in found.clause
    assert not found.clears_the_site  # two gather at rates of their own, one is free of any
    assert rate_elsewhere(rate, {"free": others["free"]}).clears_the_site


def test_two_small_networks_do_not_clear_the_site(histories) -> None:
    """Three networks, or one with a hundred rows."""
    _, own = rows_of(histories, 1, share=0.8)
    rate = rate_beside(own, np.ones(own.n, dtype=bool), paired=False)
    _, free = rows_of(histories, 2, share=0.0)
    small = np.arange(free.n) < 60
    for count, clears in ((0, False), (2, False), (3, True)):
        found = rate_elsewhere(rate, {f"AS{k}": (free, small) for k in range(count)})
        assert found.clears_the_site is clears


def test_the_slowed_rows_of_certain_hours(histories) -> None:
    """20–22 at one rate: found there, not in the other hours; a crowd in the evening has none."""
    for crowd in (False, True):
        h = histories.measured(np.random.default_rng(5), 21)
        line = lines(h.rng, h.n)
        slowed = line / 20 if crowd else 128e3 * np.exp(h.rng.normal(0, 0.07, h.n))
        inside = h.inside(20, 22)
        noise = np.exp(h.rng.normal(0, 0.15, (2, h.n)))
        target = np.where(inside, slowed * (noise[0] if crowd else 1.0), line * noise[0])
        series = h.series(Basis.CONTROL_DIFFERENCE, log_ratio=np.log(target / line))
        series = replace(series, target_bps=target, control_bps=line * noise[1])
        rows = usable_rows(series, NIGHTLY_2026)
        rate = rate_of_slowed(rows, inside, paired=False)
        assert (rate is None) is crowd
        assert rate_of_slowed(rows, ~inside, paired=False) is None
        if rate is not None:
            telling, held = cluster_rows(rows, rate)
            assert held[inside & telling].mean() > 0.95
            assert held[~inside].mean() < 0.01
