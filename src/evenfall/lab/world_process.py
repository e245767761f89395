"""Start the world process and wait until it serves; end it when the block is left."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from evenfall.lab.backend import lab_environment
from evenfall.lab.world import READY
from evenfall.model.errors import LabError

__all__ = ["running_world", "world_command"]

_READY_S = 30.0
_LEAVE_S = 5.0
_OUTPUT_BYTES_MAX = 65_536
_WORDS_BYTES_MAX = 2000


def world_command(plan: Path) -> list[str]:
    """What serves a plan; a backend puts whatever enters a namespace in front of it."""
    return [sys.executable, "-m", "evenfall.lab.world", str(plan)]


@contextlib.contextmanager
def running_world(plan: Path, *, prefix: Sequence[str] = ()) -> Iterator[None]:
    """Serve a plan in a process of its own while the block runs.

    The process leaves when our end of its standard input closes, so it goes with us also if we
    are killed.

    Raises:
        LabError: it did not come up; what it said is in the message.
    """
    log = plan.with_name("world.log")
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603  (our own program)
            [*prefix, *world_command(plan)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=lab_environment(),
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, log)
        yield
    finally:
        _leave(process)


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    assert process.stdout is not None  # noqa: S101  (we asked for the pipe)
    said = b""
    deadline_s = time.monotonic() + _READY_S
    while len(said) < _OUTPUT_BYTES_MAX:
        left_s = deadline_s - time.monotonic()
        readable, _, _ = select.select([process.stdout], [], [], max(0.0, left_s))
        received = os.read(process.stdout.fileno(), 4096) if readable else b""
        said += received
        if said.endswith(READY.encode()):
            return
        if not received:
            break
    raise LabError(
        expected=f"the lab's servers to be ready within {_READY_S:.0f} s",
        seen=log.read_bytes()[-_WORDS_BYTES_MAX:].decode(errors="replace").strip() or "no word",
        where="the world process",
        remedy="If an address is taken, another lab run may hold it; else report this.",
    )


def _leave(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None  # noqa: S101  (we asked for the pipe)
    assert process.stdout is not None  # noqa: S101  (we asked for the pipe)
    process.stdin.close()
    try:
        process.wait(_LEAVE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
