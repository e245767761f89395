"""The world beyond the client's line, as one process: `python -m evenfall.lab.world PLAN.json`.

`prepare_world` makes the run's keys, certificates and plan; the process serves the plan, prints
`ready` on a line of its own once everything listens, and leaves when its standard input closes
(whoever started it is gone, also after a `kill -9`) or on SIGTERM. It runs the same in a namespace
of its own and on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from evenfall.lab import certificates, names, origins
from evenfall.lab.plan import Endpoint, Origin, Places, Resolver, WorldPlan
from evenfall.lab.resolver import DnsServer
from evenfall.lab.scenario import ROLES, Drawn
from evenfall.lab.tcp_server import TcpServer
from evenfall.model.errors import EvenfallError, LabError
from evenfall.server import RAISED, pin_of, serve_pairs

__all__ = ["Prepared", "main", "prepare_world", "serve_world"]

PLAN_NAME = "plan.json"
MEASUREMENT_STATE = "measurement"
READY = "ready\n"
_NAME_OF_NOBODY = "restricted.invalid"


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has made for itself.

    Attributes:
        plan: the argument of the world process.
        authority: certificate (PEM) that the client has to trust.
        pin: of the measurement server's key, as a target file names it.
    """

    plan: Path
    authority: Path
    pin: str


def prepare_world(
    folder: Path, drawn: Drawn, *, served: Places, seen: Places, now: dt.datetime
) -> Prepared:
    """Make keys, certificates and the plan of one run in `folder` (created, mode 0700).

    Args:
        folder: the run's own folder, which the process under test is never told.
        drawn: hosts, and the rates of slow servers.
        served: where the servers listen.
        seen: where the client finds them, which is what the resolvers say.
        now: aware; certificates are valid from a day before it.

    Returns:
        The plan's path (the argument of the world process), trust anchor and pin.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = certificates.Authority(now)
    authority.write_certificate(folder / "ca.pem")
    for role, host in drawn.hosts.items():
        authority.write_leaf(host, certificate=folder / f"{role}.pem", key=folder / f"{role}.key")
    certificates.write_self_signed(
        _NAME_OF_NOBODY,
        certificate=folder / "block_page.pem",
        key=folder / "block_page.key",
        now=now,
    )
    path = folder / PLAN_NAME
    path.write_bytes(msgspec.json.encode(_plan(folder, drawn, served=served, seen=seen)))
    return Prepared(plan=path, authority=folder / "ca.pem", pin=pin_of(folder / MEASUREMENT_STATE))


def _plan(folder: Path, drawn: Drawn, *, served: Places, seen: Places) -> WorldPlan:
    zone = {host: seen.origins[role] for role, host in drawn.hosts.items()}
    return WorldPlan(
        origins=tuple(
            Origin(
                role=role,
                host=drawn.hosts[role],
                listen=served.https(role) if tls else served.http(role),
                tls=tls,
                rate_bps=_server_rate_bps(drawn, role),
                refuses=_refuses(drawn, role),
            )
            for role in ROLES
            for tls in (True, False)
        ),
        resolvers=(
            Resolver(listen=served.resolver, zone=zone),
            Resolver(listen=served.public_resolver, zone=zone),
        ),
        folder=str(folder),
        block_page=Endpoint(served.block_page, served.http_port),
        block_page_tls=Endpoint(served.block_page, served.https_port),
        measurement=served.measurement,
        flood=served.flood,
    )


def _server_rate_bps(drawn: Drawn, role: str) -> float | None:
    """The rate of a role's slow server; the lowest where several innocents name it."""
    rates = [
        rate_bps
        for innocent, rate_bps in zip(
            drawn.scenario.innocents, drawn.innocent_rates_bps, strict=True
        )
        if innocent.kind == "slow_server" and role in innocent.services
    ]
    return min(rates, default=None)


def _refuses(drawn: Drawn, role: str) -> bool:
    """Whether a role's own server withholds its page."""
    return any(
        innocent.kind == "own_refusal" and role in innocent.services
        for innocent in drawn.scenario.innocents
    )


@contextlib.asynccontextmanager
async def serve_world(plan: WorldPlan) -> AsyncIterator[None]:
    """Serve a plan until the block is left; everything listens when it is entered.

    Raises:
        LabError: an address or port of the plan cannot be had.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            await _start_all(plan, stack)
        except OSError as error:
            raise LabError(
                expected="free addresses and ports for the lab's servers",
                seen=str(error),
                where=f"the plan in {plan.folder}",
                remedy="Stop what holds them, or use another lab address block.",
            ) from error
        yield


async def _start_all(plan: WorldPlan, stack: contextlib.AsyncExitStack) -> None:
    folder = Path(plan.folder)
    sites: dict[str, origins.Site] = {}
    for origin in plan.origins:
        site = sites.setdefault(
            origin.role,
            origins.origin_site(origin.host, rate_bps=origin.rate_bps, refuses=origin.refuses),
        )
        context = _context(folder, origin.role) if origin.tls else None
        _closing(stack, await origins.serve_site(site, origin.listen, context))
    for resolver in plan.resolvers:
        await _start_resolver(resolver, stack)
    block_page = origins.block_page_site()
    if plan.block_page is not None:
        _closing(stack, await origins.serve_site(block_page, plan.block_page, None))
    if plan.block_page_tls is not None:
        context = _context(folder, "block_page")
        _closing(stack, await origins.serve_site(block_page, plan.block_page_tls, context))
    if plan.measurement is not None:
        where = (plan.measurement.address, plan.measurement.port)
        state = folder / MEASUREMENT_STATE
        await stack.enter_async_context(serve_pairs(listen=where, state=state, limits=RAISED))
    if plan.flood is not None:
        _closing(stack, await origins.serve_flood(plan.flood))


async def _start_resolver(resolver: Resolver, stack: contextlib.AsyncExitStack) -> None:
    async def answer(query: bytes) -> bytes | None:
        return names.answer(query, resolver.zone)

    server = DnsServer(answer)
    stack.callback(server.close)
    await server.start(resolver.listen)


def _closing(stack: contextlib.AsyncExitStack, server: TcpServer) -> None:
    stack.callback(server.close)


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
