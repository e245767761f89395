"""Local time: against `zoneinfo` stamp by stamp, and the two odd hours of a year."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfall.infer.localtime import (
    EARLIEST_US,
    clock_text,
    date_text,
    load_zone,
    local_times,
    tzdata_version,
    weekday_of,
)
from evenfall.model.errors import FormatError

ZONES = ("UTC", "Asia/Almaty", "Africa/Nairobi", "Europe/Berlin", "America/New_York",
         "Africa/Casablanca", "Asia/Kathmandu", "Australia/Lord_Howe")  # fmt: skip


def stamps(*texts: str) -> np.ndarray:
    """ISO times with offset → µs."""
    return np.array([int(dt.datetime.fromisoformat(t).timestamp() * 1e6) for t in texts])


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    seconds=st.lists(st.integers(86_400, 4_000_000_000), min_size=1, max_size=20),
)
def test_agrees_with_zoneinfo(zone: str, seconds: list[int]) -> None:
    """Date, minute and fold of any stamp are what `zoneinfo` says, one by one (same edition)."""
    info = load_zone(zone)
    got = local_times(np.array(seconds, dtype=np.int64) * 1_000_000, load_zone(zone))
    for index, second in enumerate(seconds):
        local = dt.datetime.fromtimestamp(second, info)
        assert date_text(int(got.day[index])) == local.date().isoformat()
        assert got.minute[index] == local.hour * 60 + local.minute
        assert got.fold[index] == local.fold
        assert weekday_of(got.day)[index] == local.weekday()


def test_the_missing_hour_is_empty_and_the_doubled_one_is_told_apart() -> None:
    """Berlin 2024: nothing falls into 02:xx in March; in October 02:30 comes twice."""
    zone = load_zone("Europe/Berlin")
    march = np.arange(*stamps("2024-03-31T00:00+00:00", "2024-03-31T04:00+00:00"), 60_000_000)
    assert 2 not in local_times(march, zone).minute // 60
    october = local_times(stamps("2024-10-27T00:30+00:00", "2024-10-27T01:30+00:00"), zone)
    assert october.minute.tolist() == [150, 150]
    assert october.fold.tolist() == [0, 1]


def test_almaty_moved_in_2024() -> None:
    """UTC+6 in 2018 and UTC+5 from 1 March 2024."""
    at = stamps("2018-04-02T14:00+00:00", "2024-02-29T14:00+00:00", "2024-03-01T14:00+00:00")
    assert (local_times(at, load_zone("Asia/Almaty")).minute // 60).tolist() == [20, 20, 19]


def test_no_stamps_and_the_earliest() -> None:
    """An empty array gives empty arrays; the first allowed stamp is fine."""
    assert local_times(np.zeros(0, dtype=np.int64), load_zone("UTC")).day.size == 0
    first = np.array([EARLIEST_US], dtype=np.int64)
    assert date_text(int(local_times(first, load_zone("UTC")).day[0])) == "1970-01-02"


@pytest.mark.parametrize(
    "name", ["", "Mars/Base", "../etc/passwd", "Asia", "tzdata.zi", "UTC+3:00"]
)
def test_wrong_zones_are_refused_with_advice(name: str) -> None:
    """A name that is no zone gives a FormatError that quotes it."""
    with pytest.raises(FormatError, match="time zone"):
        load_zone(name)


def test_words() -> None:
    """Clock times of bins, midnight as an end, and the edition of the zone database."""
    assert [clock_text(0), clock_text(144), clock_text(-1)] == ["00:00", "00:00", "23:50"]
    assert [clock_text(144, end=True), clock_text(150, end=True)] == ["24:00", "01:00"]
    assert tzdata_version()[:2] == "20"
