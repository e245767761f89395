"""Listen, accept, serve: the measurement server as something to start inside a program.

    async with serve_pairs(listen=("127.0.0.1", 0), state=folder) as service:
        print(service.port, service.pin)

It keeps no log. `Counts` says how much it did, never for whom.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from evenfall.model.errors import UsageError
from evenfall.net.api import Clock, Network
from evenfall.net.clock import SystemClock
from evenfall.net.sockets import SystemNetwork, SystemStream
from evenfall.server.allow_list import MASS_MARKET
from evenfall.server.identity import Signer, load_or_create, tls_context
from evenfall.server.limits import Gate, Limits
from evenfall.server.outside import Lookout
from evenfall.server.outside_look import LookPolicy
from evenfall.server.recorder import Results
from evenfall.server.session import Ndt7, Session, random_block

__all__ = ["PairService", "serve_pairs"]

_BACKLOG = 128
_ACCEPT_PAUSE_S = 0.1
"""After a failed accept (no descriptor left): time for connections to end."""


class PairService:
    """A running server; made by `serve_pairs`.

    Attributes:
        address, port: where it really listens (port 0 has been replaced).
        pin: of its key.
    """

    def __init__(
        self,
        listener: socket.socket,
        *,
        state: Path,
        limits: Limits,
        clock: Clock,
        looks: LookPolicy,
        network: Network,
        ndt7: Ndt7,
    ) -> None:
        identity = load_or_create(state)
        self.pin = identity.pin
        self.address, self.port = listener.getsockname()[:2]
        self._listener = listener
        self._context = tls_context(identity)
        self._limits = limits
        self._clock = clock
        self._gate = Gate(limits, clock)
        self._results = Results(clock, kept_s=limits.result_kept_s, count_max=limits.results)
        self._ndt7 = ndt7
        self._block = random_block()
        self._lookout = Lookout(network, looks, Signer(identity), limits, self._gate)
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Accept until cancelled, then end every session."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    sock, peer = await loop.sock_accept(self._listener)
                except OSError:  # EMFILE, or a client that was gone before we took it
                    await asyncio.sleep(_ACCEPT_PAUSE_S)
                    continue
                task = loop.create_task(self._session(sock, peer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            await self._end_sessions()

    async def _session(self, sock: socket.socket, peer: tuple[Any, ...]) -> None:
        address = str(peer[0])
        ends = (_join(address, peer[1]), _join(*sock.getsockname()[:2]))
        stream = SystemStream(sock, self._clock)
        with self._gate.connection(address) as allowed:
            if not allowed:
                stream.abort()
                return
            session = Session(
                stream,
                address=address,
                context=self._context,
                limits=self._limits,
                gate=self._gate,
                results=self._results,
                clock=self._clock,
                block=self._block,
                lookout=self._lookout,
                ndt7=self._ndt7,
                ends=ends,
            )
            await session.run()

    async def _end_sessions(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._lookout.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def serve_pairs(
    *,
    listen: tuple[str, int],
    state: Path,
    limits: Limits | None = None,
    clock: Clock | None = None,
    looks: LookPolicy | None = None,
    network: Network | None = None,
    ndt7: Ndt7 = Ndt7.TLS,
) -> AsyncIterator[PairService]:
    """Run a measurement server for the length of the block.

    Args:
        listen: literal address and port; port 0: any free one. `::` takes IPv4 too.
        state: folder of the key; made if it is missing.
        limits: `Limits()` unless told; the lab takes `limits.RAISED`.
        clock: the machine's unless told.
        looks: what it may look at from outside; unless told, `allow_list.MASS_MARKET`, public
            addresses only.
        network: its own way out, for looking; the machine's unless told.
        ndt7: where it answers speed tests.

    Raises:
        UsageError: the address or port cannot be listened on.
        StoreError: the state folder or its key cannot be used.
    """
    with _listener(*listen) as listener:
        service = PairService(
            listener,
            state=state,
            limits=limits or Limits(),
            clock=clock or SystemClock(),
            looks=looks or LookPolicy(hosts=MASS_MARKET),
            network=network or SystemNetwork(clock),
            ndt7=ndt7,
        )
        serving = asyncio.ensure_future(service.serve())
        try:
            yield service
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


def _listener(address: str, port: int) -> socket.socket:
    where = f"--listen {_join(address, port)}"
    try:
        version = ipaddress.ip_address(address).version
    except ValueError as error:
        raise UsageError(
            expected="a literal IPv4 or IPv6 address",
            seen=repr(address),
            where=where,
            remedy="Use 0.0.0.0:8443 for every IPv4 address, or [::]:8443 for every address.",
        ) from error
    try:
        sock = socket.create_server(
            (address, port),
            family=socket.AF_INET if version == 4 else socket.AF_INET6,
            backlog=_BACKLOG,
            dualstack_ipv6=address == "::" and socket.has_dualstack_ipv6(),
        )
    except (OSError, OverflowError) as error:
        raise UsageError(
            expected="an address of this machine and a free port that this user may open",
            seen=getattr(error, "strerror", None) or str(error),
            where=where,
            remedy="Choose another port (above 1023 without root), or stop what listens there.",
        ) from error
    sock.setblocking(False)
    return sock


def _join(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
