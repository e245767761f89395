"""Changes of the level at all hours are found, dated and taken out; what wanders is left alone.

Lines are drawn from a seed: hourly rows with gaps, noise as of transfers, wander with memory, a
weekly rhythm, evening dips, bad days. Half and more of them are innocent of any change.
"""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from scipy import optimize

from evenfall.infer.daily import daily_levels, day_medians
from evenfall.infer.levels import LevelChange, level_changes, without_levels
from evenfall.infer.night_profiles import LEVELS_2026
from evenfall.model.vocabulary import ChangeKind

EPOCH = dt.date(1970, 1, 1)
FIRST = 19_000  # 2022-01-08


class Line:
    """Hourly rows of a number of days, some missing; values are logarithms."""

    def __init__(self, seed: int, days: int, *, missing: float = 0.3) -> None:
        self.rng = np.random.default_rng([seed, days])
        hours = np.arange(days * 24)
        hours = hours[self.rng.random(hours.size) >= missing]
        self.days = days
        self.date = hours // 24
        self.hour = hours % 24
        self.value = 17.0 + self.rng.standard_t(2, hours.size) * 0.15
        self.value -= 0.5 * self.rng.random() * ((self.hour >= 19) & (self.hour < 23))
        self.value += 0.15 * self.rng.random() * np.sin(2 * np.pi * (self.date % 7) / 7)

    def stepped(self, factor: float, date: int) -> Line:
        """From this date on the line is so many times as fast."""
        self.value = self.value + math.log(factor) * (self.date >= date)
        return self

    def changes(self) -> tuple[LevelChange, ...]:
        """What is found."""
        slot = self.hour * 6 + self.rng.integers(0, 6, self.hour.size)
        return level_changes(FIRST + self.date, slot, self.value)


def remembering(line: Line, memory: float, spread: float) -> np.ndarray:
    """A wander of the days, autoregressive."""
    shock = line.rng.standard_normal(line.days) * spread * math.sqrt(1 - memory**2)
    wander = np.empty(line.days)
    wander[0] = line.rng.standard_normal() * spread
    for day in range(1, line.days):
        wander[day] = memory * wander[day - 1] + shock[day]
    return wander


def still(line: Line) -> np.ndarray:
    """Nothing but noise and rhythm."""
    return np.zeros(line.days)


def walking(line: Line) -> np.ndarray:
    """A random walk of 5 % a day."""
    return np.cumsum(line.rng.standard_normal(line.days)) * 0.05


def seasonal(line: Line) -> np.ndarray:
    """Up and down by a third over half a year."""
    return 0.3 * np.sin(2 * np.pi * (np.arange(line.days) / 180 + line.rng.random()))


def bad_days(line: Line) -> np.ndarray:
    """One day in ten is three times slower."""
    return -1.2 * (line.rng.random(line.days) < 0.1)


