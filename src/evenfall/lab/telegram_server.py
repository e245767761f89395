"""The messenger's own protocol, as much of it as a first question and its answer.

A client that opens Telegram's abridged transport and asks `req_pq_multi` gets a `resPQ` with its
own nonce; whatever else comes closes the connection, as the real servers do. There is no key
behind it: nothing after the first answer would work.

Written from the specification alone and not from the probe's parser, so that each tests the other:
https://core.telegram.org/mtproto/mtproto-transports (abridged),
https://core.telegram.org/mtproto/description#unencrypted-message,
https://core.telegram.org/mtproto/auth_key (step 1 and 2), https://core.telegram.org/mtproto/serialize
(strings, bare vectors).

Limits: 1 KiB a message, ten messages a connection, 30 s of idling.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
import time

from evenfall.lab.plan import Endpoint
from evenfall.lab.tcp_server import TcpServer

__all__ = ["answer_to", "serve_telegram"]

_ABRIDGED = b"\xef"
_LONG_LENGTH = 0x7F
_MESSAGE_BYTES_MAX = 1024
_MESSAGES_MAX = 10
_IDLE_S = 30.0
_REQ_PQ_MULTI = 0xBE7E8EF1
_RES_PQ = 0x05162463
_VECTOR = 0x1CB5C415
_PQ = (1_229_739_323 * 1_402_015_859).to_bytes(8, "big")
"""A product of two primes below 2^31, big-endian, as the specification's example has it."""
_FINGERPRINT = 0x0BADC0DE0BADC0DE  # of no real key
_ENVELOPE = struct.Struct("<qqi")  # auth_key_id (0: unencrypted), message_id, length


def answer_to(message: bytes, *, now_s: float, server_nonce: bytes) -> bytes | None:
    """The unencrypted message that answers one; None: it is no question of ours.

    Args:
        message: without the transport's length.
        now_s: seconds since 1970, from which a message id is made.
        server_nonce: 16 random bytes.
    """
    if len(message) != _ENVELOPE.size + 20:
        return None
    key_id, _, length = _ENVELOPE.unpack_from(message)
    (question,) = struct.unpack_from("<I", message, _ENVELOPE.size)
    if key_id != 0 or length != 20 or question != _REQ_PQ_MULTI:
        return None
    nonce = message[-16:]
    body = struct.pack("<I", _RES_PQ) + nonce + server_nonce
    body += bytes((len(_PQ),)) + _PQ + bytes(-(1 + len(_PQ)) % 4)
    body += struct.pack("<IiQ", _VECTOR, 1, _FINGERPRINT)
    return _ENVELOPE.pack(0, _message_id(now_s), len(body)) + body


def _message_id(now_s: float) -> int:
    """Unix time times 2^32; ids of answers are 1 modulo 4."""
    return (int(now_s * 2**32) & ~3) | 1


async def serve_telegram(listen: Endpoint, *, ahead_s: float = 0.0) -> TcpServer:
    """Start serving, with a clock `ahead_s` ahead of ours. Raises OSError."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await asyncio.wait_for(reader.readexactly(1), _IDLE_S) != _ABRIDGED:
            return
        for _ in range(_MESSAGES_MAX):
            message = await asyncio.wait_for(_read(reader), _IDLE_S)
            now_s = time.time() + ahead_s
            answer = answer_to(message, now_s=now_s, server_nonce=secrets.token_bytes(16))
            if answer is None:
                return
            writer.write(bytes((len(answer) // 4,)) + answer)
            await writer.drain()

    server = TcpServer(converse, buffer_bytes=_MESSAGE_BYTES_MAX)
    await server.start(listen)
    return server


async def _read(reader: asyncio.StreamReader) -> bytes:
    """One message; empty if it is too long to be one."""
    words = (await reader.readexactly(1))[0]
    if words == _LONG_LENGTH:
        words = int.from_bytes(await reader.readexactly(3), "little")
    if words * 4 > _MESSAGE_BYTES_MAX:
        return b""
    return await reader.readexactly(words * 4)
