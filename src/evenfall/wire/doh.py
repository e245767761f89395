"""DNS questions inside HTTPS, without sockets: HTTP/2 where the server speaks it, else HTTP/1.1.

What it does. A conversation (`Http2Questions`, `Http1Questions`) is told which DNS messages to ask,
says which bytes to send, is fed those that came, and keeps a `Reply` for every question. Over
HTTP/2 all questions are under way at once; over HTTP/1.1 one after the other on one connection.
`padded_query` writes a question so that its length tells nothing about the name.

Rules.
- POST with `application/dns-message`, DNS id 0 (RFC 8484 §4.1), padded (RFC 8467 §4.1).
- A reply counts with status 200 and that media type. Else its failure says what came instead:
  `http_request_failed` for an error status, `http_invalid_response` for anything else.
- Bounded: `QUESTIONS_MAX` questions, `REPLY_BYTES_MAX` a reply, 16 KiB of header fields.
- Bytes that are not HTTP make `failed` true; they are data about the network, nothing is raised.

How it works. h2 keeps the state of HTTP/2; what it wants to say is handed on. HTTP/1.1 has
`wire.http1`'s reader, a new one for each response.

What it does not do. No GET (its answers may be cached by others, and its questions are longer), no
redirects, no proxies, no cookies, no further connection where the server ends this one.

Sources: RFC 8484, RFC 8467, RFC 7830, RFC 9113, RFC 9112.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from evenfall.wire.http1 import ResponseReader

if TYPE_CHECKING:
    import dns.message
    import h2.events

__all__ = [
    "ALPN",
    "QUESTIONS_MAX",
    "REPLY_BYTES_MAX",
    "Http1Questions",
    "Http2Questions",
    "Questions",
    "Reply",
    "conversation",
    "padded_query",
]

ALPN = ("h2", "http/1.1")
QUESTIONS_MAX = 64
"""On one connection."""
REPLY_BYTES_MAX = 65_535
"""The longest DNS message there is."""

_MEDIA_TYPE = "application/dns-message"
_PAD_BYTES = 128
_HEADER_LIST_BYTES_MAX = 16_384
_HTTP_OK = 200
_HTTP_ERROR = 400


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back for one question.

    Attributes:
        body: the DNS message, if `failure` is None.
        failure: a key of `model.vocabulary.FAILURES`.
    """

    body: bytes = b""
    failure: str | None = None


