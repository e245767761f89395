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
    "VPN_CLIENT",
    "VPN_CLIENT6",
    "VPN_LINK",
    "VPN_ROUTES",
    "WIRES",
    "WIRE_PORTS",
    "Port",
    "Route",
    "links",
    "places",
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


VPN_CLIENT = "10.8.0.2"
VPN_CLIENT6 = "2001:db8:8::2"

VPN_LINK = (
    _port("client", "tun0", f"{VPN_CLIENT}/24", f"{VPN_CLIENT6}/64"),
    _port("home", "exit", "10.8.0.1/24", "2001:db8:8::1/64"),
)
"""What a VPN looks like from the client: an interface by whose name it is known. It is a plain link
to the home router, which is where the tunnel would end: nothing is hidden from the wire."""

VPN_ROUTES: tuple[Route, ...] = (
    *(_route("client", to, "10.8.0.1", "tun0") for to in ("0.0.0.0/1", "128.0.0.0/1")),
    *(_route("client", to, "2001:db8:8::1", "tun0") for to in ("::/1", "8000::/1")),
    _route("isp", "10.8.0.0/24", "100.64.1.2", "access"),
    _route("isp", "2001:db8:8::/64", "2001:db8:64:1::2", "access"),
)
"""Half-routes beside the default one, as OpenVPN's `redirect-gateway def1` makes them."""


def places(*, ipv6: bool) -> Places:
    """Where everything is on this kernel; without IPv6 nothing has such an address."""
    if ipv6:
        return PLACES
    return msgspec.structs.replace(PLACES, origins6={}, measurement6=None, block_page6="")


def links(*, air: bool, vpn: bool = False) -> tuple[tuple[Port, Port], ...]:
    """Every link of the net.

    Args:
        air: the client's link is cut in two by a second wire.
        vpn: the client has a second one, which looks like a tunnel.
    """
    more = (VPN_LINK,) if vpn else ()
    if not air:
        return (*LINKS, *more)
    (client, home), *others = LINKS
    near, far = (_port("air", name) for name in AIR_PORTS)
    return ((client, near), (far, home), *others, *more)
