"""A table as Parquet that any reader understands: plain types, zstd, rows in order.

The file says in its own metadata whether its rows are simulated, beside the column that says so of
each.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

__all__ = ["write_parquet"]


def write_parquet(
    connection: duckdb.DuckDBPyConnection, relation: str, path: Path, *, simulated: bool
) -> int:
    """Write a relation to a new file; returns the number of rows.

    Args:
        connection: an engine that holds it.
        relation: its name, of our own.
        path: replaced if it exists.
        simulated: some of its rows are of the generator.
    """
    place = str(path).replace("'", "''")
    marked = "SIMULATED" if simulated else "measured"
    found = connection.execute(
        f"COPY (SELECT * FROM {relation}) TO '{place}' "  # noqa: S608  (a name of our own)
        f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{evenfall: '{marked}'}})"
    ).fetchall()
    return int(found[0][0])
