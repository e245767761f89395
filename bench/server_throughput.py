"""Throughput of a paired transfer against plain asyncio + ssl, taken in turn in one run.

Ours is the whole path: connection, TLS 1.3, pin, request, body, TCP_INFO samples, done, trailer,
through `measure.transfer` and the real server. The other is `asyncio.start_server(ssl=…)` and
`asyncio.open_connection(ssl=…)` sending the same bytes with the same key: one line asks, the body
follows, nothing is checked or recorded. Client and server share one process and one core, so the
ratio is that of the work done, and a busy machine slows both.

    .venv/bin/python bench/server_throughput.py [--json]
"""

from __future__ import annotations

import asyncio
import json
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from evenfall.measure.exchange import random_body
from evenfall.measure.round import Round
from evenfall.measure.transfer import transfer
from evenfall.measure.transfer_run import PairServer
from evenfall.model.target import Target
from evenfall.model.vocabulary import Direction, Role
from evenfall.net.sockets import SystemNetwork
from evenfall.server import RAISED, serve_pairs
from evenfall.server.identity import load_or_create, tls_context

ROUNDS = 15
GOAL = "≥ 0.5"
MIB = 1_048_576
TARGET = Target(target_id="bench/front", url="https://bench.test/", role=Role.TARGET)
READ_BYTES = 65_536

Once = Callable[[Direction, int], Awaitable[None]]


async def plain_session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """`get N` is answered by N bytes, `put N` + N bytes by one line."""
    words = (await reader.readline()).split()
    if words:
        count = int(words[1])
        if words[0] == b"get":
            writer.write(random_body()[:count])
        else:
            await _swallow(reader, count)
            writer.write(b"ok\n")
        await writer.drain()
    writer.transport.abort() if not words else writer.close()


async def _swallow(reader: asyncio.StreamReader, count: int) -> None:
    while count > 0:
        data = await reader.read(READ_BYTES)
        if not data:
            raise ConnectionError("ended early")
        count -= len(data)


def plain_client(port: int) -> Once:
    """One transfer by asyncio's own streams."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    async def once(direction: Direction, size_bytes: int) -> None:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="bench.test"
        )
        if direction is Direction.DOWNLOAD:
            writer.write(b"get %d\n" % size_bytes)
            await _swallow(reader, size_bytes)
        else:
            writer.write(b"put %d\n" % size_bytes + random_body()[:size_bytes])
            await reader.readline()
        writer.close()
        await writer.wait_closed()

    return once


def our_client(port: int, pin: str) -> Once:
    """One transfer by the probe's own code."""
    network = SystemNetwork()
    server = PairServer(address="127.0.0.1", port=port, pin=pin)
    round_ = Round("bench", network.clock)

    async def once(direction: Direction, size_bytes: int) -> None:
        seen = await transfer(
            network,
            server,
            round_,
            TARGET,
            sni="bench.test",
            size_bytes=size_bytes,
            direction=direction,
        )
        if seen.failure is not None or seen.body_bytes != size_bytes:
            raise ConnectionError(f"{seen.failure}: {seen.body_bytes} bytes")

    return once


async def timed(once: Once, direction: Direction, size_bytes: int, count: int) -> float:
    """Seconds for `count` transfers one after the other."""
    started = time.perf_counter()
    for _ in range(count):
        await once(direction, size_bytes)
    return time.perf_counter() - started


async def compare(
    ours: Once, plain: Once, direction: Direction, size_bytes: int, count: int
) -> dict[str, object]:
    """One row: both taken in turn, `ROUNDS` times, order swapped every time."""
    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    pairs = [("ours", ours), ("plain", plain)]
    for _ in range(ROUNDS):
        pairs.reverse()
        for name, once in pairs:
            seconds[name].append(await timed(once, direction, size_bytes, count))
    middle = {name: statistics.median(taken) for name, taken in seconds.items()}
    rate = {name: size_bytes * count * 8 / 1e6 / taken for name, taken in middle.items()}
    return {
        "name": f"{direction.value} {count} × {size_bytes // 1024} KiB against asyncio + ssl",
        "ratio": round(rate["ours"] / rate["plain"], 3),
        "unit": "throughput of a paired transfer ÷ that of a bare one",
        "goal": GOAL,
        "detail": f"{rate['ours']:.0f} against {rate['plain']:.0f} Mbit/s with a new connection "
        f"each, both ends on one core; medians of {ROUNDS} turns",
    }


async def measure() -> list[dict[str, object]]:
    """All rows."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        context = tls_context(load_or_create(state))
        plain = await asyncio.start_server(plain_session, "127.0.0.1", 0, ssl=context)
        plain_port = plain.sockets[0].getsockname()[1]
        async with plain, serve_pairs(listen=("127.0.0.1", 0), state=state, limits=RAISED) as own:
            clients = our_client(own.port, own.pin), plain_client(plain_port)
            for client in clients:
                await timed(client, Direction.DOWNLOAD, MIB, 3)  # imports and caches
            return [
                await compare(*clients, direction, size_bytes, count)
                for direction in Direction
                for size_bytes, count in ((MIB, 1), (MIB, 8), (65_536, 8))
            ]


def run() -> list[dict[str, object]]:
    """Rows for docs/PERFORMANCE.md."""
    return asyncio.run(measure())


if __name__ == "__main__":
    rows = run()
    if "--json" in sys.argv[1:]:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        for row in rows:
            print(f"{row['ratio']:.2f}  {row['name']}: {row['detail']}")
    sys.exit(any(row["ratio"] < 0.5 for row in rows))  # type: ignore[operator]  # (a float)
