"""Sentences about nights: every number is the finding's, and nothing is said too much."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from evenfall.model.curfew import (
    Curfew,
    Effect,
    Instants,
    RateCluster,
    SeriesFinding,
    Shares,
    Spell,
    Window,
)
from evenfall.model.verdict import SlowerBy
from evenfall.model.vocabulary import (
    ClaimLevel,
    Pattern,
    Reference,
    Scope,
    SeriesState,
    State,
)
from evenfall.text.nights import answer, counted_words, facts, not_shown, plain, state_words
from evenfall.text.words import (
    date_words,
    factor_words,
    joined,
    percent_words,
    weekday_words,
)

EVENING = Window(
    weekdays=tuple(range(7)),
    start_local="20:00",
    end_local="22:00",
    start_interval=("19:50", "20:10"),
    end_interval=("21:50", "22:10"),
)


def curfew(**changes: Any) -> Curfew:
    """A slowed service with a window, changed as asked."""
    fields: dict[str, Any] = {
        "service": "youtube",
        "network": "AS9198",
        "timezone": "Asia/Almaty",
        "state": State.SLOWED,
        "scope": Scope.TARGETED,
        "scope_because": "only the name differed",
        "pattern": Pattern.WINDOW,
        "lines": 1,
        "windows": (EVENING,),
        "onset": None,
        "lifting": None,
        "nights_seen": 13,
        "nights_measured": 14,
        "n": 671,
        "p_value": 0.001,
        "effect": Effect(in_window=-3.7, outside=0.0),
        "slower_by": SlowerBy(median=41.0, low=22.0, high=88.0),
        "claim_level": ClaimLevel.L2,
        "isolated": True,
        "rule_id": "r",
        "ruleset": "s",
        "profile": "p",
    }
    return Curfew(**{**fields, **changes})


def finding(state: SeriesState, **changes: Any) -> SeriesFinding:
    """What was made of the series."""
    fields: dict[str, Any] = {
        "service": "youtube",
        "network": "AS9198",
        "state": state,
        "reason": "no window stands out",
        "n": 671,
        "nights_measured": 14,
        "p_value": 0.4,
        "q_value": 0.4,
    }
    return SeriesFinding(**{**fields, **changes})


CURFEW = finding(SeriesState.CURFEW)
MORNINGS = (
    Window(weekdays=(0, 1, 2, 3, 4), start_local="07:00", end_local="11:00",
           start_interval=("06:50", "07:10"), end_interval=("10:50", "11:00")),
    Window(weekdays=(0, 1, 2, 3, 4), start_local="13:00", end_local="17:00",
           start_interval=("12:50", "13:10"), end_interval=("16:50", "17:00")),
)  # fmt: skip
BLOCKED = curfew(
    state=State.BLOCKED,
    scope=Scope.UNDETERMINED,
    scope_because="no concurrent control on this network",
    windows=MORNINGS,
    slower_by=None,
    effect=Effect(in_window=0.906, outside=0.042, low=0.8, high=0.93),
    isolated=False,
)


def test_slowed_by_name() -> None:
    """The answer in the reader's words with the finding's numbers."""
    assert plain(answer(CURFEW, curfew())) == (
        "On 13 of 14 measured nights YouTube was 41 times slower between about 20:00 and 22:00. "
        "The same server under another name stayed fast."
    )


def test_blocked_in_two_windows_on_weekdays() -> None:
    """Days, not nights; both windows, the weekdays, both shares, and what cannot be told."""
    assert plain(answer(CURFEW, BLOCKED)) == (
        "On 13 of 14 measured days YouTube mostly did not open between about 07:00 and 11:00 and "
        "between about 13:00 and 17:00, Monday to Friday: 91 % of tests failed, 4 % at other "
        "times. Whether only YouTube was affected cannot be told."
    )


def test_blocked_by_name_is_not_called_slow() -> None:
    """What did not open is compared with what opened, not with what was fast."""
    shut = curfew(state=State.BLOCKED, slower_by=None, effect=Effect(in_window=0.9, outside=0.0))
    assert plain(answer(CURFEW, shut)).endswith("The same server under another name opened.")


ONSET = Instants(earliest="2023-11-08", latest="2023-11-13")
LIFTING = Instants(earliest="2023-11-25", latest="2023-11-29")


@pytest.mark.parametrize(
    ("onset", "lifting", "begin"),
    [
        (ONSET, LIFTING, "Between 8–13 Nov and 25–29 Nov 2023, on 13 of 14 measured days "),
        (ONSET, None, "Since 8–13 Nov 2023, on 13 of 14 measured days "),
        (None, LIFTING, "Until 25–29 Nov 2023, on 13 of 14 measured days "),
        (None, None, "On 13 of 14 measured days "),
        (
            Instants(earliest="2022-12-30", latest="2023-01-02"),
            LIFTING,
            "Between 30 Dec 2022 – 2 Jan 2023 and 25–29 Nov 2023, on ",
        ),
        (
            Instants(earliest="2023-10-30", latest="2023-11-02"),
            Instants(earliest="2023-11-27", latest="2023-11-27"),
            "Between 30 Oct – 2 Nov and 27 Nov 2023, on ",
        ),
    ],
)
def test_the_answer_speaks_of_the_episode_alone(
    onset: Instants | None, lifting: Instants | None, begin: str
) -> None:
    """Dates where the data know of other times, for windows and for all hours."""
    for found in (BLOCKED, curfew(pattern=Pattern.ALWAYS, windows=())):
        dated = msgspec.structs.replace(found, onset=onset, lifting=lifting)
        assert plain(answer(CURFEW, dated)).startswith(begin)


def test_which_measurements_were_counted_is_named() -> None:
    """Those of the episode beside those of the series."""
    assert counted_words(finding(SeriesState.CURFEW, n=729, nights_measured=45), curfew(n=318)) == (
        "318 measurements of the episode, out of 729 of the whole series (45 measured nights)"
    )


def test_always_is_not_a_window() -> None:
    """At all measured hours, and not compared with hours."""
    said = plain(answer(CURFEW, curfew(pattern=Pattern.ALWAYS, windows=(), state=State.BLOCKED,
                                       effect=Effect(in_window=0.98, outside=0.0),
                                       slower_by=None, isolated=False)))  # fmt: skip
    assert said.startswith(
        "On 13 of 14 measured days YouTube mostly did not open, at whatever hour it was measured"
    )
    assert "98 %" in said


def shut_always(reference: Reference | None, **changes: Any) -> Curfew:
    """Blocked at all measured hours, compared with what is asked."""
    effect = Effect(in_window=0.993, outside=0.083, outside_of=reference)
    fields = {"pattern": Pattern.ALWAYS, "windows": (), "state": State.BLOCKED, "effect": effect}
    return curfew(**fields, slower_by=None, isolated=False, **changes)


FROM = Instants(earliest="2018-06-04", latest="2018-06-05")


@pytest.mark.parametrize(
    ("found", "beside"),
    [
        (shut_always(Reference.OTHER_NETWORKS), "8 % on other networks in the same hours"),
        (shut_always(Reference.OTHER_NETWORKS, onset=FROM), "8 % on other networks in the same"),
        (shut_always(Reference.OTHER_DAYS, onset=FROM), "8 % before"),
        (shut_always(Reference.OTHER_DAYS, lifting=FROM), "8 % afterwards"),
        (shut_always(Reference.OTHER_DAYS, onset=FROM, lifting=FROM), "8 % before and afterwards"),
        (shut_always(None), "8 % in what it was compared with"),
        (shut_always(Reference.CHANCE), ""),
    ],
)
def test_before_is_said_only_where_days_before_were_measured(found: Curfew, beside: str) -> None:
    """The answer and the figures name the same comparison; chance alone gives no share."""
    said = plain(answer(CURFEW, found))
    assert "99 % of tests failed or were slow" in said
    figure = next(fact for fact in facts(CURFEW, found) if fact.figure.startswith("99 %"))
    for words in (said, figure.basis):
        assert beside in words
        assert ("before" in words) is ("before" in beside)
        assert ("8 %" in words) is bool(beside)


def test_days_and_nights_on_one_screen_are_told_apart() -> None:
    """A claim of days beside a series of nights says why the figures differ."""
    days = shut_always(Reference.OTHER_NETWORKS, nights_seen=27, nights_measured=27)
    said = counted_words(finding(SeriesState.ALWAYS, nights_measured=26), days)
    assert "26 measured nights; days run from midnight, nights from noon" in said
    assert "midnight" not in counted_words(CURFEW, curfew())


def test_waves_are_named_in_the_headline() -> None:
    """Nights between the waves are not claimed: the counts are of the waves' own nights."""
    spells = tuple(
        Spell(first=first, last=last, onset=None, lifting=None, nights_seen=7, nights_measured=7)
        for first, last in (("2024-06-09", "2024-06-15"), ("2024-08-02", "2024-08-08"))
    )
    found = curfew(episodes=spells, nights_measured=14, onset=FROM, lifting=FROM)
    assert plain(answer(CURFEW, found)).startswith(
        "In 2 waves between 9 Jun 2024 and 8 Aug 2024, on 13 of their 14 measured nights YouTube"
    )
    assert state_words(CURFEW, found) == "slowed 20:00 – 22:00, in 2 waves"
    assert "waves" not in plain(answer(CURFEW, curfew(episodes=spells[:1])))


