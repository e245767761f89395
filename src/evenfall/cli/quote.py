"""`evenfall quote [SERVICE]`: one true sentence that can be printed."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import click

from evenfall.cli.chosen import chosen
from evenfall.cli.options import EvenfallCommand, settings_of
from evenfall.model.encoding import to_json_line

if TYPE_CHECKING:
    from evenfall.report.subject import Judged
    from evenfall.text.quote import Subject

__all__ = ["command", "subject_of"]

SCHEMA = "1.0"


@click.command(name="quote", cls=EvenfallCommand)
@click.argument("service", required=False, default="")
@click.option("--network", default="", help="Which network, if the service was seen on several.")
@click.pass_context
def command(ctx: click.Context, service: str, network: str) -> None:
    """Print one sentence about SERVICE: n, interval, network, dates, zone, caveat, ruleset.

    Without SERVICE: one line for each service and network in the store.
    """
    from evenfall.store import open_store

    settings = settings_of(ctx)
    if settings.plan:
        click.echo("Nothing is sent: this command reads the store.", err=True)
        return
    with open_store(settings.store, write=False) as store:
        judged = chosen(store, settings, service, network)
    for one in judged:
        row = _row(one)
        click.echo(to_json_line(row) if settings.json else row["sentence"])


def subject_of(judged: Judged) -> Subject:
    """What the sentence is made of."""
    from evenfall.infer.ruleset import RULESET
    from evenfall.text.quote import Subject

    first, last = _dates(judged)
    return Subject(
        finding=judged.finding,
        curfew=judged.curfew,
        basis=str(judged.series.basis),
        timezone=judged.series.timezone,
        first_date=first,
        last_date=last,
        ruleset=judged.curfew.ruleset if judged.curfew is not None else RULESET,
        simulated=judged.series.simulated,
    )


def _dates(judged: Judged) -> tuple[str, str]:
    """Local dates of the first and the last stamp that a clock can have shown."""
    from evenfall.infer.localtime import EARLIEST_US, LATEST_US, load_zone

    at = judged.series.started_us
    possible = at[(at >= EARLIEST_US) & (at < LATEST_US)]
    if not possible.size:
        return "", ""
    zone = load_zone(judged.series.timezone)
    first, last = (
        dt.datetime.fromtimestamp(int(us) // 1_000_000, zone).date().isoformat()
        for us in (possible.min(), possible.max())
    )
    return first, last


def _row(judged: Judged) -> dict[str, Any]:
    from evenfall.text.quote import quote

    subject = subject_of(judged)
    quoted = quote(subject)
    finding, curfew = judged.finding, judged.curfew
    return {
        "kind": "quote",
        "service": finding.service,
        "network": finding.network,
        "timezone": subject.timezone,
        "sentence": quoted.sentence,
        "caveat": quoted.caveat,
        "first_date": quoted.first_date,
        "last_date": quoted.last_date,
        "state": str(finding.state),
        "scope": None if curfew is None else str(curfew.scope),
        "n": finding.n if curfew is None else curfew.n,
        "nights_seen": None if curfew is None else curfew.nights_seen,
        "nights_measured": (finding if curfew is None else curfew).nights_measured,
        "interval": quoted.interval,
        "ruleset": subject.ruleset,
        "simulated": subject.simulated,
        "schema": SCHEMA,
    }
