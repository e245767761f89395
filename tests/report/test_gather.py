"""Series beside their findings: the right ones, also where a store holds two of a name."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from evenfall.infer.nights import judge
from evenfall.lab.nights import draw, observations
from evenfall.lab.nights.writing import write_world
from evenfall.report.gather import gather, pick
from evenfall.report.judging import judged_anew, judged_as_stored
from evenfall.store import open_store


def test_each_series_has_its_own_finding(make_series) -> None:
    """Measured and simulated, and two zones of one service: the slowed one alone has the curfew."""
    quiet = make_series("video", seed=1, hit=False)
    slowed = make_series("video", seed=2, hit=True, simulated=True)
    elsewhere = make_series("video", seed=3, hit=False, timezone="Asia/Tashkent")
    for order in ((quiet, slowed, elsewhere), (slowed, elsewhere, quiet)):
        judged = judged_anew(order, seed=1)
        assert [j.series for j in judged] == list(order)
        assert [j.curfew is not None for j in judged] == [s is slowed for s in order]
        assert pick(judged, "video", "AS9198").series.simulated is False


def test_stored_findings_are_not_guessed_at(make_series) -> None:
    """They name neither zone nor kind: two series of a name are judged anew, one is taken as is."""
    quiet, slowed = make_series("vk", seed=1, hit=False), make_series("video", seed=2, hit=True)
    told = judge([quiet, slowed], rng=np.random.default_rng(5))
    taken = judged_as_stored([slowed], told.curfews, told.findings)
    assert taken is not None
    assert (taken[0].finding, taken[0].curfew) == (told.findings[1], told.curfews[0])
    twin = make_series("video", seed=3, hit=False, simulated=True)
    assert judged_as_stored([slowed, twin], told.curfews, told.findings) is None
    moved = make_series("video", seed=2, hit=True, timezone="Asia/Tashkent")
    assert judged_as_stored([moved], told.curfews, told.findings) is None
    assert judged_as_stored([make_series("ok")], told.curfews, told.findings) is None


def test_a_claim_stays_with_its_network(tmp_path: Path) -> None:
    """Through a store: a service slowed on one network and left alone on another."""
    world = draw("curfew_basic", 0, nights=8)
    write_world(world, tmp_path / "s")
    with open_store(tmp_path / "s", write=True) as store:
        moved = (
            msgspec.structs.replace(row, network="AS64511", observation_id=f"x{row.observation_id}")
            for row in observations(draw("null_clean", 1, nights=8))
        )
        store.add_observations(moved, name="other")
        judged = gather(store)
        assert pick(judged, "video", "AS64500").curfew is not None
        assert pick(judged, "video", "AS64511").curfew is None
