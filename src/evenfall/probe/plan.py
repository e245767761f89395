"""What a check would send, to whom, how much at most, and how long: without sending anything."""

from __future__ import annotations

from dataclasses import dataclass

from evenfall.measure.gateway import GATEWAY_BYTES
from evenfall.measure.quic import QUIC_BYTES
from evenfall.model.saying import say
from evenfall.model.target import Target, TargetList
from evenfall.model.vocabulary import Role
from evenfall.probe.budget import CHECK_BYTES_MAX, HANDSHAKE_BYTES, LOOKUP_BYTES, reserve_for
from evenfall.probe.capacity import CAPACITY_BYTES
from evenfall.probe.check import CHECK_S_MAX, body_bytes_for
from evenfall.probe.legs import REDIRECTS_MAX
from evenfall.probe.locate import LOCATE_S_MAX, PATH_BYTES
from evenfall.probe.outside import LOOK_BYTES
from evenfall.probe.schedule import CAPACITY_S_MAX, PAIRED_MAX, Wishes
from evenfall.probe.surroundings import is_on_this_machine
from evenfall.probe.targets import host_of, is_literal, is_mtproto, port_of

__all__ = ["SECOND_LOOKS_MAX", "UPLOADED_MAX", "Plan", "PlanStep", "plan_check"]

SECOND_LOOKS_MAX = 5
UPLOADED_MAX = 6
"""Services of which uploads are made; `probe.pair_plan` keeps to it."""
_NONE = "–"  # every site stands in the list by its address
_SIX_LOOKS = 2
_QUIC_LOOKS = 2


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


def plan_check(targets: TargetList, *, capacity: bool = False, path: bool = False) -> Plan:
    """The plan of one check.

    Args:
        targets: checked by `probe.targets`.
        capacity: how much the line carries was asked for.
        path: where on the way a name is acted upon was asked for.
    """
    page_bytes = reserve_for(body_bytes_for(targets, Wishes(capacity=capacity, path=path)))
    steps = [
        *_router(targets),
        *_lookups(targets),
        *_first_looks(targets, page_bytes),
        *_further_looks(page_bytes),
    ]
    for server in targets.servers:
        steps += _at_server(f"{host_of(server.url)}:{port_of(server.url)}")
    if targets.servers:
        steps += _asked_for(
            f"{host_of(targets.servers[0].url)}:{port_of(targets.servers[0].url)}", capacity, path
        )
    more_s = CAPACITY_S_MAX * capacity + LOCATE_S_MAX * path
    return Plan(steps=tuple(steps), bytes_max=CHECK_BYTES_MAX, seconds_max=CHECK_S_MAX + more_s)


def _asked_for(whom: str, capacity: bool, path: bool) -> list[PlanStep]:
    """What `--capacity` and `--locate` add."""
    steps = []
    if capacity:
        what = say("how much the line carries: random bytes for at most ten seconds each way")
        steps.append(PlanStep(whom=whom, what=what, bytes_max=CAPACITY_BYTES))
    if path:
        what = say(
            "if a service is slowed or shut by name: its name, shown to a part of the way alone, "
            "each time with a short transfer under a neutral name"
        )
        steps.append(PlanStep(whom=whom, what=what, bytes_max=PATH_BYTES))
    return steps


def _lookups(targets: TargetList) -> list[PlanStep]:
    of_targets = _names(targets.targets)
    urls = [*(server.url for server in targets.servers), *filter(None, [targets.doh])]
    servers = [host for host in map(host_of, urls) if not is_literal(host)]
    of_all = list(dict.fromkeys([*of_targets, *_names(targets.controls), *servers]))
    first = targets.resolver or say("the system's resolver")
    words = say(
        "addresses of {names}; and of hosts that they redirect to", names=", ".join(of_all) or _NONE
    )
    steps = [PlanStep(whom=first, what=words, bytes_max=LOOKUP_BYTES * len(of_all))]
    if targets.public_resolver:
        words = say(
            "a second opinion on {names}; and on hosts that they redirect to",
            names=", ".join(of_targets) or _NONE,
        )
        most = LOOKUP_BYTES * len(of_targets)
        steps.append(PlanStep(whom=targets.public_resolver, what=words, bytes_max=most))
    if targets.doh and of_targets:
        words = say(
            "inside TLS, a third opinion on {names} (DNS over HTTPS)", names=", ".join(of_targets)
        )
        most = HANDSHAKE_BYTES + LOOKUP_BYTES * len(of_targets)
        steps.append(PlanStep(whom=targets.doh, what=words, bytes_max=most))
    return steps


