"""Rules for an address at which the target fails, and our own server does not care for the name.

What it does. `judge_from_outside` sets what failed here beside what a measurement server met at the
same address (`infer.outside`).

Rules. If the same address fails there too, the site is down. If it answers there, and here nothing
answers to a SYN, or a neutral name goes through at it and this name does not, or this certificate
alone is not valid: targeted, by address or by name at that address, and not isolated. A site that
turns one country away looks the same; that is said. Where nobody outside can tell: `undetermined`,
and what is missing is said. A handshake that fails whatever the name, and a page that does not come
after a good handshake, stay open in any case: the way, the address and the site look alike.

What it does not do. It does not say whether an address that many machines share is the same machine
outside.

Sources: METHOD 1, rows 2 to 4; METHOD 3, row 3.
"""

from __future__ import annotations

from evenfall.infer.attempts import Attempt, Stage
from evenfall.infer.facts import Site
from evenfall.infer.finding import Finding, PairView
from evenfall.infer.outside import Fate, failure_outside, fate_at, why_open
from evenfall.infer.stops import (
    another_name_passes,
    is_silent_at_tcp,
    mechanism_at_hello,
    no_answer,
    what_came,
    what_failed,
)
from evenfall.model.saying import Saying, say
from evenfall.model.vocabulary import Scope, State

__all__ = ["OR_THE_SITE", "fails_there", "fate_of", "judge_from_outside"]

OR_THE_SITE = say(
    "a site that turns this country away by itself looks the same, and so does an address that "
    "many machines share"
)


def judge_from_outside(site: Site, attempts: list[Attempt], pairs: PairView) -> Finding:
    """A finding about an address where the target's own name fails, twice."""
    first = attempts[0]
    fate = fate_of(site, attempts)
    if fate is Fate.FAILED:
        return Finding(
            rule_id="check.site.down",
            state=State.DOWN,
            scope=Scope.SERVER_SIDE,
            scope_because=fails_there(site, attempts),
            because=what_failed(first),
        )
    if first.stage is Stage.TCP:
        return _at_tcp(site, first, fate)
    if first.bad_certificate:
        return _bad_certificate(site, first, fate)
    if first.stage is Stage.TLS:
        return _at_hello(site, first, fate, pairs)
    return _at_answer(site, first, fate, pairs)


def _at_tcp(site: Site, first: Attempt, fate: Fate) -> Finding:
    rule = "check.ip.drop" if is_silent_at_tcp(first) else "check.tcp.reset"
    through = fate is Fate.THROUGH
    return Finding(
        rule_id=rule,
        state=State.BLOCKED,
        scope=Scope.TARGETED if through else Scope.UNDETERMINED,
        scope_because=say(
            "a measurement server elsewhere reaches this address, and the controls are reached "
            "from here"
        )
        if through
        else say(
            "seen from one line only: the address may be cut off here, or the site may be down; "
            "{why}",
            why=why_open(site),
        ),
        mechanism=rule.removeprefix("check."),
        because=what_failed(first),
        against=(OR_THE_SITE,) if through else (),
    )


def _at_hello(site: Site, first: Attempt, fate: Fate, pairs: PairView) -> Finding:
    mechanism = mechanism_at_hello(first)
    if not another_name_passes(site, first):
        return _whatever_the_name(site, first, fate)
    through = fate is Fate.THROUGH
    return Finding(
        rule_id=f"check.{mechanism}" if through else "check.tls.name_at_address",
        state=State.BLOCKED,
        scope=Scope.TARGETED if through else Scope.UNDETERMINED,
        scope_because=say(
            "a measurement server elsewhere completes the handshake with this name at the same "
            "address; {pairs}",
            pairs=pairs.says,
        )
        if through
        else say(
            "{pairs}: a site that turns its own name away looks the same; {why}",
            pairs=pairs.says,
            why=why_open(site),
        ),
        mechanism=mechanism,
        because=say(
            "{what} after this name, while a neutral name goes through at its address",
            what=what_came(first),
        ),
        against=(OR_THE_SITE,) if through else (),
    )


def _whatever_the_name(site: Site, first: Attempt, fate: Fate) -> Finding:
    tried = site.neutral(first.address)
    if fate is Fate.THROUGH:
        scope_because = say(
            "from outside the handshake completes at this address; from here no other name does, "
            "so its address, the route and the site's own choice look alike"
        )
    elif tried:
        scope_because = say("no other name goes through at its address either")
    else:
        scope_because = say("no other name was tried at its address")
    return Finding(
        rule_id="check.tls.failing",
        state=State.BLOCKED,
        scope=Scope.UNDETERMINED,
        scope_because=scope_because,
        because=what_failed(first),
    )


def _bad_certificate(site: Site, first: Attempt, fate: Fate) -> Finding:
    if fate is Fate.THROUGH:
        return Finding(
            rule_id="check.tls.mitm.outside",
            state=State.BLOCKED,
            scope=Scope.TARGETED,
            scope_because=say(
                "a measurement server elsewhere is shown a valid certificate at the same address, "
                "and so is this line by the controls"
            ),
            mechanism="tls.mitm",
            because=say(
                "somebody on the way answers in its place ({failure})", failure=first.failure
            ),
        )
    return Finding(
        rule_id="check.tls.certificate",
        state=State.BLOCKED,
        scope=Scope.UNDETERMINED,
        scope_because=say(
            "a mistake of the site, a program on this device and somebody on the way look the same "
            "from here; {why}",
            why=why_open(site),
        ),
        because=what_failed(first),
    )


def _at_answer(site: Site, first: Attempt, fate: Fate, pairs: PairView) -> Finding:
    if fate is Fate.THROUGH:
        scope_because = say(
            "{pairs}; from outside the page comes, so its address, the route and the site's own "
            "choice look alike",
            pairs=pairs.says,
        )
    else:
        scope_because = say("{pairs}; the site may be at fault", pairs=pairs.says)
    answered = any(a.http and a.stage is Stage.DONE for a in site.neutral(first.address))
    return Finding(
        rule_id="check.http.failing",
        state=State.BLOCKED,
        scope=Scope.UNDETERMINED,
        scope_because=scope_because,
        mechanism="tcp.stall" if first.failure == "stalled" else None,
        because=say("{this}, while another name is answered there", this=no_answer(first))
        if answered and first.tls is None
        else no_answer(first),
    )


def fate_of(site: Site, attempts: list[Attempt]) -> Fate:
    """How it fared outside, as far as it did not come here."""
    stage = attempts[0].stage
    return fate_at(site, [a.address for a in attempts if a.stage is stage], stage)


def fails_there(site: Site, attempts: list[Attempt]) -> Saying:
    """One clause: it fails outside too."""
    return say(
        "a measurement server elsewhere does not get through to it either ({failure})",
        failure=failure_outside(site, [a.address for a in attempts]),
    )
