"""The sentence to print: every number is the finding's, one full stop, nobody accused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from evenfall.model.curfew import (
    Congestion,
    Curfew,
    Effect,
    Instants,
    RateCluster,
    SeriesFinding,
    Spell,
    Window,
)
from evenfall.model.verdict import SlowerBy
from evenfall.model.vocabulary import ClaimLevel, Pattern, Reference, Scope, SeriesState, State
from evenfall.text.quote import Subject, quote

EVENING = Window(
    weekdays=tuple(range(7)),
    start_local="20:00",
    end_local="22:00",
    start_interval=("19:50", "20:10"),
    end_interval=("21:50", "22:10"),
)


def spell(first: str, last: str) -> Spell:
    """A wave."""
    ends = Instants(earliest=first, latest=first), Instants(earliest=last, latest=last)
    return Spell(first=first, last=last, onset=ends[0], lifting=ends[1], nights_seen=3,
                 nights_measured=3)  # fmt: skip


def claim(**changes: Any) -> Curfew:
    """A slowed service with a window."""
    fields: dict[str, Any] = {
        "service": "youtube", "network": "AS9198", "timezone": "Asia/Almaty",
        "state": State.SLOWED, "scope": Scope.TARGETED, "scope_because": "only the name differed",
        "pattern": Pattern.WINDOW, "lines": None, "windows": (EVENING,), "onset": None,
        "lifting": None, "nights_seen": 31, "nights_measured": 33, "n": 1104, "p_value": 0.0004,
        "effect": Effect(in_window=-3.7, outside=0.0),
        "slower_by": SlowerBy(median=41.0, low=22.0, high=88.0), "claim_level": ClaimLevel.L2,
        "isolated": True, "rule_id": "nights.window.pairs", "ruleset": "2026.12",
        "profile": "nightly-2026", "episodes": (spell("2018-05-16", "2018-06-18"),),
    }  # fmt: skip
    return Curfew(**{**fields, **changes})


def subject(curfew: Curfew | None = None, **changes: Any) -> Subject:
    """What is quoted."""
    state = SeriesState.CURFEW if curfew is not None else SeriesState.NONE
    finding = SeriesFinding(
        service="youtube", network="AS9198", state=state, reason="why not", n=2210,
        nights_measured=40, p_value=0.3, q_value=0.6,
    )  # fmt: skip
    fields: dict[str, Any] = {
        "finding": finding, "curfew": curfew, "basis": "pairs", "timezone": "Asia/Almaty",
        "first_date": "2018-05-10", "last_date": "2018-06-20", "ruleset": "2026.12",
        "simulated": False,
    }  # fmt: skip
    return Subject(**{**fields, **changes})


def too_little(**changes: Any) -> Subject:
    """Four nights."""
    finding = SeriesFinding(
        service="vk", network="unknown", state=SeriesState.INSUFFICIENT, reason="4 nights", n=17,
        nights_measured=4, p_value=None, q_value=None,
    )  # fmt: skip
    return subject(finding=finding, **changes)


BLOCKED = {
    "state": State.BLOCKED,
    "slower_by": None,
    "effect": Effect(in_window=0.91, outside=0.042, low=0.81, high=0.95),
}
WAVES = (spell("2018-05-16", "2018-05-20"), spell("2018-06-01", "2018-06-18"))
MANY_WAVES = tuple(spell(f"2018-06-0{day}", f"2018-06-0{day}") for day in (1, 3, 5, 7))
RATE = RateCluster(
    median_bps=4100.0, low_bps=1.0, high_bps=2.0, share=0.4, share_low=0.31, share_high=0.88, n=5,
    because="b",
)  # fmt: skip
IN_PART = {"pattern": Pattern.ALWAYS, "windows": (), "effect": Effect(in_window=0.4, outside=0.0)}
CROWD = Congestion(slower_by=3.0, failed_share=0.9, because="b")
ALL = {
    "slowed": subject(claim()),
    "blocked": subject(claim(**BLOCKED)),
    "always": subject(claim(**BLOCKED, pattern=Pattern.ALWAYS, windows=())),
    "waves": subject(claim(episodes=WAVES)),
    "many waves": subject(claim(episodes=MANY_WAVES)),
    "at one rate": subject(claim(rate=RATE)),
    "in part": subject(claim(rate=RATE, **IN_PART)),
    "with a crowd": subject(claim(congestion=CROWD)),
    "controls failing": subject(
        claim(congestion=Congestion(slower_by=None, failed_share=0.03, because="b"))
    ),
    "undetermined": subject(claim(scope=Scope.UNDETERMINED), basis="unpaired"),
    "server": subject(claim(scope=Scope.SERVER_SIDE), basis="control_difference"),
    "nothing": subject(),
    "one day": subject(last_date="2018-05-10"),
    "too little": too_little(),
    "no stamps": too_little(first_date="", last_date=""),
}  # fmt: skip


def test_a_slowed_service_word_by_word() -> None:
    """n, interval, network, dates, zone, caveat, ruleset: all of them, and no more."""
    assert quote(subject(claim())).sentence == (
        "Between 16 May 2018 and 18 Jun 2018, on 31 of 33 measured nights, YouTube on network "
        "AS9198 was 41 times slower (95 % interval 22 to 88) than the same server under another "
        "name between about 20:00 and 22:00 (local time, Asia/Almaty; 1,104 measurements, lines "
        "not told apart; Evenfall ruleset 2026.12); this does not show who did it, or why."
    )


def test_before_is_quoted_only_where_days_before_were_measured() -> None:
    """A service that never opened is compared with other networks, and with nothing by chance."""

    def said(reference: Reference) -> str:
        effect = Effect(in_window=0.993, outside=0.083, outside_of=reference)
        shut = claim(state=State.BLOCKED, slower_by=None, effect=effect, pattern=Pattern.ALWAYS,
                     windows=(), onset=None, lifting=None)  # fmt: skip
        return quote(subject(shut)).sentence

    networks = "99 % of tests failed or were slow (8 % on other networks in the same hours)"
    assert f"mostly did not open: {networks} at all measured hours" in said(
        Reference.OTHER_NETWORKS
    )
    assert "slow at all measured hours" in said(Reference.CHANCE)
    assert "before" not in said(Reference.OTHER_NETWORKS) + said(Reference.CHANCE)


def test_nothing_found_and_cannot_tell_are_quotable() -> None:
    """Both say how much was measured, and neither says that all is well."""
    nothing, little = quote(ALL["nothing"]).sentence, quote(ALL["too little"]).sentence
    assert "on 40 measured nights, no recurring hours" in nothing
    assert "would escape this search" in nothing
    assert "cannot be told from 17 measurements on 4 measured nights" in little
    assert "neither that VK is well nor that it is not" in little


@pytest.mark.parametrize("name", ALL)
def test_every_number_is_the_findings(name: str) -> None:
    """Each number of the sentence is one that went in."""
    one = ALL[name]
    known = {"95", "1", "2026.12", "4", "9198", "20:00", "22:00", "2018"}
    known |= {"31", "33", "1,104", "41", "22", "88", "40", "2,210", "17"}
    known |= {"91", "4", "81", "40", "31", "88"}  # shares, in per cent
    known |= {"16", "18", "20", "10", "3", "5", "7", "2"}  # days of dates, and waves
    for number in re.findall(r"\d[\d.,:]*", quote(one).sentence):
        assert number.rstrip(".,:") in known, number


@pytest.mark.parametrize("name", ALL)
def test_it_is_one_sentence_with_its_caveat_network_zone_and_ruleset(name: str) -> None:
    """One full stop, at the end; the same again; who did it is in no clause but the caveat."""
    one = ALL[name]
    quoted = quote(one)
    assert quoted == quote(one)
    stops = re.sub(r"2026\.12", "", quoted.sentence)
    assert stops.count(".") == 1
    assert stops.endswith(".")
    assert "\n" not in quoted.sentence
    assert quoted.caveat in quoted.sentence
    for part in (one.timezone, f"ruleset {one.ruleset}"):
        assert part in quoted.sentence
    assert (
        "an unknown network" if one.finding.network == "unknown" else "AS9198"
    ) in quoted.sentence
    assert "throttled" not in quoted.sentence


def test_unpaired_and_undetermined_say_less_than_pairs() -> None:
    """Against its own other hours, it is not said that only this service was affected."""
    sentence = quote(ALL["undetermined"]).sentence
    assert "than it was in its other hours" in sentence
    assert "cannot be told" in sentence
    assert "another name" not in sentence


def test_dates_are_those_of_the_waves() -> None:
    """Few waves are named by their dates, many are counted between the first and the last."""
    assert (
        "In 2 waves (16 May 2018 to 20 May 2018 and 1 Jun 2018 to 18 Jun 2018)"
        in quote(ALL["waves"]).sentence
    )
    assert "In 4 waves between 1 Jun 2018 and 7 Jun 2018" in quote(ALL["many waves"]).sentence
    assert (quote(ALL["waves"]).first_date, quote(ALL["waves"]).last_date) == (
        "2018-05-16",
        "2018-06-18",
    )


def test_both_causes_are_said_where_both_hold() -> None:
    """A crowd beside a targeted measure stands in the sentence, slow or failing."""
    slow, failing = quote(ALL["with a crowd"]).sentence, quote(ALL["controls failing"]).sentence
    assert "; controls were 3 times slower in these hours too; " in slow
    assert "; 3 % of the controls failed in these hours too; " in failing


def test_a_claim_about_a_part_says_which_part() -> None:
    """Forty per cent of the measurements were slow: never "was slower" of all of them."""
    part = quote(ALL["in part"]).sentence
    assert (
        "than the same server under another name in 40 % (95 % interval 31 % to 88 %) of the "
        "measurements, at about 4 kbit/s at all measured hours" in part
    )
    assert part.count("40 %") == 1
    assert "of those within the hours at about 4 kbit/s" in quote(ALL["at one rate"]).sentence


def test_the_interval_is_a_field_too() -> None:
    """The limits of the effect that the sentence names; none where it names none."""
    assert quote(ALL["slowed"]).interval == (22.0, 88.0)
    assert quote(ALL["blocked"]).interval == (0.81, 0.95)
    assert quote(ALL["nothing"]).interval is None


def test_simulated_comes_first() -> None:
    """Whoever cuts the sentence short has the mark; measured ones never bear it."""
    assert quote(subject(claim(), simulated=True)).sentence.startswith(
        "SIMULATED, evidence of nothing: "
    )
    assert all("SIMULATED" not in quote(one).sentence for one in ALL.values())


def test_names_from_archives_stay_on_the_line() -> None:
    """A name with line breaks and escape sequences cannot make a second line or move a cursor."""
    finding = SeriesFinding(
        service="a\n\x1b[2Jb\u202e", network="n\r\n", state=SeriesState.NONE, reason="", n=1,
        nights_measured=1, p_value=None, q_value=None,
    )  # fmt: skip
    assert quote(subject(finding=finding)).sentence.isprintable()
