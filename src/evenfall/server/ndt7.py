"""ndt7 at the server's end: load one way, measurements both ways, an early end at a byte cap.

Spoken on the server's one port: inside TLS, or plainly where the operator allows it; the first line
of the request says that it is ndt7 (`is_ndt7`). Framing is done by `websockets` without its own
sockets, so that the connection stays ours and its TCP_INFO can be read.

A test ends after `TEST_S`, or when the load has reached `Limits.ndt7_bytes`, or when the client
ends it; then a closing frame goes out, and what the client still sends is read and thrown away for
at most `_LINGER_S`, because closing on unread bytes would reset the rest away. In the end the
address's account is charged with what crossed the line both ways, of whatever frames it was: text,
pings and what came after the end cost as much as load.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import http
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from evenfall.net.api import Clock, NetworkFailure, Stream, TcpInfo
from evenfall.server.limits import Gate, Limits
from evenfall.wire.ndt7 import (
    DOWNLOAD_PATH,
    MEASURE_EVERY_S,
    MESSAGE_BYTES_MAX,
    QUERY_BYTES_MAX,
    SUBPROTOCOL,
    TEST_S,
    TEST_S_HARD,
    UPLOAD_PATH,
    AppInfo,
    ConnectionInfo,
    Measurement,
    TcpInfoOut,
    is_query,
    next_message_bytes,
    write_measurement,
)

if TYPE_CHECKING:
    from websockets.http11 import Request
    from websockets.server import ServerProtocol

__all__ = ["Ndt7Session", "is_ndt7", "may_be_ndt7"]

_BEGINNING = b"GET /ndt/v7/"
_HEAD_BYTES_MAX = 2 * QUERY_BYTES_MAX + 8_192
_READ_BYTES = 65_536
_LINGER_S = 2.0
_CHATTER_BYTES_MAX = 1_048_576
"""What a client may say during a download: its measurements, pings and pongs."""
_NORMAL, _PROTOCOL_ERROR = 1000, 1002
_REFUSED = {
    "busy": http.HTTPStatus.SERVICE_UNAVAILABLE,
    "budget": http.HTTPStatus.TOO_MANY_REQUESTS,
}


def is_ndt7(first: bytes) -> bool:
    """Whether a connection's first bytes ask for ndt7."""
    return first.startswith(_BEGINNING)


def may_be_ndt7(first: bytes) -> bool:
    """Whether so few bytes have come that they may still turn out to ask for ndt7."""
    return len(first) < len(_BEGINNING) and _BEGINNING.startswith(first)


