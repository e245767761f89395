"""What one transfer looked like, in a few numbers that tell one kind of slowness from another.

What it does. `traits_of` reads an arm of a pair: its byte curve (the receiver's reads), the
sender's TCP_INFO samples, and how it ended. Nothing is judged here; `infer.shape` does.

Rules. A number that cannot be told is None, never 0. Where no samples came (a kernel that does not
tell, a server out of reach afterwards), the round-trip times and retransmissions of the
observation's end stand in for them.

How it works.
- **Loss**: bytes sent again ÷ bytes acknowledged or sent again.
- **Queue**: the median round-trip time once data flow ÷ the smallest seen on this line. Samples
  without a new acknowledgement say nothing new and are left out.
- **Burst and plateau**: the curve is fitted by a jump, then a straight line: over all points from
  which at least half of the time remains, the one with the smallest residual is taken. The rate of
  the line is the plateau; the residual is its standard deviation ÷ bytes of the plateau.
- **First loss**: bytes acknowledged when the first byte was sent again.

What it does not do. It sees no packets: in 50 ms many of them pass, so Flach's packet-wise bucket
is not simulated. What is kept of it: losses without a queue before them, the bytes that pass before
the first loss (the bucket), and the rate afterwards.

Sources: Flach et al., SIGCOMM 2016, section 3; background/throttling.md section 4; Linux
`tcp_info` (tcpi_rtt, tcpi_min_rtt, tcpi_bytes_acked, tcpi_bytes_retrans).
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evenfall.model.observation import Observation

__all__ = ["Plateau", "Sample", "Traits", "fit_plateau", "samples_of", "traits_of"]

_POINTS_MIN = 6
_PLATEAU_SHARE_MIN = 0.5


class Sample(NamedTuple):
    """The sender's TCP_INFO at one moment, as it is kept in an observation."""

    t_us: int
    rtt_us: int
    rtt_min_us: int
    acked_bytes: int
    retransmitted_bytes: int
    body_bytes: int


class Plateau(NamedTuple):
    """A straight line through the later part of a byte curve.

    Attributes:
        rate_bps: its slope.
        burst_bytes: where it would have started, at the time of the first byte.
        residual: standard deviation of the bytes about it ÷ the bytes it covers.
    """

    rate_bps: float
    burst_bytes: float
    residual: float


@dataclass(frozen=True, kw_only=True)
class Traits:
    """One arm in numbers.

    Attributes:
        goodput_bps: as observed.
        stalled: bytes came, then none for half the time allowed or more.
        stalled_at_bytes: how many had come by then; None if it did not stall.
        loss: share of bytes that had to be sent again.
        queue: round-trip time under load ÷ the smallest of the line.
        queue_us: the same as a difference.
        plateau: None where too few points of the curve are there.
        first_loss_bytes: acknowledged before anything was sent again; None: nothing was, or
            nothing is known.
        rtt_us: the smallest round-trip time of this arm.
    """

    goodput_bps: float
    stalled: bool
    stalled_at_bytes: int | None
    loss: float | None
    queue: float | None
    queue_us: float | None
    plateau: Plateau | None
    first_loss_bytes: int | None
    rtt_us: int | None


def samples_of(arm: Observation) -> tuple[Sample, ...]:
    """Its samples in order; empty where there are none."""
    rows = arm.samples or ()
    return tuple(Sample(*row) for row in rows if len(row) == len(Sample._fields))


def traits_of(arm: Observation, *, line_rtt_us: int | None = None) -> Traits:
    """Read one arm.

    Args:
        arm: a transfer.
        line_rtt_us: the smallest round-trip time that any transfer to this address saw.
    """
    samples = samples_of(arm)
    rtts = [t for t in (arm.rtt_min_us, line_rtt_us, *(s.rtt_min_us for s in samples)) if t]
    least_us = min(rtts, default=None)
    stalled = arm.failure == "stalled"
    loaded_us = _loaded(arm, samples)
    told = loaded_us is not None and bool(least_us)
    return Traits(
        goodput_bps=float(arm.goodput_bps or 0),
        stalled=stalled,
        stalled_at_bytes=arm.body_bytes if stalled else None,
        loss=_loss(arm, samples),
        queue=(loaded_us or 0) / (least_us or 1) if told else None,
        queue_us=(loaded_us or 0) - (least_us or 0) if told else None,
        plateau=fit_plateau(arm.curve or ()),
        first_loss_bytes=_first_loss(samples),
        rtt_us=least_us,
    )


def fit_plateau(curve: Sequence[tuple[int, int]]) -> Plateau | None:
    """A jump, then a straight line; None with fewer than six points."""
    best: Plateau | None = None
    if len(curve) < _POINTS_MIN:
        return None
    start_us, end_us = curve[0][0], curve[-1][0]
    latest_us = end_us - _PLATEAU_SHARE_MIN * (end_us - start_us)
    for index, (at_us, _) in enumerate(curve):
        part = curve[index:]
        if at_us > latest_us or len(part) < _POINTS_MIN:
            break
        line = _line(part, start_us)
        if line is not None and (best is None or line.residual < best.residual):
            best = line
    return best


def _line(points: Sequence[tuple[int, int]], start_us: int) -> Plateau | None:
    times = [(t - start_us) / 1e6 for t, _ in points]
    counts = [float(n) for _, n in points]
    gained = counts[-1] - counts[0]
    if gained <= 0 or times[-1] <= times[0]:
        return None
    slope, intercept = statistics.linear_regression(times, counts)
    off = [n - intercept - slope * t for t, n in zip(times, counts, strict=True)]
    residual = math.sqrt(math.fsum(value * value for value in off) / len(off)) / gained
    return Plateau(slope * 8, intercept, residual)


def _loss(arm: Observation, samples: Sequence[Sample]) -> float | None:
    if samples:
        again, acked = samples[-1].retransmitted_bytes, samples[-1].acked_bytes
    elif arm.retransmitted_bytes is not None and arm.body_bytes is not None:
        again, acked = arm.retransmitted_bytes, arm.body_bytes
    else:
        return None
    return again / (again + acked) if again + acked else None


def _loaded(arm: Observation, samples: Sequence[Sample]) -> float | None:
    """Round-trip time once data flow, µs."""
    fresh = [
        now.rtt_us
        for before, now in itertools.pairwise(samples)
        if now.acked_bytes > before.acked_bytes
    ]
    return float(statistics.median(fresh)) if fresh else arm.rtt_us


def _first_loss(samples: Sequence[Sample]) -> int | None:
    return next((s.acked_bytes for s in samples if s.retransmitted_bytes), None)
