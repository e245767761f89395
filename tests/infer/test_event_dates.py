"""When events were: refused if they cannot have been, and put on the right nights."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import msgspec
import pytest

from evenfall.infer.event_dates import checked, nights_of, span_us
from evenfall.infer.event_profiles import EVENTS_2026
from evenfall.model.errors import FormatError
from evenfall.model.event import Event, EventType, OrderedHours, Precision

EPOCH = dt.date(1970, 1, 1)


def event(start: str, end: str | None = None, **more: object) -> Event:
    """A broadcast at this time in Almaty."""
    about = {
        "type": EventType.BROADCAST, "title": "live", "timezone": "Asia/Almaty",
        "precision": Precision.MINUTE if "T" in start else Precision.DAY, "source": "made",
    }  # fmt: skip
    return Event(start=start, end=end, **{**about, **more})


def nights(one: Event, *, timezone: str = "Asia/Almaty", after_noon: bool = True) -> list[str]:
    """Local dates of the nights on which it fell."""
    found = nights_of(
        checked(one, where="here"), timezone=timezone, begins_after_noon=after_noon,
        profile=EVENTS_2026,
    )  # fmt: skip
    assert found is not None
    return [(EPOCH + dt.timedelta(days=day)).isoformat() for day in found]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (event("2018-02-30"), "a date as"),
        (event("13.03.2018"), "a date as"),
        (event("2018-3-13"), "a date as"),
        (event("2018-03-13T25:00"), "a date as"),
        (event("2018-03-13T20:00:00"), "a date as"),
        (event("1969-12-31"), "1970 to 2199"),
        (event("2200-01-02"), "1970 to 2199"),
        (event("0001-01-01"), "1970 to 2199"),
        (event("9999-12-31"), "1970 to 2199"),
        (event("2018-03-13", "2018-03-12"), "not before the start"),
        (event("2018-03-13T20:00", "2018-03-13T19:59"), "not before the start"),
        (event("2018-03-13", timezone="Asia/Alma-Ata"), "time zone"),
        (event("2018-03-13", timezone="../etc/passwd"), "time zone"),
        (event("2018-03-13", title=" "), "title"),
        (event("2018-03-13", title="x" * 501), "title"),
        (event("2018-03-13", services=("",)), "names"),
        (event("2018-03-13", archive_sha256="abc"), "hex"),
        (event("2018-03-13", precision=Precision.MINUTE), "time of day"),
        (event("2018-03-13", precision=Precision.PERIOD), "period with an end"),
        # On 28 March 2021 the clocks of Berlin went from 02:00 to 03:00.
        (event("2021-03-28T02:30", timezone="Europe/Berlin"), "skipped"),
    ],
)
def test_what_cannot_have_been_is_refused(bad: Event, says: str) -> None:
    """With what was expected and seen, and what to do."""
    with pytest.raises(FormatError, match=says) as caught:
        checked(bad, where="here")
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("start", "end", "ok"),
    [("20:00", "22:00", True), ("22:00", "02:00", True), ("20:00", "24:00", True),
     ("20:00", "20:00", False), ("24:00", "22:00", False), ("20:60", "22:00", False)],
)  # fmt: skip
def test_ordered_hours(start: str, end: str, ok: bool) -> None:
    """Hours exist, may cross midnight, and are not empty."""
    hours = OrderedHours(weekdays=(0, 1), start_local=start, end_local=end)
    order = event("2018-03-13", ordered=(hours,))
    if ok:
        assert checked(order, where="here").ordered == (hours,)
    else:
        with pytest.raises(FormatError, match="hours as"):
            checked(order, where="here")


def test_innocent_events_are_kept_as_written() -> None:
    """A date, a time, an end on the same day, a leap day, a time that came twice."""
    for good in (
        event("2018-03-13"), event("2018-03-13T20:00"), event("2018-03-13", "2018-03-13"),
        event("2020-02-29"), event("2024-02-29T23:30"),
        event("2021-10-31T02:30", timezone="Europe/Berlin"),
    ):  # fmt: skip
        kept = checked(good, where="here")
        assert msgspec.structs.replace(kept, event_id="") == good
        assert len(kept.event_id) == 16


def test_spans_are_those_of_the_standard_library() -> None:
    """A whole day of 23 hours, one of 25, and a stretch over midnight."""
    for start, end, zone in (
        ("2021-03-28", "2021-03-28", "Europe/Berlin"),
        ("2024-02-29", "2024-02-29", "Asia/Almaty"),  # the hour before March came twice
        ("2018-06-01", "2018-06-30", "Asia/Almaty"),
    ):
        first, last = span_us(checked(event(start, end, timezone=zone), where="here"))
        local = ZoneInfo(zone)
        midnight = dt.datetime.fromisoformat(start).replace(tzinfo=local)
        after = dt.datetime.fromisoformat(end).replace(tzinfo=local) + dt.timedelta(days=1)
        assert first == midnight.timestamp() * 1e6
        assert last == after.timestamp() * 1e6
    first, last = span_us(checked(event("2018-06-01T22:00", "2018-06-02T01:00"), where="here"))
    assert last - first == 3 * 3600 * 1_000_000


def test_nights_of_days_and_times() -> None:
    """A day is its own night; after midnight belongs to the evening before, by day to the date."""
    assert nights(event("2018-03-13")) == ["2018-03-13"]
    assert nights(event("2018-03-13T20:00")) == ["2018-03-13"]
    assert nights(event("2018-03-14T01:30")) == ["2018-03-13"]
    assert nights(event("2018-03-14T01:30"), after_noon=False) == ["2018-03-14"]
    assert nights(event("2018-03-14T06:00")) == ["2018-03-14"]
    assert nights(event("2018-03-13", "2018-03-15")) == ["2018-03-13", "2018-03-14", "2018-03-15"]
    assert nights(event("2018-03-13T22:00", "2018-03-14T01:00")) == ["2018-03-13"]


def test_a_time_is_read_on_the_clock_of_the_series_and_a_day_is_not() -> None:
    """20:30 in Almaty (UTC+6) was 14:30 in UTC; 13 March is 13 March."""
    assert nights(event("2018-03-13T20:30"), timezone="UTC") == ["2018-03-13"]
    assert nights(event("2018-03-13T03:00"), timezone="UTC", after_noon=False) == ["2018-03-12"]
    assert nights(event("2018-03-13"), timezone="America/New_York") == ["2018-03-13"]


def test_a_long_period_names_no_night_and_a_short_one_does() -> None:
    """The first half of a year is no night; "on the 13th or 14th" is two."""
    half = event("2018-01-01", "2018-06-30", precision=Precision.PERIOD)
    assert nights_of(half, timezone="UTC", begins_after_noon=True, profile=EVENTS_2026) is None
    short = event("2018-03-13", "2018-03-14", precision=Precision.PERIOD)
    assert nights(short) == ["2018-03-13", "2018-03-14"]
