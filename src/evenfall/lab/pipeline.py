"""What a frame meets between the ISP and the rest of the net: delays, queues, losses, the censor.

Frames and times go in (`enter`), frames come out when their time has come (`leaving`); sockets and
sleeping are `lab.middlebox`'s. Order on the way, as seen from the client:

    up     access line (rate, queue) → loss → near delay → censor → far delay
    down   loss → far delay → censor → shared bottleneck → access line → near delay

Near and far delay are a quarter of the round-trip time each, so that what the censor forges comes
back earlier than the server's own answer. The shared bottleneck carries the client and its
neighbour in one queue (congestion); the access line carries the client alone. Queues drop at the
tail. A reset or a page forged by the censor waits in the same queues as everything else.

Limits: `HELD_FRAMES_MAX` frames in flight; more are dropped and counted, as `overload`, because
then the emulation is not true any more. Frames of the link itself (ARP, IPv6 neighbour discovery)
pass at once.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

import msgspec

from evenfall.lab.bucket import FRAME_BYTES, Bucket
from evenfall.lab.censor import Censor
from evenfall.lab.packets import ETHERNET_BYTES, Packet, parse_frame, parse_ip

__all__ = ["HELD_FRAMES_MAX", "QUEUE_S", "Counters", "PathSettings", "Pipeline"]

HELD_FRAMES_MAX = 50_000
QUEUE_S = 0.1  # what a home router or an ISP port holds at its own rate
QUEUE_BYTES_MIN = 20 * FRAME_BYTES
BURST_BYTES = 2 * FRAME_BYTES
_FAR_SHARE = 0.5  # of the one-way delay; the rest is near


class PathSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The line of one client.

    Attributes:
        client: four address bytes.
        client6: its other sixteen; empty: none.
        down_bps, up_bps: access line, frame headers counted.
        rtt_s: round trip without load; queues come on top.
        loss: share of the client's frames lost at random, each way.
        bottleneck_bps: shared with the neighbour, downwards; null: none.
        is_down: nothing of the client's passes, either way.
    """

    client: bytes
    client6: bytes = b""
    down_bps: float
    up_bps: float
    rtt_s: float
    loss: float = 0.0
    bottleneck_bps: float | None = None
    is_down: bool = False


class Counters(msgspec.Struct, kw_only=True):
    """What happened to frames, for the record of a run.

    Attributes:
        tail_drops: dropped by a full queue.
        censor_drops, forged: dropped, and made, by the censor.
        overload: dropped because the emulation could not keep up; should be 0.
    """

    entered: int = 0
    left: int = 0
    lost: int = 0
    tail_drops: int = 0
    censor_drops: int = 0
    forged: int = 0
    overload: int = 0


_Stage = Callable[[bytes, Packet, bool, float], None]
_Event = tuple[float, int, _Stage | None, bytes, Packet | None, bool]


