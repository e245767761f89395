"""Runs the lab's cases again and again and writes docs/ERROR-RATES.md from all runs so far.

    .venv/bin/python bench/error_rates.py --runs 20 clean congestion slow_server
    .venv/bin/python bench/error_rates.py            only write the page again

Runs add up in `bench/lab-runs.jsonl`, one line a run with its seed and the ruleset that judged it;
seeds go on where the last run of that case and backend stopped. Only runs of today's ruleset count.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from evenfall.infer.exact import clopper_pearson
from evenfall.infer.ruleset import RULESET

BENCH = Path(__file__).resolve().parent
RUNS = BENCH / "lab-runs.jsonl"
PAGE = BENCH.parent / "docs" / "ERROR-RATES.md"
FIRST_SEED = 10_000  # constants are tuned on lower seeds only
KEPT = ("scenario", "backend", "seed", "innocent", "match", "answer", "duration_s")

HEAD = """\
# Error rates

Written by `.venv/bin/python bench/error_rates.py` from `bench/lab-runs.jsonl`; never by hand. Each
run is the real `check` over real sockets in an emulated network with rates, round-trip times and
names drawn by seed (seeds from {first}; constants were tuned on lower ones). Ruleset {ruleset}.

`targeted` in an innocent case is a false accusation. The bound is the exact (Clopper–Pearson) 95 %
upper limit: what so many runs *can* exclude. Twenty runs without a mistake exclude a rate above
{bound20:.1%} and say nothing about smaller ones; a rate below 1 % needs 300 runs a case.

| case | backend | innocent | runs | as the truth says | false `targeted` | 95 % bound | median s |
|---|---|---|---|---|---|---|---|
"""


def rows() -> list[dict[str, object]]:
    """All runs of today's ruleset."""
    if not RUNS.exists():
        return []
    lines = [json.loads(line) for line in RUNS.read_text().splitlines()]
    return [line for line in lines if line["ruleset"] == RULESET]


def measure(scenario: str, backend: str, runs: int) -> None:
    """Run one case `runs` more times and append the rows."""
    done = [r for r in rows() if (r["scenario"], r["backend"]) == (scenario, backend)]
    seed = max((int(str(r["seed"])) for r in done), default=FIRST_SEED - 1) + 1
    command = [
        sys.executable, "-m", "evenfall.cli", "--json", "lab", "run", scenario,
        "--backend", backend, "--seed", str(seed), "--repeat", str(runs),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            run = json.loads(line)
            if run.get("kind") != "lab_run":
                continue
            kept = {key: run[key] for key in KEPT} | {"ruleset": RULESET}
            kept["verdicts"] = {
                s["service"]: [s["found"]["state"], s["found"]["scope"], s["found"]["mechanism"]]
                for s in run["services"]
                if s["found"]
            }
            with RUNS.open("a") as file:
                file.write(json.dumps(kept, sort_keys=True) + "\n")


def page() -> str:
    """The whole document."""
    groups: dict[tuple[bool, str, str], list[dict[str, object]]] = defaultdict(list)
    for row in rows():
        groups[not row["innocent"], str(row["scenario"]), str(row["backend"])].append(row)
    bound20 = clopper_pearson(hits=0, n=20, level=0.90)[1]
    lines = [HEAD.format(first=FIRST_SEED, ruleset=RULESET, bound20=bound20)]
    for (guilty, scenario, backend), runs in sorted(groups.items()):
        lines.append(table_row(scenario, backend, runs, guilty=guilty))
    return "".join(lines)


def table_row(scenario: str, backend: str, runs: list[dict[str, object]], *, guilty: bool) -> str:
    """One case on one backend."""
    n = len(runs)
    matches = sum(bool(run["match"]) for run in runs)
    seconds = sorted(float(str(run["duration_s"])) for run in runs)[n // 2]
    accused, bound = "–", "–"
    if not guilty:
        count = sum(
            any(v[1] == "targeted" for v in dict(run["verdicts"]).values())  # type: ignore[call-overload]
            for run in runs
        )
        accused, bound = f"{count}", f"{clopper_pearson(hits=count, n=n, level=0.90)[1]:.1%}"
    return (
        f"| `{scenario}` | {backend} | {'no' if guilty else 'yes'} | {n} | {matches} | {accused} "
        f"| {bound} | {seconds:.0f} |\n"
    )


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--backend", default="netns")
    chosen = parser.parse_args()
    for scenario in chosen.cases:
        measure(scenario, chosen.backend, chosen.runs)
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
