"""Slow, compared with what? Speeds of single exchanges, made comparable.

What it does. Two sites send bodies of different length from different distances. Their speeds are
compared at the number of bytes that both sent, read from the byte curves; and a target counts as
slow only if it is also well below what TCP's slow start would have allowed at its own round-trip
time, for a far server is not a slow one. The line's own speed is the best that any control did.

Rules. Bodies under 24 KB say nothing, unless the exchange was cut by its time cap: then the bytes
so far over the time allowed are the data. Speed here is secondary evidence (METHOD 2): it can say
that something is slow, never why.

How it works. Slow start doubles a first window of ten segments (RFC 6928) every round trip: n bytes
take about 1 + ⌈log₂(n / 14600 + 1)⌉ round trips, the first of them for the request. The line's
speed is the rate over the second half of the bytes, where slow start has had its say.

What it does not do. It knows no server's own limits; a server that is slow by itself and a server
that is made slow look the same here.

Sources: RFC 5681 (slow start), RFC 6928 (initial window).
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from evenfall.infer.facts import Attempt
from evenfall.infer.profiles import CheckProfile

__all__ = ["Speed", "attainable_bps", "compare", "line_bps", "queue_factor", "speed_of"]


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast one exchange went.

    Attributes:
        body_bytes: bytes of the body that came.
        duration_us: from the request to the last byte, or to the time cap.
        capped: cut by the time cap.
        curve: (µs, bytes so far).
        rtt_us: the smallest round trip seen: the connect's, or the kernel's own minimum.
    """

    body_bytes: int
    duration_us: int
    capped: bool
    curve: tuple[tuple[int, int], ...]
    rtt_us: int

    def bps_at(self, count: int) -> float:
        """Bits per second over the first `count` bytes; over all time allowed if fewer came."""
        if count >= self.body_bytes:
            return self.body_bytes * 8e6 / self.duration_us
        return count * 8e6 / max(1.0, self.us_at(count))

    def us_at(self, count: int) -> float:
        """When `count` bytes had come, by linear interpolation on the curve."""
        before_us, before = 0, 0
        for at_us, so_far in self.curve:
            if so_far >= count:
                share = (count - before) / max(1, so_far - before)
                return before_us + share * (at_us - before_us)
            before_us, before = at_us, so_far
        return float(self.duration_us)

    @property
    def later_bps(self) -> float:
        """Rate over the second half of the bytes."""
        half = self.body_bytes // 2
        if not self.curve or self.curve[-1][1] < half:
            # A record that was still coming when time was up is in the bytes, not in the curve.
            return self.body_bytes * 8e6 / self.duration_us
        rest_us = self.duration_us - self.us_at(half)
        return (self.body_bytes - half) * 8e6 / max(1.0, rest_us)


def speed_of(attempt: Attempt, profile: CheckProfile) -> Speed | None:
    """The speed of an attempt's exchange; None if it says nothing about speed."""
    http = attempt.http
    if http is None or http.body_bytes is None or http.status_code is None:
        return None
    stalled = http.failure == "stalled"
    if http.failure not in (None, "stalled", "http_request_failed"):
        return None
    capped = bool(http.capped) or stalled
    if http.body_bytes < profile.compare_bytes_min and not capped:
        return None
    curve = http.curve or ()
    last_us = curve[-1][0] if curve else http.duration_us
    duration_us = (http.duration_us if capped else last_us) or 1
    return Speed(
        body_bytes=http.body_bytes,
        duration_us=max(1, duration_us),
        capped=capped,
        curve=curve,
        # The SYN may have met a queue (our own, of another site's body); the kernel saw the rest.
        rtt_us=min(attempt.tcp.duration_us or 0, http.rtt_min_us or sys.maxsize),
    )


def attainable_bps(count: int, rtt_us: int, profile: CheckProfile) -> float:
    """What slow start allows for the first `count` bytes; infinite at no round-trip time."""
    trips = 1 + math.ceil(math.log2(count / profile.first_window_bytes + 1))
    return count * 8e6 / (trips * rtt_us) if rtt_us else math.inf


def compare(target: Speed, controls: Sequence[Speed], profile: CheckProfile) -> float | None:
    """Median of control ÷ target at equal bytes; None if nothing is comparable."""
    ratios = []
    for control in controls:
        count = min(target.body_bytes, control.body_bytes)
        if count < profile.compare_bytes_min:
            if not target.capped:
                continue
            # So little came that both are compared by all the time they had.
            count = min(control.body_bytes, profile.compare_bytes_min)
        ratios.append(max(1.0, control.bps_at(count)) / max(1.0, target.bps_at(count)))
    return statistics.median(ratios) if ratios else None


def line_bps(controls: Sequence[Speed]) -> float | None:
    """The best that any control did once it was under way; None: none was measured."""
    return max((control.later_bps for control in controls), default=None)


def queue_factor(attempts: Sequence[Attempt]) -> float | None:
    """Median of round-trip time under load ÷ at rest over exchanges whose kernel told both."""
    factors = [
        a.http.rtt_us / a.http.rtt_min_us
        for a in attempts
        if a.http is not None and a.http.rtt_us and a.http.rtt_min_us
    ]
    return statistics.median(factors) if factors else None
