"""A series and its curfew made into nights that can be laid beside events.

What it does. Rows inside the hours of a night become two things: a value, the share of them that
went wrong, and a verdict, whether the night's evidence speaks for a curfew (the same sign that
counts `nights_seen`). Beside them the share gone wrong in all other hours, so that services on
unequal levels can be compared.

Rules:
    The hours are those of the curfew's windows, all hours for one that holds always, else hours
    that were asked for, else a fixed evening: never hours chosen for fitting the events.
    Every date with a row inside the hours is a measured night, also on weekdays outside the curfew.
    A night that begins in the evening and ends after midnight has the date on which it began.

What it does not do: look at events, or judge.

Source: METHOD 4 (names of nights, scores) and 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.event_profiles import EventsProfile
from evenfall.infer.localtime import BINS_PER_DAY
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.reading import read
from evenfall.infer.search import Span, in_union
from evenfall.infer.series import Series
from evenfall.model.curfew import Curfew
from evenfall.model.vocabulary import Pattern

__all__ = ["Hours", "NightlyValues", "hours_for", "nightly_values", "span_of"]

_PER_HOUR = BINS_PER_DAY // 24
_BIN_MIN = 10


@dataclass(frozen=True)
class Hours:
    """Which hours of local time make a night, and where they come from, in words."""

    union: tuple[Span, ...]
    words: str

    @property
    def begin_after_noon(self) -> bool:
        """Whether the first of them is at 12:00 or later; all day counts as the date."""
        return min(span.start for span in self.union) >= BINS_PER_DAY // 2


@dataclass(frozen=True)
class NightlyValues:
    """Measured nights, ascending, arrays of shape (n,); and all measurements, of shape (m,).

    Attributes:
        day: days since 1970-01-01.
        value: share of the measurements inside the hours that went wrong.
        hit: the night's evidence speaks for a curfew.
        rows: measurements inside the hours.
        at_bin, bad: when each measurement was (local day · 144 + its ten-minute bin, ascending),
            and whether it went wrong.
        elsewhere: share gone wrong in the other hours, all nights together; NaN: none measured.
    """

    day: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    hit: npt.NDArray[np.bool_]
    rows: npt.NDArray[np.int64]
    at_bin: npt.NDArray[np.int64]
    bad: npt.NDArray[np.bool_]
    elsewhere: float


def span_of(start_local: str, end_local: str) -> Span:
    """`20:00`, `22:00` as bins of ten minutes; an end before the start crosses midnight."""
    start, end = (_minutes(text) // _BIN_MIN for text in (start_local, end_local))
    length = (end - start) % BINS_PER_DAY or BINS_PER_DAY
    return Span(start % BINS_PER_DAY, max(1, length))


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return 60 * int(hours) + int(minutes)


def hours_for(
    curfew: Curfew | None, profile: EventsProfile, *, asked: tuple[Span, ...] = ()
) -> Hours:
    """The hours that make a night.

    Args:
        curfew: found in the series, or None.
        profile: its evening is taken where there is nothing else.
        asked: hours that a person named; they win.
    """
    if asked:
        return Hours(asked, f"the hours asked for, {_words(asked)}")
    if curfew is not None and curfew.pattern is Pattern.ALWAYS:
        return Hours((Span(0, BINS_PER_DAY),), "all hours of the date")
    if curfew is not None and curfew.windows:
        union = tuple(span_of(w.start_local, w.end_local) for w in curfew.windows)
        return Hours(union, f"the hours found, {_words(union)}")
    start, end = profile.evening_from_h * _PER_HOUR, profile.evening_to_h * _PER_HOUR
    evening = (Span(start, end - start),)
    return Hours(evening, f"the evening {_words(evening)}, for no hours were found")


def _words(union: tuple[Span, ...]) -> str:
    return " and ".join(f"{_clock(span.start)}–{_clock(span.end, is_end=True)}" for span in union)


def _clock(bin_of_day: int, *, is_end: bool = False) -> str:
    if is_end and bin_of_day and bin_of_day % BINS_PER_DAY == 0:
        return "24:00"
    minutes = bin_of_day % BINS_PER_DAY * _BIN_MIN
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def nightly_values(series: Series, hours: Hours, profile: NightlyProfile) -> NightlyValues:
    """Nights of a series in these hours; none where the series holds no usable row."""
    reading = read(series, profile)
    rows = reading.rows
    none = np.zeros(0, dtype=np.int64)
    if rows is None or rows.n == 0:
        no = np.zeros(0, dtype=bool)
        return NightlyValues(none, np.zeros(0), no, none, none, no, float("nan"))
    at_bin = rows.day * BINS_PER_DAY + rows.slot
    in_order = np.argsort(at_bin, kind="stable")
    within, night = in_union(rows.day, rows.slot, hours.union)
    day, where = np.unique(night[within], return_inverse=True)
    n = np.bincount(where, minlength=day.size)
    bad = np.bincount(where, weights=rows.bad[within].astype(float), minlength=day.size)
    return NightlyValues(
        day=day,
        value=bad / np.maximum(n, 1),
        hit=_speaks(reading.bins, hours.union, day),
        rows=n,
        at_bin=at_bin[in_order],
        bad=rows.bad[in_order],
        elsewhere=float(rows.bad[~within].mean()) if not within.all() else float("nan"),
    )


def _speaks(
    bins: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]],
    union: tuple[Span, ...],
    day: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Whether the sum of each night's scores is above zero."""
    bin_day, slot, score = bins
    within, night = in_union(bin_day, slot, union)
    place = np.searchsorted(day, night[within])
    sums = np.bincount(place, weights=score[within], minlength=day.size)
    return np.asarray(sums > 0.0)