@pytest.mark.parametrize("state", [SeriesState.NONE, SeriesState.INSUFFICIENT])
def test_nothing_found_is_said_without_a_claim(state: SeriesState) -> None:
    """No curfew is claimed, and nothing is promised to be well either."""
    said = plain(answer(finding(state)))
    assert "14 measured nights" in said
    assert "671" in said
    assert "between" not in said
    limits = " ".join(not_shown(finding(state)))
    assert limits.startswith("That YouTube")


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        (CURFEW, curfew()),
        (CURFEW, BLOCKED),
        (finding(SeriesState.NONE), None),
        (finding(SeriesState.INSUFFICIENT, nights_measured=3, n=40), None),
    ],
    ids=["slowed", "blocked", "none", "insufficient"],
)
def test_every_number_in_the_sentence_is_the_findings(
    subject: SeriesFinding, found: Curfew | None
) -> None:
    """No number is made up by the sentence."""
    allowed = {str(subject.n), str(subject.nights_measured)}
    if found is not None:
        allowed |= {str(found.nights_seen), str(found.nights_measured)}
        for window in found.windows:
            allowed |= {window.start_local, window.end_local}
        if found.slower_by:
            allowed.add(factor_words(found.slower_by.median))
        allowed |= {f"{100 * found.effect.in_window:.0f}", f"{100 * found.effect.outside:.0f}"}
    for number in re.findall(r"\d+(?::\d+)?(?:[.,]\d+)*", plain(answer(subject, found))):
        assert number.replace(",", "") in allowed, number


