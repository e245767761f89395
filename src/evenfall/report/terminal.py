"""The carpet in a terminal: readable in colour, in grey, and in plain ASCII.

Every step has a glyph of its own, darker for worse, so that colour only repeats what the glyph
says. A cell without a measurement is empty. A row is 48 characters, or 24 where the terminal is
narrower than `WIDE_COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text

from evenfall.infer.carpet import CELLS_A_NIGHT, Carpet, Step, window_cells
from evenfall.model.curfew import Window
from evenfall.report.frame import rows_of
from evenfall.text.words import STEP_WORDS

__all__ = ["WIDE_COLUMNS", "Glyphs", "axis_line", "carpet_lines", "key_line", "strip_line"]

WIDE_COLUMNS = 61
"""Columns that a row of 48 cells needs, with its date."""

_LABEL = 11


class Glyphs(NamedTuple):
    """One character a step, from not measured to did not open, and the bracket's pieces."""

    steps: str
    bracket: str  # left end, middle, right end, single


UNICODE = Glyphs(steps=" ·░▒▓╳", bracket="├─┤│")
ASCII = Glyphs(steps=" .:+#X", bracket="[=]I")

_STYLES = {
    Step.NOT_MEASURED: "",
    Step.NORMAL: "dim",
    Step.SLIGHTLY_SLOWER: "yellow",
    Step.SLOWER: "bold yellow",
    Step.MUCH_SLOWER: "bold red",
    Step.DID_NOT_OPEN: "bold white on red",
}


_KEY = {
    Step.NORMAL: "normal",
    Step.SLIGHTLY_SLOWER: "1.5–3×",
    Step.SLOWER: "3–10×",
    Step.MUCH_SLOWER: ">10× slower",
    Step.DID_NOT_OPEN: STEP_WORDS[Step.DID_NOT_OPEN],
}


def carpet_lines(
    carpet: Carpet, windows: Sequence[Window], *, columns: int, is_unicode: bool
) -> list[Text]:
    """Bracket, axis, one line a night, the words below.

    Args:
        carpet: may be empty: then there is the axis alone.
        windows: drawn as brackets over the axis.
        columns: width of the terminal.
        is_unicode: the terminal can print box and shade characters.
    """
    glyphs = UNICODE if is_unicode else ASCII
    per = 1 if columns >= WIDE_COLUMNS else 2  # half hours a character
    lines = [_bracket(w, carpet.axis_start_h, per, glyphs) for w in windows]
    lines.append(axis_line(carpet.axis_start_h, indent=_LABEL, per=per))
    steps = carpet.steps
    for row in rows_of(carpet):
        if isinstance(row, range):
            lines.append(Text(f"{'':{_LABEL}}{len(row)} nights not measured", style="dim"))
            continue
        date = carpet.dates[row]
        label = f"{date:%a} {date.day:2d} {date:%b} "
        line = Text()
        line.append(f"{label:{_LABEL}}", style="bold" if date.weekday() >= 5 else "")
        cells = steps[row].reshape(-1, per).max(axis=1).tolist()
        for value in cells:
            line.append(glyphs.steps[value + 1], style=_STYLES[Step(value)])
        lines.append(line)
    return lines


def key_line(*, is_unicode: bool) -> Text:
    """What each glyph stands for, in 79 columns."""
    glyphs = UNICODE if is_unicode else ASCII
    words = (
        _KEY
        if is_unicode
        else {step: w.replace("–", "-").replace("×", "x") for step, w in _KEY.items()}
    )
    line = Text()
    for step, said in words.items():
        line.append(glyphs.steps[step + 1], style=_STYLES[step])
        line.append(f" {said}  ", style="dim")
    return line.append(f"blank: {STEP_WORDS[-1]}", style="dim")


def axis_line(start_h: int, *, indent: int, per: int = 1) -> Text:
    """Local hours over the cells."""
    step_h = 2 * per
    numbers = "".join(
        f"{(start_h + hour) % 24:02d}".ljust(step_h * 2 // per) for hour in range(0, 24, step_h)
    )
    return Text(" " * indent + numbers.rstrip(), style="dim")


def strip_line(carpet: Carpet, *, label: str, indent: int, is_unicode: bool, per: int = 1) -> Text:
    """All nights laid on one another, `per` half hours a character."""
    glyphs = UNICODE if is_unicode else ASCII
    line = Text(f"{label[: indent - 1]:{indent}}")
    for value in carpet.overall().reshape(-1, per).max(axis=1).tolist():
        line.append(glyphs.steps[value + 1], style=_STYLES[Step(value)])
    return line


def _bracket(window: Window, start_h: int, per: int, glyphs: Glyphs) -> Text:
    """`├──┤ 20:00 – 22:00` over the columns of the window; clipped at the axis' end."""
    begin, end = window_cells(window, start_h)
    first = int(begin / per + 0.01)
    last = max(first, min(round(end / per), CELLS_A_NIGHT // per) - 1)
    left, middle, right, single = list(glyphs.bracket)
    piece = single if first == last else left + middle * (last - first - 1) + right
    words = (
        f"{window.start_local} – {window.end_local}"
        if glyphs is UNICODE
        else (f"{window.start_local} - {window.end_local}")
    )
    line = Text(" " * (_LABEL + first), style="cyan").append(piece, style="bold cyan")
    fits = last + 2 + len(words) <= CELLS_A_NIGHT // per
    if fits:
        return line.append(f" {words}", style="bold cyan")
    before = " " * max(0, _LABEL + first - len(words) - 1) + words + " "
    return Text(before, style="bold cyan").append(piece, style="bold cyan")
