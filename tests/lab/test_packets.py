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
    """ARP and IPv6 frames parse to None, which the wire passes."""
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
