"""One transfer, on a line in memory with the real server behind it: every row of the table."""

from __future__ import annotations

import asyncio
import random
import types

import pytest

from evenfall.measure.pairs import (
    PAUSE_AFTER_CUT_S,
    PAUSE_S,
    reserve_pair_bytes,
    run_null_pair,
    run_pair,
)
from evenfall.measure.round import Round
from evenfall.measure.transfer import reserve_bytes, transfer
from evenfall.measure.transfer_run import PairServer
from evenfall.model.target import Target
from evenfall.model.vocabulary import Arm, Direction, Fact, Role
from evenfall.net.clock import ManualClock
from evenfall.net.fake import FakeNetwork, Host, Line, Rule, tls_peer
from evenfall.server.identity import load_or_create, tls_context
from evenfall.server.limits import Gate, Limits
from evenfall.server.recorder import Results
from evenfall.server.session import Session, random_block

_PLACE = ("203.0.113.80", 8443)
_TARGET = Target(target_id="video/front", url="https://video.example/1M.bin", role=Role.TARGET)
_SIZE = 65_536


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """One key for all servers here."""
    return load_or_create(tmp_path_factory.mktemp("state"))


class World:
    """A measurement server somewhere in a network in memory."""

    def __init__(self, identity, *, limits: Limits | None = None, **host) -> None:
        self.clock = ManualClock()
        self.network = FakeNetwork(self.clock)
        self.round = Round("r", self.clock)
        self.server = PairServer(address=_PLACE[0], port=_PLACE[1], pin=identity.pin)
        limits = limits or Limits()
        shared = types.SimpleNamespace(
            context=tls_context(identity),
            gate=Gate(limits, self.clock),
            results=Results(self.clock, kept_s=60, count_max=10),
            block=random_block(),
        )

        async def peer(stream) -> None:
            await Session(
                stream,
                address="192.0.2.1",
                limits=limits,
                clock=self.clock,
                context=shared.context,
                gate=shared.gate,
                results=shared.results,
                block=shared.block,
            ).run()

        self.network.at[_PLACE] = Host(**{"peer": peer, **host})

    async def transfer(self, sni: str = "video.example", **options):
        """One transfer, 64 KiB down unless told."""
        options = {"size_bytes": _SIZE} | options
        return await transfer(self.network, self.server, self.round, _TARGET, sni=sni, **options)


def _run(world: World, **options):
    return asyncio.run(world.transfer(**options))


_BOTH = pytest.mark.parametrize("direction", list(Direction))


@_BOTH
@pytest.mark.parametrize("size", [65_536, 262_144, 1_048_576])
def test_an_undisturbed_transfer_has_the_lines_goodput(identity, direction, size):
    """Innocent: all bytes, no failure, and the goodput that rate and round trips give."""
    line = Line(rtt_s=0.04, rate_bps=8e6)
    seen = _run(World(identity, line=line), direction=direction, size_bytes=size)
    assert (seen.fact, seen.failure, seen.capped) == (Fact.TRANSFER, None, False)
    assert (seen.body_bytes, seen.size_bytes) == (size, size)
    ideal_s = size * 8 / line.rate_bps + 2 * line.rtt_s  # handshake, then request or arrival
    assert seen.goodput_bps == pytest.approx(size * 8 / ideal_s, rel=0.05)
    assert seen.rtt_min_us == 40_000
    assert size < seen.wire_bytes <= reserve_bytes(size)
    assert (seen.sni, seen.direction, seen.host) == ("video.example", direction, None)


def test_the_curve_says_when_the_bytes_came(identity):
    """Innocent: at most 64 points, rising in both, ending at the last byte."""
    seen = _run(World(identity), size_bytes=1_048_576)
    times, counts = zip(*seen.curve, strict=True)
    assert len(seen.curve) <= 64
    assert list(times) == sorted(times)
    assert list(counts) == sorted(counts)
    assert counts[-1] == 1_048_576
    assert seen.goodput_bps == pytest.approx(counts[-1] * 8e6 / times[-1], rel=1e-6)


@_BOTH
def test_a_slowed_name_is_cut_at_the_cap_and_is_data(identity, direction):
    """128 kbit/s after a ClientHello with the name: bytes so far over four seconds, no failure."""
    rule = Rule(action="slow", contains=b"video.example", rate_bps=128_000)
    world = World(identity, rules=(rule,))
    seen = _run(world, direction=direction, size_bytes=262_144)
    assert (seen.failure, seen.capped) == (None, True)
    assert seen.goodput_bps == pytest.approx(128_000, rel=0.15)
    assert seen.body_bytes == pytest.approx(64_000, rel=0.15)
    other = _run(World(identity, rules=(rule,)), sni="static.example", size_bytes=262_144)
    assert other.goodput_bps > 5e6


