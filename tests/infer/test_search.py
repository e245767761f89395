"""The union of windows: naming of nights, holes, long windows, ties."""

from __future__ import annotations

import numpy as np
import pytest

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.search import (
    Span,
    find_union,
    in_union,
    lay_out,
    night_scores,
    occupied,
)

FIRST = 17_500


def bins(nights: int, bad: list[tuple[float, float]], *, every: int = 2) -> tuple:
    """Measured bins, +3 inside the given hours and −1.5 outside."""
    at = np.arange(0, nights * 144, every)
    hour = at % 144 / 6
    hit = np.zeros(at.size, dtype=bool)
    for start, end in bad:
        hit |= (hour >= start) & (hour < end) if start < end else (hour >= start) | (hour < end)
    return FIRST + at // 144, at % 144, np.where(hit, 3.0, -1.5)


def test_a_night_is_named_by_the_date_on_which_it_starts() -> None:
    """23:00–02:00: the bins after midnight belong to the date before."""
    day = np.array([FIRST, FIRST + 1])
    nights = lay_out(day, np.array([140, 5]), np.array([2.0, 3.0]))
    inside = night_scores(nights.cumulative, (Span(138, 18),))
    assert dict(zip(nights.day.tolist(), inside.tolist(), strict=True))[FIRST] == 5.0
    within, night = in_union(day, np.array([140, 5]), (Span(138, 18),))
    assert within.all()
    assert night.tolist() == [FIRST, FIRST]


@pytest.mark.parametrize(
    "hours",
    [[(20, 22)], [(23, 2)], [(7, 11), (13, 17)], [(18, 6)], [(1, 9)], [(6, 8), (12, 14), (20, 23)]],
)
def test_the_hours_are_found(hours: list[tuple[float, float]]) -> None:
    """One window, across midnight, with a hole, twelve hours long, three of them."""
    union, _ = find_union(lay_out(*bins(10, hours)), NIGHTLY_2026)
    found = sorted((s.start / 6, s.end / 6 % 24) for s in union)
    assert len(found) == len(hours)
    for (start, end), (true_start, true_end) in zip(found, sorted(hours), strict=True):
        assert start == pytest.approx(true_start, abs=0.34)
        assert end == pytest.approx(true_end, abs=0.34)


def test_nothing_in_clear_nights() -> None:
    """No window is worth anything where nothing happened."""
    assert find_union(lay_out(*bins(10, [])), NIGHTLY_2026)[0] == ()


def test_one_terrible_day_does_not_set_the_hours() -> None:
    """A day that is bad from 06 to 18 does not widen a window of 20–22."""
    day, slot, score = bins(10, [(20, 22)])
    score = np.where((day == FIRST + 4) & (slot >= 36) & (slot < 108), 6.0, score)
    (span,), _ = find_union(lay_out(day, slot, score), NIGHTLY_2026)
    assert (span.start, span.end) == (pytest.approx(120, abs=2), pytest.approx(132, abs=2))


def test_windows_stay_apart() -> None:
    """Taken bins wrap around midnight, with the margin on both sides."""
    taken = occupied((Span(140, 8),), 3)
    assert np.flatnonzero(~taken).tolist() == list(range(7, 137))
