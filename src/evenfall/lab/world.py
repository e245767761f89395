"""The world beyond the client's line, as one process: `python -m evenfall.lab.world PLAN.json`.

`lab.prepare` makes the run's keys, certificates and plan; the process serves the plan, prints
`ready` on a line of its own once everything listens, and leaves when its standard input closes
(whoever started it is gone, also after a `kill -9`) or on SIGTERM. It runs the same in a namespace
of its own and on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from evenfall.lab import names, origins
from evenfall.lab.doh_server import serve_doh
from evenfall.lab.http3 import serve_http3
from evenfall.lab.plan import Endpoint, Measurement, Origin, Resolver, WorldPlan
from evenfall.lab.prepare import CLOSED_TO_TELEGRAM, MEASUREMENT_STATE
from evenfall.lab.resolver import DnsServer
from evenfall.lab.silence import be_deaf, be_silent
from evenfall.lab.tcp_server import TcpServer
from evenfall.lab.telegram_server import serve_telegram
from evenfall.model.errors import EvenfallError, LabError
from evenfall.net.clock import SystemClock
from evenfall.server import RAISED, AllowList, LookPolicy, serve_pairs

__all__ = ["main", "serve_world"]

READY = "ready\n"


@contextlib.asynccontextmanager
async def serve_world(plan: WorldPlan) -> AsyncIterator[None]:
    """Serve a plan until the block is left; everything listens when it is entered.

    Raises:
        LabError: an address or port of the plan cannot be had.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            await _Opening(plan, stack).open()
        except OSError as error:
            raise LabError(
                expected="free addresses and ports for the lab's servers",
                seen=str(error),
                where=f"the plan in {plan.folder}",
                remedy="Stop what holds them, or use another lab address block.",
            ) from error
        yield


