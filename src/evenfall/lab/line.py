"""The loopback line: relays, DNS, black holes and competing flows, started together.

Everything here runs in one event loop (`lab.line_thread`), and everything that a flow meets is
made here: what innocents do to the shared buckets, which rule acts, which places ignore a SYN or
refuse it, which addresses are still treated for an earlier hit.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import time
from collections.abc import Iterator
from pathlib import Path

from evenfall.lab import pages
from evenfall.lab.black_hole import Door
from evenfall.lab.censor_udp import UdpCensor
from evenfall.lab.clock import LabClock, within
from evenfall.lab.competition import start_competition
from evenfall.lab.dns_relay import start_dns_relay
from evenfall.lab.flows import Decider
from evenfall.lab.limiting import Limiter
from evenfall.lab.pacing import TokenBucket
from evenfall.lab.packets import pack_address
from evenfall.lab.plan import Endpoint, Places
from evenfall.lab.prepare import unanswered, world_plan
from evenfall.lab.relay import Elsewhere, Line, Relay, listening_socket
from evenfall.lab.scenario import ROLES, CensorRule, Drawn, Innocent, whitelists
from evenfall.lab.silence import be_deaf, be_silent
from evenfall.lab.slowing import SharedBuckets
from evenfall.lab.udp_relay import UdpRelay

__all__ = ["line_of", "start_line"]

_LINE_BURST_BYTES = 16_384


def line_of(drawn: Drawn) -> Line:
    """The access line with what innocents make of it: a tariff, a crowded bottleneck."""
    down_bps, up_bps = drawn.down_bps, drawn.up_bps
    for innocent, rate_bps in _innocents(drawn):
        if innocent.kind in ("tariff", "congestion"):
            down_bps = min(down_bps, rate_bps)
        if innocent.kind == "tariff":
            up_bps = min(up_bps, rate_bps)
    return Line(
        down=TokenBucket(down_bps, _LINE_BURST_BYTES),
        up=TokenBucket(up_bps, _LINE_BURST_BYTES),
        delay_s=drawn.rtt_s / 2,
    )


async def start_line(
    drawn: Drawn,
    *,
    served: Places,
    seen: Places,
    clock: LabClock,
    stack: contextlib.AsyncExitStack,
) -> None:
    """Start everything between client and servers; `stack` takes it down.

    Raises:
        OSError: an address or port of `seen` cannot be had.
    """
    builder = _Builder(drawn, served=served, seen=seen, clock=clock, stack=stack)
    closed = unanswered(world_plan(Path(), drawn, served=served, seen=seen))
    for role, there, here in _routes(served=served, seen=seen):
        if builder.is_down or closed.get(there) == "silent":
            be_silent(here, stack)
        elif there not in closed:
            await builder.open(role, there=there, here=here)
    if builder.is_down:
        for resolver in (seen.resolver, seen.public_resolver):
            be_silent(resolver, stack)
            await be_deaf(resolver, stack)
        return
    await builder.open_resolvers()
    await builder.open_datagrams()
    builder.compete()


def _routes(*, served: Places, seen: Places) -> Iterator[tuple[str, Endpoint, Endpoint]]:
    """Role (empty: nobody's), real server, and where the client finds it."""
    for role in ROLES:
        yield role, served.https(role), seen.https(role)
        yield role, served.http(role), seen.http(role)
        for port in (served.https_port, served.http_port):
            mirror = Endpoint(served.mirrors[role], port)
            yield role, mirror, Endpoint(seen.mirrors[role], port)
    yield "messenger", served.mtproto, seen.mtproto
    yield "", served.doh, seen.doh
    for port in (served.https_port, served.http_port):
        yield "", Endpoint(served.block_page, port), Endpoint(seen.block_page, port)
    yield "", served.measurement, seen.measurement
    yield "", served.second_measurement, seen.second_measurement


class _Builder:
    def __init__(
        self,
        drawn: Drawn,
        *,
        served: Places,
        seen: Places,
        clock: LabClock,
        stack: contextlib.AsyncExitStack,
    ) -> None:
        self._drawn = drawn
        self._served = served
        self._seen = seen
        self._clock = clock
        self._stack = stack
        self._line = line_of(drawn)
        self.is_down = any(i.kind == "line_down" for i in drawn.scenario.innocents)
        self._rules = drawn.scenario.censor + whitelists(drawn)
        self._rng = random.Random(drawn.seed)  # noqa: S311  (a simulation, not a secret)
        self._decider = Decider(
            self._rules, hosts=drawn.hosts, minute_of_day=self._minute_of_day, rng=self._rng
        )
        self._shared = SharedBuckets()
        self._residual: dict[str, tuple[CensorRule, float]] = {}
        self._elsewhere = Elsewhere(
            page=Endpoint(served.block_page, served.http_port),
            certificate=Endpoint(served.block_page, served.https_port),
            redirect=self._redirect,
        )

    async def open(self, role: str, *, there: Endpoint, here: Endpoint) -> None:
        """Let the client reach one server, unless and while a rule closes its address."""
        relay = Relay(
            upstream=there,
            elsewhere=self._elsewhere,
            line=self._line,
            decider=self._decider,
            shared=self._shared,
            residual=lambda: self._residual_at(here.address),
            remember=lambda rule: self._remember(here.address, rule),
        )
        closing = [r for r in self._rules if r.action.startswith("ip.") and role in r.services]
        if not closing:
            self._stack.callback(relay.close)
            await relay.start(listening_socket(here))
            return
        door = Door(
            here,
            relay,
            shut=lambda: self._any_active(closing),
            refuses=closing[0].action == "ip.refuse",
        )
        self._stack.push_async_callback(door.close)
        await door.start()

    async def open_resolvers(self) -> None:
        """The ISP's resolver, and a public one, about which other rules may lie."""
        for there, here in (
            (self._served.resolver, self._seen.resolver),
            (self._served.public_resolver, self._seen.public_resolver),
        ):
            server = await start_dns_relay(
                here,
                upstream=there,
                decider=self._decider,
                isp=here == self._seen.resolver,
                lie=self._seen.block_page,
                delay_s=2 * self._line.delay_s,
            )
            self._stack.callback(server.close)

    async def open_datagrams(self) -> None:
        """Let QUIC reach the origins, through the censor that judges it on a wire."""
        hosts = {
            pack_address(address): self._drawn.hosts[role]
            for role in ROLES
            for address in self._seen.addresses_of(role)
        }
        censor = UdpCensor(
            self._decider,
            host_at=lambda address: hosts.get(address, ""),
            acts_now=lambda rule: self._any_active([rule]),
            limiter=Limiter(self._rng),
        )
        for role in ROLES:
            pairs = zip(self._served.addresses_of(role), self._seen.addresses_of(role), strict=True)
            for there, here in pairs:
                relay = UdpRelay(
                    here=Endpoint(here, self._seen.https_port),
                    upstream=Endpoint(there, self._served.https_port),
                    line=self._line,
                    censor=censor,
                )
                self._stack.callback(relay.close)
                await relay.start()

    def compete(self) -> None:
        """Start the flows of other people on the bottleneck."""
        flows = sum(i.flows for i in self._drawn.scenario.innocents if i.kind == "congestion")
        self._stack.callback(start_competition(self._line.down, flows=flows, rng=self._rng))

    def _residual_at(self, address: str) -> CensorRule | None:
        """What an address is still treated with for an earlier hit."""
        rule, until_s = self._residual.get(address, (None, 0.0))
        return rule if time.monotonic() < until_s else None

    def _remember(self, address: str, rule: CensorRule) -> None:
        if rule.residual_s > 0:
            self._residual[address] = rule, time.monotonic() + rule.residual_s

    def _redirect(self) -> bytes:
        """What sends a client to the block page's own address."""
        to = Endpoint(self._seen.block_page, self._seen.http_port)
        return pages.response(
            302,
            b"",
            content_type="text/html",
            now=dt.datetime.now(dt.UTC),
            keep_alive=False,
            fields=(f"Location: http://{to}/",),
        )

    def _minute_of_day(self) -> float:
        return self._clock.local_minutes(time.monotonic())

    def _any_active(self, rules: list[CensorRule]) -> bool:
        minute = self._minute_of_day()
        return any(within(minute, rule.from_local, rule.to_local) for rule in rules)


def _innocents(drawn: Drawn) -> Iterator[tuple[Innocent, float]]:
    return zip(drawn.scenario.innocents, drawn.innocent_rates_bps, strict=True)
