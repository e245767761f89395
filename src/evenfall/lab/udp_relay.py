"""The line and the censor for datagrams on loopback: what carries QUIC there.

Datagrams are carried from where the client looks to the real server and back, half a round trip
each way, through the line's buckets; the censor is the same one as in `netns` (`lab.censor_udp`),
which is shown each datagram as the packet it would be. So losses of a full queue and of the censor
are felt by QUIC's own congestion control, as on a wire.

Limits: `CLIENTS_MAX` client sockets, each with one socket to the server, closed after `IDLE_S`;
what would wait longer than `QUEUE_S` is dropped. Waiting is shared with TCP streams, which take
turns instead of dropping.
"""

from __future__ import annotations

import asyncio
import time
from typing import cast

from evenfall.lab.censor_udp import QUIC_PORT, UdpCensor
from evenfall.lab.packets import Packet, build_udp, pack_address, parse_ip
from evenfall.lab.plan import Endpoint
from evenfall.lab.relay import Line

__all__ = ["CLIENTS_MAX", "IDLE_S", "QUEUE_S", "UdpRelay"]

CLIENTS_MAX = 256
IDLE_S = 60.0
QUEUE_S = 0.5

_Address = tuple[str, int]


class UdpRelay(asyncio.DatagramProtocol):
    """Carries datagrams to one server.

    Args:
        here: where the client looks.
        upstream: the real server.
        line: the client's line.
        censor: judges every datagram, as one to or from port 443 of `here`.
    """

    def __init__(
        self, *, here: Endpoint, upstream: Endpoint, line: Line, censor: UdpCensor
    ) -> None:
        self._here = here
        self._upstream = upstream
        self._line = line
        self._censor = censor
        self._transport: asyncio.DatagramTransport | None = None
        self._ways: dict[_Address, _Way] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the socket. Raises OSError where the address is taken."""
        loop = asyncio.get_running_loop()
        where = (self._here.address, self._here.port)
        await loop.create_datagram_endpoint(lambda: self, local_addr=where)

    def close(self) -> None:
        """Close every socket."""
        if self._transport is not None:
            self._transport.close()
        for way in self._ways.values():
            way.close()
        for task in self._tasks:
            task.cancel()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: _Address) -> None:
        """Carry a datagram of a client towards the server, if it may go."""
        now_s = time.monotonic()
        self._forget(now_s)
        way = self._ways.get(addr)
        if way is None:
            if len(self._ways) >= CLIENTS_MAX:
                return
            way = self._ways[addr] = _Way(self, addr)
            task = asyncio.ensure_future(way.open(self._upstream))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        way.seen_s = now_s
        wait_s = self._wait_s(data, addr, now_s, upwards=True)
        if wait_s is not None:
            asyncio.get_running_loop().call_later(wait_s, way.send, data)

    def give_back(self, data: bytes, client: _Address) -> None:
        """Carry a datagram of the server to a client, if it may go."""
        wait_s = self._wait_s(data, client, time.monotonic(), upwards=False)
        if wait_s is not None:
            asyncio.get_running_loop().call_later(wait_s, self._send, data, client)

    def _send(self, data: bytes, client: _Address) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, client)

    def _wait_s(
        self, data: bytes, client: _Address, now_s: float, *, upwards: bool
    ) -> float | None:
        """Seconds until a datagram arrives at the other end; None if it does not."""
        packet = self._packet(data, client, upwards=upwards)
        leave_s = self._censor.judge(packet, now_s, upwards=upwards).leave_s
        bucket = self._line.up if upwards else self._line.down
        if leave_s is None or bucket.waiting_s(now_s) > QUEUE_S:
            return None
        return leave_s - now_s + bucket.reserve(packet.ip_bytes, now_s) + self._line.delay_s

    def _packet(self, data: bytes, client: _Address, *, upwards: bool) -> Packet:
        near = (pack_address(client[0]), client[1])
        far = (pack_address(self._here.address), QUIC_PORT)
        packet = parse_ip(build_udp(near, far, data) if upwards else build_udp(far, near, data))
        assert packet is not None  # noqa: S101  (we built it)
        return packet

    def _forget(self, now_s: float) -> None:
        for client, way in list(self._ways.items()):
            if now_s - way.seen_s > IDLE_S:
                way.close()
                del self._ways[client]


class _Way(asyncio.DatagramProtocol):
    """One client's socket towards the server; what is sent before it is open waits."""

    def __init__(self, relay: UdpRelay, client: _Address) -> None:
        self.seen_s = 0.0
        self._relay = relay
        self._client = client
        self._transport: asyncio.DatagramTransport | None = None
        self._early: list[bytes] = []

    async def open(self, upstream: Endpoint) -> None:
        """Connect a socket to the server."""
        loop = asyncio.get_running_loop()
        where = (upstream.address, upstream.port)
        await loop.create_datagram_endpoint(lambda: self, remote_addr=where)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket, and send what has come before it."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        for data in self._early:
            self._transport.sendto(data)
        self._early.clear()

    def send(self, data: bytes) -> None:
        """Send to the server."""
        if self._transport is None:
            self._early.append(data)
        elif not self._transport.is_closing():
            self._transport.sendto(data)

    def datagram_received(self, data: bytes, addr: _Address) -> None:  # noqa: ARG002  (the protocol's)
        """A datagram of the server."""
        self.seen_s = time.monotonic()
        self._relay.give_back(data, self._client)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()
