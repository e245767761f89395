"""By which interface this machine would send towards an address: asked of the kernel, unsent.

What it does. `source_towards` connects a datagram socket, which makes the kernel choose a route and
a source address and sends nothing; `getsockname` tells the source. `interfaces_with` tells which
interfaces have that address. Together: the interface that packets leave by. `kind_of` and
`driver_of` tell what sort of interface it is.

Rules. No packet is sent, no route table is read: the kernel's own choice counts, so policy tables
(wg-quick) and half-routes (OpenVPN's 0/1 and 128/1) are seen as they act. What is not known is
None or empty, never a guess.

How it works. IPv4 addresses come from SIOCGIFCONF, which lists every address of every interface
that is up, an alias under its label (`eth0:1`); IPv6 addresses from /proc/net/if_inet6. The kind is
the ARPHRD number of SIOCGIFHWADDR, the driver that of ETHTOOL_GDRVINFO: both are asked in this
network namespace, while /sys may show another one. None of it needs a privilege.

What it does not do. An IPsec tunnel that is made by policy alone has no interface of its own, and
is not seen. Other systems than Linux: nothing is known.

Sources: netdevice(7), udp(7), proc(5); linux/if_arp.h, linux/ethtool.h.
"""

from __future__ import annotations

import array
import ipaddress
import socket
import struct
import sys
from pathlib import Path

__all__ = ["driver_of", "interfaces_with", "kind_of", "source_towards"]

_SIOCGIFCONF = 0x8912
_SIOCGIFHWADDR = 0x8927
_SIOCETHTOOL = 0x8946
_ETHTOOL_GDRVINFO = 3
_DRIVER_INFO_BYTES = 196  # struct ethtool_drvinfo: a number, then the driver's name in 32 bytes
_NAME_BYTES = 16
_REQUEST_BYTES = _NAME_BYTES + (
    24 if struct.calcsize("P") == 8 else 16
)  # struct ifreq: name and union
_ADDRESS_AT = slice(20, 24)  # in it: the IPv4 address of a sockaddr_in
_INTERFACES_MAX = 1024
_ADDRESSES_SIX = Path("/proc/net/if_inet6")
_PORT = 9  # discard; nothing is sent there


def source_towards(address: str) -> str | None:
    """The source address of a packet to a literal address; None: no route."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, _PORT))
            return str(sock.getsockname()[0]).partition("%")[0]
    except OSError:
        return None


def interfaces_with(address: str, *, addresses_six: Path = _ADDRESSES_SIX) -> frozenset[str]:
    """Names of the interfaces that have this address; empty where that is not known."""
    if not sys.platform.startswith("linux"):
        return frozenset()
    wanted = ipaddress.ip_address(address)
    if isinstance(wanted, ipaddress.IPv6Address):
        return _with_six(wanted, addresses_six)
    return _with_four(wanted)


def kind_of(name: str) -> int | None:
    """The ARPHRD number of an interface (1 Ethernet, 512 PPP, 65534 no link layer); else None."""
    request = bytearray(_REQUEST_BYTES)
    if not _ask_about(name, _SIOCGIFHWADDR, request):
        return None
    return int(struct.unpack_from("H", request, _NAME_BYTES)[0])


def driver_of(name: str) -> str | None:
    """The driver's name (`tun` also for TAP, which looks like Ethernet); None: it has none."""
    info = array.array("B", struct.pack("I", _ETHTOOL_GDRVINFO).ljust(_DRIVER_INFO_BYTES, b"\0"))
    request = bytearray(_REQUEST_BYTES)
    struct.pack_into("P", request, _NAME_BYTES, info.buffer_info()[0])
    if not _ask_about(name, _SIOCETHTOOL, request):
        return None
    return info.tobytes()[4:36].partition(b"\0")[0].decode("ascii", errors="replace")


def _ask_about(name: str, question: int, request: bytearray) -> bool:
    """One ioctl about an interface, answered into `request`; false if there is no answer."""
    raw = name.encode()
    if not sys.platform.startswith("linux") or not 0 < len(raw) < _NAME_BYTES:
        return False
    import fcntl

    request[: len(raw)] = raw
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            fcntl.ioctl(sock.fileno(), question, request)
    except OSError:
        return False
    return True


def _with_four(wanted: ipaddress.IPv4Address) -> frozenset[str]:
    import fcntl

    room = array.array("B", bytes(_INTERFACES_MAX * _REQUEST_BYTES))
    place, length = room.buffer_info()
    request = struct.pack("iP", length, place)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            filled = struct.unpack("iP", fcntl.ioctl(sock.fileno(), _SIOCGIFCONF, request))[0]
    except OSError:
        return frozenset()
    raw = room.tobytes()[:filled]
    found = set()
    for start in range(0, len(raw), _REQUEST_BYTES):
        one = raw[start : start + _REQUEST_BYTES]
        if one[_ADDRESS_AT] == wanted.packed:
            label = one[:_NAME_BYTES].partition(b"\0")[0].decode("ascii", errors="replace")
            found.add(label.partition(":")[0])
    return frozenset(found)


def _with_six(wanted: ipaddress.IPv6Address, table: Path) -> frozenset[str]:
    try:
        lines = table.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    rows = (line.split() for line in lines)
    return frozenset(row[5] for row in rows if len(row) == 6 and row[0] == wanted.packed.hex())
