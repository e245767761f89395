"""The pair protocol: the same events whatever the split, and a clear no to what breaks it."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.model.errors import ProtocolError
from evenfall.wire.pair import BodyBytes, ClientSide, ServerSide, State
from evenfall.wire.pair_messages import (
    BODY_BYTES_MIN,
    LINE_BYTES_MAX,
    SAMPLES_MAX,
    TRAILER_BYTES_MAX,
    Answer,
    Done,
    Request,
    Sample,
    TcpCounters,
    Trailer,
    encode_line,
)

_ID = "0123456789abcdef" * 2
_SIZE = BODY_BYTES_MIN
_BODY = bytes(range(256)) * (_SIZE // 256)
_GET = Request(op="get", size_bytes=_SIZE, id=_ID)
_PUT = Request(op="put", size_bytes=_SIZE, id=_ID)
_RESULT = Request(op="result", id=_ID)
_TRAILER = Trailer(
    id=_ID,
    op="get",
    body_bytes=_SIZE,
    elapsed_us=123_456,
    complete=True,
    tcp=TcpCounters(rtt_us=20_000, rtt_min_us=18_000, congestion_control="cubic"),
    samples=(Sample(50_000, 20_000, 18_000, 4096, 0, _SIZE),),
)


def _cuts(data: bytes):
    """Strategies for cutting `data` into pieces, many of them at the interesting ends."""
    return st.lists(st.integers(0, len(data)), max_size=8).map(lambda at: _pieces(data, at))


def _pieces(data: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *at})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def _events(side, pieces) -> list:
    """Feed the pieces and collect events, runs of body bytes added up."""
    events: list = []
    for piece in pieces:
        side.receive(piece)
        while (event := side.next_event()) is not None:
            if isinstance(event, BodyBytes) and events and isinstance(events[-1], BodyBytes):
                events[-1] = BodyBytes(events[-1].count + event.count)
            else:
                events.append(event)
    return events


_GET_SERVER_SAYS = encode_line(Answer(ok=True, now_us=7)) + _BODY


@given(_cuts(_GET_SERVER_SAYS), _cuts(encode_line(_TRAILER)))
def test_a_download_gives_the_same_events_for_every_split(pieces, trailer_pieces):
    """Innocent: answer, all body bytes, trailer, however TCP cut them."""
    side = ClientSide(_GET)
    assert side.start() == encode_line(_GET)
    events = _events(side, pieces)
    assert events == [Answer(ok=True, now_us=7), BodyBytes(_SIZE)]
    assert json.loads(side.done(elapsed_us=9))["body_bytes"] == _SIZE
    assert _events(side, trailer_pieces) == [_TRAILER]
    assert side.state is State.END


@given(_cuts(encode_line(_PUT) + _BODY))
def test_an_upload_gives_the_same_events_for_every_split(pieces):
    """Innocent: request and body in one flight; the answer may be given at any point after."""
    side = ServerSide()
    events: list = []
    for piece in pieces:
        side.receive(piece)
        while (event := side.next_event()) is not None:
            events.append(event)
            if isinstance(event, Request):
                side.answer(now_us=1)
    assert events[0] == _PUT
    assert sum(e.count for e in events[1:]) == _SIZE
    assert side.state is State.TRAILER
    side.trailer(_TRAILER)
    assert side.state is State.END


@given(_cuts(encode_line(_GET)), _cuts(encode_line(Done(body_bytes=_SIZE, elapsed_us=5))))
def test_the_server_of_a_download_hears_request_and_done(request_pieces, done_pieces):
    """Innocent: the done line counts once the whole body was handed over."""
    side = ServerSide()
    assert _events(side, request_pieces) == [_GET]
    side.answer(now_us=1)
    side.body_sent(_SIZE)
    assert _events(side, done_pieces) == [Done(body_bytes=_SIZE, elapsed_us=5)]
    side.trailer(_TRAILER)


def test_a_result_comes_on_its_own_connection():
    """Innocent: a cut transfer's trailer by id."""
    server, client = ServerSide(), ClientSide(_RESULT)
    server.receive(client.start())
    assert server.next_event() == _RESULT
    client.receive(server.answer(now_us=1) + server.trailer(_TRAILER))
    assert client.next_event() == Answer(ok=True, now_us=1)
    assert client.next_event() == _TRAILER
    assert (client.state, server.state) == (State.END, State.END)


@given(st.binary(min_size=1, max_size=3000))
def test_garbage_never_becomes_an_event_and_never_escapes(garbage):
    """Any bytes: a ProtocolError with all four parts, or the wish for more; nothing else."""
    side = ServerSide()
    side.receive(garbage)
    if b"\n" not in garbage and len(garbage) < LINE_BYTES_MAX:
        assert side.next_event() is None
        return
    with pytest.raises(ProtocolError) as caught:
        side.next_event()
    assert all((caught.value.expected, caught.value.seen, caught.value.remedy))
    assert side.state is State.BROKEN


