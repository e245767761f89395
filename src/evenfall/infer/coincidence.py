"""Do bad nights and events fall on the same dates more often than a moved calendar would?

What it does. A night has a value (the share of measurements in the hours that went wrong) and a
verdict (bad or not). The statistic is the difference of nights with an event from nights without,
less what weekday and date explain of both, over its standard error. The null is the same calendar
of events moved round the measured time by every other number of nights: this keeps
how bad nights hang together and how the events are spaced.

Rules:
    Every shift by 1 … K − 1 nights is looked at, K the dates from the first to the last measured
    night. p = (1 + shifts that give as much) ÷ (1 + shifts by more than two nights). The shifts by
    one or two overlap with the true calendar, so they do not count below the line; above it they
    do. (Left out on both sides, runs of bad nights make p too small: a smooth sequence has its
    largest values side by side.) So p is never smaller than the exact p over all shifts.
    A shift that leaves one of the sides without a measured night says nothing and is not counted.
    Weekdays, a bending trend and lasting steps are taken out first; `coincidence_design.py`. Where
    they reproduce the events, nothing is tested: weekday, or date, cannot be told from the events.
    No p below 1 ÷ (shifts + 1) exists, and how many nights a p of 1 % would take is said.
    One-sided: worse on nights with an event.

What it does not do. It shows no cause: a third thing may set both dates. It does not know when an
event was; `event_dates.py` does. It does not look at the hours within a night, except in
`hour_profile`, which describes and does not test.

Sources: METHOD 6; E. Edgington and P. Onghena, Randomization Tests, 2007 (p counts the observed
one); H. Mann and D. Whitney, Ann. Math.
Statist. 18 (1947), the AUC.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.coincidence_design import Scores, scores
from evenfall.infer.effect import share_difference
from evenfall.infer.event_profiles import EventsProfile
from evenfall.infer.localtime import weekday_of

__all__ = ["Association", "associate", "auc_of", "hour_profile", "nights_needed"]

_TIE = 1e-9
_Floats = npt.NDArray[np.float64]
_Days = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Association:
    """What nights and events have in common; the fields are those of `Coincidence`."""

    nights_calendar: int
    nights_with: int
    nights_without: int
    hits_with: int
    hits_without: int
    limits: tuple[float, float, float] | None
    value_difference: float | None
    auc: float | None
    weekday_strata: bool
    shifts: int
    p_value: float | None
    lags: tuple[tuple[int, float | None], ...]
    because: str

    @property
    def p_min(self) -> float | None:
        """The smallest p-value that so many shifts can give."""
        return 1.0 / (self.shifts + 1) if self.shifts else None


def nights_needed(profile: EventsProfile) -> int:
    """Calendar nights from which `p_wanted` is possible."""
    return math.ceil(1.0 / profile.p_wanted - 1e-9) + 2 * profile.near_shifts


def associate(
    day: _Days,
    value: _Floats,
    hit: _Flags,
    event_days: Iterable[int],
    profile: EventsProfile,
) -> Association:
    """Compare nights with and without events.

    Args:
        day: shape (n,), measured nights, days since 1970-01-01, ascending, each once.
        value: shape (n,), how bad each was; larger is worse; finite.
        hit: shape (n,), bad or not.
        event_days: nights with an event; those outside the measured time are ignored.
        profile: the constants.
    """
    calendar = _Calendar.of(day, value, event_days)
    if because := _too_little(calendar, profile):
        return _untested(calendar, hit, day, because, profile)
    base = _untested(calendar, hit, day, "", profile)
    found = scores(calendar.measured, calendar.event, calendar.value, calendar.weekday, profile)
    if because := _not_told(found, profile):
        return _with(base, weekday_strata=True, because=because)
    score = found.score
    shift = np.arange(score.size)
    far = ~np.isnan(score) & (np.minimum(shift, score.size - shift) > profile.near_shifts)
    as_much = int(np.count_nonzero(score[1:] >= score[0] - _TIE))
    shifts = int(np.count_nonzero(far))
    return _with(
        base,
        value_difference=float(found.difference[0]),
        weekday_strata=True,
        shifts=shifts,
        p_value=min(1.0, (1 + as_much) / (1 + shifts)),
        lags=_lags(found.difference, profile),
    )


def _not_told(found: Scores, profile: EventsProfile) -> str:
    if found.own_weekday < profile.own_min:
        return "the events fill the nights of their weekdays: cannot tell from the weekday"
    if found.own_all < profile.own_min or np.isnan(found.score[0]):
        return "the events lie as lasting changes of the nights do: cannot tell from the time trend"
    return ""


@dataclass(frozen=True)
class _Calendar:
    """The dates from the first to the last measured night, one cell a date.

    Attributes:
        first: days since 1970-01-01.
        measured, event: shape (K,).
        value: shape (K,), 0 where not measured.
    """

    first: int
    measured: _Flags
    event: _Flags
    value: _Floats

    @classmethod
    def of(cls, day: _Days, value: _Floats, event_days: Iterable[int]) -> _Calendar:
        if day.size == 0:
            none = np.zeros(0, dtype=bool)
            return cls(0, none, none, np.zeros(0))
        first, k = int(day[0]), int(day[-1] - day[0]) + 1
        measured, event, values = np.zeros(k, dtype=bool), np.zeros(k, dtype=bool), np.zeros(k)
        measured[day - first] = True
        values[day - first] = value
        inside = [e - first for e in event_days if 0 <= e - first < k]
        event[inside] = True
        return cls(first, measured, event, values)

    @property
    def weekday(self) -> _Days:
        return weekday_of(self.first + np.arange(self.measured.size))


def _too_little(calendar: _Calendar, profile: EventsProfile) -> str:
    nights = int(calendar.measured.sum())
    if nights < profile.nights_min:
        return f"{nights} measured nights; a comparison needs {profile.nights_min}"
    if not calendar.event.any():
        return "no event within the measured time"
    if not (calendar.event & calendar.measured).any():
        return "no night with an event was measured"
    if not (~calendar.event & calendar.measured).any():
        return "every measured night had an event: there is nothing to compare with"
    return ""


def _lags(moved: _Floats, profile: EventsProfile) -> tuple[tuple[int, float | None], ...]:
    most = min(profile.lags_max, (moved.size - 1) // 2)
    found = [(lag, float(moved[lag % moved.size])) for lag in range(-most, most + 1)]
    return tuple((lag, None if math.isnan(d) else d) for lag, d in found)


def _untested(
    calendar: _Calendar, hit: _Flags, day: _Days, because: str, profile: EventsProfile
) -> Association:
    """The counts, and why nothing was tested."""
    at = day - calendar.first
    with_event = calendar.event[at]
    value = calendar.value[at]
    return Association(
        nights_calendar=int(calendar.measured.size),
        nights_with=int(with_event.sum()),
        nights_without=int((~with_event).sum()),
        hits_with=int(hit[with_event].sum()),
        hits_without=int(hit[~with_event].sum()),
        limits=_limits(hit.astype(float), day, with_event, profile),
        value_difference=None,
        auc=auc_of(value[with_event], value[~with_event]),
        weekday_strata=False,
        shifts=0,
        p_value=None,
        lags=(),
        because=because,
    )


def _with(base: Association, **changed: object) -> Association:
    return Association(**{**base.__dict__, **changed})


def _limits(
    hit: _Floats, day: _Days, with_event: _Flags, profile: EventsProfile
) -> tuple[float, float, float] | None:
    """Difference of the shares of bad nights, and its limits; nights of one week hang together."""
    if not with_event.any() or with_event.all():
        return None
    one, other, week = hit[with_event], hit[~with_event], (day + 3) // 7
    low, high = share_difference(
        one, week[with_event], other, week[~with_event], level=profile.level
    )
    return float(one.mean() - other.mean()), low, high


def auc_of(one: _Floats, other: _Floats) -> float | None:
    """Chance that a value of the first is larger than one of the second, ties counting half."""
    if one.size == 0 or other.size == 0:
        return None
    ordered = np.sort(other)
    below = np.searchsorted(ordered, one, side="left")
    up_to = np.searchsorted(ordered, one, side="right")
    return float((below + up_to).mean() / (2 * other.size))


def hour_profile(
    at: npt.NDArray[np.int64],
    bad: _Flags,
    spans: npt.NDArray[np.int64],
    moves: Iterable[int],
) -> tuple[tuple[int, float | None], ...]:
    """Share gone wrong inside the events' own hours less that outside, with the events moved.

    Args:
        at: shape (n,), ascending, when each measurement was, on any clock.
        bad: shape (n,).
        spans: shape (m, 2), half-open, first and last moment of each event on that clock.
        moves: by how much all events are moved.

    Returns:
        For each move, the difference; None where one side holds no measurement.
    """
    found: list[tuple[int, float | None]] = []
    for move in moves:
        inside = np.zeros(at.size + 1, dtype=np.int64)
        edges = np.searchsorted(at, spans + move)
        np.add.at(inside, edges[:, 0], 1)
        np.add.at(inside, edges[:, 1], -1)
        within = np.cumsum(inside)[:-1] > 0
        if within.all() or not within.any():
            found.append((move, None))
        else:
            found.append((move, float(bad[within].mean() - bad[~within].mean())))
    return tuple(found)
