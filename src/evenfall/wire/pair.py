"""The pair protocol: one transfer over one TLS 1.3 connection, bytes in and events out.

What it does. Inside a TLS connection whose server name is chosen freely, the client asks for one
transfer, one side sends the body, and the server tells what its kernel saw. Both ends are state
machines without a socket: `ClientSide`, `ServerSide`.

    get      C: request            S: answer, body, (waits)   C: done   S: trailer
    put      C: request, body      S: answer                            S: trailer
    result   C: request            S: answer, trailer

Rules.
- Lines are JSON (`wire.pair_messages`), bodies are raw bytes of the length that was asked for and
  random in content, so that nothing on the way can shrink them. Inside TLS nobody but the two ends
  sees any of it; outside, a transfer looks like any fetch.
- A `put` does not wait for the answer: the body follows the request in the same flight, as the
  body of a `get` follows its request after one round trip.
- One transfer a connection. Bytes after its end break the protocol.
- `ProtocolError` is final: the same object raises it again, and nothing more can be sent.

How it works. `receive` stores bytes, `next_event` takes one event at a time or says None (needs
more); so the events do not depend on how TCP split the bytes. Body bytes are counted and thrown
away. The line and body limits bound what is stored.

**Why a done line.** 64 KiB fit into a kernel's send buffer at once: at the moment the server has
"sent" them nothing has been acknowledged and TCP_INFO knows nothing. So the server goes on sampling
until the client says that the last byte has arrived.

**Why small records first.** A TLS record counts only when all of it has come. At 128 kbit/s a
record of 16 KiB takes a second, and four seconds would be measured in steps of a quarter. So bodies
are written in pieces of `piece_bytes`: a segment each at first, later 1/32 of what went before.

**Why `result`.** A transfer that is cut at its cap has a queue in front of its trailer (at
128 kbit/s, many seconds of it), and a reset one has no connection left. So the client cuts with a
reset, which also clears the line for the next arm, and asks for the trailer by transfer id on a
new connection under a neutral name. The server keeps results for a minute.

What it does not do. It checks neither the key (the caller pins it before the request) nor any
limit of a server; it does not resume, and it does not look into bodies.

Sources: h11 (sans-IO, one event at a time), ndt7 specification v0.11 (TCPInfo messages), METHOD 2.
"""

from __future__ import annotations

from enum import Enum, auto

import msgspec

from evenfall.model.errors import ProtocolError
from evenfall.wire.pair_messages import (
    LINE_BYTES_MAX,
    PAIR_VERSION,
    REFUSALS,
    TRAILER_BYTES_MAX,
    Answer,
    Done,
    Request,
    Trailer,
    decode_line,
    encode_line,
    is_higher_major,
)

__all__ = ["BodyBytes", "ClientSide", "ServerSide", "State", "piece_bytes"]

_PIECE_BYTES_MIN = 1_400
"""With TLS's 22 bytes it fits one segment of a usual line (MSS 1448 with time stamps)."""
_PIECE_BYTES_MAX = 16_384
"""A full TLS record (RFC 8446 §5.1)."""
_PIECE_SHARE = 32


