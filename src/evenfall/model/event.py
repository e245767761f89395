"""Events: what happened outside the network, as somebody wrote it down.

An event is a fact of its own kind: a date, a source, and who is concerned. It is never a vote in a
measurement; what it has in common with measured nights is a meaning, and stands in
`coincidence.py`.

The id is made from the content alone, so that the same event added twice is one event, on every
machine. Fields that are empty do not count, so a field that a later version adds leaves the ids of
old events as they are.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any

import msgspec

from evenfall.model.encoding import canonical_json

__all__ = [
    "EVENT_SCHEMA_VERSION",
    "EVENT_TYPES",
    "OUTCOMES",
    "PRECISIONS",
    "Event",
    "EventType",
    "EventWithdrawn",
    "OrderedHours",
    "Outcome",
    "Precision",
    "event_id_of",
    "with_id",
]

EVENT_SCHEMA_VERSION = "1.0"
_ID_HEX = 16
_NOT_CONTENT = ("event_id", "added_us", "schema", "kind")


class EventType(StrEnum):
    """What kind of thing happened."""

    RULING = "ruling"
    ORDER = "order"
    TAKEDOWN_REQUEST = "takedown-request"
    BROADCAST = "broadcast"
    STATEMENT = "statement"
    ELECTION = "election"
    OUTAGE = "outage"
    OTHER = "other"


EVENT_TYPES: dict[EventType, str] = {
    EventType.RULING: "A court decided.",
    EventType.ORDER: "Somebody in office ordered something; may name hours.",
    EventType.TAKEDOWN_REQUEST: "A platform was asked to remove something.",
    EventType.BROADCAST: "Somebody went live.",
    EventType.STATEMENT: "Somebody said something about it.",
    EventType.ELECTION: "People voted.",
    EventType.OUTAGE: "Somebody reported an outage, a blocking or a slowing.",
    EventType.OTHER: "Something else; the title says what.",
}


class Outcome(StrEnum):
    """What a platform did about a takedown request."""

    COMPLIED = "complied"
    PARTLY = "partly"
    REFUSED = "refused"
    UNKNOWN = "unknown"


OUTCOMES: dict[Outcome, str] = {
    Outcome.COMPLIED: "All of it was removed, or was gone.",
    Outcome.PARTLY: "Some was removed, and some was not.",
    Outcome.REFUSED: "Nothing was removed.",
    Outcome.UNKNOWN: "It is not known what the platform did.",
}


class Precision(StrEnum):
    """How finely the time is known."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    PERIOD = "period"


PRECISIONS: dict[Precision, str] = {
    Precision.MINUTE: "To the minute.",
    Precision.HOUR: "To the hour or so.",
    Precision.DAY: "The day is known, no time of day.",
    Precision.PERIOD: "On some day or days between start and end; which ones is not known.",
}


class OrderedHours(msgspec.Struct, frozen=True, kw_only=True):
    """Hours that an order names, half-open, local.

    Attributes:
        weekdays: 0 = Monday … 6 = Sunday, of the date on which the hours start.
        start_local, end_local: `HH:MM`; `24:00` is allowed as an end; an end before the start
            crosses midnight.
    """

    weekdays: tuple[int, ...]
    start_local: str
    end_local: str


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="event"):
    """One event. A line of `events.jsonl`, and of `events list --json`.

    Attributes:
        event_id: first 16 hex digits of the SHA-256 of the canonical content.
        type: ruling, order, takedown-request, broadcast, statement, election, outage, other.
        title: one line, in the words of whoever added it.
        start, end: local, `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM`; a last day counts whole; null: it
            has no known end, and counts for its first day alone.
        timezone: IANA name in which they are meant.
        services, networks: concerned; empty: not said, or all.
        platform: who was asked, for a takedown request.
        outcome: what the platform did; null for other types.
        source: an address or a text that says where this is known from.
        archive_name, archive_sha256: of a copy of the source that somebody keeps: name without
            folder, and SHA-256 of its bytes. The copy itself is not in the store.
        stated_reason: the reason given for it, verbatim.
        ordered: the hours that an order names.
        added_us: when it was added, µs since 1970 UTC, by the clock of that machine.
    """

    event_id: str = ""
    type: EventType
    title: str
    start: str
    end: str | None = None
    timezone: str
    precision: Precision
    services: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    platform: str | None = None
    outcome: Outcome | None = None
    source: str = ""
    archive_name: str | None = None
    archive_sha256: str | None = None
    stated_reason: str | None = None
    ordered: tuple[OrderedHours, ...] = ()
    added_us: int = 0
    schema: str = EVENT_SCHEMA_VERSION


class EventWithdrawn(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="event_withdrawn"
):
    """A later line that takes an event back; the event's own line stays where it is.

    Attributes:
        why: in the words of whoever withdrew it.
        withdrawn_us: µs since 1970 UTC.
    """

    event_id: str
    why: str
    withdrawn_us: int
    schema: str = EVENT_SCHEMA_VERSION


def event_id_of(event: Event) -> str:
    """The id that the content of an event gives."""
    whole: dict[str, Any] = msgspec.to_builtins(event)
    content = {
        name: value
        for name, value in whole.items()
        if name not in _NOT_CONTENT and value not in (None, "", [], ())
    }
    return hashlib.sha256(canonical_json(content)).hexdigest()[:_ID_HEX]


def with_id(event: Event) -> Event:
    """The event carrying the id of its content."""
    return msgspec.structs.replace(event, event_id=event_id_of(event))
