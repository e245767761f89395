"""The engine: what does not fit in memory goes to the folder it was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenfall.store import open_store
from evenfall.store.engine import connect

ROWS = 2_000_000
LARGE = f"CREATE TEMP TABLE t AS SELECT md5(range::VARCHAR) AS h FROM range({ROWS})"  # noqa: S608  (our own number)
LITTLE = ("SET memory_limit = '64MB'", "SET threads = 1")


def test_it_spills(tmp_path: Path) -> None:
    """More than the memory allowed: done, by way of a folder that was not there before."""
    engine = connect(tmp_path / "spill")
    assert not (tmp_path / "spill").exists()
    for statement in (*LITTLE, LARGE):
        engine.execute(statement)
    assert (tmp_path / "spill").exists()
    found = engine.execute("SELECT count(*), count(DISTINCT h) FROM t").fetchone()
    assert found == (ROWS, ROWS)
    engine.close()


@pytest.mark.parametrize("write", [True, False])
def test_an_open_store_spills_and_leaves_nothing(tmp_path: Path, write: bool) -> None:
    """For reading outside the store, for writing into its tmp/; both are gone afterwards."""
    with open_store(tmp_path / "s", write=True):
        pass
    with open_store(tmp_path / "s", write=write) as store, store.selecting() as engine:
        for statement in (*LITTLE, LARGE):
            engine.execute(statement)
        found = engine.execute("SELECT current_setting('temp_directory')").fetchone()
        assert found is not None
        folder = Path(found[0])
        assert folder.is_dir()
        assert (folder.parent == tmp_path / "s") is write
    assert not folder.exists()
