"""What only real sockets can show: datagrams, names, routes."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from evenfall.net import sockets
from evenfall.net.api import NetworkFailure
from evenfall.net.sockets import ANSWERS_MAX, SystemNetwork


class _Resolver(asyncio.DatagramProtocol):
    """Answers each query with the given datagrams."""

    def __init__(self, answers) -> None:
        self.answers = answers

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        for delay_s, answer in self.answers:
            asyncio.get_running_loop().call_later(
                delay_s, self.transport.sendto, data + answer, addr
            )


@contextlib.asynccontextmanager
async def _resolver(*answers):
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Resolver(answers), local_addr=("127.0.0.1", 0)
    )
    try:
        yield transport.get_extra_info("sockname")
    finally:
        transport.close()


def _ask(*answers, timeout_s=0.5):
    async def main():
        async with _resolver(*answers) as place:
            return await SystemNetwork().ask(*place, b"q", timeout_s=timeout_s)

    return asyncio.run(main())


def test_one_answer_is_one_answer():
    """Innocent: an honest resolver's answer comes alone."""
    assert _ask((0, b"-real")) == [b"q-real"]


def test_a_raced_answer_shows_both():
    """An injected reply and the late true one are both returned, in order of arrival."""
    assert _ask((0, b"-forged"), (0.05, b"-real")) == [b"q-forged", b"q-real"]


def test_an_answer_after_the_listening_time_is_not_waited_for():
    """0.2 s after the first answer the question is closed."""
    assert _ask((0, b"-real"), (0.4, b"-late")) == [b"q-real"]


def test_a_flood_of_answers_is_bounded():
    """A resolver that never stops fills no memory."""
    assert len(_ask(*((0, bytes([i])) for i in range(50)))) == ANSWERS_MAX


def test_a_silent_resolver_is_a_timeout_and_a_closed_one_is_refused():
    """Silence and ICMP port unreachable are different facts."""
    with pytest.raises(NetworkFailure, match="generic_timeout_error"):
        _ask(timeout_s=0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        place = sock.getsockname()
    with pytest.raises(NetworkFailure, match="connection_refused"):
        asyncio.run(SystemNetwork().ask(*place, b"q", timeout_s=1))


def test_the_system_resolver_knows_localhost():
    """Innocent: a name of the hosts file; each address once."""
    found = asyncio.run(SystemNetwork().resolve("localhost", family=4, timeout_s=5))
    assert found == ("127.0.0.1",)


def test_a_name_that_cannot_exist_fails_with_a_code(monkeypatch):
    """Getaddrinfo's error becomes a code (its answer is made here: no resolver is asked)."""

    def no_such_name(*_args):
        raise socket.gaierror(socket.EAI_NONAME, "no")

    monkeypatch.setattr(sockets.socket, "getaddrinfo", no_such_name)
    with pytest.raises(NetworkFailure, match="resolve: dns_nxdomain_error"):
        asyncio.run(SystemNetwork().resolve("nope.invalid", family=4, timeout_s=5))


def test_what_is_no_name_does_not_exist():
    """A label over 63 bytes cannot be encoded: no name, rather than an error of ours."""
    with pytest.raises(NetworkFailure, match="resolve: dns_nxdomain_error"):
        asyncio.run(SystemNetwork().resolve("a" * 70 + ".example", family=4, timeout_s=5))


def test_a_resolver_that_hangs_delays_nobody(monkeypatch):
    """The timeout holds though getaddrinfo cannot be stopped, and the program can end meanwhile."""
    import threading
    import time

    release = threading.Event()
    monkeypatch.setattr(sockets.socket, "getaddrinfo", lambda *_: release.wait(10) and [])
    before = time.monotonic()
    with pytest.raises(NetworkFailure, match="generic_timeout_error"):
        asyncio.run(SystemNetwork().resolve("slow.example", family=4, timeout_s=0.1))
    assert time.monotonic() - before < 3
    release.set()


def test_a_route_is_found_without_a_packet():
    """Innocent: loopback has a route; a family that this machine lacks has none."""
    network = SystemNetwork()
    assert network.has_route(4, towards="127.0.0.1")
    assert isinstance(network.has_route(6), bool)


def test_names_are_not_connected_to():
    """`connect` takes literal addresses; looking names up is another measurement."""
    with pytest.raises(ValueError, match="localhost"):
        asyncio.run(SystemNetwork().connect("localhost", 1, timeout_s=1))
