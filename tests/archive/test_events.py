"""Other people's tables of events: what they say, and what cannot be."""

from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfall.archive.events import EventsRead, read_events
from evenfall.model.errors import FormatError
from evenfall.model.event import EventType, Outcome, Precision

GOOGLE = (
    "time_period,country,cldr_territory,requestor,product,reason,number_of_requests,"
    "items_requested_removal,items_removed_legal,items_removed_policy,items_content_not_found,"
    "items_not_enough_info,items_no_action_taken,items_content_already_removed"
)
STOP = "start_date,country,shutdown_type,end_date,area_name,telegram_affected,gov_justification"


def read(text: str, **asked: object) -> EventsRead:
    """A table, in Almaty's time unless told."""
    about = {"name": "t.csv", "timezone": "Asia/Almaty", "added_us": 5, **asked}
    return read_events(text.encode(), **about)


def google(*rows: str, country: str = "") -> EventsRead:
    """A table of Google's."""
    return read("\n".join([GOOGLE, *rows]), country=country)


def test_our_own_table() -> None:
    """Stamps of UTC are put on Almaty's clock, days stay as they are written, kinds are words."""
    found = read(
        "start_utc,end_utc,precision,area,services,kind,source\n"
        "2018-03-15T00:00:00Z,,day,nationwide,full network (evenings),throttle,register\n"
        "2022-01-05T10:45:00Z,,minute,nationwide,,outage,press\n"
        "2018-06-01T14:00:00Z,2018-06-01T16:00:00+00:00,minute,,A;B (not C),broadcast,press\n"
        "2018-06-02T14:00:00Z,,minute,,,festival,press\n"
    )
    assert found.form == "csv"
    assert found.left_out == []
    first, second, third, fourth = found.events
    assert (first.type, first.start, first.services) == (EventType.OUTAGE, "2018-03-15", ())
    assert first.title == "throttle, full network (evenings), nationwide"
    assert second.start == "2022-01-05T16:45"  # UTC+6, as the register's own note says
    assert (third.start, third.end) == ("2018-06-01T20:00", "2018-06-01T22:00")
    assert (third.type, third.services) == (EventType.BROADCAST, ("A", "B"))
    assert (fourth.type, fourth.title) == (EventType.OTHER, "festival")
    assert all(e.added_us == 5 and e.event_id for e in found.events)


def test_local_dates_with_a_column_of_times() -> None:
    """`date` and `time` are meant in the zone; a type may be given for rows that say none."""
    found = read(
        "Date,Time,Title\n2018-03-20,20:30,live\n2018-03-21,,live\n",
        type_default=EventType.BROADCAST,
    )
    assert [e.start for e in found.events] == ["2018-03-20T20:30", "2018-03-21"]
    assert [e.precision for e in found.events] == [Precision.MINUTE, Precision.DAY]
    assert {e.type for e in found.events} == {EventType.BROADCAST}
    assert {e.source for e in found.events} == {"t.csv"}


def test_rows_that_cannot_be_are_named_and_the_others_read() -> None:
    """A bad date, a skipped hour, an end before the start, an unknown precision, an empty row."""
    found = read(
        "start,end,precision,title\n"
        "2018-02-30,,,a\n2021-03-28T02:30,,,b\n2018-03-13,2018-03-12,,c\n2018-03-13,,soon,d\n"
        ",,,e\n2018-03-13,,,good\n",
        timezone="Europe/Berlin",
    )
    assert [e.title for e in found.events] == ["good"]
    assert [one.line for one in found.left_out] == [2, 3, 4, 5, 6]
    assert "skipped" in found.left_out[1].why
    assert all("expected" in one.why for one in found.left_out)


def test_a_register_of_shutdowns() -> None:
    """Days, services that were affected, the reason as it is quoted; "Unknown" is no reason."""
    found = read(
        f"{STOP}\n2018-03-15,Kazakhstan,Throttle,,Nationwide,Yes,Unknown\n"
        "2019-05-09,Kazakhstan,Shutdown,2019-05-19,National,No,Technical problems\n"
    )
    assert found.form == "stop"
    one, two = found.events
    assert (one.start, one.end, one.services) == ("2018-03-15", None, ("telegram",))
    assert one.stated_reason is None
    assert (two.end, two.stated_reason) == ("2019-05-19", "Technical problems")
    assert {one.type, two.type} == {EventType.OUTAGE}


@pytest.mark.parametrize(
    ("numbers", "outcome"),
    [
        ("1,4,4,0,0,0,0,0", Outcome.COMPLIED),
        ("1,4,0,3,0,1,0,0", Outcome.COMPLIED),
        ("1,4,0,0,0,0,0,4", Outcome.COMPLIED),
        ("1,4,0,0,0,0,4,0", Outcome.REFUSED),
        ("1,4,1,0,0,0,3,0", Outcome.PARTLY),
        ("1,4,0,0,2,2,0,0", Outcome.UNKNOWN),
        ('"1,000","2,000",0,"1,500",0,0,0,0', Outcome.COMPLIED),
    ],
)
def test_what_became_of_the_items(numbers: str, outcome: Outcome) -> None:
    """Removed or gone against no action; items too little was said about count on neither side."""
    (one,) = google(f"January - June 2018,Kazakhstan,KZ,Police,YouTube,Other,{numbers}").events
    assert one.outcome is outcome
    assert (one.start, one.end, one.precision) == ("2018-01-01", "2018-06-30", Precision.PERIOD)
    assert (one.services, one.platform) == (("youtube",), "Google")


