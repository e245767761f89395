"""Make the namespaces, links, addresses and routes of `lab.netns_topology`.

Runs inside the keeper's own namespaces. Every setting is made in a namespace that was made here:
IPv6 off, forwarding on in routers, TCP remembers nothing between connections (else the RTT of a
slowed flow leaks into the next), offloads off on both ends of every link, and one congestion
control on all routes, because a loss is felt very differently by cubic and by bbr.
"""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

import msgspec

from evenfall.lab import linux
from evenfall.lab.netns_topology import LINKS, NAMESPACES, ROUTERS, ROUTES, Port
from evenfall.lab.rtnetlink import Rtnetlink, make_link_pair

__all__ = ["CONGESTION_CONTROL", "Net", "build"]

CONGESTION_CONTROL = "cubic"
_SETTINGS = Path("/proc/sys/net")


class Net(msgspec.Struct, frozen=True, kw_only=True):
    """What was made.

    Attributes:
        descriptors: namespace → descriptor.
        congestion_control: of all routes: "cubic", or the kernel's default where cubic is missing.
    """

    descriptors: dict[str, int]
    congestion_control: str


def build() -> Net:
    """Make everything. Raises OSError with the step that the kernel refused."""
    descriptors = {name: linux.new_network() for name in NAMESPACES}
    with contextlib.ExitStack() as stack:
        netlinks = {name: _open(descriptors[name], stack) for name in NAMESPACES}
        for number, (port, peer) in enumerate(LINKS):
            make_link_pair(
                (netlinks[port.namespace], descriptors[port.namespace], port.interface,
                 _mac(number, 1)),
                (netlinks[peer.namespace], descriptors[peer.namespace], peer.interface,
                 _mac(number, 2)),
            )  # fmt: skip
        for name in NAMESPACES:
            with linux.inside_network(descriptors[name]):
                _settle(name, netlinks[name])
        used = _add_routes(netlinks)
    return Net(descriptors=descriptors, congestion_control=used or _default_control())


def _open(descriptor: int, stack: contextlib.ExitStack) -> Rtnetlink:
    with linux.inside_network(descriptor):
        return stack.enter_context(contextlib.closing(Rtnetlink()))


def _settle(namespace: str, netlink: Rtnetlink) -> None:
    """Settings, then links up, then addresses; runs inside the namespace."""
    _set("ipv6/conf/all/disable_ipv6", "1", optional=True)
    _set("ipv6/conf/default/disable_ipv6", "1", optional=True)
    _set("ipv4/ip_forward", "1" if namespace in ROUTERS else "0")
    _set("ipv4/tcp_no_metrics_save", "1", optional=True)
    _set("ipv4/conf/all/rp_filter", "0")
    netlink.bring_up("lo")
    for port in _ports(namespace):
        linux.switch_offloads_off(port.interface)
        netlink.bring_up(port.interface)
        for address in port.addresses:
            netlink.add_address(port.interface, address)


def _ports(namespace: str) -> list[Port]:
    return [port for link in LINKS for port in link if port.namespace == namespace]


def _set(name: str, value: str, *, optional: bool = False) -> None:
    """Write a setting of the namespace that we are in; `optional` ones may not exist everywhere."""
    path = _SETTINGS / name
    if path.exists() or not optional:
        path.write_text(value)


def _add_routes(netlinks: dict[str, Rtnetlink]) -> str:
    """Add all routes; the congestion control they name, empty if the kernel has not got it."""
    used = CONGESTION_CONTROL
    for route in ROUTES:
        netlink = netlinks[route.namespace]
        try:
            netlink.add_route(
                route.to, via=route.via, name=route.interface, congestion_control=used
            )
        except OSError as error:
            if not used or error.errno not in (errno.ENOENT, errno.EINVAL):
                raise
            used = ""  # found out at the first route, so all routes are alike
            netlink.add_route(route.to, via=route.via, name=route.interface)
    return used


def _default_control() -> str:
    return (_SETTINGS / "ipv4/tcp_congestion_control").read_text().strip()


def _mac(link: int, end: int) -> bytes:
    """A locally administered address, the same in every run."""
    return bytes((0x02, 0, 0, 0, link, end))
