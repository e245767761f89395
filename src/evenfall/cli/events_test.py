"""`evenfall events test`: what was measured, beside the register; printed in words and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from evenfall.cli.options import Settings
from evenfall.model.encoding import to_json_line
from evenfall.model.errors import StoreError
from evenfall.model.event import Event

if TYPE_CHECKING:
    from rich.console import Console

    from evenfall.infer.search import Span
    from evenfall.model.coincidence import (
        Coincidence,
        DateComparison,
        GroupComparison,
        OrderComparison,
    )
    from evenfall.report.subject import Judged

__all__ = ["run", "spoken"]

_WIDTH_MAX = 100
_DATES_SHOWN = 8
_NO_BREAK = "\u00a0"


def run(
    settings: Settings,
    service: str,
    network: str,
    *,
    types: Sequence[str],
    hours: str,
    seed: int,
) -> None:
    """Read the store, compare, print.

    Raises:
        StoreError: no events of these types in the store.
        UsageError: no such series.
    """
    import numpy as np

    from evenfall.infer.beside_events import (
        coincidences,
        date_comparisons,
        order_comparisons,
    )
    from evenfall.infer.complied import group_comparison
    from evenfall.infer.event_nights import hours_for
    from evenfall.infer.event_profiles import EVENTS_2026
    from evenfall.infer.profiles import NIGHTLY_2026
    from evenfall.report.gather import gather, pick
    from evenfall.store import open_store

    events = _events(settings, types)
    with open_store(settings.store, write=False) as store:
        judged = gather(store, zone=settings.timezone or "UTC")
    subject = pick(judged, service, network)
    series = subject.series
    night = hours_for(subject.curfew, EVENTS_2026, asked=_asked(hours))
    found = coincidences(series, night, events, NIGHTLY_2026, EVENTS_2026)
    curfew = subject.curfew
    dates = date_comparisons(curfew, events, EVENTS_2026) if curfew else ()
    orders, elsewhere = order_comparisons(curfew, events) if curfew else ((), ())
    beside = [
        j.series
        for j in judged
        if j.series.network == series.network
        and j.series.timezone == series.timezone
        and j.series.simulated == series.simulated
    ]
    groups = group_comparison(
        beside, night, events, NIGHTLY_2026, EVENTS_2026, np.random.default_rng(seed)
    )
    if settings.json:
        for one in (*found, *dates, *orders, *([groups] if groups else [])):
            click.echo(to_json_line(one))
    if settings.verbosity >= 0:
        page = _Page(settings, subject, events)
        page.say_all(found, dates, orders, elsewhere, groups)


def _events(settings: Settings, types: Sequence[str]) -> list[Event]:
    from evenfall.store.events import read_register

    stored = [one.event for one in read_register(settings.store)]
    chosen = [event for event in stored if not types or event.type in types]
    if not chosen:
        raise StoreError(
            expected="events" + (f" of type {', '.join(types)}" if types else ""),
            seen="none",
            where=str(settings.store),
            remedy="Add some: evenfall events add --help, or evenfall events import FILE.",
        )
    return chosen


def _asked(hours: str) -> tuple[Span, ...]:
    from evenfall.infer.event_nights import span_of
    from evenfall.infer.ordered import parse_hours

    if not hours:
        return ()
    parsed = parse_hours(hours, where="--hours")
    return tuple(span_of(h.start_local, h.end_local) for h in parsed)


_PLAIN = str.maketrans({"–": "-", "−": "-", "·": "-", "“": '"', "”": '"', "…": "..."})


def spoken(text: str, console: Console) -> str:
    """The text as the terminal's encoding can print it."""
    from evenfall.cli.nights import speaks_unicode

    if speaks_unicode(console):
        return text
    return text.translate(_PLAIN).encode("ascii", "replace").decode()


