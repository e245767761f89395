"""A file becomes part of the store: whole or not at all, once, and with every row accounted for."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from foreign_table import MAP, bring, row, table

from evenfall.archive import Reason
from evenfall.model.errors import FormatError, StoreError
from evenfall.store import open_store

Write = Callable[..., Path]


def digest(store_path: Path) -> str:
    """Digest of a store."""
    with open_store(store_path, write=False) as store:
        return store.digest()


def test_the_accounts_of_a_file(tmp_path: Path, write_table: Write) -> None:
    """Stored, repeated, quarantined by reason, blank: they add up to the lines."""
    lines = [row(1), row(1), row(2), "", "x,y", row(3, outcome=""), row(4)]
    with open_store(tmp_path / "s", write=True) as store:
        counts = bring(store, write_table("f.csv", lines))
        (entry,) = store.imports()
        refused = store.quarantined()
    assert (counts.lines_in, counts.stored, counts.duplicates, counts.blank) == (7, 4, 0, 1)
    assert counts.quarantined == {"field_count": 1, "outcome_unknown": 1}
    assert (counts.repeated, counts.observations) == (1, 4)
    assert entry.counts == counts
    assert entry.map_text == MAP
    assert [(q.line, q.reason, q.file) for q in refused] == [
        (6, Reason.FIELD_COUNT, "f.csv"),
        (7, Reason.OUTCOME_UNKNOWN, "f.csv"),
    ]


def test_a_file_imported_again_is_all_duplicates(tmp_path: Path, write_table: Write) -> None:
    """Also under another name and packed; nothing changes."""
    path = write_table("f.csv", [*table(), "", "broken"])
    with open_store(tmp_path / "s", write=True) as store:
        first = bring(store, path)
        before = store.digest()
        again = bring(store, path)
        assert (again.lines_in, again.stored) == (first.lines_in, 0)
        assert again.duplicates == first.lines_in - first.blank
        assert store.digest() == before
        assert len(store.imports()) == 1


def test_rows_of_an_overlapping_file_are_duplicates(tmp_path: Path, write_table: Write) -> None:
    """Two cuts of one archive: what both hold is stored once; a repeat counts as a repeat."""
    lines = table()
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, write_table("a.csv", lines[:100]))
        counts = bring(store, write_table("b.csv", [*lines[60:], lines[60]]))
        assert counts.duplicates == 40
        assert counts.stored == len(lines) - 100 + 1
        assert counts.repeated == 1
    with open_store(tmp_path / "once", write=True) as store:
        bring(store, write_table("c.csv", [*lines, lines[60]]))
    assert digest(tmp_path / "s") == digest(tmp_path / "once")


def test_how_an_archive_is_cut_does_not_matter(tmp_path: Path, write_table: Write) -> None:
    """One file, or three in another order: the same digest."""
    lines = table()
    with open_store(tmp_path / "one", write=True) as store:
        bring(store, write_table("all.csv", lines))
    with open_store(tmp_path / "three", write=True) as store:
        for name, part in (("c", lines[150:]), ("a", lines[:90]), ("b", lines[90:150])):
            bring(store, write_table(f"{name}.csv", part))
    assert digest(tmp_path / "one") == digest(tmp_path / "three")
    with open_store(tmp_path / "other", write=True) as store:
        bring(store, write_table("other.csv", lines[1:]))
    assert digest(tmp_path / "other") != digest(tmp_path / "one")


def test_one_sorted_file_a_day_and_network(tmp_path: Path, write_table: Write) -> None:
    """The layout of CONTRACTS, readable by anybody, sorted by service, target, time."""
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, write_table("a.csv", table()[::2]))
        bring(store, write_table("b.csv", table()[1::2]))
    files = sorted((tmp_path / "s" / "obs").rglob("*"))
    parts = [str(p.relative_to(tmp_path / "s")) for p in files if p.is_file()]
    assert parts == [
        f"obs/day=2023-11-{day:02d}/network=AS{asn}/part-0.parquet"
        for day in (1, 2, 3)
        for asn in (1, 2)
    ]
    for part in parts:
        found = duckdb.read_parquet(str(tmp_path / "s" / part), hive_partitioning=False)
        keys = found.project("service, target, started_us, observation_id").fetchall()
        assert keys == sorted(keys)
        assert len(keys) == 40
    assert not (tmp_path / "s" / "tmp").exists()


def test_a_network_name_cannot_leave_the_folder(tmp_path: Path, write_table: Write) -> None:
    """Names from a foreign file never become paths of their own."""
    map_text = MAP.replace('{ column = "asn", prefix = "AS" }', '{ column = "asn" }')
    hostile = {"../../x", "..", "a/b", "x=1 %2F", "é"}
    lines = [row(1).replace(",1,", f",{name},") for name in sorted(hostile)]
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, write_table("f.csv", lines), map_text)
        names = {series.network for series in store.series()}
        only = store.series(networks=["../../x"])
    assert names == hostile
    assert [series.network for series in only] == ["../../x"]
    folders = {p.name for p in (tmp_path / "s" / "obs" / "day=2023-11-01").iterdir()}
    assert len(folders) == 5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f.csv", "s"]


def test_an_error_in_the_middle_leaves_the_store_as_it_was(
    tmp_path: Path, write_table: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that turns out bad after thousands of rows has left nothing; the next one works."""
    good = write_table("good.csv", table())
    bad = write_table("bad.csv", table(days=5))
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, good)
        before = store.digest()

        monkeypatch.setattr("evenfall.archive.table.RowIds.next", spoiled)
        with pytest.raises(FormatError):
            bring(store, bad)
        monkeypatch.undo()
        assert store.digest() == before
        assert bring(store, bad).duplicates == len(table())


