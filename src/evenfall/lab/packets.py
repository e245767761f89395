"""Read and build Ethernet, IPv4, IPv6, TCP and UDP, as much of them as the lab's wire needs.

A `Packet` is a parsed view of one frame; little is copied. Whatever is not unfragmented TCP or UDP
right behind the IP header parses to a packet without ports, or to None: the wire passes what it
cannot read, as a router would. What neighbours on one link say to each other (ARP, IPv6 neighbour
and multicast discovery) is None too: it belongs to the link, not to the line.
Sources: RFC 791, RFC 8200, RFC 4861, RFC 9293, RFC 768, RFC 1071.
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
    "parse_ip",
    "redirect_tcp",
    "redirect_udp",
    "tcp_options",
]

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
TCP, UDP = 6, 17
ICMPV6 = 58
ETHERNET_BYTES = 14
TTL_START = 64

_IPV4_TYPE, _IPV6_TYPE = b"\x08\x00", b"\x86\xdd"
_IP_HEADER = struct.Struct("!BBHHHBBH4s4s")
_IP6_HEADER = struct.Struct("!IHBB16s16s")
_LINK_ICMPV6 = range(133, 138)  # router and neighbour discovery
_TCP_HEADER = struct.Struct("!HHIIBBHHH")
_UDP_HEADER = struct.Struct("!HHHH")
_FRAGMENTED = 0x3FFF  # more-fragments flag and offset


class Packet:
    """One IP packet.

    Attributes:
        raw: the whole packet, without padding.
        family: 4 or 6.
        source, destination: four or sixteen bytes each.
        protocol: `TCP`, `UDP` or another number of IANA's list.
        ip_bytes: length of the IP packet; what rates and buckets count is this plus Ethernet.
        source_port, destination_port: 0 where there is none (other protocols, fragments).
        sequence, acknowledgement, flags: of TCP; 0 otherwise.
        payload: what TCP or UDP carries; for other protocols what IP carries.
    """

    __slots__ = (
        "acknowledgement", "destination", "destination_port", "family", "flags", "ip_bytes",
        "payload", "protocol", "raw", "sequence", "source", "source_port", "ttl",
    )  # fmt: skip

    raw: bytes
    family: int
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
    """The packet in an Ethernet frame; None for anything but readable IP that routers carry."""
    kind = frame[12:14]
    if kind != _IPV4_TYPE and kind != _IPV6_TYPE:
        return None
    return parse_ip(frame[ETHERNET_BYTES:])


def parse_ip(data: bytes) -> Packet | None:
    """The packet in these bytes (Ethernet padding after it is cut off); None if unreadable."""
    version = data[0] >> 4 if data else 0
    if version == 4:
        return _parse_ipv4(data)
    return _parse_ipv6(data) if version == 6 else None


def _parse_ipv4(data: bytes) -> Packet | None:
    if len(data) < _IP_HEADER.size:
        return None
    first, _, total, _, fragment, ttl, protocol, _, source, destination = _IP_HEADER.unpack_from(
        data
    )
    header_bytes = (first & 0x0F) * 4
    if header_bytes < _IP_HEADER.size or not header_bytes <= total <= len(data):
        return None
    packet = _packet(data[:total], header_bytes, protocol)
    packet.family, packet.source, packet.destination, packet.ttl = 4, source, destination, ttl
    if not fragment & _FRAGMENTED:
        _read_transport(packet)
    return packet


def _parse_ipv6(data: bytes) -> Packet | None:
    if len(data) < _IP6_HEADER.size:
        return None
    _, payload_bytes, protocol, ttl, source, destination = _IP6_HEADER.unpack_from(data)
    total = _IP6_HEADER.size + payload_bytes
    multicast = destination[0] == 0xFF
    if total > len(data) or multicast:
        return None
    packet = _packet(data[:total], _IP6_HEADER.size, protocol)
    if protocol == ICMPV6 and packet.payload and packet.payload[0] in _LINK_ICMPV6:
        return None
    packet.family, packet.source, packet.destination, packet.ttl = 6, source, destination, ttl
    _read_transport(packet)  # behind an extension header there is none that we read
    return packet


def _packet(data: bytes, header_bytes: int, protocol: int) -> Packet:
    """A packet without addresses and ports yet."""
    packet = Packet()
    packet.raw = data
    packet.protocol, packet.ip_bytes = protocol, len(data)
    packet.source_port = packet.destination_port = 0
    packet.sequence = packet.acknowledgement = packet.flags = 0
    packet.payload = data[header_bytes:]
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
    options: bytes = b"",
) -> bytes:
    """An IP packet with a TCP segment and right checksums.

    Both ends are (address bytes, port); numbers are taken modulo 2^32; options are a multiple of
    four bytes.
    """
    offset = (_TCP_HEADER.size + len(options)) // 4
    segment = _TCP_HEADER.pack(
        source[1], destination[1], sequence % 2**32, acknowledgement % 2**32, offset << 4, flags,
        window, 0, 0,
    ) + options + payload  # fmt: skip
    total = checksum(_pseudo_header(source[0], destination[0], TCP, len(segment)) + segment)
    segment = segment[:16] + total.to_bytes(2) + segment[18:]
    return _build_ip(source[0], destination[0], TCP, segment)


def build_udp(source: tuple[bytes, int], destination: tuple[bytes, int], payload: bytes) -> bytes:
    """An IP packet with a UDP datagram and right checksums; ends are (address bytes, port)."""
    length = _UDP_HEADER.size + len(payload)
    datagram = _UDP_HEADER.pack(source[1], destination[1], length, 0) + payload
    total = checksum(_pseudo_header(source[0], destination[0], UDP, length) + datagram)
    # RFC 768: a checksum of zero is sent as all ones, zero means "none".
    datagram = datagram[:6] + (total or 0xFFFF).to_bytes(2) + datagram[8:]
    return _build_ip(source[0], destination[0], UDP, datagram)


def redirect_tcp(
    packet: Packet,
    *,
    source: tuple[bytes, int],
    destination: tuple[bytes, int],
    sequence: int,
    acknowledgement: int,
    options: bytes = b"",
) -> bytes:
    """The same segment between other ends, with other numbers and options; TTL starts anew."""
    window = int.from_bytes(_tcp_header(packet)[14:16])
    return build_tcp(
        source, destination, sequence=sequence, acknowledgement=acknowledgement,
        flags=packet.flags, payload=packet.payload, window=window, options=options,
    )  # fmt: skip


def redirect_udp(
    packet: Packet, *, source: tuple[bytes, int], destination: tuple[bytes, int]
) -> bytes:
    """The same datagram between other ends; TTL starts anew."""
    return build_udp(source, destination, packet.payload)


def tcp_options(packet: Packet) -> list[tuple[int, bytes]]:
    """Options of a TCP segment as (kind, value), padding left out; cut short where unreadable."""
    header = _tcp_header(packet)
    data = header[_TCP_HEADER.size :]
    found: list[tuple[int, bytes]] = []
    while data and data[0] != 0:
        if data[0] == 1:
            data = data[1:]
            continue
        length = data[1] if len(data) > 1 else 0
        if not 2 <= length <= len(data):
            break
        found.append((data[0], data[2:length]))
        data = data[length:]
    return found


def _tcp_header(packet: Packet) -> bytes:
    """Header of a TCP segment with its options."""
    ip_bytes = _IP6_HEADER.size if packet.family == 6 else (packet.raw[0] & 0x0F) * 4
    return packet.raw[ip_bytes : len(packet.raw) - len(packet.payload)]


def _build_ip(source: bytes, destination: bytes, protocol: int, body: bytes) -> bytes:
    if len(source) == 16:
        return _IP6_HEADER.pack(6 << 28, len(body), protocol, TTL_START, source, destination) + body
    total_bytes = _IP_HEADER.size + len(body)
    header = _IP_HEADER.pack(
        0x45, 0, total_bytes, 0, 0x4000, TTL_START, protocol, 0, source, destination
    )
    return header[:10] + checksum(header).to_bytes(2) + header[12:] + body


def _pseudo_header(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """What TCP and UDP sum beside themselves (RFC 9293 3.1, RFC 8200 8.1)."""
    if len(source) == 16:
        return source + destination + struct.pack("!II", length, protocol)
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
    """`"192.0.2.1"` as four bytes, `"2001:db8::1"` as sixteen; raises ValueError for others."""
    return ipaddress.ip_address(address).packed
