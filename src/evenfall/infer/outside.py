"""What our measurement servers saw of a site from outside, set beside what this line saw.

What it does. `fate_at` says how the target's own name fared from outside at one address, up to one
stage; `stops_everywhere` whether it stopped there as here wherever our servers sought it; `pace`
whether the page came as slowly there as here; `why_open` why nobody can tell.

Rules. The look from outside tells an address that is cut off here from a dead one, and a server
that is slow for everybody from a slow way. It counts at the same address: a service that
answers elsewhere says nothing about this machine. One server that gets through is enough; a failure
counts if no server got through. If every address at which our servers sought the name failed, the
one that fails here need not be among them, but only if it stops there as it stops here: a machine
that is dead elsewhere explains no reset here. What the server's own side did
wrong is no failure of the site. A look that could not be had (the server is dead, declines, does
not list the site, signs with another key) never moves a verdict. A page that comes from far away as
fast as the distance lets it says nothing about a slow server.

What it does not do. It does not know where our server stands. One behind the same measure as this
line sees the site fail too, and makes it look down; so does a site that turns servers of hosting
companies away. And an address that several machines share (anycast) may be another machine there.

Sources: METHOD 1, row 2, and 3, rows 2 and 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from evenfall.infer.attempts import OWN_SIDE, Attempt, Stage
from evenfall.infer.facts import Site
from evenfall.infer.profiles import CheckProfile
from evenfall.infer.speed import Speed, attainable_bps, compare
from evenfall.model.saying import Saying, say

__all__ = [
    "Fate",
    "Pace",
    "came_less_far",
    "failure_outside",
    "fate_at",
    "outside_ids",
    "pace",
    "stops_everywhere",
    "why_open",
]

_RANK = {stage: rank for rank, stage in enumerate(Stage)}


class Fate(StrEnum):
    """How the target's own name fared from outside."""

    THROUGH = "through"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Pace(StrEnum):
    """How fast the same page came outside, against here."""

    ALIKE = "alike"
    FASTER = "faster"
    UNKNOWN = "unknown"


def fate_at(site: Site, addresses: Iterable[str], stage: Stage) -> Fate:
    """How the target's own name fared at these addresses, up to and with this stage.

    `THROUGH` if a server got through at one of them; `FAILED` if servers tried each and none did.
    """
    wanted = list(dict.fromkeys(addresses))
    fates = [_fate_at(site, address, stage) for address in wanted]
    if Fate.THROUGH in fates:
        return Fate.THROUGH
    if fates and set(fates) == {Fate.FAILED}:
        return Fate.FAILED
    return Fate.UNKNOWN


def came_less_far(site: Site, addresses: Iterable[str], stage: Stage) -> bool:
    """Whether our servers were stopped at these addresses before they came to this stage at all."""
    there = [a for address in addresses for a in _own_at(site, address)]
    return all(a.stage is not stage for a in there if _fate(a, stage) is Fate.FAILED)


def stops_everywhere(site: Site, here: Attempt) -> bool:
    """Whether the name stopped as here at all addresses of this IP version that servers tried."""
    tried = [a for a in _own(site) if (":" in a.address) == (":" in here.address)]
    fates = {_fate(a, here.stage) for a in tried}
    if Fate.FAILED not in fates or Fate.THROUGH in fates:
        return False
    failed = [a for a in tried if _fate(a, here.stage) is Fate.FAILED]
    return all(a.stage is here.stage and a.bad_certificate == here.bad_certificate for a in failed)


def failure_outside(site: Site, addresses: Iterable[str]) -> str:
    """Code with which it failed there, or at any other address; empty if it did not."""
    there = [a for address in addresses for a in _own_at(site, address)]
    failures = [a.failure for a in (*there, *_own(site)) if a.failure]
    return failures[0] if failures else ""


def pace(site: Site, here: Speed, profile: CheckProfile) -> Pace:
    """Whether the page comes as slowly from outside as it comes here."""
    there = [s for s in map(_speed, _last_pages(site)) if s is not None]
    if not there:
        return Pace.UNKNOWN
    best = max(there, key=lambda speed: speed.bps_at(speed.body_bytes))
    ratio = compare(here, [best], profile)
    if ratio is None:
        return Pace.UNKNOWN
    if ratio >= profile.slow_factor:
        return Pace.FASTER
    allowed_bps = attainable_bps(best.body_bytes, best.rtt_us, profile)
    if best.bps_at(best.body_bytes) >= profile.attainable_share * allowed_bps:
        return Pace.UNKNOWN  # as fast as the distance lets it
    return Pace.ALIKE


def why_open(site: Site) -> Saying:
    """Why nobody outside can tell what a failure is."""
    if not site.outside:
        return say("nobody looked from outside")
    failures = [v.statement.failure for v in site.outside if v.statement.failure]
    if not site.views:
        return say("the look from outside came to nothing ({failure})", failure=failures[0])
    if any(_fate(a, Stage.TCP) is Fate.THROUGH for view in site.views for a in view.attempts):
        return say("from outside it was reached at another address alone")
    return say("the look from outside does not tell")


def outside_ids(site: Site) -> tuple[str, ...]:
    """Ids of the statements that count."""
    return tuple(i for v in site.outside if v.statement.failure is None for i in v.ids)


def _fate_at(site: Site, address: str, stage: Stage) -> Fate:
    fates = {_fate(attempt, stage) for attempt in _own_at(site, address)}
    for fate in (Fate.THROUGH, Fate.FAILED):
        if fate in fates:
            return fate
    return Fate.UNKNOWN


def _own_at(site: Site, address: str) -> list[Attempt]:
    return [a for a in _own(site) if a.address == address]


def _own(site: Site) -> list[Attempt]:
    """Attempts from outside with the target's own name, anywhere."""
    views = (a for view in site.views for a in view.attempts)
    return [a for a in views if a.host == site.host and not a.is_neutral]


def _fate(attempt: Attempt, stage: Stage) -> Fate:
    if attempt.stage is Stage.DONE or _RANK[attempt.stage] > _RANK[stage]:
        tried = {
            Stage.TCP: attempt.tcp,
            Stage.TLS: attempt.tls,
            Stage.HTTP: attempt.http,
            Stage.MTPROTO: attempt.mtproto,
        }
        return Fate.THROUGH if tried.get(stage) is not None else Fate.UNKNOWN
    failure = attempt.failure or ""
    if failure in OWN_SIDE or failure.startswith("unknown_failure"):
        return Fate.UNKNOWN
    return Fate.FAILED


def _last_pages(site: Site) -> list[Attempt]:
    """The last page of each view: redirects lead there."""
    pages = [[a for a in view.attempts if a.http and a.status] for view in site.views]
    return [attempts[-1] for attempts in pages if attempts]


def _speed(attempt: Attempt) -> Speed | None:
    """Speed of a page that came outside; its bytes are taken to have come evenly."""
    http = attempt.http
    if http is None or not http.body_bytes or not http.goodput_bps:
        return None
    duration_us = max(1, round(http.body_bytes * 8e6 / http.goodput_bps))
    return Speed(
        body_bytes=http.body_bytes,
        duration_us=duration_us,
        capped=bool(http.capped),
        curve=((duration_us, http.body_bytes),),
        rtt_us=attempt.tcp.duration_us or 0,
    )
