"""What stands beside an answer, in words; half of these findings are innocent."""

from __future__ import annotations

import msgspec
import pytest

from evenfall.model.curfew import (
    Change,
    Congestion,
    Curfew,
    Effect,
    Instants,
    RateCluster,
    SeriesFinding,
    Shares,
    Spell,
    Window,
)
from evenfall.model.vocabulary import (
    ChangeKind,
    ClaimLevel,
    Pattern,
    Scope,
    SeriesState,
    State,
)
from evenfall.text.beside import beside

MAY = Instants(earliest="2018-05-03", latest="2018-05-05")
FINDING = SeriesFinding(
    service="video",
    network="AS64500",
    state=SeriesState.NONE,
    reason="no recurring hours",
    n=900,
    nights_measured=30,
    p_value=0.4,
    q_value=0.4,
)
CURFEW = Curfew(
    service="video",
    network="AS64500",
    timezone="Asia/Almaty",
    state=State.SLOWED,
    scope=Scope.TARGETED,
    scope_because="only the name differed",
    pattern=Pattern.WINDOW,
    lines=1,
    windows=(
        Window(
            weekdays=(0, 1, 2, 3, 4, 5, 6),
            start_local="20:00",
            end_local="22:00",
            start_interval=("19:50", "20:10"),
            end_interval=("21:50", "22:10"),
        ),
    ),
    onset=None,
    lifting=None,
    nights_seen=12,
    nights_measured=13,
    n=900,
    p_value=0.001,
    effect=Effect(in_window=-2.0, outside=0.0),
    slower_by=None,
    claim_level=ClaimLevel.L2,
    isolated=True,
    rule_id="nights.window.pairs",
    ruleset="r",
    profile="p",
)


def spell(first: str, last: str) -> Spell:
    """One wave of four nights."""
    return Spell(first=first, last=last, onset=None, lifting=None, nights_seen=4, nights_measured=4)


def with_(**fields: object) -> Curfew:
    """The curfew with some fields set."""
    return msgspec.structs.replace(CURFEW, **fields)


def test_nothing_beside_says_nothing():
    """An innocent series, and a curfew of one episode, need no more words."""
    assert beside(FINDING) == ()
    assert beside(FINDING, with_(episodes=(spell("2018-05-01", "2018-05-13"),))) == ()


@pytest.mark.parametrize(("factor", "words"), [(1.9, "1.9 times higher"), (0.5, "2 times lower")])
def test_a_level_change_is_named_and_is_no_curfew(factor: float, words: str):
    """Another tariff changes all hours; the sentence says so, and when."""
    change = Change(what=ChangeKind.LEVEL, between=MAY, factor=factor, because="level")
    (said,) = beside(msgspec.structs.replace(FINDING, changes=(change,)))
    assert words in said
    assert "3–5 May 2018" in said
    assert "no curfew" in said


@pytest.mark.parametrize("what", [k for k in ChangeKind if k is not ChangeKind.LEVEL])
def test_a_change_of_the_mix_is_named(what: ChangeKind):
    """Who measures, with what, what is asked, of whom: each in its own words."""
    change = Change(what=what, between=MAY, factor=None, because="line-2 for line-1")
    (said,) = beside(msgspec.structs.replace(FINDING, changes=(change,)))
    assert "no curfew" in said
    assert "line-2 for line-1" in said


def test_the_same_change_is_said_once():
    """A curfew and its series both carry it."""
    change = Change(what=ChangeKind.LINES, between=MAY, factor=None, because="b")
    finding = msgspec.structs.replace(FINDING, changes=(change,))
    assert len(beside(finding, with_(changes=(change,)))) == 1


def test_rows_left_out_are_counted_by_reason():
    """Three reasons, one sentence, the total first."""
    (said,) = beside(msgspec.structs.replace(FINDING, left_out={"clock": 5, "time": 1, "value": 7}))
    assert said.startswith("Left out: 13 rows (5 whose clock")
    assert "7 without a usable outcome" in said


def test_waves_shares_rate_and_crowd_of_a_curfew():
    """All that can stand beside a curfew, in the order of importance."""
    said = beside(
        FINDING,
        with_(
            episodes=(spell("2018-04-01", "2018-04-04"), spell("2018-05-01", "2018-05-04")),
            shares=Shares(failed=0.3, slow=0.65, fine=0.05, n=200),
            rate=RateCluster(
                median_bps=110e3, low_bps=95e3, high_bps=126e3, share=0.64, share_low=0.6,
                share_high=0.68, n=640, because="",
            ),
            congestion=Congestion(slower_by=4.0, failed_share=None, because="controls ×4 slower"),
        ),
    )  # fmt: skip
    waves, both, rate, crowd = said
    assert "2 waves" in waves
    assert "30 % did not open, 65 % came slower than a third, 5 % as at other hours" in both
    assert "about 110 kbit/s (95 kbit/s to 126 kbit/s)" in rate
    assert "compatible with" in rate
    assert "controls ×4 slower" in crowd


def test_only_slow_is_not_told_apart():
    """Where almost nothing failed, shares say nothing new."""
    assert beside(FINDING, with_(shares=Shares(failed=0.01, slow=0.9, fine=0.09, n=80))) == ()
