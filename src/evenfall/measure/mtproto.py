"""One question in Telegram's own protocol over an open connection, as any client's first.

Telegram's apps do not open its web page: they speak to its data centres, at literal addresses. So
whether its web page opens says nothing about the app, and the other way round.
"""

from __future__ import annotations

import random

from evenfall.measure.round import Meter, Moment, Round
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact
from evenfall.net.api import NetworkFailure, Stream
from evenfall.wire.mtproto import ANSWER_BYTES_MAX, NONCE_BYTES, AnswerReader, question

__all__ = ["ask_for_key"]

_READS_MAX = 64


async def ask_for_key(
    stream: Stream,
    meter: Meter,
    round_: Round,
    target: Target,
    *,
    host: str,
    address: str,
    port: int,
    rng: random.Random,
    timeout_s: float,
) -> Observation:
    """Send one `req_pq_multi`, wait for its `resPQ`, and close.

    `rng` draws the nonce. Failures are in the observation: `mtproto_invalid_response` where
    something else answered; nothing is raised.
    """
    start = round_.now()
    nonce = rng.randbytes(NONCE_BYTES)
    failure: NetworkFailure | None = None
    first_us: int | None = None
    try:
        await stream.write(question(nonce, now_us=start.wall_us), timeout_s=timeout_s)
        first_us = await _answer(stream, round_, start, AnswerReader(nonce), timeout_s)
    except NetworkFailure as seen:
        failure = seen
    duration_us = round_.since_us(start)
    stream.close()
    return round_.observe(
        Fact.MTPROTO_EXCHANGE,
        target,
        start,
        host=host,
        address=address,
        port=port,
        family=6 if ":" in address else 4,
        duration_us=duration_us,
        first_byte_us=first_us,
        failure=failure.code if failure else None,
        operation=failure.operation if failure else None,
        wire_bytes=meter.spent(),
    )


async def _answer(
    stream: Stream, round_: Round, start: Moment, reader: AnswerReader, timeout_s: float
) -> int | None:
    """Read until the answer is there; returns when its first byte came."""
    first_us: int | None = None
    for _ in range(_READS_MAX):
        left_s = timeout_s - round_.since_us(start) / 1e6
        data = await stream.read(ANSWER_BYTES_MAX, timeout_s=max(0.0, left_s))
        if not data:
            raise NetworkFailure("eof_error", "read")
        first_us = round_.since_us(start) if first_us is None else first_us
        reader.feed(data)
        if reader.done:
            return first_us
        if reader.failed:
            break
    raise NetworkFailure("mtproto_invalid_response", "read")
