"""The second look: what has to be seen before a failure or a slow page may mean anything.

For each target that failed, came with a strange page, or was slow: the same again; a neutral name
at the same address, and once more some seconds later if it was not answered either (a measure that
acts on a name may keep the address shut for a while); where the resolvers disagree, the service at
the other resolver's address; over IPv6 and QUIC, where they fail and a control's work, the same
again and a neutral name. What to look at is decided from the facts so far; nothing is judged here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from evenfall.infer.facts import RESET, Attempt, Site, Stage, sort_pairs, sort_site
from evenfall.infer.ground import Ground, survey
from evenfall.infer.names import is_refused, odd_answers, shows_block_page
from evenfall.infer.profiles import CheckProfile
from evenfall.infer.slow import is_suspiciously_slow, slowness
from evenfall.measure.dns import look_up
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact
from evenfall.probe import session as session_
from evenfall.probe.legs import SIX_LEG_S, addresses
from evenfall.probe.quic_looks import quic_second_looks
from evenfall.probe.session import Progress, Session
from evenfall.probe.targets import host_of, is_literal, is_mtproto
from evenfall.probe.visits import speak, visit

__all__ = ["Suspect", "ground_so_far", "names_in_doubt", "neutral_name", "second_looks", "suspects"]

_TARGETS_AT_ONCE = 3
_LATER_S = 5.0  # until a neutral name that was not answered is sent once more
_LATER_LEG_S = 3.0
_SHUT = RESET | {"generic_timeout_error", "connection_refused", "host_unreachable"}
_SIX_AGAIN_MAX = 4
_ASK_AGAIN_S = 4.5  # twice: the C library asks again after 5 s, and is given 4 s for that


class Suspect:
    """A target that failed or is slow.

    Attributes:
        target: which.
        failing: it was not reached, or something else came in its place.
        ratio: control ÷ target, if it could be timed.
    """

    def __init__(self, target: Target, *, failing: bool, ratio: float | None) -> None:
        self.target = target
        self.failing = failing
        self.ratio = ratio

    @property
    def has_name(self) -> bool:
        """It has a name that can be sent elsewhere: only then pairs say anything about it."""
        return not is_literal(host_of(self.target.url))

    @property
    def name_only(self) -> bool:
        """The site is fine; what is in doubt is what the resolver said."""
        return not self.failing and self.ratio is None


def ground_so_far(session: Session, profile: CheckProfile) -> Ground:
    """The controls and the line, from what was seen until now."""
    return survey(
        [_site(session, t) for t in session.targets.controls],
        [_site(session, t) for t in session.targets.targets],
        sort_pairs(session.observations),
        has_server=bool(session.targets.servers),
        tariff_bps=None,
        profile=profile,
    )


def suspects(session: Session, ground: Ground) -> list[Suspect]:
    """Targets worth another look: the failing ones first, then the slowest."""
    found = []
    for target in session.targets.targets:
        site = _site(session, target)
        own = [a for a in site.attempts if not a.is_neutral and a.host == site.host]
        if not own and not site.lookups:
            continue
        through = [a for a in own if a.stage is Stage.DONE or a.stopped_midway]
        strange = bool(through) and shows_block_page(site, through[0]) is not None
        if not through or strange:
            found.append(Suspect(target, failing=True, ratio=None))
        elif is_suspiciously_slow(last := site.chain(through[0])[-1], ground):
            found.append(Suspect(target, failing=False, ratio=slowness(last, ground)))
    return sorted(found, key=lambda s: (not s.failing, -(s.ratio or 0.0)))


def names_in_doubt(session: Session, ground: Ground) -> list[Suspect]:
    """Targets that open, and whose name the system's resolver refused or answered twice."""
    if not ground.sites:
        return []
    known = {suspect.target.target_id for suspect in suspects(session, ground)}
    found = []
    for target in session.targets.targets:
        site = _site(session, target)
        doubtful = is_refused(site, 4) or odd_answers(site, 4)
        if doubtful and target.target_id not in known:
            found.append(Suspect(target, failing=False, ratio=None))
    return found


def neutral_name(session: Session) -> str:
    """A random control's host; empty where there is no control."""
    hosts = [host_of(c.url) for c in session.targets.controls]
    return session.rng.choice(hosts) if hosts else ""


async def second_looks(session: Session, wanted: Sequence[Suspect], *, until_s: float) -> None:
    """Look again at every suspect, a few side by side; before that, where QUIC or IPv6 fail."""
    neutral = neutral_name(session)
    await quic_second_looks(session, neutral=neutral, until_s=until_s)
    gate = asyncio.Semaphore(_TARGETS_AT_ONCE)
    done = 0

    async def one(suspect: Suspect) -> None:
        nonlocal done
        async with gate:
            if session.network.clock.monotonic_s() < until_s:
                await _look_again(session, suspect, until_s=until_s)
        done += 1
        session.emit(
            Progress(
                stage=session_.Stage.CONTRASTS,
                what=suspect.target.target_id,
                done=done,
                total=len(wanted),
            )
        )

    async def six(target: Target, address: str) -> None:
        async with gate:
            if session.network.clock.monotonic_s() < until_s:
                await _six_again(session, target, address, neutral)

    doubts = _six_in_doubt(session)[:_SIX_AGAIN_MAX]
    await asyncio.gather(*(one(suspect) for suspect in wanted), *(six(*doubt) for doubt in doubts))


