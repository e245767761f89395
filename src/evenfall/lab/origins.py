"""The lab's web servers: HTTP/1.1 over plain TCP or TLS, the block page, and the flood.

An origin answers whatever name it is asked by, in the ClientHello or in `Host`, with its own
content: that is what lets a probe ask the same address with a neutral name. What it does instead
of serving is its conduct (`lab.plan.Conduct`). A slow server's limit is one bucket for all its
connections. Limits: 16 KiB of request head, 100 requests a connection, 256 connections a server,
30 s of idling.

Not a general web server: GET and HEAD, no request bodies, no ranges, no compression.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl

import msgspec

from evenfall.lab.pacing import TokenBucket
from evenfall.lab.pages import (
    BLOCK_PAGE,
    GEO_PAGE,
    OUT_OF_ORDER_PAGE,
    PORTAL_PAGE,
    large_body,
    page,
    response,
)
from evenfall.lab.plan import Conduct, Endpoint
from evenfall.lab.tcp_server import TcpServer

__all__ = [
    "Answer",
    "Site",
    "block_page_site",
    "origin_site",
    "portal_site",
    "serve_flood",
    "serve_site",
]

_HTML = "text/html; charset=utf-8"
_HEAD_BYTES_MAX = 16_384
_REQUESTS_MAX = 100
_IDLE_S = 30.0
_PIECE_BYTES = 16_384
_SLOW_PIECE_BYTES = 1448
_UNSENT_BYTES_MAX = 65_536


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one request gets: status, content type, body, and more fields of the head."""

    status: int = 200
    content_type: str = _HTML
    body: bytes
    fields: tuple[str, ...] = ()


class Site:
    """What one machine serves, and at what rate.

    Args:
        contents: what exact paths get; `fallback` answers every other path where given, else 404.
        bucket: rate limit over all connections of this site; None: as fast as it goes.
        refused: host name that gets the block page's words for every path; empty: none does.
        abroad: what those get who do not sit beside the server; None: they are served like all.
        ahead_s: how far its clock is ahead of ours.
        fields: of the head of every answer over HTTPS.
    """

    def __init__(
        self,
        contents: dict[str, Answer],
        *,
        fallback: Answer | None = None,
        bucket: TokenBucket | None = None,
        refused: str = "",
        abroad: Answer | None = None,
        ahead_s: float = 0.0,
        fields: tuple[str, ...] = (),
    ) -> None:
        self.contents = contents
        self.fallback = fallback
        self.bucket = bucket
        self.refused = refused
        self.abroad = abroad
        self.ahead_s = ahead_s
        self.fields = fields

    def find(self, path: str, host: str, *, beside: bool = False) -> Answer:
        """What a path gets under a `Host` (lower case, no port).

        Args:
            path: without its query.
            host: of the request.
            beside: whoever asks sits in the server's own network.
        """
        if self.abroad is not None and not beside:
            return self.abroad
        if self.refused and host == self.refused:
            return Answer(body=BLOCK_PAGE)
        return self.contents.get(path) or self.fallback or _NOT_FOUND

    def now(self) -> dt.datetime:
        """The machine's clock."""
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.ahead_s)


_NOT_FOUND = Answer(status=404, content_type="text/plain", body=b"not found\n")
_BAD_REQUEST = Answer(status=400, content_type="text/plain", body=b"bad request\n")
_WRONG_METHOD = Answer(status=405, content_type="text/plain", body=b"GET or HEAD\n")
_OUT_OF_ORDER = Answer(status=503, body=OUT_OF_ORDER_PAGE, fields=("Retry-After: 3600",))
_NOT_HERE = Answer(status=451, body=GEO_PAGE)


def origin_site(
    host: str,
    *,
    rate_bps: float | None = None,
    conduct: Conduct = "serve",
    ahead_s: float = 0.0,
    http3_port: int | None = None,
) -> Site:
    """A service's own site: `/` and `/1M.bin`, as its conduct lets it.

    Args:
        host: its name.
        rate_bps: of all its connections together.
        conduct: `withhold`: not for its own name; `geo`: not for those abroad; `error`: for nobody.
        ahead_s: of its clock.
        http3_port: announced over HTTPS (RFC 7838); None: no HTTP/3.
    """
    if conduct == "error":
        return Site({}, fallback=_OUT_OF_ORDER, ahead_s=ahead_s)
    contents = {
        "/": Answer(body=page(host)),
        "/1M.bin": Answer(content_type="application/octet-stream", body=large_body(host)),
    }
    announced = () if http3_port is None else (f'Alt-Svc: h3=":{http3_port}"; ma=86400',)
    return Site(
        contents,
        bucket=None if rate_bps is None else TokenBucket(rate_bps, _SLOW_PIECE_BYTES),
        refused=host if conduct == "withhold" else "",
        abroad=_NOT_HERE if conduct == "geo" else None,
        ahead_s=ahead_s,
        fields=announced,
    )


