"""The name in a connection's first bytes, however they are cut."""

from __future__ import annotations

import itertools
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.lab.opening import Opening


def client_hello(host: str) -> bytes:
    """A ClientHello as OpenSSL makes it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=host)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


HELLO = client_hello("v.test")
REQUEST = b"GET /1M.bin HTTP/1.1\r\nAccept: */*\r\nHOST:  V.test:44080\r\n\r\n"


@given(data=st.sampled_from([HELLO, REQUEST]), cuts=st.lists(st.integers(1, 500), max_size=6))
def test_cuts_do_not_matter(data: bytes, cuts: list[int]) -> None:
    """A hello of OpenSSL and a request's head give one name in any pieces."""
    opening = Opening()
    edges = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    for start, end in itertools.pairwise(edges):
        assert not opening.decided
        opening.feed(data[start:end])
    assert opening.decided
    assert (opening.layer, opening.name) == ("sni" if data is HELLO else "http", "v.test")
    assert opening.data == data


@pytest.mark.parametrize("data", [b"\x00\x01\x02", b"\x16\x03\x01\x00\x05\x02abcd", b"1234"])
def test_what_has_no_name_is_let_go(data: bytes) -> None:
    """Neither TLS nor HTTP: decided, without layer or name."""
    opening = Opening()
    assert opening.feed(data)
    assert (opening.layer, opening.name) == ("", "")


def test_a_head_without_end_is_let_go() -> None:
    """64 KiB without an empty line is no request that anybody waits for."""
    opening = Opening()
    assert not opening.feed(b"GET / HTTP/1.1\r\n" + b"a" * 60_000)
    assert opening.feed(b"a" * 10_000)
    assert opening.layer == ""
