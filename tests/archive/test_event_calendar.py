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
    """Cancelled ones, too fine or endless rules, no start, mixed kinds: each by name."""
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
    assert [one.line for one in found.left_out] == [1, 2, 3, 4, 5, 6]
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


GOOD = "SUMMARY:good\r\nDTSTART:20180601T200000"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("DTSTART:00010101T000000Z", "dates of RFC 5545"),
        ("DTSTART;VALUE=DATE:00010101\r\nDTEND;VALUE=DATE:00010101", "dates of RFC 5545"),
        ("DTSTART:99991231T230000Z\r\nDURATION:P2D", "dates of RFC 5545"),
        ("DTSTART;VALUE=TIME:120000", "a date or a time"),
        ("DTSTART:20180601T200000\r\nEXDATE:rubbish", "dates of RFC 5545"),
        ("DTSTART;TZID=Nowhere/X:20180601T200000", "a time zone that is known, found Nowhere/X"),
        ("DTSTART:20180601T200000\r\nDTEND;TZID=Nowhere/X:20180601T210000", "zone that is known"),
        ("DTSTART:20180601T200000\r\nRRULE:FREQ=DAILY;COUNT=0", "a time up to now, found none"),
        ("DTSTART:20180901T200000\r\nRRULE:FREQ=DAILY", "a time up to now, found none"),
        ("DTSTART:20180601T200000\r\nEXDATE:20180601T200000", "a time up to now, found none"),
        ("DTSTART:20180601T200000\r\nSTATUS:CANCELLED", "one that was cancelled"),
        (f"{GOOD}\r\nRRULE:FREQ=DAILY\r\nEXDATE:20180602T200000Z", "EXDATE of the form"),
        (f"{GOOD}\r\nRRULE:FREQ=DAILY\r\nEXDATE;VALUE=PERIOD:20180602T200000/PT1H", "a date or"),
        (f"{GOOD}\r\nRDATE;VALUE=DATE:20180603", "RDATE of the form"),
        ("DTSTART:18991231T200000\r\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "from 1900 on"),
    ],
)
def test_one_bad_entry_is_named_and_the_others_read(entry: str, why: str) -> None:
    """On a clock behind UTC too, where the year 1 has no time before it."""
    found = read(entry, GOOD, timezone="America/New_York")
    assert [e.title for e in found.events] == ["good"]
    assert [one.line for one in found.left_out] == [1]
    assert why in found.left_out[0].why


def test_dates_that_are_listed() -> None:
    """RDATE adds what has happened; a date with a needless zone stays a date."""
    found = read(
        f"{GOOD}\r\nRDATE:20180603T200000,20180605T200000\r\nRDATE:20190101T200000\r\n"
        "EXDATE:20180605T200000",
        "DTSTART;VALUE=DATE;TZID=Europe/Berlin:20180607",
    )
    assert found.left_out == []
    assert [e.start for e in found.events] == ["2018-06-01T20:00", "2018-06-03T20:00", "2018-06-07"]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=DAILY;COUNT=2", [1, 2]),
        ("FREQ=DAILY;UNTIL=20180603T200000", [1, 2, 3]),
        ("FREQ=DAILY;UNTIL=20180603", [1, 2]),
        ("FREQ=WEEKLY;BYDAY=FR;UNTIL=20990101T000000", [1, 8, 15, 22, 29]),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=9000", [1, 15, 29]),
    ],
)
def test_a_rule_with_an_end_of_its_own(rule: str, days: list[int]) -> None:
    """COUNT and UNTIL end it where they are earlier than the moment of adding, counted by hand."""
    found = read(f"{GOOD}\r\nRRULE:{rule}")
    assert [e.start for e in found.events] == [f"2018-06-{day:02d}T20:00" for day in days]


def test_rules_that_never_come_to_pass_are_not_followed_for_ever() -> None:
    """30 February, ten thousand times: three are followed, each is named, the others are read."""
    never = "DTSTART:20180601T200000\r\nRRULE:FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30"
    found = read(*[never] * 10_000, GOOD)
    assert (len(found.events), len(found.left_out)) == (1, 10_000)
    assert "fewer than 3 without a time" in found.left_out[3].why


def test_too_many_rules_are_left_out() -> None:
    """The thousandth is followed, the next is named."""
    found = read(*[f"{GOOD}\r\nRRULE:FREQ=DAILY;COUNT=1"] * 1_001)
    assert (len(found.events), [one.line for one in found.left_out]) == (1_000, [1_001])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 100_001, "at most 100,000 VEVENTs"),
        (b"\r\n" * 1_000_001, "at most 1,000,000 lines"),
        (
            (
                b"BEGIN:VEVENT\r\nDTSTART:20180101T000000\r\nRRULE:FREQ=DAILY;COUNT=1500\r\n"
                b"END:VEVENT\r\n"
            )
            * 67,
            "at most 100,000 events",
        ),
        (
            (
                b"BEGIN:VTIMEZONE\r\nTZID:My/Own\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
                b"RRULE:FREQ=SECONDLY\r\nTZOFFSETFROM:+0500\r\nTZOFFSETTO:+0500\r\n"
                b"END:STANDARD\r\nEND:VTIMEZONE\r\n"
            ),
            "clocks do not change by the year",
        ),
    ],
    ids=["entries", "lines", "events", "zone"],
)
def test_a_calendar_that_is_too_much_is_refused(content: bytes, says: str) -> None:
    """By name, and before it is parsed where that can be told; 67 rules make 100,500 events."""
    whole = HEAD.encode() + content + b"END:VCALENDAR\r\n"
    added_us = int(dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
    with pytest.raises(FormatError, match=says):
        read_events(whole, name="c.ics", timezone="UTC", added_us=added_us)
