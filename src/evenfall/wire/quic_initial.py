"""Read the ClientHello that opens a QUIC connection, from its datagrams, as a box on the path can.

What it does
    `InitialReader.feed` takes one client datagram after another and says one of three things, as
    `wire.hello` does: `NEED_MORE`, `NOT_TLS` (here: no QUIC that can be read), or a `Hello`.

Rules
    1. The answer depends on the CRYPTO bytes alone, never on how they were spread: over frames in
       any order, over packets coalesced in a datagram, over several datagrams (post-quantum key
       shares do not fit in one).
    2. An answer is final.
    3. Nothing here is secret: keys of Initial packets follow from the connection id in the
       client's first packet, so whoever sees it can read the hello (RFC 9001 section 5.2).

How it works
    The first Initial's destination connection id gives the client's key, IV and header protection
    key (HKDF over the version's salt). Every Initial in a datagram is unmasked (5.4), decrypted
    (AES-128-GCM, 5.3), and its CRYPTO frames are joined by offset; the joined bytes are a TLS
    handshake message, which `wire.hello` reads once it is put into records. After a Retry the
    keys follow from the new id; a packet that the first keys do not open is tried with its own.

What it does not do
    It reads no server packets, no 0-RTT, no Handshake packets, and no versions but 1 and 2. It
    checks no token and keeps no packet number space: numbers are taken as sent, for a first flight
    needs no more (a truncated number is the whole one while it is below 2^31).

Limits
    `DATAGRAMS_MAX` datagrams, `PACKETS_MAX` packets a datagram, `HELLO_BYTES_MAX` of CRYPTO bytes.

Sources: RFC 9000 (12.2, 16, 17.2, 17.2.2, 19), RFC 9001 (5.1–5.4, appendix A), RFC 9369.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator

import msgspec

from evenfall.wire.hello import HELLO_BYTES_MAX, NEED_MORE, NOT_TLS, Hello, HelloReader, Undecided

__all__ = ["DATAGRAMS_MAX", "PACKETS_MAX", "InitialReader"]

DATAGRAMS_MAX = 16
PACKETS_MAX = 8

_LONG_FIXED = 0xC0
_ID_BYTES_MAX = 20
_SAMPLE_BYTES, _TAG_BYTES = 16, 16
_RECORD_BYTES = 16_384
_PADDING, _PING, _CRYPTO = 0x00, 0x01, 0x06
_ACK, _ACK_ECN = 0x02, 0x03


class _Version(msgspec.Struct, frozen=True):
    salt: bytes
    prefix: bytes  # of the labels that keys are derived with
    initial: int  # packet type of an Initial


_VERSIONS = {
    0x00000001: _Version(
        bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), b"tls13 quic ", 0
    ),
    0x6B3343CF: _Version(
        bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), b"tls13 quicv2 ", 1
    ),
}


class InitialReader:
    """Takes the client's first datagrams of one UDP flow.

    Attributes:
        answer: the last answer given; `NEED_MORE` before the first datagram.
    """

    def __init__(self) -> None:
        self.answer: Undecided | Hello = NEED_MORE
        self._keys: _Keys | None = None
        self._ahead: dict[int, bytes] = {}
        self._joined_bytes = 0
        self._hello = HelloReader()
        self._datagrams = 0

    def feed(self, datagram: bytes) -> Undecided | Hello:
        """Add the next datagram of the client and return the answer so far."""
        if self.answer is not NEED_MORE:
            return self.answer
        self._datagrams += 1
        read = False
        for packet in _initials(datagram):
            plain = self._open(packet)
            if plain is not None:
                read = True
                self._take_frames(plain)
        if isinstance(self._hello.answer, Hello) or self._hello.answer is NOT_TLS:
            self.answer = self._hello.answer
        elif (self._keys is None and not read) or self._datagrams >= DATAGRAMS_MAX:
            self.answer = NOT_TLS
        return self.answer

    def _open(self, packet: _Initial) -> bytes | None:
        """Decrypt with the flow's keys, else (after a Retry) with the packet's own."""
        if self._keys is not None:
            plain = self._keys.open(packet)
            if plain is not None:
                return plain
        own = _Keys(packet.version, packet.destination_id)
        plain = own.open(packet)
        if plain is not None:
            self._keys = own
        return plain

    def _take_frames(self, plain: bytes) -> None:
        for offset, piece in _crypto_frames(plain):
            if offset + len(piece) <= HELLO_BYTES_MAX:
                longest = max(self._ahead.get(offset, b""), piece, key=len)
                self._ahead[offset] = longest
        for offset in sorted(self._ahead):
            if offset > self._joined_bytes:
                return
            piece = self._ahead.pop(offset)[self._joined_bytes - offset :]
            self._joined_bytes += len(piece)
            for start in range(0, len(piece), _RECORD_BYTES):
                part = piece[start : start + _RECORD_BYTES]
                self._hello.feed(b"\x16\x03\x01" + len(part).to_bytes(2) + part)


class _Initial(msgspec.Struct, frozen=True):
    """One Initial packet, still protected.

    `number_at` is where the packet number begins in `data`, which ends with the packet.
    """

    version: _Version
    destination_id: bytes
    data: bytes
    number_at: int


class _Unreadable(Exception):
    """These bytes are no packet; never leaves this file."""


class _Cursor:
    """Reads integers of RFC 9000 section 16 and refuses to read past the end."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self, count: int) -> bytes:
        piece = self.data[self.at : self.at + count]
        if len(piece) < count:
            raise _Unreadable
        self.at += count
        return piece

    def integer(self) -> int:
        first = self.take(1)[0]
        rest = self.take((1 << (first >> 6)) - 1)
        return int.from_bytes(bytes((first & 0x3F,)) + rest)


