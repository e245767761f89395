"""What was said against what is true: hand-made truths and claims, half of them innocent."""

from __future__ import annotations

import pytest

from evenfall.lab.nights import Hit, NightTruth
from evenfall.lab.scoring.hours import apart_min, in_common, is_between, span_of, spans_of_hours
from evenfall.lab.scoring.outcome import Outcome, finds, outcome
from evenfall.lab.scoring.said import Said
from evenfall.model.curfew import Instants, Spell


def truth(*hits: Hit, **fields: object) -> NightTruth:
    """A world of pairs, innocent without hits."""
    usual = {
        "family": "f", "seed": 1, "innocent": not hits, "basis": "pairs", "nights": 20,
        "first_date": "2026-03-02", "timezone": "Asia/Almaty", "cadence_s": 1200,
        "expected": "curfew" if hits else "none",
    }  # fmt: skip
    return NightTruth(hits=hits, **(usual | fields))


def hit(*windows: tuple[str, str], service: str = "video", **fields: object) -> Hit:
    """A slowed service in these hours, or always if there are none."""
    usual = {"factor": 8.0, "share": 1.0, "fail_share": 0.0}
    return Hit(
        service=service, network="AS64500", state="slowed", windows=windows,
        pattern="window" if windows else "always", **(usual | fields),
    )  # fmt: skip


def said(*spans: tuple[str, str], service: str = "video", **fields: object) -> Said:
    """A claim of these hours, or of all if there are none."""
    return Said(
        service=service, network="AS64500", always=not spans,
        spans=tuple(span_of(*span) for span in spans), **fields,
    )  # fmt: skip


# --- innocent worlds ----------------------------------------------------------------------------


def test_any_claim_in_an_innocent_world_is_a_false_alarm() -> None:
    """Of any scope and pattern, or of a method that says no scope; no claim is none."""
    assert outcome(truth(), []) == Outcome()
    for claim in (said(("20:00", "22:00")), said(), said(("20:00", "22:00"), targeted=False)):
        assert outcome(truth(), [claim]).false_alarm


def test_where_undetermined_may_be_said_only_targeted_is_false() -> None:
    """A full CDN every evening: the service is slow, and nobody can tell at whose request."""
    slow = truth(may_say="undetermined")
    assert not outcome(slow, [said(("20:00", "22:00"), targeted=False)]).false_alarm
    assert not outcome(slow, [said(("20:00", "22:00"))]).false_alarm
    assert outcome(slow, [said(("20:00", "22:00"), targeted=True)]).false_alarm


def test_an_innocent_world_has_no_power_and_no_edges() -> None:
    """Nothing but the alarm is counted."""
    assert outcome(truth(), [said(("20:00", "22:00"))]) == Outcome(false_alarm=True)


def test_a_claim_beside_the_hit_series_is_wrong() -> None:
    """The hit one is found all the same; the innocent one is not spared."""
    world = truth(hit(("20:00", "22:00")))
    found = outcome(world, [said(("20:00", "22:00")), said(("20:00", "22:00"), service="maps")])
    assert found.found
    assert found.wrong
    assert not outcome(world, [said(("20:00", "22:00"))]).wrong


# --- found, or not ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "is_found"),
    [
        (("20:00", "22:00"), True),
        (("20:30", "21:30"), True),  # half of it
        (("20:35", "21:30"), False),
        (("20:00", "24:00"), True),  # twice as much
        (("19:00", "23:30"), False),
        (("08:00", "10:00"), False),
    ],
)
def test_hours_must_have_half_in_common(claim: tuple[str, str], is_found: bool) -> None:
    """Jaccard's index of at least one half; what does not find is wrong."""
    seen = outcome(truth(hit(("20:00", "22:00"))), [said(claim)])
    assert seen.found is is_found
    assert seen.wrong is not is_found


def test_patterns_are_not_exchanged() -> None:
    """All hours are no window, and a window is not all hours."""
    assert outcome(truth(hit()), [said()]).found
    assert not outcome(truth(hit()), [said(("20:00", "22:00"))]).found
    assert not outcome(truth(hit(("20:00", "22:00"))), [said()]).found


def test_every_hit_series_has_to_be_found() -> None:
    """One of two is not found; silence is missed, and not wrong."""
    both = truth(hit(("20:00", "22:00")), hit(("20:00", "22:00"), service="social"))
    assert not finds(both, [said(("20:00", "22:00"))])
    assert finds(both, [said(("20:00", "22:00")), said(("20:00", "22:00"), service="social")])
    assert outcome(both, []) == Outcome(found=False)


# --- edges, dates, waves, scope -----------------------------------------------------------------


def test_edges_are_measured_across_midnight() -> None:
    """22:00–02:00 said as 21:50–02:20: ten minutes and twenty; both intervals cross midnight."""
    claim = said(
        ("21:50", "02:20"), intervals=((span_of("21:40", "22:00"), span_of("23:50", "02:30")),)
    )
    seen = outcome(truth(hit(("22:00", "02:00"))), [claim])
    assert seen.edge_errors_min == (10, 20)
    assert (seen.edges_covered, seen.edges) == (2, 2)


def test_an_edge_outside_its_interval_is_not_covered() -> None:
    """The end by five minutes; the beginning at the limit is inside."""
    claim = said(
        ("20:00", "22:10"), intervals=((span_of("20:00", "20:10"), span_of("22:05", "22:20")),)
    )
    seen = outcome(truth(hit(("20:00", "22:00"))), [claim])
    assert (seen.edges_covered, seen.edges) == (1, 2)


