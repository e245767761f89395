"""What is done is in the numbers where the truth says so, and nowhere else.

Hours, weekdays and dates are reckoned with the standard library, shares and medians with numpy on
the series that the judge is given.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from evenfall.infer.series import Basis, Series
from evenfall.lab.nights import EVERY_DAY, FAMILIES, NightWorld, draw
from evenfall.lab.nights.drawn import DEFAULT_SEED, Truth, truth_of
from evenfall.lab.nights.plan import SERVICES

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
GUILTY = [name for name, family in FAMILIES.items() if not family.innocent]
SEEDS = (1, 2, 3)
BLOCKED = {"blocked_window", "blocked_always", "blocked_archive"}


def from_level(series: Series) -> Floats:
    """The ln ratio; without pairs from its own usual level: sites differ, whoever asks for them."""
    x = series.log_ratio
    known = x[np.isfinite(x)]
    if series.basis is Basis.PAIRS or not known.size:
        return x
    upper = known[known > np.median(known) - 0.7]
    return np.asarray(x - np.median(upper))


def struck(series: Series, factor: float | None) -> Flags:
    """The ln ratio; without pairs from its usual level: sites differ, whoever asks for them."""
    limit = -math.log(max(factor or 4.0, 2.0)) / 2
    return np.asarray((series.failed == 1) | (from_level(series) < limit))


def known(column: Any) -> Any:
    """A column that a series may lack, and this one does not."""
    assert column is not None
    return column


def margin_min(world: NightWorld) -> float:
    """How far the ends wander, and a minute."""
    return 1 + max(act.hours.jitter_min for act in world.plan.acts)


def minutes(clock: str) -> int:
    """`HH:MM` in minutes."""
    hours, _, rest = clock.partition(":")
    return int(hours) * 60 + int(rest)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", GUILTY)
def test_the_truth_is_in_the_numbers(name: str, seed: int, reckon: Any) -> None:
    """Inside, the share of struck rows is the truth's; outside, of other services, hardly any."""
    world = draw(name, seed)
    assert not world.truth.innocent
    for hit in world.truth.hits:
        series, held, free = reckon.hit(world, hit, margin_min=margin_min(world))
        bad = struck(series, hit.factor)
        n = int(held.sum())
        assert n >= 5, "measured inside"
        slack = 4 * math.sqrt(0.25 / n) + 0.08
        assert abs(bad[held].mean() - hit.share) < slack
        if free.any():
            assert bad[free].mean() < 0.2
    touched = {(hit.service, hit.network) for hit in world.truth.hits}
    for series in world.series:
        if (series.service, series.network) not in touched:
            assert struck(series, 4.0).mean() < 0.2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", [n for n in GUILTY if n not in BLOCKED])
def test_the_depth_is_the_truths(name: str, seed: int, reckon: Any) -> None:
    """Median of x inside, over the struck rows that carried anything, is −ln of the factor."""
    world = draw(name, seed)
    for hit in world.truth.hits:
        if hit.factor is None:
            continue
        series, held, _ = reckon.hit(world, hit, margin_min=margin_min(world))
        x = from_level(series)[held & struck(series, hit.factor)]
        x = x[np.isfinite(x)]
        assert x.size
        assert abs(float(np.median(x)) + math.log(hit.factor)) < 0.45


@pytest.mark.parametrize("seed", [4, 5])
@pytest.mark.parametrize("name", sorted(BLOCKED))
def test_blocked_is_nothing_at_all(name: str, seed: int, reckon: Any) -> None:
    """No speed inside, or zero: never a slow transfer; the factor is not given."""
    world = draw(name, seed)
    for hit in world.truth.hits:
        assert (hit.state, hit.factor, hit.fail_share) == ("blocked", None, 1.0)
        series, held, _ = reckon.hit(world, hit, margin_min=margin_min(world))
        x = series.log_ratio[held & struck(series, None)]
        assert not np.isfinite(x).any() or (x[np.isfinite(x)] < -1).mean() < 0.2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["stall_window", "mixed_window", "curfew_third", "curfew_drawn"])
def test_what_carries_nothing_is_what_the_truth_says(name: str, seed: int, reckon: Any) -> None:
    """Of the struck rows inside, the share of zero bytes is that of the hits."""
    world = draw(name, seed)
    for hit in world.truth.hits:
        series, held, _ = reckon.hit(world, hit, margin_min=margin_min(world))
        bad = held & struck(series, hit.factor)
        empty = np.isneginf(series.log_ratio[bad]).mean()
        assert abs(empty - hit.fail_share) < 4 * math.sqrt(0.25 / bad.sum()) + 0.05


def dates_measured(world: NightWorld, reckon: Any) -> set[dt.date]:
    """Local dates with any row."""
    return {at.date() for series in world.series for at in reckon.local(series)}


