"""Innocent worlds: names are treated alike, and what is nobody's doing is in the numbers."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest

from evenfall.infer.series import Series
from evenfall.lab.nights import FAMILIES, NightWorld, draw

INNOCENT = [name for name, family in FAMILIES.items() if family.innocent]
Floats = npt.NDArray[np.float64]


def worlds(name: str, basis: str = "", count: int = 3) -> list[NightWorld]:
    """The first worlds of a family, of one basis if asked."""
    drawn = (draw(name, seed) for seed in range(60))
    found = [world for world in drawn if basis in ("", world.truth.basis)]
    assert len(found) >= count
    return found[:count]


def known(column: Any) -> Any:
    """A column that a series may lack, and this one does not."""
    assert column is not None
    return column


def hour_of(reckon: Any, series: Series) -> Floats:
    """Local hour of each row, with fractions."""
    return np.array([at.hour + at.minute / 60 for at in reckon.local(series)])


def by_date(reckon: Any, series: Series, values: Floats) -> dict[dt.date, float]:
    """Median of the known values of each local date."""
    dates = np.array([at.date().toordinal() for at in reckon.local(series)])
    return {
        dt.date.fromordinal(int(d)): float(np.nanmedian(values[dates == d]))
        for d in np.unique(dates)
        if np.isfinite(values[dates == d]).any()
    }


def slower(inside: Floats, outside: Floats) -> float:
    """How many times slower, by plain medians of what is known."""
    return float(np.nanmedian(outside) / np.nanmedian(inside))


@pytest.mark.parametrize("name", INNOCENT)
def test_nothing_is_done_to_anybody(name: str) -> None:
    """No hits; an innocent expects no curfew."""
    for seed in range(4):
        truth = draw(name, seed).truth
        assert truth.innocent
        assert truth.hits == ()
        assert truth.expected in ("none", "insufficient")


@pytest.mark.parametrize("name", INNOCENT)
def test_both_names_fare_alike(name: str) -> None:
    """Pairs by a factor of two: the named arm is the slower one as often as the neutral one."""
    named = neutral = 0
    for seed in range(8):
        world = draw(name, seed)
        if world.truth.basis == "pairs":
            x = np.concatenate([series.log_ratio for series in world.series])
            named += int((x < -math.log(2)).sum())
            neutral += int((x > math.log(2)).sum())
    assert abs(named - neutral) <= 4 * math.sqrt(named + neutral + 1)


def test_congestion_slows_everything(reckon: Any) -> None:
    """20:00–23:00 costs both arms; a small paired transfer mostly waits for replies."""
    for basis, least in (("pairs", 1.05), ("difference", 1.8)):
        for world in worlds("null_congestion", basis):
            series = world.series[0]
            evening = reckon.inside(series, [("20:00", "23:00")], margin_min=1)
            for bps in (known(series.target_bps), known(series.control_bps)):
                assert slower(bps[evening], bps[~evening]) > least


def test_dense_evenings_are_dense(reckon: Any) -> None:
    """An hour of the evening has at least twice the rows of another."""
    for world in worlds("null_dense_evening"):
        late = hour_of(reckon, world.series[0]) >= 18
        assert late.sum() / 6 > 2 * (~late).sum() / 18


def test_noisy_evenings_are_wide_and_not_slow(reckon: Any) -> None:
    """The middle half of x is wider in the bad hours; its median stays."""
    for world in worlds("null_noisy_evening", "pairs"):
        low, high = world.plan.noise.bad_h
        clock = [(f"{int(low):02d}:00", f"{int(high):02d}:00")]
        for series in world.series:
            bad = reckon.inside(series, clock, margin_min=1)
            x = series.log_ratio
            iqr = [np.subtract(*np.percentile(x[part], [75, 25])) for part in (bad, ~bad)]
            assert iqr[0] > 1.3 * iqr[1]
            assert abs(np.median(x[bad])) < 0.3


def test_bad_days_are_few_and_whole(reckon: Any) -> None:
    """The dates of the plan, and no others, are much slower than the usual day."""
    for world in worlds("null_bad_days"):
        series = world.series[0]
        days = by_date(reckon, series, known(series.target_bps))
        usual = np.median(list(days.values()))
        begun = dt.date.fromisoformat(world.truth.first_date)
        bad = {begun + dt.timedelta(days=a) for a, _ in world.plan.troubles[0].hours.dates}
        assert bad
        for date in bad & set(days):
            assert days[date] < usual / 1.4


def test_match_nights_are_few_and_the_video_site_is_slow(reckon: Any) -> None:
    """By visits: video in the match hours of those dates, and social no more than the line."""
    for world in worlds("null_match_night", "difference"):
        dates = world.plan.troubles[0].hours.dates
        begun = dt.date.fromisoformat(world.truth.first_date)
        text = [tuple((begun + dt.timedelta(days=d)).isoformat() for d in pair) for pair in dates]
        dips = {}
        for series in world.series:
            on = reckon.inside(series, [("20:45", "22:45")], margin_min=1, dates=text)
            dips[series.service] = np.nanmedian(series.log_ratio[~on]) - np.nanmedian(
                series.log_ratio[on]
            )
        assert 2 <= len(dates) <= 6
        assert world.truth.may_say == "undetermined"
        assert dips["video"] > 0.4
        assert dips["social"] < dips["video"] / 2
    assert all(w.truth.may_say == "nothing" for w in worlds("null_match_night", "pairs"))


def test_a_slow_content_network_is_slow_for_visits_and_even_for_pairs(reckon: Any) -> None:
    """The service's own servers alone; without pairs the same is seen from every network."""
    for world in worlds("null_cdn"):
        (series,) = [s for s in world.series if s.service == "video"]
        held = reckon.inside(series, reckon.hours(world), margin_min=16)
        near = reckon.inside(series, reckon.hours(world), margin_min=-16)
        visits = world.facts[0].visits["video"].bps
        if visits.size == held.size:  # no pair was without a datum
            bps = np.where(visits < 0, np.nan, visits)
            assert slower(bps[held], bps[~near]) > 1.8
        assert abs(np.median(series.log_ratio[held])) < 0.3
    for world in worlds("null_cdn_difference"):
        assert world.truth.may_say == "undetermined"
        for series in world.series:
            held = reckon.inside(series, reckon.hours(world), margin_min=16)
            near = reckon.inside(series, reckon.hours(world), margin_min=-16)
            x = series.log_ratio
            dip = np.nanmedian(x[~near]) - np.nanmedian(x[held])
            assert (dip > 0.6) == (series.service == "video")


