"""The register of events: `events.jsonl` in the store, one line an event or a withdrawal.

Rules:
    Lines are added and never changed or removed. An event is taken back by a later line that names
    it and says why; added again after that, it counts again.
    An event whose id is there already is not written twice.
    Lines are kept as bytes: what a later version wrote in fields unknown here stays as it is. A
    line of a higher major version, or of no kind that is known, is refused by name.
    The file is replaced as a whole under the store's lock, so it never ends in half a line; at most
    100,000 lines of at most 64 KiB.

What it does not do: copy the archived source (its hash is kept), or judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from evenfall.model.encoding import to_json_line
from evenfall.model.errors import StoreError
from evenfall.model.event import EVENT_SCHEMA_VERSION, Event, EventWithdrawn
from evenfall.store.durable import store_faults, write_durably
from evenfall.store.folder import Folder, open_folder, writer_lock

__all__ = ["EventsAdded", "StoredEvent", "add_events", "read_register", "withdraw_event"]

_FILE = "events.jsonl"
_LINES_MAX = 100_000
_LINE_BYTES_MAX = 65_536
_SHOWN_MAX = 5


class StoredEvent(NamedTuple):
    """An event and its line, which may hold more than we know."""

    event: Event
    line: bytes


class EventsAdded(NamedTuple):
    """What became of events: written, and there already."""

    added: list[Event]
    known: list[Event]


class _Head(msgspec.Struct):
    kind: str = ""
    schema: str = ""
    event_id: str = ""


def read_register(path: Path) -> list[StoredEvent]:
    """Events that count, oldest line first; none where the store has none.

    Args:
        path: the store folder.

    Raises:
        StoreError: no store, a line that cannot be read, or one of a newer major version.
    """
    return list(_counting(open_folder(path, write=False)).values())


def add_events(path: Path, events: Sequence[Event]) -> EventsAdded:
    """Add checked events; the store is made if it is absent.

    Raises:
        StoreError: the folder cannot be written, is locked, or would hold too many events.
    """
    folder = open_folder(path, write=True)
    with writer_lock(folder):
        there = _counting(folder)
        result = EventsAdded([], [])
        for event in events:
            is_known = event.event_id in there
            (result.known if is_known else result.added).append(event)
            there.setdefault(event.event_id, StoredEvent(event, b""))
        _append(folder, result.added)
    return result


def withdraw_event(path: Path, event_id: str, *, why: str, withdrawn_us: int) -> Event:
    """Take an event back; its line stays.

    Args:
        path: the store folder.
        event_id: whole, or its beginning where only one begins so.
        why: kept in the new line.
        withdrawn_us: µs since 1970 UTC.

    Raises:
        StoreError: no such event, or several that begin so.
    """
    folder = open_folder(path, write=False)
    with writer_lock(folder):
        there = _counting(folder)
        found = [key for key in there if event_id and key.startswith(event_id.lower())]
        if len(found) != 1:
            raise _not_one(event_id, found, folder)
        _append(folder, [EventWithdrawn(event_id=found[0], why=why, withdrawn_us=withdrawn_us)])
    return there[found[0]].event


def _not_one(event_id: str, found: list[str], folder: Folder) -> StoreError:
    shown = ", ".join(found[:_SHOWN_MAX]) + (", …" if len(found) > _SHOWN_MAX else "")
    return StoreError(
        expected="the id of one event in the store",
        seen=f"{event_id!r}: {f'{len(found)} begin so: {shown}' if found else 'none'}",
        where=str(folder.path / _FILE),
        remedy="`evenfall events list` prints the ids.",
    )


def _counting(folder: Folder) -> dict[str, StoredEvent]:
    """Id → event, without those withdrawn later."""
    there: dict[str, StoredEvent] = {}
    for number, line in enumerate(_content(folder).splitlines(), start=1):
        if not line.strip():
            continue
        read = _read_line(line, f"{folder.path / _FILE}, line {number}")
        if isinstance(read, EventWithdrawn):
            there.pop(read.event_id, None)
        else:
            there.setdefault(read.event_id, StoredEvent(read, line))
    return there


def _read_line(line: bytes, where: str) -> Event | EventWithdrawn:
    try:
        head = msgspec.json.decode(line, type=_Head)
        major = EVENT_SCHEMA_VERSION.split(".", 1)[0]
        if head.schema.split(".", 1)[0] != major:
            raise StoreError(
                expected=f"an event of schema {major}.x",
                seen=f"schema {head.schema or '(none)'}",
                where=where,
                remedy="Install the version that wrote it or a later one; nothing was changed.",
            )
        return msgspec.json.decode(line, type=Event | EventWithdrawn)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(
            expected="one event or withdrawal a line, as it was written",
            seen=str(error),
            where=where,
            remedy="Restore events.jsonl from a copy; the other files are untouched.",
        ) from error


def _content(folder: Folder) -> bytes:
    file = folder.path / _FILE
    with store_faults("read the events", file):
        return file.read_bytes() if file.exists() else b""


def _append(folder: Folder, values: Sequence[Event | EventWithdrawn]) -> None:
    if not values:
        return
    file = folder.path / _FILE
    before = _content(folder)
    if before and not before.endswith(b"\n"):
        before += b"\n"
    lines = [to_json_line(value).encode() for value in values]
    too_long = any(len(line) > _LINE_BYTES_MAX for line in lines)
    if too_long or before.count(b"\n") + len(lines) > _LINES_MAX:
        raise StoreError(
            expected=f"at most {_LINES_MAX:,} lines of {_LINE_BYTES_MAX // 1024} KiB",
            seen="a longer line" if too_long else "more",
            where=str(file),
            remedy="Add fewer events, or keep them in another store; nothing was changed.",
        )
    with store_faults("write the events", file):
        write_durably(file, before + b"".join(line + b"\n" for line in lines))
