"""Dates that do not fit, in words."""

from __future__ import annotations

import numpy as np

from evenfall.infer.oddities import exceptions, unmeasured_hours
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.search import Span, lay_out

MONDAY = 17_616  # 2018-03-26
UNION = (Span(42, 24), Span(78, 24))  # 07:00–11:00, 13:00–17:00
WEEKDAYS = (0, 1, 2, 3, 4)


def clauses(change, edges=()) -> tuple[str, ...]:
    """Two weeks of Mon–Fri curfew, measured every 20 min, with one change."""
    at = np.arange(0, 14 * 144, 2)
    day, slot = MONDAY + at // 144, at % 144
    inside = ((slot >= 42) & (slot < 66)) | ((slot >= 78) & (slot < 102))
    score = np.where(inside & ((day + 3) % 7 < 5), 2.8, -1.6)
    score = change(day, slot, inside, score)
    nights = lay_out(day, slot, score)
    nights = nights.only(nights.day >= MONDAY)
    return exceptions(nights, UNION, WEEKDAYS, "failed", NIGHTLY_2026, edges)


def test_what_fits_is_not_mentioned() -> None:
    """The plain pattern has no exceptions, and a stray failure is none either."""
    assert clauses(lambda day, slot, inside, score: score) == ()

    def stray(day, slot, inside, score):
        return np.where((day == MONDAY + 1) & (slot == 120), 2.8, score)

    assert clauses(stray) == ()


def test_a_lunch_without_a_gap_is_named() -> None:
    """One Friday fails from the first window to the second: named, with the hours between."""
    got = clauses(
        lambda day, slot, inside, score: np.where(
            (day == MONDAY + 4) & (slot >= 66) & (slot < 78), 2.8, score
        )
    )
    assert got == ("2018-03-30 (Fri): also failed between the windows (11:00–13:00)",)


def test_an_evening_and_a_weekend_are_named() -> None:
    """Failing outside the windows, and inside them on a weekday that is left out."""
    got = clauses(
        lambda day, slot, inside, score: np.where(
            ((day == MONDAY + 2) & (slot >= 120) & (slot < 132)) | ((day == MONDAY + 5) & inside),
            2.8,
            score,
        )
    )
    assert got[0] == "2018-03-28 (Wed): also failed outside the windows (20:00–21:50)"
    assert got[1].startswith("2018-03-31 (Sat): failed inside the windows")


def test_a_missed_night_is_named() -> None:
    """A weekday on which nothing was wrong inside the windows."""
    (got,) = clauses(
        lambda day, slot, inside, score: np.where((day == MONDAY + 8) & inside, -1.6, score)
    )
    assert got.startswith(
        "2018-04-03 (Tue): measured in 24 stretches of ten minutes inside the windows, mostly fine"
    )


def test_unmeasured_hours() -> None:
    """Whole hours that no row falls into, joined, up to 24:00."""
    slots = np.array([s for s in range(144) if not (6 <= s < 48 or s >= 138)])
    assert unmeasured_hours(slots) == ("01:00–08:00", "23:00–24:00")
    assert unmeasured_hours(np.arange(144)) == ()


def test_what_lies_inside_an_edge_is_no_exception() -> None:
    """A start known to 06:10–07:10 cannot be contradicted by 06:20–07:00; one at 05:00 can."""

    def early(start):
        def change(day, slot, inside, score):
            return np.where((day == MONDAY + 2) & (slot >= start) & (slot < 42), 2.8, score)

        return change

    assert clauses(early(38)) == (
        "2018-03-28 (Wed): also failed outside the windows (06:20–06:50)",
    )
    edges = ((37, 43), (65, 67), (77, 79), (101, 103))
    assert clauses(early(38), edges) == ()
    (got,) = clauses(early(30), edges)
    assert got == "2018-03-28 (Wed): also failed outside the windows (05:00–06:50)"


def test_an_edge_does_not_hide_another_stretch() -> None:
    """What is worst lies in the edge; a second stretch far from it is still named."""

    def change(day, slot, inside, score):
        near, far = (slot >= 102) & (slot < 114), (slot >= 130) & (slot < 138)
        return np.where((day == MONDAY + 2) & (near | far), 2.8, score)

    (got,) = clauses(change, ((101, 115),))
    assert got == "2018-03-28 (Wed): also failed outside the windows (21:40–22:50)"
