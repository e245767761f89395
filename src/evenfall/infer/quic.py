"""Rules for QUIC: is HTTP/3 to this service cut off while TCP is fine?

What it does. `judge_quic` says what became of QUIC handshakes with a target over one IP version.

Rules. `quic.drop` needs all of this: the service says that it speaks HTTP/3 (to this line, to our
server outside, or it is listed so); two Initials with its name went unanswered; TCP to the same
address works; and QUIC to at least one control works. Many lines and firewalls close UDP port 443
for everybody: where no control answers, that is said, and it is nobody's matter in particular. If a
neutral name is answered at the same address, it is the name. A handshake that the other side ends
itself is an answer, and no drop.

A service that is cut off over QUIC still opens: every browser falls back to TCP. So the state of
the target stays what TCP says; the way is `blocked`, and a sentence says so.

What it does not do. It never tries QUIC where nobody says that it is spoken, and has no look from
outside over QUIC. One Initial that is lost is a lost datagram.

Sources: METHOD 1, row 6; RFC 9000 section 17.2.2 (Initial), RFC 9114 section 3.1 (discovery).
"""

from __future__ import annotations

from evenfall.infer.attempts import OWN_SIDE, Stage
from evenfall.infer.facts import Site
from evenfall.infer.ground import Ground
from evenfall.model.observation import Observation
from evenfall.model.saying import Saying, say
from evenfall.model.verdict import Way
from evenfall.model.vocabulary import State, Transport

__all__ = ["judge_quic", "quic_note"]

_INITIALS_MIN = 2


def judge_quic(site: Site, ground: Ground, family: int) -> Way | None:
    """The way over QUIC; None if it was not tried over this IP version."""
    own = [o for o in site.quic if o.family == family and _is_own(site, o)]
    if not own:
        return None
    failures = [o.failure for o in own]
    if None in failures:
        return Way(
            family=family,
            transport=Transport.QUIC,
            state=State.OK,
            because=say("it answers over QUIC"),
        )
    if (why := _why_open(site, ground, own)) is not None:
        return Way(
            family=family,
            transport=Transport.QUIC,
            state=State.INSUFFICIENT,
            failure=failures[0],
            because=why,
        )
    by_name = any(
        o.failure is None and o.address == own[0].address and not _is_own(site, o)
        for o in site.quic
    )
    return Way(
        family=family,
        transport=Transport.QUIC,
        state=State.BLOCKED,
        failure=failures[0],
        mechanism="quic.drop",
        because=say(
            "over QUIC nothing answers to this name, while a neutral name is answered at its "
            "address and TCP works"
        )
        if by_name
        else say("over QUIC nothing answers, while TCP works and controls answer over QUIC"),
    )


def quic_note(way: Way) -> Saying | None:
    """What a person should know beside a state that TCP decides; None: nothing."""
    if way.state is not State.BLOCKED:
        return None
    return say("{why}: it opens, because browsers fall back to TCP", why=way.because)


def _is_own(site: Site, seen: Observation) -> bool:
    return seen.sni in (None, site.host)


def _why_open(site: Site, ground: Ground, own: list[Observation]) -> Saying | None:
    """Why no answer over QUIC means nothing; None if it does mean something."""
    codes = {o.failure for o in own}
    if codes & OWN_SIDE:
        return say("this device had no way there ({failure})", failure=own[0].failure)
    if codes != {"generic_timeout_error"}:
        return say("the other side ended the handshake itself ({failure})", failure=own[0].failure)
    if not _offers(site):
        return say("it does not say that it speaks QUIC")
    if len(own) < _INITIALS_MIN:
        return say("one datagram may be lost, and it was not tried again")
    addresses = {o.address or "" for o in own}
    reached = [a for a in site.attempts if a.address in addresses and a.stage is not Stage.TCP]
    if not reached:
        return say("TCP to this address fails too")
    return _ask_controls(ground)


def _ask_controls(ground: Ground) -> Saying | None:
    tried = [[o for o in c.quic if _is_own(c, o)] for c in ground.controls]
    tried = [own for own in tried if own]
    if not tried:
        return say("no control was tried over QUIC")
    if not any(o.failure is None for own in tried for o in own):
        return say("no control answers over QUIC: UDP port 443 seems closed for all on this line")
    return None


def _offers(site: Site) -> bool:
    views = (a for view in site.views for a in view.attempts)
    pages = [a.http for a in (*site.attempts, *views) if a.http]
    return site.target.quic or any(http.offers_quic for http in pages)
