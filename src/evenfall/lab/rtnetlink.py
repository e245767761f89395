"""Set up interfaces, addresses and routes of one network namespace, by netlink, without `ip`.

A `Rtnetlink` is a socket opened inside a namespace: it stays with that namespace wherever the
process goes later, so one process sets up all of them. It acts only on interfaces that it made
(`make_link_pair`) and on the namespace's own loopback; any other is refused before a message is
sent. Sources: rtnetlink(7), linux/rtnetlink.h, linux/if_link.h, linux/veth.h.
"""

from __future__ import annotations

import os
import socket
import struct
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)

from evenfall.model.errors import LabError

__all__ = ["Address", "Interface", "Network", "Rtnetlink", "make_link_pair"]

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network

_NEWLINK, _NEWADDR, _NEWROUTE = 16, 20, 24
_REQUEST_ACK = 0x01 | 0x04
_CREATE_EXCL = 0x400 | 0x200
_ERROR = 2
_UP = 1
_LOOPBACK_INDEX = 1
_MESSAGE_BYTES_MAX = 65_536

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 1, 3, 18, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_NO_DUPLICATE_DETECTION = 0x02  # IFA_F_NODAD: an address can be used at once
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_METRICS = 1, 4, 5, 8
_RTAX_CC_ALGO = 16
_TABLE_MAIN, _PROTOCOL_STATIC, _SCOPE_UNIVERSE, _UNICAST = 254, 4, 0, 1

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BBHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")


class Rtnetlink:
    """Requests to the kernel about one namespace.

    Attributes:
        made: name → index of the interfaces that the lab made in it.
    """

    def __init__(self) -> None:
        """Open a socket in the namespace that the process is in now."""
        self.made: dict[str, int] = {}
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self._socket.bind((0, 0))
        self._number = 0

    def close(self) -> None:
        """Close the socket; what was set up stays."""
        self._socket.close()

    def bring_up(self, name: str) -> None:
        """Set an interface up; `lo` is every namespace's own."""
        index = _LOOPBACK_INDEX if name == "lo" else self._index(name)
        self.ask(_NEWLINK, 0, _LINK.pack(0, 0, 0, index, _UP, _UP))

    def add_address(self, name: str, address: Interface) -> None:
        """Give an interface an address with its prefix."""
        family, flags = _family(address), _NO_DUPLICATE_DETECTION if address.version == 6 else 0
        body = _ADDRESS.pack(family, address.network.prefixlen, flags, 0, self._index(name))
        body += _attribute(_IFA_LOCAL, address.packed) + _attribute(_IFA_ADDRESS, address.packed)
        self.ask(_NEWADDR, _CREATE_EXCL, body)

    def add_route(
        self, to: Network, *, via: Address, name: str, congestion_control: str = ""
    ) -> None:
        """Route a network over a gateway.

        TCP that sends over this route uses `congestion_control`; empty: the kernel's default.
        OSError (ENOENT or EINVAL) where the kernel has no such algorithm.
        """
        body = _ROUTE.pack(
            _family(to), to.prefixlen, 0, 0, _TABLE_MAIN, _PROTOCOL_STATIC, _SCOPE_UNIVERSE,
            _UNICAST, 0,
        )  # fmt: skip
        if to.prefixlen:
            body += _attribute(_RTA_DST, to.network_address.packed)
        body += _attribute(_RTA_GATEWAY, via.packed)
        body += _attribute(_RTA_OIF, struct.pack("=I", self._index(name)))
        if congestion_control:
            algorithm = _attribute(_RTAX_CC_ALGO, congestion_control.encode() + b"\0")
            body += _attribute(_RTA_METRICS, algorithm)
        self.ask(_NEWROUTE, _CREATE_EXCL, body)

    def ask(self, kind: int, flags: int, body: bytes) -> None:
        """Send one request and wait for its acknowledgement. Raises OSError if refused."""
        self._number += 1
        length = _HEADER.size + len(body)
        header = _HEADER.pack(length, kind, _REQUEST_ACK | flags, self._number, 0)
        self._socket.send(header + body)
        reply = self._socket.recv(_MESSAGE_BYTES_MAX)
        _, answer, _, _, _ = _HEADER.unpack_from(reply)
        (code,) = struct.unpack_from("=i", reply, _HEADER.size)
        if answer == _ERROR and code != 0:
            raise OSError(-code, f"netlink request {kind}: {os.strerror(-code)}")

    def _index(self, name: str) -> int:
        if name not in self.made:
            raise LabError(
                expected="an interface that the lab made itself",
                seen=repr(name),
                where="network set-up",
                remedy="This is a fault of ours: please report it.",
            )
        return self.made[name]


def _family(of: Address | Interface | Network) -> int:
    return socket.AF_INET if of.version == 4 else socket.AF_INET6


def make_link_pair(
    here: tuple[Rtnetlink, int, str, bytes], there: tuple[Rtnetlink, int, str, bytes]
) -> None:
    """Make a veth pair, each end in its own namespace, under the index that is free there.

    Each end is (netlink of the namespace, descriptor of the namespace, name, six bytes of MAC).
    """
    (netlink, descriptor, name, mac), (peer_netlink, peer_descriptor, peer_name, peer_mac) = (
        here,
        there,
    )
    index, peer_index = _free_index(netlink), _free_index(peer_netlink)
    peer = _LINK.pack(0, 0, 0, peer_index, 0, 0) + _link_attributes(
        peer_descriptor, peer_name, peer_mac
    )
    info = _attribute(_INFO_KIND, b"veth") + _attribute(
        _INFO_DATA, _attribute(_VETH_PEER, peer)
    )  # fmt: skip
    body = _LINK.pack(0, 0, 0, index, 0, 0) + _link_attributes(descriptor, name, mac)
    netlink.ask(_NEWLINK, _CREATE_EXCL, body + _attribute(_IFLA_LINKINFO, info))
    netlink.made[name] = index
    peer_netlink.made[peer_name] = peer_index


def _free_index(netlink: Rtnetlink) -> int:
    """The next index in a namespace where nobody but us makes interfaces."""
    return 100 + len(netlink.made)


def _link_attributes(descriptor: int, name: str, mac: bytes) -> bytes:
    return (
        _attribute(_IFLA_NET_NS_FD, struct.pack("=I", descriptor))
        + _attribute(_IFLA_IFNAME, name.encode() + b"\0")
        + _attribute(_IFLA_ADDRESS, mac)
    )


def _attribute(kind: int, value: bytes) -> bytes:
    """One attribute: length, kind, value, padded to four bytes."""
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + bytes(-length % 4)
