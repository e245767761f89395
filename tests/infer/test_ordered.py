"""Ordered hours beside observed ones: inside, beyond by how much, other days, all day."""

from __future__ import annotations

import pytest

from evenfall.infer.ordered import compare_order, parse_hours
from evenfall.model.coincidence import DayGap
from evenfall.model.curfew import Curfew, Effect, Instants, Window
from evenfall.model.errors import FormatError
from evenfall.model.event import Event, EventType, OrderedHours, Precision
from evenfall.model.vocabulary import ClaimLevel, Pattern, Scope, State

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
WEEK = (0, 1, 2, 3, 4)


def window(start: str, end: str, days=EVERY_DAY, *, starts=None, ends=None) -> Window:
    """An observed window; its intervals are the ends themselves unless given."""
    return Window(
        weekdays=days, start_local=start, end_local=end,
        start_interval=starts or (start, start), end_interval=ends or (end, end),
    )  # fmt: skip


def curfew(*windows: Window, pattern: Pattern = Pattern.WINDOW) -> Curfew:
    """A curfew with these windows, from 8–13 to 25–29 November."""
    return Curfew(
        service="video", network="AS9198", timezone="Asia/Almaty", state=State.BLOCKED,
        scope=Scope.UNDETERMINED, scope_because="made", pattern=pattern, lines=None,
        windows=windows, onset=Instants(earliest="2023-11-08", latest="2023-11-13"),
        lifting=Instants(earliest="2023-11-25", latest="2023-11-29"), nights_seen=13,
        nights_measured=14, n=100, p_value=0.001, effect=Effect(in_window=0.9, outside=0.05),
        slower_by=None, claim_level=ClaimLevel.L2, isolated=False, rule_id="r", ruleset="s",
        profile="p",
    )  # fmt: skip


def order(text: str, start: str = "2023-11-08", end: str | None = None) -> Event:
    """An order with these hours."""
    return Event(
        type=EventType.ORDER, title="order", start=start, end=end, timezone="Asia/Almaty",
        precision=Precision.DAY, source="made", ordered=parse_hours(text, where="here"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "days", "start", "end"),
    [
        ("Mon-Fri 20:00-22:00", WEEK, "20:00", "22:00"),
        ("20:00-22:00", EVERY_DAY, "20:00", "22:00"),
        ("Sat,Sun 10:00–12:00", (5, 6), "10:00", "12:00"),
        ("Fri-Mon 23:00-01:00", (0, 4, 5, 6), "23:00", "01:00"),
        ("monday - wednesday, Saturday 07:00 - 24:00", (0, 1, 2, 5), "07:00", "24:00"),
    ],
)
def test_hours_are_read(text: str, days, start: str, end: str) -> None:
    """Names of days, ranges that go round the week, both dashes."""
    assert parse_hours(text, where="here") == (
        OrderedHours(weekdays=days, start_local=start, end_local=end),
    )


@pytest.mark.parametrize(
    "text", ["", "evening", "Mon-Fri", "Montagabend", "Xyz 20:00-22:00", "20-22",
             "Mon-Fri-Sat 20:00-22:00", "20:00-22:00 Mon", ";", "," * 500],
)  # fmt: skip
def test_what_is_no_hours_is_refused(text: str) -> None:
    """With an example in the message."""
    with pytest.raises(FormatError, match="Mon-Fri 20:00-22:00"):
        parse_hours(text, where="here")


