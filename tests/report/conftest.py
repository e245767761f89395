"""Made-up series and findings for pages."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evenfall.infer.series import Basis, Series
from evenfall.model.curfew import Curfew, Effect, SeriesFinding, Window
from evenfall.model.verdict import SlowerBy
from evenfall.model.vocabulary import ClaimLevel, Pattern, Scope, SeriesState, State
from evenfall.report.evening import Speed
from evenfall.report.page import Judged

_ZONE = "Asia/Almaty"
_SLOT_S = 1200


def made_series(
    service: str = "youtube",
    *,
    seed: int = 1,
    nights: int = 14,
    hit: bool = True,
    wild: bool = False,
    **changes: Any,
) -> Series:
    """A pair every 20 minutes, 30 % missing; slowed ×41 from 20:00 to 22:00 if `hit`.

    `wild` draws every value anew from the whole range: the heaviest page there can be.
    """
    rng = np.random.default_rng(seed)
    start = dt.datetime(2018, 6, 4, 12, tzinfo=ZoneInfo(_ZONE)).timestamp()
    stamps = start + np.arange(nights * 72) * _SLOT_S + rng.integers(0, _SLOT_S, nights * 72)
    stamps = stamps[rng.random(len(stamps)) > 0.3]
    n = len(stamps)
    hour = ((stamps - start) / 3600 + 12) % 24
    inside = (hour >= 20) & (hour < 22) & hit
    ratio = np.where(inside, -math.log(41), 0.0) + rng.normal(0, 0.12, n)
    failed = np.zeros(n)
    failed[inside & (rng.random(n) < 0.2)] = 1.0
    ratio[failed == 1] = -np.inf
    if wild:
        ratio = -rng.choice([0.0, 0.6, 1.6, 3.0], n)
        failed = (rng.random(n) < 0.2).astype(float)
    fields: dict[str, Any] = {
        "service": service,
        "network": "AS9198",
        "timezone": _ZONE,
        "basis": Basis.PAIRS,
        "started_us": (stamps * 1e6).astype(np.int64),
        "failed": failed,
        "log_ratio": ratio,
        "null_log_ratio": np.where(rng.random(n) < 0.3, rng.normal(0, 0.12, n), np.nan),
        "control_failed": np.full(n, np.nan),
        "line": None,
        "clock_verified": np.ones(n, dtype=bool),
    }
    return Series(**{**fields, **changes})


def made_curfew(series: Series, **changes: Any) -> Curfew:
    """20:00–22:00 every night, 41 times slower."""
    window = Window(
        weekdays=tuple(range(7)),
        start_local="20:00",
        end_local="22:00",
        start_interval=("19:50", "20:10"),
        end_interval=("21:50", "22:10"),
    )
    fields: dict[str, Any] = {
        "service": series.service,
        "network": series.network,
        "timezone": series.timezone,
        "state": State.SLOWED,
        "scope": Scope.TARGETED,
        "scope_because": "paired transfers differed only in the name",
        "pattern": Pattern.WINDOW,
        "lines": 1,
        "windows": (window,),
        "onset": None,
        "lifting": None,
        "nights_seen": 13,
        "nights_measured": 14,
        "n": len(series.started_us),
        "p_value": 0.001,
        "effect": Effect(in_window=-3.7, outside=0.0),
        "slower_by": SlowerBy(median=41.0, low=22.0, high=88.0),
        "claim_level": ClaimLevel.L2,
        "isolated": True,
        "rule_id": "night.window.pairs/1",
        "ruleset": "2026.11",
        "profile": "nightly-2026",
    }
    return Curfew(**{**fields, **changes})


def made_finding(series: Series, state: SeriesState, **changes: Any) -> SeriesFinding:
    """What was made of it."""
    fields: dict[str, Any] = {
        "service": series.service,
        "network": series.network,
        "state": state,
        "reason": "no window stands out",
        "n": len(series.started_us),
        "nights_measured": 14,
        "p_value": 0.001,
        "q_value": 0.002,
    }
    return SeriesFinding(**{**fields, **changes})


@pytest.fixture
def make_series() -> Callable[..., Series]:
    """Builder of series."""
    return made_series


@pytest.fixture
def make_curfew() -> Callable[..., Curfew]:
    """Builder of curfews."""
    return made_curfew


@pytest.fixture
def slowed() -> Judged:
    """A service with a curfew."""
    series = made_series()
    finding = made_finding(series, SeriesState.CURFEW)
    return Judged(series=series, finding=finding, curfew=made_curfew(series))


@pytest.fixture
def clear() -> Judged:
    """A service without one."""
    series = made_series("telegram", seed=2, hit=False)
    return Judged(series=series, finding=made_finding(series, SeriesState.NONE, p_value=0.4))


@pytest.fixture
def short() -> Judged:
    """A service of which too little is known."""
    series = made_series("vk", seed=3, hit=False, nights=3)
    finding = made_finding(
        series, SeriesState.INSUFFICIENT, nights_measured=3, p_value=None, q_value=None
    )
    return Judged(series=series, finding=finding)


@pytest.fixture
def empty() -> Judged:
    """A service of which there is one row that tells nothing."""
    series = made_series("ok", nights=1, hit=False)
    nothing = np.full(len(series.started_us), np.nan)
    series = made_series("ok", nights=1, hit=False, log_ratio=nothing, failed=nothing)
    finding = made_finding(
        series, SeriesState.INSUFFICIENT, nights_measured=0, n=0, p_value=None, q_value=None
    )
    return Judged(series=series, finding=finding)


@pytest.fixture
def speeds(slowed: Judged) -> list[Speed]:
    """Both arms of the slowed service's pairs: the control at 20 Mbit/s."""
    series = slowed.series
    return [
        Speed(int(t), round(20e6 * math.exp(x)) if math.isfinite(x) else 0, 20_000_000)
        for t, x in zip(series.started_us, series.log_ratio, strict=True)
    ]