def spoiled(_ids, _row):
    """A row that cannot be read after all."""
    raise FormatError(expected="a", seen="b", where="c", remedy="d")


def test_accounts_that_do_not_add_up_keep_nothing(tmp_path: Path, write_table: Write) -> None:
    """The identity is asserted before the ledger is written."""
    with open_store(tmp_path / "s", write=True) as store:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("evenfall.store.accounts.Tally.counts", lose_one)
            with pytest.raises(StoreError, match="accounted for"):
                bring(store, write_table("f.csv", table()))
        assert store.series() == []
        assert bring(store, write_table("f.csv", table())).stored == len(table())


def lose_one(tally, records, observations, repeated):
    """Counts of which one line is missing."""
    from evenfall.archive import ImportCounts

    return ImportCounts(
        lines_in=tally._lines,
        stored=tally._kept - 1,
        duplicates=0,
        blank=0,
        quarantined={},
        repeated=0,
        observations=0,
    )


def test_columns_of_a_newer_minor_version_are_kept(tmp_path: Path, write_table: Write) -> None:
    """A file with a column we do not know is rewritten with it."""
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, write_table("a.csv", [row(1)]))
    (part,) = (tmp_path / "s" / "obs").rglob("*.parquet")
    beside = tmp_path / "new.parquet"
    duckdb.read_parquet(str(part), hive_partitioning=False).project(
        "*, 'later' AS mood"
    ).write_parquet(str(beside))
    beside.replace(part)
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, write_table("b.csv", [row(2)]))
    moods = duckdb.read_parquet(str(part)).order("started_us").project("mood").fetchall()
    assert moods == [("later",), (None,)]


def test_a_damaged_ledger_is_named(tmp_path: Path, write_table: Write) -> None:
    """File and line, and what it means."""
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, write_table("a.csv", [row(1)]))
    ledger = tmp_path / "s" / "raw" / "imports.jsonl"
    ledger.write_bytes(ledger.read_bytes() + b'{"half":\n')
    with open_store(tmp_path / "s", write=False) as store:
        with pytest.raises(StoreError) as refused:
            store.series()
        assert refused.value.where.endswith("imports.jsonl, line 2")


