"""An origin's HTTP/3 server: the same site over QUIC, by aioquic.

`/` and `/1M.bin` as over TCP, whatever name the Initial carries. A slow site's bucket counts here
too. Where it listens, HTTPS announces it (`Alt-Svc`, RFC 7838). Limits: what `_configuration` sets
(flow control windows, 20 s of idling), 100 requests a connection, 256 connections a server.

aioquic looks at no name in the Initial: any is answered with the site's certificate.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import NetworkAddress
from aioquic.quic.events import ConnectionTerminated, ProtocolNegotiated, QuicEvent

from evenfall.lab.origins import Answer, Site
from evenfall.lab.pages import http_date
from evenfall.lab.plan import Endpoint

__all__ = ["serve_http3"]

_REQUESTS_MAX = 100
_CONNECTIONS_MAX = 256
_IDLE_S = 20.0
_WINDOW_BYTES = 262_144
_PIECE_BYTES = 4096
_WAITING_PIECES_MAX = 16


def _configuration(certificate: Path, key: Path) -> QuicConfiguration:
    configuration = QuicConfiguration(
        is_client=False,
        alpn_protocols=H3_ALPN,
        idle_timeout=_IDLE_S,
        max_data=_WINDOW_BYTES,
        max_stream_data=_WINDOW_BYTES,
    )
    configuration.load_cert_chain(certificate, key)
    return configuration


async def serve_http3(
    site: Site,
    listen: Endpoint,
    *,
    certificate: Path,
    key: Path,
    stack: contextlib.AsyncExitStack,
) -> None:
    """Start serving until `stack` is left. Raises OSError where the address is taken."""
    connections: set[_Connection] = set()

    def connection(*arguments: Any, **options: Any) -> _Connection:
        return _Connection(*arguments, site=site, among=connections, **options)

    server = await serve(
        listen.address,
        listen.port,
        configuration=_configuration(certificate, key),
        create_protocol=connection,
    )
    stack.callback(server.close)


class _Connection(QuicConnectionProtocol):
    """One client's connection."""

    def __init__(
        self,
        *arguments: Any,
        site: Site,
        among: set[_Connection],
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self._site = site
        self._among = among
        self._http: H3Connection | None = None
        self._requests = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard = asyncio.Event()
        among.add(self)

    def datagram_received(self, data: bytes | str, addr: NetworkAddress) -> None:
        """Take a datagram, which may acknowledge what was waiting."""
        super().datagram_received(data, addr)
        self._heard.set()

    def quic_event_received(self, event: QuicEvent) -> None:
        """Answer requests as they come."""
        if isinstance(event, ProtocolNegotiated) and event.alpn_protocol in H3_ALPN:
            if len(self._among) > _CONNECTIONS_MAX:
                self.close()
                return
            self._http = H3Connection(self._quic)
        if isinstance(event, ConnectionTerminated):
            self._among.discard(self)
            for task in self._tasks:
                task.cancel()
        if self._http is None:
            return
        for happened in self._http.handle_event(event):
            if isinstance(happened, HeadersReceived):
                self._request(happened)

    def _request(self, event: HeadersReceived) -> None:
        self._requests += 1
        if self._requests > _REQUESTS_MAX:
            self.close()
            return
        task = asyncio.ensure_future(self._answer(event.stream_id, dict(event.headers)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, stream_id: int, head: dict[bytes, bytes]) -> None:
        http = self._http
        if http is None:
            return
        path = head.get(b":path", b"").decode("latin-1").partition("?")[0]
        host = head.get(b":authority", b"").decode("latin-1").partition(":")[0].lower()
        method = head.get(b":method", b"")
        if method in (b"GET", b"HEAD"):
            found = self._site.find(path, host)
        else:
            found = Answer(status=405, content_type="text/plain", body=b"GET or HEAD\n")
        fields = [
            (b":status", str(found.status).encode()),
            (b"date", http_date(self._site.now()).encode()),
            (b"content-type", found.content_type.encode()),
            (b"content-length", str(len(found.body)).encode()),
        ]
        http.send_headers(stream_id, fields, end_stream=method == b"HEAD")
        self.transmit()
        if method != b"HEAD":
            await self._send(http, stream_id, found.body)

    async def _send(self, http: H3Connection, stream_id: int, body: bytes) -> None:
        """Piece by piece, as fast as the site's bucket and the client's acknowledgements let."""
        for start in range(0, len(body), _PIECE_BYTES):
            piece = body[start : start + _PIECE_BYTES]
            if self._site.bucket is not None:
                await self._site.bucket.take(len(piece))
            while self._unsent_bytes(stream_id) > _WAITING_PIECES_MAX * _PIECE_BYTES:
                self._heard.clear()
                await self._heard.wait()
            http.send_data(stream_id, piece, end_stream=start + _PIECE_BYTES >= len(body))
            self.transmit()

    def _unsent_bytes(self, stream_id: int) -> int:
        """What waits in aioquic's buffer of a stream."""
        stream = self._quic._streams.get(stream_id)
        return 0 if stream is None else len(stream.sender._buffer)