@pytest.mark.parametrize(
    ("observed", "relation", "before", "after"),
    [
        (window("20:00", "22:00"), "inside", 0, 0),
        (window("20:30", "21:30"), "inside", -30, -30),
        (window("19:30", "22:00"), "exceeds", 30, 0),
        (window("20:00", "23:00"), "exceeds", 0, 60),
        (window("19:50", "22:00", starts=("19:30", "20:10")), "may exceed", 10, 0),
        (window("19:50", "22:00", starts=("19:30", "19:55")), "exceeds", 10, 0),
        (window("20:00", "21:50", ends=("21:40", "22:10")), "may exceed", 0, -10),
    ],
)
def test_one_window_beside_one_order(observed: Window, relation: str, before: int, after: int):
    """`exceeds` only where the whole interval lies beyond; `may exceed` where a part of it does."""
    found = compare_order(order("20:00-22:00"), curfew(observed))
    (one,) = found.windows
    assert one.relation == relation == found.relation
    assert one.before_min is not None
    assert one.after_min is not None
    assert (one.before_min[1], one.after_min[1]) == (before, after)
    assert one.before_min[0] <= before <= one.before_min[2]
    assert one.after_min[0] <= after <= one.after_min[2]
    assert found.does_not_show == "cause"


def test_over_midnight() -> None:
    """23:00–01:00 ordered, 22:40–01:30 seen: 20 minutes before, 30 after; intervals cross too."""
    seen = window("22:40", "01:30", starts=("22:30", "22:50"), ends=("01:20", "01:40"))
    (one,) = compare_order(order("23:00-01:00"), curfew(seen)).windows
    assert one.before_min == (10, 20, 30)
    assert one.after_min == (20, 30, 40)
    late = window("20:00", "24:00", ends=("23:50", "00:20"))
    (one,) = compare_order(order("20:00-24:00"), curfew(late)).windows
    assert one.after_min == (-10, 0, 20)
    assert one.relation == "may exceed"


def test_days_for_which_nothing_was_ordered() -> None:
    """The same hours on Saturday and Sunday too: exceeds, and the days are named."""
    found = compare_order(order("Mon-Fri 20:00-22:00"), curfew(window("20:00", "22:00")))
    assert found.relation == "exceeds"
    assert found.windows[0].weekdays_outside == (5, 6)
    inside = compare_order(order("20:00-22:00"), curfew(window("20:00", "22:00", WEEK)))
    assert inside.relation == "inside"
    assert inside.windows[0].weekdays_outside == ()


def test_two_windows_find_their_own_hours() -> None:
    """Each is laid beside the ordered hours that it overlaps; hours without one are listed."""
    seen = curfew(window("07:00", "11:00", WEEK), window("13:00", "16:00", WEEK))
    text = "Mon-Fri 07:00-10:00; Mon-Fri 13:00-16:00; Mon-Fri 19:00-20:00"
    found = compare_order(order(text), seen)
    assert [w.relation for w in found.windows] == ["exceeds", "inside"]
    assert [w.ordered for w in found.windows] == ["07:00-10:00", "13:00-16:00"]
    assert found.not_observed == ("19:00-20:00",)


def test_apart_from_all_ordered_hours() -> None:
    """Seen in the morning, ordered in the evening."""
    found = compare_order(order("20:00-22:00"), curfew(window("08:00", "10:00")))
    assert found.relation == "apart"
    assert found.windows[0].ordered is None
    assert found.not_observed == ("20:00-22:00",)


def test_all_day_exceeds_an_order_of_hours() -> None:
    """Six hours ordered, all day measured: 18 hours beyond; an order of all day is not exceeded."""
    always = curfew(pattern=Pattern.ALWAYS)
    found = compare_order(order("Mon-Fri 07:00-10:00; Mon-Fri 13:00-16:00"), always)
    assert (found.relation, found.unordered_min_a_day) == ("all day", 18 * 60)
    whole = compare_order(order("00:00-24:00"), always)
    assert (whole.relation, whole.unordered_min_a_day) == ("inside", 0)


def test_dates_of_the_order_beside_onset_and_lifting() -> None:
    """8–13 after the 8th; lifted on 25–29, so the last day was 0–4 days after the 24th."""
    seen = curfew(window("20:00", "22:00"))
    found = compare_order(order("20:00-22:00", "2023-11-08", "2023-11-24"), seen)
    assert found.onset_after_start == DayGap(earliest_days=0, latest_days=5)
    assert found.lifting_after_end == DayGap(earliest_days=0, latest_days=4)
    open_end = compare_order(order("20:00-22:00"), seen)
    assert open_end.lifting_after_end is None
