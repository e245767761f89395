"""What the lab's resolvers answer, read back by dnspython."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.lab.names import answer, name_asked

ZONE = {"one.test": "203.0.113.11"}


def asked(name: str, kind: str = "A") -> dns.message.Message:
    """The answer to a question, as a foreign reader sees it."""
    query = dns.message.make_query(name, kind)
    wire = answer(query.to_wire(), ZONE)
    assert wire is not None
    response = dns.message.from_wire(wire)
    assert query.is_response(response)
    return response


def test_a_known_name_has_its_address_whatever_its_case() -> None:
    """0x20 spelling is kept in the question and ignored in the look-up."""
    response = asked("oNe.TeSt.")
    assert [str(record) for record in response.answer[0]] == ["203.0.113.11"]
    assert response.flags & dns.flags.RA


def test_another_type_is_an_empty_answer_and_a_stranger_does_not_exist() -> None:
    """AAAA of a known name: no error, no record. An unknown name: NXDOMAIN."""
    assert (asked("one.test", "AAAA").rcode(), asked("one.test", "AAAA").answer) == (0, [])
    assert asked("two.test").rcode() == dns.rcode.NXDOMAIN


def test_the_name_of_a_query_is_read_in_lower_case() -> None:
    """A relay decides by this name."""
    assert name_asked(dns.message.make_query("One.Test.", "A").to_wire()) == "one.test"


def test_answers_are_not_answered() -> None:
    """A response sent to the resolver's port is dropped, or two servers would talk for ever."""
    response = dns.message.make_response(dns.message.make_query("one.test", "A"))
    assert answer(response.to_wire(), ZONE) is None
    assert name_asked(response.to_wire()) is None


@given(st.binary(max_size=200))
def test_nonsense_is_ignored(data: bytes) -> None:
    """Random bytes are met with silence or a well-formed answer, never an exception."""
    reply = answer(data, ZONE)
    if reply is not None:
        dns.message.from_wire(reply)


@pytest.mark.parametrize("cut", [0, 11, 20])
def test_a_cut_query_is_ignored(cut: int) -> None:
    """Half a datagram is nonsense."""
    assert answer(dns.message.make_query("one.test", "A").to_wire()[:cut], ZONE) is None
