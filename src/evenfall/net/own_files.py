"""Files that a person names on the command line: read up to a bound, and only where they end.

A pipe without a writer would be waited for without end, and a device has no end: neither is opened
to wait on it. `/dev/stdin` is a file where one was redirected there.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

__all__ = ["read_own_file"]


def read_own_file(path: Path, bytes_max: int) -> bytes:
    """The file, or its first `bytes_max` bytes.

    Raises:
        OSError: it cannot be read, or is no regular file (`EINVAL`).
    """
    # Without O_NONBLOCK the opening of a pipe waits for somebody to write to it.
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "no regular file (a pipe, device or folder)", str(path))
        return file.read(bytes_max)
