"""Files that a person names may have no end: each is read up to a bound, and refused."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

MEMORY_BYTES = 600_000_000


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (["check", "--plan", "--targets", "/dev/zero"], "/dev/zero"),
        (["check", "--plan", "--fingerprints", "/dev/zero"], "/dev/zero"),
        (["check", "--plan", "--config", "/dev/zero"], "/dev/zero"),
    ],
    ids=["targets", "fingerprints", "config"],
)
def test_an_endless_file_is_refused(options: list[str], where: str) -> None:
    """Little memory is enough to say what was expected, and where."""

    def little_memory() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    done = subprocess.run(
        [sys.executable, "-m", "evenfall.cli", *options],
        capture_output=True, text=True, timeout=60, check=False, preexec_fn=little_memory,
    )  # fmt: skip
    assert done.returncode in (1, 2), done.stderr
    assert "Traceback" not in done.stderr
    assert where in done.stderr