def bad_spell(line: Line) -> np.ndarray:
    """Four days running are three times slower."""
    return -1.2 * ((np.arange(line.days) - line.rng.integers(line.days)) // 4 == 0)


INNOCENT = {
    "still": still,
    "memory": lambda line: remembering(line, 0.9, 0.15),
    "restless": lambda line: remembering(line, 0.7, 0.2),
    "walking": walking,
    "seasonal": seasonal,
    "bad days": bad_days,
    "bad spell": bad_spell,
}


@pytest.mark.parametrize("kind", INNOCENT)
def test_a_line_that_wanders_has_no_change(kind: str) -> None:
    """600 lines of each kind, of 14, 40 and 90 days: at most 1 % have a change found."""
    found = 0
    for seed in range(200):
        for days in (14, 40, 90):
            line = Line(10_000 + seed, days)
            line.value = line.value + INNOCENT[kind](line)[line.date]
            found += bool(line.changes())
    assert found <= 6


@pytest.mark.parametrize(("start", "end"), [(20, 22), (18, 24), (15, 1)])
def test_what_changes_in_certain_hours_is_no_level(start: int, end: int) -> None:
    """From the middle on ×1/8 in two, six or ten hours: a curfew's onset, and no level."""
    found = 0
    for seed in range(60):
        line = Line(seed, 60)
        if start < end:
            inside = (line.hour >= start) & (line.hour < end)
        else:
            inside = (line.hour >= start) | (line.hour < end)
        line.value = line.value - math.log(8) * (inside & (line.date >= 30))
        found += bool(line.changes())
    assert found == 0


@pytest.mark.parametrize("factor", [1.5, 3.0, 1 / 2])
def test_a_new_plan_is_found_and_dated(factor: float) -> None:
    """In 90 days: found in four of five, the date in its interval in nine of ten, nothing else."""
    found, covered, wide, others = 0, 0, [], 0
    for seed in range(60):
        line = Line(seed, 90)
        date = int(line.rng.integers(10, 80))
        changes = line.stepped(factor, date).changes()
        near = [change for change in changes if abs(change.first_day - FIRST - date) <= 3]
        others += len(changes) - len(near)
        for change in near:
            found += 1
            truth = str(EPOCH + dt.timedelta(days=FIRST + date))
            covered += change.between.earliest <= truth <= change.between.latest
            wide.append(change.step)
    assert found >= 48
    assert covered >= 0.9 * found
    assert others == 0
    assert np.median(wide) == pytest.approx(math.log(factor), abs=0.05)


def test_two_changes_are_both_found() -> None:
    """Faster in spring, slower in summer: two changes, in order."""
    line = Line(3, 200).stepped(2.0, 70).stepped(1 / 3, 140)
    changes = line.changes()
    assert [change.first_day - FIRST for change in changes] == [70, 140]
    assert [change.factor for change in changes] == pytest.approx([2.0, 1 / 3], rel=0.1)


def test_a_change_is_said_with_its_kind_and_factor() -> None:
    """The model's struct carries kind, interval, factor and a clause."""
    (change,) = (found.change for found in Line(1, 90).stepped(2.0, 40).changes())
    assert change.what is ChangeKind.LEVEL
    assert change.factor == pytest.approx(2.0, rel=0.1)
    assert "at all hours" in change.because
    assert change.between.earliest <= str(EPOCH + dt.timedelta(days=FIRST + 40))


def test_an_unmeasured_gap_widens_the_interval() -> None:
    """A change in three weeks without rows lies anywhere in them."""
    line = Line(5, 90).stepped(2.0, 45)
    kept = (line.date < 35) | (line.date >= 56)
    line.date, line.hour, line.value = line.date[kept], line.hour[kept], line.value[kept]
    (change,) = line.changes()
    first, last = (str(EPOCH + dt.timedelta(days=FIRST + date)) for date in (35, 57))
    assert change.between.earliest == first
    assert str(EPOCH + dt.timedelta(days=FIRST + 56)) <= change.between.latest <= last


def test_one_hour_a_day_tells_nothing_of_all_hours() -> None:
    """Measured at noon only: a change may be one of the noon."""
    line = Line(7, 90, missing=0.0).stepped(3.0, 40)
    kept = line.hour == 12
    line.date, line.hour, line.value = line.date[kept], line.hour[kept], line.value[kept]
    assert line.changes() == ()


@pytest.mark.parametrize("value", [np.nan, -np.inf, np.inf])
def test_what_is_no_number_is_left_out(value: float) -> None:
    """A third of the rows say nothing, and the change is still found."""
    line = Line(2, 90).stepped(2.0, 40)
    line.value[::3] = value
    assert len(line.changes()) == 1
    line.value[:] = value
    assert line.changes() == ()


def test_no_rows_and_few_days() -> None:
    """Nothing in, nothing out; nine days are too few."""
    none = np.zeros(0, dtype=np.int64)
    assert level_changes(none, none, np.zeros(0)) == ()
    assert Line(1, 9).stepped(10.0, 5).changes() == ()


def test_the_steps_are_taken_out() -> None:
    """What is left differs from the line without its steps by one tenth at most."""
    plain, stepped = Line(4, 120), Line(4, 120).stepped(2.0, 40).stepped(1.6, 90)
    flat = without_levels(FIRST + stepped.date, stepped.value, stepped.changes())
    assert np.abs(flat - plain.value).max() < 0.1
    assert without_levels(FIRST + plain.date, plain.value, ()) == pytest.approx(plain.value)


def test_the_order_of_rows_does_not_matter() -> None:
    """Shuffled rows give the same changes."""
    line = Line(6, 90).stepped(1.7, 30)
    slot = line.hour * 6
    before = level_changes(FIRST + line.date, slot, line.value)
    order = line.rng.permutation(line.date.size)
    assert level_changes(FIRST + line.date[order], slot[order], line.value[order]) == before
    assert before


def test_the_partition_is_the_cheapest() -> None:
    """No other pair of cuts is cheaper by scipy's search over the levels of each piece."""
    from evenfall.infer.levels import _cuts, _noise

    rng = np.random.default_rng(9)
    level = np.repeat([0.0, 0.6, 0.2], [12, 9, 11]) + rng.normal(0, 0.08, 32)
    noise = _noise(level, LEVELS_2026)

    def cost(part: np.ndarray) -> float:
        def at(height: float) -> float:
            loss = 1.5 * np.log1p(((part - height) / noise) ** 2 / 2)
            return float(np.minimum(loss, LEVELS_2026.loss_max).sum())

        return min(
            optimize.minimize_scalar(at, bounds=(start - 0.1, start + 0.1), method="bounded").fun
            for start in np.unique(np.round(part, 1))
        )

    total = {
        (a, b): cost(level[:a]) + cost(level[a:b]) + cost(level[b:])
        for a in range(5, 23)
        for b in range(a + 5, 28)
    }
    assert tuple(_cuts(level, LEVELS_2026)) == min(total, key=total.__getitem__)


def test_a_days_level_is_free_of_its_hours() -> None:
    """Days measured only in slow evenings have the level of days measured round the clock."""
    rng = np.random.default_rng(1)
    day = np.repeat(np.arange(30), 24)
    hour = np.tile(np.arange(24), 30)
    value = rng.normal(0, 0.02, day.size) - 1.0 * (hour >= 18)
    kept = (day % 3 > 0) | (hour >= 18)
    level = daily_levels(day[kept], hour[kept], value[kept])
    assert np.abs(level - np.median(level)).max() < 0.05


def test_day_medians_are_numpys() -> None:
    """Against numpy's median, day by day."""
    rng = np.random.default_rng(2)
    day, value = rng.integers(0, 12, 200), rng.normal(size=200)
    days, medians = day_medians(day, value)
    assert medians == pytest.approx([np.median(value[day == one]) for one in days])
