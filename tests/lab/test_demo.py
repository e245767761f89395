"""The demonstration: sealed truth, honest comparison, words that claim no curfew."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evenfall.infer.evening import Stretch
from evenfall.lab.backend import choose_backend
from evenfall.lab.demo import Fortnight, compare, fortnight, holds, open_seal, seal
from evenfall.lab.demo_evening import judge_evening, play, scenario_of
from evenfall.lab.demo_words import Rows, clock_words, opening, stretch_words, truth_lines
from evenfall.lab.evening_probe import PairLine
from evenfall.lab.nights.drawn import truth_of
from evenfall.lab.nights.plan import SERVICES
from evenfall.model.errors import LabError
from evenfall.model.observation import Observation
from evenfall.model.verdict import SlowerBy
from evenfall.model.vocabulary import Arm, ClockState, Fact, Provenance, Role


def observation(service: str, bps: int | None, arm: Arm, **changes: Any) -> Observation:
    """One arm."""
    fields: dict[str, Any] = {
        "observation_id": f"{service}/{arm}",
        "fact": Fact.TRANSFER,
        "provenance": Provenance.PROBE,
        "service": service,
        "target": f"{service}/front",
        "role": Role.TARGET,
        "started_us": 1_000_000,
        "clock": ClockState.UNVERIFIED,
        "round_id": "r1",
        "goodput_bps": bps,
        "pair_id": "p",
        "arm": arm,
        "is_null_pair": False,
    }
    return Observation(**{**fields, **changes})


def pair(
    service: str, at: float, target: int | None, neutral: int | None, **changes: Any
) -> PairLine:
    """One pair at a local minute."""
    return PairLine(
        local_min=at,
        target_from_min=at,
        target_to_min=at + 2,
        target=observation(service, target, Arm.TARGET, **changes),
        neutral=observation(service, neutral, Arm.NEUTRAL, **changes),
    )


def stretch(**changes: Any) -> Stretch:
    """Slowed from about 20:00 to about 22:00."""
    fields: dict[str, Any] = {
        "evidence": 1e6,
        "begin_after_min": 1186.0,
        "begin_by_min": 1203.0,
        "end_after_min": 1310.0,
        "end_by_min": 1331.0,
        "n": 6,
        "n_all": 27,
        "share_empty": 0.0,
        "slower_by": SlowerBy(median=30.0, low=20.0, high=46.0),
    }
    return Stretch(**{**fields, **changes})


@pytest.mark.parametrize(
    ("interval", "clock", "inside"),
    [
        (("19:50", "20:10"), "20:00", True),
        (("19:50", "20:10"), "19:50", True),
        (("19:50", "20:10"), "20:10", True),
        (("19:50", "20:10"), "20:11", False),
        (("23:50", "00:10"), "00:00", True),
        (("23:50", "24:00"), "00:00", True),
        (("23:50", "00:10"), "12:00", False),
        (("19:50", "20:10"), "", False),
    ],
)
def test_whether_an_interval_holds_a_time(
    interval: tuple[str, str], clock: str, inside: bool
) -> None:
    """Closed at both ends, also across midnight; no time is in no interval."""
    assert holds(interval, clock) is inside


def test_the_truth_is_sealed_and_a_changed_seal_is_refused(tmp_path: Path) -> None:
    """What is opened is what was sealed; two seals of one truth differ by their nonce."""
    sealed = seal(3, tmp_path)
    assert open_seal(sealed) == truth_of(3)
    assert sealed.sha256[:16] in "".join(opening(3, sealed.sha256))
    assert seal(3, tmp_path).sha256 != sealed.sha256
    with pytest.raises(LabError, match="sealed truth"):
        open_seal(sealed)


def test_the_opening_gives_nothing_away(tmp_path: Path) -> None:
    """Neither a service nor an hour stands in what is said before the findings."""
    for seed in range(20):
        said = " ".join(opening(seed, seal(seed, tmp_path).sha256))
        assert not any(service in said for service in SERVICES)
        assert not re.search(r"\d\d:\d\d", said)


def test_an_evening_names_the_slowed_and_only_them() -> None:
    """Slow and empty pairs inside a stretch alarm; unusable and neutral pairs do not."""
    lines: list[PairLine] = []
    for slot in range(28):
        at = 1020 + 15.0 * slot
        inside = 1200 <= at < 1320
        lines += [
            pair("video", at, 150_000 if inside else 4_400_000, 4_400_000),
            pair("social", at + 3, 0 if inside else 4_400_000, 4_400_000),
            pair("messenger", at + 6, 4_300_000, 4_400_000),
            pair("news", at + 9, 4_400_000, 4_500_000, is_null_pair=True),
            pair("messenger", at + 12, None, 4_400_000),
            pair("messenger", at + 13, 0, 0),
        ]
    found = judge_evening(lines)
    assert sorted(found) == sorted(SERVICES)
    assert found["messenger"] is None
    video, social = found["video"], found["social"]
    assert video is not None
    assert social is not None
    assert (video.begin_after_min, video.end_by_min) == (1185.0, 1322.0)
    assert (video.share_empty, social.share_empty) == (0.0, 1.0)


def test_the_evening_speaks_of_samples_and_never_of_a_curfew() -> None:
    """What is said names samples; one evening shows no pattern."""
    said = [
        stretch_words("video", stretch(), 27),
        stretch_words("video", stretch(share_empty=1.0, begin_after_min=None, end_by_min=None), 27),
        stretch_words("video", None, 27),
    ]
    assert said[0] == (
        "Video: slowed by name, about 30 times (20–46), in 6 of 27 samples: clear at 19:46, "
        "slowed by 20:03, still slowed at 21:50, clear by 22:11."
    )
    assert said[1].endswith("nothing by 20:03, still nothing at 21:50.")
    for words in said:
        assert not re.search(r"curfew|every|window|throttled", words)


def test_rows_are_one_line_a_round() -> None:
    """A line is printed when the next round begins; neutral pairs are not shown."""
    rows = Rows()
    assert rows.add(pair("video", 1200.0, 150_000, 4_400_000)) is None
    assert rows.add(pair("social", 1203.0, 0, 4_400_000)) is None
    assert rows.add(pair("news", 1204.0, 1, 1, is_null_pair=True)) is None
    line = rows.add(pair("video", 1215.0, 4_400_000, 4_400_000, round_id="r2"))
    assert line is not None
    assert line.split() == ["20:00", "0.15", "/", "4.4", "29×", "slower", "nothing", "/", "4.4"]
    assert rows.flush() is not None
    assert rows.flush() is None
    assert clock_words(1440.0) == "24:00"


@pytest.mark.parametrize("seed", range(8))
def test_the_emulated_world_holds_the_same_truth(seed: int) -> None:
    """The evening's scenario does what the fortnight's generator does, to the same services."""
    truth = truth_of(seed)
    (rule,) = scenario_of(truth).censor
    assert rule.services == truth.services
    assert (rule.from_local, rule.to_local) == (truth.start_local, truth.end_local)
    assert rule.action == truth.mechanism


def test_the_comparison_says_no_where_it_is_no(tmp_path: Path) -> None:
    """Nothing found: services wrong, ends outside; an evening that names too many is wrong."""
    sealed = seal(0, tmp_path)
    nothing = Fortnight(store_path=tmp_path, curfews=(), findings=())
    compared = compare(sealed, nothing, {"video": stretch(), "social": None, "messenger": None})
    assert not compared.services_right
    assert compared.evening_right is False
    assert not compared.start_inside
    assert not compared.end_inside
    said = "\n".join(truth_lines(compared))
    assert said.count("NO") == 4
    both = {"video": stretch(), "social": stretch(), "messenger": None}
    assert compare(sealed, nothing, both).evening_right is True
    assert compare(sealed, nothing, None).evening_right is None


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_fortnight_is_found_with_its_ends(seed: int, tmp_path: Path) -> None:
    """The default and three other seeds: the right services, both ends in every interval."""
    sealed = seal(seed, tmp_path)
    found = fortnight(seed, tmp_path)
    compared = compare(sealed, found, None)
    assert compared.services_right, compared
    assert compared.start_inside, found.curfews
    assert compared.end_inside, found.curfews
    assert (tmp_path / "store" / "findings" / "curfews.jsonl").exists()


@pytest.mark.slow
def test_a_short_evening_over_real_sockets(tmp_path: Path) -> None:
    """Loopback, 19:00–23:00 in 45 s: the slowed and the innocent services are named rightly."""
    truth = truth_of(0)
    backend = choose_backend("loopback", scenario_of(truth))
    told: list[str] = []
    evening = play(
        truth,
        backend=backend,
        seconds=45,
        from_min=19 * 60,
        to_min=23 * 60,
        on_pair=lambda p: told.append(p.target.service),
    )
    found = judge_evening(evening.pairs)
    assert sorted(s for s, x in found.items() if x) == sorted(truth.services)
    assert len(told) == len(evening.pairs)
    for line in evening.pairs:
        text = msgspec.json.encode(line).decode()
        assert not re.search(r"police|censor|scenario|curfew|seed", text)


def test_pairs_are_written_as_facts(tmp_path: Path) -> None:
    """A line is JSON with two observations, and reads back the same."""
    line = pair("video", 1200.0, 150_000, 4_400_000)
    text = msgspec.json.encode(line)
    assert msgspec.json.decode(text, type=PairLine) == line
    assert json.loads(text)["target"]["kind"] == "observation"
    assert math.isclose(json.loads(text)["local_min"], 1200.0)
