"""Scores of rows and bins: values by hand, garbage, controls, noise by the hour."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.scores import bin_scores, failure_scores, log_ratio_scores, usable_rows
from evenfall.infer.series import Basis

NAN = np.nan


def test_failures_and_successes() -> None:
    """ln(.8 ÷ .05), ln(.2 ÷ .95), and nothing for an unknown outcome."""
    got = failure_scores(np.array([1.0, 0.0, NAN]), np.full(3, NAN), NIGHTLY_2026)
    assert got == pytest.approx([math.log(16), math.log(0.2 / 0.95), 0.0])


def test_a_failure_beside_failing_controls_weighs_little() -> None:
    """The weight falls with the controls' rate; a success weighs the same beside any."""
    rate = np.array([0.0, 0.3, 0.6, 1.0])
    failed = failure_scores(np.ones(4), rate, NIGHTLY_2026)
    assert np.all(np.diff(failed) < 0)
    assert failed[-1] < 0.06
    worked = failure_scores(np.zeros(4), rate, NIGHTLY_2026)
    assert worked == pytest.approx([math.log(0.2 / 0.95)] * 4)


@pytest.mark.parametrize("scale", [0.19, 0.5])
@pytest.mark.parametrize("x", [-2.5, -1.0, -0.3, 0.0, 0.8])
def test_ratio_score_is_the_integral(x: float, scale: float) -> None:
    """ln(f1 ÷ f0) equals scipy's t₂ density, integrated over the slowing by quadrature."""
    low, high = math.log(1.5), math.log(60)
    f1 = integrate.quad(lambda m: stats.t.pdf((x + m) / scale, 2) / scale, low, high)[0] / (
        high - low
    )
    f0 = stats.t.pdf(x / scale, 2) / scale
    got = log_ratio_scores(np.array([x]), np.array([scale]), NIGHTLY_2026)
    assert got == pytest.approx([math.log(f1 / f0)], rel=1e-6)


def test_evidence_never_falls_as_the_target_gets_slower() -> None:
    """Zero bytes score as x = −3, and no slower x scores less."""
    x = np.array([-np.inf, -9.0, -3.0, -2.0, -1.0, -0.5])
    got = log_ratio_scores(x, np.full(6, 0.19), NIGHTLY_2026)
    assert np.all(np.diff(got) <= 1e-12)
    assert got[0] == got[2] > 4


def test_garbage_is_counted_out(histories) -> None:
    """Impossible stamps and outcomes are left out and counted; −∞ stays."""
    h = histories.measured(np.random.default_rng(1), 2)
    series = h.series(Basis.PAIRS, log_ratio=h.noise())
    at, x = series.started_us.copy(), series.log_ratio.copy()
    at[0], at[1] = -5, 2**62
    x[2], x[3], x[4] = np.inf, NAN, -np.inf
    failed = np.full(h.n, NAN)
    failed[5] = 0.3
    rows = usable_rows(replace(series, started_us=at, log_ratio=x, failed=failed), NIGHTLY_2026)
    assert rows.left_out_other == 4
    assert rows.n == h.n - 4
    assert np.count_nonzero(rows.empty) == 1
    assert np.isfinite(rows.score).all()


def test_unverified_clocks_are_left_out_unless_an_archives(histories) -> None:
    """Rows with an unverified clock go, an archive's own clock stays."""
    h = histories.measured(np.random.default_rng(2), 2)
    verified = np.arange(h.n) % 2 == 0
    series = h.series(Basis.UNPAIRED, failed=h.failing(0.1), clock_verified=verified)
    assert usable_rows(series, NIGHTLY_2026).left_out_clock == np.count_nonzero(~verified)
    kept = usable_rows(replace(series, archive_clock=True), NIGHTLY_2026)
    assert (kept.n, kept.left_out_clock) == (h.n, 0)


