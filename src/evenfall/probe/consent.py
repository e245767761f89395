"""Consent before the first packet: asked, given with `--yes`, or implied in a lab network.

A lab network is one in which no packet can reach anybody: `ca_file` is set, both resolvers are
given, and every name is under a reserved domain (RFC 6761: test, example, invalid, localhost) or a
literal address that is not public. A resolver must be one that hands nothing on to the outside: at
a documentation or benchmark address, or on loopback away from port 53, where this machine's own
forwarder may sit; a home router's address is no lab. Only there is consent implied, and only there
the round's way out is sealed (`probe.sealed`). Elsewhere consent is asked for on a terminal, or
given by `--yes`. What a person typed is kept in the store folder (`consent.json`), so that the same
text is not asked about twice; deleting that file withdraws it. `--yes` counts for its own run only:
its version is noted beside it (`yes.json`), and nothing reads that as consent.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

import msgspec

from evenfall.measure.dns import is_bogon, split_endpoint
from evenfall.model.target import TargetList
from evenfall.probe.targets import host_of, port_of

__all__ = ["Consent", "is_lab_network", "is_nobodys", "recorded_consent", "store_consent"]

_FILE = "consent.json"
_YES_FILE = "yes.json"
_BY_HAND = "terminal"
_FILE_BYTES_MAX = 4096
_RESERVED = (".test", ".example", ".invalid", ".localhost")
_DNS_PORT = 53
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


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed to.

    Attributes:
        version: of the risk text.
        given_us: µs since 1970 UTC.
        how: `terminal` or `yes`.
    """

    version: str
    language: str
    given_us: int
    how: str


def is_lab_network(targets: TargetList) -> bool:
    """Whether no packet of this list can reach anybody outside a test network."""
    if not (targets.ca_file and targets.resolver and targets.public_resolver):
        return False
    hosts = [host_of(site.url) for site in (*targets.targets, *targets.controls)]
    hosts += [host_of(server.url) for server in targets.servers]
    resolvers = [targets.resolver, targets.public_resolver]
    if targets.doh:
        hosts.append(host_of(targets.doh))

        resolvers += [endpoint for endpoint in [_endpoint_of(targets.doh)] if endpoint]
    return all(map(is_nobodys, hosts)) and all(map(_hands_nothing_on, resolvers))


def is_nobodys(host: str) -> bool:
    """Whether a name is reserved, or a literal address is one that no public service can have."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or f".{host}".endswith(_RESERVED)
    return is_bogon(host)


def recorded_consent(store: Path) -> Consent | None:
    """What a person agreed to by hand and was kept; None if there is none that can be read."""
    try:
        raw = (store / _FILE).read_bytes()[:_FILE_BYTES_MAX]
        kept = msgspec.json.decode(raw, type=Consent)
    except (OSError, msgspec.DecodeError):
        return None
    return kept if kept.how == _BY_HAND else None


def store_consent(store: Path, consent: Consent) -> None:
    """Keep the consent, or, given by `--yes`, a note of its version that is no standing consent.

    Raises:
        OSError: the folder cannot be written; the caller says so and goes on.
    """
    store.mkdir(parents=True, exist_ok=True)
    name = _FILE if consent.how == _BY_HAND else _YES_FILE
    new = store / f"{name}.new"
    new.write_bytes(msgspec.json.encode(consent) + b"\n")
    new.replace(store / name)


def _endpoint_of(url: str) -> str:
    """`ADDRESS:PORT` of a URL with a literal address; empty for a name, which a lab resolves."""
    host = host_of(url)
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return ""
    return f"[{host}]:{port_of(url)}" if version == 6 else f"{host}:{port_of(url)}"


def _hands_nothing_on(endpoint: str) -> bool:
    address, port = split_endpoint(endpoint)
    parsed = ipaddress.ip_address(address)
    if parsed.is_loopback:
        return port != _DNS_PORT
    return any(parsed in network for network in _PAPER_NETWORKS)
