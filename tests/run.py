"""The whole test suite, as `./run test` and continuous integration run it.

    ./run test              everything
    ./run test tests/infer  a part: arguments go to pytest, the other checks are left out

The steps run in order and all of them run, whatever the earlier ones said; the last lines name
each step with its outcome, and pytest's own "not run" section names what could not be run here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent

STEPS: tuple[tuple[str, list[str]], ...] = (
    ("ruff check", [str(BIN / "ruff"), "check", "src", "tests", "bench"]),
    ("ruff format", [str(BIN / "ruff"), "format", "--check", "src", "tests", "bench"]),
    ("mypy", [str(BIN / "mypy")]),
    ("imports", [str(BIN / "lint-imports")]),
    ("codespell", [str(BIN / "codespell"), "src", "tests", "docs", "README.md", "CHANGELOG.md"]),
)


def run(name: str, command: list[str]) -> bool:
    """Run one step with its output shown; True if it passed."""
    sys.stdout.write(f"\n== {name}\n")
    sys.stdout.flush()
    started = time.monotonic()
    status = subprocess.run(command, cwd=REPOSITORY, check=False).returncode
    sys.stdout.write(f"-- {name}: {'ok' if status == 0 else f'FAILED ({status})'}")
    sys.stdout.write(f", {time.monotonic() - started:.1f} s\n")
    sys.stdout.flush()
    return status == 0


def main(arguments: list[str]) -> int:
    """Run what was asked for; 0 only if all of it passed."""
    pytest = [sys.executable, "-m", "pytest", *arguments]
    if arguments:
        return 0 if run("pytest", pytest) else 1
    outcomes = {name: run(name, command) for name, command in STEPS}
    outcomes["pytest"] = run("pytest", pytest)
    sys.stdout.write(f"\n== summary (as {'root' if os.geteuid() == 0 else 'an ordinary user'})\n")
    for name, passed in outcomes.items():
        sys.stdout.write(f"   {'ok    ' if passed else 'FAILED'}  {name}\n")
    return 0 if all(outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
