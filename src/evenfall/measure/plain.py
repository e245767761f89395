"""Our own measurement server, asked over plain HTTP by two names: who writes the page?

What it does. `ask_plainly` asks the server twice, in random order: with the target's name in `Host`
and with a neutral one, each with a token that our server repeats (`wire.plain`). Both observations
share a `pair_id`; what is due in each can be computed from it.

Rules. `Host` is, byte for byte, what the target itself is asked with, port included, because a box
on the way may compare it literally. A failure is an answer too: both observations always come back.
"""

from __future__ import annotations

import dataclasses
import random
import secrets

import msgspec

from evenfall.measure.http import Exchange, get
from evenfall.measure.round import Round
from evenfall.measure.tcp import connect
from evenfall.measure.transfer_run import PairServer
from evenfall.model.target import Target
from evenfall.model.vocabulary import Arm, Fact
from evenfall.net.api import Network
from evenfall.wire import plain

__all__ = ["BODY_BYTES_MAX", "ask_plainly"]

BODY_BYTES_MAX = 16_384
"""Of what comes back; our own page has 61 bytes, a block page a few thousand."""


async def ask_plainly(
    network: Network,
    server: PairServer,
    round_: Round,
    target: Target,
    *,
    names: tuple[str, str],
    named_port: int,
    rng: random.Random,
    timeout_s: float,
    receive_buffer_bytes: int = 0,
) -> tuple[Exchange, Exchange]:
    """Ask by both names; the target's answer first, whatever the order they were asked in.

    Args:
        network: the way out.
        server: ours.
        round_: hands out ids and stamps.
        target: what both observations are about.
        names: the target's host, and a neutral one.
        named_port: of the target's URL; it is what `Host` says.
        rng: draws the order.
        timeout_s: for each question, connecting and reading alike.
        receive_buffer_bytes: as for `Network.connect`.
    """
    pair_id = secrets.token_hex(16)
    order = list(zip((Arm.TARGET, Arm.NEUTRAL), names, strict=True))
    if rng.random() < 0.5:
        order.reverse()
    answers: dict[Arm, Exchange] = {}
    for position, (arm, name) in enumerate(order):
        answer = await _ask(
            network, server, round_, target, name=name, named_port=named_port,
            token=plain.token_of(pair_id, arm), timeout_s=timeout_s,
            receive_buffer_bytes=receive_buffer_bytes,
        )  # fmt: skip
        seen = msgspec.structs.replace(
            answer.observation, port=server.port, pair_id=pair_id, arm=arm, position=position
        )
        answers[arm] = dataclasses.replace(answer, observation=seen)
    return answers[Arm.TARGET], answers[Arm.NEUTRAL]


async def _ask(
    network: Network,
    server: PairServer,
    round_: Round,
    target: Target,
    *,
    name: str,
    named_port: int,
    token: str,
    timeout_s: float,
    receive_buffer_bytes: int,
) -> Exchange:
    """One question; its observation has the port that `Host` names, not yet the server's."""
    opened, stream, meter = await connect(
        network, round_, target, host=name, address=server.address, port=server.port,
        timeout_s=timeout_s, receive_buffer_bytes=receive_buffer_bytes,
    )  # fmt: skip
    if stream is None or meter is None:
        return Exchange(observation=msgspec.structs.replace(opened, fact=Fact.HTTP_EXCHANGE))
    answer = await get(
        stream, meter, round_, target, host=name, path=plain.path_of(token),
        address=server.address, port=named_port, sni=None, body_bytes_max=BODY_BYTES_MAX,
        time_max_s=timeout_s,
    )  # fmt: skip
    whole_bytes = (opened.wire_bytes or 0) + (answer.observation.wire_bytes or 0)
    seen = msgspec.structs.replace(answer.observation, wire_bytes=whole_bytes)
    return dataclasses.replace(answer, observation=seen)
