"""What all families draw alike: place, dates, cadence, how rounds go missing, how a line scatters.

A family starts from `frame` and replaces what it is about. Half of the windows stand on full hours,
as orders are written; the other half on five-minute marks.

Sources: scatter, METHOD 2 (t with 2 d.o.f., scale .19 over many lines; one line is narrower);
stalls and the evening's load, the project's own notes on home lines. Zones with and without
daylight saving.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from evenfall.lab.nights.plan import NETWORKS, SERVICES, Hours, Noise, Plan, Sampling

__all__ = [
    "FIRST_DATE",
    "KAZAKHSTAN_CHANGE",
    "ZONE",
    "ZONES",
    "Wish",
    "changed",
    "evening_window",
    "frame",
    "hours_of",
    "known_place",
    "pick",
    "tests_frame",
]

ZONES = (
    "Asia/Almaty",
    "Africa/Nairobi",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Istanbul",
    "Europe/Kyiv",
    "Europe/Moscow",
)
FIRST_DATE = dt.date(2026, 3, 2)
ZONE = "Asia/Almaty"
"""Where and when the families for demonstrations are: no zone change in sight."""

KAZAKHSTAN_CHANGE = dt.date(2024, 3, 1)

_FIRST, _LAST = dt.date(2023, 1, 2), dt.date(2026, 3, 2)
_CADENCES_S = (600, 900, 1200, 1800, 2400)
_FULL_HOUR_SHARE = 0.5
_MARK_MIN = 5


class Wish(NamedTuple):
    """What was asked for; nights and cadence are None where the family draws them."""

    seed: int
    nights: int | None = None
    cadence_s: int | None = None


def pick(rng: np.random.Generator, choices: Any, weights: Any = None) -> Any:
    """One of the choices, as it is (numpy would make another type of it)."""
    return choices[int(rng.choice(len(choices), p=weights))]


def frame(
    rng: np.random.Generator,
    wish: Wish,
    *,
    nights: tuple[int, int] = (7, 28),
    cadences_s: tuple[int, ...] = _CADENCES_S,
    missing: float = 0.7,
    **more: Any,
) -> Plan:
    """The part of a plan that all families share.

    Args:
        rng: of the plan.
        wish: what was asked for.
        nights: least and most.
        cadences_s: one of these.
        missing: most of the rounds that may be missing, as a share.
        more: fields of the plan that the family fixes.
    """
    drawn_nights, drawn_cadence_s = (
        int(rng.integers(nights[0], nights[1] + 1)),
        pick(rng, cadences_s),
    )
    count = wish.nights or drawn_nights
    span = (_LAST - _FIRST).days
    plan = Plan(
        measures="pairs",
        nights=count,
        first_date=_FIRST + dt.timedelta(days=int(rng.integers(span))),
        timezone=pick(rng, ZONES),
        cadence_s=wish.cadence_s or drawn_cadence_s,
        services=SERVICES[:2],
        lines=int(rng.integers(1, 4)),
        sampling=Sampling(
            style=pick(rng, ("stratified", "cron", "bursts"), (0.5, 0.25, 0.25)),
            missing=float(rng.uniform(0, missing)),
            missing_nights=_missing_nights(rng, count),
        ),
        noise=_noise(rng),
    )
    return replace(plan, **more)


def tests_frame(rng: np.random.Generator, wish: Wish, **more: Any) -> Plan:
    """An archive's irregular tests, which tell failures only, of several networks."""
    plan = frame(rng, wish, nights=(20, 40), missing=0.0)
    plan = changed(
        plan,
        measures="tests",
        services=SERVICES[2:],
        networks=NETWORKS[: int(rng.integers(3, 5))],
        lines=0,
        controls=int(rng.integers(0, 3)),
        archive=True,
        sampling=Sampling(style="archive", tests_a_day=(5, 30)),
        noise=replace(plan.noise, fail_share=float(rng.uniform(0.01, 0.08)), stall_share=0.0),
    )
    return replace(plan, **more)


def changed(plan: Plan, **more: Any) -> Plan:
    """The plan with some fields replaced."""
    return replace(plan, **more)


def known_place(plan: Plan) -> Plan:
    """The plan with all services, at the place and from the date that demonstrations have."""
    return replace(plan, services=SERVICES, timezone=ZONE, first_date=FIRST_DATE)


def evening_window(
    rng: np.random.Generator,
    *,
    start_min: tuple[int, int] = (17 * 60, 22 * 60),
    length_min: tuple[int, int] = (60, 240),
) -> tuple[int, int]:
    """(start, length) in minutes, on full hours half of the time, else on five-minute marks."""
    mark = 60 if rng.random() < _FULL_HOUR_SHARE else _MARK_MIN
    start = int(rng.integers(-(-start_min[0] // mark), start_min[1] // mark + 1)) * mark
    length = int(rng.integers(-(-length_min[0] // mark), length_min[1] // mark + 1)) * mark
    return start, length


def hours_of(*windows: tuple[int, int], **more: Any) -> Hours:
    """Hours that hold in these windows."""
    return Hours(windows_min=windows, **more)


def _missing_nights(rng: np.random.Generator, nights: int) -> int:
    """None, one or two; a week keeps at least five."""
    return min(int(rng.integers(0, 3)), max(nights - 5, 0))


def _noise(rng: np.random.Generator) -> Noise:
    shape = pick(rng, ("t2", "normal", "laplace"))
    widest = {"t2": (0.10, 0.19), "normal": (0.15, 0.30), "laplace": (0.12, 0.25)}[shape]
    stalls = rng.uniform(0.01, 0.15) if rng.random() < 0.5 else 0.0
    bad_from = float(pick(rng, (18, 19, 20, 21, 12, 2)))
    return Noise(
        shape=shape,
        scale=float(rng.uniform(*widest)),
        stall_share=float(stalls),
        bad_h=(bad_from, (bad_from + float(rng.uniform(2, 5))) % 24),
        bad_factor=float(rng.uniform(1.0, 1.6)),
        wander_sd=float(rng.uniform(0.1, 0.35)),
        dip=float(rng.uniform(0.0, 0.35)),
        weekend=float(rng.uniform(0.8, 1.1)),
        fail_share=float(rng.uniform(0.002, 0.03)),
    )
