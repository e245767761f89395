"""What the kernel knows of a connection: Linux `TCP_INFO`, read without any privilege.

What it does. `decode` turns the bytes of `struct tcp_info` into a `TcpInfo`; `read` asks a socket
for them. The struct has only ever grown at its end, so the decoder takes what is there and leaves
the rest null: an old kernel, a sandbox kernel that fills a part, or another system never raises.

Rules. A counter that the kernel did not give is null, never 0. `tcpi_rtt` 0, `tcpi_rcv_rtt` 0 and
`tcpi_min_rtt` 2³²−1 mean "no sample yet" and become null. `tcpi_delivery_rate` is bytes per second
in the kernel and bit/s here. `tcpi_bytes_sent` counts retransmitted bytes too; `bytes_acked` does
not (it may count one more for the SYN and one for the FIN).

What it does not do. macOS (`TCP_CONNECTION_INFO`) and Windows (`SIO_TCP_INFO`) have other structs
and are not read: everything is null there. Not verified on either.

Sources: Linux `include/uapi/linux/tcp.h` (struct tcp_info, enum of socket options), kernel 6.18;
`net/ipv4/tcp.c` tcp_get_info for the units.
"""

from __future__ import annotations

import socket
import struct
import sys

from evenfall.net.api import TcpInfo

__all__ = ["NOTHING_KNOWN", "decode", "read"]

NOTHING_KNOWN = TcpInfo()

_BYTES_MAX = 512
_TCP_CONGESTION = 13
_NAME_BYTES_MAX = 16
_NO_SAMPLE = 2**32 - 1

_U32 = struct.Struct("=I")
_U64 = struct.Struct("=Q")

_OFFSETS: dict[str, tuple[struct.Struct, int]] = {
    "lost": (_U32, 32),
    "rtt": (_U32, 68),
    "rttvar": (_U32, 72),
    "rcv_rtt": (_U32, 92),
    "total_retrans": (_U32, 100),
    "bytes_acked": (_U64, 120),
    "bytes_received": (_U64, 128),
    "segs_out": (_U32, 136),
    "segs_in": (_U32, 140),
    "min_rtt": (_U32, 148),
    "delivery_rate": (_U64, 160),
    "busy_time": (_U64, 168),
    "rwnd_limited": (_U64, 176),
    "sndbuf_limited": (_U64, 184),
    "bytes_sent": (_U64, 200),
    "bytes_retrans": (_U64, 208),
    "rcv_ooopack": (_U32, 224),
}
"""Byte offsets in `struct tcp_info`: 8 one-byte fields, 24 u32, then as the header lists them."""


def decode(raw: bytes, *, congestion_control: str | None = None) -> TcpInfo:
    """Decode as much of `struct tcp_info` as is there; never raises, whatever the length."""
    rate = _field(raw, "delivery_rate")
    least = _field(raw, "min_rtt")
    return TcpInfo(
        rtt_us=_field(raw, "rtt") or None,
        rtt_min_us=None if least in (0, _NO_SAMPLE) else least,
        receiver_rtt_us=_field(raw, "rcv_rtt") or None,
        bytes_sent=_field(raw, "bytes_sent"),
        bytes_acked=_field(raw, "bytes_acked"),
        bytes_received=_field(raw, "bytes_received"),
        bytes_retransmitted=_field(raw, "bytes_retrans"),
        retransmissions=_field(raw, "total_retrans"),
        segments_lost=_field(raw, "lost"),
        segments_out=_field(raw, "segs_out"),
        segments_in=_field(raw, "segs_in"),
        segments_out_of_order=_field(raw, "rcv_ooopack"),
        delivery_rate_bps=None if rate is None else rate * 8,
        congestion_control=congestion_control,
        rtt_variation_us=_field(raw, "rttvar"),
        busy_us=_field(raw, "busy_time"),
        receiver_limited_us=_field(raw, "rwnd_limited"),
        buffer_limited_us=_field(raw, "sndbuf_limited"),
    )


def read(sock: socket.socket) -> TcpInfo:
    """What the kernel tells of this socket now; all null where it tells nothing (about 12 µs)."""
    if sys.platform != "linux":
        return NOTHING_KNOWN
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_MAX)
    except OSError:  # closed already, or a kernel without it
        return NOTHING_KNOWN
    return decode(raw, congestion_control=_congestion_control(sock))


def _congestion_control(sock: socket.socket) -> str | None:
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, _TCP_CONGESTION, _NAME_BYTES_MAX)
    except OSError:
        return None
    return raw.split(b"\0", 1)[0].decode("ascii", "replace") or None


def _field(raw: bytes, name: str) -> int | None:
    layout, offset = _OFFSETS[name]
    if len(raw) < offset + layout.size:
        return None
    value: int = layout.unpack_from(raw, offset)[0]
    return value
