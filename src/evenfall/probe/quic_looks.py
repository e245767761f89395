"""QUIC beside TCP: who speaks HTTP/3 is asked over it too, up to the handshake.

A service that is fine over TCP may be cut off over QUIC alone, and the other way round; apps use
whichever works, and people see a service that is "sometimes slow". Asked is who says so in this
round (`Alt-Svc`) or is known to (`quic` in the list). Two controls go first: where theirs is not
answered, UDP to that port does not work on this line at all, and targets are not asked.

Handshakes run a few side by side, after the pages and before the second looks: never beside a body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from evenfall.measure.quic import HANDSHAKE_S, QUIC_BYTES, QuicTrust, quic_handshake, quic_trust
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact, Role
from evenfall.probe.session import Session
from evenfall.probe.targets import host_of, port_of

__all__ = ["QUIC_CONTROLS_MAX", "quic_first_looks", "quic_second_looks"]

QUIC_CONTROLS_MAX = 2
_AT_ONCE = 4
_AGAIN_MAX = 4
_Place = tuple[str, int]


async def quic_first_looks(
    session: Session,
    sites: Sequence[Target],
    *,
    address_of: Callable[[Target], str | None],
    until_s: float,
) -> None:
    """One handshake with each site that offers HTTP/3, at the address where its page was asked.

    `address_of` says where to ask a site that was not reached over TCP.
    """
    able = [site for site in sites if site.quic or _offers(session, site)]
    controls = [site for site in able if site.role is Role.CONTROL][:QUIC_CONTROLS_MAX]
    trust = quic_trust(session.targets.ca_file) if able else None

    async def look(site: Target) -> None:
        address = _seen_at(session, site) or address_of(site)
        if address is not None:
            await _shake(session, site, (address, port_of(site.url)), trust=trust, until_s=until_s)

    await _side_by_side(look(site) for site in controls)
    if not controls or _works(session, controls):
        await _side_by_side(look(site) for site in able if site.role is Role.TARGET)


async def quic_second_looks(session: Session, *, neutral: str, until_s: float) -> None:
    """Where a target's handshake failed and a control's did not: a neutral name, then its own."""
    if not _works(session, session.targets.controls):
        return
    failed = [
        (target, own[0])
        for target in session.targets.targets
        if (own := _own(session, target)) and all(seen.failure for seen in own)
    ]
    trust = quic_trust(session.targets.ca_file) if failed else None

    async def again(target: Target, first: Observation) -> None:
        place = (first.address or "", first.port or 0)
        if neutral and neutral != first.host:
            await _shake(session, target, place, sni=neutral, trust=None, until_s=until_s)
        await _shake(session, target, place, trust=trust, until_s=until_s)

    await _side_by_side(again(*one) for one in failed[:_AGAIN_MAX])


async def _side_by_side(looks: Iterable[Awaitable[None]]) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(look: Awaitable[None]) -> None:
        async with gate:
            await look

    await asyncio.gather(*(one(look) for look in looks))


async def _shake(
    session: Session,
    site: Target,
    place: _Place,
    *,
    sni: str = "",
    trust: QuicTrust | None,
    until_s: float,
) -> None:
    """One handshake, if there is time and it can be paid for; `sni` empty: the site's own."""
    address, port = place
    host = host_of(site.url)
    async with session.address(address):
        left_s = min(until_s - session.network.clock.monotonic_s(), session.left_s())
        if left_s < HANDSHAKE_S or not session.budget.fits(QUIC_BYTES):
            return
        with session.budget.paid_for(QUIC_BYTES):
            session.keep(
                await quic_handshake(
                    session.network, session.round_, site, host=host, address=address, port=port,
                    sni=sni or host, trust=trust,
                )
            )  # fmt: skip


def _offers(session: Session, site: Target) -> bool:
    return any(o.offers_quic for o in _pages(session, site))


def _seen_at(session: Session, site: Target) -> str | None:
    return next((o.address for o in _pages(session, site) if o.offers_quic), None)


def _pages(session: Session, site: Target) -> list[Observation]:
    """Answers to the site's own name, as this line saw them."""
    host = host_of(site.url)
    return [
        o
        for o in session.observations
        if o.fact is Fact.HTTP_EXCHANGE and o.target == site.target_id
        if o.host == host and o.seen_by is None and o.pair_id is None
    ]


def _own(session: Session, site: Target) -> list[Observation]:
    return [
        o
        for o in session.observations
        if o.fact is Fact.QUIC_HANDSHAKE and o.target == site.target_id and o.sni == o.host
    ]


def _works(session: Session, controls: Iterable[Target]) -> bool:
    return any(o.failure is None for site in controls for o in _own(session, site))
