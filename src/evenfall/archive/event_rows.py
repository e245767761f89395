"""One row of our own table of events → an event; see `events.py` for the table.

A cell that cannot be read is a `FormatError`; the caller names the line and goes on.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple, TypeVar

from evenfall.infer.event_dates import checked
from evenfall.infer.localtime import load_zone
from evenfall.model.errors import FormatError
from evenfall.model.event import Event, EventType, Outcome, Precision

__all__ = [
    "STARTS",
    "_TITLE_MAX",
    "Asked",
    "Row",
    "bad_cell",
    "csv_events",
    "local_text",
    "one_line",
]

STARTS = ("start", "start_utc", "start_local", "date", "exam_day")
_TITLE_MAX = 480
_ENDS = ("end", "end_utc", "end_local")
_DATE_CHARS = 10
_ASIDE = re.compile(r"\s*\([^)]*\)")
_EVERYTHING = "full network"
Row = dict[str, str]
_Word = TypeVar("_Word", Precision, Outcome)


class Asked(NamedTuple):
    """What the caller wants of a table; see `events.read_events`."""

    timezone: str
    type_default: EventType
    source_default: str
    added_us: int


def bad_cell(expected: str, seen: str, column: str) -> FormatError:
    """A cell that holds something else."""
    return FormatError(
        expected=expected, seen=seen, where=column, remedy="Correct the row and import it again."
    )


def csv_events(
    rows: list[tuple[int, Row]], asked: Asked
) -> Iterator[tuple[int, Callable[[], Event]]]:
    """The line of each row, and what makes its event."""
    return ((line, partial(_csv_event, row, asked)) for line, row in rows)


def _first(row: Row, names: Iterable[str]) -> tuple[str, str]:
    """The first of these columns that is filled, and its cell."""
    return next(((name, row[name]) for name in names if row.get(name)), ("", ""))


def _csv_event(row: Row, asked: Asked) -> Event:
    timed = [name for name in STARTS if row.get(name) and len(row[name]) > _DATE_CHARS]
    start_column, start = _first(row, timed or STARTS)
    if not start:
        raise bad_cell("a start", "an empty cell", "start")
    if row.get("time"):
        start += f"T{row['time']}"
    end_column, end = _first(row, _ENDS)
    precision = _precision(row.get("precision", ""), start)
    word = row.get("kind") or row.get("type") or ""
    outcome = row.get("outcome", "").lower()
    event = Event(
        type=_type(word, asked.type_default),
        title=_title(row, word),
        start=local_text(start, start_column, precision, asked.timezone),
        end=local_text(end, end_column, precision, asked.timezone) if end else None,
        timezone=asked.timezone,
        precision=precision,
        services=_names(row.get("services", "")),
        networks=_names(row.get("networks", "")),
        platform=row.get("platform") or None,
        outcome=_word(Outcome, outcome, "outcome") if outcome else None,
        source=row.get("source") or asked.source_default,
        stated_reason=row.get("reason") or None,
        added_us=asked.added_us,
    )
    return checked(event, where="row")


_REPORTED = {"throttle", "block", "shutdown", "slowing", "blocking"}


def _type(word: str, default: EventType) -> EventType:
    word = word.lower().strip().replace("_", "-").replace(" ", "-")
    if word in {str(known) for known in EventType}:
        return EventType(word)
    if word in _REPORTED:
        return EventType.OUTAGE
    return EventType.OTHER if word else default


def one_line(text: str) -> str:
    """A title: its words with single spaces, cut at its longest."""
    return " ".join(text.split())[:_TITLE_MAX]


def _title(row: Row, word: str) -> str:
    if row.get("title"):
        return one_line(row["title"])
    told = [word, row.get("session", ""), row.get("services", ""), row.get("area", "")]
    return one_line(", ".join(part for part in told if part)) or "event"


def _precision(text: str, start: str) -> Precision:
    if text:
        return _word(Precision, text.lower(), "precision")
    return Precision.MINUTE if len(start) > _DATE_CHARS else Precision.DAY


def _word(words: type[_Word], text: str, what: str) -> _Word:
    try:
        return words(text)
    except ValueError as error:
        raise bad_cell(f"{what} one of {', '.join(words)}", repr(text[:40]), what) from error


def _names(text: str) -> tuple[str, ...]:
    """Names without their remarks in brackets; the whole network is nobody's name."""
    plain = (_ASIDE.sub("", part).strip() for part in text.split(";"))
    return tuple(name for name in plain if name and name.lower() != _EVERYTHING)


def local_text(text: str, column: str, precision: Precision, zone: str) -> str:
    """A cell as a local date or minute of the zone; at precision `day` its date as written."""
    try:
        moment = dt.datetime.fromisoformat(text)
        if precision in (Precision.DAY, Precision.PERIOD) or len(text) <= _DATE_CHARS:
            return moment.date().isoformat()
        if moment.tzinfo is None and column.endswith("_utc"):
            moment = moment.replace(tzinfo=dt.UTC)
        if moment.tzinfo is not None:
            moment = moment.astimezone(load_zone(zone))
        return moment.strftime("%Y-%m-%dT%H:%M")
    except (ValueError, OverflowError) as error:
        raise bad_cell("a date or time in ISO form", repr(text[:40]), column) from error