class _Opening:
    """Opens everything that a plan names; `stack` takes it down."""

    def __init__(self, plan: WorldPlan, stack: contextlib.AsyncExitStack) -> None:
        self._plan = plan
        self._stack = stack
        self._folder = Path(plan.folder)
        if plan.login:
            self._nobody = origins.portal_site(plan.login)
        else:
            self._nobody = origins.block_page_site(ahead_s=plan.ahead_s)

    async def open(self) -> None:
        """Everything, or OSError."""
        for origin in self._plan.origins:
            await self._open_origin(origin)
        for resolver in self._plan.resolvers:
            await self._open_resolver(resolver)
        https_port, http_port = self._plan.ports
        for address in filter(_is_ours, self._plan.block_pages):
            await self._serve(self._nobody, Endpoint(address, http_port))
            await self._serve(self._nobody, Endpoint(address, https_port), self._name_of_nobody())
        for measurement in self._plan.measurement:
            if _is_ours(measurement.listen.address):
                await self._open_measurement(measurement)
        if self._plan.flood is not None:
            self._closing(await origins.serve_flood(self._plan.flood))

    async def _open_origin(self, origin: Origin) -> None:
        """One machine: one site and one bucket at all its addresses and ports."""
        announced = origin.https_port if self._announces(origin) else None
        site = origins.origin_site(
            origin.host,
            rate_bps=origin.rate_bps,
            conduct=origin.conduct,
            ahead_s=self._plan.ahead_s,
            http3_port=announced,
        )
        for address in filter(_is_ours, origin.addresses):
            await self._open_address(origin, site, address)

    async def _open_address(self, origin: Origin, site: origins.Site, address: str) -> None:
        https, http = Endpoint(address, origin.https_port), Endpoint(address, origin.http_port)
        silent = origin.conduct == "silent" or address in self._plan.silent
        if silent:
            be_silent(https, self._stack)
            be_silent(http, self._stack)
        elif origin.conduct == "portal":
            await self._serve(self._nobody, https, self._name_of_nobody())
            await self._serve(self._nobody, http)
        elif origin.conduct != "refuse":
            await self._serve(site, https, origin.role)
            await self._serve(site, http)
        if origin.conduct != "refuse":
            await self._open_http3(origin, site, https, silent=silent)
        if origin.telegram_port is not None:
            await self._open_telegram(origin, Endpoint(address, origin.telegram_port), silent)

    async def _open_http3(
        self, origin: Origin, site: origins.Site, listen: Endpoint, *, silent: bool
    ) -> None:
        if silent or not self._plan.http3 or origin.conduct == "portal":
            await be_deaf(listen, self._stack)
            return
        await serve_http3(
            site,
            listen,
            certificate=self._folder / f"{origin.role}.pem",
            key=self._folder / f"{origin.role}.key",
            stack=self._stack,
        )

    async def _open_telegram(self, origin: Origin, listen: Endpoint, silent: bool) -> None:
        if silent:
            be_silent(listen, self._stack)
        elif origin.conduct not in CLOSED_TO_TELEGRAM:
            self._closing(await serve_telegram(listen, ahead_s=self._plan.ahead_s))

    async def _open_resolver(self, resolver: Resolver) -> None:
        if resolver.conduct == "silent":
            be_silent(resolver.listen, self._stack)
            if not resolver.tls:
                await be_deaf(resolver.listen, self._stack)
            return
        if resolver.conduct == "portal":
            await self._serve(self._nobody, resolver.listen, self._name_of_nobody())
            return

        def answer(query: bytes) -> bytes | None:
            return names.answer(query, resolver.zone, else_=resolver.else_)

        async def answer_later(query: bytes) -> bytes | None:
            return answer(query)

        if resolver.tls:
            context = _context(self._folder, "doh")
            ahead_s = self._plan.ahead_s
            self._closing(await serve_doh(answer, resolver.listen, context, ahead_s=ahead_s))
            return
        server = DnsServer(answer_later)
        self._stack.callback(server.close)
        await server.start(resolver.listen)

    async def _open_measurement(self, measurement: Measurement) -> None:
        listen = measurement.listen
        if measurement.conduct == "silent" or listen.address in self._plan.silent:
            be_silent(listen, self._stack)
        elif measurement.conduct == "portal":
            await self._serve(self._nobody, listen, self._name_of_nobody())
        elif measurement.conduct == "serve":
            service = serve_pairs(
                listen=(listen.address, listen.port),
                state=self._folder / MEASUREMENT_STATE,
                limits=RAISED,
                clock=_ClockAhead(self._plan.ahead_s),
                looks=self._looks(measurement),
            )
            await self._stack.enter_async_context(service)

    def _looks(self, measurement: Measurement) -> LookPolicy:
        """What the measurement server may look at: the lab's own sites, from beside them."""
        ports = frozenset(measurement.ports)
        return LookPolicy(
            hosts=AllowList(hosts=dict.fromkeys(measurement.hosts, ports)),
            resolver=str(measurement.resolver),
            networks=measurement.networks,
            ca_file=str(self._folder / "ca.pem"),
        )

    def _announces(self, origin: Origin) -> bool:
        return origin.conduct in ("serve", "withhold", "geo")

    def _name_of_nobody(self) -> str:
        return "portal" if self._plan.login else "block_page"

    async def _serve(self, site: origins.Site, listen: Endpoint, name: str = "") -> None:
        """Serve a site, over TLS with the certificate of that name if one is given."""
        context = _context(self._folder, name) if name else None
        self._closing(await origins.serve_site(site, listen, context))

    def _closing(self, server: TcpServer) -> None:
        self._stack.callback(server.close)


class _ClockAhead(SystemClock):
    """The machine's clocks, with the wall's set ahead."""

    def __init__(self, ahead_s: float) -> None:
        self._ahead_us = round(ahead_s * 1e6)

    def wall_us(self) -> int:
        """Microseconds since 1970 UTC, by the world's clock."""
        return super().wall_us() + self._ahead_us


def _is_ours(address: str) -> bool:
    """Whether a server can be there: false for IPv6 where this kernel has none."""
    if ":" not in address:
        return True  # a missing IPv4 address is a fault, which listening will tell
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True


def _context(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    context.set_alpn_protocols(["http/1.1"])
    return context


def main(arguments: list[str]) -> int:
    """Serve the plan named by the one argument until standard input closes; exit status."""
    plan = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=WorldPlan)
    try:
        asyncio.run(_serve_until_left(plan))
    except EvenfallError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


async def _serve_until_left(plan: WorldPlan) -> None:
    loop = asyncio.get_running_loop()
    left = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, left.set)
    loop.add_reader(sys.stdin.fileno(), _leave_at_end, left)
    async with serve_world(plan):
        sys.stdout.write(READY)
        sys.stdout.flush()
        await left.wait()
        loop.remove_reader(sys.stdin.fileno())
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


def _leave_at_end(left: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        left.set()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
