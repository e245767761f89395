"""A first flight that goes out twice: what arrives, on real sockets of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator

import pytest

from evenfall.net.api import NetworkFailure
from evenfall.net.clock import SystemClock
from evenfall.net.limited import (
    FLIGHT_BYTES_MAX,
    Fate,
    LimitedNetwork,
    LimitedStream,
    can_limit,
)

REAL, SHOWN = "aaaa.test", "bbbb.test"


@contextlib.contextmanager
def echo() -> Iterator[int]:
    """A server on loopback that sends back whatever comes on one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(ConnectionError):
                while data := connection.recv(4096):
                    connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(timeout=5)


async def sent(flight: bytes, *, hops: int = 1) -> tuple[bytes, Fate, int]:
    """What the server got of a flight and a second write, what became of it, and the hops left."""
    network = LimitedNetwork(SystemClock(), hops=hops, real=REAL, shown=SHOWN)
    with echo() as port:
        stream = await network.connect("127.0.0.1", port, timeout_s=2)
        with contextlib.closing(stream):
            await stream.write(flight, timeout_s=2)
            first = await stream.read(4096, timeout_s=2)
            await stream.write(b"!" + REAL.encode(), timeout_s=2)
            rest = await stream.read(4096, timeout_s=2)
            left = stream._sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)
            return first + rest, stream.fate, left


def test_within_the_limit_the_shown_name_arrives() -> None:
    """Loopback is no hop away: `shown` arrives, once, and later writes are left alone."""
    got, fate, hops_left = asyncio.run(sent(b"hello " + REAL.encode()))
    assert got == b"hello " + SHOWN.encode() + b"!" + REAL.encode()
    assert fate is Fate.REACHED
    with socket.socket() as fresh:
        assert hops_left == fresh.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)


@pytest.mark.parametrize(
    "flight",
    [b"no name", REAL.encode() * 2, b"x" * FLIGHT_BYTES_MAX + REAL.encode()],
    ids=["absent", "twice", "too long"],
)
def test_what_cannot_be_limited_is_not_sent(flight: bytes) -> None:
    """No name to exchange, two of them, or more than a segment: a failure, and nothing is sent."""
    with pytest.raises(NetworkFailure, match="cannot be limited"):
        asyncio.run(sent(flight))


@contextlib.contextmanager
def resets() -> Iterator[int]:
    """A server on loopback that answers the first bytes with a reset."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(timeout=5)


def test_a_reset_is_no_router_that_answered() -> None:
    """Only "time exceeded" is an expired limit: another error on the socket is a failure."""

    async def write_to(port: int) -> LimitedStream:
        network = LimitedNetwork(SystemClock(), hops=1, real=REAL, shown=SHOWN)
        stream = await network.connect("127.0.0.1", port, timeout_s=2)
        with contextlib.closing(stream), pytest.raises(NetworkFailure, match="connection_reset"):
            await stream.write(b"hello " + REAL.encode(), timeout_s=2)
        assert network.last is not None
        return network.last

    with resets() as port:
        stream = asyncio.run(write_to(port))
    assert not stream._expired


@pytest.mark.parametrize(
    ("owner", "name"), [(os, "memfd_create"), (os, "sendfile"), (sys, "platform")]
)
def test_a_system_that_cannot_says_so(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    """Without memory files, sendfile or Linux's ICMP option: known before, and nothing is sent."""
    assert can_limit()
    if owner is sys:
        monkeypatch.setattr(owner, name, "darwin")
    else:
        monkeypatch.delattr(owner, name)
    assert not can_limit()
    with pytest.raises(NetworkFailure, match="cannot limit"):
        asyncio.run(sent(b"hello " + REAL.encode()))


def test_names_have_one_length() -> None:
    """Names of different lengths would move every byte after them."""
    with pytest.raises(ValueError, match="equal length"):
        LimitedNetwork(SystemClock(), hops=1, real="a.test", shown="ab.test")