def _initials(datagram: bytes) -> Iterator[_Initial]:
    """The Initial packets that are coalesced in a datagram; stops at what it cannot read."""
    cursor = _Cursor(datagram)
    try:
        for _ in range(PACKETS_MAX):
            if cursor.at >= len(datagram) or datagram[cursor.at] & _LONG_FIXED != _LONG_FIXED:
                return
            packet = _next_packet(cursor)
            if packet is not None:
                yield packet
    except _Unreadable:
        return


def _next_packet(cursor: _Cursor) -> _Initial | None:
    """Step over one long-header packet; None if it is not an Initial. Raises _Unreadable."""
    start = cursor.at
    first = cursor.take(1)[0]
    version = _VERSIONS.get(int.from_bytes(cursor.take(4)))
    if version is None:
        raise _Unreadable
    destination_id = cursor.take(cursor.take(1)[0])
    source_id = cursor.take(cursor.take(1)[0])
    kind = (first >> 4) & 3
    if kind == (3 + version.initial) % 4:  # a Retry has no length
        raise _Unreadable
    is_initial = kind == version.initial
    if is_initial:
        cursor.take(cursor.integer())  # token
    length = cursor.integer()
    number_at = cursor.at
    cursor.take(length)
    if not is_initial or max(len(destination_id), len(source_id)) > _ID_BYTES_MAX:
        return None
    data = cursor.data[start : cursor.at]
    return _Initial(version, destination_id, data, number_at - start)


class _Keys:
    """What protects a client's Initial packets to one connection id (RFC 9001 section 5.2)."""

    def __init__(self, version: _Version, connection_id: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        initial = hmac.digest(version.salt, connection_id, hashlib.sha256)
        client = _expand(initial, b"tls13 client in", 32)
        self._aead = AESGCM(_expand(client, version.prefix + b"key", 16))
        self._iv = _expand(client, version.prefix + b"iv", 12)
        self._mask_key = _expand(client, version.prefix + b"hp", 16)

    def open(self, packet: _Initial) -> bytes | None:
        """The frames of a packet; None if these keys do not open it."""
        from cryptography.exceptions import InvalidTag

        data, at = packet.data, packet.number_at
        sample = data[at + 4 : at + 4 + _SAMPLE_BYTES]
        if len(sample) < _SAMPLE_BYTES:
            return None
        mask = self._mask(sample)
        first = data[0] ^ (mask[0] & 0x0F)
        number_bytes = (first & 3) + 1
        number = bytes(a ^ b for a, b in zip(data[at : at + number_bytes], mask[1:], strict=False))
        header = bytes((first,)) + data[1:at] + number
        nonce = bytes(a ^ b for a, b in zip(self._iv, number.rjust(12, b"\0"), strict=True))
        try:
            return self._aead.decrypt(nonce, data[at + number_bytes :], header)
        except InvalidTag:
            return None

    def _mask(self, sample: bytes) -> bytes:
        """Header protection is one AES block over a sample (RFC 9001 section 5.4.3)."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        ecb = modes.ECB()  # noqa: S305  (the standard's own choice: one block, no secret)
        return Cipher(algorithms.AES(self._mask_key), ecb).encryptor().update(sample)


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label of RFC 8446 section 7.1 for at most 32 bytes and an empty context."""
    info = length.to_bytes(2) + bytes((len(label),)) + label + b"\0\x01"
    return hmac.digest(secret, info, hashlib.sha256)[:length]


def _crypto_frames(plain: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of every CRYPTO frame; stops at a frame that an Initial may not hold."""
    cursor = _Cursor(plain)
    try:
        while cursor.at < len(plain):
            kind = cursor.take(1)[0]
            if kind == _CRYPTO:
                offset = cursor.integer()
                yield offset, cursor.take(cursor.integer())
            elif kind in (_ACK, _ACK_ECN):
                _skip_ack(cursor, ecn=kind == _ACK_ECN)
            elif kind not in (_PADDING, _PING):
                return
    except _Unreadable:
        return


def _skip_ack(cursor: _Cursor, *, ecn: bool) -> None:
    """Step over an ACK frame (RFC 9000 section 19.3)."""
    cursor.integer()  # largest
    cursor.integer()  # delay
    ranges = cursor.integer()
    cursor.integer()  # first range
    for _ in range(min(2 * ranges, len(cursor.data)) + (3 if ecn else 0)):
        cursor.integer()
