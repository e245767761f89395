"""Exported tables: the engine's groups against numpy, both files against each other."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import msgspec
import numpy as np
import pytest

from evenfall.infer.series import Basis
from evenfall.model.curfew import Curfew
from evenfall.model.schema import OBSERVATION_COLUMNS
from evenfall.report.export_fields import dictionary, observation_fields
from evenfall.report.export_findings import curfew_table, series_table
from evenfall.report.export_tables import Table, hour_table, night_table, observation_table, survey
from evenfall.report.page import Judged
from evenfall.report.table_csv import write_csv
from evenfall.report.table_parquet import write_parquet


@pytest.fixture
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine of its own."""
    with duckdb.connect(":memory:") as connection:
        yield connection


def as_csv(engine: duckdb.DuckDBPyConnection, table: Table) -> str:
    """The table as CSV text."""
    stream = io.StringIO(newline="")
    write_csv(engine, table.prepare(engine), table.fields, stream)
    return stream.getvalue()


def rows_of(engine: duckdb.DuckDBPyConnection, table: Table) -> list[dict[str, str]]:
    """The table as the standard library reads its CSV."""
    return list(csv.DictReader(io.StringIO(as_csv(engine, table), newline="")))


def test_nights_agree_with_numpy(engine: duckdb.DuckDBPyConnection, slowed: Judged) -> None:
    """Counts and quantiles of each night, computed again from the series by other means."""
    rows = rows_of(engine, night_table([slowed]))
    series, zone = slowed.series, ZoneInfo("Asia/Almaty")
    noon = [
        (dt.datetime.fromtimestamp(us / 1e6, zone) - dt.timedelta(hours=12)).date().isoformat()
        for us in series.started_us
    ]
    assert [row["night"] for row in rows] == sorted(set(noon))
    for row in rows:
        chosen = np.array([date == row["night"] for date in noon])
        ratio = np.exp(series.log_ratio[chosen])
        assert int(row["n"]) == chosen.sum()
        assert int(row["n_failed"]) == (series.failed[chosen] == 1).sum()
        slow = (ratio <= 1 / 3) & (series.failed[chosen] == 0)
        assert int(row["n_slow"]) == slow.sum()
        for name, share in (("ratio_median", 50), ("ratio_p10", 10), ("ratio_p90", 90)):
            assert float(row[name]) == pytest.approx(np.percentile(ratio, share))
        assert row["weekday"] == str(dt.date.fromisoformat(row["night"]).weekday())
        assert (row["measured_inside"], row["seen_inside"]) == ("true", "true")


def test_nights_of_an_innocent_series_say_nothing_about_hours(
    engine: duckdb.DuckDBPyConnection, clear: Judged
) -> None:
    """No hours were found, so both columns are empty: not false."""
    rows = rows_of(engine, night_table([clear]))
    assert len(rows) == 14
    assert {(row["measured_inside"], row["seen_inside"]) for row in rows} == {("", "")}


def with_lines(judged: Judged, lines: int | None, **changes: Any) -> Judged:
    """The same series, its rows spread over so many lines."""
    fields = {f: getattr(judged.series, f) for f in judged.series.__dataclass_fields__}
    n = judged.series.started_us.size
    if lines is not None:
        fields["line"] = np.array([f"line-{i % lines}" for i in range(n)], dtype=object)
    series = type(judged.series)(**{**fields, **changes})
    return Judged(series=series, finding=judged.finding, curfew=judged.curfew)


def test_hours_add_up_and_stand_in_both_clocks(
    engine: duckdb.DuckDBPyConnection, clear: Judged
) -> None:
    """Every measurement is in one hour; both stamps name the same instant, at a full local hour."""
    judged = with_lines(clear, None, archive_clock=True)
    rows = rows_of(engine, hour_table([judged]))
    assert sum(int(row["n"]) + int(row["n_untold"]) for row in rows) == clear.series.started_us.size
    for row in rows:
        utc = dt.datetime.fromisoformat(row["hour_start_utc"])
        local = dt.datetime.fromisoformat(row["hour_start_local"])
        assert utc == local
        assert local.utcoffset() == local.replace(tzinfo=ZoneInfo("Asia/Almaty")).utcoffset()
        assert (local.hour, local.minute) == (int(row["local_hour"]), 0)
        assert row["n_lines"] == ""


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns", "Europe/Berlin"])
def test_hours_of_odd_offsets_and_doubled_hours(
    engine: duckdb.DuckDBPyConnection, make_series: Callable[..., Any], clear: Judged, zone: str
) -> None:
    """Offsets of +5:45 and −2:30, and both passes of the hour that comes twice, each by itself."""
    start = int(dt.datetime(2024, 10, 26, 12, tzinfo=dt.UTC).timestamp())
    at = (start + np.arange(144) * 600) * 1_000_000
    series = make_series(hit=False, nights=3)
    n = series.started_us.size
    moved = make_series(
        hit=False, nights=3, timezone=zone, started_us=np.resize(at, n), archive_clock=True
    )
    rows = rows_of(engine, hour_table([Judged(series=moved, finding=clear.finding)]))
    for row in rows:
        local = dt.datetime.fromisoformat(row["hour_start_local"])
        assert local.minute == 0
        assert dt.datetime.fromisoformat(row["hour_start_utc"]) == local
    starts = [row["hour_start_utc"] for row in rows]
    assert len(set(starts)) == len(starts)
    locals_ = [row["hour_start_local"][:16] for row in rows]
    assert len(locals_) - len(set(locals_)) == (1 if zone == "Europe/Berlin" else 0)


