"""Writes docs/ERROR-RATES.md from the rows of all runs so far, and makes more of them if asked.

    .venv/bin/python bench/error_rates.py --runs 100 --jobs 4     of the check
    .venv/bin/python bench/error_rates.py --nights 400 --daily 20 of many nights
    .venv/bin/python bench/error_rates.py                         only write the page again

Rows of `evenfall lab score --check` add up in `bench/check-runs-*.jsonl`, those of nights in
`bench/night-runs-*.jsonl` (bench/night_error_rates.py); those of the calibration of the pair rule
stand in `bench/pair_calibration.jsonl` (bench/pair_calibration.py). Only rows of today's ruleset
count: a change of what a rule decides scores everything again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import night_error_rates

from evenfall.infer.exact import clopper_pearson
from evenfall.infer.ruleset import RULESET
from evenfall.lab.cases import cases_folder
from evenfall.lab.design import FIRST_SEED
from evenfall.lab.peers.wehe import DIFFERENTIATION
from evenfall.lab.score import ScoreRow, judged_again, next_seed, read_rows
from evenfall.lab.score_words import by_family, counted, upper_bound

BENCH = Path(__file__).resolve().parent
ROWS = "check-runs-*.jsonl"  # each named for its first seed, and small enough for a repository
CALIBRATION = BENCH / "pair_calibration.jsonl"
PAGE = BENCH.parent / "docs" / "ERROR-RATES.md"
ACCUSED_MAX = 0.015
FALSE_MAX = 0.01
FAR_MS, BURST_BYTES, WITHIN_BYTES = 80, 100_000, 2_000_000
FOUND_MIN = {
    "policer_128": 0.99, "policer_512": 0.95, "policer_1024": 0.75, "reset": 0.99, "drop": 0.99,
    "dns_lie": 0.99, "block_page": 0.99,
}  # fmt: skip

HEAD = """\
# Error rates

Written by `.venv/bin/python bench/error_rates.py`; never by hand. Ruleset {ruleset}. {n} runs count
here; {left_out} more were left out, because the machine was too slow for its own emulated wire, or
because `check` did not come to its end ({failed}).

Each run is the real `check` over real sockets in an emulated network (`netns`) that its seed draws:
the case, round trip 10–200 ms, line 1–100 Mbit/s (20 Mbit/s in the families `policer_128`,
`policer_512`, `policer_1024`), loss 0–2 %, cubic or BBR, and which ClientHello the pairs send.
Seeds start at {first}; constants were tuned on lower ones. Runs add up over time: a rate below one
per cent takes 300 runs a family; where there are fewer, the bound says what so many can exclude.

