"""ndt7: sizes, query strings and messages as the specification has them."""

from __future__ import annotations

import json

import pytest

from evenfall.wire.ndt7 import (
    AppInfo,
    Measurement,
    TcpInfoOut,
    is_query,
    next_message_bytes,
    read_measurement,
    write_measurement,
)


def test_messages_double_while_they_are_small_beside_what_was_sent():
    """8 KiB first; never doubled before sixteen of its size have gone; never over 1 MiB."""
    sizes, sent, size = [], 0, 0
    while sent < 64 * 2**20:
        grown = next_message_bytes(size, sent)
        assert grown in (size, 2 * size) or size == 0
        assert grown == size or grown <= 2**13 or sent > 16 * size
        sizes.append(grown)
        size, sent = grown, sent + grown
    assert sizes[:17] == [2**13] * 17
    assert sizes[17] == 2**14
    assert max(sizes) == 2**20


@pytest.mark.parametrize(
    ("query", "taken"),
    [
        ("", True),
        ("client_name=ndt7-js&client_version=1", True),
        ("a=", True),
        ("a=1&a=2", False),
        ("=1", False),
        ("a=1&=2", False),
        ("a", False),
        ("a=" + "x" * 4094, True),
        ("a=" + "x" * 4095, False),
        ("&".join(f"k{i}=1" for i in range(65)), False),
    ],
)
def test_query_strings(query, taken):
    """At most 4096 bytes; no empty and no double keys."""
    assert is_query(query) is taken


def test_names_are_those_of_the_specification():
    """Spelling counts: other clients read them."""
    said = Measurement(
        app_info=AppInfo(elapsed_time=1, num_bytes=2),
        test="download",
        tcp_info=TcpInfoOut(min_rtt=3, rtt_var=4, snd_buf_limited=5, rwnd_limited=6),
    )
    assert json.loads(write_measurement(said)) == {
        "AppInfo": {"ElapsedTime": 1, "NumBytes": 2},
        "Test": "download",
        "TCPInfo": {"MinRTT": 3, "RTTVar": 4, "SndBufLimited": 5, "RWndLimited": 6},
    }
    assert read_measurement(write_measurement(said)) == said


@pytest.mark.parametrize(
    "raw",
    [
        # as other servers write them: more fields, other parts
        b'{"AppInfo":{"ElapsedTime":1,"NumBytes":2},"BBRInfo":{"BW":1},"TCPInfo":{"State":1,"RTT":3}}',
        b'{"ConnectionInfo":{"Client":"a","Server":"b","UUID":"c","StartTime":"d","More":1}}',
        b"{}",
    ],
)
def test_foreign_messages_are_read(raw):
    """Innocent: unknown fields are ignored, every part is optional."""
    assert read_measurement(raw) is not None


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"\xff", b'{"AppInfo":{"ElapsedTime":-1,"NumBytes":2}}', b" " * 20_000]
)
def test_what_is_no_measurement(raw):
    """It is a message all the same, and no error."""
    assert read_measurement(raw) is None