async def _look_again(session: Session, suspect: Suspect, *, until_s: float) -> None:
    target = suspect.target
    site = _site(session, target)
    if is_mtproto(target.url):
        for attempt in site.attempts[:1]:
            await speak(session, target, address=attempt.address)
        return
    if is_refused(site, 4):
        await _ask_again(session, target)
    own = [a for a in site.attempts if not a.is_neutral and a.host == site.host]
    steps: list[Coroutine[Any, Any, object]] = []
    if own and not suspect.name_only:
        first = own[0]
        if first.stage is not Stage.DONE:
            steps.append(_again(session, target, first))
        if first.stage is not Stage.TCP:
            steps.append(_with_neutral_name(session, site, first, until_s=until_s))
    places = (_unseen(session, target, own), _elsewhere(session, target, own))
    steps += [visit(session, target, address=place) for place in places if place is not None]
    try:
        for step in steps:
            if session.network.clock.monotonic_s() < until_s:
                await step
    finally:
        for step in steps:
            step.close()  # those that were not begun, be it for time or because of an interrupt


async def _ask_again(session: Session, target: Target) -> None:
    """The system's resolver once more, with time for a retry of its own."""
    session.keep(
        *await look_up(
            session.network, session.round_, target, host_of(target.url), resolver="system",
            endpoint=session.targets.resolver, family=4, rng=session.rng,
            timeout_s=_ASK_AGAIN_S, bogons_allowed=session.is_test_network,
        )
    )  # fmt: skip


async def _again(session: Session, target: Target, first: Attempt) -> None:
    """The same once more; at the next address of the same resolver, if it gave several."""
    given = addresses(session, target, first.host, family=4, resolver="system")
    others = [a for a in given if a != first.address]
    await visit(session, target, address=others[0] if others else first.address)


async def _with_neutral_name(
    session: Session, site: Site, first: Attempt, *, until_s: float
) -> None:
    """Somebody else's name at this address; the page too, unless the handshake is the question.

    Where that is not answered either, once more after a while.
    """
    name = neutral_name(session)
    if not name or name == site.host:
        return
    target, address = site.target, first.address
    fetch = first.stage is not Stage.TLS
    seen = await visit(session, target, address=address, neutral=name, fetch=fetch)
    now_s = session.network.clock.monotonic_s()
    shut = seen is not None and seen.fact is not Fact.HTTP_EXCHANGE and seen.failure in _SHUT
    if not shut or now_s + _LATER_S + _LATER_LEG_S > until_s:
        return
    await session.network.clock.sleep(_LATER_S)
    await visit(session, target, address=address, neutral=name, fetch=False, leg_s=_LATER_LEG_S)


def _six_in_doubt(session: Session) -> list[tuple[Target, str]]:
    """Targets that failed over IPv6, and where, if IPv6 works for some control."""
    works = any(
        attempt.stage is Stage.DONE
        for control in session.targets.controls
        for attempt in _site(session, control).own(6)
    )
    if not works:
        return []
    found = []
    for target in session.targets.targets:
        own = _site(session, target).own(6)
        if own and all(a.stage is not Stage.DONE for a in own) and not is_mtproto(target.url):
            found.append((target, own[0].address))
    return found


async def _six_again(session: Session, target: Target, address: str, neutral: str) -> None:
    """Over IPv6: the same again, and a neutral name at the same address."""
    await visit(session, target, address=address, fetch=False, leg_s=SIX_LEG_S)
    if neutral and neutral != host_of(target.url):
        await visit(session, target, address=address, neutral=neutral, fetch=False, leg_s=SIX_LEG_S)


def _unseen(session: Session, target: Target, own: list[Attempt]) -> str | None:
    """An address of the system's resolver that was not tried and has to be looked at.

    Where it answered late, or one query got two answers, nobody has been there yet.
    """
    site = _site(session, target)
    given = addresses(session, target, host_of(target.url), family=4, resolver="system")
    tried = {a.address for a in own}
    late = not tried & set(given)
    odd = odd_answers(site, 4)
    return next((a for a in given if a not in tried and (late or a in odd)), None)


def _elsewhere(session: Session, target: Target, own: list[Attempt]) -> str | None:
    """An address that only another resolver gave, and that was not tried yet.

    The one asked inside TLS comes first: where questions are answered on the way, the second
    resolver's answers are as false as the first one's.
    """
    host = host_of(target.url)
    ours = addresses(session, target, host, family=4, resolver="system")
    theirs = [
        address
        for resolver in ("doh", "public")
        for address in addresses(session, target, host, family=4, resolver=resolver)
    ]
    tried = {a.address for a in own}
    return next((a for a in theirs if a not in ours and a not in tried), None)


def _site(session: Session, target: Target) -> Site:
    return sort_site(target, session.observations, session.pages, session.fingerprints)
