"""The carpet: right cells, right nights, gaps that look like gaps."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.infer.carpet import Carpet, Step, axis_for, carpet_of, inside_of, window_cells
from evenfall.infer.series import Basis, Series
from evenfall.model.curfew import Window

ALL = tuple(range(7))


def series(rows: list[tuple[str, float, float]], zone: str = "Asia/Almaty", **more: Any) -> Series:
    """A series from (local time, failed, log ratio); fold 0 where a local time comes twice."""
    stamps = [
        round(dt.datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1e6)
        for at, _, _ in rows
    ]
    n = len(rows)
    fields: dict[str, Any] = {
        "service": "youtube",
        "network": "AS9198",
        "timezone": zone,
        "basis": Basis.PAIRS,
        "started_us": np.array(stamps, dtype=np.int64),
        "failed": np.array([f for _, f, _ in rows], dtype=np.float64),
        "log_ratio": np.array([x for _, _, x in rows], dtype=np.float64),
        "null_log_ratio": np.full(n, np.nan),
        "control_failed": np.full(n, np.nan),
        "line": None,
        "clock_verified": np.ones(n, dtype=bool),
    }
    return Series(**{**fields, **more})


def window(start: str, end: str, weekdays: tuple[int, ...] = ALL) -> Window:
    """A window with no width to its ends."""
    return Window(
        weekdays=weekdays,
        start_local=start,
        end_local=end,
        start_interval=(start, start),
        end_interval=(end, end),
    )


def cell(carpet: Carpet, date: str, at: str) -> int:
    """The step at a local date and time; the date is the night's own."""
    hours, minutes = (int(p) for p in at.split(":"))
    index = ((hours - carpet.axis_start_h) % 24) * 2 + minutes // 30
    return int(carpet.steps[carpet.dates.index(dt.date.fromisoformat(date)), index])


def test_a_night_runs_from_noon_and_keeps_its_date_after_midnight() -> None:
    """01:40 belongs to the night that began the day before; 12:00 begins a new one."""
    carpet = carpet_of(
        series([("2018-06-18T20:10", 0, 0.0), ("2018-06-19T01:40", 1, -math.inf),
                ("2018-06-19T11:59", 0, 0.0), ("2018-06-19T12:00", 0, 0.0)])
    )  # fmt: skip
    assert carpet.dates == (dt.date(2018, 6, 18), dt.date(2018, 6, 19))
    assert cell(carpet, "2018-06-18", "20:00") == Step.NORMAL
    assert cell(carpet, "2018-06-18", "01:30") == Step.DID_NOT_OPEN
    assert cell(carpet, "2018-06-18", "11:30") == Step.NORMAL
    assert cell(carpet, "2018-06-19", "12:00") == Step.NORMAL
    assert int(carpet.n.sum()) == 4


@pytest.mark.parametrize(
    ("factor", "step"),
    [
        (0.5, Step.NORMAL),
        (1.49, Step.NORMAL),
        (1.51, Step.SLIGHTLY_SLOWER),
        (2.99, Step.SLIGHTLY_SLOWER),
        (3.01, Step.SLOWER),
        (9.99, Step.SLOWER),
        (10.01, Step.MUCH_SLOWER),
        (1e6, Step.MUCH_SLOWER),
    ],
)
def test_five_steps(factor: float, step: Step) -> None:
    """The steps begin at 1.5, 3 and 10 times slower."""
    carpet = carpet_of(series([("2018-06-18T20:10", 0, -math.log(factor))]))
    assert cell(carpet, "2018-06-18", "20:00") == step


def test_zero_bytes_did_not_open_whatever_the_other_column_says() -> None:
    """−inf is evidence, also where the site's own fetch worked."""
    carpet = carpet_of(series([("2018-06-18T20:10", 0, -math.inf)]))
    assert cell(carpet, "2018-06-18", "20:00") == Step.DID_NOT_OPEN
    assert int(carpet.n_failed.sum()) == 1


