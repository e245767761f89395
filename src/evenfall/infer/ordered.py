"""Hours that an order names, beside the hours in which a service was measured to be bad.

What it does. `parse_hours` reads "Mon-Fri 20:00-22:00"; `compare_order` lays an order beside a
curfew: each observed window against the ordered hours that touch it most.

Rules:
    An end is compared as an interval: the observed end is known to lie between two times, so by how
    many minutes it exceeds the order is known between two figures. `exceeds` is said only if even
    the smaller one is above zero at the beginning or the end; `may exceed` if only the larger one
    is; else `inside`.
    Weekdays on which it was seen and none was ordered exceed the order whatever the hours.
    A service that is bad at all measured hours is `all day`, and exceeds an order of fewer hours.
    Ordered hours in which nothing was observed are listed: an order says nothing about what was
    done, and what was done nothing about who did it.
    Both are local times; an order in another zone is refused by the caller, who knows the zones.

What it does not do: say that one came from the other.

Source: METHOD 6.
"""

from __future__ import annotations

import datetime as dt
import re

from evenfall.model.coincidence import DayGap, HourExcess, OrderComparison
from evenfall.model.curfew import Curfew, Instants, Window
from evenfall.model.errors import FormatError
from evenfall.model.event import Event, OrderedHours
from evenfall.model.vocabulary import Pattern

__all__ = ["compare_order", "day_gap", "parse_hours"]

_DAY_MIN = 1440
_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(
    r"(?:(?P<days>[A-Za-z,\s\-–]+)\s+)?(?P<start>\d\d:\d\d)\s*[-–]\s*(?P<end>\d\d:\d\d)"
)
_EVERY_DAY = tuple(range(7))
_STRENGTH = ("inside", "may exceed", "apart", "exceeds", "all day")
_HOURS_TEXT_MAX = 200


def parse_hours(text: str, *, where: str) -> tuple[OrderedHours, ...]:
    """`Mon-Fri 20:00-22:00`, `Sat,Sun 10:00-12:00; 20:00-22:00`; no days: every day.

    Raises:
        FormatError: anything else. Whether the times exist is checked with the event.
    """
    return tuple(_one(part.strip(), where) for part in text[:_HOURS_TEXT_MAX].split(";"))


def _one(text: str, where: str) -> OrderedHours:
    match = _HOURS.fullmatch(text)
    if match is None:
        raise _unreadable(text, where)
    days = match["days"]
    weekdays = _EVERY_DAY if days is None else _weekdays(days, where)
    return OrderedHours(weekdays=weekdays, start_local=match["start"], end_local=match["end"])


