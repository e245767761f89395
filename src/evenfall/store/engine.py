"""The engine: a DuckDB in memory that reads and writes the files that our own statements name.

No extension is ever fetched, the time zone is UTC, work that does not fit in memory goes to the
folder it is given. Before somebody else's statement runs, `confine` takes every other file away.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from evenfall.archive.columns import ObservationColumns
from evenfall.model.schema import OBSERVATION_COLUMNS

__all__ = [
    "MEMORY_MAX",
    "confine",
    "connect",
    "literal",
    "observations_table",
    "rows_of_files",
    "stage",
]

MEMORY_MAX = "2GB"


def connect(temporary: Path) -> duckdb.DuckDBPyConnection:
    """A fresh engine that spills to `temporary`, which it makes when it needs it.

    The engine makes one folder and no parents: that of `temporary` must be there.
    """
    connection = duckdb.connect(
        ":memory:",
        config={
            "temp_directory": str(temporary),
            "memory_limit": MEMORY_MAX,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    if connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() != (False,):
        # Not in vain: in a notebook without ipywidgets it is off, and even "off" is refused.
        connection.execute("SET enable_progress_bar = false")
    return connection


def confine(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], temporary: Path) -> None:
    """Let the engine open nothing any more but these files and what it spills; for good.

    Neither another file or folder, nor a database, an extension, a variable of the calling program
    or the network can be reached then, and no setting can be changed.
    """
    paths = ", ".join(literal(str(file)) for file in files)
    for setting in (
        f"allowed_paths = [{paths}]",
        f"allowed_directories = [{literal(str(temporary))}]",
        "python_enable_replacements = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def literal(text: str) -> str:
    """A text as a SQL constant; only for names and paths of our own."""
    return "'" + text.replace("'", "''") + "'"


def observations_table(name: str) -> str:
    """SQL that makes an empty table of observations."""
    columns = ", ".join(f'"{c.name}" {c.sql_type}' for c in OBSERVATION_COLUMNS)
    return f"CREATE OR REPLACE TEMP TABLE {name} ({columns})"


def rows_of_files(files: Sequence[Path]) -> str:
    """SQL for the rows of Parquet files; a column that a file does not have is null in it.

    A column of a newer minor version is kept.
    """
    typed = ", ".join(f'NULL::{c.sql_type} AS "{c.name}"' for c in OBSERVATION_COLUMNS)
    empty = f"SELECT {typed} WHERE false"
    if not files:
        return empty
    paths = ", ".join(literal(str(file)) for file in files)
    source = f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"
    return f"{empty} UNION ALL BY NAME SELECT * FROM {source}"  # noqa: S608  (our own paths)


def stage(
    connection: duckdb.DuckDBPyConnection, table: str, batch: ObservationColumns, import_id: str
) -> None:
    """Append a batch to a table made by `observations_table`, as columns.

    Every row gets `import_id`, so that it counts only once its ledger line is written.
    """
    if not batch.rows:
        return
    kinds = {c.name: c.sql_type for c in OBSERVATION_COLUMNS}
    constants: dict[str, Any] = {"import_id": import_id}
    varying: dict[str, npt.NDArray[Any]] = {}
    for name, column in batch.columns.items():
        # Making texts out of objects is what costs most; a column of one value is one parameter.
        if column.dtype == object and column.tolist().count(column[0]) == batch.rows:
            constants[name] = column[0]
        else:
            varying[name] = column
    names = ", ".join(f'"{name}"' for name in (*varying, *constants))
    values = [_cast(f'"{name}"', kinds[name]) for name in varying]
    values += [_cast("?", kinds[name]) for name in constants]
    varying["@rows"] = np.zeros(batch.rows, dtype=np.int8)  # so that there is always one column
    connection.register("incoming", varying)
    try:
        connection.execute(
            f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM incoming",  # noqa: S608  (names of our own)
            list(constants.values()),
        )
    finally:
        connection.unregister("incoming")


def _cast(value: str, sql_type: str) -> str:
    # Lists come as their JSON text.
    through = "::JSON" if sql_type.endswith("[]") else ""
    return f"{value}{through}::{sql_type}"
