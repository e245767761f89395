"""The line and the censor as a TCP relay: what `loopback` has instead of packets.

A relay listens where the client looks and carries each connection to the real server: paced by the
line's shared buckets, delayed by half a round trip each way, and treated as the censor's rule says
once the name is known (the ClientHello's server name or the `Host` header; bytes are held until
then, however they are split over segments).

A stall swallows what comes; what a closing censor says comes from here. What it does not do: the
client's TCP ends here. `connect()` is answered at once; there is no loss,
no retransmission, no slow start; a policer's drops become waiting. Goodput and blocking are true,
TCP_INFO is not.

Limits: 64 KiB of opening, 60 s to send it, 256 connections, two hundred pieces in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

import msgspec

from evenfall.lab.flows import Decider
from evenfall.lab.forging import ALERT
from evenfall.lab.opening import Opening
from evenfall.lab.pacing import TokenBucket
from evenfall.lab.plan import Endpoint
from evenfall.lab.scenario import CensorRule
from evenfall.lab.slowing import SharedBuckets, Slowing
from evenfall.lab.tcp_server import TcpServer, reset

__all__ = ["Elsewhere", "Line", "Relay", "listening_socket", "piece_bytes"]

_OPENING_S = 60.0
_SILENCE_S = 120.0
_PIECES_IN_FLIGHT_MAX = 200
_PIECE_BYTES_MIN = 1448
_PIECE_BYTES_MAX = 16_384
_PIECE_S = 0.01
_SOCKET_BUFFER_BYTES = 32_768
_SEGMENT_BYTES = 1448
_BACKLOG = 128


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """The client's access line, shared by all its connections.

    Attributes:
        down, up: pace of each direction.
        delay_s: one way, half of the round trip.
    """

    down: TokenBucket
    up: TokenBucket
    delay_s: float


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """What a blocked connection gets instead of its server.

    Attributes:
        page, certificate: the block page's plain server, and its TLS server, which shows a
            certificate that nobody signed.
        redirect: makes a whole HTTP response that sends the client elsewhere.
    """

    page: Endpoint
    certificate: Endpoint
    redirect: Callable[[], bytes]


class _Direction(msgspec.Struct, frozen=True, kw_only=True):
    slowing: Slowing
    upwards: bool
    bucket: TokenBucket
    delay_s: float


def piece_bytes(rate_bps: float) -> int:
    """Small enough that flows share a slow line evenly, large enough to be cheap."""
    return int(min(max(rate_bps * _PIECE_S / 8, _PIECE_BYTES_MIN), _PIECE_BYTES_MAX))


def listening_socket(listen: Endpoint) -> socket.socket:
    """A listening socket with small buffers, so that the client feels the relay's pace.

    Loopback would otherwise take 64 KiB at a time and megabytes in advance. Raises OSError.
    """
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER_BYTES)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER_BYTES)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES)
        server.bind((listen.address, listen.port))
        server.listen(_BACKLOG)
        server.setblocking(False)
    except OSError:
        server.close()
        raise
    return server


class Relay:
    """Carries connections from one place to one server.

    Args:
        upstream: the real server.
        elsewhere: where a blocked connection ends up instead.
        shared: buckets that connections of all relays share.
        residual: what its address is still treated with, when a connection begins.
        remember: called with every rule that has hit here.
    """

    def __init__(
        self,
        *,
        upstream: Endpoint,
        elsewhere: Elsewhere,
        line: Line,
        decider: Decider,
        shared: SharedBuckets,
        residual: Callable[[], CensorRule | None] = lambda: None,
        remember: Callable[[CensorRule], None] = lambda _: None,
    ) -> None:
        self._upstream = upstream
        self._elsewhere = elsewhere
        self._line = line
        self._decider = decider
        self._shared = shared
        self._residual = residual
        self._remember = remember
        self._server = TcpServer(self._serve, buffer_bytes=_PIECE_BYTES_MAX)

    async def start(self, listening: socket.socket) -> None:
        """Accept connections on a socket of `listening_socket`."""
        await self._server.start_on(listening)

    def stop_listening(self) -> None:
        """Accept no more; connections that are open go on."""
        self._server.stop_listening()

    def close(self) -> None:
        """Accept no more and end every connection."""
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        earlier = self._residual()
        opening, rule = await self._read_opening(reader)
        rule = rule if earlier is None else earlier
        action = "" if rule is None else rule.action
        if action == "sni.reset":
            await asyncio.sleep(self._line.delay_s)
            reset(writer)
        elif action == "sni.drop":
            await _swallow(reader)
        elif action in ("sni.close", "sni.alert", "http.redirect"):
            await self._answer_instead(action, reader, writer)
        elif opening:
            await self._carry(opening, rule, reader, writer)

    async def _read_opening(self, reader: asyncio.StreamReader) -> tuple[bytes, CensorRule | None]:
        """The client's first bytes, as many as it takes to know the name, and the rule for it."""
        opening = Opening()
        async with asyncio.timeout(_OPENING_S):
            while not opening.decided:
                received = await reader.read(_PIECE_BYTES_MAX)
                if not received:
                    return opening.data, None
                opening.feed(received)
        rule = self._decider.rule_for(opening.layer, opening.name)
        if rule is not None:
            self._remember(rule)
        return opening.data, rule

    async def _answer_instead(
        self, action: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Say what the censor says and close in good form; what the client still sends is lost."""
        await asyncio.sleep(self._line.delay_s)
        answers = {"sni.alert": lambda: ALERT, "http.redirect": self._elsewhere.redirect}
        writer.write(answers.get(action, bytes)())
        writer.write_eof()
        await _swallow(reader)

    async def _carry(
        self,
        opening: bytes,
        rule: CensorRule | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        upstream = self._destination("" if rule is None else rule.action)
        far_reader, far_writer = await asyncio.open_connection(
            upstream.address, upstream.port, limit=_PIECE_BYTES_MAX
        )
        slowing = Slowing(rule, self._shared)
        up, down = (
            _Direction(
                slowing=slowing,
                upwards=upwards,
                bucket=self._line.up if upwards else self._line.down,
                delay_s=self._line.delay_s,
            )
            for upwards in (True, False)
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, far_writer, up, opening))
                group.create_task(_pump(far_reader, writer, down, b""))
        finally:
            far_writer.close()

    def _destination(self, action: str) -> Endpoint:
        """The server that a connection ends up at."""
        if action == "http.blockpage":
            return self._elsewhere.page
        return self._elsewhere.certificate if action == "sni.mitm" else self._upstream


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    direction: _Direction,
    opening: bytes,
) -> None:
    """Carry one direction until its end, which is passed on as a half-close."""
    in_flight: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_PIECES_IN_FLIGHT_MAX)
    async with asyncio.TaskGroup() as group:
        group.create_task(_take_in(reader, in_flight, direction, opening))
        group.create_task(_let_out(in_flight, writer))


async def _take_in(
    reader: asyncio.StreamReader,
    in_flight: asyncio.Queue[tuple[float, bytes]],
    direction: _Direction,
    opening: bytes,
) -> None:
    clock: Callable[[], float] = asyncio.get_running_loop().time
    slowing, bucket, upwards = direction.slowing, direction.bucket, direction.upwards
    size = piece_bytes(min(bucket.rate_bps, slowing.rate_bps(upwards=upwards)))
    size = min(size, _SEGMENT_BYTES) if slowing.counts_bytes else size
    pieces = [opening[start : start + size] for start in range(0, len(opening), size)]
    while True:
        piece = pieces.pop(0) if pieces else await reader.read(size)
        if piece and not await slowing.admits(len(piece), upwards=upwards):
            continue
        if not piece and slowing.stalled and not upwards:
            await asyncio.sleep(_SILENCE_S)  # the client does not hear of the end either
        await bucket.take(len(piece))
        await in_flight.put((clock() + direction.delay_s, piece))
        if not piece:
            return


async def _let_out(
    in_flight: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
) -> None:
    clock = asyncio.get_running_loop().time
    writer.transport.set_write_buffer_limits(high=_PIECE_BYTES_MAX)
    while True:
        due_s, piece = await in_flight.get()
        wait_s = due_s - clock()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        if not piece:
            break
        writer.write(piece)
        await writer.drain()
    with contextlib.suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()


async def _swallow(reader: asyncio.StreamReader) -> None:
    """Read and forget until the client gives up: silence as a censor makes it."""
    async with asyncio.timeout(_SILENCE_S):
        while await reader.read(_PIECE_BYTES_MAX):
            pass
