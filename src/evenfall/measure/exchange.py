"""Drive the pair protocol over one TLS stream: bodies timed read by read, failures kept as data.

`download`, `upload` and `fetch_result` fill a `Progress`; what was measured up to a failure stays
in it. They raise `NetworkFailure` for the network, `Refused` and `ProtocolError` for a server of
ours that declines or misbehaves; `measure.transfer` turns each into fields of an observation.
"""

from __future__ import annotations

import functools
import math
import os
from typing import NamedTuple

from evenfall.measure.curve import ByteCurve
from evenfall.model.errors import ProtocolError
from evenfall.net.api import Clock, NetworkFailure, Stream, TcpInfo
from evenfall.wire.pair import BodyBytes, ClientSide, State, piece_bytes
from evenfall.wire.pair_messages import (
    BODY_BYTES_MAX,
    SAMPLES_MAX,
    Answer,
    Request,
    Sample,
    Trailer,
)

__all__ = [
    "SAMPLE_EVERY_S",
    "TRAILER_TIMEOUT_S",
    "ClockOffset",
    "Progress",
    "Refused",
    "download",
    "fetch_result",
    "random_body",
    "upload",
]

TRAILER_TIMEOUT_S = 2.0
"""For the trailer after a complete transfer; without it only TCP_INFO is missing."""
SAMPLE_EVERY_S = 0.05
"""At first; each thinning to half of `SAMPLES_MAX` doubles it, as at the server."""
_READ_BYTES = 65_536


class ClockOffset(NamedTuple):
    """The server's wall clock minus ours, and how far it can be off (half a round trip)."""

    offset_us: int
    bound_us: int


