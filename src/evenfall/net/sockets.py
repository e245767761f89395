"""The real network: asyncio over raw non-blocking sockets, one system call away from the kernel.

What it does. `SystemNetwork` opens TCP connections, asks one-datagram questions, resolves names
through the system and says whether there is a route. `SystemStream` is one TCP connection, of
either end (the measurement server wraps its accepted sockets in it too).

Rules.
- Every wait has a timeout given by the caller; running out of it is `generic_timeout_error`.
- Errors are told apart by errno (`net.failures`), never by text.
- A read returns as soon as bytes are there, so that the caller can time each of them.
- `bytes_written` counts what the kernel took, also of a write that failed half-way.
- One reader and one writer at a time; `close` and `abort` are not called during either.

How it works. asyncio's streams hide the socket, buffer reads and answer a full send buffer late;
so the sockets are used through `loop.sock_*` and `add_writer`. A datagram socket is connected, so
that the kernel drops what other addresses send (a forged answer carries the resolver's address and
gets through, which is what we want to see), and ICMP errors come back as errno. After the first
answer it listens `LISTEN_AFTER_ANSWER_S` more: two answers to one query give an injection away.
getaddrinfo runs in a thread of its own that nobody waits for at exit, because it cannot be stopped.

What it does not do. No proxy, no happy eyeballs, no retry: a measurement asks one question. Not
verified on Windows (the proactor loop has no `add_writer`).

Sources: tcp(7), udp(7); Python `asyncio` low-level socket methods.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import struct
import threading
from typing import Any

from evenfall.net import tcp_info
from evenfall.net.api import Clock, NetworkFailure, Router, TcpInfo
from evenfall.net.clock import SystemClock
from evenfall.net.datagrams import DATAGRAM_BYTES_MAX, SystemDatagrams
from evenfall.net.failures import from_gaierror, from_oserror
from evenfall.net.gateway import find_router
from evenfall.net.tls import TlsStream

__all__ = [
    "ANSWERS_MAX",
    "LISTEN_AFTER_ANSWER_S",
    "RESOLVES_AT_ONCE_MAX",
    "SystemNetwork",
    "SystemStream",
]

LISTEN_AFTER_ANSWER_S = 0.2
ANSWERS_MAX = 8
"""Datagrams kept of one question; whoever sends more gets no more of our memory."""
RESOLVES_AT_ONCE_MAX = 16
"""Threads in getaddrinfo at the same time."""

_RESET_ON_CLOSE = struct.pack("=ii", 1, 0)  # SO_LINGER on, zero seconds
_ANYWHERE = {4: "198.51.100.1", 6: "2001:db8::1"}  # documentation addresses: never sent to


class SystemStream:
    """One TCP connection over a connected, non-blocking socket.

    Args:
        sock: owned from now on; set to non-blocking here.
        clock: for the moments that TLS notes.
    """

    hello_sent_s: float | None = None

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        sock.setblocking(False)
        with contextlib.suppress(OSError):  # reset already: the next read will tell
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._clock = clock
        self._last_info: TcpInfo | None = None
        self.bytes_read = 0
        self.bytes_written = 0

    async def read(self, bytes_max: int, *, timeout_s: float) -> bytes:
        """Up to `bytes_max` bytes as soon as any are there; empty at the other side's FIN."""
        try:
            data = await self._receive(bytes_max, timeout_s)
        except TimeoutError:
            raise NetworkFailure("generic_timeout_error", "read") from None
        except OSError as error:
            raise from_oserror(error, "read") from error
        self.bytes_read += len(data)
        return data

    async def write(self, data: bytes, *, timeout_s: float) -> None:
        """Hand all of it to the kernel."""
        try:
            left = self._send(memoryview(data))
            if left:
                async with asyncio.timeout(max(0.0, timeout_s)):
                    while left:
                        await self._writable()
                        left = self._send(left)
        except TimeoutError:
            raise NetworkFailure("generic_timeout_error", "write") from None
        except OSError as error:
            raise from_oserror(error, "write") from error

    async def start_tls(
        self, context: ssl.SSLContext, *, server_name: str, timeout_s: float
    ) -> TlsStream:
        """Do a handshake as a client with `server_name` in the ClientHello."""
        return await TlsStream.connect(
            self, context, server_name=server_name, timeout_s=timeout_s, clock=self._clock
        )

    def peer_certificate(self) -> bytes | None:
        """None: no TLS here."""
        return None

    def tcp_info(self) -> TcpInfo:
        """The kernel's counters now; after `close`, the last ones."""
        if self._last_info is not None:
            return self._last_info
        return tcp_info.read(self._sock)

    def close(self) -> None:
        """Close; a second close does nothing."""
        if self._last_info is None:
            self._last_info = tcp_info.read(self._sock)
            self._sock.close()

    def abort(self) -> None:
        """Close with a reset."""
        with contextlib.suppress(OSError):  # closed already
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.close()

    async def _receive(self, bytes_max: int, timeout_s: float) -> bytes:
        try:
            return self._sock.recv(bytes_max)
        except BlockingIOError:
            pass  # a timer is set only where there is something to wait for: it costs tens of µs
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(max(0.0, timeout_s)):
            return await loop.sock_recv(self._sock, bytes_max)

    def _send(self, view: memoryview) -> memoryview:
        """Hand the kernel what it takes now; returns the rest."""
        try:
            sent = self._sock.send(view)
        except BlockingIOError:
            return view
        self.bytes_written += sent
        return view[sent:]

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not ready.done():
                ready.set_result(None)

        loop.add_writer(self._sock, wake)
        try:
            await ready
        finally:
            loop.remove_writer(self._sock)


