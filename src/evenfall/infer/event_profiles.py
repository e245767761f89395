"""Constants of comparing nights with events, named and frozen.

Rules: as for every profile, a name is never re-meant; results carry it. The figures are round ones
from METHOD 6 and its background, not tuned on data; what a test of many shuffled calendars gives
with them is in docs/events.md.

What it does not do: hold the constants of nights themselves; see `profiles.py`.

Sources: METHOD 6; D. Andrews, Econometrica 61 (1993): F of a step at an unknown time.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EVENTS_2026", "EventsProfile"]


@dataclass(frozen=True, kw_only=True)
class EventsProfile:
    """Events beside nights (METHOD 6).

    Attributes:
        evening_from_h, evening_to_h: hours of a night where no curfew was found.
        night_until_h: an event before this hour belongs to the evening before, if the hours
            begin after noon.
        near_shifts: calendars moved by so many nights or fewer still overlap with the true one;
            they may speak against an association, and do not count among the shifts.
        nights_min: measured nights below which nothing is tested.
        trend_nights: the line of the trend may bend that often; noise is measured as far around.
        steps_max, step_nights, step_f: so many lasting changes are taken out, so far apart, each
            with an F above this.
        variance_weight: nights by which the noise of a weekday or a month is drawn to the whole.
        own_min: below this share of their variation beyond weekday and date, events are not tested.
        p_wanted: the p-value for which the needed number of nights is said.
        lags_max: nights of the lead and lag profile.
        hour_lags_max: hours of the other one.
        undated_days_min: an event of unknown day within more days than this names no night.
        near_days: an event further than this from an onset or a lifting is not laid beside it.
        dates_max: a type of which more events concern a series is a calendar, and its dates are
            not laid beside onset and lifting one by one.
        level: of the printed limits.
        services_tested_min: groups of fewer services are described, not tested.
        ways_max: labels are dealt in every way up to this many ways, else drawn.
        ways_drawn: how many are drawn then.
        cells_max: of one array of moved calendars, so that memory stays below 50 MB.
    """

    name: str
    evening_from_h: int = 18
    evening_to_h: int = 24
    night_until_h: int = 6
    near_shifts: int = 2
    nights_min: int = 14
    trend_nights: int = 28
    steps_max: int = 3
    step_nights: int = 14
    step_f: float = 12.0
    variance_weight: int = 4
    own_min: float = 0.1
    p_wanted: float = 0.01
    lags_max: int = 7
    hour_lags_max: int = 7
    undated_days_min: int = 3
    near_days: int = 60
    dates_max: int = 5
    level: float = 0.95
    services_tested_min: int = 6
    ways_max: int = 20_000
    ways_drawn: int = 9_999
    cells_max: int = 1_000_000


EVENTS_2026 = EventsProfile(name="events-2026.2")
