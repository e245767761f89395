"""Rules for a target that answers: slow by its name, slow for another reason, or fine.

What it does. `judge_speed` puts together three columns: the target itself against the controls, the
paired transfers at our own server, and a neutral name at the target's own address.

Rules. Pairs alone make a slow target `targeted`, and nothing else sets `isolated`. A slow line
makes it `generalized`. Slow against fine controls, with pairs that show nothing: if our server,
from outside, gets the same page as slowly, it is the site's own (`server_side`); else
`undetermined`, by address, by route, or a limit that the site sets for some. Both causes can hold
at once, and then both are said: a name that the pairs convict on a slow line is `targeted`, and the
answer still says that the line is slow; so is one whose server is slow for everybody besides. Fine,
with pairs that did not come to a decision but hold some evidence, is `insufficient`.

What it does not do. A comparison of different servers is secondary evidence: on real data it
convicts 2 to 6 % of innocents at a nominal 1 % (METHOD 2), so it never says why.

Sources: METHOD 2 and 3.
"""

from __future__ import annotations

from dataclasses import replace

from evenfall.infer.facts import Attempt, Site
from evenfall.infer.finding import Finding, PairView
from evenfall.infer.ground import Ground, is_slow
from evenfall.infer.outside import Pace, outside_ids, pace
from evenfall.infer.speed import attainable_bps, compare, speed_of
from evenfall.infer.unlike import unlike
from evenfall.model.saying import say
from evenfall.model.vocabulary import Scope, State

__all__ = ["is_suspiciously_slow", "judge_speed", "slowness"]

_ERROR_STATUS = 400
_TIMES_MAX = 1000.0  # above, next to nothing came, and digits would say more than was measured


def slowness(attempt: Attempt, ground: Ground) -> float | None:
    """Control ÷ target at equal bytes; None if nothing is comparable."""
    speed = speed_of(attempt, ground.profile)
    return compare(speed, ground.speeds, ground.profile) if speed else None


def is_suspiciously_slow(attempt: Attempt, ground: Ground) -> bool:
    """Much slower than the controls at equal bytes, not merely far away, and not fast in itself."""
    speed = speed_of(attempt, ground.profile)
    ratio = slowness(attempt, ground)
    if speed is None or ratio is None or ratio < ground.profile.slow_factor:
        return False
    if speed.capped:
        return True
    if speed.bps_at(speed.body_bytes) >= ground.profile.never_slow_bps:
        return False
    allowed_bps = attainable_bps(speed.body_bytes, speed.rtt_us, ground.profile)
    return speed.bps_at(speed.body_bytes) < ground.profile.attainable_share * allowed_bps


def judge_speed(site: Site, attempt: Attempt, ground: Ground, pairs: PairView) -> Finding:
    """A finding about a target whose answer came: slow by name, slow otherwise, or fine."""
    last = site.chain(attempt)[-1]
    speed = speed_of(last, ground.profile)
    ratio = slowness(last, ground)
    witnesses = (*last.ids, *ground.ids, *pairs.ids, *outside_ids(site))
    there = pace(site, speed, ground.profile) if speed else Pace.UNKNOWN
    if pairs.throttled:
        slow_there = there is Pace.ALIKE and is_suspiciously_slow(last, ground)
        found = _by_name(ratio, pairs, witnesses)
        return found.with_more(against=(_SLOW_THERE,) if slow_there else ())
    slow_too = speed is not None and is_slow(speed, ground.profile, tariff_bps=ground.tariff_bps)
    slower = is_suspiciously_slow(last, ground)
    if ground.line_slow and (slow_too or slower):
        return Finding(
            rule_id="check.slow.generalized",
            state=State.SLOWED,
            scope=Scope.GENERALIZED,
            scope_because=say(
                "the controls are slow too ({timed} of {listed} could be timed)",
                timed=len(ground.speeds),
                listed=ground.listed,
            ),
            because=say("everything on this line is slow"),
            witnesses=witnesses,
            against=(pairs.says, *((_SLOW_THERE,) if there is Pace.ALIKE else ())),
        )
    if slower and ratio is not None:
        found = _slow_somehow(site, last, ratio, ground, pairs)
        return _weigh_outside(found, there).with_more(witnesses=witnesses, against=ground.says)
    if speed is not None and speed.capped and slow_too:
        return Finding(
            rule_id="check.slow.undetermined",
            state=State.SLOWED,
            scope=Scope.UNDETERMINED,
            scope_because=say(
                "only {timed} of {listed} controls could be timed, too few to call the line slow",
                timed=len(ground.speeds),
                listed=ground.listed,
            ),
            because=say("it did not load in the time allowed, and is not slower than the controls"),
            witnesses=witnesses,
        )
    found = _fine(last, ground, pairs, comparable=ratio is not None)
    note = unlike(site, last)
    return found.with_more(witnesses=witnesses, against=(note,) if note else ())


