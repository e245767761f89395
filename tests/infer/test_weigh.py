"""Pairs by direction, ClientHello and address; half of the rounds here are innocent."""

from __future__ import annotations

import pytest
from pair_maker import TARGET, PairMaker

from evenfall.infer.pairs import Decision
from evenfall.infer.weigh import controls_exempt, weigh
from evenfall.model.vocabulary import Direction

DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD


def decisions(maker: PairMaker) -> dict[Direction, Decision]:
    """What each direction shows."""
    return {way: said.decision for way, said in weigh(maker.pairs, TARGET).by_direction.items()}


def test_nothing_made_is_nothing_said():
    """No pair: no direction, no decision, evidence 1."""
    said = weigh([], TARGET)
    assert (said.by_direction, said.convicted, said.leading.e_value) == ({}, (), 1.0)
    assert said.leading.decision is Decision.INCONCLUSIVE


def test_uploads_alone():
    """Slow uploads and fast downloads: convicted upwards, and uploads lead."""
    maker = PairMaker().quiet().quiet(way=UP)
    for _ in range(3):
        maker.add(10e6)
        maker.add(0.1e6, way=UP)
    said = weigh(maker.pairs, TARGET)
    assert said.convicted == (UP,)
    assert said.leading.direction is UP
    assert len(said.pairs) == 3
    assert said.by_direction[DOWN].decision is Decision.INCONCLUSIVE


def test_both_directions():
    """Slow both ways: both are named, and downloads lead."""
    maker = PairMaker().quiet().quiet(way=UP)
    for _ in range(2):
        maker.add(0.1e6)
        maker.add(0.1e6, way=UP)
    said = weigh(maker.pairs, TARGET)
    assert said.convicted == (DOWN, UP)
    assert said.leading.direction is DOWN


def test_an_upload_needs_ten_times_the_evidence():
    """Innocent enough: pairs that convict downwards leave it open upwards."""
    down, up = PairMaker().quiet(), PairMaker().quiet(way=UP)
    for _ in range(3):
        down.add(3e6)
        up.add(3e6, way=UP)
    for _ in range(1):
        down.add(2.8e6)
    assert decisions(down) == {DOWN: Decision.THROTTLED}
    assert decisions(up) == {UP: Decision.INCONCLUSIVE}


def test_noise_of_one_direction_is_not_that_of_the_other():
    """Uploads that fail under neutral names do not make the downloads' line wide."""
    maker = PairMaker().quiet()
    maker.add(0, 0, null=True, way=UP)
    maker.add(10e6, 0, null=True, way=UP)
    for _ in range(2):
        maker.add(0.1e6)
    said = weigh(maker.pairs, TARGET)
    assert not said.by_direction[DOWN].wide
    assert said.convicted == (DOWN,)


def test_the_other_targets_pairs_are_neutral_ground_only():
    """Innocent: another name that is slow says nothing about this one."""
    maker = PairMaker().quiet()
    for _ in range(4):
        maker.add(0.1e6, of="social/front")
        maker.add(9.8e6)
    assert weigh(maker.pairs, TARGET).convicted == ()
    assert weigh(maker.pairs, "social/front").convicted == (DOWN,)


@pytest.mark.parametrize("slow_hello", ["stdlib", "browser"])
def test_slowed_under_one_hello_alone(slow_hello: str):
    """Every second pair, of one ClientHello, is slow: convicted, and it is said of which."""
    maker = PairMaker().quiet()
    for _ in range(3):
        for hello in ("stdlib", "browser"):
            maker.add(0.1e6 if hello == slow_hello else 10e6, hello=hello)
    said = weigh(maker.pairs, TARGET)
    assert said.convicted == (DOWN,)
    assert said.only_hello == slow_hello
    assert {side.hello: side.n_pairs for side in said.by_hello} == {"stdlib": 3, "browser": 3}


def test_slowed_under_both_hellos():
    """No hello is singled out where both are slow, nor on an innocent line."""
    slow, innocent = PairMaker().quiet(), PairMaker().quiet()
    for hello in ("stdlib", "browser") * 3:
        slow.add(0.1e6, hello=hello)
        innocent.add(10e6, hello=hello)
    assert weigh(slow.pairs, TARGET).only_hello is None
    assert weigh(innocent.pairs, TARGET).only_hello is None


