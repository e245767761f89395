"""How `check` prints: JSON Lines, the screen for a person, the plan, and progress while it runs."""

from __future__ import annotations

import contextlib
import shutil
import statistics
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from evenfall.cli.options import Settings
from evenfall.model.encoding import to_json_line
from evenfall.model.verdict import Summary, Verdict
from evenfall.model.vocabulary import State
from evenfall.text.check import (
    INTERRUPTED,
    NOT_SHOWN,
    PairFigures,
    answer_sentence,
    mark_of,
    next_step,
    reasons,
    rival_words,
    row_words,
    server_fault_words,
    speed_words,
)
from evenfall.text.words import service_words

if TYPE_CHECKING:
    from evenfall.model.target import TargetList
    from evenfall.probe.check import CheckResult
    from evenfall.probe.session import Event, Progress

__all__ = ["notes_of", "print_human", "print_json", "print_plan", "progress_printer", "summary_of"]

_COLOURS = {State.OK: "green", State.SLOWED: "yellow", State.BLOCKED: "red", State.DOWN: "red"}
_SLOWER = 1.5  # METHOD 2: the smallest slowing that is looked for
_WIDTH_MIN, _WIDTH_MAX = 40, 100
_STAGES = {
    "names": "looking names up",
    "sites": "opening sites",
    "contrasts": "looking again",
    "pairs": "paired transfers",
}


def summary_of(result: CheckResult) -> Summary:
    """The last line of `--json`."""
    line_bps = result.judged.ground.line_bps
    return Summary(
        answer=result.answer,
        targets={v.target: v.state for v in result.judged.verdicts},
        bytes=result.bytes_spent,
        duration_s=result.duration_s,
        line_goodput_bps=None if line_bps is None else round(line_bps),
        rivals=result.rivals,
        sentence=answer_sentence(result.answer, result.judged.verdicts),
        notes=notes_of(result),
    )


def notes_of(result: CheckResult) -> tuple[str, ...]:
    """What a person has to know first: it was broken off; a server was of no help."""
    faults = (server_fault_words(fault.place, fault.failure) for fault in result.server_faults)
    return (*((INTERRUPTED,) if result.interrupted else ()), *faults)


def print_json(result: CheckResult) -> None:
    """Observations, verdicts, one summary; notes are for a person too, on stderr."""
    for note in notes_of(result):
        click.echo(f"evenfall: {note}", err=True)
    for item in (*result.observations, *result.judged.verdicts, summary_of(result)):
        click.echo(to_json_line(item))


def print_plan(targets: TargetList, settings: Settings) -> None:
    """Every host, resolver and server, the bytes and the time."""
    from evenfall.probe.plan import plan_check

    plan = plan_check(targets)
    if settings.json:
        for step in plan.steps:
            line = {"kind": "plan_step", **{f: getattr(step, f) for f in ("whom", "what")}}
            click.echo(to_json_line({**line, "bytes_max": step.bytes_max}))
        total = {"bytes_max": plan.bytes_max, "seconds_max": plan.seconds_max}
        click.echo(to_json_line({"kind": "plan", **total}))
        return
    click.echo("Nothing is sent now. A check would ask:")
    for step in plan.steps:
        click.echo(f"  {step.whom}: {step.what} (at most {_bytes(step.bytes_max)})")
    click.echo(f"At most {_bytes(plan.bytes_max)} and {plan.seconds_max:.0f} s in all.")


def print_human(result: CheckResult, targets: TargetList, settings: Settings) -> None:
    """One screen: line by line, the answer, why, what it does not show, what next."""
    for note in notes_of(result):
        _echo(_wrapped(note).lstrip(), settings, bold=True)
    rows = [*_ground_rows(result), *_target_rows(result)]
    width = max(len(name) for _, _, name, _ in rows)
    for mark, colour, name, words in rows:
        styled = click.style(mark, fg=colour) if settings.color and colour else mark
        _echo(f" {name:<{width}}  {styled} {words}", settings)
    _echo("", settings)
    _echo(answer_sentence(result.answer, result.judged.verdicts), settings, bold=True)
    for line in (
        *reasons(result.answer, result.judged.verdicts),
        *_rival_lines(result),
        NOT_SHOWN,
        f"Next: {_next_step(result, targets)}",
        f"Cost: {_bytes(result.bytes_spent)} in {result.duration_s:.0f} s; nothing was uploaded.",
    ):
        _echo(_wrapped(line), settings)