def _names(sites: tuple[Target, ...]) -> list[str]:
    return [h for h in dict.fromkeys(host_of(s.url) for s in sites) if not is_literal(h)]


def _router(targets: TargetList) -> list[PlanStep]:
    if is_on_this_machine(targets):
        return []
    what = say("15 small probes: does it answer, how fast, and how many are lost")
    return [PlanStep(whom=say("your router"), what=what, bytes_max=GATEWAY_BYTES)]


def _first_looks(targets: TargetList, page_bytes: int) -> list[PlanStep]:
    steps = []
    for site in (*targets.targets, *targets.controls):
        most = page_bytes + HANDSHAKE_BYTES + QUIC_BYTES
        if is_mtproto(site.url):
            most = HANDSHAKE_BYTES
            what = say("one question in Telegram's own protocol: the first that every app sends")
        elif site.role is Role.TARGET:
            what = say(
                "open {url}, a service in question; over IPv6, where there is a way, and over "
                "QUIC, where the service offers it, a handshake",
                url=site.url,
            )
        else:
            what = say(
                "open {url}, to compare with; over IPv6, where there is a way, and for two such "
                "sites over QUIC, a handshake",
                url=site.url,
            )
        whom = f"{host_of(site.url)}:{port_of(site.url)}"
        steps.append(PlanStep(whom=whom, what=what, bytes_max=most))
    return steps


def _further_looks(page_bytes: int) -> list[PlanStep]:
    return [
        PlanStep(
            whom=say("a service that fails, is slow or shows a strange page"),
            what=say(
                "ask for its name again, and up to {visits} more visits: the same again; one or "
                "two under a neutral site's name at the same address; addresses that came late or "
                "from one resolver only; where it fails over IPv6 or QUIC, the same again and a "
                "neutral site's name, up to the handshake",
                visits=SECOND_LOOKS_MAX,
            ),
            bytes_max=SECOND_LOOKS_MAX * page_bytes
            + _SIX_LOOKS * HANDSHAKE_BYTES
            + _QUIC_LOOKS * QUIC_BYTES,
        ),
        PlanStep(
            whom=say("where a site redirects to"),
            what=say(
                "follow it, {hops} hops at most a site, each with a lookup; never into a private "
                "network, nor out of a lab network",
                hops=REDIRECTS_MAX,
            ),
            bytes_max=page_bytes,
        ),
    ]


def _at_server(whom: str) -> list[PlanStep]:
    return [
        PlanStep(
            whom=whom,
            what=say(
                "paired transfers of random bytes under the names of services (down for at most "
                "{down}, up for at most {up}), of neutral sites, and under random names; if a "
                "service shows a strange page over plain HTTP, its name and a neutral one once "
                "each, in the open",
                down=PAIRED_MAX,
                up=UPLOADED_MAX,
            ),
            bytes_max=CHECK_BYTES_MAX,
        ),
        PlanStep(
            whom=whom,
            what=say(
                "inside TLS, to look from its own side at services that fail, are slow, show a "
                "strange page or whose name is in doubt, if its operator allows them: it learns "
                "which they are (without the query of a URL), at which public address each failed "
                "here, which may tell your network, and that you asked"
            ),
            bytes_max=HANDSHAKE_BYTES + LOOK_BYTES,
        ),
    ]
