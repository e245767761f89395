"""The numbers under the pictures, as rows that a template can print."""

from __future__ import annotations

from typing import NamedTuple

from evenfall.infer.carpet import CELLS_A_NIGHT, Carpet
from evenfall.report.evening import Evening
from evenfall.report.frame import anchor_of, rows_of

__all__ = ["EveningRow", "HourCell", "NightRow", "evening_rows", "hour_heads", "night_rows"]


class HourCell(NamedTuple):
    """One hour: `bad/n`, or empty; css marks where at least half were slow or failed."""

    words: str
    css: str


class NightRow(NamedTuple):
    """One night (or a stretch of unmeasured ones: no cells)."""

    anchor: str
    date: str
    weekend: bool
    cells: tuple[HourCell, ...]


class EveningRow(NamedTuple):
    """One measurement in words."""

    clock: str
    target: str
    control: str
    slower: str


def hour_heads(carpet: Carpet) -> tuple[str, ...]:
    """The first local hour of each of the 24 columns."""
    return tuple(f"{(carpet.axis_start_h + h) % 24:02d}" for h in range(CELLS_A_NIGHT // 2))


def night_rows(carpet: Carpet) -> tuple[NightRow, ...]:
    """The carpet as a table: each hour's slow or failed measurements out of all."""
    n, bad = carpet.hourly()
    unit = "nights" if carpet.axis_start_h else "days"
    rows: list[NightRow] = []
    for row in rows_of(carpet):
        if isinstance(row, range):
            words = f"{carpet.dates[row.start]:%d %b} – {carpet.dates[row.stop - 1]:%d %b %Y}"
            rows.append(NightRow("", f"{words}: {len(row)} {unit} not measured", False, ()))
            continue
        date = carpet.dates[row]
        cells = tuple(_cell(int(a), int(b)) for a, b in zip(n[row], bad[row], strict=True))
        rows.append(
            NightRow(anchor_of(date), f"{date:%a} {date.day} {date:%b}", date.weekday() >= 5, cells)
        )
    return tuple(rows)


def evening_rows(evening: Evening) -> tuple[EveningRow, ...]:
    """Every measurement of the evening drawn large."""
    return tuple(
        EveningRow(
            clock=p.clock,
            target="did not open" if p.failed else _value(p.target, evening.unit or "opened"),
            control=_value(p.control, evening.unit),
            slower=_slower(p.target, p.control),
        )
        for p in evening.points
    )


def _cell(n: int, bad: int) -> HourCell:
    if not n:
        return HourCell("", "")
    return HourCell(f"{bad}/{n}", "bad" if bad * 2 >= n else ("some" if bad else ""))


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return unit if unit == "opened" else "–"
    return f"{value:.3g}"


def _slower(target: float | None, control: float | None) -> str:
    if target is None or control is None:
        return "–"
    return f"{control / target:.2g}×" if control / target < 99.5 else f"{control / target:.0f}×"
