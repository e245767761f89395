"""A world of many nights: its truth, its series, and the same facts as rows.

The truth is read off the plan, and where a figure is meant (how many times slower), off what was
done to the flows themselves; the scatter of the line has no part in it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evenfall.infer.series import Series
from evenfall.lab.nights.facts import Facts, empty_share, measure
from evenfall.lab.nights.plan import Act, Hours, Plan
from evenfall.lab.nights.rows import rows_of
from evenfall.lab.nights.series import series_of
from evenfall.lab.nights.truth import BasisName, Hit, NightTruth
from evenfall.model.observation import Observation

__all__ = ["NightWorld", "build", "observations"]

_DAY_MIN = 1440
_NOON_MIN = 720
_BASIS: dict[str, BasisName] = {
    "pairs": "pairs",
    "visits": "difference",
    "speeds": "unpaired",
    "tests": "unpaired",
}


@dataclass(frozen=True)
class NightWorld:
    """One world.

    Attributes:
        truth: for whoever keeps the score, never for the judge.
        series: ordered by service and network, as the store would load them.
        plan: what it was made from.
        facts: one for each network, in the order of the plan.
    """

    truth: NightTruth
    series: tuple[Series, ...]
    plan: Plan
    facts: tuple[Facts, ...]


def build(plan: Plan, *, family: str, seed: int, innocent: bool) -> NightWorld:
    """Render a plan. The same arguments give the same world."""
    name = list(family.encode())
    shared = int(np.random.default_rng([seed, 2, *name]).integers(2**31))
    facts = tuple(
        measure(plan, network, np.random.default_rng([seed, 1, place, *name]), shared)
        for place, network in enumerate(plan.networks)
    )
    series = [one for fact in facts for one in series_of(plan, fact)]
    truth = NightTruth(
        family=family,
        seed=seed,
        innocent=innocent,
        basis=_BASIS[plan.measures],
        nights=plan.nights,
        first_date=plan.first_date.isoformat(),
        timezone=plan.timezone,
        cadence_s=plan.cadence_s,
        hits=tuple(_hits(plan, facts)),
        may_say=plan.may_say,
        expected=plan.expected,
        congested=tuple(_congested(plan)),
    )
    ordered = sorted(series, key=lambda one: (one.service, one.network))
    return NightWorld(truth=truth, series=tuple(ordered), plan=plan, facts=facts)


def observations(world: NightWorld) -> Iterator[Observation]:
    """The world's facts as rows for the store, network by network."""
    for facts in world.facts:
        yield from rows_of(world.plan, facts, f"{world.truth.family}/{world.truth.seed}")


def _hits(plan: Plan, facts: tuple[Facts, ...]) -> Iterator[Hit]:
    for number, act in enumerate(plan.acts):
        for service in act.services:
            for fact in facts:
                if fact.rounds.network in act.networks:
                    yield _hit(plan, act, number, service, fact)


def _hit(plan: Plan, act: Act, number: int, service: str, fact: Facts) -> Hit:
    slower = fact.slower[number, service][fact.hit[number, service]]
    slower = slower[np.isfinite(slower)]
    return Hit(
        service=service,
        network=fact.rounds.network,
        state="blocked" if act.kind == "block" else "slowed",
        pattern="window" if act.hours.windows_min else "always",
        windows=tuple(_windows(act.hours)),
        weekdays=act.hours.weekdays,
        episodes=_episodes(plan, act.hours),
        factor=round(math.exp(float(np.median(slower))), 3) if slower.size else None,
        share=round(act.share, 4),
        fail_share=round(empty_share(act), 4),
    )


def _windows(hours: Hours) -> Iterator[tuple[str, str]]:
    for start, length in hours.windows_min:
        yield _clock(start), _clock(start + length)


def _episodes(plan: Plan, hours: Hours) -> tuple[tuple[str | None, str | None], ...]:
    starts = [start for start, _ in hours.windows_min] or [0, _NOON_MIN]
    first = 0 if max(starts) >= _NOON_MIN else 1
    last = plan.nights if min(starts) < _NOON_MIN else plan.nights - 1
    return tuple(
        (
            None if low <= first else _date(plan, low, hours, 1),
            None if high >= last else _date(plan, high, hours, -1),
        )
        for low, high in hours.dates or ((first, last),)
    )


def _date(plan: Plan, date: int, hours: Hours, step: int) -> str:
    """The first date from this one on (or back) whose weekday is concerned."""
    found = plan.first_date + dt.timedelta(days=date)
    while found.weekday() not in hours.weekdays:
        found += dt.timedelta(days=step)
    return found.isoformat()


def _congested(plan: Plan) -> Iterator[tuple[str, str]]:
    for trouble in plan.troubles:
        if trouble.on == "line" and not trouble.hours.dates and trouble.factor > 1:
            yield from _windows(trouble.hours)


def _clock(minutes: int) -> str:
    minutes %= _DAY_MIN
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
