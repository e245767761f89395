"""Packets: against worked examples of the standards, and against broken bytes.

That a real kernel accepts what is built here is checked in `test_netns_censor`.
"""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.lab.packets import (
    ACK,
    PSH,
    SYN,
    TCP,
    UDP,
    build_tcp,
    build_udp,
    checksum,
    pack_address,
    parse_frame,
    parse_ip,
    redirect_tcp,
    redirect_udp,
    tcp_options,
)

CLIENT = (pack_address("192.168.1.2"), 40_000)
SERVER = (pack_address("203.0.113.11"), 443)


def pseudo(packet: bytes, protocol: int) -> bytes:
    """The pseudo header of a packet with a 20-byte IP header (RFC 9293 section 3.1)."""
    return packet[12:20] + struct.pack("!BBH", 0, protocol, len(packet) - 20)


def test_checksum_of_the_rfc_example() -> None:
    """RFC 1071 section 3: the sum of these eight bytes is ddf2, its complement is sent."""
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


def test_checksum_of_a_known_header() -> None:
    """The IPv4 header of Wikipedia's worked example has checksum b861."""
    assert checksum(bytes.fromhex("450000730000400040110000c0a80001c0a800c7")) == 0xB861


@given(st.binary(max_size=1500))
def test_what_is_built_is_read_back(payload: bytes) -> None:
    """TCP: every field comes back, and both checksums come out as zero."""
    packet = build_tcp(
        CLIENT, SERVER, sequence=2**32 - 1, acknowledgement=7, flags=PSH | ACK, payload=payload
    )
    assert checksum(packet[:20]) == 0
    assert checksum(pseudo(packet, TCP) + packet[20:]) == 0
    read = parse_ip(packet)
    assert read is not None
    assert read.is_tcp
    assert not read.is_udp
    assert (read.source, read.source_port) == CLIENT
    assert (read.destination, read.destination_port) == SERVER
    assert (read.sequence, read.acknowledgement, read.flags) == (2**32 - 1, 7, PSH | ACK)
    assert read.payload == payload
    assert read.ip_bytes == len(packet)


@given(st.binary(max_size=1400))
def test_datagrams_are_read_back(payload: bytes) -> None:
    """UDP: the same, and a checksum is always there (zero would mean none)."""
    packet = build_udp(SERVER, CLIENT, payload)
    assert checksum(pseudo(packet, UDP) + packet[20:]) == 0
    assert packet[26:28] != b"\0\0"
    read = parse_ip(packet)
    assert read is not None
    assert read.is_udp
    assert read.payload == payload


def test_ethernet_padding_is_no_payload() -> None:
    """A short frame is padded to 60 bytes; the padding is not part of the packet."""
    packet = build_tcp(CLIENT, SERVER, sequence=1, acknowledgement=0, flags=SYN)
    read = parse_frame(bytes(12) + b"\x08\x00" + packet + bytes(6))
    assert read is not None
    assert read.payload == b""


def test_a_datagram_ends_where_its_length_says() -> None:
    """UDP has a length of its own; bytes after it in the packet are not its payload."""
    packet = bytearray(build_udp(SERVER, CLIENT, b"answer and more"))
    packet[24:26] = (8 + 6).to_bytes(2)
    read = parse_ip(bytes(packet))
    assert read is not None
    assert read.payload == b"answer"


def test_a_checksum_of_zero_is_sent_as_all_ones() -> None:
    """RFC 768: zero means "no checksum", so a sum of zero is written as ffff."""
    sums = {build_udp(SERVER, CLIENT, n.to_bytes(2))[26:28] for n in range(2**16)}
    assert b"\xff\xff" in sums
    assert b"\0\0" not in sums


def test_a_fragment_has_no_ports() -> None:
    """Later fragments carry no TCP header: what stands there is not read as one."""
    packet = bytearray(build_tcp(CLIENT, SERVER, sequence=1, acknowledgement=0, flags=SYN))
    packet[6:8] = b"\x00\x10"
    read = parse_ip(bytes(packet))
    assert read is not None
    assert not read.is_tcp
    assert read.source_port == 0


@pytest.mark.parametrize("kind", [b"\x08\x06", b"\x86\xdd"])
def test_other_protocols_are_not_read(kind: bytes) -> None:
    """ARP, and IPv6 frames with nothing in them, parse to None, which the wire passes."""
    assert parse_frame(bytes(12) + kind + bytes(46)) is None


@given(st.binary(max_size=80))
def test_noise_is_never_an_error(noise: bytes) -> None:
    """Whatever arrives, reading it does not raise."""
    parse_frame(bytes(12) + b"\x08\x00" + noise)
    parse_ip(b"\x45" + noise)


@given(st.integers(0, 39))
def test_a_cut_packet_is_refused(keep: int) -> None:
    """A packet shorter than its own length field says is not read."""
    packet = build_tcp(CLIENT, SERVER, sequence=1, acknowledgement=0, flags=SYN)
    assert parse_ip(packet[:keep]) is None


CLIENT6 = (pack_address("2001:db8:1::2"), 40_000)
SERVER6 = (pack_address("2001:db8:113::11"), 443)


def pseudo6(packet: bytes, protocol: int) -> bytes:
    """The pseudo header of an IPv6 packet (RFC 8200 section 8.1)."""
    return packet[8:40] + struct.pack("!II", len(packet) - 40, protocol)


