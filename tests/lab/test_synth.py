"""Synthetic nights: the truth is in the rows where it is said to be, and nowhere else."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evenfall.infer.series import Basis
from evenfall.lab.clock import minutes_of
from evenfall.lab.synth import ZONE, history, write_history
from evenfall.lab.synth_case import CASES, DEFAULT_SEED, SERVICES, Truth, case_named, truth_of
from evenfall.model.errors import UsageError
from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Arm, Fact, Provenance, Role
from evenfall.store import open_store


def pairs_of(rows: list[Observation]) -> list[tuple[Observation, Observation]]:
    """(named, neutral) arms of every pair."""
    arms: dict[str, dict[Arm, Observation]] = {}
    for row in rows:
        if row.pair_id is not None and row.arm is not None:
            arms.setdefault(row.pair_id, {})[row.arm] = row
    return [(both[Arm.TARGET], both[Arm.NEUTRAL]) for both in arms.values()]


def minute(row: Observation) -> float:
    """Local minute of the day."""
    at = dt.datetime.fromtimestamp(row.started_us / 1e6, ZoneInfo(ZONE))
    return at.hour * 60 + at.minute + at.second / 60


def is_slow(pair: tuple[Observation, ...]) -> bool:
    """Three times slower or more under the name."""
    named, neutral = pair
    return (named.goodput_bps or 0) * 3 <= (neutral.goodput_bps or 0)


@pytest.mark.parametrize("name", list(CASES))
def test_rows_are_sound(name: str) -> None:
    """Unique ids, marked synthetic, both arms of every pair, about 30 % of the rounds missing."""
    rows = list(history(CASES[name], nights=4, seed=5))
    assert len({row.observation_id for row in rows}) == len(rows)
    assert {row.provenance for row in rows} == {Provenance.SYNTH}
    assert {row.service for row in rows if row.role is Role.TARGET} == set(SERVICES)
    assert any(row.role is Role.CONTROL for row in rows)
    arms = [row for row in rows if row.fact is Fact.TRANSFER]
    assert len(pairs_of(rows)) * 2 == len(arms)
    rounds = len({row.round_id for row in rows})
    assert 0.6 < rounds / (4 * 72) < 0.8


@pytest.mark.parametrize("seed", [0, 1, 2, 6])
def test_what_is_done_is_done_to_the_names_inside_the_window_alone(seed: int) -> None:
    """Slow or failed pairs are the truth's services inside its window (± jitter) alone."""
    truth = truth_of(CASES["curfew_drawn"], seed)
    start, end = minutes_of(truth.start_local), minutes_of(truth.end_local)
    inside: list[bool] = []
    outside: list[bool] = []
    for pair in pairs_of(list(history(CASES["curfew_drawn"], nights=14, seed=seed))):
        named = pair[0]
        hit = named.service in truth.services and not named.is_null_pair
        if hit and start + 12 <= minute(named) < end - 12:
            inside.append(is_slow(pair))
        elif not (hit and start - 12 <= minute(named) < end + 12):
            outside.append(is_slow(pair))
    assert np.mean(inside) > 0.8
    assert np.mean(outside) < 0.02


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.innocent])
def test_innocent_cases_treat_both_names_alike(name: str) -> None:
    """However slow the evening is, the named arm is slow as rarely as the neutral one."""
    case = CASES[name]
    pairs = pairs_of(list(history(case, nights=14, seed=7)))
    named = int(sum(is_slow(pair) for pair in pairs))
    neutral = int(sum(is_slow(pair[::-1]) for pair in pairs))
    assert named + neutral < 0.02 * len(pairs)
    assert abs(named - neutral) < 4 * math.sqrt(named + neutral + 1)
    assert truth_of(case, 7).services == ()


def test_congestion_is_slow_for_everybody() -> None:
    """The full line shows in the neutral arm too: 20:00–23:00 at a fraction of the afternoon."""
    rows = [n for _, n in pairs_of(list(history(CASES["null_congestion"], nights=14, seed=7)))]
    evening = np.median([r.goodput_bps or 0 for r in rows if 1200 <= minute(r) < 1380])
    afternoon = np.median([r.goodput_bps or 0 for r in rows if 840 <= minute(r) < 1080])
    assert evening < afternoon / 3


def test_the_seed_is_everything() -> None:
    """Same seed, same rows; another seed, other rows; the default seed is the known evening."""
    case = CASES["curfew_drawn"]
    assert list(history(case, nights=1, seed=3)) == list(history(case, nights=1, seed=3))
    assert list(history(case, nights=1, seed=3)) != list(history(case, nights=1, seed=4))
    known = truth_of(case, DEFAULT_SEED)
    assert (known.start_local, known.end_local) == ("20:00", "22:00")


def test_draws_cover_every_mechanism_and_stay_in_the_evening() -> None:
    """Over 200 seeds: four mechanisms, every service, windows of 90 to 180 minutes."""
    drawn: list[Truth] = [truth_of(CASES["curfew_drawn"], seed) for seed in range(1, 201)]
    assert {t.mechanism for t in drawn} == {"sni.police", "sni.shape", "sni.reset", "sni.drop"}
    assert {s for t in drawn for s in t.services} == set(SERVICES)
    for truth in drawn:
        length = minutes_of(truth.end_local) - minutes_of(truth.start_local)
        assert 90 <= length <= 180
        assert bool(truth.rate_bps) == (truth.mechanism in ("sni.police", "sni.shape"))


def test_more_than_half_of_the_fixed_cases_are_innocent() -> None:
    """And a case that is not there is refused with the list of those that are."""
    fixed = [case for case in CASES.values() if case.truth is not None]
    assert sum(case.innocent for case in fixed) * 2 > len(fixed)
    with pytest.raises(UsageError, match="curfew_basic"):
        case_named("nonsense")
    with pytest.raises(ValueError, match="nights"):
        list(history(CASES["null_clean"], nights=0, seed=1))


def test_a_history_becomes_series_of_pairs(tmp_path: Path) -> None:
    """Through the store: one simulated series a service, with neutral pairs and both speeds."""
    write_history(CASES["curfew_basic"], nights=5, seed=0, store_path=tmp_path / "store")
    with open_store(tmp_path / "store", write=False) as store:
        found = {s.service: s for s in store.series()}
        assert sorted(found) == sorted(SERVICES)
        for series in found.values():
            assert series.basis is Basis.PAIRS
            assert series.simulated
            assert series.clock_verified.all()
            assert np.isfinite(series.null_log_ratio).any()
            speeds = store.pair_speeds(series)
            assert len(speeds.started_us) == len(series.started_us)
            assert set(speeds.started_us.tolist()) == set(series.started_us.tolist())
