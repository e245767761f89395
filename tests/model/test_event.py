"""Ids of events: from the content, stable, and open to fields of tomorrow."""

from __future__ import annotations

import hashlib
import json

import msgspec
import pytest

from evenfall.model.dictionary import data_dictionary, json_schemas
from evenfall.model.event import (
    EVENT_TYPES,
    OUTCOMES,
    PRECISIONS,
    Event,
    EventType,
    OrderedHours,
    Outcome,
    Precision,
    event_id_of,
    with_id,
)

RULING = Event(
    type=EventType.RULING,
    title="A court ruled",
    start="2018-03-13",
    timezone="Asia/Almaty",
    precision=Precision.DAY,
    source="https://example.org/1",
)


def test_the_id_is_the_hash_of_sorted_json_without_spaces() -> None:
    """Anybody can make the id with the standard library alone."""
    content = {
        "type": "ruling", "title": "A court ruled", "start": "2018-03-13",
        "timezone": "Asia/Almaty", "precision": "day", "source": "https://example.org/1",
    }  # fmt: skip
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert event_id_of(RULING) == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_when_it_was_added_is_no_content() -> None:
    """The same event, added twice, or carrying an id, has one id."""
    later = msgspec.structs.replace(with_id(RULING), added_us=17, schema="1.9")
    assert event_id_of(later) == event_id_of(RULING)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "A court ruled again"}, {"start": "2018-03-14"}, {"timezone": "Asia/Aqtobe"},
        {"services": ("video",)}, {"outcome": Outcome.UNKNOWN}, {"end": "2018-03-13"},
        {"archive_sha256": "0" * 64}, {"stated_reason": "none was given"},
        {"ordered": (OrderedHours(weekdays=(0,), start_local="20:00", end_local="22:00"),)},
    ],
)  # fmt: skip
def test_every_other_field_is_content(change: dict) -> None:
    """Two events that differ in what they say have two ids."""
    assert event_id_of(msgspec.structs.replace(RULING, **change)) != event_id_of(RULING)


def test_a_line_of_tomorrow_is_read() -> None:
    """A field that a newer minor version added is passed over; the rest is the same."""
    row = {**msgspec.to_builtins(with_id(RULING)), "mood_of_tomorrow": "blue", "schema": "1.7"}
    read = msgspec.convert(row, type=Event)
    assert event_id_of(read) == event_id_of(RULING)


def test_words_and_schemas_are_documented() -> None:
    """Every word of the three vocabularies has a meaning; every printed kind has a schema."""
    assert set(EVENT_TYPES) == set(EventType)
    assert set(OUTCOMES) == set(Outcome)
    assert set(PRECISIONS) == set(Precision)
    assert "| `takedown-request` |" in data_dictionary()
    kinds = {"event", "event_withdrawn", "coincidence", "date_comparison", "order_comparison",
             "group_comparison"}  # fmt: skip
    assert kinds <= set(json_schemas())
