"""The paragraph about a moment: what it says, and above all what it never says."""

from __future__ import annotations

from typing import Any

import pytest

from evenfall.model.curfew import Curfew, Effect, Spell, Window
from evenfall.model.verdict import SlowerBy
from evenfall.model.vocabulary import ClaimLevel, Pattern, Scope, State
from evenfall.text.show import (
    FaredWords,
    MomentWords,
    clock_note,
    nothing_words,
    paragraph,
    rests_on,
)

EVENING = Window(
    weekdays=tuple(range(7)),
    start_local="20:00",
    end_local="22:00",
    start_interval=("19:50", "20:10"),
    end_interval=("21:50", "22:10"),
)
SLOW = FaredWords(4, 0, 4, 0, 41.0, 0.5e6, 20e6)
FINE = FaredWords(4, 0, 0, 0, 1.05, 19e6, 20e6)
REST = FaredWords(50, 1, 1, 0, 1.0, 19e6, 19e6)


def claim(**changes: Any) -> Curfew:
    """A targeted claim over many nights."""
    fields: dict[str, Any] = {
        "service": "youtube", "network": "AS9198", "timezone": "Asia/Almaty",
        "state": State.SLOWED, "scope": Scope.TARGETED, "scope_because": "only the name differed",
        "pattern": Pattern.WINDOW, "lines": 1, "windows": (EVENING,), "onset": None,
        "lifting": None, "nights_seen": 13, "nights_measured": 14, "n": 700, "p_value": 0.0004,
        "effect": Effect(in_window=-3.7, outside=0.0),
        "slower_by": SlowerBy(median=41.0, low=22.0, high=88.0), "claim_level": ClaimLevel.L2,
        "isolated": True, "rule_id": "r", "ruleset": "2026.12", "profile": "p",
        "episodes": (Spell(first="2018-06-04", last="2018-06-17", onset=None, lifting=None,
                           nights_seen=13, nights_measured=14),),
    }  # fmt: skip
    return Curfew(**{**fields, **changes})


def moment(**changes: Any) -> MomentWords:
    """A slow evening inside hours that were found, the controls well."""
    fields: dict[str, Any] = {
        "service": "youtube", "network": "AS9198", "date": "2018-06-11", "weekday": 0,
        "hours": "20:30 – 21:30", "from_noon": True, "zone": "Asia/Almaty, UTC+6",
        "basis": "pairs", "there": SLOW, "rest": REST, "line_slower_by": 1.0,
        "controls_failed": 0.0, "line_against": "controls", "line_suffered": False,
        "tells_apart": True, "nights_same": 13, "nights_same_bad": 12, "is_bad": True,
        "bad_hours": (), "in_window": True, "held": True, "curfew": claim(),
    }  # fmt: skip
    return MomentWords(**{**fields, **changes})


def test_a_slow_evening_word_by_word() -> None:
    """Measured, compared with, beside it, around it, found over many nights, not shown."""
    assert paragraph(moment()) == (
        "YouTube on AS9198, Monday 11 Jun 2018, 20:30 – 21:30 (Asia/Almaty, UTC+6): 4 "
        "measurements; 4 were slow. Median 0.5 Mbit/s against 20 Mbit/s of the same server under "
        "another name: 41 times slower. Beside it, at the same time, controls were about as fast "
        "as usual, and none of the controls failed. In the rest of that night 2 of 50 failed or "
        "were slow. In the same hours it was slow or failed on 12 of 13 other measured nights. It "
        "lies inside the hours found over many nights: 20:00 – 22:00, 13 of 14 measured nights, "
        "targeted. Not shown: who did it, or why. One occasion shows no pattern."
    )


NEVER_TARGETED = {
    "nothing found": {"curfew": None, "in_window": False},
    "outside the hours": {"in_window": False},
    "outside the dates": {"held": False},
    "it went well": {"there": FINE, "is_bad": False},
    "everything suffered": {"basis": "control_difference", "line_suffered": True,
                            "line_slower_by": 6.0, "tells_apart": False},
    "match night": {"there": FINE, "is_bad": False, "line_suffered": True, "line_slower_by": 4.0,
                    "curfew": None, "in_window": False},
    "dead controls": {"there": FaredWords(0, 0, 0, 3, None, None, None), "is_bad": False,
                      "line_suffered": True, "controls_failed": 0.8, "line_slower_by": None},
    "found, and not targeted": {"curfew": claim(scope=Scope.UNDETERMINED)},
}  # fmt: skip