def piece_bytes(body_bytes: int) -> int:
    """Size of the next piece (one TLS record) of a body of which `body_bytes` were written."""
    return max(_PIECE_BYTES_MIN, min(_PIECE_BYTES_MAX, body_bytes // _PIECE_SHARE))


class State(Enum):
    """Where one side is; what it waits for, or must do next."""

    REQUEST = auto()
    ANSWER = auto()
    BODY = auto()
    DONE = auto()
    TRAILER = auto()
    END = auto()
    BROKEN = auto()


class BodyBytes(msgspec.Struct, frozen=True):
    """So many bytes of the body came."""

    count: int


class _Side:
    """What both ends share: the stored bytes, lines, the body count, the broken state."""

    def __init__(self) -> None:
        self.state = State.REQUEST
        self.body_bytes = 0
        """Bytes of the body received or sent so far."""
        self._buffer = bytearray()
        self._broken: ProtocolError | None = None

    def receive(self, data: bytes) -> None:
        """Store bytes that came from the other side."""
        self._buffer += data

    def _take_line(self, bytes_max: int) -> bytes | None:
        end = self._buffer.find(b"\n", 0, bytes_max)
        if end < 0:
            if len(self._buffer) >= bytes_max:
                raise _violation(f"a line of at most {bytes_max} bytes", "a longer one")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _take_body(self, size_bytes: int) -> BodyBytes | None:
        count = min(len(self._buffer), size_bytes - self.body_bytes)
        if not count:
            return None
        del self._buffer[:count]
        self.body_bytes += count
        return BodyBytes(count)

    def _refuse_leftover(self) -> None:
        if self._buffer:
            raise _violation("nothing after the end", f"{len(self._buffer)} bytes more")

    def _must_be(self, state: State, deed: str) -> None:
        self._raise_if_broken()
        if self.state is not state:
            raise _violation(f"{deed} in state {state.name}", f"state {self.state.name}")

    def _raise_if_broken(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _break(self, error: ProtocolError) -> ProtocolError:
        self.state = State.BROKEN
        self._broken = error
        self._buffer.clear()
        return error


class ClientSide(_Side):
    """The end that asks.

    Args:
        request: what to ask for; checked against the limits when it was made.
    """

    def __init__(self, request: Request) -> None:
        super().__init__()
        self.request = request

    def start(self) -> bytes:
        """The request line. For `put`, the body follows at once (`body_sent`)."""
        self._must_be(State.REQUEST, "a request")
        self.state = State.ANSWER
        return encode_line(self.request)

    def body_sent(self, count: int) -> None:
        """Account for body bytes of a `put` that were handed to the network."""
        self._raise_if_broken()
        if self.request.op != "put" or self.body_bytes + count > self.request.size_bytes:
            raise _violation(f"{self.request.size_bytes} bytes of a put", "more, or no put")
        self.body_bytes += count

    def done(self, *, elapsed_us: int) -> bytes:
        """The line after the last byte of a `get`."""
        self._must_be(State.DONE, "a done line")
        self.state = State.TRAILER
        return encode_line(Done(body_bytes=self.body_bytes, elapsed_us=elapsed_us))

    def next_event(self) -> Answer | BodyBytes | Trailer | None:
        """The next thing the server said; None: more bytes are needed (or it is our turn).

        Raises:
            ProtocolError: the server broke the protocol.
        """
        self._raise_if_broken()
        try:
            return self._next_event()
        except ProtocolError as error:
            raise self._break(error) from None

    def _next_event(self) -> Answer | BodyBytes | Trailer | None:
        if self.state is State.ANSWER:
            return self._next_answer()
        if self.state is State.BODY:
            event = self._take_body(self.request.size_bytes)
            if self.body_bytes == self.request.size_bytes:
                self.state = State.DONE
            return event
        if self.state is State.TRAILER:
            return self._next_trailer()
        self._refuse_leftover()
        return None

    def _next_answer(self) -> Answer | None:
        line = self._take_line(LINE_BYTES_MAX)
        if line is None:
            return None
        answer = decode_line(line, Answer)
        if not answer.ok:
            self.state = State.END
        else:
            self.state = State.BODY if self.request.op == "get" else State.TRAILER
        return answer

    def _next_trailer(self) -> Trailer | None:
        line = self._take_line(TRAILER_BYTES_MAX)
        if line is None:
            return None
        trailer = decode_line(line, Trailer)
        if trailer.id != self.request.id:
            raise _violation("the trailer of this transfer", "that of another")
        self.state = State.END
        return trailer


class ServerSide(_Side):
    """The end that serves; `request` is None until it came."""

    def __init__(self) -> None:
        super().__init__()
        self.request: Request | None = None
        self.refusal_code = "malformed"
        """What to refuse with after a ProtocolError."""

    def next_event(self) -> Request | BodyBytes | Done | None:
        """The next thing the client said; None: more bytes are needed (or it is our turn).

        Raises:
            ProtocolError: the client broke the protocol; `refusal` makes the answer to that.
        """
        self._raise_if_broken()
        try:
            return self._next_event()
        except ProtocolError as error:
            raise self._break(error) from None

    def answer(self, *, now_us: int) -> bytes:
        """The line that accepts; a `get` goes on with its body (`body_sent`)."""
        self._must_be(State.ANSWER, "an answer")
        operation = self._operation()
        self.state = State.TRAILER if operation == "result" else State.BODY
        return encode_line(Answer(ok=True, now_us=now_us))

    def refusal(self, code: str, *, now_us: int, text: str = "") -> bytes:
        """The line that declines, with a key of `REFUSALS`; allowed in any state, ends it all."""
        self.state = State.END
        self._buffer.clear()
        self._broken = None
        return encode_line(
            Answer(ok=False, now_us=now_us, error=code, text=(text or REFUSALS[code])[:500])
        )

    def body_sent(self, count: int) -> None:
        """Account for body bytes of a `get` that were handed to the network."""
        self._must_be(State.BODY, "body bytes")
        size_bytes = self._size_bytes()
        if self._operation() != "get" or self.body_bytes + count > size_bytes:
            raise _violation(f"{size_bytes} bytes of a get", "more, or no get")
        self.body_bytes += count
        if self.body_bytes == size_bytes:
            self.state = State.DONE

    def trailer(self, trailer: Trailer) -> bytes:
        """The last line."""
        self._must_be(State.TRAILER, "a trailer")
        self.state = State.END
        return encode_line(trailer)

    def _next_event(self) -> Request | BodyBytes | Done | None:
        if self.state is State.REQUEST:
            return self._next_request()
        if self.state is State.BODY and self._operation() == "put":
            event = self._take_body(self._size_bytes())
            if self.body_bytes == self._size_bytes():
                self.state = State.TRAILER
            return event
        if self.state is State.DONE:
            return self._next_done()
        if self.state is State.ANSWER and self._operation() == "put":
            return None  # the body may come before our answer goes out
        self._refuse_leftover()
        return None

    def _next_request(self) -> Request | None:
        line = self._take_line(LINE_BYTES_MAX)
        if line is None:
            return None
        if is_higher_major(line):
            self.refusal_code = "version"
        self.request = decode_line(line, Request)
        self.state = State.ANSWER
        return self.request

    def _next_done(self) -> Done | None:
        line = self._take_line(LINE_BYTES_MAX)
        if line is None:
            return None
        done = decode_line(line, Done)
        self.state = State.TRAILER
        return done

    def _operation(self) -> str:
        return self.request.op if self.request is not None else ""

    def _size_bytes(self) -> int:
        return self.request.size_bytes if self.request is not None else 0


def _violation(expected: str, seen: str) -> ProtocolError:
    return ProtocolError(
        expected=expected,
        seen=seen,
        where=f"pair protocol {PAIR_VERSION}",
        remedy="Check that both ends are Evenfall, and their versions.",
    )
