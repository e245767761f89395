"""The ClientHello reader against hellos that OpenSSL made, whole, cut and broken."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfall.wire.hello import (
    HELLO_BYTES_MAX,
    NEED_MORE,
    NOT_TLS,
    RECORDS_MAX,
    Hello,
    HelloReader,
    Undecided,
)


def openssl_hello(server_name: str | None, alpn: list[str] | None = None) -> bytes:
    """The first flight of the standard library's own TLS client (an independent writer)."""
    context = ssl.create_default_context()
    context.check_hostname = server_name is not None
    if server_name is None:
        context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=server_name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def respread(flight: bytes, fragment_bytes: int) -> bytes:
    """The same handshake message, spread over records of at most `fragment_bytes`."""
    message = flight[5 : 5 + int.from_bytes(flight[3:5])]
    pieces = [message[i : i + fragment_bytes] for i in range(0, len(message), fragment_bytes)]
    return b"".join(b"\x16\x03\x01" + len(p).to_bytes(2) + p for p in pieces)


def answer_to(pieces: list[bytes]) -> Undecided | Hello:
    """What a fresh reader says after all the pieces."""
    reader = HelloReader()
    for piece in pieces:
        reader.feed(piece)
    return reader.answer


PLAIN = openssl_hello("video.example")
MANY_ALPN = [f"protocol-number-{n:04d}/with-a-long-name" for n in range(60)]
LONG = openssl_hello("video.example", MANY_ALPN)


def test_reads_the_name_openssl_sends() -> None:
    """Name, ALPN and length of an ordinary hello."""
    hello = answer_to([openssl_hello("Video.Example", ["h2", "http/1.1"])])
    assert isinstance(hello, Hello)
    assert hello.server_name == "video.example"
    assert hello.alpn == ("h2", "http/1.1")
    assert hello.records == 1
    assert not hello.encrypted


def test_bytes_seen_is_the_length_of_the_flight() -> None:
    """`bytes_seen` counts record headers and the whole message."""
    hello = answer_to([PLAIN])
    assert isinstance(hello, Hello)
    assert hello.bytes_seen == len(PLAIN)


def test_a_hello_without_a_name_is_still_a_hello() -> None:
    """No SNI is a hello with a null name, not a failure."""
    hello = answer_to([openssl_hello(None)])
    assert isinstance(hello, Hello)
    assert hello.server_name is None
    assert hello.alpn == ()


def test_reads_a_hello_longer_than_a_segment() -> None:
    """A hello of over 1460 bytes, as sent in two segments, is found after the second."""
    assert len(LONG) > 1460
    reader = HelloReader()
    assert reader.feed(LONG[:1460]) is NEED_MORE
    hello = reader.feed(LONG[1460:])
    assert isinstance(hello, Hello)
    assert hello.server_name == "video.example"
    assert hello.alpn == tuple(MANY_ALPN)


@given(st.data())
@settings(max_examples=150)
def test_the_cut_does_not_matter(data: st.DataObject) -> None:
    """Any split of any of the flights gives the answer of the whole."""
    flight = data.draw(
        st.sampled_from([PLAIN, LONG, respread(PLAIN, 100), respread(LONG, 700), b"GET / HTTP/1.1"])
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(flight)), max_size=12)))
    pieces = [flight[a:b] for a, b in zip([0, *cuts], [*cuts, len(flight)], strict=True)]
    assert answer_to(pieces) == answer_to([flight])


@given(st.binary(max_size=400), st.integers(0, len(PLAIN)))
@settings(max_examples=300)
def test_broken_bytes_give_the_same_answer_whole_and_bytewise(tail: bytes, keep: int) -> None:
    """A hello whose end was replaced by anything never raises, and its cut does not matter."""
    damaged = PLAIN[:keep] + tail
    whole = answer_to([damaged])
    assert whole == answer_to([damaged[i : i + 1] for i in range(len(damaged))])


def test_byte_by_byte_needs_every_byte() -> None:
    """The answer comes with the last byte, not before."""
    reader = HelloReader()
    for i in range(len(PLAIN) - 1):
        assert reader.feed(PLAIN[i : i + 1]) is NEED_MORE
    assert isinstance(reader.feed(PLAIN[-1:]), Hello)


def test_bytes_after_the_hello_change_nothing() -> None:
    """An answer is final, also when more bytes come in the same piece."""
    assert answer_to([PLAIN + b"early data"]) == answer_to([PLAIN])
    reader = HelloReader()
    first = reader.feed(PLAIN)
    assert reader.feed(b"GET / HTTP/1.1") is first


@pytest.mark.parametrize("fragment_bytes", [1024, 100, 40])
def test_reads_over_record_borders(fragment_bytes: int) -> None:
    """The message may be spread over many records (RFC 8446 section 5.1)."""
    hello = answer_to([respread(PLAIN, fragment_bytes)])
    assert isinstance(hello, Hello)
    assert hello.server_name == "video.example"
    assert hello.bytes_seen == len(respread(PLAIN, fragment_bytes))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\n", "record type 71"),
        (b"\x17\x03\x03\x00\x05hello", "record type 23"),
        (b"\x16\x02", "record version 2"),
        (b"\x16\x03\x01\x00\x00", "record of 0 bytes"),
        (b"\x16\x03\x01\x40\x01", "record of 16385 bytes"),
        (b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", "handshake type 2"),
        (b"\x16\x03\x01\x00\x04\x01\xff\xff\xff", "over 65536"),
        (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "past its end"),
    ],
)
def test_what_is_not_a_hello_says_why(data: bytes, reason: str) -> None:
    """Other protocols and unreadable structures are NOT_TLS with a reason."""
    reader = HelloReader()
    assert reader.feed(data) is NOT_TLS
    assert reason in reader.reason


def test_of_two_server_names_the_first_counts() -> None:
    """A repeated extension is forbidden (RFC 8446 section 4.2); the reader keeps the first."""
    name = b"other.example"
    content = (len(name) + 3).to_bytes(2) + b"\0" + len(name).to_bytes(2) + name
    second = b"\0\0" + len(content).to_bytes(2) + content
    body = bytearray(PLAIN[9:])
    at = 2 + 32 + 1 + body[34]  # behind the session id
    at += 2 + int.from_bytes(body[at : at + 2])  # behind the cipher suites
    at += 1 + body[at]  # behind the compression methods
    block = int.from_bytes(body[at : at + 2])
    assert at + 2 + block == len(body)
    body[at : at + 2] = (block + len(second)).to_bytes(2)
    body += second
    message = b"\x01" + len(body).to_bytes(3) + bytes(body)
    hello = answer_to([b"\x16\x03\x01" + len(message).to_bytes(2) + message])
    assert isinstance(hello, Hello)
    assert hello.server_name == "video.example"


def test_the_number_of_records_is_limited() -> None:
    """A message dripped in one-byte records stops being read at the limit."""
    assert answer_to([respread(PLAIN, 1)]) is NOT_TLS
    assert len(PLAIN) > RECORDS_MAX


def test_the_largest_hello_openssl_lets_us_make_fits() -> None:
    """64 KiB of ALPN cannot be made, 20 kB can: more than one record, under the limit."""
    hello = answer_to([openssl_hello("a.example", ["x" * 250] * 80)])
    assert isinstance(hello, Hello)
    assert hello.records == 2
    assert hello.bytes_seen < HELLO_BYTES_MAX
