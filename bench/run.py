"""Runs the benchmarks and writes docs/PERFORMANCE.md: `.venv/bin/python bench/run.py [NAME …]`.

A benchmark is a module beside this file with `run() -> list of rows`; a row has `name`, `ratio`,
`goal` and `detail`. Ratios are taken within one run; single times on a shared machine mean little.
Without names all of them run; with names only those, and the other rows of the page are kept.
"""

from __future__ import annotations

import importlib
import json
import platform
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
PAGE = BENCH.parent / "docs" / "PERFORMANCE.md"
RESULTS = BENCH / "results.json"

HEAD = """\
# Performance

Written by `.venv/bin/python bench/run.py`; never by hand. Every figure is a ratio between two
things measured in turn in one run, because machines differ and are busy. The last run was on
{machine}.

| what | ratio | goal | detail |
|---|---|---|---|
"""


def names() -> list[str]:
    """All benchmarks."""
    return sorted(
        p.stem for p in BENCH.glob("*.py") if "\ndef run(" in p.read_text() and p.stem != "run"
    )


def main(chosen: list[str]) -> None:
    """Run the chosen benchmarks, keep the others' last rows, write the page."""
    sys.path.insert(0, str(BENCH))
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in chosen or names():
        rows = importlib.import_module(name).run()
        results[name] = rows if isinstance(rows, list) else [rows]
        for row in results[name]:
            print(f"{name}: {row['name']}: {row['ratio']:.2f}  {row['detail']}")
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    lines = [HEAD.format(machine=machine)]
    for name in sorted(results):
        lines += [
            f"| {row['name']} | {row['ratio']:.2f} | {row.get('goal', '')} | {row['detail']} |\n"
            for row in results[name]
        ]
    PAGE.write_text("".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
