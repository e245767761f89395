"""Scope and level of a claim: what controls, pairs, lines and other networks allow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.rate_cluster import RateElsewhere
from evenfall.infer.scope import Neighbours, joint_level, neighbours_of, network_level, reach
from evenfall.infer.scores import usable_rows
from evenfall.infer.series import Basis
from evenfall.infer.siblings import NO_SIBLINGS, Siblings
from evenfall.model.curfew import RateCluster
from evenfall.model.vocabulary import ClaimLevel, Scope, State

ALONE = Neighbours(clean=(), affected=())
CLEAN = Neighbours(clean=("AS2",), affected=("AS3",))


def reached(
    histories,
    basis,
    *,
    controls=None,
    state=State.BLOCKED,
    neighbours=ALONE,
    nights=14,
    speed=None,
    **beside,
):
    """Scope of 20–22, failing at nine of ten, beside controls that fail at a rate by hour."""
    h = histories.measured(np.random.default_rng(1), nights)
    inside = h.inside(20, 22)
    known = {} if controls is None else {"control_failed": h.failing(controls(h))}
    failed = h.failing(np.where(inside, 0.95, 0.02))
    series = h.series(basis, failed=failed, **known)
    if speed is not None:
        series = replace(series, control_log_goodput=speed(h))
    rows = usable_rows(series, NIGHTLY_2026)
    around = (inside, h.inside(19, 20), h.inside(22, 23))
    return reach(
        rows, inside, ~inside, around,
        basis=basis, state=state, neighbours=neighbours, profile=NIGHTLY_2026, **beside,
    )  # fmt: skip


def test_no_control_is_undetermined_and_says_so(histories) -> None:
    """Other networks are context, named as clean or not, and no control."""
    got = reached(histories, Basis.UNPAIRED, neighbours=CLEAN)
    assert got.scope is Scope.UNDETERMINED
    assert got.because == (
        "no concurrent control on this network; other networks clean (AS2; not clean: AS3)"
    )
    alone = reached(histories, Basis.UNPAIRED)
    assert alone.because.endswith("no other network measured in these hours")


def test_clean_controls_make_it_targeted_but_not_isolated(histories) -> None:
    """Failures beside controls that work, if another network clears the site itself."""
    for neighbours, scope in ((CLEAN, Scope.TARGETED), (ALONE, Scope.UNDETERMINED)):
        got = reached(
            histories, Basis.CONTROL_DIFFERENCE, controls=lambda h: 0.02, neighbours=neighbours
        )
        assert (got.scope, got.isolated) == (scope, False)


def test_controls_that_fail_too_make_it_general(histories) -> None:
    """Also if they fail in the hour beside the window rather than in it."""
    for low, high in ((20, 22), (21.9, 23.5)):
        got = reached(
            histories,
            Basis.CONTROL_DIFFERENCE,
            controls=lambda h, a=low, b=high: np.where(h.inside(a, b), 0.9, 0.02),
        )
        assert got.scope is Scope.GENERALIZED


def test_both_causes_at_once_are_both_said(histories) -> None:
    """A third of the controls fail in the evening, the target nearly always: targeted, said."""
    got = reached(
        histories,
        Basis.CONTROL_DIFFERENCE,
        controls=lambda h: np.where(h.inside(19, 23), 0.35, 0.02),
        nights=28,
        neighbours=CLEAN,
    )
    assert got.scope is Scope.TARGETED
    assert "of the controls fail then too" in got.because


def test_pairs_are_isolated(histories) -> None:
    """Only the name differed."""
    got = reached(histories, Basis.PAIRS, state=State.SLOWED)
    assert (got.scope, got.isolated) == (Scope.TARGETED, True)


def test_slow_against_other_servers_stays_undetermined(histories) -> None:
    """A site, or the road to it, may be slow every evening at nobody's request."""
    for neighbours, words in ((ALONE, "the site itself"), (CLEAN, "the road to it")):
        got = reached(
            histories,
            Basis.CONTROL_DIFFERENCE,
            controls=lambda h: 0.0,
            speed=lambda h: h.noise(),
            state=State.SLOWED,
            neighbours=neighbours,
        )
        assert got.scope is Scope.UNDETERMINED
        assert words in got.because


def test_neighbours_need_three_rows() -> None:
    """Two rows say nothing; a fifth may fail."""
    got = neighbours_of(
        {"A": np.zeros(2, bool), "B": np.arange(10) < 2, "C": np.arange(10) < 3}, NIGHTLY_2026
    )
    assert got == Neighbours(clean=("B",), affected=("C",))


