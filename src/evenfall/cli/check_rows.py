"""Rows of the screen of `check`: the rungs of "is it me?", the services, and ways that differ."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from evenfall.cli.screen import Row
from evenfall.infer.ground import end_status
from evenfall.model.verdict import Rung, Verdict
from evenfall.model.vocabulary import RungName, RungState, Scope
from evenfall.text.rows import (
    PairFigures,
    mark_of,
    row_words,
    rung_mark,
    rung_name_words,
    target_words,
    way_name_words,
    way_words,
    ways_that_differ,
)

if TYPE_CHECKING:
    from evenfall.probe.check import CheckResult

__all__ = ["best_bps", "pair_figures", "rows_of", "rung_row", "target_rows"]

_SLOWER = 1.5  # METHOD 2: the smallest slowing that is looked for
_ENDS_THE_SCREEN = (RungName.DEVICE, RungName.WIFI)
"""Broken here, what was seen of the services says nothing about them."""


def rows_of(result: CheckResult, ladder: Sequence[Rung]) -> list[Row]:
    """All rows: the rungs as far as they hold, then the services."""
    rows = [rung_row(rung) for rung in ladder if rung.name is not RungName.SERVICE]
    verdicts: Iterable[Verdict] = result.judged.verdicts
    if any(r.state is RungState.BROKEN and r.name in _ENDS_THE_SCREEN for r in ladder):
        verdicts = [v for v in verdicts if v.scope is Scope.TARGETED]
    for verdict in verdicts:
        status = end_status(result.judged.sites[verdict.target])
        best, figures = best_bps(verdict, result), pair_figures(verdict, result)
        rows += target_rows(verdict, best, figures, status)
    return rows


def rung_row(rung: Rung) -> Row:
    """One rung below the service."""
    return Row(rung_mark(rung), rung_name_words(rung.name), rung.because)


def target_rows(
    verdict: Verdict, target_bps: float | None, pairs: PairFigures | None, status: int | None = None
) -> list[Row]:
    """A target, and under it the ways on which it fares otherwise."""
    words = row_words(verdict, target_bps=target_bps, pairs=pairs, status=status)
    ways = (
        Row(mark_of(way), way_name_words(way), way_words(way), depth=1)
        for way in ways_that_differ(verdict)
    )
    return [Row(mark_of(verdict), target_words(verdict), words), *ways]


def best_bps(verdict: Verdict, result: CheckResult) -> float | None:
    """Best speed of the target's own page; None: it was not timed."""
    site = result.judged.sites[verdict.target]
    speeds = [
        a.http.goodput_bps
        for a in site.attempts
        if a.http and a.http.goodput_bps and not a.is_neutral
    ]
    return max(speeds, default=None)


def pair_figures(verdict: Verdict, result: CheckResult) -> PairFigures | None:
    """How our own server fared beside this target; None without pairs."""
    pairs = result.judged.pairs[verdict.target].pairs
    if not pairs:
        return None
    both = [((p.target.goodput_bps or 0), (p.neutral.goodput_bps or 0)) for p in pairs]
    return PairFigures(
        neutral_bps=statistics.median(neutral for _, neutral in both),
        slower=sum(_SLOWER * target <= neutral for target, neutral in both),
        total=len(both),
    )
