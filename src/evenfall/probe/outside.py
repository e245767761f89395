"""The outside view within one check: which sites our servers are asked about, and when.

A site that fails, is slow or shows a strange page may be so for everybody: its own fault, and no
interference. A measurement server looks from where it is and says, signed, what it saw. The
question travels inside TLS, under a neutral name, and takes a few kilobytes; the waiting is done by
the server, so pairs and visits go on meanwhile, and no lock is held.

The first server is asked about all of them; what it could not answer goes to the next one.

Of the line it learns no more than it needs: the public addresses at which this site's own name
failed here, or the one whose page is in doubt; none that a resolver merely gave, for such a list
tells whose network it is. Nor does it get the query of a URL: that may hold somebody's key. The
page that it then sees is another one and says nothing about this one, so it is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

import msgspec

from evenfall.measure.dns import is_bogon
from evenfall.measure.outside import Question, look
from evenfall.measure.transfer import PairServer
from evenfall.model.observation import Observation
from evenfall.model.target import MeasurementServer, Target
from evenfall.model.vocabulary import Fact
from evenfall.probe.budget import HANDSHAKE_BYTES
from evenfall.probe.contrasts import neutral_name
from evenfall.probe.session import Progress, Session, Stage
from evenfall.probe.targets import host_of
from evenfall.wire.outside import (
    ADDRESSES_MAX,
    ANSWER_BYTES_MAX,
    LOOKS_PER_CONNECTION,
    REQUEST_BYTES_MAX,
    URL_CHARS_MAX,
)

__all__ = ["LOOK_BYTES", "look_from_outside"]

LOOK_BYTES = (ANSWER_BYTES_MAX + REQUEST_BYTES_MAX) * 11 // 10
"""Reserved a question; a usual one takes 4 kB."""
_SERVERS_MAX = 2
_TIME_S_MIN = 1.0


async def look_from_outside(
    session: Session,
    servers: Sequence[tuple[MeasurementServer, PairServer]],
    targets: Sequence[Target],
    *,
    until_s: float,
) -> None:
    """Ask about these sites, at most `LOOKS_PER_CONNECTION`, as far as time and bytes go.

    Args:
        session: the round; observations are kept in it.
        servers: those with an address, as `PairingStage.servers` has them.
        targets: the most doubtful first.
        until_s: monotonic time at which it is over.
    """
    wanted = [_question(session, t) for t in targets if _can_be_asked(t)][:LOOKS_PER_CONNECTION]
    cut = frozenset(t.target_id for t in targets if urlsplit(t.url).query)
    total = len(wanted)
    for server, place in servers[:_SERVERS_MAX]:
        if wanted:
            wanted = await _ask(session, server, place, wanted, cut=cut, until_s=until_s)
            session.emit(Progress(stage=Stage.OUTSIDE, done=total - len(wanted), total=total))


async def _ask(
    session: Session,
    server: MeasurementServer,
    place: PairServer,
    wanted: Sequence[Question],
    *,
    cut: frozenset[str],
    until_s: float,
) -> list[Question]:
    """Ask one server; returns the questions that it left open. Pages of those in `cut` are none."""
    room = (session.budget.left_bytes - HANDSHAKE_BYTES) // LOOK_BYTES
    asked = list(wanted[: max(0, room)])
    timeout_s = min(until_s - session.network.clock.monotonic_s(), session.left_s())
    sni = server.neutral or neutral_name(session)
    if not asked or timeout_s < _TIME_S_MIN or not sni:
        return list(wanted)
    most = HANDSHAKE_BYTES + LOOK_BYTES * len(asked)
    with session.budget.paid_for(most):
        seen = await look(
            session.network, place, session.round_, asked, sni=sni, timeout_s=timeout_s
        )
    session.keep(*(o for o in seen if not (o.fact is Fact.HTTP_EXCHANGE and o.target in cut)))
    answered = {o.target for o in seen if o.fact is Fact.OUTSIDE_VIEW and o.failure is None}
    return [q for q in wanted if q.target.target_id not in answered]


def _question(session: Session, target: Target) -> Question:
    host = host_of(target.url)
    asked = msgspec.structs.replace(target, url=_without_query(target.url))
    return Question(target=asked, host=host, addresses=_addresses(session, target, host))


def _without_query(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="", fragment="")) if parts.query else url


def _addresses(session: Session, target: Target, host: str) -> tuple[str, ...]:
    """Where its own name failed here; where it failed nowhere, the place whose page is in doubt."""
    own = [o for o in session.observations if _is_ours(o, target, host)]
    failed = [o.address for o in own if o.failure and o.address]
    tried = [o.address for o in own if o.fact is Fact.TCP_CONNECT and o.address]
    usable = [a for a in dict.fromkeys(failed or tried[:1]) if _may_be_named(session, a)]
    return tuple(usable[:ADDRESSES_MAX])


def _is_ours(seen: Observation, target: Target, host: str) -> bool:
    """Seen from this line, at an address of the site, with its own name or with none."""
    return (
        seen.target == target.target_id
        and seen.host == host
        and seen.seen_by is None
        and seen.sni in (None, host)
        and seen.fact is not Fact.DNS_LOOKUP
    )


def _may_be_named(session: Session, address: str) -> bool:
    """A private address that a resolver gave may be of somebody's home: it is nobody's business."""
    return session.is_test_network or not is_bogon(address)


def _can_be_asked(target: Target) -> bool:
    return len(target.url) <= URL_CHARS_MAX
