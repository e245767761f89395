"""Consent before the first packet: asked, given with `--yes`, or implied in a lab network.

A lab network is one in which no packet can reach anybody: `ca_file` is set, both resolvers are
given, and every name is under a reserved domain (RFC 6761: test, example, invalid, localhost) or a
literal address that is not public. Only there is consent implied. Elsewhere it is asked for on a
terminal, or given by `--yes`; its version is kept in the store folder, so that the same text is not
asked about twice.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

import msgspec

from evenfall.measure.dns import split_endpoint
from evenfall.model.target import TargetList
from evenfall.probe.targets import host_of

__all__ = ["Consent", "is_lab_network", "recorded_consent", "store_consent"]

_FILE = "consent.json"
_FILE_BYTES_MAX = 4096
_RESERVED = (".test", ".example", ".invalid", ".localhost")


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
    hosts += [split_endpoint(r)[0] for r in (targets.resolver, targets.public_resolver)]
    return all(_is_nobodys(host) for host in hosts)


def recorded_consent(store: Path) -> Consent | None:
    """The consent kept in a store folder; None if there is none that can be read."""
    try:
        raw = (store / _FILE).read_bytes()[:_FILE_BYTES_MAX]
        return msgspec.json.decode(raw, type=Consent)
    except (OSError, msgspec.DecodeError):
        return None


def store_consent(store: Path, consent: Consent) -> None:
    """Keep the consent.

    Raises:
        OSError: the folder cannot be written; the caller says so and goes on.
    """
    store.mkdir(parents=True, exist_ok=True)
    new = store / f"{_FILE}.new"
    new.write_bytes(msgspec.json.encode(consent) + b"\n")
    new.replace(store / _FILE)


def _is_nobodys(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or f".{host}".endswith(_RESERVED)