def test_a_site_that_is_down_is_down_from_everywhere(reckon: Any) -> None:
    """Most visits fail in the hours or on the dates of the plan, on all networks; others work."""
    for world in worlds("null_site_down", count=8):
        hours = world.plan.troubles[0].hours
        nightly = bool(hours.windows_min)
        assert (world.truth.may_say == "undetermined") == nightly
        begun = dt.date.fromisoformat(world.truth.first_date)
        down = {begun + dt.timedelta(days=a) for a, _ in hours.dates}
        for series in world.series:
            if nightly:
                on = reckon.inside(series, reckon.hours(world), margin_min=1)
            else:
                on = np.array([at.date() in down for at in reckon.local(series)])
            if on.sum() >= 8:
                assert (series.failed[on].mean() > 0.5) == (series.service == "video")
            assert series.failed[~on].mean() < 0.2


def test_a_tariff_changes_the_level_for_good(reckon: Any) -> None:
    """Medians of the dates before and after differ by the plan's factor, give or take the line."""
    for world in worlds("null_plan_change", count=6):
        (step,) = world.plan.steps
        series = world.series[0]
        days = by_date(reckon, series, known(series.target_bps))
        change = dt.date.fromisoformat(world.truth.first_date) + dt.timedelta(days=step.date)
        before = np.median([v for d, v in days.items() if d < change])
        after = np.median([v for d, v in days.items() if d >= change])
        limited = world.truth.basis == "pairs"  # handshakes take a part of a small transfer's time
        found, true = math.log(after / before), math.log(step.factor)
        assert found * true > 0
        assert abs(found - true) < (0.75 if limited else 0.4)


