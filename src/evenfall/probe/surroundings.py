"""What this machine tells of its own side, without sending anything.

A VPN or a proxy means that the measured line is somebody else's; it has to be said. Whether there
is a VPN is told by the interface that packets to public addresses would leave by. Where the kernel
does not tell, or an interface is of a kind that is not known, the answer is "not tested", never
"none".
"""

from __future__ import annotations

import os
from collections.abc import Callable

from evenfall.infer.surroundings import Surroundings
from evenfall.model.target import TargetList
from evenfall.net.interfaces import driver_of, interfaces_with, kind_of, source_towards
from evenfall.probe.consent import is_lab_network

__all__ = ["is_on_this_machine", "proxies_set", "surroundings_of", "tunnel_in_use"]

_TOWARDS = ("9.9.9.9", "198.41.0.4", "2620:fe::fe")
"""One in each half of IPv4, which OpenVPN routes apart, and one of IPv6. Nothing is sent there."""

_TUNNELS = ("tun", "tap", "wg", "ipsec", "utun", "nordlynx", "proton", "tailscale", "zt",
            "vti", "xfrm", "gre", "sit", "ip6tnl", "l2tp", "vpn", "mullvad", "warp")  # fmt: skip
_TUNNEL_KINDS = frozenset({768, 769, 776, 778, 823, 65534})
"""ARPHRD types: IP in IP, IPv6 tunnel, SIT, GRE, GRE over IPv6, none (tun, WireGuard)."""
_TUNNEL_DRIVERS = frozenset({"tun", "wireguard"})
_ORDINARY_KINDS = frozenset({1, 801, 802, 803})
"""Ethernet (Wi-Fi and what looks like Ethernet too) and the older kinds of Wi-Fi. PPP (512) is in
neither set: it carries many an ordinary line (PPPoE), and old VPNs too, so it says nothing."""


def tunnel_in_use(
    *,
    towards: tuple[str, ...] = _TOWARDS,
    source: Callable[[str], str | None] = source_towards,
    owners: Callable[[str], frozenset[str]] = interfaces_with,
    kind: Callable[[str], int | None] = kind_of,
    driver: Callable[[str], str | None] = driver_of,
) -> str | None:
    """Name of the tunnel that public addresses are reached by.

    "" if all of them are reached by ordinary interfaces; None where there is no way to any, or it
    cannot be told. The arguments are there for tests.
    """
    sources = [found for address in towards if (found := source(address)) is not None]
    ways: list[str | None] = []
    for names in map(owners, dict.fromkeys(sources)):
        name = next(iter(names), "")
        # An address that nobody has, or that several have, tells nothing.
        known = len(names) == 1
        ways.append(_as_tunnel(name, kind(name), driver(name)) if known else None)
    if tunnel := next(filter(None, ways), ""):
        return tunnel
    return None if not ways or None in ways else ""


def is_on_this_machine(targets: TargetList) -> bool:
    """A lab on loopback: nothing of it passes the router, nor a tunnel."""
    resolver = targets.resolver.rpartition(":")[0] or targets.resolver
    return is_lab_network(targets) and resolver.strip("[]").startswith(("127.", "::1"))


def surroundings_of(targets: TargetList, *, through_vpn: bool = False) -> Surroundings:
    """What is known of our own side before the first packet."""
    return Surroundings(
        tunnel="" if is_on_this_machine(targets) else tunnel_in_use(),
        proxies=proxies_set(),
        through_vpn=through_vpn,
    )


def proxies_set() -> tuple[str, ...]:
    """Names of the proxy settings in the environment, which a measurement does not use."""
    wanted = ("http_proxy", "https_proxy", "all_proxy")
    return tuple(sorted(n for n in os.environ if n.lower() in wanted and os.environ[n]))


def _as_tunnel(name: str, kind: int | None, driver: str | None) -> str | None:
    """Its name if it is one; "" for an ordinary interface; None if it is neither for sure."""
    if (
        name.lower().startswith(_TUNNELS)
        or kind in _TUNNEL_KINDS
        or driver in _TUNNEL_DRIVERS  # a TAP device looks like Ethernet
    ):
        return name
    return "" if kind in _ORDINARY_KINDS else None
