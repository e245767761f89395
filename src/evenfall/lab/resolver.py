"""A DNS server over UDP and TCP on one address: the sockets around `lab.names`.

What it answers is a function of the query, given by whoever starts it, so that the same server is
the honest resolver and the relay in front of it. Limits: 4 KiB a query, 64 TCP connections, 20 s
for each of their queries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from evenfall.lab.plan import Endpoint
from evenfall.lab.tcp_server import TcpServer

__all__ = ["DnsServer"]

Answerer = Callable[[bytes], Awaitable[bytes | tuple[bytes, ...] | None]]

_QUERY_BYTES_MAX = 4096
_CONNECTIONS_MAX = 64
_TASKS_MAX = 256
_IDLE_S = 20.0


class DnsServer(asyncio.DatagramProtocol):
    """Answers queries by `answerer`; None from it means silence.

    Args:
        answerer: query bytes → answer bytes, may wait (a relay does). Several answers leave one
            after the other (as when one is injected); over TCP only the last.
    """

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._transport: asyncio.DatagramTransport | None = None
        self._tcp = TcpServer(
            self._answer_stream,
            buffer_bytes=_QUERY_BYTES_MAX,
            connections_max=_CONNECTIONS_MAX,
        )
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, listen: Endpoint) -> None:
        """Open both sockets. Raises OSError where the address is taken."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(listen.address, listen.port))
        await self._tcp.start(listen)

    def close(self) -> None:
        """Close both sockets and drop what was being answered."""
        if self._transport is not None:
            self._transport.close()
        self._tcp.close()
        for task in self._tasks:
            task.cancel()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the UDP socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one datagram; past the limit it is lost, as datagrams are."""
        if len(data) > _QUERY_BYTES_MAX or len(self._tasks) >= _TASKS_MAX:
            return
        task = asyncio.ensure_future(self._answer_datagram(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_datagram(self, query: bytes, addr: tuple[str, int]) -> None:
        answers = await self._answerer(query)
        for answer in (answers,) if isinstance(answers, bytes) else answers or ():
            if self._transport is not None:
                self._transport.sendto(answer, addr)

    async def _answer_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while not reader.at_eof():
            length = await asyncio.wait_for(reader.readexactly(2), _IDLE_S)
            size = int.from_bytes(length, "big")
            if size > _QUERY_BYTES_MAX:
                return
            answer = await self._answerer(await asyncio.wait_for(reader.readexactly(size), _IDLE_S))
            if not answer:
                return
            answer = answer if isinstance(answer, bytes) else answer[-1]
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
