"""Telegram's own protocol, as far as one question: are you there, and do you speak it?

What it does. `question` writes what every client sends first on a new connection: the tag of the
"abridged" transport and one unencrypted `req_pq_multi` with a random nonce. `AnswerReader` is fed
whatever comes and tells whether it is the `resPQ` that belongs to that nonce. It is the first step
of a key exchange; no account, no number and no secret is in it, and the exchange ends there.

Rules. An answer counts only with our nonce in it: a replayed or made-up one does not. Lengths are
bounded before anything is kept (`ANSWER_BYTES_MAX`). Bytes that are no answer make `failed` true as
soon as that is certain; they are data about the network, so nothing is raised.

How it works. Abridged transport: one tag byte 0xef, then packets of length/4 in one byte (or 0x7f
and three bytes). Unencrypted message: auth_key_id 0 (8 bytes), message id (8), length (4), then the
object in TL, little-endian: `req_pq_multi#be7e8ef1 nonce:int128 = ResPQ` and
`resPQ#05162463 nonce:int128 server_nonce:int128 pq:string fingerprints:Vector<long>`.
A message id is 2³² × Unix time, divisible by 4 from a client, odd from a server.

What it does not do. No obfuscated, padded or full transport, no key exchange, no encryption. A
transport error (four bytes, such as −404) is no answer of the protocol and makes `failed`.

Sources: core.telegram.org/mtproto/mtproto-transports (abridged), /mtproto/description
(unencrypted message, message identifier), /mtproto/auth_key (req_pq_multi, resPQ),
/mtproto/serialize (strings, vectors).
"""

from __future__ import annotations

import struct

__all__ = ["ANSWER_BYTES_MAX", "NONCE_BYTES", "AnswerReader", "question"]

ANSWER_BYTES_MAX = 1024
"""A resPQ has some 80 to 120 bytes."""
NONCE_BYTES = 16

_TAG = b"\xef"
_REQ_PQ_MULTI = 0xBE7E8EF1
_RES_PQ = 0x05162463
_VECTOR = 0x1CB5C415
_LONG_LENGTH = 0x7F
_ENVELOPE = struct.Struct("<qQI")
_FINGERPRINTS_MAX = 32


def question(nonce: bytes, *, now_us: int) -> bytes:
    """The first bytes of a connection: the transport's tag and one `req_pq_multi`.

    Args:
        nonce: 16 random bytes.
        now_us: wall clock, µs since 1970 UTC; goes into the message id.

    Raises:
        ValueError: the nonce has another length.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError("a nonce has 16 bytes")
    message_id = (now_us * 2**32 // 1_000_000) & ~3 & 0xFFFF_FFFF_FFFF_FFFF
    body = struct.pack("<I", _REQ_PQ_MULTI) + nonce
    packet = _ENVELOPE.pack(0, message_id, len(body)) + body
    return _TAG + bytes([len(packet) // 4]) + packet


class AnswerReader:
    """Reads one answer, piece by piece.

    Args:
        nonce: what was sent with the question.

    Attributes:
        done: a valid `resPQ` for our nonce is complete.
        failed: it is something else, or longer than any answer.
    """

    def __init__(self, nonce: bytes) -> None:
        self._nonce = nonce
        self._buffer = b""
        self.done = False
        self.failed = False

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection; what follows a complete answer is left alone."""
        if self.done or self.failed:
            return
        self._buffer += data[: ANSWER_BYTES_MAX + 4]
        length_bytes = 4 if self._buffer[:1] == bytes([_LONG_LENGTH]) else 1
        if len(self._buffer) < length_bytes:
            return
        head = self._buffer[:length_bytes]
        length = 4 * (int.from_bytes(head[1:], "little") if length_bytes == 4 else head[0])
        if not _ENVELOPE.size <= length <= ANSWER_BYTES_MAX:
            self.failed = True
        packet = self._buffer[length_bytes : length_bytes + length]
        if not _begins_well(packet, self._nonce):
            self.failed = True
        elif len(packet) == length and not self.failed:
            self.done = _is_res_pq(packet)
            self.failed = not self.done


def _begins_well(packet: bytes, nonce: bytes) -> bool:
    """Whether the part that is there may become an answer; other protocols show themselves here."""
    named = struct.pack("<I", _RES_PQ) + nonce
    body = packet[_ENVELOPE.size : _ENVELOPE.size + len(named)]
    return not any(packet[:8]) and named.startswith(body)


def _is_res_pq(packet: bytes) -> bool:
    """Whether a packet that begins well is an unencrypted resPQ, complete to its last byte."""
    _, message_id, length = _ENVELOPE.unpack_from(packet)
    body = packet[_ENVELOPE.size :]
    if message_id % 2 == 0 or length != len(body) or len(body) < 4 + NONCE_BYTES:
        return False
    rest = _after_string(body[36:])
    if rest is None or len(rest) < 8:
        return False
    vector, count = struct.unpack_from("<II", rest)
    return bool(vector == _VECTOR and count <= _FINGERPRINTS_MAX and len(rest) == 8 + 8 * count)


def _after_string(data: bytes) -> bytes | None:
    """What follows a short TL string (one length byte, padded to a multiple of four)."""
    if not data or data[0] >= 254:
        return None
    end = (1 + data[0] + 3) // 4 * 4
    return data[end:] if len(data) >= end else None