class SystemNetwork:
    """The net as this machine reaches it.

    Args:
        clock: the machine's, unless told.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self._resolving = 0

    async def connect(
        self, address: str, port: int, *, timeout_s: float, receive_buffer_bytes: int = 0
    ) -> SystemStream:
        """Open a TCP connection to a literal address; see `Network.connect`.

        Raises:
            NetworkFailure: operation connect.
            ValueError: `address` is no literal address.
        """
        loop = asyncio.get_running_loop()
        sock = _new_socket(address, socket.SOCK_STREAM, operation="connect")
        if receive_buffer_bytes:  # before the SYN, which carries the window's scale
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                await loop.sock_connect(sock, (address, port))
        except TimeoutError:
            sock.close()
            raise NetworkFailure("generic_timeout_error", "connect") from None
        except OSError as error:
            sock.close()
            raise from_oserror(error, "connect") from error
        except BaseException:  # a cancellation too: the socket is ours until it is handed on
            sock.close()
            raise
        return self.stream_over(sock)

    def stream_over(self, sock: socket.socket) -> SystemStream:
        """Wrap a connected socket."""
        return SystemStream(sock, self.clock)

    async def ask(self, address: str, port: int, query: bytes, *, timeout_s: float) -> list[bytes]:
        """Send one datagram and return what came back, in order, at most `ANSWERS_MAX`."""
        sock = _new_socket(address, socket.SOCK_DGRAM, operation="connect")
        try:
            sock.connect((address, port))
            sock.send(query)
            return await _answers(sock, timeout_s=timeout_s)
        except OSError as error:
            raise from_oserror(error, "read") from error
        finally:
            sock.close()

    def open_datagrams(self, address: str, port: int) -> SystemDatagrams:
        """A datagram socket connected to a literal address; see `Network.open_datagrams`."""
        sock = _new_socket(address, socket.SOCK_DGRAM, operation="connect")
        try:
            sock.connect((address, port))
        except OSError as error:
            sock.close()
            raise from_oserror(error, "connect") from error
        return SystemDatagrams(sock)

    async def resolve(self, host: str, *, family: int, timeout_s: float) -> tuple[str, ...]:
        """Addresses from the system's resolver, without repeats, in its order."""
        if self._resolving >= RESOLVES_AT_ONCE_MAX:
            raise NetworkFailure("dns_temporary_failure", "resolve")
        self._resolving += 1
        waiting = _getaddrinfo_in_thread(host, _FAMILIES[family], self._resolved)
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                found = await waiting
        except TimeoutError:
            raise NetworkFailure("generic_timeout_error", "resolve") from None
        except socket.gaierror as error:
            raise from_gaierror(error) from error
        except OSError as error:
            raise from_oserror(error, "resolve") from error
        return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))

    def has_route(self, family: int, *, towards: str = "") -> bool:
        """Whether the kernel finds a route; connecting a datagram socket sends nothing."""
        address = towards or _ANYWHERE[family]
        try:
            with socket.socket(_FAMILIES[family], socket.SOCK_DGRAM) as sock:
                sock.connect((address, 9))
        except OSError:
            return False
        return True

    def router(self) -> Router | None:
        """The router of the default route; see `net.gateway`."""
        return find_router()

    def _resolved(self) -> None:
        self._resolving -= 1


_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


def _new_socket(address: str, kind: socket.SocketKind, *, operation: str) -> socket.socket:
    family = _FAMILIES[ipaddress.ip_address(address).version]
    try:
        sock = socket.socket(family, kind)
    except OSError as error:  # no such family on this machine, or no descriptor left
        raise from_oserror(error, operation) from error
    sock.setblocking(False)
    return sock


async def _answers(sock: socket.socket, *, timeout_s: float) -> list[bytes]:
    loop = asyncio.get_running_loop()
    answers: list[bytes] = []
    try:
        async with asyncio.timeout(max(0.0, timeout_s)):
            answers.append(await loop.sock_recv(sock, DATAGRAM_BYTES_MAX))
    except TimeoutError:
        raise NetworkFailure("generic_timeout_error", "read") from None
    with contextlib.suppress(TimeoutError, OSError):  # an ICMP error after an answer says nothing
        async with asyncio.timeout(LISTEN_AFTER_ANSWER_S):
            while len(answers) < ANSWERS_MAX:
                answers.append(await loop.sock_recv(sock, DATAGRAM_BYTES_MAX))
    return answers


def _getaddrinfo_in_thread(
    host: str, family: socket.AddressFamily, finished: Any
) -> asyncio.Future[list[Any]]:
    """A future that `getaddrinfo` fills; its thread is a daemon, so that no exit waits for it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[Any]] = loop.create_future()

    def deliver(result: list[Any] | None, error: BaseException | None) -> None:
        finished()
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result or [])

    def work() -> None:
        result: list[Any] | None = None
        failure: BaseException | None = None
        try:
            result = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            # a label over 63 bytes is no name, and the system is not even asked
            no_name = socket.gaierror(socket.EAI_NONAME, "not a name")
            failure = error if isinstance(error, OSError) else no_name
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(deliver, result, failure)

    threading.Thread(target=work, name="getaddrinfo", daemon=True).start()
    return future
