"""Read the ClientHello that opens a TLS connection, from bytes in any pieces.

What it does
    `HelloReader.feed` takes the first bytes that a client sent, in pieces of any size, and says
    one of three things: `NEED_MORE`, `NOT_TLS`, or a `Hello` with the server name in it.

Rules
    1. The answer depends on the bytes alone, never on how they were cut: a hello split over
       segments, over TLS records, or arriving byte by byte gives the same `Hello`. (Boxes that
       match inside single packets miss the 1.7 kB hellos of post-quantum key shares; a lab that
       did so would teach its detectors something untrue.)
    2. An answer is final. Bytes fed after it change nothing.
    3. It is a reader, not a validator: unknown versions, suites and extensions pass. Only what
       makes the structure unreadable (lengths that do not add up) is `NOT_TLS`, and
       `HelloReader.reason` says why.

How it works
    Two layers are peeled, one after the other: records (type, version, length, fragment; RFC 8446
    section 5.1) whose fragments are joined to one stream, and the first handshake message in that
    stream (type, 24-bit length, body; section 4). A message may span records and a record may
    hold more than the message. Nothing is parsed until the message is complete.

What it does not do
    It does not decrypt: with an encrypted hello (extension 0xfe0d) `server_name` is the outer,
    public name and `encrypted` is true (also for the dummy extension that browsers send: the two
    are made not to be told apart). It reads no DTLS, no QUIC, no SSLv2 hello.

Limits
    `HELLO_BYTES_MAX` bytes of message and `RECORDS_MAX` records; more is `NOT_TLS`. OpenSSL
    accepts hellos up to 131,396 bytes, browsers send 0.5–2 kB.

Sources: RFC 8446 (4, 4.1.2, 4.2, 5.1), RFC 6066 section 3, RFC 7301 section 3.1.
"""

from __future__ import annotations

import enum

import msgspec

__all__ = [
    "HELLO_BYTES_MAX",
    "NEED_MORE",
    "NOT_TLS",
    "RECORDS_MAX",
    "Hello",
    "HelloReader",
    "Undecided",
]

HELLO_BYTES_MAX = 65_536
RECORDS_MAX = 64
FRAGMENT_BYTES_MAX = 16_384  # RFC 8446 5.1: a plaintext record holds 1 … 2^14 bytes

_HANDSHAKE_RECORD = 22
_CLIENT_HELLO = 1
_RECORD_HEADER_BYTES = 5
_MESSAGE_HEADER_BYTES = 4
_SERVER_NAME, _ALPN, _ENCRYPTED_HELLO = 0, 16, 0xFE0D
_HOST_NAME = 0


class Undecided(enum.Enum):
    """The two answers that are not a hello."""

    NEED_MORE = "need_more"
    NOT_TLS = "not_tls"


NEED_MORE = Undecided.NEED_MORE
NOT_TLS = Undecided.NOT_TLS


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """A complete ClientHello.

    Attributes:
        server_name: the host name asked for, lower case; null if none was sent.
        alpn: protocols offered, in order; not printable ones in Python's backslash form.
        encrypted: an encrypted hello is inside, `server_name` is only its public cover.
        bytes_seen: bytes of the TCP stream up to the last byte of the hello, headers included.
        records: TLS records it was spread over.
    """

    server_name: str | None
    alpn: tuple[str, ...]
    encrypted: bool
    bytes_seen: int
    records: int