class Questions(Protocol):
    """A conversation with one server.

    Attributes:
        replies: by the number that `ask` gave.
        failed: it cannot go on; questions without a reply get none.
    """

    replies: dict[int, Reply]
    failed: bool

    def ask(self, query: bytes) -> int:
        """Put a question on its way; returns its number."""
        ...

    def data_to_send(self) -> bytes:
        """Bytes for the connection; empty if there is nothing to say."""
        ...

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection."""
        ...

    def end(self) -> None:
        """The connection was closed by the other side."""
        ...


def conversation(protocol: str | None, authority: str, path: str) -> Questions:
    """The conversation for what ALPN agreed on; HTTP/1.1 if it agreed on nothing."""
    kind = Http2Questions if protocol == "h2" else Http1Questions
    return kind(authority, path)


def padded_query(host: str, family: int) -> dns.message.Message:
    """A question for the addresses of `host`, family 4 or 6, padded and with id 0.

    Raises:
        dns.exception.DNSException: it is no name.
    """
    import dns.message
    import dns.rdatatype

    kind = dns.rdatatype.A if family == 4 else dns.rdatatype.AAAA
    return dns.message.make_query(host, kind, id=0, use_edns=0, pad=_PAD_BYTES)


def _reply(status: int, media_type: str, body: bytes) -> Reply:
    if status >= _HTTP_ERROR:
        return Reply(failure="http_request_failed")
    if status != _HTTP_OK or media_type.partition(";")[0].strip().lower() != _MEDIA_TYPE:
        return Reply(failure="http_invalid_response")
    return Reply(body=body)


class Http2Questions:
    """Questions over HTTP/2, all at once.

    Args:
        authority: host, and port unless it is 443.
        path: of the resource, from the URL.
    """

    def __init__(self, authority: str, path: str) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection
        from h2.settings import SettingCodes

        self.replies: dict[int, Reply] = {}
        self.failed = False
        self._authority = authority
        self._path = path
        self._heads: dict[int, tuple[int, str]] = {}
        self._bodies: dict[int, bytearray] = {}
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._h2.local_settings.update(
            {
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.MAX_HEADER_LIST_SIZE: _HEADER_LIST_BYTES_MAX,
            }
        )
        self._h2.initiate_connection()

    def ask(self, query: bytes) -> int:
        """Put a question on its way; returns its number."""
        if len(self._bodies) >= QUESTIONS_MAX:
            raise ValueError("too many questions for one connection")
        stream = self._h2.get_next_available_stream_id()
        fields = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", self._authority),
            (":path", self._path),
            ("accept", _MEDIA_TYPE),
            ("content-type", _MEDIA_TYPE),
            ("content-length", str(len(query))),
        ]
        self._h2.send_headers(stream, fields)
        self._h2.send_data(stream, query, end_stream=True)
        self._bodies[stream] = bytearray()
        return stream

    def data_to_send(self) -> bytes:
        """Bytes for the connection."""
        return self._h2.data_to_send()

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection."""
        from h2.exceptions import H2Error

        if self.failed:
            return
        try:
            for event in self._h2.receive_data(data):
                self._take(event)
        except (H2Error, ValueError):  # not HTTP/2, or not in its order
            self.failed = True

    def end(self) -> None:
        """The connection was closed by the other side."""
        self.failed = True

    def _take(self, event: h2.events.Event) -> None:
        from h2 import events

        if isinstance(event, events.ConnectionTerminated):
            self.failed = True
        elif isinstance(event, events.ResponseReceived):
            head = {bytes(name): bytes(value) for name, value in event.headers or ()}
            status = int(head.get(b":status", b"0"))
            media_type = head.get(b"content-type", b"").decode("latin-1")
            self._heads[event.stream_id or 0] = (status, media_type)
        elif isinstance(event, events.DataReceived):
            self._add(event.stream_id or 0, event.data or b"", event.flow_controlled_length or 0)
        elif isinstance(event, events.StreamEnded):
            stream = event.stream_id or 0
            status, media_type = self._heads.get(stream, (0, ""))
            body = bytes(self._bodies.get(stream, b""))
            self.replies.setdefault(stream, _reply(status, media_type, body))
        elif isinstance(event, events.StreamReset):
            failure = Reply(failure="dns_server_misbehaving")
            self.replies.setdefault(event.stream_id or 0, failure)

    def _add(self, stream: int, data: bytes, window_bytes: int) -> None:
        body = self._bodies.setdefault(stream, bytearray())
        body += data
        if len(body) > REPLY_BYTES_MAX:
            self.replies.setdefault(stream, Reply(failure="http_invalid_response"))
            del body[REPLY_BYTES_MAX:]  # no window is given back: it can send little more
        elif window_bytes:
            self._h2.acknowledge_received_data(window_bytes, stream)


class Http1Questions:
    """Questions over HTTP/1.1, one after the other on one connection.

    Args:
        authority: host, and port unless it is 443.
        path: of the resource, from the URL.
    """

    def __init__(self, authority: str, path: str) -> None:
        self.replies: dict[int, Reply] = {}
        self.failed = False
        self._authority = authority
        self._path = path
        self._waiting: list[tuple[int, bytes]] = []
        self._asked: int | None = None
        self._count = 0
        self._reader = ResponseReader()
        self._body = bytearray()

    def ask(self, query: bytes) -> int:
        """Put a question on its way, or in the queue; returns its number."""
        if self._count >= QUESTIONS_MAX:
            raise ValueError("too many questions for one connection")
        self._count += 1
        self._waiting.append((self._count, query))
        return self._count

    def data_to_send(self) -> bytes:
        """The next question, if none is under way."""
        if self._asked is not None or not self._waiting or self.failed:
            return b""
        self._asked, query = self._waiting.pop(0)
        self._reader, self._body = ResponseReader(), bytearray()
        lines = (
            f"POST {self._path} HTTP/1.1",
            f"Host: {self._authority}",
            f"Accept: {_MEDIA_TYPE}",
            f"Content-Type: {_MEDIA_TYPE}",
            f"Content-Length: {len(query)}",
            "",
            "",
        )
        return "\r\n".join(lines).encode("ascii") + query

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection."""
        if self._asked is None or self.failed:
            self.failed = True  # an answer to nothing
            return
        self._body += self._reader.feed(data)
        if len(self._body) > REPLY_BYTES_MAX or self._reader.failed:
            self.replies[self._asked] = Reply(failure="http_invalid_response")
            self.failed = True
        elif self._reader.done:
            self._finish()

    def end(self) -> None:
        """The connection was closed by the other side; that may complete the last answer."""
        self._reader.end()
        if self._asked is not None and self._reader.done:
            self._finish()
        self.failed = True

    def _finish(self) -> None:
        reader = self._reader
        kind = reader.headers.get("content-type", "")
        self.replies[self._asked or 0] = _reply(reader.status or 0, kind, bytes(self._body))
        self._asked = None
        if reader.headers.get("connection", "").lower() == "close":
            self.failed = True
