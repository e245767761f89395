"""Judging a growing history every day looks more often than the schedule counts: what that costs.

docs/method.md quotes 350 series of each kind (seeds 0 to 349, evenings every 20 min); here the
first few of them, so that a change of the schedule or of the gate is seen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.reading import read
from evenfall.infer.series import Basis, Series
from evenfall.infer.window import try_window

pytestmark = pytest.mark.slow
NIGHTS = 34
COLUMNS = (
    "started_us", "failed", "log_ratio", "null_log_ratio", "control_failed", "clock_verified",
)  # fmt: skip


def days_claimed(series: Series, night: np.ndarray, seed: int) -> list[int]:
    """After which of 30 nights in a row a window would have been claimed."""
    claimed = []
    for nights in range(5, NIGHTS + 1):
        kept = night < nights
        so_far = replace(series, **{name: getattr(series, name)[kept] for name in COLUMNS})
        trial = try_window(
            read(so_far, NIGHTLY_2026), NIGHTLY_2026, np.random.default_rng(seed * 100 + nights)
        )
        if trial.found is not None and not trial.reason:
            claimed.append(nights)
    return claimed


@pytest.mark.parametrize("kind", ["pairs", "failures"])
def test_thirty_daily_looks_at_innocent_series(histories, kind: str) -> None:
    """Eight series of each kind, 30 looks each: no claim on any day."""
    for seed in range(8):
        h = histories.measured(
            np.random.default_rng(seed), NIGHTS, every_min=60, evening_every_min=20
        )
        series = (
            h.series(Basis.PAIRS, log_ratio=h.noise())
            if kind == "pairs"
            else h.series(Basis.UNPAIRED, failed=h.failing(0.1))
        )
        assert days_claimed(series, (h.minute - 720) // 1440, seed) == []


def test_a_curfew_is_claimed_at_a_look_and_stays_claimed(histories) -> None:
    """The same way of looking finds a real one, soon and every day from then on."""
    h = histories.measured(np.random.default_rng(1), NIGHTS, every_min=60, evening_every_min=20)
    series = h.series(Basis.PAIRS, log_ratio=h.slowed(h.inside(20, 22), 8))
    claimed = days_claimed(series, (h.minute - 720) // 1440, 1)
    assert claimed == list(range(claimed[0], NIGHTS + 1))
    assert claimed[0] <= 8