def test_how_sure_has_the_intervals_and_the_claim() -> None:
    """Both ends as intervals, the effect with its interval, isolation, breadth."""
    said = {fact.figure: fact.basis for fact in facts(CURFEW, curfew())}
    assert said["20:00 – 22:00"] == "starts 19:50 – 20:10, ends 21:50 – 22:10"
    assert said["41× slower"] == "between 22 and 88 times"
    assert "only the name differed" in said
    assert "claim L2, isolated" in said
    shares = {fact.figure: fact.basis for fact in facts(CURFEW, BLOCKED)}
    assert shares["91 % failed"] == "4 % at other times; difference 80 % to 93 %"


def test_what_is_not_shown_names_exceptions_and_open_ends() -> None:
    """Never who; open ends, days that do not fit, hours never measured, caveats."""
    open_ended = curfew(
        exceptions=("2018-06-13 was clear",), unmeasured=("02:00–06:00",), caveats=("few nights",)
    )
    said = " ".join(not_shown(CURFEW, open_ended))
    assert said.startswith("Who did it, or why.")
    assert "13 Jun 2018 was clear" in said
    assert "02:00–06:00" in said
    assert "Few nights." in said
    assert "When it began" in said
    dated = Instants(earliest="2018-06-04", latest="2018-06-05")
    closed = " ".join(not_shown(CURFEW, curfew(onset=dated, lifting=dated)))
    assert "When it began" not in closed
    assert "Whether it has ended" not in closed