@given(_cuts(b"{" + b" " * (LINE_BYTES_MAX + 40) + b"}\n"))
def test_a_line_that_is_too_long_is_refused_at_every_split(pieces):
    """The limit does not depend on where the line feed happens to lie in a read."""
    side = ServerSide()
    with pytest.raises(ProtocolError, match="longer"):
        _events(side, pieces)


def test_the_longest_allowed_line_is_taken():
    """Innocent: unknown fields of a higher minor, up to the limit, are ignored."""
    fields = json.loads(encode_line(_GET)) | {"v": "1.9", "new": ""}
    fields["new"] = "x" * (LINE_BYTES_MAX - 1 - len(json.dumps(fields)))
    line = json.dumps(fields).encode() + b"\n"
    assert len(line) == LINE_BYTES_MAX
    side = ServerSide()
    side.receive(line)
    request = side.next_event()
    assert (request.op, request.size_bytes, request.v) == ("get", _SIZE, "1.9")


def test_a_higher_major_is_refused_by_name_before_its_fields_are_read():
    """Version 2 may have fields that we would misread: both versions are named, code `version`."""
    side = ServerSide()
    side.receive(b'{"v":"2.0","operation":"get"}\n')
    with pytest.raises(ProtocolError, match=r"1\.x.*higher version"):
        side.next_event()
    assert side.refusal_code == "version"
    answer = json.loads(side.refusal("version", now_us=1))
    assert (answer["ok"], answer["error"]) == (False, "version")


def test_a_client_refuses_a_newer_server_too():
    """The same rule on the other end."""
    side = ClientSide(_GET)
    side.start()
    side.receive(b'{"v":"2.0","ok":true,"now_us":1}\n')
    with pytest.raises(ProtocolError, match="higher version"):
        side.next_event()


@pytest.mark.parametrize(
    "change",
    [
        {"bytes": BODY_BYTES_MIN - 1},
        {"bytes": 1_048_577},
        {"bytes": -1},
        {"bytes": 65536.5},
        {"bytes": True},
        {"cap_us": 10_000_001},
        {"id": "short"},
        {"id": "G" * 32},
        {"op": "delete"},
        {"v": "one"},
    ],
)
def test_what_is_out_of_range_is_refused(change):
    """Sizes, caps, ids, operations and versions outside the limits are no request."""
    line = json.loads(encode_line(_GET)) | change
    side = ServerSide()
    side.receive(json.dumps(line).encode() + b"\n")
    with pytest.raises(ProtocolError):
        side.next_event()
    assert side.refusal_code == "malformed"


def test_a_break_is_final():
    """After a ProtocolError the same object goes on raising it, also for sending."""
    side = ClientSide(_GET)
    side.start()
    side.receive(b"nonsense\n")
    for _ in range(2):
        with pytest.raises(ProtocolError):
            side.next_event()
    with pytest.raises(ProtocolError):
        side.done(elapsed_us=1)


def test_the_wrong_turn_is_refused():
    """Nobody speaks out of turn: early done, early trailer, more body than asked for."""
    client, server = ClientSide(_GET), ServerSide()
    with pytest.raises(ProtocolError, match="DONE"):
        client.done(elapsed_us=1)
    with pytest.raises(ProtocolError, match="TRAILER"):
        server.trailer(_TRAILER)
    server.receive(encode_line(_GET) + encode_line(Done(body_bytes=1, elapsed_us=1)))
    server.next_event()
    with pytest.raises(ProtocolError, match="bytes more"):
        server.next_event()
    other = ServerSide()
    other.receive(encode_line(_GET))
    other.next_event()
    other.answer(now_us=1)
    with pytest.raises(ProtocolError, match="get"):
        other.body_sent(_SIZE + 1)


def test_the_trailer_of_another_transfer_is_refused():
    """A result under a foreign id is not attributed to this transfer."""
    side = ClientSide(_RESULT)
    side.start()
    foreign = Trailer(id="f" * 32, op="get", body_bytes=1, elapsed_us=1, complete=False)
    side.receive(encode_line(Answer(ok=True, now_us=1)) + encode_line(foreign))
    side.next_event()
    with pytest.raises(ProtocolError, match="another"):
        side.next_event()


def test_the_fullest_trailer_fits_its_limit():
    """Innocent: `SAMPLES_MAX` samples of the largest counters stay under the trailer's limit."""
    big = 2**53 - 1
    sample = Sample(10_000_000, big, big, big, big, big)
    full = Trailer(
        id=_ID,
        op="put",
        body_bytes=big,
        elapsed_us=big,
        complete=True,
        tcp=TcpCounters(**dict.fromkeys(TcpCounters.__struct_fields__[:-1], big)),
        samples=(sample,) * SAMPLES_MAX,
    )
    assert len(encode_line(full)) <= TRAILER_BYTES_MAX


def test_a_refusal_ends_it():
    """A declined client gets the code and expects nothing more."""
    client, server = ClientSide(_PUT), ServerSide()
    client.start()
    client.receive(server.refusal("busy", now_us=3))
    answer = client.next_event()
    assert (answer.ok, answer.error) == (False, "busy")
    assert client.state is State.END
    assert client.next_event() is None
