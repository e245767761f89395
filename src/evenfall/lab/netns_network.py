"""Make the namespaces, links, addresses and routes of `lab.netns_topology`.

Runs inside the keeper's own namespaces. Every setting is made in a namespace that was made here:
IPv6 without duplicate address detection and router advertisements (all of it is static), forwarding
on in routers, which answer every packet whose time is exceeded (real ones limit themselves), TCP
remembers nothing between connections (else the RTT of a slowed flow leaks into the next), offloads
off on both ends of every link, and on the servers' routes the congestion control of the run,
because a loss is felt very differently by cubic and by bbr; all others use cubic.
"""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

import msgspec

from evenfall.lab import linux
from evenfall.lab.netns_topology import (
    AIR_PORTS,
    LINKS,
    NAMESPACES,
    ROUTERS,
    ROUTES,
    SENDERS,
    VPN_LINK,
    VPN_ROUTES,
    WIRES,
    Port,
    Route,
    links,
)
from evenfall.lab.rtnetlink import Rtnetlink, make_link_pair

__all__ = ["CONGESTION_CONTROL", "Net", "build"]

CONGESTION_CONTROL = "cubic"
_SETTINGS = Path("/proc/sys/net")
_STATIC_IPV6 = ("accept_dad", "dad_transmits", "accept_ra", "autoconf", "router_solicitations")


class Net(msgspec.Struct, frozen=True, kw_only=True):
    """What was made.

    Attributes:
        descriptors: namespace → descriptor.
        congestion_control: of the servers: what was asked for, or the kernel's default where that
            is missing.
        ipv6: whether this kernel has it.
    """

    descriptors: dict[str, int]
    congestion_control: str
    ipv6: bool


def build(
    *, congestion_control: str = CONGESTION_CONTROL, air: bool = False, vpn: bool = False
) -> Net:
    """Make everything. Raises OSError with the step that the kernel refused.

    Args:
        congestion_control: what the servers' TCP is to use.
        air: put a second wire between the client and its home router.
        vpn: give the client a second way out that looks like a tunnel, and is preferred.
    """
    ipv6 = (_SETTINGS / "ipv6").is_dir()
    descriptors = {name: linux.new_network() for name in NAMESPACES}
    with contextlib.ExitStack() as stack:
        netlinks = {name: _open(descriptors[name], stack) for name in NAMESPACES}
        laid = links(air=air, vpn=vpn)
        for pair in laid:
            here, there = (
                (netlinks[p.namespace], descriptors[p.namespace], p.interface, _mac(p))
                for p in pair
            )
            make_link_pair(here, there)
        ports = [port for pair in laid for port in pair]
        for name in NAMESPACES:
            with linux.inside_network(descriptors[name]):
                _settle(name, netlinks[name], [p for p in ports if p.namespace == name], ipv6=ipv6)
        routes = (*ROUTES, *VPN_ROUTES) if vpn else ROUTES
        used = _add_routes(netlinks, routes, congestion_control, ipv6=ipv6)
    return Net(descriptors=descriptors, congestion_control=used or _default_control(), ipv6=ipv6)


def _open(descriptor: int, stack: contextlib.ExitStack) -> Rtnetlink:
    with linux.inside_network(descriptor):
        return stack.enter_context(contextlib.closing(Rtnetlink()))


def _settle(namespace: str, netlink: Rtnetlink, ports: list[Port], *, ipv6: bool) -> None:
    """Settings, then links up, then addresses; runs inside the namespace."""
    routes = "1" if namespace in ROUTERS else "0"
    _set("ipv4/ip_forward", routes)
    _set("ipv4/icmp_ratelimit", "0", optional=True)
    _set("ipv4/tcp_no_metrics_save", "1", optional=True)
    _set("ipv4/conf/all/rp_filter", "0")
    _set("ipv6/conf/all/disable_ipv6", "1" if namespace in WIRES else "0", optional=True)
    _set("ipv6/conf/all/forwarding", routes, optional=True)
    _set("ipv6/icmp/ratelimit", "0", optional=True)
    netlink.bring_up("lo")
    for port in ports:
        linux.switch_offloads_off(port.interface)
        for name in _STATIC_IPV6:
            _set(f"ipv6/conf/{port.interface}/{name}", "0", optional=True)
        netlink.bring_up(port.interface)
        for address in port.addresses:
            if ipv6 or address.version == 4:
                netlink.add_address(port.interface, address)


def _set(name: str, value: str, *, optional: bool = False) -> None:
    """Write a setting of the namespace that we are in; `optional` ones may not exist everywhere."""
    path = _SETTINGS / name
    if path.exists() or not optional:
        path.write_text(value)


def _add_routes(
    netlinks: dict[str, Rtnetlink], routes: tuple[Route, ...], wanted: str, *, ipv6: bool
) -> str:
    """Add all routes; the servers' congestion control, empty if the kernel has not got it."""
    used = ""
    for route in routes:
        if not ipv6 and route.to.version == 6:
            continue
        sends = route.namespace in SENDERS
        control = _add_route(
            netlinks[route.namespace], route, wanted if sends else CONGESTION_CONTROL
        )
        used = control if sends else used
    return used


def _add_route(netlink: Rtnetlink, route: Route, control: str) -> str:
    """Add a route with a congestion control, or without if there is none of that name."""
    try:
        netlink.add_route(route.to, via=route.via, name=route.interface, congestion_control=control)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EINVAL):
            raise
        netlink.add_route(route.to, via=route.via, name=route.interface)
        return ""
    return control


def _default_control() -> str:
    return (_SETTINGS / "ipv4/tcp_congestion_control").read_text().strip()


def _mac(port: Port) -> bytes:
    """A locally administered address, the same in every run, air or no air."""
    for number, pair in enumerate((*LINKS, VPN_LINK)):
        if port in pair:
            return bytes((0x02, 0, 0, 0, number, 1 + pair.index(port)))
    return bytes((0x02, 0, 0, 1, 0, 1 + AIR_PORTS.index(port.interface)))
