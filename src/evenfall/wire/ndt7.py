"""ndt7, the speed test of M-Lab: its messages, its sizes, its paths; no sockets.

What it does. ndt7 is a WebSocket over TLS (or without): binary messages are load, in one direction
per test; text messages are measurements, in both. This file knows the paths and the subprotocol,
how large the next message may be, how a measurement is written and read, and which query strings
are refused. Framing is the `websockets` library's.

Rules (specification v0.11.0).
- `GET /ndt/v7/download` or `/upload` with `Sec-WebSocket-Protocol: net.measurementlab.ndt.v7`.
- The query string carries metadata: at most 4096 bytes, no empty and no double keys.
- Messages have 2^10 … 2^24 bytes, begin with 2^13, and double while they are less than a sixteenth
  of what was sent. We send none over 2^20 (nothing is gained); one of 2^24 has to be accepted.
- Time is counted from the end of the WebSocket handshake: up to 10 s; at 13 s either side may close
  hard. A server may close earlier: ours does so at a number of bytes.
- At most ten measurements a second; ours come every `MEASURE_EVERY_S`. The server's carry
  ConnectionInfo; a client's never do. All times are µs, all amounts bytes, all names as the
  specification has them. What we cannot know is left out.

What it does not do. It asks no locate service and it publishes nothing: an ndt7 test with a server
of ours is between the two of them.

Sources: m-lab/ndt-server, spec/ndt7-protocol.md v0.11.0 (1b0cc91); RFC 6455.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

__all__ = [
    "DOWNLOAD_PATH",
    "MEASURE_EVERY_S",
    "MESSAGE_BYTES_MAX",
    "QUERY_BYTES_MAX",
    "SUBPROTOCOL",
    "TEST_S",
    "TEST_S_HARD",
    "TEXT_BYTES_MAX",
    "UPLOAD_PATH",
    "AppInfo",
    "ConnectionInfo",
    "Measurement",
    "TcpInfoOut",
    "is_query",
    "next_message_bytes",
    "read_measurement",
    "write_measurement",
]

SUBPROTOCOL = "net.measurementlab.ndt.v7"
DOWNLOAD_PATH = "/ndt/v7/download"
UPLOAD_PATH = "/ndt/v7/upload"
TEST_S = 10.0
TEST_S_HARD = 13.0
MEASURE_EVERY_S = 0.25
MESSAGE_BYTES_MAX = 2**24
"""Has to be accepted."""
_MESSAGE_BYTES_FIRST = 2**13
_MESSAGE_BYTES_SENT_MAX = 2**20
_SHARE = 16
QUERY_BYTES_MAX = 4_096
_QUERY_KEYS_MAX = 64
TEXT_BYTES_MAX = 16_384
"""Of a measurement; the largest that other servers send have some 2 KB."""

Amount = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class AppInfo(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """What the application has counted: µs since the handshake, bytes of load."""

    elapsed_time: Amount
    num_bytes: Amount


class ConnectionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Both ends as the server sees them; told to the client alone and kept nowhere."""

    client: str = msgspec.field(name="Client")
    server: str = msgspec.field(name="Server")
    uuid: str = msgspec.field(name="UUID")
    start_time: str = msgspec.field(name="StartTime")


class TcpInfoOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The kernel's counters; what it does not tell is left out."""

    elapsed_time: Amount | None = msgspec.field(name="ElapsedTime", default=None)
    busy_time: Amount | None = msgspec.field(name="BusyTime", default=None)
    bytes_acked: Amount | None = msgspec.field(name="BytesAcked", default=None)
    bytes_received: Amount | None = msgspec.field(name="BytesReceived", default=None)
    bytes_sent: Amount | None = msgspec.field(name="BytesSent", default=None)
    bytes_retrans: Amount | None = msgspec.field(name="BytesRetrans", default=None)
    min_rtt: Amount | None = msgspec.field(name="MinRTT", default=None)
    rtt: Amount | None = msgspec.field(name="RTT", default=None)
    rtt_var: Amount | None = msgspec.field(name="RTTVar", default=None)
    rwnd_limited: Amount | None = msgspec.field(name="RWndLimited", default=None)
    snd_buf_limited: Amount | None = msgspec.field(name="SndBufLimited", default=None)


class Measurement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One text message; every part is optional, and unknown ones are ignored."""

    app_info: AppInfo | None = msgspec.field(name="AppInfo", default=None)
    connection_info: ConnectionInfo | None = msgspec.field(name="ConnectionInfo", default=None)
    origin: str | None = msgspec.field(name="Origin", default=None)
    test: str | None = msgspec.field(name="Test", default=None)
    tcp_info: TcpInfoOut | None = msgspec.field(name="TCPInfo", default=None)


def next_message_bytes(message_bytes: int, sent_bytes: int) -> int:
    """Size of the next message after `sent_bytes` in all; `message_bytes` 0: the first one."""
    if not message_bytes:
        return _MESSAGE_BYTES_FIRST
    grows = message_bytes < sent_bytes / _SHARE and message_bytes < _MESSAGE_BYTES_SENT_MAX
    return 2 * message_bytes if grows else message_bytes


def is_query(query: str) -> bool:
    """Whether a query string (without its question mark) is one that a server takes."""
    if not query:
        return True
    if len(query) > QUERY_BYTES_MAX:
        return False
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, strict_parsing=True, max_num_fields=_QUERY_KEYS_MAX
        )
    except ValueError:
        return False
    keys = [key for key, _ in pairs]
    return all(keys) and len(set(keys)) == len(keys)


def write_measurement(measurement: Measurement) -> bytes:
    """The JSON of a text message."""
    return msgspec.json.encode(measurement)


def read_measurement(raw: bytes) -> Measurement | None:
    """A measurement of the other side; None if it is none (it is a message, and no error)."""
    if len(raw) > TEXT_BYTES_MAX:
        return None
    try:
        return msgspec.json.decode(raw, type=Measurement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
