"""What the lab's resolvers answer: one query in, one answer out, no sockets.

A records of a zone; a name in it that is asked for another type gets an empty answer, and any other
name NXDOMAIN. A lie is the same with another address. Anything that is not a query is ignored, as
an unauthenticated datagram should be.
"""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset

__all__ = ["answer", "name_asked"]

TTL_S = 60


def answer(query: bytes, zone: dict[str, str]) -> bytes | None:
    """The answer of a resolver that knows `zone` (host → IPv4 address), or None for nonsense."""
    message = _read(query)
    if message is None:
        return None
    response = dns.message.make_response(message, recursion_available=True)
    question = message.question[0]
    address = zone.get(_host(question))
    if address is None:
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif question.rdtype == dns.rdatatype.A:
        response.answer.append(dns.rrset.from_text(question.name, TTL_S, "IN", "A", address))
    return response.to_wire()


def name_asked(query: bytes) -> str | None:
    """The host name of a query, lower case and without the last dot, or None for nonsense."""
    message = _read(query)
    return None if message is None else _host(message.question[0])


def _read(query: bytes) -> dns.message.Message | None:
    try:
        message = dns.message.from_wire(query)
    except dns.exception.DNSException:
        return None
    is_query = not message.flags & dns.flags.QR and message.opcode() == dns.opcode.QUERY
    return message if is_query and len(message.question) == 1 else None


def _host(question: dns.rrset.RRset) -> str:
    return question.name.to_text(omit_final_dot=True).lower()
