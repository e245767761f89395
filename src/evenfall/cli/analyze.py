"""`evenfall analyze`: which services have a curfew, on which networks, at which hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from evenfall.cli.options import EvenfallCommand, Settings, settings_of
from evenfall.model.curfew import Curfew, SeriesFinding
from evenfall.model.encoding import to_json_line
from evenfall.model.errors import EvenfallError, StoreError, UsageError
from evenfall.text.analyzed import (
    TABLE_HEADINGS,
    TABLE_NOTE,
    change_lines,
    curfew_lines,
    reason_lines,
    summary_line,
    table_rows,
)

if TYPE_CHECKING:
    from evenfall.infer.series import Series

__all__ = ["command"]

SEED_DEFAULT = 1
_LISTED_MAX = 12


@click.command(
    "analyze",
    cls=EvenfallCommand,
    help="Which services have a curfew, on which networks, at which hours.",
)
@click.option("--service", "services", multiple=True, help="Only this service (may be repeated).")
@click.option("--network", "networks", multiple=True, help="Only this network, as AS9198.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=SEED_DEFAULT,
    show_default=True,
    help="Seed of the rotations; the same seed gives the same p-values.",
)
@click.pass_context
def command(
    ctx: click.Context, services: tuple[str, ...], networks: tuple[str, ...], seed: int
) -> None:
    """Judge every series in the store, keep the findings there, and print them."""
    settings = settings_of(ctx)
    if settings.plan:
        click.echo("Nothing would be sent: analyze reads the store alone.", err=settings.json)
        return
    series = _load(settings, services, networks)
    curfews, findings = _judge(series, seed, settings)
    _keep(settings, curfews, findings)
    if settings.json:
        for finding in (*curfews, *findings):
            click.echo(to_json_line(finding))
    if settings.verbosity >= 0:
        _print(settings, curfews, findings)


def _load(settings: Settings, services: Sequence[str], networks: Sequence[str]) -> Sequence[Series]:
    from evenfall.store import open_store

    with open_store(settings.store, write=False) as store:
        series = store.series(
            list(services) or None, list(networks) or None, zone=settings.timezone or "UTC"
        )
        if not series and (services or networks):
            raise _not_there(store.series(zone=settings.timezone or "UTC"), services, networks)
    if not series:
        raise StoreError(
            expected="measurements of a service",
            seen="none",
            where=str(settings.store),
            remedy="Import a history first: evenfall import table FILE --map MAP.toml.",
        )
    return series


def _not_there(
    stored: Sequence[Series], services: Sequence[str], networks: Sequence[str]
) -> EvenfallError:
    """What was asked for is not in the store: name what is."""
    asked = [*(f"--service {name}" for name in services), *(f"--network {n}" for n in networks)]
    if not stored:
        return StoreError(
            expected="measurements of a service",
            seen="none",
            where=" ".join(asked),
            remedy="Import a history first: evenfall import table FILE --map MAP.toml.",
        )
    return UsageError(
        expected=f"service {_listed({s.service for s in stored})}, "
        f"on network {_listed({s.network for s in stored})}",
        seen="nothing by these names",
        where=" ".join(asked),
        remedy="`evenfall nights` lists what there is.",
    )


def _listed(names: set[str]) -> str:
    shown = sorted(names)[:_LISTED_MAX]
    return " or ".join(shown) + (", …" if len(names) > _LISTED_MAX else "")


def _judge(
    series: Sequence[Series], seed: int, settings: Settings
) -> tuple[Sequence[Curfew], Sequence[SeriesFinding]]:
    import numpy as np

    from evenfall.infer.nights import judge
    from evenfall.infer.profiles import NIGHTLY_2026

    if settings.verbosity >= 0:
        click.echo(f"judging {len(series)} series …", err=True)
    judgement = judge(series, profile=NIGHTLY_2026, rng=np.random.default_rng(seed))
    return judgement.curfews, judgement.findings


def _keep(settings: Settings, curfews: Sequence[Curfew], findings: Sequence[SeriesFinding]) -> None:
    """Replace the findings of the series that were judged; those of others stay."""
    from evenfall.store import open_store

    judged = {(finding.service, finding.network) for finding in findings}
    with open_store(settings.store, write=True) as store:
        old_curfews, old_findings = store.findings()
        store.write_findings(
            [*(c for c in old_curfews if (c.service, c.network) not in judged), *curfews],
            [*(f for f in old_findings if (f.service, f.network) not in judged), *findings],
        )


def _print(
    settings: Settings, curfews: Sequence[Curfew], findings: Sequence[SeriesFinding]
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(
        stderr=settings.json, no_color=not settings.color, highlight=False, markup=False
    )
    table = Table(*TABLE_HEADINGS, box=box.SIMPLE_HEAD, caption=TABLE_NOTE)
    for row in table_rows(curfews, findings):
        table.add_row(*row)
    console.print(table)
    by_series = {(f.service, f.network): f for f in findings}
    for curfew in curfews:
        for line in curfew_lines(by_series[curfew.service, curfew.network], curfew):
            console.print(line, markup=False, soft_wrap=True)
        console.print()
    for line in (*change_lines(findings, curfews), *reason_lines(findings)):
        console.print(line, markup=False, soft_wrap=True)
    console.print(summary_line(findings), markup=False, soft_wrap=True)
