"""`evenfall lab score`: nights whose truth is known, or the real check in many drawn networks."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from evenfall.cli.options import EvenfallCommand, Settings, settings_of
from evenfall.model.encoding import to_json_line

__all__ = ["interruptible", "leave", "score"]

_INTERRUPTED = 130

_T = TypeVar("_T")


@click.command(
    "score",
    cls=EvenfallCommand,
    help="Hold Evenfall and four peers against many nights whose truth is known; with --check, run "
    "check in many drawn networks. Rows with seeds add up in a file.",
)
@click.option("--check", "of_check", is_flag=True, help="Score `evenfall check`, not nights.")
@click.option(
    "--families",
    multiple=True,
    metavar="NAME",
    help="These alone; of nights also 'null_*' or a,b.",
)
@click.option("--first-seed", type=click.IntRange(min=0), help="[10000; --check: after the last]")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 32))
@click.option(
    "--rows", type=click.Path(dir_okay=False, path_type=Path), help="File to which rows are added."
)
@click.option(
    "--seeds",
    default=40,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="Nights: worlds of each family.",
)
@click.option(
    "--prefixes",
    default=20,
    show_default=True,
    type=click.IntRange(0, 100_000),
    help="Nights: of so many seeds, the first night of a right claim too.",
)
@click.option(
    "--daily",
    default=0,
    metavar="N",
    type=click.IntRange(0, 100_000),
    help="Nights: look every day at N worlds of each innocent family instead.",
)
@click.option(
    "--runs", default=12, show_default=True, type=click.IntRange(1, 100_000), help="Check: runs."
)
@click.option(
    "--backend", default="auto", show_default=True, help="Check: auto, netns or loopback."
)
@click.option(
    "--cases",
    type=click.Path(file_okay=False, path_type=Path),
    help="Check: folder of cases [else the one beside the sources].",
)
@click.pass_context
def score(
    ctx: click.Context,
    of_check: bool,
    families: tuple[str, ...],
    first_seed: int | None,
    jobs: int,
    rows: Path | None,
    seeds: int,
    prefixes: int,
    daily: int,
    runs: int,
    backend: str,
    cases: Path | None,
) -> None:
    """Score nights, or the check; rows as they come, then the tables."""
    settings = settings_of(ctx)
    signal.signal(signal.SIGTERM, leave)
    if of_check:
        _score_check(
            settings, families, first_seed, runs, rows=rows, jobs=jobs, backend=backend, cases=cases
        )
        return
    from evenfall.cli.lab_nights import Wanted, score_the_nights

    wanted = Wanted(
        families=families,
        first_seed=first_seed,
        seeds=seeds,
        prefixes=prefixes,
        daily=daily,
        jobs=jobs,
        rows=rows,
    )
    interruptible(
        lambda: score_the_nights(settings, wanted),
        "the worlds that were not done count nowhere; rows that were printed stand.",
    )


def _score_check(
    settings: Settings,
    families: tuple[str, ...],
    first_seed: int | None,
    runs: int,
    *,
    rows: Path | None,
    jobs: int,
    backend: str,
    cases: Path | None,
) -> None:
    from evenfall.lab import score as scoring
    from evenfall.lab.cases import cases_folder
    from evenfall.lab.design import families_named

    chosen = families_named(families)
    before = scoring.read_rows(rows) if rows else []
    first = scoring.next_seed(before) if first_seed is None else first_seed
    if settings.plan:
        click.echo(f"Would run check in {runs} drawn networks, seeds from {first}.", err=True)
        return
    interruptible(
        lambda: _run_checks(
            settings,
            range(first, first + runs),
            chosen,
            rows=rows,
            jobs=jobs,
            backend=backend,
            cases=cases or cases_folder(),
        )
    )


def _run_checks(
    settings: Settings,
    seeds: range,
    families: tuple[str, ...],
    *,
    rows: Path | None,
    jobs: int,
    backend: str,
    cases: Path,
) -> None:
    from evenfall.lab import score as scoring
    from evenfall.lab.backend import choose_backend
    from evenfall.lab.cases import find_case
    from evenfall.lab.design import FAMILIES
    from evenfall.lab.score_words import score_line, score_table

    found = choose_backend(backend, find_case(FAMILIES[families[0]].case, cases))
    done: list[scoring.ScoreRow] = []
    for row in scoring.score(found, seeds, families=families, cases=cases, jobs=jobs):
        done.append(row)
        if rows is not None:
            scoring.write_row(rows, row)
        if settings.json:
            click.echo(to_json_line(row))
        elif settings.verbosity >= 0:
            click.echo(score_line(row, done=len(done), total=len(seeds)), err=True)
    if not settings.json:
        click.echo(score_table(done))


def leave(number: int, _frame: object) -> None:
    """End as on Ctrl-C, so that networks, processes and folders are taken down in order."""
    sys.exit(128 + number)


def interruptible(
    work: Callable[[], _T],
    left: str = "the run was broken off and says nothing; the emulated network is taken down.",
) -> _T:
    """Run it; on Ctrl-C say what is left, after everything was taken down, and leave with 130."""
    try:
        return work()
    except KeyboardInterrupt:
        click.echo(f"evenfall: interrupted: {left}", err=True)
        sys.exit(_INTERRUPTED)
