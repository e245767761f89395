"""Every sentence about events says that it shows no cause, and carries the finding's numbers."""

from __future__ import annotations

import msgspec
import pytest

from evenfall.model.coincidence import (
    Coincidence,
    DateComparison,
    DayGap,
    GroupComparison,
    GroupMember,
    HourExcess,
    HourLag,
    Lag,
    OrderComparison,
)
from evenfall.model.event import Event, EventType, OrderedHours, Outcome, Precision
from evenfall.text.event_list import event_details, event_when
from evenfall.text.events import (
    basis_sentence,
    coincidence_sentences,
    date_sentence,
    group_rows,
    group_sentences,
    lag_rows,
    order_sentences,
)

FOUND = Coincidence(
    service="video", network="AS9198", timezone="Asia/Almaty", event_type="broadcast", events=12,
    events_outside=1, events_undated=1, basis="the hours found, 20:00–22:00", nights_measured=50,
    nights_calendar=60, nights_with=10, nights_without=40, hits_with=9, hits_without=8,
    share_with=0.9, share_without=0.2, difference=0.7, low=0.38, high=0.83,
    value_difference=0.61, auc=0.87, weekday_strata=False, shifts=55, p_value=0.0179,
    p_min=0.0179, nights_for_one_percent=104,
    lags=(Lag(lag_nights=-1, difference=-0.1), Lag(lag_nights=0, difference=0.61),
          Lag(lag_nights=1, difference=None)),
    hour_lags=(HourLag(lag_h=0, difference=0.3),), tests=1, because="", profile="events-2026",
)  # fmt: skip
ORDER = Event(
    event_id="0" * 16, type=EventType.ORDER, title="Hours", start="2023-11-08", end="2023-11-24",
    timezone="Africa/Nairobi", precision=Precision.DAY, source="made",
    ordered=(OrderedHours(weekdays=(0, 1, 2, 3, 4), start_local="07:00", end_local="10:00"),),
)  # fmt: skip
WINDOW = HourExcess(
    observed="07:00-11:00", ordered="07:00-10:00", relation="exceeds", before_min=(-40, 0, 20),
    after_min=(50, 60, 90), weekdays_outside=(5, 6),
)  # fmt: skip
COMPARED = OrderComparison(
    service="telegram", network="AS33771", timezone="Africa/Nairobi", event_id="0" * 16,
    title="Hours", relation="exceeds", windows=(WINDOW,), not_observed=("13:00-16:00",),
    unordered_min_a_day=None, onset_after_start=DayGap(earliest_days=-2, latest_days=1),
    lifting_after_end=DayGap(earliest_days=0, latest_days=4),
)  # fmt: skip
GROUPS = GroupComparison(
    network="AS9198", timezone="Asia/Almaty", basis="the evening 18:00–24:00",
    members=(GroupMember(service="video", outcome="refused", nights=28, value=0.4),
             GroupMember(service="vk", outcome="complied", nights=27, value=-0.01)),
    nights=27, difference=0.41, p_value=None, p_min=None, ways=0, because="too few services",
    rival_reasons=("servers in the region", "small volume", "a shared CDN"),
)  # fmt: skip


def changed(one: msgspec.Struct, **fields: object) -> msgspec.Struct:
    """The same with other fields."""
    return msgspec.structs.replace(one, **fields)


def every_sentence() -> list[str]:
    """In all the forms that they take."""
    nothing = {"nights_with": 0, "share_with": None, "difference": None, "p_value": None,
               "because": "no event within the measured time", "auc": None}  # fmt: skip
    forms = [
        FOUND, changed(FOUND, p_value=0.4), changed(FOUND, weekday_strata=True, tests=3),
        changed(FOUND, p_value=None, because="13 measured nights"),
        changed(FOUND, **nothing), changed(FOUND, event_type="other"),
    ]  # fmt: skip
    said = [s for form in forms for s in coincidence_sentences(form)]
    apart = HourExcess(observed="08:00-09:00", ordered=None, relation="apart", before_min=None,
                       after_min=None, weekdays_outside=())  # fmt: skip
    inside = changed(WINDOW, relation="inside", before_min=(-40, -30, -20), weekdays_outside=())
    orders = [
        COMPARED, changed(COMPARED, windows=(apart, inside)),
        changed(COMPARED, relation="all day", windows=(), unordered_min_a_day=1080),
        changed(COMPARED, onset_after_start=DayGap(earliest_days=3, latest_days=3),
                lifting_after_end=DayGap(earliest_days=-9, latest_days=-1)),
    ]  # fmt: skip
    said += [s for form in orders for s in order_sentences(form, ORDER)]
    groups = [
        GROUPS, changed(GROUPS, p_value=0.05, p_min=0.05, ways=20, because=""),
        changed(GROUPS, difference=-0.2), changed(GROUPS, difference=None, because="no night"),
    ]  # fmt: skip
    said += [s for form in groups for s in group_sentences(form)]
    date = DateComparison(
        service="video", network="AS9198", timezone="Asia/Almaty", event_id="0" * 16,
        event_type="ruling", title="A court ruled", date="2018-03-13",
        onset_after=DayGap(earliest_days=0, latest_days=3), lifting_after=None,
    )  # fmt: skip
    return [*said, basis_sentence(FOUND), date_sentence(date)]