def test_exempt_controls():
    """A name that nobody knows is as slow as the target: it is the controls that are exempt."""
    maker = PairMaker()
    for _ in range(3):
        maker.add(0.1e6, null=True)
        maker.add(0.1e6)
    assert weigh(maker.pairs, TARGET).exempt
    assert controls_exempt(maker.pairs)


@pytest.mark.parametrize("random_bps", [9e6, 4e6, 12e6])
def test_controls_are_not_exempt_because_of_noise(random_bps: float):
    """One slow null pair, or pairs that favour either side, exempt nobody."""
    maker = PairMaker()
    maker.add(0.1e6, null=True)
    maker.add(10e6, random_bps, null=True)
    maker.add(0.1e6)
    assert not weigh(maker.pairs, TARGET).exempt


def test_the_target_is_worse_than_an_unknown_name():
    """Everything but the controls is halved, and the target is cut to a hundredth: not exempt."""
    maker = PairMaker()
    for _ in range(2):
        maker.add(4e6, null=True)
        maker.add(0.1e6)
    assert not weigh(maker.pairs, TARGET).exempt


def test_what_fails_now_and_runs_then_convicts_nobody():
    """Two dead transfers among fast ones of the same size count as a noisy line."""
    maker = PairMaker().quiet(4)
    for bps in (0, 10e6, 0, 10e6, 0):
        maker.add(bps)
    said = weigh(maker.pairs, TARGET)
    assert said.leading.wide
    assert said.convicted == ()


def test_a_stop_beyond_an_allowance_is_no_contradiction():
    """Small transfers run, larger ones die: that is not erratic."""
    maker = PairMaker().quiet(4)
    maker.add(10e6)
    for _ in range(4):
        maker.add(0, size=524_288)
    said = weigh(maker.pairs, TARGET)
    assert not said.leading.wide
    assert said.convicted == (DOWN,)


def test_a_burst_does_not_hide_the_rest():
    """One fast pair of 64 KB, then two slow ones of 512 KB: convicted."""
    maker = PairMaker().quiet()
    maker.add(10e6)
    for _ in range(2):
        maker.add(0.9e6, size=524_288)
    assert weigh(maker.pairs, TARGET).convicted == (DOWN,)


def test_a_line_that_prefers_a_name_does_not_convict():
    """Twelve pairs at ×1/1.9, all alike: plenty of evidence, none of it against a preference."""
    maker = PairMaker().quiet(4)
    for _ in range(12):
        maker.add(5.2e6)
    said = weigh(maker.pairs, TARGET).leading
    assert said.e_value > 1000
    assert said.e_preferred < 1
    assert said.decision is Decision.INCONCLUSIVE


def test_a_name_that_was_twice_as_fast_once_makes_its_line_wide():
    """A line that hangs under the neutral name hangs under the other too: three pairs are few."""
    maker = PairMaker().quiet(4)
    for bps in (2e6, 21e6, 2e6, 2e6):
        maker.add(bps)
    said = weigh(maker.pairs, TARGET)
    assert said.leading.wide
    assert said.convicted == ()


def test_a_name_that_was_faster_by_less_says_nothing_of_the_line():
    """Below ×2 it is ordinary noise: the same slow pairs convict."""
    maker = PairMaker().quiet(4)
    for bps in (2e6, 18e6, 2e6, 2e6):
        maker.add(bps)
    said = weigh(maker.pairs, TARGET)
    assert not said.leading.wide
    assert said.convicted == (DOWN,)


def test_null_pairs_that_failed_say_nothing_of_the_lines_noise():
    """Whether one fails is counted apart; its speed is no speed, and widens no scale."""
    maker = PairMaker().quiet(1)
    for _ in range(3):
        maker.add(0, 10e6, null=True)
    maker.add(0.1e6)
    said = weigh(maker.pairs, TARGET).leading
    assert said.scale == pytest.approx(0.19)
    assert said.wide
