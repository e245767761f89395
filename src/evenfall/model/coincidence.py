"""Meanings of events beside measured nights. None of them shows a cause, and each one says so.

Printed by `events test --json`: one `coincidence` for each kind of event, one `date_comparison` for
each event near an onset or a lifting, one `order_comparison` for each order with hours, one
`group_comparison` where platforms' answers are known.
"""

from __future__ import annotations

import msgspec

__all__ = [
    "COINCIDENCE_SCHEMA_VERSION",
    "DOES_NOT_SHOW",
    "Coincidence",
    "DateComparison",
    "DayGap",
    "GroupComparison",
    "GroupMember",
    "HourExcess",
    "HourLag",
    "Lag",
    "OrderComparison",
]

COINCIDENCE_SCHEMA_VERSION = "1.0"
DOES_NOT_SHOW = "cause"


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """The same comparison with the calendar moved.

    Attributes:
        lag_nights: by so many nights later; negative: earlier.
        difference: of the mean nightly value, on nights of the moved calendar less the others;
            null where one side has no measured night.
    """

    lag_nights: int
    difference: float | None


class HourLag(msgspec.Struct, frozen=True, kw_only=True):
    """Share gone wrong in the events' own hours less that in all others, the events moved by hours.

    Attributes:
        lag_h: by so many hours later; negative: earlier.
        difference: of the shares of measurements; null where one side holds none.
    """

    lag_h: int
    difference: float | None


class Coincidence(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="coincidence"):
    """Nights with events beside nights without.

    Attributes:
        event_type: which events; empty: all of them.
        events, events_outside, events_undated: counted, outside the measured time, and known too
            coarsely to name nights.
        basis: which hours make a night, in words.
        nights_measured, nights_calendar: measured, and from the first to the last of them.
        nights_with, nights_without: measured nights with and without an event.
        hits_with, hits_without: of these, the bad ones.
        share_with, share_without: the same as shares; null where there is no such night.
        difference, low, high: of the two shares, with 95 % limits (weeks hang together).
        value_difference: of the mean share of measurements that went wrong in the hours, less what
            weekday and date explain.
        auc: chance that a night with an event has the larger value than one without.
        weekday_strata: weekdays, a trend and lasting changes were taken out first.
        shifts: moved calendars that the p-value rests on.
        p_value: share of the calendar's shifts that give as large a difference; null: not tested.
        p_min: no p-value over so few shifts can be smaller.
        nights_for_one_percent: calendar nights from which a p of 1 % is possible.
        lags, hour_lags: the same with the events moved; described, not tested.
        tests: how many such p-values were made in the same run.
        because: why nothing was tested; empty where it was.
        does_not_show: always `cause`.
    """

    service: str
    network: str
    timezone: str
    event_type: str
    events: int
    events_outside: int
    events_undated: int
    basis: str
    nights_measured: int
    nights_calendar: int
    nights_with: int
    nights_without: int
    hits_with: int
    hits_without: int
    share_with: float | None
    share_without: float | None
    difference: float | None
    low: float | None
    high: float | None
    value_difference: float | None
    auc: float | None
    weekday_strata: bool
    shifts: int
    p_value: float | None
    p_min: float | None
    nights_for_one_percent: int
    lags: tuple[Lag, ...]
    hour_lags: tuple[HourLag, ...]
    tests: int
    because: str
    profile: str
    simulated: bool = False
    does_not_show: str = DOES_NOT_SHOW
    schema: str = COINCIDENCE_SCHEMA_VERSION


class HourExcess(msgspec.Struct, frozen=True, kw_only=True):
    """One observed window beside the hours that were ordered.

    Attributes:
        observed, ordered: `HH:MM-HH:MM`; ordered is null where no ordered hours touch it.
        relation: `inside`, `may exceed` (by its interval), `exceeds`, or `apart`.
        before_min, after_min: minutes by which it begins earlier and ends later than ordered, as
            (low, point, high); below zero where it begins later or ends earlier.
        weekdays_outside: days on which it was seen and none was ordered.
    """

    observed: str
    ordered: str | None
    relation: str
    before_min: tuple[int, int, int] | None
    after_min: tuple[int, int, int] | None
    weekdays_outside: tuple[int, ...]


class DayGap(msgspec.Struct, frozen=True, kw_only=True):
    """Days from a date of the order to the observed one, as an interval; below zero: before it."""

    earliest_days: int
    latest_days: int


class DateComparison(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="date_comparison"
):
    """One dated event beside the first and last days of what was measured; one date is no test.

    Attributes:
        onset_after, lifting_after: days from the event to the onset, and to the first day without;
            null where the data do not hold it, or it is too far away to be laid beside the event.
    """

    service: str
    network: str
    timezone: str
    event_id: str
    event_type: str
    title: str
    date: str
    onset_after: DayGap | None
    lifting_after: DayGap | None
    does_not_show: str = DOES_NOT_SHOW
    schema: str = COINCIDENCE_SCHEMA_VERSION


class OrderComparison(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="order_comparison"
):
    """An order's hours beside the hours in which a service was measured to be bad.

    Attributes:
        relation: the strongest of its windows': `inside`, `may exceed`, `exceeds`, `apart`, or
            `all day` (which exceeds every order of less).
        windows: one for each observed window.
        not_observed: ordered hours in which nothing was seen.
        unordered_min_a_day: for `all day`: minutes of an ordered day outside its ordered hours.
        onset_after_start, lifting_after_end: days from the order's first day to the onset, and
            from its last day to the last bad day.
    """

    service: str
    network: str
    timezone: str
    event_id: str
    title: str
    relation: str
    windows: tuple[HourExcess, ...]
    not_observed: tuple[str, ...]
    unordered_min_a_day: int | None
    onset_after_start: DayGap | None
    lifting_after_end: DayGap | None
    does_not_show: str = DOES_NOT_SHOW
    schema: str = COINCIDENCE_SCHEMA_VERSION


class GroupMember(msgspec.Struct, frozen=True, kw_only=True):
    """One service of a group.

    Attributes:
        outcome: complied, refused, or partly (which belongs to neither group).
        nights: measured.
        value: mean over nights of (share gone wrong in the hours − its share in other hours).
    """

    service: str
    outcome: str
    nights: int
    value: float | None


class GroupComparison(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="group_comparison"
):
    """Services whose platforms complied with takedown requests, beside those that refused.

    Attributes:
        members: all services with a known outcome.
        nights: nights on which both groups were measured.
        difference: refused less complied, on the same nights, each service from its own level in
            its other hours; null where no night has both.
        p_value: exact share of the ways to deal the same labels to the services that give as
            large a difference; null: described, not tested.
        p_min: no p-value over so few services can be smaller.
        because: why it was not tested; empty where it was.
        rival_reasons: what could make the same difference.
    """

    network: str
    timezone: str
    basis: str
    members: tuple[GroupMember, ...]
    nights: int
    difference: float | None
    p_value: float | None
    p_min: float | None
    ways: int
    because: str
    rival_reasons: tuple[str, ...]
    simulated: bool = False
    does_not_show: str = DOES_NOT_SHOW
    schema: str = COINCIDENCE_SCHEMA_VERSION
