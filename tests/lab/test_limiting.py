"""What slows a flow, packet by packet: directions, delayed triggers, losses, stalls, sharing."""

from __future__ import annotations

import random

import pytest

from evenfall.lab.limiting import Limiter, Limits
from evenfall.lab.packets import Packet, build_tcp, pack_address, parse_ip
from evenfall.lab.scenario import CensorRule, Direction

CLIENT, SERVER = (pack_address("192.168.1.2"), 40_000), (pack_address("203.0.113.11"), 443)
FRAME_OVERHEAD = 14 + 20 + 20


def segment(payload_bytes: int, *, upwards: bool = False) -> Packet:
    """A segment with so much payload."""
    ends = (CLIENT, SERVER) if upwards else (SERVER, CLIENT)
    packet = parse_ip(
        build_tcp(*ends, sequence=1, acknowledgement=1, flags=16, payload=bytes(payload_bytes))
    )
    assert packet is not None
    return packet


def rule(action: str, **options: object) -> CensorRule:
    """A rule against `video`."""
    return CensorRule(action=action, services=("video",), **options)  # type: ignore[arg-type]  # (options)


def limiter() -> Limiter:
    """One with a fixed seed."""
    return Limiter(random.Random(4))  # noqa: S311 (seeded)


def passing(
    what: Limiter, limits: Limits, acts: CensorRule, count: int, *, upwards: bool = False,
    payload_bytes: int = 1000,
) -> int:  # fmt: skip
    """How many of `count` segments leave, all at the time 0."""
    packet = segment(payload_bytes, upwards=upwards)
    leaves = [what.leave_s(limits, acts, packet, 0.0, upwards=upwards) for _ in range(count)]
    return sum(leave is not None for leave in leaves)


@pytest.mark.parametrize("action", ["sni.police", "sni.shape", "sni.loss", "sni.stall"])
@pytest.mark.parametrize(
    ("direction", "down_hit", "up_hit"),
    [("both", True, True), ("down", True, False), ("up", False, True)],
)
def test_only_the_direction_named_is_touched(
    action: str, direction: Direction, down_hit: bool, up_hit: bool
) -> None:
    """A hundred segments at once: all pass where the rule does not look."""
    acts = rule(action, direction=direction, loss=0.5)
    assert (passing(limiter(), Limits(), acts, 100) < 100) is down_hit
    assert (passing(limiter(), Limits(), acts, 100, upwards=True) < 100) is up_hit


def test_a_delayed_trigger_counts_payload_of_both_ways() -> None:
    """Nothing happens to the first 40,000 bytes; then the burst, then nothing."""
    acts = rule("sni.police", delay_bytes=40_000, burst_bytes=16_000)
    what, limits = limiter(), Limits()
    assert passing(what, limits, acts, 20, upwards=True) == 20
    assert passing(what, limits, acts, 20) == 20
    assert passing(what, limits, acts, 100) == 16_000 // (1000 + FRAME_OVERHEAD)


def test_empty_segments_do_not_pull_a_trigger() -> None:
    """A hundred acknowledgements are no bytes."""
    acts = rule("sni.loss", delay_bytes=1, loss=1.0)
    what, limits = limiter(), Limits()
    assert passing(what, limits, acts, 100, payload_bytes=0) == 100
    assert passing(what, limits, acts, 1, payload_bytes=2) == 0


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.3, 1.0])
def test_losses_have_the_chance_they_are_given(loss: float) -> None:
    """Of 4,000 segments the share that is lost is the rule's, within four standard errors."""
    lost = 4000 - passing(limiter(), Limits(), rule("sni.loss", loss=loss), 4000)
    assert lost / 4000 == pytest.approx(loss, abs=4 * (loss * (1 - loss) / 4000) ** 0.5)


def test_losses_delay_nothing() -> None:
    """What is not lost leaves at once."""
    leaves = {
        limiter().leave_s(Limits(), rule("sni.loss", loss=0.2), segment(100), 7.0, upwards=False)
        for _ in range(50)
    }
    assert leaves <= {7.0, None}


def test_a_stall_is_for_ever_and_total() -> None:
    """16 segments of 1,000 bytes pass, the 17th does not, nor anything smaller after it."""
    acts = rule("sni.stall", stall_bytes=16_000, direction="down")
    what, limits = limiter(), Limits()
    assert passing(what, limits, acts, 30) == 16
    assert passing(what, limits, acts, 5, payload_bytes=1) == 0
    assert passing(what, limits, acts, 5, payload_bytes=0) == 0
    assert passing(what, limits, acts, 5, upwards=True) == 5


def test_a_stall_of_both_directions_adds_them_up() -> None:
    """Ten up and six down make sixteen."""
    acts = rule("sni.stall", stall_bytes=16_000)
    what, limits = limiter(), Limits()
    assert passing(what, limits, acts, 10, upwards=True) == 10
    assert passing(what, limits, acts, 10) == 6
    assert passing(what, limits, acts, 1, upwards=True) == 0


def test_flows_share_a_bucket_or_do_not() -> None:
    """Two flows of a shared rule get one burst together, else one each; directions stay apart."""
    own, shared = rule("sni.police"), rule("sni.police", shared=True)
    for acts, second in ((own, 15), (shared, 0)):
        what = limiter()
        assert passing(what, Limits(), acts, 50) == 15
        assert passing(what, Limits(), acts, 50) == second
        assert passing(what, Limits(), acts, 50, upwards=True) == 15


def test_a_shared_bucket_is_the_rules_own() -> None:
    """Another rule with other numbers has another."""
    what = limiter()
    assert passing(what, Limits(), rule("sni.police", shared=True), 50) == 15
    assert passing(what, Limits(), rule("sni.police", shared=True, burst_bytes=32_000), 50) == 30
