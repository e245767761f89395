"""Words for single events: their type, when they were, and everything else in one line."""

from __future__ import annotations

from evenfall.model.event import Event, Precision
from evenfall.text.words import weekday_words

__all__ = ["event_details", "event_when", "hours_words", "type_words"]

_TYPES = {
    "takedown-request": "takedown request",
    "other": "other event",
}


def type_words(event_type: str) -> str:
    """`broadcast`, `takedown request`."""
    return _TYPES.get(event_type, event_type)


def event_when(event: Event) -> str:
    """`2018-03-13 20:00`, `2018-03-13`, `2018-01-01 …` for what lasts longer than its first day."""
    start = event.start.replace("T", " ")
    if event.end is None or event.end[:10] == event.start[:10]:
        return start
    return f"{start[:10]} …" if event.precision is not Precision.PERIOD else f"in {start[:7]} …"


def event_details(event: Event) -> str:
    """Everything beside date, type and title, in one line."""
    said = [", ".join(event.services), ", ".join(event.networks)]
    if event.end is not None:
        said.append(f"until {event.end.replace('T', ' ')}")
    said.append(event.timezone)
    if event.platform or event.outcome:
        said.append(": ".join(p for p in (event.platform, event.outcome) if p))
    if event.ordered:
        said.append("ordered " + hours_words(event))
    if event.stated_reason:
        said.append(f"stated reason: “{event.stated_reason}”")
    if event.archive_name:
        said.append(f"archived as {event.archive_name}")
    said.append(event.source)
    return " · ".join(" ".join(part.split()) for part in said if part)


def hours_words(event: Event) -> str:
    """`Monday to Friday 20:00-22:00; Sunday 10:00-12:00`."""
    return "; ".join(
        f"{weekday_words(h.weekdays) or 'every day'} {h.start_local}-{h.end_local}"
        for h in event.ordered
    )
