"""What an analysis says in a terminal: a table of all series, then a paragraph for each curfew."""

from __future__ import annotations

from collections.abc import Sequence

from evenfall.model.curfew import Curfew, SeriesFinding
from evenfall.model.vocabulary import SeriesState
from evenfall.text.beside import beside
from evenfall.text.foreign import one_line
from evenfall.text.nights import answer, counted_words, facts, not_shown, plain, state_words

__all__ = [
    "TABLE_HEADINGS",
    "TABLE_NOTE",
    "change_lines",
    "curfew_lines",
    "reason_lines",
    "summary_line",
    "table_rows",
]

TABLE_HEADINGS = ("service", "network", "what", "nights", "n", "p")
TABLE_NOTE = "nights, n: all measured; a night runs from noon (dates are counted if fewer)"
_NAMES_MAX = 6

Key = tuple[str, str]


def table_rows(
    curfews: Sequence[Curfew], findings: Sequence[SeriesFinding]
) -> list[tuple[str, ...]]:
    """One row a series, those with a finding first, then by how much was measured."""
    found = {(c.service, c.network): c for c in curfews}
    ordered = sorted(
        findings, key=lambda f: ((f.service, f.network) not in found, -f.n, f.service, f.network)
    )
    return [_row(finding, found.get((finding.service, finding.network))) for finding in ordered]


def _row(finding: SeriesFinding, curfew: Curfew | None) -> tuple[str, ...]:
    return (
        one_line(finding.service),
        one_line(finding.network),
        state_words(finding, curfew),
        str(finding.nights_measured),
        f"{finding.n:,}",
        _p_words(finding.p_value),
    )


def _p_words(p_value: float | None) -> str:
    if p_value is None:
        return "–"
    return "<0.0001" if p_value < 0.0001 else f"{p_value:.4f}"


def curfew_lines(finding: SeriesFinding, curfew: Curfew) -> list[str]:
    """The answer, how sure, and what it does not show."""
    lines = [f"{one_line(curfew.network)}: {plain(answer(finding, curfew))}"]
    lines += [f"  {fact.figure}: {fact.basis}" for fact in facts(finding, curfew)]
    lines.append(f"  counted: {counted_words(finding, curfew)}")
    lines += [f"  {sentence}" for sentence in beside(finding, curfew)]
    lines.append("  What it does not show:")
    lines += [f"  – {sentence}" for sentence in not_shown(finding, curfew)]
    return lines


def change_lines(findings: Sequence[SeriesFinding], curfews: Sequence[Curfew]) -> list[str]:
    """What stands beside the series without a curfew: changes of level and of who measures."""
    claimed = {(c.service, c.network) for c in curfews}
    return [
        f"{_name(finding)}: {sentence}"
        for finding in findings
        if finding.changes and (finding.service, finding.network) not in claimed
        for sentence in beside(finding)
    ]


def reason_lines(findings: Sequence[SeriesFinding]) -> list[str]:
    """Why some were not judged, one line a reason, with the series it holds for."""
    grouped: dict[str, list[str]] = {}
    for finding in findings:
        if finding.state is SeriesState.INSUFFICIENT and finding.reason:
            grouped.setdefault(finding.reason, []).append(_name(finding))
    return [
        f"Not enough measured: {reason} ({', '.join(names[:_NAMES_MAX])}"
        + (f" and {len(names) - _NAMES_MAX} more)" if len(names) > _NAMES_MAX else ")")
        for reason, names in sorted(grouped.items())
    ]


def _name(finding: SeriesFinding) -> str:
    return f"{one_line(finding.service)} {one_line(finding.network)}"


def summary_line(findings: Sequence[SeriesFinding]) -> str:
    """How many series were judged, and how many of each state."""
    counts = {state: sum(f.state is state for f in findings) for state in SeriesState}
    return (
        f"{len(findings)} series judged: {counts[SeriesState.CURFEW]} with recurring hours, "
        f"{counts[SeriesState.ALWAYS]} at all measured hours, {counts[SeriesState.NONE]} without, "
        f"{counts[SeriesState.INSUFFICIENT]} with too little measured."
    )