@pytest.mark.parametrize("name", NEVER_TARGETED)
def test_targeted_is_said_only_from_a_finding_that_covers_it(name: str) -> None:
    """Not where it does not hold then, went well, or cannot be told from what all suffered."""
    said = paragraph(moment(**NEVER_TARGETED[name]))
    assert "targeted" not in said
    assert "no pattern" in said
    assert "who did it" in said


@pytest.mark.parametrize(
    "name", [n for n in NEVER_TARGETED if "suffered" in n or "match" in n or "dead" in n]
)
def test_controls_that_suffered_are_named_before_anything_is_made_of_it(name: str) -> None:
    """The reader hears of the rest of the line first, and that nothing sets the service apart."""
    said = paragraph(moment(**NEVER_TARGETED[name]))
    assert "Everything else suffered too: at the same time," in said
    assert "Not shown: that this service fared worse than the rest" in said


def test_pairs_that_show_it_beside_a_full_line_say_both() -> None:
    """The line was slow, and the name slower still: both stand there."""
    said = paragraph(moment(line_suffered=True, line_slower_by=3.0))
    assert "Everything else suffered too" in said
    assert "targeted" in said
    assert "fared worse" not in said


def test_a_single_measurement_may_be_chance() -> None:
    """One of one is said to be one."""
    said = paragraph(moment(there=FaredWords(1, 1, 0, 0, None, None, None)))
    assert "1 measurement; 1 did not open." in said
    assert "One measurement may be chance" in said


def test_slow_and_failed_are_two_things() -> None:
    """Both counts, and those that could not tell beside them."""
    said = paragraph(moment(there=FaredWords(6, 2, 3, 1, None, None, None)))
    assert "6 measurements, and 1 that could not tell; 2 did not open and 3 were slow." in said


def test_a_night_and_a_day_are_named_as_such() -> None:
    """From noon a night with its bad hours; from midnight a day, for hours in daylight."""
    night = paragraph(moment(hours="", bad_hours=("20:00 – 22:00",)))
    assert "the night of Monday 11 Jun 2018, noon to noon" in night
    assert "Slow or failed for the most part: 20:00 – 22:00." in night
    day = paragraph(moment(hours="", from_noon=False))
    assert "Monday 11 Jun 2018, all day" in day
    assert "night" not in day


def test_nothing_beside_it_is_said() -> None:
    """Without controls and pairs, the reader is told that there were none."""
    alone = moment(line_slower_by=None, controls_failed=None, line_against=None, basis="unpaired")
    assert "Nothing was measured beside it at that time." in paragraph(alone)
    assert "its own usual speed in this series" in paragraph(alone)


def test_a_speed_without_a_control_is_told_too() -> None:
    """A speed log has its own speed alone, against its usual one."""
    alone = FaredWords(2, 0, 2, 0, 5.0, 8e6, None)
    said = paragraph(moment(there=alone, basis="unpaired"))
    assert "Median 8.0 Mbit/s, compared with its own usual speed in this series: 5 times" in said


def test_faster_is_said_too() -> None:
    """A service that was faster than its pair is not slow by a sign error."""
    fast = FaredWords(4, 0, 0, 0, 0.25, 20e6, 5e6)
    assert "4 times faster" in paragraph(moment(there=fast, is_bad=False))


def test_nothing_measured_is_not_well() -> None:
    """Said so, with the nearest measurement; without one too."""
    near = nothing_words("vk", "AS1", "on 1 Jun 2018, 20:30 – 21:30", "2018-06-01 14:00 (UTC)")
    assert "nothing was measured" in near
    assert "2018-06-01 14:00" in near
    assert "Not measured is not the same as well." in near
    assert "nearest" not in nothing_words("vk", "AS1", "on 1 Jun 2018", "")


def test_clocks_are_told() -> None:
    """A reading that was skipped, one that came twice, and one like any other."""
    assert "does not exist" in clock_note("skipped", "2024-03-31T02:30", "Europe/Berlin")
    assert "comes twice" in clock_note("twice", "2024-10-27T02:30", "Europe/Berlin")
    assert clock_note("", "21:00", "Europe/Berlin") == ""


def test_ids_are_listed_and_the_rest_is_counted() -> None:
    """Never more than asked for, and never fewer than there are."""
    assert rests_on(["a/0", "b/0"], 1002) == "Rests on: a/0, b/0 and 1,000 more (all with --json)."
    assert rests_on(["a/0"], 1) == "Rests on: a/0."
    assert "no observation" in rests_on([], 0)


def test_names_from_archives_stay_on_the_line() -> None:
    """A foreign name cannot break the paragraph."""
    assert paragraph(moment(service="a\n\x1b[2J", network="b\r")).isprintable()