@contextlib.contextmanager
def progress_printer(settings: Settings) -> Iterator[Callable[[Event], None]]:
    """Progress on stderr: one live line on a terminal, plain lines with -v, else nothing."""
    if settings.verbosity < 0 or not (sys.stderr.isatty() or settings.verbosity > 0):
        yield lambda _: None
        return
    if not sys.stderr.isatty():
        yield lambda event: _show(event, lambda line: click.echo(line, err=True))
        return
    from rich.console import Console

    console = Console(stderr=True, no_color=not settings.color)
    with console.status("starting") as status:
        yield lambda event: _show(event, status.update)


def _show(event: Event, write: Callable[[str], object]) -> None:
    from evenfall.probe.session import Progress

    if isinstance(event, Progress):
        write(_progress_line(event))


def _next_step(result: CheckResult, targets: TargetList) -> str:
    return next_step(
        result.answer,
        has_server=bool(targets.servers),
        interrupted=result.interrupted,
        server_failed=bool(result.server_faults),
    )


def _ground_rows(result: CheckResult) -> list[tuple[str, str, str, str]]:
    ground = result.judged.ground
    listed = ground.listed
    more = f", {ground.unfinished} not measured" if ground.unfinished else ""
    works = len(ground.sites)
    bps = ground.line_bps
    speed = "" if bps is None else speed_words(bps)
    if not ground.attempts:
        words = "not measured" if ground.unfinished else "none listed"
        return [("?", "", "neutral sites", f"none of {listed} answers{more}" if listed else words)]
    line = ("▼", "yellow", "your line", f"{speed}, slow") if ground.line_slow else None
    line = line or (("✔", "green", "your line", speed) if speed else ("?", "", "your line", "?"))
    sites = (
        "✔" if works == listed else "?",
        "",
        "neutral sites",
        f"{works} of {listed} answer{more}",
    )
    return [line, sites]


def _target_rows(result: CheckResult) -> list[tuple[str, str, str, str]]:
    return [
        (mark_of(v), _COLOURS.get(v.state, ""), _row_name(v), _row_words(v, result))
        for v in result.judged.verdicts
    ]


def _row_name(verdict: Verdict) -> str:
    what = verdict.target.split("/", 1)[1]
    name = service_words(verdict.service)
    return name if what == "front" else f"{name} ({what})"


def _row_words(verdict: Verdict, result: CheckResult) -> str:
    """What was found, with the speeds where they were measured."""
    site = result.judged.sites[verdict.target]
    speeds = [
        a.http.goodput_bps
        for a in site.attempts
        if a.http and a.http.goodput_bps and not a.is_neutral
    ]
    return row_words(
        verdict, target_bps=max(speeds, default=None), pairs=_pair_figures(verdict, result)
    )


def _pair_figures(verdict: Verdict, result: CheckResult) -> PairFigures | None:
    pairs = result.judged.pairs[verdict.target].pairs
    if not pairs:
        return None
    both = [((p.target.goodput_bps or 0), (p.neutral.goodput_bps or 0)) for p in pairs]
    return PairFigures(
        neutral_bps=statistics.median(neutral for _, neutral in both),
        slower=sum(_SLOWER * target <= neutral for target, neutral in both),
        total=len(both),
    )


def _rival_lines(result: CheckResult) -> list[str]:
    if all(v.state is State.OK for v in result.judged.verdicts):
        return []
    groups: dict[Any, list[str]] = {True: [], False: [], None: []}
    for rival in result.rivals:
        groups[rival.ruled_out].append(rival_words(rival.explanation))
    titles = ((True, "Ruled out"), (False, "Not ruled out"), (None, "Not tested"))
    return [f"{title}: {', '.join(groups[key])}." for key, title in titles if groups[key]]


def _progress_line(progress: Progress) -> str:
    counted = f" {progress.done}/{progress.total}" if progress.total else f" {progress.done}"
    return f"{_STAGES[progress.stage]}{counted}  {progress.what}"


def _echo(line: str, settings: Settings, *, bold: bool = False) -> None:
    click.echo(click.style(line, bold=True) if bold and settings.color else line)


def _wrapped(line: str) -> str:
    width = min(_WIDTH_MAX, shutil.get_terminal_size((_WIDTH_MAX, 24)).columns)
    return textwrap.fill(
        line, max(_WIDTH_MIN, width), initial_indent="  ", subsequent_indent="    "
    )


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.0f} kB"
