"""One number for all facts of a store: equal stores have equal digests, however they were filled.

SHA-256 over the observations that count, in order of their id, each as DuckDB's text of the row
without `import_id` (two stores that read the same rows from differently cut files are equal) and,
for imported rows, without `line` and without resolvers told by their address, which each store
hides in its own way; the id of such a row is a hash of all it said, these included.
"""

from __future__ import annotations

import hashlib

import duckdb

from evenfall.model.schema import OBSERVATION_COLUMNS

__all__ = ["digest_of"]

_CHUNK_ROWS = 50_000
_HIDDEN = {
    "line": "CASE WHEN provenance = 'import' THEN NULL ELSE line END",
    "resolver": "CASE WHEN provenance = 'import' AND resolver LIKE 'resolver-%' THEN NULL "
    "ELSE resolver END",
}


def digest_of(connection: duckdb.DuckDBPyConnection, rows: str) -> str:
    """Hex digest of the rows that the SQL `rows` selects."""
    names = ", ".join(
        _HIDDEN.get(c.name, f'"{c.name}"') for c in OBSERVATION_COLUMNS if c.name != "import_id"
    )
    cursor = connection.execute(
        f"SELECT row({names})::VARCHAR FROM ({rows}) ORDER BY observation_id"  # noqa: S608  (our own names)
    )
    digest = hashlib.sha256(b"evenfall-store-v1\0")
    while chunk := cursor.fetchmany(_CHUNK_ROWS):
        for (text,) in chunk:
            digest.update(text.encode() + b"\n")
    return digest.hexdigest()
