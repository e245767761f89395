"""What slows a flow or wears it down: policers, shapers, random loss, a stall after N bytes.

One `Limits` a flow holds what it has used up; `Limiter` holds what flows of a rule share. Packets
in, departure times out; the randomness is an argument.

Rules
    1. `direction` names what is touched; the other way passes untouched.
    2. A delayed trigger counts payload of both directions, from the moment the rule was chosen.
    3. A stall counts the payload that has passed in its own directions; from the packet that would
       exceed it on, everything there is dropped, empty acknowledgements too.
    4. A shared bucket is one a rule and direction, for all its flows.
"""

from __future__ import annotations

import random

from evenfall.lab.bucket import FRAME_BYTES, Bucket
from evenfall.lab.packets import ETHERNET_BYTES, Packet
from evenfall.lab.scenario import CensorRule

__all__ = ["LIMITING", "Limiter", "Limits"]

LIMITING = frozenset({"sni.police", "sni.shape", "sni.loss", "sni.stall"})
SHAPER_BURST_BYTES = 2 * FRAME_BYTES


class Limits:
    """What one flow has used up.

    Attributes:
        seen_bytes: payload since the rule was chosen, both directions.
        passed_bytes: payload that passed in the rule's directions.
        stalled: nothing passes any more.
        buckets: one a direction (key: towards the server).
    """

    __slots__ = ("buckets", "passed_bytes", "seen_bytes", "stalled")

    def __init__(self) -> None:
        self.seen_bytes = 0
        self.passed_bytes = 0
        self.stalled = False
        self.buckets: dict[bool, Bucket] = {}


class Limiter:
    """Applies the rules of `LIMITING`.

    Args:
        rng: draws what `sni.loss` drops.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._shared: dict[tuple[CensorRule, bool], Bucket] = {}

    def leave_s(
        self, limits: Limits, rule: CensorRule, packet: Packet, now_s: float, *, upwards: bool
    ) -> float | None:
        """When a packet of the flow leaves (≥ now); None if it is dropped."""
        limits.seen_bytes += len(packet.payload)
        if rule.action == "sni.stall":
            return self._stall(limits, rule, packet, now_s, upwards)
        waits = rule.delay_bytes > 0 and limits.seen_bytes <= rule.delay_bytes
        if waits or not _covers(rule, upwards):
            return now_s
        if rule.action == "sni.loss":
            return None if self._rng.random() < rule.loss else now_s
        bucket = limits.buckets.get(upwards)
        if bucket is None:
            bucket = limits.buckets[upwards] = self._bucket(rule, upwards)
        return bucket.offer(packet.ip_bytes + ETHERNET_BYTES, now_s)

    @staticmethod
    def _stall(
        limits: Limits, rule: CensorRule, packet: Packet, now_s: float, upwards: bool
    ) -> float | None:
        if not _covers(rule, upwards):
            return now_s
        payload_bytes = len(packet.payload)
        if limits.passed_bytes + payload_bytes > rule.stall_bytes:
            limits.stalled = True
        if limits.stalled:
            return None
        limits.passed_bytes += payload_bytes
        return now_s

    def _bucket(self, rule: CensorRule, upwards: bool) -> Bucket:
        if not rule.shared:
            return _bucket_of(rule)
        return self._shared.setdefault((rule, upwards), _bucket_of(rule))


def _covers(rule: CensorRule, upwards: bool) -> bool:
    return rule.direction == "both" or (rule.direction == "up") is upwards


def _bucket_of(rule: CensorRule) -> Bucket:
    shaped = rule.action == "sni.shape"
    return Bucket(
        rate_bps=rule.rate_bps,
        burst_bytes=SHAPER_BURST_BYTES if shaped else rule.burst_bytes,
        queue_bytes=max(rule.burst_bytes, FRAME_BYTES) if shaped else 0,
    )
