"""What one target went through, read from the observations of one round.

What it does. Observations are flat; a rule wants to ask "did the handshake with the target's own
name fail, twice, at this address, and did a neutral name go through there?". This file sorts them:
lookups by resolver and family, connections into `Attempt`s (TCP, then TLS, then HTTP), attempts by
the name that was sent, transfers into pairs.

Rules. A connect opens an attempt; handshake and exchange that follow it belong to it; an exchange
of a pair is a question to our own server and stands apart. A name that
is not the one that was looked up is a neutral name: somebody else's name at this target's address.
Nothing is judged here: a failure keeps its code and its stage.

What it does not do. It does not look at targets together; `infer.verdicts` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Arm, Fact

__all__ = ["RESET", "Attempt", "Page", "Pair", "Site", "Stage", "sort_pairs", "sort_site"]

_OWN_SIDE = frozenset({"network_unreachable", "interrupted"})
_CERTIFICATE = frozenset(
    {"ssl_invalid_hostname", "ssl_unknown_authority", "ssl_invalid_certificate"}
)
RESET = frozenset({"connection_reset", "connection_aborted", "eof_error"})


class Stage(StrEnum):
    """How far an attempt came: the first stage that failed, or done."""

    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a rule may read of a page beside its observation.

    Attributes:
        text: the first 16 KiB.
        location: where a 3xx answer points.
    """

    text: str = ""
    location: str = ""


@dataclass(kw_only=True)
class Attempt:
    """One connection to one address, and what was done on it."""

    tcp: Observation
    tls: Observation | None = None
    http: Observation | None = None

    @property
    def address(self) -> str:
        """Literal address connected to."""
        return self.tcp.address or ""

    @property
    def host(self) -> str:
        """The name that was looked up to find the address."""
        return self.tcp.host or ""

    @property
    def is_neutral(self) -> bool:
        """Somebody else's name was sent to this target's address."""
        sent = [self.tls.sni] if self.tls else []
        sent += [self.http.host] if self.http else []
        return any(name != self.host for name in sent)

    @property
    def last(self) -> Observation:
        """The last thing that was done."""
        return self.http or self.tls or self.tcp

    @property
    def stage(self) -> Stage:
        """The first stage that failed; `DONE` if none did (a body cut by a cap is done)."""
        if self.tcp.failure:
            return Stage.TCP
        if self.tls is not None and self.tls.failure:
            return Stage.TLS
        if self.http is not None and self.http.failure and self.http.status_code is None:
            return Stage.HTTP
        if self.http is not None and self.http.failure not in (None, "http_request_failed"):
            return Stage.HTTP
        return Stage.DONE

    @property
    def failure(self) -> str | None:
        """Code of the first failure."""
        return next((o.failure for o in (self.tcp, self.tls, self.http) if o and o.failure), None)

    @property
    def own_side(self) -> bool:
        """Our machine, not the network, said no."""
        return self.failure in _OWN_SIDE

    @property
    def silent(self) -> bool:
        """No answer came in the time allowed."""
        return self.failure == "generic_timeout_error"

    @property
    def reset(self) -> bool:
        """The connection was torn down."""
        return self.failure in RESET

    @property
    def bad_certificate(self) -> bool:
        """A certificate was shown, and it is not good for the name."""
        return self.stage is Stage.TLS and self.failure in _CERTIFICATE

    @property
    def answered_hello(self) -> bool:
        """Something answered the ClientHello, were it with an alert or a strange certificate."""
        return self.tls is not None and not (self.silent or self.reset)

    @property
    def valid_tls(self) -> bool:
        """The handshake went through with a certificate that is good for the name."""
        return self.tls is not None and self.tls.failure is None and not self.is_neutral

    @property
    def status(self) -> int | None:
        """HTTP status, if one came."""
        return self.http.status_code if self.http else None

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of its observations."""
        return tuple(o.observation_id for o in (self.tcp, self.tls, self.http) if o)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The two arms of one paired transfer."""

    target: Observation
    neutral: Observation
    is_null: bool

    @property
    def target_failed(self) -> bool:
        """With the target's name it was cut, or brought nothing."""
        return _failed(self.target)

    @property
    def neutral_arms(self) -> list[Observation]:
        """Arms with a neutral name that say something about the line: two in a null pair."""
        arms = (self.target, self.neutral) if self.is_null else (self.neutral,)
        return [arm for arm in arms if not _says_nothing(arm)]

    @property
    def neutral_failed(self) -> int:
        """How many of those failed."""
        return sum(_failed(arm) for arm in self.neutral_arms)

    @property
    def counts(self) -> bool:
        """Both arms got as far as sending a name, and at least one brought bytes."""
        speeds = (self.target.goodput_bps, self.neutral.goodput_bps)
        return None not in speeds and any(speeds)

    @property
    def ids(self) -> tuple[str, str]:
        """Ids of both arms."""
        return self.target.observation_id, self.neutral.observation_id


def _failed(arm: Observation) -> bool:
    return arm.failure is not None or not arm.goodput_bps


def _says_nothing(arm: Observation) -> bool:
    """The round ended, or our server declined: no word about the line."""
    code = arm.failure or ""
    return code == "interrupted" or code.startswith("unknown_failure")


@dataclass(kw_only=True)
class Site:
    """Everything that was done about one target or control.

    Attributes:
        plain: what our own server said over plain HTTP under this target's name and a neutral one.
    """

    target: Target
    lookups: list[Observation] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    plain: list[Observation] = field(default_factory=list)
    pages: Mapping[str, Page] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Host name of the target's URL."""
        return (urlsplit(self.target.url).hostname or "").lower()

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
        """The attempt and the redirects it led to, in order."""
        index = self.attempts.index(attempt)
        chain = [attempt]
        for later in self.attempts[index + 1 :]:
            if not self.page(chain[-1]).location or later.is_neutral:
                break
            chain.append(later)
        return chain

    @property
    def wire_bytes(self) -> int:
        """IP bytes spent on it."""
        attempts = (o for a in self.attempts for o in (a.tcp, a.tls, a.http) if o)
        return sum(o.wire_bytes or 0 for o in (*self.lookups, *attempts, *self.plain))


def sort_site(
    target: Target, observations: Iterable[Observation], pages: Mapping[str, Page]
) -> Site:
    """Sort what was observed about one target; observations of others are left out."""
    site = Site(target=target, pages=pages)
    for observation in observations:
        if observation.target != target.target_id:
            continue
        if observation.fact is Fact.DNS_LOOKUP:
            site.lookups.append(observation)
        elif observation.fact is Fact.TCP_CONNECT:
            site.attempts.append(Attempt(tcp=observation))
        elif observation.fact is Fact.TLS_HANDSHAKE and site.attempts:
            site.attempts[-1].tls = observation
        elif observation.fact is Fact.HTTP_EXCHANGE and observation.pair_id:
            site.plain.append(observation)
        elif observation.fact is Fact.HTTP_EXCHANGE and site.attempts:
            site.attempts[-1].http = observation
    return site


def sort_pairs(observations: Sequence[Observation]) -> list[Pair]:
    """Complete pairs in the order of their first arm; half a pair is no pair."""
    arms: dict[str, dict[Arm, Observation]] = {}
    for observation in observations:
        if observation.fact is Fact.TRANSFER and observation.pair_id and observation.arm:
            arms.setdefault(observation.pair_id, {})[observation.arm] = observation
    return [
        Pair(
            target=both[Arm.TARGET],
            neutral=both[Arm.NEUTRAL],
            is_null=bool(both[Arm.TARGET].is_null_pair),
        )
        for both in arms.values()
        if len(both) == len(Arm)
    ]