def test_success_without_a_speed_is_normal_and_nothing_at_all_is_a_gap() -> None:
    """A test that opened is normal; a row without either fact leaves its cell unmeasured."""
    carpet = carpet_of(
        series([("2018-06-18T20:10", 0, math.nan), ("2018-06-18T21:10", math.nan, math.nan)])
    )
    assert cell(carpet, "2018-06-18", "20:00") == Step.NORMAL
    assert cell(carpet, "2018-06-18", "21:00") == Step.NOT_MEASURED
    assert carpet.n_left_out == 1


def test_one_bad_out_of_three_does_not_colour_a_cell_and_is_counted() -> None:
    """A cell takes the worst step that at least half of its measurements reached."""
    rows = [("2018-06-18T20:05", 0, 0.0), ("2018-06-18T20:10", 0, 0.0)]
    carpet = carpet_of(series([*rows, ("2018-06-18T20:20", 1, math.nan)]))
    assert cell(carpet, "2018-06-18", "20:00") == Step.NORMAL
    n, bad = carpet.hourly()
    assert (int(n.max()), int(bad.max())) == (3, 1)
    half = carpet_of(series([rows[0], ("2018-06-18T20:20", 1, math.nan)]))
    assert cell(half, "2018-06-18", "20:00") == Step.DID_NOT_OPEN


def test_a_failure_beside_dead_controls_and_an_unverified_clock_tell_nothing() -> None:
    """Both leave a gap, not a normal cell and not a bad one."""
    rows = [("2018-06-18T20:10", 1.0, math.nan), ("2018-06-18T21:10", 0.0, 0.0)]
    dead = carpet_of(series(rows, control_failed=np.array([1.0, np.nan])))
    assert cell(dead, "2018-06-18", "20:00") == Step.NOT_MEASURED
    unverified = np.array([True, False])
    doubtful = carpet_of(series(rows, clock_verified=unverified))
    assert cell(doubtful, "2018-06-18", "21:00") == Step.NOT_MEASURED
    archive = carpet_of(series(rows, clock_verified=unverified, archive_clock=True))
    assert cell(archive, "2018-06-18", "21:00") == Step.NORMAL


def test_the_hour_a_zone_change_skips_is_unmeasured_and_a_doubled_one_is_one_hour() -> None:
    """Berlin, March and October 2018, one row every ten minutes of real time."""
    zone = "Europe/Berlin"
    for date, doubled in (("2018-03-24", False), ("2018-10-27", True)):
        start = dt.datetime.fromisoformat(f"{date}T12:00").replace(tzinfo=ZoneInfo(zone))
        n = 6 * (25 if doubled else 23)
        stamps = np.array([int((start.timestamp() + 600 * i) * 1e6) for i in range(n)])
        base = series([(f"{date}T12:00", 0, 0.0)] * n, zone)
        carpet = carpet_of(Series(**{**base.__dict__, "started_us": stamps}))
        assert len(carpet.dates) == 1
        steps = carpet.steps[0]
        skipped = ((2 - 12) % 24) * 2
        assert (steps[skipped] == Step.NOT_MEASURED) == (not doubled)
        assert (steps == Step.NOT_MEASURED).sum() == (0 if doubled else 2)


def test_almaty_had_another_offset_in_2018_than_in_2024() -> None:
    """20:00 local is 14:00 UTC in 2018 and 15:00 UTC in June 2024."""
    for utc in ("2018-06-18T14:00+00:00", "2024-06-18T15:00+00:00"):
        stamp = int(dt.datetime.fromisoformat(utc).timestamp() * 1e6)
        base = series([("2018-06-18T20:00", 0, -9.0)])
        carpet = carpet_of(Series(**{**base.__dict__, "started_us": np.array([stamp])}))
        assert int(np.flatnonzero(carpet.steps[0] >= 0)[0]) == 16


