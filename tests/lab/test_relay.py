"""One relay between a client and a server of the test's own: bytes, pace, delay, ends."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import pytest

from evenfall.lab.flows import Decider
from evenfall.lab.pacing import TokenBucket
from evenfall.lab.plan import Endpoint
from evenfall.lab.relay import Elsewhere, Line, Relay, listening_socket
from evenfall.lab.slowing import SharedBuckets

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def through_relay(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    use: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    *,
    up_bps: float = 80e6,
    down_bps: float = 80e6,
    delay_s: float = 0.0,
) -> None:
    """Let `use` talk to `serve` over a relay with this line and no rules."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    far = Endpoint(*server.sockets[0].getsockname())
    line = Line(down=TokenBucket(down_bps), up=TokenBucket(up_bps), delay_s=delay_s)
    decider = Decider((), hosts={}, minute_of_day=lambda: 0, rng=random.Random(1))  # noqa: S311 (seeded)
    elsewhere = Elsewhere(page=far, certificate=far, redirect=bytes)
    relay = Relay(
        upstream=far, elsewhere=elsewhere, line=line, decider=decider, shared=SharedBuckets()
    )
    listening = listening_socket(Endpoint("127.0.0.1", 0))
    address = listening.getsockname()
    await relay.start(listening)
    try:
        reader, writer = await asyncio.open_connection(*address)
        await use(reader, writer)
        writer.close()
    finally:
        relay.close()
        server.close()


def test_bytes_and_half_closes_pass_both_ways() -> None:
    """A megabyte up, its echo down, the end of each told to the other side."""
    sent = random.Random(3).randbytes(1_000_000)  # noqa: S311 (seeded)
    got = bytearray()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        everything = await reader.read(-1)  # until the client's half-close
        writer.write(everything)
        await writer.drain()
        writer.close()

    async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00" + sent)  # no name in it: let go at once
        writer.write_eof()
        got.extend(await asyncio.wait_for(reader.read(-1), 20))

    asyncio.run(through_relay(echo, use))
    assert bytes(got) == b"\x00" + sent


@pytest.mark.parametrize("direction", ["up", "down"])
def test_each_direction_has_its_own_pace(direction: str) -> None:
    """100 kB at 800 kbit/s take a second, also seen from the sender's side of an upload."""
    block = b"\x00" * 100_000
    took_s: list[float] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if direction == "up":
            begun_s = time.monotonic()
            await reader.readexactly(len(block))
            took_s.append(time.monotonic() - begun_s)
        else:
            await reader.readexactly(1)
            writer.write(block)
            await writer.drain()
        writer.close()

    async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun_s = time.monotonic()
        writer.write(block if direction == "up" else b"\x00")
        await asyncio.wait_for(reader.read(-1), 20)
        if direction == "down":
            took_s.append(time.monotonic() - begun_s)

    asyncio.run(through_relay(serve, use, **{f"{direction}_bps": 800_000}))
    assert took_s[0] == pytest.approx(1.0, abs=0.15)


def test_a_round_trip_takes_the_lines_delay_twice() -> None:
    """One byte and its answer over 2 × 50 ms."""
    took_s: list[float] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(1))
        await writer.drain()
        writer.close()

    async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun_s = time.monotonic()
        writer.write(b"\x00")
        await asyncio.wait_for(reader.readexactly(1), 5)
        took_s.append(time.monotonic() - begun_s)

    asyncio.run(through_relay(answer, use, delay_s=0.05))
    assert 0.1 <= took_s[0] < 0.16


def test_a_server_that_resets_is_felt_by_the_client() -> None:
    """The relay does not turn a reset into a quiet end."""

    async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from evenfall.lab.tcp_server import reset

        await reader.readexactly(1)
        reset(writer)

    async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00")
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(-1), 5)

    asyncio.run(through_relay(slam, use))


def test_a_server_that_is_not_there_is_felt_by_the_client() -> None:
    """Refused behind the relay is reset before it: loopback has nothing closer to offer."""

    async def nobody() -> None:
        line = Line(down=TokenBucket(1e6), up=TokenBucket(1e6), delay_s=0)
        decider = Decider((), hosts={}, minute_of_day=lambda: 0, rng=random.Random(1))  # noqa: S311 (seeded)
        gone = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        far = Endpoint(*gone.sockets[0].getsockname())
        gone.close()
        elsewhere = Elsewhere(page=far, certificate=far, redirect=bytes)
        relay = Relay(
            upstream=far, elsewhere=elsewhere, line=line, decider=decider, shared=SharedBuckets()
        )
        listening = listening_socket(Endpoint("127.0.0.1", 0))
        address = listening.getsockname()
        await relay.start(listening)
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"\x00")
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(-1), 5)
        writer.close()
        relay.close()

    asyncio.run(nobody())
