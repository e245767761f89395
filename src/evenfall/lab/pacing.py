"""A token bucket whose bytes wait instead of being dropped: what paces relays and slow servers.

Rules: time is an argument of `reserve`, so the arithmetic can be tested without waiting; waiters
are served in the order in which they asked, one piece each, so flows that share a bucket share its
rate evenly. It is the generic cell rate algorithm (ITU-T I.371, annex A) with bytes for cells.

A bucket that drops what it cannot pass (a policer) needs packets; that one is `lab.bucket`.
"""

from __future__ import annotations

import asyncio

__all__ = ["TokenBucket"]


class TokenBucket:
    """Passes `burst_bytes` at once and `rate_bps` in the long run.

    Args:
        rate_bps: bits per second, above zero.
        burst_bytes: what may pass at once after a silence; 0: every byte takes its time.
    """

    def __init__(self, rate_bps: float, burst_bytes: int = 0) -> None:
        if rate_bps <= 0:
            raise ValueError(f"a bucket needs a rate above zero, not {rate_bps}")
        self.rate_bps = rate_bps
        self._burst_s = burst_bytes * 8 / rate_bps
        self._busy_until_s = float("-inf")

    def reserve(self, size_bytes: int, now_s: float) -> float:
        """Take `size_bytes` and say how many seconds from now they may pass."""
        start_s = max(self._busy_until_s, now_s - self._burst_s)
        self._busy_until_s = start_s + size_bytes * 8 / self.rate_bps
        return max(0.0, self._busy_until_s - now_s)

    def waiting_s(self, now_s: float) -> float:
        """How long one byte more would wait, beyond the burst."""
        return max(0.0, self._busy_until_s - now_s)

    async def take(self, size_bytes: int) -> None:
        """Wait until `size_bytes` may pass."""
        wait_s = self.reserve(size_bytes, asyncio.get_running_loop().time())
        if wait_s > 0:
            await asyncio.sleep(wait_s)
