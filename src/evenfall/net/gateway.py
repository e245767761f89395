"""The router of the home: where it is, and whether it answers, without any privilege.

What it does. `find_router` reads which router the default route leads over and offers ways to ask
it for a sign of life; `Way.once` sends one probe and says whether any answer came in time.

Rules. Only the router itself is asked, with packets that a port scan of one port would make. A way
that this system does not allow is left out. Any answer counts, also a refusal: a RST to a SYN and
an ICMP "port unreachable" have made the round trip. A lost SYN is sent again by the kernel after a
second, so a probe's time is kept below that, or a loss would look like a slow answer.

How it works. `/proc/net/route` and `/proc/net/ipv6_route` are world-readable and belong to the
network namespace of the reader. Ways, best first: an ICMP echo from a datagram socket, which Linux
allows to the groups of `net.ipv4.ping_group_range`; a TCP connect to a port that is open on most
home routers (53, 80) or closed (9); a UDP datagram to a closed port, whose ICMP error comes back
as ECONNREFUSED. Linux routers answer the last a handful of times at once and then once a second
(`icmp_ratelimit`), so few such probes are made.

What it does not do. It knows neither Wi-Fi from cable nor the router's name; a default route
without a router (PPP, a tunnel) has none. Not verified elsewhere than on Linux: none is found.

Sources: proc(5), icmp(7), tcp(7), udp(7); RFC 792, RFC 4443; Linux net/ipv4/icmp.c (`xrlim_allow`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import itertools
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from evenfall.net.api import Router, Way
from evenfall.net.interfaces import kind_of

__all__ = ["PROBE_S_MAX", "find_router", "router_address"]

PROBE_S_MAX = 0.8
"""A probe that took longer is lost; below the second after which a SYN is sent again."""

_ROUTES_FOUR = Path("/proc/net/route")
_ROUTES_SIX = Path("/proc/net/ipv6_route")
_GATEWAY_FLAG = 0x2  # RTF_GATEWAY
_LINES_MAX = 4096
_ORDINARY_KINDS = frozenset({1, 801, 802, 803})  # ARPHRD: Ethernet, and the kinds of Wi-Fi
_TCP_PORTS = (53, 80, 9)
_UDP_PORT = 33_434  # where traceroute starts: nobody listens there
_UDP_PROBES_MAX = 4  # with the search, Linux's burst of six, after which it answers once a second
_PROBES_MAX = 20
_ECHO = {4: (8, 0), 6: (128, 129)}  # RFC 792, RFC 4443: type of request, of reply
_ECHO_DATA = b"evenfall"
_REPLY_BYTES_MAX = 256
_RESET_ON_CLOSE = struct.pack("=ii", 1, 0)


def find_router() -> Router | None:
    """The router of the default route, IPv4 first; None where there is none, or it is not known."""
    for family in (4, 6):
        found = router_address(family)
        if found is not None:
            address, interface = found
            return Router(family=family, ways=_ways(address, interface, family))
    return None


def router_address(
    family: int,
    *,
    table: Path | None = None,
    kind: Callable[[str], int | None] = kind_of,
) -> tuple[str, str] | None:
    """Address and interface of the default router; the route with the least metric counts.

    Routers behind an interface that is no Ethernet or Wi-Fi (a tunnel) are not the home's.
    """
    path = table or (_ROUTES_FOUR if family == 4 else _ROUTES_SIX)
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()[:_LINES_MAX]
    except OSError:
        return None
    read = _default_four if family == 4 else _default_six
    found = [route for line in lines if (route := read(line.split())) is not None]
    ours = [(m, address, name) for m, address, name in found if kind(name) in _ORDINARY_KINDS]
    return min(ours)[1:] if ours else None


def _default_four(row: list[str]) -> tuple[int, str, str] | None:
    """Metric, router, interface of a line of /proc/net/route, if it is a default route."""
    if len(row) < 8 or row[1] != "00000000" or row[7] != "00000000":
        return None
    try:
        flags, metric, raw = int(row[3], 16), int(row[6]), bytes.fromhex(row[2])
    except ValueError:
        return None
    if not flags & _GATEWAY_FLAG or len(raw) != 4:
        return None
    # The number is printed as the machine holds it, the bytes in it are in network order.
    address = ipaddress.IPv4Address(struct.pack("=I", int.from_bytes(raw, "big")))
    return metric, str(address), row[0]


def _default_six(row: list[str]) -> tuple[int, str, str] | None:
    """The same of a line of /proc/net/ipv6_route."""
    if len(row) < 10 or row[0].strip("0") or row[1] != "00":
        return None
    try:
        flags, metric, raw = int(row[8], 16), int(row[5], 16), bytes.fromhex(row[4])
    except ValueError:
        return None
    if not flags & _GATEWAY_FLAG or len(raw) != 16:
        return None
    return metric, str(ipaddress.IPv6Address(raw)), row[9]


def _ways(address: str, interface: str, family: int) -> tuple[Way, ...]:
    to = _place(address, interface, family)
    ways: list[Way] = []
    if _may_echo(family):
        ways.append(_EchoWay(to, family))
    ways.extend(_TcpWay(to, family, port) for port in _TCP_PORTS)
    ways.append(_UdpWay(to, family))
    return tuple(ways)


_Place = Callable[[int], tuple[str, int] | tuple[str, int, int, int]]


def _place(address: str, interface: str, family: int) -> _Place:
    """A socket address for a port; a link-local router needs its interface."""
    if family == 4:
        return lambda port: (address, port)
    try:
        index = socket.if_nametoindex(interface)
    except OSError:
        index = 0
    return lambda port: (address, port, 0, index)


def _may_echo(family: int) -> bool:
    try:
        _echo_socket(family).close()
    except OSError:
        return False
    return True


def _echo_socket(family: int) -> socket.socket:
    if family == 4:
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6)


class _EchoWay:
    """ICMP echo from a datagram socket; the kernel fills in the identifier and the checksum."""

    name = "icmp"
    probes_max = _PROBES_MAX

    def __init__(self, to: _Place, family: int) -> None:
        self._to = to
        self._family = family
        self._numbers = itertools.count(1)
        self.probe_bytes = 2 * (_header_bytes(family) + 8 + len(_ECHO_DATA))

    async def once(self, *, timeout_s: float) -> bool:
        request, reply = _ECHO[self._family]
        number = next(self._numbers) & 0xFFFF
        packet = struct.pack("!BBHHH", request, 0, 0, 0, number) + _ECHO_DATA
        with contextlib.suppress(OSError, TimeoutError), _echo_socket(self._family) as sock:
            sock.setblocking(False)
            sock.connect(self._to(0))
            sock.send(packet)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(timeout_s):
                while True:
                    data = await loop.sock_recv(sock, _REPLY_BYTES_MAX)
                    if len(data) >= 8 and data[0] == reply and data[6:8] == packet[6:8]:
                        return True
        return False


class _TcpWay:
    """A connection that is refused, or made and reset at once."""

    probes_max = _PROBES_MAX

    def __init__(self, to: _Place, family: int, port: int) -> None:
        self._to = to
        self._family = family
        self._port = port
        self.name = f"tcp/{port}"
        self.probe_bytes = 4 * (_header_bytes(family) + 40)  # SYN, its answer, at most ACK and RST

    async def once(self, *, timeout_s: float) -> bool:
        loop = asyncio.get_running_loop()
        try:
            with socket.socket(_SOCKETS[self._family], socket.SOCK_STREAM) as sock:
                sock.setblocking(False)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                async with asyncio.timeout(min(timeout_s, PROBE_S_MAX)):
                    await loop.sock_connect(sock, self._to(self._port))
        except ConnectionRefusedError:
            return True
        except (OSError, TimeoutError):
            return False
        return True


class _UdpWay:
    """A datagram to a port where nobody listens; the refusal comes back as an error."""

    name = "udp"
    probes_max = _UDP_PROBES_MAX

    def __init__(self, to: _Place, family: int) -> None:
        self._to = to
        self._family = family
        # One byte there; back comes an ICMP error with the packet inside.
        self.probe_bytes = 3 * _header_bytes(family) + 2 * (8 + 1) + 8

    async def once(self, *, timeout_s: float) -> bool:
        loop = asyncio.get_running_loop()
        try:
            with socket.socket(_SOCKETS[self._family], socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.connect(self._to(_UDP_PORT))
                sock.send(b"\0")
                async with asyncio.timeout(timeout_s):
                    await loop.sock_recv(sock, _REPLY_BYTES_MAX)
        except ConnectionRefusedError:
            return True
        except (OSError, TimeoutError):
            return False
        return True


_SOCKETS = {4: socket.AF_INET, 6: socket.AF_INET6}


def _header_bytes(family: int) -> int:
    return 20 if family == 4 else 40
