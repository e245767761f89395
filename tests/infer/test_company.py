"""Whole judgements in company: one rate in certain hours, siblings, a crowd. Half innocent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenfall.infer.nights import judge
from evenfall.infer.series import Basis, Series
from evenfall.model.curfew import Curfew
from evenfall.model.vocabulary import Pattern, Scope, SeriesState, State


def speeds(histories, seed: int, name: str, slowed, *, days: int = 21) -> Series:
    """A network of many lines; `slowed(history, line)` gives the speed of 20–22, or None."""
    h = histories.measured(np.random.default_rng(seed), days, every_min=30, network=name)
    line = 1.5e7 * np.exp(h.rng.normal(0, 0.6, h.n))
    control = line * np.exp(0.1 * h.noise())
    target = line * np.exp(0.5 * h.noise())
    if slowed is not None:
        target = np.where(h.inside(20, 22), slowed(h, line), target)
    series = h.series(Basis.CONTROL_DIFFERENCE, log_ratio=np.log(target / control))
    usual = np.log(control) - np.median(np.log(control))
    return replace(series, target_bps=target, control_bps=control, control_log_goodput=usual)


def at_rate(h, line):
    """A limiter of 128 kbit/s, whatever the line can do."""
    return 128e3 * np.exp(h.rng.normal(0, 0.07, h.n))


def crowded(h, line):
    """A full road: a twentieth of what the line can do."""
    return line / 20 * np.exp(h.noise())


def curfew_of(series: list[Series], network: str = "AS1") -> Curfew:
    """The one curfew of a network."""
    got = judge(series, rng=np.random.default_rng(1)).curfews
    (found,) = [curfew for curfew in got if curfew.network == network]
    return found


@pytest.mark.parametrize(
    ("own", "others", "scope", "gathers"),
    [
        (at_rate, None, Scope.TARGETED, True),
        (at_rate, at_rate, Scope.UNDETERMINED, True),
        (crowded, None, Scope.UNDETERMINED, False),
        (crowded, crowded, Scope.UNDETERMINED, False),
    ],
)
def test_hours_at_one_rate(histories, own, others, scope: Scope, gathers: bool) -> None:
    """Only here: targeted. On every network: the site may set it. A factor: a road, as ever."""
    series = [speeds(histories, 1, "AS1", own)]
    series += [speeds(histories, 10 + k, f"AS{2 + k}", others) for k in range(3)]
    curfew = curfew_of(series)
    assert (curfew.pattern, curfew.state) == (Pattern.WINDOW, State.SLOWED)
    assert (curfew.scope, curfew.isolated) == (scope, False)
    assert (curfew.rate is not None) is gathers
    if curfew.rate is not None:
        assert curfew.rate.median_bps == pytest.approx(128e3, rel=0.05)
    assert curfew.shares.slow > 0.9


def test_alone_at_one_rate_stays_undetermined(histories) -> None:
    """Nobody else measured: nothing clears the site."""
    assert curfew_of([speeds(histories, 1, "AS1", at_rate)]).scope is Scope.UNDETERMINED


def opening(histories, seed: int, service: str, network: str, rate) -> Series:
    """An archive without controls: `rate(history)` of the tests fail."""
    h = histories.measured(
        np.random.default_rng(seed), 14, service=service, network=network, every_min=30
    )
    return h.series(Basis.UNPAIRED, failed=h.failing(rate(h)))


def evening(h):
    """Nine in ten fail in 20–22."""
    return np.where(h.inside(20, 22), 0.9, 0.01)


def quiet(h):
    """One in a hundred fails."""
    return np.full(h.n, 0.01)


@pytest.mark.parametrize(
    ("mail", "news", "elsewhere", "scope"),
    [
        (quiet, quiet, quiet, Scope.TARGETED),
        (quiet, quiet, evening, Scope.UNDETERMINED),
        (quiet, evening, quiet, Scope.UNDETERMINED),
    ],
)
def test_siblings_for_controls(histories, mail, news, elsewhere, scope: Scope) -> None:
    """Two services fine on the network, and the site fine elsewhere: targeted; else not."""
    series = [
        opening(histories, 1, "video", "AS1", evening),
        opening(histories, 2, "mail", "AS1", mail),
        opening(histories, 3, "news", "AS1", news),
        opening(histories, 4, "video", "AS2", elsewhere),
    ]
    got = judge(series, rng=np.random.default_rng(1)).curfews
    (curfew,) = [c for c in got if (c.service, c.network) == ("video", "AS1")]
    assert (curfew.scope, curfew.isolated) == (scope, False)


def test_all_services_alike_are_no_curfew(histories) -> None:
    """A network that closes down every evening chose nothing; each series says so."""
    series = [
        opening(histories, k, service, "AS1", evening)
        for k, service in enumerate(("video", "mail", "news"))
    ]
    got = judge(series, rng=np.random.default_rng(1))
    assert got.curfews == ()
    assert all("generalized" in finding.reason for finding in got.findings)


def test_always_failing_beside_services_that_all_fail(histories) -> None:
    """Down at all hours for ten days with everything else: no curfew, though AS2 is fine."""
    series = [
        opening(histories, k, service, "AS1", lambda h: np.where(h.date < 10, 0.95, 0.01))
        for k, service in enumerate(("video", "mail", "news"))
    ]
    series += [opening(histories, 9, "video", "AS2", quiet)]
    assert judge(series, rng=np.random.default_rng(1)).curfews == ()


@pytest.mark.parametrize("factor", [4.0, 1.0])
def test_a_crowd_beside_pairs_that_convict(histories, factor: float) -> None:
    """Targeted by the pairs, with the crowd said beside it, or nothing beside it."""
    h = histories.measured(np.random.default_rng(3), 14)
    inside = h.inside(20, 22)
    series = h.series(Basis.PAIRS, log_ratio=h.slowed(inside, 12))
    usual = 0.5 * h.noise() - np.where(inside, np.log(factor), 0)
    curfew = curfew_of([replace(series, control_log_goodput=usual)], "AS9198")
    assert (curfew.scope, curfew.isolated) == (Scope.TARGETED, True)
    assert (curfew.congestion is not None) is (factor > 1)
    if curfew.congestion is not None:
        assert curfew.congestion.slower_by == pytest.approx(factor, rel=0.2)


def test_in_part_at_all_hours(histories) -> None:
    """Four in ten at one rate at all hours, here only: always, in part, with share and rate."""
    h = histories.measured(np.random.default_rng(4), 20, every_min=30, network="AS1")
    line = 1.5e7 * np.exp(h.rng.normal(0, 0.6, h.n))
    hit = h.rng.random(h.n) < 0.4
    target = np.where(hit, at_rate(h, line), line * np.exp(0.5 * h.noise()))
    mine = h.series(Basis.CONTROL_DIFFERENCE, log_ratio=np.log(target / line))
    mine = replace(mine, target_bps=target, control_bps=line, control_log_goodput=0 * line)
    series = [mine, *(speeds(histories, 20 + k, f"AS{2 + k}", None) for k in range(3))]
    got = judge(series, rng=np.random.default_rng(1))
    (curfew,) = got.curfews
    assert (curfew.network, curfew.pattern, curfew.state) == ("AS1", Pattern.ALWAYS, State.SLOWED)
    assert (curfew.scope, curfew.onset, curfew.windows) == (Scope.TARGETED, None, ())
    assert curfew.rate.share == pytest.approx(0.4, abs=0.05)
    assert curfew.shares.slow == pytest.approx(0.4, abs=0.05)
    assert curfew.effect.in_window == curfew.rate.share > 0.1 > curfew.effect.outside
    assert [f.state for f in got.findings[1:]] == [SeriesState.NONE] * 3
