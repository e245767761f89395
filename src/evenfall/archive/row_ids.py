"""Record ids of imported rows: SHA-256(format ‖ canonical row ‖ k) (CONTRACTS, "Record").

The canonical row is the JSON list of the row's fields in the order of their column names; the
list of those names is hashed before it. So a file whose columns were put in another order has the
same ids, and a file with one column more has others. k counts how often this very row was seen
before in this file, in decimal.

The bytes: `evenfall-row-v1` NUL format NUL JSON(names) NUL JSON(fields) NUL k.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from operator import itemgetter

import msgspec

from evenfall.model.errors import FormatError

__all__ = ["DISTINCT_ROWS_MAX", "RowIds"]

DISTINCT_ROWS_MAX = 20_000_000  # about 150 bytes of memory each


class RowIds:
    """Numbers the rows of one file.

    Args:
        form: name and version of the format, as `table/1`.
        header: names of the columns in the file's order.
        name: of the file, for messages.
    """

    def __init__(self, form: str, header: Sequence[str], *, name: str) -> None:
        order = sorted(range(len(header)), key=lambda index: header[index])
        self._name = name
        self._ordered = itemgetter(*order, order[-1])  # one extra: a tuple also for one column
        names = msgspec.json.encode([header[index] for index in order])
        self._start = hashlib.sha256(b"evenfall-row-v1\0" + form.encode() + b"\0" + names + b"\0")
        self._seen: dict[bytes, int] = {}

    def next(self, row: Sequence[str | None]) -> tuple[str, int]:
        """The row's record id (hex), and how often the row was seen before.

        Raises:
            FormatError: the file has more than 20 million distinct rows.
        """
        digest = self._start.copy()
        digest.update(msgspec.json.encode(self._ordered(row)[:-1]))
        key = digest.digest()[:16]
        seen = self._seen.get(key, 0)
        self._seen[key] = seen + 1
        if len(self._seen) > DISTINCT_ROWS_MAX:
            raise FormatError(
                expected=f"at most {DISTINCT_ROWS_MAX:,} distinct rows in one file",
                seen="more",
                where=self._name,
                remedy="Split the file, for instance by month, and import the parts.",
            )
        digest.update(b"\0%d" % seen)
        return digest.hexdigest(), seen
