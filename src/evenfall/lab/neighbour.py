"""The second household behind the same ISP: it downloads, without end, over the shared bottleneck.

Its flows are ordinary TCP of the kernel. They begin a little apart from each other, and one that
breaks is opened again. Nothing is kept of what comes.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time

import msgspec

from evenfall.lab.middlebox import SharedCounters
from evenfall.lab.plan import Endpoint

__all__ = ["Received", "run_neighbour"]

_READ_BYTES = 262_144
_RETRY_S = 0.25
_PUBLISH_S = 0.1


class Received(msgspec.Struct):
    """Bytes that the neighbour has got so far."""

    competing_bytes: int = 0


def run_neighbour(server: Endpoint, flows: int, shared: SharedCounters) -> None:
    """Keep `flows` downloads going for ever."""
    received = Received()
    sockets: list[socket.socket] = []
    opened_s = published_s = 0.0
    while True:
        now_s = time.monotonic()
        if len(sockets) < flows and now_s - opened_s >= _RETRY_S:
            opened_s = now_s
            with contextlib.suppress(OSError):  # the server is not up yet: again in a moment
                sockets.append(_connect(server))
        readable, _, _ = select.select(sockets, [], [], _RETRY_S)
        for stream in readable:
            count = _read(stream)
            received.competing_bytes += count
            if count == 0:
                sockets.remove(stream)
                stream.close()
        if now_s - published_s >= _PUBLISH_S:
            published_s = now_s
            shared.publish(received)


def _connect(server: Endpoint) -> socket.socket:
    stream = socket.create_connection((server.address, server.port), timeout=5)
    stream.setblocking(False)
    return stream


def _read(stream: socket.socket) -> int:
    try:
        return len(stream.recv(_READ_BYTES))
    except BlockingIOError:
        return 1  # woken for nothing: still open
    except OSError:
        return 0