class Ndt7Session:
    """One test.

    Args:
        stream: the connection, inside TLS or plain.
        client, server: `ADDRESS:PORT` of both ends; told to the client alone.
        address: of the client, for the limits.
        block: random bytes to send.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        address: str,
        client: str,
        server: str,
        limits: Limits,
        gate: Gate,
        clock: Clock,
        block: bytes,
    ) -> None:
        self._stream = stream
        self._address = address
        self._ends = (client, server)
        self._limits = limits
        self._gate = gate
        self._clock = clock
        self._block = memoryview(block)
        self._writing = asyncio.Lock()
        self._start_s = clock.monotonic_s()
        self._load_bytes = 0
        self._chatter_bytes = 0
        self._told_s = 0.0
        self._information: ConnectionInfo | None = None
        self._test = ""
        self._protocol = _new_protocol()

    async def run(self, first: bytes) -> None:
        """Take the request, of which `first` has been read, do the test; the caller closes.

        Raises:
            NetworkFailure: the client went away, or it was no request.
        """
        request = await self._request(first)
        response = self._protocol.accept(request)
        refused = _refusal_of(request)
        if response.status_code == http.HTTPStatus.SWITCHING_PROTOCOLS and refused is not None:
            response = self._protocol.reject(refused, "Not a test of ndt7 v7.\n")
        if response.status_code != http.HTTPStatus.SWITCHING_PROTOCOLS:
            self._protocol.send_response(response)
            await self._flush()
            return
        most_bytes = self._limits.ndt7_bytes
        with self._gate.speed_test(self._address, most_bytes) as code:
            if code is not None:
                self._protocol.send_response(self._protocol.reject(_REFUSED[code], f"{code}\n"))
                await self._flush()
                return
            self._protocol.send_response(response)
            before_bytes = self._crossed_bytes()
            try:
                await self._measure(urlsplit(request.path).path)
            finally:
                spent_bytes = self._crossed_bytes() - before_bytes
                self._gate.settle(self._address, most_bytes, spent_bytes)

    async def _request(self, first: bytes) -> Request:
        deadline_s = self._clock.monotonic_s() + self._limits.header_timeout_s
        data, size = first, 0
        while True:
            size += len(data)
            self._protocol.receive_data(data)
            events = self._protocol.events_received()
            if events:
                return events[0]  # type: ignore[return-value]  # the first event is the request
            broken = self._protocol.handshake_exc or self._protocol.parser_exc
            if size > _HEAD_BYTES_MAX or broken is not None:
                raise NetworkFailure("http_invalid_response", "read")
            data = await self._read(deadline_s)
            if not data:
                raise NetworkFailure("eof_error", "read")

    async def _measure(self, path: str) -> None:
        await self._flush()
        self._start_s = self._clock.monotonic_s()
        self._test = "download" if path == DOWNLOAD_PATH else "upload"
        self._information = ConnectionInfo(
            client=self._ends[0],
            server=self._ends[1],
            uuid=secrets.token_hex(16),
            start_time=_stamp(self._clock.wall_us()),
        )
        hard_s = self._start_s + TEST_S_HARD
        side = self._chatter if self._test == "download" else self._tell
        beside = asyncio.ensure_future(side(hard_s))
        try:
            if self._test == "download":
                await self._send_load(hard_s)
            else:
                await self._take_load(hard_s)
        finally:
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
        await self._end(hard_s)

    async def _send_load(self, hard_s: float) -> None:
        """Messages until the time or the bytes are used up, or the client has had enough."""
        size_bytes = 0
        while self._goes_on():
            size_bytes = next_message_bytes(size_bytes, self._load_bytes)
            left_bytes = self._limits.ndt7_bytes - self._load_bytes
            if left_bytes < size_bytes:
                return
            self._protocol.send_binary(self._block[:size_bytes])
            await self._flush(hard_s)
            self._load_bytes += size_bytes
            if self._since_s() - self._told_s >= MEASURE_EVERY_S:
                await self._send_measurement(hard_s)

    async def _take_load(self, hard_s: float) -> None:
        """Read until the time or the bytes are used up, or the client has ended."""
        before_bytes = self._stream.bytes_read
        while self._goes_on() and self._stream.bytes_read - before_bytes < self._limits.ndt7_bytes:
            try:
                data = await self._read(self._start_s + TEST_S)
            except NetworkFailure as failure:
                if failure.code == "generic_timeout_error":
                    return
                raise
            if not data:
                raise NetworkFailure("eof_error", "read")
            await self._take(data, hard_s)

    async def _chatter(self, hard_s: float) -> None:
        """What the client says during a download: answer pings, notice its end."""
        while self._is_open():
            data = await self._read(hard_s)
            self._chatter_bytes += len(data)
            if not data or self._chatter_bytes > _CHATTER_BYTES_MAX:
                self._protocol.fail(_PROTOCOL_ERROR)
                return
            await self._take(data, hard_s)

    async def _tell(self, hard_s: float) -> None:
        """Measurements during an upload."""
        while self._is_open():
            await self._clock.sleep(MEASURE_EVERY_S)
            await self._send_measurement(hard_s)

    async def _take(self, data: bytes, hard_s: float) -> None:
        """Hand bytes to the protocol, count the load in them, send what it wants to answer."""
        from websockets.frames import Frame, Opcode

        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if not isinstance(event, Frame):
                continue
            if event.opcode is Opcode.BINARY and self._test == "download":
                self._protocol.fail(_PROTOCOL_ERROR, "load goes the other way")
            elif event.opcode in (Opcode.BINARY, Opcode.CONT):
                self._load_bytes += len(event.data)
        await self._flush(hard_s)

    async def _send_measurement(self, hard_s: float) -> None:
        if not self._is_open():
            return
        self._told_s = self._since_s()
        elapsed_us = round(self._told_s * 1e6)
        measurement = Measurement(
            app_info=AppInfo(elapsed_time=elapsed_us, num_bytes=self._load_bytes),
            connection_info=self._information,
            origin="server",
            test=self._test,
            tcp_info=_counters(self._stream.tcp_info(), elapsed_us),
        )
        self._protocol.send_text(write_measurement(measurement))
        await self._flush(hard_s)

    async def _end(self, hard_s: float) -> None:
        """The last measurement, a closing frame, then read on a little."""
        linger_s = min(hard_s, self._clock.monotonic_s() + _LINGER_S)
        with contextlib.suppress(NetworkFailure):
            await self._send_measurement(hard_s)
            if self._is_open():
                self._protocol.send_close(_NORMAL)
            await self._flush(hard_s)
            while self._protocol.close_rcvd is None and (data := await self._read(linger_s)):
                self._protocol.receive_data(data)
                self._protocol.events_received()
                self._protocol.data_to_send()

    def _crossed_bytes(self) -> int:
        return self._stream.bytes_read + self._stream.bytes_written

    def _goes_on(self) -> bool:
        return self._is_open() and self._since_s() < TEST_S

    def _is_open(self) -> bool:
        from websockets.protocol import State

        return self._protocol.state is State.OPEN

    def _since_s(self) -> float:
        return self._clock.monotonic_s() - self._start_s

    async def _read(self, deadline_s: float) -> bytes:
        return await self._stream.read(
            _READ_BYTES, timeout_s=max(0.0, deadline_s - self._clock.monotonic_s())
        )

    async def _flush(self, hard_s: float | None = None) -> None:
        """Send what the protocol has ready; messages of two tasks stay whole."""
        async with self._writing:
            for piece in self._protocol.data_to_send():
                if piece:  # an empty one asks to close, which the caller does
                    left_s = self._limits.idle_timeout_s
                    if hard_s is not None:
                        left_s = max(0.0, hard_s - self._clock.monotonic_s())
                    await self._stream.write(piece, timeout_s=left_s)


def _new_protocol() -> ServerProtocol:
    from websockets.server import ServerProtocol
    from websockets.typing import Subprotocol

    return ServerProtocol(subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=MESSAGE_BYTES_MAX)


def _refusal_of(request: Request) -> http.HTTPStatus | None:
    """Why a well-formed WebSocket request is no ndt7 test."""
    parts = urlsplit(request.path)
    if parts.path not in (DOWNLOAD_PATH, UPLOAD_PATH):
        return http.HTTPStatus.NOT_FOUND
    return None if is_query(parts.query) else http.HTTPStatus.BAD_REQUEST


def _counters(info: TcpInfo, elapsed_us: int) -> TcpInfoOut:
    return TcpInfoOut(
        elapsed_time=elapsed_us,
        busy_time=info.busy_us,
        bytes_acked=info.bytes_acked,
        bytes_received=info.bytes_received,
        bytes_sent=info.bytes_sent,
        bytes_retrans=info.bytes_retransmitted,
        min_rtt=info.rtt_min_us,
        rtt=info.rtt_us,
        rtt_var=info.rtt_variation_us,
        rwnd_limited=info.receiver_limited_us,
        snd_buf_limited=info.buffer_limited_us,
    )


def _stamp(wall_us: int) -> str:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=wall_us)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
