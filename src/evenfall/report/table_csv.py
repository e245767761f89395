"""A table as CSV that spreadsheets, and everything else, read alike.

Rules: RFC 4180 (CRLF, quotes doubled, a header), UTF-8 without a mark, no comments. Null is an
empty cell, true and false are words, numbers have a point. A text that begins with `=`, `+`, `-`,
`@`, a tab or a carriage return would be run as a formula by spreadsheets; it is put behind an
apostrophe (OWASP, "CSV Injection"). Numbers are never touched: a negative number is one. A NUL,
which no CSV reader expects, becomes U+FFFD.

What it does not do. Load the table: rows pass in batches.

Source: RFC 4180; OWASP Community Pages, "CSV Injection".
"""

from __future__ import annotations

import csv
from typing import IO, Any

import duckdb

from evenfall.report.export_fields import Field

__all__ = ["write_csv"]

_BATCH_ROWS = 10_000
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    fields: tuple[Field, ...],
    stream: IO[str],
) -> int:
    """Write a relation; returns the number of rows.

    Args:
        connection: an engine that holds it.
        relation: its name, of our own.
        fields: its columns.
        stream: text; opened with `newline=""`.
    """
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([field.name for field in fields])
    cursor = connection.execute(f"SELECT * FROM {relation}")  # noqa: S608  (a name of our own)
    rows = 0
    while batch := cursor.fetchmany(_BATCH_ROWS):
        writer.writerows([[_cell(value) for value in row] for row in batch])
        rows += len(batch)
    return rows


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _text(value: str) -> str:
    value = value.replace("\0", "\ufffd")
    return f"'{value}" if value.startswith(_FORMULAS) else value
