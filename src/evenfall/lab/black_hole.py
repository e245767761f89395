"""An address that ignores connections, without privilege: how loopback drops a SYN.

A listener with a backlog of 0 and one connection that nobody accepts has a full queue, and Linux
drops further SYNs to it (`tcp_conn_request`, `sk_acceptq_is_full`): the client sees the silence of
a dropped packet. Known to work on Linux only.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from evenfall.lab.plan import Endpoint
from evenfall.lab.relay import Relay, listening_socket

__all__ = ["BlackHole", "Door"]

_FILL_S = 2.0
_LOOK_S = 0.2


class BlackHole:
    """Ignores every connection to an address until it is closed. Raises OSError."""

    def __init__(self, listen: Endpoint) -> None:
        family = socket.AF_INET6 if ":" in listen.address else socket.AF_INET
        self._listening = socket.socket(family, socket.SOCK_STREAM)
        self._filler = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listening.bind((listen.address, listen.port))
            self._listening.listen(0)
            self._filler.settimeout(_FILL_S)
            self._filler.connect((listen.address, listen.port))
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Free the address."""
        self._filler.close()
        self._listening.close()


class Door:
    """A relay while `shut` says no, a black hole while it says yes; looked at every 0.2 s.

    With `refuses` it is a closed port instead of a hole.
    """

    def __init__(
        self, listen: Endpoint, relay: Relay, *, shut: Callable[[], bool], refuses: bool = False
    ) -> None:
        self._listen = listen
        self._relay = relay
        self._shut = shut
        self._refuses = refuses
        self._is_shut = False
        self._hole: BlackHole | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take the address. Raises OSError."""
        await self._turn()
        self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Free the address."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        self._relay.close()
        if self._hole is not None:
            self._hole.close()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            if self._shut() != self._is_shut:
                await self._turn()

    async def _turn(self) -> None:
        self._is_shut = self._shut()
        if self._is_shut:
            self._relay.stop_listening()
            self._hole = None if self._refuses else BlackHole(self._listen)
            return
        if self._hole is not None:
            self._hole.close()
            self._hole = None
        await self._relay.start(listening_socket(self._listen))