def test_a_noisy_evening_is_not_a_slow_one(histories) -> None:
    """With neutral pairs as noisy as the evening, its scores do not rise; without them, neither."""
    h = histories.measured(np.random.default_rng(3), 30)
    evening = h.inside(20, 23)
    wide = h.noise(np.where(evening, 0.8, 0.19))
    for null in (h.noise(np.where(evening, 0.8, 0.19)), np.full(h.n, NAN)):
        rows = usable_rows(h.series(Basis.PAIRS, log_ratio=wide, null_log_ratio=null), NIGHTLY_2026)
        assert rows.score[evening].mean() < 0
    naive = log_ratio_scores(wide, np.full(h.n, 0.19), NIGHTLY_2026)
    suspicious = np.maximum(naive[evening], 0).sum()
    assert np.maximum(rows.score[evening], 0).sum() < 0.6 * suspicious


def test_a_slowed_hour_does_not_excuse_itself(histories) -> None:
    """A slowing does not widen its own noise: the score inside stays high."""
    h = histories.measured(np.random.default_rng(4), 30)
    inside = h.inside(20, 22)
    rows = usable_rows(h.series(Basis.PAIRS, log_ratio=h.slowed(inside, 8)), NIGHTLY_2026)
    assert np.median(rows.score[inside]) > 4


def test_difference_is_measured_from_its_own_level(histories) -> None:
    """A site that is always at a third of the controls is not slow, also if evenings are dense."""
    h = histories.measured(np.random.default_rng(5), 14, every_min=60, evening_every_min=5)
    evening = h.inside(19, 23)
    x = h.slowed(evening, 8) - math.log(3)
    rows = usable_rows(h.series(Basis.CONTROL_DIFFERENCE, log_ratio=x), NIGHTLY_2026)
    assert abs(np.median(rows.x[~evening])) < 0.1
    assert np.median(rows.x[evening]) == pytest.approx(-math.log(8), abs=0.1)


def test_bins_are_clipped_and_the_doubled_hour_counts_once(histories) -> None:
    """Berlin, October 2024: two passes through 02:10 give their mean, not their sum."""
    import datetime as dt

    h = histories.History(
        rng=np.random.default_rng(6),
        minute=np.zeros(5),
        zone="Europe/Berlin",
        first=dt.date(2024, 10, 27),
    )
    utc = [f"2024-10-27T{t}:00+00:00" for t in ("00:11", "01:11", "05:01", "05:02", "05:03")]
    at = np.array([int(dt.datetime.fromisoformat(t).timestamp() * 1e6) for t in utc])
    failed = np.array([1.0, 0.0, 1.0, 1.0, 1.0])
    series = replace(h.series(Basis.UNPAIRED, failed=failed), started_us=at)
    _, slot, score = bin_scores(usable_rows(series, NIGHTLY_2026), NIGHTLY_2026)
    assert slot.tolist() == [13, 36]
    assert score == pytest.approx([(math.log(16) + math.log(0.2 / 0.95)) / 2, 6.0])


def test_rows_hold_little_that_the_series_does_not(histories) -> None:
    """A clean series in order: what is unknown takes no memory, and its own columns are shared."""
    h = histories.measured(np.random.default_rng(3), 10, missing=0.0)
    bps = h.rng.uniform(1e5, 1e7, h.n)
    series = replace(h.series(Basis.PAIRS, log_ratio=h.noise()), target_bps=bps)
    rows = usable_rows(series, NIGHTLY_2026)
    assert np.shares_memory(rows.target_bps, bps)
    for name in ("fold", "failed", "empty", "control", "control_speed", "control_bps"):
        assert getattr(rows, name).strides == (0,), name
    order = np.random.default_rng(4).permutation(h.n)
    names = ("started_us", "failed", "log_ratio", "null_log_ratio", "control_failed", "target_bps")
    mixed = replace(series, **{name: getattr(series, name)[order] for name in names})
    again = usable_rows(mixed, NIGHTLY_2026)
    for name in ("day", "slot", "fold", "x", "score", "bad", "failed", "target_bps", "empty"):
        assert np.array_equal(getattr(rows, name), getattr(again, name), equal_nan=True), name
