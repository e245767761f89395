"""`evenfall nights`: the carpet of local hours and nights, in the terminal."""

from __future__ import annotations

import shlex
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

from evenfall.cli.options import EvenfallCommand, Settings, settings_of
from evenfall.model.encoding import to_json_line

if TYPE_CHECKING:
    from rich.console import Console

    from evenfall.infer.carpet import Carpet
    from evenfall.model.curfew import SeriesFinding
    from evenfall.report.page import Judged

__all__ = ["NIGHTS_SHOWN_MAX", "command"]

NIGHTS_SHOWN_MAX = 35
"""Rows that are printed; older nights are judged but not drawn."""

_WORDS_MIN = 26
"""Columns that are kept for the words beside a strip; longer words are cut on narrow screens."""


@click.command(name="nights", cls=EvenfallCommand)
@click.argument("service", required=False, default="")
@click.option("--network", default="", help="Which network, if the service was seen on several.")
@click.pass_context
def command(ctx: click.Context, service: str, network: str) -> None:
    """Show local half hours × nights of SERVICE, the window found, and how sure.

    Without SERVICE: one line for each service and network in the store.
    """
    from evenfall.report.gather import gather, on_network, pick
    from evenfall.store import open_store

    settings = settings_of(ctx)
    if settings.plan:
        click.echo("Nothing is sent: this command reads the store.", err=True)
        return
    with open_store(settings.store, write=False) as store:
        judged = gather(store, zone=settings.timezone or "UTC")
    chosen = [pick(judged, service, network)] if service else on_network(judged, network)
    if settings.json:
        _print_json(chosen)
        return
    console = _console(settings)
    if len(chosen) == 1:
        print_nights(console, chosen[0])
    else:
        print_overview(console, chosen)


def print_nights(console: Console, judged: Judged) -> None:
    """One carpet, the sentence, how sure, what it does not show, one next step."""
    from evenfall.infer.carpet import axis_for, carpet_of
    from evenfall.report.terminal import carpet_lines, key_line
    from evenfall.text.beside import beside
    from evenfall.text.nights import answer, counted_words, facts, not_shown, plain
    from evenfall.text.page import where_words

    windows = judged.curfew.windows if judged.curfew else ()
    carpet = carpet_of(judged.series, windows=windows, axis_start_h=axis_for(windows))
    is_unicode = speaks_unicode(console)
    if judged.series.simulated:
        console.print("SIMULATED: made by a seeded generator, evidence of nothing.", style="cyan")
    where = where_words(judged.finding, carpet.dates, judged.series.timezone, judged.curfew)
    console.print(_said(where, is_unicode), style="dim")
    shown = carpet.last(NIGHTS_SHOWN_MAX)
    for line in carpet_lines(shown, windows, columns=console.width, is_unicode=is_unicode):
        console.print(line, no_wrap=True, crop=True)
    console.print(key_line(is_unicode=is_unicode))
    if len(shown.dates) < len(carpet.dates):
        console.print(f"{len(carpet.dates) - len(shown.dates)} older nights judged, not drawn.")
    console.print()
    console.print(_said(plain(answer(judged.finding, judged.curfew)), is_unicode), style="bold")
    said = [f"{fact.figure}: {fact.basis}" for fact in facts(judged.finding, judged.curfew)]
    if judged.curfew is not None:
        said.append(f"counted: {counted_words(judged.finding, judged.curfew)}")
    for words in (*said, *beside(judged.finding, judged.curfew)):
        console.print(_hung(_said(words, is_unicode), console.width), no_wrap=True, crop=False)
    console.print(
        _said("Not shown: " + " ".join(not_shown(judged.finding, judged.curfew)), is_unicode)
    )
    console.print(next_step(judged), style="cyan")


def _hung(words: str, columns: int) -> str:
    """A line set in, its continuation set in further."""
    return textwrap.fill(words, columns, initial_indent="  ", subsequent_indent="    ")


