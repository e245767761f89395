"""One paired transfer: the same server, the same bytes, two names, in random order.

What it does. `run_pair` does the two arms one after the other and returns both observations, which
share `pair_id`. `run_null_pair` does the same with neutral names in both arms: what this line does
to two transfers that nobody treats differently (METHOD 2, "null density").

Rules. The order is drawn by `rng` for each pair, so that a drift of the line favours neither arm.
Nothing else of ours is on the line meanwhile; between the arms there is a pause, a longer one after
a cut arm, whose queue may still be draining. An arm that fails is an arm: both observations always
come back.
"""

from __future__ import annotations

import math
import random
import secrets
from collections.abc import Callable
from typing import NamedTuple

from evenfall.measure.exchange import ClockOffset
from evenfall.measure.round import Round
from evenfall.measure.transfer import CAP_S, PairPlace, reserve_bytes, transfer
from evenfall.measure.transfer_run import PairServer
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Arm, Direction
from evenfall.net.api import Network
from evenfall.net.hello_profiles import STDLIB

__all__ = [
    "PAUSE_AFTER_CUT_S",
    "PAUSE_S",
    "Pair",
    "reserve_pair_bytes",
    "run_null_pair",
    "run_pair",
]

PAUSE_S = 0.1
"""After an arm of which all bytes arrived: nothing of ours is queued any more."""
PAUSE_AFTER_CUT_S = 1.5
"""A cut arm may have left a queue in somebody's shaper; at 1 Mbit/s 1.5 s drain 190 KB of it."""


class Pair(NamedTuple):
    """Both arms of one pair, whatever order they were done in (`position` tells)."""

    target: Observation
    neutral: Observation


def reserve_pair_bytes(size_bytes: int) -> int:
    """IP bytes that a pair can cost at most."""
    return 2 * reserve_bytes(size_bytes)


async def run_pair(
    network: Network,
    server: PairServer,
    round_: Round,
    target: Target,
    *,
    target_sni: str,
    neutral_sni: str,
    size_bytes: int,
    rng: random.Random,
    direction: Direction = Direction.DOWNLOAD,
    cap_s: float = CAP_S,
    end_s: float = math.inf,
    pause_s: float = PAUSE_S,
    is_null_pair: bool = False,
    on_clock: Callable[[ClockOffset], None] | None = None,
    hello: str = STDLIB,
) -> Pair:
    """Do one pair.

    Args:
        network: the way out.
        server: ours; both arms go to this one address.
        round_: hands out ids and stamps.
        target: what both observations are about.
        target_sni: the target's host name.
        neutral_sni: a name that nobody has a reason to treat badly.
        size_bytes: of each arm, 16 KiB … 1 MiB (METHOD 2: never under 24 KB in `check`).
        rng: draws which arm goes first.
        direction: seen from here.
        cap_s: time cap of each arm.
        end_s: monotonic time at which both have to be over; an arm that this cuts short, or keeps
            from starting, is `interrupted`, and the pair does not count.
        pause_s: between the arms; after a cut arm at least `PAUSE_AFTER_CUT_S`.
        is_null_pair: both names are neutral; use `run_null_pair`.
        on_clock: told the server's clock offset at each answer.
        hello: the ClientHello of both arms (`net.hello_profiles`).
    """
    pair_id = secrets.token_hex(8)
    order = [(Arm.TARGET, target_sni), (Arm.NEUTRAL, neutral_sni)]
    if rng.random() < 0.5:
        order.reverse()
    arms: dict[Arm, Observation] = {}
    for position, (arm, sni) in enumerate(order):
        if position:
            left_s = max(0.0, end_s - network.clock.monotonic_s())
            await network.clock.sleep(min(left_s, _pause_s(arms[order[0][0]], pause_s)))
        arms[arm] = await transfer(
            network,
            server,
            round_,
            target,
            sni=sni,
            size_bytes=size_bytes,
            direction=direction,
            cap_s=cap_s,
            end_s=end_s,
            place=PairPlace(pair_id=pair_id, arm=arm, position=position, is_null_pair=is_null_pair),
            result_sni=neutral_sni,
            on_clock=on_clock,
            hello=hello,
        )
    return Pair(arms[Arm.TARGET], arms[Arm.NEUTRAL])


async def run_null_pair(
    network: Network,
    server: PairServer,
    round_: Round,
    target: Target,
    *,
    neutral_snis: tuple[str, str],
    size_bytes: int,
    rng: random.Random,
    direction: Direction = Direction.DOWNLOAD,
    cap_s: float = CAP_S,
    end_s: float = math.inf,
    pause_s: float = PAUSE_S,
    on_clock: Callable[[ClockOffset], None] | None = None,
    hello: str = STDLIB,
) -> Pair:
    """Do a pair of two neutral names (they may be equal); which is called "target" is arbitrary."""
    return await run_pair(
        network,
        server,
        round_,
        target,
        target_sni=neutral_snis[0],
        neutral_sni=neutral_snis[1],
        size_bytes=size_bytes,
        rng=rng,
        direction=direction,
        cap_s=cap_s,
        end_s=end_s,
        pause_s=pause_s,
        is_null_pair=True,
        on_clock=on_clock,
        hello=hello,
    )


def _pause_s(first: Observation, pause_s: float) -> float:
    cut = first.failure is not None or first.capped
    return max(pause_s, PAUSE_AFTER_CUT_S) if cut else pause_s
