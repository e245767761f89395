"""One ndt7 test with a measurement server: how much the line carries, as far as we may look.

WebSocket inside the pinned TLS connection, framed by `websockets` without its sockets. A test ends
after `TEST_S`, at our byte cap, or when the server closes early, whichever comes first; none of the
three is a failure. What one direction shows becomes one observation (fact `speed_test`):

| field | download | upload |
|---|---|---|
| `body_bytes` | load that arrived here | load that arrived there (a) |
| `goodput_bps` | over the time from its first byte to its last | over the time of (a) |
| `curve` | µs since the first byte, bytes so far | likewise, from the server's messages |
| `samples` | the server's TCP_INFO, from its messages | null: it is the receiver |
| `capped` | true: the time was up; false: a byte cap, ours or the server's, came first | likewise |
| `size_bytes` | our cap | our cap |

(a) All that was written, if the server has answered our closing frame, which comes after it; else
what the server said last; else what was written.

A test that ends at a byte cap was short, and slow start is part of it: what the line carries may be
more. `infer.capacity` reads that from the curve.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from evenfall.measure.exchange import random_body
from evenfall.measure.ndt7_fields import RECEIVE_BUFFER_BYTES, WINDOW_BYTES, Seen
from evenfall.measure.pinned import PinnedConnection
from evenfall.measure.round import Round
from evenfall.measure.transfer_run import PairServer
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Direction, Fact
from evenfall.net.api import Clock, Network, NetworkFailure, Stream
from evenfall.wire.ndt7 import (
    DOWNLOAD_PATH,
    MESSAGE_BYTES_MAX,
    SUBPROTOCOL,
    TEST_S,
    UPLOAD_PATH,
    next_message_bytes,
    read_measurement,
)

if TYPE_CHECKING:
    from websockets.client import ClientProtocol

__all__ = ["reserve_bytes", "speed_test"]

_READ_BYTES = 65_536
_OPEN_S_MAX = 4.0
_FRAME_BYTES = 4  # the head of a frame of 126 … 65,535 bytes without a mask
_HEAD_BYTES_MAX = 16_384
_OVERHEAD_BYTES = 24_576
"""Handshakes, the server's messages of ten seconds (40 × 500 bytes)."""
_NO_ANSWER = "http_invalid_response"


def reserve_bytes(load_bytes: int, direction: Direction) -> int:
    """IP bytes that one test can cost at most."""
    window_bytes = WINDOW_BYTES if direction is Direction.DOWNLOAD else 0
    return load_bytes + load_bytes // 10 + window_bytes + _OVERHEAD_BYTES


async def speed_test(
    network: Network,
    server: PairServer,
    round_: Round,
    target: Target,
    *,
    direction: Direction,
    sni: str,
    load_bytes_max: int,
    end_s: float,
) -> Observation:
    """Do one test; never raises because the network said no.

    Args:
        network: the way out.
        server: ours.
        round_: hands out ids and stamps.
        target: what the observation is about.
        direction: seen from here.
        sni: a neutral name.
        load_bytes_max: our cap.
        end_s: monotonic time at which all has to be over.
    """
    start = round_.now()
    connection = PinnedConnection(network, server, receive_buffer_bytes=RECEIVE_BUFFER_BYTES)
    test = _Test(network.clock, direction, load_bytes_max=load_bytes_max, end_s=end_s)
    failure: NetworkFailure | None = None
    coming_bytes = 0
    try:
        timeout_s = min(_OPEN_S_MAX, max(0.0, end_s - network.clock.monotonic_s()))
        stream = await connection.open(sni=sni, timeout_s=timeout_s)
        try:
            await test.run(stream, host=sni)
        finally:
            coming_bytes = test.seen.coming_bytes(stream)
    except NetworkFailure as seen:
        failure = seen
    finally:
        wire_bytes = connection.spent(in_flight_bytes=coming_bytes)
        connection.close()
    return round_.observe(
        Fact.SPEED_TEST,
        target,
        start,
        address=server.address,
        port=server.port,
        family=6 if ":" in server.address else 4,
        sni=sni,
        direction=direction,
        size_bytes=load_bytes_max,
        wire_bytes=wire_bytes,
        **test.seen.fields(failure),
    )


