"""What is measured in each round of one network: whole numbers, as a probe would write them.

Everything a world contains is made here, once; `series.py` and `rows.py` only put it into two
forms. A measurement that was not made is −1 in the arrays, and null in the rows.

How it works:
    A pair shares the line's level; its arms differ by the drawn scatter, half of it each, and each
    may crawl in bad hours. An act works on the named arm alone. A visit goes to the site's own
    server, which wanders by itself, and shares with the pairs only the line. What falls on the line
    falls on all arms and visits alike.
    The limiter's arithmetic is that of a token bucket: an allowance, then the rate. A transfer is
    cut after 4 s; the bytes so far are the datum.

Sources: METHOD 2 (sizes, cap), Flach et al. 2016 (policing and shaping differ by the allowance).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from evenfall.lab.nights.hours import Flags, Floats, Ints, held
from evenfall.lab.nights.line import crawl, difference, level, wander
from evenfall.lab.nights.plan import Act, Plan, Trouble
from evenfall.lab.nights.rounds import Rounds, make_rounds

__all__ = [
    "CAP_S",
    "CONTROL_SITES",
    "FETCH_BYTES",
    "SIZE_BYTES",
    "Facts",
    "Visits",
    "empty_share",
    "measure",
]

SIZE_BYTES = 262_144
FETCH_BYTES = 1_048_576
CAP_S = 4.0
CONTROL_SITES = ("encyclopedia", "news", "weather")
NONE = -1

_ALLOWANCE = {"police": 16_000, "shape": 2_000}
_STALL_BYTES = (15_000, 24_000)
_STALL_EMPTY_SHARE = 0.5
_HELLO_RTTS = 2.0
_SLOW_START_BYTES = 14_600
_NULL_EVERY = 3
_SITE_SD = 0.15
_VISIT_SD = 0.25
_SITE_SPREAD = 0.3
_RTT_S = (0.02, 0.09)


@dataclass
class Visits:
    """Visits to one site, or tests of it, each array of shape (n,).

    Attributes:
        bps: int64; −1: nothing came, or no speed is measured.
        failed: bool.
    """

    bps: Ints
    failed: Flags


@dataclass
class Facts:
    """All that one network measured.

    Attributes:
        pairs: service → (named arm, neutral arm) in bit/s; zero: nothing came.
        null_pair: both arms of the neutral pair; −1 where the round has none.
        visits: service → its visits or tests; made beside pairs too, where they do not speak.
        controls: one for each control site.
        hit: (act, service) → shape (n,), flows that were hit: named arms, or visits where no pairs
            are made.
        slower: (act, service) → shape (n,), ln how many times slower the act made them; inf:
            nothing came.
    """

    rounds: Rounds
    pairs: dict[str, tuple[Ints, Ints]] = field(default_factory=dict)
    null_pair: tuple[Ints, Ints] | None = None
    visits: dict[str, Visits] = field(default_factory=dict)
    controls: list[Visits] = field(default_factory=list)
    hit: dict[tuple[int, str], Flags] = field(default_factory=dict)
    slower: dict[tuple[int, str], Floats] = field(default_factory=dict)


@dataclass(frozen=True)
class _Air:
    """What all measurements of one network share."""

    plan: Plan
    rounds: Rounds
    level: Floats
    rtt_s: float
    happening: list[tuple[Trouble, Flags, Floats]]
    shared: int
    rng: np.random.Generator

    def trouble(self, *on: str, service: str = "") -> tuple[Floats, Floats]:
        """The ln slower, and share failing, of what falls on these."""
        slower, fails = np.zeros(self.rounds.n), np.zeros(self.rounds.n)
        for trouble, inside, depth in self.happening:
            if trouble.on in on and (not trouble.services or service in trouble.services):
                slower += np.where(inside, depth, 0.0)
                fails = np.where(inside, np.maximum(fails, trouble.fail_share), fails)
        return slower, fails


def measure(plan: Plan, network: str, rng: np.random.Generator, shared: int) -> Facts:
    """Everything that one network measured.

    Args:
        plan: the world.
        network: one of its networks.
        rng: of this network.
        shared: seed of what all networks and services see alike: how deep a trouble is on a date,
            and when exactly a window begins.
    """
    rounds = make_rounds(plan, network, rng)
    happening = _happening(plan, rounds, np.random.default_rng(shared))
    rtt_s = rng.uniform(*_RTT_S)
    air = _Air(plan, rounds, level(plan, rounds, rng), rtt_s, happening, shared, rng)
    facts = Facts(rounds=rounds)
    for service in plan.services:
        if plan.measures == "pairs":
            facts.pairs[service] = _pair(air, facts, service)
        facts.visits[service] = _visit(air, facts, service)
    if plan.measures == "pairs":
        facts.null_pair = _null_pair(air)
    facts.controls = [_control(air) for _ in CONTROL_SITES[: plan.controls]]
    return facts


def _happening(
    plan: Plan, rounds: Rounds, shared: np.random.Generator
) -> list[tuple[Trouble, Flags, Floats]]:
    """Each trouble with where it holds here, and ln of how deep it is on that date."""
    found = []
    for trouble in plan.troubles:
        on = held(trouble.hours, rounds.date, rounds.minute, rounds.first_day, plan.nights, shared)
        depths = math.log(trouble.factor) + shared.normal(0, 1, plan.nights + 3) * trouble.spread
        depth = np.maximum(depths, 0.0)[np.clip(on.date + 1, 0, plan.nights + 2)]
        here = not trouble.networks or rounds.network in trouble.networks
        found.append((trouble, on.inside & here, depth if trouble.factor > 1 else depth * 0))
    return found


def _free(air: _Air, slower: Floats) -> Floats:
    """The ln goodput of an untouched transfer: handshake, slow start, then the line's level."""
    rounds = _HELLO_RTTS + math.log2(1 + SIZE_BYTES / _SLOW_START_BYTES)
    bps = np.exp(air.level - slower)
    return np.asarray(np.log(SIZE_BYTES * 8 / (rounds * air.rtt_s + SIZE_BYTES * 8 / bps)))


