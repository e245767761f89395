"""How long a person waits before anything happens: `--help`, and what `./run` adds.

Each figure is a ratio to something measured in the same run on the same machine, taken in turn,
so that a busy machine slows both sides.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
ROUNDS = 9


def wall_s(command: list[str]) -> float:
    """Wall time of one whole process."""
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def run() -> list[dict[str, object]]:
    """Measure and return the rows for docs/PERFORMANCE.md."""
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "help": [str(BIN / "evenfall"), "--help"],
        "run_help": [str(REPOSITORY / "run"), "--help"],
        "numpy": [sys.executable, "-c", "import numpy"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            times[name].append(wall_s(command))
    median = {name: statistics.median(values) for name, values in times.items()}
    added_s = median["run_help"] - median["help"]
    return [
        {
            "name": "`evenfall --help` ÷ bare `python -c pass`",
            "ratio": median["help"] / median["python"],
            "goal": "under 0.4 s",
            "detail": f"{median['help']:.3f} s against {median['python']:.3f} s; "
            f"importing numpy alone takes {median['numpy']:.3f} s",
        },
        {
            "name": "`./run --help` ÷ `evenfall --help` (second start)",
            "ratio": median["run_help"] / median["help"],
            "goal": "adds under 0.5 s",
            "detail": f"`./run` adds {added_s * 1000:.0f} ms; medians of {ROUNDS} alternating runs",
        },
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
