"""What `lab score` prints: a line a run, and rates with their bounds, family by family."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from evenfall.infer.exact import clopper_pearson
from evenfall.lab.score import ScoreRow

__all__ = ["by_family", "counted", "score_line", "score_table", "upper_bound"]

_CONFIDENCE = 0.95


def score_line(row: ScoreRow, *, done: int, total: int) -> str:
    """One run in one line."""
    line = f"{row.down_bps / 1e6:.1f} Mbit/s, {row.rtt_ms:.0f} ms, {row.loss:.1%}, {row.congctl}"
    if row.failed:
        said = f"did not end: {row.failed}"
    else:
        said = f"{row.answer}, {'right' if row.match else 'NOT right'}"
    slow = ", machine too slow" if row.overloaded else ""
    return f"{done}/{total} seed {row.seed} {row.family} ({line}): {said}{slow}"


def score_table(rows: Sequence[ScoreRow]) -> str:
    """Rates by family; runs on an overloaded machine are counted apart."""
    lines = [f"{'family':14} {'runs':>5} {'right':>6} {'false targeted / found':>24}"]
    for family, group in by_family(rows).items():
        n = len(group)
        right = sum(row.match for row in group)
        if group[0].innocent:
            hits = sum(bool(row.targeted) for row in group)
            said = f"{hits} of {n}, ≤ {upper_bound(hits, n):.1%}"
        else:
            hits = sum(bool(row.found) for row in group)
            said = f"{hits} of {n} found"
        lines.append(f"{family:14} {n:5d} {right:6d} {said:>24}")
    left_out = len(rows) - len(counted(rows))
    if left_out:
        lines.append(f"{left_out} runs not counted: the machine was too slow, or check did not end")
    return "\n".join(lines)


def by_family(rows: Sequence[ScoreRow]) -> dict[str, list[ScoreRow]]:
    """Counted rows by family, innocent families first."""
    groups: dict[str, list[ScoreRow]] = defaultdict(list)
    for row in sorted(counted(rows), key=lambda r: (not r.innocent, r.family)):
        groups[row.family].append(row)
    return groups


def counted(rows: Sequence[ScoreRow]) -> list[ScoreRow]:
    """Rows that say something about the instrument."""
    return [row for row in rows if not row.overloaded and not row.failed]


def upper_bound(hits: int, n: int) -> float:
    """Exact one-sided 95 % upper limit of a rate."""
    return clopper_pearson(hits=hits, n=n, level=2 * _CONFIDENCE - 1)[1]
