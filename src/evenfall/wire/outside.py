"""The outside view: what a measurement server saw of a site, asked for and signed; no sockets.

What it does. Inside the same TLS connection as paired transfers, a client asks "look at this
address"; the server answers with a statement of what it saw from its own side, and a signature.
Requests and answers are one JSON object a line; several looks may be under way on one connection,
and answers come as they are ready, told apart by `id`.

    C: {"v":"1.0","op":"look","target":{"url":…,"addresses":[…]},"id":…,"nonce":…}
    S: {"v":"1.0","ok":true,"id":…,"statement":"{…}","signature":…,"key":…}

Rules.
- A statement is canonical JSON (`model.encoding`): integers only, keys sorted. It is handed on as
  a string, byte for byte as signed, so that whoever keeps it can check it years later.
- Signed are `SIGNED_PREFIX` and the statement, with the server's own key (ECDSA P-256, SHA-256):
  the one whose pin the client has. The key travels along, the pin says whose it is.
- It is about this question only: `nonce`, `id` and `url` are those of the request. What it reports
  may be up to `AGE_US_MAX` old by the server's own clock, because the server looks once for all who
  ask in the same minute. The client's clock plays no part: it may be an hour off.
- A step is an ordinary observation with fewer fields, and means the same.
- A line that is too long, no JSON, of the wrong type or out of range is a `ProtocolError`; a higher
  major version is refused before anything else is read; unknown fields are ignored.

What it does not do. It neither signs nor checks a signature (`server.identity`, `measure.outside`)
and it hands no byte of a body on: figures, a hash and a title only. Whether a site may be looked at
is the server's decision (`server.allow_list`).

Sources: METHOD 1 (outside view), CONTRACTS (canonical JSON, prefixes of signed bytes).
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from evenfall.model.encoding import canonical_json
from evenfall.model.errors import ProtocolError
from evenfall.wire.pair_messages import Count, TransferId, Version

__all__ = [
    "ADDRESSES_MAX",
    "AGE_US_MAX",
    "ANSWER_BYTES_MAX",
    "ENDINGS",
    "LOOKS_PER_CONNECTION",
    "LOOK_REFUSALS",
    "OUTSIDE_VERSION",
    "REQUEST_BYTES_MAX",
    "STATEMENT_CHARS_MAX",
    "STEPS_MAX",
    "URL_CHARS_MAX",
    "LookAnswer",
    "LookRequest",
    "LookTarget",
    "Statement",
    "Step",
    "decode",
    "encode",
    "is_look",
    "read_statement",
    "signed_bytes",
    "write_statement",
]

OUTSIDE_VERSION = "1.0"
REQUEST_BYTES_MAX = 4_096
"""Of a request, line feed included."""
ANSWER_BYTES_MAX = 32_768
"""Of an answer: a statement whose every character is escaped still fits twice."""
STATEMENT_CHARS_MAX = 8_192
"""What an observation keeps (`model.observation`)."""
URL_CHARS_MAX = 1_000
ADDRESSES_MAX = 4
STEPS_MAX = 24
LOOKS_PER_CONNECTION = 8
AGE_US_MAX = 90_000_000
"""A minute in the server's memory, and the look itself."""
_SIGNED_PREFIX = b"evenfall-outside-v1\0"
_OP_SEARCH_BYTES = 96

LOOK_REFUSALS: dict[str, str] = {
    "version": "The request's major version is higher than the server's.",
    "malformed": "The request is none of this protocol, or its address is no web address.",
    "not_listed": "The server's operator does not let it look at this host or port.",
    "busy": "The server looks at as many sites as it does at once, or has done so this minute.",
    "budget": "This address has used up its looks for the minute.",
}
"""Codes of an answer with `ok` false; refusals are about the server, never evidence."""

ENDINGS: dict[str, str] = {
    "complete": "It looked at all there was to look at.",
    "redirect_not_listed": "The site redirects to a host that the server may not look at.",
    "too_many_redirects": "The site redirects further than the server follows.",
    "time": "The time for one look was over.",
}
"""Why a look ended where it did."""