def _arms(air: _Air) -> tuple[Floats, Floats, Flags, Flags]:
    """The ln goodput of two arms that nobody treats differently, and which of them stop."""
    slower, fails = air.trouble("line", "others")
    both = _free(air, slower)
    lean = difference(air.plan, air.rounds, air.rng) / 2
    first, second = crawl(air.plan, air.rounds, air.rng), crawl(air.plan, air.rounds, air.rng)
    stops = [one[1] | (air.rng.random(air.rounds.n) < fails) for one in (first, second)]
    return both + lean - first[0], both - lean - second[0], stops[0], stops[1]


def _pair(air: _Air, facts: Facts, service: str) -> tuple[Ints, Ints]:
    named, neutral, named_stops, neutral_stops = _arms(air)
    named, empty = _acted(air, facts, service, named, SIZE_BYTES)
    return _whole(named, empty | named_stops), _whole(neutral, neutral_stops)


def _null_pair(air: _Air) -> tuple[Ints, Ints]:
    first, second, first_stops, second_stops = _arms(air)
    none = np.arange(air.rounds.n) % _NULL_EVERY != 0
    arms = _whole(first, first_stops), _whole(second, second_stops)
    return np.where(none, NONE, arms[0]), np.where(none, NONE, arms[1])


def _visit(air: _Air, facts: Facts, service: str) -> Visits:
    """A visit to the service's own server, or a test of it."""
    slower, fails = air.trouble("line", "others", "site", service=service)
    if air.plan.vpn is not None:
        slower = slower + (air.rounds.line == 1) * math.log(air.plan.vpn.target_factor)
    bps, failed = _site(air, slower, fails)
    bps, empty = _acted(air, facts, service, bps, FETCH_BYTES)
    return _visits(air, bps, failed | empty)


def _control(air: _Air) -> Visits:
    bps, failed = _site(air, *air.trouble("line", "controls"))
    return _visits(air, bps, failed)


