"""The rule of the paired transfers, run on sessions of which the truth is known.

    .venv/bin/python bench/pair_calibration.py                  a quick look: 500 sessions a row
    .venv/bin/python bench/pair_calibration.py --write          thousands a row, into the JSON lines

Each session is made by the production functions, `probe.pair_plan.next_step` and
`infer.weigh.weigh`, pair by pair, until the plan ends; only the transfers are drawn. Innocent rows
count false THROTTLED in either direction. Rows of power count sessions that convict, and the bytes
of the target's own pairs until then; "within 2 MB" means that these are at most 2,000,000.

A whole round is planned as `check` does it: of eight names three get downloads, each with a slow
page in half of the rounds, the others are screened for slow uploads, and all share one budget. It
counts as false if any of the eight convicts.

A transfer that nobody slows takes two round trips, TCP's slow start (RFC 6928) and its bytes at the
line's rate; a policer lets a burst pass and then its rate, of which TCP takes 80 to 100 %.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import NamedTuple

from evenfall.infer.exact import clopper_pearson
from evenfall.infer.facts import Pair
from evenfall.infer.pairs import Decision
from evenfall.infer.profiles import PAIRS_2026
from evenfall.infer.weigh import weigh
from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Arm, ClockState, Direction, Fact, Provenance, Role
from evenfall.probe.pair_plan import Candidate, Step, next_step

ROWS = Path(__file__).with_suffix(".jsonl")
TARGET = "video/front"
CAP_S = PAIRS_2026.cap_s
BUDGET_BYTES = 4_000_000
"""What a check has left for the pairs of one suspect, after pages and second looks."""
WITHIN_BYTES = 2_000_000
SEED = 1
SESSIONS = 6_000
POWER_SESSIONS = 1_000
ROUNDS = 4_000
ROUND_TARGETS = 8
ROUND_SUSPECTS = 3
SERVERS = ("203.0.113.80", "203.0.113.81")
HELLOS = ("stdlib", "browser")
BIT = 8
POINTS = 24
HANDSHAKE_BYTES = 4_000
X_MAX = 14.0
HANG_S = (0.3, 2.0)
"""Drawn log-uniformly: a lost tail, Wi-Fi that goes away for a moment."""
CRAWL = 0.1


@dataclass(frozen=True, kw_only=True)
class World:
    """What the transfers of a session are drawn from.

    Attributes:
        scale: of the pair's noise, Student t with 2 d.o.f.
        bias: sd of what a name is preferred by, drawn once a session for every name.
        bias_of_target_only: the null pairs do not show it.
        stalls: in this share of pairs one arm stops: half of them at once, half on the way.
        hangs: this share of arms, whatever their name, pauses once for `HANG_S`.
        crawls: this share of the arms at the first of two servers comes at `CRAWL` of its speed.
        targets: names in the round; more than one: a whole round.
        rtt_s, line_bps: ranges, drawn log-uniformly once a session.
        jitter: sd of the logarithm of each arm's own round-trip time.
        police_bps, burst_bytes: of the policer that acts on the name; 0: there is none.
        factor: the name is slower by this, whatever the rate.
        share: of the flows that it hits.
        direction: which way it acts.
    """

    name: str
    scale: float = 0.19
    bias: float = 0.0
    bias_of_target_only: bool = False
    stalls: float = 0.0
    hangs: float = 0.0
    crawls: float = 0.0
    targets: int = 1
    rtt_s: tuple[float, float] = (0.01, 0.2)
    line_bps: tuple[float, float] = (2e6, 100e6)
    jitter: float = 0.0
    police_bps: float = 0.0
    burst_bytes: int = 16_000
    factor: float = 1.0
    share: float = 1.0
    direction: Direction = Direction.DOWNLOAD

    @property
    def innocent(self) -> bool:
        """Nobody does anything to the name."""
        return not self.police_bps and self.factor == 1.0


NULLS = (
    *(World(name=f"null, scale {s}", scale=s) for s in (0.19, 0.3, 0.35, 0.4)),
    *(World(name=f"null, every name biased, sd {b}", bias=b) for b in (0.15, 0.3, 0.4)),
    *(
        World(name=f"null, the target alone biased, sd {b}", bias=b, bias_of_target_only=True)
        for b in (0.15, 0.3, 0.4)
    ),
    *(
        World(name=f"null, one arm stalls in {q:.0%} of pairs", stalls=q)
        for q in (0.05, 0.1, 0.2, 0.4)
    ),
    World(name="null, round trips jitter by sd 0.3", jitter=0.3),
    World(name="null, both arms cut at the cap", line_bps=(0.05e6, 0.2e6)),
    *(
        World(name=f"null, {q:.0%} of arms hang once for 0.3 to 2 s", hangs=q)
        for q in (0.05, 0.1, 0.2, 0.3)
    ),
    *(
        World(name=f"null, one of two servers crawls at a tenth in {q:.0%} of its arms", crawls=q)
        for q in (0.2, 0.4, 0.6)
    ),
)
WHOLE_ROUNDS = tuple(
    World(name=f"null, a whole round of eight names, {said}", targets=ROUND_TARGETS, **drawn)
    for said, drawn in (
        ("scale 0.19", {}),
        ("scale 0.4", {"scale": 0.4}),
        ("each name alone biased, sd 0.4", {"bias": 0.4, "bias_of_target_only": True}),
        ("one arm stalls in 40% of pairs", {"stalls": 0.4}),
    )
)
LINE_20M = {"line_bps": (20e6, 20e6), "rtt_s": (0.015, 0.08)}
"""As in the lab's cases. Further away a transfer of this size is slow whatever anybody does."""
POWERS = (
    *(
        World(
            name=f"policer {rate // 1000} kbit/s, burst {burst // 1000} kB",
            police_bps=rate, burst_bytes=burst, **LINE_20M,
        )
        for rate in (128_000, 512_000, 1_024_000)
        for burst in (16_000, 64_000, 262_144)
    ),
    *(World(name=f"slower by {f}", factor=f, **LINE_20M) for f in (2, 3, 8)),
    World(name="policer 128 kbit/s on 60 % of flows", police_bps=128_000, share=0.6, **LINE_20M),
    World(
        name="policer 128 kbit/s, uploads only", police_bps=128_000, direction=Direction.UPLOAD,
        **LINE_20M,
    ),
    World(
        name="policer 1024 kbit/s, burst 16 kB, round trips 10 to 200 ms", police_bps=1_024_000,
        line_bps=(20e6, 20e6),
    ),
)  # fmt: skip