class Pipeline:
    """Holds frames until they leave.

    Args:
        settings: delays and rates.
        censor: judges every IP packet of the client and the neighbour.
        rng: draws random losses.
    """

    def __init__(self, settings: PathSettings, censor: Censor, rng: random.Random) -> None:
        self.counters = Counters()
        self._settings = settings
        self._mine = frozenset((settings.client, settings.client6))
        self._loss = 1.0 if settings.is_down else settings.loss
        self._censor = censor
        self._rng = rng
        self._far_s = settings.rtt_s / 2 * _FAR_SHARE
        self._near_s = settings.rtt_s / 2 - self._far_s
        self._up = _queue(settings.up_bps)
        self._down = _queue(settings.down_bps)
        self._bottleneck = None if settings.bottleneck_bps is None else _queue(
            settings.bottleneck_bps
        )  # fmt: skip
        self._events: list[_Event] = []
        self._number = 0

    @property
    def next_s(self) -> float | None:
        """When something happens next; None while nothing is held."""
        return self._events[0][0] if self._events else None

    def enter(self, frame: bytes, now_s: float, *, upwards: bool) -> None:
        """Take a frame that arrived, upwards from the ISP or downwards from the transit."""
        self.counters.entered += 1
        packet = parse_frame(frame)
        if packet is None:
            self._hold(now_s, None, frame, None, upwards)
            return
        if len(self._events) >= HELD_FRAMES_MAX:
            self.counters.overload += 1
            return
        mine = (packet.source if upwards else packet.destination) in self._mine
        if mine and self._loss and self._rng.random() < self._loss:
            self.counters.lost += 1
            return
        if not upwards:
            self._hold(now_s + self._far_s, self._meet_censor, frame, packet, upwards)
            return
        leave_s = self._up.offer(len(frame), now_s) if mine else now_s
        if leave_s is None:
            self.counters.tail_drops += 1
            return
        self._hold(leave_s + self._near_s, self._meet_censor, frame, packet, upwards)

    def leaving(self, now_s: float) -> list[tuple[bytes, bool]]:
        """Frames whose time has come, in order, with their direction (True: upwards)."""
        out: list[tuple[bytes, bool]] = []
        while self._events and self._events[0][0] <= now_s:
            at_s, _, stage, frame, packet, upwards = heapq.heappop(self._events)
            if stage is None or packet is None:
                out.append((frame, upwards))
            else:
                stage(frame, packet, upwards, at_s)
        self.counters.left += len(out)
        return out

    def _hold(
        self, at_s: float, stage: _Stage | None, frame: bytes, packet: Packet | None, upwards: bool
    ) -> None:
        self._number += 1  # frames of one moment keep their order
        heapq.heappush(self._events, (at_s, self._number, stage, frame, packet, upwards))

    def _meet_censor(self, frame: bytes, packet: Packet, upwards: bool, at_s: float) -> None:
        decision = self._censor.judge(packet, at_s, upwards=upwards)
        for forged in decision.to_client:
            self._forge(self._swapped(frame) if upwards else frame, forged, False, at_s)
        for forged in decision.to_server:
            self._forge(frame if upwards else self._swapped(frame), forged, True, at_s)
        if decision.leave_s is None:
            self.counters.censor_drops += 1
        elif decision.leave_s > at_s:
            self._hold(decision.leave_s, self._go_on, frame, packet, upwards)
        else:
            self._go_on(frame, packet, upwards, at_s)

    @staticmethod
    def _swapped(frame: bytes) -> bytes:
        """A frame whose Ethernet addresses point the other way."""
        return frame[6:12] + frame[:6] + frame[12:ETHERNET_BYTES]

    def _forge(self, like: bytes, forged: bytes, upwards: bool, at_s: float) -> None:
        packet = parse_ip(forged)
        if packet is not None:
            self.counters.forged += 1
            self._go_on(like[:ETHERNET_BYTES] + forged, packet, upwards, at_s)

    def _go_on(self, frame: bytes, packet: Packet, upwards: bool, at_s: float) -> None:
        """Behind the censor: the far delay upwards, the queues downwards."""
        if upwards:
            self._hold(at_s + self._far_s, None, frame, packet, upwards)
            return
        leave_s: float | None = at_s
        if self._bottleneck is not None:
            leave_s = self._bottleneck.offer(len(frame), at_s)
        if leave_s is not None and packet.destination in self._mine:
            leave_s = self._down.offer(len(frame), leave_s)
        if leave_s is None:
            self.counters.tail_drops += 1
            return
        self._hold(leave_s + self._near_s, None, frame, packet, upwards)


def _queue(rate_bps: float) -> Bucket:
    """A serialising link of this rate with a queue of `QUEUE_S`, or a few frames if it is slow."""
    queue_bytes = max(QUEUE_S * rate_bps / 8, QUEUE_BYTES_MIN)
    return Bucket(rate_bps=rate_bps, burst_bytes=BURST_BYTES, queue_bytes=queue_bytes)
