"""Rows that were not kept: one Parquet file an import, with file, line, offset and reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import msgspec
import numpy as np

from evenfall.archive.rows import Quarantined, Reason
from evenfall.store.durable import flush_file, move_durably
from evenfall.store.engine import literal
from evenfall.store.folder import Folder

__all__ = ["QuarantineWriter", "QuarantinedRow", "read_quarantine"]


class QuarantinedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was not kept; see `archive.rows.Quarantined`."""

    import_id: str
    file: str
    line: int
    offset: int | None
    reason: Reason
    detail: str


class QuarantineWriter:
    """Collects the refusals of one import in the engine, then writes them at once."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE refused "
            "(line BIGINT, byte_offset BIGINT, reason VARCHAR, detail VARCHAR)"
        )

    def add(self, refused: Sequence[Quarantined]) -> None:
        """Append, as columns."""
        if not refused:
            return
        columns = {
            "line": np.array([row.line for row in refused], dtype=np.int64),
            "byte_offset": np.ma.masked_array(
                np.array([row.offset or 0 for row in refused], dtype=np.int64),
                mask=[row.offset is None for row in refused],
            ),
            "reason": np.array([str(row.reason) for row in refused], dtype=object),
            "detail": np.array([row.detail for row in refused], dtype=object),
        }
        self._connection.register("incoming", columns)
        try:
            self._connection.execute(
                "INSERT INTO refused SELECT line, byte_offset, reason, detail FROM incoming"
            )
        finally:
            self._connection.unregister("incoming")

    def write(self, folder: Folder, import_id: str, file: str) -> None:
        """Write and flush the file; nothing if there is nothing to write."""
        counted = self._connection.execute("SELECT count(*) FROM refused").fetchone()
        if not counted or not counted[0]:
            return
        folder.temporary.mkdir(exist_ok=True)
        folder.quarantine.mkdir(exist_ok=True)
        beside = folder.temporary / f"{import_id}.parquet"
        self._connection.execute(
            f"""COPY (
              SELECT {literal(import_id)} AS import_id, {literal(file)} AS file, *
              FROM refused ORDER BY line
            ) TO {literal(str(beside))} (FORMAT parquet, COMPRESSION zstd)"""  # noqa: S608  (quoted)
        )
        flush_file(beside)
        move_durably(beside, folder.quarantine / beside.name)


def read_quarantine(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], *, rows_max: int
) -> list[QuarantinedRow]:
    """The first rows of some files of the quarantine, in order of import and line."""
    if not files:
        return []
    paths = ", ".join(literal(str(file)) for file in files)
    found = connection.execute(
        f"""SELECT import_id, file, line, byte_offset, reason, detail
          FROM read_parquet([{paths}]) ORDER BY import_id, line
          LIMIT {int(rows_max)}"""  # noqa: S608  (our own paths)
    ).fetchall()
    return [
        QuarantinedRow(
            import_id=import_id,
            file=file,
            line=line,
            offset=offset,
            reason=Reason(reason),
            detail=detail,
        )
        for import_id, file, line, offset, reason, detail in found
    ]
