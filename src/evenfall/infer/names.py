"""Rules about names: does the system's resolver tell the truth about this one?

What it does. `judge_names` compares what the system's resolver, a second resolver, a resolver asked
inside TLS (DNS over HTTPS) and our measurement servers said, and what was found at the addresses.
It returns a finding, or None if the name is fine or nothing can be said from names alone.

Rules. Different addresses prove nothing: large services answer by place. A lie is claimed only if
another address shows a certificate that is valid for the name (over plain HTTP: a page that is no
block page), *and* at the one given something answers that is not the service. Then it is

    dns.injection   if the query had two different answers and the first of them is the wrong one
    dns.hijack      if the second resolver agrees with the first, and the one inside TLS does not:
                    the questions are answered on the way
    dns.spoof       otherwise

What counts of two answers to one query is the first, for that is what every program takes; where
the first is right, the second is a note. If the address given is merely silent, or answers with an
alert, it may be a dead or broken machine of the site's own: then the finding is `undetermined`; and
if our server reaches the service
at that very address from outside, it is no matter of names at all. A resolver that denies a name or
says nothing has to do so twice (`infer.refusals`). Everything is claimed only while other names
resolve through the same resolver. A resolver that cannot be reached, DNS over HTTPS included, is no
evidence of anything.

What it does not do. It does not ask who answers in the resolver's place.

Sources: METHOD 1, rows 1 and 4; OONI Web Connectivity v0.5 (TLS as a check of addresses).
"""

from __future__ import annotations

from evenfall.infer.attempts import Attempt, Stage
from evenfall.infer.facts import Site
from evenfall.infer.finding import Finding
from evenfall.infer.ground import Ground
from evenfall.infer.lookups import first_answers, first_denied, odd_answers
from evenfall.infer.outside import Fate, fate_at
from evenfall.infer.refusals import dns_finding, judge_refusal
from evenfall.infer.strangers import is_the_service, shows_block_page, why_strange
from evenfall.model.saying import Saying, say
from evenfall.model.vocabulary import Scope

__all__ = ["is_refused", "judge_names", "note_on_names", "odd_answers", "shows_block_page"]


def is_refused(site: Site, family: int) -> bool:
    """The system's resolver was asked, failed, and never gave an address."""
    return first_denied(site, family)


def note_on_names(site: Site, family: int) -> tuple[Saying, ...]:
    """What is odd about the answers although the first of them is right."""
    if not first_answers(site, "system", family).contradicted:
        return ()
    return (say("one query got two answers that contradict, of which the first is right"),)


def judge_names(site: Site, ground: Ground, family: int) -> Finding | None:
    """A finding about the target's name, or None."""
    system = site.asked("system", family)
    if not system:
        return None
    if any(o.failure == "dns_bogon_error" for o in system):
        return _judge_bogon(site, family)
    if not site.answers("system", family):
        good = _good(site, family, set())
        return judge_refusal(site, ground, family, good)
    return _judge_answers(site, family)


def _judge_bogon(site: Site, family: int) -> Finding | None:
    why = say("the address given is one that no public service can have")
    given = site.answers("system", family)
    return _lie(site, family, _good(site, family, given), _kind(site, family, given), why)


def _judge_answers(site: Site, family: int) -> Finding | None:
    first = first_answers(site, "system", family)
    found = site.own(family, first.addresses)
    good = _good(site, family, first.addresses)
    if not found or good is None or any(is_the_service(site, a) for a in found):
        return None
    strange = next((why for a in found if (why := why_strange(site, a))), None)
    kind = "dns.injection" if first.contradicted else _kind(site, family, first.addresses)
    if strange is not None:
        return _lie(site, family, good, kind, strange)
    if _is_theirs(site, found) or (kind is None and not first.contradicted):
        return None
    return dns_finding(
        "check.dns.differs",
        site,
        family,
        good,
        mechanism=None,
        because=_nothing_there(found),
        scope_because=say("a broken machine of the site looks the same as a wrong answer")
        if any(a.alerted for a in found)
        else say("a dead machine of the site looks the same as a wrong answer"),
    )


def _nothing_there(found: list[Attempt]) -> Saying:
    if any(a.alerted for a in found):
        return _say_spoof(say("what answers at the address given does not speak TLS for this name"))
    return say(
        "nothing answers at the address the system's resolver gives ({failure}); the service "
        "answers at another resolver's address",
        failure=found[0].failure,
    )


def _kind(site: Site, family: int, given: set[str]) -> str | None:
    """Which lie it would be; None if nobody who was asked contradicts these addresses."""
    second, inside_tls = site.answers("public", family), site.answers("doh", family)
    if inside_tls and not inside_tls & given and second & given:
        return "dns.hijack"
    others = (second, inside_tls, _known_outside(site, family))
    return "dns.spoof" if any(o and not o & given for o in others) and not second & given else None


def _known_outside(site: Site, family: int) -> set[str]:
    """Addresses that our measurement servers were given for the name."""
    return {a for view in site.views for a in view.answers("server", family)}


def _good(site: Site, family: int, given: set[str]) -> Attempt | None:
    """An attempt that met the service at another address than these."""
    return next(
        (a for a in site.own(family) if a.address not in given and is_the_service(site, a)), None
    )


def _is_theirs(site: Site, found: list[Attempt]) -> bool:
    """From outside the service answers at the very address given: the name is told truly."""
    stage = Stage.TLS if site.is_tls else Stage.HTTP
    return fate_at(site, [a.address for a in found], stage) is Fate.THROUGH


def _lie(
    site: Site, family: int, good: Attempt | None, kind: str | None, why: Saying
) -> Finding | None:
    if good is None or kind is None:
        return None
    return dns_finding(
        f"check.{kind}",
        site,
        family,
        good,
        mechanism=kind,
        scope=Scope.TARGETED,
        because=_SAY_LIE[kind](why),
        scope_because=say("the same resolver answers rightly for the controls"),
    )


def _say_spoof(why: Saying) -> Saying:
    return say("{why}; at another resolver's address is the service itself", why=why)


def _say_injection(why: Saying) -> Saying:
    return say(
        "one query got two answers that contradict, and of the first {why}; at another address is "
        "the service itself",
        why=why,
    )


def _say_hijack(why: Saying) -> Saying:
    return say(
        "{why}; two resolvers give it, and one that was asked inside TLS gives the address of the "
        "service itself",
        why=why,
    )


_SAY_LIE = {
    "dns.spoof": _say_spoof,
    "dns.injection": _say_injection,
    "dns.hijack": _say_hijack,
}
