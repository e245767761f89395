"""One lookup: a name, a resolver, a family. What it answered, and whether it answered twice.

The system's own resolver is asked through the network's `resolve`; a resolver with an address gets
one query of ours over UDP, written and read by dnspython. Two different answers to one query are
two observations: that is how an injected reply gives itself away.
"""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from evenfall.measure.round import DATAGRAM_OVERHEAD_BYTES, Moment, Round
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact
from evenfall.net.api import Network, NetworkFailure

__all__ = [
    "ANSWERS_MAX",
    "ATTEMPTS",
    "embedded_four",
    "is_bogon",
    "look_up",
    "outcome_of",
    "resolve_addresses",
    "split_endpoint",
]

ANSWERS_MAX = 16
ATTEMPTS = 2  # a datagram may be lost; one more, then it is silence
_DNS_PORT = 53
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NOBODYS_SIX = (
    ipaddress.IPv6Network("::/96"),  # "IPv4-compatible", given up (RFC 4291 §2.5.5.1)
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # NAT64 of a local network (RFC 8215)
    ipaddress.IPv6Network("fec0::/10"),  # site-local, given up (RFC 3879)
    ipaddress.IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)
_Outcome = tuple[tuple[str, ...], str | None]  # addresses, failure code
_RCODES = {
    dns.rcode.NXDOMAIN: "dns_nxdomain_error",
    dns.rcode.REFUSED: "dns_refused_error",
    dns.rcode.SERVFAIL: "dns_server_misbehaving",
}


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What one query brought: its different answers, how many came, its cost in IP bytes."""

    outcomes: list[_Outcome]
    responses: int | None
    cost: int


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """`ADDRESS`, `ADDRESS:PORT` or `[V6]:PORT` → address and port (53 if none is given)."""
    if endpoint.startswith("["):
        address, _, rest = endpoint[1:].partition("]")
        return address, int(rest[1:]) if rest.startswith(":") else _DNS_PORT
    if endpoint.count(":") == 1:
        address, _, port = endpoint.partition(":")
        return address, int(port)
    return endpoint, _DNS_PORT


def is_bogon(address: str) -> bool:
    """True for an address that no public service can have (loopback, private, reserved …).

    An IPv6 address that stands for an IPv4 one (mapped, NAT64, 6to4) leads where that one leads,
    and is judged by it.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return True
    if isinstance(parsed, ipaddress.IPv6Address):
        if any(parsed in network for network in _NOBODYS_SIX):
            return True
        parsed = embedded_four(parsed) or parsed
    return not parsed.is_global or parsed.is_multicast


