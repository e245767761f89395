"""The few Linux calls that Python 3.11 has no name for: namespaces, bind mounts, offloads.

Every function acts on the calling process (which the lab put into namespaces of its own) or on an
interface named by the caller, and raises `OSError` with the call's name where the kernel refuses.
Sources: unshare(2), setns(2), mount(2), linux/ethtool.h, packet(7).
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    "bind_mount",
    "enter_network",
    "inside_network",
    "namespace_number",
    "new_network",
    "packet_socket",
    "switch_offloads_off",
]

_CLONE_NEWNET = 0x40000000
_MS_BIND = 0x1000
_SIOCETHTOOL = 0x8946
# ETHTOOL_S…: receive and transmit checksums, scatter-gather, TSO, GSO, GRO
_OFFLOADS = {"rx": 0x15, "tx": 0x17, "sg": 0x19, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
_SOL_PACKET = 263
_PACKET_IGNORE_OUTGOING = 23
_ETH_P_ALL = 0x0003
_RECEIVE_BYTES = 4 << 20

_libc = ctypes.CDLL(None, use_errno=True)


def new_network() -> int:
    """Make an empty network namespace and return a descriptor of it; the caller stays outside."""
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        _check(_libc.unshare(_CLONE_NEWNET), "unshare")
        made = os.open("/proc/self/ns/net", os.O_RDONLY)
        enter_network(before)
    finally:
        os.close(before)
    return made


def enter_network(descriptor: int) -> None:
    """Move the calling thread into a network namespace."""
    _check(_libc.setns(descriptor, _CLONE_NEWNET), "setns")


@contextlib.contextmanager
def inside_network(descriptor: int) -> Iterator[None]:
    """Be in a network namespace for the length of a block."""
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        enter_network(descriptor)
        yield
    finally:
        enter_network(before)
        os.close(before)


def namespace_number() -> int:
    """The kernel's number of the network namespace that this process is in."""
    return Path("/proc/self/ns/net").stat().st_ino


def bind_mount(source: Path, over: Path) -> None:
    """Put one file over another, in this mount namespace alone."""
    _check(
        _libc.mount(os.fsencode(source), os.fsencode(over), None, _MS_BIND, None), "mount --bind"
    )


def switch_offloads_off(interface: str) -> None:
    """Make an interface send real frames with real checksums, one packet each.

    With offloads on, frames of up to 64 KiB pass a veth; buckets would count and drop those.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for name, command in _OFFLOADS.items():
            value = array.array("B", struct.pack("II", command, 0))
            request = struct.pack("16sP", interface.encode(), value.buffer_info()[0])
            try:
                fcntl.ioctl(any_socket, _SIOCETHTOOL, request)
            except OSError as error:
                raise OSError(error.errno, f"{interface}: {name} off: {error.strerror}") from error


def packet_socket(interface: str) -> socket.socket:
    """A non-blocking socket that takes and sends whole frames of one interface.

    It is bound before it receives, so no frame of another interface ever gets in.
    """
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    port.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _RECEIVE_BYTES)
    port.bind((interface, _ETH_P_ALL))
    port.setblocking(False)
    return port


def _check(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
