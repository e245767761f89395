"""Ask a measurement server what it sees of some sites, and check what it says.

One connection, one question a site, answers as they come (`wire.outside`). Each answer becomes one
observation `outside_view`, with the statement, its signature and the key, so that whoever keeps the
observation can check it when the server is long gone, followed by the facts in it, all
of them `seen_by` the server. Their stamps are moved to this machine's clock by the difference
between the two clocks at the moment of the answer.

| what happened | failure of `outside_view` | facts |
|---|---|---|
| a statement, signed by the pinned key, about this question | null | those in it |
| a signature, key, nonce, id, address or age that is not right | `statement_invalid` | none |
| the server declines | `refused_by_server: CODE` | none |
| no connection, another key, silence, an end | its code | none |

None of the last three rows says anything about the line or the site.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from evenfall.measure.pin import pin_of_public_key
from evenfall.measure.pinned import PinnedConnection
from evenfall.measure.round import Moment, Round
from evenfall.measure.transfer_run import PairServer
from evenfall.model.errors import ProtocolError
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Direction, Fact
from evenfall.net.api import Network, NetworkFailure, Stream
from evenfall.wire.outside import (
    ANSWER_BYTES_MAX,
    LOOKS_PER_CONNECTION,
    LookAnswer,
    LookRequest,
    LookTarget,
    Statement,
    Step,
    decode,
    encode,
    read_statement,
    signed_bytes,
)

__all__ = ["SEEN_BY", "Question", "check_signature", "look"]

SEEN_BY = "server"
_READ_BYTES = 65_536
_OPEN_S_MAX = 4.0


class Question(NamedTuple):
    """One site to be looked at, and where the line was sent to for its name."""

    target: Target
    host: str
    addresses: tuple[str, ...]


async def look(
    network: Network,
    server: PairServer,
    round_: Round,
    questions: Sequence[Question],
    *,
    sni: str,
    timeout_s: float,
) -> tuple[Observation, ...]:
    """Ask about at most `LOOKS_PER_CONNECTION` sites; at least one observation each.

    Args:
        network: the way out.
        server: ours.
        round_: hands out ids and stamps.
        questions: what to look at.
        sni: a neutral name.
        timeout_s: for all of it.

    Raises:
        ValueError: more questions than one connection carries.
    """
    if len(questions) > LOOKS_PER_CONNECTION:
        raise ValueError(f"at most {LOOKS_PER_CONNECTION} looks a connection")
    asking = _Asking(network, server, round_, questions)
    await asking.run(sni=sni, timeout_s=timeout_s)
    return tuple(asking.observations)


def check_signature(answer: LookAnswer, pin: str) -> bool:
    """Whether the statement was signed by the key of this pin (ECDSA P-256, SHA-256)."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    if answer.statement is None or answer.signature is None or answer.key is None:
        return False
    try:
        spki = base64.b64decode(answer.key, validate=True)
        if pin_of_public_key(spki) != pin:
            return False
        key = load_der_public_key(spki)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        signature = base64.b64decode(answer.signature, validate=True)
        key.verify(signature, signed_bytes(answer.statement), ec.ECDSA(hashes.SHA256()))
    except (binascii.Error, ValueError, UnsupportedAlgorithm, InvalidSignature):
        return False
    return True


