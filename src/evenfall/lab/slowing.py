"""What a rule does to the bytes that a relay carries: `lab.limiting` without packets.

A relay can hold bytes back or swallow them, and cannot lose a few: so a policer's drops become
waiting, a stall is silence, and random loss is not here. Time is asyncio's clock.
"""

from __future__ import annotations

from evenfall.lab.pacing import TokenBucket
from evenfall.lab.scenario import CensorRule

__all__ = ["SLOWING", "SharedBuckets", "Slowing"]

SLOWING = frozenset({"sni.police", "sni.shape", "sni.stall"})


class SharedBuckets:
    """Buckets of rules whose flows share one, a direction each."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[CensorRule, bool], TokenBucket] = {}

    def bucket(self, rule: CensorRule, *, upwards: bool) -> TokenBucket:
        """The bucket for one more flow of a rule: its own, or the one that all share."""
        if not rule.shared:
            return _bucket_of(rule)
        return self._buckets.setdefault((rule, upwards), _bucket_of(rule))


class Slowing:
    """What a rule does to one connection.

    Attributes:
        stalled: nothing passes any more in the rule's directions.

    Args:
        rule: of `SLOWING`; any other, or null, does nothing here.
        shared: buckets of all connections.
    """

    def __init__(self, rule: CensorRule | None, shared: SharedBuckets) -> None:
        self._rule = rule if rule is not None and rule.action in SLOWING else None
        self._buckets: dict[bool, TokenBucket] = {}
        if self._rule is not None and self._rule.action != "sni.stall":
            self._buckets = {
                upwards: shared.bucket(self._rule, upwards=upwards)
                for upwards in (True, False)
                if _covers(self._rule, upwards)
            }
        self._seen_bytes = 0
        self._passed_bytes = 0
        self.stalled = False

    @property
    def counts_bytes(self) -> bool:
        """Whether it matters where in the stream a piece ends."""
        return self._rule is not None and self._rule.action == "sni.stall"

    def rate_bps(self, *, upwards: bool) -> float:
        """What limits this direction; infinite if nothing does."""
        bucket = self._buckets.get(upwards)
        return float("inf") if bucket is None else bucket.rate_bps

    async def admits(self, size_bytes: int, *, upwards: bool) -> bool:
        """Wait until so many bytes may go on; false: they are swallowed, and all after them."""
        rule = self._rule
        if rule is None:
            return True
        self._seen_bytes += size_bytes
        if rule.action == "sni.stall":
            return self._not_stalled(rule, size_bytes, upwards)
        bucket = self._buckets.get(upwards)
        if bucket is not None and self._seen_bytes > rule.delay_bytes:
            await bucket.take(size_bytes)
        return True

    def _not_stalled(self, rule: CensorRule, size_bytes: int, upwards: bool) -> bool:
        if not _covers(rule, upwards):
            return True
        self._passed_bytes += size_bytes
        self.stalled = self.stalled or self._passed_bytes > rule.stall_bytes
        return not self.stalled


def _covers(rule: CensorRule, upwards: bool) -> bool:
    return rule.direction == "both" or (rule.direction == "up") is upwards


def _bucket_of(rule: CensorRule) -> TokenBucket:
    return TokenBucket(rule.rate_bps, rule.burst_bytes if rule.action == "sni.police" else 0)
