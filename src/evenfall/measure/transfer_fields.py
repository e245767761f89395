"""From how a transfer went to the fields of its observation (the table in `measure.transfer`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evenfall.measure.curve import ByteCurve
from evenfall.measure.exchange import Progress
from evenfall.net.api import NetworkFailure, TcpInfo
from evenfall.wire.pair_messages import Sample, Trailer

__all__ = ["curve_of", "ending", "in_flight_bytes", "samples_of", "tcp_fields", "unsent_bytes"]

_STALLED_SHARE = 0.5
"""Share of the cap without a byte before its end that makes a cut transfer a stalled one."""
_TIMEOUT = "generic_timeout_error"
Curve = tuple[tuple[int, int], ...]
Samples = tuple[tuple[int, ...], ...]


def ending(
    progress: Progress | None, failure: NetworkFailure | None, *, cap_s: float, no_evidence: bool
) -> dict[str, Any]:
    """`failure`, `operation`, `goodput_bps`, `capped`.

    Args:
        progress: None: TCP did not connect.
        failure: None: all bytes came.
        cap_s: the time cap.
        no_evidence: whoever answered was not our server, or our server declined.
    """
    if progress is None or no_evidence:
        return _failed(failure, goodput_bps=None, capped=None)
    if failure is None:
        return _failed(None, goodput_bps=_complete_bps(progress), capped=False)
    slow_bps = round(progress.body_bytes * 8 / cap_s)
    if failure.code != _TIMEOUT:
        return _failed(failure, goodput_bps=slow_bps, capped=False)
    if progress.body_bytes and not _stalled(progress, cap_s):
        return _failed(None, goodput_bps=slow_bps, capped=True)
    if progress.body_bytes:
        failure = NetworkFailure("stalled", "read")
    return _failed(failure, goodput_bps=slow_bps, capped=True)


def tcp_fields(operation: str, ours: TcpInfo, trailer: Trailer | None) -> dict[str, Any]:
    """Round-trip times, retransmissions, congestion control: of the side that sent the body."""
    theirs = trailer.tcp if trailer else None
    least = [i.rtt_min_us for i in (ours, theirs) if i is not None and i.rtt_min_us is not None]
    sender = theirs if operation == "get" else ours
    return {
        "rtt_min_us": min(least, default=None),
        "rtt_us": sender.rtt_us if sender else ours.rtt_us,
        "retransmitted_bytes": sender.bytes_retransmitted if sender else None,
        "congestion_control": sender.congestion_control if sender else None,
    }


def curve_of(progress: Progress, trailer: Trailer | None) -> Curve | None:
    """Our own reads; of an upload, the arrivals that the server sampled."""
    if trailer is not None and trailer.op == "put" and trailer.samples:
        arrivals = ByteCurve()
        for sample in trailer.samples:
            arrivals.add(sample.t_us, sample.body_bytes)
        return arrivals.points()
    return progress.curve.points() or None


def samples_of(ours: Sequence[Sample], trailer: Trailer | None) -> Samples | None:
    """TCP_INFO of the side that sent the body, as it went on; None where its kernel did not tell.

    Of an upload these are our own samples; of a download, the server's, from its trailer.
    """
    theirs = trailer.samples if trailer is not None and trailer.op == "get" else ()
    told = [
        (s.t_us, s.rtt_us, s.rtt_min_us, s.bytes_acked, s.bytes_retransmitted, s.body_bytes)
        for s in (ours or theirs)
    ]
    whole = [tuple(n for n in row if n is not None) for row in told if None not in row]
    return tuple(whole) or None


def unsent_bytes(info: TcpInfo, bytes_written: int) -> int:
    """Of a connection that was reset: what was handed to the kernel and never left it.

    `bytes_sent` holds retransmissions, as the price of the connection does.
    """
    if info.bytes_sent is None:
        return 0
    return max(0, bytes_written + (info.bytes_retransmitted or 0) - info.bytes_sent)


def in_flight_bytes(operation: str, trailer: Trailer | None) -> int:
    """Of a download that was cut: what the server had sent and we had not acknowledged.

    It stands in somebody's queue and still comes down the line (a shaper), or was dropped before
    it (a policer, whose senders have little outstanding); both are counted, to be on the safe side.
    """
    if operation != "get" or trailer is None:
        return 0
    sent, acked = trailer.tcp.bytes_sent, trailer.tcp.bytes_acked
    if sent is None or acked is None:
        return 0
    return max(0, sent - (trailer.tcp.bytes_retransmitted or 0) - acked)


def _failed(
    failure: NetworkFailure | None, *, goodput_bps: int | None, capped: bool | None
) -> dict[str, Any]:
    return {
        "failure": failure.code if failure else None,
        "operation": failure.operation if failure else None,
        "goodput_bps": goodput_bps,
        "capped": capped,
    }


def _complete_bps(progress: Progress) -> int:
    if progress.last_byte_s is None:
        return 0
    took_us = max(1, progress.since_hello_us(progress.last_byte_s))
    return round(progress.body_bytes * 8_000_000 / took_us)


def _stalled(progress: Progress, cap_s: float) -> bool:
    """Whether bytes came and then none for the rest; unknown for an upload, so not claimed."""
    last_us = progress.curve.last_us
    return last_us is not None and last_us < cap_s * 1e6 * (1 - _STALLED_SHARE)