def test_a_zone_change_lies_in_the_middle(reckon: Any) -> None:
    """The offset of the first and the last row differ, and Kazakhstan's change is among them."""
    zones, dips = set(), []
    for world in worlds("null_dst", count=20):
        series = world.series[0]
        zone = ZoneInfo(series.timezone)
        ends = [dt.datetime.fromtimestamp(series.started_us[k] / 1e6, zone) for k in (0, -1)]
        assert ends[0].utcoffset() != ends[1].utcoffset()
        zones.add(series.timezone)
        x = series.log_ratio
        late = reckon.inside(series, [("19:30", "22:30")], margin_min=0)
        dips.append(np.nanmedian(x[~late]) - np.nanmedian(x[late]))
    assert -0.1 < np.median(dips) < math.log(1.5)
    assert "Asia/Almaty" in zones
    assert len(zones) >= 3


def test_another_probe_is_told_by_line_and_version() -> None:
    """Both change once, together, and what it measures is worse."""
    for world in worlds("null_probe_swap", "unpaired"):
        for series in world.series:
            old = series.mix["software"] == series.mix["software"][0]
            assert (np.diff(old.astype(int)) <= 0).all()
            assert 0.2 < old.mean() < 0.8
            assert set(known(series.line)[old]).isdisjoint(known(series.line)[~old])
            assert slower(known(series.target_bps)[~old], known(series.target_bps)[old]) > 1.4


def test_bad_radio_hits_both_arms(reckon: Any) -> None:
    """In the evening pairs differ by three far oftener, to either side alike."""
    for world in worlds("null_wifi", "pairs"):
        x = np.concatenate([series.log_ratio for series in world.series])
        late = np.concatenate(
            [reckon.inside(s, [("19:00", "23:00")], margin_min=1) for s in world.series]
        )
        far = np.abs(x) > math.log(3)
        assert far[late].mean() > 2 * far[~late].mean()
        low, high = int((x[late] < -math.log(3)).sum()), int((x[late] > math.log(3)).sum())
        assert abs(low - high) < 4 * math.sqrt(low + high + 1)


def test_a_clock_that_is_off_shifts_the_full_hours() -> None:
    """Some rows show 40–60 minutes more or less than it was, and all pass for verified."""
    for world in worlds("null_clock_off"):
        rounds = world.facts[0].rounds
        off_min = (rounds.shown_us - rounds.at_us) / 60e6
        assert ((np.abs(off_min) >= 40) == (off_min != 0)).all()
        assert 0.1 < (off_min != 0).mean() < 0.7
        assert all(series.clock_verified.all() for series in world.series)


def test_rows_of_an_unverified_clock_hold_all_the_bad_evenings(reckon: Any) -> None:
    """20:00–22:30 is slow on those dates, and as always on the others."""
    for world in worlds("null_clock_unverified"):
        rounds, series = world.facts[0].rounds, world.series[0]
        assert 0.2 < (~series.clock_verified).mean() < 0.7
        assert ((rounds.shown_us != rounds.at_us) == ~rounds.verified).all()
        late = reckon.inside(series, [("20:00", "22:30")], margin_min=62)
        good = known(series.target_bps)[late & series.clock_verified]
        bad = known(series.target_bps)[late & ~series.clock_verified]
        if good.size >= 5 and bad.size >= 5:
            assert slower(bad, good) > 1.5


def test_spared_controls_are_fast_while_all_else_is_slow(reckon: Any) -> None:
    """Both arms lose, the controls do not."""
    for world in worlds("null_whitelist"):
        series = world.series[0]
        held = reckon.inside(series, reckon.hours(world), margin_min=1)
        for bps in (known(series.target_bps), known(series.control_bps)):
            assert slower(bps[held], bps[~held]) > 1.7
        speed = known(series.control_log_goodput)
        assert abs(np.nanmedian(speed[held]) - np.nanmedian(speed[~held])) < 0.5


def test_controls_go_down_and_the_service_does_not() -> None:
    """A good part of the controls fails at some time, the service hardly ever."""
    for world in worlds("null_controls_down", count=6):
        for series in world.series:
            failing = series.control_failed[~np.isnan(series.control_failed)]
            assert 0.05 < failing.mean() < 0.7
            assert (failing > 0.4).any()
            assert series.failed.mean() < 0.1


