"""Controls by their own level, and what a whole judgement makes of them. Half are innocent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenfall.infer.controls import congestion_beside, controls_beside
from evenfall.infer.nights import judge
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.scores import usable_rows
from evenfall.infer.series import Basis
from evenfall.model.vocabulary import Scope, State


def beside(histories, speed, *, state=State.SLOWED, failed=None, nights=14):
    """Controls of 20–22 whose ln speed (and failures) are given by the history."""
    h = histories.measured(np.random.default_rng(1), nights)
    known = {} if failed is None else {"control_failed": failed(h)}
    series = h.series(Basis.CONTROL_DIFFERENCE, log_ratio=h.slowed(h.inside(20, 22), 20), **known)
    if speed is not None:
        series = replace(series, control_log_goodput=speed(h))
    inside = h.inside(20, 22)
    around = (inside, h.inside(19, 20), h.inside(22, 23))
    rows = usable_rows(series, NIGHTLY_2026)
    return controls_beside(rows, inside, ~inside, around, state=state, profile=NIGHTLY_2026)


@pytest.mark.parametrize(
    ("factor", "suffer"), [(8.0, True), (2.5, True), (1.7, True), (1.2, False), (1.0, False)]
)
def test_slower_in_the_hours(histories, factor: float, suffer: bool) -> None:
    """Beyond ×1.5 they suffer, and the factor is about right; a dip of a fifth is no crowd."""
    got = beside(histories, lambda h: h.noise() - np.where(h.inside(20, 22), np.log(factor), 0))
    assert got.enough
    assert bool(got.suffer) is suffer
    assert got.slower == pytest.approx(factor if suffer else 1.0, rel=0.25)


def test_slower_in_the_hour_beside_counts(histories) -> None:
    """Hours found by looking are those in which the controls happened to work."""
    got = beside(histories, lambda h: h.noise() - np.where(h.inside(22, 23), np.log(6), 0))
    assert got.slower > 4


@pytest.mark.parametrize(("hours", "suffer"), [((20, 22), True), ((0, 24), False)])
def test_a_crowd_that_hits_some_transfers(histories, hours, suffer: bool) -> None:
    """Two in five transfers deeply slowed in the hours, the median untouched; all day: as usual."""
    got = beside(
        histories,
        lambda h: h.noise() - np.where(h.inside(*hours) & (h.rng.random(h.n) < 0.4), np.log(12), 0),
    )
    assert (got.slower > 3) is suffer


def test_noisy_controls_do_not_suffer(histories) -> None:
    """Twice as noisy in the evening, and no slower: fine, 20 times."""
    for _ in range(20):
        got = beside(histories, lambda h: h.noise(np.where(h.inside(20, 22), 0.3, 0.15)))
        assert got.suffer == ""


def test_what_was_not_measured_is_unknown(histories) -> None:
    """Speed says nothing about opening, opening nothing about speed."""

    def speed(h):
        return h.noise()

    def opened(h):
        return np.zeros(h.n)

    assert beside(histories, speed).enough
    assert not beside(histories, speed, state=State.BLOCKED).enough
    assert not beside(histories, None, failed=opened).enough
    assert beside(histories, None, failed=opened, state=State.BLOCKED).enough
    nothing = beside(histories, None)
    assert not nothing.any_known
    assert not nothing.enough


@pytest.mark.parametrize("closed", [("AS1", "AS2", "AS3"), ("AS1",)])
def test_nightly_maintenance_beside_fine_controls(histories, closed: tuple[str, ...]) -> None:
    """Closed 02–04 on every network it is the site's; on one of three it is not."""
    series = []
    for seed, network in enumerate(("AS1", "AS2", "AS3")):
        h = histories.measured(np.random.default_rng(seed), 14, network=network)
        down = h.inside(2, 4) & (network in closed)
        failed = h.failing(np.where(down, 0.95, 0.02))
        series.append(
            h.series(Basis.CONTROL_DIFFERENCE, failed=failed, control_failed=h.failing(0.02))
        )
    got = judge(series, rng=np.random.default_rng(1)).curfews
    assert {curfew.network for curfew in got} == set(closed)
    expected = Scope.TARGETED if len(closed) == 1 else Scope.UNDETERMINED
    assert {curfew.scope for curfew in got} == {expected}
    assert not any(curfew.isolated for curfew in got)


