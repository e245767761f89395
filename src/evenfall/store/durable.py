"""Writing so that a crash or a full disk leaves the old state or the new one, never half of one.

A file is written beside its place, flushed to the disk, and renamed over it; then the folder is
flushed. Whatever the operating system or the engine refuses becomes a `StoreError` that says what
was being done, and that nothing complete was lost.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb

from evenfall.model.errors import StoreError

__all__ = ["flush_file", "flush_folder", "move_durably", "store_faults", "write_durably"]

TEMPORARY_SUFFIX = ".new"

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


def write_durably(path: Path, content: bytes) -> None:
    """Replace `path` by `content`; after a crash it is the old file or the new one."""
    beside = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        move_durably(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def move_durably(source: Path, target: Path) -> None:
    """Rename on the same file system, over what was there, and flush the folder."""
    source.replace(target)
    flush_folder(target.parent)


def flush_file(path: Path) -> None:
    """Wait until the file's bytes are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folder(path: Path) -> None:
    """Wait until the folder's entries are on the disk."""
    flush_file(path)


@contextlib.contextmanager
def store_faults(doing: str, where: Path) -> Iterator[None]:
    """Turns refusals of the operating system and of the engine into one `StoreError`.

    Args:
        doing: what is being done, as "write the imported rows".
        where: the folder or file it is done to.
    """
    try:
        yield
    except OSError as error:
        raise _from_os(error, doing, where) from error
    except duckdb.OutOfMemoryException as error:
        raise _no_room(doing, where, _first_line(error)) from error
    except duckdb.Error as error:
        if "No space left on device" in str(error) or "quota exceeded" in str(error).lower():
            raise _no_room(doing, where, "no space left on device") from error
        raise StoreError(
            expected=f"to {doing}",
            seen=_first_line(error),
            where=str(where),
            remedy="What was complete before is still there. A damaged file under obs/ can be "
            "moved away; its rows can be imported again.",
        ) from error


def _from_os(error: OSError, doing: str, where: Path) -> StoreError:
    seen = (error.strerror or str(error)).lower()
    if error.errno in _FULL:
        return _no_room(doing, where, seen)
    if error.errno in _DENIED:
        remedy = "Give yourself the right to write there, or name another folder with --store."
    else:
        remedy = "What was complete before is still there. Look at the disk, then try again."
    at = f" ({error.filename})" if error.filename and error.filename != str(where) else ""
    return StoreError(expected=f"to {doing}", seen=seen + at, where=str(where), remedy=remedy)


def _no_room(doing: str, where: Path, seen: str) -> StoreError:
    return StoreError(
        expected=f"room to {doing}",
        seen=seen,
        where=str(where),
        remedy="What was complete before is still there, and this step left nothing that counts. "
        "Free some space or name another folder with --store, then do it again.",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["an error without a text"])[0][:300]
