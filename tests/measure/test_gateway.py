"""A row of probes to a router in memory: counts, medians, ways, bytes; a clock turned by hand."""

from __future__ import annotations

import asyncio

import pytest

from evenfall.measure.gateway import GATEWAY_BYTES, GATEWAY_ID, probe_gateway
from evenfall.measure.round import Round
from evenfall.model.vocabulary import Fact
from evenfall.net.api import Router
from evenfall.net.clock import ManualClock


class FakeWay:
    """Answers after `trip_s`, but for the probes whose numbers are lost."""

    probe_bytes = 60

    def __init__(
        self,
        clock: ManualClock,
        name: str,
        *,
        trip_s: float | None = 0.004,
        lost=(),
        most: int = 20,
    ) -> None:
        self.clock, self.name, self.trip_s, self.lost = clock, name, trip_s, set(lost)
        self.probes_max = most
        self.sent_s: list[float] = []

    async def once(self, *, timeout_s: float) -> bool:
        """As `net.api.Way.once`."""
        number = len(self.sent_s)
        self.sent_s.append(self.clock.monotonic_s())
        silent = self.trip_s is None or number in self.lost
        await self.clock.sleep(timeout_s if silent else self.trip_s)
        return not silent


def look(clock: ManualClock, *ways: FakeWay):
    """Ask a router that has these ways."""
    router = Router(family=4, ways=ways)
    return asyncio.run(probe_gateway(router, Round("r", clock)))


def test_all_come_back() -> None:
    """Fifteen probes, evenly spaced; the one that found the way is not counted."""
    clock = ManualClock()
    way = FakeWay(clock, "icmp")
    seen = look(clock, way)
    assert (seen.fact, seen.target) == (Fact.GATEWAY_PROBE, GATEWAY_ID)
    assert (seen.probes_sent, seen.probes_lost, seen.endpoint) == (15, 0, "icmp")
    assert seen.rtt_us == seen.rtt_min_us == pytest.approx(4000, abs=2)
    gaps = [b - a for a, b in zip(way.sent_s[1:], way.sent_s[2:], strict=False)]
    assert gaps == pytest.approx([0.08] * 14)
    assert seen.wire_bytes == 16 * 60
    assert seen.address is None


def test_lost_ones_are_counted() -> None:
    """Three of the row do not come back; the median is that of the others."""
    clock = ManualClock()
    seen = look(clock, FakeWay(clock, "icmp", lost={2, 5, 9}))
    assert (seen.probes_sent, seen.probes_lost) == (15, 3)
    assert seen.rtt_us == pytest.approx(4000, abs=2)


def test_the_best_way_that_answers_is_taken() -> None:
    """Echo is not answered, a connect is; one way has a limit of its own."""
    clock = ManualClock()
    ways = (FakeWay(clock, "icmp", trip_s=None), FakeWay(clock, "udp", most=4))
    seen = look(clock, *ways)
    assert (seen.endpoint, seen.probes_sent) == ("udp", 4)


def test_a_lost_search_is_made_again() -> None:
    """The first probe of the only way is lost, the second finds it."""
    clock = ManualClock()
    seen = look(clock, FakeWay(clock, "icmp", lost={0}))
    assert (seen.probes_sent, seen.probes_lost) == (15, 0)


def test_silence_has_no_round_trip_and_ends_soon() -> None:
    """Nobody answers: all lost, no figure, within two seconds and ten kilobytes."""
    clock = ManualClock()
    start_s = clock.monotonic_s()
    seen = look(clock, *(FakeWay(clock, str(i), trip_s=None) for i in range(5)))
    assert seen.probes_sent == seen.probes_lost == 10
    assert (seen.rtt_us, seen.rtt_min_us, seen.endpoint) == (None, None, None)
    assert clock.monotonic_s() - start_s < 2
    assert (seen.wire_bytes or 0) <= GATEWAY_BYTES
