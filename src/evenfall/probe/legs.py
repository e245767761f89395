"""The first look at every site: its name, then connect, handshake, page; then QUIC beside it.

Controls and targets take turns in random order. Lookups and handshakes of a few sites run side by
side, because they hardly use the line; bodies never do. A site whose page does not fit beside those
that are being looked at waits for them; what cannot be paid for then is not started, and the site
stays `not_measured`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from evenfall.measure.dns import ATTEMPTS, look_up
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact, Role
from evenfall.probe.budget import LOOKUP_BYTES, reserve_for
from evenfall.probe.consent import is_nobodys
from evenfall.probe.inside_tls import ask_inside_tls
from evenfall.probe.quic_looks import quic_first_looks
from evenfall.probe.redirects import next_url
from evenfall.probe.session import LEG_S, Progress, Session, Stage
from evenfall.probe.targets import host_of, is_literal, is_mtproto
from evenfall.probe.visits import speak, visit

__all__ = [
    "REDIRECTS_MAX",
    "SIX_LEG_S",
    "addresses",
    "first_address",
    "first_looks",
    "interleave",
    "look_up_names",
    "speak",
    "visit",
]

_LOOKUPS_AT_ONCE = 8
_SITES_AT_ONCE = 3
REDIRECTS_MAX = 3
_TURN_S_MIN = 1.5  # of body time, for each site that still waits for its turn
SIX_LEG_S = 4.0
"""Of a connect and a handshake over IPv6: where it does not work, every site would cost a leg."""
_SIX_SILENT_MAX = 2  # sites without an answer, a control among them: this line's IPv6 is dead
_LOOKUP_TRY_S = 2.0  # of ATTEMPTS tries


def interleave(session: Session) -> list[Target]:
    """Controls and targets in turn, each in random order."""
    controls, targets = list(session.targets.controls), list(session.targets.targets)
    session.rng.shuffle(controls)
    session.rng.shuffle(targets)
    order: list[Target] = []
    while controls or targets:
        # The longer list goes first, so that the shorter one is spread over it.
        piles = sorted((controls, targets), key=len, reverse=True)
        order.extend(pile.pop() for pile in piles if pile)
    return order


async def look_up_names(session: Session, sites: Sequence[Target]) -> None:
    """Ask for every name: the system's resolver; for targets a second one, and one inside TLS."""
    gate = asyncio.Semaphore(_LOOKUPS_AT_ONCE)
    has_six = session.network.has_route(6)
    done = 0

    async def one(site: Target) -> None:
        nonlocal done
        async with gate:
            if not is_literal(host_of(site.url)):
                await _ask_about(session, site, host_of(site.url), six=has_six)
        done += 1
        session.emit(Progress(stage=Stage.NAMES, what=site.target_id, done=done, total=len(sites)))

    families = (4, 6) if has_six else (4,)
    await asyncio.gather(
        ask_inside_tls(session, sites, families=families), *(one(site) for site in sites)
    )


async def first_looks(session: Session, sites: Sequence[Target], *, until_s: float) -> None:
    """Visit every site once; over IPv6 and QUIC, where there is a way, up to the handshake."""
    gate = asyncio.Semaphore(_SITES_AT_ONCE)
    room = _Room(session, reserve_for(session.body_bytes_max))
    waiting = len(sites)
    done = 0

    async def one(site: Target) -> None:
        nonlocal waiting, done
        async with gate, room:
            waiting -= 1
            left_s = until_s - session.network.clock.monotonic_s()
            # Whoever comes later must get a turn too, if everything is slow.
            body_s = min(LEG_S, left_s - _TURN_S_MIN * waiting)
            if body_s >= _TURN_S_MIN and await _first_look(session, site, body_s=body_s):
                session.unfinished.discard(site.target_id)
        done += 1
        session.emit(Progress(stage=Stage.SITES, what=site.target_id, done=done, total=len(sites)))

    await asyncio.gather(*(one(site) for site in sites))
    await quic_first_looks(
        session, sites, until_s=until_s, address_of=lambda site: _any_address(session, site)
    )


class _Room:
    """Bytes for one more page: whoever does not find them waits until somebody has finished."""

    def __init__(self, session: Session, most_bytes: int) -> None:
        self._session = session
        self._most_bytes = most_bytes
        self._inside = 0
        self._freed = asyncio.Event()

    async def __aenter__(self) -> None:
        while self._inside and not self._session.budget.fits(self._most_bytes):
            self._freed.clear()
            await self._freed.wait()
        self._inside += 1

    async def __aexit__(self, *_: object) -> None:
        self._inside -= 1
        self._freed.set()


