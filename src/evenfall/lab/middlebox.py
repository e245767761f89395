"""The wire itself: two packet sockets, one loop, and `lab.pipeline` between them.

It runs in a process of its own inside the wire's namespace, forked after everything is set up, so
that it starts in a millisecond and nothing about the scenario is in any file or argument. It binds
to the two interfaces it is given and to nothing else. The air (`lab.air`), where there is one, is
a second such process.

Timing: `select` sleeps with microsecond resolution; a frame leaves at most one wake-up late (about
0.1 ms on an idle machine). What the machine did to the emulation is counted: frames that the
kernel dropped because this loop was late, and the worst lateness.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import select
import socket
import struct
import time
from typing import Protocol

import msgspec

from evenfall.lab.linux import packet_socket
from evenfall.lab.pipeline import Counters

__all__ = ["Conduit", "SharedCounters", "WireCounters", "run_middlebox"]

BATCH_FRAMES = 64
FRAME_BYTES_MAX = 65_536
SLEEP_S_MAX = 0.25
_PUBLISH_S = 0.1
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SHARED_BYTES = 4096


class WireCounters(msgspec.Struct, kw_only=True):
    """What the wire did so far.

    Attributes:
        overload: frames lost because the machine was too slow; not part of the scenario.
        late_max_s: the longest that a frame left after its time.
        cpu_s: processor time of the middlebox.
        competing_bytes: what the neighbour has received.
    """

    entered: int = 0
    left: int = 0
    lost: int = 0
    tail_drops: int = 0
    censor_drops: int = 0
    forged: int = 0
    overload: int = 0
    late_max_s: float = 0.0
    cpu_s: float = 0.0
    competing_bytes: int = 0


class Conduit(Protocol):
    """What a frame passes between two ports: `lab.pipeline.Pipeline` or `lab.air.Air`."""

    counters: Counters

    @property
    def next_s(self) -> float | None:
        """When something happens next; None while nothing is held."""

    def enter(self, frame: bytes, now_s: float, *, upwards: bool) -> None:
        """Take a frame that arrived."""

    def leaving(self, now_s: float) -> list[tuple[bytes, bool]]:
        """Frames whose time has come, with their direction (True: upwards)."""


class SharedCounters:
    """One page of memory that parent and forked child both see.

    One writer, readers that may see a torn value are refused it: the length comes last.
    """

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, _SHARED_BYTES)

    def publish(self, counters: msgspec.Struct) -> None:
        """Write a struct."""
        body = msgspec.json.encode(counters)
        self._page[:4] = struct.pack("=I", 0)
        self._page[4 : 4 + len(body)] = body
        self._page[:4] = struct.pack("=I", len(body))

    def read(self) -> bytes:
        """The last struct written, as JSON; empty if none or while one is being written."""
        (length,) = struct.unpack("=I", self._page[:4])
        return bytes(self._page[4 : 4 + length])


def run_middlebox(
    pipeline: Conduit, names: tuple[str, str], shared: SharedCounters, ready: int
) -> None:
    """Move frames between two interfaces for ever.

    Args:
        pipeline: what they meet.
        names: the interface towards the client, and the other.
        shared: where the counters are published.
        ready: a descriptor; one byte is written to it when both are open.
    """
    ports = tuple(packet_socket(name) for name in names)
    gc.collect()
    gc.freeze()  # a collection in the middle of a round would make every frame late
    gc.disable()
    _ask_for_priority()
    os.write(ready, b"r")
    _Loop(pipeline, shared, *ports).run()


def _ask_for_priority() -> None:
    """Run before the processes that the wire must not delay; only root may, others go on."""
    with contextlib.suppress(OSError):
        os.nice(-10)


class _Loop:
    def __init__(
        self,
        pipeline: Conduit,
        shared: SharedCounters,
        left: socket.socket,
        right: socket.socket,
    ) -> None:
        self._pipeline = pipeline
        self._shared = shared
        self._left, self._right = left, right
        self._counters = WireCounters()
        self._publish_s = 0.0

    def run(self) -> None:
        """One round: sleep until a frame comes or is due, take what came, send what is due."""
        ports = [self._left, self._right]
        while True:
            readable, _, _ = select.select(ports, [], [], self._sleep_s())
            for port in readable:
                self._take(port)
            self._send_due()

    def _sleep_s(self) -> float:
        next_s = self._pipeline.next_s
        if next_s is None:
            return SLEEP_S_MAX
        return min(max(next_s - time.monotonic(), 0.0), SLEEP_S_MAX)

    def _take(self, port: socket.socket) -> None:
        upwards = port is self._left
        for _ in range(BATCH_FRAMES):
            try:
                frame = port.recv(FRAME_BYTES_MAX)
            except BlockingIOError:
                return
            self._pipeline.enter(frame, time.monotonic(), upwards=upwards)

    def _send_due(self) -> None:
        now_s = time.monotonic()
        next_s = self._pipeline.next_s
        if next_s is not None and next_s < now_s:
            self._counters.late_max_s = max(self._counters.late_max_s, now_s - next_s)
        for frame, upwards in self._pipeline.leaving(now_s):
            port = self._right if upwards else self._left
            try:
                port.send(frame)
            except OSError:  # no room in the other end's backlog: the machine is too slow
                self._counters.overload += 1
        if now_s >= self._publish_s:
            self._publish(now_s)

    def _publish(self, now_s: float) -> None:
        self._publish_s = now_s + _PUBLISH_S
        counters = self._counters
        for port in (self._left, self._right):
            statistics = port.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
            counters.overload += struct.unpack("=II", statistics)[1]  # reset by reading
        seen = self._pipeline.counters
        counters.entered, counters.left, counters.lost = seen.entered, seen.left, seen.lost
        counters.tail_drops, counters.forged = seen.tail_drops, seen.forged
        counters.censor_drops = seen.censor_drops
        counters.cpu_s = time.process_time()
        held = msgspec.structs.replace(counters, overload=counters.overload + seen.overload)
        self._shared.publish(held)
