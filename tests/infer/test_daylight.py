"""Clocks and zones: a curfew keeps its hours on the wall through every change of the clock.

Stamps run on in UTC, as they do; what is hit is decided stamp by stamp on the wall clock of
`zoneinfo`, which the estimator does not use. Innocent nights run through the same changes.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evenfall.infer.carpet import Step, carpet_of
from evenfall.infer.nights import judge
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.scores import bin_scores, usable_rows
from evenfall.infer.series import Basis, Series
from evenfall.model.curfew import Curfew
from evenfall.model.vocabulary import SeriesState

CHANGES = {
    "berlin_autumn": ("Europe/Berlin", dt.date(2024, 10, 27)),
    "berlin_spring": ("Europe/Berlin", dt.date(2024, 3, 31)),
    "almaty_2024": ("Asia/Almaty", dt.date(2024, 3, 1)),
    "new_york_autumn": ("America/New_York", dt.date(2024, 11, 3)),
    "lord_howe_half_hour": ("Australia/Lord_Howe", dt.date(2024, 4, 7)),
    "chatham_spring": ("Pacific/Chatham", dt.date(2024, 9, 29)),
}
NIGHTS_AROUND = 10
EPOCH = dt.date(1970, 1, 1)


class Walls:
    """Stamps of a line measured every 20 min around a change, and their readings on the wall."""

    def __init__(self, name: str, seed: int = 1, *, nights: int = NIGHTS_AROUND) -> None:
        self.zone, self.change = CHANGES[name]
        self.rng = np.random.default_rng(seed)
        middle = dt.datetime.combine(self.change, dt.time(), ZoneInfo(self.zone)).timestamp()
        stamp = np.arange(middle - nights * 86_400, middle + nights * 86_400, 1200)
        stamp = stamp + self.rng.uniform(0, 300, stamp.size)
        self.stamp = stamp[self.rng.random(stamp.size) >= 0.2]
        local = [dt.datetime.fromtimestamp(s, ZoneInfo(self.zone)) for s in self.stamp.tolist()]
        self.minute = np.array([at.hour * 60 + at.minute for at in local])
        self.day = np.array([(at.date() - EPOCH).days for at in local])

    def hit(self, start_min: int, end_min: int) -> np.ndarray:
        """Whether the wall shows a time of the window; an end before the start crosses midnight."""
        if start_min < end_min:
            return (self.minute >= start_min) & (self.minute < end_min)
        return (self.minute >= start_min) | (self.minute < end_min)

    def series(self, hit: np.ndarray | None = None, **columns: object) -> Series:
        """Pairs; an eighth of the speed where hit."""
        n = self.stamp.size
        x = self.rng.standard_t(2, n) * 0.19
        if hit is not None:
            x = x - np.where(hit & (self.rng.random(n) < 0.95), np.log(8), 0.0)
        unknown = np.full(n, np.nan)
        fields: dict[str, object] = {
            "service": "video",
            "network": "AS64500",
            "timezone": self.zone,
            "basis": Basis.PAIRS,
            "started_us": (self.stamp * 1e6).astype(np.int64),
            "failed": unknown,
            "log_ratio": x,
            "null_log_ratio": unknown,
            "control_failed": unknown,
            "line": None,
            "clock_verified": np.ones(n, dtype=bool),
        }
        return Series(**{**fields, **columns})  # type: ignore[arg-type]  # (columns by name)


def part(series: Series, rows: np.ndarray) -> Series:
    """Only these rows."""
    names = (
        "started_us", "failed", "log_ratio", "null_log_ratio", "control_failed", "clock_verified",
    )  # fmt: skip
    return replace(series, **{name: getattr(series, name)[rows] for name in names})


def claim(series: Series) -> Curfew:
    """The one curfew of a series."""
    (curfew,) = judge([series], rng=np.random.default_rng(1)).curfews
    return curfew


def holds(interval: tuple[str, str], true_min: int) -> bool:
    """Whether a printed interval holds a time of the day, also around midnight."""
    low, high = ((int(t[:2]) * 60 + int(t[3:]) - true_min + 720) % 1440 - 720 for t in interval)
    return low <= 0 <= high


def is_at(curfew: Curfew, start_min: int, end_min: int) -> bool:
    """One window, both ends in their intervals."""
    (window,) = curfew.windows
    return holds(window.start_interval, start_min) and holds(window.end_interval, end_min % 1440)


@pytest.mark.parametrize("name", list(CHANGES))
def test_an_evening_stays_where_the_wall_has_it(name: str) -> None:
    """20:00–22:00 before, after and through the change: the same hours, on nearly every night."""
    walls = Walls(name)
    series = walls.series(walls.hit(1200, 1320))
    middle = dt.datetime.combine(walls.change, dt.time(12), ZoneInfo(walls.zone)).timestamp()
    before = walls.stamp < middle
    for one in (series, part(series, before), part(series, ~before)):
        curfew = claim(one)
        assert is_at(curfew, 1200, 1320), curfew.windows
        assert curfew.windows[0].weekdays == (0, 1, 2, 3, 4, 5, 6)
        assert curfew.nights_seen >= curfew.nights_measured - 1
    assert claim(series).nights_measured >= 2 * NIGHTS_AROUND - 1


@pytest.mark.parametrize(
    ("name", "start_min", "end_min"),
    [
        ("almaty_2024", 23 * 60, 60),
        ("berlin_autumn", 90, 210),
        ("berlin_spring", 60, 240),
        ("new_york_autumn", 23 * 60 + 30, 150),
        ("lord_howe_half_hour", 60, 180),
    ],
)
def test_a_window_over_the_very_hour(name: str, start_min: int, end_min: int) -> None:
    """Windows that hold the doubled or the missing hour itself, two of them across midnight."""
    walls = Walls(name, seed=4)
    curfew = claim(walls.series(walls.hit(start_min, end_min)))
    assert is_at(curfew, start_min, end_min), curfew.windows
    assert len(curfew.episodes) in (0, 1)


@pytest.mark.parametrize("name", list(CHANGES))
def test_innocent_nights_through_a_change(name: str) -> None:
    """Nothing but noise: no claim, whatever the clock does."""
    for seed in range(6):
        judgement = judge([Walls(name, seed).series()], rng=np.random.default_rng(seed))
        assert judgement.curfews == ()
        assert judgement.findings[0].state is SeriesState.NONE


def test_hours_fixed_in_utc_are_not_hours_on_the_wall() -> None:
    """14–16 UTC through the Kazakh change: 20–22 before, 19–21 after, misfits named if claimed."""
    for seed in range(2, 5):
        walls = Walls("almaty_2024", seed)
        utc_hour = walls.stamp % 86_400 / 3600
        series = walls.series((utc_hour >= 14) & (utc_hour < 16))
        before = walls.day < (walls.change - EPOCH).days
        assert is_at(claim(part(series, before)), 1200, 1320)
        assert is_at(claim(part(series, ~before)), 1140, 1260)
        for curfew in judge([series], rng=np.random.default_rng(1)).curfews:
            assert curfew.exceptions


# bins -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["berlin_autumn", "almaty_2024", "new_york_autumn"])
def test_the_doubled_hour_counts_once(name: str) -> None:
    """A slot with two passes is one bin and weighs their mean, not their sum."""
    walls = Walls(name)
    zone = ZoneInfo(walls.zone)
    base = dt.datetime.combine(walls.change, dt.time(), zone).timestamp() - 3 * 3600
    stamps = np.arange(base, base + 9 * 3600, 600) + 60.0  # one row a slot
    local = [dt.datetime.fromtimestamp(s, zone) for s in stamps.tolist()]
    folded = np.array([at.fold for at in local])
    passes: dict[str, list[int]] = {}
    for index, at in enumerate(local):
        passes.setdefault(f"{at:%Y-%m-%d %H:%M}", []).append(index)
    twice = [rows for rows in passes.values() if len(rows) == 2]
    assert len(twice) == 6
    walls.stamp = stamps
    for fails, wanted in ((np.ones(54), "one failure"), (folded == 0, "half of each")):
        series = walls.series(failed=fails.astype(float), log_ratio=np.full(54, np.nan))
        rows = usable_rows(series, NIGHTLY_2026)
        day, slot, score = bin_scores(rows, NIGHTLY_2026)
        assert len(score) == len(passes) == 48
        one = {fold: float(np.unique(rows.score[rows.fold == fold])[0]) for fold in (0, 1)}
        folded_bins = {(int(rows.day[r[0]]), int(rows.slot[r[0]])) for r in twice}
        got = {
            float(s)
            for d, t, s in zip(day, slot, score, strict=True)
            if (int(d), int(t)) in folded_bins
        }
        assert got == {(one[0] + one[1]) / 2}, wanted


@pytest.mark.parametrize("name", ["berlin_spring", "chatham_spring"])
def test_the_missing_hour_is_unmeasured(name: str) -> None:
    """No bin and no cell of it, on that date alone; the carpet shows it as not measured."""
    walls = Walls(name)
    zone = ZoneInfo(walls.zone)
    start = dt.datetime.combine(walls.change, dt.time(), zone)
    walls.stamp = np.arange(start.timestamp(), start.timestamp() + 23 * 3600, 60) + 1.0
    series = walls.series(failed=np.zeros(walls.stamp.size))
    day, slot, _ = bin_scores(usable_rows(series, NIGHTLY_2026), NIGHTLY_2026)
    assert set(day.tolist()) == {(walls.change - EPOCH).days}
    missing = sorted(set(range(144)) - set(slot.tolist()))
    # A wall time exists if it comes back from UTC as it went (PEP 495).
    exists = [
        wall == wall.astimezone(dt.UTC).astimezone(zone)
        for wall in (start + dt.timedelta(minutes=m) for m in range(1440))
    ]
    assert missing == [s for s in range(144) if not any(exists[s * 10 : s * 10 + 10])]
    assert len(missing) >= 5
    steps = carpet_of(series, axis_start_h=0).steps[0]
    whole = [h for h in range(48) if {3 * h, 3 * h + 1, 3 * h + 2} <= set(missing)]
    assert {h for h in range(48) if steps[h] == Step.NOT_MEASURED} == set(whole)


# clocks -----------------------------------------------------------------------------------


def test_rows_of_a_clock_that_is_off_are_left_out_and_said_so() -> None:
    """A third of the rows an hour late and unverified: the window is that of the others."""
    walls = Walls("almaty_2024", seed=6)
    hit = walls.hit(1200, 1320)
    series = walls.series(hit)
    off = walls.rng.random(walls.stamp.size) < 1 / 3
    wrong = replace(
        series,
        started_us=series.started_us + np.where(off, 3_600_000_000, 0),
        clock_verified=~off,
    )
    curfew, alone = claim(wrong), claim(part(series, ~off))
    assert curfew.windows == alone.windows
    assert is_at(curfew, 1200, 1320)
    said = f"{np.count_nonzero(off)} rows with an unverified clock were left out"
    assert said in curfew.caveats
    (finding,) = judge([wrong], rng=np.random.default_rng(1)).findings
    assert finding.left_out == {"clock": int(np.count_nonzero(off))}
    assert finding.n == np.count_nonzero(~off)
    carpet = carpet_of(wrong, windows=curfew.windows)
    assert carpet.n_left_out == np.count_nonzero(off)


def test_only_clocks_that_nobody_verified() -> None:
    """Then nothing can be said, and the reason counts them."""
    walls = Walls("almaty_2024")
    series = walls.series(
        walls.hit(1200, 1320), clock_verified=np.zeros(walls.stamp.size, dtype=bool)
    )
    judgement = judge([series], rng=np.random.default_rng(1))
    assert judgement.curfews == ()
    (finding,) = judgement.findings
    assert finding.state is SeriesState.INSUFFICIENT
    assert f"{walls.stamp.size} with an unverified clock" in finding.reason


# too little -------------------------------------------------------------------------------


@pytest.mark.parametrize("hit", [True, False])
def test_only_evenings_cannot_tell(hit: bool) -> None:
    """Measured from 18:00 to 24:00 alone: insufficient, whether the evenings are slow or not."""
    walls = Walls("almaty_2024")
    series = walls.series(walls.hit(1200, 1320) if hit else None)
    judgement = judge(
        [part(series, (walls.minute >= 1080) & (walls.minute < 1440))],
        rng=np.random.default_rng(1),
    )
    assert judgement.curfews == ()
    assert judgement.findings[0].state is SeriesState.INSUFFICIENT
    assert judgement.findings[0].reason.startswith("daytime not measured")


@pytest.mark.parametrize("nights", [1, 2, 3, 4])
def test_up_to_four_nights_cannot_tell(nights: int) -> None:
    """From noon to noon, day and night, every evening slow: still insufficient, with the count."""
    walls = Walls("almaty_2024")
    night = (walls.day * 1440 + walls.minute - 720) // 1440
    series = walls.series(walls.hit(1200, 1320))
    few = part(series, (night > night[0]) & (night <= night[0] + nights))
    judgement = judge([few], rng=np.random.default_rng(1))
    assert judgement.curfews == ()
    (finding,) = judgement.findings
    assert finding.state is SeriesState.INSUFFICIENT
    assert finding.nights_measured <= nights
    assert "a pattern needs 5" in finding.reason
