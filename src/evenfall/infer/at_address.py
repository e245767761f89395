"""Rules for an address at which the target fails, and our own server does not care for the name.

What it does. `judge_from_outside` sets what failed here beside what a measurement server met at the
same address (`infer.outside`).

Rules. If the same address fails there too, the site is down; likewise if all other addresses fail
there in the same way. But where another name goes through at its address from here, the site is
alive, and a failure elsewhere, or one at which our server did not come as far as this line, says
nothing: a block here would pass for a site that is down. If the address answers there, and here
nothing answers to a SYN, or a neutral name goes through at it and this name does not: targeted, by
address or by name at that address, and not isolated. Likewise if the certificate here is of an
issuer whom nobody trusts, and there it is valid; one that is trusted, and out of date or made for
another name, may be an old one on one machine of several: `undetermined`. A site that turns one
country away looks the same; that is said. Where nobody outside can tell: `undetermined`, and what
is missing is said. A handshake that fails whatever the name, and a page that does not come after a
good handshake, stay open in any case: the way, the address and the site look alike.

What it does not do. It does not say whether an address that many machines share is the same machine
outside.

Sources: METHOD 1, rows 2 to 4; METHOD 3, row 3.
"""

from __future__ import annotations

from evenfall.infer.attempts import Attempt, Stage
from evenfall.infer.facts import Site
from evenfall.infer.finding import Finding, PairView
from evenfall.infer.outside import (
    Fate,
    came_less_far,
    failure_outside,
    fate_at,
    stops_everywhere,
    why_open,
)
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
_OR_A_PROGRAM = say(
    "a program on this device that looks into connections to this site alone looks the same"
)
_UNTRUSTED = "ssl_unknown_authority"
"""OpenSSL asks who issued a certificate before it asks for whom and until when."""


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
    if fate is Fate.THROUGH and first.failure == _UNTRUSTED:
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
            against=(OR_THE_SITE, _OR_A_PROGRAM),
        )
    return Finding(
        rule_id="check.tls.certificate",
        state=State.BLOCKED,
        scope=Scope.UNDETERMINED,
        scope_because=say(
            "from outside a valid one comes from this address; one of a trusted issuer that is out "
            "of date or made for another name may be a mistake of one of several machines there"
        )
        if fate is Fate.THROUGH
        else say(
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
    return Finding(
        rule_id="check.http.failing",
        state=State.BLOCKED,
        scope=Scope.UNDETERMINED,
        scope_because=scope_because,
        mechanism="tcp.stall" if first.failure == "stalled" else None,
        because=say("{this}, while another name is answered there", this=no_answer(first))
        if _another_name_is_served(site, first) and first.tls is None
        else no_answer(first),
    )


def fate_of(site: Site, attempts: list[Attempt]) -> Fate:
    """How it fared outside, as far as it did not come here."""
    first = attempts[0]
    stopped = [a for a in attempts if a.stage is first.stage]
    addresses = [a.address for a in stopped]
    fate = fate_at(site, addresses, first.stage)
    alive = any(_another_name_is_served(site, a) for a in stopped)
    if fate is Fate.FAILED and alive and came_less_far(site, addresses, first.stage):
        return Fate.UNKNOWN
    if fate is Fate.UNKNOWN and not alive and stops_everywhere(site, first):
        return Fate.FAILED
    return fate


def _another_name_is_served(site: Site, attempt: Attempt) -> bool:
    """From here another name comes further at its address, so that the machine is alive."""
    if attempt.stage is Stage.HTTP:
        return any(a.http and a.stage is Stage.DONE for a in site.neutral(attempt.address))
    return another_name_passes(site, attempt)


def fails_there(site: Site, attempts: list[Attempt]) -> Saying:
    """One clause: it fails outside too."""
    return say(
        "a measurement server elsewhere does not get through to it either ({failure})",
        failure=failure_outside(site, [a.address for a in attempts]),
    )
