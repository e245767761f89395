"""Which observations a stretch rests on: whole rounds, of one network, of one kind."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Arm, ClockState, Direction, Fact, Provenance, Role
from evenfall.store import open_store
from evenfall.store.basis import Stretch, observation_ids

NINE_US = int(dt.datetime(2026, 3, 2, 21, tzinfo=dt.UTC).timestamp()) * 1_000_000
SECOND_US = 1_000_000


def observation(name: str, after_s: float, **changes: Any) -> Observation:
    """A transfer so many seconds after nine."""
    fields: dict[str, Any] = {
        "observation_id": name, "fact": Fact.TRANSFER, "provenance": Provenance.SYNTH,
        "service": "video", "target": "video/front", "role": Role.TARGET, "network": "AS64500",
        "timezone": "UTC", "clock": ClockState.VERIFIED, "goodput_bps": 1_000_000,
        "started_us": NINE_US + int(after_s * SECOND_US), "direction": Direction.DOWNLOAD,
    }  # fmt: skip
    return Observation(**{**fields, **changes})


ROWS = [
    observation("a/0", -2, round_id="a", pair_id="a1", arm=Arm.TARGET, position=0),
    observation("a/1", 1, round_id="a", pair_id="a1", arm=Arm.NEUTRAL, position=1),
    observation("b/0", 10, round_id="b", pair_id="b1", arm=Arm.TARGET, position=0),
    observation("b/1", 12, round_id="b", pair_id="b1", arm=Arm.NEUTRAL, position=1),
    observation("b/2", 14, round_id="b", role=Role.CONTROL, service="news", target="news/front"),
    observation("b/3", 16, round_id="b", pair_id="b2", is_null_pair=True, service="neutral",
                target="neutral/front", arm=Arm.NEUTRAL, position=0),
    observation("b/4", 18, round_id="b", service="music", target="music/front"),
    observation("c/0", 59, round_id="c", pair_id="c1", arm=Arm.TARGET, position=0),
    observation("c/1", 61, round_id="c", pair_id="c1", arm=Arm.NEUTRAL, position=1),
    observation("d/0", 20, round_id="d", network="AS64501"),
    observation("e/0", 30, round_id="e", repeat=1),
    observation("f/0", 60, round_id="f"),
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows above."""
    path = tmp_path_factory.mktemp("basis") / "store"
    with open_store(path, write=True) as opened:
        opened.add_observations(ROWS, name="rows")
    return path


def ids(path: Path, **changes: Any) -> list[str]:
    """Ids of the minute after nine."""
    wanted = {"service": "video", "network": "AS64500", "simulated": True, "from_us": NINE_US,
              "to_us": NINE_US + 60 * SECOND_US}  # fmt: skip
    with open_store(path, write=False) as opened, opened.selecting() as connection:
        return observation_ids(connection, Stretch(**{**wanted, **changes}))


def test_a_pair_belongs_to_the_stretch_in_which_it_began(store: Path) -> None:
    """Both arms of what began inside, none of what began before; controls and neutral pairs too.

    The other service, the other network, the repeat and the next minute are not among them.
    """
    assert ids(store) == ["b/0", "b/1", "c/0", "c/1", "b/2", "b/3"]


def test_the_minute_before_has_the_pair_that_ran_over(store: Path) -> None:
    """The arm that began after nine stands with its pair, before nine."""
    before = {"from_us": NINE_US - 60 * SECOND_US, "to_us": NINE_US}
    assert ids(store, **before) == ["a/0", "a/1"]


def test_measured_and_simulated_never_stand_together(store: Path) -> None:
    """Of a measured series of the same name there is nothing here."""
    assert ids(store, simulated=False) == []


def test_another_service_rests_on_its_own(store: Path) -> None:
    """Its own rows first, beside the same controls."""
    assert ids(store, service="music") == ["b/4", "b/2", "b/3"]