def test_pairs_of_another_network_do_not_clear_the_site(histories) -> None:
    """They went to our server; the site may be closed there too."""
    h = histories.measured(np.random.default_rng(1), 14, network="AS1")
    failed = h.failing(np.where(h.inside(2, 4), 0.95, 0.02))
    own = h.series(Basis.CONTROL_DIFFERENCE, failed=failed, control_failed=h.failing(0.02))
    other = histories.measured(np.random.default_rng(2), 14, network="AS2")
    pairs = other.series(Basis.PAIRS, log_ratio=other.noise())
    (curfew,) = judge([own, pairs], rng=np.random.default_rng(1)).curfews
    assert curfew.scope is Scope.UNDETERMINED


@pytest.mark.parametrize(("factor", "scopes"), [(8.0, []), (1.0, [Scope.UNDETERMINED])])
def test_a_target_no_slower_than_its_controls(histories, factor: float, scopes: list) -> None:
    """Alone against its own level, ×8 with controls at ×8: general, so no curfew; else open."""
    h = histories.measured(np.random.default_rng(3), 14)
    evening = np.where(h.inside(20, 22), 1.0, 0.0)
    series = h.series(Basis.UNPAIRED, log_ratio=12 + h.noise() - evening * np.log(8))
    series = replace(series, control_log_goodput=h.noise() - evening * np.log(factor))
    got = judge([series], rng=np.random.default_rng(1))
    assert [curfew.scope for curfew in got.curfews] == scopes
    if not scopes:
        assert "generalized" in got.findings[0].reason


def crowd(histories, basis, *, speed=None, failed=None, control_bps=None):
    """Congestion of 20–22 beside a target that pairs convict there."""
    h = histories.measured(np.random.default_rng(1), 21)
    inside = h.inside(20, 22)
    known = {} if failed is None else {"control_failed": failed(h)}
    series = h.series(basis, log_ratio=h.slowed(inside, 20), **known)
    if speed is not None:
        series = replace(series, control_log_goodput=speed(h))
    if control_bps is not None:
        series = replace(series, control_bps=control_bps(h))
    rows = usable_rows(series, NIGHTLY_2026)
    around = (inside, h.inside(19, 20), h.inside(22, 23))
    return congestion_beside(rows, inside, ~inside, around, profile=NIGHTLY_2026)


def evening(h, factor: float):
    """Speed (ln) of controls that are slower by a factor in 20–22."""
    return 0.5 * h.noise() - np.where(h.inside(20, 22), np.log(factor), 0)


def test_congestion_beside_a_targeted_measure(histories) -> None:
    """Controls five times slower: the factor, and a clause; not asked whether they opened: null."""
    got = crowd(histories, Basis.PAIRS, speed=lambda h: evening(h, 5))
    assert got.slower_by == pytest.approx(5, rel=0.15)
    assert got.failed_share is None
    assert "slower in the same hours too" in got.because


def test_the_neutral_arm_is_a_control(histories) -> None:
    """No control was measured: the neutral arms' own speed shows the crowd."""
    got = crowd(histories, Basis.PAIRS, control_bps=lambda h: 2e7 * np.exp(evening(h, 4)))
    assert got.slower_by == pytest.approx(4, rel=0.2)


def test_congestion_that_fails_a_part(histories) -> None:
    """Two in five controls fail in the evening and are no slower: the share, and no factor."""
    got = crowd(
        histories,
        Basis.PAIRS,
        speed=lambda h: evening(h, 1),
        failed=lambda h: h.failing(np.where(h.inside(20, 22), 0.4, 0.02)),
    )
    assert got.slower_by is None
    assert got.failed_share == pytest.approx(0.4, abs=0.15)


@pytest.mark.parametrize("factor", [1.0, 1.2])
def test_no_congestion(histories, factor: float) -> None:
    """Controls as ever, a little slower, or not measured at all: nothing is said."""
    assert crowd(histories, Basis.PAIRS, speed=lambda h: evening(h, factor)) is None
    assert (
        crowd(histories, Basis.PAIRS, control_bps=lambda h: 2e7 * np.exp(evening(h, factor)))
        is None
    )
    assert crowd(histories, Basis.PAIRS) is None