def _by_name(ratio: float | None, pairs: PairView, witnesses: tuple[str, ...]) -> Finding:
    mechanism = "tcp.stall" if pairs.stalled else "tls.throttle.sni"
    notes = () if ratio is not None else (say("its own page is too short to time"),)
    if pairs.cut_off:
        return Finding(
            rule_id=f"check.{pairs.cut_mechanism}",
            state=State.BLOCKED,
            scope=Scope.TARGETED,
            scope_because=pairs.says,
            mechanism=pairs.cut_mechanism,
            isolated=True,
            because=say("its page came once, but with this name our own server is out of reach"),
            witnesses=witnesses,
            against=notes,
        )
    return Finding(
        rule_id="check.tls.throttle.sni",
        state=State.SLOWED,
        scope=Scope.TARGETED,
        scope_because=pairs.says,
        mechanism=mechanism,
        isolated=True,
        slower_by=pairs.assessment.slower_by,
        because=say("the same server and address is fast under another name"),
        witnesses=witnesses,
        against=notes,
    )


def _slow_somehow(
    site: Site, last: Attempt, ratio: float, ground: Ground, pairs: PairView
) -> Finding:
    """Slow against fine controls, and the pairs do not say that it is the name."""
    because = (
        say("about {ratio:.0f} times slower than the controls at equal bytes", ratio=ratio)
        if ratio <= _TIMES_MAX
        else say("more than 1,000 times slower than the controls at equal bytes")
    )
    for neutral in site.neutral(last.address):
        theirs = slowness(neutral, ground)
        if theirs is not None:
            fate = (
                say("a neutral name at its address is slow too")
                if theirs >= ground.profile.slow_factor
                else say("a neutral name at its address is fast")
            )
            because = say("{this}; {that}", this=because, that=fate)
    reason = (
        say("it may be its address, the route, or the site itself")
        if pairs.not_seen
        else say(
            "without paired transfers that decide, name, address, route and site look the same"
        )
    )
    return Finding(
        rule_id="check.slow.undetermined",
        state=State.SLOWED,
        scope=Scope.UNDETERMINED,
        scope_because=say("{this}; {that}", this=pairs.says, that=reason),
        because=because,
    )


def _weigh_outside(found: Finding, there: Pace) -> Finding:
    """The finding about a slow page, with what a measurement server elsewhere saw of its speed."""
    if there is Pace.ALIKE:
        return replace(
            found,
            rule_id="check.slow.server",
            scope=Scope.SERVER_SIDE,
            scope_because=_SLOW_THERE,
        )
    if there is Pace.FASTER:
        return replace(
            found,
            scope_because=say(
                "{this}; from outside the same page is much faster, so it is not slow for "
                "everybody",
                this=found.scope_because,
            ),
        )
    return found


def _fine(last: Attempt, ground: Ground, pairs: PairView, *, comparable: bool) -> Finding:
    if (
        pairs.pairs
        and not pairs.not_seen
        and (pairs.assessment.e_value >= ground.profile.evidence_open)
    ):
        return Finding(
            rule_id="check.pairs.inconclusive",
            state=State.INSUFFICIENT,
            scope=Scope.UNDETERMINED,
            scope_because=say("the pairs did not come to a decision"),
            because=say(
                "its own page is fast; {pairs}, with some evidence for slowing", pairs=pairs.says
            ),
        )
    because = say("it answers like the controls")
    if (last.status or 0) >= _ERROR_STATUS:
        because = say("it answers with status {status}", status=last.status)
    if pairs.pairs:
        because = say("{this}; {that}", this=because, that=pairs.says)
    return Finding(
        rule_id="check.ok",
        state=State.OK,
        scope=Scope.UNDETERMINED,
        scope_because=say("nothing to explain"),
        because=because,
        against=() if comparable else (say("its page is too short to time"),),
    )


_SLOW_THERE = say("from outside its server sends the same page as slowly")
