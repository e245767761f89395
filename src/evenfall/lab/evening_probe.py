"""What runs where the client sits: pair after pair until the emulated evening is over.

A process of its own, started as `python -m evenfall.lab.evening_probe`. It is given a target file
and a clock, and nothing that says what to expect: whatever it finds out, it finds out over sockets,
with the same `run_pair` that `check` uses. One JSON line a pair goes to stdout.

Services take turns, one pair each a round; every third round adds a pair of two neutral names. A
round begins with its quarter of an hour of emulated time, or at once if the last one took longer.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evenfall.lab.clock import LabClock
from evenfall.measure.pairs import Pair, run_null_pair, run_pair
from evenfall.measure.round import Round
from evenfall.measure.transfer_run import PairServer
from evenfall.model.observation import Observation
from evenfall.model.target import Target, TargetList
from evenfall.net.sockets import SystemNetwork
from evenfall.probe.targets import host_of, port_of, read_targets

__all__ = ["CAP_S", "SIZE_BYTES", "SLOT_MIN", "PairLine", "main"]

SIZE_BYTES = 131_072
CAP_S = 1.0
"""An evening of seven hours passes in 90 s, so a transfer gets one second, not four."""

PAUSE_S = 0.1
SLOT_MIN = 15
_NULL_EVERY = 3


class PairLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="pair"):
    """One pair as it was measured.

    Attributes:
        local_min: emulated local minutes since midnight at which it began; may pass 1440.
        target_from_min, target_to_min: the same for the transfer with the target's name alone.
    """

    local_min: float
    target_from_min: float
    target_to_min: float
    target: Observation
    neutral: Observation


async def evening(
    targets: TargetList, clock: LabClock, *, until_min: float, rng: random.Random
) -> None:
    """Measure until the emulated clock has passed `until_min`; each pair is written at once."""
    network = SystemNetwork()
    server = targets.servers[0]
    pair_server = PairServer(address=host_of(server.url), port=port_of(server.url), pin=server.pin)
    controls = [host_of(c.url) for c in targets.controls]
    turn = 0
    await network.clock.sleep(max(0.0, clock.epoch_monotonic_s - network.clock.monotonic_s()))
    while (now := _now_min(network, clock)) < until_min:
        round_ = Round(secrets.token_hex(16), network.clock)
        for place, target in enumerate(targets.targets):
            neutral = controls[(turn + place) % len(controls)]
            await _one(network, pair_server, round_, target, neutral, clock, rng)
        if turn % _NULL_EVERY == 0:
            names = (controls[turn % len(controls)], controls[(turn + 1) % len(controls)])
            await _null(network, pair_server, round_, targets.controls[0], names, clock, rng)
        turn += 1
        next_min = (now // SLOT_MIN + 1) * SLOT_MIN
        await network.clock.sleep(
            max(0.0, (next_min - _now_min(network, clock)) * 60 / clock.speed)
        )


async def _one(
    network: SystemNetwork,
    server: PairServer,
    round_: Round,
    target: Target,
    neutral: str,
    clock: LabClock,
    rng: random.Random,
) -> None:
    began = _now_min(network, clock)
    pair = await run_pair(
        network,
        server,
        round_,
        target,
        target_sni=host_of(target.url),
        neutral_sni=neutral,
        size_bytes=SIZE_BYTES,
        rng=rng,
        cap_s=CAP_S,
        pause_s=PAUSE_S,
    )
    _write(began, pair, clock)


async def _null(
    network: SystemNetwork,
    server: PairServer,
    round_: Round,
    control: Target,
    names: tuple[str, str],
    clock: LabClock,
    rng: random.Random,
) -> None:
    began = _now_min(network, clock)
    pair = await run_null_pair(
        network,
        server,
        round_,
        control,
        neutral_snis=names,
        size_bytes=SIZE_BYTES,
        rng=rng,
        cap_s=CAP_S,
        pause_s=PAUSE_S,
    )
    _write(began, pair, clock)


def _now_min(network: SystemNetwork, clock: LabClock) -> float:
    now_s = network.clock.monotonic_s()
    return clock.start_local_minutes + clock.elapsed_minutes(now_s)


def _write(local_min: float, pair: Pair, clock: LabClock) -> None:
    first_us = min(pair.target.started_us, pair.neutral.started_us)
    begin = local_min + (pair.target.started_us - first_us) * clock.speed / 60e6
    end = begin + (pair.target.duration_us or 0) * clock.speed / 60e6
    line = PairLine(
        local_min=round(local_min, 2),
        target_from_min=round(begin, 2),
        target_to_min=round(end, 2),
        target=pair.target,
        neutral=pair.neutral,
    )
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Read the arguments and measure; 0 when the evening is over."""
    parser = argparse.ArgumentParser(prog="evening_probe")
    parser.add_argument("--targets", type=Path, required=True)
    parser.add_argument("--clock", required=True, help="a LabClock as JSON")
    parser.add_argument("--until-min", type=float, required=True)
    options = parser.parse_args(arguments)
    clock = msgspec.json.decode(options.clock, type=LabClock)
    rng = random.Random()  # noqa: S311  (the order of arms, not a secret)
    asyncio.run(evening(read_targets(options.targets), clock, until_min=options.until_min, rng=rng))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
