"""HTTP/1.1 responses in any pieces, against the standard library's reader, and against nonsense."""

from __future__ import annotations

import http.client
import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.wire.http1 import HEAD_BYTES_MAX, ResponseReader, request

RESPONSES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nDate: x\r\n\r\nhello world",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1;e\r\no\r\n0\r\nA:\r\n\r\n",
    b"HTTP/1.0 404 Not Found\r\n\r\nno length at all",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
]


def read(pieces: list[bytes]) -> tuple[ResponseReader, bytes]:
    """Feed pieces, then the end of the connection."""
    reader = ResponseReader()
    body = b"".join(reader.feed(piece) for piece in pieces)
    reader.end()
    return reader, body


@given(st.sampled_from(RESPONSES), st.lists(st.integers(0, 140), max_size=12))
def test_pieces_do_not_matter(response: bytes, cuts: list[int]) -> None:
    """However TCP splits the bytes, status and body are the standard library's."""
    edges = sorted({0, len(response), *(min(c, len(response)) for c in cuts)})
    reader, body = read([response[a:b] for a, b in itertools.pairwise(edges)])
    known = http.client.HTTPResponse(_Socket(response))  # type: ignore[arg-type]  # only makefile is used
    known.begin()
    assert reader.status == known.status
    assert body == known.read()
    assert reader.done
    assert not reader.failed


class _Socket:
    """What http.client wants of a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        """A file of the response."""
        return io.BytesIO(self._data)


@given(st.binary(max_size=3000))
def test_nonsense_never_raises(data: bytes) -> None:
    """Any bytes end in done or failed, never in an exception."""
    reader, _ = read([data])
    assert reader.done or reader.failed


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * HEAD_BYTES_MAX,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
    ids=["ssh", "code", "size", "digits", "head", "fields", "short", "cut"],
)
def test_broken_responses_are_failed(data: bytes) -> None:
    """What is no complete HTTP response is failed, and every size is bounded."""
    reader, _ = read([data])
    assert reader.failed


def test_a_foreign_protocol_is_known_by_its_first_bytes() -> None:
    """Five bytes are enough; nobody waits for a head that will not come."""
    reader = ResponseReader()
    reader.feed(b"220 m")
    assert reader.failed


def test_request_says_nothing_of_us() -> None:
    """The request is an ordinary client's: no name of this program, no language but English."""
    lines = request("example.test", "/a?b").decode().split("\r\n")
    assert lines[0] == "GET /a?b HTTP/1.1"
    assert "Host: example.test" in lines
    assert "evenfall" not in "".join(lines).lower()
