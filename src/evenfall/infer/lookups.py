"""What resolvers answered, in the order in which they did.

What it does. `first_answers` gives what a program would have used; `odd_answers` the addresses that
somebody has to look at before a second answer to one query may mean anything.

Rules. Answers to one query carry one time stamp and stand in the order in which they came; a query
that is repeated later has its own. A resolver whose own query got two different answers vouches for
nobody.

What it does not do. It judges nothing: two machines of one service are two answers too.
"""

from __future__ import annotations

from dataclasses import dataclass

from evenfall.infer.facts import Site
from evenfall.model.observation import Observation

__all__ = ["FirstAnswers", "first_answers", "first_denied", "odd_answers"]


@dataclass(frozen=True, kw_only=True)
class FirstAnswers:
    """The first answer of a resolver that held an address.

    Attributes:
        addresses: those in it, and those of later queries that got one answer alone.
        contradicted: the same query got another answer too.
    """

    addresses: set[str]
    contradicted: bool


def first_answers(site: Site, resolver: str, family: int) -> FirstAnswers:
    """What a program that asked this resolver would have used."""
    queries = _queries(site, resolver, family)
    given = {a for answers in queries for a in answers[0].answers or ()}
    return FirstAnswers(addresses=given, contradicted=any(map(_differ, queries)))


def first_denied(site: Site, family: int) -> bool:
    """The system's resolver was asked, failed, and never gave an address."""
    asked = site.asked("system", family)
    failures = {o.failure for o in asked}
    return bool(asked) and not site.answers("system", family) and None not in failures


def odd_answers(site: Site, family: int) -> set[str]:
    """Addresses that nobody else vouches for, where one query got answers that differ."""
    twice = [q for q in _queries(site, "system", family) if _differ(q)]
    if not twice:
        return set()
    vouched = set(site.answers("doh", family))
    if not any(map(_differ, _queries(site, "public", family))):
        vouched |= site.answers("public", family)
    return {a for query in twice for answer in query for a in answer.answers or ()} - vouched


def _queries(site: Site, resolver: str, family: int) -> list[list[Observation]]:
    """Answers that hold an address, by query."""
    queries: dict[int, list[Observation]] = {}
    for lookup in site.asked(resolver, family):
        if lookup.answers:
            queries.setdefault(lookup.started_us, []).append(lookup)
    return list(queries.values())


def _differ(query: list[Observation]) -> bool:
    return len({frozenset(answer.answers or ()) for answer in query}) > 1
