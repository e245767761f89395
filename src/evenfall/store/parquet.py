"""From a staged batch to Parquet: one file a UTC day and network, sorted by service, target, time.

Only the files of the days and networks that the batch touches are rewritten. All new files are
written and flushed under tmp/ first; only then are they renamed into place, one by one. A batch
that is interrupted between two renames has no ledger line, so its rows count for nobody, and the
next batch that touches the file leaves them out.

Bounded by the engine: rows never pass through Python here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import duckdb
import numpy as np

from evenfall.model.errors import StoreError
from evenfall.store.durable import flush_file, flush_folder
from evenfall.store.engine import literal, rows_of_files
from evenfall.store.folder import Folder

__all__ = ["NETWORK_UNKNOWN", "Known", "merge_staged", "observation_files"]

NETWORK_UNKNOWN = "unknown"
_PART = "part-0.parquet"
_DAY = "strftime(make_timestamp(started_us), '%Y-%m-%d')"
_ORDER = "service, target, started_us, observation_id"


class Known(NamedTuple):
    """What of a batch was in the store before; `repeated` are records, as in the accounts."""

    records: int
    observations: int
    repeated: int


def observation_files(folder: Folder, networks: Iterable[str] | None = None) -> list[Path]:
    """All files of observations, or those of some networks, in order."""
    if networks is None:
        return sorted(folder.observations.glob("day=*/network=*/*.parquet"))
    names = [f"network={_folder_name(network)}" for network in networks]
    return sorted(f for n in names for f in folder.observations.glob(f"day=*/{n}/*.parquet"))


def _folder_name(network: str) -> str:
    return quote(network, safe="").replace(".", "%2E") or "%00"


def merge_staged(
    connection: duckdb.DuckDBPyConnection, folder: Folder, import_ids: Sequence[str]
) -> Known:
    """Bring the rows of the table `staged` into the store; returns what it had already.

    Args:
        connection: holds the table `staged`, which loses what was there before.
        folder: where to.
        import_ids: batches that count; rows of any other batch are dropped on the way.
    """
    places = _Places(connection, folder)
    _load_neighbours(connection, places.existing_files, import_ids)
    known = _drop_known(connection)
    places = _Places(connection, folder)
    if places.count:
        work = folder.temporary / "parts"
        _write_parts(connection, places, work)
        _rename_parts(places, work, folder)
        shutil.rmtree(work, ignore_errors=True)
    connection.execute("DROP TABLE neighbours")
    return known


class _Places:
    """Days and networks of the staged rows, numbered, with the file of each."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Folder) -> None:
        found = connection.execute(
            f"SELECT DISTINCT {_DAY}, coalesce(network, {literal(NETWORK_UNKNOWN)}) FROM staged "  # noqa: S608  (names and paths of our own)
            "ORDER BY ALL"
        ).fetchall()
        self.days = [day for day, _ in found]
        self.networks = [network for _, network in found]
        self.files = [
            folder.observations / f"day={day}" / f"network={_folder_name(network)}" / _PART
            for day, network in found
        ]

    @property
    def count(self) -> int:
        return len(self.files)

    @property
    def existing_files(self) -> list[Path]:
        return [file for file in self.files if file.exists()]


def _load_neighbours(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], import_ids: Sequence[str]
) -> None:
    counting = ", ".join(literal(import_id) for import_id in import_ids) or "NULL"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE neighbours AS SELECT * FROM ({rows_of_files(files)}) "  # noqa: S608  (names and paths of our own)
        f"WHERE import_id IN ({counting}) OR import_id IS NULL"
    )


def _drop_known(connection: duckdb.DuckDBPyConnection) -> Known:
    known = "observation_id IN (SELECT observation_id FROM neighbours)"
    # Every record has exactly one observation with the index 0.
    counted = connection.execute(
        f"""SELECT count(*) FILTER (observation_id LIKE '%/0'), count(*),
            count(*) FILTER (observation_id LIKE '%/0' AND repeat > 0)
          FROM staged WHERE {known}"""  # noqa: S608  (names of our own)
    ).fetchone()
    connection.execute(f"DELETE FROM staged WHERE {known}")  # noqa: S608  (names of our own)
    return Known(*counted) if counted else Known(0, 0, 0)


def _write_parts(connection: duckdb.DuckDBPyConnection, places: _Places, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    numbers = {
        "day": np.array(places.days, dtype=object),
        "place": np.array(places.networks, dtype=object),
        "part": np.arange(places.count, dtype=np.int64),
    }
    connection.register("places", numbers)
    # One thread: a partition's rows then arrive in order and in one file.
    threads = connection.execute("SELECT current_setting('threads')").fetchone()
    connection.execute("SET threads = 1")
    try:
        connection.execute(
            f"""COPY (
              SELECT o.*, p.part FROM (
                SELECT * FROM staged UNION ALL BY NAME SELECT * FROM neighbours
              ) o JOIN places p
              ON p.day = {_DAY} AND p.place = coalesce(o.network, {literal(NETWORK_UNKNOWN)})
              ORDER BY p.part, {_ORDER}
            ) TO {literal(str(work))}
            (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (part), OVERWRITE_OR_IGNORE)"""  # noqa: S608  (names and paths of our own)
        )
    finally:
        connection.execute(f"SET threads = {threads[0] if threads else 1}")
        connection.unregister("places")


def _rename_parts(places: _Places, work: Path, folder: Folder) -> None:
    written = [_written(work / f"part={number}") for number in range(places.count)]
    for file in written:
        flush_file(file)
    for source, target in zip(written, places.files, strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    for parent in sorted({file.parent for file in places.files}):
        flush_folder(parent)
    for day in sorted({file.parent.parent for file in places.files}):
        flush_folder(day)
    flush_folder(folder.observations)


def _written(part: Path) -> Path:
    files = sorted(part.glob("*.parquet"))
    if len(files) != 1:
        raise StoreError(
            expected="one file a day and network from the engine",
            seen=f"{len(files)}",
            where=str(part),
            remedy="Nothing of the batch was kept. Please report it with the engine's version.",
        )
    return files[0]
