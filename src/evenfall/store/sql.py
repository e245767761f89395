"""Questions in SQL to the observations that count, for whoever wants more than a series.

The table is `observations`, with the columns of docs/data-dictionary.md; rows of a batch that was
never finished are not in it. One SELECT at a time (or WITH, FROM, DESCRIBE, SUMMARIZE): a statement
that would write, load or set something is refused before the engine runs it. The engine that runs
it can open the files of that table and nothing else (`engine.confine`): no other file of the user,
whatever function asks for it, and no variable of the calling program, whatever it is called.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from evenfall.model.errors import UsageError
from evenfall.store.opened import Store

__all__ = ["TABLE", "Frame", "ask"]

TABLE = "observations"

Frame = dict[str, npt.NDArray[Any]]
"""Column → values, shape (n,) each; masked where null."""

_NOT_THE_QUESTION = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.InternalException)


def ask(store: Store, question: str, *, rows_max: int) -> Frame:
    """The answer to one SELECT.

    Args:
        store: open.
        question: the SELECT, as it is; nothing is filled in.
        rows_max: more rows than this are an error, never a silent cut.

    Raises:
        UsageError: not one SELECT, not understood, of another file, or too many rows.
        StoreError: the files cannot be read.
    """
    with store.asking() as connection:
        try:
            frame = _answered(connection, question, rows_max)
        except duckdb.PermissionException as error:
            raise _refused(_first_line(error)) from error
        except duckdb.Error as error:
            if isinstance(error, _NOT_THE_QUESTION) or ".parquet" in str(error):
                raise
            raise _refused(_first_line(error)) from error
    if frame and len(next(iter(frame.values()))) > rows_max:
        raise UsageError(
            expected=f"at most {rows_max:,} rows",
            seen="more",
            where="sql",
            remedy="Aggregate, add a LIMIT, or pass a higher rows_max.",
        )
    return frame


def _answered(connection: duckdb.DuckDBPyConnection, question: str, rows_max: int) -> Frame:
    select = _one_select(connection, question)
    frame = connection.execute(
        f"SELECT * FROM (\n{select}\n) LIMIT {rows_max + 1}"  # noqa: S608  (their own question)
    ).fetchnumpy()
    return {name: np.ma.asarray(column) for name, column in frame.items()}


def _one_select(connection: duckdb.DuckDBPyConnection, question: str) -> str:
    statements = connection.extract_statements(question)
    if len(statements) != 1 or statements[0].type is not duckdb.StatementType.SELECT:
        kinds = ", ".join(str(s.type).rsplit(".", 1)[-1] for s in statements[:5])
        raise _refused(f"{len(statements)} ({kinds})" if statements else "nothing")
    return str(statements[0].query).strip().rstrip(";")


def _first_line(error: duckdb.Error) -> str:
    return (str(error).strip().splitlines() or ["nothing"])[0][:300]


def _refused(seen: str) -> UsageError:
    return UsageError(
        expected=f"one SELECT on the table {TABLE}",
        seen=seen,
        where="sql",
        remedy=f"DESCRIBE {TABLE} lists the columns; docs/data-dictionary.md explains them.",
    )
