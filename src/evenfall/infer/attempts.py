"""One connection to one address, and what was done on it: the smallest thing a rule can ask about.

What it does. An `Attempt` holds the steps of one connection (TCP, then TLS and HTTP, or TCP and
Telegram's own protocol) and says how far it came and how it ended.

Rules. Nothing is judged here: a failure keeps its code and its stage. A name that is not the one
that was looked up is a neutral name: somebody else's name at this target's address. A body that was
cut by a cap of ours is a body that came; an answer whose head never came to its end is none, and
stands as `stalled` whatever an observation of ours said of it.

What it does not do. It does not sort observations into attempts; `infer.facts` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from evenfall.model.observation import Observation

__all__ = ["CLOSED", "OWN_SIDE", "RESET", "Attempt", "Page", "Stage"]

OWN_SIDE = frozenset({"network_unreachable", "interrupted"})
"""Codes of failures of whoever looked: our machine, not the network, said no."""
CLOSED = frozenset({"eof_error"})
RESET = frozenset({"connection_reset", "connection_aborted"}) | CLOSED
_CERTIFICATE = frozenset(
    {"ssl_invalid_hostname", "ssl_unknown_authority", "ssl_invalid_certificate"}
)


class Stage(StrEnum):
    """How far an attempt came: the first stage that failed, or done."""

    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    MTPROTO = "mtproto"
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a rule may read of a page beside its observation.

    Attributes:
        text: the first 16 KiB.
        location: where a 3xx answer points.
        headers: of the answer, names in lower case.
    """

    text: str = ""
    location: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Attempt:
    """One connection to one address, and what was done on it."""

    tcp: Observation
    tls: Observation | None = None
    http: Observation | None = None
    mtproto: Observation | None = None

    @property
    def steps(self) -> tuple[Observation, ...]:
        """What was done, in order."""
        return tuple(o for o in (self.tcp, self.tls, self.http, self.mtproto) if o)

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
        return self.steps[-1]

    @property
    def stage(self) -> Stage:
        """The first stage that failed; `DONE` if none did (a body cut by a cap is done)."""
        if self.tcp.failure:
            return Stage.TCP
        if self.tls is not None and self.tls.failure:
            return Stage.TLS
        if self.mtproto is not None and self.mtproto.failure:
            return Stage.MTPROTO
        if self.http is not None and self.http.status_code is None:
            return Stage.HTTP
        if self.http is not None and self.http.failure not in (None, "http_request_failed"):
            return Stage.HTTP
        return Stage.DONE

    @property
    def failure(self) -> str | None:
        """Code of the first failure; `stalled` too where an exchange ended without a whole head."""
        first = next((o.failure for o in self.steps if o.failure), None)
        return "stalled" if first is None and self.headless else first

    @property
    def headless(self) -> bool:
        """The page was asked for, and no whole head of an answer came."""
        return self.http is not None and self.http.status_code is None

    @property
    def stopped_midway(self) -> bool:
        """The answer began, and then no more of it came: for the person slow, not closed."""
        return self.stage is Stage.HTTP and self.failure == "stalled" and not self.headless

    @property
    def own_side(self) -> bool:
        """Our machine, not the network, said no."""
        return self.failure in OWN_SIDE

    @property
    def silent(self) -> bool:
        """No answer came in the time allowed."""
        return self.failure == "generic_timeout_error"

    @property
    def reset(self) -> bool:
        """The connection was torn down."""
        return self.failure in RESET

    @property
    def closed(self) -> bool:
        """The other side closed the connection in good form, in place of an answer."""
        return self.failure in CLOSED

    @property
    def alerted(self) -> bool:
        """The other side ended the handshake with an alert, or with what is no TLS."""
        return self.stage is Stage.TLS and self.failure == "ssl_failed_handshake"

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
        return tuple(o.observation_id for o in self.steps)
