"""One screen in a person's language: rows with a mark, sentences folded to the width.

Colour never carries meaning alone: every row has its mark. What is not known has no colour.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import click

from evenfall.cli.options import Settings
from evenfall.text.speech import Speech

__all__ = ["Row", "Screen"]

_WIDTH_MIN, _WIDTH_MAX = 40, 80
_COLOURS = {"✔": "green", "▼": "yellow", "✖": "red"}
_INDENT = "  "


class Row(NamedTuple):
    """One row.

    Attributes:
        mark: ✔ ▼ ✖ or ?.
        name, words: what it is about, and what was found; both may be sayings.
        depth: 1 for a row that belongs to the one above it.
    """

    mark: str
    name: str
    words: str
    depth: int = 0


class Screen:
    """Writes lines to stdout, or to stderr, in the language and colours of the settings."""

    def __init__(self, settings: Settings, *, err: bool = False, width: int | None = None) -> None:
        self.speech = Speech(settings.language)
        self.color = settings.color
        self.err = err
        columns = width or shutil.get_terminal_size((_WIDTH_MAX, 24)).columns
        self.width = max(_WIDTH_MIN, min(_WIDTH_MAX, columns))

    def rows(self, rows: Sequence[Row]) -> None:
        """Write rows with their marks under each other."""
        for line in self.row_lines(rows):
            self._echo(line)

    def row_lines(self, rows: Sequence[Row], *, name_width: int = 0) -> list[str]:
        """The rows as lines, folded where they are wider than the screen."""
        names = [_INDENT * row.depth + self.speech.say(row.name) for row in rows]
        width = max([name_width, *map(len, names)])
        lines = []
        for row, name in zip(rows, names, strict=True):
            head = f" {name:<{width}}  "
            room = max(16, self.width - len(head) - 2)
            words = textwrap.wrap(self.speech.say(row.words), room) or [""]
            lines.append(f"{head}{self._marked(row.mark)} {words[0]}".rstrip())
            lines += [" " * (len(head) + 2) + more for more in words[1:]]
        return lines

    def head(self, text: str) -> None:
        """A sentence of its own, from the left edge, in bold."""
        line = textwrap.fill(self.speech.say(text), self.width, subsequent_indent=_INDENT)
        self._echo(click.style(line, bold=True) if self.color else line)

    def line(self, text: str) -> None:
        """A sentence, indented and folded."""
        said = self.speech.say(text)
        folded = textwrap.fill(
            said, self.width, initial_indent=_INDENT, subsequent_indent=_INDENT * 2
        )
        self._echo(folded)

    def text(self, text: str) -> None:
        """A text as it is, said but not folded."""
        self._echo(self.speech.say(text))

    def paragraphs(self, text: str) -> None:
        """A text of paragraphs with empty lines between them, each folded to the width."""
        folded = (textwrap.fill(" ".join(p.split()), self.width) for p in text.split("\n\n"))
        self._echo("\n\n".join(folded))

    def blank(self) -> None:
        """An empty line."""
        self._echo("")

    def _marked(self, mark: str) -> str:
        colour = _COLOURS.get(mark)
        return click.style(mark, fg=colour) if self.color and colour else mark

    def _echo(self, line: str) -> None:
        click.echo(line, err=self.err)