def test_the_line_through_a_vpn_measures_in_the_evening_only(reckon: Any) -> None:
    """Its rows lie within the hours of the plan, and are slower."""
    for world in worlds("null_vpn_evenings", "unpaired"):
        assert world.plan.vpn is not None
        low, high = world.plan.vpn.hours_h
        series = world.series[0]
        through = known(series.line) == "line-2"
        hours = hour_of(reckon, series)
        assert (((hours[through] - low) % 24) < (high - low) % 24).all()
        assert slower(known(series.target_bps)[through], known(series.target_bps)[~through]) > 1.5


def test_only_evenings_are_evenings(reckon: Any) -> None:
    """No row before 19:00."""
    for world in worlds("null_only_evenings"):
        assert world.truth.expected == "insufficient"
        assert (hour_of(reckon, world.series[0]) >= 19).all()


def test_tests_fail_at_random(reckon: Any) -> None:
    """5–10 %, no speeds, the evening no more than the day."""
    for world in worlds("null_failing", count=5):
        failed = np.concatenate([series.failed for series in world.series])
        late = np.concatenate([hour_of(reckon, series) >= 18 for series in world.series])
        assert 0.035 < failed.mean() < 0.12
        spread = math.sqrt(failed.var() * (1 / late.sum() + 1 / (~late).sum()))
        assert abs(failed[late].mean() - failed[~late].mean()) < 4 * spread
        assert all(np.isnan(series.log_ratio).all() for series in world.series)
        assert all(series.archive_clock for series in world.series)


def test_a_weekly_rhythm_is_weekly(reckon: Any) -> None:
    """The plan's weekdays are slower than the others."""
    for world in worlds("null_sawtooth"):
        slow = world.plan.troubles[0].hours.weekdays
        series = world.series[0]
        on = np.array([at.weekday() in slow for at in reckon.local(series)])
        assert slower(known(series.target_bps)[on], known(series.target_bps)[~on]) > 1.15


@pytest.mark.parametrize("asked", [None, 1, 4, 14])
def test_four_nights_are_never_more(asked: int | None) -> None:
    """Whatever is asked for."""
    world = draw("null_four_nights", 1, nights=asked)
    assert world.truth.nights == min(asked or 4, 4)
    assert world.truth.expected == "insufficient"


def test_trouble_of_the_whole_site_is_on_every_network(reckon: Any) -> None:
    """Irregular tests; in the hours of each trouble networks fail oftener, where measured."""
    grown: list[float] = []
    for world in worlds("null_archive", count=6):
        begun = dt.date.fromisoformat(world.truth.first_date)
        of_site = [t.hours for t in world.plan.troubles if t.on == "site"]
        dates = [begun + dt.timedelta(days=hours.dates[0][0]) for hours in of_site]
        assert len(world.plan.networks) >= 3
        for series in world.series[1:]:
            assert series.line is None
            usual = float(np.median(list(by_date(reckon, series, series.failed).values())))
            assert usual < 0.5
            for date, window in zip(dates, reckon.hours(world), strict=True):
                day = [(date.isoformat(), date.isoformat())]
                on = reckon.inside(series, [window], margin_min=1, dates=day)
                grown += series.failed[on].tolist()
    assert len(grown) > 30
    assert np.mean(grown) > 0.4


def share_of(worlds_drawn: list[NightWorld], said: Callable[[NightWorld], bool]) -> float:
    """Of some worlds, those of which something holds."""
    return float(np.mean([said(world) for world in worlds_drawn]))


def test_how_scatter_and_sampling_are_drawn() -> None:
    """Over 120 worlds: three shapes, stalls in half, styles, zones with and without saving."""
    drawn = [draw("null_noisy_evening", seed, nights=5, cadence_s=2400) for seed in range(120)]
    assert {w.plan.noise.shape for w in drawn} == {"t2", "normal", "laplace"}
    assert 0.3 < share_of(drawn, lambda w: w.plan.noise.stall_share > 0) < 0.7
    assert {w.plan.sampling.style for w in drawn} == {"stratified", "cron", "bursts"}
    assert {w.plan.lines for w in drawn} == {1, 2, 3}
    assert max(w.plan.sampling.missing for w in drawn) > 0.6
    zones = {w.truth.timezone for w in drawn}
    assert {"Asia/Almaty", "Europe/Berlin"} <= zones
    for world in drawn:
        stalls = world.plan.noise.stall_share
        assert stalls == 0 or 0.01 <= stalls <= 0.15
