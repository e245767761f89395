"""The store's folder: what is where, its version, and the one writer.

STORE/store.toml            format version, created, software
 lock                       who writes; held by the operating system, so a dead owner holds none
 line-salt                  32 bytes, mode 0600: what pseudonyms of lines are made with
 raw/imports.jsonl          ledger: what was imported, and whether it counts
 obs/day=…/network=…/part-0.parquet
 quarantine/IMPORT.parquet  rows that were not kept, with the reason
 findings/                  derived
 tmp/                       work in progress; emptied by the next writer
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from evenfall import __version__
from evenfall.model.errors import StoreError
from evenfall.store.durable import store_faults, write_durably

__all__ = ["FORMAT_MAJOR", "FORMAT_MINOR", "Folder", "open_folder", "writer_lock"]

FORMAT_MAJOR = 1
FORMAT_MINOR = 0
_MAY_BE_THERE = {"lock", "lost+found", "tmp"}


class Folder:
    """Paths inside a store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.version_file = path / "store.toml"
        self.lock_file = path / "lock"
        self.salt_file = path / "line-salt"
        self.ledger_file = path / "raw" / "imports.jsonl"
        self.observations = path / "obs"
        self.quarantine = path / "quarantine"
        self.findings = path / "findings"
        self.temporary = path / "tmp"


def open_folder(path: Path, *, write: bool) -> Folder:
    """Check a store folder, or make a new one if it is to be written.

    Raises:
        StoreError: not there, not a store, of a newer major version, or not accessible.
    """
    folder = Folder(path)
    with store_faults("open the store", path):
        if folder.version_file.exists():
            _check_version(folder)
        elif not write:
            raise StoreError(
                expected="a store folder (with a store.toml)",
                seen="none",
                where=str(path),
                remedy="Import or measure something first, or name the folder with --store.",
            )
        else:
            _create(folder)
    return folder


def _create(folder: Folder) -> None:
    folder.path.mkdir(parents=True, exist_ok=True)
    foreign = sorted({entry.name for entry in folder.path.iterdir()} - _MAY_BE_THERE)
    if foreign:
        raise StoreError(
            expected="an empty folder for a new store",
            seen=f"{', '.join(foreign[:5])}{' …' if len(foreign) > 5 else ''}",
            where=str(folder.path),
            remedy="Name another folder with --store; nothing was written here.",
        )
    for inner in (folder.ledger_file.parent, folder.observations, folder.quarantine):
        inner.mkdir(exist_ok=True)
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    write_durably(
        folder.version_file,
        f'format = "{FORMAT_MAJOR}.{FORMAT_MINOR}"\ncreated = "{created}"\n'
        f'software = "evenfall {__version__}"\n'.encode(),
    )


def _check_version(folder: Folder) -> None:
    try:
        table = tomllib.loads(folder.version_file.read_text(encoding="utf-8"))
        version = str(table["format"])
        major = int(version.split(".", 1)[0])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, ValueError) as error:
        raise StoreError(
            expected='a line as format = "1.0"',
            seen="something else",
            where=str(folder.version_file),
            remedy="Restore store.toml from a copy; the other files are untouched.",
        ) from error
    if major > FORMAT_MAJOR:
        raise StoreError(
            expected=f"a store of format {FORMAT_MAJOR}.x",
            seen=f"format {version}, made by {table.get('software', 'a newer version')}",
            where=str(folder.version_file),
            remedy="Install that version or a later one; nothing was changed.",
        )


@contextlib.contextmanager
def writer_lock(folder: Folder) -> Iterator[None]:
    """Be the one writer while inside.

    The operating system drops the lock when its owner dies, so a stale one is taken over; the
    text in the file only names the owner.

    Raises:
        StoreError: another process is writing; names it.
    """
    with store_faults("lock the store", folder.path):
        descriptor = os.open(folder.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _blocked(folder, os.pread(descriptor, 4096, 0)) from error
        with store_faults("lock the store", folder.path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _owner_text(), 0)
            shutil.rmtree(folder.temporary, ignore_errors=True)
        yield
    finally:
        os.close(descriptor)


def _owner_text() -> bytes:
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    words = [Path(word).name if index == 0 else word for index, word in enumerate(sys.argv[:3])]
    return json.dumps({"pid": os.getpid(), "since": since, "command": " ".join(words)}).encode()


def _blocked(folder: Folder, owner: bytes) -> StoreError:
    try:
        told = json.loads(owner)
        seen = f"process {told['pid']} ({told['command']}) writing since {told['since']}"
    except (ValueError, KeyError, TypeError):
        seen = "another process writing"
    return StoreError(
        expected="to be the only writer",
        seen=seen,
        where=str(folder.path),
        remedy="Wait until it is done, or end it; reading is possible meanwhile.",
    )
