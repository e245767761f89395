"""The Initial reader against first flights that aioquic wrote: whole, split, repeated, broken."""

from __future__ import annotations

import random

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicProtocolVersion
from hypothesis import given
from hypothesis import strategies as st

from evenfall.wire.hello import NEED_MORE, NOT_TLS, Hello, Undecided
from evenfall.wire.quic_initial import DATAGRAMS_MAX, InitialReader

SERVER = ("203.0.113.11", 443)


def flight(
    name: str | None,
    *,
    alpn: list[str] | None = None,
    version: QuicProtocolVersion = QuicProtocolVersion.VERSION_1,
) -> list[bytes]:
    """The datagrams that aioquic's client sends before it has heard anything."""
    configuration = QuicConfiguration(
        is_client=True,
        server_name=name,
        alpn_protocols=alpn or ["h3"],
        original_version=version,
        supported_versions=[version],
    )
    client = QuicConnection(configuration=configuration)
    client.connect(SERVER, now=0.0)
    return [data for data, _ in client.datagrams_to_send(now=0.0)]


def long_flight(name: str) -> list[bytes]:
    """A hello that does not fit in one datagram, as with post-quantum key shares."""
    datagrams = flight(name, alpn=["h3", *(f"{n:03}" + "x" * 97 for n in range(15))])
    assert len(datagrams) == 2
    return datagrams


def read(datagrams: list[bytes]) -> Undecided | Hello:
    """The last answer to these datagrams."""
    reader = InitialReader()
    for datagram in datagrams:
        reader.feed(datagram)
    return reader.answer


VERSIONS = [QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_hello_in_one_datagram(version: QuicProtocolVersion) -> None:
    """Name and protocols are those that aioquic was told, in both versions."""
    answer = read(flight("Video.test", alpn=["h3", "hq"], version=version))
    assert isinstance(answer, Hello)
    assert answer.server_name == "video.test"
    assert answer.alpn == ("h3", "hq")


def test_a_hello_without_a_name() -> None:
    """An address is no server name."""
    answer = read(flight(None))
    assert isinstance(answer, Hello)
    assert answer.server_name is None


def test_a_hello_split_over_two_datagrams() -> None:
    """After the first half nothing is known; either order and repeats give the same."""
    first, second = long_flight("video.test")
    reader = InitialReader()
    assert reader.feed(first) is NEED_MORE
    assert isinstance(reader.feed(second), Hello)
    for order in ([second, first], [first, first, second], [second, second, first]):
        answer = read(order)
        assert isinstance(answer, Hello)
        assert answer.server_name == "video.test"


def test_an_answer_is_final() -> None:
    """What comes after the hello changes nothing."""
    reader = InitialReader()
    answer = reader.feed(flight("video.test")[0])
    assert reader.feed(flight("news.test")[0]) is answer


def test_a_damaged_packet_says_nothing() -> None:
    """One flipped bit anywhere in what is protected: the packet does not open."""
    (datagram,) = flight("video.test")
    rng = random.Random(3)  # noqa: S311 (seeded)
    for _ in range(20):
        at = rng.randrange(30, 450)  # aioquic pads with zeros behind the packet
        broken = datagram[:at] + bytes((datagram[at] ^ 1,)) + datagram[at + 1 :]
        assert read([broken]) is NOT_TLS


def test_what_is_no_initial() -> None:
    """Short headers, an unknown version, a Retry, a cut packet, DNS: none of it is read."""
    (datagram,) = flight("video.test")
    for other in (
        b"",
        b"\x40" + datagram[1:],
        datagram[:1] + b"\xba\xba\xba\xba" + datagram[5:],
        bytes((datagram[0] | 0x30,)) + datagram[1:],
        datagram[:400],
        b"\x12\x34\x01\x00\x00\x01",
    ):
        assert read([other]) is NOT_TLS


def test_padding_behind_the_packet_and_a_coalesced_one() -> None:
    """Zero bytes after the packet, and a second copy of it, do not disturb."""
    (datagram,) = flight("video.test")
    assert isinstance(read([datagram + bytes(50)]), Hello)
    assert isinstance(read([datagram + datagram]), Hello)


def test_a_flow_that_never_completes_is_given_up() -> None:
    """Half a hello again and again ends in NOT_TLS, after the named limit."""
    first, _ = long_flight("video.test")
    reader = InitialReader()
    answers = [reader.feed(first) for _ in range(DATAGRAMS_MAX)]
    assert answers == [NEED_MORE] * (DATAGRAMS_MAX - 1) + [NOT_TLS]


@given(st.binary(max_size=1500))
def test_noise_is_harmless(noise: bytes) -> None:
    """No bytes raise, and none are taken for a hello."""
    assert not isinstance(read([noise]), Hello)


@given(st.binary(max_size=64), st.integers(0, 60))
def test_noise_in_a_header_is_harmless(noise: bytes, at: int) -> None:
    """A real packet with noise in its header is read or not, and never raises."""
    (datagram,) = flight("video.test")
    read([datagram[:at] + noise + datagram[at + len(noise) :]])
