"""What a check would send, to whom, how much at most, and how long: without sending anything."""

from __future__ import annotations

from dataclasses import dataclass

from evenfall.model.target import TargetList
from evenfall.probe.budget import CHECK_BYTES_MAX
from evenfall.probe.check import CHECK_S_MAX, body_bytes_for
from evenfall.probe.targets import host_of, port_of

__all__ = ["Plan", "PlanStep", "plan_check"]

_LOOKUP_BYTES = 2048
_LEG_OVERHEAD_BYTES = 16_384


@dataclass(frozen=True, kw_only=True)
class PlanStep:
    """One place that packets would go to.

    Attributes:
        whom: host and port, or which resolver.
        what: what would be asked there.
        bytes_max: IP bytes both ways at most, of the first look; a second look at a service that
            fails or is slow costs up to twice as much again, within the budget.
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
    sites = (*targets.targets, *targets.controls)
    steps = [
        PlanStep(
            whom=targets.resolver or "the system's resolver",
            what="addresses of " + ", ".join(dict.fromkeys(host_of(s.url) for s in sites)),
            bytes_max=_LOOKUP_BYTES * len(sites),
        )
    ]
    if targets.public_resolver:
        names = dict.fromkeys(host_of(t.url) for t in targets.targets)
        steps.append(
            PlanStep(
                whom=targets.public_resolver,
                what="a second opinion on " + ", ".join(names),
                bytes_max=_LOOKUP_BYTES * len(names),
            )
        )
    leg = body_bytes_for(targets) + body_bytes_for(targets) // 10 + _LEG_OVERHEAD_BYTES
    steps += [
        PlanStep(
            whom=f"{host_of(site.url)}:{port_of(site.url)}",
            what=f"open {site.url} ({site.role})",
            bytes_max=leg,
        )
        for site in sites
    ]
    steps += [
        PlanStep(
            whom=f"{host_of(server.url)}:{port_of(server.url)}",
            what="paired transfers of random bytes under the names of at most three of the "
            "services and of neutral sites",
            bytes_max=CHECK_BYTES_MAX,
        )
        for server in targets.servers
    ]
    return Plan(steps=tuple(steps), bytes_max=CHECK_BYTES_MAX, seconds_max=CHECK_S_MAX)
