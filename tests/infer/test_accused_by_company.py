"""Innocents whom the company of other networks accused: none of these is `targeted`.

Each has a guilty twin beside it: the same failures, with others that really clear the site.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evenfall.infer.nights import judge
from evenfall.infer.series import Basis, Series
from evenfall.model.vocabulary import Scope

NIGHTS, EVERY_S = 21, 1800
FIRST = dt.datetime(2024, 5, 6, tzinfo=ZoneInfo("UTC"))


def visits(
    rng: np.random.Generator, network: str, zone: str, bad: np.ndarray, kept: float = 1.0
) -> Series:
    """Visits every half hour for three weeks, `bad` of them failing; the controls are fine."""
    n = NIGHTS * 86_400 // EVERY_S
    at = int(FIRST.timestamp()) + np.arange(n) * EVERY_S + rng.integers(0, 300, n)
    chosen = rng.random(n) < kept
    unknown = np.full(n, np.nan)
    return Series(
        service="video",
        network=network,
        timezone=zone,
        basis=Basis.CONTROL_DIFFERENCE,
        started_us=at[chosen] * 1_000_000,
        failed=(bad & (rng.random(n) < 0.97)).astype(float)[chosen],
        log_ratio=unknown[chosen],
        null_log_ratio=unknown[chosen],
        control_failed=np.zeros(n)[chosen],
        line=None,
        clock_verified=np.ones(int(chosen.sum()), dtype=bool),
    )


def utc_hours(start: float, end: float) -> np.ndarray:
    """Which of the half hours lie between these hours of UTC."""
    hour = np.arange(NIGHTS * 86_400 // EVERY_S) * EVERY_S / 3600 % 24
    return (hour >= start) & (hour < end)


def scopes(many: list[Series]) -> list[Scope]:
    """Of all claims."""
    return [c.scope for c in judge(many, rng=np.random.default_rng(1)).curfews]


def test_two_zones_do_not_clear_a_site_that_was_down_for_both() -> None:
    """Maintenance from 02 to 04 UTC is 04–06 in Berlin and 09–11 in Bangkok: the same instants."""
    rng = np.random.default_rng(1)
    zones = {"AS1": "Europe/Berlin", "AS2": "Asia/Bangkok"}
    found = scopes([visits(rng, n, z, utc_hours(2, 4)) for n, z in zones.items()])
    assert found == [Scope.UNDETERMINED, Scope.UNDETERMINED]


def test_another_zone_that_was_well_at_those_instants_clears_it() -> None:
    """Bangkok reached the site while Berlin did not."""
    rng = np.random.default_rng(2)
    here = visits(rng, "AS1", "Europe/Berlin", utc_hours(17, 20))
    assert scopes([here, visits(rng, "AS2", "Asia/Bangkok", utc_hours(0, 0))]) == [Scope.TARGETED]


def test_one_clean_network_of_ten_clears_nothing() -> None:
    """Nine of ten reach the site through the front that is being maintained."""
    rng = np.random.default_rng(3)
    many = [visits(rng, f"AS{k}", "Asia/Almaty", utc_hours(19, 22)) for k in range(9)]
    many.append(visits(rng, "AS9", "Asia/Almaty", utc_hours(0, 0)))
    assert set(scopes(many)) == {Scope.UNDETERMINED}


@pytest.mark.parametrize("seed", range(3))
def test_a_sparse_network_is_not_clean_by_luck(seed: int) -> None:
    """The site fails everywhere in 60 % of the evening; thirty networks hardly measured it."""
    rng = np.random.default_rng(seed)
    evening = utc_hours(14, 17) & (rng.random(utc_hours(14, 17).size) < 0.6)
    many = [visits(rng, "AS0", "Asia/Almaty", evening)]
    for k in range(1, 31):
        theirs = utc_hours(14, 17) & (rng.random(evening.size) < 0.6)
        many.append(visits(rng, f"AS{k}", "Asia/Almaty", theirs, kept=0.03))
    assert Scope.TARGETED not in scopes(many)


@pytest.mark.parametrize("days", [6, 12])
def test_one_cut_road_is_not_targeted(days: int) -> None:
    """Everything else is fine, here and elsewhere; for some days this one site is out of reach."""
    rng = np.random.default_rng(days)
    day = np.arange(NIGHTS * 86_400 // EVERY_S) * EVERY_S // 86_400
    cut = (day >= 5) & (day < 5 + days)
    well = [visits(rng, f"AS{k}", "Asia/Almaty", utc_hours(0, 0)) for k in (1, 2, 3)]
    assert scopes([visits(rng, "AS0", "Asia/Almaty", cut), *well]) == [Scope.UNDETERMINED]


def test_a_block_of_two_weeks_is() -> None:
    """Fifteen days, and three networks that reached it all the while."""
    rng = np.random.default_rng(9)
    day = np.arange(NIGHTS * 86_400 // EVERY_S) * EVERY_S // 86_400
    well = [visits(rng, f"AS{k}", "Asia/Almaty", utc_hours(0, 0)) for k in (1, 2, 3)]
    assert scopes([visits(rng, "AS0", "Asia/Almaty", day >= 6), *well]) == [Scope.TARGETED]
