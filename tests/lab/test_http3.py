"""The lab's HTTP/3 servers, asked by aioquic's own client and compared with curl over TLS."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent

from evenfall.lab.plan import Endpoint

Find = Callable[[str], str]


def curl(find: Find, *words: str) -> tuple[dict[str, object], bytes]:
    """What curl says about a request (`exit` is its status), and the body."""
    command = [find("curl"), "-sS", "-m", "10", "-w", "\n%{json}", *words]
    done = subprocess.run(command, capture_output=True, check=False)
    body, _, said = done.stdout.rpartition(b"\n")
    return {**json.loads(said), "exit": done.returncode}, body


class Asking(QuicConnectionProtocol):
    """aioquic's client, as its documentation builds one: one GET, one answer."""

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self._http = H3Connection(self._quic)
        self.status = 0
        self.head: dict[bytes, bytes] = {}
        self.body = b""
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def get(self, host: str, path: str) -> None:
        """Ask, and wait for the end of the answer."""
        stream_id = self._quic.get_next_available_stream_id()
        head = [
            (b":method", b"GET"), (b":scheme", b"https"),
            (b":authority", host.encode()), (b":path", path.encode()),
        ]  # fmt: skip
        self._http.send_headers(stream_id, head, end_stream=True)
        self.transmit()
        await asyncio.wait_for(self._ended, 10)

    def quic_event_received(self, event: QuicEvent) -> None:
        """Keep what comes."""
        for happened in self._http.handle_event(event):
            self._take(happened)

    def _take(self, event: H3Event) -> None:
        if isinstance(event, HeadersReceived):
            self.head = dict(event.headers)
            self.status = int(self.head[b":status"])
        elif isinstance(event, DataReceived):
            self.body += event.data
        if getattr(event, "stream_ended", False) and not self._ended.done():
            self._ended.set_result(None)


def ask_http3(at: Endpoint, host: str, path: str, authority: Path, *, valid: bool = True) -> Asking:
    """One answer over HTTP/3 under a server name."""
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=host)
    configuration.load_verify_locations(str(authority))
    if not valid:
        configuration.verify_mode = ssl.CERT_NONE

    async def main() -> Asking:
        async with AsyncExitStack() as stack:
            opening = connect(
                at.address, at.port, configuration=configuration, create_protocol=Asking
            )
            client = await stack.enter_async_context(opening)
            await client.get(host, path)
            return client

    return asyncio.run(main())


def test_http3_serves_what_https_serves(world, foreign_tool: Find) -> None:
    """Aioquic's client gets page and body, the same bytes as curl over TLS, certificate checked."""
    at, host = world.places.https("news"), world.drawn.hosts["news"]
    for path, size in (("/", None), ("/1M.bin", 1 << 20)):
        found = ask_http3(at, host, path, world.authority)
        said, body = curl(
            foreign_tool, "--cacert", str(world.authority), "--connect-to", f"::{at}",
            f"https://{host}:{at.port}{path}",
        )  # fmt: skip
        assert (found.status, said["http_code"]) == (200, 200)
        assert found.body == body
        assert size is None or len(body) == size
    assert ask_http3(at, host, "/none", world.authority).status == 404


def test_http3_answers_any_name_with_its_own_certificate(world) -> None:
    """A neutral name completes (its certificate is not looked at), and fails where it is."""
    at, other = world.places.https("news"), world.drawn.hosts["social"]
    assert ask_http3(at, other, "/", world.authority, valid=False).status == 200
    with pytest.raises(ConnectionError):
        ask_http3(at, other, "/", world.authority)


def test_https_announces_where_http3_is(world, foreign_tool: Find) -> None:
    """Alt-Svc over HTTPS names the port that answered above; plain HTTP announces nothing."""
    host = world.drawn.hosts["news"]
    heads = {}
    for scheme, at in (("https", world.places.https("news")), ("http", world.places.http("news"))):
        _, heads[scheme] = curl(
            foreign_tool, "--cacert", str(world.authority), "--connect-to", f"::{at}", "-I",
            f"{scheme}://{host}:{at.port}/",
        )  # fmt: skip
    port = world.places.https_port
    assert f'Alt-Svc: h3=":{port}"; ma=86400'.encode() in heads["https"]
    assert b"Alt-Svc" not in heads["http"]
