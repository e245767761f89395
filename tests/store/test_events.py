"""The register of events: lines are added, never lost, never changed."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import msgspec
import pytest

from evenfall.infer.event_dates import checked
from evenfall.model.errors import StoreError
from evenfall.model.event import Event, EventType, Precision
from evenfall.store import open_store
from evenfall.store.events import add_events, read_register, withdraw_event
from evenfall.store.folder import open_folder, writer_lock


def event(title: str, **more: object) -> Event:
    """A ruling with this title."""
    one = Event(
        type=EventType.RULING, title=title, start="2018-03-13", timezone="Asia/Almaty",
        precision=Precision.DAY, source="made", added_us=7, **more,
    )  # fmt: skip
    return checked(one, where="here")


def titles(path: Path) -> list[str]:
    """Of the events that count."""
    return [one.event.title for one in read_register(path)]


def test_events_are_kept_and_read_back(tmp_path: Path) -> None:
    """In order, in a store that is made for them and that opens as one."""
    store = tmp_path / "store"
    result = add_events(store, [event("a"), event("b")])
    assert [e.title for e in result.added] == ["a", "b"]
    assert [one.event for one in read_register(store)] == [event("a"), event("b")]
    with open_store(store, write=False) as opened:
        assert opened.series() == []
    lines = (store / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["event", "event"]


def test_a_store_without_events_has_none(tmp_path: Path) -> None:
    """And a folder that is no store is named."""
    with pytest.raises(StoreError, match="a store folder"):
        read_register(tmp_path / "nothing")
    with open_store(tmp_path / "store", write=True):
        pass
    assert read_register(tmp_path / "store") == []


def test_the_same_event_is_stored_once(tmp_path: Path) -> None:
    """Twice in one go, and again later with another date of adding."""
    store = tmp_path / "store"
    result = add_events(store, [event("a"), event("a")])
    assert (len(result.added), len(result.known)) == (1, 1)
    before = (store / "events.jsonl").read_bytes()
    later = msgspec.structs.replace(event("a"), added_us=99)
    assert add_events(store, [later]).known == [later]
    assert (store / "events.jsonl").read_bytes() == before


def test_a_withdrawal_is_a_line_of_its_own(tmp_path: Path) -> None:
    """The event's line stays byte for byte; added again, the event counts again."""
    store = tmp_path / "store"
    add_events(store, [event("a"), event("b")])
    before = (store / "events.jsonl").read_bytes()
    taken = withdraw_event(store, event("a").event_id[:10], why="twice", withdrawn_us=11)
    assert taken == event("a")
    assert titles(store) == ["b"]
    after = (store / "events.jsonl").read_bytes()
    assert after.startswith(before)
    line = json.loads(after.splitlines()[-1])
    assert (line["kind"], line["why"], line["withdrawn_us"]) == ("event_withdrawn", "twice", 11)
    with pytest.raises(StoreError, match="none"):
        withdraw_event(store, event("a").event_id, why="again", withdrawn_us=12)
    assert add_events(store, [event("a")]).added == [event("a")]
    assert titles(store) == ["b", "a"]


def test_an_id_that_is_none_or_begins_many_is_refused(tmp_path: Path) -> None:
    """Nothing is written then."""
    store = tmp_path / "store"
    events = [event(str(n)) for n in range(40)]
    add_events(store, events)
    before = (store / "events.jsonl").read_bytes()
    digits = {e.event_id[0] for e in events}
    many = max(digits, key=[e.event_id[0] for e in events].count)
    for wrong in ("", "zz", many):
        with pytest.raises(StoreError, match="events list"):
            withdraw_event(store, wrong, why="x", withdrawn_us=0)
    assert (store / "events.jsonl").read_bytes() == before


def test_fields_of_tomorrow_stay(tmp_path: Path) -> None:
    """A line of a higher minor is read, and kept as bytes when others are added or withdrawn."""
    store = tmp_path / "store"
    add_events(store, [event("a")])
    file = store / "events.jsonl"
    row = {**msgspec.to_builtins(event("b")), "schema": "1.8", "of_tomorrow": {"x": [1.5]}}
    line = json.dumps(row).encode()
    file.write_bytes(file.read_bytes() + line)  # and no line break at the end
    add_events(store, [event("c")])
    withdraw_event(store, event("a").event_id, why="x", withdrawn_us=0)
    assert titles(store) == ["b", "c"]
    assert read_register(store)[0].line == line
    assert line in file.read_bytes().splitlines()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"kind":"event","schema":"2.0"}', "schema 2.0"),
        (b'{"kind":"mood","schema":"1.0"}', "one event or withdrawal a line"),
        (b'{"kind":"event","schema":"1.0","title":3}', "one event or withdrawal a line"),
        (b'{"kind":"event","sch', "one event or withdrawal a line"),
        (b"\xff\xfe", "one event or withdrawal a line"),
    ],
)
def test_a_line_that_is_none_of_ours_is_named(tmp_path: Path, line: bytes, says: str) -> None:
    """With its number; nothing is added behind it."""
    store = tmp_path / "store"
    add_events(store, [event("a")])
    file = store / "events.jsonl"
    file.write_bytes(file.read_bytes() + line + b"\n")
    before = file.read_bytes()
    for attempt in (lambda: read_register(store), lambda: add_events(store, [event("b")])):
        with pytest.raises(StoreError, match=says) as caught:
            attempt()
        assert "line 2" in caught.value.where
    assert file.read_bytes() == before


def test_one_writer(tmp_path: Path) -> None:
    """While another holds the store, nothing is added, and the other is named."""
    store = tmp_path / "store"
    add_events(store, [event("a")])
    with writer_lock(open_folder(store, write=True)):
        with pytest.raises(StoreError, match="only writer"):
            add_events(store, [event("b")])
        assert titles(store) == ["a"]  # reading goes on


def _add_many(path: str, name: int) -> int:
    added = 0
    while added < 10:
        try:
            added += len(add_events(Path(path), [event(f"{name} {added}")]).added)
        except StoreError:
            os.sched_yield()
    return added


def test_writers_in_turn_lose_nothing(tmp_path: Path) -> None:
    """Three processes add ten events each; thirty are there, each in a whole line."""
    store = tmp_path / "store"
    add_events(store, [])
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        assert pool.starmap(_add_many, [(str(store), n) for n in range(3)]) == [10, 10, 10]
    assert len(titles(store)) == 30


def test_a_line_that_is_too_long_is_refused(tmp_path: Path) -> None:
    """Nothing is written of it."""
    store = tmp_path / "store"
    long = event("a", stated_reason="ш" * 20_000, services=tuple("x" * 200 for _ in range(200)))
    with pytest.raises(StoreError, match="64 KiB"):
        add_events(store, [long])
    assert titles(store) == []
