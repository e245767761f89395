"""Consent before the first packet: asked, given with `--yes`, or implied in a lab network.

A lab network is one in which no packet can reach anybody: `ca_file` is set, both resolvers are
given, and every name is under a reserved domain (RFC 6761: test, example, invalid, localhost) or a
literal address of documentation, benchmarks or loopback. A private address is somebody's home or
office, and no lab. A resolver must be one that hands nothing on to the outside: at a documentation
or benchmark address, or on loopback away from port 53, where this machine's own forwarder may sit;
a home router's address is no lab. Only there is consent implied, and only there the round's way out
is sealed (`probe.sealed`). Elsewhere consent is asked for on a terminal, or given by `--yes`. What
a person typed is kept in the store folder (`consent.json`), so that the same text is not asked
about twice; deleting that file withdraws it. `--yes` counts for its own run only: its version is
noted beside it (`yes.json`), and nothing reads that as consent.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

import msgspec

from evenfall.measure.dns import split_endpoint
from evenfall.model.target import TargetList
from evenfall.probe.places import LabBlocks, is_paper
from evenfall.probe.targets import host_of, is_literal, port_of

__all__ = [
    "Consent",
    "is_lab_network",
    "is_nobodys",
    "lab_blocks",
    "recorded_consent",
    "store_consent",
]

_FILE = "consent.json"
_YES_FILE = "yes.json"
_BY_HAND = "terminal"
_FILE_BYTES_MAX = 4096
_RESERVED = (".test", ".example", ".invalid", ".localhost")
_DNS_PORT = 53


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
    hosts = map(host_of, _urls(targets))
    return all(map(is_nobodys, hosts)) and all(map(_hands_nothing_on, _resolvers(targets)))


def lab_blocks(targets: TargetList) -> LabBlocks:
    """The kinds of addresses that a list names itself: its resolvers, and hosts without a name."""
    hosts = [host for host in map(host_of, _urls(targets)) if is_literal(host)]
    hosts += [split_endpoint(endpoint)[0] for endpoint in _resolvers(targets)]
    own = list(map(ipaddress.ip_address, hosts))
    return LabBlocks(
        paper=any(is_paper(str(a)) for a in own), loopback=any(a.is_loopback for a in own)
    )


def is_nobodys(host: str) -> bool:
    """Whether a name is reserved, or a literal address is one of paper or of this machine."""
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or f".{host}".endswith(_RESERVED)
    return parsed.is_loopback or is_paper(host)


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


def _urls(targets: TargetList) -> list[str]:
    """Of everything that a list would have visited or asked inside TLS."""
    urls = [site.url for site in (*targets.targets, *targets.controls)]
    urls += [server.url for server in targets.servers]
    return [*urls, targets.doh] if targets.doh else urls


def _resolvers(targets: TargetList) -> list[str]:
    """`ADDRESS:PORT` of every resolver that has a literal address."""
    named = (targets.resolver, targets.public_resolver, _endpoint_of(targets.doh))
    return [endpoint for endpoint in named if endpoint]


def _endpoint_of(url: str) -> str:
    """`ADDRESS:PORT` of a URL with a literal address; empty for a name, which a lab resolves."""
    if not url:
        return ""
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
    return is_paper(address)
