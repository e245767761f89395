"""Histories of nights made from a seed, with their truth. Nothing here calls what it is to test.

A history is local stamps at which somebody measured, and rules for what they saw. Local stamps
become UTC through `zoneinfo`, one by one.
"""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evenfall.infer.series import Basis, Series

sys.path.append(str(Path(__file__).parent))  # for round_maker, which several files share

MONDAY = dt.date(2018, 3, 26)


@dataclass
class History:
    """When one line was measured: minutes since the first local midnight, ascending."""

    rng: np.random.Generator
    minute: np.ndarray
    first: dt.date = MONDAY
    zone: str = "Asia/Almaty"
    service: str = "video"
    network: str = "AS9198"
    extra: dict = field(default_factory=dict)

    @property
    def n(self) -> int:
        return self.minute.size

    @property
    def hour(self) -> np.ndarray:
        """Hour of the local day, with its fraction."""
        return self.minute % 1440 / 60

    @property
    def date(self) -> np.ndarray:
        """Local date, counted from the first."""
        return (self.minute // 1440).astype(int)

    def inside(self, start: float, end: float) -> np.ndarray:
        """Whether a stamp lies in start … end (hours; an end before the start crosses midnight)."""
        if start <= end:
            return (self.hour >= start) & (self.hour < end)
        return (self.hour >= start) | (self.hour < end)

    def _utc_us(self) -> np.ndarray:
        midnight = dt.datetime.combine(self.first, dt.time(), tzinfo=ZoneInfo(self.zone))
        local = [midnight + dt.timedelta(minutes=float(m)) for m in self.minute]  # wall-clock sums
        return np.array([int(at.timestamp() * 1e6) for at in local], dtype=np.int64)

    def series(self, basis: Basis, **known: np.ndarray) -> Series:
        """The series; columns that are not given are unknown."""
        unknown = np.full(self.n, np.nan)
        columns = {
            name: known.get(name, unknown)
            for name in ("failed", "log_ratio", "null_log_ratio", "control_failed")
        }
        return Series(
            service=self.service,
            network=self.network,
            timezone=self.zone,
            basis=basis,
            started_us=self._utc_us(),
            line=known.get("line"),
            clock_verified=known.get("clock_verified", np.ones(self.n, dtype=bool)),
            archive_clock=bool(known.get("archive_clock", False)),
            **columns,
        )

    # what was seen ------------------------------------------------------------------------

    def noise(self, scale: float | np.ndarray = 0.19) -> np.ndarray:
        """Ratios of two equal arms: Student t with 2 d.o.f."""
        return self.rng.standard_t(2, self.n) * scale

    def failing(self, rate: np.ndarray | float) -> np.ndarray:
        """1 with this probability."""
        return (self.rng.random(self.n) < rate).astype(float)

    def slowed(self, when: np.ndarray, factor: float, share: float = 0.95) -> np.ndarray:
        """Pairs, slower by the factor in a share of the flows at these stamps."""
        hit = when & (self.rng.random(self.n) < share)
        return self.noise() - np.where(hit, np.log(factor), 0.0)


def measured(
    rng: np.random.Generator,
    nights: int,
    *,
    every_min: float = 20.0,
    missing: float = 0.3,
    hours: tuple[float, float] = (0.0, 24.0),
    from_noon: bool = True,
    evening_every_min: float | None = None,
    **about: object,
) -> History:
    """Regular stamps with jitter; `evening_every_min` measures 18–24 at another pace."""
    begin = 720 if from_noon else 0
    span = nights * 1440
    minute = np.arange(0, span, every_min)
    if evening_every_min is not None:
        day = (minute + begin) % 1440 < 1080
        evening = np.arange(0, span, evening_every_min)
        evening = evening[(evening + begin) % 1440 >= 1080]
        minute = np.concatenate((minute[day], evening))
    minute = np.sort(minute + begin + rng.uniform(0, 4, minute.size))
    of_day = minute % 1440 / 60
    low, high = hours
    kept = (of_day >= low) & (of_day < high) & (rng.random(minute.size) >= missing)
    return History(rng=rng, minute=minute[kept], **about)


@pytest.fixture(scope="session")
def histories() -> SimpleNamespace:
    """The makers above, for tests that are collected without packages."""
    return SimpleNamespace(History=History, measured=measured, MONDAY=MONDAY)
