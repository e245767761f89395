"""Which addresses a round may go to, whoever named them: a person's list, a redirect, a resolver.

What it does. `is_off_limits` names what no round visits; `LabBlocks` is what a round without a
question may visit.

Rules.
- Never: link-local, multicast and broadcast addresses, "no address", and those at which a cloud's
  machines ask for their own secrets. An IPv6 address that stands for such a one is such a one.
- In a lab network, for which nobody was asked, only addresses of the kind that the list itself
  names: documentation and benchmark addresses, which nobody has, or this machine's loopback.
  Private addresses are somebody's home or office, and no lab.

Sources: RFC 5737, 2544, 3849, 9637 (documentation, benchmarks); RFC 3927, 4291 (link-local); the
manuals of the clouds for their metadata services.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from evenfall.measure.dns import embedded_four

__all__ = ["LabBlocks", "is_off_limits", "is_paper"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PAPER_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.2.0/24",  # RFC 5737
        "198.51.100.0/24",
        "203.0.113.0/24",
        "198.18.0.0/15",  # RFC 2544
        "2001:db8::/32",  # RFC 3849
        "3fff::/20",  # RFC 9637
    )
)
"""Documentation and benchmark addresses: in nobody's home, and no way leads to them from one."""

_SECRETS = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # of most clouds; link-local besides
        "fd00:ec2::254",  # Amazon over IPv6
        "fd20:ce::254",  # Google over IPv6
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle
    )
)


def is_off_limits(address: str) -> bool:
    """Whether nothing is ever sent there; what is no address is off limits too."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return True
    ways: list[_Address] = [parsed]
    if isinstance(parsed, ipaddress.IPv6Address) and (four := embedded_four(parsed)):
        ways.append(four)
    return any(map(_is_off_limits, ways))


def is_paper(address: str) -> bool:
    """Whether an address is one of documentation or benchmarks."""
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in _PAPER_NETWORKS)


@dataclass(frozen=True, kw_only=True)
class LabBlocks:
    """The kinds of addresses of one lab.

    Attributes:
        paper: those of documentation and benchmarks.
        loopback: this machine's own.
    """

    paper: bool
    loopback: bool

    def hold(self, address: str) -> bool:
        """Whether the lab has such an address; what is no address, it has not."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return (self.paper and is_paper(address)) or (self.loopback and parsed.is_loopback)


def _is_off_limits(address: _Address) -> bool:
    is_nothing = address.is_unspecified or (address.version == 4 and int(address) >> 24 in (0, 255))
    return is_nothing or address.is_link_local or address.is_multicast or address in _SECRETS