def test_the_servers_view_of_a_cut_transfer_is_fetched_under_the_neutral_name(identity):
    """Innocent second connection: round-trip time and retransmissions of a cut transfer."""
    rule = Rule(action="slow", contains=b"video.example", rate_bps=128_000)
    world = World(identity, rules=(rule,), line=Line(rtt_s=0.05))
    seen = _run(world, direction=Direction.UPLOAD, size_bytes=262_144, result_sni="static.example")
    assert len(world.network.connects) == 2
    assert seen.capped
    assert len(seen.curve) > 10, "the arrivals that the server sampled"
    assert seen.curve[-1][1] == pytest.approx(seen.body_bytes, abs=20_000)
    alone = _run(World(identity, rules=(rule,)), size_bytes=262_144)
    assert seen.wire_bytes > 0
    assert alone.retransmitted_bytes is None


@pytest.mark.parametrize(
    ("rules", "failure", "operation", "capped"),
    [
        ((Rule(action="silence"),), "generic_timeout_error", "tls_handshake", True),
        ((Rule(action="reset"),), "connection_reset", "tls_handshake", False),
        ((Rule(action="silence", after_bytes=2500),), "generic_timeout_error", None, True),
        ((Rule(action="reset", after_bytes=2500),), "connection_reset", None, False),
    ],
)
@_BOTH
def test_nothing_arrives_goodput_zero(identity, rules, failure, operation, capped, direction):
    """Silence or a reset after the ClientHello, or after the handshake: zero, never null."""
    seen = _run(World(identity, rules=rules), direction=direction)
    assert (seen.goodput_bps, seen.body_bytes) == (0, 0)
    assert (seen.failure, seen.capped) == (failure, capped)
    assert operation in (None, seen.operation)
    assert seen.duration_us < 4.2e6


def test_bytes_and_then_none_is_a_stall(identity):
    """Half a megabyte asked, 100 kB sent, then silence for the rest of the cap."""
    world = World(identity, rules=(Rule(action="silence", after_bytes=100_000),))
    seen = _run(world, size_bytes=524_288)
    assert (seen.failure, seen.operation, seen.capped) == ("stalled", "read", True)
    assert 0 < seen.body_bytes <= 100_000
    assert seen.goodput_bps == pytest.approx(seen.body_bytes * 8 / 4)


@_BOTH
def test_a_reset_on_the_way_counts_as_if_it_had_gone_on_to_the_cap(identity, direction):
    """It never completed: bytes so far over the whole cap, and the reset is named."""
    rule = Rule(action="reset", after_bytes=40_000)
    seen = _run(World(identity, rules=(rule,)), direction=direction)
    assert (seen.failure, seen.capped) == ("connection_reset", False)
    assert 0 < seen.body_bytes < _SIZE
    assert seen.goodput_bps == round(seen.body_bytes * 8 / 4)


@pytest.mark.parametrize(
    ("on_connect", "failure"),
    [
        ("refuse", "connection_refused"),
        ("silence", "generic_timeout_error"),
        ("unreachable", "host_unreachable"),
    ],
)
def test_no_connection_says_nothing_about_names(identity, on_connect, failure):
    """Before a name is sent there is no goodput, not even zero."""
    seen = _run(World(identity, on_connect=on_connect))
    assert (seen.failure, seen.operation) == (failure, "connect")
    assert (seen.goodput_bps, seen.capped, seen.body_bytes) == (None, None, None)


def test_a_stranger_in_between_gets_no_request(identity, tmp_path):
    """Another key: pin_mismatch, no request sent, no goodput."""
    asked = []

    async def listen(stream) -> None:
        asked.append(await stream.read(65_536, timeout_s=60))

    world = World(identity)
    stranger = tls_context(load_or_create(tmp_path / "other"))
    world.network.at[_PLACE].peer = tls_peer(stranger, listen, clock=world.clock)
    seen = _run(world, result_sni="static.example")
    assert (seen.failure, seen.operation, seen.goodput_bps) == ("pin_mismatch", "pin", None)
    assert not any(asked)
    assert world.network.connects == [_PLACE], "and the result is not asked for either"
    assert seen.certificate_sha256 is not None


def test_tls_1_2_is_not_spoken(identity, tmp_path):
    """A server that offers no more than 1.2 would show its certificate: the handshake fails."""
    import ssl

    old = tls_context(load_or_create(tmp_path / "old"))
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    world = World(identity)
    world.network.at[_PLACE].peer = tls_peer(old, _mute, clock=world.clock)
    seen = _run(world)
    assert (seen.failure, seen.operation) == ("ssl_failed_handshake", "tls_handshake")
    assert seen.goodput_bps == 0


@_BOTH
def test_a_busy_server_is_no_evidence(identity, direction):
    """Our server declines: no goodput, and the reason is told."""
    limits = Limits(bytes_per_minute=1000)
    seen = _run(World(identity, limits=limits), direction=direction)
    assert (seen.failure, seen.goodput_bps) == ("unknown_failure: refused budget", None)


