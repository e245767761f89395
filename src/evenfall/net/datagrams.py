"""A UDP socket connected to one address: what a protocol over datagrams is driven through.

What it does. `SystemDatagrams` sends and receives single datagrams to and from one address and
counts them. A protocol that lives in memory (`measure.quic` drives aioquic's) says what to send and
is fed what came.

Rules.
- The socket is connected, so the kernel drops what other addresses send, and ICMP errors come back
  as errno (a closed port is `connection_refused`).
- A datagram that the kernel has no room for is lost, as it may be anywhere on the way: protocols
  over datagrams send again. It is not counted.
- At most `DATAGRAMS_MAX` are received in all; whoever sends more is not listened to.
- Every wait has a timeout; running out of it is `generic_timeout_error`.

How it works. A non-blocking socket through `loop.sock_recv`.

What it does not do. No ECN, no segmentation offload, no path MTU discovery: a handshake is a
handful of datagrams of 1,200 bytes. Not verified on Windows.

Sources: udp(7), ip(7); RFC 9000 §14.1 for the sizes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

from evenfall.net.api import NetworkFailure
from evenfall.net.failures import from_oserror

__all__ = ["DATAGRAMS_MAX", "DATAGRAM_BYTES_MAX", "SystemDatagrams"]

DATAGRAMS_MAX = 256
"""Received in all."""
DATAGRAM_BYTES_MAX = 65_535


class SystemDatagrams:
    """Datagrams to and from one address.

    Args:
        sock: connected; owned from now on, set to non-blocking here.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self.datagrams_read = 0
        self.datagrams_written = 0
        self.bytes_read = 0
        self.bytes_written = 0

    def send(self, data: bytes) -> None:
        """Send one datagram. Raises NetworkFailure, operation write."""
        try:
            self._sock.send(data)
        except BlockingIOError:
            return  # no room: lost, as on any line
        except OSError as error:
            raise from_oserror(error, "write") from error
        self.datagrams_written += 1
        self.bytes_written += len(data)

    async def receive(self, *, timeout_s: float) -> bytes:
        """The next datagram. Raises NetworkFailure, operation read."""
        if self.datagrams_read >= DATAGRAMS_MAX:
            raise NetworkFailure("unknown_failure: too many datagrams", "read")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                data = await loop.sock_recv(self._sock, DATAGRAM_BYTES_MAX)
        except TimeoutError:
            raise NetworkFailure("generic_timeout_error", "read") from None
        except OSError as error:
            raise from_oserror(error, "read") from error
        self.datagrams_read += 1
        self.bytes_read += len(data)
        return data

    def close(self) -> None:
        """Close; a second close does nothing."""
        with contextlib.suppress(OSError):
            self._sock.close()
