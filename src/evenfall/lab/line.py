"""The loopback line: relays, DNS, black holes and competing flows, started together.

Everything here runs in one event loop (`lab.line_thread`), and everything that a flow meets is
made here: what innocents do to the shared buckets, which rule acts, which places ignore a SYN.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

from evenfall.lab.black_hole import Door
from evenfall.lab.clock import LabClock, within
from evenfall.lab.competition import start_competition
from evenfall.lab.dns_relay import start_dns_relay
from evenfall.lab.flows import Decider
from evenfall.lab.pacing import TokenBucket
from evenfall.lab.plan import Endpoint, Places
from evenfall.lab.prepare import unanswered, world_plan
from evenfall.lab.relay import Line, Relay, listening_socket
from evenfall.lab.scenario import ROLES, CensorRule, Drawn, Innocent
from evenfall.lab.silence import be_silent

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
        if there not in closed:
            await builder.open(role, there=there, here=here)
        elif closed[there] == "silent":
            be_silent(here, stack)
    await builder.open_resolvers()
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
        self._rng = random.Random(drawn.seed)  # noqa: S311  (a simulation, not a secret)
        self._decider = Decider(
            drawn.scenario.censor,
            hosts=drawn.hosts,
            minute_of_day=self._minute_of_day,
            rng=self._rng,
        )

    async def open(self, role: str, *, there: Endpoint, here: Endpoint) -> None:
        """Let the client reach one server, unless and while a rule makes its address a hole."""
        relay = Relay(
            upstream=there,
            block_page=Endpoint(self._served.block_page, self._served.http_port),
            line=self._line,
            decider=self._decider,
        )
        drops = [rule for rule in self._drawn.scenario.censor if _drops(rule, role)]
        if not drops:
            self._stack.callback(relay.close)
            await relay.start(listening_socket(here))
            return
        door = Door(here, relay, shut=lambda: self._any_active(drops))
        self._stack.push_async_callback(door.close)
        await door.start()

    async def open_resolvers(self) -> None:
        """The ISP's resolver, about which a rule may lie, and a public one."""
        for there, here, decider in (
            (self._served.resolver, self._seen.resolver, self._decider),
            (self._served.public_resolver, self._seen.public_resolver, None),
        ):
            server = await start_dns_relay(
                here,
                upstream=there,
                decider=decider,
                lie=self._seen.block_page,
                delay_s=2 * self._line.delay_s,
            )
            self._stack.callback(server.close)

    def compete(self) -> None:
        """Start the flows of other people on the bottleneck."""
        flows = sum(i.flows for i in self._drawn.scenario.innocents if i.kind == "congestion")
        self._stack.callback(start_competition(self._line.down, flows=flows, rng=self._rng))

    def _minute_of_day(self) -> float:
        return self._clock.local_minutes(time.monotonic())

    def _any_active(self, rules: list[CensorRule]) -> bool:
        minute = self._minute_of_day()
        return any(within(minute, rule.from_local, rule.to_local) for rule in rules)


def _drops(rule: CensorRule, role: str) -> bool:
    return rule.action == "ip.drop" and role in rule.services


def _innocents(drawn: Drawn) -> Iterator[tuple[Innocent, float]]:
    return zip(drawn.scenario.innocents, drawn.innocent_rates_bps, strict=True)
