"""What a line carries, from a speed test that ended early: a rate, or the least it can be.

What it does. A test with a byte cap is short: its mean counts slow start, in which TCP doubles its
rate every round trip. `capacity_of` takes the byte curve of a `speed_test` and reads the rate of
its later part.

Rules. The rate is that of the last half of the bytes. If the rate was still growing (they came at
more than `GROWING` times the rate of the quarter before them; in slow start, twice), or the test
moved fewer than `BYTES_MIN` bytes, the line carries at least that much, and may carry more. A test
that ran until its time was up is never "at least". No curve, or no bytes: None.

What it does not do. It does not compare the rate with anybody's tariff, and it does not say where
the narrow place is.

Sources: RFC 9002 and RFC 9438 (slow start); ndt7 specification v0.11 (mean over ten seconds).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Fact

__all__ = ["BYTES_MIN", "GROWING", "Capacity", "capacity_of"]

BYTES_MIN = 65_536
GROWING = 1.25
_US = 8_000_000

_Curve = Sequence[tuple[int, int]]


class Capacity(NamedTuple):
    """What a line carries.

    Attributes:
        rate_bps: in bit/s of load.
        at_least: it may be more.
    """

    rate_bps: int
    at_least: bool


def capacity_of(seen: Observation) -> Capacity | None:
    """The rate of one `speed_test`; None where it shows none."""
    if seen.fact is not Fact.SPEED_TEST or seen.failure or not seen.body_bytes:
        return None
    if not seen.curve or len(seen.curve) < 3:
        mean_bps = seen.goodput_bps or 0
        return Capacity(mean_bps, at_least=not seen.capped) if mean_bps else None
    total = seen.curve[-1][1]
    late_bps = _rate(seen.curve, total // 2, total)
    before_bps = _rate(seen.curve, total // 4, total // 2)
    growing = total < BYTES_MIN or late_bps > GROWING * before_bps
    return Capacity(late_bps, at_least=growing and not seen.capped)


def _rate(curve: _Curve, start_bytes: int, end_bytes: int) -> int:
    """Bit/s between two heights of the curve."""
    took_us = _reached_us(curve, end_bytes) - _reached_us(curve, start_bytes)
    return round((end_bytes - start_bytes) * _US / max(1.0, took_us))


def _reached_us(curve: _Curve, height_bytes: int) -> float:
    """When the curve reached a height, on the line between its points."""
    before_us, before_bytes = 0, 0
    for at_us, at_bytes in curve:
        if at_bytes >= height_bytes:
            share = (height_bytes - before_bytes) / max(1, at_bytes - before_bytes)
            return before_us + share * (at_us - before_us)
        before_us, before_bytes = at_us, at_bytes
    return before_us