def block_page_site(*, ahead_s: float = 0.0) -> Site:
    """The block page, whatever is asked for."""
    return Site({}, fallback=Answer(body=BLOCK_PAGE), ahead_s=ahead_s)


def portal_site(login: str) -> Site:
    """A captive portal: everything is sent on to its login page, a URL with a literal address."""
    sent_on = Answer(status=302, body=PORTAL_PAGE, fields=(f"Location: {login}",))
    path = "/" + login.split("://", 1)[1].partition("/")[2]
    return Site({path: Answer(body=PORTAL_PAGE)}, fallback=sent_on)


async def serve_site(site: Site, listen: Endpoint, context: ssl.SSLContext | None) -> TcpServer:
    """Start serving. Raises OSError where the address is taken or not ours."""
    fields = () if context is None else site.fields

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _answer_requests(site, fields, reader, writer)

    server = TcpServer(answer, buffer_bytes=_HEAD_BYTES_MAX)
    await server.start(listen, context)
    return server


async def serve_flood(listen: Endpoint) -> TcpServer:
    """Start a server that sends without end to whoever connects, as fast as TCP lets it."""
    block = bytes(_PIECE_BYTES)

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(block)
            await writer.drain()

    server = TcpServer(flood, buffer_bytes=_HEAD_BYTES_MAX)
    await server.start(listen)
    return server


async def _answer_requests(
    site: Site,
    fields: tuple[str, ...],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    writer.transport.set_write_buffer_limits(high=_UNSENT_BYTES_MAX)
    beside = _is_beside(writer)
    for _ in range(_REQUESTS_MAX):
        if reader.at_eof():
            return
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _IDLE_S)
        if not await _answer(site, fields, head, writer, beside=beside):
            return


def _is_beside(writer: asyncio.StreamWriter) -> bool:
    """Whether the other end has the server's own address, as only a program beside it has."""
    peer = writer.get_extra_info("peername") or ("",)
    return bool(peer[0] == writer.get_extra_info("sockname")[0])


async def _answer(
    site: Site, fields: tuple[str, ...], head: bytes, writer: asyncio.StreamWriter, *, beside: bool
) -> bool:
    """Answer one request; true if the connection may go on."""
    lines = head.decode("latin-1").split("\r\n")
    method, path = _request_line(lines[0])
    keep_alive = not any(line.lower().replace(" ", "") == "connection:close" for line in lines)
    if path is None:
        answer = _BAD_REQUEST
    elif method not in ("GET", "HEAD"):
        answer = _WRONG_METHOD
    else:
        answer = site.find(path, _host(lines[1:]), beside=beside)
    writer.write(
        response(
            answer.status,
            answer.body,
            content_type=answer.content_type,
            now=site.now(),
            keep_alive=keep_alive,
            fields=(*answer.fields, *fields),
        )
    )
    if method != "HEAD":
        await _send(site.bucket, answer.body, writer)
    return keep_alive and answer.status == 200


def _request_line(line: str) -> tuple[str, str | None]:
    """Method and path without query; path None where the line is not a request line."""
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        return "", None
    path = parts[1]
    if "://" in path:  # absolute form, RFC 9112 §3.2.2
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    return parts[0], path.partition("?")[0]


def _host(fields: list[str]) -> str:
    """The `Host` field without its port, in lower case; empty if there is none."""
    for field in fields:
        name, _, value = field.partition(":")
        if name.strip().lower() == "host":
            return value.strip().partition(":")[0].lower()
    return ""


async def _send(bucket: TokenBucket | None, body: bytes, writer: asyncio.StreamWriter) -> None:
    size = _PIECE_BYTES if bucket is None else _SLOW_PIECE_BYTES
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        if bucket is not None:
            await bucket.take(len(piece))
        writer.write(piece)
        await writer.drain()
