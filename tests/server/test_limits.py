"""Limits with a clock turned by hand."""

from __future__ import annotations

import contextlib
import itertools

from evenfall.net.api import TcpInfo
from evenfall.net.clock import ManualClock
from evenfall.server.limits import RAISED, Gate, Limits
from evenfall.server.recorder import Recorder, Results
from evenfall.wire.pair_messages import SAMPLES_MAX, Request

_MIB = 2**20


def _take(gate: Gate, address: str, size_bytes: int = _MIB) -> str | None:
    with gate.transfer(address, size_bytes) as refused:
        return refused


def test_a_home_is_not_limited():
    """Innocent: a whole `check` of 6 MB, then another a minute later."""
    clock = ManualClock()
    gate = Gate(Limits(), clock)
    for _ in range(2):
        assert [_take(gate, "192.0.2.1") for _ in range(6)] == [None] * 6
        clock.advance(60)


def test_an_address_that_takes_too_much_waits_and_others_do_not():
    """The budget refills within a minute; a neighbour has its own."""
    clock = ManualClock()
    gate = Gate(Limits(bytes_per_minute=2 * _MIB), clock)
    assert [_take(gate, "192.0.2.1") for _ in range(3)] == [None, None, "budget"]
    assert _take(gate, "192.0.2.2") is None
    clock.advance(31)
    assert [_take(gate, "192.0.2.1") for _ in range(2)] == [None, "budget"]


def test_what_was_used_beyond_its_share_is_charged():
    """What a test did not use comes back, never more than a minute's; what it overdrew goes."""
    gate = Gate(Limits(bytes_per_minute=8 * _MIB), ManualClock())
    assert _take(gate, "192.0.2.1", 4 * _MIB) is None
    gate.settle("192.0.2.1", 4 * _MIB, 0)
    assert _take(gate, "192.0.2.1", 8 * _MIB) is None  # innocent: all of it is back
    gate.settle("192.0.2.1", 16 * _MIB, 0)
    assert _take(gate, "192.0.2.1", 8 * _MIB + 1) == "budget"
    assert _take(gate, "192.0.2.1", 2 * _MIB) is None
    gate.settle("192.0.2.1", 2 * _MIB, 7 * _MIB)
    assert _take(gate, "192.0.2.1", 2 * _MIB) == "budget"
    assert _take(gate, "192.0.2.1", _MIB) is None


def test_a_line_with_many_ipv6_addresses_is_one_line():
    """A /64 shares one budget; the next /64 has another; mapped IPv4 is IPv4."""
    gate = Gate(Limits(bytes_per_minute=_MIB), ManualClock())
    assert _take(gate, "2001:db8::1") is None
    assert _take(gate, "2001:db8::2") == "budget"
    assert _take(gate, "2001:db8:0:1::1") is None
    assert _take(gate, "192.0.2.1") is None
    assert _take(gate, "::ffff:192.0.2.1") == "budget"


def test_connections_count_while_they_are_open():
    """Two at once for one address, three in all; ended ones free their place."""
    gate = Gate(Limits(connections_per_address=2, connections=3), ManualClock())
    with contextlib.ExitStack() as open_:
        assert open_.enter_context(gate.connection("192.0.2.1"))
        assert open_.enter_context(gate.connection("192.0.2.1"))
        assert not open_.enter_context(gate.connection("192.0.2.1"))
        assert open_.enter_context(gate.connection("192.0.2.2"))
        assert not open_.enter_context(gate.connection("192.0.2.3"))
    with gate.connection("192.0.2.3") as allowed:
        assert allowed


def test_the_table_of_addresses_is_bounded_and_forgets():
    """Strangers always get in: whoever was idle longest goes; after a minute the table is empty."""
    clock = ManualClock()
    gate = Gate(Limits(addresses=10, bytes_per_minute=_MIB), clock)
    assert [_take(gate, f"192.0.2.{i}") for i in range(11)] == [None] * 11
    assert len(gate._accounts) == 10
    assert _take(gate, "192.0.2.10") == "budget", "the latest is still known"
    assert _take(gate, "192.0.2.0") is None, "the longest idle was forgotten"
    clock.advance(61)
    assert _take(gate, "192.0.2.200") is None
    assert len(gate._accounts) == 1