def test_a_damaged_part_is_named(tmp_path: Path, write_table: Write) -> None:
    """A Parquet file that cannot be read is an error with its path, never a shorter answer."""
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, write_table("a.csv", table()))
    part = min((tmp_path / "s" / "obs").rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-60])
    with (
        open_store(tmp_path / "s", write=False) as store,
        pytest.raises(StoreError, match=r"day=2023-11-01.*part-0\.parquet"),
    ):
        store.series()


def test_the_sql_of_the_documents_works(
    tmp_path: Path, write_table: Write, repository: Path
) -> None:
    """docs/store.md shows how anybody reads the store; the example does what it says."""
    text = (repository / "docs" / "store.md").read_text()
    sql = text.partition("```sql\n")[2].partition("```")[0].replace("STORE", str(tmp_path / "s"))
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, write_table("a.csv", table()))
    assert sorted(duckdb.sql(sql.rstrip().rstrip(";")).fetchall()) == [("AS1", 120), ("AS2", 120)]


# --- killed ----------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from foreign_table import bring
from evenfall.store import open_store
import evenfall.store.durable as durable, evenfall.store.parquet as parquet
import evenfall.store.ledger as ledger

point, left = sys.argv[3], [int(sys.argv[5])]

def die_at(module, name):
    real = getattr(module, name)
    def dying(*args, **kwargs):
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return real(*args, **kwargs)
    setattr(module, name, dying)

if point == "rename":
    die_at(Path, "replace")
elif point == "parts":
    die_at(parquet, "_rename_parts")
elif point == "ledger":
    die_at(ledger, "write_durably")
elif point == "flush":
    die_at(durable, "flush_folder")
with open_store(Path(sys.argv[1]), write=True) as store:
    bring(store, Path(sys.argv[2]))
os._exit(7)
"""


@pytest.mark.parametrize(
    ("point", "after"),
    [
        ("parts", 0), ("rename", 0), ("rename", 1), ("rename", 5), ("rename", 6), ("rename", 7),
        ("ledger", 0), ("flush", 0),
    ],
)  # fmt: skip
def test_a_killed_import_leaves_a_whole_store(
    tmp_path: Path, write_table: Write, point: str, after: int
) -> None:
    """SIGKILL before, between and after the renames: reads as before; again gives the same."""
    first = write_table("first.csv", table(days=2)[::2])
    second = write_table("second.csv", [*table(days=3), "broken line"])
    with open_store(tmp_path / "whole", write=True) as store:
        bring(store, first)
        bring(store, second)
    with open_store(tmp_path / "killed", write=True) as store:
        bring(store, first)
    before = digest(tmp_path / "killed")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "killed", second, point,
         Path(__file__).parent, str(after)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert digest(tmp_path / "killed") == before
    with open_store(tmp_path / "killed", write=True) as store:
        counts = bring(store, second)
        assert counts.duplicates == len(table(days=2)) // 2
        assert len(store.quarantined()) == 1
    assert digest(tmp_path / "killed") == digest(tmp_path / "whole")


def test_the_merge_itself_drops_what_does_not_count(tmp_path: Path, write_table: Write) -> None:
    """Rows of a batch without a ledger line do not survive the next rewrite of their file."""
    with open_store(tmp_path / "s", write=True) as store:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("evenfall.store.ledger.Ledger.append", lambda _self, _entry: None)
            bring(store, write_table("ghost.csv", table(days=1, networks=1)))
        assert store.series() == []
        counts = bring(store, write_table("real.csv", [row(100)]))
        assert (counts.stored, counts.duplicates) == (1, 0)
    (part,) = (tmp_path / "s" / "obs").rglob("*.parquet")
    assert len(duckdb.read_parquet(str(part)).fetchall()) == 1
