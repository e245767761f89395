"""Changes of a zone's clock against the standard library, hour by hour."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from evenfall.infer.localtime import load_zone
from evenfall.report.zone_changes import offset_text, offsets


@pytest.mark.parametrize(
    ("zone", "year", "changes"),
    [
        ("Europe/Berlin", 2024, 2),
        ("Asia/Almaty", 2024, 1),
        ("Asia/Almaty", 2018, 0),
        ("Africa/Nairobi", 2023, 0),
        ("Australia/Lord_Howe", 2023, 2),  # by half an hour
        ("Africa/Casablanca", 2023, 2),  # negative summer time, around Ramadan
    ],
)
def test_every_hour_of_a_year_has_the_librarys_offset(zone: str, year: int, changes: int) -> None:
    """The list says of every hour what `zoneinfo` says; and has as many changes as there were."""
    start = int(dt.datetime(year, 1, 1, 12, tzinfo=dt.UTC).timestamp())
    found = offsets(load_zone(zone), start, start + 364 * 86_400)
    assert len(found) == 1 + changes
    own = ZoneInfo(zone)
    for hour in range(0, 364 * 24, 1):
        at = start + hour * 3600
        holding = [one for one in found if one.at_s <= at][-1]
        local = dt.datetime.fromtimestamp(at, own)
        assert local.utcoffset() == dt.timedelta(seconds=holding.offset_s)
        assert (holding.name, holding.is_daylight) == (local.tzname(), bool(local.dst()))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(21_600, "+06:00"), (-12_600, "-03:30"), (0, "+00:00"), (20_700, "+05:45")],
)
def test_offsets_read_back(seconds: int, text: str) -> None:
    """As ISO 8601 writes them, and as the standard library reads them."""
    assert offset_text(seconds) == text
    read = dt.datetime.fromisoformat(f"2018-06-18T21:00:00{text}").utcoffset()
    assert read == dt.timedelta(seconds=seconds)
    assert offset_text(seconds, colon=False) == text.replace(":", "")
