"""The emulated net as data: namespaces, links, addresses and routes. The same in every scenario.

    client ══ air ══ home ── isp ══ wire ══ transit ── servers
                              │
                          neighbour

The wire is the middlebox: a line with two ports and no address, which routers cannot see. TTL (in
IPv6 the hop limit) falls by one in home, isp and transit, so these are hops 1, 2 and 3 and the
censor sits between hops 2 and 3. The air is a second such line, between the client and its home
router; it is there only if it is bad, and a plain link otherwise. Addresses are those set aside
for private use (RFC 1918), carriers (RFC 6598) and documentation (RFC 5737, RFC 3849).
"""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network

import msgspec

from evenfall.lab.plan import Endpoint, Places
from evenfall.lab.rtnetlink import Address, Interface, Network
from evenfall.lab.scenario import ROLES

__all__ = [
    "AIR_PORTS",
    "CENSOR_AFTER_HOP",
    "CLIENT",
    "CLIENT6",
    "HOPS",
    "LINKS",
    "NAMESPACES",
    "PLACES",
    "ROUTERS",
    "ROUTES",
    "SENDERS",
    "WIRES",
    "WIRE_PORTS",
    "Port",
    "Route",
    "links",
]

NAMESPACES = ("client", "air", "home", "isp", "neighbour", "wire", "transit", "servers")
ROUTERS = frozenset({"home", "isp", "transit"})
WIRES = frozenset({"air", "wire"})
"""Namespaces whose interfaces belong to a packet socket and speak no protocol of their own."""

SENDERS = frozenset({"servers"})
"""Namespaces whose TCP uses the congestion control of the run."""

WIRE_PORTS = ("left", "right")
"""Interfaces of the wire: `left` faces the ISP, `right` the transit."""

AIR_PORTS = ("client", "home")

CLIENT = "192.168.1.2"
CLIENT6 = "2001:db8:1::2"

HOPS = ("192.168.1.1", "100.64.1.1", "100.64.9.2")
"""Who answers that the time is exceeded, for TTL 1, 2, 3; the servers are a fourth."""

CENSOR_AFTER_HOP = 2

PLACES = Places(
    origins={role: f"203.0.113.{11 + index}" for index, role in enumerate(ROLES)},
    https_port=443,
    http_port=80,
    resolver=Endpoint("198.51.100.53", 53),
    public_resolver=Endpoint("198.51.100.54", 53),
    measurement=Endpoint("203.0.113.80", 8443),
    block_page="203.0.113.90",
    flood=Endpoint("203.0.113.99", 9),
    doh=Endpoint("198.51.100.54", 443),
    mtproto_port=5222,
    second_measurement=Endpoint("203.0.113.81", 8443),
    mirrors={role: f"203.0.113.{31 + index}" for index, role in enumerate(ROLES)},
    origins6={role: f"2001:db8:113::{11 + index}" for index, role in enumerate(ROLES)},
    measurement6=Endpoint("2001:db8:113::80", 8443),
    block_page6="2001:db8:113::90",
)


class Port(msgspec.Struct, frozen=True):
    """One end of a link: namespace, interface, addresses with their prefixes."""

    namespace: str
    interface: str
    addresses: tuple[Interface, ...] = ()


class Route(msgspec.Struct, frozen=True):
    """Where a namespace sends packets for a network."""

    namespace: str
    to: Network
    via: Address
    interface: str


def _port(namespace: str, interface: str, *addresses: str) -> Port:
    return Port(namespace, interface, tuple(map(ip_interface, addresses)))


def _route(namespace: str, to: str, via: str, interface: str) -> Route:
    return Route(namespace, ip_network(to), ip_address(via), interface)


_SERVED = (
    *PLACES.origins.values(),
    *PLACES.mirrors.values(),
    PLACES.measurement.address,
    PLACES.second_measurement.address,
    PLACES.block_page,
    PLACES.flood.address,
)

_SERVED6 = (
    *PLACES.origins6.values(),
    *((PLACES.measurement6.address,) if PLACES.measurement6 else ()),
    PLACES.block_page6,
)

LINKS: tuple[tuple[Port, Port], ...] = (
    (
        _port("client", "eth0", f"{CLIENT}/24", f"{CLIENT6}/64"),
        _port("home", "lan", "192.168.1.1/24", "2001:db8:1::1/64"),
    ),
    (
        _port("home", "wan", "100.64.1.2/24", "2001:db8:64:1::2/64"),
        _port("isp", "access", "100.64.1.1/24", "2001:db8:64:1::1/64"),
    ),
    (
        _port("neighbour", "eth0", "100.64.2.2/24", "2001:db8:64:2::2/64"),
        _port("isp", "other", "100.64.2.1/24", "2001:db8:64:2::1/64"),
    ),
    (
        _port("isp", "uplink", "100.64.9.1/24", "2001:db8:64:9::1/64"),
        _port("wire", WIRE_PORTS[0]),
    ),
    (
        _port("wire", WIRE_PORTS[1]),
        _port("transit", "isp", "100.64.9.2/24", "2001:db8:64:9::2/64"),
    ),
    (
        _port("transit", "servers", "198.51.100.1/24", "203.0.113.1/24", "2001:db8:113::1/64"),
        _port(
            "servers",
            "eth0",
            f"{PLACES.resolver.address}/24",
            f"{PLACES.public_resolver.address}/24",
            *(f"{address}/24" for address in _SERVED),
            *(f"{address}/64" for address in _SERVED6),
        ),
    ),
)

ROUTES: tuple[Route, ...] = (
    _route("client", "0.0.0.0/0", "192.168.1.1", "eth0"),
    _route("home", "0.0.0.0/0", "100.64.1.1", "wan"),
    _route("isp", "0.0.0.0/0", "100.64.9.2", "uplink"),
    _route("isp", "192.168.1.0/24", "100.64.1.2", "access"),
    _route("neighbour", "0.0.0.0/0", "100.64.2.1", "eth0"),
    _route("transit", "0.0.0.0/0", "100.64.9.1", "isp"),
    _route("servers", "0.0.0.0/0", "198.51.100.1", "eth0"),
    _route("client", "::/0", "2001:db8:1::1", "eth0"),
    _route("home", "::/0", "2001:db8:64:1::1", "wan"),
    _route("isp", "::/0", "2001:db8:64:9::2", "uplink"),
    _route("isp", "2001:db8:1::/64", "2001:db8:64:1::2", "access"),
    _route("neighbour", "::/0", "2001:db8:64:2::1", "eth0"),
    _route("transit", "::/0", "2001:db8:64:9::1", "isp"),
    _route("servers", "::/0", "2001:db8:113::1", "eth0"),
)


def links(*, air: bool) -> tuple[tuple[Port, Port], ...]:
    """Every link of the net; with `air` the client's is cut in two by a second wire."""
    if not air:
        return LINKS
    (client, home), *others = LINKS
    near, far = (_port("air", name) for name in AIR_PORTS)
    return ((client, near), (far, home), *others)
