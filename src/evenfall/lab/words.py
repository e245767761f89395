"""What `evenfall lab` prints: lists, truth beside verdict, and what a number of runs can bound."""

from __future__ import annotations

from collections.abc import Sequence

from evenfall.infer.exact import clopper_pearson
from evenfall.lab.run import CheckRun
from evenfall.lab.scenario import Scenario
from evenfall.lab.truth import Found

__all__ = ["comparison", "listing", "one_line", "tally"]

_CONFIDENCE = 0.95


def listing(rows: Sequence[tuple[Scenario, Sequence[str]]]) -> str:
    """One line a scenario: name, innocent or with a censor, the backends that can, title."""
    cells = [
        (s.name, "innocent" if s.innocent else "censor", ", ".join(able) or "none", s.title)
        for s, able in rows
    ]
    innocent = sum(s.innocent for s, _ in rows)
    last = f"{len(rows)} scenarios, {innocent} of them innocent."
    return "\n".join([*_columns(cells), "", last])


def comparison(run: CheckRun) -> str:
    """The truth beside what check said, a line a service."""
    line = (
        f"line: {run.down_bps / 1e6:.1f} Mbit/s down, {run.up_bps / 1e6:.1f} up, "
        f"{run.rtt_s * 1000:.0f} ms, {run.loss:.1%} loss; local time {run.at_local}"
    )
    cells = [("", "truth", "check said", "")]
    cells += [
        (c.target or c.service, c.truth, _said(c.found), _verdict(c.match)) for c in run.services
    ]
    answered = run.answer in run.answers
    cells.append(("answer", "|".join(run.answers), run.answer, _verdict(answered)))
    head = f"{run.scenario} on {run.backend}, seed {run.seed} ({run.duration_s:.0f} s)"
    return "\n".join([head, line, "", *_columns(cells), "", _verdict(run.match)])


def one_line(run: CheckRun) -> str:
    """A run in one line, for many runs."""
    said = ", ".join(f"{c.target or c.service} {_said(c.found)}" for c in run.services)
    return f"seed {run.seed}: {_verdict(run.match)}; answer {run.answer}; {said}"


def tally(runs: Sequence[CheckRun]) -> str:
    """Counts over many runs, with the exact one-sided bound that so many can give.

    The bound is Clopper and Pearson's: the rate at which so few would be seen in 5 % of such
    series.
    """
    n = len(runs)
    matched = sum(run.match for run in runs)
    lines = [f"{matched} of {n} match the truth"]
    if matched < n:
        lines[0] += ": the others are printed above"
    targeted = sum(run.says_targeted for run in runs)
    if all(run.innocent for run in runs):
        lines.append(_at_most(targeted, n))
    else:
        lines.append(_at_least(matched, n))
    return "\n".join(lines)


def _at_most(hits: int, n: int) -> str:
    _, high = clopper_pearson(hits=hits, n=n, level=2 * _CONFIDENCE - 1)
    return (
        f"{hits} of {n} targeted: with {_CONFIDENCE:.0%} confidence the true rate is below "
        f"{high:.1%}; {n} runs cannot bound it closer"
    )


def _at_least(hits: int, n: int) -> str:
    low, _ = clopper_pearson(hits=hits, n=n, level=2 * _CONFIDENCE - 1)
    return (
        f"{hits} of {n} right: with {_CONFIDENCE:.0%} confidence the true rate is above "
        f"{low:.1%}; {n} runs cannot bound it closer"
    )


def _said(found: Found | None) -> str:
    if found is None:
        return "nothing"
    return ", ".join(part for part in (found.state, found.scope, found.mechanism) if part)


def _verdict(match: bool) -> str:
    return "match" if match else "MISMATCH"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
