"""Rules about names: does the system's resolver tell the truth about this one?

What it does. `judge_names` compares what the system's resolver and a second resolver said, and what
was found at their addresses. It returns a finding, or None if the name is fine or nothing can be
said from names alone.

Rules. Different addresses prove nothing: large services answer by place. A lie is claimed only if
the second resolver's address shows a certificate that is valid for the name (over plain HTTP: a
page that is no block page), *and* at the first one something answers that is not the service: a
certificate that is not valid for it, a block page, or an address that no public service can have.
If the first address is merely silent, it may be a dead machine of the site's own: then the finding
is `undetermined`. The same holds for two answers to one query: the odd address has to be looked at.
A resolver that denies a name or says nothing has to do so twice; a failure that was not repeated is
`insufficient`. Silence is held against the resolver only where a certificate shows what is at the
other address, and only on a line that loses nothing else. Everything is claimed only while other
names resolve through the same resolver.

What it does not do. DNS over HTTPS and further resolvers come with "The one-minute answer".

Sources: METHOD 1, rows 1 and 4; OONI Web Connectivity v0.5 (TLS as a check of addresses).
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from evenfall.infer.blockpage import phrase_in
from evenfall.infer.facts import Attempt, Site, Stage
from evenfall.infer.finding import Finding
from evenfall.infer.ground import Ground
from evenfall.model.saying import say
from evenfall.model.vocabulary import Scope, State

__all__ = ["is_refused", "judge_names", "odd_answers", "shows_block_page"]

_REFUSALS = {"dns_nxdomain_error": "dns.nxdomain", "generic_timeout_error": "dns.drop"}
_ASKED_MIN = 2


def shows_block_page(site: Site, attempt: Attempt) -> str | None:
    """Why the answer, or the page it redirects to, looks like a block page; None if it does not."""
    for step in site.chain(attempt):
        if step.status == 451:
            return say("status 451")
        if (phrase := phrase_in(site.page(step).text)) is not None:
            return say("the page says: {phrase}", phrase=phrase)
        if _leads_into_private_network(step, site.page(step).location):
            return say(
                "it leads to {place}, an address that is not public",
                place=site.page(step).location[:80],
            )
    return None


def _leads_into_private_network(step: Attempt, location: str) -> bool:
    """A public site that sends people to a private address is not speaking for itself."""
    try:
        here = ipaddress.ip_address(step.address)
        there = ipaddress.ip_address(urlsplit(location).hostname or "")
    except ValueError:
        return False
    return here.is_global and not there.is_global


def is_refused(site: Site, family: int) -> bool:
    """The system's resolver was asked, failed, and never gave an address."""
    asked = site.asked("system", family)
    failures = {o.failure for o in asked}
    return bool(asked) and not site.answers("system", family) and None not in failures


def odd_answers(site: Site, family: int) -> set[str]:
    """Addresses the second resolver does not know, where one query got answers that differ.

    Answers to one query carry one time stamp; a query that is repeated later has its own.
    """
    theirs = site.answers("public", family)
    queries: dict[int, list[set[str]]] = {}
    for lookup in site.asked("system", family):
        if lookup.answers:
            queries.setdefault(lookup.started_us, []).append(set(lookup.answers))
    if not theirs:
        return set()
    twice = [answers for answers in queries.values() if len(answers) > 1]
    return {a for answers in twice for given in answers for a in given} - theirs


def judge_names(site: Site, ground: Ground, family: int) -> Finding | None:
    """A finding about the target's name, or None."""
    system = site.asked("system", family)
    if not system:
        return None
    theirs = site.answers("public", family)
    good = next((a for a in site.own(family, theirs) if _is_the_service(site, a)), None)
    if not site.answers("system", family):
        return _judge_refusal(site, ground, family, good)
    if any(o.failure == "dns_bogon_error" for o in system):
        return _lie(
            site, family, good, say("the address given is one that no public service can have")
        )
    return _judge_answers(site, family, theirs, good)


def _judge_answers(
    site: Site, family: int, theirs: set[str], good: Attempt | None
) -> Finding | None:
    ours = site.answers("system", family)
    if not theirs:
        return None
    odd = odd_answers(site, family)
    if ours & theirs and not odd:
        return None
    found = site.own(family, odd or ours)
    if not found or any(_is_the_service(site, a) for a in found):
        return None
    strange = next((why for a in found if (why := _is_strange(site, a))), None)
    if strange is not None:
        if odd:
            strange = say("one query got two answers that contradict: {why}", why=strange)
        return _lie(site, family, good, strange)
    if good is None:
        return None
    return _finding(
        "check.dns.differs",
        site,
        family,
        good,
        mechanism=None,
        because=say(
            "nothing answers at the address the system's resolver gives ({failure}); the service "
            "answers at another resolver's address",
            failure=found[0].failure,
        ),
        scope_because=say("a dead machine of the site looks the same as a wrong answer"),
    )