@pytest.mark.parametrize(("lines", "kept"), [(1, False), (2, False), (3, True), (7, True)])
def test_hours_on_too_few_lines_are_left_out_and_counted(
    engine: duckdb.DuckDBPyConnection, clear: Judged, lines: int, kept: bool
) -> None:
    """No row from fewer than three lines; and one for whoever says that one is enough."""
    at = np.repeat(clear.series.started_us[::7], 7)[: clear.series.started_us.size]
    padded = np.concatenate([at, clear.series.started_us[at.size :]])
    judged = with_lines(clear, lines, archive_clock=True, started_us=padded)
    table = hour_table([judged])
    rows = rows_of(engine, table)
    assert all(int(row["n_lines"]) >= 3 for row in rows)
    assert bool(rows) == kept
    whole = hour_table([judged], lines_min=1)
    everything = rows_of(engine, whole)
    assert whole.left_out(engine) == 0
    table.prepare(engine)
    assert table.left_out(engine) == len(everything) - len(rows)


def test_our_own_line_is_one_and_the_generators_needs_no_protection(
    engine: duckdb.DuckDBPyConnection, clear: Judged
) -> None:
    """Our own rows name no line and are one home; simulated rows are nobody's."""
    assert rows_of(engine, hour_table([clear])) == []
    own = rows_of(engine, hour_table([clear], lines_min=1))
    assert {row["n_lines"] for row in own} == {"1"}
    made = with_lines(clear, None, simulated=True)
    assert {row["simulated"] for row in rows_of(engine, hour_table([made]))} == {"true"}


def test_zero_bytes_are_a_ratio_of_zero(
    engine: duckdb.DuckDBPyConnection, make_series: Callable[..., Any], clear: Judged
) -> None:
    """Silence is evidence: it is in the quantiles, and not left out of them."""
    series = make_series(hit=False, nights=2)
    nothing = make_series(hit=False, nights=2, log_ratio=np.full(series.started_us.size, -np.inf))
    rows = rows_of(engine, night_table([Judged(series=nothing, finding=clear.finding)]))
    assert {float(row["ratio_median"]) for row in rows} == {0.0}
    assert all(row["n_failed"] == row["n"] == row["n_ratio"] for row in rows)


def test_findings_stand_in_columns(
    engine: duckdb.DuckDBPyConnection, slowed: Judged, clear: Judged, short: Judged
) -> None:
    """Each series has a row; each curfew too, with its numbers as they are in the claim."""
    judged = [slowed, clear, short]
    states = [row["state"] for row in rows_of(engine, series_table(judged))]
    assert states == ["curfew", "none", "insufficient"]
    (row,) = rows_of(engine, curfew_table(judged))
    assert (row["windows_local"], row["weekdays"]) == ("20:00-22:00", "0123456")
    assert (float(row["slower_by_median"]), row["isolated"]) == (41.0, "true")
    assert (row["onset_earliest"], row["lifting_latest"]) == ("", "")
    assert rows_of(engine, curfew_table([clear, short])) == []
    assert rows_of(engine, series_table([])) == []


EVIL = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x","y")')


@pytest.mark.parametrize("service", EVIL)
def test_formulas_are_defused_in_text_and_numbers_are_numbers(
    engine: duckdb.DuckDBPyConnection,
    make_series: Callable[..., Any],
    make_curfew: Callable[..., Curfew],
    slowed: Judged,
    service: str,
) -> None:
    """No cell of a foreign name begins as a formula; a negative effect stays a number."""
    series = make_series(service)
    finding = msgspec.structs.replace(slowed.finding, service=service, reason='=cmd|"/c"')
    judged = Judged(series=series, finding=finding, curfew=make_curfew(series))
    (row,) = rows_of(engine, curfew_table([judged]))
    assert row["service"] == f"'{service}"
    assert float(row["effect_in_window"]) == -3.7
    (other,) = rows_of(engine, series_table([judged]))
    assert other["reason"].startswith("'=")


