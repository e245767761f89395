"""Calendars in iCalendar format → events; see `events.py` for the door.

Rules:
    Each VEVENT is an event: SUMMARY its title, CATEGORIES its type where one of ours is among them,
    URL its source. A date stays a date, and its DTEND is the day after the last. A time in UTC or
    in a zone of its own is put on the clock of the zone that the caller names; a floating one is
    meant in it.
    A rule of recurrence by day, week, month or year, and a list of dates (RDATE), are followed up
    to the moment of adding, no further: the register is of what happened.
    Every VEVENT ends as one event or more, or is left out and named: what is cancelled, has no time
    up to then, recurs more than 2,000 times or by the hour or finer, stands in a zone that nobody
    knows, or lists dates (RDATE, EXDATE) of another form than its start.
    A calendar may hold 100,000 VEVENTs, 100,000 events and a million lines; 1,000 of its rules are
    followed, from 1900 on, until three gave no time at all; the others are left out and named.
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
_EVENTS_MAX = 100_000
_LINES_MAX = 1_000_000
_RULES_MAX = 1_000
_BARREN_MAX = 3  # rules without any time: each is stepped through to the year 9999, some seconds
_RULE_YEAR_MIN = 1900
_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError)
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

    _check_size(content, name)
    try:
        calendars = Calendar.from_ical(content, multiple=True)
        found = [entry for one in calendars for entry in one.walk("VEVENT")]
        _check_zones(calendars)
    except (*_UNREADABLE, RecursionError) as error:
        seen = (str(error).splitlines() or ["something else"])[0][:200]
        raise _no_calendar(seen, name) from error
    if not any(one.name == "VCALENDAR" for one in calendars):
        raise _no_calendar("one that has no end", name)
    return _bounded(found, asked, name)


def _check_size(content: bytes, name: str) -> None:
    """Before anything is parsed, for the parser keeps every line as objects."""
    if content.upper().count(b"BEGIN:VEVENT") > _EVENTS_MAX:
        raise _too_many(f"{_EVENTS_MAX:,} VEVENTs", name)
    if content.count(b"\n") > _LINES_MAX:
        raise _too_many(f"{_LINES_MAX:,} lines", name)


def _check_zones(calendars: list[Any]) -> None:
    """Clocks change by the year; a rule by the second would be stepped through for days."""
    parts = [p for c in calendars for kind in ("STANDARD", "DAYLIGHT") for p in c.walk(kind)]
    for rule in (part["RRULE"] for part in parts if "RRULE" in part):
        if [str(word).upper() for word in rule["FREQ"]] != ["YEARLY"]:
            raise ValueError("a VTIMEZONE whose clocks do not change by the year")


def _bounded(
    found: list[Any], asked: Asked, name: str
) -> Iterator[tuple[int, Callable[[], Event]]]:
    """Everything made of these entries, until it is too much."""
    rules = made = 0
    barren: list[Any] = []
    for number, entry in enumerate(found, start=1):
        rules += "RRULE" in entry
        may_recur = rules <= _RULES_MAX and len(barren) < _BARREN_MAX
        for one in _occurrences(entry, number, asked, barren, may_recur=may_recur):
            made += 1
            if made > _EVENTS_MAX:
                raise _too_many(f"{_EVENTS_MAX:,} events", name)
            yield one


def _too_many(most: str, name: str) -> FormatError:
    return FormatError(
        expected=f"a calendar of at most {most}",
        seen="more",
        where=name,
        remedy="Export a shorter time or fewer calendars at once.",
    )


def _no_calendar(seen: str, name: str) -> FormatError:
    return FormatError(
        expected="a calendar (RFC 5545)",
        seen=seen,
        where=name,
        remedy="Export it again from the program that keeps it.",
    )


def _occurrences(
    entry: Any, number: int, asked: Asked, barren: list[Any], *, may_recur: bool
) -> Iterator[tuple[int, Callable[[], Event]]]:
    """One pair a time it took place; one that raises where there is none."""
    try:
        start = _start(entry, may_recur=may_recur)
        lasted = _lasted(entry, start)
        times = _times(entry, start, asked, barren)
    except FormatError as error:
        yield number, partial(_refuse, error)
        return
    except _UNREADABLE as error:
        yield number, partial(_refuse, _unreadable(error))
        return
    for begins in times:
        yield number, partial(_read, entry, begins, lasted, asked)


def _refuse(error: FormatError) -> Event:
    raise error


def _unreadable(error: Exception) -> FormatError:
    return bad_cell("dates of RFC 5545", " ".join(str(error).split())[:80], "VEVENT")


def _read(entry: Any, begins: Moment, lasted: dt.timedelta | None, asked: Asked) -> Event:
    """One occurrence; whatever its dates cannot be is a `FormatError`."""
    try:
        ends = None if lasted is None else begins + lasted
        return _event(entry, begins, ends, asked)
    except _UNREADABLE as error:
        raise _unreadable(error) from error


def _start(entry: Any, *, may_recur: bool) -> Moment:
    if _text(entry, "STATUS").upper() == "CANCELLED":
        raise bad_cell("an event that took place", "one that was cancelled", "STATUS")
    start = _decoded(entry, "DTSTART")
    if start is None:
        raise bad_cell("a DTSTART", "none", "DTSTART")
    if "RRULE" in entry and not may_recur:
        raise bad_cell(
            f"at most {_RULES_MAX:,} rules, fewer than {_BARREN_MAX} without a time",
            "more",
            "RRULE",
        )
    return start


def _lasted(entry: Any, start: Moment) -> dt.timedelta | None:
    end = _decoded(entry, "DTEND")
    if end is None and entry.get("DURATION") is not None:
        end = start + entry.decoded("DURATION")
    if end is None:
        return None
    if _form(end) != _form(start):
        raise bad_cell("an end of the form of the start", str(end), "DTEND")
    return end - start


def _text(entry: Any, field: str) -> str:
    """The first of what a field says; one that stands twice is a fault of the writer."""
    said = entry.get(field, "")
    return str(said[0] if isinstance(said, list) else said)


def _decoded(entry: Any, field: str) -> Moment | None:
    said = entry.get(field)
    return None if said is None else _moment(said, field, said)


def _moment(value: Any, field: str, about: Any) -> Moment:
    """A date or a time; `about` carries the parameters."""
    moment, told = getattr(value, "dt", None), getattr(about, "params", {})
    if not isinstance(moment, dt.date):
        raise bad_cell("a date or a time", str(moment)[:40], field)
    if not isinstance(moment, dt.datetime):
        return moment
    if str(told.get("VALUE", "")).upper() == "DATE":
        return moment.date()
    if moment.tzinfo is None and "TZID" in told:
        raise bad_cell("a time zone that is known", str(told["TZID"])[:40], field)
    return moment


def _form(moment: Moment) -> str:
    """Which of the three forms of RFC 5545 it has; they cannot be compared with each other."""
    if not isinstance(moment, dt.datetime):
        return "date"
    return "floating" if moment.tzinfo is None else "zoned"


def _times(entry: Any, start: Moment, asked: Asked, barren: list[Any]) -> list[Moment]:
    """When it began: once, or again and again up to the moment of adding.

    A rule that gives no time at all is added to `barren`.
    """
    excluded = set(_listed(entry, "EXDATE", start))
    more = _listed(entry, "RDATE", start)
    times = {start} if "RRULE" not in entry else set(_recurring(entry, start, asked))
    if not times and _clock(start) <= _bound(start, asked):
        barren.append(entry)
    times |= {moment for moment in more if _clock(moment) <= _bound(start, asked)}
    if len(times) > _TIMES_MAX:
        raise bad_cell(f"at most {_TIMES_MAX:,} times", "more", "RRULE")
    if not times - excluded:
        raise bad_cell("a time up to now", "none", "RRULE, EXDATE")
    return sorted(times - excluded)


def _listed(entry: Any, field: str, start: Moment) -> list[Moment]:
    said = entry.get(field)
    lists = said if isinstance(said, list) else [] if said is None else [said]
    moments = [_moment(one, field, some) for some in lists for one in some.dts]
    if any(_form(moment) != _form(start) for moment in moments):
        raise bad_cell(f"{field} of the form of DTSTART", "another", field)
    return moments


def _clock(moment: Moment) -> dt.datetime:
    """A date as its first moment, so that rules can step through it."""
    if isinstance(moment, dt.datetime):
        return moment
    return dt.datetime.fromisoformat(moment.isoformat())


def _bound(start: Moment, asked: Asked) -> dt.datetime:
    """The moment of adding, in the form of the start."""
    now = _EPOCH + dt.timedelta(microseconds=asked.added_us)
    if _form(start) == "zoned":
        return now
    return now.astimezone(load_zone(asked.timezone)).replace(tzinfo=None)


def _recurring(entry: Any, start: Moment, asked: Asked) -> Iterator[Moment]:
    """The times of the rule, with the bound set in the rule itself.

    COUNT and UNTIL, which may be later than the bound, are applied here.
    """
    from dateutil.rrule import rrulestr  # type: ignore[import-untyped]  # (ships no types)

    rule = entry["RRULE"]
    if isinstance(rule, list) or str(rule["FREQ"][0]).upper() not in _FREQUENCIES:
        raise bad_cell("one rule by day, week, month or year", "another", "RRULE")
    if start.year < _RULE_YEAR_MIN:
        raise bad_cell(f"a rule from {_RULE_YEAR_MIN} on", f"{start.year}", "DTSTART")
    if _clock(start) > _bound(start, asked):
        return iter(())
    asked_for = rrulestr(rule.to_ical().decode(), dtstart=_clock(start))
    moments = iter(asked_for.replace(count=None, until=_bound(start, asked)))
    if "UNTIL" in rule:
        until = _clock(rule["UNTIL"][0])
        moments = itertools.takewhile(lambda moment: moment <= until, moments)
    count = min(int(rule["COUNT"][0]), _TIMES_MAX + 1) if "COUNT" in rule else _TIMES_MAX + 1
    plain = isinstance(start, dt.datetime)
    return (one if plain else one.date() for one in itertools.islice(moments, count))


def _event(entry: Any, begins: Moment, ends: Moment | None, asked: Asked) -> Event:
    is_time = isinstance(begins, dt.datetime)
    if ends is not None and not isinstance(ends, dt.datetime):
        ends = max(begins, ends - dt.timedelta(days=1))  # the day after the last
    if ends == begins:
        ends = None
    event = Event(
        type=_type(entry, asked),
        title=one_line(_text(entry, "SUMMARY")) or "event",
        start=_local(begins, asked.timezone),
        end=None if ends is None else _local(ends, asked.timezone),
        timezone=asked.timezone,
        precision=Precision.MINUTE if is_time else Precision.DAY,
        source=_text(entry, "URL") or asked.source_default,
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
