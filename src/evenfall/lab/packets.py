"""Read and build Ethernet, IPv4, TCP and UDP, as much of them as the lab's wire needs.

A `Packet` is a parsed view of one frame; nothing is copied but the addresses. Whatever is not
unfragmented IPv4 with TCP or UDP parses to a packet without ports, or to None: the wire passes
what it cannot read, as a router would. Sources: RFC 791, RFC 9293, RFC 768, RFC 1071.
"""

from __future__ import annotations

import ipaddress
import struct

__all__ = [
    "ACK",
    "ETHERNET_BYTES",
    "FIN",
    "PSH",
    "RST",
    "SYN",
    "TCP",
    "UDP",
    "Packet",
    "build_tcp",
    "build_udp",
    "checksum",
    "pack_address",
    "parse_frame",
    "parse_ipv4",
]

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
TCP, UDP = 6, 17
ETHERNET_BYTES = 14
TTL_START = 64

_IPV4_TYPE = b"\x08\x00"
_IP_HEADER = struct.Struct("!BBHHHBBH4s4s")
_TCP_HEADER = struct.Struct("!HHIIBBHHH")
_UDP_HEADER = struct.Struct("!HHHH")
_FRAGMENTED = 0x3FFF  # more-fragments flag and offset


class Packet:
    """One IPv4 packet.

    Attributes:
        source, destination: four bytes each.
        protocol: `TCP`, `UDP` or another number of IANA's list.
        ip_bytes: length of the IP packet; what rates and buckets count is this plus Ethernet.
        source_port, destination_port: 0 where there is none (other protocols, fragments).
        sequence, acknowledgement, flags: of TCP; 0 otherwise.
        payload: what TCP or UDP carries; for other protocols what IP carries.
    """

    __slots__ = (
        "acknowledgement", "destination", "destination_port", "flags", "ip_bytes", "payload",
        "protocol", "sequence", "source", "source_port", "ttl",
    )  # fmt: skip

    source: bytes
    destination: bytes
    protocol: int
    ttl: int
    ip_bytes: int
    source_port: int
    destination_port: int
    sequence: int
    acknowledgement: int
    flags: int
    payload: bytes

    @property
    def is_tcp(self) -> bool:
        """A TCP segment whose header could be read."""
        return self.protocol == TCP and self.source_port != 0

    @property
    def is_udp(self) -> bool:
        """A UDP datagram whose header could be read."""
        return self.protocol == UDP and self.source_port != 0


def parse_frame(frame: bytes) -> Packet | None:
    """The packet in an Ethernet frame; None for anything but readable IPv4 (ARP, IPv6, noise)."""
    if frame[12:14] != _IPV4_TYPE:
        return None
    return parse_ipv4(frame[ETHERNET_BYTES:])


def parse_ipv4(data: bytes) -> Packet | None:
    """The packet in these bytes (Ethernet padding after it is cut off); None if unreadable."""
    if len(data) < _IP_HEADER.size or data[0] >> 4 != 4:
        return None
    first, _, total, _, fragment, ttl, protocol, _, source, destination = _IP_HEADER.unpack_from(
        data
    )
    header_bytes = (first & 0x0F) * 4
    if header_bytes < _IP_HEADER.size or not header_bytes <= total <= len(data):
        return None
    packet = Packet()
    packet.source, packet.destination = source, destination
    packet.protocol, packet.ttl, packet.ip_bytes = protocol, ttl, total
    packet.source_port = packet.destination_port = 0
    packet.sequence = packet.acknowledgement = packet.flags = 0
    packet.payload = data[header_bytes:total]
    if not fragment & _FRAGMENTED:
        _read_transport(packet)
    return packet


def _read_transport(packet: Packet) -> None:
    """Read the TCP or UDP header; leave the packet without ports if it is cut short."""
    body = packet.payload
    if packet.protocol == TCP and len(body) >= _TCP_HEADER.size:
        source, destination, sequence, acknowledgement, offset, flags, _, _, _ = (
            _TCP_HEADER.unpack_from(body)
        )
        header_bytes = (offset >> 4) * 4
        if _TCP_HEADER.size <= header_bytes <= len(body):
            packet.source_port, packet.destination_port = source, destination
            packet.sequence, packet.acknowledgement = sequence, acknowledgement
            packet.flags = flags
            packet.payload = body[header_bytes:]
    elif packet.protocol == UDP and len(body) >= _UDP_HEADER.size:
        source, destination, length, _ = _UDP_HEADER.unpack_from(body)
        if _UDP_HEADER.size <= length <= len(body):
            packet.source_port, packet.destination_port = source, destination
            packet.payload = body[_UDP_HEADER.size : length]


def build_tcp(
    source: tuple[bytes, int],
    destination: tuple[bytes, int],
    *,
    sequence: int,
    acknowledgement: int,
    flags: int,
    payload: bytes = b"",
    window: int = 65_535,
) -> bytes:
    """An IPv4 packet with a TCP segment and right checksums, no options.

    Both ends are (four address bytes, port); numbers are taken modulo 2^32.
    """
    segment = _TCP_HEADER.pack(
        source[1], destination[1], sequence % 2**32, acknowledgement % 2**32, 5 << 4, flags,
        window, 0, 0,
    ) + payload  # fmt: skip
    total = checksum(_pseudo_header(source[0], destination[0], TCP, len(segment)) + segment)
    segment = segment[:16] + total.to_bytes(2) + segment[18:]
    return _build_ipv4(source[0], destination[0], TCP, segment)


def build_udp(source: tuple[bytes, int], destination: tuple[bytes, int], payload: bytes) -> bytes:
    """An IPv4 packet with a UDP datagram and right checksums; ends are (four bytes, port)."""
    length = _UDP_HEADER.size + len(payload)
    datagram = _UDP_HEADER.pack(source[1], destination[1], length, 0) + payload
    total = checksum(_pseudo_header(source[0], destination[0], UDP, length) + datagram)
    # RFC 768: a checksum of zero is sent as all ones, zero means "none".
    datagram = datagram[:6] + (total or 0xFFFF).to_bytes(2) + datagram[8:]
    return _build_ipv4(source[0], destination[0], UDP, datagram)


def _build_ipv4(source: bytes, destination: bytes, protocol: int, body: bytes) -> bytes:
    total_bytes = _IP_HEADER.size + len(body)
    header = _IP_HEADER.pack(
        0x45, 0, total_bytes, 0, 0x4000, TTL_START, protocol, 0, source, destination
    )
    return header[:10] + checksum(header).to_bytes(2) + header[12:] + body


def _pseudo_header(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    return source + destination + struct.pack("!BBH", 0, protocol, length)


def checksum(data: bytes) -> int:
    """The ones' complement sum of RFC 1071; 0 over data that holds its own right checksum."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def pack_address(address: str) -> bytes:
    """`"192.0.2.1"` as four bytes; raises ValueError for what is no IPv4 address."""
    return ipaddress.IPv4Address(address).packed
