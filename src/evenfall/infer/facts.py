"""What one target went through, read from the observations of one round.

What it does. Observations are flat; a rule wants to ask "did the handshake with the target's own
name fail, twice, at this address, and did a neutral name go through there?". This file sorts them:
lookups by resolver and family, connections into attempts (`infer.attempts`), attempts by the name
that was sent, QUIC beside them, and what our measurement servers saw from outside into `View`s.

Rules. A connect opens an attempt; handshake and exchange that follow it belong to it; an exchange
of a pair is a question to our own server and stands apart. What a measurement server saw is never
mixed with what this line saw: it is a `Site` of its own inside a view, and counts only if the
statement it came in was accepted. Nothing is judged here: a failure keeps its code and its stage.

What it does not do. It does not look at targets together; `infer.verdicts` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from evenfall.infer.attempts import RESET, Attempt, Page, Stage
from evenfall.infer.fingerprints import Fingerprint
from evenfall.infer.transfers import Pair, sort_pairs
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact

__all__ = [
    "RESET",
    "Attempt",
    "Page",
    "Pair",
    "Site",
    "Stage",
    "View",
    "sort_pairs",
    "sort_site",
]


@dataclass(kw_only=True)
class Site:
    """Everything that was done about one target or control.

    Attributes:
        plain: what our own server said over plain HTTP under this target's name and a neutral one.
        quic: QUIC handshakes at its addresses, with its own name or a neutral one, in order.
        path: steps of `--locate`.
        outside: looks of our measurement servers at it, also those that came to nothing.
        fingerprints: known block pages, from a file of the user's own.
    """

    target: Target
    lookups: list[Observation] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    plain: list[Observation] = field(default_factory=list)
    pages: Mapping[str, Page] = field(default_factory=dict)
    quic: list[Observation] = field(default_factory=list)
    path: list[Observation] = field(default_factory=list)
    outside: list[View] = field(default_factory=list)
    fingerprints: Sequence[Fingerprint] = ()

    @property
    def views(self) -> list[Site]:
        """What was seen from outside, one a statement that was accepted."""
        return [view.site for view in self.outside if view.statement.failure is None]

    @property
    def host(self) -> str:
        """Host name of the target's URL."""
        return (urlsplit(self.target.url).hostname or "").lower()

    @property
    def is_mtproto(self) -> bool:
        """Asked in Telegram's own protocol."""
        return urlsplit(self.target.url).scheme == "mtproto"

    @property
    def is_tls(self) -> bool:
        """Asked over HTTPS."""
        return urlsplit(self.target.url).scheme == "https"

    def answers(self, resolver: str, family: int) -> set[str]:
        """All addresses a resolver gave for the target's own host."""
        return {a for o in self.asked(resolver, family) for a in o.answers or ()}

    def asked(self, resolver: str, family: int) -> list[Observation]:
        """Lookups of the target's own host at one resolver."""
        return [
            o
            for o in self.lookups
            if o.resolver == resolver and o.family == family and o.host == self.host
        ]

    def own(self, family: int, addresses: set[str] | None = None) -> list[Attempt]:
        """Attempts with the target's own name, in order; only at some addresses if given."""
        return [
            a
            for a in self.attempts
            if a.tcp.family == family
            and a.host == self.host
            and not a.is_neutral
            and (addresses is None or a.address in addresses)
        ]

    def neutral(self, address: str) -> list[Attempt]:
        """Attempts with somebody else's name at one address."""
        return [a for a in self.attempts if a.is_neutral and a.address == address]

    def page(self, attempt: Attempt) -> Page:
        """What the attempt's answer said."""
        return self.pages.get(attempt.http.observation_id, Page()) if attempt.http else Page()

    def chain(self, attempt: Attempt) -> list[Attempt]:
        """The attempt and the redirects it led to, in order.

        Other connections may have been made meanwhile: the next step is the next one to the place
        that the answer names.
        """
        chain = [attempt]
        for later in self.attempts[self.attempts.index(attempt) + 1 :]:
            location = self.page(chain[-1]).location
            if not location:
                break
            if not later.is_neutral and later.host == _led_to(chain[-1].host, location):
                chain.append(later)
        return chain

    @property
    def wire_bytes(self) -> int:
        """IP bytes spent on it, by this line."""
        steps = (o for a in self.attempts for o in a.steps)
        looks = (view.statement for view in self.outside)
        spent = (*self.lookups, *steps, *self.plain, *self.quic, *looks)
        return sum(o.wire_bytes or 0 for o in spent)


@dataclass(kw_only=True)
class View:
    """One look from outside: the statement, and what it reports.

    Attributes:
        statement: the observation of the look itself; `failure` says why it counts for nothing.
        site: the same target as the server met it.
    """

    statement: Observation
    site: Site

    @property
    def ids(self) -> tuple[str, ...]:
        """Id of the statement, which holds all the rest."""
        return (self.statement.observation_id,)


def sort_site(
    target: Target,
    observations: Iterable[Observation],
    pages: Mapping[str, Page],
    fingerprints: Sequence[Fingerprint] = (),
) -> Site:
    """Sort what was observed about one target; observations of others are left out."""
    site = Site(target=target, pages=pages, fingerprints=fingerprints)
    for observation in observations:
        if observation.target != target.target_id:
            continue
        if observation.fact is Fact.OUTSIDE_VIEW:
            site.outside.append(View(statement=observation, site=Site(target=target)))
        elif observation.seen_by is None:
            _sort_in(site, observation)
        elif site.outside:
            _sort_in(site.outside[-1].site, observation)
    return site


def _sort_in(site: Site, observation: Observation) -> None:
    fact = observation.fact
    if fact is Fact.DNS_LOOKUP:
        site.lookups.append(observation)
    elif fact is Fact.TCP_CONNECT:
        site.attempts.append(Attempt(tcp=observation))
    elif fact is Fact.QUIC_HANDSHAKE:
        site.quic.append(observation)
    elif fact is Fact.PATH_PROBE:
        site.path.append(observation)
    elif fact is Fact.HTTP_EXCHANGE and observation.pair_id:
        site.plain.append(observation)
    elif (attempt := _attempt_of(site, observation)) is None:
        return
    elif fact is Fact.TLS_HANDSHAKE:
        attempt.tls = observation
    elif fact is Fact.HTTP_EXCHANGE:
        attempt.http = observation
    elif fact is Fact.MTPROTO_EXCHANGE:
        attempt.mtproto = observation


def _led_to(host: str, location: str) -> str:
    """Host that a `Location` leads to, seen from a host; empty where it is none."""
    try:
        return urlsplit(urljoin(f"http://{host}/", location)).hostname or ""
    except ValueError:
        return ""


def _attempt_of(site: Site, step: Observation) -> Attempt | None:
    """The connection that a later step was made on: connections are made side by side.

    The last one to the same address that still lacks this step.
    """
    there = [a for a in reversed(site.attempts) if a.address == (step.address or "")]
    return next((a for a in there if _lacks(a, step)), next(iter(there), None))


def _lacks(attempt: Attempt, step: Observation) -> bool:
    if step.fact is Fact.TLS_HANDSHAKE:
        return attempt.tls is None
    if step.fact is Fact.HTTP_EXCHANGE:
        return attempt.http is None and (attempt.tls is None or attempt.tls.sni == step.host)
    return attempt.mtproto is None
