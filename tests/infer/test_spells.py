"""Waves, each with its own dates: made nights with known first and last nights."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from evenfall.infer.episodes import episodes
from evenfall.infer.localtime import date_text
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.spells import spells

HIT, CLEAR, UNMEASURED = 8.0, float(np.log(0.2)), 0.0


def nights(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`x` a night of the curfew, `-` a clear one, ` ` one that nobody measured."""
    gain = np.array([{"x": HIT, "-": CLEAR, " ": UNMEASURED}[mark] for mark in text])
    return gain, np.array([mark != " " for mark in text]), np.arange(18_000, 18_000 + len(text))


def spelled(text: str):
    """The spells of such nights, found by the estimator."""
    gain, measured, day = nights(text)
    return spells(gain, measured, day, episodes(gain, NIGHTLY_2026), NIGHTLY_2026)


def test_three_waves_have_three_pairs_of_dates():
    """Each wave's first and last night, and dates of change that hold the true ones."""
    found = spelled("------xxxx------xxx-xx-------xxxxx------")
    assert [(s.first, s.last) for s in found] == [
        (date_text(18_006), date_text(18_009)),
        (date_text(18_016), date_text(18_021)),
        (date_text(18_029), date_text(18_033)),
    ]
    for spell in found:
        first, last = dt.date.fromisoformat(spell.first), dt.date.fromisoformat(spell.last)
        assert spell.onset.earliest <= spell.first <= spell.onset.latest
        assert dt.date.fromisoformat(spell.onset.latest) <= last
        assert spell.lifting.earliest <= (last + dt.timedelta(days=1)).isoformat()
        assert spell.lifting.latest >= (last + dt.timedelta(days=1)).isoformat()
        assert first <= last
    assert [(s.nights_seen, s.nights_measured) for s in found] == [(4, 4), (5, 6), (5, 5)]


def test_a_wave_at_the_edge_of_the_data_has_no_date_there():
    """The first began before the data, the last goes on after them."""
    first, last = spelled("xxxxx--------xxxxx")
    assert first.onset is None
    assert first.lifting is not None
    assert last.onset is not None
    assert last.lifting is None


def test_unmeasured_nights_widen_a_date_and_are_not_counted():
    """Nobody looked for three nights before the wave: it may have begun on any of them."""
    (only,) = spelled("-----   xxxx-----")
    assert only.onset.earliest <= date_text(18_005)
    assert only.onset.latest >= date_text(18_008)
    assert (only.nights_seen, only.nights_measured) == (4, 4)


@pytest.mark.parametrize("text", ["---------", "", "-x-------"])
def test_nothing_gives_no_spell(text: str):
    """Clear nights, no nights, and one bad night in each of many clear ones are no episodes."""
    if "x" not in text:
        assert spelled(text) == ()
    else:
        assert len(spelled(text)) <= 1