class Body(NamedTuple):
    """One arm: bytes, seconds, failure, and (seconds, bytes so far)."""

    count: int
    took_s: float
    failure: str | None
    curve: tuple[tuple[float, float], ...]


class Session:
    """One session: draws pairs as the plan asks for them."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.rtt_s = _log_uniform(rng, world.rtt_s)
        self.line_bps = _log_uniform(rng, world.line_bps)
        names = [f"video{i}/front" for i in range(1, world.targets)]
        self.bias = {name: rng.gauss(0, world.bias) for name in (TARGET, *names)}
        self.pairs: list[Pair] = []
        self.own_bytes = 0

    def run(self) -> tuple[bool, bool, int, int]:
        """(convicted, in both directions alike, own pairs, own bytes)."""
        candidates = self.candidates()
        while True:
            step = next_step(self.pairs, candidates, fits=self.fits)
            if step is None:
                break
            self.do(step)
            if not self.world.innocent and self.is_found():
                break
        weighed = [weigh(self.pairs, name) for name in self.bias]
        convicted = [w.convicted for w in weighed if w.convicted and not w.exempt]
        if not self.world.innocent:
            convicted = [ways for ways in convicted if self.world.direction in ways]
        own = sum(not p.is_null for p in self.pairs)
        return bool(convicted), any(len(w) > 1 for w in convicted), own, self.own_bytes

    def candidates(self) -> list[Candidate]:
        """One name, or a whole round's."""
        if self.world.targets == 1:
            slow = not self.world.innocent or self.rng.random() < 0.5
            return [Candidate(target_id=TARGET, is_slow=slow)]
        suspects, others = list(self.bias)[:ROUND_SUSPECTS], list(self.bias)[ROUND_SUSPECTS:]
        return [
            *(Candidate(target_id=name, is_slow=self.rng.random() < 0.5) for name in suspects),
            *(Candidate(target_id=name, is_suspect=False) for name in others),
        ]

    def is_found(self) -> bool:
        """The name is convicted in the direction in which it is slowed."""
        said = weigh(self.pairs, TARGET).by_direction.get(self.world.direction)
        return said is not None and said.decision is Decision.THROTTLED

    def fits(self, size_bytes: int) -> bool:
        """Whether the budget allows a pair of this size."""
        return self.own_bytes + 2.2 * size_bytes <= BUDGET_BYTES

    def do(self, step: Step) -> None:
        """Draw the pair."""
        null = not step.target_id
        world = self.world
        x = world.scale * self.rng.gauss(0, 1) / math.sqrt(self.rng.expovariate(1.0))
        x = max(-X_MAX, min(X_MAX, x))  # nothing measures a factor of a million
        bias = 0.0
        if not null:
            bias = self.bias[step.target_id]
        else:
            bias = 0.0 if world.bias_of_target_only else self.rng.gauss(0, world.bias)
        acts = not null and step.direction is world.direction and self.rng.random() < world.share
        bodies = [
            self.disturbed(self.body(step.size_bytes, speed, acts=hit), step)
            for speed, hit in ((math.exp(x + bias), acts), (1.0, False))
        ]
        if self.rng.random() < world.stalls:
            index = self.rng.randrange(2)
            bodies[index] = _stalled(
                bodies[index], 0.0 if self.rng.random() < 0.5 else self.rng.random()
            )
        if not null:
            self.own_bytes += sum(round(1.07 * body.count) + 5_000 for body in bodies)
        self.pairs.append(self.pair(step, bodies, null=null))

    def disturbed(self, body: Body, step: Step) -> Body:
        """As the line or the server leaves this arm, whatever its name."""
        world = self.world
        if world.crawls and _server(step) == 0 and self.rng.random() < world.crawls:
            body = _cut([(t / CRAWL, n) for t, n in body.curve])
        if world.hangs and self.rng.random() < world.hangs:
            at_s = self.rng.random() * body.took_s
            pause_s = _log_uniform(self.rng, HANG_S)
            body = _cut([(t + (pause_s if t >= at_s else 0.0), n) for t, n in body.curve])
        return body

    def body(self, size_bytes: int, speed: float, *, acts: bool) -> Body:
        """How the bytes of one arm come in."""
        world = self.world
        rtt_s = self.rtt_s * math.exp(self.rng.gauss(0, world.jitter))
        rate = world.police_bps * self.rng.uniform(0.8, 1.0) * 1448 / 1514 / BIT
        points = []
        for i in range(1, POINTS + 1):
            count = size_bytes * i / POINTS
            at_s = _free_s(count, rtt_s, self.line_bps)
            if acts:
                at_s *= world.factor
            if acts and rate:
                at_s = max(at_s, (count + HANDSHAKE_BYTES - world.burst_bytes) / rate)
            points.append((at_s / speed, count))
        return _cut(points)

    def pair(self, step: Step, bodies: list[Body], *, null: bool) -> Pair:
        """As two observations."""
        index = len(self.pairs)
        arms = []
        order = [0, 1] if self.rng.random() < 0.5 else [1, 0]
        for arm, body in zip((Arm.TARGET, Arm.NEUTRAL), bodies, strict=True):
            position = order[len(arms)]
            arms.append(
                Observation(
                    observation_id=f"r/{index}/{arm}", fact=Fact.TRANSFER,
                    provenance=Provenance.SYNTH, service="s",
                    target=step.target_id or "control/front", role=Role.TARGET,
                    started_us=1_528_210_800_000_000 + index * 2_000_000 + position * 1_000_000,
                    clock=ClockState.VERIFIED, address=SERVERS[_server(step)],
                    size_bytes=step.size_bytes, direction=step.direction, pair_id=str(index),
                    arm=arm, position=position, is_null_pair=null, failure=body.failure,
                    body_bytes=body.count, goodput_bps=round(body.count * BIT / body.took_s),
                    hello_profile=HELLOS[step.index % 2], capped=body.took_s >= CAP_S,
                    curve=tuple((round(t * 1e6), round(n)) for t, n in body.curve),
                )
            )  # fmt: skip
        return Pair(target=arms[0], neutral=arms[1], is_null=null)


