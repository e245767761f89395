"""An index is set against the same hour of other dates, so that quiet nights are no curfew."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from evenfall.infer.nights import judge
from evenfall.infer.rhythm import is_index, without_rhythm
from evenfall.infer.series import Basis, Series
from evenfall.model.vocabulary import SeriesState


def traffic(history, *, lower: np.ndarray | None = None, season: float = 0.0) -> np.ndarray:
    """A volume (ln): low at four in the morning, later at week-ends, noise of 5 %."""
    late = 2.0 * (history.date % 7 >= 5)
    value = 3.0 + 0.9 * np.cos(2 * np.pi * (history.hour - 16 - late) / 24)
    value += season * history.date / 100 * np.sin(2 * np.pi * history.hour / 24)
    value += 0.05 * history.rng.standard_normal(history.n)
    return value if lower is None else value - math.log(4) * lower


def index_series(history, value: np.ndarray, target: str = "video/index") -> Series:
    """As the store gives it."""
    series = history.series(Basis.UNPAIRED, log_ratio=value)
    return dataclasses.replace(series, mix={"target": np.full(history.n, target, dtype=object)})


@pytest.fixture
def history(histories):
    """Weeks of hourly rows."""

    def made(seed: int, nights: int = 70):
        return histories.measured(np.random.default_rng(seed), nights, every_min=60, missing=0.1)

    return made


def test_what_is_an_index(history) -> None:
    """All targets say so; one that does not, or none, is no index."""
    seen = history(1, 7)
    series = index_series(seen, traffic(seen))
    assert is_index(series)
    assert not is_index(index_series(seen, traffic(seen), "video/table"))
    assert not is_index(dataclasses.replace(series, mix={}))
    mixed = series.mix["target"].copy()
    mixed[3] = None
    assert not is_index(dataclasses.replace(series, mix={"target": mixed}))


def test_the_rhythm_is_gone_and_the_noise_is_left(history) -> None:
    """What is left is the noise that was put in, on week-ends too, and in another season."""
    for season in (0.0, 0.3):
        seen = history(2, 120)
        left = without_rhythm(seen.date, seen.hour.astype(int), traffic(seen, season=season))
        assert left.std() < 0.09
        hourly = [np.median(left[seen.hour.astype(int) == hour]) for hour in range(24)]
        assert np.ptp(hourly) < 0.05


@pytest.mark.parametrize("seed", range(6))
def test_a_quiet_night_is_no_curfew(history, seed: int) -> None:
    """Traffic that is low every night: judged, and nothing is claimed."""
    seen = history(10 + seed)
    judgement = judge([index_series(seen, traffic(seen))], rng=np.random.default_rng(0))
    assert judgement.curfews == ()
    assert judgement.findings[0].state is SeriesState.NONE


def test_hours_that_fall_from_a_date_on_are_found(history) -> None:
    """From day 50 of 70 on a quarter of the traffic from 20 to 22: the window is there."""
    seen = history(3)
    lower = seen.inside(20, 22) & (seen.date >= 50)
    judgement = judge(
        [index_series(seen, traffic(seen, lower=lower))], rng=np.random.default_rng(0)
    )
    (curfew,) = judgement.curfews
    (window,) = curfew.windows
    assert "19:00" <= window.start_local <= "20:30"
    assert "21:30" <= window.end_local <= "23:00"


def test_what_is_not_finite_stays(history) -> None:
    """No traffic at all is −∞ before and after; no rows are no fault."""
    seen = history(4, 20)
    value = traffic(seen)
    value[:5] = -np.inf
    value[5:9] = np.nan
    left = without_rhythm(seen.date, seen.hour.astype(int), value)
    assert np.isneginf(left[:5]).all()
    assert np.isnan(left[5:9]).all()
    assert np.isfinite(left[9:]).all()
    none = np.zeros(0, dtype=np.int64)
    assert without_rhythm(none, none, np.zeros(0)).size == 0
