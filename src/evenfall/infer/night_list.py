"""The nights of a curfew, one by one: measured inside the hours, and seen there.

A claim counts nights (`nights_seen` of `nights_measured`); a calendar and a table name them. A
night is *measured* if a bin inside the hours was, and *seen* if what was measured there speaks for
the curfew: the sum of its scores is above zero. That is the estimator's own rule (`window._count`),
and the counts agree with the claim's.

What it does not do. Judge: hours, weekdays and episodes come in with the claim. A claim at all
measured hours (`always`) has no hours and gives no list.

Source: METHOD 4, 5.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.carpet import minutes_of
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.reading import read
from evenfall.infer.search import Nights, Span, night_scores
from evenfall.infer.series import Series
from evenfall.model.curfew import Curfew, Window

__all__ = ["Night", "nights_of"]

_DAY_MIN = 1440
_BIN_MIN = 10


@dataclass(frozen=True)
class Night:
    """One night of a curfew's weekdays and episodes that was measured inside its hours.

    Attributes:
        date: local date on which its first window starts.
        seen: the night speaks for the curfew.
        windows: indices of the windows that do by themselves.
        bins: measured ten-minute bins inside the hours.
    """

    date: dt.date
    seen: bool
    windows: tuple[int, ...]
    bins: int


def nights_of(series: Series, curfew: Curfew, profile: NightlyProfile) -> tuple[Night, ...]:
    """The measured nights, oldest first.

    Args:
        series: the one that the claim is about.
        curfew: with windows; one without gives no nights.
        profile: the constants of the claim.
    """
    nights = read(series, profile).nights
    if nights is None or not curfew.windows:
        return ()
    nights = nights.only(_held(nights, curfew))
    spans = tuple(_span(window) for window in curfew.windows)
    bins = night_scores(nights.counted, spans)
    total = night_scores(nights.cumulative, spans)
    each = np.stack([night_scores(nights.cumulative, (span,)) for span in spans])
    return tuple(
        Night(
            date=dt.date(1970, 1, 1) + dt.timedelta(days=int(nights.day[row])),
            seen=bool(total[row] > 0),
            windows=tuple(np.flatnonzero(each[:, row] > 0).tolist()) if total[row] > 0 else (),
            bins=int(bins[row]),
        )
        for row in np.flatnonzero(bins > 0)
    )


def _held(nights: Nights, curfew: Curfew) -> npt.NDArray[np.bool_]:
    """Dates of the curfew's weekdays, within an episode where the claim names them."""
    held = np.isin(nights.weekday, curfew.windows[0].weekdays)
    if not curfew.episodes:
        return held
    within = np.zeros(nights.day.size, dtype=bool)
    for spell in curfew.episodes:
        first, last = _day(spell.first), _day(spell.last)
        within |= (nights.day >= first) & (nights.day <= last)
    return held & within


def _day(iso_date: str) -> int:
    return (dt.date.fromisoformat(iso_date) - dt.date(1970, 1, 1)).days


def _span(window: Window) -> Span:
    start, end = minutes_of(window.start_local), minutes_of(window.end_local)
    return Span(start // _BIN_MIN, ((end - start) % _DAY_MIN or _DAY_MIN) // _BIN_MIN)
