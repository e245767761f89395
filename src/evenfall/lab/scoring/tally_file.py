"""Rows of the benchmark in a file: one JSON line a family and method, added as they are done.

A run that is broken off loses the family that was being scored and no other; what it left of a last
line is dropped by the next one.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from evenfall.lab.scoring.tally import DailyTally, Tally
from evenfall.model.errors import FormatError

__all__ = ["read_tallies", "write_tally"]


def read_tallies(path: Path) -> list[Tally | DailyTally]:
    """All rows of a file; none if there is no file. A cut last line is left out.

    Raises:
        FormatError: a line that is no row.
    """
    if not path.exists():
        return []
    rows: list[Tally | DailyTally] = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            rows.append(msgspec.json.decode(line, type=Tally | DailyTally))
        except msgspec.DecodeError as error:
            raise FormatError(
                expected="one row of `evenfall lab score` a line",
                seen=str(error),
                where=f"{path}, line {number}",
                remedy="Take that line out, or name another file with --rows.",
            ) from error
    return rows


def write_tally(path: Path, row: Tally | DailyTally) -> None:
    """Append one row, fields that say nothing left out."""
    with path.open("ab+") as file:
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
        file.write(msgspec.json.encode(row) + b"\n")