def test_who_is_connected_is_never_forgotten():
    """A full table of connected addresses turns a stranger away, and counts none of them twice."""
    gate = Gate(Limits(addresses=2, connections_per_address=1), ManualClock())
    with contextlib.ExitStack() as open_:
        for i in (1, 2):
            assert open_.enter_context(gate.connection(f"192.0.2.{i}"))
        assert not open_.enter_context(gate.connection("192.0.2.3"))
        assert not open_.enter_context(gate.connection("192.0.2.1"))
    with gate.connection("192.0.2.3") as allowed:
        assert allowed


def test_one_ipv6_48_cannot_lock_the_server():
    """All /64s of a /48 in turn: the table stays bounded, and a home elsewhere is served."""
    gate = Gate(Limits(addresses=100), ManualClock())
    for i in range(1000):
        with gate.connection(f"2001:db8:0:{i:x}::1"):
            pass
    assert len(gate._accounts) == 100
    with gate.connection("2001:db8:1::1") as allowed:
        assert allowed
    assert _take(gate, "192.0.2.1") is None


def test_a_48_gets_four_times_what_a_64_gets():
    """Bytes and connections are capped over all /64s of one /48; the next /48 has its own."""
    gate = Gate(Limits(bytes_per_minute=_MIB, connections_per_address=2), ManualClock())
    taken = [_take(gate, f"2001:db8:0:{i}::1") for i in range(5)]
    assert taken == [None] * 4 + ["budget"]
    assert _take(gate, "2001:db8:1::1") is None
    with contextlib.ExitStack() as open_:
        allowed = [
            open_.enter_context(gate.connection(f"2001:db8:0:{i}::1"))
            for i in range(5)
            for _ in "ab"
        ]
        assert allowed == [True] * 8 + [False] * 2
        assert open_.enter_context(gate.connection("2001:db8:1::1"))


def test_no_address_is_kept():
    """What the table holds are keyed hashes, different in each process."""
    keys = set()
    for _ in range(2):
        gate = Gate(Limits(), ManualClock())
        _take(gate, "192.0.2.1")
        (key,) = gate._accounts
        assert b"192" not in key
        assert bytes([192, 0, 2, 1]) not in key
        keys.add(key)
    assert len(keys) == 2


def test_the_labs_limits_let_everything_through():
    """Innocent: a hundred megabytes a minute from one address."""
    gate = Gate(RAISED, ManualClock())
    assert {_take(gate, "127.0.0.1") for _ in range(100)} == {None}


class _Stream:
    """A connection that only tells counters."""

    def tcp_info(self) -> TcpInfo:
        return TcpInfo(rtt_us=1000, bytes_acked=5)


def _recorder(clock: ManualClock) -> Recorder:
    request = Request(op="get", size_bytes=65_536, id="0" * 32)
    return Recorder(request, _Stream(), clock, hello_s=clock.monotonic_s())


def test_samples_are_thinned_and_stay_in_order():
    """A long transfer keeps its first and last moments and at most `SAMPLES_MAX` samples."""
    import asyncio

    clock = ManualClock()
    recorder = _recorder(clock)

    async def main():
        sampling = asyncio.ensure_future(recorder.run())
        await clock.sleep(12)
        sampling.cancel()

    asyncio.run(main())
    trailer = recorder.trailer()
    times = [sample.t_us for sample in trailer.samples]
    assert len(times) <= SAMPLES_MAX
    assert times == sorted(times)
    assert (times[0], times[-1]) == (0, 12_000_000)
    assert max(b - a for a, b in itertools.pairwise(times)) <= 450_000


def test_results_are_kept_a_minute_and_bounded():
    """By id: under way, ended, forgotten; the oldest goes first."""
    clock = ManualClock()
    results = Results(clock, kept_s=60, count_max=2)
    for name in "abc":
        results.started(name, _recorder(clock))
        assert results.find(name) is not None, "under way"
        results.ended(name)
    assert [results.find(name) is not None for name in "abc"] == [False, True, True]
    clock.advance(61)
    assert [results.find(name) for name in "abc"] == [None, None, None]
    assert results.ended("never started") is None
