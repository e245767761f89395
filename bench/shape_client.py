"""Run by bench/shape_runs.py where the lab's client sits: pairs with our server, as JSON lines."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from evenfall.measure.pairs import run_pair
from evenfall.measure.round import Round
from evenfall.measure.transfer import PairServer
from evenfall.model.encoding import to_json_line
from evenfall.model.vocabulary import Direction
from evenfall.net.clock import SystemClock
from evenfall.net.sockets import SystemNetwork
from evenfall.probe.targets import host_of, port_of, read_targets


async def main(path: str, role: str, direction: str, sizes: list[int]) -> None:
    """Pairs of the role's name, one a size."""
    targets = read_targets(Path(path))
    network = SystemNetwork(SystemClock())
    server = targets.servers[0]
    place = PairServer(address=host_of(server.url), port=port_of(server.url), pin=server.pin)
    target = next(t for t in targets.targets if t.target_id == f"{role}/front")
    neutral = host_of(targets.controls[0].url)
    round_ = Round("bench", network.clock)
    rng = random.Random(path)  # noqa: S311 (an order, not a secret)
    for size_bytes in sizes:
        pair = await run_pair(
            network, place, round_, target, target_sni=host_of(target.url), neutral_sni=neutral,
            size_bytes=size_bytes, rng=rng, direction=Direction(direction),
        )  # fmt: skip
        for observation in pair:
            sys.stdout.write(to_json_line(observation) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], [int(n) for n in sys.argv[4:]]))
