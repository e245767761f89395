"""The answer to a question in SQL, as columns, as rows, as an Arrow table, or drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from evenfall.accessor.html import printable, rendered
from evenfall.model.errors import UsageError
from evenfall.store.sql import Frame
from evenfall.text.notebook import SIMULATED_AMONG, more_words
from evenfall.text.words import count_words

__all__ = ["Answer"]

_DRAWN_MAX = 20
_CELL_LENGTH_MAX = 80


class Answer(Mapping[str, "npt.NDArray[Any]"]):
    """Column → values; a mapping, so that `pandas.DataFrame(answer)` and the like take it.

    Args:
        frame: columns of one length, masked where null.
        simulated: the store holds rows of the generator, which these may be or rest on.
    """

    def __init__(self, frame: Frame, *, simulated: bool = False) -> None:
        self._frame = frame
        self.simulated = simulated

    def __getitem__(self, column: str) -> npt.NDArray[Any]:
        return self._frame[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._frame)

    def __len__(self) -> int:
        return len(self._frame)

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(next(iter(self._frame.values()))) if self._frame else 0

    def dicts(self) -> list[dict[str, Any]]:
        """One dict a row; null is None."""
        names = list(self._frame)
        columns = [self._frame[name].tolist() for name in names]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def arrow(self) -> Any:
        """A `pyarrow.Table`, which polars, pandas and R read without copying.

        Raises:
            UsageError: pyarrow is not installed; it is no part of evenfall.
        """
        try:
            import pyarrow as pa
        except ModuleNotFoundError as error:
            raise UsageError(
                expected="the package pyarrow",
                seen="none",
                where="Answer.arrow",
                remedy="Install it (pip install pyarrow), or take the columns as they are.",
            ) from error
        return pa.table(
            {
                name: pa.array(np.ma.getdata(column), mask=np.ma.getmaskarray(column))
                for name, column in self._frame.items()
            }
        )

    def __repr__(self) -> str:
        mark = "SIMULATED rows among them, " if self.simulated else ""
        columns = printable(", ".join(self._frame))
        return f"<Answer: {mark}{count_words(self.n, 'row')}, columns {columns}>"

    def _repr_html_(self) -> str:
        drawn = zip(*(column[:_DRAWN_MAX].tolist() for column in self._frame.values()), strict=True)
        more = more_words(self.n - _DRAWN_MAX)
        return rendered(
            "table.html.j2",
            simulated=SIMULATED_AMONG if self.simulated else "",
            caption=count_words(self.n, "row") + (f", {more}" if more else ""),
            names=list(self._frame),
            rows=[[_cell(value) for value in row] for row in drawn],
        )


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _CELL_LENGTH_MAX else text[: _CELL_LENGTH_MAX - 1] + "…"
