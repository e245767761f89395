"""Rules for a name for which the system's resolver gave no address.

What it does. `judge_refusal` says what it means that a name was denied, or that no answer came.

Rules. Once is not enough: a datagram may be lost, and a resolver may be slow at first. Twice denied
or twice silent is claimed only if another resolver's address is shown to be the service by its
certificate; silence only on a line that loses nothing else. A name is gone if the system's resolver
denies it, nobody who was asked knows it, and one who was asked where nobody on this line can answer
in his place denies it too: a resolver inside TLS, or our server's outside. The second resolver is
asked over the same wire as the system's, so that both denials may be one box on the way:
`undetermined`. If only a server outside knows the name, a site that hides it from this country
looks the same: `undetermined`. The second resolver and the one inside TLS may be one operator, and
nothing here says whether they are: they count as one.

What it does not do. It says nothing about wrong addresses; `infer.names` does.

Sources: METHOD 1, row 1.
"""

from __future__ import annotations

from evenfall.infer.attempts import Attempt
from evenfall.infer.facts import Site
from evenfall.infer.finding import Finding, unconfirmed
from evenfall.infer.ground import Ground
from evenfall.infer.outside import outside_ids
from evenfall.model.saying import Saying, say, say_n
from evenfall.model.vocabulary import Scope, State

__all__ = ["dns_finding", "judge_refusal"]

_REFUSALS = {"dns_nxdomain_error": "dns.nxdomain", "generic_timeout_error": "dns.drop"}
_ASKED_MIN = 2
_DENIED = "dns_nxdomain_error"


def judge_refusal(site: Site, ground: Ground, family: int, good: Attempt | None) -> Finding | None:
    """The system's resolver gave no address.

    `good` is an attempt that met the service at an address somebody else gave, if there is one.
    """
    failures = [o.failure or "dns_no_answer" for o in site.asked("system", family)]
    failure = failures[-1]
    if "dns_no_answer" in failures:
        return None  # no address of this family: a fact about the name, not about the line
    if not ground.sites:
        return None  # the resolver may be dead for every name
    if good is None:
        return _judge_unknown_name(site, family, failure)
    mechanism = _REFUSALS.get(failure) if len(set(failures)) == 1 else None
    if mechanism is None:
        return dns_finding(
            "check.dns.fails",
            site,
            family,
            good,
            mechanism=None,
            because=say(
                "the system's resolver fails for this name ({failure}), another knows it",
                failure=failure,
            ),
            scope_because=say("a resolver that is strict or in trouble looks the same"),
        )
    if len(failures) < _ASKED_MIN:
        return _not_repeated(site, family, failure)
    return _judge_twice(site, ground, family, good, mechanism)


def _judge_twice(site: Site, ground: Ground, family: int, good: Attempt, mechanism: str) -> Finding:
    if doubt := _in_doubt(mechanism, site, ground):
        return dns_finding(
            "check.dns.fails",
            site,
            family,
            good,
            mechanism=None,
            because=say("the system's resolver says that the name does not exist, another knows it")
            if mechanism == "dns.nxdomain"
            else say("the system's resolver does not answer for this name, another knows it"),
            scope_because=doubt,
        )
    return dns_finding(
        f"check.{mechanism}",
        site,
        family,
        good,
        mechanism=mechanism,
        scope=Scope.TARGETED,
        because=_refused(site, family, mechanism),
        scope_because=say("the same resolver answers for the controls"),
    )


def _refused(site: Site, family: int, mechanism: str) -> Saying:
    second = {o.failure for o in site.asked("public", family)}
    if mechanism == "dns.nxdomain" and second == {_DENIED}:
        return say(
            "two resolvers say that the name does not exist; one that was asked inside TLS gives "
            "an address, and there is the service"
        )
    if mechanism == "dns.nxdomain":
        return say(
            "the system's resolver says that the name does not exist; the address another resolver "
            "gives is the service"
        )
    return say(
        "the system's resolver does not answer; the address another resolver gives is the service"
    )


