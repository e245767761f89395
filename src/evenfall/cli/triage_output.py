"""How `triage` prints: JSON Lines, one line for monitoring, and a screen with a customer's text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evenfall.cli.check_output import moment_of, notes_of, summary_of
from evenfall.cli.options import Settings
from evenfall.cli.screen import Row, Screen
from evenfall.infer.ground import end_status
from evenfall.model.encoding import to_json_line
from evenfall.model.saying import say
from evenfall.model.triage import Conclusion, Triage
from evenfall.model.verdict import Verdict
from evenfall.model.vocabulary import State
from evenfall.text.check import cost_words
from evenfall.text.rows import mark_of, row_words, way_name_words, way_words
from evenfall.text.speech import LANGUAGES, Speech
from evenfall.text.triage import (
    CHECK_LIST,
    CUSTOMER_HEAD,
    NOT_SHOWN,
    PATH_OPEN,
    access_words,
    argument_words,
    check_list,
    conclusion_words,
    customer_text,
    others_words,
    pairs_words,
    sure_words,
    ticket_words,
    title_words,
)
from evenfall.text.words import service_words, speed_words

if TYPE_CHECKING:
    from evenfall.probe.check import CheckResult

__all__ = ["NAGIOS_EXIT_CODES", "nagios_line", "print_json", "print_screen", "rows_of"]

NAGIOS_EXIT_CODES = {
    Conclusion.NOTHING_WRONG: 0,
    Conclusion.BY_NAME: 1,
    Conclusion.BY_ITSELF: 1,
    Conclusion.AT_SERVICE: 1,
    Conclusion.OWN_NETWORK: 2,
    Conclusion.CANNOT_TELL: 3,
    Conclusion.NOT_MEASURED: 3,
}
"""Monitoring Plugins' states: 1 a service is affected, not by us; 2 all of it, ours; 3 unknown."""

_NAGIOS_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def print_json(result: CheckResult, triage: Triage) -> None:
    """As `check --json` prints, and one `triage` as the last line."""
    for item in (*result.observations, *result.judged.verdicts, summary_of(result), triage):
        click.echo(to_json_line(item))


def nagios_line(triage: Triage) -> str:
    """One line with performance data, in English for the machine that reads it."""
    exit_code = NAGIOS_EXIT_CODES[triage.conclusion]
    figures = {
        "page_mbps": triage.service_bps,
        "by_name_mbps": triage.by_name_bps,
        "neutral_mbps": triage.neutral_bps,
        "access_mbps": triage.access_bps,
    }
    data = [f"{name}={bps / 1e6:.2f}" for name, bps in figures.items() if bps is not None]
    data += [f"pairs={triage.n_pairs}", f"slower_pairs={triage.slower_pairs}"]
    state, words = _NAGIOS_WORDS[exit_code], conclusion_words(triage)
    return f"EVENFALL {state} - {triage.service}: {words} {triage.ticket} | {' '.join(data)}"


def print_screen(
    result: CheckResult, triage: Triage, settings: Settings, *, width: int | None = None
) -> None:
    """Rows from the access to the service, the conclusion, what to look at, the customer's text."""
    screen = Screen(settings, width=width)
    verdict = _worst_of(result, triage)
    date, time, zone = moment_of(result, settings) or ("?", "?", "?")
    for note in notes_of(result):
        screen.head(note)
    screen.head(title_words(triage, date, time, zone))
    screen.rows(rows_of(triage, verdict, end_status(result.judged.sites[verdict.target])))
    screen.blank()
    screen.head(f"=> {screen.speech.say(conclusion_words(triage))}")
    located = verdict.located
    lines = (
        argument_words(triage),
        sure_words(triage),
        PATH_OPEN if located is None else say("Path: {because}.", because=located.because),
        NOT_SHOWN,
        CHECK_LIST,
    )
    for line in lines:
        if line is not None:
            screen.line(line)
    for item in check_list(triage):
        screen.line(f"[ ] {screen.speech.say(item)}")
    screen.blank()
    screen.head(CUSTOMER_HEAD)
    for language in LANGUAGES:
        screen.line(Speech(language).say(customer_text(triage, time)))
    screen.blank()
    screen.line(ticket_words(triage, cost_words(result.bytes_spent, result.duration_s)))


def _worst_of(result: CheckResult, triage: Triage) -> Verdict:
    own = [v for v in result.judged.verdicts if v.service == triage.service]
    return next(v for v in own if v.state is triage.service_state)


def rows_of(triage: Triage, verdict: Verdict, status: int | None = None) -> list[Row]:
    """From our own access outwards; `status` is that of the service's page."""
    rows = [_access_row(triage), *_site_rows(triage)]
    page = row_words(verdict, target_bps=triage.service_bps, pairs=None, status=status)
    rows.append(Row(mark_of(verdict), service_words(triage.service), page))
    rows += [
        Row(mark_of(way), way_name_words(way), way_words(way), depth=1)
        for way in verdict.ways
        if way.state is not State.INSUFFICIENT
    ]
    rows += _name_rows(triage)
    if triage.others:
        rows.append(Row(" ", say("other services"), others_words(triage.others)))
    return rows


def _access_row(triage: Triage) -> Row:
    name = say("our access")
    if triage.access_bps is None:
        return Row("?", name, say("not measured: no server of your own answered"))
    words = say("{figures}, to our own server", figures=access_words(triage))
    return Row("▼" if triage.access_slow else "✔", name, words)


def _site_rows(triage: Triage) -> list[Row]:
    works, listed = triage.upstream_works, triage.upstream_listed
    words = say("{works} of {listed} answer", works=works, listed=listed)
    if triage.upstream_bps is not None:
        words = say("{speed} ({counted})", speed=speed_words(triage.upstream_bps), counted=words)
    rows = [Row(_mark(triage, works, listed), say("neutral sites"), words)]
    if triage.domestic_listed:
        works, listed = triage.domestic_works, triage.domestic_listed
        words = say("{works} of {listed} answer", works=works, listed=listed)
        mark = "✔" if triage.domestic_fine else "▼" if triage.domestic_slow else "?"
        rows.append(Row(mark, say("domestic sites"), words))
    return rows


def _mark(triage: Triage, works: int, listed: int) -> str:
    if triage.conclusion is Conclusion.OWN_NETWORK:
        return "▼"
    return "✔" if works and works == listed else "?"


def _name_rows(triage: Triage) -> list[Row]:
    rows = []
    if triage.n_pairs:
        mark = "▼" if triage.conclusion is Conclusion.BY_NAME else "✔"
        rows += [
            Row(mark, say("our server, its name"), pairs_words(triage)),
            Row("✔", say("our server, neutral"), speed_words(triage.neutral_bps or 0)),
        ]
    if triage.neutral_name_opens is not None:
        opens = triage.neutral_name_opens
        words = say("answers") if opens else say("does not answer")
        rows.append(Row("✔" if opens else "✖", say("its address, neutral"), words))
    return rows
