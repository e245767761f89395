"""The line's capacity within a check: alone, within its bytes, within its time."""

from __future__ import annotations

import asyncio
import os
import types

import pytest

from evenfall.infer.capacity import capacity_of
from evenfall.measure.round import Round
from evenfall.measure.transfer import PairServer
from evenfall.model.target import MeasurementServer
from evenfall.net.clock import ManualClock
from evenfall.net.fake import FakeNetwork, Host, Line, tls_peer
from evenfall.probe.budget import Budget
from evenfall.probe.capacity import measure_capacity
from evenfall.server.identity import load_or_create, tls_context
from evenfall.server.limits import Gate, Limits
from evenfall.server.ndt7 import Ndt7Session

PLACE = ("198.51.100.80", 8443)


class World:
    """One server of ours on a line."""

    def __init__(self, identity, rate_bps, budget_bytes) -> None:
        self.clock = clock = ManualClock()
        self.network = FakeNetwork(clock)
        limits = Limits()

        async def inside(stream):
            first = await stream.read(65_536, timeout_s=10)
            await Ndt7Session(
                stream, address="192.0.2.7", client="a:1", server="b:2", limits=limits,
                gate=Gate(limits, clock), clock=clock, block=os.urandom(2**20),
            ).run(first)  # fmt: skip

        self.network.at[PLACE] = Host(
            peer=tls_peer(tls_context(identity), inside, clock=clock),
            line=Line(rtt_s=0.04, rate_bps=rate_bps),
        )
        self.server = (
            MeasurementServer(url="https://198.51.100.80:8443", pin=identity.pin, neutral="n.test"),
            PairServer(address=PLACE[0], port=PLACE[1], pin=identity.pin),
        )
        self.kept, self.told = [], []
        self.session = types.SimpleNamespace(
            network=self.network,
            round_=Round("r", clock),
            budget=Budget(budget_bytes),
            line=asyncio.Lock(),
            left_s=lambda: 60.0,
            keep=self._keep,
            emit=self.told.append,
        )

    def measure(self, *, until_s=20.0):
        until_s += self.clock.monotonic_s()
        asyncio.run(measure_capacity(self.session, self.server, until_s=until_s))
        return self.kept

    def _keep(self, *observations):
        for seen in observations:
            self.kept.append(seen)
            self.session.budget.spend(seen.wire_bytes or 0)


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """The server's key."""
    return load_or_create(tmp_path_factory.mktemp("state") / "s")


@pytest.mark.parametrize("rate_bps", [1e6, 8e6])
def test_both_directions(identity, rate_bps):
    """Innocent: download, then upload; the rate within a tenth; nothing stays reserved."""
    world = World(identity, rate_bps, 6_000_000)
    seen = world.measure()
    assert [o.direction for o in seen] == ["download", "upload"]
    assert [o.failure for o in seen] == [None, None]
    down = capacity_of(seen[0])
    assert down.rate_bps == pytest.approx(rate_bps, rel=0.1)
    assert seen[1].goodput_bps == pytest.approx(rate_bps, rel=0.2)
    budget = world.session.budget
    assert budget.left_bytes == 6_000_000 - budget.spent_bytes
    assert [p.done for p in world.told] == [1, 2]


@pytest.mark.parametrize("budget_bytes", [0, 400_000, 900_000, 1_500_000, 3_000_000])
def test_the_budget_is_kept(identity, budget_bytes):
    """Whatever is left: less is moved, or nothing, and never more."""
    world = World(identity, 20e6, budget_bytes)
    world.measure()
    assert world.session.budget.spent_bytes <= budget_bytes
    if budget_bytes >= 1_500_000:
        assert len(world.kept) == 2


@pytest.mark.parametrize(("until_s", "tests"), [(2.0, 0), (7.0, 2), (20.0, 2)])
def test_the_time_is_kept(identity, until_s, tests):
    """A slow line takes what it is given, half for each direction."""
    world = World(identity, 128_000, 6_000_000)
    before_s = world.clock.monotonic_s()
    assert len(world.measure(until_s=until_s)) == tests
    assert world.clock.monotonic_s() - before_s < until_s + 0.2
