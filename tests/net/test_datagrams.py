"""Datagrams over sockets and in memory behave alike: what arrives, what is counted, what fails."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from evenfall.net.api import NetworkFailure
from evenfall.net.clock import ManualClock
from evenfall.net.datagrams import DATAGRAMS_MAX
from evenfall.net.fake import FakeNetwork
from evenfall.net.sockets import SystemNetwork

PLACE = ("203.0.113.11", 443)


class Memory:
    """A peer on a `FakeNetwork`."""

    def __init__(self, peer) -> None:
        self.network = FakeNetwork(ManualClock())
        self.network.datagram_peers[PLACE] = lambda: peer
        self.place = PLACE

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc):
        pass


class Loopback:
    """The same peer behind a real socket."""

    def __init__(self, peer) -> None:
        self.network = SystemNetwork()
        self._peer = peer

    async def __aenter__(self):
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        self._sock.bind(("127.0.0.1", 0))
        self.place = self._sock.getsockname()
        self._task = asyncio.ensure_future(self._serve())
        return self

    async def __aexit__(self, *exc):
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._sock.close()

    async def _serve(self):
        loop = asyncio.get_running_loop()
        while True:
            data, origin = await loop.sock_recvfrom(self._sock, 65_535)
            for delay_s, answer in self._peer(data, loop.time()):
                await asyncio.sleep(delay_s)
                await loop.sock_sendto(self._sock, answer, origin)


@pytest.fixture(params=[Memory, Loopback], ids=["memory", "loopback"])
def over(request):
    """`over(peer, check)` runs a check against a peer in a world of either kind."""

    def run(peer, check):
        async def main():
            async with request.param(peer) as world:
                datagrams = world.network.open_datagrams(*world.place)
                try:
                    await check(datagrams, world.network.clock)
                finally:
                    datagrams.close()
                    datagrams.close()

        asyncio.run(main())

    return run


def test_datagrams_come_back_whole_and_are_counted(over):
    """Innocent: each answer is one datagram, whatever its size, empty ones too."""

    async def check(datagrams, clock):
        for size in (1, 1200, 0, 9000):
            datagrams.send(bytes(size))
            assert await datagrams.receive(timeout_s=2) == bytes(size)
        assert (datagrams.datagrams_written, datagrams.datagrams_read) == (4, 4)
        assert (datagrams.bytes_written, datagrams.bytes_read) == (10_201, 10_201)

    over(lambda data, now_s: [(0.0, data)], check)


def test_answers_keep_their_order_and_their_delay(over):
    """Innocent: two answers to one datagram, the second later."""

    async def check(datagrams, clock):
        start_s = clock.monotonic_s()
        datagrams.send(b"?")
        assert await datagrams.receive(timeout_s=2) == b"1"
        assert await datagrams.receive(timeout_s=2) == b"2"
        assert clock.monotonic_s() - start_s == pytest.approx(0.05, abs=0.03)

    over(lambda data, now_s: [(0.0, b"1"), (0.05, b"2")], check)


def test_silence_is_a_timeout(over):
    """Nothing comes: `generic_timeout_error` of the read, after the time allowed."""

    async def check(datagrams, clock):
        datagrams.send(b"?")
        start_s = clock.monotonic_s()
        with pytest.raises(NetworkFailure, match=r"^read: generic_timeout_error$"):
            await datagrams.receive(timeout_s=0.1)
        assert clock.monotonic_s() - start_s == pytest.approx(0.1, abs=0.05)

    over(lambda data, now_s: [], check)


def test_a_flood_is_bounded(over):
    """After `DATAGRAMS_MAX` nobody listens any more."""

    async def check(datagrams, clock):
        datagrams.send(b"?")
        for _ in range(DATAGRAMS_MAX):
            await datagrams.receive(timeout_s=2)
        with pytest.raises(NetworkFailure, match="too many datagrams"):
            await datagrams.receive(timeout_s=2)

    over(lambda data, now_s: [(0.0, b"x")] * (DATAGRAMS_MAX + 5), check)


def test_a_closed_port_refuses():
    """ICMP port unreachable is `connection_refused`, at the next turn."""

    async def main():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
            held.bind(("127.0.0.1", 0))
            place = held.getsockname()
        datagrams = SystemNetwork().open_datagrams(*place)
        datagrams.send(b"?")
        with pytest.raises(NetworkFailure, match="connection_refused"):
            await datagrams.receive(timeout_s=2)
        datagrams.close()

    asyncio.run(main())


def test_no_family_no_socket():
    """In memory, an address of a family without a route is `network_unreachable`."""
    with pytest.raises(NetworkFailure, match="network_unreachable"):
        FakeNetwork().open_datagrams("2001:db8::1", 443)
    with pytest.raises(ValueError, match="does not appear"):
        SystemNetwork().open_datagrams("video.test", 443)
