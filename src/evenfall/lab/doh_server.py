"""The public resolver asked inside TLS (RFC 8484), over HTTP/2 and HTTP/1.1.

It answers GET with `?dns=` (base64url without padding) and POST with `application/dns-message` at
one path, and nothing else. Which HTTP it is, ALPN says; HTTP/2 is spoken by `h2`, which knows the
protocol and no sockets. Limits: 4 KiB a query, 100 questions and 64 of them open at once a
connection, 64 connections, 30 s of idling.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import datetime as dt
import ssl
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from evenfall.lab.pages import response
from evenfall.lab.plan import DOH_PATH, Endpoint
from evenfall.lab.tcp_server import TcpServer

__all__ = ["serve_doh"]

Answerer = Callable[[bytes], bytes | None]

_TYPE = "application/dns-message"
_QUERY_BYTES_MAX = 4096
_HEAD_BYTES_MAX = 16_384
_CONNECTIONS_MAX = 64
_QUESTIONS_MAX = 100
_STREAMS_MAX = 64
_IDLE_S = 30.0
_READ_BYTES = 16_384

Reply = tuple[int, str, bytes]
"""Status, content type, body."""


async def serve_doh(
    answerer: Answerer, listen: Endpoint, context: ssl.SSLContext, *, ahead_s: float = 0.0
) -> TcpServer:
    """Start serving.

    Args:
        answerer: query → answer; None for what is no query.
        listen: address and port.
        context: with its certificate; its protocols are set here.
        ahead_s: how far its clock is ahead of ours, in `Date`.

    Raises:
        OSError: the address cannot be had.
    """
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        spoken = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        if spoken == "h2":
            await _Http2(answerer, reader, writer).run()
        else:
            await _speak_http1(answerer, reader, writer, ahead_s)

    server = TcpServer(converse, buffer_bytes=_HEAD_BYTES_MAX, connections_max=_CONNECTIONS_MAX)
    await server.start(listen, context)
    return server


def _reply(answerer: Answerer, method: str, target: str, kind: str, body: bytes) -> Reply:
    """What a request gets; the same in both versions of HTTP."""
    parts = urlsplit(target)
    if parts.path != DOH_PATH:
        return 404, "text/plain", b"not found\n"
    if method == "GET":
        query = _decoded(parse_qs(parts.query).get("dns", [""])[0])
    elif method == "POST":
        if kind != _TYPE:
            return 415, "text/plain", b"application/dns-message\n"
        query = body
    else:
        return 405, "text/plain", b"GET or POST\n"
    answer = answerer(query) if 0 < len(query) <= _QUERY_BYTES_MAX else None
    if answer is None:
        return 400, "text/plain", b"no DNS query\n"
    return 200, _TYPE, answer


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


async def _speak_http1(
    answerer: Answerer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ahead_s: float
) -> None:
    for _ in range(_QUESTIONS_MAX):
        if reader.at_eof():
            return
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _IDLE_S)
        lines = head.decode("latin-1").split("\r\n")
        method, _, rest = lines[0].partition(" ")
        fields = dict(_field(line) for line in lines[1:] if ":" in line)
        length = int(size) if (size := fields.get("content-length", "0")).isdecimal() else 0
        if length > _QUERY_BYTES_MAX:
            return
        body = await asyncio.wait_for(reader.readexactly(length), _IDLE_S)
        kind = fields.get("content-type", "")
        status, answered, content = _reply(answerer, method, rest.partition(" ")[0], kind, body)
        now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=ahead_s)
        head_out = response(status, content, content_type=answered, now=now, keep_alive=True)
        writer.write(head_out + content)
        await writer.drain()


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


class _Http2:
    """One connection of HTTP/2."""

    def __init__(
        self, answerer: Answerer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._answerer = answerer
        self._reader = reader
        self._writer = writer
        self._heads: dict[int, dict[bytes, bytes]] = {}
        self._bodies: dict[int, bytes] = {}
        self._answered = 0
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self._h2 = h2.connection.H2Connection(config)

    async def run(self) -> None:
        """Until either side has had enough."""
        self._h2.initiate_connection()
        await self._flush()
        while self._answered < _QUESTIONS_MAX:
            received = await asyncio.wait_for(self._reader.read(_READ_BYTES), _IDLE_S)
            if not received:
                return
            try:
                events = self._h2.receive_data(received)
            except h2.exceptions.ProtocolError:
                await self._flush()
                return
            for event in events:
                self._handle(event)
            await self._flush()
        self._h2.close_connection()
        await self._flush()

    async def _flush(self) -> None:
        self._writer.write(self._h2.data_to_send())
        await self._writer.drain()

    def _handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._open(event)
        elif isinstance(event, h2.events.DataReceived):
            self._take(event)
        elif isinstance(event, h2.events.StreamEnded):
            self._answer(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self._heads.pop(event.stream_id, None)
            self._bodies.pop(event.stream_id, None)

    def _open(self, event: h2.events.RequestReceived) -> None:
        if len(self._heads) >= _STREAMS_MAX:
            self._h2.reset_stream(event.stream_id, h2.errors.ErrorCodes.REFUSED_STREAM)
            return
        self._heads[event.stream_id] = {bytes(n): bytes(v) for n, v in event.headers or []}
        self._bodies[event.stream_id] = b""

    def _take(self, event: h2.events.DataReceived) -> None:
        self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        body = self._bodies.get(event.stream_id)
        if body is not None:
            self._bodies[event.stream_id] = (body + (event.data or b""))[: _QUERY_BYTES_MAX + 1]

    def _answer(self, stream_id: int) -> None:
        head, body = self._heads.pop(stream_id, None), self._bodies.pop(stream_id, b"")
        if head is None:
            return
        self._answered += 1
        wanted = (b":method", b":path", b"content-type")
        method, path, kind = (head.get(name, b"").decode("latin-1") for name in wanted)
        status, answered, content = _reply(self._answerer, method, path, kind, body)
        fields = [
            (":status", str(status)),
            ("content-type", answered),
            ("content-length", str(len(content))),
        ]
        self._h2.send_headers(stream_id, fields)
        self._h2.send_data(stream_id, content, end_stream=True)