def test_a_server_that_speaks_nonsense_is_no_evidence(identity):
    """The right key, but not our protocol: no goodput, nothing raised."""

    async def babble(stream) -> None:
        await stream.read(65_536, timeout_s=60)
        await stream.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000, timeout_s=60)
        await stream.read(65_536, timeout_s=60)

    world = World(identity)
    world.network.at[_PLACE].peer = tls_peer(tls_context(identity), babble, clock=world.clock)
    seen = _run(world)
    assert seen.failure.startswith("unknown_failure: pair protocol")
    assert seen.goodput_bps is None


@pytest.mark.parametrize("fault_s", [0.0, 3.0, -2400.0])
def test_the_servers_clock_tells_how_far_ours_is_off(identity, fault_s):
    """Innocent at 0 s: the offset is known to half a round trip."""
    world = World(identity, line=Line(rtt_s=0.1))
    offsets = []

    class Wrong(ManualClock):
        def wall_us(self) -> int:
            return world.clock.wall_us() + round(fault_s * 1e6)

        def monotonic_s(self) -> float:
            return world.clock.monotonic_s()

    world.round.clock = Wrong()
    _run(world, on_clock=offsets.append)
    (offset,) = offsets
    assert abs(offset.offset_us + fault_s * 1e6) <= offset.bound_us + 1000
    assert offset.bound_us == pytest.approx(50_000, rel=0.1)


def test_an_interrupted_transfer_leaves_nothing_open(identity):
    """Cancelled half-way, the connection is closed and the cancellation goes on."""
    world = World(identity, rules=(Rule(action="silence"),))

    async def main():
        running = asyncio.ensure_future(world.transfer())
        await world.clock.sleep(1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())


def _pair(world: World, seed: int, **options):
    async def main():
        return await run_pair(
            world.network,
            world.server,
            world.round,
            _TARGET,
            target_sni="video.example",
            neutral_sni="static.example",
            size_bytes=_SIZE,
            rng=random.Random(seed),  # noqa: S311 (seeded)
            **options,
        )

    return asyncio.run(main())


def test_a_pair_differs_in_the_name_alone(identity):
    """Innocent: same server, bytes and pair; two names; equal goodput."""
    pair = _pair(World(identity), seed=1)
    same = ("pair_id", "address", "port", "size_bytes", "direction", "target", "is_null_pair")
    assert all(getattr(pair.target, f) == getattr(pair.neutral, f) for f in same)
    assert (pair.target.sni, pair.neutral.sni) == ("video.example", "static.example")
    assert {pair.target.position, pair.neutral.position} == {0, 1}
    assert pair.target.goodput_bps == pytest.approx(pair.neutral.goodput_bps, rel=0.02)
    assert pair.target.wire_bytes + pair.neutral.wire_bytes <= reserve_pair_bytes(_SIZE)


def test_the_order_is_drawn(identity):
    """Over forty seeds each arm goes first about half of the time; one seed gives one order."""
    firsts = [_pair(World(identity), seed=s).target.position == 0 for s in range(40)]
    assert 10 <= sum(firsts) <= 30
    assert firsts[0] == (_pair(World(identity), seed=0).target.position == 0)


def test_a_pair_under_throttling_shows_it_and_pauses_after_the_cut(identity):
    """The named arm is slow, the neutral is not; the queue of a cut arm gets time to drain."""
    rule = Rule(action="slow", contains=b"video.example", rate_bps=64_000)
    for seed in range(4):
        pair = _pair(World(identity, rules=(rule,)), seed=seed)
        assert pair.neutral.goodput_bps > 20 * pair.target.goodput_bps > 0
        first, second = sorted(pair, key=lambda arm: arm.position)
        gap_s = (second.started_us - first.started_us - first.duration_us) / 1e6
        if first.arm is Arm.TARGET:
            assert gap_s == pytest.approx(PAUSE_AFTER_CUT_S, abs=0.2)
        else:
            assert gap_s == pytest.approx(PAUSE_S, abs=0.01)


def test_both_arms_come_back_even_if_nothing_works(identity):
    """A dead server gives two observations with a failure, not an exception."""
    pair = _pair(World(identity, on_connect="silence"), seed=1)
    assert [arm.failure for arm in pair] == ["generic_timeout_error"] * 2


def test_a_null_pair_carries_neutral_names_only(identity):
    """Innocent: both arms neutral, marked as such."""
    world = World(identity)

    async def main():
        return await run_null_pair(
            world.network,
            world.server,
            world.round,
            _TARGET,
            neutral_snis=("a.example", "b.example"),
            size_bytes=_SIZE,
            rng=random.Random(3),  # noqa: S311 (seeded)
        )

    pair = asyncio.run(main())
    assert [arm.is_null_pair for arm in pair] == [True, True]
    assert [arm.sni for arm in pair] == ["a.example", "b.example"]


async def _mute(stream) -> None:
    await stream.read(65_536, timeout_s=60)
