"""The whole test suite, as `./run test` and continuous integration run it.

    ./run test              everything
    ./run test tests/infer  a part: arguments go to pytest, the other checks are left out

The steps run in order and all of them run, whatever the earlier ones said; the last lines name
each step with its outcome, and pytest's own "not run" section names what could not be run here.

The tests of the rooms that only reckon run beside those that open sockets and make networks: these
wait for the wire most of the time. Each of the two has its own folder for what is temporary, since
the latter look whether anything was left behind.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECKONING = (
    "accessor", "archive", "golden", "house", "infer", "lab/nights", "lab/peers", "lab/scoring",
    "model", "report", "store", "text", "wire",
    *(
        f"cli/test_{name}.py"
        for name in (
            "analyze", "events", "garbage_store", "garbage_table", "import_table", "kenya",
            "lab_score", "lab_synth", "logs_and_indices", "lookalike", "mix_of_tables",
            "moments_real", "nights_and_report", "scope_of_tables", "show_quote_export", "twitter",
        )
    ),
)  # fmt: skip
"""Folders and files of tests that open no socket and make no network."""

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


def run_both(pytest: list[str]) -> dict[str, bool]:
    """All tests, those that reckon beside the others; True for each part that passed."""
    folders = [f"tests/{name}" for name in RECKONING]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "said").open("w+") as said:
        environment = os.environ | {"TMPDIR": folder}
        beside = [*pytest, "-p", "no:cacheprovider", *folders]
        with subprocess.Popen(
            beside, cwd=REPOSITORY, env=environment, stdout=said, stderr=subprocess.STDOUT
        ) as reckoning:
            ignored = [f"--ignore={name}" for name in folders]
            others = run("pytest: the rooms that measure", [*pytest, *ignored, "tests"])
        said.seek(0)
        sys.stdout.write(f"\n== pytest: the rooms that reckon\n{said.read()}")
    return {
        "pytest: the rooms that measure": others,
        "pytest: the rooms that reckon": reckoning.returncode == 0,
    }


def main(arguments: list[str]) -> int:
    """Run what was asked for; 0 only if all of it passed."""
    pytest = [sys.executable, "-m", "pytest", *arguments]
    if arguments:
        return 0 if run("pytest", pytest) else 1
    outcomes = {name: run(name, command) for name, command in STEPS}
    outcomes |= run_both(pytest)
    sys.stdout.write(f"\n== summary (as {'root' if os.geteuid() == 0 else 'an ordinary user'})\n")
    for name, passed in outcomes.items():
        sys.stdout.write(f"   {'ok    ' if passed else 'FAILED'}  {name}\n")
    return 0 if all(outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