def test_words_for_lists() -> None:
    """Short words beside a strip."""
    assert state_words(CURFEW, curfew()) == "slowed 20:00 – 22:00"
    assert state_words(finding(SeriesState.NONE)) == "no recurring hours found"


@pytest.mark.parametrize(
    ("value", "words"), [(41.0, "41"), (3.2, "3.2"), (9.97, "10"), (2.0, "2"), (1234.0, "1234")]
)
def test_factors(value: float, words: str) -> None:
    """Two digits that mean something."""
    assert factor_words(value) == words


def test_small_words() -> None:
    """Weekdays, dates, shares, lists."""
    assert weekday_words((0, 1, 2, 3, 4)) == "Monday to Friday"
    assert weekday_words((5, 6)) == "Saturday and Sunday"
    assert weekday_words((6, 0, 1, 2, 3)) == "Sunday to Thursday"
    assert weekday_words(tuple(range(7))) == ""
    assert date_words("2018-06-03") == "3 Jun 2018"
    assert date_words("<b>") == "<b>"
    assert percent_words(0.003) == "0.3 %"
    assert percent_words(0.0) == "0 %"
    assert joined(["a", "b", "c"]) == "a, b and c"


def sentence(**changes: Any) -> str:
    """The answer about such a curfew."""
    finding = SeriesFinding(
        service="youtube",
        network="AS9198",
        state=SeriesState.CURFEW,
        reason="",
        n=900,
        nights_measured=20,
        p_value=0.001,
        q_value=0.001,
    )
    return plain(answer(finding, curfew(**changes)))


PARTLY = Shares(failed=0.05, slow=0.40, fine=0.55, n=200)
RATE = RateCluster(
    median_bps=1.1e5, low_bps=9e4, high_bps=1.3e5, share=0.33, share_low=0.3, share_high=0.36,
    n=330, because="",
)  # fmt: skip


def test_a_part_of_the_flows_is_called_a_part() -> None:
    """The middle transfer is well, so no factor is said that only the slow ones have."""
    said = sentence(slower_by=SlowerBy(median=1.2, low=1.0, high=1.6), shares=PARTLY)
    assert "in 45 % of the measurements between about 20:00 and 22:00" in said
    assert "times slower" not in said


def test_the_whole_is_not_called_a_part() -> None:
    """×2 leaves no transfer slower than a third, and still slows them all."""
    halved = Shares(failed=0.0, slow=0.1, fine=0.9, n=200)
    said = sentence(slower_by=SlowerBy(median=2.0, low=1.8, high=2.3), shares=halved)
    assert "was 2 times slower between" in said
    assert "of the measurements" not in said


def test_at_all_hours_for_some_says_for_how_many() -> None:
    """Those at one rate are 40 times slower; a third of all are meant."""
    always = {
        "pattern": Pattern.ALWAYS,
        "windows": (),
        "rate": RATE,
        "slower_by": SlowerBy(median=40.0, low=35.0, high=44.0),
    }
    said = sentence(effect=Effect(in_window=0.33, outside=0.0), **always)
    assert "40 times slower in 33 % of the measurements, at whatever hour" in said
    assert "of the measurements" not in sentence(
        effect=Effect(in_window=0.9, outside=0.0), **always
    )