class _Asking:
    """One connection's questions, and what has come of them."""

    def __init__(
        self,
        network: Network,
        server: PairServer,
        round_: Round,
        questions: Sequence[Question],
    ) -> None:
        self.observations: list[Observation] = []
        self._clock = network.clock
        self._server = server
        self._round = round_
        self._connection = PinnedConnection(network, server)
        self._start = round_.now()
        self._open: dict[str, tuple[LookRequest, Question]] = {}
        for question in questions:
            target = LookTarget(url=question.target.url, addresses=question.addresses)
            request = LookRequest(
                target=target, id=secrets.token_hex(16), nonce=secrets.token_hex(16)
            )
            self._open[request.id] = request, question

    async def run(self, *, sni: str, timeout_s: float) -> None:
        """Until every question is answered, or the network or the time ends it."""
        deadline_s = self._clock.monotonic_s() + timeout_s
        try:
            stream = await self._connection.open(sni=sni, timeout_s=min(timeout_s, _OPEN_S_MAX))
            lines = b"".join(encode(request) for request, _ in self._open.values())
            await stream.write(lines, timeout_s=deadline_s - self._clock.monotonic_s())
            await self._take_answers(stream, deadline_s)
        except NetworkFailure as failure:
            self._give_up(failure.code, failure.operation)
        except ProtocolError:
            self._give_up("statement_invalid", "read")
        finally:
            self._connection.close()

    async def _take_answers(self, stream: Stream, deadline_s: float) -> None:
        buffer = b""
        while self._open:
            line, separator, rest = buffer.partition(b"\n")
            if separator:
                buffer = rest
                self._take(decode(line, LookAnswer))
                continue
            if len(buffer) >= ANSWER_BYTES_MAX:
                raise ProtocolError(
                    expected=f"an answer of at most {ANSWER_BYTES_MAX} bytes",
                    seen="a longer one",
                    where="outside view",
                    remedy="Check that both ends are Evenfall, and their versions.",
                )
            left_s = deadline_s - self._clock.monotonic_s()
            if left_s <= 0:
                raise NetworkFailure("generic_timeout_error", "read")
            data = await stream.read(_READ_BYTES, timeout_s=left_s)
            if not data:
                raise NetworkFailure("eof_error", "read")
            buffer += data

    def _take(self, answer: LookAnswer) -> None:
        if answer.id not in self._open:
            # Without an id it is about the connection: a request of ours that could not be read.
            if answer.id is None and not answer.ok:
                self._give_up(f"refused_by_server: {answer.error}", "read")
            return
        request, question = self._open.pop(answer.id)
        if not answer.ok:
            self._note(question, failure=f"refused_by_server: {answer.error}", operation="read")
            return
        statement = self._statement(answer, request)
        if statement is None:
            self._note(question, failure="statement_invalid", operation="read")
            return
        self._note(
            question,
            statement=answer.statement,
            signature=answer.signature,
            signature_key=answer.key,
        )
        offset_us = self._clock.wall_us() - statement.now_us
        self.observations += [
            _as_seen(self._round, question.target, step, offset_us) for step in statement.steps
        ]

    def _statement(self, answer: LookAnswer, request: LookRequest) -> Statement | None:
        if not check_signature(answer, self._server.pin):
            return None
        try:
            return read_statement(answer.statement or "", request)
        except ProtocolError:
            return None

    def _give_up(self, failure: str, operation: str) -> None:
        for _, question in self._open.values():
            self._note(question, failure=failure, operation=operation)
        self._open.clear()

    def _note(self, question: Question, **fields: str | None) -> None:
        self.observations.append(
            self._round.observe(
                Fact.OUTSIDE_VIEW,
                question.target,
                self._start,
                host=question.host,
                address=self._server.address,
                port=self._server.port,
                family=6 if ":" in self._server.address else 4,
                seen_by=SEEN_BY,
                wire_bytes=self._connection.spent(),
                **fields,
            )
        )


def _as_seen(round_: Round, target: Target, step: Step, offset_us: int) -> Observation:
    """One step as an observation; it cost this line nothing."""
    fields = msgspec.structs.asdict(step)
    fact, started_us = Fact(fields.pop("fact")), fields.pop("started_us")
    if fact is Fact.DNS_LOOKUP:
        fields["resolver"] = SEEN_BY
    if fact is Fact.HTTP_EXCHANGE:
        fields["direction"] = Direction.DOWNLOAD
    start = Moment(max(0, started_us + offset_us), 0.0)
    return round_.observe(fact, target, start, seen_by=SEEN_BY, wire_bytes=0, **fields)
