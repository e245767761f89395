"""Lookups asked inside TLS (RFC 8484): what nobody on the way can read, forge or answer first.

One connection carries all questions of a round, so that a second resolver costs little more than a
handshake. The server is who its certificate says: for a literal address the certificate has to hold
that address, for a name the system's resolver says where it is, and the certificate whether that
was true. Where the connection fails, every question has failed so, with the operation that failed
(`connect`, `tls_handshake`, `read`): then nothing was asked, and nothing is known about a name.
"""

from __future__ import annotations

import ipaddress
import random
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import dns.exception
import dns.message

from evenfall.measure.dns import is_bogon, outcome_of, resolve_addresses
from evenfall.measure.round import Meter, Moment, Round
from evenfall.measure.tls import verifying_context
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact
from evenfall.net.api import Network, NetworkFailure, Stream
from evenfall.net.tls import negotiated_protocol
from evenfall.wire.doh import ALPN, Questions, Reply, conversation, padded_query

__all__ = ["DOH_S", "DohServer", "Question", "doh_context", "look_up_inside_tls"]

DOH_S = 5.0
"""For the connection and all of its questions."""
_READ_BYTES = 16_384
_READS_MAX = 512
_RECEIVE_BUFFER_BYTES = 65_536
_HTTPS_PORT = 443
_SYN_BYTES = 60


@dataclass(frozen=True, kw_only=True)
class DohServer:
    """Where to ask.

    Attributes:
        url: `https://HOST[:PORT]/PATH`.
        resolver: `ADDRESS[:PORT]` that is asked for HOST; empty: the system's own way.
        context: checks the certificate; see `doh_context`.
        bogons_allowed: a test network, where every address is one.
    """

    url: str
    resolver: str
    context: ssl.SSLContext
    bogons_allowed: bool = False


@dataclass(frozen=True, kw_only=True)
class Question:
    """The addresses of `host` in one family, for a target."""

    target: Target
    host: str
    family: int


@dataclass(kw_only=True)
class _Batch:
    """Questions under way: who asked, what was sent, and since when."""

    round_: Round
    start: Moment
    bogons_allowed: bool
    open: dict[int, tuple[Question, dns.message.Message]] = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)

    def observe(self, question: Question, *, wire_bytes: int, **outcome: Any) -> None:
        self.observations.append(
            self.round_.observe(
                Fact.DNS_LOOKUP, question.target, self.start, host=question.host, resolver="doh",
                family=question.family, wire_bytes=wire_bytes, **outcome,
            )
        )  # fmt: skip


def doh_context(ca_file: str = "") -> ssl.SSLContext:
    """Certificate checks as for any site, and HTTP/2 offered before HTTP/1.1.

    Raises:
        OSError: the file cannot be read or holds no certificate.
    """
    context = verifying_context(ca_file)
    context.set_alpn_protocols(list(ALPN))
    return context


async def look_up_inside_tls(
    network: Network,
    round_: Round,
    questions: Sequence[Question],
    *,
    server: DohServer,
    rng: random.Random,
    timeout_s: float = DOH_S,
) -> tuple[Observation, ...]:
    """Ask all questions over one connection; one observation each, in the order of the answers.

    `rng` draws the id of a question about the server's own name. Failures are in the observations;
    nothing is raised.
    """
    batch = _Batch(round_=round_, start=round_.now(), bogons_allowed=server.bogons_allowed)
    deadline_s = round_.clock.monotonic_s() + timeout_s
    stream, meter = None, None
    failure = NetworkFailure("generic_timeout_error", "read")
    try:
        stream, family = await _connect(network, server, rng, deadline_s)
        meter = Meter(stream, family=family)
        parts = urlsplit(server.url)
        secure = await stream.start_tls(
            server.context, server_name=parts.hostname or "", timeout_s=_left(network, deadline_s)
        )
        meter.follow(secure)
        asking = conversation(negotiated_protocol(secure), parts.netloc, parts.path)
        _put(batch, asking, questions)
        await _converse(secure, meter, asking, batch, deadline_s)
    except NetworkFailure as seen:
        failure = seen
    finally:
        if stream is not None:
            stream.close()
    told = {(o.target, o.host, o.family) for o in batch.observations}
    cost = meter.spent() if meter else _SYN_BYTES
    for question in questions:
        if (question.target.target_id, question.host, question.family) not in told:
            batch.observe(
                question, wire_bytes=cost, failure=failure.code, operation=failure.operation
            )
            cost = 0
    return tuple(batch.observations)


async def _connect(
    network: Network, server: DohServer, rng: random.Random, deadline_s: float
) -> tuple[Stream, int]:
    """An open connection, and its IP version."""
    parts = urlsplit(server.url)
    host = parts.hostname or ""
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError:
        found = await resolve_addresses(
            network, host, endpoint=server.resolver, family=4, rng=rng,
            timeout_s=_left(network, deadline_s) / 2,
        )  # fmt: skip
        usable = [a for a in found if server.bogons_allowed or not is_bogon(a)]
        if not usable:
            raise NetworkFailure("dns_bogon_error", "connect") from None
        address = usable[0]
    stream = await network.connect(
        address,
        parts.port or _HTTPS_PORT,
        timeout_s=_left(network, deadline_s),
        receive_buffer_bytes=_RECEIVE_BUFFER_BYTES,
    )
    return stream, 6 if ":" in address else 4


def _put(batch: _Batch, asking: Questions, questions: Sequence[Question]) -> None:
    for question in questions:
        try:
            query = padded_query(question.host, question.family)
            number = asking.ask(query.to_wire())
        except dns.exception.DNSException:
            batch.observe(question, wire_bytes=0, failure="dns_nxdomain_error", operation="resolve")
        else:
            batch.open[number] = (question, query)


async def _converse(
    stream: Stream, meter: Meter, asking: Questions, batch: _Batch, deadline_s: float
) -> None:
    """Until every question has its reply, or the connection or the time ends."""
    clock = batch.round_.clock
    for _ in range(_READS_MAX):
        if data := asking.data_to_send():
            await stream.write(data, timeout_s=max(0.0, deadline_s - clock.monotonic_s()))
        if not batch.open or asking.failed:
            break
        data = await stream.read(_READ_BYTES, timeout_s=max(0.0, deadline_s - clock.monotonic_s()))
        if data:
            asking.feed(data)
        else:
            asking.end()
        for number, reply in sorted(asking.replies.items()):
            if number in batch.open:
                _settle(batch, *batch.open.pop(number), reply, meter.spent())
    if batch.open:
        raise NetworkFailure("http_invalid_response", "read")


def _settle(
    batch: _Batch, question: Question, query: dns.message.Message, reply: Reply, cost: int
) -> None:
    """From a reply to an observation."""
    answers: tuple[str, ...] = ()
    failure = reply.failure
    if failure is None:
        answers, failure = outcome_of(query, reply.body, question.family)
    if failure is None and not answers:
        failure = "dns_no_answer"
    if failure is None and not batch.bogons_allowed and any(map(is_bogon, answers)):
        failure = "dns_bogon_error"
    batch.observe(
        question,
        wire_bytes=cost,
        answers=answers or None,
        failure=failure,
        operation="resolve" if failure else None,
    )


def _left(network: Network, deadline_s: float) -> float:
    return max(0.0, deadline_s - network.clock.monotonic_s())