def _in_doubt(mechanism: str, site: Site, ground: Ground) -> Saying | None:
    """Why two refusals or two lost answers may be innocent; None if nothing speaks for that."""
    if not site.is_tls:
        return say(
            "over plain HTTP no certificate says that the other resolver's address is the service"
        )
    if mechanism == "dns.nxdomain":
        return None  # said, not lost
    if ground.names_lost:
        return say("answers about the controls were lost too")
    if ground.controls_slow:
        return say("on a line this slow, answers are lost by themselves")
    return None


def _not_repeated(site: Site, family: int, failure: str) -> Finding:
    """A datagram may be lost, and a resolver may be slow the first time it is asked."""
    because = say(
        "the system's resolver failed once ({failure}), and was not asked again", failure=failure
    )
    return unconfirmed(because, _lookup_ids(site, family))


def _judge_unknown_name(site: Site, family: int, failure: str) -> Finding:
    known = site.answers("public", family) | site.answers("doh", family)
    outside = [view.answers("server", family) for view in site.views]
    open_because = say("no second resolver gave an address at which the service could be checked")
    if _denies(site, "system", family) and not known:
        if any(outside):
            open_because = say(
                "it is known outside: a site that hides its name from this country looks the same"
            )
        elif _denied_beyond_this_line(site, family):
            return _gone(site, family)
        elif _denies(site, "public", family):
            open_because = say(
                "both resolvers were asked in the open, and whoever answers on the way answers for "
                "both"
            )
    return dns_finding(
        "check.dns.fails",
        site,
        family,
        None,
        mechanism=None,
        because=say("the system's resolver fails for this name ({failure})", failure=failure),
        scope_because=open_because,
    )


def _gone(site: Site, family: int) -> Finding:
    # The second resolver and the one inside TLS may be one operator: one voice.
    deniers = (
        1
        + any(_denies(site, resolver, family) for resolver in ("public", "doh"))
        + _denied_outside(site, family)
    )
    return Finding(
        rule_id="check.dns.unknown",
        state=State.DOWN,
        scope=Scope.SERVER_SIDE,
        scope_because=say("resolvers of different owners agree"),
        because=say_n(
            "{n} resolver says that the name does not exist",
            "{n} independent resolvers say that the name does not exist",
            deniers,
        ),
        witnesses=(*_lookup_ids(site, family), *outside_ids(site)),
    )


def _denied_beyond_this_line(site: Site, family: int) -> bool:
    """Somebody denies the name where nobody on this line can answer in his place."""
    return _denies(site, "doh", family) or _denied_outside(site, family)


def _denied_outside(site: Site, family: int) -> bool:
    return any(_denies(view, "server", family) for view in site.views)


def _denies(site: Site, resolver: str, family: int) -> bool:
    """It was asked, and said each time that there is no such name."""
    return {o.failure for o in site.asked(resolver, family)} == {_DENIED}


def dns_finding(
    rule_id: str,
    site: Site,
    family: int,
    good: Attempt | None,
    *,
    mechanism: str | None,
    because: Saying,
    scope_because: Saying,
    scope: Scope = Scope.UNDETERMINED,
) -> Finding:
    """A blocked name, with the lookups and visits it rests on."""
    ours = site.answers("system", family)
    attempts = (*site.own(family, ours), *((good,) if good else ()))
    return Finding(
        rule_id=rule_id,
        state=State.BLOCKED,
        scope=scope,
        scope_because=scope_because,
        mechanism=mechanism,
        because=because,
        witnesses=(*_lookup_ids(site, family), *(i for a in attempts for i in a.ids)),
    )


def _lookup_ids(site: Site, family: int) -> tuple[str, ...]:
    return tuple(
        o.observation_id for r in ("system", "public", "doh") for o in site.asked(r, family)
    )
