"""One connection to one address of a site: connect, handshake, page; or one question to Telegram.

Each is reserved in the budget before it begins, holds the lock of its address, and is cut at its
leg's time. What it saw is kept in the session; nothing is judged.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from evenfall.measure.http import get
from evenfall.measure.mtproto import ask_for_key
from evenfall.measure.tcp import connect
from evenfall.measure.tls import handshake
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.probe.budget import HANDSHAKE_BYTES, RECEIVE_BUFFER_BYTES, reserve_for
from evenfall.probe.session import LEG_S, Session
from evenfall.probe.targets import host_of, port_of

__all__ = ["speak", "visit"]

_BODY_S_MIN = 3.0  # after a handshake that took long


async def visit(
    session: Session,
    site: Target,
    *,
    address: str,
    url: str = "",
    neutral: str = "",
    fetch: bool = True,
    body_s: float = LEG_S,
    leg_s: float = LEG_S,
) -> Observation | None:
    """One connection to one address: connect, handshake, and the page if `fetch`.

    With `neutral`, that name is sent in place of the site's own, and no certificate is checked.
    `leg_s` cuts connect and handshake together.
    Returns the last observation, or None if it could not be paid for.
    """
    url = url or site.url
    most = reserve_for(session.body_bytes_max) if fetch else HANDSHAKE_BYTES
    if not session.budget.fits(most) or session.left_s() <= 0:
        return None
    begun: list[Observation] = []
    with session.budget.paid_for(most, kept=begun):
        async with session.address(address):
            if session.left_s() <= 0:  # whoever was there before us took all of it
                return None
            last = await _visit(session, site, url, address, neutral, fetch, body_s, leg_s, begun)
            session.under_way -= {step.observation_id for step in begun}
            return last


async def _visit(
    session: Session,
    site: Target,
    url: str,
    address: str,
    neutral: str,
    fetch: bool,
    body_s: float,
    leg_s: float,
    begun: list[Observation],
) -> Observation:
    """The steps; `begun` gets those that are kept before the last."""
    host, port, round_ = host_of(url), port_of(url), session.round_
    start_s = session.network.clock.monotonic_s()

    def left_s() -> float:
        used_s = session.network.clock.monotonic_s() - start_s
        return max(0.1, min(leg_s - used_s, session.left_s()))

    opened, stream, meter = await connect(
        session.network, round_, site, host=host, address=address, port=port, timeout_s=left_s(),
        receive_buffer_bytes=RECEIVE_BUFFER_BYTES,
    )  # fmt: skip
    session.keep(opened)
    _begin(session, begun, opened)
    if stream is None or meter is None:
        return opened
    last = opened
    sni = neutral or host if urlsplit(url).scheme == "https" else None
    if sni is not None:
        context = session.unchecked if neutral else session.trusting
        last, secure = await handshake(
            stream, meter, round_, site, host=host, address=address, port=port, sni=sni,
            context=context, timeout_s=left_s(),
        )  # fmt: skip
        session.keep(last)
        _begin(session, begun, last)
        if secure is None:
            return last
        stream = secure
    if not fetch:
        stream.close()
        return last
    time_s = min(body_s, max(left_s(), _BODY_S_MIN))
    async with session.line:
        exchange = await get(
            stream, meter, round_, site, host=neutral or host, path=_path(url), address=address,
            port=port, sni=sni, body_bytes_max=session.body_bytes_max,
            time_max_s=max(0.1, min(time_s, session.left_s())),
        )  # fmt: skip
    session.keep_exchange(exchange)
    return exchange.observation


async def speak(session: Session, site: Target, *, address: str) -> Observation | None:
    """One connection in Telegram's own protocol, one question; None if it cannot be paid for."""
    if not session.budget.fits(HANDSHAKE_BYTES) or session.left_s() <= 0:
        return None
    host, port = host_of(site.url), port_of(site.url)
    begun: list[Observation] = []
    with session.budget.paid_for(HANDSHAKE_BYTES, kept=begun):
        async with session.address(address):
            start_s = session.network.clock.monotonic_s()
            opened, stream, meter = await connect(
                session.network, session.round_, site, host=host, address=address, port=port,
                timeout_s=max(0.1, min(LEG_S, session.left_s())),
                receive_buffer_bytes=RECEIVE_BUFFER_BYTES,
            )  # fmt: skip
            session.keep(opened)
            _begin(session, begun, opened)
            if stream is None or meter is None:
                session.under_way.discard(opened.observation_id)
                return opened
            left_s = LEG_S - (session.network.clock.monotonic_s() - start_s)
            spoken = await ask_for_key(
                stream, meter, session.round_, site, host=host, address=address, port=port,
                rng=session.rng, timeout_s=max(0.1, min(left_s, session.left_s())),
            )  # fmt: skip
            session.keep(spoken)
            session.under_way.discard(opened.observation_id)
            return spoken


def _begin(session: Session, begun: list[Observation], step: Observation) -> None:
    begun.append(step)
    session.under_way.add(step.observation_id)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
