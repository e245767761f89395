"""`evenfall check`: measure once, answer once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evenfall.cli.options import EvenfallCommand, Megabits, Settings, settings_of
from evenfall.model.errors import UsageError
from evenfall.model.vocabulary import ANSWER_EXIT_CODES

if TYPE_CHECKING:
    from evenfall.infer.fingerprints import Fingerprint
    from evenfall.model.target import TargetList
    from evenfall.probe.check import CheckResult

__all__ = ["Asked", "command", "measure", "need_a_server"]

_INTERRUPTED = 130
_MEGA = 1_000_000
_FINGERPRINTS_BYTES_MAX = 4_194_304
"""The public list of OONI is about 0.1 MB."""


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
    type=Megabits(),
    metavar="MBIT",
    help="What your contract promises, in Mbit/s.",
)
@click.option(
    "--through-vpn",
    is_flag=True,
    help="Measure although a VPN is on: it is the VPN's network that is measured.",
)
@click.option(
    "--fingerprints",
    "fingerprints_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Known block pages (CSV, as OONI's fingerprints_http.csv).",
)
@click.option(
    "--capacity",
    is_flag=True,
    help="Also how much the line carries (ndt7), with your server; up to 24 s more.",
)
@click.option(
    "--locate",
    is_flag=True,
    help="Also after which hop a name is acted upon, with your server; up to 45 s more.",
)
@click.option(
    "--hello",
    type=click.Choice(["stdlib", "browser"]),
    help="Send all pairs with this ClientHello [in turns, where the extra `browser` is there].",
)
@click.option("--seed", type=int, help="Fix orders and names, for tests.")
@click.pass_context
def command(
    ctx: click.Context,
    targets_file: Path | None,
    yes: bool,
    exit_code: bool,
    tariff_mbit: float | None,
    through_vpn: bool,
    fingerprints_file: Path | None,
    capacity: bool,
    locate: bool,
    hello: str | None,
    seed: int | None,
) -> int:
    """Read, ask for consent, measure, say."""
    from evenfall.cli.agree import agree
    from evenfall.cli.check_output import print_human, print_json, print_plan
    from evenfall.probe.builtin import BUILT_IN
    from evenfall.probe.targets import read_targets

    settings = settings_of(ctx)
    targets = read_targets(targets_file) if targets_file else BUILT_IN
    need_a_server(targets, capacity=capacity, locate=locate)
    asked = Asked(
        tariff_mbit=tariff_mbit,
        through_vpn=through_vpn,
        fingerprints=_fingerprints(fingerprints_file),
        capacity=capacity,
        locate=locate,
        hellos=_hellos(hello),
        seed=seed,
    )
    if settings.plan:
        print_plan(targets, settings, capacity=capacity, path=locate)
        return 0
    settings = agree(targets, settings, yes=yes)
    result = measure(targets, settings, asked)
    if settings.json:
        print_json(result)
    else:
        print_human(result, targets, settings)
    if result.error is not None:
        raise result.error
    if result.interrupted:
        return _INTERRUPTED
    return ANSWER_EXIT_CODES[result.answer] if exit_code else 0


def _hellos(wanted: str | None) -> tuple[str, ...] | None:
    """The one profile that was asked for; None: all that there are.

    Raises:
        UsageError: it is not installed.
    """
    if wanted is None:
        return None
    from evenfall.net.hello_profiles import available

    if wanted not in available():
        raise UsageError(
            expected=f"one of {', '.join(available())}",
            seen=wanted,
            where="--hello",
            remedy="Install the extra `browser` (utls) for a browser's ClientHello.",
        )
    return (wanted,)


def _fingerprints(file: Path | None) -> tuple[Fingerprint, ...]:
    if file is None:
        return ()
    from evenfall.infer.fingerprints import read_fingerprints
    from evenfall.net.own_files import read_own_file

    try:
        raw = read_own_file(file, _FINGERPRINTS_BYTES_MAX)
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            expected="a CSV file of block pages, UTF-8, below "
            f"{_FINGERPRINTS_BYTES_MAX // 1_048_576} MiB",
            seen=str(getattr(error, "strerror", None) or error),
            where=str(file),
            remedy="Check the path of --fingerprints.",
        ) from error
    if len(raw) == _FINGERPRINTS_BYTES_MAX:
        raise UsageError(
            expected=f"a list below {_FINGERPRINTS_BYTES_MAX // 1_048_576} MiB",
            seen="more",
            where=str(file),
            remedy="Keep the lines of the countries that matter to you.",
        )
    return read_fingerprints(text, where=str(file))


def need_a_server(targets: TargetList, *, capacity: bool, locate: bool) -> None:
    """Refuse what only a measurement server can answer, where the list has none.

    Raises:
        UsageError: that, or a path is to be searched by a system that cannot.
    """
    for name, wanted in (("--capacity", capacity), ("--locate", locate)):
        if wanted and not targets.servers:
            raise UsageError(
                expected="a measurement server of your own",
                seen="none in the target list",
                where=name,
                remedy="Add [[server]] to a target file; `evenfall server` prints its lines.",
            )
    if locate:
        _need_limited_flights()


def _need_limited_flights() -> None:
    import sys

    from evenfall.net.limited import can_limit

    if not can_limit():
        raise UsageError(
            expected="Linux (memfd_create, sendfile, IP_RECVERR)",
            seen=sys.platform,
            where="--locate",
            remedy="Leave --locate out, or run it on Linux.",
        )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asked for; see the options."""

    tariff_mbit: float | None = None
    through_vpn: bool = False
    fingerprints: tuple[Fingerprint, ...] = ()
    capacity: bool = False
    locate: bool = False
    hellos: tuple[str, ...] | None = None
    seed: int | None = None


def measure(targets: TargetList, settings: Settings, asked: Asked) -> CheckResult:
    """Measure once, with the way out and the surroundings of this machine."""
    import random

    from evenfall.cli.live import progress_printer
    from evenfall.cli.patience import Patience
    from evenfall.net.sockets import SystemNetwork
    from evenfall.probe.check import run_check
    from evenfall.probe.load import wanted_s
    from evenfall.probe.schedule import Wishes
    from evenfall.probe.surroundings import surroundings_of

    # Not for secrets: orders and names only; drawn by the system unless fixed.
    rng = random.SystemRandom() if asked.seed is None else random.Random(asked.seed)  # noqa: S311 (not a secret)
    # Until the command has said what it found, not only until it has measured.
    patience = click.get_current_context().with_resource(Patience())
    with progress_printer(settings) as emit:
        return patience.run(
            run_check(
                SystemNetwork(),
                targets,
                rng=rng,
                emit=emit,
                tariff_bps=asked.tariff_mbit * _MEGA if asked.tariff_mbit else None,
                timezone=settings.timezone or None,
                surroundings=surroundings_of(targets, through_vpn=asked.through_vpn),
                wanted_s=wanted_s,
                wishes=Wishes(
                    capacity=asked.capacity,
                    path=asked.locate,
                    fingerprints=asked.fingerprints,
                    hellos=asked.hellos,
                ),
            )
        )