@given(st.binary(max_size=1500))
def test_ipv6_is_built_and_read_back(payload: bytes) -> None:
    """TCP and UDP over IPv6: fields come back, checksums come out as zero."""
    segment = build_tcp(
        CLIENT6, SERVER6, sequence=2**32 - 1, acknowledgement=7, flags=PSH | ACK, payload=payload
    )
    datagram = build_udp(CLIENT6, SERVER6, payload)
    for packet, protocol in ((segment, TCP), (datagram, UDP)):
        assert checksum(pseudo6(packet, protocol) + packet[40:]) == 0
        read = parse_ip(packet + bytes(3))
        assert read is not None
        assert (read.is_tcp, read.is_udp) == (protocol == TCP, protocol == UDP)
        assert (read.family, read.protocol, read.ttl) == (6, protocol, 64)
        assert (read.source, read.source_port) == CLIENT6
        assert (read.destination, read.destination_port) == SERVER6
        assert (read.payload, read.raw, read.ip_bytes) == (payload, packet, len(packet))


@pytest.mark.parametrize(
    ("next_header", "body", "destination"),
    [
        (58, b"\x87\0\0\0", "2001:db8:1::1"),  # neighbour solicitation
        (58, b"\x88\0\0\0", "2001:db8:1::1"),  # neighbour advertisement
        (58, b"\x80\0\0\0", "ff02::1"),  # an echo to all of a link
        (0, b"\x3a\0\x05\x02\0\0\x01\0", "ff02::16"),  # multicast listener report
    ],
)
def test_what_neighbours_say_belongs_to_the_link(
    next_header: int, body: bytes, destination: str
) -> None:
    """It parses to None, so that no queue, loss or censor of the line meets it."""
    header = struct.pack("!IHBB", 6 << 28, len(body), next_header, 255)
    packet = header + CLIENT6[0] + pack_address(destination) + body
    assert parse_ip(packet) is None


@pytest.mark.parametrize("next_header", [58, 44, 43, 0, 59])
def test_other_ipv6_has_no_ports(next_header: int) -> None:
    """An echo request, a fragment, other headers: a packet, and nothing of it is taken for TCP."""
    header = struct.pack("!IHBB", 6 << 28, 24, next_header, 64)
    read = parse_ip(header + CLIENT6[0] + SERVER6[0] + b"\x80" + bytes(23))
    assert read is not None
    assert not read.is_tcp
    assert not read.is_udp
    assert (read.source, read.destination) == (CLIENT6[0], SERVER6[0])


@given(st.binary(max_size=80))
def test_ipv6_noise_is_never_an_error(noise: bytes) -> None:
    """Whatever arrives, reading it does not raise."""
    parse_frame(bytes(12) + b"\x86\xdd" + noise)
    parse_ip(b"\x60" + noise)


@pytest.mark.parametrize(("near", "far"), [(CLIENT, SERVER), (CLIENT6, SERVER6)])
def test_a_segment_between_other_ends(near: tuple[bytes, int], far: tuple[bytes, int]) -> None:
    """Window, flags and payload stay; ends, numbers and options are new; the sums are right."""
    other = (far[0][:-1] + b"\x5a", 8443)
    segment = build_tcp(
        near, far, sequence=5, acknowledgement=6, flags=PSH | ACK, payload=b"odd", window=77,
        options=b"\x01\x01\x08\x0a" + bytes(8),
    )  # fmt: skip
    packet = parse_ip(segment)
    assert packet is not None
    moved = redirect_tcp(packet, source=near, destination=other, sequence=-1, acknowledgement=9)
    read = parse_ip(moved)
    assert read is not None
    assert (read.destination, read.destination_port) == other
    assert (read.sequence, read.acknowledgement, read.flags) == (2**32 - 1, 9, PSH | ACK)
    assert read.payload == b"odd"
    assert tcp_options(read) == []
    header_bytes = len(moved) - 20 - 3
    assert moved[header_bytes + 14 : header_bytes + 16] == (77).to_bytes(2)
    sums = pseudo(moved, TCP) if len(near[0]) == 4 else pseudo6(moved, TCP)
    assert checksum(sums + moved[header_bytes:]) == 0


def test_a_datagram_between_other_ends() -> None:
    """The payload is the same, the ends are new."""
    packet = parse_ip(build_udp(CLIENT, SERVER, b"question"))
    assert packet is not None
    read = parse_ip(redirect_udp(packet, source=CLIENT, destination=(SERVER[0], 53)))
    assert read is not None
    assert (read.payload, read.destination_port, read.source_port) == (b"question", 53, 40_000)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (b"", []),
        (bytes.fromhex("020405b40101040200000000"), [(2, b"\x05\xb4"), (4, b"")]),
        (bytes.fromhex("0101080a0000000100000002"), [(8, bytes.fromhex("0000000100000002"))]),
        (bytes.fromhex("02040101"), [(2, b"\x01\x01")]),
        (bytes.fromhex("02ff0101"), []),
        (bytes.fromhex("01010105"), []),
        (bytes.fromhex("05010101"), []),
    ],
)
def test_options_of_a_segment(options: bytes, found: list[tuple[int, bytes]]) -> None:
    """Kinds and values in order; padding left out; a length that lies ends the list."""
    packet = parse_ip(
        build_tcp(CLIENT, SERVER, sequence=1, acknowledgement=0, flags=SYN, options=options)
    )
    assert packet is not None
    assert tcp_options(packet) == found
