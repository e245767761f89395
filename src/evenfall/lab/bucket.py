"""Token buckets and queues as arithmetic: when does this packet leave, or does it at all?

Because a first-in first-out queue behind a constant rate is fully described by one number (how
many bytes are owed), no packet needs to be held to know its departure: `Bucket.offer` returns it.
The same class is a policer (`queue_bytes = 0`: what finds no token is dropped), a shaper (tokens
plus a queue) and a serialising link (`burst_bytes` of one frame plus a queue).
"""

from __future__ import annotations

__all__ = ["FRAME_BYTES", "Bucket"]

FRAME_BYTES = 1514  # an Ethernet frame with 1500 bytes of IP


class Bucket:
    """A token bucket of `rate_bps`, full at the start, with a queue of `queue_bytes` behind it.

    Args:
        rate_bps: bits a second, frame headers counted.
        burst_bytes: depth of the bucket; at least one frame, or nothing would ever pass.
        queue_bytes: bytes that may wait; 0 makes it a policer. A queue takes a packet while
            fewer than this many bytes wait in it.
    """

    __slots__ = ("_burst_bytes", "_bytes_per_s", "_queue_bytes", "_seen_s", "_tokens_bytes")

    def __init__(self, *, rate_bps: float, burst_bytes: float, queue_bytes: float) -> None:
        self._bytes_per_s = rate_bps / 8
        self._burst_bytes = max(float(burst_bytes), FRAME_BYTES)
        self._queue_bytes = queue_bytes
        self._tokens_bytes = self._burst_bytes  # below zero: this many bytes wait
        self._seen_s = float("-inf")

    def offer(self, frame_bytes: int, now_s: float) -> float | None:
        """When a frame offered now leaves (≥ now); None if it is dropped.

        `now_s` must not run backwards; a step back counts as no time having passed.
        """
        if now_s > self._seen_s:
            if self._seen_s > float("-inf"):
                gained = (now_s - self._seen_s) * self._bytes_per_s
                self._tokens_bytes = min(self._burst_bytes, self._tokens_bytes + gained)
            self._seen_s = now_s
        short_bytes = frame_bytes - self._tokens_bytes
        if short_bytes > 0 and (self._queue_bytes <= 0 or self.waiting_bytes >= self._queue_bytes):
            return None
        self._tokens_bytes -= frame_bytes
        return self._seen_s + max(0.0, short_bytes) / self._bytes_per_s

    @property
    def waiting_bytes(self) -> float:
        """Bytes in the queue at the time of the last offer."""
        return max(0.0, -self._tokens_bytes)
