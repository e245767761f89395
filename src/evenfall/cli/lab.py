"""`evenfall lab`: emulated networks with known truth."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evenfall.cli.lab_score import interruptible, leave, score
from evenfall.cli.options import EvenfallGroup, Settings, settings_of
from evenfall.model.encoding import to_json_line
from evenfall.model.errors import UsageError

if TYPE_CHECKING:
    from evenfall.lab.backend import Backend
    from evenfall.lab.nights import Family
    from evenfall.lab.run import CheckRun
    from evenfall.lab.scenario import Scenario

__all__ = ["command"]

_REPEAT_MAX = 1000


@click.group("lab", cls=EvenfallGroup, help="Emulated networks with known truth.")
def command() -> None:
    """Hold the subcommands."""


command.add_command(score)


def _cases_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--cases",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of cases [else the one beside the sources].",
    )(function)


@command.command(
    "list",
    help="The scenarios: innocent or not, and which backend can emulate them; and the families of "
    "nights that synth makes.",
)
@_cases_option
@click.pass_context
def list_(ctx: click.Context, cases: Path | None) -> int:
    """Print one line a scenario or family; 1 if a file is none, which is named after the others.

    Families of nights belong to no folder: with --cases they are not listed.
    """
    from evenfall.lab.backend import backends
    from evenfall.lab.cases import cases_folder, sort_cases
    from evenfall.lab.nights import FAMILIES
    from evenfall.lab.nights.words import family_listing
    from evenfall.lab.words import listing

    settings = settings_of(ctx)
    scenarios, faults = sort_cases(cases or cases_folder())
    families = [] if cases else list(FAMILIES.values())
    candidates = list(backends().values())
    rows = [(scenario, _able(candidates, scenario)) for scenario in scenarios]
    if settings.json:
        for scenario, able in rows:
            click.echo(to_json_line(_listed(scenario, able)))
        for family in families:
            click.echo(to_json_line(_listed_family(family)))
    else:
        click.echo(listing(rows))
        if families:
            click.echo("\n" + family_listing(families))
        for backend in candidates:
            if (reason := backend.unavailable()) is not None:
                click.echo(f"{backend.name} cannot be used on this machine: {reason}", err=True)
    for fault in faults:
        click.echo(str(fault), err=True)
    return 1 if faults else 0


@command.command(
    "run",
    help="Run COMMAND in an emulated network; without COMMAND, run check there and print the "
    "truth beside its verdicts.",
)
@click.argument("scenario")
@click.argument("words", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
@click.option("--backend", default="auto", show_default=True, help="auto, netns or loopback.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option(
    "--repeat",
    type=click.IntRange(1, _REPEAT_MAX),
    help="That many runs with seeds counting up, and what their number can bound.",
)
@click.option("--at", "at_local", metavar="HH:MM", help="Local time at the start [20:30].")
@click.option("--timeout", "timeout_s", type=float, metavar="SECONDS", help="End COMMAND after.")
@click.option("--exit-code", is_flag=True, help="Exit 1 if a verdict does not match the truth.")
@_cases_option
@click.pass_context
def run(
    ctx: click.Context,
    scenario: str,
    words: tuple[str, ...],
    backend: str,
    seed: int,
    repeat: int | None,
    at_local: str | None,
    timeout_s: float | None,
    exit_code: bool,
    cases: Path | None,
) -> None:
    """Run a command, or check, in a scenario."""
    from evenfall.lab.backend import choose_backend
    from evenfall.lab.cases import cases_folder, find_case
    from evenfall.lab.run import DEFAULT_AT, parse_at

    settings = settings_of(ctx)
    signal.signal(signal.SIGTERM, leave)
    at = at_local or DEFAULT_AT
    parse_at(at)
    case = find_case(scenario, cases or cases_folder())
    chosen = choose_backend(backend, case)
    if settings.plan:
        click.echo(
            f"Would emulate {case.name} on {chosen.name} and run {' '.join(words) or 'check'} in "
            "it. Nothing leaves this machine.",
            err=settings.json,
        )
    elif words:
        _refuse_with_command(repeat=repeat, exit_code=exit_code)
        ctx.exit(
            interruptible(
                lambda: _run_command(case, chosen, words, seed=seed, at=at, timeout_s=timeout_s)
            )
        )
    else:
        seeds = range(seed, seed + (repeat or 1))
        matched = interruptible(lambda: _run_checks(settings, case, chosen, seeds=seeds, at=at))
        ctx.exit(1 if exit_code and not matched else 0)


@command.command(
    "synth",
    help="Write a seeded history of many nights into the store. FAMILY is one that `evenfall lab "
    "list` names.",
)
@click.argument("family")
@click.option(
    "--nights", type=click.IntRange(1, 1000), help="How many [else as the family draws them]."
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option("--truth", is_flag=True, help="Print what is true in it (always with --json).")
@click.pass_context
def synth(ctx: click.Context, family: str, nights: int | None, seed: int, truth: bool) -> None:
    """Write the history, and say what is true in it if asked."""
    from evenfall.lab.nights import draw
    from evenfall.lab.nights.words import truth_lines
    from evenfall.lab.nights.writing import write_world

    settings = settings_of(ctx)
    world = draw(family, seed, nights=nights)
    count = world.truth.nights
    if settings.plan:
        click.echo(f"Would write {count} nights of {family} into {settings.store}.", err=True)
        return
    write_world(world, settings.store)
    if settings.json:
        click.echo(to_json_line({"kind": "lab_synth", "nights": count, "truth": world.truth}))
        return
    click.echo(f"{count} nights of {family} (seed {seed}) are in {settings.store}.")
    click.echo("They are SIMULATED, and every page made of them says so.", err=True)
    for line in truth_lines(world.truth) if truth else ():
        click.echo(line)


def _able(candidates: list[Backend], scenario: Scenario) -> tuple[str, ...]:
    from evenfall.lab.backend import missing_observables

    return tuple(b.name for b in candidates if not missing_observables(b, scenario))


def _listed(scenario: Scenario, able: tuple[str, ...]) -> dict[str, object]:
    return {
        "kind": "lab_case",
        "name": scenario.name,
        "innocent": scenario.innocent,
        "title": scenario.title,
        "source": scenario.source,
        "needs": scenario.needs,
        "backends": able,
    }


def _listed_family(family: Family) -> dict[str, object]:
    return {
        "kind": "lab_case",
        "name": family.name,
        "innocent": family.innocent,
        "title": family.title,
        "source": family.source,
        "needs": (),
        "backends": ("synth",),
    }


def _refuse_with_command(*, repeat: int | None, exit_code: bool) -> None:
    if repeat is not None or exit_code:
        raise UsageError(
            expected="--repeat and --exit-code without COMMAND",
            seen="a COMMAND too",
            where="evenfall lab run",
            remedy="They belong to the comparison of check with the truth.",
        )


def _run_command(
    case: Scenario,
    backend: Backend,
    words: tuple[str, ...],
    *,
    seed: int,
    at: str,
    timeout_s: float | None,
) -> int:
    from evenfall.lab.run import run_command, staged

    with staged(case, backend, seed=seed, at_local=at) as (stage, drawn, _):
        return run_command(stage, drawn, words, timeout_s=timeout_s)


def _run_checks(
    settings: Settings, case: Scenario, backend: Backend, *, seeds: range, at: str
) -> bool:
    """Run check once a seed, print as it goes; true if all matched."""
    from evenfall.lab.run import run_check
    from evenfall.lab.words import comparison, one_line, tally

    runs: list[CheckRun] = []
    for seed in seeds:
        if settings.verbosity >= 0:
            click.echo(f"{case.name} on {backend.name}, seed {seed}: check is running…", err=True)
        result = run_check(case, backend, seed=seed, at_local=at)
        runs.append(result)
        if settings.json:
            click.echo(to_json_line(result))
        elif len(seeds) > 1:
            click.echo(one_line(result))
        else:
            click.echo(comparison(result))
    if len(seeds) > 1:
        click.echo(tally(runs), err=settings.json)
    return all(result.match for result in runs)
