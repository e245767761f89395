"""Writing one file whole or not at all.

What is written goes beside the place and is renamed over it, so that a reader never sees half of a
file and a failure leaves the old one. Only regular files are replaced: a device, a pipe or a folder
is refused, because the rename would put a file in its place.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from evenfall.model.errors import StoreError, UsageError

__all__ = ["whole_file", "write_whole"]


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; put in its place when the block ends well.

    Raises:
        UsageError: there is something else than a file.
        StoreError: it cannot be written there; what was there before still is.
    """
    if path.exists() and not path.is_file():
        raise UsageError(
            expected="a file, new or old",
            seen="a folder" if path.is_dir() else "a device or a pipe",
            where=str(path),
            remedy="Name a file with --out, or - for the standard output.",
        )
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write `content`, whole or not at all; errors as `whole_file`."""
    with whole_file(path) as beside:
        beside.write_bytes(content)


def _unwritable(path: Path, reason: str) -> StoreError:
    return StoreError(
        expected="to be able to write the file",
        seen=reason.lower(),
        where=str(path),
        remedy="Name another place with --out. What was there before still is.",
    )
