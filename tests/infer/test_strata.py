"""An effect of the hours holds within lines; an effect of who measured in them does not.

Series are drawn from a seed and read by the estimator's own reader; the hours 20–22 are given. The
effect, where there is one, is put on by line or by hour, so the truth is known.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from evenfall.infer.effect import strength
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.scores import Rows, usable_rows
from evenfall.infer.series import Basis
from evenfall.infer.strata import (
    MixOutcome,
    _mean_deviation,
    explains,
    explains_onset,
    mix_columns,
)
from evenfall.model.vocabulary import State

HOLDS, EXPLAINS, CANNOT = MixOutcome.HOLDS, MixOutcome.MIX_EXPLAINS, MixOutcome.CANNOT_TELL


def labels(values: np.ndarray) -> np.ndarray:
    """As the store gives them."""
    return values.astype(object)


def failing_rows(history, rate: np.ndarray, line: np.ndarray | None = None, **mix) -> Rows:
    """Rows of tests that failed at this rate."""
    series = history.series(Basis.UNPAIRED, failed=history.failing(rate), line=line)
    return usable_rows(dataclasses.replace(series, mix=mix), NIGHTLY_2026)


def slow_rows(history, factor: np.ndarray, line: np.ndarray | None = None, **mix) -> Rows:
    """Rows of transfers that were so many times slower."""
    speed = 16.0 + history.noise() - np.log(factor)
    series = history.series(Basis.UNPAIRED, log_ratio=speed, line=line)
    return usable_rows(dataclasses.replace(series, mix=mix), NIGHTLY_2026)


def in_hours(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Rows of 20–22, and the others."""
    inside = (rows.slot >= 120) & (rows.slot < 132)
    return inside, ~inside


@pytest.fixture
def history(histories):
    """Two weeks, a row each 20 minutes, a third missing."""

    def made(seed: int, nights: int = 14):
        return histories.measured(np.random.default_rng(seed), nights)

    return made


def evening_line(seen, *, share: float = 1.0) -> np.ndarray:
    """A second line that measures in the evening only, beside the first or in its place."""
    on = seen.inside(19, 23) & (seen.rng.random(seen.n) < share)
    return labels(np.where(on, "second", "first"))


def test_a_bad_line_of_the_evening_is_explained(history) -> None:
    """Half of the evening's rows are of a line that always fails: within lines nothing happens."""
    for seed in range(20):
        seen = history(seed)
        line = evening_line(seen, share=0.6)
        rows = failing_rows(seen, np.where(line == "second", 0.95, 0.03), line=line)
        inside, outside = in_hours(rows)
        assert strength(rows, inside, outside, NIGHTLY_2026).effect.in_window > 0.4
        answer = explains(rows, inside, outside, State.BLOCKED)
        assert (answer.outcome, answer.column) == (EXPLAINS, "line")
        assert answer.because


def test_a_slow_line_of_the_evening_is_explained(history) -> None:
    """The same for a line behind a slow tunnel."""
    passed = []
    for seed in range(20):
        seen = history(seed)
        line = evening_line(seen, share=0.7)
        rows = slow_rows(seen, np.where(line == "second", 8.0, 1.0), line=line)
        inside, outside = in_hours(rows)
        passed.append(strength(rows, inside, outside, NIGHTLY_2026).state is State.SLOWED)
        assert explains(rows, inside, outside, State.SLOWED).outcome is EXPLAINS
    assert sum(passed) >= 15  # without the look at the lines it would be claimed


@pytest.mark.parametrize("column", ["line", "software", "target", "resolver"])
def test_nobody_measured_on_both_sides(history, column: str) -> None:
    """In the evening only another one measures: hours and line cannot be told apart."""
    seen = history(1)
    told = labels(np.where(seen.inside(19, 23), "second", "first"))
    known = {column: told} if column != "line" else {}
    rows = failing_rows(
        seen,
        np.where(told == "second", 0.9, 0.03),
        line=told if column == "line" else None,
        **known,
    )
    inside = (rows.slot >= 114) & (rows.slot < 138)
    answer = explains(rows, inside, ~inside, State.BLOCKED)
    assert (answer.outcome, answer.column) == (CANNOT, column)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_a_curfew_holds_within_lines(history, share: float) -> None:
    """Failing or slow from 20 to 22 on both lines, however much the evening's mix differs."""
    for seed in range(10):
        seen = history(100 + seed)
        line = labels(
            np.where(seen.rng.random(seen.n) < np.where(seen.inside(19, 23), share, 0.1), "b", "a")
        )
        hours = seen.inside(20, 22)
        rows = failing_rows(seen, np.where(hours, 0.85, 0.03), line=line)
        assert explains(rows, *in_hours(rows), State.BLOCKED).outcome is HOLDS
        speed = np.where(hours, 8.0, 1.0) * np.where(line == "b", 3.0, 1.0)
        rows = slow_rows(seen, speed, line=line)
        assert explains(rows, *in_hours(rows), State.SLOWED).outcome is HOLDS


def test_a_slowing_of_some_flows_holds_within_lines(history) -> None:
    """Six flows in ten are slowed to an eighth, and the evening has more of the second line."""
    outcomes = []
    for seed in range(10):
        seen = history(200 + seed, 21)
        line = labels(
            np.where(seen.rng.random(seen.n) < np.where(seen.inside(19, 23), 0.6, 0.2), "b", "a")
        )
        hit = seen.inside(20, 22) & (seen.rng.random(seen.n) < 0.6)
        rows = slow_rows(seen, np.where(hit, 8.0, 1.0), line=line)
        outcomes.append(explains(rows, *in_hours(rows), State.SLOWED).outcome)
    assert outcomes.count(HOLDS) >= 9
    assert EXPLAINS not in outcomes


