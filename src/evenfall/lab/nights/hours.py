"""Which rounds lie within hours that hold, and on which date those began.

A window belongs to the local date on which it starts, also where it crosses midnight; its ends may
move from date to date. Vectorised over rounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.lab.nights.plan import Hours

__all__ = ["Held", "held", "within_h"]

_DAY_MIN = 1440
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; 0 = Monday
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Held:
    """Each of shape (n,).

    Attributes:
        inside: bool; the hours hold at that moment.
        date: int64; days from the world's first date to that on which the window began; of moments
            that are not inside, their own date.
    """

    inside: Flags
    date: Ints


def held(
    hours: Hours, date: Ints, minute: Floats, first_day: int, nights: int, rng: np.random.Generator
) -> Held:
    """Where the hours hold.

    Args:
        hours: windows, weekdays, dates.
        date: shape (n,), local date of each round, days from the world's first date.
        minute: shape (n,), local minute of that date, with fractions.
        first_day: the world's first date, days since 1970-01-01.
        nights: in the world.
        rng: of the ends' wandering; not asked where they stand still.
    """
    if not hours.windows_min:
        return Held(_allowed(hours, date, first_day), date)
    inside, began = np.zeros(date.size, dtype=bool), date.copy()
    for start, length in hours.windows_min:
        margin = hours.jitter_min
        moved = rng.uniform(-margin, margin, (2, nights + 3)) if margin else None
        since = minute - (start - margin)
        on = date - (since < 0) + (since >= _DAY_MIN)
        since = since % _DAY_MIN
        low, high = np.full(date.size, margin), np.full(date.size, margin + length)
        if moved is not None:
            place = np.clip(on + 1, 0, nights + 2)
            low, high = low + moved[0][place], high + moved[1][place]
        here = (since >= low) & (since < high) & _allowed(hours, on, first_day)
        began = np.where(here & ~inside, on, began)
        inside |= here
    return Held(inside, began)


def within_h(minute: Floats, hours_h: tuple[float, float]) -> Flags:
    """Whether local minutes lie in the half-open hours, which may cross midnight."""
    low, high = hours_h[0] * 60, hours_h[1] * 60
    return (minute - low) % _DAY_MIN < (high - low) % _DAY_MIN


def _allowed(hours: Hours, date: Ints, first_day: int) -> Flags:
    weekday = (date + first_day + _EPOCH_WEEKDAY) % 7
    on = np.isin(weekday, hours.weekdays)
    if hours.dates:
        on &= np.logical_or.reduce([(date >= a) & (date <= b) for a, b in hours.dates])
    return on