class Refused(Exception):
    """The server declined; `code` is a key of `REFUSALS`. Never evidence about the network."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Progress:
    """What one transfer has shown so far.

    Args:
        hello_s: monotonic time of the ClientHello.
        deadline_s: monotonic time at which the transfer is cut.
        end_s: monotonic time after which nothing is waited for, not even a trailer.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        hello_s: float,
        deadline_s: float,
        wall_us: int,
        end_s: float = math.inf,
    ) -> None:
        self.clock = clock
        self.hello_s = hello_s
        self.deadline_s = deadline_s
        self.end_s = end_s
        self._wall_at_hello_us = wall_us
        self._sample_every_us = round(SAMPLE_EVERY_S * 1e6)
        self.curve = ByteCurve()
        self.body_bytes = 0
        self.record_bytes = 0
        """Of an upload: TLS records that hold the body written so far."""
        self.requested_s: float | None = None
        self.first_byte_us: int | None = None
        self.last_byte_s: float | None = None
        self.trailer: Trailer | None = None
        self.samples: list[Sample] = []
        """Of an upload: what our own kernel said of it, every `SAMPLE_EVERY_S`."""
        self.clock_offset: ClockOffset | None = None

    def sample(self, info: TcpInfo) -> None:
        """Note what the kernel says of an upload, if it is time for it."""
        t_us = self.since_hello_us(self.clock.monotonic_s())
        if self.samples and t_us - self.samples[-1].t_us < self._sample_every_us:
            return
        if len(self.samples) >= SAMPLES_MAX:
            del self.samples[1::2]
            self._sample_every_us *= 2
        self.samples.append(
            Sample(
                t_us=t_us,
                rtt_us=info.rtt_us,
                rtt_min_us=info.rtt_min_us,
                bytes_acked=info.bytes_acked,
                bytes_retransmitted=info.bytes_retransmitted,
                body_bytes=self.body_bytes,
            )
        )

    def left_s(self) -> float:
        """Time until the cap.

        Raises:
            NetworkFailure: there is none.
        """
        left = self.deadline_s - self.clock.monotonic_s()
        if left <= 0:
            raise NetworkFailure("generic_timeout_error", "read")
        return left

    def since_hello_us(self, at_s: float) -> int:
        """Microseconds from the ClientHello to a monotonic time."""
        return max(0, round((at_s - self.hello_s) * 1e6))

    def note_request(self) -> None:
        """The request is about to be handed to the network."""
        self.requested_s = self.clock.monotonic_s()

    def note_answer(self, answer: Answer, at_s: float) -> None:
        """The server's first line came.

        Raises:
            Refused: it declines.
        """
        if self.requested_s is not None:
            wait_us = round((at_s - self.requested_s) * 1e6)
            self.first_byte_us = wait_us
            ours_us = self._wall_at_hello_us + self.since_hello_us(at_s) - wait_us // 2
            self.clock_offset = ClockOffset(answer.now_us - ours_us, wait_us // 2)
        if not answer.ok:
            raise Refused(answer.error or "malformed")

    def note_body(self, bytes_so_far: int, at_s: float) -> None:
        """Bytes of the body have come by now."""
        self.body_bytes = bytes_so_far
        self.last_byte_s = at_s
        self.curve.add(self.since_hello_us(at_s), bytes_so_far)


async def download(stream: Stream, request: Request, progress: Progress) -> None:
    """Fetch the body, then the trailer. A missing trailer is no failure."""
    side = ClientSide(request)
    progress.note_request()
    await stream.write(side.start(), timeout_s=progress.left_s())
    while side.state is not State.DONE:
        at_s = await _receive(stream, side, progress.left_s(), progress.clock)
        while (event := side.next_event()) is not None:
            if isinstance(event, Answer):
                progress.note_answer(event, at_s)
            elif isinstance(event, BodyBytes):
                progress.note_body(side.body_bytes, at_s)
    elapsed_us = progress.since_hello_us(progress.clock.monotonic_s())
    try:
        wait_s = min(TRAILER_TIMEOUT_S, progress.end_s - progress.clock.monotonic_s())
        await stream.write(side.done(elapsed_us=elapsed_us), timeout_s=wait_s)
        await _take_trailer(stream, side, progress)
    except NetworkFailure:
        return  # the body is complete, and that is what was measured


async def upload(stream: Stream, request: Request, progress: Progress) -> None:
    """Send the body; it has arrived when the trailer comes back."""
    side = ClientSide(request)
    progress.note_request()
    await stream.write(side.start(), timeout_s=progress.left_s())
    before_bytes = stream.bytes_written
    try:
        await _send_body(stream, side, progress, before_bytes=before_bytes)
        await _await_arrival(stream, side, progress)
    except NetworkFailure as failure:
        progress.body_bytes = _acknowledged(stream, side, progress, before_bytes)
        if failure.operation == "write":
            await _find_refusal(stream, side, progress)
        raise


async def fetch_result(stream: Stream, transfer_id: str, progress: Progress) -> None:
    """Ask for the trailer of an earlier transfer."""
    side = ClientSide(Request(op="result", id=transfer_id))
    progress.note_request()
    await stream.write(side.start(), timeout_s=progress.left_s())
    await _take_trailer(stream, side, progress)


async def _send_body(
    stream: Stream, side: ClientSide, progress: Progress, *, before_bytes: int
) -> None:
    body, size_bytes = random_body(), side.request.size_bytes
    while side.body_bytes < size_bytes:
        count = min(piece_bytes(side.body_bytes), size_bytes - side.body_bytes)
        piece = body[side.body_bytes : side.body_bytes + count]
        await stream.write(piece, timeout_s=progress.left_s())
        side.body_sent(count)
        progress.record_bytes = stream.bytes_written - before_bytes
        progress.sample(stream.tcp_info())


async def _await_arrival(stream: Stream, side: ClientSide, progress: Progress) -> None:
    while True:
        # What is sent may all lie in our kernel by now; so we look at it again and again.
        wait_s = min(progress.left_s(), SAMPLE_EVERY_S)
        try:
            at_s = await _receive(stream, side, wait_s, progress.clock)
        except NetworkFailure as failure:
            if failure.code != "generic_timeout_error":
                raise
            progress.body_bytes = side.body_bytes
            progress.sample(stream.tcp_info())
            continue
        _take_events(side, progress, at_s)
        trailer = progress.trailer
        if trailer is not None:
            progress.note_body(trailer.body_bytes, at_s)
            return


async def _take_trailer(stream: Stream, side: ClientSide, progress: Progress) -> None:
    deadline_s = min(progress.clock.monotonic_s() + TRAILER_TIMEOUT_S, progress.end_s)
    while progress.trailer is None:
        left_s = deadline_s - progress.clock.monotonic_s()
        if left_s <= 0:
            raise NetworkFailure("generic_timeout_error", "read")
        at_s = await _receive(stream, side, left_s, progress.clock)
        _take_events(side, progress, at_s)


def _take_events(side: ClientSide, progress: Progress, at_s: float) -> None:
    while (event := side.next_event()) is not None:
        if isinstance(event, Answer):
            progress.note_answer(event, at_s)
        elif isinstance(event, Trailer):
            progress.trailer = event


async def _receive(stream: Stream, side: ClientSide, timeout_s: float, clock: Clock) -> float:
    """One read handed to the protocol; returns when it came."""
    data = await stream.read(_READ_BYTES, timeout_s=timeout_s)
    if not data:
        raise NetworkFailure("eof_error", "read")
    side.receive(data)
    return clock.monotonic_s()


def _acknowledged(stream: Stream, side: ClientSide, progress: Progress, before_bytes: int) -> int:
    """How much of an unfinished upload has arrived: what the server's kernel acknowledged.

    TCP counts TLS records; the body's share of them is taken. Where the kernel does not tell, what
    was written is the upper bound that is left.
    """
    info = stream.tcp_info()
    if info.bytes_acked is None:
        return side.body_bytes
    if not progress.record_bytes:
        return 0
    arrived = max(0, info.bytes_acked - before_bytes)
    return min(side.body_bytes, arrived * side.body_bytes // progress.record_bytes)


async def _find_refusal(stream: Stream, side: ClientSide, progress: Progress) -> None:
    """A server that declines an upload answers and closes; the write meets the reset first."""
    try:
        at_s = await _receive(stream, side, 0.0, progress.clock)
        _take_events(side, progress, at_s)
    except (NetworkFailure, ProtocolError):
        return  # no answer there: the failed write stands


@functools.cache
def random_body() -> bytes:
    """What uploads are made of: nothing on the way can shrink it. Drawn once a process (3 ms)."""
    return os.urandom(BODY_BYTES_MAX)
