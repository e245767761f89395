"""The benches that publish figures: of today's rule, and of the worlds that their names promise."""

from __future__ import annotations

import importlib
import json
import random
from types import ModuleType

import pytest

from evenfall.infer.profiles import PAIRS_2026, CheckProfile
from evenfall.model.vocabulary import Direction


@pytest.fixture
def calibration(repository, monkeypatch) -> ModuleType:
    """bench/pair_calibration.py."""
    monkeypatch.syspath_prepend(str(repository / "bench"))
    return importlib.import_module("pair_calibration")


def test_the_calibration_kept_is_of_todays_profile(calibration):
    """Every row in the file, or there is none: the page prints them all."""
    kept = calibration.ROWS.read_text().splitlines() if calibration.ROWS.exists() else []
    assert {json.loads(line)["profile"] for line in kept} <= {PAIRS_2026.name}
    assert len(calibration.rows()) == len(kept)


def test_rows_of_an_older_profile_are_dropped(calibration, tmp_path, monkeypatch):
    """Neither read nor written again beside a new one, and a row replaces its namesake."""
    monkeypatch.setattr(calibration, "ROWS", tmp_path / "rows.jsonl")
    assert calibration.rows() == []
    old = {"row": "a", "profile": "pairs-2018.1"}
    new = {"row": "b", "profile": PAIRS_2026.name}
    calibration.ROWS.write_text(json.dumps(old) + "\n")
    assert calibration.rows() == []
    for row in (new, {**new, "rate": 0.5}):
        calibration.keep(row)
    assert calibration.ROWS.read_text() == json.dumps({**new, "rate": 0.5}) + "\n"


def test_every_row_kept_is_one_that_the_bench_makes(calibration):
    """No figure of a world that can no longer be drawn."""
    worlds = (*calibration.NULLS, *calibration.POWERS, *calibration.WHOLE_ROUNDS)
    names = [world.name for world in worlds]
    assert len(set(names)) == len(names)
    assert {row["row"] for row in calibration.rows()} <= set(names)


def test_the_page_prints_the_calibration(calibration, repository):
    """Each row stands in docs/ERROR-RATES.md with its sessions and its rate."""
    page = (repository / "docs" / "ERROR-RATES.md").read_text()
    for row in calibration.rows():
        assert f"| {row['row']} | {row['sessions']} | {row['rate']:.2%} |" in page


def test_a_profile_of_a_check_holds_todays_pairs():
    """Whoever makes one of his own gets the rule that was calibrated, under its name."""
    assert CheckProfile(name="own").pairs == PAIRS_2026


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_hanging_arms_hang_whatever_their_name(calibration, share: float):
    """Of every pair both arms take 0.3 s longer at least, or none does."""
    usual = {"scale": 0.0, "rtt_s": (0.02, 0.02), "line_bps": (50e6, 50e6)}
    session = drawn(calibration, calibration.World(name="w", hangs=share, **usual))
    took_s = [arm.body_bytes * 8 / arm.goodput_bps for arm in arms(session)]
    assert all((t >= 0.3) == bool(share) for t in took_s)


def test_one_server_crawls_and_the_other_does_not(calibration):
    """All arms at the first address are ten times slower than those at the second."""
    usual = {"scale": 0.0, "rtt_s": (0.02, 0.02), "line_bps": (50e6, 50e6)}
    session = drawn(calibration, calibration.World(name="w", crawls=1.0, **usual))
    small = [arm for arm in arms(session) if arm.size_bytes == 65_536]
    speeds = {a: {s.goodput_bps for s in small if s.address == a} for a in calibration.SERVERS}
    (slow,), (fast,) = (speeds[address] for address in calibration.SERVERS)
    assert fast == pytest.approx(10 * slow, rel=0.01)


def test_a_whole_round_is_planned_as_a_check_does(calibration):
    """Three names get downloads, up to six uploads; any one that convicts makes the round false."""
    session = drawn(calibration, calibration.WHOLE_ROUNDS[0])
    own = {p.target.target for p in session.pairs if not p.is_null}
    down = {p.target.target for p in session.pairs if p.direction is Direction.DOWNLOAD} & own
    assert len(session.bias) == 8
    assert len(down) == 3
    assert session.own_bytes <= calibration.BUDGET_BYTES + 3_000_000
    guilty = calibration.World(name="w", targets=8, factor=40.0, line_bps=(20e6, 20e6))
    assert calibration.Session(guilty, seeded(2)).run()[0]


def drawn(calibration: ModuleType, world: object):
    """A session that has run."""
    session = calibration.Session(world, seeded(1))
    session.run()
    return session


def seeded(seed: int) -> random.Random:
    """A generator for a simulation."""
    return random.Random(seed)  # noqa: S311 (a simulation)


def arms(session: object) -> list:
    """All arms of a session's pairs."""
    return [arm for pair in session.pairs for arm in (pair.target, pair.neutral)]
