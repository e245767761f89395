"""A world's series are those that the store makes of its rows.

The store is the foreign reader here: its SQL knows nothing of the generator.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evenfall.infer.series import Series
from evenfall.lab.nights import FAMILIES, NightWorld, draw, observations
from evenfall.lab.nights.writing import write_world
from evenfall.model.vocabulary import Arm, Fact, Provenance, Role
from evenfall.store import open_store

COLUMNS = (
    "started_us", "failed", "log_ratio", "null_log_ratio", "control_failed", "target_bps",
    "control_bps", "clock_verified",
)  # fmt: skip
CHOSEN = (
    ("curfew_basic", 1), ("curfew_difference", 2), ("blocked_window", 1), ("blocked_window", 4),
    ("blocked_archive", 3), ("stall_window", 1), ("null_archive", 2), ("null_controls_down", 1),
    ("null_clock_off", 3), ("null_clock_unverified", 1), ("null_probe_swap", 2),
    ("null_vpn_evenings", 1), ("null_plan_change", 3), ("null_dst", 5), ("null_failing", 1),
)  # fmt: skip


def loaded(world: NightWorld, path: Path) -> list[Series]:
    """What the store makes of the world's rows."""
    write_world(world, path)
    with open_store(path, write=False) as store:
        return store.series()


def same(mine: Series, stores: Series) -> None:
    """Equal to the digits of a float."""
    for name in ("service", "network", "timezone", "basis", "archive_clock", "simulated"):
        assert getattr(mine, name) == getattr(stores, name), name
    for name in COLUMNS:
        left, right = (np.asarray(getattr(one, name), dtype=float) for one in (mine, stores))
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-9, err_msg=name)
    assert (mine.line is None) == (stores.line is None)
    if mine.line is not None and stores.line is not None:
        assert mine.line.tolist() == stores.line.tolist()
    assert {k: v.tolist() for k, v in mine.mix.items()} == {
        k: v.tolist() for k, v in stores.mix.items()
    }


def same_controls(mine: Series, stores: Series) -> None:
    """Speeds of controls: equal where known here; the store asks the minutes near too."""
    left, right = mine.control_log_goodput, stores.control_log_goodput
    assert left is not None
    assert right is not None
    known = ~np.isnan(left)
    np.testing.assert_allclose(left[known], right[known], rtol=1e-12, atol=1e-9)
    assert (~np.isnan(right[~known])).sum() <= 0.05 * left.size


@pytest.mark.parametrize(("name", "seed"), CHOSEN)
def test_series_are_those_of_the_store(name: str, seed: int, tmp_path: Path) -> None:
    """Same times, ratios, failures, controls, lines, mix: pairs, visits, speeds, tests."""
    world = draw(name, seed, nights=3, cadence_s=3600)
    stores = loaded(world, tmp_path / "store")
    assert len(stores) == len(world.series)
    for mine, theirs in zip(world.series, stores, strict=True):
        same(mine, theirs)
        same_controls(mine, theirs)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_rows_are_sound(name: str) -> None:
    """Unique ids, marked synthetic, both arms of every pair, nothing negative."""
    rows = list(observations(draw(name, 6, nights=2, cadence_s=7200)))
    assert len({row.observation_id for row in rows}) == len(rows)
    assert {row.provenance for row in rows} == {Provenance.SYNTH}
    assert any(row.role is Role.TARGET for row in rows)
    arms = [row for row in rows if row.fact is Fact.TRANSFER]
    both = {(row.pair_id, row.arm) for row in arms}
    assert len(both) == len(arms)
    assert {(pair_id, Arm.TARGET) for pair_id, _ in both} <= both
    assert {(pair_id, Arm.NEUTRAL) for pair_id, _ in both} <= both
    for row in rows:
        assert row.started_us > 0
        assert (row.failure is None) or not row.goodput_bps
        assert row.body_bytes is None or row.size_bytes is None or row.body_bytes <= row.size_bytes


def test_either_arm_goes_first_half_of_the_time() -> None:
    """The order inside a pair is drawn."""
    rows = observations(draw("null_clean", 1, nights=5, cadence_s=1200))
    first = [row.arm for row in rows if row.position == 0 and not row.is_null_pair]
    share = np.mean([arm is Arm.TARGET for arm in first])
    assert abs(share - 0.5) < 4 * 0.5 / len(first) ** 0.5