def _weekdays(text: str, where: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in re.split(r"\s*,\s*", text.strip()):
        ends = re.split(r"\s*[-–]\s*", part)
        if not 1 <= len(ends) <= 2:
            raise _unreadable(part, where)
        first, last = (_weekday(ends[0], where), _weekday(ends[-1], where))
        found |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    return tuple(sorted(found))


def _weekday(text: str, where: str) -> int:
    name = text.strip().lower()[:3]
    if name not in _NAMES:
        raise _unreadable(text, where)
    return _NAMES.index(name)


def _unreadable(seen: str, where: str) -> FormatError:
    return FormatError(
        expected='hours as "Mon-Fri 20:00-22:00"',
        seen=repr(seen),
        where=where,
        remedy="Separate several with a semicolon; leave the days out for every day.",
    )


def compare_order(order: Event, curfew: Curfew) -> OrderComparison:
    """An order with hours beside a curfew in the same time zone."""
    if curfew.pattern is Pattern.ALWAYS:
        windows: tuple[HourExcess, ...] = ()
        relation = "all day" if _unordered_min(order.ordered) else "inside"
        not_observed: tuple[str, ...] = ()
    else:
        windows = tuple(_beside(window, order.ordered) for window in curfew.windows)
        relation = max((w.relation for w in windows), key=_STRENGTH.index, default="apart")
        touched = {w.ordered for w in windows}
        not_observed = tuple(_text(hours) for hours in order.ordered if _text(hours) not in touched)
    return OrderComparison(
        service=curfew.service,
        network=curfew.network,
        timezone=curfew.timezone,
        event_id=order.event_id,
        title=order.title,
        relation=relation,
        windows=windows,
        not_observed=not_observed,
        unordered_min_a_day=_unordered_min(order.ordered)
        if curfew.pattern is Pattern.ALWAYS
        else None,
        onset_after_start=day_gap(order.start, curfew.onset),
        lifting_after_end=_after_end(order, curfew),
    )


def _after_end(order: Event, curfew: Curfew) -> DayGap | None:
    """A lifting is the first day without; the last bad one is the day before."""
    gap = None if order.end is None else day_gap(order.end, curfew.lifting)
    return gap and DayGap(earliest_days=gap.earliest_days - 1, latest_days=gap.latest_days - 1)


def day_gap(date: str, change: Instants | None) -> DayGap | None:
    """Days from a date to a change."""
    if change is None:
        return None
    base = dt.date.fromisoformat(date[:10])
    return DayGap(
        earliest_days=(dt.date.fromisoformat(change.earliest) - base).days,
        latest_days=(dt.date.fromisoformat(change.latest) - base).days,
    )


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return 60 * int(hours) + int(minutes)


def _stretch(start: str, end: str) -> tuple[int, int]:
    """Minutes from the start's midnight; the end lies after the start, perhaps beyond 1440."""
    first, last = _minutes(start), _minutes(end)
    return first, last if last > first else last + _DAY_MIN


def _near(minute: int, to: int) -> int:
    """The same time of day, on whichever date is nearest to `to`."""
    return to + (minute - to + _DAY_MIN // 2) % _DAY_MIN - _DAY_MIN // 2


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> int:
    shifts = (-_DAY_MIN, 0, _DAY_MIN)
    return max(min(one[1], other[1] + s) - max(one[0], other[0] + s) for s in shifts)


def _beside(window: Window, ordered: tuple[OrderedHours, ...]) -> HourExcess:
    observed = _stretch(window.start_local, window.end_local)
    days = {day for hours in ordered for day in hours.weekdays}
    outside = tuple(day for day in window.weekdays if day not in days)
    text = f"{window.start_local}-{window.end_local}"
    best = max(
        ordered,
        key=lambda h: (
            _overlap(observed, _stretch(h.start_local, h.end_local)),
            len(set(h.weekdays) & set(window.weekdays)),
        ),
        default=None,
    )
    if best is None or _overlap(observed, _stretch(best.start_local, best.end_local)) <= 0:
        return HourExcess(
            observed=text, ordered=None, relation="apart", before_min=None, after_min=None,
            weekdays_outside=outside,
        )  # fmt: skip
    before, after = _excess(window, observed, best)
    return HourExcess(
        observed=text,
        ordered=_text(best),
        relation=_relation(before, after, outside),
        before_min=before,
        after_min=after,
        weekdays_outside=outside,
    )


def _excess(
    window: Window, observed: tuple[int, int], ordered: OrderedHours
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Minutes before and after the ordered hours, each as (low, point, high)."""
    first, last = _stretch(ordered.start_local, ordered.end_local)
    first, last = _near(first, observed[0]), _near(last, observed[1])
    start_low, start_high = (_near(_minutes(t), observed[0]) for t in window.start_interval)
    end_low, end_high = (_near(_minutes(t), observed[1]) for t in window.end_interval)
    return (
        (first - start_high, first - observed[0], first - start_low),
        (end_low - last, observed[1] - last, end_high - last),
    )


def _relation(
    before: tuple[int, int, int], after: tuple[int, int, int], outside: tuple[int, ...]
) -> str:
    if outside or before[0] > 0 or after[0] > 0:
        return "exceeds"
    return "may exceed" if before[2] > 0 or after[2] > 0 else "inside"


def _unordered_min(ordered: tuple[OrderedHours, ...]) -> int:
    """Minutes of the ordered day with the most ordered hours that lie outside them."""
    by_day = []
    for day in sorted({day for hours in ordered for day in hours.weekdays}):
        minutes: set[int] = set()
        for hours in ordered:
            if day in hours.weekdays:
                minutes |= set(range(*_stretch(hours.start_local, hours.end_local)))
        by_day.append(len({minute % _DAY_MIN for minute in minutes}))
    return _DAY_MIN - max(by_day, default=0)


def _text(hours: OrderedHours) -> str:
    return f"{hours.start_local}-{hours.end_local}"
