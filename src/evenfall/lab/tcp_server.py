"""Listen, accept, hand over: what the lab's servers and relays have in common.

A connection is served by a task of its own. Whatever the other side does to it ends that task and
nothing else; past `connections_max` a connection is closed at once.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable

from evenfall.lab.plan import Endpoint

__all__ = ["CONNECTIONS_MAX", "TcpServer", "reset"]

CONNECTIONS_MAX = 256

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_THEIR_FAULTS = (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


class TcpServer:
    """Serves connections by `handler`.

    Args:
        handler: serves one connection; a network error that it lets through resets it.
        buffer_bytes: what may wait to be read of one connection.
        connections_max: open at once.
    """

    def __init__(
        self, handler: Handler, *, buffer_bytes: int, connections_max: int = CONNECTIONS_MAX
    ) -> None:
        self._handler = handler
        self._buffer_bytes = buffer_bytes
        self._connections_max = connections_max
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, listen: Endpoint, context: ssl.SSLContext | None = None) -> None:
        """Listen on an address, over TLS if a context is given. Raises OSError."""
        self._server = await asyncio.start_server(
            self._accept, listen.address, listen.port, ssl=context, limit=self._buffer_bytes
        )

    async def start_on(self, listening: socket.socket) -> None:
        """Accept from a listening socket, which is ours from now on."""
        self._server = await asyncio.start_server(
            self._accept, sock=listening, limit=self._buffer_bytes
        )

    def stop_listening(self) -> None:
        """Accept no more; connections that are open go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def close(self) -> None:
        """Accept no more and end every connection."""
        self.stop_listening()
        for task in self._tasks:
            task.cancel()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= self._connections_max:
            writer.close()
            return
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._handler(reader, writer)
        except* _THEIR_FAULTS:
            reset(writer)
        finally:
            writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a RST instead of a FIN."""
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
