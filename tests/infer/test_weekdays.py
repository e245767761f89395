"""Sets of weekdays: found where they are, not where they are not, and only if measured."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.weekdays import EVERY_DAY, best_weekdays, candidate_sets

CLEAR = math.log(0.2)
FIRST_MONDAY = 17_616


def chosen(hit: np.ndarray, day: np.ndarray, seed: int = 1, measured: np.ndarray | None = None):
    """The set chosen for nights that were hit or clear."""
    weekday = (day + 3) % 7
    gain = np.where(hit, 12.0, CLEAR)
    if measured is None:
        measured = np.ones(day.size, dtype=bool)
    rng = np.random.default_rng(seed)
    return best_weekdays(gain, measured, day, weekday, NIGHTLY_2026, rng)


@pytest.mark.parametrize(
    ("weekdays", "weeks"),
    [((0, 1, 2, 3, 4), 4), ((5, 6), 4), ((3,), 5), ((0, 1, 2, 3, 6), 5), (EVERY_DAY, 4)],
)
def test_a_clean_set_is_found(weekdays: tuple[int, ...], weeks: int) -> None:
    """Mon–Fri, weekends, Thursdays, Sun–Thu, every day; nine of ten nights hit."""
    day = FIRST_MONDAY + np.arange(7 * weeks)
    rng = np.random.default_rng(3)
    hit = np.isin((day + 3) % 7, weekdays) & (rng.random(day.size) < 0.9)
    assert chosen(hit, day) == weekdays


def test_random_misses_are_no_weekdays() -> None:
    """Every day with two of ten nights missed, 200 times: at most 3 % get a restriction."""
    day = FIRST_MONDAY + np.arange(28)
    wrong = 0
    for seed in range(200):
        hit = np.random.default_rng(seed).random(28) < 0.8
        wrong += chosen(hit, day, seed) != EVERY_DAY
    assert wrong <= 6


def test_a_weekend_missed_by_chance_is_no_rule() -> None:
    """Thu, Fri and Mon hit, the weekend between clear, nothing else: 3 in 100 by luck."""
    day = FIRST_MONDAY + np.arange(28)
    assert chosen(np.isin(day - FIRST_MONDAY, (10, 11, 14)), day) == EVERY_DAY


def test_a_day_left_out_must_have_been_measured_twice() -> None:
    """With one measured Sunday, no set without Sunday may be tried."""
    day = FIRST_MONDAY + np.arange(28)
    weekday = (day + 3) % 7
    sets = candidate_sets(np.append(weekday[weekday != 6], 6), 4.0, NIGHTLY_2026)
    assert all(6 in days for days in sets)
    hit = weekday < 5
    measured = (weekday != 6) | (day == day[6])
    assert chosen(hit, day, measured=measured) == EVERY_DAY


def test_long_sets_need_four_weeks() -> None:
    """Sun–Thu and Sat–Thu are tried from four weeks on."""
    weekday = (FIRST_MONDAY + np.arange(28) + 3) % 7
    assert (0, 1, 2, 3, 6) not in candidate_sets(weekday, 3.9, NIGHTLY_2026)
    assert (0, 1, 2, 3, 5, 6) in candidate_sets(weekday, 4.0, NIGHTLY_2026)
