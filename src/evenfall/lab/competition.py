"""Other people's traffic on a shared bottleneck of the loopback line.

Each competing flow asks the bucket for one piece after another, as a greedy TCP does, and pauses
now and then; the client's flows get their turn among them. What TCP would add (losses, a queue
that fills) is not here.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from evenfall.lab.pacing import TokenBucket
from evenfall.lab.relay import piece_bytes

__all__ = ["start_competition"]

_BUSY_MEAN_S = 3.0
_IDLE_MEAN_S = 0.5


def start_competition(
    bottleneck: TokenBucket, *, flows: int, rng: random.Random
) -> Callable[[], None]:
    """Start `flows` competing flows in the running loop; the function returned ends them."""
    tasks = [asyncio.ensure_future(_compete(bottleneck, rng)) for _ in range(flows)]

    def stop() -> None:
        for task in tasks:
            task.cancel()

    return stop


async def _compete(bottleneck: TokenBucket, rng: random.Random) -> None:
    now_s = asyncio.get_running_loop().time
    size = piece_bytes(bottleneck.rate_bps)
    while True:
        until_s = now_s() + rng.expovariate(1 / _BUSY_MEAN_S)
        while now_s() < until_s:
            await bottleneck.take(size)
        await asyncio.sleep(rng.expovariate(1 / _IDLE_MEAN_S))
