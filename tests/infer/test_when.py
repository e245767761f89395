"""A moment as a person writes it, against the standard library's own time zones."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from evenfall.infer.localtime import load_zone
from evenfall.infer.when import AROUND_MIN, ClockNote, asked_of, stretch_of
from evenfall.model.errors import UsageError

LONG_AGO_US = 1_600_000_000_000_000


def stretch(text: str, zone: str, last_us: int = LONG_AGO_US):
    """What is meant, on that zone's clock."""
    return stretch_of(asked_of(text), load_zone(zone), last_us=last_us)


def utc_us(text: str) -> int:
    """A UTC stamp as µs, by the standard library."""
    return int(dt.datetime.fromisoformat(text).timestamp()) * 1_000_000


@pytest.mark.parametrize("text", ["2018-06-18T21:00", "2018-06-18 21:00", " 2018-06-18T21:00:00 "])
def test_a_local_moment_is_half_an_hour_on_both_sides(text: str) -> None:
    """21:00 in Almaty was 15:00 UTC in 2018; the offset is the zone's of that day."""
    found = stretch(text, "Asia/Almaty")
    assert found.at_us == utc_us("2018-06-18T15:00:00+00:00")
    assert found.to_us - found.from_us == 2 * AROUND_MIN * 60_000_000
    assert found.note is ClockNote.NONE


def test_the_offset_is_that_of_the_date() -> None:
    """Almaty went from UTC+6 to UTC+5 on 1 March 2024: the same reading, an hour later in UTC."""
    before, after = (
        stretch("2024-02-28 21:00", "Asia/Almaty"),
        stretch("2024-03-02 21:00", "Asia/Almaty"),
    )
    assert before.at_us == utc_us("2024-02-28T15:00:00+00:00")
    assert after.at_us == utc_us("2024-03-02T16:00:00+00:00")


@pytest.mark.parametrize("zone", ["Asia/Almaty", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia"])
def test_every_hour_of_a_year_reads_as_the_standard_library_reads_it(zone: str) -> None:
    """Where a reading exists once, the instant is `zoneinfo`'s own."""
    for day in range(0, 365, 7):
        for hour in (0, 2, 3, 21):
            reading = dt.datetime(2023, 1, 1, hour, 30) + dt.timedelta(days=day)  # noqa: DTZ001  (the wall's)
            found = stretch(f"{reading:%Y-%m-%d %H:%M}", zone)
            if found.note is ClockNote.NONE:
                expected = reading.replace(tzinfo=ZoneInfo(zone)).timestamp()
                assert found.at_us == int(expected) * 1_000_000


def test_a_reading_that_was_skipped_is_said_and_taken_at_the_change() -> None:
    """02:30 on 31 March 2024 does not exist in Berlin: its clock went from 02:00 to 03:00."""
    found = stretch("2024-03-31T02:30", "Europe/Berlin")
    assert found.note is ClockNote.SKIPPED
    assert found.at_us == utc_us("2024-03-31T01:00:00+00:00")


def test_a_reading_that_comes_twice_covers_both_passes() -> None:
    """02:30 on 27 October 2024 comes twice in Berlin, an hour apart."""
    found = stretch("2024-10-27T02:30", "Europe/Berlin")
    assert found.note is ClockNote.TWICE
    assert found.from_us == utc_us("2024-10-27T00:00:00+00:00")
    assert found.to_us == utc_us("2024-10-27T02:00:00+00:00")


def test_a_night_runs_from_noon_to_noon_of_its_zone() -> None:
    """Also across a change of the clock, where it has 23 hours."""
    usual, short = stretch("2018-06-18", "Asia/Almaty"), stretch("2024-03-30", "Europe/Berlin")
    assert usual.from_us == utc_us("2018-06-18T06:00:00+00:00")
    assert usual.to_us - usual.from_us == 24 * 3_600_000_000
    assert short.to_us - short.from_us == 23 * 3_600_000_000
    assert usual.at_us is None


def test_a_time_alone_is_the_last_one_that_was_measured() -> None:
    """Before 21:00 of the last day measured it is yesterday's; after it, that day's."""
    early = utc_us("2018-06-18T10:00:00+00:00")  # 16:00 in Almaty
    late = utc_us("2018-06-18T16:00:00+00:00")  # 22:00
    assert stretch("21:00", "Asia/Almaty", early).date == dt.date(2018, 6, 17)
    assert stretch("21:00", "Asia/Almaty", late).date == dt.date(2018, 6, 18)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "18.06.2018", "2018-13-01", "2018-02-30", "25:00", "21:60", "T21:00",
     "2018-06-18T", "2018-06-1821:00", "2018-06-18T21:00+06:00", "1800-01-01", "9999-01-01",
     "٢١:٠٠", "2018-06-18T21:00:30", "-1:00", "1e3:00"],
)  # fmt: skip
def test_what_is_no_moment_is_refused_with_the_forms_that_are(text: str) -> None:
    """Never a guess: the message names what is taken."""
    with pytest.raises(UsageError, match=r"2018-06-18T21:00"):
        asked_of(text)
