"""Questions over HTTP/2 and HTTP/1.1 in memory: limits, order, and that no bytes ever raise.

The whole way, with h2's server side and nginx, is in tests/measure.
"""

from __future__ import annotations

import dns.message
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfall.wire.doh import (
    QUESTIONS_MAX,
    REPLY_BYTES_MAX,
    Http1Questions,
    Http2Questions,
    Reply,
    conversation,
    padded_query,
)

KINDS = [Http1Questions, Http2Questions]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\n"


def test_alpn_chooses():
    """Innocent: what the handshake agreed on; HTTP/1.1 where it agreed on nothing."""
    assert isinstance(conversation("h2", "doh.test", "/q"), Http2Questions)
    assert isinstance(conversation("http/1.1", "doh.test", "/q"), Http1Questions)
    assert isinstance(conversation(None, "doh.test", "/q"), Http1Questions)


@pytest.mark.parametrize("host", ["a.test", "a-much-longer-name.with.several.labels.test"])
@pytest.mark.parametrize("family", [4, 6])
def test_a_query_tells_nothing_by_its_length(host, family):
    """Innocent: 128 bytes, id 0, one question, read back by dnspython."""
    wire = padded_query(host, family).to_wire()
    message = dns.message.from_wire(wire)
    assert (len(wire), message.id) == (128, 0)
    assert message.question[0].name.to_text() == f"{host}."


def test_http1_asks_one_after_the_other():
    """Innocent: the second question is sent when the first is answered, on the same connection."""
    asking = Http1Questions("doh.test:8443", "/dns-query")
    one, two = asking.ask(b"first"), asking.ask(b"second")
    sent = asking.data_to_send()
    assert sent.startswith(b"POST /dns-query HTTP/1.1\r\nHost: doh.test:8443\r\n")
    assert sent.endswith(b"\r\n\r\nfirst")
    assert asking.data_to_send() == b""
    asking.feed(OK + b"Content-Length: 3\r\n\r\nab")
    assert asking.replies == {}
    asking.feed(b"c")
    assert asking.replies == {one: Reply(body=b"abc")}
    assert asking.data_to_send().endswith(b"second")
    asking.feed(OK + b"Connection: close\r\n\r\nxyz")
    asking.end()
    assert asking.replies[two] == Reply(body=b"xyz")
    assert asking.failed


@pytest.mark.parametrize("kind", KINDS)
def test_questions_are_limited(kind):
    """So many on one connection, and no more."""
    asking = kind("doh.test", "/q")
    for _ in range(QUESTIONS_MAX):
        asking.ask(b"x" * 128)
    with pytest.raises(ValueError, match="too many"):
        asking.ask(b"x")


def test_http1_replies_are_limited():
    """A reply longer than any DNS message ends the conversation, and is not kept."""
    asking = Http1Questions("doh.test", "/q")
    number = asking.ask(b"x")
    asking.data_to_send()
    asking.feed(OK + b"\r\n" + bytes(REPLY_BYTES_MAX + 1))
    assert asking.replies == {number: Reply(failure="http_invalid_response")}
    assert asking.failed


def test_an_answer_to_nothing_ends_it():
    """Bytes before any question are not ours."""
    asking = Http1Questions("doh.test", "/q")
    asking.feed(OK)
    assert asking.failed


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), st.lists(st.binary(max_size=80), max_size=6), st.booleans())
def test_nothing_raises(kind, pieces, greeted):
    """Foreign bytes, with or without a server's first frame, never raise and answer nothing."""
    asking = kind("doh.test", "/q")
    asking.ask(b"x" * 128)
    asking.data_to_send()
    if greeted:
        asking.feed(bytes.fromhex("000000040000000000"))  # an empty SETTINGS frame
    for piece in pieces:
        asking.feed(piece)
        asking.data_to_send()
    asking.end()
    assert asking.failed
    assert all(reply.failure for reply in asking.replies.values())
