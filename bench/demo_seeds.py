"""Twenty demonstrations: are the right services found, and does the truth lie in the intervals?

    .venv/bin/python bench/demo_seeds.py                    the fortnights of seeds 0 … 19
    .venv/bin/python bench/demo_seeds.py --evening 4        and the emulated evenings of 0 … 3

A fortnight counts as right if the services with a curfew are exactly those of the truth and both
true ends lie in every printed interval.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from evenfall.lab.demo import compare, evening, fortnight, seal

SEEDS = 20


def one_fortnight(seed: int) -> dict[str, object]:
    """Make, judge and compare the nights of one seed."""
    with tempfile.TemporaryDirectory(prefix="evenfall-bench-") as folder:
        started = time.perf_counter()
        sealed = seal(seed, Path(folder))
        found = fortnight(seed, Path(folder))
        compared = compare(sealed, found, None)
        return {
            "seed": seed,
            "services": compared.services_right,
            "start": compared.start_inside,
            "end": compared.end_inside,
            "mechanism": compared.truth.mechanism,
            "window": f"{compared.truth.start_local}-{compared.truth.end_local}",
            "intervals": [
                [c.service, *(list(w.start_interval + w.end_interval) for w in c.windows)]
                for c in found.curfews
            ],
            "s": round(time.perf_counter() - started, 1),
        }


def one_evening(seed: int, backend: str) -> dict[str, object]:
    """Play one evening and compare the services."""
    with tempfile.TemporaryDirectory(prefix="evenfall-bench-") as folder:
        sealed = seal(seed, Path(folder))
        stretches = evening(seed, Path(folder), backend=backend)
        found = fortnight(seed, Path(folder))
        compared = compare(sealed, found, stretches)
        return {"seed": seed, "services": compared.evening_right}


def fortnights(seeds: int = SEEDS) -> dict[str, object]:
    """Counts over that many seeds, from 0; prints one line a seed."""
    rows = []
    for seed in range(seeds):
        rows.append(one_fortnight(seed))
        print(json.dumps(rows[-1]), flush=True)
    both = sum(bool(r["start"] and r["end"]) for r in rows)
    services = sum(bool(r["services"]) for r in rows)
    right = sum(bool(r["services"] and r["start"] and r["end"]) for r in rows)
    return {
        "seeds": seeds,
        "services_right": services,
        "both_ends_inside": both,
        "right": right,
        "s_max": max(float(str(r["s"])) for r in rows),
    }


def run() -> dict[str, object]:
    """The row for docs/PERFORMANCE.md."""
    counts = fortnights()
    return {
        "name": "demonstrations with the right services and both ends inside",
        "ratio": float(str(counts["right"])) / SEEDS,
        "goal": "≥ 0.9",
        "detail": f"{counts['services_right']} of {SEEDS} fortnights name the right services, "
        f"{counts['both_ends_inside']} hold both ends; slowest {counts['s_max']} s",
    }


def main() -> None:
    """Print the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--evening", type=int, default=0, metavar="N", help="evenings to play")
    parser.add_argument("--backend", default="auto")
    options = parser.parse_args()
    print(json.dumps(fortnights(options.seeds)))
    evenings = [one_evening(seed, options.backend) for seed in range(options.evening)]
    for row in evenings:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
