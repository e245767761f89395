"""Other people's tables of events: bytes in, events out, and what was left out with its reason.

What it does. Three tables are known by their header:
    `csv`     ours: a row an event. Columns, any order: start | start_utc | start_local | date |
              exam_day, end | end_utc | end_local, time, precision, kind | type, title, services,
              networks, area, platform, outcome, source, reason, session. Lists are separated by
              semicolons.
    `stop`    Access Now's register of shutdowns (#KeepItOn STOP): a row a shutdown, days.
    `google`  Google's transparency report, government removal requests: a row a country, product
              and reason in half a year; rows of one product and half-year become one takedown
              request with what became of its items.

Rules:
    Zones: a stamp with its own offset, or in a `_utc` column, is put on the clock of the zone that
    the caller names; a plain one is meant in that zone. At precision `day` the date stands as it is
    written, with or without an offset: it is a date, not a midnight.
    A register says throttle, block or shutdown; here that is an `outage` that somebody reported,
    with their word in the title. A word that we do not know becomes `other` with it in the title.
    Google's outcome: all items removed or gone is `complied`, none is `refused`, between them
    `partly`; items about which too little was said, or that were not found, count on neither side.
    No day is known, so the precision is `period`.
    A row that cannot be is left out and named; the others are read. More than 100,000 rows or 200
    columns, a first line of more than 131,072 characters, or a table of none of these kinds, is
    refused.

Calendars in iCalendar format are known by their first line, and read by `event_calendar.py`.

What it does not do: decide anything.

Sources: accessnow.org/keepiton (STOP methodology), transparencyreport.google.com (column names as
in the files of 2026), RFC 4180.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from typing import NamedTuple

from evenfall.archive.event_calendar import calendar_events, is_calendar
from evenfall.archive.event_registers import google_events, stop_events
from evenfall.archive.event_rows import STARTS, Asked, Row, csv_events
from evenfall.infer.localtime import load_zone
from evenfall.model.errors import FormatError
from evenfall.model.event import Event, EventType

__all__ = ["FORMATS", "EventsRead", "RowLeftOut", "read_events"]

FORMATS = ("csv", "stop", "google", "ics")
_ROWS_MAX = 100_000
_COLUMNS_MAX = 200
_HEADER_CHARS_MAX = 131_072  # as much as the standard library allows one cell


class RowLeftOut(NamedTuple):
    """A row that became no event: its line (the header is line 1; VEVENTs are counted), and why."""

    line: int
    why: str


class EventsRead(NamedTuple):
    """What a table held.

    Attributes:
        form: which of `FORMATS` it is.
        events: checked, with ids, in the order of the table.
        left_out: rows that were not read.
        other_country: rows of countries that were not asked for.
    """

    form: str
    events: list[Event]
    left_out: list[RowLeftOut]
    other_country: int


def read_events(
    content: bytes,
    *,
    name: str,
    timezone: str,
    added_us: int,
    form: str = "",
    country: str = "",
    type_default: EventType = EventType.OTHER,
) -> EventsRead:
    """Read a table of events.

    Args:
        content: the whole file, UTF-8.
        name: of the file, for messages and as the source where rows name none.
        timezone: IANA zone in which plain dates are meant, and in which all are kept.
        added_us: stamped on every event.
        form: one of `FORMATS`; empty: told by the header.
        country: only rows of this country (name or two letters, any case); for `stop`, `google`.
        type_default: of rows of `csv` and `ics` that do not say.

    Raises:
        FormatError: no such table, not UTF-8, too long, an unknown zone, or a country that is
            missing where the table holds several or that it does not hold.
    """
    load_zone(timezone)
    asked = Asked(timezone, type_default, name, added_us)
    if form == "ics" or (not form and is_calendar(content)):
        return EventsRead("ics", *_gathered(calendar_events(content, asked, name=name)), 0)
    header, rows = _rows(content, name)
    form = form or _sniffed(header, name)
    _check_header(form, header, name)
    kept = _of_country(rows, form, country, name)
    events, left_out = _gathered(_MAKERS[form](kept, asked))
    return EventsRead(form, events, left_out, len(rows) - len(kept))


def _rows(content: bytes, name: str) -> tuple[list[str], list[tuple[int, Row]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _bad("a table in UTF-8", f"a byte that is not, at {error.start}", name) from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if len(io.StringIO(text, newline="").readline(_HEADER_CHARS_MAX + 1)) > _HEADER_CHARS_MAX:
        raise _bad(f"a header of at most {_HEADER_CHARS_MAX:,} characters", "more", name)
    try:
        header = [column.strip().lower() for column in reader.fieldnames or []]
        if len(header) > _COLUMNS_MAX:
            raise _bad(f"at most {_COLUMNS_MAX} columns", f"{len(header):,}", name)
        reader.fieldnames = header
        rows: list[tuple[int, Row]] = []
        for row in reader:
            if len(rows) >= _ROWS_MAX:
                raise _bad(f"at most {_ROWS_MAX:,} rows", "more", name)
            rows.append((reader.line_num, _plain(row)))
    except csv.Error as error:
        raise _bad("a table with a header, separated by commas", str(error), name) from error
    return header, rows


def _plain(row: dict[str | None, object]) -> Row:
    """The filled cells, and of the empty ones those that a table must have.

    So a short row costs no more than it holds. Cells beyond the header have no column and are
    dropped.
    """
    cells = ((k, v.strip() if isinstance(v, str) else "") for k, v in row.items() if k is not None)
    return {column: text for column, text in cells if text or column in _ALWAYS}


def _bad(expected: str, seen: str, where: str, remedy: str = "") -> FormatError:
    return FormatError(
        expected=expected,
        seen=seen,
        where=where,
        remedy=remedy or "docs/events.md lists the tables that are read.",
    )


_NEEDED = {
    "stop": {"start_date", "country", "shutdown_type"},
    "google": {"time_period", "country", "product", "items_requested_removal"},
}
_ALWAYS = frozenset().union(*_NEEDED.values())
_Making = tuple[int, Callable[[], Event]]
_MAKERS: dict[str, Callable[[list[tuple[int, Row]], Asked], Iterable[_Making]]] = {
    "csv": csv_events,
    "stop": stop_events,
    "google": google_events,
}


def _sniffed(header: list[str], name: str) -> str:
    for form, needed in _NEEDED.items():
        if needed <= set(header):
            return form
    if set(header) & set(STARTS):
        return "csv"
    raise _bad(
        "the header of a table of events (start, or start_utc, or date)",
        ", ".join(header[:6]) or "nothing",
        name,
    )


def _check_header(form: str, header: list[str], name: str) -> None:
    if form == "csv":
        missing = set() if set(header) & set(STARTS) else {"start"}
    else:
        missing = _NEEDED[form] - set(header)
    if missing:
        raise _bad(f"a table of format {form}", f"no column {min(missing)}", name)


def _of_country(
    rows: list[tuple[int, Row]], form: str, country: str, name: str
) -> list[tuple[int, Row]]:
    if form == "csv":
        return rows
    there = {row["country"] for _, row in rows}
    if not country and len(there) > 1:
        raise _bad(
            "one country", f"rows of {len(there)}", name, "Name it with --country, as Kazakhstan."
        )
    wanted = country.lower() or next(iter(there), "").lower()
    kept = [r for r in rows if wanted in (r[1]["country"].lower(), _code(r[1]).lower())]
    if rows and not kept:
        some = ", ".join(sorted(there)[:5]) + (", …" if len(there) > 5 else "")
        raise _bad(f"rows of {country}", f"only {some}", name, "Spell it as the table does.")
    return kept


def _code(row: Row) -> str:
    return row.get("cldr_territory") or row["country"]


def _gathered(made: Iterable[_Making]) -> tuple[list[Event], list[RowLeftOut]]:
    events: list[Event] = []
    left_out: list[RowLeftOut] = []
    for line, make in made:
        try:
            events.append(make())
        except FormatError as error:
            left_out.append(RowLeftOut(line, f"expected {error.expected}, found {error.seen}"))
    return events, left_out