class _Page:
    """The words, folded to the terminal."""

    def __init__(self, settings: Settings, subject: Judged, events: Sequence[Event]) -> None:
        from rich.console import Console

        self._console: Console = Console(
            no_color=not settings.color, highlight=False, stderr=settings.json
        )
        self._subject = subject
        self._events = {event.event_id: event for event in events}
        self._width = min(_WIDTH_MAX, self._console.width)

    def say_all(
        self,
        found: Sequence[Coincidence],
        dates: Sequence[DateComparison],
        orders: Sequence[OrderComparison],
        elsewhere: Sequence[Event],
        groups: GroupComparison | None,
    ) -> None:
        """Nights, orders, groups; what was not compared is said too."""
        if self._subject.series.simulated:
            self._head("SIMULATED: made by a seeded generator, evidence of nothing.")
        self._nights(found)
        self._dates(dates)
        self._orders(orders, elsewhere)
        if groups is not None:
            self._groups(groups)
        if not found and not orders and groups is None:
            name = self._subject.finding.service
            self._line(
                f"No event in the store concerns {name}: {len(self._events)} name other services."
            )

    def _nights(self, found: Sequence[Coincidence]) -> None:
        from evenfall.text.event_list import type_words
        from evenfall.text.events import (
            basis_sentence,
            coincidence_sentences,
            lag_rows,
        )

        if found:
            self._head(basis_sentence(found[0]))
        for one in found:
            self._console.print()
            self._head(type_words(one.event_type).capitalize())
            for sentence in coincidence_sentences(one):
                self._line(sentence)
            for row in lag_rows(one):
                self._console.print(
                    "  " + spoken(row, self._console), markup=False, no_wrap=True, crop=True
                )

    def _dates(self, dates: Sequence[DateComparison]) -> None:
        from evenfall.text.events import date_sentence

        if not dates:
            return
        self._console.print()
        self._head("Dates beside the first and the last day")
        for one in dates[:_DATES_SHOWN]:
            self._line(date_sentence(one))
        if len(dates) > _DATES_SHOWN:
            self._line(f"{len(dates) - _DATES_SHOWN} more dates are in --json.")

    def _orders(self, orders: Sequence[OrderComparison], elsewhere: Sequence[Event]) -> None:
        from evenfall.text.events import order_sentences

        for one in orders:
            self._console.print()
            head, *rest = order_sentences(one, self._events[one.event_id])
            self._head(head)
            for sentence in rest:
                self._line(sentence)
        for event in elsewhere:
            self._line(
                f"Order “{event.title}” is in {event.timezone} time and was not compared; "
                "it does not show cause."
            )
        with_hours = any(event.ordered for event in self._events.values())
        if with_hours and self._subject.curfew is None:
            self._line(
                "No recurring hours were found, so no order was compared; this does not show cause."
            )

    def _groups(self, groups: GroupComparison) -> None:
        from evenfall.text.events import group_rows, group_sentences

        self._console.print()
        self._head("Platforms that refused, and that complied")
        rows = [("service", "outcome", "nights", "points"), *group_rows(groups)]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        for row in rows:
            cells = f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}"
            cells += f"  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}"
            self._console.print(
                "  " + spoken(cells, self._console), markup=False, no_wrap=True, crop=True
            )
        for sentence in group_sentences(groups):
            self._line(sentence)

    def _head(self, text: str) -> None:
        text = spoken(text, self._console)
        folded = textwrap.fill(text, self._width, subsequent_indent="  ")
        self._console.print(folded, style="bold", markup=False)

    def _row(self, text: str) -> None:
        shown = "  " + spoken(text, self._console)
        self._console.print(shown, markup=False, no_wrap=True, crop=True)

    def _line(self, text: str) -> None:
        text = spoken(text, self._console).replace(" %", f"{_NO_BREAK}%")
        folded = textwrap.fill(
            text, self._width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
        )
        self._console.print(folded.replace(_NO_BREAK, " "), markup=False)
