"""Our ndt7 client against the server of `websockets`, and against ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl

import pytest
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from evenfall.measure.ndt7 import reserve_bytes, speed_test
from evenfall.measure.round import Round
from evenfall.measure.transfer import PairServer
from evenfall.model.target import Target
from evenfall.model.vocabulary import Direction, Role
from evenfall.net.clock import ManualClock
from evenfall.net.fake import FakeNetwork, Host, Line, Rule, tls_peer
from evenfall.net.sockets import SystemNetwork
from evenfall.server import Limits, Ndt7, serve_pairs
from evenfall.server.identity import load_or_create, tls_context
from evenfall.server.limits import Gate
from evenfall.server.ndt7 import Ndt7Session
from evenfall.wire.ndt7 import SUBPROTOCOL

TARGET = Target(target_id="measurement/capacity", url="", role=Role.CONTROL)
PLACE = ("198.51.100.80", 8443)


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """A server's key."""
    return load_or_create(tmp_path_factory.mktemp("state") / "s")


async def _test(network, port, pin, direction, *, cap=1_000_000, address="127.0.0.1", end_s=15.0):
    return await speed_test(
        network, PairServer(address=address, port=port, pin=pin), Round("r", network.clock),
        TARGET, direction=direction, sni="n.example", load_bytes_max=cap,
        end_s=network.clock.monotonic_s() + end_s,
    )  # fmt: skip


async def _foreign(connection):
    """A server of somebody else's: load in two sizes, messages of its own, then it closes."""
    with contextlib.suppress(ConnectionClosed):
        if "download" in connection.request.path:
            for size in (8_192, 300_000, 300_000):
                await connection.send(os.urandom(size))
                await connection.send('{"TCPInfo":{"RTT":5000,"State":1},"AppInfo":null}')
            return
        count = 0
        async for message in connection:
            count += len(message)
            await connection.send(
                json.dumps({"AppInfo": {"ElapsedTime": 1_000_000, "NumBytes": count}})
            )


def _against_foreign(identity, direction, **options):
    async def main():
        context = tls_context(identity)
        async with serve(
            _foreign, "127.0.0.1", 0, ssl=context, subprotocols=[SUBPROTOCOL], compression=None
        ) as server:
            port = server.sockets[0].getsockname()[1]
            return await _test(SystemNetwork(), port, identity.pin, direction, **options)

    return asyncio.run(main())


def test_a_download_from_a_foreign_server_that_closes_early(identity):
    """Innocent: all that came counts; an early close is no failure."""
    seen = _against_foreign(identity, Direction.DOWNLOAD)
    assert (seen.failure, seen.capped) == (None, False)
    assert 590_000 < seen.body_bytes < 620_000
    assert seen.goodput_bps > 1e6


def test_an_upload_to_a_foreign_server(identity):
    """Innocent: what the server says has arrived is what counts."""
    seen = _against_foreign(identity, Direction.UPLOAD, cap=500_000)
    assert (seen.failure, seen.body_bytes) == (None, 500_000)
    assert seen.goodput_bps > 1e6


def test_another_key_is_not_asked(identity, tmp_path):
    """The pin is checked before the request."""
    other = load_or_create(tmp_path / "other").pin

    async def main():
        async with serve_pairs(listen=("127.0.0.1", 0), state=tmp_path / "s") as service:
            return await _test(SystemNetwork(), service.port, other, Direction.DOWNLOAD)

    seen = asyncio.run(main())
    assert (seen.failure, seen.operation, seen.goodput_bps) == ("pin_mismatch", "pin", None)


def test_a_server_that_declines(tmp_path):
    """Its status is in the failure, and no rate is."""

    async def main(limits, ndt7):
        async with serve_pairs(
            listen=("127.0.0.1", 0), state=tmp_path / "s", limits=limits, ndt7=ndt7
        ) as service:
            return await _test(SystemNetwork(), service.port, service.pin, Direction.UPLOAD)

    busy = asyncio.run(main(Limits(ndt7_tests=0), Ndt7.TLS))
    assert (busy.failure, busy.goodput_bps) == ("refused_by_server: 503", None)
    off = asyncio.run(main(Limits(), Ndt7.OFF))
    assert (off.failure, off.goodput_bps) == ("http_invalid_response", None)


class _Memory:
    """Our server on a line in memory."""

    def __init__(self, identity, *, rules=(), **line) -> None:
        self.network = FakeNetwork(ManualClock())
        clock, limits = self.network.clock, Limits()

        async def inside(stream):
            first = await stream.read(65_536, timeout_s=10)
            await Ndt7Session(
                stream, address="192.0.2.7", client="a:1", server="b:2", limits=limits,
                gate=Gate(limits, clock), clock=clock, block=os.urandom(2**20),
            ).run(first)  # fmt: skip

        self.network.at[PLACE] = Host(
            peer=tls_peer(tls_context(identity), inside, clock=clock),
            line=Line(**line), rules=rules,
        )  # fmt: skip
        self.pin = identity.pin

    def test(self, direction, **options):
        return asyncio.run(
            _test(self.network, PLACE[1], self.pin, direction, address=PLACE[0], **options)
        )


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("rate_bps", [256_000, 4e6])
def test_the_lines_rate_is_found(identity, direction, rate_bps):
    """Innocent: slow and quick, up and down, within 15 %; time or bytes end it."""
    memory = _Memory(identity, rtt_s=0.04, rate_bps=rate_bps)
    before_s = memory.network.clock.monotonic_s()
    seen = memory.test(direction)
    assert seen.failure is None
    assert seen.goodput_bps == pytest.approx(rate_bps, rel=0.15)
    assert seen.capped is (rate_bps < 1e6)
    assert memory.network.clock.monotonic_s() - before_s < 11
    assert seen.wire_bytes < reserve_bytes(1_000_000, direction)
    if direction is Direction.DOWNLOAD and seen.capped:
        assert len(seen.samples) >= 8


@pytest.mark.parametrize("direction", Direction)
def test_the_rounds_end_is_kept(identity, direction):
    """Whatever the test's own ten seconds: at the end all is over."""
    memory = _Memory(identity, rtt_s=0.04, rate_bps=256_000)
    before_s = memory.network.clock.monotonic_s()
    seen = memory.test(direction, end_s=3.0)
    assert (seen.failure, seen.capped) == (None, True)
    assert memory.network.clock.monotonic_s() - before_s < 3.2


@pytest.mark.parametrize("direction", Direction)
def test_a_reset_in_the_middle(identity, direction):
    """Its code; what had come stays in the observation."""
    rules = (Rule(action="reset", after_bytes=300_000),)
    seen = _Memory(identity, rtt_s=0.04, rate_bps=4e6, rules=rules).test(direction)
    assert seen.failure in ("connection_reset", "eof_error")
    assert 0 < seen.body_bytes < 400_000


def test_nobody_there(identity):
    """A server that does not answer: its code, and no rate."""
    memory = _Memory(identity)
    memory.network.at.clear()
    seen = memory.test(Direction.DOWNLOAD)
    assert (seen.failure, seen.operation) == ("generic_timeout_error", "connect")
    assert (seen.body_bytes, seen.goodput_bps) == (None, None)


def test_the_context_of_the_server_is_tls_13(identity):
    """What the pinned connection relies on."""
    assert tls_context(identity).minimum_version is ssl.TLSVersion.TLSv1_3
