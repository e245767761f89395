"""One rate for a share of the measurements at all hours: claimed against other networks only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from evenfall.infer.always import same_hours
from evenfall.infer.in_part import find_part, judge_part, shares_in_part
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.scores import Rows, usable_rows
from evenfall.infer.series import Basis

DIFFERENCE = Basis.CONTROL_DIFFERENCE


def network(
    histories, seed: int, hit, *, days: int = 20, basis: Basis = DIFFERENCE, rate: float = 128e3,
    every_min: float = 40, empty: float = 0.0,
) -> Rows:  # fmt: skip
    """A network of many lines; `hit(history)` is the share at the rate, row by row."""
    h = histories.measured(np.random.default_rng(seed), days, every_min=every_min)
    line = 1.5e7 * np.exp(h.rng.normal(0, 0.7, h.n))
    control = line * np.exp(h.rng.normal(0, 0.2, h.n))
    free = line * np.exp(h.rng.normal(-0.2, 0.3, h.n))
    at_rate = rate * np.exp(h.rng.normal(0, 0.08, h.n))
    target = np.where(h.rng.random(h.n) < hit(h), at_rate, free)
    target = np.where(h.rng.random(h.n) < empty, 0.0, target)
    with np.errstate(divide="ignore"):
        series = h.series(basis, log_ratio=np.log(target / control))
    return usable_rows(replace(series, target_bps=target, control_bps=control), NIGHTLY_2026)


def free_networks(histories, count: int = 3) -> dict[str, Rows]:
    """Networks of the same service without the rate."""
    return {f"AS{k}": network(histories, 100 + k, lambda h: 0.0) for k in range(count)}


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_share_at_all_hours(histories, share: float) -> None:
    """From the first day on, all days counted, the share within its limits, p as scipy has it."""
    rows = network(histories, 1, lambda h: share)
    run = find_part(rows, DIFFERENCE, NIGHTLY_2026)
    assert run.days == pytest.approx(np.unique(rows.day).size, abs=1)
    assert run.found.first <= 1
    assert run.rate.share_low <= share <= run.rate.share_high
    others = free_networks(histories)
    test = judge_part(rows, run, others, basis=DIFFERENCE)
    days = np.unique(
        np.concatenate([o.day[same_hours(rows, run, o)] for o in others.values()])
    ).size
    table = [[run.bad, run.days - run.bad], [0, days]]
    assert test.p_value == pytest.approx(stats.fisher_exact(table, "greater").pvalue, rel=1e-9)
    assert test.reference < 0.02


def test_a_run_with_an_onset(histories) -> None:
    """From day 8 on: the run begins there, give or take a day, and the days before are outside."""
    rows = network(histories, 2, lambda h: np.where(h.date >= 8, 0.6, 0.0))
    run = find_part(rows, DIFFERENCE, NIGHTLY_2026)
    first = int(run.day[run.found.first]) - int(rows.day.min())
    assert first == pytest.approx(8, abs=1)
    assert run.other_bad == 0 < run.other_days
    assert not run.held[rows.day < run.day[run.found.first]].any()


@pytest.mark.parametrize(
    ("name", "hit"),
    [
        ("an evening window", lambda h: np.where(h.inside(20, 22), 0.9, 0.0)),
        ("half of the day", lambda h: np.where(h.inside(6, 18), 0.9, 0.0)),
        ("nothing", lambda h: 0.0),
        ("one in twelve", lambda h: 0.08),
        ("four days", lambda h: np.where((h.date >= 8) & (h.date < 12), 0.9, 0.0)),
    ],
)
def test_what_is_not_always(histories, name: str, hit) -> None:
    """Certain hours, a small share, a few days: not at all hours, ten times."""
    for seed in range(10):
        assert find_part(network(histories, seed, hit), DIFFERENCE, NIGHTLY_2026) is None, name


@pytest.mark.parametrize("elsewhere", [0.6, 0.25])
def test_a_rate_of_the_site_is_not_claimed(histories, elsewhere: float) -> None:
    """All networks show it, if some less often: the site may set it, and that is said."""
    rows = network(histories, 3, lambda h: 0.6)
    run = find_part(rows, DIFFERENCE, NIGHTLY_2026)
    others = {f"AS{k}": network(histories, 10 + k, lambda h: elsewhere) for k in range(4)}
    test = judge_part(rows, run, others, basis=DIFFERENCE)
    assert test.p_value is None
    assert "the site itself, or the distance to it, may set it" in test.because


def test_alone_is_not_claimed(histories) -> None:
    """No other network, or one with a handful of rows: nothing clears the site."""
    rows = network(histories, 4, lambda h: 0.6)
    run = find_part(rows, DIFFERENCE, NIGHTLY_2026)
    few = network(histories, 5, lambda h: 0.0, days=2, every_min=120)
    for others in ({}, {"AS2": few}):
        test = judge_part(rows, run, others, basis=DIFFERENCE)
        assert test.p_value is None
        assert "too little was measured" in test.because


def test_pairs_need_no_other_network(histories) -> None:
    """Three in ten target arms at one rate beside fast neutral arms: a coin over days is enough."""
    rows = network(histories, 6, lambda h: 0.3, basis=Basis.PAIRS)
    run = find_part(rows, Basis.PAIRS, NIGHTLY_2026)
    test = judge_part(rows, run, {}, basis=Basis.PAIRS)
    assert test.p_value == pytest.approx(stats.binomtest(run.days, run.days, 0.5, "greater").pvalue)


def test_a_crowded_road_at_all_hours_has_no_rate(histories) -> None:
    """Slow by a factor at all hours, with noise: ten innocent networks."""
    for seed in range(10):
        h = histories.measured(np.random.default_rng(seed), 20)
        line = 1.5e7 * np.exp(h.rng.normal(0, 0.7, h.n))
        target = line / 15 * np.exp(h.noise())
        series = h.series(DIFFERENCE, log_ratio=np.log(target / line))
        rows = usable_rows(replace(series, target_bps=target, control_bps=line), NIGHTLY_2026)
        assert find_part(rows, DIFFERENCE, NIGHTLY_2026) is None


def test_shares_of_a_run(histories) -> None:
    """Failed, at the rate, faster: near the truth, and they add up."""
    rows = network(histories, 7, lambda h: 0.6, empty=0.1)
    run = find_part(rows, DIFFERENCE, NIGHTLY_2026)
    shares = shares_in_part(rows, run)
    assert shares.n == int(run.inside.sum())
    assert shares.failed == pytest.approx(0.1, abs=0.05)
    assert shares.slow == pytest.approx(0.54, abs=0.06)
    assert shares.failed + shares.slow + shares.fine == pytest.approx(1.0, abs=1e-3)