def embedded_four(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a gateway would make of it (RFC 4291 §2.5.5.2, 6052, 3056)."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


async def look_up(
    network: Network,
    round_: Round,
    target: Target,
    host: str,
    *,
    resolver: str,
    endpoint: str = "",
    family: int,
    rng: random.Random,
    timeout_s: float = 2.0,
    bogons_allowed: bool = False,
) -> tuple[Observation, ...]:
    """Ask for the addresses of `host`; one observation an answer, at least one in all.

    `resolver` is what the observation calls it, `system` or `public` (its address stays out of
    it); `endpoint` is its address and port, empty for the system's own way of resolving; `family`
    is 4 or 6; `rng` draws the query's id; `timeout_s` holds for each of `ATTEMPTS` tries;
    `bogons_allowed` is for test networks, where every address is one. Failures are in the
    observation; nothing is raised.
    """
    start = round_.now()
    fields = {"host": host, "resolver": resolver, "family": family}
    try:
        if not endpoint:
            found = await network.resolve(host, family=family, timeout_s=timeout_s * ATTEMPTS)
            asked = _Asked(
                outcomes=[(found[:ANSWERS_MAX], None)],
                responses=None,  # the system's resolver keeps that to itself
                cost=2 * DATAGRAM_OVERHEAD_BYTES + 2 * len(host) + 96,  # estimated: not our socket
            )
        else:
            asked = await _ask(network, endpoint, host, family, rng, timeout_s)
    except NetworkFailure as failure:
        cost = DATAGRAM_OVERHEAD_BYTES + len(host) + 18
        return (
            round_.observe(
                Fact.DNS_LOOKUP, target, start, failure=failure.code, operation="resolve",
                wire_bytes=cost, **fields,
            ),
        )  # fmt: skip
    fields["responses"] = asked.responses
    return tuple(
        _observed(
            round_, target, start, outcome, fields, 0 if index else asked.cost, bogons_allowed
        )
        for index, outcome in enumerate(asked.outcomes)
    )


async def resolve_addresses(
    network: Network, host: str, *, endpoint: str, family: int, rng: random.Random, timeout_s: float
) -> tuple[str, ...]:
    """Addresses of `host` for a step of our own, which makes no observation of them.

    Raises:
        NetworkFailure: operation resolve.
    """
    if not endpoint:
        return await network.resolve(host, family=family, timeout_s=timeout_s)
    asked = await _ask(network, endpoint, host, family, rng, timeout_s / ATTEMPTS)
    answers, failure = asked.outcomes[0]
    if failure is not None or not answers:
        raise NetworkFailure(failure or "dns_no_answer", "resolve")
    return answers


def outcome_of(
    query: dns.message.Message, wire: bytes, family: int
) -> tuple[tuple[str, ...], str | None]:
    """Addresses and failure code of one answer; `dns_server_misbehaving` if it is none."""
    outcomes, _ = _distinct(query, [wire], family)
    return outcomes[0] if outcomes else ((), "dns_server_misbehaving")


def _observed(
    round_: Round,
    target: Target,
    start: Moment,
    outcome: tuple[tuple[str, ...], str | None],
    fields: dict[str, object],
    cost: int,
    bogons_allowed: bool,
) -> Observation:
    answers, failure = outcome
    if failure is None and not answers:
        failure = "dns_no_answer"
    if failure is None and not bogons_allowed and any(is_bogon(a) for a in answers):
        failure = "dns_bogon_error"
    return round_.observe(
        Fact.DNS_LOOKUP,
        target,
        start,
        answers=answers or None,
        failure=failure,
        operation="resolve" if failure else None,
        wire_bytes=cost,
        **fields,
    )


async def _ask(
    network: Network,
    endpoint: str,
    host: str,
    family: int,
    rng: random.Random,
    timeout_s: float,
) -> _Asked:
    """The different answers to one query, how many came, and what it cost."""
    address, port = split_endpoint(endpoint)
    try:
        query = dns.message.make_query(
            host, dns.rdatatype.A if family == 4 else dns.rdatatype.AAAA, id=rng.randrange(1 << 16)
        )
        wire = query.to_wire()
    except dns.exception.DNSException:
        # No name (an empty label, one over 63 bytes): the system's resolver says the same.
        raise NetworkFailure("dns_nxdomain_error", "resolve") from None
    cost = 0
    failure = NetworkFailure("generic_timeout_error", "resolve")
    for _ in range(ATTEMPTS):
        cost += len(wire) + DATAGRAM_OVERHEAD_BYTES
        try:
            datagrams = await network.ask(address, port, wire, timeout_s=timeout_s)
        except NetworkFailure as seen:
            failure = seen
            continue
        cost += sum(len(d) + DATAGRAM_OVERHEAD_BYTES for d in datagrams)
        outcomes, responses = _distinct(query, datagrams, family)
        if outcomes:
            return _Asked(outcomes=outcomes, responses=responses, cost=cost)
        failure = NetworkFailure("dns_server_misbehaving", "resolve")
    raise failure


def _distinct(
    query: dns.message.Message, datagrams: list[bytes], family: int
) -> tuple[list[_Outcome], int]:
    """What the datagrams say, each different answer once, and how many were answers at all.

    Nonsense and strangers are left out of both.
    """
    outcomes: list[_Outcome] = []
    responses = 0
    for datagram in datagrams:
        try:
            message = dns.message.from_wire(datagram)
        except dns.exception.DNSException:
            continue
        if not query.is_response(message):
            continue
        responses += 1
        outcome = _outcome(message, family)
        # Two honest answers may list the same addresses in another order.
        if all((set(outcome[0]), outcome[1]) != (set(a), f) for a, f in outcomes):
            outcomes.append(outcome)
    return outcomes, responses


def _outcome(message: dns.message.Message, family: int) -> tuple[tuple[str, ...], str | None]:
    code = message.rcode()
    if code != dns.rcode.NOERROR:
        return (), _RCODES.get(code, "dns_server_misbehaving")
    wanted = dns.rdatatype.A if family == 4 else dns.rdatatype.AAAA
    addresses = [
        rdata.address for rrset in message.answer if rrset.rdtype == wanted for rdata in rrset
    ]
    return tuple(addresses[:ANSWERS_MAX]), None