def test_an_unpaired_speed_is_compared_with_its_own_level_outside_the_window() -> None:
    """With the window known, a service that is mostly slow is not its own baseline."""
    slow = [(f"2018-06-18T20:{m:02d}", math.nan, math.log(1e5)) for m in range(0, 60, 5)]
    fast = [("2018-06-18T15:10", math.nan, math.log(1e7)), ("2018-06-18T16:10", math.nan, 16.1)]
    rows = series([*slow, *fast], basis=Basis.UNPAIRED)
    known = carpet_of(rows, windows=[window("20:00", "21:00")])
    assert cell(known, "2018-06-18", "20:00") == Step.MUCH_SLOWER
    assert cell(known, "2018-06-18", "15:00") == Step.NORMAL


def test_the_axis_turns_to_midnight_for_windows_in_daylight_alone() -> None:
    """Evenings, nights and mixtures keep the evening in the middle."""
    assert axis_for([]) == 12
    assert axis_for([window("20:00", "22:00")]) == 12
    assert axis_for([window("07:00", "11:00"), window("13:00", "17:00")]) == 0
    assert axis_for([window("07:00", "11:00"), window("20:00", "22:00")]) == 12
    assert axis_for([window("23:00", "01:00")]) == 12


def test_windows_cross_midnight_on_the_axis_and_in_membership() -> None:
    """23:00–01:00 on Fridays holds Saturday 00:30 and not Friday 00:30."""
    friday = window("23:00", "01:00", (4,))
    assert window_cells(friday, 12) == (22.0, 26.0)
    assert window_cells(window("22:00", "24:00"), 12) == (20.0, 24.0)
    rows = series([("2018-06-23T00:30", 0, 0.0), ("2018-06-22T00:30", 0, 0.0),
                   ("2018-06-22T23:00", 0, 0.0), ("2018-06-23T01:00", 0, 0.0)])  # fmt: skip
    assert inside_of(rows, [friday]).tolist() == [True, False, True, False]


def test_nothing_measured_is_an_empty_carpet() -> None:
    """No rows, no nights, no error."""
    carpet = carpet_of(series([]))
    assert carpet.dates == ()
    assert carpet.nights_measured == 0
    assert carpet.overall().tolist() == [Step.NOT_MEASURED] * 48


@pytest.mark.parametrize("wrong", ["1971-01-01T20:00", "1995-01-01T20:00", "2150-01-01T20:00"])
def test_a_wrong_century_is_left_out(wrong: str) -> None:
    """Stamps eleven years from most others are counted out; before 1970 and after 2200 too."""
    rows = [(f"2018-06-{day}T20:00", 0, 0.0) for day in (18, 19, 21)]
    carpet = carpet_of(series([(wrong, 0, 0.0), *rows, (wrong, 1, 0.0)]))
    assert (carpet.dates[0], carpet.dates[-1]) == (dt.date(2018, 6, 18), dt.date(2018, 6, 21))
    assert (carpet.n_left_out, carpet.n.sum()) == (2, 3)
    far = carpet_of(series([("2009-01-01T20:00", 0, 0.0), *rows]))
    assert (far.n_left_out, far.dates[0]) == (0, dt.date(2009, 1, 1))
    base = series([("2018-06-18T20:00", 0, 0.0)] * 2)
    stamps = np.array([base.started_us[0], -5])
    carpet = carpet_of(Series(**{**base.__dict__, "started_us": stamps}))
    assert (carpet.n_left_out, len(carpet.dates)) == (1, 1)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 60 * 24 * 20),
            st.sampled_from([0.0, 1.0, math.nan]),
            st.sampled_from([0.0, -1.0, -2.0, -5.0, -math.inf, math.nan]),
        ),
        max_size=60,
    )
)
def test_every_measurement_is_in_one_cell_or_counted_out(
    rows: list[tuple[int, float, float]],
) -> None:
    """Counts add up, and a cell has a step exactly if it has a measurement."""
    noon = dt.datetime.fromisoformat("2018-06-04T12:00")
    spelled = [((noon + dt.timedelta(minutes=m)).isoformat(), f, x) for m, f, x in rows]
    carpet = carpet_of(series(spelled))
    assert int(carpet.n.sum()) + carpet.n_left_out == len(rows)
    assert ((carpet.steps >= 0) == (carpet.n > 0)).all()
    assert (carpet.n_failed + carpet.n_slow <= carpet.n).all()
