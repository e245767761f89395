"""What `curfew_drawn` draws: services, window, depth, mechanism; in words that emulation knows too.

The demonstration plays one evening of it over real sockets and makes a fortnight of it by numbers,
from the same truth. Windows lie between 18:00 and 23:30, so that one evening can show both ends.
"""

from __future__ import annotations

import random
from typing import Literal

import msgspec

from evenfall.lab.nights.plan import SERVICES
from evenfall.lab.nights.truth import EVERY_DAY

__all__ = ["DEFAULT_SEED", "FAMILY", "Mechanism", "Truth", "truth_of"]

Mechanism = Literal["sni.police", "sni.shape", "sni.reset", "sni.drop", ""]

FAMILY = "curfew_drawn"

DEFAULT_SEED = 0
"""The demonstration's evening that everybody knows: 20:00–22:00."""

_DAY_MIN = 1440
_LENGTHS_MIN = (90, 105, 120, 135, 150, 180)
_FROM_MIN, _TO_MIN = 18 * 60, 23 * 60 + 30
_MARK_MIN = 5
_RATE_BPS, _RATE_TIMES = 64_000, 6


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What is done. Never given to what looks for it.

    Attributes:
        services: what is slowed or blocked; empty: nothing is done.
        start_local, end_local: `HH:MM`; an end before the start crosses midnight.
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
    weekdays: tuple[int, ...] = EVERY_DAY
    mechanism: Mechanism = ""
    rate_bps: int = 0
    share_percent: int = 100


def truth_of(seed: int) -> Truth:
    """The truth of a seed; the default seed gives the evening of 20:00–22:00."""
    if seed == DEFAULT_SEED:
        return Truth(
            case=FAMILY,
            seed=seed,
            innocent=False,
            services=SERVICES[:2],
            start_local="20:00",
            end_local="22:00",
            mechanism="sni.police",
            rate_bps=128_000,
            share_percent=95,
        )
    rng = random.Random(f"curfew/{seed}")  # noqa: S311  (a simulation, not a secret)
    length_min = rng.choice(_LENGTHS_MIN)
    start_min = rng.randrange(_FROM_MIN, _TO_MIN - length_min, _MARK_MIN)
    mechanism: Mechanism = rng.choice(("sni.police", "sni.shape", "sni.reset", "sni.drop"))
    limits = mechanism in ("sni.police", "sni.shape")
    hit = rng.sample(SERVICES, rng.choice((1, 2)))
    return Truth(
        case=FAMILY,
        seed=seed,
        innocent=False,
        services=tuple(service for service in SERVICES if service in hit),
        start_local=_clock(start_min),
        end_local=_clock(start_min + length_min),
        mechanism=mechanism,
        rate_bps=round(_RATE_BPS * _RATE_TIMES ** rng.random()) if limits else 0,
        share_percent=rng.randint(85, 100),
    )


def _clock(minutes: int) -> str:
    minutes %= _DAY_MIN
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
