"""`evenfall events`: a register of what happened outside the network, beside what was measured."""

from __future__ import annotations

import time

import click

from evenfall.cli.events_add import TYPES, add, as_usage, import_, tell, usage
from evenfall.cli.options import EvenfallGroup, Settings, settings_of
from evenfall.model.encoding import to_json_line
from evenfall.model.errors import FormatError
from evenfall.model.event import Event

__all__ = ["command"]

_ID_SHOWN = 8


@click.group("events", cls=EvenfallGroup, help="Rulings, orders, requests, broadcasts: a register.")
def command() -> None:
    """Group of the register's commands."""


command.add_command(add)
command.add_command(import_)


@command.command("list", help="List the events in the store, oldest first.")
@click.option("--type", "--kind", "type_", type=click.Choice(TYPES), default=None, help="Only.")
@click.option("--service", default="", help="Only those that concern this service.")
@click.pass_context
def list_(ctx: click.Context, type_: str | None, service: str) -> None:
    """One event in two lines; with --json each line of the register as it stands."""
    from evenfall.store.events import read_register

    settings = settings_of(ctx)
    if settings.plan:
        click.echo("Nothing would be sent: events are read from the store.", err=settings.json)
        return
    stored = [
        one
        for one in read_register(settings.store)
        if type_ in (None, one.event.type)
        and (not service or service.lower() in map(str.lower, one.event.services or (service,)))
    ]
    stored.sort(key=lambda one: (one.event.start, one.event.event_id))
    if settings.json:
        for one in stored:
            click.echo(one.line.decode())
    if settings.verbosity >= 0:
        _print_list([one.event for one in stored], settings)


def _print_list(events: list[Event], settings: Settings) -> None:
    from rich.console import Console

    from evenfall.cli.events_test import spoken
    from evenfall.text.event_list import event_details, event_when, type_words
    from evenfall.text.words import count_words

    console = Console(no_color=not settings.color, highlight=False, stderr=settings.json)
    if not events:
        console.print("No events. Next: evenfall events add --help", style="cyan")
        return
    width = max(len(event_when(event)) for event in events)
    for event in events:
        head = f"{event.event_id[:_ID_SHOWN]}  {event_when(event):<{width}}  "
        details = " " * (_ID_SHOWN + 2) + event_details(event)
        for line, style in (
            (f"{head}{type_words(event.type)}: {event.title}", ""),
            (details, "dim"),
        ):
            shown = spoken(line, console)
            console.print(shown, markup=False, no_wrap=True, overflow="ellipsis", style=style)
    counted = count_words(len(events), "event")
    console.print(f"{counted}. Next: evenfall events test SERVICE", style="cyan")


@command.command("remove", help="Withdraw an event; its line stays, with the reason after it.")
@click.argument("event_id")
@click.option("--why", required=True, help="The reason, kept in the register.")
@click.pass_context
def remove(ctx: click.Context, event_id: str, why: str) -> None:
    """Withdraw one event, named by its id or the beginning of it."""
    from evenfall.store.events import withdraw_event

    settings = settings_of(ctx)
    if settings.plan:
        click.echo("Nothing would be sent: events are kept in the store.", err=settings.json)
        return
    if not why.strip() or not why.isprintable():
        raise usage("a reason of one line", repr(why[:40]), "--why")
    now_us = time.time_ns() // 1000
    event = withdraw_event(settings.store, event_id, why=why.strip(), withdrawn_us=now_us)
    if settings.json:
        row = {"kind": "event_withdrawn", "event_id": event.event_id, "why": why.strip()}
        click.echo(to_json_line({**row, "withdrawn_us": now_us, "schema": event.schema}))
    tell(settings, f"{event.event_id} withdrawn: {event.type}, {event.title}")


@command.command("test", help="Nights with events and without; does not show cause.")
@click.argument("service")
@click.option("--network", default="", help="Which network, if the service was seen on several.")
@click.option(
    "--type", "--kind", "types", multiple=True, type=click.Choice(TYPES), help="Only these events."
)
@click.option(
    "--hours", default="", help='Hours that make a night, as "20:00-22:00" [those found].'
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Seed of what is drawn: labels of groups of more than some fifteen services.",
)
@click.pass_context
def test(
    ctx: click.Context, service: str, network: str, types: tuple[str, ...], hours: str, seed: int
) -> None:
    """Compare nights, orders' hours, and what platforms did, with what was measured."""
    settings = settings_of(ctx)
    if settings.plan:
        click.echo("Nothing would be sent: this reads the store.", err=settings.json)
        return
    from evenfall.cli.events_test import run

    try:
        run(settings, service, network, types=types, hours=hours, seed=seed)
    except FormatError as error:
        raise as_usage(error) from error