class _Test:
    """One test under way."""

    def __init__(
        self, clock: Clock, direction: Direction, *, load_bytes_max: int, end_s: float
    ) -> None:
        self.seen = Seen(clock, direction, load_bytes_max=load_bytes_max)
        self._clock = clock
        self._down = direction is Direction.DOWNLOAD
        self._load_bytes_max = load_bytes_max
        self._end_s = end_s
        self._after_head_bytes = 0
        self._text_bytes = 0
        self._all_written = False

    async def run(self, stream: Stream, *, host: str) -> None:
        """The WebSocket handshake, then load in one direction."""
        protocol = _new_protocol(host, DOWNLOAD_PATH if self._down else UPLOAD_PATH)
        await self._shake_hands(stream, protocol)
        self.seen.opened_s = self._clock.monotonic_s()
        self._end_s = min(self._end_s, self._clock.monotonic_s() + TEST_S)
        try:
            await (self._receive if self._down else self._send)(stream, protocol)
        finally:
            info = stream.tcp_info()
            self.seen.rtts = info.rtt_min_us, info.rtt_us

    async def _shake_hands(self, stream: Stream, protocol: ClientProtocol) -> None:
        from websockets.http11 import Response

        protocol.send_request(protocol.connect())
        await self._flush(stream, protocol)
        taken = b""
        while True:
            data = await self._read(stream)
            taken += data
            if not data:
                raise NetworkFailure("eof_error", "read")
            self._feed(protocol, data)
            answers = [e for e in self._take(protocol) if isinstance(e, Response)]
            if protocol.handshake_exc is not None:
                code = f"refused_by_server: {answers[0].status_code}" if answers else _NO_ANSWER
                raise NetworkFailure(code, "read")
            if answers:
                self._after_head_bytes = len(taken.partition(b"\r\n\r\n")[2])
                return
            if len(taken) > _HEAD_BYTES_MAX:
                raise NetworkFailure(_NO_ANSWER, "read")

    async def _receive(self, stream: Stream, protocol: ClientProtocol) -> None:
        """Take load until the time or the bytes are used up, or the server closes."""
        taken_bytes = self._after_head_bytes
        while protocol.close_rcvd is None:
            try:
                data = await self._read(stream)
            except NetworkFailure as failure:
                if self._is_over(failure):
                    return
                raise
            if not data:
                return  # an end without a closing frame is tolerated
            self._feed(protocol, data)
            self._take(protocol)
            await self._flush(stream, protocol)
            # Messages grow to a megabyte: their bytes count as they come, not when they end.
            taken_bytes += len(data)
            self.seen.note_load(taken_bytes - self._text_bytes)
            if self.seen.load_bytes >= self._load_bytes_max:
                return

    async def _send(self, stream: Stream, protocol: ClientProtocol) -> None:
        """Give load until the time or the bytes are used up, or the server closes."""
        sending = asyncio.ensure_future(self._send_load(stream, protocol))
        listening = asyncio.ensure_future(self._listen(stream, protocol))
        try:
            # A server that closes early, or a reset, is heard before it is felt.
            await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                sending.result()
            await listening  # until all has arrived, or the time is up
            if protocol.close_rcvd is not None and self._all_written:
                self.seen.took_s = self._clock.monotonic_s() - (self.seen.first_s or 0.0)
        except NetworkFailure as failure:
            if protocol.close_rcvd is None and not self._is_over(failure):
                raise
        finally:
            for task in (sending, listening):
                task.cancel()
            await asyncio.gather(sending, listening, return_exceptions=True)

    async def _send_load(self, stream: Stream, protocol: ClientProtocol) -> None:
        body, size_bytes = random_body(), 0
        self.seen.first_s = self._clock.monotonic_s()
        while _is_open(protocol):
            size_bytes = next_message_bytes(size_bytes, self.seen.written_bytes)
            left_bytes = self._load_bytes_max - self.seen.written_bytes
            self.seen.capped = self._clock.monotonic_s() >= self._end_s
            if self.seen.capped or left_bytes <= 0:
                break
            piece = memoryview(body)[: min(size_bytes, left_bytes)]
            protocol.send_binary(piece)
            await self._flush(stream, protocol)
            self.seen.written_bytes += len(piece)
        if _is_open(protocol):
            protocol.send_close(1000)
            await self._flush(stream, protocol)
            self._all_written = True

    async def _listen(self, stream: Stream, protocol: ClientProtocol) -> None:
        """The server's messages during an upload, until its closing frame."""
        while protocol.close_rcvd is None:
            data = await self._read(stream)
            if not data:
                return
            self._feed(protocol, data)
            self._take(protocol)

    def _feed(self, protocol: ClientProtocol, data: bytes) -> None:
        protocol.receive_data(data)
        if protocol.parser_exc is not None:
            raise NetworkFailure(_NO_ANSWER, "read")

    def _take(self, protocol: ClientProtocol) -> list[Any]:
        """What has come in whole: measurements are kept."""
        from websockets.frames import Frame, Opcode

        events = list(protocol.events_received())
        for event in events:
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._text_bytes += len(event.data) + _FRAME_BYTES
                said = read_measurement(bytes(event.data))
                if said is not None:
                    self.seen.keep(said)
        return events

    def _is_over(self, failure: NetworkFailure) -> bool:
        """Whether it was our own time that was up; a line on which nothing came is a failure."""
        moved = self.seen.load_bytes or self.seen.written_bytes
        if failure.code != "generic_timeout_error" or not moved:
            return False
        self.seen.capped = True
        return True

    async def _read(self, stream: Stream) -> bytes:
        left_s = max(0.0, self._end_s - self._clock.monotonic_s())
        return await stream.read(_READ_BYTES, timeout_s=left_s)

    async def _flush(self, stream: Stream, protocol: ClientProtocol) -> None:
        for piece in protocol.data_to_send():
            if piece:
                left_s = max(0.0, self._end_s - self._clock.monotonic_s())
                await stream.write(piece, timeout_s=left_s)


def _new_protocol(host: str, path: str) -> ClientProtocol:
    from websockets.client import ClientProtocol
    from websockets.typing import Subprotocol
    from websockets.uri import parse_uri

    uri = parse_uri(f"wss://{host}{path}?client_name=evenfall")
    return ClientProtocol(uri, subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=MESSAGE_BYTES_MAX)


def _is_open(protocol: ClientProtocol) -> bool:
    from websockets.protocol import State

    return protocol.state is State.OPEN
