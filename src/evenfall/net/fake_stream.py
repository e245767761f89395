"""A TCP connection in memory: two pipes with a rate, a delay, and somebody who may meddle.

What it does. `connect_in_memory` makes the two ends of a connection. Bytes take `bytes ÷ rate` to
get on the line and half a round trip to cross it; a writer who is `BUFFER_BYTES` ahead of the line
waits, as with a kernel's send buffer. A `Rule` says what happens once the client's bytes hold a
pattern (a server name in a ClientHello), or once so many bytes have crossed.

Rules.
- Time is a `ManualClock`'s: nothing here waits for real.
- The ends are `Stream`s and behave like `net.sockets.SystemStream`, failures included; one suite of
  tests (`tests/net/test_conformance.py`) checks both.
- After a reset both ends fail, once the bytes that were under way have arrived; under silence
  nothing crosses any more and nobody is told. The bytes that set either off are lost.

What it does not do. No congestion control, no loss and retransmission, no window: a line is its
rate. TCP_INFO has round-trip times and byte counts, and null where those would be needed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Literal

import msgspec

from evenfall.net.api import NetworkFailure, TcpInfo
from evenfall.net.clock import ManualClock
from evenfall.net.tls import TlsStream

__all__ = ["BUFFER_BYTES", "FakeStream", "Line", "Rule", "connect_in_memory"]

BUFFER_BYTES = 131_072
_CHUNK_BYTES = 4_096
"""Bytes that arrive together."""
_SAME_MOMENT_S = 1e-9
"""Sums of floats differ by less; without it a writer would wait for 1e-13 s, for ever."""
_PATTERN_SEARCH_BYTES = 16_384
"""How much of the client's bytes a rule looks at; a ClientHello fits."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What lies between the two ends; the rate holds in each direction."""

    rtt_s: float = 0.02
    rate_bps: float = 20e6


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happens to a connection, once.

    Attributes:
        contains: only if the client's first bytes hold this (empty: always).
        after_bytes: only once so many bytes have crossed, both directions together.
        rate_bps: of `slow`.
        direction: of `slow`, as the client sees it.
    """

    action: Literal["reset", "silence", "slow"]
    contains: bytes = b""
    after_bytes: int = 0
    rate_bps: float = 128_000
    direction: Literal["both", "up", "down"] = "both"


class _Pipe:
    """One direction."""

    def __init__(self, clock: ManualClock, line: Line) -> None:
        self.clock = clock
        self.rate_bps = line.rate_bps
        self.delay_s = line.rtt_s / 2
        self.silent = False
        self.sent_bytes = 0
        self.came = asyncio.Event()
        self.items: deque[tuple[float, bytes | Literal["fin", "reset"]]] = deque()
        self.free_at_s = 0.0
        self._vanished_bytes = 0
        self._arrivals: deque[tuple[float, int]] = deque([(0.0, 0)])

    def put(self, data: bytes) -> None:
        """Bytes onto the line."""
        self.sent_bytes += len(data)
        if self.silent:
            self._vanished_bytes += len(data)
            return
        start_s = max(self.clock.monotonic_s(), self.free_at_s)
        self.free_at_s = start_s + len(data) * 8 / self.rate_bps
        arrival_s = self.free_at_s + self.delay_s
        self._arrivals.append((arrival_s, self._arrivals[-1][1] + len(data)))
        self._queue(arrival_s, data)

    def lose_last(self) -> None:
        """What was put on the line last is lost, and never acknowledged."""
        if self.items and isinstance(self.items[-1][1], bytes):
            self.items.pop()
            self._arrivals.pop()

    def end(self, how: Literal["fin", "reset"], *, not_before_s: float = 0.0) -> None:
        """The last thing on this line; what is on its way arrives before it."""
        if not self.silent:
            start_s = max(self.clock.monotonic_s(), self.free_at_s, not_before_s)
            self._queue(start_s + self.delay_s, how)

    def full_for_s(self) -> float:
        """Time until a writer may go on; infinite when nothing is ever acknowledged."""
        if self._vanished_bytes >= BUFFER_BYTES:
            return float("inf")
        ahead_bytes = (self.free_at_s - self.clock.monotonic_s()) * self.rate_bps / 8
        wait_s = (ahead_bytes - BUFFER_BYTES) * 8 / self.rate_bps
        return wait_s if wait_s > _SAME_MOMENT_S else 0.0

    def acknowledged_bytes(self) -> int:
        """What has arrived, as the sender knows it by now."""
        known_s = self.clock.monotonic_s() - self.delay_s
        while len(self._arrivals) > 1 and self._arrivals[1][0] <= known_s:
            self._arrivals.popleft()
        return self._arrivals[0][1]

    def _queue(self, arrival_s: float, item: bytes | Literal["fin", "reset"]) -> None:
        self.items.append((arrival_s, item))
        self.came.set()
        self.clock.touch()


class FakeStream:
    """One end; made by `connect_in_memory`."""

    hello_sent_s: float | None = None

    def __init__(self, out: _Pipe, into: _Pipe, meddler: _Meddler, *, rtt_s: float) -> None:
        self._out = out
        self._into = into
        self._meddler = meddler
        self._clock = out.clock
        self._rtt_us = round(rtt_s * 1e6)
        self._rest = b""
        self._closed = False
        self.bytes_read = 0
        self.bytes_written = 0

    async def read(self, bytes_max: int, *, timeout_s: float) -> bytes:
        """Up to `bytes_max` bytes that have arrived; empty after the other side's end."""
        deadline_s = self._clock.monotonic_s() + timeout_s
        while not self._rest:
            if not await self._arrived(deadline_s):
                raise NetworkFailure("generic_timeout_error", "read")
            item = self._into.items[0][1]
            if item == "reset":
                raise NetworkFailure("connection_reset", "read")
            if item == "fin":
                return b""
            self._take_arrived()
        data, self._rest = self._rest[:bytes_max], self._rest[bytes_max:]
        self.bytes_read += len(data)
        return data

    async def write(self, data: bytes, *, timeout_s: float) -> None:
        """Put all of it on the line, waiting where the send buffer would be full."""
        deadline_s = self._clock.monotonic_s() + timeout_s
        for start in range(0, len(data), _CHUNK_BYTES):
            await self._buffer_space(deadline_s)
            self._refuse_if_reset()
            chunk = bytes(data[start : start + _CHUNK_BYTES])
            self._out.put(chunk)
            self.bytes_written += len(chunk)
            self._meddler.look(self, chunk)

    async def start_tls(
        self, context: ssl.SSLContext, *, server_name: str, timeout_s: float
    ) -> TlsStream:
        """A handshake as a client."""
        return await TlsStream.connect(
            self, context, server_name=server_name, timeout_s=timeout_s, clock=self._clock
        )

    def peer_certificate(self) -> bytes | None:
        """None: no TLS here."""
        return None

    def tcp_info(self) -> TcpInfo:
        """Round-trip time and byte counts."""
        return TcpInfo(
            rtt_us=self._rtt_us,
            rtt_min_us=self._rtt_us,
            bytes_sent=self._out.sent_bytes,
            bytes_acked=self._out.acknowledged_bytes(),
            bytes_received=self.bytes_read + len(self._rest),
        )

    def close(self) -> None:
        """End this direction after what is queued."""
        self._finish("fin")

    def abort(self) -> None:
        """Reset; the other side fails."""
        self._finish("reset")

    @property
    def last_sent_s(self) -> float:
        """When the bytes just written will be on the line."""
        return self._out.free_at_s

    def lose_last(self) -> None:
        """The bytes just written never arrive."""
        self._out.lose_last()

    def _finish(self, how: Literal["fin", "reset"]) -> None:
        if not self._closed:
            self._closed = True
            self._out.end(how)

    async def _arrived(self, deadline_s: float) -> bool:
        """Wait until the first item has arrived; false at the deadline."""
        while True:
            now_s = self._clock.monotonic_s()
            if self._into.items and self._into.items[0][0] <= now_s + _SAME_MOMENT_S:
                return True
            if now_s >= deadline_s:
                return False
            if self._into.items:
                await self._clock.sleep(min(deadline_s, self._into.items[0][0]) - now_s)
            else:
                self._into.came.clear()
                await self._clock.wait_for(self._into.came, until_s=deadline_s)

    def _take_arrived(self) -> None:
        now_s = self._clock.monotonic_s() + _SAME_MOMENT_S
        items, parts = self._into.items, []
        while items and items[0][0] <= now_s and isinstance(items[0][1], bytes):
            parts.append(items.popleft()[1])
        self._rest = b"".join(part for part in parts if isinstance(part, bytes))

    async def _buffer_space(self, deadline_s: float) -> None:
        while (full_s := self._out.full_for_s()) > 0:
            left_s = deadline_s - self._clock.monotonic_s()
            if left_s <= 0:
                raise NetworkFailure("generic_timeout_error", "write")
            await self._clock.sleep(min(full_s, left_s))

    def _refuse_if_reset(self) -> None:
        items = self._into.items
        if items and items[-1][1] == "reset" and items[-1][0] <= self._clock.monotonic_s():
            raise NetworkFailure("connection_reset", "write")