def _server(step: Step) -> int:
    """By turns, as `probe.pairing` takes them."""
    return (step.index + step.index // 2) % 2


def _log_uniform(rng: random.Random, low_high: tuple[float, float]) -> float:
    return math.exp(rng.uniform(*map(math.log, low_high)))


def _free_s(size_bytes: float, rtt_s: float, line_bps: float) -> float:
    """Handshake, request, slow start up to the line's rate, then the rest at it."""
    window, sent, took_s = 14_600.0, 0.0, 2 * rtt_s
    while sent < size_bytes and window < line_bps / BIT * rtt_s:
        sent += window
        window *= 2
        took_s += rtt_s
    return took_s + max(0.0, size_bytes - sent) * BIT / line_bps + (0 if sent else rtt_s / 2)


def _cut(points: list[tuple[float, float]]) -> Body:
    """At the cap, if the last point lies beyond it."""
    if points[-1][0] <= CAP_S:
        return Body(round(points[-1][1]), points[-1][0], None, tuple(points))
    before_s, before = 0.0, 0.0
    kept = []
    for at_s, count in points:
        if at_s > CAP_S:
            so_far = before + (count - before) * (CAP_S - before_s) / (at_s - before_s)
            kept.append((CAP_S, so_far))
            break
        kept.append((at_s, count))
        before_s, before = at_s, count
    return Body(max(1, round(kept[-1][1])), CAP_S, None, tuple(kept))


def _stalled(body: Body, share: float) -> Body:
    """Stopped after a share of its bytes."""
    count = int(body.count * share)
    curve = tuple((t, n) for t, n in body.curve if n <= count)
    return Body(count, CAP_S, "stalled" if count else "generic_timeout_error", curve)


def _one(job: tuple[World, int]) -> tuple[bool, bool, int, int]:
    world, seed = job
    return Session(world, random.Random(f"{world.name}/{seed}")).run()  # noqa: S311 (a simulation)


def measure(
    world: World, sessions: int, over: Callable[..., list[tuple[bool, bool, int, int]]]
) -> dict[str, object]:
    """One row."""
    started_s = time.monotonic()
    seen = over(_one, [(world, SEED + i) for i in range(sessions)], 50)
    hits = sum(convicted for convicted, *_ in seen)
    costs = sorted(cost for convicted, _, _, cost in seen if convicted or world.innocent)
    row: dict[str, object] = {
        "row": world.name,
        "innocent": world.innocent,
        "profile": PAIRS_2026.name,
        "sessions": sessions,
        "throttled": hits,
        "rate": hits / sessions,
        "bounds": [round(b, 6) for b in clopper_pearson(hits=hits, n=sessions, level=0.95)],
        "pairs_mean": round(sum(n for *_, n, _ in seen) / sessions, 2),
        "bytes_mean": round(sum(costs) / max(1, len(costs))),
        "bytes_p95": costs[int(0.95 * (len(costs) - 1))] if costs else None,
    }
    if not world.innocent:
        within = sum(convicted and cost <= WITHIN_BYTES for convicted, _, _, cost in seen)
        row["within_2_mb"] = within / sessions
    row["took_s"] = round(time.monotonic() - started_s, 1)
    return row


def rows() -> list[dict[str, object]]:
    """What was measured with today's profile."""
    if not ROWS.exists():
        return []
    found = [json.loads(line) for line in ROWS.read_text().splitlines()]
    return [row for row in found if row["profile"] == PAIRS_2026.name]


def keep(row: dict[str, object]) -> None:
    """Put a row into the file, in place of its namesake, in the order of the worlds."""
    found = {str(r["row"]): r for r in [*rows(), row]}
    names = [world.name for world in (*NULLS, *WHOLE_ROUNDS, *POWERS)]
    ordered = sorted(found, key=lambda name: names.index(name) if name in names else -1)
    ROWS.write_text("".join(json.dumps(found[name]) + "\n" for name in ordered))


def main() -> None:
    """Run all rows; keep them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--write", action="store_true", help="thousands of sessions a row, and keep them"
    )
    parser.add_argument("--more", action="store_true", help="only rows that are not kept yet")
    parser.add_argument("--sessions", type=int, help="no more a row; 500 without --write")
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    done = {row["row"] for row in rows()}
    with Pool(chosen.processes) as pool:
        for world in (*NULLS, *WHOLE_ROUNDS, *POWERS):
            if chosen.only not in world.name or (chosen.more and world.name in done):
                continue
            sessions = SESSIONS if world.innocent else POWER_SESSIONS
            sessions = ROUNDS if world.targets > 1 else sessions
            most = chosen.sessions or (sessions if chosen.write else 500)
            row = measure(world, min(sessions, most), pool.map)
            print(json.dumps(row), flush=True)
            if chosen.write:
                keep(row)


if __name__ == "__main__":
    sys.exit(main())