@pytest.mark.parametrize(
    ("basis", "lines", "level"),
    [
        (Basis.PAIRS, None, ClaimLevel.L2),
        (Basis.PAIRS, 2, ClaimLevel.L2),
        (Basis.PAIRS, 3, ClaimLevel.L3),
        (Basis.CONTROL_DIFFERENCE, 9, ClaimLevel.L2),
        (Basis.UNPAIRED, 9, ClaimLevel.L2),
    ],
)
def test_level_of_one_network(basis: Basis, lines: int | None, level: ClaimLevel) -> None:
    """Lines that nobody told apart, and different servers, stay at L2."""
    assert network_level(basis, lines) is level


def test_level_of_two_networks() -> None:
    """L4 with a second targeted network at L3; L5 if both are isolated."""
    own, targeted = ClaimLevel.L3, Scope.TARGETED
    assert joint_level(own, [], isolated=True) is ClaimLevel.L3
    assert joint_level(own, [(own, targeted, False)], isolated=True) is ClaimLevel.L4
    assert joint_level(own, [(own, targeted, True)], isolated=True) is ClaimLevel.L5
    assert joint_level(own, [(own, Scope.UNDETERMINED, True)], isolated=True) is ClaimLevel.L3
    assert joint_level(ClaimLevel.L2, [(own, targeted, True)], isolated=True) is ClaimLevel.L2


RATE = RateCluster(
    median_bps=110_000, low_bps=83_000, high_bps=129_000, share=0.9, share_low=0.8, share_high=0.95,
    n=90, because="90 of 100 measurements on lines that can do more lie between 83 and 129 kbit/s",
)  # fmt: skip


@pytest.mark.parametrize(
    ("rate", "clean", "most", "scope"),
    [
        (RATE, ("AS2", "AS3", "AS4"), 40, Scope.TARGETED),
        (RATE, ("AS2",), 100, Scope.TARGETED),
        (RATE, ("AS2",), 40, Scope.UNDETERMINED),
        (RATE, (), 0, Scope.UNDETERMINED),
        (None, ("AS2", "AS3", "AS4"), 400, Scope.UNDETERMINED),
    ],
)
def test_one_rate_that_others_do_not_show(histories, rate, clean, most: int, scope: Scope) -> None:
    """A crowded road has no rate: targeted, never isolated, and what is not excluded is named."""
    got = reached(
        histories,
        Basis.CONTROL_DIFFERENCE,
        controls=lambda h: 0.0,
        speed=lambda h: h.noise(),
        state=State.SLOWED,
        neighbours=CLEAN,
        rate=rate,
        elsewhere=None if rate is None else RateElsewhere(clean, (), most),
    )
    assert (got.scope, got.isolated) == (scope, False)
    named = "a limit that the site itself sets for this network" in got.because
    assert named is (scope is Scope.TARGETED)


def test_a_rate_says_nothing_about_failing(histories) -> None:
    """What does not open is not limited to a rate."""
    got = reached(
        histories,
        Basis.CONTROL_DIFFERENCE,
        controls=lambda h: 0.02,
        rate=RATE,
        elsewhere=RateElsewhere(("AS2", "AS3", "AS4"), (), 400),
    )
    assert got.scope is Scope.UNDETERMINED


FINE = Siblings(clean=("mail", "news"), affected=("video",), alike=("video",))
ALIKE = Siblings(clean=(), affected=("mail", "news"), alike=("mail", "news"))


@pytest.mark.parametrize(
    ("siblings", "state", "neighbours", "scope"),
    [
        (FINE, State.BLOCKED, CLEAN, Scope.TARGETED),
        (FINE, State.BLOCKED, ALONE, Scope.UNDETERMINED),
        (FINE, State.SLOWED, CLEAN, Scope.UNDETERMINED),
        (ALIKE, State.BLOCKED, CLEAN, Scope.GENERALIZED),
        (ALIKE, State.SLOWED, ALONE, Scope.GENERALIZED),
        (NO_SIBLINGS, State.BLOCKED, CLEAN, Scope.UNDETERMINED),
        (Siblings(clean=("mail",)), State.BLOCKED, CLEAN, Scope.UNDETERMINED),
    ],
)
def test_siblings_where_no_control_was_asked(
    histories, siblings: Siblings, state: State, neighbours: Neighbours, scope: Scope
) -> None:
    """Two fine ones clear the network, another network the site; all alike is everything."""
    got = reached(histories, Basis.UNPAIRED, state=state, neighbours=neighbours, siblings=siblings)
    assert (got.scope, got.isolated) == (scope, False)


def test_controls_that_were_asked_speak_before_siblings(histories) -> None:
    """Fine controls beside services that fail alike: chosen services, not everything."""
    got = reached(
        histories,
        Basis.CONTROL_DIFFERENCE,
        controls=lambda h: 0.02,
        neighbours=CLEAN,
        siblings=ALIKE,
    )
    assert got.scope is Scope.TARGETED
    pairs = reached(histories, Basis.PAIRS, state=State.SLOWED, siblings=ALIKE)
    assert (pairs.scope, pairs.isolated) == (Scope.TARGETED, True)