def print_overview(console: Console, judged: list[Judged]) -> None:
    """One line for each series, those with a curfew first."""
    from evenfall.infer.carpet import CELLS_A_NIGHT, axis_for, carpet_of
    from evenfall.report.terminal import axis_line, strip_line
    from evenfall.text.nights import state_words

    if not judged:
        console.print("The store holds no series yet. Next: evenfall import table FILE --map MAP")
        return
    is_unicode = speaks_unicode(console)
    axis = axis_for([w for j in judged if j.curfew for w in j.curfew.windows])
    if any(j.series.simulated for j in judged):
        console.print("SIMULATED rows among these are evidence of nothing.", style="cyan")
    indent = max(len(_label(j)) for j in judged) + 2
    words = {id(j): _said(state_words(j.finding, j.curfew), is_unicode) for j in judged}
    room = console.width - indent - 2 - min(_WORDS_MIN, max(map(len, words.values())))
    per = 1 if room >= CELLS_A_NIGHT else 2
    console.print(axis_line(axis, indent=indent, per=per))
    ordered = sorted(judged, key=lambda j: (j.curfew is None, j.finding.service, j.finding.network))
    for j in ordered:
        windows = j.curfew.windows if j.curfew else ()
        carpet = carpet_of(j.series, windows=windows, axis_start_h=axis)
        line = strip_line(carpet, label=_label(j), indent=indent, is_unicode=is_unicode, per=per)
        line.append("  " + words[id(j)])
        console.print(line, no_wrap=True, overflow="ellipsis" if is_unicode else "crop")
    first = ordered[0].finding
    console.print(f"Next: evenfall nights {_asked_again(first)}", style="cyan")


def _label(judged: Judged) -> str:
    from evenfall.text.foreign import one_line
    from evenfall.text.words import title_words

    return f"{title_words(judged.finding.service)} {one_line(judged.finding.network)}"


def next_step(judged: Judged) -> str:
    """One thing to do now."""
    from evenfall.model.vocabulary import SeriesState
    from evenfall.text.words import nights_words

    finding = judged.finding
    if finding.state is SeriesState.INSUFFICIENT:
        so_far = nights_words(finding.nights_measured, "measured night")
        return f"Next: keep measuring ({so_far} so far), day and evening."
    return f"Next: evenfall report {_asked_again(finding)}"


def _asked_again(finding: SeriesFinding) -> str:
    """The arguments that name the series, as a shell takes them."""
    from evenfall.text.foreign import one_line

    service, network = one_line(finding.service), one_line(finding.network)
    return f"{shlex.quote(service)} --network {shlex.quote(network)}"


def speaks_unicode(console: Console) -> bool:
    """Whether the terminal's encoding can print shades and box pieces."""
    return console.encoding.lower().replace("-", "").startswith("utf")


def _said(words: str, is_unicode: bool) -> str:
    if is_unicode:
        return words
    for mark, plain_mark in (("–", "-"), ("×", "x"), ("·", "-"), ("≥", ">="), ("’", "'")):
        words = words.replace(mark, plain_mark)
    return words.encode("ascii", "replace").decode()


def _console(settings: Settings) -> Console:
    from rich.console import Console

    return Console(no_color=not settings.color, highlight=False, markup=False, file=sys.stdout)


def _print_json(judged: list[Judged]) -> None:
    from evenfall.infer.carpet import axis_for, carpet_of

    for j in judged:
        windows = j.curfew.windows if j.curfew else ()
        carpet = carpet_of(j.series, windows=windows, axis_start_h=axis_for(windows))
        if j.curfew is not None:
            click.echo(to_json_line(j.curfew))
        click.echo(to_json_line(j.finding))
        click.echo(to_json_line(_carpet_row(carpet, is_simulated=j.series.simulated)))


def _carpet_row(carpet: Carpet, *, is_simulated: bool) -> dict[str, Any]:
    return {
        "kind": "carpet",
        "service": carpet.service,
        "network": carpet.network,
        "timezone": carpet.timezone,
        "simulated": is_simulated,
        "axis_start_local": f"{carpet.axis_start_h:02d}:00",
        "cell_s": 1800,
        "nights": [
            {"date": date.isoformat(), "steps": steps, "n": n}
            for date, steps, n in zip(
                carpet.dates, carpet.steps.tolist(), carpet.n.tolist(), strict=True
            )
        ],
        "schema": "1.0",
    }
