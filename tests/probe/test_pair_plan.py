"""Which pair comes next: the ladder, uploads, null pairs, and sizes after a slow pair."""

from __future__ import annotations

import math

import msgspec
import pytest

from evenfall.infer.facts import Pair
from evenfall.infer.profiles import PAIRS_2026
from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Arm, ClockState, Direction, Fact, Provenance, Role
from evenfall.probe.pair_plan import Candidate, Step, next_step
from evenfall.probe.pair_sizes import telling_size, took_s

SMALL, LARGE, LARGEST = PAIRS_2026.size_ladder_bytes
DOWN, UP = Direction.DOWNLOAD, Direction.UPLOAD
NEVER_MORE = 60


def made(step: Step, x: float, index: int, *, curves: bool = True) -> Pair:
    """The pair of a step, with this score; both arms even, the neutral one at 10 Mbit/s."""
    arms = []
    for arm in (Arm.TARGET, Arm.NEUTRAL):
        bps = 10e6 * (math.exp(x) if arm is Arm.TARGET else 1.0)
        end_us = round(step.size_bytes * 8e6 / bps)
        arms.append(
            Observation(
                observation_id=f"r/{index}/{arm}", fact=Fact.TRANSFER, service="s",
                provenance=Provenance.SYNTH, target=step.target_id or "news/front",
                role=Role.TARGET, started_us=1_528_210_800_000_000 + index * 2_000_000,
                clock=ClockState.VERIFIED, pair_id=str(index), arm=arm, direction=step.direction,
                is_null_pair=not step.target_id, size_bytes=step.size_bytes, goodput_bps=round(bps),
                body_bytes=step.size_bytes,
                curve=tuple((end_us * i // 8, step.size_bytes * i // 8) for i in range(1, 9))
                if curves else None,
            )
        )  # fmt: skip
    return Pair(target=arms[0], neutral=arms[1], is_null=not step.target_id)


def play(candidates, world, *, fits=lambda _: True) -> list[Step]:
    """All steps of a round in which `world(step)` is the score."""
    pairs: list[Pair] = []
    steps: list[Step] = []
    while (step := next_step(pairs, candidates, fits=fits)) is not None:
        steps.append(step)
        pairs.append(made(step, world(step), len(pairs)))
        assert len(steps) < NEVER_MORE
    return steps


def innocent(_: Step) -> float:
    """Nothing is slowed."""
    return 0.0


def test_a_quiet_round_is_short():
    """Innocent: two null pairs, six downloads of which one is large, one upload a target."""
    candidates = [Candidate(target_id="a"), Candidate(target_id="b", is_suspect=False)]
    steps = play(candidates, innocent)
    assert [s.target_id for s in steps[:3]] == ["", "a", ""]
    own = [s for s in steps if s.target_id == "a" and s.direction is DOWN]
    assert [s.size_bytes for s in own] == [SMALL, LARGE, SMALL, SMALL, SMALL, SMALL]
    assert sum(s.direction is UP for s in steps) == 2
    assert not [s for s in steps if s.target_id == "b" and s.direction is DOWN]


def test_nobody_to_look_at():
    """Innocent: no candidate, no step; neither where nothing can be paid for."""
    assert next_step([], [], fits=lambda _: True) is None
    assert next_step([], [Candidate(target_id="a")], fits=lambda _: False) is None


def test_a_plainly_slowed_name_takes_two_pairs():
    """×1/20 at any size: two small downloads decide, then two small uploads."""
    steps = play([Candidate(target_id="a", is_slow=True)], lambda s: -3.0 if s.target_id else 0.0)
    assert [s.size_bytes for s in steps if s.target_id and s.direction is DOWN] == [SMALL, SMALL]
    assert sum(s.target_id == "a" and s.direction is UP for s in steps) == 2
    assert sum(not s.target_id and s.direction is UP for s in steps) >= 2


def test_an_allowance_is_looked_behind():
    """Fast up to 256 KB and slow beyond: the plan stays with sizes beyond it."""
    steps = play(
        [Candidate(target_id="a", is_slow=True)],
        lambda s: -2.0 if s.target_id and s.direction is DOWN and s.size_bytes > 262_144 else 0.0,
    )
    sizes = [s.size_bytes for s in steps if s.target_id and s.direction is DOWN]
    assert sizes[:2] == [SMALL, LARGE]
    assert sum(size > 262_144 for size in sizes) >= 2
    assert len(sizes) <= 6


def test_one_odd_pair_does_not_send_it_up_the_sizes():
    """Innocent: a single slow large pair, then fast ones: back to small transfers soon."""
    seen: list[Step] = []

    def world(step: Step) -> float:
        seen.append(step)
        first_large = step.size_bytes == LARGE and sum(s.size_bytes == LARGE for s in seen) == 1
        return -1.6 if first_large and step.target_id else 0.0

    steps = play([Candidate(target_id="a")], world)
    assert sum(s.size_bytes > SMALL for s in steps) <= 4


def test_a_slow_pair_asks_for_more_null_pairs():
    """How noisy the line is has to be known better before anybody is convicted."""
    steps = play([Candidate(target_id="a")], lambda s: -0.9 if s.target_id else 0.0)
    nulls = [s for s in steps if not s.target_id and s.direction is DOWN]
    assert len(nulls) == PAIRS_2026.null_pairs_max


def test_many_targets_are_screened_and_not_all():
    """Twenty targets: at most six uploads are looked at."""
    others = [Candidate(target_id=f"t{i}", is_suspect=False) for i in range(20)]
    steps = play([Candidate(target_id="a"), *others], innocent)
    assert len({s.target_id for s in steps if s.direction is UP}) == 6


def test_what_does_not_fit_is_done_small():
    """Where half a megabyte is too much, small pairs go on."""
    steps = play([Candidate(target_id="a")], innocent, fits=lambda n: n <= SMALL)
    assert {s.size_bytes for s in steps} == {SMALL}


@pytest.mark.parametrize("x", [-3.0, -1.2, -0.5, 0.0, 0.7])
@pytest.mark.parametrize("is_slow", [True, False])
def test_every_round_ends(x: float, is_slow: bool):
    """Whatever the pairs show, the plan ends, and asks for nothing under 24 KB."""
    steps = play([Candidate(target_id="a", is_slow=is_slow)], lambda s: x if s.target_id else 0.0)
    assert all(24_576 <= s.size_bytes <= LARGEST for s in steps)


def test_a_failed_pair_is_asked_again_with_as_much():
    """Silence says nothing about a better size."""
    pair = made(Step(target_id="a", direction=DOWN, size_bytes=LARGE, index=0), -2.0, 0)
    dead = msgspec.structs.replace(pair.target, failure="stalled", goodput_bps=1, body_bytes=9)
    assert telling_size(Pair(target=dead, neutral=pair.neutral, is_null=False)) == LARGE


def test_an_even_slowing_is_asked_again_with_little():
    """×1/20 from the first byte on: 64 KB tell most for their price."""
    pair = made(Step(target_id="a", direction=DOWN, size_bytes=LARGE, index=0), -3.0, 0)
    assert telling_size(pair) == SMALL


def test_time_is_read_off_a_curve_and_beyond_it():
    """Between points, and beyond the last at the rate of its second half."""
    curve = [(1_000_000, 1000), (2_000_000, 2000), (3_000_000, 3000)]
    assert took_s(curve, 1500) == pytest.approx(1.5)
    assert took_s(curve, 4000) == pytest.approx(4.0)
    assert took_s(curve[:1], 4000) is None
    assert took_s([], 1) is None
