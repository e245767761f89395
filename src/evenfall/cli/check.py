"""`evenfall check`: measure once, answer once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evenfall.cli.options import EvenfallCommand, Settings, settings_of
from evenfall.model.vocabulary import ANSWER_EXIT_CODES

if TYPE_CHECKING:
    from evenfall.model.target import TargetList
    from evenfall.probe.check import CheckResult

__all__ = ["command", "measure"]

_INTERRUPTED = 130
_MEGA = 1_000_000


@click.command(
    "check",
    cls=EvenfallCommand,
    help="Is it me, my line, the site, or is this service being slowed? At most 75 s and 6 MB.",
)
@click.option(
    "--targets",
    "targets_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Target file (TOML) [else the built-in list of well-known services].",
)
@click.option("--yes", is_flag=True, help="Agree to the risk text; it is printed to stderr.")
@click.option("--exit-code", is_flag=True, help="Exit status by the answer (docs/check.md).")
@click.option(
    "--tariff",
    "tariff_mbit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MBIT",
    help="What your contract promises, in Mbit/s.",
)
@click.option("--seed", type=int, help="Fix orders and names, for tests.")
@click.pass_context
def command(
    ctx: click.Context,
    targets_file: Path | None,
    yes: bool,
    exit_code: bool,
    tariff_mbit: float | None,
    seed: int | None,
) -> int:
    """Read, ask for consent, measure, say."""
    from evenfall.cli.agree import agree
    from evenfall.cli.check_output import print_human, print_json, print_plan
    from evenfall.probe.builtin import BUILT_IN
    from evenfall.probe.targets import read_targets

    settings = settings_of(ctx)
    targets = read_targets(targets_file) if targets_file else BUILT_IN
    if settings.plan:
        print_plan(targets, settings)
        return 0
    settings = agree(targets, settings, yes=yes)
    result = measure(targets, settings, tariff_mbit=tariff_mbit, seed=seed)
    if settings.json:
        print_json(result)
    else:
        print_human(result, targets, settings)
    if result.error is not None:
        raise result.error
    if result.interrupted:
        return _INTERRUPTED
    return ANSWER_EXIT_CODES[result.answer] if exit_code else 0


def measure(
    targets: TargetList, settings: Settings, *, tariff_mbit: float | None, seed: int | None
) -> CheckResult:
    """Measure once, with the way out and the surroundings of this machine."""
    import asyncio
    import random

    from evenfall.cli.live import progress_printer
    from evenfall.infer.rivals import Surroundings
    from evenfall.net.sockets import SystemNetwork
    from evenfall.probe.check import run_check
    from evenfall.probe.surroundings import proxies_set, tunnel_in_use

    with progress_printer(settings) as emit:
        return asyncio.run(
            run_check(
                SystemNetwork(),
                targets,
                # Not for secrets: orders and names only; drawn by the system unless fixed.
                rng=random.SystemRandom() if seed is None else random.Random(seed),  # noqa: S311 (not a secret)
                emit=emit,
                tariff_bps=tariff_mbit * _MEGA if tariff_mbit else None,
                timezone=settings.timezone or None,
                surroundings=Surroundings(tunnel=tunnel_in_use(), proxies=proxies_set()),
            )
        )
