"""Events laid beside a series: from facts of both kinds to what may be said of them together.

What it does. `coincidences` compares nights with and without events, one comparison a type of
event; `date_comparisons` lays single dates beside onset and lifting; `order_comparisons` lays
orders with hours beside the curfew.

Rules:
    An event concerns a series if it names its service, or no service, and its network, or no
    network.
    Every type of event is tested on its own, and each result says how many were tested at once.
    An order in another time zone than the curfew is not compared.
    Events never enter a measurement: nothing here changes a curfew.

What it does not do: read files, or say who did anything.

Source: METHOD 6; PRODUCT ("Wording": context never adds votes).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from evenfall.infer.coincidence import Association, associate, hour_profile, nights_needed
from evenfall.infer.event_dates import nights_of, span_us
from evenfall.infer.event_nights import Hours, NightlyValues, nightly_values
from evenfall.infer.event_profiles import EventsProfile
from evenfall.infer.localtime import BINS_PER_DAY, load_zone, local_times
from evenfall.infer.ordered import compare_order, day_gap
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.series import Series
from evenfall.model.coincidence import (
    Coincidence,
    DateComparison,
    DayGap,
    HourLag,
    Lag,
    OrderComparison,
)
from evenfall.model.curfew import Curfew, Instants
from evenfall.model.event import Event, EventType, Precision

__all__ = [
    "coincidences",
    "concerns",
    "date_comparisons",
    "order_comparisons",
]

_DIGITS = 4
_BIN_MIN = 10


def concerns(event: Event, service: str, network: str) -> bool:
    """Whether an event is about this service on this network."""
    services = {name.lower() for name in event.services}
    networks = {name.lower() for name in event.networks}
    return (not services or service.lower() in services) and (
        not networks or network.lower() in networks
    )


def coincidences(
    series: Series,
    hours: Hours,
    events: Iterable[Event],
    nightly: NightlyProfile,
    profile: EventsProfile,
) -> tuple[Coincidence, ...]:
    """One comparison for each type of event that concerns the series, in order of types."""
    nights = nightly_values(series, hours, nightly)
    relevant = [e for e in events if concerns(e, series.service, series.network)]
    types = [t for t in EventType if any(e.type is t for e in relevant)]
    made = [
        _coincidence(series, hours, nights, str(t), [e for e in relevant if e.type is t], profile)
        for t in types
    ]
    tests = sum(one.p_value is not None for one in made)
    return tuple(msgspec.structs.replace(one, tests=tests) for one in made)


def _coincidence(
    series: Series,
    hours: Hours,
    nights: NightlyValues,
    event_type: str,
    events: Sequence[Event],
    profile: EventsProfile,
) -> Coincidence:
    days, outside, undated = _event_nights(series, hours, nights, events, profile)
    found = associate(nights.day, nights.value, nights.hit, days, profile)
    difference, low, high = found.limits or (None, None, None)
    return Coincidence(
        service=series.service,
        network=series.network,
        timezone=series.timezone,
        event_type=event_type,
        events=len(events),
        events_outside=outside,
        events_undated=undated,
        basis=hours.words,
        nights_measured=int(nights.day.size),
        nights_calendar=found.nights_calendar,
        nights_with=found.nights_with,
        nights_without=found.nights_without,
        hits_with=found.hits_with,
        hits_without=found.hits_without,
        share_with=_share(found.hits_with, found.nights_with),
        share_without=_share(found.hits_without, found.nights_without),
        difference=_round(difference),
        low=_round(low),
        high=_round(high),
        value_difference=_round(found.value_difference),
        auc=_round(found.auc),
        weekday_strata=found.weekday_strata,
        shifts=found.shifts,
        p_value=found.p_value,
        p_min=found.p_min,
        nights_for_one_percent=nights_needed(profile),
        lags=_lags(found),
        hour_lags=_hour_lags(series, nights, events, profile),
        tests=0,
        because=found.because,
        profile=profile.name,
        simulated=series.simulated,
    )


def _event_nights(
    series: Series,
    hours: Hours,
    nights: NightlyValues,
    events: Sequence[Event],
    profile: EventsProfile,
) -> tuple[set[int], int, int]:
    """Nights with an event; events outside the measured time; events that name no night."""
    days: set[int] = set()
    outside = undated = 0
    first, last = (int(nights.day[0]), int(nights.day[-1])) if nights.day.size else (0, -1)
    for event in events:
        found = nights_of(
            event,
            timezone=series.timezone,
            begins_after_noon=hours.begin_after_noon,
            profile=profile,
        )
        if found is None:
            undated += 1
            continue
        inside = range(max(found.start, first), min(found.stop, last + 1))
        outside += not inside
        days.update(inside)
    return days, outside, undated


def _share(hits: int, nights: int) -> float | None:
    return round(hits / nights, _DIGITS) if nights else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _lags(found: Association) -> tuple[Lag, ...]:
    return tuple(Lag(lag_nights=lag, difference=_round(d)) for lag, d in found.lags)


def _hour_lags(
    series: Series, nights: NightlyValues, events: Sequence[Event], profile: EventsProfile
) -> tuple[HourLag, ...]:
    """The same by the hour, for events of which beginning and end are known by the clock."""
    timed = [e for e in events if "T" in e.start and e.end is not None and "T" in e.end]
    if not timed or nights.at_bin.size == 0:
        return ()
    moments = np.array([span_us(event) for event in timed], dtype=np.int64)
    local = local_times(moments.ravel(), load_zone(series.timezone))
    minute = (local.day * 1440 + local.minute).reshape(-1, 2)
    spans = np.stack((minute[:, 0] // _BIN_MIN, -(-minute[:, 1] // _BIN_MIN)), axis=1)
    hours = range(-profile.hour_lags_max, profile.hour_lags_max + 1)
    per_hour = BINS_PER_DAY // 24
    found = hour_profile(nights.at_bin, nights.bad, spans, [per_hour * hour for hour in hours])
    return tuple(
        HourLag(lag_h=hour, difference=_round(difference))
        for hour, (_, difference) in zip(hours, found, strict=True)
    )


def date_comparisons(
    curfew: Curfew, events: Iterable[Event], profile: EventsProfile
) -> tuple[DateComparison, ...]:
    """Events of rare types near the onset or the lifting, oldest first."""
    relevant = [e for e in events if concerns(e, curfew.service, curfew.network)]
    counts = Counter(event.type for event in relevant)
    found = []
    for event in sorted(relevant, key=lambda e: (e.start, e.event_id)):
        if event.precision is Precision.PERIOD or counts[event.type] > profile.dates_max:
            continue
        onset = _near(event.start, curfew.onset, profile)
        lifting = _near(event.start, curfew.lifting, profile)
        if onset or lifting:
            found.append(_date(curfew, event, onset, lifting))
    return tuple(found)


def _near(date: str, change: Instants | None, profile: EventsProfile) -> DayGap | None:
    gap = day_gap(date, change)
    if gap is None or min(abs(gap.earliest_days), abs(gap.latest_days)) > profile.near_days:
        return None
    return gap


def _date(
    curfew: Curfew, event: Event, onset: DayGap | None, lifting: DayGap | None
) -> DateComparison:
    return DateComparison(
        service=curfew.service,
        network=curfew.network,
        timezone=curfew.timezone,
        event_id=event.event_id,
        event_type=str(event.type),
        title=event.title,
        date=event.start[:10],
        onset_after=onset,
        lifting_after=lifting,
    )


def order_comparisons(
    curfew: Curfew, events: Iterable[Event]
) -> tuple[tuple[OrderComparison, ...], tuple[Event, ...]]:
    """Orders with hours beside a curfew; and those in another time zone, which are not compared."""
    orders = [e for e in events if e.ordered and concerns(e, curfew.service, curfew.network)]
    same = [e for e in orders if e.timezone == curfew.timezone]
    other = tuple(e for e in orders if e.timezone != curfew.timezone)
    return tuple(compare_order(order, curfew) for order in same), other
