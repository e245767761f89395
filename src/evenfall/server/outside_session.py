"""The looks of one connection: several questions, answered side by side as they are ready."""

from __future__ import annotations

import asyncio

from evenfall.net.api import Clock, NetworkFailure, Stream
from evenfall.server.limits import Limits
from evenfall.server.outside import Lookout
from evenfall.wire.outside import LOOKS_PER_CONNECTION, REQUEST_BYTES_MAX, encode

__all__ = ["LookSession"]

_READ_BYTES = 8_192


class LookSession:
    """Answers looks until the client has asked enough, or nothing comes and nothing is owed.

    Args:
        stream: TLS, its first line known to be a look.
        lookout: answers.
        client: address, for the limits alone.
    """

    def __init__(
        self, stream: Stream, lookout: Lookout, *, client: str, clock: Clock, limits: Limits
    ) -> None:
        self._stream = stream
        self._lookout = lookout
        self._client = client
        self._clock = clock
        self._limits = limits
        self._buffer = b""
        self._writing = asyncio.Lock()

    async def run(self, first: bytes) -> None:
        """Take lines, the first of them begun already; the caller closes.

        Raises:
            NetworkFailure: the client went away, was silent too long, or sent an endless line.
        """
        self._buffer = first
        answering: set[asyncio.Task[None]] = set()
        try:
            while len(answering) < LOOKS_PER_CONNECTION:
                line = await self._line()
                if not line:
                    break
                answering.add(asyncio.ensure_future(self._answer(line)))
            await asyncio.gather(*answering)
        finally:
            for task in answering:
                task.cancel()
            await asyncio.gather(*answering, return_exceptions=True)

    async def _line(self) -> bytes:
        """The next request line; empty where the client has ended or is silent."""
        deadline_s = self._clock.monotonic_s() + self._limits.header_timeout_s
        while (end := self._buffer.find(b"\n", 0, REQUEST_BYTES_MAX)) < 0:
            left_s = deadline_s - self._clock.monotonic_s()
            if len(self._buffer) >= REQUEST_BYTES_MAX or left_s <= 0:
                raise NetworkFailure("http_invalid_response", "read")
            try:
                data = await self._stream.read(_READ_BYTES, timeout_s=left_s)
            except NetworkFailure:
                if self._buffer:
                    raise
                return b""
            if not data:
                return b""
            self._buffer += data
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        return line

    async def _answer(self, line: bytes) -> None:
        answer = await self._lookout.answer(line, client=self._client)
        async with self._writing:
            await self._stream.write(encode(answer), timeout_s=self._limits.idle_timeout_s)
