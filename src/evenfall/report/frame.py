"""Where things stand in a picture of nights: columns, rows, and which hours are drawn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evenfall.infer.carpet import CELLS_A_NIGHT, Carpet, window_cells
from evenfall.model.curfew import Window

__all__ = [
    "GAP_ROWS_MIN",
    "Frame",
    "anchor_of",
    "desk_frame",
    "phone_frame",
    "rows_of",
    "wide_frame",
]

GAP_ROWS_MIN = 8
"""This many nights without a measurement, or more, become one row that says so."""

_TOP = 26.0
_TOP_WITH_BRACKET = 52.0


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Where things stand in one picture; lengths are SVG units.

    Attributes:
        first_cell, cells: the part of the axis that is drawn.
        top: where the first row begins, below the bracket (if there is one) and the axis.
        tick_h: hours between the numbers on the axis.
    """

    css: str
    width: float
    left: float
    cell: float
    pitch: float
    first_cell: int
    cells: int
    tick_h: int
    is_phone: bool
    top: float

    def x(self, cell: float) -> float:
        """Where a place on the axis is drawn."""
        return self.left + (cell - self.first_cell) * self.cell

    def clipped(self, cell: float) -> float:
        """The same, held inside the picture."""
        return self.x(min(max(cell, self.first_cell), self.first_cell + self.cells))


def anchor_of(date: dt.date) -> str:
    """The id of a night's row in the table: what a row of the picture leads to."""
    return f"n{date:%y%m%d}"


def wide_frame(rows: int, *, has_window: bool) -> Frame:
    """All 24 hours; rows grow thinner as there are more of them."""
    pitch = 20.0 if rows <= 16 else (14.0 if rows <= 31 else 11.0)
    return Frame(
        css="carpet wide" if pitch > 12 else "carpet wide tight",
        width=840,
        left=88,
        cell=15.5,
        pitch=pitch,
        first_cell=0,
        cells=CELLS_A_NIGHT,
        tick_h=2,
        is_phone=False,
        top=_TOP_WITH_BRACKET if has_window else _TOP,
    )


def phone_frame(windows: Sequence[Window], axis_start_h: int) -> Frame:
    """Ten hours in large cells: 16:00–02:00, or those around what was found."""
    cells = 20
    default = ((16 - axis_start_h) % 24) * 2
    spans = [window_cells(w, axis_start_h) for w in windows]
    first = default
    if spans:
        begin, end = min(b for b, _ in spans), max(e for _, e in spans)
        if begin < default or end > default + cells:
            cells = max(cells, int(end - begin) + 4)
            first = int((begin + end) / 2) - cells // 2
    cells = min(cells, CELLS_A_NIGHT)
    first = min(max(0, first - first % 2), CELLS_A_NIGHT - cells)
    return Frame(
        css="carpet narrow",
        width=288,
        left=44,
        cell=240 / cells,
        pitch=17,
        first_cell=first,
        cells=cells,
        tick_h=2 if cells <= 24 else 4,
        is_phone=True,
        top=_TOP_WITH_BRACKET if windows else _TOP,
    )


def desk_frame(phone: Frame) -> Frame:
    """The phone's hours at a desk's width, for the evening drawn large."""
    return replace(phone, css="wide", width=840, is_phone=False)


def rows_of(carpet: Carpet) -> list[int | range]:
    """Rows in order: an index of a night, or a range of unmeasured nights drawn as one row."""
    measured = (carpet.n.sum(axis=1) > 0).tolist()
    rows: list[int | range] = []
    index = 0
    while index < len(measured):
        end = index
        while end < len(measured) and not measured[end]:
            end += 1
        if end - index >= GAP_ROWS_MIN:
            rows.append(range(index, end))
            index = end
        else:
            rows.append(index)
            index += 1
    return rows
