"""Datagrams in memory: the twin of `net.datagrams` for tests, on a clock turned by hand.

What it does. The other end is a function: from one datagram to what it sends back, each with a
delay. So a real protocol in memory (aioquic's server) may stand there, or somebody who is silent,
or one who answers with nonsense.

Rules. Where nobody stands, nothing comes back. An answer comes no earlier than its delay after the
datagram that it answers. A peer that raises `NetworkFailure` refuses, as an ICMP error would: the
next receive or send raises it.

What it does not do. No loss and no reordering of its own; a peer may leave out or delay what it
likes.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterable

from evenfall.net.api import NetworkFailure
from evenfall.net.clock import ManualClock
from evenfall.net.datagrams import DATAGRAMS_MAX

__all__ = ["DatagramPeer", "FakeDatagrams"]

DatagramPeer = Callable[[bytes, float], Iterable[tuple[float, bytes]]]
"""From a datagram and the monotonic time to (delay in s, datagram), as many as it likes."""


class FakeDatagrams:
    """One end of a conversation in datagrams.

    Args:
        peer: the other end; None: nobody.
        clock: by which delays pass.
    """

    def __init__(self, peer: DatagramPeer | None, clock: ManualClock) -> None:
        self._peer = peer
        self._clock = clock
        self._coming: list[tuple[float, int, bytes]] = []
        self._order = itertools.count()
        self._arrived = asyncio.Event()
        self._refusal: NetworkFailure | None = None
        self.datagrams_read = 0
        self.datagrams_written = 0
        self.bytes_read = 0
        self.bytes_written = 0

    def send(self, data: bytes) -> None:
        """Hand one datagram to the other end."""
        if self._refusal is not None:
            raise NetworkFailure(self._refusal.code, "write")
        self.datagrams_written += 1
        self.bytes_written += len(data)
        self._clock.touch()
        if self._peer is None:
            return
        now_s = self._clock.monotonic_s()
        try:
            for delay_s, answer in self._peer(data, now_s):
                heapq.heappush(self._coming, (now_s + delay_s, next(self._order), answer))
        except NetworkFailure as refusal:
            self._refusal = refusal
        self._arrived.set()

    async def receive(self, *, timeout_s: float) -> bytes:
        """The next datagram, when its time has come."""
        if self.datagrams_read >= DATAGRAMS_MAX:
            raise NetworkFailure("unknown_failure: too many datagrams", "read")
        until_s = self._clock.monotonic_s() + max(0.0, timeout_s)
        while not self._coming or self._coming[0][0] > until_s:
            if self._refusal is not None:
                raise NetworkFailure(self._refusal.code, "read")
            self._arrived.clear()
            if not await self._clock.wait_for(self._arrived, until_s=until_s):
                raise NetworkFailure("generic_timeout_error", "read")
        at_s, _, data = heapq.heappop(self._coming)
        await self._clock.sleep(at_s - self._clock.monotonic_s())
        self.datagrams_read += 1
        self.bytes_read += len(data)
        return data

    def close(self) -> None:
        """Nothing to do."""
