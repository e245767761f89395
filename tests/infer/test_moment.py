"""What was measured around one moment, counted by hand; half of the evenings are innocent."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evenfall.infer.localtime import load_zone
from evenfall.infer.moment import Moment, moment_of
from evenfall.infer.series import Basis, Series
from evenfall.infer.when import asked_of, stretch_of
from evenfall.model.curfew import Window

ZONE = "Asia/Almaty"
EVENING = Window(
    weekdays=tuple(range(7)),
    start_local="20:00",
    end_local="22:00",
    start_interval=("20:00", "20:00"),
    end_interval=("22:00", "22:00"),
)


def series_of(rows: list[tuple[str, float, float]], **changes: Any) -> Series:
    """Rows of (local stamp, target bit/s, control bit/s)."""
    zone = ZoneInfo(changes.get("timezone", ZONE))
    at = [dt.datetime.fromisoformat(stamp).replace(tzinfo=zone).timestamp() for stamp, _, _ in rows]
    target, control = (np.array([row[i] for row in rows], dtype=float) for i in (1, 2))
    nothing = np.full(len(rows), np.nan)
    with np.errstate(divide="ignore"):
        ratio = np.log(target) - np.log(control)
    fields: dict[str, Any] = {
        "service": "video", "network": "AS9198", "timezone": ZONE, "basis": Basis.PAIRS,
        "started_us": (np.array(at) * 1e6).astype(np.int64), "failed": nothing,
        "log_ratio": ratio, "null_log_ratio": nothing, "control_failed": nothing, "line": None,
        "clock_verified": np.ones(len(rows), dtype=bool), "target_bps": target,
        "control_bps": control,
    }  # fmt: skip
    return Series(**{**fields, **changes})


def evenings(
    target_then: float, control_then: float, nights: int = 6
) -> list[tuple[str, float, float]]:
    """Nights with a measurement at 14:00 and 21:00; the last 21:00 is as told, all others fast."""
    rows = []
    for night in range(nights):
        date = f"2018-06-{10 + night}"
        rows.append((f"{date}T14:00", 20e6, 20e6))
        last = night == nights - 1
        rows.append((f"{date}T21:00", *((target_then, control_then) if last else (20e6, 20e6))))
    return rows


def look(series: Series, when: str, windows: tuple[Window, ...] = ()) -> Moment:
    """The moment on the series' own clock."""
    zone = load_zone(series.timezone)
    stretch = stretch_of(asked_of(when), zone, last_us=int(series.started_us.max()))
    return moment_of(series, stretch, windows=windows)


def test_a_slow_evening_is_counted_with_both_speeds() -> None:
    """0.5 against 20 Mbit/s: one slow of one, 40 times; the line was as usual."""
    found = look(series_of(evenings(0.5e6, 20e6)), "2018-06-15T21:00")
    assert (found.there.n, found.there.n_slow, found.there.n_failed) == (1, 1, 0)
    assert found.there.slower_by == pytest.approx(40)
    assert (found.there.target_bps, found.there.control_bps) == (0.5e6, 20e6)
    assert (found.rest.n, found.rest.n_bad) == (1, 0)
    assert (found.nights_same, found.nights_same_bad) == (5, 0)
    assert not found.line.suffered
    assert not found.is_explained, "no hours were found: nothing may be quoted"


def test_a_full_line_is_no_slow_service() -> None:
    """Match night: both arms at 2 Mbit/s. The service was as fast as its pair, the line slow."""
    found = look(series_of(evenings(2e6, 2e6)), "2018-06-15T21:00")
    assert found.there.n_bad == 0
    assert found.line.suffered
    assert found.line.slower_by == pytest.approx(10)
    assert found.line.against == "neutral"


def test_a_full_line_beside_unpaired_controls_cannot_be_told_apart() -> None:
    """The same on other servers, inside hours that were found: the finding may not be quoted."""
    rows = evenings(0.2e6, 2e6)
    series = series_of(rows, basis=Basis.CONTROL_DIFFERENCE)
    found = look(series, "2018-06-15T21:00", (EVENING,))
    assert found.windows == (0,)
    assert found.is_bad
    assert found.line.suffered
    assert not found.tells_apart
    assert not found.is_explained


def test_pairs_tell_a_slow_name_from_a_full_line() -> None:
    """Both arms share the line: ten times on top of it is the name's own, and may be quoted."""
    found = look(series_of(evenings(0.2e6, 2e6)), "2018-06-15T21:00", (EVENING,))
    assert found.line.suffered
    assert found.is_explained


def test_a_good_evening_inside_the_hours_is_no_proof_of_them() -> None:
    """The hours were found over many nights, and this one was fast: nothing is quoted."""
    found = look(series_of(evenings(20e6, 20e6)), "2018-06-15T21:00", (EVENING,))
    assert found.windows == (0,)
    assert not found.is_bad
    assert not found.is_explained


