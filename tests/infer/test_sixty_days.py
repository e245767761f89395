"""Looking every day for sixty days: innocent series are claimed on no day, a curfew stays claimed.

The whole judgement is run each day, as a daily `analyze` would, all series together. The large
figure is made by `evenfall lab score --daily`; here a few series of each kind, so that a change is
seen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenfall.infer.nights import judge
from evenfall.infer.series import Basis, Series

pytestmark = pytest.mark.slow
NIGHTS = 60
COLUMNS = (
    "started_us", "failed", "log_ratio", "null_log_ratio", "control_failed", "clock_verified",
)  # fmt: skip


def history(histories, kind: str, seed: int) -> tuple[Series, np.ndarray]:
    """A series, and after how many nights each row was there."""
    rng = np.random.default_rng([seed, *kind.encode()])
    h = histories.measured(
        rng, NIGHTS, every_min=60, evening_every_min=20, service=f"{kind}{seed}", network=kind
    )
    noisy = np.where(h.inside(19, 23), 0.5, 0.19)
    series = {
        "quiet": lambda: h.series(Basis.PAIRS, log_ratio=h.noise()),
        "noisy": lambda: h.series(
            Basis.PAIRS, log_ratio=h.noise(noisy), null_log_ratio=h.noise(noisy)
        ),
        "failing": lambda: h.series(Basis.UNPAIRED, failed=h.failing(0.1)),
        "curfew": lambda: h.series(Basis.PAIRS, log_ratio=h.slowed(h.inside(20, 22), 8)),
    }[kind]()
    return series, (h.minute - 720) // 1440


def claims_by_day(made: list[tuple[Series, np.ndarray]]) -> dict[str, list[int]]:
    """Service → the days on which it was claimed."""
    claimed: dict[str, list[int]] = {one.service: [] for one, _ in made}
    for day in range(1, NIGHTS + 1):
        so_far = [
            replace(one, **{name: getattr(one, name)[night < day] for name in COLUMNS})
            for one, night in made
        ]
        for curfew in judge(so_far, rng=np.random.default_rng(day)).curfews:
            claimed[curfew.service].append(day)
    return claimed


def test_sixty_daily_looks_at_innocent_series(histories) -> None:
    """Three of each kind, sixty looks each: no claim on any day."""
    made = [
        history(histories, kind, seed)
        for kind in ("quiet", "noisy", "failing")
        for seed in range(3)
    ]
    assert claims_by_day(made) == {one.service: [] for one, _ in made}


def test_a_curfew_is_claimed_within_eight_days_and_stays(histories) -> None:
    """The same way of looking, beside three innocents: from its first day on, on every day."""
    made = [history(histories, kind, 9) for kind in ("curfew", "quiet", "noisy", "failing")]
    claimed = claims_by_day(made)
    first = claimed["curfew9"][0]
    assert 5 <= first <= 8
    assert claimed.pop("curfew9") == list(range(first, NIGHTS + 1))
    assert not any(claimed.values())
