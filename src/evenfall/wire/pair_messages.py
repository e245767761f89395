"""The lines of the pair protocol: their fields, their limits, their version.

What it does. Encodes and decodes the four kinds of line that `wire.pair` exchanges: request,
answer, done, trailer. Each is one JSON object and one line feed; nothing in it is a float.

Rules.
- `v` is `MAJOR.MINOR`. It is read before anything else: a higher major is refused with
  both versions named, unknown fields of a higher minor are ignored.
- A line that is too long, no JSON, of the wrong type or out of range is a `ProtocolError` that
  says what was expected.
- Sizes: `BODY_BYTES_MIN` … `BODY_BYTES_MAX` (16 KiB … 1 MiB); `SIZES_BYTES` is the ladder that
  `check` climbs. A body under 16 KiB says nothing about a rate; one over 1 MiB costs more than
  METHOD 2 needs.

What it does not do. It does not know which line may come when (`wire.pair` does).

Sources: CONTRACTS ("a reader refuses a higher major"), METHOD 2 (sizes, cap of 4 s).
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from evenfall.model.errors import ProtocolError

__all__ = [
    "BODY_BYTES_MAX",
    "BODY_BYTES_MIN",
    "CAP_US_MAX",
    "LINE_BYTES_MAX",
    "PAIR_VERSION",
    "REFUSALS",
    "SAMPLES_MAX",
    "SIZES_BYTES",
    "TRAILER_BYTES_MAX",
    "Answer",
    "Done",
    "Request",
    "Sample",
    "TcpCounters",
    "Trailer",
    "decode_line",
    "encode_line",
    "is_higher_major",
]

PAIR_VERSION = "1.0"
BODY_BYTES_MIN = 16_384
BODY_BYTES_MAX = 1_048_576
SIZES_BYTES = (65_536, 262_144, 1_048_576)
CAP_US_MAX = 10_000_000
LINE_BYTES_MAX = 1_024
"""Of a request, an answer and a done line, line feed included."""
TRAILER_BYTES_MAX = 16_384
SAMPLES_MAX = 64

REFUSALS: dict[str, str] = {
    "version": "The request's major version is higher than the server's.",
    "malformed": "The request is not a request of this protocol.",
    "busy": "The server has as many transfers as it allows at once.",
    "budget": "This address has used up its bytes for the minute.",
    "unknown_id": "No result is kept under this transfer id (they are kept for a minute).",
}
"""Codes of an answer with `ok` false; refusals are about the server, never evidence."""

Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
TransferId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Version = Annotated[str, Meta(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}$")]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Client → server, first line.

    Attributes:
        op: `get` (server sends the body), `put` (client sends it), `result` (the trailer of an
            earlier transfer, which could not come on its own connection).
        size_bytes: of the body; 0 for `result`.
        cap_us: after this time the transfer is cut, counted from the ClientHello.
        id: 128 random bits, chosen by the client; whoever knows it may ask for the result.
    """

    v: Version = PAIR_VERSION
    op: Literal["get", "put", "result"]
    size_bytes: Annotated[int, Meta(ge=0, le=BODY_BYTES_MAX)] = msgspec.field(
        name="bytes", default=0
    )
    cap_us: Annotated[int, Meta(ge=100_000, le=CAP_US_MAX)] = 4_000_000
    id: TransferId

    def __post_init__(self) -> None:
        if self.op != "result" and self.size_bytes < BODY_BYTES_MIN:
            raise ValueError(f"a body has at least {BODY_BYTES_MIN} bytes")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Server → client, first line.

    Attributes:
        now_us: the server's wall clock when it wrote this (authentic, since its key is pinned).
        error: a key of `REFUSALS` if not `ok`.
        text: one sentence for a person.
    """

    v: Version = PAIR_VERSION
    ok: bool
    now_us: Count
    error: Annotated[str, Meta(max_length=32)] | None = None
    text: Annotated[str, Meta(max_length=512)] | None = None


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Client → server after the last byte of a `get`; until then the server keeps sampling."""

    v: Version = PAIR_VERSION
    body_bytes: Count
    elapsed_us: Count


class TcpCounters(msgspec.Struct, frozen=True, kw_only=True):
    """The server's TCP_INFO at the end; null where its kernel does not tell."""

    rtt_us: Count | None = None
    rtt_min_us: Count | None = None
    bytes_sent: Count | None = None
    bytes_acked: Count | None = None
    bytes_received: Count | None = None
    bytes_retransmitted: Count | None = None
    segments_out: Count | None = None
    segments_in: Count | None = None
    delivery_rate_bps: Count | None = None
    congestion_control: Annotated[str, Meta(max_length=16)] | None = None


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """The server's TCP_INFO at one moment of the transfer; `t_us` since the first byte came."""

    t_us: Count
    rtt_us: Count | None
    rtt_min_us: Count | None
    bytes_acked: Count | None
    bytes_retransmitted: Count | None
    body_bytes: Count


class Trailer(msgspec.Struct, frozen=True, kw_only=True):
    """Server → client, last line: what the transfer looked like from the server.

    Attributes:
        body_bytes: `get`: handed to the server's kernel; `put`: arrived at the server.
        elapsed_us: from the first byte of the ClientHello to the last byte of the body.
        complete: the whole body was sent or has arrived.
        samples: every 50 ms, thinned to `SAMPLES_MAX`.
    """

    v: Version = PAIR_VERSION
    id: TransferId
    op: Literal["get", "put"]
    body_bytes: Count
    elapsed_us: Count
    complete: bool
    tcp: TcpCounters = TcpCounters()
    samples: Annotated[tuple[Sample, ...], Meta(max_length=SAMPLES_MAX)] = ()


Line = Request | Answer | Done | Trailer
T = TypeVar("T", Request, Answer, Done, Trailer)


_OUR_MAJOR = int(PAIR_VERSION.split(".", 1)[0])


class _Versioned(msgspec.Struct):
    v: Version


_NAMES: dict[type, str] = {
    Request: "a request",
    Answer: "an answer",
    Done: "a done line",
    Trailer: "a trailer",
}


def encode_line(line: Line) -> bytes:
    """The line, line feed included; fields at their default are written too."""
    return msgspec.json.encode(line) + b"\n"


def decode_line(raw: bytes, kind: type[T]) -> T:
    """Decode one line (without its line feed).

    Raises:
        ProtocolError: a higher major version, or not a line of this kind.
    """
    name = _NAMES[kind]
    if is_higher_major(raw):
        raise ProtocolError(
            expected=f"pair protocol {_OUR_MAJOR}.x",
            seen=f"{name} of a higher version",
            where="pair protocol",
            remedy="Update the older of the two ends.",
        )
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(
            expected=f"{name} of the pair protocol {PAIR_VERSION}",
            seen=f"{len(raw)} bytes that are none ({error})",
            where="pair protocol",
            remedy="Check that both ends are Evenfall, and their versions.",
        ) from error


def is_higher_major(raw: bytes) -> bool:
    """Whether a line carries a version that we must not try to read."""
    try:
        version = msgspec.json.decode(raw, type=_Versioned).v
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return int(version.split(".", 1)[0]) > _OUR_MAJOR
