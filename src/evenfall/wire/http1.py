"""HTTP/1.1 messages for one GET: build a request, read a response, no sockets.

What it does. `request` writes a GET as an ordinary client would. `ResponseReader` is fed whatever
bytes arrive and hands back those that belong to the body, so that a caller can stop at a byte or
time cap and still knows how much of the page came.

Rules. A response ends by `Content-Length`, by the last chunk, or by the end of the connection (RFC
9112 §6.3); up to 16 1xx responses are skipped; 204 and 304 have no body. Sizes are bounded: 32 KiB
of headers, 100 header fields, 16 digits of a chunk size. Bytes that are no response make
`failed` true; they are data about the network, so nothing is raised.

How it works. One buffer, one state: head, body, chunk size, chunk, chunk end, trailer, done.

What it does not do. No pipelining, no content coding (the request asks for `identity`), no
requests other than GET, no HTTP/0.9.

Sources: RFC 9110, RFC 9112.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["HEAD_BYTES_MAX", "ResponseReader", "request"]

HEAD_BYTES_MAX = 32_768
_FIELDS_MAX = 100
_CHUNK_LINE_BYTES_MAX = 4096
_CHUNK_DIGITS_MAX = 16
_TRAILER_BYTES_MAX = 8192
_INTERIM_MAX = 16
_LISTS = frozenset({"alt-svc"})

_State = Literal["head", "length", "close", "chunk_size", "chunk", "chunk_end", "trailer", "done"]


def request(host: str, path: str) -> bytes:
    """A GET for `path` with `Host: host`; says nothing about who asks."""
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: Mozilla/5.0",
        "Accept: text/html,application/xhtml+xml,*/*;q=0.8",
        "Accept-Language: en",
        "Accept-Encoding: identity",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode("ascii")


class ResponseReader:
    """Reads one response, piece by piece.

    Attributes:
        status: once the head is complete, else None.
        headers: field names in lower case; of a repeated field the first value,
            or all of them where the field is a list that we read.
        done: the response is complete.
        failed: the bytes are not an HTTP response, or it ended too early.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.done = False
        self.failed = False
        self._buffer = b""
        self._state: _State = "head"
        self._left = 0
        self._interim = 0

    @property
    def content_length(self) -> int | None:
        """What the head promises, if it does."""
        value = self.headers.get("content-length", "")
        return int(value) if value.isdecimal() and len(value) <= _CHUNK_DIGITS_MAX else None

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the connection; returns the body's bytes among them."""
        self._buffer += data
        body = bytearray()
        while not (self.done or self.failed) and self._step(body):
            pass
        return bytes(body)

    def end(self) -> None:
        """The connection was closed cleanly."""
        if self._state == "close":
            self._state, self.done = "done", True
        elif not self.done:
            self.failed = True

    def _step(self, body: bytearray) -> bool:
        """One move of the state machine; False if it needs more bytes."""
        if self._state == "head":
            return self._read_head()
        if self._state in ("length", "chunk"):
            return self._read_counted(body)
        if self._state == "close":
            body += self._buffer
            self._buffer = b""
            return False
        return self._read_line_state()

    def _read_head(self) -> bool:
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            # A server that does not speak HTTP shows it in its first bytes.
            start = self._buffer[:5]
            self.failed = len(self._buffer) > HEAD_BYTES_MAX or not b"HTTP/".startswith(start)
            return False
        self._buffer = rest
        if len(head) > HEAD_BYTES_MAX or not self._parse_head(head.decode("latin-1")):
            self.failed = True
            return False
        return True

    def _parse_head(self, head: str) -> bool:
        first, *lines = head.split("\r\n")
        version, _, rest = first.partition(" ")
        code = rest[:3]
        if not version.startswith("HTTP/1.") or not (code.isdecimal() and len(code) == 3):
            return False
        if len(lines) > _FIELDS_MAX:
            return False
        status = int(code)
        if 100 <= status < 200:
            self._interim += 1
            return self._interim <= _INTERIM_MAX  # the real head follows
        for line in lines:
            name, colon, value = line.partition(":")
            if colon:
                self._add_field(name.strip().lower(), value.strip())
        self.status = status
        self._choose_body(status)
        return True

    def _add_field(self, name: str, value: str) -> None:
        if name in _LISTS and name in self.headers:
            self.headers[name] += f", {value}"  # RFC 9110 §5.3
        else:
            self.headers.setdefault(name, value)

    def _choose_body(self, status: int) -> None:
        length = self.content_length
        if status in (204, 304) or (length == 0 and not self._is_chunked()):
            self._state, self.done = "done", True
        elif self._is_chunked():
            self._state = "chunk_size"
        elif length is not None:
            self._state, self._left = "length", length
        else:
            self._state = "close"

    def _is_chunked(self) -> bool:
        return self.headers.get("transfer-encoding", "").lower().endswith("chunked")

    def _read_counted(self, body: bytearray) -> bool:
        piece, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
        body += piece
        self._left -= len(piece)
        if self._left:
            return False
        if self._state == "length":
            self._state, self.done = "done", True
        else:
            self._state = "chunk_end"
        return True

    def _read_line_state(self) -> bool:
        line, separator, rest = self._buffer.partition(b"\r\n")
        if not separator:
            self.failed = len(self._buffer) > _CHUNK_LINE_BYTES_MAX
            return False
        self._buffer = rest
        if self._state == "chunk_end":
            self.failed = bool(line)
            self._state = "chunk_size"
        elif self._state == "chunk_size":
            self._take_chunk_size(line)
        else:  # trailer: fields we do not need, then an empty line
            self._left += len(line)
            self.failed = self._left > _TRAILER_BYTES_MAX
            self.done = not line
        return not self.failed

    def _take_chunk_size(self, line: bytes) -> None:
        digits = line.partition(b";")[0].strip()
        valid = 0 < len(digits) <= _CHUNK_DIGITS_MAX and all(
            byte in b"0123456789abcdefABCDEF" for byte in digits
        )
        if not valid:
            self.failed = True
            return
        self._left = int(digits, 16)
        self._state = "chunk" if self._left else "trailer"
