"""Registers of events that others keep: rows of Access Now's and of Google's → events.

See `events.py` for the rules and the sources.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from evenfall.archive.event_rows import Asked, Row, bad_cell, local_text, one_line
from evenfall.infer.event_dates import checked
from evenfall.model.event import Event, EventType, Outcome, Precision

__all__ = ["google_events", "stop_events"]

_AFFECTED = ("facebook", "twitter", "whatsapp", "instagram", "telegram")


def stop_events(
    rows: list[tuple[int, Row]], asked: Asked
) -> Iterator[tuple[int, Callable[[], Event]]]:
    """The line of each row, and what makes its event."""
    return ((line, partial(_stop_event, row, asked)) for line, row in rows)


def _stop_event(row: Row, asked: Asked) -> Event:
    services = [name for name in _AFFECTED if row.get(f"{name}_affected", "").lower() == "yes"]
    said = [row["shutdown_type"] or "shutdown", row.get("shutdown_extent", "")]
    said += [row.get("area_name", ""), row.get("affected_network", "")]
    end = row.get("end_date", "")
    event = Event(
        type=EventType.OUTAGE,
        title=one_line(", ".join(part for part in said if part)),
        start=local_text(row["start_date"], "start_date", Precision.DAY, asked.timezone),
        end=local_text(end, "end_date", Precision.DAY, asked.timezone) if end else None,
        timezone=asked.timezone,
        precision=Precision.DAY,
        services=tuple(services),
        source=(row.get("info_source_link") or row.get("an_link") or asked.source_default)[:4000],
        stated_reason=_stated(row),
        added_us=asked.added_us,
    )
    return checked(event, where="row")


def _stated(row: Row) -> str | None:
    """The reason given, as the register quotes it; "unknown" is none."""
    given = [row.get("gov_justification", ""), row.get("gov_just_details", "")]
    told = ": ".join(part for part in given if part and part.lower() != "unknown")
    return told or None


_PERIOD = re.compile(r"(January - June|July - December) (\d{4})")


def google_events(
    rows: list[tuple[int, Row]], asked: Asked
) -> Iterator[tuple[int, Callable[[], Event]]]:
    """The first line of each product and half-year, and what makes its event."""
    grouped: dict[tuple[str, str], list[tuple[int, Row]]] = {}
    for line, row in rows:
        grouped.setdefault((row["time_period"], row["product"]), []).append((line, row))
    for (period, product), found in grouped.items():
        yield found[0][0], partial(_google_event, period, product, [r for _, r in found], asked)


def _google_event(period: str, product: str, rows: list[Row], asked: Asked) -> Event:
    match = _PERIOD.fullmatch(period)
    if match is None or not product:
        raise bad_cell("a half-year and a product", repr(f"{period} {product}"[:60]), "time_period")
    first_half, year = match[1].startswith("January"), match[2]
    counted = {name: sum(_count(row, name) for row in rows) for name in _ITEMS}
    event = Event(
        type=EventType.TAKEDOWN_REQUEST,
        title=_request_title(product, rows, counted),
        start=f"{year}-01-01" if first_half else f"{year}-07-01",
        end=f"{year}-06-30" if first_half else f"{year}-12-31",
        timezone=asked.timezone,
        precision=Precision.PERIOD,
        services=(product.lower(),),
        platform="Google",
        outcome=_outcome(counted),
        source="Google transparency report, government removal requests",
        added_us=asked.added_us,
    )
    return checked(event, where="row")


_ITEMS = (
    "number_of_requests",
    "items_requested_removal",
    "items_removed_legal",
    "items_removed_policy",
    "items_no_action_taken",
    "items_content_already_removed",
)


def _count(row: Row, name: str) -> int:
    text = row.get(name, "").replace(",", "") or "0"
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise bad_cell("a count", repr(text[:40]), name)
    return int(text)


def _request_title(product: str, rows: list[Row], counted: dict[str, int]) -> str:
    reasons = sorted({row["reason"] for row in rows if row.get("reason")})
    removed = counted["items_removed_legal"] + counted["items_removed_policy"]
    return one_line(
        f"{product}: {counted['number_of_requests']:,} requests about "
        f"{counted['items_requested_removal']:,} items, {removed:,} removed, no action on "
        f"{counted['items_no_action_taken']:,} ({', '.join(reasons)})"
    )


def _outcome(counted: dict[str, int]) -> Outcome:
    gone = (
        counted["items_removed_legal"]
        + counted["items_removed_policy"]
        + counted["items_content_already_removed"]
    )
    kept = counted["items_no_action_taken"]
    if gone and kept:
        return Outcome.PARTLY
    if gone or kept:
        return Outcome.COMPLIED if gone else Outcome.REFUSED
    return Outcome.UNKNOWN
