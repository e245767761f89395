"""Telegram's first question and answer: bytes as its documentation has them, and nothing else."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.wire.mtproto import ANSWER_BYTES_MAX, NONCE_BYTES, AnswerReader, question

# The worked example of core.telegram.org/mtproto/samples-auth_key, its res_pq message.
SAMPLE_NONCE = bytes.fromhex("3E0549828CCA27E966B301A48FECE2FC")
SAMPLE_ANSWER = bytes.fromhex(
    "0000000000000000 01C8831EC97AE551 40000000 63241605"
    "3E0549828CCA27E966B301A48FECE2FC A5CF4D33F4A11EA877BA4AA573907330"
    "08 17ED48941A08F981 000000 15C4B51C 01000000 216BE86C022BB4C3"
)
NOW_US = 1_700_000_000_123_456


def framed(packet: bytes) -> bytes:
    """In the abridged transport."""
    words = len(packet) // 4
    head = bytes([words]) if words < 0x7F else b"\x7f" + words.to_bytes(3, "little")
    return head + packet


def read(data: bytes, *, nonce: bytes = SAMPLE_NONCE, piece: int = 10_000) -> AnswerReader:
    """Feed an answer in pieces."""
    reader = AnswerReader(nonce)
    for start in range(0, len(data), piece):
        reader.feed(data[start : start + piece])
    return reader


def test_the_question_is_laid_out_as_documented():
    """Tag, length in words, no key, an id from the clock that divides by four, and the nonce."""
    nonce = bytes(range(NONCE_BYTES))
    sent = question(nonce, now_us=NOW_US)
    assert sent[:2] == b"\xef\x0a"
    key, message_id, length, constructor = struct.unpack_from("<qQII", sent, 2)
    assert (key, length, constructor) == (0, 20, 0xBE7E8EF1)
    assert message_id % 4 == 0
    assert message_id / 2**32 == pytest.approx(NOW_US / 1e6, abs=1e-6)
    assert sent[26:] == nonce
    with pytest.raises(ValueError, match="16 bytes"):
        question(b"short", now_us=NOW_US)


@pytest.mark.parametrize("piece", [1, 3, 10_000])
def test_the_documented_answer_is_one(piece):
    """Innocent: the example of Telegram's own documentation, in whatever pieces it comes."""
    reader = read(framed(SAMPLE_ANSWER), piece=piece)
    assert (reader.done, reader.failed) == (True, False)


def test_a_long_length_is_read_too():
    """Innocent: three length bytes say the same as one."""
    words = (len(SAMPLE_ANSWER) // 4).to_bytes(3, "little")
    assert read(b"\x7f" + words + SAMPLE_ANSWER).done


CHANGES = {
    "another nonce": (24, bytes(16)),
    "another constructor": (20, bytes(4)),
    "a key id": (0, b"\x01"),
    "an id no server gives": (8, b"\x00"),
    "another length": (16, b"\x3c"),
    "no vector": (68, bytes(4)),
    "more fingerprints than there are": (72, b"\x02"),
}


@pytest.mark.parametrize(("at", "bytes_"), CHANGES.values(), ids=CHANGES)
def test_anything_else_is_none(at, bytes_):
    """One field changed, and it is no answer to our question."""
    changed = SAMPLE_ANSWER[:at] + bytes_ + SAMPLE_ANSWER[at + len(bytes_) :]
    reader = read(framed(changed))
    assert (reader.done, reader.failed) == (False, True)


@pytest.mark.parametrize(
    "data",
    [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"\x01\x6c\xfe\xff\xff", b"\x00", b"\x7f\xff\xff\xff",
     b"\x15\x03\x01\x00\x02\x02\x28"],
    ids=["http", "transport error -404", "empty", "48 MB", "tls alert"],
)  # fmt: skip
def test_other_protocols_fail_at_once(data):
    """Nothing longer than an answer is waited for or kept."""
    reader = read(data + bytes(ANSWER_BYTES_MAX))
    assert (reader.done, reader.failed) == (False, True)


def test_a_part_is_no_answer_yet():
    """Innocent: slow bytes are waited for."""
    reader = read(framed(SAMPLE_ANSWER)[:-1])
    assert (reader.done, reader.failed) == (False, False)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_nothing_raises(data, piece):
    """Foreign bytes never raise, and none that lack the nonce are an answer."""
    assert not read(data, piece=piece).done or SAMPLE_NONCE in data
