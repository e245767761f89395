"""The `netns` backend: real kernel TCP through a wire of our own, in namespaces of our own.

How it works
    `unshare` starts the keeper (`lab.netns_inside`) in new user (without root), network, mount and
    pid namespaces. The keeper makes the net (`lab.netns_topology`) and the wire (`lab.middlebox`)
    inside them. Servers and the process under test enter by `nsenter`. Root and an ordinary user
    take the same way but for the user namespace.

What is true in it
    Everything up to TCP: round-trip times, queues, drops and what the kernel makes of them, TTL,
    in IPv4 and IPv6.

What it never does
    It sets nothing outside. When the keeper goes (its socket closes with us, also after
    `kill -9`), the kernel ends every process in there and takes namespaces and interfaces away.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from evenfall.lab import linux
from evenfall.lab.air import AirSettings
from evenfall.lab.backend import Output, client_environment, run_client
from evenfall.lab.clock import LabClock
from evenfall.lab.middlebox import WireCounters
from evenfall.lab.netns_inside import SCRATCH_PREFIX, Order
from evenfall.lab.netns_keeper import PRIVILEGES, Keeper, running_keeper, tool
from evenfall.lab.netns_topology import (
    CENSOR_AFTER_HOP,
    CLIENT,
    CLIENT6,
    HOPS,
    VPN_CLIENT,
    VPN_CLIENT6,
    places,
)
from evenfall.lab.packets import pack_address
from evenfall.lab.pipeline import PathSettings
from evenfall.lab.prepare import prepare_world
from evenfall.lab.scenario import Drawn, Scenario, draw, whitelists
from evenfall.lab.target_file import write_client_folder
from evenfall.lab.world_process import running_world
from evenfall.model.errors import LabError, UsageError

__all__ = ["NetnsBackend", "NetnsStage", "order_for"]

_TOOLS = ("unshare", "nsenter")
_COMPETITION_S = 2.0  # the neighbour's downloads have filled the bottleneck for this long
_COMPETITION_WAIT_S_MAX = 20.0
_LOOK_AGAIN_S = 0.1


class NetnsBackend:
    """Namespaces of this Linux, as root or as anybody whom the kernel lets make user namespaces."""

    name = "netns"
    emulates = frozenset(
        {
            "dns", "tls", "http", "goodput", "rtt", "retransmissions", "ttl", "tcp_drop", "quic",
            "gateway", "interfaces", *(("ipv6",) if Path("/proc/sys/net/ipv6").is_dir() else ()),
        }
    )  # fmt: skip

    @staticmethod
    def unavailable() -> str | None:
        """Why namespaces cannot be used here (tried by building a net once), or None."""
        privilege, reason = _privilege()
        return reason if privilege is None else None

    @contextlib.contextmanager
    def stage(self, drawn: Drawn, *, folder: Path, clock: LabClock) -> Iterator[NetnsStage]:
        """Build the net, start the servers, wait until competing flows (if any) fill the line."""
        privilege, reason = _privilege()
        if privilege is None:
            raise LabError(
                expected="network namespaces",
                seen=reason,
                where="the netns backend",
                remedy="Use --backend loopback.",
            )
        with contextlib.ExitStack() as stack:
            truth = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX)))
            order = msgspec.structs.replace(order_for(drawn, clock), scratch=str(truth))
            keeper = stack.enter_context(running_keeper(order, privilege))
            now = dt.datetime.now(dt.UTC)
            here = places(ipv6=keeper.report.ipv6)
            world = prepare_world(truth, drawn, served=here, seen=here, now=now)
            target_file = write_client_folder(folder, drawn=drawn, seen=here, world=world)
            stack.enter_context(running_world(world.plan, prefix=keeper.enter("servers")))
            world.plan.unlink()  # read by now; a slow server's rate is nobody's to find
            _await_competition(keeper, drawn)
            yield NetnsStage(keeper, client_folder=folder, target_file=target_file)


class NetnsStage:
    """A net that stands, with a client in it.

    Attributes:
        client_folder, seen, target_file: as `lab.backend.Stage`.
        facts: what the machine gave (privilege, congestion control, IPv6, resolver file), and
            the truth about the path: addresses of its hops, and after which one the censor sits.
    """

    def __init__(self, keeper: Keeper, *, client_folder: Path, target_file: Path) -> None:
        self.client_folder = client_folder
        self.seen = places(ipv6=keeper.report.ipv6)
        self.target_file = target_file
        self.facts = {
            "privilege": keeper.privilege,
            "congestion_control": keeper.report.congestion_control,
            "ipv6": str(keeper.report.ipv6).lower(),
            "hops": " ".join(HOPS),
            "censor_after_hop": str(CENSOR_AFTER_HOP),
            "resolver_file": str(keeper.report.resolver_file).lower(),
        }
        self._keeper = keeper

    def run(
        self,
        command: Sequence[str],
        *,
        stdout: Output = None,
        stderr: Output = None,
        timeout_s: float | None = None,
        env: Mapping[str, str] | None = None,
    ) -> int:
        """As `Stage.run`; LabError also if the net fell meanwhile."""
        environment = client_environment(self.client_folder, self.target_file, env)
        if shutil.which(command[0], path=environment["PATH"]) is None:
            raise UsageError(
                expected="a command that can be run",
                seen="no such program",
                where=command[0],
                remedy="Check its spelling, or give its full path.",
            )
        status = run_client(
            [*self._keeper.enter("client"), *command],
            env=environment,
            stdout=stdout,
            stderr=stderr,
            timeout_s=timeout_s,
            name=command[0],
        )
        self._keeper.counters()  # raises if there is no net any more
        return status

    def counters(self) -> WireCounters:
        """What the wire did so far; `overload` above zero means the machine was too slow."""
        return self._keeper.counters()


def order_for(drawn: Drawn, clock: LabClock) -> Order:
    """What the keeper is to build for a drawn scenario."""
    down_bps, up_bps = drawn.down_bps, drawn.up_bps
    bottleneck_bps: float | None = None
    flows = 0
    air: AirSettings | None = None
    is_down = False
    innocents = zip(drawn.scenario.innocents, drawn.innocent_rates_bps, strict=True)
    for innocent, rate_bps in innocents:
        if innocent.kind == "tariff":
            down_bps, up_bps = min(down_bps, rate_bps), min(up_bps, rate_bps)
        elif innocent.kind == "congestion":
            bottleneck_bps = min(rate_bps, bottleneck_bps or rate_bps)
            flows += innocent.flows
        elif innocent.kind == "wifi_loss":
            air = AirSettings(loss=innocent.loss, jitter_s=innocent.jitter_s)
        elif innocent.kind == "line_down":
            is_down = True
    vpn = any(innocent.kind == "vpn" for innocent in drawn.scenario.innocents)
    return Order(
        outside=linux.namespace_number(),
        path=PathSettings(
            client=pack_address(VPN_CLIENT if vpn else CLIENT),
            client6=pack_address(VPN_CLIENT6 if vpn else CLIENT6),
            down_bps=down_bps,
            up_bps=up_bps,
            rtt_s=drawn.rtt_s,
            loss=drawn.loss,
            bottleneck_bps=bottleneck_bps,
            is_down=is_down,
        ),
        clock=clock,
        rules=drawn.scenario.censor + whitelists(drawn),
        congctl=drawn.congctl,
        air=air,
        vpn=vpn,
        hosts=drawn.hosts,
        seed=drawn.seed,
        neighbour_flows=flows,
    )


def _await_competition(keeper: Keeper, drawn: Drawn) -> None:
    """Wait until the neighbour's downloads have had the bottleneck for `_COMPETITION_S`."""
    rates = [
        rate_bps
        for innocent, rate_bps in zip(
            drawn.scenario.innocents, drawn.innocent_rates_bps, strict=True
        )
        if innocent.kind == "congestion"
    ]
    if not rates:
        return
    enough_bytes = min(rates) / 8 * _COMPETITION_S
    deadline_s = time.monotonic() + _COMPETITION_WAIT_S_MAX
    while keeper.counters().competing_bytes < enough_bytes:
        if time.monotonic() > deadline_s:
            raise LabError(
                expected=f"the neighbour's downloads to fill the line in "
                f"{_COMPETITION_WAIT_S_MAX:.0f} s",
                seen=f"{keeper.counters().competing_bytes} bytes",
                where="the neighbour's namespace",
                remedy="The machine may be overloaded: try again.",
            )
        time.sleep(_LOOK_AGAIN_S)


@functools.cache
def _privilege() -> tuple[str | None, str]:
    """The way to namespaces that works here, tried by building a net; else the reasons."""
    if not sys.platform.startswith("linux"):
        return None, "not Linux"
    missing = [name for name in _TOOLS if tool(name) is None]
    if missing:
        return None, f"no {' and no '.join(missing)} (package util-linux)"
    scenario = Scenario(title="", innocent=True, expected=(), answers=())
    order = order_for(draw(scenario, 0), LabClock(start_local_minutes=0, epoch_monotonic_s=0))
    reasons = []
    for privilege in PRIVILEGES if os.geteuid() == 0 else ("userns",):
        try:
            with running_keeper(order, privilege):
                return privilege, ""
        except LabError as error:
            reasons.append(f"{privilege}: {error.seen}")
    return None, "; ".join(reasons)
