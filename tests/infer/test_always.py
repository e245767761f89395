"""Failing at all hours: claimed against other networks or pairs, not from one network alone."""

from __future__ import annotations

import numpy as np
import pytest

from evenfall.infer.nights import judge
from evenfall.infer.series import Basis
from evenfall.model.vocabulary import Pattern, SeriesState, State


def network(histories, seed: int, name: str, bad=None, basis: Basis = Basis.UNPAIRED):
    """A month of one network, every 40 min; `bad` says on which rows it fails."""
    h = histories.measured(np.random.default_rng(seed), 30, every_min=40, network=name)
    rate = 0.01 if bad is None else np.where(bad(h), 0.97, 0.01)
    return h.series(basis, failed=h.failing(rate))


def run_of(first: int, last: int):
    """All rows of the dates first … last."""
    return lambda h: (h.date >= first) & (h.date <= last)


def test_always_beside_clean_networks(histories) -> None:
    """Twelve days at all hours, two other networks fine: `always`, with its dates."""
    series = [
        network(histories, 1, "AS1", run_of(10, 21)),
        network(histories, 2, "AS2"),
        network(histories, 3, "AS3"),
    ]
    got = judge(series, rng=np.random.default_rng(1))
    (curfew,) = got.curfews
    assert (curfew.network, curfew.pattern, curfew.state) == ("AS1", Pattern.ALWAYS, State.BLOCKED)
    assert curfew.windows == ()
    assert (curfew.nights_seen, curfew.nights_measured) == (12, 12)
    assert curfew.onset.earliest <= "2018-04-05" <= curfew.onset.latest
    assert curfew.lifting.earliest <= "2018-04-17" <= curfew.lifting.latest
    assert curfew.p_value <= 1e-6
    assert curfew.effect.in_window > 0.9 > 0.1 > curfew.effect.outside
    assert [f.state for f in got.findings] == [
        SeriesState.ALWAYS, SeriesState.NONE, SeriesState.NONE,
    ]  # fmt: skip


def test_unmeasured_hours_are_named(histories) -> None:
    """Nobody measured 01–08: the claim says "in all measured hours" and names them."""
    rng = np.random.default_rng(4)
    series = []
    for name, bad in (("AS1", run_of(5, 25)), ("AS2", None)):
        h = histories.measured(rng, 30, every_min=40, hours=(8, 24), network=name)
        rate = 0.01 if bad is None else np.where(bad(h), 0.97, 0.01)
        series.append(h.series(Basis.UNPAIRED, failed=h.failing(rate)))
    (curfew,) = judge(series, rng=rng).curfews
    assert curfew.unmeasured == ("00:00–08:00",)
    assert any("in all measured hours" in caveat for caveat in curfew.caveats)


def test_from_the_first_day_on_other_networks_suffice(histories) -> None:
    """Always, and the data begin inside: other networks in the same hours are the reference."""
    series = [network(histories, 5, "AS1", run_of(0, 99)), network(histories, 6, "AS2")]
    (curfew,) = judge(series, rng=np.random.default_rng(2)).curfews
    assert curfew.pattern is Pattern.ALWAYS
    assert curfew.onset is None
    assert curfew.lifting is None


@pytest.mark.parametrize("networks", [1, 3])
def test_a_site_that_is_down_is_not_always(histories, networks: int) -> None:
    """Seven days down, seen from one network or from all of them: nothing is claimed."""
    for seed in range(10):
        series = [
            network(histories, 100 * seed + n, f"AS{n}", run_of(10, 16)) for n in range(networks)
        ]
        got = judge(series, rng=np.random.default_rng(seed))
        assert got.curfews == ()
        assert all("site" in finding.reason for finding in got.findings)


def test_pairs_need_no_other_network(histories) -> None:
    """Every pair slow at our own server, from the first day on: the site cannot be it."""
    h = histories.measured(np.random.default_rng(7), 12)
    series = h.series(Basis.PAIRS, log_ratio=h.slowed(np.ones(h.n, bool), 10))
    (curfew,) = judge([series], rng=np.random.default_rng(3)).curfews
    assert (curfew.pattern, curfew.state) == (Pattern.ALWAYS, State.SLOWED)
    assert curfew.isolated
    assert 9 < curfew.slower_by.low < curfew.slower_by.median < curfew.slower_by.high < 10.5


def test_four_days_are_not_enough(histories) -> None:
    """Four days at all hours beside clean networks: not claimed."""
    series = [network(histories, 8, "AS1", run_of(10, 13)), network(histories, 9, "AS2")]
    assert judge(series, rng=np.random.default_rng(4)).curfews == ()


def test_a_long_window_is_not_always(histories) -> None:
    """Twelve hours a day are a window, not always, and the days outside it stay clear."""
    series = [
        network(histories, 10, "AS1", lambda h: h.inside(18, 6)),
        network(histories, 11, "AS2"),
    ]
    (curfew,) = judge(series, rng=np.random.default_rng(5)).curfews
    assert curfew.pattern is Pattern.WINDOW
