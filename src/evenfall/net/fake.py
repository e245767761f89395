"""A network in memory, with a clock turned by hand: what every test of `measure/` runs on.

What it does. `FakeNetwork` holds servers (`at`), resolvers (`answers`) and a hosts table (`names`).
A server is an async function of a `Stream`; with `tls_peer` it speaks real TLS, so a ClientHello
crosses the fake line byte for byte and a rule may look for a name in it. Faults are data: refuse,
silence, unreachable, a reset or silence or slowness after a ClientHello with a name, a stall after
N bytes, a resolver that lies, is silent, or whose answer is raced by a forged one.

    network = FakeNetwork()
    network.at["203.0.113.11", 443] = Host(
        peer=tls_peer(context, serve, clock=network.clock),
        rules=(Rule(action="reset", contains=b"video.example"),),
    )
    stream = await network.connect("203.0.113.11", 443, timeout_s=4)

Rules. Where nobody was put, nobody answers (a timeout, not a refusal). No time passes but the
manual clock's. It behaves as `net.sockets.SystemNetwork` does; `tests/net/test_conformance.py`
holds the two together.

What it does not do. See `net.fake_stream`: no loss, no congestion control.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec

from evenfall.net.api import NetworkFailure, Router, Stream
from evenfall.net.clock import ManualClock
from evenfall.net.fake_datagrams import DatagramPeer, FakeDatagrams
from evenfall.net.fake_stream import FakeStream, Line, Rule, connect_in_memory
from evenfall.net.sockets import ANSWERS_MAX, LISTEN_AFTER_ANSWER_S
from evenfall.net.tls import TlsStream

__all__ = ["Answerer", "DatagramPeer", "FakeNetwork", "Host", "Line", "Peer", "Rule", "tls_peer"]

Peer = Callable[[Stream], Awaitable[None]]
"""A server's side of one connection; it closes the stream when it wants to."""

Answerer = Callable[[bytes], Sequence[tuple[float, bytes]]]
"""A datagram server: from a query to (delay in s, answer), as many as it likes, or none."""

_ON_CONNECT = {
    "refuse": "connection_refused",
    "unreachable": "host_unreachable",
    "no_route": "network_unreachable",
}


async def _hold(stream: Stream) -> None:
    """Accept and say nothing."""
    while await stream.read(65_536, timeout_s=3600):
        pass


class Host(msgspec.Struct, kw_only=True):
    """What is at one address and port.

    Attributes:
        on_connect: how the SYN fares.
        rules: what happens on the way to it.
    """

    peer: Peer = _hold
    line: Line = Line()
    on_connect: Literal["accept", "refuse", "silence", "unreachable", "no_route"] = "accept"
    rules: tuple[Rule, ...] = ()


class FakeNetwork:
    """A network made of tables; see the module.

    Attributes:
        at: (address, port) → host.
        answers: (address, port) → datagram server.
        datagram_peers: (address, port) → makes the other end of a conversation in datagrams.
        names: (host, family) → addresses, or the failure code of the system's resolver.
        home: the router of the home, if it can be asked.
        families: the families this machine has a route for.
        connects: every connection asked for, in order: (address, port).
    """

    def __init__(self, clock: ManualClock | None = None) -> None:
        self.clock: ManualClock = clock or ManualClock()
        self.at: dict[tuple[str, int], Host] = {}
        self.answers: dict[tuple[str, int], Answerer] = {}
        self.datagram_peers: dict[tuple[str, int], Callable[[], DatagramPeer]] = {}
        self.names: dict[tuple[str, int], tuple[str, ...] | str] = {}
        self.families: set[int] = {4}
        self.home: Router | None = None
        self.resolve_s = 0.01
        self.connects: list[tuple[str, int]] = []
        self._peers: set[asyncio.Task[None]] = set()

    async def connect(
        self,
        address: str,
        port: int,
        *,
        timeout_s: float,
        receive_buffer_bytes: int = 0,  # noqa: ARG002 (there is no window here)
    ) -> FakeStream:
        """Open a connection, one round trip later; the host's peer starts on the other end."""
        self.connects.append((address, port))
        if (6 if ":" in address else 4) not in self.families:
            raise NetworkFailure("network_unreachable", "connect")
        host = self.at.get((address, port), Host(on_connect="silence"))
        if host.on_connect == "silence" or host.line.rtt_s > timeout_s:
            await self.clock.sleep(timeout_s)
            raise NetworkFailure("generic_timeout_error", "connect")
        await self.clock.sleep(host.line.rtt_s)
        if host.on_connect in _ON_CONNECT:
            raise NetworkFailure(_ON_CONNECT[host.on_connect], "connect")
        ours, theirs = connect_in_memory(self.clock, host.line, host.rules)
        self._start(host.peer, theirs)
        return ours

    async def ask(self, address: str, port: int, query: bytes, *, timeout_s: float) -> list[bytes]:
        """The answers that come in time, in order; see `Network.ask`."""
        if (6 if ":" in address else 4) not in self.families:
            raise NetworkFailure("network_unreachable", "connect")
        answerer = self.answers.get((address, port))
        coming = sorted(answerer(query)) if answerer else []
        if not coming or coming[0][0] > timeout_s:
            await self.clock.sleep(timeout_s)
            raise NetworkFailure("generic_timeout_error", "read")
        first_s = coming[0][0]
        await self.clock.sleep(first_s + LISTEN_AFTER_ANSWER_S)
        heard = [data for delay_s, data in coming if delay_s <= first_s + LISTEN_AFTER_ANSWER_S]
        return heard[:ANSWERS_MAX]

    def open_datagrams(self, address: str, port: int) -> FakeDatagrams:
        """A conversation with whoever is in the table, or with nobody."""
        if (6 if ":" in address else 4) not in self.families:
            raise NetworkFailure("network_unreachable", "connect")
        make = self.datagram_peers.get((address, port))
        return FakeDatagrams(make() if make else None, self.clock)

    async def resolve(self, host: str, *, family: int, timeout_s: float) -> tuple[str, ...]:
        """From the table; a name that is not in it does not exist."""
        if self.resolve_s > timeout_s:
            await self.clock.sleep(timeout_s)
            raise NetworkFailure("generic_timeout_error", "resolve")
        await self.clock.sleep(self.resolve_s)
        found = self.names.get((host, family), "dns_nxdomain_error")
        if isinstance(found, str):
            raise NetworkFailure(found, "resolve")
        return found

    def has_route(self, family: int, *, towards: str = "") -> bool:
        """Whether the family is there."""
        return (6 if ":" in towards else 4 if towards else family) in self.families

    def router(self) -> Router | None:
        """The one that a test put there."""
        return self.home

    def _start(self, peer: Peer, stream: FakeStream) -> None:
        task = asyncio.ensure_future(_run_peer(peer, stream))
        self._peers.add(task)
        task.add_done_callback(self._peers.discard)


def tls_peer(context: ssl.SSLContext, inside: Peer, *, clock: ManualClock) -> Peer:
    """A peer that does a TLS handshake as a server, then speaks `inside`."""

    async def peer(stream: Stream) -> None:
        await inside(await TlsStream.accept(stream, context, timeout_s=60.0, clock=clock))

    return peer


async def _run_peer(peer: Peer, stream: FakeStream) -> None:
    try:
        await peer(stream)
    except NetworkFailure:  # the client went away, which a server survives
        stream.close()
