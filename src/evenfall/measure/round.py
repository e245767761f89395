"""What is measured together: ids, stamps and costs of the observations of one round.

A round hands out observation ids, reads the wall clock once per measurement, and fills the fields
that every observation shares. `Meter` prices a connection: IP bytes both ways, from the kernel's
segment counts where it tells them, else estimated from the payload.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import ClockState, Fact, Provenance
from evenfall.net.api import Clock, Stream

__all__ = [
    "DATAGRAM_OVERHEAD_BYTES",
    "SEGMENT_OVERHEAD_BYTES",
    "SIX_EXTRA_BYTES",
    "Meter",
    "Moment",
    "Round",
]

SEGMENT_OVERHEAD_BYTES = 52  # IPv4 20 + TCP 20 + time stamps 12 (RFC 7323)
DATAGRAM_OVERHEAD_BYTES = 28  # IPv4 20 + UDP 8
SIX_EXTRA_BYTES = 20  # an IPv6 header is so much longer
_SEGMENT_PAYLOAD_BYTES = 1448
_HANDSHAKE_SEGMENTS = 3
_MICRO = 1_000_000


class Moment(NamedTuple):
    """One reading of both clocks."""

    wall_us: int
    monotonic_s: float


class Round:
    """One round of measurements over one line.

    Args:
        round_id: random name of the round; observation ids are `round_id/index`.
        clock: the network's clock.
        network: AS number or a fixed text, where known.
        timezone: IANA zone of the line, where known.
    """

    def __init__(
        self,
        round_id: str,
        clock: Clock,
        *,
        network: str | None = None,
        timezone: str | None = None,
    ) -> None:
        self.round_id = round_id
        self.clock = clock
        self.network = network
        self.timezone = timezone
        self._next = 0

    def now(self) -> Moment:
        """Read both clocks: the start of a measurement."""
        return Moment(self.clock.wall_us(), self.clock.monotonic_s())

    def since_us(self, start: Moment) -> int:
        """Microseconds since `start`, by the monotonic clock."""
        return max(0, round((self.clock.monotonic_s() - start.monotonic_s) * _MICRO))

    def observe(self, fact: Fact, target: Target, start: Moment, **fields: Any) -> Observation:
        """An observation that began at `start` and ends now, unless `duration_us` is given."""
        fields.setdefault("duration_us", self.since_us(start))
        index, self._next = self._next, self._next + 1
        return Observation(
            observation_id=f"{self.round_id}/{index}",
            fact=fact,
            provenance=Provenance.PROBE,
            service=target.service,
            target=target.target_id,
            role=target.role,
            network=self.network,
            timezone=self.timezone,
            started_us=start.wall_us,
            clock=ClockState.UNVERIFIED,  # until the end of the round, when it can be checked
            round_id=self.round_id,
            **fields,
        )


class Meter:
    """Prices one TCP connection in IP bytes; each call of `spent` gives what came since the last.

    Args:
        stream: the connection, or TLS over it.
        family: 4 or 6; an IPv6 header is 20 bytes longer.
    """

    def __init__(self, stream: Stream, *, family: int = 4) -> None:
        self._stream = stream
        self._overhead_bytes = SEGMENT_OVERHEAD_BYTES + (SIX_EXTRA_BYTES if family == 6 else 0)
        self._told = 0

    def follow(self, stream: Stream) -> None:
        """Go on with the TLS stream over the same connection."""
        self._stream = stream

    def spent(self, *, in_flight_bytes: int = 0) -> int:
        """Bytes since the last call; `in_flight_bytes` are on their way to a closed socket."""
        total = self._total() + in_flight_bytes
        new, self._told = max(0, total - self._told), max(total, self._told)
        return new

    def _total(self) -> int:
        info = self._stream.tcp_info()
        read = max(self._stream.bytes_read, info.bytes_received or 0)
        written = self._stream.bytes_written + (info.bytes_retransmitted or 0)
        if info.segments_in is not None and info.segments_out is not None:
            segments = info.segments_in + info.segments_out
        else:
            data = -(-read // _SEGMENT_PAYLOAD_BYTES) + -(-written // _SEGMENT_PAYLOAD_BYTES)
            segments = _HANDSHAKE_SEGMENTS + data + data // 2  # an ACK for every second segment
        return read + written + segments * self._overhead_bytes
