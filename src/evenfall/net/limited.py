"""A ClientHello that goes only so many hops, and is then sent again under another name.

What it does. `LimitedNetwork` opens connections like `SystemNetwork`; on each, the first flight
(the ClientHello) goes out twice: the first time with one name in it (`shown`) and a limited number
of hops, and, when TCP sends it again because nobody acknowledged it, with the name that the caller
really wrote (`real`) and all the hops there are. So whatever sits within the limit
has seen `shown`; the server has only ever seen `real`, and the connection goes on under it.

Rules.
- `shown` and `real` have the same number of bytes: nothing else in the flight differs.
- Only towards measurement servers of our own. The caller sees to that.
- The limit has to be smaller than the server's distance, or the server gets `shown`, and the
  handshake fails (its transcript is not ours).
- A plain flight (`shown == real`) tells whether the limit reaches the server.

How it works. The bytes lie in a memory file (memfd) and are sent with sendfile(2): TCP then keeps a
reference to the page, not a copy, and a retransmission carries what the page holds at that moment.
`SWAP_AFTER_S` after the first transmission, well before TCP's shortest retransmission timer (200 ms
for one segment in flight), the page is changed and the hop limit set back. With IP_RECVERR the
kernel reports an ICMP "time exceeded" on the connection at once as EHOSTUNREACH; reading SO_ERROR
takes it off, and the connection lives on. No privilege is needed.

What it does not do. The address of the router that answered is not asked for: it would say where in
the provider's network this line is. A first flight of more than one segment is not limited (a tail
loss probe could come before the change). Only Linux does all this (`can_limit`). A kernel that
copies in sendfile sends `shown` again, the handshake fails, and the caller learns that it cannot
locate.

Sources: tcp(7), ip(7) (IP_TTL, IP_RECVERR), sendfile(2); RFC 6298 (timer), RFC 8985 section 7
(tail loss probe); the idea of TTL-limited triggers: Xue et al., "Throttling Twitter", IMC 2021.
"""

from __future__ import annotations

import errno
import mmap
import os
import socket
import sys
from enum import StrEnum

from evenfall.net.api import Clock, NetworkFailure
from evenfall.net.failures import from_oserror
from evenfall.net.sockets import SystemNetwork, SystemStream

__all__ = [
    "FLIGHT_BYTES_MAX",
    "SWAP_AFTER_S",
    "Fate",
    "LimitedNetwork",
    "LimitedStream",
    "can_limit",
]

SWAP_AFTER_S = 0.09
FLIGHT_BYTES_MAX = 1200
"""One segment on any path that IPv6 allows (MTU 1280)."""
_IP_RECVERR = 11  # linux/in.h; not in the socket module
_IPV6_RECVERR = 25  # linux/in6.h


def can_limit() -> bool:
    """Whether this system has all three: memory files, sendfile(2), and ICMP errors told at once.

    The numbers of IP_RECVERR are Linux's; elsewhere they would be another option.
    """
    if sys.platform != "linux" or not hasattr(os, "memfd_create") or not hasattr(os, "sendfile"):
        return False
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as fresh:
            fresh.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    except OSError:
        return False
    return True


class Fate(StrEnum):
    """What became of the limited flight."""

    REACHED = "reached"  # acknowledged without being sent again
    EXPIRED = "expired"  # a router said that its hops were used up
    LOST = "lost"  # sent again, and nobody said why


class LimitedStream(SystemStream):
    """A connection whose first write is shown to the first `hops` hops under another name.

    Args:
        sock: connected.
        hops: IP TTL or hop limit of the first transmission.
        real, shown: names of equal length in bytes; `real` has to occur in the first write once.
    """

    def __init__(
        self, sock: socket.socket, clock: Clock, *, hops: int, real: bytes, shown: bytes
    ) -> None:
        super().__init__(sock, clock)
        self._hops = hops
        self._real, self._shown = real, shown
        self._expired = False
        self._begun = False

    async def write(self, data: bytes, *, timeout_s: float) -> None:
        """Send; the first time as the module's docstring says."""
        if self._begun:
            await super().write(data, timeout_s=timeout_s)
            return
        self._begun = True
        if not can_limit():
            raise NetworkFailure("unknown_failure: this system cannot limit a flight", "write")
        if len(data) > FLIGHT_BYTES_MAX or data.count(self._real) != 1:
            raise NetworkFailure("unknown_failure: the first flight cannot be limited", "write")
        try:
            await self._write_limited(data)
        except OSError as error:
            raise from_oserror(error, "write") from error

    @property
    def fate(self) -> Fate:
        """What became of the limited flight; ask when an answer has come."""
        if self._expired:
            return Fate.EXPIRED
        info = self.tcp_info()
        return Fate.LOST if info.retransmissions or info.bytes_retransmitted else Fate.REACHED

    async def _write_limited(self, data: bytes) -> None:
        file = os.memfd_create("flight")
        try:
            os.write(file, data.replace(self._real, self._shown))
            with mmap.mmap(file, len(data)) as page:
                self._set_hops(self._hops, report=True)
                self.bytes_written += os.sendfile(self._sock.fileno(), file, 0, len(data))
                await self._clock.sleep(SWAP_AFTER_S)
                page[:] = data
                told = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                self._expired = told == errno.EHOSTUNREACH
                self._set_hops(0, report=False)
        finally:
            os.close(file)
        if told and not self._expired:
            raise OSError(told, os.strerror(told))

    def _set_hops(self, hops: int, *, report: bool) -> None:
        """Hops 0: the system's default again; `report`: ICMP errors come at once."""
        if self._sock.family == socket.AF_INET6:
            self._sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, int(report))
            self._sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops or -1)
        else:
            self._sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, int(report))
            self._sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops or _default_hops())


class LimitedNetwork(SystemNetwork):
    """Opens `LimitedStream`s; everything else as `SystemNetwork`.

    Args:
        clock: the machine's.
        hops, real, shown: see `LimitedStream`.

    Raises:
        ValueError: the names differ in length.
    """

    def __init__(self, clock: Clock, *, hops: int, real: str, shown: str) -> None:
        super().__init__(clock)
        if len(real) != len(shown):
            raise ValueError(f"names of equal length, not {real!r} and {shown!r}")
        self._hops = hops
        self._real, self._shown = real.encode("ascii"), shown.encode("ascii")
        self.last: LimitedStream | None = None

    def stream_over(self, sock: socket.socket) -> LimitedStream:
        """Wrap a connected socket."""
        self.last = LimitedStream(
            sock, self.clock, hops=self._hops, real=self._real, shown=self._shown
        )
        return self.last


def _default_hops() -> int:
    """What a new socket of this system would have."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as fresh:
        return fresh.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)
