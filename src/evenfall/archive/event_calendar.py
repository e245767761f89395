"""Calendars in iCalendar format → events; see `events.py` for the door.

Rules:
    Each VEVENT is an event: SUMMARY its title, CATEGORIES its type where one of ours is among them,
    URL its source. A date stays a date, and its DTEND is the day after the last. A time in UTC or
    in a zone of its own is put on the clock of the zone that the caller names; a floating one is
    meant in it.
    What is cancelled is left out. A rule of recurrence by day, week, month or year is followed up
    to the moment of adding, no further: the register is of what happened. More than 2,000 times, or
    a rule by the hour or finer, is left out and named.
    A line is given as the ordinal of the VEVENT, for the format folds its lines.

What it does not do: RECURRENCE-ID (one moved occurrence of many) is an event of its own beside the
one it replaces; alarms, to-dos and journals are passed over.

Sources: RFC 5545 sections 3.6.1, 3.8.2, 3.8.5; the libraries icalendar and dateutil.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from evenfall.archive.event_rows import Asked, bad_cell, one_line
from evenfall.infer.event_dates import checked
from evenfall.infer.localtime import load_zone
from evenfall.model.errors import FormatError
from evenfall.model.event import Event, EventType, Precision

__all__ = ["calendar_events", "is_calendar"]

_TIMES_MAX = 2_000
_FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_MARK = b"BEGIN:VCALENDAR"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
Moment = dt.datetime | dt.date


def is_calendar(content: bytes) -> bool:
    """Whether the bytes begin as a calendar does."""
    return content.removeprefix(b"\xef\xbb\xbf").lstrip()[: len(_MARK)].upper() == _MARK


def calendar_events(
    content: bytes, asked: Asked, *, name: str
) -> Iterator[tuple[int, Callable[[], Event]]]:
    """Ordinal of each VEVENT, and what makes its event; several for one that recurs.

    Raises:
        FormatError: no calendar.
        ModuleNotFoundError: the library icalendar is not installed.
    """
    from icalendar import Calendar

    try:
        calendars = Calendar.from_ical(content, multiple=True)
    except (ValueError, KeyError, IndexError) as error:
        raise _no_calendar(
            (str(error).splitlines() or ["something else"])[0][:200], name
        ) from error
    if not any(one.name == "VCALENDAR" for one in calendars):
        raise _no_calendar("one that has no end", name)
    found = itertools.chain.from_iterable(one.walk("VEVENT") for one in calendars)
    return itertools.chain.from_iterable(
        _occurrences(entry, number, asked) for number, entry in enumerate(found, start=1)
    )


def _no_calendar(seen: str, name: str) -> FormatError:
    return FormatError(
        expected="a calendar (RFC 5545)",
        seen=seen,
        where=name,
        remedy="Export it again from the program that keeps it.",
    )


def _occurrences(
    entry: Any, number: int, asked: Asked
) -> Iterator[tuple[int, Callable[[], Event]]]:
    """One pair a time it took place; a pair that raises for one that cannot be read."""
    if str(entry.get("STATUS", "")).upper() == "CANCELLED":
        return
    try:
        start, end = _decoded(entry, "DTSTART"), _decoded(entry, "DTEND")
        if start is None:
            raise bad_cell("a DTSTART", "none", "DTSTART")
        if end is None and entry.get("DURATION") is not None:
            end = start + entry.decoded("DURATION")
        lasted = None if end is None else end - start
        times = _times(entry, start, asked)
    except FormatError as error:
        yield number, partial(_refuse, error)
        return
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        yield number, partial(_refuse, bad_cell("dates of RFC 5545", str(error)[:80], "VEVENT"))
        return
    for begins in times:
        ends = None if lasted is None else begins + lasted
        yield number, partial(_event, entry, begins, ends, asked)


def _refuse(error: FormatError) -> Event:
    raise error


def _decoded(entry: Any, field: str) -> Moment | None:
    moment = entry.decoded(field, None)
    if moment is None or isinstance(moment, dt.date):
        return moment
    raise bad_cell("a date or a time", str(moment)[:40], field)


def _times(entry: Any, start: Moment, asked: Asked) -> list[Any]:
    """When it began, once or again and again up to the moment of adding."""
    rule = entry.get("RRULE")
    if rule is None:
        return [start]
    from dateutil.rrule import rrulestr  # type: ignore[import-untyped]  # (ships no types)

    if isinstance(rule, list) or str(rule["FREQ"][0]).upper() not in _FREQUENCIES:
        raise bad_cell("one rule by day, week, month or year", "another", "RRULE")
    is_time = isinstance(start, dt.datetime)
    first = start if is_time else dt.datetime.fromisoformat(start.isoformat())
    zone = first.tzinfo if isinstance(first, dt.datetime) else None
    last = _EPOCH + dt.timedelta(microseconds=asked.added_us)
    bound = last if zone else last.astimezone(load_zone(asked.timezone)).replace(tzinfo=None)
    moments = rrulestr(rule.to_ical().decode(), dtstart=first)
    until = itertools.takewhile(lambda moment: moment <= bound, moments)
    times = list(itertools.islice(until, _TIMES_MAX + 1))
    if len(times) > _TIMES_MAX:
        raise bad_cell(f"at most {_TIMES_MAX:,} times", "more", "RRULE")
    left_out = _exceptions(entry)
    plain = times if is_time else [moment.date() for moment in times]
    return [moment for moment in plain if moment not in left_out]


def _exceptions(entry: Any) -> set[Any]:
    said = entry.get("EXDATE")
    lists = said if isinstance(said, list) else [] if said is None else [said]
    return {one.dt for some in lists for one in some.dts}


def _event(entry: Any, begins: Moment, ends: Moment | None, asked: Asked) -> Event:
    is_time = isinstance(begins, dt.datetime)
    if ends is not None and not isinstance(ends, dt.datetime):
        ends = max(begins, ends - dt.timedelta(days=1))  # the day after the last
    if ends == begins:
        ends = None
    event = Event(
        type=_type(entry, asked),
        title=one_line(str(entry.get("SUMMARY", ""))) or "event",
        start=_local(begins, asked.timezone),
        end=None if ends is None else _local(ends, asked.timezone),
        timezone=asked.timezone,
        precision=Precision.MINUTE if is_time else Precision.DAY,
        source=str(entry.get("URL", "")) or asked.source_default,
        added_us=asked.added_us,
    )
    return checked(event, where="VEVENT")


def _type(entry: Any, asked: Asked) -> EventType:
    said = entry.get("CATEGORIES")
    lists = said if isinstance(said, list) else [] if said is None else [said]
    words = [str(word).lower() for some in lists for word in some.cats]
    return next((EventType(word) for word in words if word in set(EventType)), asked.type_default)


def _local(moment: Moment, zone: str) -> str:
    if not isinstance(moment, dt.datetime):
        return moment.isoformat()
    if moment.tzinfo is not None:
        moment = moment.astimezone(load_zone(zone))
    return moment.strftime("%Y-%m-%dT%H:%M")