def test_rows_of_one_product_and_half_year_are_one_request() -> None:
    """Reasons and requesters are added up; other products and halves stay apart."""
    found = google(
        "July - December 2017,Kazakhstan,KZ,Police,YouTube,Other,1,4,4,0,0,0,0,0",
        "July - December 2017,Kazakhstan,KZ,Court,YouTube,Fraud,2,6,0,0,0,0,6,0",
        "July - December 2017,Kazakhstan,KZ,Court,Maps,Fraud,2,6,0,0,0,0,6,0",
        "January - June 2018,Kazakhstan,KZ,Court,YouTube,Fraud,2,6,0,0,0,0,6,0",
        "January - June 2018,Kenya,KE,Court,YouTube,Fraud,2,6,0,0,0,0,6,0",
        country="kz",
    )
    assert len(found.events) == 3
    assert found.other_country == 1
    first = found.events[0]
    assert first.outcome is Outcome.PARTLY
    assert "3 requests about 10 items, 4 removed, no action on 6 (Fraud, Other)" in first.title


def test_half_years_and_counts_that_cannot_be() -> None:
    """Left out with the reason; never a traceback."""
    found = google(
        "Spring 2018,Kazakhstan,KZ,Police,YouTube,Other,1,4,4,0,0,0,0,0",
        "January - June 2018,Kazakhstan,KZ,Police,Maps,Other,many,4,4,0,0,0,0,0",
        "January - June 2018,Kazakhstan,KZ,Police,Docs,Other,-1,4,4,0,0,0,0,0",
    )
    assert found.events == []
    assert [one.line for one in found.left_out] == [2, 3, 4]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "header of a table"),
        (b"a,b\n1,2\n", "header of a table"),
        (b"\xff\xfe\x00start", "UTF-8"),
        (b"start\n" + b"x" * 200_000, "header, separated by commas"),
        (b"start\n" + b"2018-03-13\n" * 100_001, "at most 100,000 rows"),
        (b"start" + b",a" * 200 + b"\n2018-03-13\n", "at most 200 columns, found 201"),
        (b"start" + b",a" * 70_000 + b"\n2018-03-13\n", "header of at most 131,072 characters"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, says: str) -> None:
    """With what was expected."""
    with pytest.raises(FormatError, match=says):
        read_events(content, name="t.csv", timezone="UTC", added_us=0)


def test_a_wide_header_over_short_rows_costs_little() -> None:
    """200 columns, and 20,000 rows of one cell: kept are the cells that are there."""
    content = ",".join(["start", *(f"c{i}" for i in range(199))]) + "\n" + "2018-03-13\n" * 20_000
    tracemalloc.start()
    found = read(content)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.events) == 20_000
    assert peak_bytes < 60_000_000  # 13 MB; with every empty cell kept, 141 MB


@given(
    header=st.sampled_from(["start,end,time,type,outcome", "date,precision,title", GOOGLE, STOP]),
    body=st.text(alphabet='019-:T, ;"\n\r\x00YesKZ.é', max_size=300),
)
@settings(max_examples=300, deadline=None)
def test_whatever_the_cells_hold(header: str, body: str) -> None:
    """Rows become events or are named; nothing else is raised than our own refusal."""
    try:
        found = read(f"{header}\n{body}")
    except FormatError:
        return
    assert all(len(e.event_id) == 16 for e in found.events)
    assert all(one.line >= 2 for one in found.left_out)


def test_a_country_must_be_one_and_there() -> None:
    """Two countries and none named; one that the table does not hold; another format."""
    rows = ["January - June 2018,Kenya,KE,Court,YouTube,Fraud,2,6,0,0,0,0,6,0",
            "January - June 2018,Kazakhstan,KZ,Court,YouTube,Fraud,2,6,0,0,0,0,6,0"]  # fmt: skip
    with pytest.raises(FormatError, match="--country"):
        google(*rows)
    with pytest.raises(FormatError, match="rows of Atlantis"):
        google(*rows, country="Atlantis")
    with pytest.raises(FormatError, match="no column"):
        read("start,title\n2018-03-13,a\n", form="google")
    with pytest.raises(FormatError, match="time zone"):
        read("start,title\n2018-03-13,a\n", timezone="Mars/Olympus")


@pytest.mark.real
def test_real_tables(real_data: Path) -> None:
    """The three tables of the data folder, counted again with the standard library."""
    folder = real_data / "events"
    timed = (folder / "kz_timed_events.csv").read_bytes()
    found = read_events(timed, name="kz", timezone="Asia/Almaty", added_us=0)
    assert (len(found.events), found.left_out) == (8, [])
    assert "2022-01-05T16:45" in {e.start for e in found.events}
    stop = (folder / "accessnow_stop_kazakhstan.csv").read_bytes()
    found = read_events(stop, name="stop", timezone="Asia/Almaty", added_us=0)
    rows = list(csv.DictReader(io.StringIO(stop.decode())))
    assert [e.start for e in found.events] == [row["start_date"] for row in rows]
    requests = (folder / "google-government-removal-requests.csv").read_bytes()
    found = read_events(
        requests, name="g", timezone="Asia/Almaty", added_us=0, country="Kazakhstan"
    )
    kz = [r for r in csv.DictReader(io.StringIO(requests.decode())) if r["cldr_territory"] == "KZ"]
    assert len(found.events) == len({(row["time_period"], row["product"]) for row in kz})
    assert found.left_out == []
    youtube = next(
        e for e in found.events if e.services == ("youtube",) and e.start == "2025-01-01"
    )
    items = sum(
        int(row["items_requested_removal"])
        for row in kz
        if row["product"] == "YouTube" and row["time_period"] == "January - June 2025"
    )
    assert f"about {items:,} items" in youtube.title
    assert youtube.outcome is Outcome.PARTLY
