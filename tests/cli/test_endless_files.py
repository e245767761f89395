"""Files that a person names may have no end, or never begin: refused, with the place."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("option", ["--targets", "--fingerprints", "--config"])
def test_a_pipe_that_nobody_writes_to_is_refused(tmp_path: Path, option: str) -> None:
    """It is not waited for."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = subprocess.run(
        [sys.executable, "-m", "evenfall.cli", "check", "--plan", option, str(pipe)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "no regular file" in done.stderr
    assert str(pipe) in done.stderr


def test_a_redirected_file_is_one(tmp_path: Path) -> None:
    """Innocent: `--config /dev/stdin < FILE`."""
    file = tmp_path / "config.toml"
    file.write_text('lang = "kk"\n')
    with file.open("rb") as opened:
        done = subprocess.run(
            [sys.executable, "-m", "evenfall.cli", "check", "--plan", "--config", "/dev/stdin"],
            stdin=opened, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "DNS" in done.stdout
