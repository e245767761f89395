"""The server's ndt7 against the WebSocket client of `websockets`, and against broken clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from evenfall.server import Limits, Ndt7, serve_pairs
from evenfall.wire.ndt7 import SUBPROTOCOL

_CAP = 2_000_000
_DEFAULT = Limits(ndt7_bytes=_CAP)


def _context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.asynccontextmanager
async def _server(tmp_path, limits=_DEFAULT, ndt7=Ndt7.TLS):
    async with serve_pairs(
        listen=("127.0.0.1", 0), state=tmp_path / "s", limits=limits, ndt7=ndt7
    ) as service:
        yield service


def _client(service, path, *, scheme="wss", subprotocols=(SUBPROTOCOL,)):
    tls = {"ssl": _context()} if scheme == "wss" else {}
    return connect(
        f"{scheme}://127.0.0.1:{service.port}{path}",
        subprotocols=list(subprotocols) or None, max_size=2**24, proxy=None, **tls,
    )  # fmt: skip


async def _download(service, path="/ndt/v7/download", **options):
    load, said = 0, []
    async with _client(service, path, **options) as client:
        async for message in client:
            if isinstance(message, str):
                said.append(json.loads(message))
            else:
                load += len(message)
    return load, said, client.close_code


async def _upload(service, *, sizes=(2**16,)):
    said, load = [], 0
    async with _client(service, "/ndt/v7/upload") as client:

        async def listen():
            said.extend([json.loads(message) async for message in client])

        listening = asyncio.ensure_future(listen())
        with contextlib.suppress(ConnectionClosed):
            while True:
                for size in sizes:
                    await client.send(os.urandom(size))
                    load += size
        await listening
    return load, said, client.close_code


def _run(tmp_path, test, **options):
    async def main():
        async with _server(tmp_path, **options) as service:
            return await test(service)

    return asyncio.run(main())


def test_a_download_is_closed_early_at_the_cap(tmp_path):
    """Innocent: load up to the cap, a last message with TCPInfo, a clean close."""
    load, said, code = _run(tmp_path, _download)
    assert _CAP * 0.9 < load <= _CAP
    assert code == 1000
    last = said[-1]
    assert last["AppInfo"]["NumBytes"] == load
    assert set(last["ConnectionInfo"]) == {"Client", "Server", "UUID", "StartTime"}
    assert last["ConnectionInfo"]["Client"].startswith("127.0.0.1:")
    assert last["TCPInfo"]["BytesSent"] > 100_000
    assert last["TCPInfo"]["RTT"] > 0


def test_an_upload_is_closed_early_at_the_cap(tmp_path):
    """Innocent: the server counts what arrived and says so last."""
    load, said, code = _run(tmp_path, _upload)
    counted = said[-1]["AppInfo"]["NumBytes"]
    assert _CAP * 0.9 < counted <= load
    assert said[-1]["Test"] == "upload"
    assert code == 1000


@pytest.mark.parametrize("kind", [bytes, str])
def test_an_upload_costs_what_crossed_the_line(tmp_path, kind):
    """Text frames are no load of ndt7, and cost the address's bytes all the same."""
    limits = Limits(bytes_per_minute=2_500_000, ndt7_bytes=_CAP)
    message = os.urandom(2**16) if kind is bytes else "y" * 2**16

    async def twice(service):
        async with _client(service, "/ndt/v7/upload") as client:
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await client.send(message)
        with pytest.raises(InvalidStatus) as refused:
            await _download(service)
        return refused.value.response.status_code

    assert _run(tmp_path, twice, limits=limits) == 429


def test_a_download_gives_back_what_it_did_not_use(tmp_path):
    """Innocent: a client that ends at once may come again, as often as its bytes allow."""
    limits = Limits(bytes_per_minute=2_500_000, ndt7_bytes=_CAP)

    async def thrice(service):
        for _ in range(3):
            async with _client(service, "/ndt/v7/upload") as client:
                await client.send(b"x" * 1000)
        return True

    assert _run(tmp_path, thrice, limits=limits)


def test_the_largest_message_is_taken(tmp_path):
    """Innocent: 2^24 bytes in one message, as the specification asks."""
    limits = Limits(ndt7_bytes=20 * 2**20)
    _, said, code = _run(tmp_path, lambda s: _upload(s, sizes=(2**24,)), limits=limits)
    assert said[-1]["AppInfo"]["NumBytes"] >= 2**24
    assert code == 1000


