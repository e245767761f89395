"""`evenfall lab score`: the real check in many drawn networks; rows add up."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from evenfall.cli.options import Settings, settings_of
from evenfall.model.encoding import to_json_line
from evenfall.model.errors import UsageError

__all__ = ["interruptible", "leave", "score"]

_INTERRUPTED = 130

_T = TypeVar("_T")


@click.command(
    "score",
    help="Run check in many drawn networks; rows with seeds add up in a file.",
)
@click.option("--check", "of_check", is_flag=True, help="Score `evenfall check`.")
@click.option("--runs", default=12, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--first-seed", type=click.IntRange(min=0), help="[after the last one in the file]")
@click.option("--families", multiple=True, metavar="NAME", help="Draw from these alone.")
@click.option(
    "--rows", type=click.Path(dir_okay=False, path_type=Path), help="File to which rows are added."
)
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 32))
@click.option("--backend", default="auto", show_default=True, help="auto, netns or loopback.")
@click.option(
    "--cases",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of cases [else the one beside the sources].",
)
@click.pass_context
def score(
    ctx: click.Context,
    of_check: bool,
    runs: int,
    first_seed: int | None,
    families: tuple[str, ...],
    rows: Path | None,
    jobs: int,
    backend: str,
    cases: Path | None,
) -> None:
    """Run the drawn designs, print rows as they come, then the rates."""
    from evenfall.lab import score as scoring
    from evenfall.lab.cases import cases_folder
    from evenfall.lab.design import families_named

    settings = settings_of(ctx)
    signal.signal(signal.SIGTERM, leave)
    if not of_check:
        raise UsageError(
            expected="what to score",
            seen="nothing",
            where="evenfall lab score",
            remedy="Give --check.",
        )
    chosen = families_named(families)
    before = scoring.read_rows(rows) if rows else []
    first = scoring.next_seed(before) if first_seed is None else first_seed
    if settings.plan:
        click.echo(f"Would run check in {runs} drawn networks, seeds from {first}.", err=True)
        return
    interruptible(
        lambda: _score(
            settings,
            range(first, first + runs),
            chosen,
            rows=rows,
            jobs=jobs,
            backend=backend,
            cases=cases or cases_folder(),
        )
    )


def _score(
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


def interruptible(work: Callable[[], _T]) -> _T:
    """Run it; on Ctrl-C say so, after everything has been taken down, and leave with 130."""
    try:
        return work()
    except KeyboardInterrupt:
        click.echo(
            "evenfall: interrupted: the run was broken off and says nothing; the emulated network "
            "is taken down.",
            err=True,
        )
        sys.exit(_INTERRUPTED)
