"""`evenfall export csv|parquet|ics|atom`: what was measured and found, for other programs."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evenfall.cli.export_wanted import (
    STDOUT,
    Wanted,
    file_name,
    kinds_kept,
    kinds_there,
    known_services,
    refuse_two_on_stdout,
    refuse_unknown,
    refuse_useless,
    wanted_of,
)
from evenfall.cli.options import EvenfallGroup, Settings, settings_of
from evenfall.model.encoding import to_json_line

if TYPE_CHECKING:
    import duckdb

    from evenfall.report.export_tables import Table
    from evenfall.report.subject import Judged
    from evenfall.store import Store

__all__ = ["command"]

_SCHEMA = "1.0"
_LINES_MIN = 3
_WHAT = ("observations", "nights", "curfews", "series")


@click.group(
    "export", cls=EvenfallGroup, help="What was measured and found, for other programs to read."
)
def command() -> None:
    """Hold the subcommands."""


def _chosen(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every form takes."""
    options = [
        click.option(
            "--service", "services", multiple=True, help="Only this service (may be repeated)."
        ),
        click.option("--network", "networks", multiple=True, help="Only this network, as AS9198."),
        click.option("--out", metavar="FILE", help="Where to; - for standard output."),
        click.option(
            "--simulated",
            type=click.Choice(["refuse", "only", "without", "mixed"]),
            default="refuse",
            show_default=True,
            help="Where the store holds both simulated and measured rows.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return click.pass_context(function)


def _table_options(function: Callable[..., Any]) -> Callable[..., Any]:
    options = [
        click.option(
            "--what",
            type=click.Choice(_WHAT),
            default="observations",
            show_default=True,
            help="Which table.",
        ),
        click.option(
            "--aggregate",
            type=click.Choice(["network-hour"]),
            help="One row a network, service and local hour of a night, in place of --what.",
        ),
        click.option(
            "--lines-min",
            type=click.IntRange(min=1),
            default=_LINES_MIN,
            show_default=True,
            help="Lines on which an aggregated row must rest, where they can be told apart.",
        ),
        click.option("--lines", is_flag=True, help="With the pseudonyms of lines."),
        click.option(
            "--dictionary",
            metavar="FILE",
            help="Where to write the data dictionary [else FILE.dictionary.md].",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@command.command("csv", help="A table for spreadsheets: RFC 4180, formulas defused.")
@_table_options
@_chosen
def csv_(ctx: click.Context, **asked: Any) -> None:
    """Write a CSV file and its dictionary."""
    _export_table(ctx, "csv", asked)


@command.command("parquet", help="The same tables for programs: Parquet, zstd.")
@_table_options
@_chosen
def parquet(ctx: click.Context, **asked: Any) -> None:
    """Write a Parquet file and its dictionary."""
    _export_table(ctx, "parquet", asked)


@command.command("ics", help="A calendar: nights on which it was seen, hours to expect.")
@_chosen
def ics(ctx: click.Context, **asked: Any) -> None:
    """Write an iCalendar file."""
    from evenfall.report.calendar_ics import calendar

    _export_document(ctx, "ics", asked, calendar)


@command.command("atom", help="A feed of claims: when hours began, when they were lifted.")
@_chosen
def atom(ctx: click.Context, **asked: Any) -> None:
    """Write an Atom feed."""
    from evenfall.cli.quote import subject_of
    from evenfall.report.atom import feed
    from evenfall.text.quote import quote

    def made(judged: Sequence[Judged]) -> bytes:
        return feed(judged, [quote(subject_of(one)).sentence for one in judged])

    _export_document(ctx, "atom", asked, made)


def _export_document(
    ctx: click.Context,
    form: str,
    asked: dict[str, Any],
    made: Callable[[Sequence[Judged]], bytes],
) -> None:
    from evenfall.report.whole_file import write_whole
    from evenfall.store import open_store

    settings, wanted = settings_of(ctx), wanted_of(form, asked)
    refuse_two_on_stdout(settings, wanted)
    if settings.plan:
        _plan(wanted, file_name(wanted, ""))
        return
    with open_store(settings.store, write=False) as store:
        judged = _judged(store, settings, wanted)
    content = made(judged)
    if wanted.out == STDOUT:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        write_whole(Path(wanted.out or file_name(wanted, "")), content)
    counted = {"series": len(judged), "curfews": sum(one.curfew is not None for one in judged)}
    _say(settings, wanted, "", counted, simulated=any(j.series.simulated for j in judged))


def _export_table(ctx: click.Context, form: str, asked: dict[str, Any]) -> None:
    from evenfall.store import open_store

    settings, wanted = settings_of(ctx), wanted_of(form, asked)
    what = asked["aggregate"] or asked["what"]
    refuse_two_on_stdout(settings, wanted)
    refuse_useless(what, asked)
    if settings.plan:
        _plan(wanted, file_name(wanted, what))
        return
    with open_store(settings.store, write=False) as store:
        judged = [] if what == "observations" else _judged(store, settings, wanted)
        with store.selecting(list(wanted.networks) or None) as connection:
            table = _table(connection, what, judged, settings, wanted, asked)
            _write_table(connection, table, what, settings, wanted, asked["dictionary"])


def _table(
    connection: duckdb.DuckDBPyConnection,
    what: str,
    judged: Sequence[Judged],
    settings: Settings,
    wanted: Wanted,
    asked: dict[str, Any],
) -> Table:
    from evenfall.report import export_findings, export_tables

    if what == "observations":
        zone = settings.timezone or "UTC"
        there = export_tables.survey(connection, zone=zone)
        return export_tables.observation_table(
            there,
            kinds=kinds_there(there, wanted, settings),
            services=known_services(there, wanted),
            zone=zone,
            lines=asked["lines"],
        )
    if what == "network-hour":
        return export_tables.hour_table(judged, lines_min=asked["lines_min"])
    if what == "nights":
        return export_tables.night_table(judged)
    made = export_findings.curfew_table if what == "curfews" else export_findings.series_table
    return made(judged)


def _write_table(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    what: str,
    settings: Settings,
    wanted: Wanted,
    dictionary_path: str | None,
) -> None:
    from evenfall.report.export_fields import dictionary
    from evenfall.report.whole_file import whole_file, write_whole

    relation = table.prepare(connection)
    found = connection.execute(f"SELECT coalesce(bool_or(simulated), false) FROM {relation}")  # noqa: S608  (a name of our own)
    simulated = bool(found.fetchall()[0][0])
    counted = {"left_out": table.left_out(connection)}
    if wanted.out == STDOUT:
        counted["rows"] = _csv_to_stdout(connection, relation, table)
    else:
        path = Path(wanted.out or file_name(wanted, what))
        with whole_file(path) as beside:
            counted["rows"] = _to_file(connection, relation, table, wanted, beside, simulated)
        dictionary_path = dictionary_path or f"{path}.dictionary.md"
    if dictionary_path:
        words = dictionary(table.title, table.fields, simulated=simulated)
        write_whole(Path(dictionary_path), words.encode())
    _say(settings, wanted, what, counted, simulated=simulated)


def _to_file(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    table: Table,
    wanted: Wanted,
    beside: Path,
    simulated: bool,
) -> int:
    from evenfall.report.table_csv import write_csv
    from evenfall.report.table_parquet import write_parquet

    if wanted.form == "parquet":
        beside.touch()  # an unwritable place is our error, not the engine's
        return write_parquet(connection, relation, beside, simulated=simulated)
    with beside.open("w", encoding="utf-8", newline="") as stream:
        return write_csv(connection, relation, table.fields, stream)


def _csv_to_stdout(connection: duckdb.DuckDBPyConnection, relation: str, table: Table) -> int:
    from evenfall.report.table_csv import write_csv

    stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
    try:
        return write_csv(connection, relation, table.fields, stream)
    finally:
        stream.detach()


def _judged(store: Store, settings: Settings, wanted: Wanted) -> list[Judged]:
    """The series that were asked for, of one kind."""
    from evenfall.report.gather import gather

    everything = gather(store, zone=settings.timezone or "UTC")  # scope and q need the others
    networks = wanted.networks or {one.series.network for one in everything}
    judged = [one for one in everything if one.series.network in networks]
    services = {name.lower() for name in wanted.services}
    refuse_unknown(wanted, {one.series.service for one in judged}, settings)
    chosen = [one for one in judged if not services or one.series.service.lower() in services]
    kinds = {one.series.simulated for one in chosen}
    keep = kinds_kept(wanted, kinds)
    return [one for one in chosen if one.series.simulated in keep]


def _plan(wanted: Wanted, name: str) -> None:
    place = "the standard output" if wanted.out == STDOUT else wanted.out or name
    click.echo(f"Nothing is sent: this command reads the store and writes {place}.", err=True)


def _say(
    settings: Settings, wanted: Wanted, what: str, counted: dict[str, int], *, simulated: bool
) -> None:
    place = wanted.out or file_name(wanted, what)
    if settings.json:
        row = {
            "kind": "export",
            "form": wanted.form,
            "what": what or None,
            "path": place,
            "simulated": simulated,
            **counted,
            "schema": _SCHEMA,
        }
        click.echo(to_json_line(row))
    to_stderr = settings.json or wanted.out == STDOUT
    if simulated:
        click.echo("SIMULATED rows are in it: evidence of nothing.", err=to_stderr)
    if counted.get("left_out"):
        few = f"{counted['left_out']:,} rows rest on too few lines and were left out (--lines-min)."
        click.echo(few, err=to_stderr)
    if settings.verbosity >= 0 and not settings.json:
        said = ", ".join(f"{n:,} {name}" for name, n in counted.items() if name != "left_out")
        click.echo(f"{place}: {said}", err=to_stderr)
