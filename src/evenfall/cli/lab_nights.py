"""`evenfall lab score` of nights: which worlds, what is printed, and where rows are kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evenfall.cli.options import Settings
from evenfall.model.encoding import to_json_line
from evenfall.model.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from evenfall.lab.scoring.rates import NightScore, NotRun
    from evenfall.lab.scoring.tally import DailyTally, Tally

__all__ = ["Wanted", "score_the_nights"]

_FIRST_SEED = 10_000
_WIDTH_IN_FILES = 120


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options of the command.

    Attributes:
        families: names, patterns or lists; empty: all.
        first_seed: None: 10,000, the first one that nothing was tuned on.
        prefixes: seeds of each family that are judged at earlier looks too.
        daily: above 0: look every day at so many worlds instead.
    """

    families: tuple[str, ...]
    first_seed: int | None
    seeds: int
    prefixes: int
    daily: int
    jobs: int
    rows: Path | None


def score_the_nights(settings: Settings, wanted: Wanted) -> None:
    """Score, print, and add to the rows.

    Raises:
        UsageError: an unknown family, or seeds that the file of rows holds already.
    """
    from evenfall.lab.scoring.run import families_matching, methods_here

    families = families_matching(wanted.families)
    first = _FIRST_SEED if wanted.first_seed is None else wanted.first_seed
    seeds = range(first, first + (wanted.daily or wanted.seeds))
    _refuse_twice(wanted, families, seeds)
    if settings.plan:
        click.echo(
            f"Would score {len(families)} families, {len(seeds)} seeds from {first}.", err=True
        )
        return
    if first < _FIRST_SEED and settings.verbosity >= 0:
        click.echo("Tuning seeds: figures from below 10000 are not for publication.", err=True)
    methods, not_run = methods_here()
    for one in not_run:
        click.echo(to_json_line(one) if settings.json else f"{one.method}: {one.not_run}")
    if wanted.daily:
        _look_daily(settings, wanted, families, seeds, methods)
    else:
        _score(settings, wanted, families, seeds, methods, not_run)


def _refuse_twice(wanted: Wanted, families: Sequence[str], seeds: range) -> None:
    """The same seeds in one file would be counted twice."""
    from evenfall.lab.scoring.tally import DailyTally
    from evenfall.lab.scoring.tally_file import read_tallies
    from evenfall.lab.scoring.today import is_todays

    held = [
        range(row.first_seed, row.first_seed + row.seeds)
        for row in (read_tallies(wanted.rows) if wanted.rows else [])
        if row.family in families
        and isinstance(row, DailyTally) is bool(wanted.daily)
        and is_todays(row)
    ]
    if any(max(h.start, seeds.start) < min(h.stop, seeds.stop) for h in held):
        raise UsageError(
            expected="seeds that the file of rows does not hold yet",
            seen=f"{seeds.start} to {seeds.stop - 1}",
            where=f"{wanted.rows}",
            remedy=f"Give --first-seed {max(h.stop for h in held)}, or another file.",
        )


def _score(
    settings: Settings,
    wanted: Wanted,
    families: Sequence[str],
    seeds: range,
    methods: Sequence[str],
    not_run: Sequence[NotRun],
) -> None:
    from evenfall.lab.scoring.rates import score_of
    from evenfall.lab.scoring.run import score_nights

    scores = []
    total = len(families) * len(seeds)
    for tally in score_nights(
        families,
        seeds,
        methods=methods,
        jobs=wanted.jobs,
        prefixes=wanted.prefixes,
        progress=_progress(settings, total),
    ):
        _keep(wanted.rows, tally)
        scores.append(score_of(tally))
        if settings.json:
            click.echo(to_json_line(scores[-1]))
    if not settings.json:
        _print_tables(settings, scores, not_run)


def _look_daily(
    settings: Settings,
    wanted: Wanted,
    families: Sequence[str],
    seeds: range,
    methods: Sequence[str],
) -> None:
    from evenfall.lab.nights import FAMILIES
    from evenfall.lab.scoring.run import look_daily_at
    from evenfall.lab.scoring.words import daily_table

    innocent = [name for name in families if FAMILIES[name].innocent]
    looked = []
    for tally in look_daily_at(
        innocent,
        seeds,
        methods=methods,
        jobs=wanted.jobs,
        progress=_progress(settings, len(innocent) * len(seeds)),
    ):
        _keep(wanted.rows, tally)
        looked.append(tally)
        if settings.json:
            click.echo(to_json_line(tally))
    if looked and not settings.json:
        _console(settings).print(daily_table(looked))


def _keep(rows: Path | None, tally: Tally | DailyTally) -> None:
    from evenfall.lab.scoring.tally_file import write_tally

    if rows is not None:
        write_tally(rows, tally)


def _print_tables(
    settings: Settings, scores: Sequence[NightScore], not_run: Sequence[NotRun]
) -> None:
    from evenfall.lab.scoring.compared import ahead
    from evenfall.lab.scoring.words import guilty_table, innocent_table

    console = _console(settings)
    for table in (innocent_table(scores), guilty_table(scores)):
        if table is not None:
            console.print(table)
    if not_run:
        click.echo("* not run: " + ", ".join(one.method for one in not_run))
    for sentence in ahead(scores) or ["No peer that was scored finds more, or has nearer edges."]:
        click.echo(sentence)


def _console(settings: Settings) -> Console:
    from rich.console import Console

    width = None if sys.stdout.isatty() else _WIDTH_IN_FILES
    return Console(no_color=not settings.color, highlight=False, width=width)


def _progress(settings: Settings, total: int) -> Callable[[int], None]:
    """Writes how far it is on a line of its own, where somebody watches."""
    shown = sys.stderr.isatty() and settings.verbosity >= 0

    def tell(done: int) -> None:
        if shown:
            end = "\r" if done < total else "\r\033[K"
            click.echo(f"{done} of {total} worlds{end}", err=True, nl=False)

    return tell
