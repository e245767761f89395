"""What the lab's resolvers answer: one query in, one answer out, no sockets.

A and AAAA records of a zone; a name in it that is asked for another type gets an empty answer, and
any other name NXDOMAIN. A lie is the same with another address. Anything that is not a query is
ignored, as an unauthenticated datagram should be.
"""

from __future__ import annotations

from collections.abc import Mapping

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset

__all__ = ["answer", "name_asked"]

TTL_S = 60


def answer(
    query: bytes, zone: Mapping[str, str | tuple[str, ...]], *, else_: tuple[str, ...] = ()
) -> bytes | None:
    """The answer of a resolver, or None for nonsense.

    Args:
        query: a DNS message.
        zone: host → its addresses, of either family; one address may stand for itself.
        else_: addresses of every name that is not in `zone`; empty: it does not exist.
    """
    message = _read(query)
    if message is None:
        return None
    response = dns.message.make_response(message, recursion_available=True)
    question = message.question[0]
    found = zone.get(_host(question), else_)
    addresses = (found,) if isinstance(found, str) else found
    if not addresses:
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif fitting := _of_type(question.rdtype, addresses):
        kind = dns.rdatatype.to_text(question.rdtype)
        response.answer.append(dns.rrset.from_text(question.name, TTL_S, "IN", kind, *fitting))
    return response.to_wire()


def name_asked(query: bytes) -> str | None:
    """The host name of a query, lower case and without the last dot, or None for nonsense."""
    message = _read(query)
    return None if message is None else _host(message.question[0])


def _of_type(kind: dns.rdatatype.RdataType, addresses: tuple[str, ...]) -> list[str]:
    if kind == dns.rdatatype.A:
        return [address for address in addresses if ":" not in address]
    if kind == dns.rdatatype.AAAA:
        return [address for address in addresses if ":" in address]
    return []


def _read(query: bytes) -> dns.message.Message | None:
    try:
        message = dns.message.from_wire(query)
    except dns.exception.DNSException:
        return None
    is_query = not message.flags & dns.flags.QR and message.opcode() == dns.opcode.QUERY
    return message if is_query and len(message.question) == 1 else None


def _host(question: dns.rrset.RRset) -> str:
    return question.name.to_text(omit_final_dot=True).lower()
