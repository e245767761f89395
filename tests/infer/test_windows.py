"""The best windows by patches against adding up every window there is."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfall.infer.episodes import best_value, night_gain
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.search import Span, find_union, lay_out, night_scores, occupied
from evenfall.infer.windows import allowed, near_best

FIRST = 17_500
WORTH = {"episodes": partial(best_value, profile=NIGHTLY_2026), "sum": lambda g: g.sum(axis=0)}


def history(seed: int, nights: int, *, guilty: bool) -> tuple[np.ndarray, ...]:
    """Bins at any density, on some dates only; bad for a few hours if guilty."""
    rng = np.random.default_rng(seed)
    at = np.flatnonzero(rng.random(nights * 144) < rng.choice([0.05, 0.3, 1.0]))
    at = at[rng.random(nights)[at // 144] < 0.8]
    score = rng.choice([-1.6, 2.8, -0.4], at.size, p=[0.7, 0.1, 0.2])
    begin, length = rng.integers(0, 144), rng.integers(3, 73)
    if guilty:
        score[(at % 144 - begin) % 144 < length] = 2.8
    return FIRST + at // 144, at % 144, score


def every_window(day, slot, score, others: list[tuple[int, int]], value) -> dict:
    """Start and length → worth, summed over absolute bins, for windows 30 min off the others."""
    grid = np.zeros((int(day.max()) - FIRST + 4, 144))
    grid[day - FIRST + 1, slot] = score  # row 0 is the date before the first
    flat = grid.ravel()
    rows = [d - FIRST + 1 for d in sorted({*day.tolist(), *(day - 1).tolist()})]
    windows = [(s, n) for s in range(144) for n in range(3, 73)]
    taken = {(b + k) % 144 for b, n in others for k in range(-3, n + 3)}
    free = [w for w in windows if not taken & {(w[0] + k) % 144 for k in range(w[1])}]
    running = np.concatenate(([0.0], np.cumsum(flat)))
    base = np.array([sum(flat[r * 144 + b : r * 144 + b + n].sum() for b, n in others)
                     for r in rows])  # fmt: skip
    start = np.array(rows)[:, None] * 144 + np.array([w[0] for w in free])
    sums = base[:, None] + running[start + np.array([w[1] for w in free])] - running[start]
    return dict(zip(free, value(night_gain(sums, NIGHTLY_2026)).tolist(), strict=True))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 9999), st.integers(3, 12), st.booleans(), st.sampled_from(sorted(WORTH)),
    st.sampled_from([1e-6, 3.0, 80.0]), st.sampled_from([[], [(20, 30)], [(130, 40), (60, 3)]]),
)  # fmt: skip
def test_nothing_near_the_best_is_left_out(seed, nights, guilty, kind, margin, others) -> None:
    """Windows within the margin of the best, beside others held fixed: all, and no more."""
    day, slot, score = history(seed, nights, guilty=guilty)
    if not day.size:
        return
    laid = lay_out(day, slot, score)
    spans = tuple(Span(*one) for one in others)
    found = near_best(
        laid.cumulative,
        night_scores(laid.cumulative, spans),
        allowed(occupied(spans, 3), NIGHTLY_2026),
        WORTH[kind],
        margin,
        NIGHTLY_2026,
    )
    plain = every_window(day, slot, score, others, WORTH[kind])
    top = max(plain.values())
    got = list(zip(found.start.tolist(), found.bins.tolist(), strict=True))
    assert got == sorted(got)
    assert found.top == pytest.approx(top, abs=1e-8)
    assert set(got) >= {w for w, worth in plain.items() if worth >= top - margin + 1e-8}
    assert set(got) <= {w for w, worth in plain.items() if worth >= top - margin - 1e-8}


def test_windows_worth_less_than_asked_are_not_found() -> None:
    """`least` above the best leaves nothing; at the best it leaves the best; all taken, nothing."""
    laid = lay_out(*history(1, 10, guilty=True))
    base, free = np.zeros(laid.day.size), allowed(occupied((), 0), NIGHTLY_2026)
    arguments = (laid.cumulative, base, free, WORTH["episodes"], 1e-6, NIGHTLY_2026)
    best = near_best(*arguments)
    assert best.top > 100.0
    assert near_best(*arguments, least=best.top).top == best.top
    assert near_best(*arguments, least=best.top + 1.0).worth.size == 0
    nothing = np.zeros_like(free)
    assert near_best(laid.cumulative, base, nothing, *arguments[3:]).top == -np.inf


@pytest.mark.parametrize("seed", range(6))
def test_the_union_is_worth_at_least_its_best_window(seed: int) -> None:
    """With or without a curfew, growing the union never loses what one window had."""
    day, slot, score = history(seed, 9, guilty=seed % 2 == 0)
    laid = lay_out(day, slot, score)
    union, search = find_union(laid, NIGHTLY_2026)
    plain = every_window(day, slot, score, [], partial(best_value, profile=search))
    if not union:
        assert max(plain.values()) <= 1e-6
        return
    gain = night_gain(night_scores(laid.cumulative, union), search)
    assert float(best_value(gain, search)) >= max(plain.values()) - 1e-6
