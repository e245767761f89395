"""What is known so far, while a round runs: a row as soon as it is known, and what goes on now.

On a terminal the rows stand above one line that says what is being done; all of it is taken away
when the screen with the answer is printed in its place, for what was known half-way may have
changed. On a terminal that cannot do that, each row is one plain line; elsewhere nothing is said
unless it was asked for with -v.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from evenfall.cli.check_rows import rung_row, target_rows
from evenfall.cli.options import Settings
from evenfall.cli.screen import Row, Screen
from evenfall.model.vocabulary import RungName
from evenfall.text.live import stage_words
from evenfall.text.rows import PairFigures

if TYPE_CHECKING:
    from evenfall.probe.session import Event, Progress, RungDone, TargetDone

__all__ = ["Board", "progress_printer"]

_NAME_WIDTH = 16  # so that the rows do not move when a longer name comes
_REFRESH_HZ = 8


class Board:
    """The rows so far, in the order in which they came, and the step under way."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.step = ""
        self._rows: dict[str, list[Row]] = {}

    def take(self, event: Event) -> list[Row]:
        """Take an event in; the rows that it brought or changed."""
        from evenfall.probe.session import RungDone, TargetDone

        if isinstance(event, RungDone):
            return self._take_rung(event)
        if isinstance(event, TargetDone):
            return self._keep(event.verdict.target, _rows_of(event))
        self.step = self._step_of(event)
        return []

    def lines(self) -> list[str]:
        """All rows as lines."""
        rows = [row for group in self._rows.values() for row in group]
        return self.screen.row_lines(rows, name_width=_NAME_WIDTH) if rows else []

    def _take_rung(self, event: RungDone) -> list[Row]:
        if event.rung.name is RungName.SERVICE:
            return []
        return self._keep(event.rung.name, [rung_row(event.rung)])

    def _keep(self, key: str, rows: list[Row]) -> list[Row]:
        is_news = self._rows.get(key) != rows
        self._rows[key] = rows
        return rows if is_news else []

    def _step_of(self, event: Progress) -> str:
        words = stage_words(event.stage, event.done, event.total, event.what)
        return self.screen.speech.say(words)


def _rows_of(event: TargetDone) -> list[Row]:
    figures = None
    if event.neutral_bps is not None:
        figures = PairFigures(event.neutral_bps, event.slower, event.pairs)
    return target_rows(event.verdict, event.goodput_bps, figures, event.status)


@contextlib.contextmanager
def progress_printer(settings: Settings) -> Iterator[Callable[[Event], None]]:
    """What takes the events of a round and shows them on stderr."""
    board = Board(Screen(settings, err=True))
    is_terminal = sys.stderr.isatty()
    if settings.verbosity < 0 or not (is_terminal or settings.verbosity > 0):
        yield lambda _: None
        return
    if is_terminal:
        from rich.console import Console

        console = Console(stderr=True, no_color=not settings.color)
        if not console.is_dumb_terminal:
            with _moving(board, console) as show:
                yield show
            return
    yield lambda event: _plain(board, event, with_steps=settings.verbosity > 0)


def _plain(board: Board, event: Event, *, with_steps: bool) -> None:
    """One line for each row that is new, and for each step where that was asked for."""
    before = board.step
    for line in board.screen.row_lines(board.take(event), name_width=_NAME_WIDTH):
        click.echo(line, err=True)
    if with_steps and board.step != before:
        click.echo(board.step, err=True)


@contextlib.contextmanager
def _moving(board: Board, console: Any) -> Iterator[Callable[[Event], None]]:
    from rich.console import Group
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

    start_s = time.monotonic()
    spinner = Spinner("dots")

    def picture() -> Group:
        spinner.update(text=Text(f"{board.step}  {time.monotonic() - start_s:.0f} s"))
        return Group(Text.from_ansi("\n".join(board.lines())), spinner)

    live = Live(
        get_renderable=picture,
        console=console,
        transient=True,
        refresh_per_second=_REFRESH_HZ,
        vertical_overflow="crop",
        redirect_stdout=False,
        redirect_stderr=False,
    )

    def show(event: Event) -> None:
        board.take(event)  # the picture is drawn by rich's own thread

    with live:
        yield show