def _site(air: _Air, slower: Floats, fails: Floats) -> tuple[Floats, Flags]:
    """The ln goodput from a server of its own, and what fails by itself."""
    plan, rounds, rng = air.plan, air.rounds, air.rng
    own = rng.normal(0, _SITE_SPREAD) + wander(rounds, _SITE_SD, rng)
    scatter = difference(plan, rounds, rng) * _VISIT_SD / plan.noise.scale / 2
    crawls, stops = crawl(plan, rounds, rng)
    share = np.maximum(fails, plan.noise.fail_share)
    if plan.swap is not None:
        share = np.where(rounds.line == 1, np.maximum(share, plan.swap.fail_share), share)
    failed = stops | (rng.random(rounds.n) < share)
    return air.level + own + scatter - slower - crawls, failed


def _visits(air: _Air, bps: Floats, failed: Flags) -> Visits:
    if air.plan.measures == "tests":
        return Visits(np.full(bps.size, NONE), failed)
    return Visits(np.where(failed, NONE, _whole(bps, failed)), failed)


def _acted(
    air: _Air, facts: Facts, service: str, free: Floats, size_bytes: int
) -> tuple[Floats, Flags]:
    """The ln goodput after all acts on this name, and what carries nothing."""
    empty = np.zeros(free.size, dtype=bool)
    bps = free
    for number, act in enumerate(air.plan.acts):
        if service not in act.services or air.rounds.network not in act.networks:
            continue
        on = _hit(air, act, np.random.default_rng([air.shared, number]))
        slow, nothing = _deed(act, bps, size_bytes, air.rng)
        if size_bytes == SIZE_BYTES or air.plan.measures != "pairs":
            facts.hit[number, service] = on
            facts.slower[number, service] = np.where(nothing, np.inf, bps - slow)
        bps = np.where(on, slow, bps)
        empty |= on & nothing
    return bps, empty


def _hit(air: _Air, act: Act, ends: np.random.Generator) -> Flags:
    rounds = air.rounds
    on = held(act.hours, rounds.date, rounds.minute, rounds.first_day, air.plan.nights, ends)
    return np.asarray(on.inside & (air.rng.random(rounds.n) < act.share))


def _deed(
    act: Act, free: Floats, size_bytes: int, rng: np.random.Generator
) -> tuple[Floats, Flags]:
    """The ln goodput of every flow if it is hit, and whether nothing comes."""
    n = free.size
    nothing = rng.random(n) < act.fail_share
    if act.kind == "block":
        return free, np.ones(n, dtype=bool)
    if act.kind == "stall":
        came = rng.uniform(*_STALL_BYTES, n) * 8 / CAP_S
        return np.log(came), nothing | (rng.random(n) < _STALL_EMPTY_SHARE)
    if act.kind == "factor":
        if act.factor_max:
            return free - rng.uniform(math.log(act.factor), math.log(act.factor_max), n), nothing
        return free - rng.normal(math.log(act.factor), act.spread, n), nothing
    return np.minimum(free, _limited(act, size_bytes, rng.uniform(0.9, 1.02, n))), nothing


def empty_share(act: Act) -> float:
    """Of the flows that an act hits, those that carry nothing."""
    if act.kind == "block":
        return 1.0
    stalls = _STALL_EMPTY_SHARE if act.kind == "stall" else 0.0
    return 1 - (1 - act.fail_share) * (1 - stalls)


def _limited(act: Act, size_bytes: int, exactness: Floats) -> Floats:
    """The ln goodput behind a token bucket."""
    rate = act.rate_bps * exactness
    allowance = _ALLOWANCE[act.kind] * 8
    seconds = (size_bytes * 8 - allowance) / rate
    cut = (allowance + rate * CAP_S) / CAP_S
    return np.asarray(np.log(np.where(seconds > CAP_S, cut, size_bytes * 8 / seconds)))


def _whole(ln_bps: Floats, empty: Flags) -> Ints:
    return np.where(empty, 0, np.rint(np.exp(ln_bps))).astype(np.int64)
