"""How `check` prints: JSON Lines, the screen for a person, and the plan."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from evenfall.cli.check_rows import rows_of
from evenfall.cli.options import Settings
from evenfall.cli.screen import Screen
from evenfall.model.encoding import to_json_line
from evenfall.model.saying import Saying, say
from evenfall.model.verdict import Summary
from evenfall.model.vocabulary import Answer, State
from evenfall.text.answer import answer_sentence
from evenfall.text.check import (
    INTERRUPTED,
    NOT_SHOWN,
    broken_rung,
    cost_words,
    moment_words,
    next_step,
    rival_lines,
    server_fault_words,
)
from evenfall.text.plan import PLAN_HEAD, plan_step_words, plan_total_words
from evenfall.text.reasons import REASONS_MAX, reasons

if TYPE_CHECKING:
    from evenfall.model.target import TargetList
    from evenfall.probe.check import CheckResult

__all__ = ["moment_of", "notes_of", "print_human", "print_json", "print_plan", "summary_of"]


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
        sentence=answer_sentence(
            result.answer, result.judged.verdicts, broken=broken_rung(result.ladder)
        ),
        notes=notes_of(result),
        ladder=result.ladder,
    )


def notes_of(result: CheckResult) -> tuple[str, ...]:
    """What a person has to know first: it was broken off; a server was of no help."""
    faults = (server_fault_words(fault.place, fault.failure) for fault in result.server_faults)
    around = result.around
    through = say(
        "Measured through a VPN ({tunnel}): this is its network, not your provider's.",
        tunnel=around.tunnel,
    )
    return (
        *((INTERRUPTED,) if result.interrupted else ()),
        *((through,) if around.tunnel and around.through_vpn else ()),
        *faults,
    )


def print_json(result: CheckResult) -> None:
    """Observations, verdicts, one summary; notes are for a person too, on stderr."""
    for note in notes_of(result):
        click.echo(f"evenfall: {note}", err=True)
    for item in (*result.observations, *result.judged.verdicts, summary_of(result)):
        click.echo(to_json_line(item))


def print_plan(
    targets: TargetList, settings: Settings, *, capacity: bool = False, path: bool = False
) -> None:
    """Every host, resolver and server, the bytes and the time."""
    from evenfall.probe.plan import plan_check

    plan = plan_check(targets, capacity=capacity, path=path)
    if settings.json:
        for step in plan.steps:
            line = {"kind": "plan_step", **{f: getattr(step, f) for f in ("whom", "what")}}
            click.echo(to_json_line({**line, "bytes_max": step.bytes_max}))
        total = {"bytes_max": plan.bytes_max, "seconds_max": plan.seconds_max}
        click.echo(to_json_line({"kind": "plan", **total}))
        return
    screen = Screen(settings)
    screen.head(PLAN_HEAD)
    for step in plan.steps:
        screen.line(plan_step_words(step.whom, step.what, step.bytes_max))
    screen.head(plan_total_words(plan.bytes_max, plan.seconds_max))


def print_human(
    result: CheckResult, targets: TargetList, settings: Settings, *, width: int | None = None
) -> None:
    """One screen: line by line, the answer, why, what it does not show, what next."""
    screen = Screen(settings, width=width)
    verdicts, broken = result.judged.verdicts, broken_rung(result.ladder)
    for note in notes_of(result):
        screen.head(note)
    screen.rows(rows_of(result, result.ladder))
    screen.blank()
    if (moment := moment_of(result, settings)) is not None:
        screen.text(moment_words(*moment))
    screen.head(answer_sentence(result.answer, verdicts, broken=broken))
    most = None if settings.verbosity > 0 else REASONS_MAX
    for line in reasons(result.answer, verdicts, at_most=most, broken=broken):
        screen.line(line)
    for line in _what_is_open(result):
        screen.line(line)
    step = next_step(
        result.answer,
        has_server=bool(targets.servers),
        interrupted=result.interrupted,
        server_failed=bool(result.server_faults),
        broken=broken,
    )
    screen.line(say("Next: {step}", step=step))
    screen.line(cost_words(result.bytes_spent, result.duration_s))


def _what_is_open(result: CheckResult) -> list[Saying]:
    """Innocent explanations, where there is something to explain, and what was not shown."""
    states = {v.state for v in result.judged.verdicts}
    if result.answer is Answer.NOT_MEASURED or states == {State.INSUFFICIENT}:
        return []
    if states == {State.OK} and result.answer is Answer.OK:
        return [NOT_SHOWN]
    return [*rival_lines(result.rivals), NOT_SHOWN]


def moment_of(result: CheckResult, settings: Settings) -> tuple[str, str, str] | None:
    """Date, time of day and zone at which the round began, where the line or this machine is."""
    if not result.observations:
        return None
    zone = ZoneInfo(settings.timezone) if settings.timezone else None
    utc = dt.datetime.fromtimestamp(result.observations[0].started_us / 1e6, dt.UTC)
    local = utc.astimezone(zone)
    name = settings.timezone or f"UTC{local.isoformat()[-6:]}"
    return local.strftime("%Y-%m-%d"), local.strftime("%H:%M"), name