async def _first_look(session: Session, site: Target, *, body_s: float) -> bool:
    """Whether all of it was done; False: something could not be paid for, or there was no time."""
    address = first_address(session, site, host_of(site.url), family=4)
    six = _six_address(session, site)
    if is_mtproto(site.url):
        place = address or six
        return place is None or await speak(session, site, address=place) is not None
    if address is not None and not await _follow(session, site, address, body_s=body_s):
        return False
    if six is None or not session.network.has_route(6, towards=six):
        return True
    # The page itself is fetched over IPv6 only where there is no IPv4.
    if address is None:
        return await visit(session, site, address=six, body_s=body_s) is not None
    if not _six_leads_nowhere(session):
        await visit(session, site, address=six, fetch=False, leg_s=SIX_LEG_S)
    return True


def _six_address(session: Session, site: Target) -> str | None:
    """Where a browser on this line would go over IPv6.

    Not to what the second resolver alone knows, if the system's gives an IPv4 address and no IPv6
    one: a false answer to A comes with none to AAAA.
    """
    host = host_of(site.url)
    ours = addresses(session, site, host, family=6, resolver="system")
    if not ours and addresses(session, site, host, family=4, resolver="system"):
        return None
    return first_address(session, site, host, family=6)


def _six_leads_nowhere(session: Session) -> bool:
    """Some sites were sought over IPv6, and no SYN of ours was ever answered."""
    tried = [o for o in session.observations if o.fact is Fact.TCP_CONNECT and o.family == 6]
    enough = len(tried) >= _SIX_SILENT_MAX and any(o.role is Role.CONTROL for o in tried)
    return enough and all(o.failure for o in tried)


def _any_address(session: Session, site: Target) -> str | None:
    host = host_of(site.url)
    four = first_address(session, site, host, family=4)
    six = None if four else first_address(session, site, host, family=6)
    return four or (six if six and session.network.has_route(6, towards=six) else None)


async def _follow(session: Session, site: Target, address: str, *, body_s: float) -> bool:
    """Visit, and follow redirects to other places, each with its own lookup.

    Returns whether every visit on the way could be paid for.
    """
    url = site.url
    for _ in range(REDIRECTS_MAX + 1):
        seen = await visit(session, site, address=address, url=url, body_s=body_s)
        if seen is None:
            return False
        page = session.pages.get(seen.observation_id)
        if page is None or not page.location:
            return True
        there = next_url(url, page.location)
        found = await _address_of(session, site, host_of(there)) if there else None
        if there is None or found is None:
            return True
        url, address = there, found
    return True


async def _address_of(session: Session, site: Target, host: str) -> str | None:
    if session.is_sealed and not is_nobodys(host):
        return None  # not even its name leaves the lab
    if not is_literal(host):
        if not any(o.host == host and o.target == site.target_id for o in session.observations):
            await _ask_about(session, site, host, six=False)
        return first_address(session, site, host, family=4)
    return host if session.may_visit(host) else None


async def _ask_about(session: Session, site: Target, host: str, *, six: bool) -> None:
    """The system's resolver first, then, for what is in question, a second opinion."""
    asked = [("system", session.targets.resolver)]
    if site.role is Role.TARGET and session.targets.public_resolver:
        asked.append(("public", session.targets.public_resolver))
    for family in (4, 6) if six else (4,):
        for resolver, endpoint in asked:
            timeout_s = min(_LOOKUP_TRY_S, session.left_s() / ATTEMPTS)
            if timeout_s <= 0 or not session.budget.fits(LOOKUP_BYTES):
                return
            session.keep(
                *await look_up(
                    session.network, session.round_, site, host, resolver=resolver,
                    endpoint=endpoint, family=family, rng=session.rng,
                    timeout_s=timeout_s, bogons_allowed=session.is_test_network,
                )
            )  # fmt: skip


def addresses(
    session: Session, site: Target, host: str, *, family: int, resolver: str
) -> list[str]:
    """Usable addresses that a resolver gave for a name of this site, in its order."""
    if is_literal(host):
        same = (6 if ":" in host else 4) == family
        return [host] if same and resolver == "system" else []
    given: Iterable[str] = (
        a
        for o in session.observations
        if o.target == site.target_id and o.host == host and o.family == family
        if o.resolver == resolver
        for a in o.answers or ()
    )
    return [a for a in dict.fromkeys(given) if session.may_visit(a)]


def first_address(session: Session, site: Target, host: str, *, family: int) -> str | None:
    """The system's first answer, else the second resolver's."""
    for resolver in ("system", "public"):
        found = addresses(session, site, host, family=family, resolver=resolver)
        if found:
            return found[0]
    return None
