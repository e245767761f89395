"""Cases of synthetic history: each is one small record of truth, and some draw it by seed.

A case says what happens on a line over many nights, and nothing about how it is found. More than
half are innocent: what a detector says about them is what it says about people.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

import msgspec

from evenfall.model.errors import UsageError

__all__ = [
    "CASES",
    "DEFAULT_SEED",
    "SERVICES",
    "Case",
    "Mechanism",
    "Truth",
    "case_named",
    "truth_of",
]

Mechanism = Literal["sni.police", "sni.shape", "sni.reset", "sni.drop", ""]

SERVICES = ("video", "social", "messenger")
"""What is measured in every case, in this order; none is a real service."""

DEFAULT_SEED = 0
"""The demonstration's evening that everybody knows: 20:00–22:00."""

_DAY_MIN = 1440


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What is true in one synthetic history. Never given to what looks for it.

    Attributes:
        services: what is slowed or blocked; empty in an innocent case.
        start_local, end_local: `HH:MM`, empty in an innocent case; an end before the start crosses
            midnight.
        weekdays: 0 = Monday … 6 = Sunday, of the date on which the window starts.
        rate_bps: of the limiter; 0 for mechanisms that let nothing through.
        share_percent: of the flows inside the window that are hit.
    """

    case: str
    seed: int
    innocent: bool
    services: tuple[str, ...] = ()
    start_local: str = ""
    end_local: str = ""
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    mechanism: Mechanism = ""
    rate_bps: int = 0
    share_percent: int = 100


@dataclass(frozen=True, kw_only=True)
class Case:
    """One world of synthetic nights.

    Attributes:
        title: one line for `lab list` and documents.
        truth: what is done on purpose; None if it is drawn by seed.
        missing: share of rounds that were never measured.
        edge_jitter_min: the window's ends move by up to this much, each night anew.
        fail_share: share of hit flows that fail outright, the rest are slow.
        congested_from_h, congested_to_h: local hours in which the line carries too much.
        congestion: what is left of the line's speed then.
        congested_nights: which nights (counted from 0); empty: every night.
        slow_sites: services whose *own* servers are slow then, at nobody's request.
    """

    name: str
    title: str
    innocent: bool
    truth: Truth | None = None
    missing: float = 0.30
    edge_jitter_min: float = 5.0
    fail_share: float = 0.15
    congested_from_h: float = 0.0
    congested_to_h: float = 0.0
    congestion: float = 1.0
    congested_nights: tuple[int, ...] = ()
    slow_sites: tuple[str, ...] = ()


_BASIC = Truth(
    case="curfew_basic",
    seed=0,
    innocent=False,
    services=("video", "social"),
    start_local="20:00",
    end_local="22:00",
    mechanism="sni.police",
    rate_bps=128_000,
    share_percent=95,
)

CASES: dict[str, Case] = {
    case.name: case
    for case in (
        Case(
            name="curfew_basic",
            title="Video and social are slowed to 128 kbit/s by name, 20:00–22:00 every night.",
            innocent=False,
            truth=_BASIC,
        ),
        Case(
            name="curfew_drawn",
            title="Window, services, depth and mechanism drawn by seed.",
            innocent=False,
        ),
        Case(
            name="null_clean",
            title="Nothing happens but the daily load.",
            innocent=True,
            truth=Truth(case="null_clean", seed=0, innocent=True),
        ),
        Case(
            name="null_congestion",
            title="The line is full from 20:00 to 23:00 every night; everything is slow.",
            innocent=True,
            truth=Truth(case="null_congestion", seed=0, innocent=True),
            congested_from_h=20.0,
            congested_to_h=23.0,
            congestion=0.12,
        ),
        Case(
            name="null_match_night",
            title="Four nights of football: the line is full and the video site itself is slow.",
            innocent=True,
            truth=Truth(case="null_match_night", seed=0, innocent=True),
            congested_from_h=20.75,
            congested_to_h=22.75,
            congestion=0.25,
            congested_nights=(2, 5, 8, 11),
            slow_sites=("video",),
        ),
    )
}


def truth_of(case: Case, seed: int) -> Truth:
    """The truth of a case for a seed; the same arguments always give the same."""
    if case.truth is not None:
        return msgspec.structs.replace(case.truth, seed=seed)
    return _drawn(case.name, seed)


def case_named(name: str) -> Case:
    """A case by name.

    Raises:
        UsageError: there is none.
    """
    if name not in CASES:
        raise UsageError(
            expected=f"one of {', '.join(CASES)}",
            seen=repr(name),
            where="case of synthetic history",
            remedy="Use one of these names.",
        )
    return CASES[name]


def _drawn(name: str, seed: int) -> Truth:
    """Window, services, depth and mechanism; the default seed gives the evening of 20:00–22:00."""
    if seed == DEFAULT_SEED:
        return msgspec.structs.replace(_BASIC, case=name, seed=seed)
    rng = random.Random(f"curfew/{seed}")  # noqa: S311  (a simulation, not a secret)
    length_min = rng.choice((90, 105, 120, 135, 150, 180))
    start_min = rng.randrange(18 * 60, 23 * 60 + 30 - length_min, 5)
    mechanism: Mechanism = rng.choice(("sni.police", "sni.shape", "sni.reset", "sni.drop"))
    limits = mechanism in ("sni.police", "sni.shape")
    hit = rng.sample(SERVICES, rng.choice((1, 2)))
    return Truth(
        case=name,
        seed=seed,
        innocent=False,
        services=tuple(s for s in SERVICES if s in hit),
        start_local=_clock(start_min),
        end_local=_clock(start_min + length_min),
        mechanism=mechanism,
        rate_bps=round(64_000 * (6 ** rng.random())) if limits else 0,
        share_percent=rng.randint(85, 100),
    )


def _clock(minutes: int) -> str:
    minutes %= _DAY_MIN
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
