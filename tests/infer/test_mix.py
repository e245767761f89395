"""Who measures changed for good: found and dated; labels that come and go by chance are not."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from evenfall.infer.mix import codes_of, mix_changes
from evenfall.infer.night_profiles import MIX_2026
from evenfall.model.vocabulary import ChangeKind

EPOCH = dt.date(1970, 1, 1)
FIRST = 19_000


def texts(*values: object) -> np.ndarray:
    """An array of labels."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def days_of(rng: np.random.Generator, days: int, rows: int = 8) -> np.ndarray:
    """About so many rows a day, some days without any."""
    day = np.repeat(np.arange(days), rows)
    missing = rng.random(days) < 0.15
    return day[~missing[day] & (rng.random(day.size) < 0.8)]


def found(day: np.ndarray, seed: int = 0, **columns: np.ndarray):
    """Changes; days counted from the first."""
    rng = np.random.default_rng(seed)
    return mix_changes(FIRST + day, columns, MIX_2026, rng=rng)


def few(rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """Three lines, each row one of them."""
    return np.array(["a", "b", "c"], dtype=object)[rng.integers(0, 3, day.size)]


def clumped(rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """Each day one of three lines, by chance."""
    return np.array(["a", "b", "c"], dtype=object)[rng.integers(0, 3, day.max() + 1)][day]


def by_hour(rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """A different line in the evening, every day the same."""
    evening = rng.random(day.size) < 0.4
    return np.where(evening, "phone", "cable").astype(object)


def new_every_day(_rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """A label of its own for every date."""
    return np.array([f"label {number}" for number in day], dtype=object)


def unique(_rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """A label of its own for every row."""
    return np.array([f"label {number}" for number in range(day.size)], dtype=object)


def untold_by_chance(rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """Every other row does not say."""
    return np.where(rng.random(day.size) < 0.5, "a", None).astype(object)


INNOCENT = {
    "few": few,
    "clumped": clumped,
    "by hour": by_hour,
    "new every day": new_every_day,
    "unique": unique,
    "untold": untold_by_chance,
}


@pytest.mark.parametrize("kind", INNOCENT)
def test_a_mix_that_stays_the_same(kind: str) -> None:
    """50 histories of 12 to 60 days each: at most one is taken for a change."""
    wrong = 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        day = days_of(rng, int(rng.integers(12, 61)), rows=int(rng.integers(1, 12)))
        wrong += bool(found(day, seed, line=INNOCENT[kind](rng, day)))
    assert wrong <= 1


@pytest.mark.parametrize("column", ["line", "software", "target", "resolver"])
def test_a_swap_is_found_and_dated(column: str) -> None:
    """All rows of another label from a date on: that kind of change, with the date inside."""
    kinds = dict(zip(["line", "software", "target", "resolver"], list(ChangeKind)[1:], strict=True))
    for seed in range(10):
        rng = np.random.default_rng(seed)
        day = days_of(rng, 30)
        date = int(rng.integers(8, 22))
        labels = np.where(day < date, "old", "new").astype(object)
        (change,) = found(day, seed, **{column: labels})
        truth = str(EPOCH + dt.timedelta(days=FIRST + date))
        assert change.between.earliest <= truth <= change.between.latest
        assert change.variation == pytest.approx(1.0)
        assert change.p_value <= 0.01
        assert change.change.what is kinds[column]
        assert change.change.factor is None
        assert change.change.because


def test_a_partial_swap_among_many_lines() -> None:
    """Two of three lines are replaced: found, with a variation of two thirds."""
    rng = np.random.default_rng(3)
    day = days_of(rng, 40, rows=12)
    old = np.array(["a", "b", "c"], dtype=object)[rng.integers(0, 3, day.size)]
    new = np.array(["a", "d", "e"], dtype=object)[rng.integers(0, 3, day.size)]
    (change,) = found(day, line=np.where(day < 20, old, new))
    assert change.variation == pytest.approx(2 / 3, abs=0.12)
    assert abs(change.first_day - FIRST - 20) <= 1


def test_there_and_back_are_two_changes() -> None:
    """Another resolver for two weeks, then the first again."""
    rng = np.random.default_rng(4)
    day = days_of(rng, 60)
    labels = np.where((day >= 20) & (day < 34), "doh", "system").astype(object)
    changes = found(day, resolver=labels)
    assert [abs(c.first_day - FIRST - at) <= 1 for c, at in zip(changes, (20, 34), strict=True)]


def test_a_column_that_begins_to_tell() -> None:
    """Rows that did not say and rows that do are two mixes."""
    rng = np.random.default_rng(5)
    day = days_of(rng, 30)
    (change,) = found(day, software=np.where(day < 15, None, "v2").astype(object))
    assert change.column == "software"


def test_too_few_days_tell_nothing() -> None:
    """Four days of the new mix are too few; no rows are no fault."""
    day = np.repeat(np.arange(14), 6)
    assert found(day, line=np.where(day < 10, "a", "b").astype(object)) == ()
    assert found(np.zeros(0, dtype=np.int64), line=texts()) == ()


def test_twelve_days_suffice_for_a_clean_swap() -> None:
    """Six and six: only one other of 924 ways to choose six days divides as well."""
    day = np.repeat(np.arange(12), 6)
    (change,) = found(day, line=np.where(day < 6, "a", "b").astype(object))
    assert change.p_value == pytest.approx(2 / 924, abs=0.004)


def test_codes_are_in_order_of_appearance() -> None:
    """Nothing said is a label too."""
    assert codes_of(texts("b", "a", None, "a", "b", None)).tolist() == [0, 1, 2, 1, 0, 2]