def test_dead_controls_make_a_failure_untold() -> None:
    """Half of the controls failed as well: the failure is counted apart, against nobody."""
    rows = evenings(20e6, 20e6)
    failed, control = np.zeros(len(rows)), np.zeros(len(rows))
    failed[-1], control[-1] = 1.0, 0.5
    series = series_of(
        rows, failed=failed, control_failed=control, log_ratio=np.full(len(rows), np.nan)
    )
    found = look(series, "2018-06-15T21:00")
    assert (found.there.n, found.there.n_untold, found.there.n_failed) == (0, 1, 0)
    assert found.line.failed_share == 0.5
    assert found.line.suffered


def test_nothing_measured_names_the_nearest() -> None:
    """17:00 was not measured; 14:00 and 21:00 were, and 14:00 is nearer."""
    series = series_of(evenings(20e6, 20e6))
    found = look(series, "2018-06-12T17:00")
    assert found.there.n + found.there.n_untold == 0
    at = dt.datetime.fromtimestamp(found.nearest_us / 1e6, ZoneInfo(ZONE))
    assert f"{at:%Y-%m-%d %H:%M}" == "2018-06-12 14:00"


def test_a_stretch_is_half_open() -> None:
    """20:30 belongs to 21:00, 21:30 does not: it is nobody's twice."""
    series = series_of([("2018-06-15T20:30", 1e6, 1e6), ("2018-06-15T21:30", 1e6, 1e6)])
    assert look(series, "2018-06-15T21:00").there.n == 1
    assert look(series, "2018-06-15T22:00").there.n == 1


def test_a_night_names_its_bad_hours_and_judges_inside_the_hours_found() -> None:
    """Slow from 20:00 to 22:00, fast else: one stretch, and bad inside the hours."""
    rows = [
        (f"2018-06-15T{hour:02d}:{half:02d}", 0.5e6 if 20 <= hour < 22 else 20e6, 20e6)
        for hour in range(12, 24)
        for half in (5, 35)
    ]
    found = look(series_of(rows), "2018-06-15", (EVENING,))
    zone = ZoneInfo(ZONE)
    clocks = [
        [f"{dt.datetime.fromtimestamp(us / 1e6, zone):%H:%M}" for us in one]
        for one in found.bad_hours
    ]
    assert clocks == [["20:00", "22:00"]]
    assert (found.there.n, found.there.n_slow) == (24, 4)
    assert found.is_bad
    assert look(series_of(rows), "2018-06-15").bad_hours == found.bad_hours


def test_both_passes_of_a_doubled_hour_are_counted() -> None:
    """02:30 comes twice in Berlin on 27 October 2024: one measurement in each pass."""
    at = [dt.datetime(2024, 10, 27, hour, 30, tzinfo=dt.UTC).timestamp() for hour in (0, 1)]
    series = series_of(
        [("2024-10-27T02:30", 1e6, 1e6)] * 2,
        timezone="Europe/Berlin",
        started_us=(np.array(at) * 1e6).astype(np.int64),
    )
    assert look(series, "2024-10-27T02:30").there.n == 2


def test_a_log_without_controls_has_its_own_speed() -> None:
    """Against its own median of all hours: 2 of usually 20 Mbit/s is ten times slower."""
    rows = evenings(2e6, 20e6)
    series = series_of(rows, basis=Basis.UNPAIRED, control_bps=None,
                       log_ratio=np.log([target for _, target, _ in rows]))  # fmt: skip
    found = look(series, "2018-06-15T21:00")
    assert found.there.slower_by == pytest.approx(10)
    assert (found.there.target_bps, found.there.control_bps) == (2e6, None)
    assert not found.line.is_known


def test_garbage_is_counted_and_never_raised_about() -> None:
    """Stamps of 1970 and 2300, NaN, ±inf and negative speeds: nothing is raised."""
    rows = [("2018-06-15T21:00", 1e6, 1e6)] * 5
    odd = np.array([np.nan, np.inf, -5.0, 1e15, 0.0])
    series = series_of(
        rows, target_bps=odd, control_bps=odd[::-1].copy(), control_failed=odd,
        log_ratio=np.array([np.nan, np.inf, -np.inf, 1e300, -1e300]), control_log_goodput=odd,
        started_us=np.array([0, 10**16, 1_529_074_800_000_000, 1_529_074_800_000_000, -5]),
    )  # fmt: skip
    found = look(series, "2018-06-15T21:00")
    assert found.there.n + found.there.n_untold == 2


def test_an_empty_series_is_a_moment_without_measurements() -> None:
    """No rows: nothing there, and no nearest."""
    series = series_of([])
    stretch = stretch_of(asked_of("2018-06-15T21:00"), load_zone(ZONE), last_us=0)
    found = moment_of(series, stretch)
    assert found.there.n == 0
    assert found.nearest_us is None