Text = Annotated[str, Meta(max_length=256)]
Address = Annotated[str, Meta(max_length=45)]
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class LookTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What to look at.

    Attributes:
        url: web address in plain ASCII, or `mtproto://HOST:PORT`.
        addresses: where the line was sent to for its host; see `server.outside_look` for when they
            are tried.
    """

    url: Annotated[str, Meta(max_length=URL_CHARS_MAX)]
    addresses: Annotated[tuple[Address, ...], Meta(max_length=ADDRESSES_MAX)] = ()


class LookRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Client → server.

    Attributes:
        id: names the question on this connection.
        nonce: 128 random bits that no older statement can hold.
    """

    v: Version = OUTSIDE_VERSION
    op: Literal["look"] = "look"
    target: LookTarget
    id: TransferId
    nonce: TransferId


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fact as the server saw it; fields as in `model.observation`."""

    fact: Literal["dns_lookup", "tcp_connect", "tls_handshake", "http_exchange", "mtproto_exchange"]
    started_us: Count
    duration_us: Count
    host: Text
    address: Address | None = None
    port: Count | None = None
    family: Literal[4, 6] | None = None
    sni: Text | None = None
    answers: Annotated[tuple[Address, ...], Meta(max_length=16)] | None = None
    failure: Text | None = None
    operation: Text | None = None
    first_byte_us: Count | None = None
    status_code: Count | None = None
    size_bytes: Count | None = None
    body_bytes: Count | None = None
    body_sha256: Hash | None = None
    title: Text | None = None
    certificate_sha256: Hash | None = None
    goodput_bps: Count | None = None
    capped: bool | None = None
    offers_quic: bool | None = None


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed.

    Attributes:
        now_us: the server's wall clock when it signed.
        seen_us: when it began to look; `now_us` − `seen_us` is the age of the view.
        ended: a key of `ENDINGS`.
        cut: steps were left out, because the statement would have been too long.
    """

    v: Version = OUTSIDE_VERSION
    kind: Literal["outside_view"] = "outside_view"
    id: TransferId
    nonce: TransferId
    url: Annotated[str, Meta(max_length=URL_CHARS_MAX)]
    now_us: Count
    seen_us: Count
    ended: Annotated[str, Meta(max_length=32)]
    cut: bool = False
    steps: Annotated[tuple[Step, ...], Meta(max_length=STEPS_MAX)]


class LookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Server → client.

    Attributes:
        id: of the request; null if it could not be read.
        error: a key of `LOOK_REFUSALS` if not `ok`.
        statement: canonical JSON of a `Statement`, as signed.
        signature: base64 of a DER ECDSA signature.
        key: base64 of the DER SubjectPublicKeyInfo.
    """

    v: Version = OUTSIDE_VERSION
    ok: bool
    id: TransferId | None = None
    error: Annotated[str, Meta(max_length=32)] | None = None
    text: Annotated[str, Meta(max_length=512)] | None = None
    statement: Annotated[str, Meta(max_length=STATEMENT_CHARS_MAX)] | None = None
    signature: Text | None = None
    key: Text | None = None


T = TypeVar("T", LookRequest, LookAnswer)
_NAMES: dict[type, str] = {LookRequest: "a look request", LookAnswer: "an answer to a look"}
_OUR_MAJOR = int(OUTSIDE_VERSION.split(".", 1)[0])


class _Versioned(msgspec.Struct):
    v: Version


def is_look(first: bytes) -> bool:
    """Whether a connection's first bytes begin a look; `op` stands near the start of the line."""
    return b'"look"' in first[:_OP_SEARCH_BYTES].replace(b" ", b"")


def encode(line: LookRequest | LookAnswer) -> bytes:
    """The line, line feed included."""
    return msgspec.json.encode(line) + b"\n"


def decode(raw: bytes, kind: type[T]) -> T:
    """Decode one line, without its line feed.

    Raises:
        ProtocolError: a higher major version, or not a line of this kind.
    """
    _refuse_higher_major(raw)
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        seen = f"{len(raw)} bytes that are none ({error})"
        raise _violation(f"{_NAMES[kind]} of the outside view {OUTSIDE_VERSION}", seen) from error


def signed_bytes(statement: str) -> bytes:
    """What the signature is over; the prefix keeps it from being taken for anything else."""
    return _SIGNED_PREFIX + statement.encode()


def write_statement(statement: Statement) -> str:
    """Canonical JSON, cut from the end if it would be longer than `STATEMENT_CHARS_MAX`."""
    text = canonical_json(statement).decode()
    while len(text) > STATEMENT_CHARS_MAX and statement.steps:
        statement = msgspec.structs.replace(statement, cut=True, steps=statement.steps[:-1])
        text = canonical_json(statement).decode()
    return text


def read_statement(text: str, request: LookRequest) -> Statement:
    """Read a statement whose signature was checked, and hold it against what was asked.

    Raises:
        ProtocolError: it is none, or it is about another question, or it is too old.
    """
    raw = text.encode()
    _refuse_higher_major(raw)
    try:
        said = msgspec.json.decode(raw, type=Statement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _violation("a statement", f"{len(raw)} bytes that are none ({error})") from error
    for name, ours, theirs in (
        ("nonce", request.nonce, said.nonce),
        ("id", request.id, said.id),
        ("url", request.target.url, said.url),
    ):
        if ours != theirs:
            raise _violation(f"a statement with our {name}", f"another {name}")
    if not 0 <= said.now_us - said.seen_us <= AGE_US_MAX:
        raise _violation(f"a view of at most {AGE_US_MAX // 1_000_000} s", "an older one")
    return said


def _refuse_higher_major(raw: bytes) -> None:
    try:
        version = msgspec.json.decode(raw, type=_Versioned).v
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # whoever decodes the rest says what is wrong
    if int(version.split(".", 1)[0]) > _OUR_MAJOR:
        raise ProtocolError(
            expected=f"outside view {_OUR_MAJOR}.x",
            seen=f"version {version}",
            where="outside view",
            remedy="Update the older of the two ends.",
        )


def _violation(expected: str, seen: str) -> ProtocolError:
    return ProtocolError(
        expected=expected,
        seen=seen,
        where="outside view",
        remedy="Check that both ends are Evenfall, and their versions.",
    )
