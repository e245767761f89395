"""Goodput columns of a table: text → bit/s, or the reason why not.

A volume, a share or an index is no speed: it is kept in millionths, beside a target that says so
(`facts.py`), and is only ever compared with itself.

Zero is a measurement and stays; an empty field is none. NaN, infinities, negative values and more
than 10^15 bit/s are refused, for target and controls alike, because a row in which one speed is
nonsense is not trusted for the others.
"""

from __future__ import annotations

import re
from typing import Any

from evenfall.archive.mapping import INDEX_UNIT, UNITS_BPS, GoodputKeys
from evenfall.archive.rows import Reason

__all__ = ["GOODPUT_BPS_MAX", "INDEX_MILLIONTHS", "GoodputReader", "goodput_column"]

GOODPUT_BPS_MAX = 10**15
INDEX_MILLIONTHS = 1_000_000  # whole numbers only are stored
_NUMBER = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*\Z", re.ASCII)


def goodput_column(column: str) -> str:
    """Name under which `GoodputReader.judge` leaves a column's bit/s."""
    return f"@goodput {column}"


class GoodputReader:
    """Reads the columns that `[goodput]` names.

    Args:
        keys: the section of the map.
        is_required: an empty target is a reason to quarantine the row.
    """

    def __init__(self, keys: GoodputKeys, *, is_required: bool) -> None:
        self._is_required = is_required
        self._columns = (keys.target, *keys.controls)
        self._target = keys.target
        self._factor_bps = INDEX_MILLIONTHS if keys.unit == INDEX_UNIT else UNITS_BPS[keys.unit]

    def judge(
        self, columns: dict[str, list[Any]], rows: int
    ) -> tuple[list[Reason | None], list[str | None]]:
        """Adds `goodput_column(name)` for every column read: bit/s or None.

        Returns:
            reason or None, and the value at fault, for each row.
        """
        reasons: list[Reason | None] = [None] * rows
        details: list[str | None] = [None] * rows
        for name in self._columns:
            fields = columns[name]
            known = {field: self._bps(field) for field in set(fields)}
            values = [known[field] for field in fields]
            for row, value in enumerate(values):
                if isinstance(value, Reason) and reasons[row] is None:
                    reasons[row], details[row] = value, fields[row]
            columns[goodput_column(name)] = values
        if self._is_required:
            for row, value in enumerate(columns[goodput_column(self._target)]):
                if value is None and reasons[row] is None:
                    reasons[row] = Reason.GOODPUT_MISSING
        return reasons, details

    def _bps(self, field: str | None) -> int | Reason | None:
        if field is None or not field.strip():
            return None
        if not _NUMBER.match(field):
            return Reason.GOODPUT_NOT_A_NUMBER
        value_bps = float(field) * self._factor_bps
        if value_bps < 0:
            return Reason.GOODPUT_NEGATIVE
        return Reason.GOODPUT_OUT_OF_RANGE if value_bps > GOODPUT_BPS_MAX else round(value_bps)
