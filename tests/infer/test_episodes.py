"""Episodes: against trying every possibility, and the dates of onset and lifting."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfall.infer.episodes import best_value, episodes, lifting, night_gain, onset
from evenfall.infer.profiles import NIGHTLY_2026

COST = NIGHTLY_2026.gain_min
FIRST = 17_500  # a local day


def by_trying(gain: list[float]) -> float:
    """The best of all ways to call nights in or out; each entry costs ln 200."""
    best = 0.0
    for held in itertools.product((0, 1), repeat=len(gain)):
        entries = sum(now > before for before, now in zip((0, *held), held, strict=False))
        best = max(best, sum(g for g, h in zip(gain, held, strict=True) if h) - COST * entries)
    return best


gains = st.lists(st.floats(-2, 20), min_size=1, max_size=9)


@settings(max_examples=80, deadline=None)
@given(gains)
def test_best_value_is_the_best(gain: list[float]) -> None:
    """The recursion finds what trying all 2ⁿ ways finds, and the path it gives is worth that."""
    expected = by_trying(gain)
    column = np.array(gain)
    assert float(best_value(column, NIGHTLY_2026)) == pytest.approx(expected)
    found = episodes(column, NIGHTLY_2026)
    worth = sum(column[e.first : e.last + 1].sum() - COST for e in found)
    assert worth == pytest.approx(expected)


def test_night_gain_by_hand() -> None:
    """ln(.8·e^S + .2), S clipped to ±60; 0 for a night that was not measured."""
    got = night_gain(np.array([0.0, 2.0, -300.0, 300.0]), NIGHTLY_2026)
    expected = [0.0, math.log(0.8 * math.e**2 + 0.2), math.log(0.2), 60 + math.log(0.8)]
    assert got == pytest.approx(expected)


def test_missing_nights_do_not_end_an_episode_and_clear_ones_do() -> None:
    """Ten unmeasured nights in the middle: one episode. Ten clear ones: two waves."""
    hit, clear = 12.0, math.log(0.2)
    for between, waves in ((0.0, 1), (clear, 2)):
        gain = np.array([hit] * 6 + [between] * 10 + [hit] * 6)
        assert len(episodes(gain, NIGHTLY_2026)) == waves
    assert episodes(np.full(30, clear), NIGHTLY_2026) == ()


def dated(pattern: str) -> tuple:
    """Gain, measured and day of a line of nights: x hit, . clear, blank unmeasured."""
    value = {"x": 12.0, ".": math.log(0.2), " ": 0.0}
    gain = np.array([value[c] for c in pattern])
    return gain, np.array([c != " " for c in pattern]), FIRST + np.arange(len(pattern))


def day_of(text: str) -> int:
    """The place in the pattern."""
    import datetime as dt

    return dt.date.fromisoformat(text).toordinal() - 719_163 - FIRST


def test_onset_and_lifting_reach_over_what_was_not_measured() -> None:
    """The first bad night was the 14th; the three nights before were not measured."""
    gain, measured, day = dated("..........   xxxxxxxx  ..........")
    found = episodes(gain, NIGHTLY_2026)
    start = onset(gain, measured, day, found, NIGHTLY_2026)
    stop = lifting(gain, measured, day, found, NIGHTLY_2026)
    assert day_of(start.earliest) <= 10
    assert day_of(start.latest) == 13
    assert day_of(stop.earliest) == 21
    assert day_of(stop.latest) >= 23


def test_unknown_where_the_data_begin_or_end_inside() -> None:
    """Data that begin with a bad night know no onset, data that end with one no lifting."""
    gain, measured, day = dated("xxxxxxxxxx..........")
    found = episodes(gain, NIGHTLY_2026)
    assert onset(gain, measured, day, found, NIGHTLY_2026) is None
    assert lifting(gain, measured, day, found, NIGHTLY_2026) is not None
    gain, measured, day = dated("..........xxxxxxxxxx")
    found = episodes(gain, NIGHTLY_2026)
    assert onset(gain, measured, day, found, NIGHTLY_2026) is not None
    assert lifting(gain, measured, day, found, NIGHTLY_2026) is None