def test_one_label_explains_nothing(history) -> None:
    """One line, or none that is told."""
    seen = history(3)
    rate = np.where(seen.inside(20, 22), 0.85, 0.03)
    assert explains_rows(failing_rows(seen, rate)) is HOLDS
    assert explains_rows(failing_rows(seen, rate, line=labels(np.full(seen.n, "a")))) is HOLDS


def explains_rows(rows: Rows) -> MixOutcome:
    """Of failing rows in the hours."""
    return explains(rows, *in_hours(rows), State.BLOCKED).outcome


def test_a_line_for_every_row_explains_nothing(history) -> None:
    """Where every row is of another line, that lines differ inside and outside says nothing."""
    seen = history(4)
    rate = np.where(seen.inside(20, 22), 0.85, 0.03)
    line = labels(np.array([f"line {number}" for number in range(seen.n)]))
    assert explains_rows(failing_rows(seen, rate, line=line)) is HOLDS


def test_nothing_inside_or_outside_is_no_crash(history) -> None:
    """No rows on one side: nothing to explain."""
    seen = history(5)
    rows = failing_rows(seen, np.full(seen.n, 0.1), line=evening_line(seen))
    none, everything = np.zeros(rows.n, dtype=bool), np.ones(rows.n, dtype=bool)
    assert explains(rows, none, everything, State.BLOCKED).outcome is HOLDS
    assert explains(rows, everything, none, State.SLOWED).outcome is HOLDS


def onset_sides(rows: Rows, date: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of 20–22 from a date on, and before it."""
    inside, _ = in_hours(rows)
    late = rows.day - rows.day.min() >= date
    return inside & late, inside & ~late


def test_a_probe_that_was_swapped_makes_no_onset(history) -> None:
    """From day 15 another probe, on a line that fails in the evening: no line is on both sides."""
    seen = history(6, 30)
    line = labels(np.where(seen.date < 15, "old", "new"))
    bad = seen.inside(20, 22) & (seen.date >= 15)
    rows = failing_rows(seen, np.where(bad, 0.9, 0.03), line=line)
    answer = explains_onset(rows, *onset_sides(rows, 15), State.BLOCKED)
    assert (answer.outcome, answer.column) == (CANNOT, "line")


def test_a_probe_that_joined_makes_no_onset(history) -> None:
    """The old one goes on, and fares as before: the mix explains the onset."""
    seen = history(7, 30)
    new = (seen.date >= 15) & (seen.rng.random(seen.n) < 0.6)
    rate = np.where(new & seen.inside(20, 22), 0.95, 0.03)
    rows = failing_rows(seen, rate, line=labels(np.where(new, "new", "old")))
    answer = explains_onset(rows, *onset_sides(rows, 15), State.BLOCKED)
    assert (answer.outcome, answer.column) == (EXPLAINS, "line")


def test_an_onset_that_one_line_lived_through_holds(history) -> None:
    """Others came and went, but one line was there before and after and shows it."""
    seen = history(8, 30)
    rate = np.where(seen.inside(20, 22) & (seen.date >= 15), 0.9, 0.03)
    passing = np.where(seen.date < 15, "early", "late")
    line = labels(np.where(seen.rng.random(seen.n) < 0.4, "always", passing))
    rows = failing_rows(seen, rate, line=line)
    assert explains_onset(rows, *onset_sides(rows, 15), State.BLOCKED).outcome is HOLDS


def test_many_lines_that_come_and_go_agree(history) -> None:
    """A new line every two days: none is on both sides, and all of the later ones fail."""
    seen = history(9, 30)
    rate = np.where(seen.inside(20, 22) & (seen.date >= 15), 0.9, 0.03)
    line = labels(np.array([f"line {date // 2}" for date in seen.date]))
    rows = failing_rows(seen, rate, line=line)
    assert explains_onset(rows, *onset_sides(rows, 16), State.BLOCKED).outcome is HOLDS
    hours = in_hours(rows)[0]
    rate = np.where((seen.date >= 15) & (seen.date < 17), 0.9, 0.03)  # one of seven is bad
    rows = failing_rows(seen, rate, line=line)
    late = rows.day - rows.day.min() >= 16
    outcome = explains_onset(rows, hours & late, hours & ~late, State.BLOCKED).outcome
    assert outcome is not HOLDS


def test_the_columns_that_are_known(history) -> None:
    """Lines first; a column that no row tells is not there."""
    seen = history(10)
    rows = failing_rows(
        seen, np.full(seen.n, 0.1), line=labels(np.full(seen.n, "a")),
        resolver=labels(np.full(seen.n, "system")),
    )  # fmt: skip
    assert list(mix_columns(rows)) == ["line", "resolver"]


@pytest.mark.parametrize(("m", "q"), [(1, 0.3), (2, 0.5), (7, 0.11), (50, 0.4), (400, 0.9)])
def test_the_mean_deviation_is_that_of_scipy(m: int, q: float) -> None:
    """De Moivre's closed form against the sum over scipy's binomial law."""
    law = stats.binom(m, q)
    expected = law.expect(lambda k: np.abs(k - m * q))
    assert _mean_deviation(m, q) == pytest.approx(expected, rel=1e-9)


def test_the_gate_within_lines_is_honest(history) -> None:
    """Lines that differ much, hours that differ little (3 % and 20 %): never above the gate."""
    for seed in range(30):
        seen = history(300 + seed)
        line = labels(
            np.where(seen.rng.random(seen.n) < np.where(seen.inside(19, 23), 0.7, 0.2), "b", "a")
        )
        rate = np.where(line == "b", 0.6, 0.03) + np.where(seen.inside(20, 22), 0.17, 0.0)
        rows = failing_rows(seen, rate, line=line)
        assert explains_rows(rows) is not HOLDS