@pytest.mark.parametrize("seed", range(6))
def test_waves_are_three_with_five_clear_measured_nights_between(seed: int, reckon: Any) -> None:
    """The dates of the truth, and rows on the clear ones."""
    world = draw("curfew_waves", seed)
    measured = dates_measured(world, reckon)
    for hit in world.truth.hits:
        assert len(hit.episodes) == 3
        ends = [[dt.date.fromisoformat(date or "") for date in pair] for pair in hit.episodes]
        for (_, last), (following, _) in itertools.pairwise(ends):
            between = [last + dt.timedelta(days=d) for d in range(1, (following - last).days)]
            assert sum(date in measured for date in between) >= 5


@pytest.mark.parametrize("seed", range(6))
def test_what_is_lifted_begins_and_ends_within_the_data(seed: int) -> None:
    """Both dates are given, a week is clear before and one after."""
    world = draw("curfew_lifting", seed)
    ((first, last),) = world.truth.hits[0].episodes
    begun = dt.date.fromisoformat(world.truth.first_date)
    assert (dt.date.fromisoformat(first or "") - begun).days >= 7
    assert (begun + dt.timedelta(days=world.truth.nights)
            - dt.date.fromisoformat(last or "")).days >= 5  # fmt: skip


def test_weekdays_are_counted_by_the_date_on_which_a_window_starts(reckon: Any) -> None:
    """On the days of the truth most rows inside are struck, on the others none."""
    for seed in range(6):
        world = draw("curfew_weekdays", seed)
        hit = world.truth.hits[0]
        assert hit.weekdays != EVERY_DAY
        series = reckon.series(world, hit.service, hit.network)
        bad = struck(series, hit.factor)
        for day in EVERY_DAY:
            on = reckon.inside(series, hit.windows, margin_min=1, weekdays=(day,))
            assert (bad[on].mean() > 0.6) == (day in hit.weekdays), (seed, day)


def test_windows_of_their_kind() -> None:
    """Two a day one to four hours apart; behind or over midnight; full hours half of the time."""
    full = 0
    for seed in range(60):
        for name in ("curfew_two_windows", "curfew_midnight", "curfew_eighth"):
            windows = draw(name, seed, nights=7, cadence_s=3600).truth.hits[0].windows
            marks = [minutes(clock) for window in windows for clock in window]
            assert all(mark % 5 == 0 for mark in marks)
            if name == "curfew_two_windows":
                (_, first_end), (second, _) = windows
                assert 60 <= minutes(second) - minutes(first_end) <= 240
            elif name == "curfew_midnight":
                ((start, end),) = windows
                assert minutes(end) <= minutes(start) or minutes(start) < 6 * 60
            else:
                full += all(mark % 60 == 0 for mark in marks)
    assert 18 <= full <= 42


def test_the_basic_curfew_is_what_it_says(reckon: Any) -> None:
    """Seven nights, a pair every twenty minutes, 20:00–22:00, 128 kbit/s, for two of three."""
    world = draw("curfew_basic", 10_000)
    assert world.truth.nights == 7
    assert {hit.service for hit in world.truth.hits} == set(SERVICES[:2])
    for series in world.series:
        assert series.started_us.size > 0.97 * 7 * 72
    for hit in world.truth.hits:
        assert hit.windows == (("20:00", "22:00"),)
        series, held, _ = reckon.hit(world, hit, margin_min=5)
        slow = known(series.target_bps)[held & struck(series, hit.factor)]
        assert 100_000 < float(np.median(slow)) < 170_000


def test_a_congested_evening_is_slow_for_the_neutral_arm_too(reckon: Any) -> None:
    """Both causes at once: the neutral arm loses speed in the truth's congested hours."""
    for seed in range(4):
        world = draw("curfew_congested", seed)
        (hours,) = {world.truth.congested}
        series = world.series[0]
        busy = reckon.inside(series, hours, margin_min=1)
        neutral = known(series.control_bps)
        assert np.median(neutral[busy]) < 0.75 * np.median(neutral[~busy])


def test_the_seed_of_the_demonstration_is_the_known_evening() -> None:
    """20:00–22:00; and the family's truth is the one that the emulated evening acts on."""
    known = truth_of(DEFAULT_SEED)
    assert (known.start_local, known.end_local) == ("20:00", "22:00")
    for seed in range(8):
        truth, hits = truth_of(seed), draw("curfew_drawn", seed, nights=7).truth.hits
        assert tuple(hit.service for hit in hits) == truth.services
        assert all(hit.windows == ((truth.start_local, truth.end_local),) for hit in hits)


def test_draws_cover_every_mechanism_and_stay_in_the_evening() -> None:
    """Over 200 seeds: four mechanisms, every service, windows of 90 to 180 minutes."""
    drawn: list[Truth] = [truth_of(seed) for seed in range(1, 201)]
    assert {t.mechanism for t in drawn} == {"sni.police", "sni.shape", "sni.reset", "sni.drop"}
    assert {s for t in drawn for s in t.services} == set(SERVICES)
    for truth in drawn:
        assert 90 <= minutes(truth.end_local) - minutes(truth.start_local) <= 180
        assert bool(truth.rate_bps) == (truth.mechanism in ("sni.police", "sni.shape"))
