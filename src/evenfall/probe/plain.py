"""A page that says "restricted" over plain HTTP: our own server is asked by the same name.

Only where such a page came, only by the names involved, once a target and server, a few kilobytes.
Nothing is judged here; see `infer.plain`.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenfall.infer.facts import Stage, sort_site
from evenfall.infer.names import shows_block_page
from evenfall.measure.plain import BODY_BYTES_MAX, ask_plainly
from evenfall.measure.transfer import PairServer
from evenfall.model.target import MeasurementServer, Target
from evenfall.probe import session as session_
from evenfall.probe.budget import RECEIVE_BUFFER_BYTES, reserve_for
from evenfall.probe.contrasts import neutral_name
from evenfall.probe.session import Progress, Session
from evenfall.probe.targets import host_of, port_of

__all__ = ["ask_about_pages", "wants_asking"]

_QUESTION_S = 4.0
_SERVERS_MAX = 2


def wants_asking(session: Session) -> list[Target]:
    """Targets in whose place, over plain HTTP, a page came that looks like a block page."""
    return [t for t in session.targets.targets if _shows_unsigned_page(session, t)]


async def ask_about_pages(
    session: Session, servers: Sequence[tuple[MeasurementServer, PairServer]], *, until_s: float
) -> None:
    """Ask our servers about every such target, as far as time and bytes go."""
    wanted = wants_asking(session)
    for done, target in enumerate(wanted):
        for server, place in servers[:_SERVERS_MAX]:
            await _ask(session, target, server, place, until_s=until_s)
        session.emit(
            Progress(
                stage=session_.Stage.CONTRASTS,
                what=target.target_id,
                done=done + 1,
                total=len(wanted),
            )
        )


async def _ask(
    session: Session,
    target: Target,
    server: MeasurementServer,
    place: PairServer,
    *,
    until_s: float,
) -> None:
    host = host_of(target.url)
    neutral = server.neutral or neutral_name(session)
    most = 2 * reserve_for(BODY_BYTES_MAX)
    left_s = min(until_s - session.network.clock.monotonic_s(), session.left_s())
    # Both questions connect and read: four waits, each of which may be used up.
    if not neutral or neutral == host or not session.budget.fits(most) or left_s < 1:
        return
    session.budget.reserve(most)
    try:
        async with session.address(place.address), session.line:
            answers = await ask_plainly(
                session.network, place, session.round_, target, names=(host, neutral),
                named_port=port_of(target.url), rng=session.rng,
                timeout_s=min(_QUESTION_S, left_s / 4), receive_buffer_bytes=RECEIVE_BUFFER_BYTES,
            )  # fmt: skip
    finally:
        session.budget.release(most)
    for answer in answers:
        session.keep_exchange(answer)


def _shows_unsigned_page(session: Session, target: Target) -> bool:
    site = sort_site(target, session.observations, session.pages)
    return any(
        not a.is_neutral
        and a.host == site.host
        and a.stage is Stage.DONE
        and not a.valid_tls
        and a.http is not None
        and shows_block_page(site, a) is not None
        for a in site.attempts
    )
