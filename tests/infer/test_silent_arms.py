"""Transfers that fail by chance: they may not convict, and a name that is cut off still must."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from evenfall.infer.facts import Pair
from evenfall.infer.finding import PairView, view_pairs
from evenfall.infer.ground import survey
from evenfall.infer.pairs import Decision, NeutralArms, assess, failed_arm_max
from evenfall.infer.profiles import CHECK_2026
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Arm, ClockState, Fact, Provenance, Role

TARGET = Target(target_id="video/front", url="https://video.test/", role=Role.TARGET)
CONTROL = Target(target_id="news/front", url="https://news.test/", role=Role.CONTROL)
SILENT = "generic_timeout_error"
NOTHING = -math.log(1000)
QUIET = [0.05, -0.1]


class Line:
    """Pairs as they come in, judged after each."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []

    def add(self, target_bps: float | None, neutral_bps: float | None, *, null: bool) -> None:
        """One pair; 0 is silence, None no connection."""
        about = CONTROL if null else TARGET
        arms = [
            Observation(
                observation_id=f"r/{len(self.pairs)}/{arm}", fact=Fact.TRANSFER,
                provenance=Provenance.PROBE, service=about.service, target=about.target_id,
                role=about.role, started_us=1_528_210_800_000_000, clock=ClockState.VERIFIED,
                pair_id=str(len(self.pairs)), arm=arm, is_null_pair=null,
                goodput_bps=None if bps is None else round(bps),
                failure=None if bps else SILENT, body_bytes=None if bps is None else round(bps / 8),
            )
            for arm, bps in ((Arm.TARGET, target_bps), (Arm.NEUTRAL, neutral_bps))
        ]  # fmt: skip
        self.pairs.append(Pair(target=arms[0], neutral=arms[1], is_null=null))

    def seen(self) -> PairView:
        """What they show by now."""
        ground = survey([], [], self.pairs, has_server=True, tariff_bps=None, profile=CHECK_2026)
        return view_pairs(TARGET.target_id, ground)


def session(rng: np.random.Generator, stall_share: float, *, target_share: float) -> int:
    """Pairs after which a session convicts (0: never), stopped as `check` would.

    Arms fail independently: neutral ones with `stall_share`, the target's with `target_share`.
    """
    line = Line()

    def arm(share: float) -> float:
        noise = 0.19 * rng.standard_normal() / math.sqrt(rng.chisquare(2) / 2) / math.sqrt(2)
        return 0.0 if rng.random() < share else 10e6 * math.exp(min(max(noise, -9), 9))

    for done in range(CHECK_2026.pairs.n_max):
        if done < CHECK_2026.pairs.null_pairs_min:
            line.add(arm(stall_share), arm(stall_share), null=True)
        line.add(arm(target_share), arm(stall_share), null=False)
        if line.seen().throttled:
            return done + 1
    return 0


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1, 0.2, 0.4])
def test_random_stalls_do_not_convict(share: float) -> None:
    """500 innocent sessions in which every arm fails with the same probability: ≤ 1.4 % convicted.

    The full run (4,000 sessions each, at most 0.8 %) is in docs/decisions/0009.
    """
    rng = np.random.default_rng(round(share * 100))
    convicted = sum(session(rng, share, target_share=share) > 0 for _ in range(500))
    assert convicted <= 7, convicted


@pytest.mark.parametrize("share", [0.0, 0.02, 0.05, 0.1])
def test_a_name_that_is_cut_off_is_found(share: float) -> None:
    """Silence under this name every time: found within twelve pairs, on a clean line after three.

    Also where up to a tenth of all other transfers fail.
    """
    rng = np.random.default_rng(9)
    took = [session(rng, share, target_share=1.0) for _ in range(60)]
    assert took.count(0) <= 3
    if not share:
        assert sorted(took)[30] == 3
        assert min(took) == 3


def test_two_silent_pairs_are_too_few_and_slow_ones_are_not() -> None:
    """Clean null pairs: two silent pairs leave it open, three convict; two slow ones convict."""
    line = Line()
    for _ in range(2):
        line.add(9.8e6, 10e6, null=True)
        line.add(0, 10e6, null=False)
    assert line.seen().assessment.decision is Decision.INCONCLUSIVE
    line.add(0, 10e6, null=False)
    assert line.seen().throttled
    slow = Line()
    for _ in range(2):
        slow.add(9.8e6, 10e6, null=True)
        slow.add(0.3e6, 10e6, null=False)
    assert slow.seen().throttled


@pytest.mark.parametrize("null", [(0, 0), (None, 9e6), (0, 9e6)], ids=["both", "tcp", "one"])
def test_null_pairs_that_failed_make_the_line_wide(null: tuple[float | None, float | None]) -> None:
    """Null pairs silent, unconnected or cut, then three silent or slow pairs: not enough."""
    for target_bps in (0, 0.3e6):
        line = Line()
        for _ in range(2):
            line.add(*null, null=True)
            line.add(target_bps, 10e6, null=False)
        line.add(target_bps, 10e6, null=False)
        view = line.seen()
        assert view.assessment.wide
        assert not view.throttled


def test_a_round_that_ended_is_no_failure_of_the_line() -> None:
    """An arm cut short by the end of the round counts neither as done nor as failed."""
    line = Line()
    line.add(9.8e6, 10e6, null=True)
    line.add(None, None, null=True)
    ended = line.pairs[1]
    arms = [
        msgspec.structs.replace(o, failure="interrupted") for o in (ended.target, ended.neutral)
    ]
    line.pairs[1] = Pair(target=arms[0], neutral=arms[1], is_null=True)
    ground = survey([], [], line.pairs, has_server=True, tariff_bps=None, profile=CHECK_2026)
    arms = NeutralArms(
        done=sum(len(p.neutral_arms) for p in ground.pairs),
        failed=sum(p.neutral_failed for p in ground.pairs),
    )
    assert arms == NeutralArms(done=2, failed=0)


def test_a_failed_arm_says_no_more_than_the_neutral_arms_allow() -> None:
    """The cut is (arms + 2)/(failed + 1), above 1 whatever happens, and slow arms are not cut."""
    assert failed_arm_max(NeutralArms(done=6)) == 8
    assert failed_arm_max(NeutralArms(done=6, failed=2)) == pytest.approx(8 / 3)
    assert failed_arm_max(NeutralArms(done=12, failed=12)) > 1
    clean, sick = NeutralArms(done=8), NeutralArms(done=8, failed=3)
    three = [NOTHING] * 3
    failed = range(3)
    uncut = assess(three, QUIET, neutral=clean).e_value
    assert uncut > 10 * assess(three, QUIET, failed=failed, neutral=clean).e_value
    assert (
        assess(three, QUIET, failed=failed, neutral=clean).e_value
        > assess(three, QUIET, failed=failed, neutral=sick).e_value
    )
    assert assess([-2.0] * 3, QUIET, neutral=sick).e_value > 1000