def test_two_windows_said_as_one_pay_for_it() -> None:
    """07:30–11:00 and 13:00–17:00 as 07:30–17:00: two edges are hours off, and nothing covers."""
    kenya = truth(hit(("07:30", "11:00"), ("13:00", "17:00")))
    seen = outcome(kenya, [said(("07:30", "17:00"))])
    assert seen.edge_errors_min == (0, 360, 330, 0)
    assert seen.edges == 0


@pytest.mark.parametrize(
    ("onset", "lifting", "covered", "dates", "errors"),
    [
        (("2026-03-10", "2026-03-12"), ("2026-03-21", "2026-03-21"), 2, 2, (1, 0)),
        (("2026-03-11", "2026-03-12"), ("2026-03-24", "2026-03-26"), 0, 2, (1, 4)),
        (None, ("2026-03-20", "2026-03-22"), 1, 2, (0,)),
    ],
)
def test_dates_lie_in_their_intervals(onset, lifting, covered, dates, errors) -> None:
    """Hit from 10 to 20 March: it began on the 10th, and no longer held on the 21st."""
    world = truth(hit(("20:00", "22:00"), episodes=(("2026-03-10", "2026-03-20"),)))
    claim = said(
        ("20:00", "22:00"),
        dated=True,
        onset=onset and Instants(earliest=onset[0], latest=onset[1]),
        lifting=Instants(earliest=lifting[0], latest=lifting[1]),
    )
    seen = outcome(world, [claim])
    assert (seen.dates_covered, seen.dates, seen.date_errors) == (covered, dates, errors)


def test_an_onset_where_the_data_begin_inside_is_not_covered() -> None:
    """Saying none there is no date at all; a method without dates is not asked."""
    world = truth(hit(("20:00", "22:00")))
    day = Instants(earliest="2026-03-05", latest="2026-03-06")
    false = outcome(world, [said(("20:00", "22:00"), dated=True, onset=day)])
    assert (false.dates, false.dates_covered) == (1, 0)
    assert outcome(world, [said(("20:00", "22:00"), dated=True)]).dates == 0
    assert outcome(world, [said(("20:00", "22:00"), onset=day)]).dates == 0


WAVES = ((None, "2026-03-08"), ("2026-03-16", "2026-03-22"), ("2026-04-01", None))
FIRST, SECOND = ("2026-03-02", "2026-03-08"), ("2026-03-16", "2026-03-22")
THIRD = ("2026-04-01", "2026-04-09")


def spell(first: str, last: str) -> Spell:
    """An episode as it is said."""
    return Spell(first=first, last=last, onset=None, lifting=None, nights_seen=1, nights_measured=1)


@pytest.mark.parametrize(
    ("spells", "right"),
    [
        ((FIRST, SECOND, THIRD), 1),
        ((FIRST, ("2026-03-18", "2026-03-20"), THIRD), 1),
        ((("2026-03-02", "2026-03-11"), SECOND, THIRD), 0),
        ((("2026-03-02", "2026-03-22"), THIRD), 0),
        ((), 0),
    ],
)
def test_waves_are_counted_and_dated(spells, right: int) -> None:
    """As many as in truth, each dated end within two nights; none said means one."""
    world = truth(hit(("20:00", "22:00"), episodes=WAVES))
    claim = said(("20:00", "22:00"), dated=True, episodes=tuple(spell(*s) for s in spells))
    seen = outcome(world, [claim])
    assert (seen.episodes, seen.episodes_right) == (1, right)


def test_one_episode_need_not_be_named() -> None:
    """A claim without episodes is one that held throughout."""
    seen = outcome(truth(hit(("20:00", "22:00"))), [said(("20:00", "22:00"), dated=True)])
    assert (seen.episodes, seen.episodes_right) == (1, 1)


def test_scope_is_asked_of_pairs_alone() -> None:
    """By name and shown by pairs: targeted. Without pairs there is nothing to be right about."""
    for targeted in (True, False):
        claim = said(("20:00", "22:00"), targeted=targeted)
        seen = outcome(truth(hit(("20:00", "22:00"))), [claim])
        assert (seen.scopes, seen.scopes_right) == (1, int(targeted))
        without = outcome(truth(hit(("20:00", "22:00")), basis="difference"), [claim])
        assert without.scopes == 0
    assert outcome(truth(hit(("20:00", "22:00"))), [said(("20:00", "22:00"))]).scopes == 0


# --- minutes of the day -------------------------------------------------------------------------


def test_minutes_of_the_day() -> None:
    """Hours joined across midnight, the whole day, distances the shorter way round."""
    assert spans_of_hours([23, 0, 1, 5]) == ((300, 360), (1380, 120))
    assert spans_of_hours(range(24)) == ((0, 0),)
    assert spans_of_hours([]) == ()
    assert in_common([(0, 0)], [(600, 1320)]) == pytest.approx(0.5)
    assert in_common([], []) == 0.0
    assert apart_min(10, 1430) == apart_min(1430, 10) == 20
    assert apart_min(0, 720) == 720
    assert is_between(5, 1430, 20)
    assert not is_between(25, 1430, 20)
    assert span_of("22:00", "24:00") == (1320, 0)
