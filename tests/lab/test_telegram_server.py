"""The lab's Telegram server, byte by byte against the layout of the specification."""

from __future__ import annotations

import socket
import struct

import pytest

from evenfall.lab.plan import Endpoint
from evenfall.lab.telegram_server import answer_to

NONCE = bytes(range(16))


def question(constructor: int = 0xBE7E8EF1, *, key_id: int = 0, length: int = 20) -> bytes:
    """An unencrypted message with `req_pq_multi`, by the specification's layout."""
    return struct.pack("<qqiI", key_id, 1_700_000_000 << 32, length, constructor) + NONCE


def exchange(at: Endpoint, sent: bytes) -> bytes:
    """Bytes that come back on a fresh connection until it is closed or 0.5 s silent."""
    received = b""
    with socket.create_connection((at.address, at.port), timeout=5) as connection:
        connection.sendall(sent)
        connection.settimeout(0.5)
        try:
            while piece := connection.recv(4096):
                received += piece
        except TimeoutError:
            return received
        except ConnectionError:
            return b"reset"
    return received + b"end"


def test_telegram_answers_its_question_with_our_nonce(world) -> None:
    """Abridged transport: length in words, then resPQ with our nonce, a product and a vector."""
    body = question()
    received = exchange(world.places.mtproto, b"\xef" + bytes((len(body) // 4,)) + body)
    assert len(received) == 1 + received[0] * 4
    key_id, message_id, length, constructor = struct.unpack_from("<qqiI", received, 1)
    assert (key_id, message_id % 4, constructor) == (0, 1, 0x05162463)
    assert length == len(received) - 21
    assert received[25:41] == NONCE
    assert received[57] == 8  # length of the product's bytes
    vector, count = struct.unpack_from("<Ii", received, 69)
    assert (vector, count, len(received)) == (0x1CB5C415, 1, 85)


def test_telegram_answers_twice_on_one_connection_and_in_the_long_form(world) -> None:
    """Two questions, one of them with a length of four bytes."""
    body = question()
    long = b"\x7f" + (len(body) // 4).to_bytes(3, "little") + body
    received = exchange(world.places.mtproto, b"\xef" + long + bytes((len(body) // 4,)) + body)
    assert len(received) == 2 * 85


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: x.test\r\n\r\n",
        bytes.fromhex("160301002f0100002b0303") + bytes(40),
        b"\xef\x0a" + question(0x60469778),  # the old req_pq, which real servers answer no more
        b"\xef\x0a" + question(key_id=1),
        b"\xef\x0a" + question(length=16),
        b"\xef\x7f\xff\xff\xff" + bytes(64),
    ],
    ids=["HTTP", "TLS", "old question", "encrypted", "wrong length", "too long"],
)
def test_telegram_closes_on_anything_else(world, sent: bytes) -> None:
    """No answer, no crash, and the next client is served."""
    assert exchange(world.places.mtproto, sent) in (b"end", b"reset")
    body = question()
    assert exchange(world.places.mtproto, b"\xef" + bytes((len(body) // 4,)) + body)


def test_the_answer_is_a_function_of_the_question() -> None:
    """Message ids follow the clock that is given, as Telegram's do (2^32 ticks a second)."""
    for now_s in (0.0, 1_700_000_000.25):
        answer = answer_to(question(), now_s=now_s, server_nonce=bytes(16))
        assert answer is not None
        assert abs(struct.unpack_from("<q", answer, 8)[0] - now_s * 2**32) <= 4
