"""The rules in their order, for one target: each way to it by itself, then what a person meets.

What it does. `judge_site` judges every IP version that was tried, and QUIC beside it, and picks the
finding about the way on which a browser ends.

    1  the name                               infer.names, infer.refusals
    2  it does not come through               infer.failing, infer.at_address, infer.messenger
    3  something else came in its place       infer.pages
    4  slow, by name or otherwise; or fine    infer.slow

Rules. The first that has something to say decides. A site is `blocked` only if it is on every IP
version that was tried and over which a control works; if one opens, browsers use that one, and the
other is said beside it. An IP version over which no control works is our own side. QUIC never
decides: browsers fall back to TCP. If a name that nobody knows fares as badly as this one against
the controls, it is the controls that are spared from something: no comparison holds then.

What it does not do. It knows nothing of VPNs and clocks: `infer.surroundings` does, and comes
first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from evenfall.infer.attempts import Stage
from evenfall.infer.facts import Site
from evenfall.infer.failing import judge_failing
from evenfall.infer.finding import Finding, PairView
from evenfall.infer.ground import Ground
from evenfall.infer.messenger import judge_messenger
from evenfall.infer.names import judge_names, note_on_names
from evenfall.infer.pages import judge_page
from evenfall.infer.quic import judge_quic, quic_note
from evenfall.infer.slow import judge_speed
from evenfall.model.saying import Saying, say
from evenfall.model.verdict import Way
from evenfall.model.vocabulary import Scope, State, Transport

__all__ = ["Decided", "judge_site", "own_side", "unvisited"]

_OPENS = frozenset({State.OK, State.SLOWED})
_NOTHING = State.INSUFFICIENT
_AFTER_THE_NAME = say(
    "once this name was sent to our server, other names fared badly there too for a while: pairs "
    "in which they did are not counted"
)


class Decided(NamedTuple):
    """What was decided about one target."""

    finding: Finding
    ways: tuple[Way, ...] = ()


def judge_site(site: Site, ground: Ground, pairs: PairView) -> Decided:
    """Judge a target on a round whose ground holds."""
    found = {family: _judge_family(site, ground, pairs, family) for family in _families(site)}
    picked = _end_of_a_browser(_with_a_page(site, found))
    quic = [way for family in (4, 6) if (way := judge_quic(site, ground, family)) is not None]
    ways = (*(_way(site, family, finding) for family, finding in found.items()), *quic)
    finding = found[picked]
    for family, other in found.items():
        if family != picked:
            finding = _with_other_family(site, finding, family, other)
    for note in filter(None, map(quic_note, quic)):
        finding = replace(finding, because=say("{this}; {that}", this=finding.because, that=note))
    if picked == 6 and 4 not in found:
        finding = finding.with_more(against=(say("only IPv6 was there to measure"),))
    return Decided(finding, ways)


def _families(site: Site) -> tuple[int, ...]:
    """IP versions that were tried; 4 where nothing was."""
    tried = [f for f in (4, 6) if site.own(f) or (f == 4 and site.asked("system", 4))]
    return tuple(tried) or ((6,) if site.asked("system", 6) else (4,))


def _with_a_page(site: Site, found: dict[int, Finding]) -> dict[int, Finding]:
    """The IP versions that were asked for the page, where one was: a handshake opens no page."""
    asked = {f: finding for f, finding in found.items() if any(a.http for a in site.own(f))}
    return asked or found


def _end_of_a_browser(found: dict[int, Finding]) -> int:
    """The IP version that a browser ends on: one that opens; IPv4, which is timed, before IPv6."""
    opens = [family for family, finding in found.items() if finding.state in _OPENS]
    judged = [family for family, finding in found.items() if finding.state is not _NOTHING]
    return min(opens or judged or found)


def _with_other_family(site: Site, finding: Finding, family: int, other: Finding) -> Finding:
    """The finding, with a clause about the IP version that did not decide."""
    failed = [a for a in site.own(family) if a.failure and not a.own_side]
    if other.state in _OPENS or not failed:
        return finding
    if other.state is State.INSUFFICIENT:
        note = say(
            "over IPv{family} it was not reached ({failure})",
            family=family,
            failure=failed[0].failure,
        )
        return finding.with_more(against=(note,))
    because = say(
        "{this}; over IPv{family} not: {that}",
        this=finding.because,
        family=family,
        that=other.because,
    )
    return replace(
        finding.with_more(witnesses=other.witnesses),
        because=because if finding.state in _OPENS else finding.because,
    )


def _way(site: Site, family: int, found: Finding) -> Way:
    failures = [a.failure for a in site.own(family) if a.failure]
    lookups = [o.failure for o in site.asked("system", family) if o.failure]
    return Way(
        family=family,
        transport=Transport.MTPROTO if site.is_mtproto else Transport.TCP,
        state=found.state,
        failure=next(iter((*failures, *lookups)), None) if found.state is not State.OK else None,
        mechanism=found.mechanism,
        because=found.because,
    )


def _judge_family(site: Site, ground: Ground, pairs: PairView, family: int) -> Finding:
    found = _judge_way(site, ground, pairs, family)
    if found.state in (State.BLOCKED, State.DOWN) and ground.is_dead(family):
        return own_side(site, say("no control was reached over IPv{family} either", family=family))
    if family == 6 and found.state is State.BLOCKED and not ground.works(6):
        return own_side(site, say("no control was tried over IPv6 to compare with"))
    if pairs.exempt and found.state in (State.BLOCKED, State.SLOWED) and not _by_answers(found):
        return _controls_spared(found)
    if pairs.residual and found.state in (State.BLOCKED, State.SLOWED):
        return found.with_more(against=(_AFTER_THE_NAME,))
    return found


def _judge_way(site: Site, ground: Ground, pairs: PairView, family: int) -> Finding:
    if found := judge_names(site, ground, family):
        return found.with_more(against=ground.says)
    own = site.own(family, site.answers("system", family) or None)
    if not own:
        known = {a for r in ("system", "public", "doh") for a in site.answers(r, family)}
        return unvisited(site) if known else own_side(site, say("no address for it was found"))
    if all(a.own_side for a in own):
        return own_side(
            site, say("this device had no way there ({failure})", failure=own[0].failure)
        )
    if site.is_mtproto:
        return judge_messenger(site, own, pairs).with_more(against=ground.says)
    through = [a for a in own if a.stage is Stage.DONE or a.stopped_midway]
    if not through:
        return judge_failing(site, own, pairs).with_more(against=ground.says)
    found = judge_page(site, through[0]) or judge_speed(site, through[0], ground, pairs)
    failed = [a for a in own if a not in through]
    if failed:
        note = say(
            "{failed} of {tried} attempts failed ({failure})",
            failed=len(failed),
            tried=len(own),
            failure=failed[0].failure,
        )
        found = found.with_more(witnesses=tuple(i for a in failed for i in a.ids), against=(note,))
    return found.with_more(against=note_on_names(site, family))


def _by_answers(found: Finding) -> bool:
    """It rests on what resolvers or pages said, which no comparison of speeds can shake."""
    return found.rule_id.startswith(("check.dns.", "check.http.blockpage", "check.http.refusal"))


def _controls_spared(found: Finding) -> Finding:
    return Finding(
        rule_id="check.controls_exempt",
        state=State.INSUFFICIENT,
        scope=Scope.UNDETERMINED,
        scope_because=say("the controls seem to be spared from what hits every other name"),
        because=say(
            "a name that nobody knows fares as badly as this one against the neutral sites: no "
            "conclusion"
        ),
        witnesses=found.witnesses,
    )


def unvisited(site: Site) -> Finding:
    """Nothing was done about it."""
    return Finding(
        rule_id="check.not_measured",
        state=State.INSUFFICIENT,
        scope=Scope.UNDETERMINED,
        scope_because=say("not measured"),
        because=say("it was not measured: time, bytes or the person ended the round before"),
        witnesses=tuple(o.observation_id for o in site.lookups),
    )


def own_side(site: Site, because: Saying) -> Finding:
    """Our own device or way, and no word about the network."""
    ids = tuple(o.observation_id for o in site.lookups) + tuple(
        i for a in site.attempts for i in a.ids
    )
    return Finding(
        rule_id="check.own_side",
        state=State.INSUFFICIENT,
        scope=Scope.UNDETERMINED,
        scope_because=say("our own side comes first"),
        because=because,
        witnesses=ids,
    )