def _judge_refusal(site: Site, ground: Ground, family: int, good: Attempt | None) -> Finding | None:
    """The system's resolver gave no address."""
    failures = [o.failure or "dns_no_answer" for o in site.asked("system", family)]
    failure = failures[-1]
    others = {o.failure for o in site.asked("public", family)}
    if "dns_no_answer" in failures:
        return None  # no address of this family: a fact about the name, not about the line
    if not ground.sites:
        return None  # the resolver may be dead for every name
    if good is None:
        return _judge_unknown_name(site, family, failure, others)
    mechanism = _REFUSALS.get(failure) if len(set(failures)) == 1 else None
    if mechanism is not None and len(failures) < _ASKED_MIN:
        return _not_repeated(site, family, failure)
    denied = mechanism == "dns.nxdomain"
    if mechanism is not None and (doubt := _in_doubt(mechanism, site, ground)):
        return _finding(
            "check.dns.fails",
            site,
            family,
            good,
            mechanism=None,
            because=say("the system's resolver says that the name does not exist, another knows it")
            if denied
            else say("the system's resolver does not answer for this name, another knows it"),
            scope_because=doubt,
        )
    if mechanism is None:
        return _finding(
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
    return _finding(
        f"check.{mechanism}",
        site,
        family,
        good,
        mechanism=mechanism,
        scope=Scope.TARGETED,
        because=say(
            "the system's resolver says that the name does not exist; the address another resolver "
            "gives is the service"
        )
        if denied
        else say(
            "the system's resolver does not answer; the address another resolver gives is the "
            "service"
        ),
        scope_because=say("the same resolver answers for the controls"),
    )


def _in_doubt(mechanism: str, site: Site, ground: Ground) -> str | None:
    """Why two refusals or two lost answers may be innocent; None if nothing speaks for that."""
    if not site.is_tls:
        return say(
            "over plain HTTP no certificate says that the other resolver's address is the service"
        )
    if mechanism == "dns.nxdomain":
        return None  # said, not lost
    if ground.names_lost:
        return say("answers about the controls were lost too")
    if ground.line_slow:
        return say("on a line this slow, answers are lost by themselves")
    return None


def _not_repeated(site: Site, family: int, failure: str) -> Finding:
    """A datagram may be lost, and a resolver may be slow the first time it is asked."""
    return Finding(
        rule_id="check.unconfirmed",
        state=State.INSUFFICIENT,
        scope=Scope.UNDETERMINED,
        scope_because=say("it was not repeated"),
        because=say(
            "the system's resolver failed once ({failure}), and was not asked again",
            failure=failure,
        ),
        witnesses=_lookup_ids(site, family),
    )


def _judge_unknown_name(site: Site, family: int, failure: str, others: set[str | None]) -> Finding:
    if others == {"dns_nxdomain_error"} and failure == "dns_nxdomain_error":
        return Finding(
            rule_id="check.dns.unknown",
            state=State.DOWN,
            scope=Scope.SERVER_SIDE,
            scope_because=say("two resolvers agree"),
            because=say("two independent resolvers say that the name does not exist"),
            witnesses=_lookup_ids(site, family),
        )
    return _finding(
        "check.dns.fails",
        site,
        family,
        None,
        mechanism=None,
        because=say("the system's resolver fails for this name ({failure})", failure=failure),
        scope_because=say(
            "no second resolver gave an address at which the service could be checked"
        ),
    )


def _lie(site: Site, family: int, good: Attempt | None, why: str) -> Finding | None:
    if good is None:
        return None
    return _finding(
        "check.dns.spoof",
        site,
        family,
        good,
        mechanism="dns.spoof",
        scope=Scope.TARGETED,
        because=say("{why}; at another resolver's address is the service itself", why=why),
        scope_because=say("the same resolver answers rightly for the controls"),
    )


def _finding(
    rule_id: str,
    site: Site,
    family: int,
    good: Attempt | None,
    *,
    mechanism: str | None,
    because: str,
    scope_because: str,
    scope: Scope = Scope.UNDETERMINED,
) -> Finding:
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
    return tuple(o.observation_id for r in ("system", "public") for o in site.asked(r, family))


def _is_the_service(site: Site, attempt: Attempt) -> bool:
    """What answers there is the service: a valid certificate, or in plain HTTP no block page."""
    if site.is_tls:
        return attempt.valid_tls
    return attempt.stage is Stage.DONE and shows_block_page(site, attempt) is None


def _is_strange(site: Site, attempt: Attempt) -> str | None:
    """Why what answers there cannot be the service; None if nothing answers, or it may be."""
    if attempt.bad_certificate:
        return say("the certificate at the address given is not valid for the name")
    if attempt.failure == "ssl_failed_handshake":
        return say("what answers at the address given does not speak TLS for this name")
    if attempt.stage is Stage.DONE and (page := shows_block_page(site, attempt)):
        return say("at the address given is a block page ({page})", page=page)
    return None
