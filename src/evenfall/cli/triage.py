"""`evenfall triage`: is it our network? For the staff of an ISP, from a jump host."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evenfall.cli.options import EvenfallCommand, Megabits, Settings, settings_of
from evenfall.model.errors import EvenfallError, UsageError
from evenfall.model.vocabulary import ANSWER_EXIT_CODES

if TYPE_CHECKING:
    from evenfall.cli.check import Asked
    from evenfall.model.target import TargetList

__all__ = ["command", "focused"]

_INTERRUPTED = 130
_UNKNOWN = 3
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]")
_OTHERS_MAX = 2
"""Other services that are measured beside the one in question, to show what is selective."""


@click.command(
    "triage",
    cls=EvenfallCommand,
    help="Is it our network, this service by its name, or the service itself? For an ISP's staff, "
    "from a jump host: measures as check does, and prints a text for customers.",
)
@click.argument("service")
@click.option(
    "--targets",
    "targets_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Target file (TOML) with a measurement server of your own.",
)
@click.option(
    "--since",
    metavar="HH:MM",
    help="When calls began: written on the ticket, not measured (there is no history yet).",
)
@click.option("--yes", is_flag=True, help="Agree to the risk text; it is printed to stderr.")
@click.option("--exit-code", is_flag=True, help="Exit status by the answer, as check has it.")
@click.option(
    "--nagios", is_flag=True, help="One line for monitoring; exit 0 ok, 1 this service, 2 all, 3 ?."
)
@click.option(
    "--tariff",
    "tariff_mbit",
    type=Megabits(),
    metavar="MBIT",
    help="What the access has to carry, in Mbit/s.",
)
@click.option(
    "--capacity", is_flag=True, help="Also how much the access carries (ndt7); up to 24 s more."
)
@click.option(
    "--locate",
    is_flag=True,
    help="Also after which hop a name is acted upon; up to 45 s more.",
)
@click.option("--seed", type=int, help="Fix orders and names, for tests.")
@click.pass_context
def command(
    ctx: click.Context,
    service: str,
    targets_file: Path | None,
    since: str | None,
    yes: bool,
    exit_code: bool,
    nagios: bool,
    tariff_mbit: float | None,
    capacity: bool,
    locate: bool,
    seed: int | None,
) -> int:
    """Read, ask for consent, measure, conclude."""
    from evenfall.cli.check import Asked, need_a_server

    settings = settings_of(ctx)
    try:
        if since is not None:
            _check_time(since)
        targets = focused(_read(targets_file), service)
        need_a_server(targets, capacity=capacity, locate=locate)
        asked = Asked(tariff_mbit=tariff_mbit, capacity=capacity, locate=locate, seed=seed)
        wanted = _Wanted(since=since, yes=yes, exit_code=exit_code, nagios=nagios)
        return _run(targets, settings, asked, wanted)
    except EvenfallError as error:
        if not nagios:
            raise
        # To a monitor, 1 and 2 are states of the service; what kept us from looking is 3.
        click.echo(f"EVENFALL UNKNOWN - {' '.join(str(error).split())}")
        return _UNKNOWN


def _read(targets_file: Path | None) -> TargetList:
    from evenfall.probe.builtin import BUILT_IN
    from evenfall.probe.targets import read_targets

    return read_targets(targets_file) if targets_file else BUILT_IN


def _check_time(since: str) -> None:
    if _TIME.fullmatch(since):
        return
    raise UsageError(
        expected="a time of day, HH:MM",
        seen=repr(since),
        where="--since",
        remedy="For example --since 19:00.",
    )


def focused(targets: TargetList, service: str) -> TargetList:
    """The list with one service in question, a few others beside it, and all controls.

    Raises:
        UsageError: the list has no such service.
    """
    import msgspec

    services = list(dict.fromkeys(target.service for target in targets.targets))
    wanted = service.lower()
    if wanted not in services:
        raise UsageError(
            expected=f"one of {', '.join(services)}",
            seen=repr(service),
            where="evenfall triage SERVICE",
            remedy="Name a service of the target file, the part of an id before the slash.",
        )
    beside = [name for name in services if name != wanted][:_OTHERS_MAX]
    own = [target for target in targets.targets if target.service == wanted]
    others = [next(t for t in targets.targets if t.service == name) for name in beside]
    return msgspec.structs.replace(targets, targets=(*own, *others))


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """How the answer is wanted; see the options."""

    since: str | None
    yes: bool
    exit_code: bool
    nagios: bool


def _run(targets: TargetList, settings: Settings, asked: Asked, wanted: _Wanted) -> int:
    from evenfall.cli.agree import agree
    from evenfall.cli.check import measure
    from evenfall.cli.check_output import print_plan
    from evenfall.cli.triage_output import NAGIOS_EXIT_CODES, nagios_line, print_json, print_screen
    from evenfall.infer.triage import triage_of

    if settings.plan:
        print_plan(targets, settings, capacity=asked.capacity, path=asked.locate)
        return 0
    settings = agree(targets, settings, yes=wanted.yes, where="triage")
    result = measure(targets, settings, asked)
    service = targets.targets[0].service
    triage = triage_of(
        result.judged, result.observations, service, answer=result.answer, since=wanted.since
    )
    if wanted.nagios:
        click.echo(nagios_line(triage))
    elif settings.json:
        print_json(result, triage)
    else:
        print_screen(result, triage, settings)
    if result.error is not None:
        raise result.error
    if wanted.nagios:
        return NAGIOS_EXIT_CODES[triage.conclusion]
    if result.interrupted:
        return _INTERRUPTED
    return ANSWER_EXIT_CODES[triage.answer] if wanted.exit_code else 0
