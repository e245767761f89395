"""SQL on the observations that count: answers in four forms, and what is refused."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pytest

import evenfall
from evenfall.model.errors import EvenfallError, StoreError, UsageError
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


@pytest.mark.parametrize(
    "source",
    ["read_text({})", "read_blob({})", "glob({})", "sniff_csv({})", "read_csv({})", "{}",
     "read_json({})", "read_parquet({})", "parquet_metadata({})", "parquet_schema({})"],
)  # fmt: skip
@pytest.mark.parametrize("where", ["beside", "in the store", "by a link", "through .."])
def test_other_files_cannot_be_read(
    fortnight: Path, tmp_path: Path, source: str, where: str
) -> None:
    """Files that a foreign connection reads: refused as a question, and the table still answers."""
    shutil.copytree(fortnight, tmp_path / "s")
    inner = next((tmp_path / "s" / "obs").glob("day=*"))
    place = {
        "beside": tmp_path / "other.parquet",
        "in the store": tmp_path / "s" / "other.parquet",
        "by a link": inner / "other.parquet",
        "through ..": inner / ".." / ".." / ".." / "other.parquet",
    }[where]
    real = tmp_path / "linked.parquet" if where == "by a link" else place
    duckdb.sql("select 'a secret' as s").write_parquet(str(real))
    if where == "by a link":
        place.symlink_to(real)
    question = f"select * from {source.format(repr(str(place)))}"  # noqa: S608  (a test's own)
    if "csv" not in source and "json" not in source and "text" not in source:
        assert duckdb.sql(question.replace("*", "count(*)", 1)).fetchall() != [(0,)]
    with evenfall.open(tmp_path / "s") as store:
        with pytest.raises(EvenfallError) as refused:
            store.sql(question)
        assert "DESCRIBE observations" in refused.value.remedy
        assert store.sql("select count(*) as n from observations")["n"][0] > 0


def test_the_rest_of_the_store_cannot_be_read(fortnight: Path, tmp_path: Path) -> None:
    """What pseudonyms of lines are made with is in the store, and is no observation."""
    shutil.copytree(fortnight, tmp_path / "s")
    salt = tmp_path / "s" / "line-salt"
    salt.write_bytes(b"s" * 32)
    with evenfall.open(tmp_path / "s") as store, pytest.raises(UsageError, match="line-salt"):
        store.sql(f"select * from read_blob('{salt}')")  # noqa: S608  (a test's own)


def test_the_engine_is_confined_whatever_statement_reaches_it(
    fortnight: Path, tmp_path: Path
) -> None:
    """Without the check for one SELECT too: no database, no file written, no setting changed."""
    foreign = tmp_path / "x.db"
    duckdb.connect(str(foreign)).close()
    statements = (
        f"attach '{foreign}'",
        f"copy (select 1) to '{tmp_path / 'out.csv'}'",
        f"create table t as from read_text('{foreign}')",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "set memory_limit = '64GB'",
        "load httpfs",
    )
    with open_store(fortnight, write=False) as store:
        for statement in statements:
            with (
                pytest.raises(StoreError),
                store.asking() as engine,
            ):
                engine.execute(statement)
    assert not (tmp_path / "out.csv").exists()


def test_a_question_spills_and_leaves_nothing(
    fortnight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the memory allowed: answered by way of a folder that is gone afterwards."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("evenfall.store.engine.MEMORY_MAX", "64MB")
    seen: list[bool] = []
    with open_store(fortnight, write=False) as store, store.asking() as engine:
        engine.execute(
            "create temp table t as select md5(range::varchar) as h from range(2_000_000)"
        )
        assert engine.execute("select count(distinct h) from t").fetchone() == (2_000_000,)
        seen += [folder.is_dir() for folder in tmp_path.iterdir()]
    assert seen == [True]
    assert list(tmp_path.iterdir()) == []


def test_a_store_by_a_link_and_by_a_relative_path(
    fortnight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files may lie elsewhere: what counts is that the table is made of them."""
    shutil.copytree(fortnight, tmp_path / "s")
    (tmp_path / "s" / "obs").rename(tmp_path / "another disk's")
    (tmp_path / "s" / "obs").symlink_to(tmp_path / "another disk's")
    (tmp_path / "link").symlink_to(tmp_path / "s")
    monkeypatch.chdir(tmp_path)
    question = "select count(*) as n from observations"
    with evenfall.open(fortnight) as store:
        expected = store.sql(question)["n"].tolist()
    with evenfall.open("link") as store:
        assert store.sql(question)["n"].tolist() == expected


def test_too_many_rows_are_an_error_and_no_cut(fortnight: Path) -> None:
    """As many as allowed are given; one more is refused."""
    with evenfall.open(fortnight) as store:
        assert store.sql("from range(10)", rows_max=10).n == 10
        with pytest.raises(UsageError, match="at most 9 rows"):
            store.sql("from range(10)", rows_max=9)


def test_a_damaged_file_is_a_fault_of_the_store(fortnight: Path, tmp_path: Path) -> None:
    """A Parquet file cut in half: an error about that file, not about the question."""
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
