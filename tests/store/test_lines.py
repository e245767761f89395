"""Lines of a foreign table: told apart, never named; and the ledger names no folder."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from foreign_table import HEADER, MAP, bring, row

from evenfall.model.errors import StoreError
from evenfall.store import open_store

LINE_MAP = MAP.replace("[failure]", 'line = { column = "ip" }\n[failure]')


def lines_table(path: Path, addresses: list[str], *, day: int = 1) -> Path:
    """A test an address, one address a row; an empty one is a row without a line."""
    rows = [f"{row(n, day=day)},{address}" for n, address in enumerate(addresses)]
    path.write_text("\n".join([f"{HEADER},ip", *rows, ""]))
    return path


def told(store_path: Path) -> list[str | None]:
    """Lines of the one series, in order of time."""
    with open_store(store_path, write=False) as store:
        (series,) = store.series()
    assert series.line is not None
    return series.line.tolist()


def test_a_line_is_told_apart_and_never_named(tmp_path: Path) -> None:
    """Equal addresses give equal names, in a later file too; no byte of the store holds one."""
    first, second = ["10.1.2.3", "10.9.8.7", "", "10.1.2.3"], ["10.9.8.7", "10.1.2.3"]
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, lines_table(tmp_path / "a.csv", first), LINE_MAP)
        bring(store, lines_table(tmp_path / "b.csv", second, day=2), LINE_MAP)
    one, other, none, again, *later = told(tmp_path / "s")
    assert one == again
    assert none is None
    assert one != other
    assert later == [other, one]
    assert str(one).startswith("line-")
    import duckdb

    parts = [str(path) for path in (tmp_path / "s" / "obs").rglob("*.parquet")]
    for record in duckdb.read_parquet(parts, hive_partitioning=False).fetchall():
        assert not any("10.1.2.3" in str(value) or "10.9.8.7" in str(value) for value in record)


def test_another_store_names_it_otherwise_and_is_equal_all_the_same(tmp_path: Path) -> None:
    """A salt for each store, readable by its owner alone; the digest speaks of the facts."""
    table = lines_table(tmp_path / "a.csv", ["10.1.2.3", "10.9.8.7"])
    digests = []
    for name in ("s", "t"):
        with open_store(tmp_path / name, write=True) as store:
            bring(store, table, LINE_MAP)
            digests.append(store.digest())
        salt = tmp_path / name / "line-salt"
        assert stat.S_IMODE(salt.stat().st_mode) == 0o600
        assert len(salt.read_bytes()) == 32
    assert told(tmp_path / "s") != told(tmp_path / "t")
    assert digests[0] == digests[1]
    with open_store(tmp_path / "u", write=True) as store:
        bring(store, lines_table(tmp_path / "c.csv", ["10.1.2.3", "10.9.8.8"]), LINE_MAP)
        assert store.digest() != digests[0]


def test_without_lines_there_is_no_salt(tmp_path: Path) -> None:
    """Nothing to hide, nothing to keep; and lines stay unknown."""
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, lines_table(tmp_path / "a.csv", ["10.1.2.3"]))
        (series,) = store.series()
    assert series.line is None
    assert not (tmp_path / "s" / "line-salt").exists()


def test_a_damaged_salt_is_named_and_nothing_comes_in(tmp_path: Path) -> None:
    """A half salt would give every line a second name."""
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, lines_table(tmp_path / "a.csv", ["10.1.2.3"]), LINE_MAP)
    (tmp_path / "s" / "line-salt").write_bytes(b"half")
    with open_store(tmp_path / "s", write=True) as store:
        with pytest.raises(StoreError, match="line-salt"):
            bring(store, lines_table(tmp_path / "b.csv", ["10.1.2.3"], day=2), LINE_MAP)
        assert len(store.imports()) == 1


def test_the_ledger_names_no_folder(tmp_path: Path) -> None:
    """Only the file's own name."""
    with open_store(tmp_path / "s", write=True) as store:
        bring(store, lines_table(tmp_path / "a.csv", ["10.1.2.3"]), LINE_MAP)
    ledger = (tmp_path / "s" / "raw" / "imports.jsonl").read_text()
    assert '"name":"a.csv"' in ledger
    assert str(tmp_path) not in ledger


def test_a_resolver_is_told_by_a_word_and_never_by_its_address(tmp_path: Path) -> None:
    """A word stays; addresses are told apart and not kept; the digest speaks of the facts."""
    resolver_map = MAP.replace("[failure]", 'resolver = { column = "ip" }\n[failure]')
    told_as = ["system", "8.8.4.4", "2001:db8::53", "8.8.4.4", ""]
    table = lines_table(tmp_path / "a.csv", told_as)
    digests = []
    for name in ("s", "t"):
        with open_store(tmp_path / name, write=True) as store:
            bring(store, table, resolver_map)
            digests.append(store.digest())
            (series,) = store.series()
    word, one, other, again, none = series.mix["resolver"].tolist()
    assert (word, none) == ("system", None)
    assert one == again
    assert one != other
    assert {str(one)[:9], str(other)[:9]} == {"resolver-"}
    assert digests[0] == digests[1]
