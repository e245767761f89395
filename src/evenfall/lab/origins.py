"""The lab's web servers: HTTP/1.1 over plain TCP or TLS, the block page, and the flood.

An origin answers whatever name it is asked by, in the ClientHello or in `Host`, with its own
content: that is what lets a probe ask the same address with a neutral name. A site that refuses
does so to its own name alone. A slow server's limit is one bucket for all its connections. Limits:
16 KiB of request head, 100 requests a connection, 256 connections a server, 30 s of idling.

Not a general web server: GET and HEAD, no request bodies, no ranges, no compression.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl

from evenfall.lab.pacing import TokenBucket
from evenfall.lab.pages import BLOCK_PAGE, large_body, page, response
from evenfall.lab.plan import Endpoint
from evenfall.lab.tcp_server import TcpServer

__all__ = ["Site", "block_page_site", "origin_site", "serve_flood", "serve_site"]

_HTML = "text/html; charset=utf-8"
_HEAD_BYTES_MAX = 16_384
_REQUESTS_MAX = 100
_IDLE_S = 30.0
_PIECE_BYTES = 16_384
_SLOW_PIECE_BYTES = 1448
_UNSENT_BYTES_MAX = 65_536


class Site:
    """What one machine serves: path → (content type, body), and at what rate.

    Args:
        contents: exact paths; `fallback` answers every other path where it is given, else 404.
        bucket: rate limit over all connections of this site; None: as fast as it goes.
        refused: host name that gets the block page's words for every path; empty: none does.
    """

    def __init__(
        self,
        contents: dict[str, tuple[str, bytes]],
        *,
        fallback: tuple[str, bytes] | None = None,
        bucket: TokenBucket | None = None,
        refused: str = "",
    ) -> None:
        self.contents = contents
        self.fallback = fallback
        self.bucket = bucket
        self.refused = refused

    def find(self, path: str, host: str) -> tuple[int, str, bytes]:
        """Status, content type and body of a path under a `Host` (lower case, no port)."""
        if self.refused and host == self.refused:
            return 200, _HTML, BLOCK_PAGE
        found = self.contents.get(path, self.fallback)
        if found is None:
            return 404, "text/plain", b"not found\n"
        return 200, *found


def origin_site(host: str, *, rate_bps: float | None, refuses: bool = False) -> Site:
    """A service's own site: `/` and `/1M.bin`; with `refuses`, not for its own name."""
    return Site(
        {
            "/": (_HTML, page(host)),
            "/1M.bin": ("application/octet-stream", large_body(host)),
        },
        bucket=None if rate_bps is None else TokenBucket(rate_bps, _SLOW_PIECE_BYTES),
        refused=host if refuses else "",
    )


def block_page_site() -> Site:
    """The block page, whatever is asked for."""
    return Site({}, fallback=(_HTML, BLOCK_PAGE))


async def serve_site(site: Site, listen: Endpoint, context: ssl.SSLContext | None) -> TcpServer:
    """Start serving. Raises OSError where the address is taken or not ours."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _answer_requests(site, reader, writer)

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
    site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.transport.set_write_buffer_limits(high=_UNSENT_BYTES_MAX)
    for _ in range(_REQUESTS_MAX):
        if reader.at_eof():
            return
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _IDLE_S)
        if not await _answer(site, head, writer):
            return


async def _answer(site: Site, head: bytes, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; true if the connection may go on."""
    lines = head.decode("latin-1").split("\r\n")
    method, path = _request_line(lines[0])
    keep_alive = not any(line.lower().replace(" ", "") == "connection:close" for line in lines)
    if path is None:
        status, content_type, body = 400, "text/plain", b"bad request\n"
    elif method not in ("GET", "HEAD"):
        status, content_type, body = 405, "text/plain", b"GET or HEAD\n"
    else:
        status, content_type, body = site.find(path, _host(lines[1:]))
    now = dt.datetime.now(dt.UTC)
    writer.write(response(status, body, content_type=content_type, now=now, keep_alive=keep_alive))
    if method != "HEAD":
        await _send(site.bucket, body, writer)
    return keep_alive and status == 200


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
