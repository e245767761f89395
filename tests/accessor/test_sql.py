"""SQL on the observations that count: answers in four forms, and what is refused."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

import evenfall
from evenfall.model.errors import StoreError, UsageError
from evenfall.store import open_store


def test_the_engine_itself_agrees(fortnight: Path) -> None:
    """Counts by service are those of a foreign connection to the Parquet files."""
    question = (
        "select service, count(*) as n, median(goodput_bps) as m from {} group by all order by 1"
    )
    files = f"read_parquet('{fortnight}/obs/*/*/*.parquet', hive_partitioning = false)"
    expected = duckdb.connect().execute(question.format(files)).fetchall()
    with evenfall.open(fortnight) as store:
        answer = store.sql(question.format("observations") + ";")
    assert [tuple(row.values()) for row in answer.dicts()] == expected
    assert list(answer) == ["service", "n", "m"]
    assert answer["n"].sum() == sum(n for _, n, _ in expected)
    assert (answer.n, len(answer)) == (len(expected), 3)


def test_rows_of_an_unfinished_batch_do_not_count(fortnight: Path, tmp_path: Path) -> None:
    """A file whose batch has no ledger line is not in the table."""
    with open_store(tmp_path / "s", write=True):
        pass
    place = tmp_path / "s" / "obs" / "day=2026-03-02" / "network=AS64500"
    place.mkdir(parents=True)
    source = next(fortnight.glob("obs/day=2026-03-02/*/*.parquet"))
    (place / source.name).write_bytes(source.read_bytes())
    with evenfall.open(tmp_path / "s") as store:
        assert store.sql("select count(*) as n from observations")["n"].tolist() == [0]


def test_nulls_are_nulls_in_every_form(fortnight: Path) -> None:
    """Masked in columns, None in rows, null in Arrow; NaN stays what it is."""
    with evenfall.open(fortnight) as store:
        answer = store.sql("from (values (1, null, 'a'), (2, 'nan'::double, null)) t(a,b,c)")
    assert answer.dicts()[0] == {"a": 1, "b": None, "c": "a"}
    assert answer.dicts()[1]["c"] is None
    assert np.isnan(answer.dicts()[1]["b"])
    assert np.ma.getmaskarray(answer["c"]).tolist() == [False, True]


def test_arrow(fortnight: Path) -> None:
    """The same values through a foreign library, nulls and types kept."""
    pytest.importorskip("pyarrow", reason="not run: no pyarrow here")
    with evenfall.open(fortnight) as store:
        answer = store.sql("select * from (values (1, null, 'a'), (2, 0.5::double, null)) t(a,b,c)")
    table = answer.arrow()
    assert table.to_pylist() == [{"a": 1, "b": None, "c": "a"}, {"a": 2, "b": 0.5, "c": None}]


@pytest.mark.parametrize(
    "question",
    ["with a as (select 1 as x) from a", "describe observations", "summarize observations",
     "from observations limit 1 -- a word", "values (1)", "select 1 where false"],
)  # fmt: skip
def test_ways_to_ask(fortnight: Path, question: str) -> None:
    """Whatever only reads is answered."""
    with evenfall.open(fortnight) as store:
        assert len(store.sql(question)) >= 1


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("", "nothing"),
        ("copy (select 1) to 'x.csv'", "COPY"),
        ("drop table observations", "DROP"),
        ("create table t as select 1", "CREATE"),
        ("insert into observations select 1", "INSERT"),
        ("attach 'x.db'", "ATTACH"),
        ("set memory_limit = '1GB'", "SET"),
        ("install httpfs", "LOAD"),
        ("select 1; select 2", "2"),
        ("select 1) limit 1; drop view observations; select (1", "syntax"),
        ("select nope from observations", "nope"),
        ("select * from frame", "frame"),
        ("select 'x'::int", "x"),
        ("pelect 1", "pelect"),
    ],
)
def test_what_is_not_one_select_is_refused(
    fortnight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: str, said: str
) -> None:
    """With what was seen and where the columns are listed; nothing is written."""
    monkeypatch.chdir(tmp_path)
    frame = {"a": np.array([1])}  # a variable is no table
    with evenfall.open(fortnight) as store:
        with pytest.raises(UsageError) as refused:
            store.sql(question)
        assert said.lower() in str(refused.value).lower()
        assert "DESCRIBE observations" in refused.value.remedy
        assert store.sql("select count(*) as n from observations")["n"][0] > 0
    assert frame
    assert list(tmp_path.iterdir()) == []


def test_too_many_rows_are_an_error_and_no_cut(fortnight: Path) -> None:
    """As many as allowed are given; one more is refused."""
    with evenfall.open(fortnight) as store:
        assert store.sql("from range(10)", rows_max=10).n == 10
        with pytest.raises(UsageError, match="at most 9 rows"):
            store.sql("from range(10)", rows_max=9)


def test_a_damaged_file_is_a_fault_of_the_store(fortnight: Path, tmp_path: Path) -> None:
    """A Parquet file cut in half: an error about that file, not about the question."""
    import shutil

    shutil.copytree(fortnight, tmp_path / "s")
    victim = min((tmp_path / "s" / "obs").rglob("*.parquet"))
    victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
    with evenfall.open(tmp_path / "s") as store:
        with pytest.raises(StoreError, match=r"part-0\.parquet"):
            store.sql("select count(goodput_bps) from observations")
        with pytest.raises(StoreError, match=r"part-0\.parquet"):
            store.nights("video")


def test_the_engine_knows_the_zones(fortnight: Path) -> None:
    """The hour on the wall as docs/python.md gets it: Almaty, UTC+6 and from March 2024 UTC+5."""
    with evenfall.open(fortnight) as store:
        got = store.sql(
            "select hour(timezone('Asia/Almaty', make_timestamptz(us))) as h from "
            "(values (1709215200000000), (1709301600000000)) t(us) order by us"
        )  # 2024-02-29 and 2024-03-01, 14:00 UTC
    assert got["h"].tolist() == [20, 19]
