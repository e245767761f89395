"""Sites that misbehave on purpose: each is bounded, says what it was, and harms nobody else.

One site of the list is bad in one way; the check still ends in time and within its bytes, and the
other sites are as they were.
"""

from __future__ import annotations

import gzip

import pytest

from evenfall.model.vocabulary import Fact, State
from evenfall.net.fake import Host, Line
from evenfall.probe.budget import CHECK_BYTES_MAX
from evenfall.probe.check import CHECK_S_MAX
from evenfall.probe.legs import REDIRECTS_MAX

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def peer(world, first: bytes, *, more=None, every_s=0.0, end=False):
    """Reads a request, sends `first`, then `more` for ever, one piece every `every_s`."""

    async def inside(stream) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            data = await stream.read(65_536, timeout_s=600)
            if not data:
                return
            request += data
        await stream.write(first, timeout_s=3600)
        while more:
            if every_s:
                await world.clock.sleep(every_s)
            await stream.write(more, timeout_s=3600)
        if end:
            stream.close()
        else:
            await stream.read(1, timeout_s=3600)

    return world.tls("social", inside)


BOMB = gzip.compress(bytes(50_000_000))
BOMB_HEAD = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

BAD = {
    "10 GB of page": (
        {"first": HEAD + b"Content-Length: 10000000000\r\n\r\n", "more": bytes(65_536)}, None,
    ),
    "a page without an end": ({"first": HEAD + b"\r\n", "more": bytes(65_536)}, None),
    "chunks without an end": ({"first": CHUNKED, "more": b"400\r\n" + bytes(1024) + b"\r\n"}, None),
    "one byte a second": (
        {"first": HEAD + b"Content-Length: 100000\r\n\r\n", "more": b"x", "every_s": 1.0}, None,
    ),
    "one header byte a second": ({"first": HEAD, "more": b"x", "every_s": 1.0}, None),
    "headers without an end": (
        {"first": HEAD, "more": b"X-Filler: " + b"y" * 1000 + b"\r\n"}, "http_invalid_response",
    ),
    "one endless header": ({"first": HEAD + b"X: ", "more": b"y" * 4096}, "http_invalid_response"),
    "a compressed bomb": ({"first": BOMB_HEAD + BOMB}, None),
    "HTTP/0.9": ({"first": b"<html>hello</html>", "end": True}, "http_invalid_response"),
    "interim answers without an end": (
        {"first": b"", "more": b"HTTP/1.1 103 Early Hints\r\n\r\n"}, "http_invalid_response",
    ),
    "negative length": (
        {"first": HEAD + b"Content-Length: -5\r\n\r\nhello", "end": True}, None,
    ),
    "two lengths": (
        {"first": HEAD + b"Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello"}, None,
    ),
    "a huge chunk size": ({"first": CHUNKED + b"F" * 400 + b"\r\n"}, "http_invalid_response"),
    "nothing": ({"first": b"", "end": True}, "eof_error"),
}  # fmt: skip


@pytest.mark.parametrize(("behaviour", "failure"), BAD.values(), ids=BAD)
def test_a_bad_page_is_bounded(world, behaviour, failure):
    """Time, bytes and memory hold; the exchange says what it was; the others are fine."""
    line = Line(rtt_s=0.04, rate_bps=20e6)
    world.put("social", peer=peer(world, **behaviour), line=line)
    result = world.check()
    assert result.duration_s <= CHECK_S_MAX
    assert result.bytes_spent <= CHECK_BYTES_MAX
    pages = [
        o
        for o in result.observations
        if o.fact is Fact.HTTP_EXCHANGE and o.target == "social/front" and o.sni == "social.test"
    ]
    assert pages
    if failure is not None:
        assert {o.failure for o in pages} == {failure}
    assert all((o.body_bytes or 0) <= 262_144 + 16_406 for o in pages)
    assert all(o.duration_us <= 6_100_000 for o in pages)
    others = [v.state for v in result.judged.verdicts if v.target != "social/front"]
    assert others == [State.OK] * 2


def test_a_bomb_is_not_opened(world):
    """What comes compressed although nobody asked for it is counted and never decompressed."""
    world.put("social", peer=peer(world, BOMB_HEAD + BOMB))
    result = world.check()
    sizes = {
        o.body_bytes
        for o in result.observations
        if o.fact is Fact.HTTP_EXCHANGE and o.target == "social/front" and o.sni == "social.test"
    }
    assert sizes == {len(BOMB)}


@pytest.mark.parametrize("to", ["/1M.bin", "https://social.test/1M.bin", "//social.test/again"])
def test_a_redirect_loop_ends(world, to):
    """A few hops, and no more; it redirects on and on, says the verdict."""
    head = f"HTTP/1.1 302 X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()
    world.put("social", peer=peer(world, head, end=True))
    result = world.check()
    hops = [
        o
        for o in result.observations
        if o.fact is Fact.HTTP_EXCHANGE and o.target == "social/front" and o.status_code == 302
    ]
    assert 1 < len(hops) <= 3 * (REDIRECTS_MAX + 1)
    assert result.duration_s <= CHECK_S_MAX
    (verdict,) = [v for v in result.judged.verdicts if v.target == "social/front"]
    assert verdict.state is not State.OK


def test_a_server_that_never_stops_greeting(world):
    """Bytes before any request, for ever: no TLS, and no more than the leg's time."""

    async def greet(stream) -> None:
        while True:
            await stream.write(b"220 welcome\r\n" * 100, timeout_s=3600)
            await world.clock.sleep(0.5)

    world.network.at[world.zone["social.test"], 443] = Host(peer=greet, line=world.line)
    result = world.check()
    shaken = [
        o
        for o in result.observations
        if o.fact is Fact.TLS_HANDSHAKE and o.target == "social/front" and o.sni == "social.test"
    ]
    assert {o.failure for o in shaken} == {"ssl_failed_handshake"}
    assert result.duration_s <= CHECK_S_MAX
