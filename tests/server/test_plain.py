"""Plain HTTP on the measurement server's port: curl, and clients that want more than they get."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import subprocess
import time
from collections.abc import Callable

import pytest

from evenfall.net.api import NetworkFailure
from evenfall.net.clock import ManualClock
from evenfall.net.fake_stream import Line, connect_in_memory
from evenfall.server import Limits, serve_pairs
from evenfall.server.plain import answer_plainly
from evenfall.wire import plain

Place = tuple[str, int]


def against_server(tmp_path, use: Callable[[Place], None], limits: Limits | None = None) -> None:
    """Run blocking clients in a thread while a server serves on loopback."""

    async def main() -> None:
        async with serve_pairs(
            listen=("127.0.0.1", 0), state=tmp_path / "state", limits=limits
        ) as service:
            await asyncio.to_thread(use, (service.address, service.port))

    asyncio.run(main())


def exchange(place: Place, request: bytes, *, timeout_s: float = 10) -> bytes:
    """Whatever comes back until the end; a reset ends it too."""
    said = b""
    with (
        contextlib.suppress(ConnectionResetError),
        socket.create_connection(place, timeout=timeout_s) as sock,
    ):
        sock.sendall(request)
        while data := sock.recv(65_536):
            said += data
    return said


def get(path: str, host: str = "video.example") -> bytes:
    """A request as short as it can be."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def test_curl_with_any_host_gets_its_token_back(tmp_path, foreign_tool):
    """Innocent: curl, three Host names, three tokens: 200, text, our words, the token."""

    def use(place: Place) -> None:
        for host in ("video.example", "static.example", "xn--80ak6aa92e.com"):
            token = secrets.token_hex(16)
            done = subprocess.run(
                [foreign_tool("curl"), "-sS", "-m", "10", "-H", f"Host: {host}",
                 "-w", "%{http_code} %{content_type}",
                 f"http://{place[0]}:{place[1]}/plain/{token}"],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert done.stdout == f"Evenfall measurement server\n{token}\n200 text/plain"

    against_server(tmp_path, use)


@pytest.mark.parametrize(
    "path",
    ["/", "/plain/", "/plain/" + "a" * 31, "/plain/" + "a" * 33, "/plain/" + "A" * 32,
     "/plain/<script>alert(1)</script>aaaaaaa", "/plain/" + "a" * 32 + "?x=1", "/%0d%0aX:1"],
)  # fmt: skip
def test_nothing_but_a_token_is_repeated(path):
    """Neither path nor Host nor any field of the request comes back."""
    answer = plain.answer_to(get(path, host="evil.example")) or b""
    head, _, body = answer.partition(plain.HEAD_END)
    assert body == b"Evenfall measurement server\n"
    assert b"evil" not in head
    assert b"script" not in head


def test_an_answer_is_no_larger_than_an_ordinary_request():
    """Nothing is amplified: at most 160 bytes, and less than what a probe sends for it."""
    from evenfall.wire.http1 import request

    token = plain.token_of(secrets.token_hex(16), "target")
    asked = request("a.example", plain.path_of(token))
    answer = plain.answer_to(asked) or b""
    assert len(answer) <= plain.ANSWER_BYTES_MAX < len(asked)
    assert answer.endswith(plain.page_of(token))


def test_what_is_no_get_is_not_answered(tmp_path):
    """Other methods, other protocols, no request line, a head too long: closed without a byte."""
    refused = (
        b"POST /plain/" + b"a" * 32 + b" HTTP/1.1\r\n\r\n",
        b"CONNECT video.example:443 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"GET http://a b HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 5000 + b"\r\n\r\n",
    )

    def use(place: Place) -> None:
        assert [exchange(place, request) for request in refused] == [b""] * len(refused)
        assert exchange(place, get("/"))

    against_server(tmp_path, use)


def test_a_request_in_pieces_is_a_request(tmp_path):
    """Byte by byte, as slow lines and odd clients send it."""
    token = "0123456789abcdef" * 2

    def use(place: Place) -> None:
        with socket.create_connection(place, timeout=10) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in get(f"/plain/{token}"):
                sock.sendall(bytes([byte]))
            assert sock.makefile("rb").read().endswith(plain.page_of(token))

    against_server(tmp_path, use)


def test_a_head_that_never_ends_is_given_up(tmp_path):
    """Ten seconds by default, whatever trickles in; here a fraction of one."""

    def use(place: Place) -> None:
        before_s = time.monotonic()
        assert exchange(place, b"GET / HTTP/1.1\r\n") == b""
        assert time.monotonic() - before_s < 5

    against_server(tmp_path, use, Limits(header_timeout_s=0.3))


def test_a_trickle_does_not_extend_the_time():
    """One byte a second: over after ten, on a clock turned by hand."""
    clock = ManualClock()

    async def main() -> float:
        ours, theirs = connect_in_memory(clock, Line(), ())

        async def trickle() -> None:
            with contextlib.suppress(NetworkFailure):
                while True:
                    await ours.write(b"x", timeout_s=1)
                    await clock.sleep(1)

        feeding = asyncio.ensure_future(trickle())
        started_s = clock.monotonic_s()
        with pytest.raises(NetworkFailure):
            await answer_plainly(theirs, b"GET ", clock=clock, timeout_s=10)
        feeding.cancel()
        return clock.monotonic_s() - started_s

    assert asyncio.run(main()) == pytest.approx(10, abs=1.1)


def test_plain_connections_count_for_the_address(tmp_path):
    """A held plain connection takes the one place there is; when it ends, the next gets in."""

    def use(place: Place) -> None:
        with socket.create_connection(place, timeout=10) as held:
            held.sendall(b"GET ")
            assert exchange(place, get("/")) == b""
        for _ in range(50):
            if exchange(place, get("/")):
                return
            time.sleep(0.1)
        pytest.fail("the place was not freed")

    against_server(tmp_path, use, Limits(connections_per_address=1))
