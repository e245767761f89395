"""One connection from its first byte to its end. Nothing about who came is written anywhere.

Its first byte says what it is: a TLS record goes on, a letter is plain HTTP. Inside TLS, the first
line says it: a speed test (`wire.ndt7`), a look (`wire.outside`), or one transfer of the pair
protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from enum import StrEnum

from evenfall.model.errors import ProtocolError
from evenfall.net.api import Clock, NetworkFailure, Stream
from evenfall.net.tls import TlsStream
from evenfall.server.limits import Gate, Limits
from evenfall.server.ndt7 import Ndt7Session, is_ndt7, may_be_ndt7
from evenfall.server.outside import Lookout
from evenfall.server.outside_session import LookSession
from evenfall.server.plain import answer_plainly
from evenfall.server.recorder import Recorder, Results
from evenfall.wire import plain
from evenfall.wire.outside import is_look
from evenfall.wire.pair import BodyBytes, ServerSide, State, piece_bytes
from evenfall.wire.pair_messages import BODY_BYTES_MAX, LINE_BYTES_MAX, Request

__all__ = ["Ndt7", "Session", "random_block"]

_READ_BYTES = 65_536
_LINGER_S = 2.0
"""How long a refused upload is read and thrown away, so that the refusal gets through."""


def random_block() -> bytes:
    """What bodies are made of, drawn once a server: nothing on the way can shrink it."""
    return os.urandom(BODY_BYTES_MAX)


class Ndt7(StrEnum):
    """Where speed tests are answered."""

    OFF = "off"
    TLS = "tls"
    ALSO_PLAIN = "also-plain"


class Session:
    """Serves one connection.

    Args:
        below: the accepted connection.
        address: of the client, for the limits alone.
        context: from `identity.tls_context`.
        block: random bytes to send.
        lookout: answers looks; None: they are refused.
        ndt7: whether speed tests are answered.
        ends: `ADDRESS:PORT` of the client and of the server, for speed tests alone.
    """

    def __init__(
        self,
        below: Stream,
        *,
        address: str,
        context: ssl.SSLContext,
        limits: Limits,
        gate: Gate,
        results: Results,
        clock: Clock,
        block: bytes,
        lookout: Lookout | None = None,
        ndt7: Ndt7 = Ndt7.OFF,
        ends: tuple[str, str] = ("", ""),
    ) -> None:
        self._below = below
        self._address = address
        self._context = context
        self._limits = limits
        self._gate = gate
        self._results = results
        self._clock = clock
        self._block = block
        self._lookout = lookout
        self._ndt7 = ndt7
        self._ends = ends
        self._side = ServerSide()

    async def run(self) -> None:
        """Serve until the end; a network failure or a broken client just ends it."""
        deadline_s = self._clock.monotonic_s() + self._limits.handshake_timeout_s
        try:
            first = await self._below.read(
                plain.HEAD_BYTES_MAX, timeout_s=self._limits.handshake_timeout_s
            )
            while self._ndt7 is Ndt7.ALSO_PLAIN and may_be_ndt7(first):
                data = await self._read(self._below, deadline_s)
                if not data:
                    return
                first += data
            if self._ndt7 is Ndt7.ALSO_PLAIN and is_ndt7(first):
                await self._speed_test(self._below, first)
                return
            if plain.is_plain(first):
                await answer_plainly(
                    self._below,
                    first,
                    clock=self._clock,
                    timeout_s=self._limits.header_timeout_s,
                )
                return
            stream = await TlsStream.accept(
                self._below,
                self._context,
                timeout_s=deadline_s - self._clock.monotonic_s(),
                clock=self._clock,
                received=first,
            )
            await self._speak(stream)
        except (NetworkFailure, ProtocolError):
            self._below.abort()
        finally:
            self._below.close()

    async def _speak(self, stream: TlsStream) -> None:
        first = await self._first_bytes(stream)
        if self._ndt7 is not Ndt7.OFF and is_ndt7(first):
            await self._speed_test(stream, first)
            return
        if self._lookout is not None and is_look(first):
            looks = LookSession(
                stream, self._lookout, client=self._address, clock=self._clock, limits=self._limits
            )
            await looks.run(first)
            return
        self._side.receive(first)
        await self._speak_pairs(stream)

    async def _speed_test(self, stream: Stream, first: bytes) -> None:
        test = Ndt7Session(
            stream, address=self._address, client=self._ends[0], server=self._ends[1],
            limits=self._limits, gate=self._gate, clock=self._clock, block=self._block,
        )  # fmt: skip
        await test.run(first)

    async def _first_bytes(self, stream: Stream) -> bytes:
        """Enough of the first line to know what it is."""
        deadline_s = self._clock.monotonic_s() + self._limits.header_timeout_s
        first = b""
        while b"\n" not in first and len(first) < LINE_BYTES_MAX and not is_look(first):
            data = await self._read(stream, deadline_s)
            if not data:
                raise NetworkFailure("eof_error", "read")
            first += data
        return first

    async def _speak_pairs(self, stream: TlsStream) -> None:
        try:
            request = await self._request(stream)
        except ProtocolError as error:
            await self._refuse(stream, self._side.refusal_code, str(error))
            return
        if request.op == "result":
            await self._give_result(stream, request)
            return
        with self._gate.transfer(self._address, request.size_bytes) as refused:
            if refused is None:
                await self._transfer(stream, request)
            else:
                await self._refuse(stream, refused)

    async def _request(self, stream: Stream) -> Request:
        deadline_s = self._clock.monotonic_s() + self._limits.header_timeout_s
        while (event := self._side.next_event()) is None:
            await self._receive(stream, deadline_s)
        if not isinstance(event, Request):
            raise NetworkFailure("eof_error", "read")
        return event

    async def _transfer(self, stream: TlsStream, request: Request) -> None:
        hello_s = stream.hello_sent_s or self._clock.monotonic_s()
        recorder = Recorder(request, stream, self._clock, hello_s=hello_s)
        deadline_s = hello_s + request.cap_us / 1e6 + self._limits.grace_s
        self._results.started(request.id, recorder)
        sampling = asyncio.ensure_future(recorder.run())
        try:
            await self._send(stream, self._side.answer(now_us=self._clock.wall_us()), deadline_s)
            if request.op == "get":
                await self._send_body(stream, request, recorder, deadline_s)
            else:
                await self._take_body(stream, recorder, deadline_s)
        finally:
            sampling.cancel()
            trailer = self._results.ended(request.id)
        if trailer is not None:
            await self._send(stream, self._side.trailer(trailer), deadline_s)

    async def _send_body(
        self, stream: Stream, request: Request, recorder: Recorder, deadline_s: float
    ) -> None:
        side = self._side
        while side.state is State.BODY:
            count = min(piece_bytes(side.body_bytes), request.size_bytes - side.body_bytes)
            piece = self._block[side.body_bytes : side.body_bytes + count]
            await self._send(stream, piece, deadline_s)
            side.body_sent(count)
            recorder.note_body(side.body_bytes)
        while side.next_event() is None:  # until the client says that all of it has arrived
            await self._receive(stream, deadline_s)

    async def _take_body(self, stream: Stream, recorder: Recorder, deadline_s: float) -> None:
        side = self._side
        while side.state is State.BODY:
            if isinstance(side.next_event(), BodyBytes):
                recorder.note_body(side.body_bytes)
            else:
                await self._receive(stream, deadline_s)

    async def _give_result(self, stream: Stream, request: Request) -> None:
        trailer = self._results.find(request.id)
        if trailer is None:
            await self._refuse(stream, "unknown_id")
            return
        deadline_s = self._clock.monotonic_s() + self._limits.idle_timeout_s
        answer = self._side.answer(now_us=self._clock.wall_us())
        await self._send(stream, answer + self._side.trailer(trailer), deadline_s)

    async def _refuse(self, stream: Stream, code: str, text: str = "") -> None:
        """Say no, then read a little more: closing on unread bytes would reset the answer away."""
        deadline_s = self._clock.monotonic_s() + _LINGER_S
        line = self._side.refusal(code, now_us=self._clock.wall_us(), text=text)
        with contextlib.suppress(NetworkFailure):
            await self._send(stream, line, deadline_s)
            left_bytes = BODY_BYTES_MAX + BODY_BYTES_MAX // 8
            while left_bytes > 0 and (data := await self._read(stream, deadline_s)):
                left_bytes -= len(data)

    async def _receive(self, stream: Stream, deadline_s: float) -> None:
        data = await self._read(stream, deadline_s)
        if not data:
            raise NetworkFailure("eof_error", "read")
        self._side.receive(data)

    async def _read(self, stream: Stream, deadline_s: float) -> bytes:
        return await stream.read(_READ_BYTES, timeout_s=self._left_s(deadline_s))

    async def _send(self, stream: Stream, data: bytes, deadline_s: float) -> None:
        await stream.write(data, timeout_s=self._left_s(deadline_s))

    def _left_s(self, deadline_s: float) -> float:
        left_s = deadline_s - self._clock.monotonic_s()
        if left_s <= 0:
            raise NetworkFailure("generic_timeout_error", "read")
        return min(left_s, self._limits.idle_timeout_s)