def test_every_sentence_says_that_it_shows_no_cause() -> None:
    """None can be quoted without it, and each is one sentence."""
    said = every_sentence()
    assert len(said) > 40
    for sentence in said:
        assert "not show cause" in sentence, sentence
        assert sentence.endswith("."), sentence


def test_no_sentence_says_who_or_why() -> None:
    """Words that would make an association a reason."""
    for sentence in every_sentence():
        for word in ("because of", "due to", "led to", "caused", "in order to", "therefore"):
            assert word not in sentence, sentence


def test_numbers_are_the_findings() -> None:
    """Counts, shares, the interval, p and its floor."""
    counts, test, order = coincidence_sentences(FOUND)
    for number in ("12 broadcasts", "1 outside", "1 known by a long period", "9 of 10 nights",
                   "90 %", "8 of 40", "20 %", "+70 points", "+38 to +83"):  # fmt: skip
        assert number in counts
    for number in ("p 0.018", "55 moves", "no p below 0.018", "104 nights"):
        assert number in test
    assert "87 %" in order
    assert "more often than" in test
    (_, weak, _) = coincidence_sentences(changed(FOUND, p_value=0.3))
    assert "no more than" in weak


def test_an_order_in_numbers() -> None:
    """Minutes with their interval, days outside, dates on both sides."""
    said = " ".join(order_sentences(COMPARED, ORDER))
    for words in ("ends 60 min (50 to 90) after", "begins 0 min (−40 to 20) before",
                  "also on Saturday and Sunday", "from 2 days before to 1 day after",
                  "0 to 4 days after", "nothing seen: 13:00-16:00"):  # fmt: skip
        assert words in said


def test_groups_name_three_rivals() -> None:
    """The three other things that would make the same difference, in each form."""
    for form in (GROUPS, changed(GROUPS, difference=None, because="no night")):
        last = group_sentences(form)[-1]
        for rival in ("servers in the region", "small volume", "a shared CDN"):
            assert rival in last
    assert group_rows(GROUPS)[0] == ("video", "refused", "28", "+40")
    assert "41 points more often" in group_sentences(GROUPS)[0]
    assert "20 points less often" in group_sentences(changed(GROUPS, difference=-0.2))[0]


def test_profiles_are_figures_under_each_other() -> None:
    """Unknown lags are left out; minus signs are minus signs; columns agree."""
    nights, points, hours, more = lag_rows(FOUND)
    assert nights.split() == ["nights", "moved", "−1", "0"]
    assert points.split() == ["points", "−10", "+61"]
    assert len(nights) == len(points)
    assert (hours.split()[-1], more.split()[-1]) == ("0", "+30")


@pytest.mark.parametrize(
    ("start", "end", "precision", "words"),
    [
        ("2018-03-13", None, Precision.DAY, "2018-03-13"),
        ("2018-03-13T20:00", "2018-03-13T22:00", Precision.MINUTE, "2018-03-13 20:00"),
        ("2018-03-13", "2018-03-15", Precision.DAY, "2018-03-13 …"),
        ("2018-01-01", "2018-06-30", Precision.PERIOD, "in 2018-01 …"),
    ],
)
def test_when_in_a_list(start: str, end: str | None, precision: Precision, words: str) -> None:
    """Short, and saying that it goes on."""
    assert event_when(changed(ORDER, start=start, end=end, precision=precision)) == words


def test_details_hold_what_was_written() -> None:
    """The stated reason verbatim, the answer of the platform, the archived copy's name."""
    said = event_details(
        changed(ORDER, services=("tv",), platform="TV", outcome=Outcome.PARTLY,
                stated_reason="repairs", archive_name="page.wacz")
    )  # fmt: skip
    for words in ("tv", "TV: partly", "“repairs”", "page.wacz", "Monday to Friday 07:00-10:00",
                  "made", "until 2023-11-24"):  # fmt: skip
        assert words in said