class _Meddler:
    """Looks at what crosses and applies each rule once."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = list(rules)
        self._client_bytes = b""
        self._bytes = 0
        self.client: FakeStream | None = None
        self.pipes: tuple[_Pipe, ...] = ()

    def look(self, who: FakeStream, chunk: bytes) -> None:
        """Somebody has put this chunk on the line."""
        self._bytes += len(chunk)
        if who is self.client:
            self._client_bytes = (self._client_bytes + chunk)[:_PATTERN_SEARCH_BYTES]
        for rule in [r for r in self._rules if self._holds(r)]:
            self._rules.remove(rule)
            self._apply(rule, who)

    def _holds(self, rule: Rule) -> bool:
        return rule.contains in self._client_bytes and self._bytes >= rule.after_bytes

    def _apply(self, rule: Rule, who: FakeStream) -> None:
        if rule.action != "slow":
            who.lose_last()
        crosses_s = who.last_sent_s
        for way, pipe in zip(("up", "down"), self.pipes, strict=True):
            if rule.action == "reset":
                pipe.end("reset", not_before_s=crosses_s)
                pipe.silent = True
            elif rule.action == "silence":
                pipe.silent = True
            elif rule.direction in ("both", way):
                pipe.rate_bps = min(pipe.rate_bps, rule.rate_bps)


def connect_in_memory(
    clock: ManualClock, line: Line, rules: tuple[Rule, ...] = ()
) -> tuple[FakeStream, FakeStream]:
    """The client's and the server's end of a new connection."""
    up, down = _Pipe(clock, line), _Pipe(clock, line)
    meddler = _Meddler(rules)
    client = FakeStream(up, down, meddler, rtt_s=line.rtt_s)
    server = FakeStream(down, up, meddler, rtt_s=line.rtt_s)
    meddler.client = client
    meddler.pipes = (up, down)
    return client, server
