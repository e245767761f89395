"""The calendar, read by a foreign reader (icalendar) and expanded by dateutil."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import dateutil.rrule
import icalendar
import msgspec
import pytest

from evenfall.model.curfew import Curfew, Instants, Spell, Window
from evenfall.model.vocabulary import Pattern, SeriesState, State
from evenfall.report.calendar_ics import EXPECTED_WEEKS, calendar
from evenfall.report.page import Judged


def window(start: str, end: str, weekdays: tuple[int, ...] = tuple(range(7))) -> Window:
    """A window with its interval at its ends."""
    return Window(
        weekdays=weekdays,
        start_local=start,
        end_local=end,
        start_interval=(start, start),
        end_interval=(end, end),
    )


def read(content: bytes) -> icalendar.Calendar:
    """The calendar as icalendar reads it; no component was faulty."""
    found = icalendar.Calendar.from_ical(content)
    assert not [fault for component in found.walk() for fault in component.errors]
    return found


def events(content: bytes, *, recurring: bool) -> list[icalendar.Event]:
    """Events with a rule, or those without."""
    return [event for event in read(content).walk("VEVENT") if ("RRULE" in event) == recurring]


def changed(judged: Judged, **curfew: Any) -> Judged:
    """The same with another claim."""
    assert judged.curfew is not None
    claim = msgspec.structs.replace(judged.curfew, **curfew)
    return Judged(series=judged.series, finding=judged.finding, curfew=claim)


def test_every_night_that_was_seen_is_an_event_in_its_zone(slowed: Judged) -> None:
    """20:00 to 22:00 in Almaty, which was 14:00 to 16:00 UTC in 2018; one a night, by date."""
    found = events(calendar([slowed]), recurring=False)
    assert len(found) == 14
    dates = [event["DTSTART"].dt.date() for event in found]
    assert dates == [dt.date(2018, 6, 4) + dt.timedelta(days=n) for n in range(14)]
    for event in found:
        start, end = event["DTSTART"].dt, event["DTEND"].dt
        assert (f"{start:%H:%M}", f"{end:%H:%M}") == ("20:00", "22:00")
        assert start.astimezone(dt.UTC).hour == 14
        assert event["DTSTART"].params["TZID"] == "Asia/Almaty"
        assert event["TRANSP"] == "TRANSPARENT"


def test_the_hours_to_expect_are_one_daily_rule(slowed: Judged) -> None:
    """From the evening after the last measurement, for eight weeks, each day at 20:00."""
    (event,) = events(calendar([slowed]), recurring=True)
    start = event["DTSTART"].dt
    text = event["RRULE"].to_ical().decode()
    assert text.startswith("FREQ=DAILY;")
    rule = dateutil.rrule.rrulestr(text, dtstart=start)
    days = [at.date() for at in rule]
    assert days[0] == dt.date(2018, 6, 18)  # the series ends at noon of that day
    assert days[-1] == days[0] + dt.timedelta(weeks=EXPECTED_WEEKS) - dt.timedelta(days=1)
    assert {at.hour for at in rule} == {20}
    assert "Not a promise" in event["DESCRIPTION"]
    assert "compatible with" in event["DESCRIPTION"]


@pytest.mark.parametrize("weekdays", [(0, 1, 2, 3, 4), (5, 6), (2,), (0, 1, 2, 3, 6)])
def test_weekdays_are_those_of_the_window(slowed: Judged, weekdays: tuple[int, ...]) -> None:
    """The rule's days, and its first day, are the window's; nights seen are too."""
    content = calendar([changed(slowed, windows=(window("20:00", "22:00", weekdays),))])
    (event,) = events(content, recurring=True)
    start = event["DTSTART"].dt
    rule = dateutil.rrule.rrulestr(event["RRULE"].to_ical().decode(), dtstart=start)
    assert {at.weekday() for at in rule} == set(weekdays)
    assert start.weekday() in weekdays
    assert {e["DTSTART"].dt.weekday() for e in events(content, recurring=False)} == set(weekdays)


@pytest.mark.parametrize(
    ("start", "end"), [("22:30", "00:30"), ("20:00", "24:00"), ("23:00", "23:00")]
)
def test_a_window_over_midnight_ends_on_the_next_date(slowed: Judged, start: str, end: str) -> None:
    """Also one that ends at 24:00, and one of a whole day; never before it starts."""
    for event in read(calendar([changed(slowed, windows=(window(start, end),))])).walk("VEVENT"):
        first, last = event["DTSTART"].dt, event["DTEND"].dt
        assert last.date() == first.date() + dt.timedelta(days=1)
        assert last > first


def test_a_lifted_one_is_not_expected(slowed: Judged) -> None:
    """What was no longer seen when the measurements ended has no hours to come."""
    lifted = changed(slowed, lifting=Instants(earliest="2018-06-16", latest="2018-06-17"))
    assert events(calendar([lifted]), recurring=True) == []


def test_innocent_series_make_no_events(clear: Judged, short: Judged, empty: Judged) -> None:
    """Nothing found, too little measured, nothing told: a calendar to be read, and empty."""
    assert read(calendar([clear, short, empty])).walk("VEVENT") == []
    assert read(calendar([])).walk("VEVENT") == []


def test_the_same_store_gives_the_same_bytes_and_stable_names(
    slowed: Judged, clear: Judged
) -> None:
    """No clock goes in; more nights change no name of an older event, and no name comes twice."""
    assert calendar([slowed, clear]) == calendar([slowed, clear])
    first = {str(e["UID"]) for e in read(calendar([slowed])).walk("VEVENT")}
    fewer = Spell(first="2018-06-04", last="2018-06-10", onset=None, lifting=None, nights_seen=7,
                  nights_measured=7)  # fmt: skip
    earlier = {
        str(e["UID"]) for e in read(calendar([changed(slowed, episodes=(fewer,))])).walk("VEVENT")
    }
    assert len(first) == 15
    assert earlier < first


def test_services_and_networks_have_their_own_names(
    make_series: Callable[..., Any], make_curfew: Callable[..., Curfew], slowed: Judged
) -> None:
    """The same hours of two services never overwrite each other in a calendar."""
    series = make_series("facebook")
    other = Judged(series=series, finding=slowed.finding, curfew=make_curfew(series))
    names = [str(e["UID"]) for e in read(calendar([slowed, other])).walk("VEVENT")]
    assert len(set(names)) == len(names) == 30


def test_a_zone_with_summer_time_carries_its_rules(
    make_series: Callable[..., Any], make_curfew: Callable[..., Curfew], slowed: Judged
) -> None:
    """Over the change of October 2018 the foreign reader's own VTIMEZONE gives 20:00 each day."""
    series = make_series()
    moved = make_series(
        timezone="Europe/Berlin", started_us=series.started_us + 132 * 86_400_000_000
    )
    judged = Judged(series=moved, finding=slowed.finding, curfew=make_curfew(moved))
    content = calendar([judged])
    (zone,) = read(content).walk("VTIMEZONE")
    made = zone.to_tz()
    berlin = ZoneInfo("Europe/Berlin")
    for day in range(80):
        at = dt.datetime(2018, 10, 16, 20) + dt.timedelta(days=day)  # noqa: DTZ001  (set below)
        assert at.replace(tzinfo=made).utcoffset() == at.replace(tzinfo=berlin).utcoffset(), at