def test_csv_is_rfc_4180(engine: duckdb.DuckDBPyConnection, slowed: Judged) -> None:
    """CRLF at every line, a header, as many cells in each; quotes and line breaks come back."""
    finding = msgspec.structs.replace(slowed.finding, reason='a "b", c\r\nd')
    text = as_csv(engine, series_table([Judged(series=slowed.series, finding=finding)]))
    assert text.endswith("\r\n")
    assert text.count("\n") == text.count("\r\n")
    header, row = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert len(header) == len(row)
    assert row[header.index("reason")] == 'a "b", c\r\nd'


def test_parquet_and_csv_hold_the_same_and_foreigners_read_it(
    engine: duckdb.DuckDBPyConnection, slowed: Judged, clear: Judged, tmp_path: Path
) -> None:
    """Another engine, and pyarrow where it is, read the rows that the CSV has, in its order."""
    table = night_table([slowed, clear])
    rows = rows_of(engine, table)
    path = tmp_path / "it's.parquet"
    assert write_parquet(engine, table.prepare(engine), path, simulated=False) == len(rows)
    with duckdb.connect(":memory:") as other:
        found = other.execute("SELECT night, n, ratio_median FROM read_parquet(?)", [str(path)])
        assert [(night, str(n), repr(ratio)) for night, n, ratio in found.fetchall()] == [
            (row["night"], row["n"], row["ratio_median"]) for row in rows
        ]
    parquet = pytest.importorskip("pyarrow.parquet", reason="not run: no pyarrow here")
    read = parquet.read_table(path)
    assert read.column_names == [field.name for field in table.fields]
    assert read.schema.metadata[b"evenfall"] == b"measured"
    assert read.column("simulated").to_pylist() == [False] * len(rows)


def test_observations_name_no_line_unless_asked_and_nothing_that_was_signed() -> None:
    """The columns of observations: lines only on request; all others of the model, or left out."""
    plain, with_pseudonyms = ({f.name for f in observation_fields(lines=x)} for x in (False, True))
    assert with_pseudonyms - plain == {"line"}
    gone = {column.name for column in OBSERVATION_COLUMNS} - with_pseudonyms
    assert gone == {"curve", "samples", "statement", "signature", "signature_key", "local_date"}


def test_observations_have_both_stamps(engine: duckdb.DuckDBPyConnection) -> None:
    """Also across a change of the zone, and without a local stamp where nobody knows the zone."""
    columns = ", ".join(f'NULL::{c.sql_type} AS "{c.name}"' for c in OBSERVATION_COLUMNS)
    engine.execute(f"CREATE VIEW nothing AS SELECT {columns}")
    made = [
        ("Asia/Almaty", "2024-02-29T17:59:59Z", "2024-02-29T23:59:59.000000+06:00"),
        ("Asia/Almaty", "2024-02-29T18:00:00Z", "2024-02-29T23:00:00.000000+05:00"),
        ("Nowhere/At_All", "2024-02-29T19:00:00Z", None),
        (None, "2018-06-18T15:00:00Z", "2018-06-18T16:00:00.000000+01:00"),
    ]
    values = ", ".join(
        f"({'NULL' if zone is None else repr(zone)}, "
        f"{int(dt.datetime.fromisoformat(utc).timestamp()) * 1_000_000}, '{index}')"
        for index, (zone, utc, _) in enumerate(made)
    )
    engine.execute(
        "CREATE VIEW observations AS SELECT n.* REPLACE (v.zone::VARCHAR AS timezone, "  # noqa: S608  (values of this test)
        "v.us AS started_us, v.id AS observation_id, 'import' AS provenance, 's' AS service, "
        f"['1.2.3.4', '=x'] AS answers) FROM nothing n, (VALUES {values}) v(zone, us, id)"
    )
    there = survey(engine, zone="Europe/London")
    table = observation_table(there, kinds={False}, services=[], zone="Europe/London", lines=False)
    rows = {row["observation_id"]: row for row in rows_of(engine, table)}
    for index, (_, utc, local) in enumerate(made):
        row = rows[str(index)]
        assert row["started_utc"] == utc.replace("Z", ".000000Z")
        assert row["started_local"] == (local or "")
        assert row["answers"] == "1.2.3.4 =x"
    assert rows["3"]["timezone"] == "Europe/London"


def test_the_dictionary_names_every_column(slowed: Judged) -> None:
    """A row for each column of each table, in order; SIMULATED only where it is so."""
    for table in (night_table([slowed]), hour_table([slowed]), curfew_table([slowed])):
        words = dictionary(table.title, table.fields, simulated=False)
        named = [line.split("`")[1] for line in words.splitlines() if line.startswith("| `")]
        assert named == [field.name for field in table.fields]
        assert "SIMULATED" not in words
        assert "SIMULATED" in dictionary(table.title, table.fields, simulated=True)
    assert slowed.series.basis is Basis.PAIRS