def test_without_tls_only_where_the_operator_said_so(tmp_path):
    """Innocent and not: ws is answered with `also-plain`, else by the plain page's rules."""
    load, _, code = _run(tmp_path, lambda s: _download(s, scheme="ws"), ndt7=Ndt7.ALSO_PLAIN)
    assert (load > 0, code) == (True, 1000)
    with pytest.raises(InvalidStatus):  # the small page, status 200
        _run(tmp_path, lambda s: _download(s, scheme="ws"))


def test_switched_off(tmp_path):
    """With `off` a request is an unknown line of the pair protocol."""
    with pytest.raises(Exception, match="did not receive a valid HTTP response"):
        _run(tmp_path, _download, ndt7=Ndt7.OFF)


@pytest.mark.parametrize(
    ("path", "subprotocols", "status"),
    [
        ("/ndt/v7/download", (), 400),
        ("/ndt/v7/download", ("other.protocol",), 400),
        ("/ndt/v7/sideways", (SUBPROTOCOL,), 404),
        ("/ndt/v7/download?a=1&a=2", (SUBPROTOCOL,), 400),
        ("/ndt/v7/download?=1", (SUBPROTOCOL,), 400),
        ("/ndt/v7/download?a=" + "x" * 4096, (SUBPROTOCOL,), 400),
    ],
)
def test_requests_that_are_refused(tmp_path, path, subprotocols, status):
    """No subprotocol, another one, another path, a bad query: 4xx, and not a byte of load."""
    with pytest.raises(InvalidStatus) as refused:
        _run(tmp_path, lambda s: _download(s, path, subprotocols=subprotocols))
    assert refused.value.response.status_code == status


def test_a_minutes_bytes_are_not_exceeded_and_the_unused_given_back(tmp_path):
    """A test reserves its cap; who uses nothing keeps it all, who used it is told 429."""

    async def both(service):
        async with _client(service, "/ndt/v7/upload"):
            pass  # nothing is sent
        await asyncio.sleep(0.1)
        first, _, _ = await _download(service)
        with pytest.raises(InvalidStatus) as refused:
            await _download(service)
        return first, refused.value.response.status_code

    limits = Limits(ndt7_bytes=_CAP, bytes_per_minute=_CAP * 3 // 2)
    load, status = _run(tmp_path, both, limits=limits)
    assert load > 0.9 * _CAP
    assert status == 429


def test_few_tests_at_once(tmp_path):
    """The one beyond the limit is told 503, and pairs still get through."""

    async def crowd(service):
        async with _client(service, "/ndt/v7/upload"):
            with pytest.raises(InvalidStatus) as refused:
                await _download(service)
        return refused.value.response.status_code

    assert _run(tmp_path, crowd, limits=Limits(ndt7_bytes=_CAP, ndt7_tests=1)) == 503


def test_load_in_the_wrong_direction_ends_a_download(tmp_path):
    """Attack: a client that sends load during a download is closed with a protocol error."""

    async def wrong(service):
        async with _client(service, "/ndt/v7/download") as client:
            await client.send(bytes(1024))
            with contextlib.suppress(ConnectionClosed):
                async for _ in client:
                    pass
        return client.close_code

    limits = Limits(ndt7_bytes=60 * 2**20)
    assert _run(tmp_path, wrong, limits=limits) == 1002


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /ndt/v7/download HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /ndt/v7/" + b"x" * 40_000,
        b"GET /ndt/v7/download HTTP/1.1\r\n" + b"A: b\r\n" * 5_000,
        b"GET /ndt/v7/download HTTP/9.9\r\n\r\n",
        b"GET /ndt/v7/",
    ],
)
def test_broken_clients_end_and_the_server_lives(tmp_path, sent):
    """Attack: no upgrade, an endless line, endless headers, half a request."""

    async def broken(service):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", service.port, ssl=_context(), server_hostname="a.example"
        )
        writer.write(sent)
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.TimeoutError):
            async with asyncio.timeout(5):
                answer = await reader.read()
                assert not answer.startswith(b"HTTP/1.1 101")
        writer.close()
        return await _download(service)

    load, _, _ = _run(tmp_path, broken, limits=Limits(ndt7_bytes=_CAP, header_timeout_s=1.0))
    assert load > 0
