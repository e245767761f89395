"""`evenfall events add` and `events import`: one event, or a table of them, into the register."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from evenfall.cli.options import EvenfallCommand, Settings, settings_of
from evenfall.model.encoding import to_json_line
from evenfall.model.errors import FormatError, UsageError
from evenfall.model.event import Event, EventType, Outcome, Precision

if TYPE_CHECKING:
    from evenfall.archive.events import EventsRead
    from evenfall.model.event import OrderedHours

__all__ = ["TYPES", "add", "as_usage", "import_", "tell", "usage"]

TYPES = [str(one) for one in EventType]
_TABLE_BYTES_MAX = 64_000_000
_ARCHIVE_BYTES_MAX = 2_000_000_000
_LEFT_OUT_SHOWN = 5


@click.command("add", cls=EvenfallCommand, help="Add one event; the same event twice is one.")
@click.option("--type", "--kind", "type_", type=click.Choice(TYPES), required=True, help="What.")
@click.option("--date", required=True, help="Local date, as 2018-03-13.")
@click.option("--time", "time_", default="", help="Local time, as 20:00.")
@click.option("--end", default="", help="Last date, or time, or both as 2018-03-14T22:00.")
@click.option(
    "--precision",
    type=click.Choice([str(one) for one in Precision]),
    default=None,
    help="How finely it is known [else minute with a time, day without].",
)
@click.option("--title", required=True, help="One line.")
@click.option("--source", required=True, help="Address, or a text that says where it is from.")
@click.option(
    "--archive",
    type=click.Path(path_type=Path),
    default=None,
    help="Your copy of the source: its name and SHA-256 are kept, the file is not.",
)
@click.option("--service", "services", multiple=True, help="Concerned service (repeatable).")
@click.option("--network", "networks", multiple=True, help="Concerned network (repeatable).")
@click.option("--platform", default=None, help="Who was asked, for a takedown request.")
@click.option(
    "--outcome",
    type=click.Choice([str(one) for one in Outcome]),
    default=None,
    help="What the platform did about a takedown request.",
)
@click.option("--reason", default=None, help="The reason that was given, verbatim.")
@click.option("--ordered", multiple=True, help='Hours that an order names, "Mon-Fri 20:00-22:00".')
@click.pass_context
def add(
    ctx: click.Context,
    type_: str,
    date: str,
    time_: str,
    end: str,
    precision: str | None,
    title: str,
    source: str,
    archive: Path | None,
    services: tuple[str, ...],
    networks: tuple[str, ...],
    platform: str | None,
    outcome: str | None,
    reason: str | None,
    ordered: tuple[str, ...],
) -> None:
    """Check the event, give it its id, and write it into the store."""
    settings = settings_of(ctx)
    if settings.plan:
        click.echo("Nothing would be sent: events are kept in the store.", err=settings.json)
        return
    if outcome is not None and type_ != EventType.TAKEDOWN_REQUEST:
        raise usage("--outcome with --type takedown-request", f"--type {type_}", "--outcome")
    copy = _archived(archive)
    event = _checked(
        Event(
            type=EventType(type_),
            title=title.strip(),
            start=f"{date}T{time_}" if time_ else date,
            end=_end(date, end),
            timezone=_zone(settings),
            precision=Precision(precision or ("minute" if time_ else "day")),
            services=services,
            networks=networks,
            platform=platform,
            outcome=None if outcome is None else Outcome(outcome),
            source=source.strip(),
            archive_name=copy and copy.name,
            archive_sha256=copy and copy.sha256,
            stated_reason=reason,
            ordered=_ordered(ordered),
            added_us=time.time_ns() // 1000,
        )
    )
    _keep_one(event, settings)


def _keep_one(event: Event, settings: Settings) -> None:
    from evenfall.store.events import add_events

    result = add_events(settings.store, [event])
    if settings.json:
        click.echo(to_json_line(event))
    said = "is in the store already; nothing was changed" if result.known else "added"
    tell(settings, f"{event.event_id} {said}: {event.type}, {event.title}")


class _Copy(NamedTuple):
    """A source that somebody archived."""

    name: str
    sha256: str


def _archived(path: Path | None) -> _Copy | None:
    """Name and digest of the archived copy; read, and nothing else is done with it."""
    if path is None:
        return None
    if not path.is_file():
        raise usage("a regular file", "none", f"--archive {path}")
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                size += len(chunk)
                if size > _ARCHIVE_BYTES_MAX:
                    raise usage("a copy of at most 2 GB", "a longer one", f"--archive {path}")
                digest.update(chunk)
    except OSError as error:
        seen = (error.strerror or str(error)).lower()
        raise usage("a file that can be read", seen, f"--archive {path}") from error
    return _Copy(path.name, digest.hexdigest())


def _zone(settings: Settings) -> str:
    if not settings.timezone:
        raise UsageError(
            expected="the time zone in which the dates are meant",
            seen="none",
            where="--tz",
            remedy="Add it, as --tz Asia/Almaty; or `tz` in the file of --config.",
        )
    return settings.timezone


def _end(date: str, end: str) -> str | None:
    if not end:
        return None
    end = end.strip().replace(" ", "T")
    return f"{date}T{end}" if len(end) == len("22:00") else end


def _ordered(texts: tuple[str, ...]) -> tuple[OrderedHours, ...]:
    from evenfall.infer.ordered import parse_hours

    try:
        return tuple(h for text in texts for h in parse_hours(text, where="--ordered"))
    except FormatError as error:
        raise as_usage(error) from error


def _checked(event: Event) -> Event:
    from evenfall.infer.event_dates import checked

    try:
        return checked(event, where="events add")
    except FormatError as error:
        raise as_usage(error) from error


@click.command(
    "import", cls=EvenfallCommand, help="Add the events of a table (docs/events.md says which)."
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "stop", "google", "ics"]),
    default=None,
    help="Which it is [else told by its beginning].",
)
@click.option("--country", default="", help="Only its rows, where the table holds several.")
@click.option(
    "--type",
    "--kind",
    "type_",
    type=click.Choice(TYPES),
    default="other",
    show_default=True,
    help="Of rows that do not say.",
)
@click.pass_context
def import_(ctx: click.Context, file: Path, form: str | None, country: str, type_: str) -> None:
    """Read the table, name the rows that were left out, and add the others."""
    settings = settings_of(ctx)
    if settings.plan:
        click.echo(f"Nothing would be sent. Would read {file}.", err=settings.json)
        return
    read = _read_table(file, form or "", country, type_, _zone(settings))
    from evenfall.store.events import add_events

    result = add_events(settings.store, read.events)
    if settings.json:
        row = {
            "kind": "events_import",
            "file": str(file),
            "format": read.form,
            "added": len(result.added),
            "known": len(result.known),
            "left_out": [{"line": one.line, "why": one.why} for one in read.left_out],
            "other_country": read.other_country,
            "schema": "1.0",
        }
        click.echo(to_json_line(row))
    other = f", {read.other_country:,} rows of other countries" if read.other_country else ""
    tell(
        settings,
        f"{file}: {len(result.added)} events added, {len(result.known)} known, "
        f"{len(read.left_out)} rows left out{other} (format {read.form})",
    )
    for one in read.left_out[:_LEFT_OUT_SHOWN]:
        tell(settings, f"  line {one.line}: {one.why}")
    if len(read.left_out) > _LEFT_OUT_SHOWN:
        tell(settings, f"  … and {len(read.left_out) - _LEFT_OUT_SHOWN} more")


def _read_table(file: Path, form: str, country: str, type_: str, zone: str) -> EventsRead:
    from evenfall.archive.events import read_events
    from evenfall.net.own_files import read_own_file

    try:
        content = read_own_file(file, _TABLE_BYTES_MAX + 1)
    except OSError as error:
        seen = (error.strerror or str(error)).lower()
        raise usage("a table that can be read", seen, str(file)) from error
    if len(content) > _TABLE_BYTES_MAX:
        raise usage("a table of at most 64 MB", "a longer one", str(file))
    return read_events(
        content,
        name=file.name,
        timezone=zone,
        added_us=time.time_ns() // 1000,
        form=form,
        country=country,
        type_default=EventType(type_),
    )


def as_usage(error: FormatError) -> UsageError:
    """A value that was given on the command line is a matter of usage."""
    return UsageError(
        expected=error.expected, seen=error.seen, where=error.where, remedy=error.remedy
    )


def usage(expected: str, seen: str, where: str) -> UsageError:
    """Something on the command line that cannot be."""
    return UsageError(
        expected=expected, seen=seen, where=where, remedy="Nothing was kept; give it again."
    )


def tell(settings: Settings, line: str) -> None:
    """One line for people; on stderr beside JSON, and none with --quiet."""
    if settings.verbosity >= 0:
        click.echo(line, err=settings.json)
