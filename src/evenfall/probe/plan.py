"""What a check would send, to whom, how much at most, and how long: without sending anything."""

from __future__ import annotations

from dataclasses import dataclass

from evenfall.model.target import TargetList
from evenfall.probe.budget import CHECK_BYTES_MAX, HANDSHAKE_BYTES, LOOKUP_BYTES, reserve_for
from evenfall.probe.check import CHECK_S_MAX, body_bytes_for
from evenfall.probe.legs import REDIRECTS_MAX
from evenfall.probe.targets import host_of, port_of

__all__ = ["SECOND_LOOKS_MAX", "Plan", "PlanStep", "plan_check"]

SECOND_LOOKS_MAX = 4
_SECOND_LOOKS = (
    f"ask for its name again, and up to {SECOND_LOOKS_MAX} more visits: the same again; one under "
    "a neutral site's name at the same address; addresses that came late or from one resolver only"
)


@dataclass(frozen=True, kw_only=True)
class PlanStep:
    """One place that packets would go to.

    Attributes:
        whom: host and port, or which resolver.
        what: what would be asked there.
        bytes_max: IP bytes both ways at most, as they are reserved: of one first look, of all the
            second looks at one service, of one hop of a redirect, of the names asked for.
    """

    whom: str
    what: str
    bytes_max: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All of it; the budget and the time hold whatever the steps add up to."""

    steps: tuple[PlanStep, ...]
    bytes_max: int
    seconds_max: float


def plan_check(targets: TargetList) -> Plan:
    """The plan of one check."""
    steps = [*_lookups(targets), *_visits(targets)]
    steps += [
        PlanStep(
            whom=f"{host_of(server.url)}:{port_of(server.url)}",
            what="paired transfers of random bytes under the names of at most three of the "
            "services and of neutral sites; if a service shows a strange page over plain HTTP, "
            "its name and a neutral one once each, in the open",
            bytes_max=CHECK_BYTES_MAX,
        )
        for server in targets.servers
    ]
    return Plan(steps=tuple(steps), bytes_max=CHECK_BYTES_MAX, seconds_max=CHECK_S_MAX)


def _lookups(targets: TargetList) -> list[PlanStep]:
    of_targets = [site.url for site in targets.targets]
    of_all = [*of_targets, *(c.url for c in targets.controls), *(s.url for s in targets.servers)]
    asked = [(targets.resolver or "the system's resolver", "addresses of ", of_all)]
    if targets.public_resolver:
        asked.append((targets.public_resolver, "a second opinion on ", of_targets))
    steps = []
    for whom, what, urls in asked:
        names = list(dict.fromkeys(map(host_of, urls)))
        words = f"{what}{', '.join(names)}; and of hosts that they redirect to"
        steps.append(PlanStep(whom=whom, what=words, bytes_max=LOOKUP_BYTES * len(names)))
    return steps


def _visits(targets: TargetList) -> list[PlanStep]:
    page_bytes = reserve_for(body_bytes_for(targets))
    steps = []
    for site in (*targets.targets, *targets.controls):
        whom = f"{host_of(site.url)}:{port_of(site.url)}"
        once = f"open {site.url} ({site.role}); over IPv6, where there is a way, a handshake"
        steps.append(PlanStep(whom=whom, what=once, bytes_max=page_bytes + HANDSHAKE_BYTES))
    steps.append(
        PlanStep(
            whom="a service that fails, is slow or shows a strange page",
            what=_SECOND_LOOKS,
            bytes_max=SECOND_LOOKS_MAX * page_bytes,
        )
    )
    hops = (
        f"follow it, {REDIRECTS_MAX} hops at most a site, each with a lookup; never into a private "
        "network, nor out of a lab network"
    )
    steps.append(PlanStep(whom="where a site redirects to", what=hops, bytes_max=page_bytes))
    return steps
