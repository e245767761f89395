"""IPv6 headers are 20 bytes longer: whatever talks to a server of ours or to DoH books them."""

from __future__ import annotations

import asyncio
import random
import types

import pytest

from evenfall.measure.doh import DohServer, Question, doh_context, look_up_inside_tls
from evenfall.measure.path import probe_path
from evenfall.measure.pinned import PinnedConnection
from evenfall.measure.round import Round
from evenfall.measure.transfer import transfer
from evenfall.measure.transfer_run import PairServer
from evenfall.model.target import Target
from evenfall.model.vocabulary import Direction, Role
from evenfall.net.api import NetworkFailure
from evenfall.net.clock import ManualClock
from evenfall.net.fake import FakeNetwork, Host, Line, tls_peer
from evenfall.server.identity import load_or_create, tls_context
from evenfall.server.limits import Gate, Limits
from evenfall.server.recorder import Results
from evenfall.server.session import Session, random_block

FOUR, SIX = "203.0.113.80", "2001:db8::80"
TARGET = Target(target_id="video/front", url="https://video.example/", role=Role.TARGET)
SYN_BYTES = {FOUR: 60, SIX: 80}
_EXTRA_BYTES = 20
_SEGMENTS_MIN = 8
_JITTER_BYTES = 60
"""Signatures of a handshake differ in length by a few bytes."""


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """The server's key."""
    return load_or_create(tmp_path_factory.mktemp("state") / "s")


class World:
    """One of our servers at an address, or nobody."""

    def __init__(self, identity, address: str, *, there: bool = True) -> None:
        self.clock = ManualClock()
        self.network = FakeNetwork(self.clock)
        self.network.families = {4, 6}
        self.round = Round("r", self.clock)
        self.server = PairServer(address=address, port=8443, pin=identity.pin)
        limits = Limits()
        shared = types.SimpleNamespace(
            context=tls_context(identity), gate=Gate(limits, self.clock),
            results=Results(self.clock, kept_s=60, count_max=10), block=random_block(),
        )  # fmt: skip

        async def peer(stream) -> None:
            await Session(
                stream, address="192.0.2.1", limits=limits, clock=self.clock,
                context=shared.context, gate=shared.gate, results=shared.results,
                block=shared.block,
            ).run()  # fmt: skip

        if there:
            self.network.at[address, 8443] = Host(peer=peer, line=Line(rtt_s=0.04, rate_bps=8e6))

    async def transfer(self) -> int:
        """A download."""
        return await self._transfer(Direction.DOWNLOAD)

    async def upload(self) -> int:
        """An upload."""
        return await self._transfer(Direction.UPLOAD)

    async def path(self) -> int:
        """A step of locating."""
        seen = await probe_path(
            self.clock, self.server, self.round, TARGET, shown="video.example",
            real="abcde.example", hops=3, opener=lambda *_, **__: self.network,
        )  # fmt: skip
        return seen.wire_bytes

    async def pinned(self) -> int:
        """A handshake."""
        connection = PinnedConnection(self.network, self.server)
        try:
            await connection.open(sni="n.example", timeout_s=5.0)
        except NetworkFailure:
            pass
        finally:
            connection.close()
        return connection.spent()

    async def _transfer(self, direction: Direction) -> int:
        seen = await transfer(
            self.network, self.server, self.round, TARGET, sni="video.example", size_bytes=65_536,
            direction=direction,
        )  # fmt: skip
        return seen.wire_bytes


def _is_dearer(four_bytes: int, six_bytes: int) -> bool:
    return six_bytes - four_bytes > _SEGMENTS_MIN * _EXTRA_BYTES - _JITTER_BYTES


@pytest.mark.parametrize("what", ["transfer", "upload", "path", "pinned"])
def test_a_server_of_ours_over_ipv6(identity, what):
    """The same over IPv4 and IPv6: every segment of the second is 20 bytes dearer."""
    four, six = (asyncio.run(getattr(World(identity, a), what)()) for a in (FOUR, SIX))
    assert _is_dearer(four, six)


def test_doh_over_ipv6(issuer):
    """Likewise a question inside TLS."""
    costs = []
    for address in (FOUR, SIX):
        network = FakeNetwork(ManualClock())
        network.families = {4, 6}

        async def silent(stream) -> None:
            await stream.read(65_536, timeout_s=60)

        host = f"[{address}]" if ":" in address else address
        network.at[address, 443] = Host(
            peer=tls_peer(issuer.context(address), silent, clock=network.clock),
            line=Line(rtt_s=0.04),
        )
        seen = asyncio.run(
            look_up_inside_tls(
                network, Round("r", network.clock),
                [Question(target=TARGET, host="video.example", family=4)],
                server=DohServer(
                    url=f"https://{host}/dns-query", resolver="",
                    context=doh_context(str(issuer.ca_file)), bogons_allowed=True,
                ),
                rng=random.Random(1),  # noqa: S311 (seeded)
            )
        )  # fmt: skip
        assert seen[0].failure == "generic_timeout_error"
        costs.append(seen[0].wire_bytes)
    assert _is_dearer(*costs)


@pytest.mark.parametrize("address", [FOUR, SIX])
@pytest.mark.parametrize("what", ["path", "pinned"])
def test_a_silent_server_costs_its_syns(identity, what, address):
    """Nothing answers: what the kernel sent meanwhile is booked all the same."""
    spent = asyncio.run(getattr(World(identity, address, there=False), what)())
    assert spent == 3 * SYN_BYTES[address]
