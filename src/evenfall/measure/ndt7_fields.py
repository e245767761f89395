"""What a speed test has shown so far, and the observation's fields made of it.

`measure.ndt7` does the test and writes down here; the table of the fields stands there.
"""

from __future__ import annotations

from typing import Any

from evenfall.measure.curve import ByteCurve
from evenfall.measure.round import SEGMENT_OVERHEAD_BYTES
from evenfall.model.vocabulary import Direction
from evenfall.net.api import Clock, NetworkFailure, Stream
from evenfall.wire.ndt7 import Measurement

__all__ = ["RECEIVE_BUFFER_BYTES", "WINDOW_BYTES", "Seen"]

RECEIVE_BUFFER_BYTES = 262_144
"""A window of some 330 kB on a usual line: 100 Mbit/s at 26 ms."""
WINDOW_BYTES = 2 * RECEIVE_BUFFER_BYTES
"""What Linux may take into that buffer at most, and so what may still come after the cap."""
_SAMPLES_MAX = 64
_SEGMENT_PAYLOAD_BYTES = 1448
_DOUBLING_SHARE = 0.2  # of all bytes in the last round trip: the rate is still growing


class Seen:
    """What one test has shown.

    Attributes:
        opened_s, first_s: when the test was open, and when its first load moved; monotonic.
        load_bytes, written_bytes: load that came, and load that was handed to the kernel.
        took_s: of an upload whose last byte is known to have arrived.
        capped: the time was up.
        rtts: smallest and smoothed round-trip time, in µs.
    """

    def __init__(self, clock: Clock, direction: Direction, *, load_bytes_max: int) -> None:
        self._clock = clock
        self._down = direction is Direction.DOWNLOAD
        self._load_bytes_max = load_bytes_max
        self.opened_s: float | None = None
        self.first_s: float | None = None
        self.load_bytes = 0
        self.written_bytes = 0
        self.took_s: float | None = None
        self.curve = ByteCurve()
        self.capped = False
        self.said: list[Measurement] = []
        self.rtts: tuple[int | None, int | None] = (None, None)

    def keep(self, said: Measurement) -> None:
        """Keep what the server said; every second one where they grow too many."""
        if len(self.said) >= _SAMPLES_MAX:
            del self.said[1::2]
        self.said.append(said)

    def note_load(self, load_bytes: int) -> None:
        """Note how much load has come so far."""
        now_s = self._clock.monotonic_s()
        if self.first_s is None:
            self.first_s = now_s
        self.load_bytes = min(load_bytes, self._load_bytes_max)
        self.curve.add(round((now_s - self.first_s) * 1e6), self.load_bytes)

    def coming_bytes(self, stream: Stream) -> int:
        """IP bytes still on their way to us when we stop reading: what came in the last round trip.

        Twice that while slow start doubles it; never more than the window, of which what the kernel
        has taken and we have not read fills a part that is counted already. Each segment that finds
        the connection gone is answered by a reset.
        """
        info = stream.tcp_info()
        points = self.curve.points()
        trip_us = max(info.receiver_rtt_us or 0, info.rtt_us or 0)
        if not points or not trip_us or not self._down:
            return 0
        end_us, end_bytes = points[-1]
        before = next((n for t, n in reversed(points) if t <= end_us - trip_us), 0)
        last_trip_bytes = end_bytes - before
        growing = last_trip_bytes > _DOUBLING_SHARE * end_bytes
        room_bytes = WINDOW_BYTES - max(0, (info.bytes_received or 0) - stream.bytes_read)
        coming_bytes = max(0, min(room_bytes, last_trip_bytes * (2 if growing else 1)))
        return coming_bytes + 2 * SEGMENT_OVERHEAD_BYTES * (coming_bytes // _SEGMENT_PAYLOAD_BYTES)

    def fields(self, failure: NetworkFailure | None) -> dict[str, Any]:
        """The observation's fields."""
        if self.opened_s is None:
            return {
                "failure": failure.code if failure else None,
                "operation": failure.operation if failure else None,
            }
        if self._down:
            arrived, took_us, curve = self.load_bytes, self._took_us(), self.curve.points()
        else:
            arrived, took_us, curve = self._arrived()
        return {
            "failure": failure.code if failure else None,
            "operation": failure.operation if failure else None,
            "body_bytes": arrived,
            "goodput_bps": round(arrived * 8_000_000 / took_us) if took_us > 0 else 0,
            "capped": self.capped,
            "curve": curve or None,
            "samples": self._samples() if self._down else None,
            "rtt_min_us": self.rtts[0],
            "rtt_us": self.rtts[1],
        }

    def _took_us(self) -> int:
        points = self.curve.points()
        return points[-1][0] if points else 0

    def _arrived(self) -> tuple[int, int, tuple[tuple[int, int], ...]]:
        """Of an upload: bytes, µs, curve; see (a) above."""
        told = [s.app_info for s in self.said if s.app_info is not None]
        points = tuple((a.elapsed_time, a.num_bytes) for a in told)
        if self.took_s is not None:
            took_us = round(self.took_s * 1e6)
            return self.written_bytes, took_us, points
        if points and points[-1][1]:
            return points[-1][1], points[-1][0], points
        took_s = self._clock.monotonic_s() - (self.first_s or self._clock.monotonic_s())
        return self.written_bytes, round(took_s * 1e6), ()

    def _samples(self) -> tuple[tuple[int, ...], ...] | None:
        rows = [
            (
                s.app_info.elapsed_time, s.tcp_info.rtt or 0, s.tcp_info.min_rtt or 0,
                s.tcp_info.bytes_acked or 0, s.tcp_info.bytes_retrans or 0, s.app_info.num_bytes,
            )
            for s in self.said
            if s.app_info is not None and s.tcp_info is not None
        ]  # fmt: skip
        return tuple(rows) or None