class HelloReader:
    """Takes the first bytes of one connection, from the client, in order.

    Attributes:
        answer: the last answer given; `NEED_MORE` before the first byte.
        reason: why it is not TLS; empty otherwise.
    """

    def __init__(self) -> None:
        self.answer: Undecided | Hello = NEED_MORE
        self.reason = ""
        self._records = bytearray()  # bytes of the record that is not complete yet
        self._message = bytearray()  # the handshake stream, joined from fragments
        self._records_seen = 0

    def feed(self, data: bytes) -> Undecided | Hello:
        """Add the next bytes (may be empty) and return the answer so far."""
        if self.answer is NEED_MORE:
            self._records += data
            try:
                self.answer = self._read()
            except _Unreadable as unreadable:
                self.reason = str(unreadable)
                self.answer = NOT_TLS
            if self.answer is not NEED_MORE:
                self._records.clear()
                self._message.clear()
        return self.answer

    def _read(self) -> Undecided | Hello:
        """Peel records until the message is complete, or the bytes run out."""
        while True:
            fragment = self._next_fragment()
            if fragment is None:
                return NEED_MORE
            self._message += fragment
            self._records_seen += 1
            length = self._message_bytes()
            if length is not None and len(self._message) >= length:
                return self._hello(length)
            if self._records_seen >= RECORDS_MAX:
                raise _Unreadable(f"no complete ClientHello in {RECORDS_MAX} records")

    def _next_fragment(self) -> bytes | None:
        """Cut one complete record off; None if it is not complete. Refuses as early as it can."""
        head = self._records
        if head and head[0] != _HANDSHAKE_RECORD:
            raise _Unreadable(f"record type {head[0]}, not a handshake")
        if len(head) > 1 and head[1] != 3:
            raise _Unreadable(f"record version {head[1]}.x, not 3.x")
        if len(head) < _RECORD_HEADER_BYTES:
            return None
        length = int.from_bytes(head[3:5])
        if not 1 <= length <= FRAGMENT_BYTES_MAX:
            raise _Unreadable(f"record of {length} bytes")
        if len(head) < _RECORD_HEADER_BYTES + length:
            return None
        fragment = bytes(head[_RECORD_HEADER_BYTES : _RECORD_HEADER_BYTES + length])
        del head[: _RECORD_HEADER_BYTES + length]
        return fragment

    def _message_bytes(self) -> int | None:
        """Length of the first handshake message with its header, once its header is there."""
        if self._message[0] != _CLIENT_HELLO:
            raise _Unreadable(f"handshake type {self._message[0]}, not a ClientHello")
        if len(self._message) < _MESSAGE_HEADER_BYTES:
            return None
        length = _MESSAGE_HEADER_BYTES + int.from_bytes(self._message[1:4])
        if length > HELLO_BYTES_MAX:
            raise _Unreadable(f"a ClientHello of {length} bytes, over {HELLO_BYTES_MAX}")
        return length

    def _hello(self, length: int) -> Hello:
        extensions = _extensions(bytes(self._message[_MESSAGE_HEADER_BYTES:length]))
        name = extensions.get(_SERVER_NAME)
        alpn = extensions.get(_ALPN)
        return Hello(
            server_name=None if name is None else _server_name(name),
            alpn=() if alpn is None else _protocols(alpn),
            encrypted=_ENCRYPTED_HELLO in extensions,
            bytes_seen=length + _RECORD_HEADER_BYTES * self._records_seen,
            records=self._records_seen,
        )


class _Unreadable(Exception):
    """These bytes are not a ClientHello; never leaves this file."""


class _Cursor:
    """Reads length-prefixed vectors (RFC 8446 section 3.4) and refuses to read past the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        if len(piece) < count:
            raise _Unreadable("a length inside the ClientHello points past its end")
        self._at += count
        return piece

    def integer(self, count: int) -> int:
        return int.from_bytes(self.take(count))

    def vector(self, prefix_bytes: int) -> bytes:
        return self.take(self.integer(prefix_bytes))

    def __bool__(self) -> bool:
        return self._at < len(self._data)


def _extensions(body: bytes) -> dict[int, bytes]:
    """Extension number → content; of a repeated extension the first counts."""
    cursor = _Cursor(body)
    cursor.take(2 + 32)  # legacy_version, random
    cursor.vector(1)  # legacy_session_id
    cursor.vector(2)  # cipher_suites
    cursor.vector(1)  # legacy_compression_methods
    found: dict[int, bytes] = {}
    if not cursor:
        return found  # TLS 1.0 and 1.1 hellos may have no extensions at all
    block = _Cursor(cursor.vector(2))
    while block:
        number = block.integer(2)
        found.setdefault(number, block.vector(2))
    return found


def _server_name(content: bytes) -> str | None:
    names = _Cursor(_Cursor(content).vector(2))
    while names:
        kind, name = names.integer(1), names.vector(2)
        if kind == _HOST_NAME:
            try:
                return name.decode("ascii").lower()
            except UnicodeDecodeError:
                raise _Unreadable("a server name that is not ASCII") from None
    return None


def _protocols(content: bytes) -> tuple[str, ...]:
    cursor = _Cursor(_Cursor(content).vector(2))
    protocols: list[str] = []
    while cursor:
        protocols.append(cursor.vector(1).decode("ascii", "backslashreplace"))
    return tuple(protocols)