`targeted` in an innocent run is a false accusation. Bounds are exact (Clopper–Pearson), one-sided,
95 %. *Wehe's rule* is what the decision rule of Wehe's client would have said of the identical
transfers (`lab/peers/wehe.py`; our transfers are shorter than its own).
"""


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("families", nargs="*")
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--nights", type=int, default=0)
    parser.add_argument("--daily", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    if chosen.runs:
        more(chosen.runs, chosen.jobs, chosen.families)
    if chosen.nights or chosen.daily:
        night_error_rates.more(chosen.nights, chosen.daily, chosen.jobs, chosen.families)
    rows = [judged_again(row, cases_folder()) for row in all_rows()]
    PAGE.write_text(page(rows, calibration_rows()))


def more(runs: int, jobs: int, families: Sequence[str]) -> None:
    """Make more rows, with the command that anybody can use, in a file of their own."""
    first = next_seed(all_rows())
    rows = BENCH / f"check-runs-{first}.jsonl"
    command = [
        sys.executable, "-m", "evenfall.cli", "lab", "score", "--check", "--runs", str(runs),
        "--jobs", str(jobs), "--backend", "netns", "--rows", str(rows),
        "--first-seed", str(first),
        *(word for name in families for word in ("--families", name)),
    ]  # fmt: skip
    subprocess.run(command, check=True)


def all_rows() -> list[ScoreRow]:
    """Rows of all files, of any ruleset."""
    return [row for path in sorted(BENCH.glob(ROWS)) for row in read_rows(path)]


def page(rows: Sequence[ScoreRow], calibration: Sequence[dict[str, object]]) -> str:
    """The whole document."""
    today = [row for row in rows if row.ruleset == RULESET]
    good = counted(today)
    head = HEAD.format(
        ruleset=RULESET,
        n=len(good),
        left_out=len(today) - len(good),
        failed=f"{sum(bool(r.failed) for r in today)} of these",
        first=FIRST_SEED,
    )
    groups = by_family(today)
    innocent = {name: group for name, group in groups.items() if group[0].innocent}
    acted = {name: group for name, group in groups.items() if not group[0].innocent}
    parts = [
        head,
        *innocent_table(innocent),
        *acted_table(acted),
        *policer_table(acted),
        *required(innocent, acted),
        *calibration_table(calibration),
        night_error_rates.section(),
    ]
    return "\n".join(parts)


def innocent_table(groups: dict[str, list[ScoreRow]]) -> list[str]:
    """False accusations by family."""
    lines = [
        "## Nobody does anything on purpose\n",
        (
            "| family | runs | as the truth says | false `targeted` | 95 % bound "
            "| Wehe's rule, false | median s | median MB |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    everyone = [row for group in groups.values() for row in group]
    for name, group in [*groups.items(), *([("all", everyone)] if everyone else [])]:
        n, hits = len(group), sum(bool(r.targeted) for r in group)
        right = sum(r.match for r in group)
        lines.append(
            f"| `{name}` | {n} | {right} | {hits} | {upper_bound(hits, n):.1%} "
            f"| {wehe(group)} | {middle([r.duration_s for r in group]):.0f} "
            f"| {middle([r.bytes for r in group]) / 1e6:.1f} |"
        )
    return [*lines, ""]


def acted_table(groups: dict[str, list[ScoreRow]]) -> list[str]:
    """Power by family."""
    lines = [
        "## Somebody does\n",
        (
            "| family | runs | found `targeted` | 95 % bound | as the truth says "
            "| Wehe's rule, found | pairs' kB, median (95 %) | median s |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, group in groups.items():
        n, hits = len(group), sum(bool(r.found) for r in group)
        spent = [sum(r.pair_bytes.values()) for r in group]
        lines.append(
            f"| `{name}` | {n} | {hits} ({hits / n:.1%}) | ≥ {lower_bound(hits, n):.1%} "
            f"| {sum(r.match for r in group)} | {wehe(group)} "
            f"| {middle(spent) / 1e3:.0f} ({at(spent, 0.95) / 1e3:.0f}) "
            f"| {middle([r.duration_s for r in group]):.0f} |"
        )
    return [*lines, ""]


def policer_table(groups: dict[str, list[ScoreRow]]) -> list[str]:
    """The policers on 20 Mbit/s by round trip and burst: found, and found within 2 MB."""
    lines = [
        "## Policers on a line of 20 Mbit/s\n",
        "A burst allowance lets the first bytes pass, so a transfer has to be longer than it;",
        "a long round trip makes the neutral arm slow too. Bytes are those of all pairs.\n",
        "| policer | round trip | burst | runs | found | within 2 MB |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("policer_128", "policer_512", "policer_1024"):
        for far in (False, True):
            for large in (False, True):
                group = [
                    row
                    for row in groups.get(name, [])
                    if (row.rtt_ms > FAR_MS) is far
                    and ((row.burst_bytes or 0) > BURST_BYTES) is large
                ]
                found = [row for row in group if row.found]
                cheap = sum(sum(row.pair_bytes.values()) <= WITHIN_BYTES for row in found)
                lines.append(
                    f"| `{name}` | {'above' if far else 'up to'} {FAR_MS} ms "
                    f"| {'256' if large else '8–64'} kB | {len(group)} | {len(found)} | {cheap} |"
                )
    return [*lines, ""]


def required(innocent: dict[str, list[ScoreRow]], acted: dict[str, list[ScoreRow]]) -> list[str]:
    """What was asked for, and by how much it is met or not."""
    lines = ["## Held against what is asked for\n", "| asked | measured | |", "|---|---|---|"]
    for name, group in innocent.items():
        n, hits = len(group), sum(bool(r.targeted) for r in group)
        bound = upper_bound(hits, n)
        said = "met" if bound <= ACCUSED_MAX else f"not yet: {bound - ACCUSED_MAX:.1%} too wide"
        if bound > ACCUSED_MAX and not hits:
            said += f", with no false one in {n}; 300 runs are needed"
        lines.append(
            f"| `{name}`: bound of false `targeted` ≤ {ACCUSED_MAX:.1%} | {bound:.1%} | {said} |"
        )
    for name, least in FOUND_MIN.items():
        group = acted.get(name, [])
        if not group:
            lines.append(f"| `{name}`: found in ≥ {least:.0%} | no run yet | |")
            continue
        share = sum(bool(r.found) for r in group) / len(group)
        said = "met" if share >= least else f"missed by {least - share:.1%}"
        lines.append(f"| `{name}`: found in ≥ {least:.0%} | {share:.1%} of {len(group)} | {said} |")
    return [*lines, ""]


def calibration_table(rows: Sequence[dict[str, object]]) -> list[str]:
    """What bench/pair_calibration.py found."""
    lines = [
        "## The rule of the pairs alone, in simulation\n",
        "Sessions drawn by `bench/pair_calibration.py`, planned and judged by the functions that",
        "`check` uses. `THROTTLED` on a line on which nobody does anything is false; at most 1 %",
        "is asked for. Bounds are exact, two-sided, 95 %.\n",
        "| line | sessions | THROTTLED | bounds | pairs, mean | kB, mean (95 %) | |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        low, high = row["bounds"]  # type: ignore[misc]  # (a pair)
        said = ("within" if float(str(row["rate"])) <= FALSE_MAX else "above") + " 1 %"
        lines.append(
            f"| {row['row']} | {row['sessions']} | {row['rate']:.2%} | {low:.2%}–{high:.2%} "
            f"| {row['pairs_mean']:.1f} | {int(str(row['bytes_mean'])) / 1e3:.0f} "
            f"({int(str(row['bytes_p95'])) / 1e3:.0f}) | {said if row['innocent'] else ''} |"
        )
    return [*lines, ""] if rows else []


def calibration_rows() -> list[dict[str, object]]:
    """Rows of the calibration; none if it was never run."""
    if not CALIBRATION.exists():
        return []
    return [json.loads(line) for line in CALIBRATION.read_text().splitlines()]


def wehe(group: Sequence[ScoreRow]) -> str:
    """Runs in which Wehe's rule says differentiation of any target, of those with pairs."""
    paired = [row for row in group if row.wehe]
    hits = sum(DIFFERENTIATION in row.wehe.values() for row in paired)
    return f"{hits} of {len(paired)}"


def lower_bound(hits: int, n: int) -> float:
    """Exact one-sided 95 % lower limit of a rate."""
    return clopper_pearson(hits=hits, n=n, level=0.90)[0]


def middle(values: Sequence[float]) -> float:
    """Median."""
    return at(values, 0.5)


def at(values: Sequence[float], share: float) -> float:
    """A quantile by rank, no interpolation; 0 without values."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


if __name__ == "__main__":
    main()
