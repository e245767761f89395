"""Stamps: read in any of the formats, or refused with the reason; never guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.archive.rows import Reason
from evenfall.archive.stamps import StampReader, local_date_hour
from evenfall.model.errors import FormatError

NOW_US = 1_800_000_000_000_000  # January 2027


def reader(form: str = "iso", zone: str = "UTC") -> StampReader:
    """A reader that thinks it is January 2027."""
    return StampReader(form, zone, now_us=NOW_US, where="f.csv with m.toml")


def us(text: str) -> int:
    """µs since 1970 of an ISO stamp with an offset."""
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


@pytest.mark.parametrize(
    ("form", "zone", "field", "instant"),
    [
        ("iso", "UTC", "2023-11-01 00:18:03+00:00", "2023-11-01T00:18:03+00:00"),
        ("iso", "UTC", "2023-11-01T00:18:03Z", "2023-11-01T00:18:03+00:00"),
        ("iso", "UTC", " 2023-11-01T00:18:03.123456 ", "2023-11-01T00:18:03.123456+00:00"),
        ("iso", "Asia/Almaty", "2018-04-01 20:00:00", "2018-04-01T20:00:00+06:00"),
        ("iso", "Asia/Almaty", "2024-04-01 20:00:00", "2024-04-01T20:00:00+05:00"),
        ("iso", "Asia/Almaty", "2024-04-01 20:00:00+00:00", "2024-04-01T20:00:00+00:00"),
        ("%d.%m.%Y %H:%M", "Europe/Berlin", "01.07.2020 12:30", "2020-07-01T12:30:00+02:00"),
        ("%Y-%m-%d %H:%M:%S UTC", "UTC", "2021-03-13 00:05:00 UTC", "2021-03-13T00:05:00+00:00"),
        ("%Y-%m-%dT%H:%M:%S%z", "", "2021-03-13T00:05:00+0300", "2021-03-13T00:05:00+03:00"),
        ("unix_s", "", "1521000000", "2018-03-14T04:00:00+00:00"),
        ("unix_s", "", "1521000000.25", "2018-03-14T04:00:00.250000+00:00"),
        ("unix_ms", "", "1521000000250", "2018-03-14T04:00:00.250000+00:00"),
    ],
)
def test_stamps_are_read(form: str, zone: str, field: str, instant: str) -> None:
    """A stamp's own offset wins; a naive one is read in the zone as it was on that date."""
    assert reader(form, zone).read(field) == us(instant)


@pytest.mark.parametrize(
    ("form", "zone", "field", "reason"),
    [
        ("iso", "UTC", "2023-11-01", Reason.TIME_UNREADABLE),
        ("iso", "UTC", "20231101", Reason.TIME_UNREADABLE),
        ("iso", "UTC", "yesterday", Reason.TIME_UNREADABLE),
        ("iso", "UTC", "2023-13-01 00:00:00", Reason.TIME_UNREADABLE),
        ("iso", "UTC", "1970-01-01 00:00:00", Reason.TIME_OUT_OF_RANGE),
        ("iso", "UTC", "2100-01-01 00:00:00", Reason.TIME_OUT_OF_RANGE),
        ("iso", "UTC", "9999-12-31T23:59:59-14:00", Reason.TIME_OUT_OF_RANGE),
        ("iso", "UTC", "0001-01-01T00:00:00+14:00", Reason.TIME_OUT_OF_RANGE),
        ("iso", "UTC", "2027-02-01 00:00:00", Reason.TIME_FUTURE),
        ("iso", "Europe/Berlin", "2020-03-29 02:30:00", Reason.TIME_NONEXISTENT),
        ("iso", "Europe/Berlin", "2020-10-25 02:30:00", Reason.TIME_AMBIGUOUS),
        ("unix_s", "", "0", Reason.TIME_OUT_OF_RANGE),
        ("unix_s", "", "-5", Reason.TIME_UNREADABLE),
        ("unix_s", "", "1e9", Reason.TIME_UNREADABLE),
        ("unix_s", "", "1521000000000", Reason.TIME_OUT_OF_RANGE),
        ("unix_s", "", "18446744073709551616", Reason.TIME_UNREADABLE),
        ("unix_ms", "", "nan", Reason.TIME_UNREADABLE),
        ("%d.%m.%Y %H:%M", "UTC", "2020-07-01 12:30", Reason.TIME_UNREADABLE),
    ],
)
def test_what_cannot_be_a_time_has_a_reason(
    form: str, zone: str, field: str, reason: Reason
) -> None:
    """No hour, no such hour, twice that hour, a dead clock, milliseconds taken for seconds."""
    assert reader(form, zone).read(field) is reason


def test_a_day_ahead_is_allowed() -> None:
    """Machines disagree by hours; a day ahead of ours is kept."""
    ahead = datetime.fromtimestamp(NOW_US / 1e6 + 80_000, UTC).isoformat()
    assert isinstance(reader().read(ahead), int)


def test_naive_stamps_without_a_zone_are_refused() -> None:
    """Missing and needed: the map must say it, the message says how."""
    with pytest.raises(FormatError) as refused:
        reader("iso", "").read("2023-11-01 00:18:03")
    assert "[time] zone" in str(refused.value)
    assert "2023-11-01 00:18:03" in refused.value.seen


def test_a_column_is_read_in_order() -> None:
    """One answer a field, empties included."""
    fields = ["2023-11-01 00:00:01", None, "x", "2023-11-01 00:00:01"]
    first, empty, bad, again = reader().read_all(fields)
    assert first == again == us("2023-11-01T00:00:01+00:00")
    assert empty is Reason.TIME_MISSING
    assert bad is Reason.TIME_UNREADABLE


@given(
    st.integers(631_152_000, 4_102_444_799),
    st.sampled_from(["Asia/Almaty", "Asia/Aqtobe", "America/New_York", "Asia/Kathmandu"]),
)
def test_local_date_and_hour_are_those_of_the_zone(second: int, zone: str) -> None:
    """The standard library's own conversion, for any instant and several odd zones."""
    date, hour = local_date_hour(second * 1_000_000 + 999_999, ZoneInfo(zone))
    local = datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(zone))
    assert (date, hour) == (local.date().isoformat(), local.hour)
