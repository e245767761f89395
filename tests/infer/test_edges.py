"""Edges: limited by the sampling, and covering what nobody measured."""

from __future__ import annotations

import numpy as np

from evenfall.infer.edges import edge_intervals
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.search import Span, find_union, lay_out

FIRST = 17_500


def layout(nights: int, slots: list[int], start: int, end: int):
    """The same bins each night; +3 inside start … end (bins), −1.5 outside."""
    slot = np.tile(np.array(slots), nights)
    day = FIRST + np.repeat(np.arange(nights), len(slots))
    return lay_out(day, slot, np.where((slot >= start) & (slot < end), 3.0, -1.5))


def test_dense_sampling_gives_narrow_edges() -> None:
    """Every ten minutes: each edge within one bin, plus the one that is always added."""
    nights = layout(10, list(range(144)), 120, 132)
    (span,), search = find_union(nights, NIGHTLY_2026)
    edges = edge_intervals(nights, (span,), 0, search)
    assert (span.start, span.end) == (120, 132)
    assert (edges.start_low, edges.start_high) == (119, 121)
    assert (edges.end_low, edges.end_high) == (131, 133)


def test_an_unmeasured_stretch_is_covered() -> None:
    """Nobody measured 18:00–20:30 and 22:00–23:00: the edges may lie anywhere in there."""
    slots = [s for s in range(144) if not (108 <= s < 123 or 132 <= s < 138)]
    nights = layout(10, slots, 120, 135)
    union, search = find_union(nights, NIGHTLY_2026)
    edges = edge_intervals(nights, union, 0, search)
    assert edges.start_low <= 109
    assert edges.start_high >= 122
    assert edges.end_low <= 132
    assert edges.end_high >= 137


def test_one_night_more_or_less_widens() -> None:
    """Fewer nights or weaker scores: wider, never narrower."""
    widths = []
    for nights in (20, 5):
        rng = np.random.default_rng(2)
        slot = np.tile(np.arange(0, 144, 2), nights)
        day = FIRST + np.repeat(np.arange(nights), 72)
        inside = (slot >= 120) & (slot < 132) & (rng.random(slot.size) < 0.5)
        grid = lay_out(day, slot, np.where(inside, 3.0, -1.0))
        edges = edge_intervals(grid, (Span(120, 12),), 0, NIGHTLY_2026)
        widths.append(edges.end_high - edges.start_low - (edges.end_low - edges.start_high))
    assert widths[0] < widths[1]


def test_across_midnight_the_interval_stays_with_its_edge() -> None:
    """A start at 00:10 has an interval that may begin before midnight, as a negative bin."""
    slots = list(range(0, 144, 3))
    nights = layout(10, slots, 0, 30)
    union, search = find_union(nights, NIGHTLY_2026)
    edges = edge_intervals(nights, union, 0, search)
    start = union[0].start
    assert edges.start_low <= start <= edges.start_high
    assert edges.start_high - edges.start_low <= 8