def test_what_holds_at_all_hours_is_a_stretch_of_days(slowed: Judged) -> None:
    """No hours: one all-day event an episode, its last day within, and nothing expected."""
    spell = Spell(first="2018-06-05", last="2018-06-09", onset=None, lifting=None, nights_seen=5,
                  nights_measured=5)  # fmt: skip
    always = changed(
        slowed, pattern=Pattern.ALWAYS, windows=(), episodes=(spell,), state=State.BLOCKED
    )
    (event,) = read(calendar([always])).walk("VEVENT")
    assert event["DTSTART"].dt == dt.date(2018, 6, 5)
    assert event["DTEND"].dt == dt.date(2018, 6, 10)
    assert "did not open at all measured hours" in event["SUMMARY"]


def test_names_from_archives_cannot_break_the_file(
    make_series: Callable[..., Any], make_curfew: Callable[..., Curfew], slowed: Judged
) -> None:
    """Line breaks, separators, colons, quotes and long Cyrillic names stay text."""
    evil = 'a\r\nEND:VCALENDAR\r\nX;Y,Z:\\"' + "видео" * 30
    series = make_series(evil)
    judged = Judged(series=series, finding=slowed.finding, curfew=make_curfew(series))
    content = calendar([judged])
    assert len(read(content).walk("VEVENT")) == 15
    assert content.count(b"END:VCALENDAR\r\n") == 1
    summary = str(read(content).walk("VEVENT")[0]["SUMMARY"])
    assert 'X;Y,Z:\\"видео' in summary
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    for line in lines:
        line.decode()  # no character is cut in two


def test_simulated_nights_say_so(
    make_series: Callable[..., Any], make_curfew: Callable[..., Curfew], slowed: Judged
) -> None:
    """In the calendar's name and in each event's; measured ones never do."""
    series = make_series(simulated=True)
    judged = Judged(series=series, finding=slowed.finding, curfew=make_curfew(series))
    made = read(calendar([judged]))
    assert "SIMULATED" in made["X-WR-CALNAME"]
    assert all("SIMULATED" in event["SUMMARY"] for event in made.walk("VEVENT"))
    assert b"SIMULATED" not in calendar([slowed])


def test_it_accuses_nobody(slowed: Judged, clear: Judged) -> None:
    """The state of a finding is told; who did it is said not to be shown."""
    assert clear.finding.state is SeriesState.NONE
    for event in read(calendar([slowed, clear])).walk("VEVENT"):
        assert "does not show who did it" in event["DESCRIPTION"]
