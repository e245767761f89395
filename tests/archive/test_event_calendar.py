"""Calendars: times on the right clock, recurrences up to now, and what cannot be."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar
from icalendar import Event as Entry

from evenfall.archive.events import EventsRead, read_events
from evenfall.model.errors import FormatError
from evenfall.model.event import EventType, Precision

HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//made//EN\r\n"
ALMATY = ZoneInfo("Asia/Almaty")
ADDED_US = int(dt.datetime(2018, 7, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000


def read(*entries: str, **asked: object) -> EventsRead:
    """A calendar with these VEVENTs, added on 1 July 2018."""
    body = "".join(f"BEGIN:VEVENT\r\nUID:1\r\n{e}\r\nEND:VEVENT\r\n" for e in entries)
    text = HEAD + body + "END:VCALENDAR\r\n"
    about = {"name": "c.ics", "timezone": "Asia/Almaty", "added_us": ADDED_US, **asked}
    return read_events(text.encode(), **about)


def test_dates_and_times() -> None:
    """A day, two days (the end is the day after), UTC, a floating time, a duration."""
    found = read(
        "SUMMARY:a\r\nDTSTART;VALUE=DATE:20180313",
        "SUMMARY:b\r\nDTSTART;VALUE=DATE:20180313\r\nDTEND;VALUE=DATE:20180315",
        "SUMMARY:c\r\nDTSTART:20180601T140000Z\r\nDTEND:20180601T160000Z",
        "SUMMARY:d\r\nDTSTART:20180601T200000",
        "SUMMARY:e\r\nDTSTART:20180601T200000\r\nDURATION:PT90M",
    )
    assert (found.form, found.left_out) == ("ics", [])
    assert [(e.title, e.start, e.end) for e in found.events] == [
        ("a", "2018-03-13", None),
        ("b", "2018-03-13", "2018-03-14"),
        ("c", "2018-06-01T20:00", "2018-06-01T22:00"),
        ("d", "2018-06-01T20:00", None),
        ("e", "2018-06-01T20:00", "2018-06-01T21:30"),
    ]
    assert [e.precision for e in found.events][1:3] == [Precision.DAY, Precision.MINUTE]
    assert len({e.event_id for e in found.events}) == 5


def test_a_calendar_of_the_library_is_read_back() -> None:
    """Written by icalendar with a zone of its own, read on Almaty's clock."""
    calendar = Calendar()
    entry = Entry()
    entry.add("summary", "Live, at nine; every week")
    entry.add("dtstart", dt.datetime(2018, 6, 1, 18, 0, tzinfo=ZoneInfo("Europe/Berlin")))
    entry.add("categories", ["News", "BROADCAST"])
    entry.add("url", "https://example.org/live")
    calendar.add_component(entry)
    found = read_events(calendar.to_ical(), name="c.ics", timezone="Asia/Almaty", added_us=ADDED_US)
    (one,) = found.events
    assert (one.title, one.start) == ("Live, at nine; every week", "2018-06-01T22:00")
    assert (one.type, one.source) == (EventType.BROADCAST, "https://example.org/live")


def test_what_recurs_is_followed_up_to_now() -> None:
    """Every Friday evening from June on: those before 1 July, without the one that fell out."""
    found = read(
        "SUMMARY:live\r\nDTSTART:20180601T203000\r\nDTEND:20180601T213000\r\n"
        "RRULE:FREQ=WEEKLY\r\nEXDATE:20180615T203000",
        type_default=EventType.BROADCAST,
    )
    assert [e.start for e in found.events] == [f"2018-06-{day:02d}T20:30" for day in (1, 8, 22, 29)]
    assert {e.end[-5:] for e in found.events if e.end} == {"21:30"}
    days = read("SUMMARY:x\r\nDTSTART;VALUE=DATE:20180620\r\nRRULE:FREQ=DAILY;COUNT=3")
    assert [e.start for e in days.events] == ["2018-06-20", "2018-06-21", "2018-06-22"]


def test_the_clock_on_the_wall_recurs() -> None:
    """20:00 in Berlin is 20:00 before and after the change of clocks in March 2018."""
    found = read(
        "SUMMARY:live\r\nDTSTART;TZID=Europe/Berlin:20180323T200000\r\nRRULE:FREQ=DAILY;COUNT=4",
        timezone="Europe/Berlin",
    )
    assert [e.start for e in found.events] == [f"2018-03-{d}T20:00" for d in (23, 24, 25, 26)]


def test_what_is_left_out_and_named() -> None:
    """Cancelled ones in silence; too fine or endless rules, no start, mixed kinds by name."""
    found = read(
        "SUMMARY:off\r\nDTSTART:20180601T200000\r\nSTATUS:CANCELLED",
        "SUMMARY:fine\r\nDTSTART:20180601T200000\r\nRRULE:FREQ=MINUTELY",
        "SUMMARY:long\r\nDTSTART:19800601T200000\r\nRRULE:FREQ=DAILY",
        "SUMMARY:none",
        "SUMMARY:mixed\r\nDTSTART:20180601T200000\r\nDTEND:20180601T210000Z",
        "SUMMARY:back\r\nDTSTART:20180601T200000\r\nDTEND:20180601T190000",
        "SUMMARY:good\r\nDTSTART:20180601T200000",
    )
    assert [e.title for e in found.events] == ["good"]
    assert [one.line for one in found.left_out] == [2, 3, 4, 5, 6]
    assert all(one.why for one in found.left_out)


@pytest.mark.parametrize(
    "content",
    [
        b"BEGIN:VCALENDAR\r\n",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nnonsense\r\n",
        b"BEGIN:VCALENDAR\r\nDTSTART:soon\r\nEND:VCALENDAR\r\n",
        b"BEGIN:VCALENDAR\xff\xfe\r\nEND:VCALENDAR",
    ],
)
def test_half_a_calendar_is_refused(content: bytes) -> None:
    """One that has no end, or is no calendar: with its name, and the remedy."""
    with pytest.raises(FormatError, match=r"c\.ics: expected a calendar .* Export it again"):
        read_events(content, name="c.ics", timezone="UTC", added_us=0)


def test_a_date_that_is_none_in_one_entry() -> None:
    """That entry is named, and the other one read."""
    found = read("SUMMARY:x\r\nDTSTART:soon", "SUMMARY:y\r\nDTSTART;VALUE=DATE:20180313")
    assert [e.title for e in found.events] == ["y"]
    assert [one.line for one in found.left_out] == [1]
