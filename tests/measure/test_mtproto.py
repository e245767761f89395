"""One question in Telegram's protocol over a network in memory: what each kind of answer means."""

from __future__ import annotations

import asyncio
import random
import struct

import pytest

from evenfall.measure.mtproto import ask_for_key
from evenfall.measure.round import Round
from evenfall.measure.tcp import connect
from evenfall.model.target import Target
from evenfall.model.vocabulary import FAILURES, Fact, Role
from evenfall.net.fake import FakeNetwork, Host

TARGET = Target(target_id="messenger/app", url="mtproto://203.0.113.13:5222", role=Role.TARGET)
ADDRESS, PORT = "203.0.113.13", 5222


def res_pq(nonce: bytes) -> bytes:
    """An answer as the documentation lays it out, in the abridged transport."""
    body = struct.pack("<I", 0x05162463) + nonce + bytes(range(16))
    body += b"\x08\x17\xed\x48\x94\x1a\x08\xf9\x81" + bytes(3)
    body += struct.pack("<IIq", 0x1CB5C415, 1, -4344800451088585951)
    packet = struct.pack("<qQI", 0, (1_700_000_000 << 32) | 1, len(body)) + body
    return bytes([len(packet) // 4]) + packet


def peer(answer, *, pieces=1, end=False):
    """A server that reads the whole question and sends what `answer` makes of its nonce."""

    async def serve(stream):
        question = b""
        while len(question) < 42:
            question += await stream.read(1024, timeout_s=60)
        data = answer(question[26:42])
        size = max(1, len(data) // pieces)
        for start in range(0, len(data), size):
            await stream.write(data[start : start + size], timeout_s=60)
        if end:
            stream.close()
        else:
            await stream.read(1, timeout_s=600)

    return serve


def ask(serve, *, timeout_s=6.0, network=None):
    """Connect and ask once."""
    network = network or FakeNetwork()
    network.at[ADDRESS, PORT] = Host(peer=serve)
    round_ = Round("r", network.clock)

    async def main():
        where = {"host": ADDRESS, "address": ADDRESS, "port": PORT}
        _, stream, meter = await connect(network, round_, TARGET, timeout_s=6.0, **where)
        rng = random.Random(1)  # noqa: S311 (a nonce of a test)
        return await ask_for_key(
            stream, meter, round_, TARGET, rng=rng, timeout_s=timeout_s, **where
        )

    return asyncio.run(main())


@pytest.mark.parametrize("pieces", [1, 7])
def test_an_answer_to_our_nonce_is_success(pieces):
    """Innocent: a valid resPQ; a round trip, some hundred bytes."""
    seen = ask(peer(res_pq, pieces=pieces))
    assert (seen.fact, seen.failure, seen.operation) == (Fact.MTPROTO_EXCHANGE, None, None)
    assert (seen.address, seen.port, seen.family) == (ADDRESS, PORT, 4)
    assert 0 < seen.first_byte_us <= seen.duration_us < 100_000
    assert 100 < seen.wire_bytes < 1000


@pytest.mark.parametrize(
    ("serve", "failure"),
    [(peer(lambda nonce: res_pq(bytes(16))), "mtproto_invalid_response"),
     (peer(lambda nonce: b"HTTP/1.1 403 Forbidden\r\n\r\n"), "mtproto_invalid_response"),
     (peer(lambda nonce: b"\x01\x6c\xfe\xff\xff"), "mtproto_invalid_response"),
     (peer(lambda nonce: b"", end=True), "eof_error"),
     (peer(lambda nonce: res_pq(nonce)[:40], end=True), "eof_error"),
     (peer(lambda nonce: b""), "generic_timeout_error"),
     (peer(lambda nonce: res_pq(nonce)[:40]), "generic_timeout_error")],
    ids=["replayed", "http", "transport error", "closed", "half and closed", "silent", "half"],
)  # fmt: skip
def test_everything_else_has_its_code(serve, failure):
    """Somebody else's answer, an end and silence are told apart."""
    seen = ask(serve)
    assert seen.failure == failure
    assert failure in FAILURES
    assert seen.operation == "read"


def test_drops_end_in_time():
    """One byte every few seconds does not go beyond the time allowed."""
    network = FakeNetwork()

    async def drip(stream):
        await stream.read(1024, timeout_s=60)
        for byte in b"\x15" + bytes(80):
            await stream.write(bytes([byte]), timeout_s=60)
            await network.clock.sleep(0.8)

    seen = ask(drip, timeout_s=6.0, network=network)
    assert (seen.failure, seen.duration_us) == ("generic_timeout_error", 6_000_000)
