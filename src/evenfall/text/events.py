"""What is said about nights beside events. No sentence leaves out the limit.

Wording. An association is measured; that it does not show cause stands in every sentence that
compares anything, so that none of them can be quoted without it. Nobody is said to have done
anything: "went wrong" is a night's measurement, "ordered" a document's word. Nothing here computes.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenfall.model.coincidence import (
    Coincidence,
    DateComparison,
    DayGap,
    GroupComparison,
    HourExcess,
    OrderComparison,
)
from evenfall.model.event import Event
from evenfall.text.event_list import hours_words, type_words
from evenfall.text.words import (
    count_words,
    date_words,
    joined,
    nights_words,
    percent_words,
    title_words,
    weekday_words,
)

__all__ = [
    "NO_CAUSE",
    "basis_sentence",
    "coincidence_sentences",
    "date_sentence",
    "group_rows",
    "group_sentences",
    "lag_rows",
    "order_sentences",
    "p_words",
]

NO_CAUSE = "; this does not show cause."
_SEEN_P = 0.05


def basis_sentence(found: Coincidence) -> str:
    """What was compared, and with what."""
    return (
        f"{title_words(found.service)} on {found.network}: a night is {found.basis}, "
        f"{found.timezone}; {nights_words(found.nights_measured, 'measured night')} of "
        f"{found.nights_calendar}. Nights and events side by side do not show cause."
    )


def coincidence_sentences(found: Coincidence) -> list[str]:
    """Nights with and without, how sure, and the order of nights; each with its limit."""
    name = type_words(found.event_type)
    if not found.nights_with:
        counted = _counted(found, name)
        return [f"{counted}: not compared, {found.because}{NO_CAUSE}"]
    said = [_counts(found, name)]
    if found.p_value is None:
        said.append(f"Not tested: {found.because}{NO_CAUSE}")
    else:
        said.append(_test(found, name))
    if found.auc is not None:
        said.append(
            f"A night with {_one(name)} was worse than one without in "
            f"{percent_words(found.auc)} of all pairs of nights (50 % is chance){NO_CAUSE}"
        )
    return said


def _one(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _counted(found: Coincidence, name: str) -> str:
    left = []
    if found.events_outside:
        left.append(f"{found.events_outside} outside the measured time")
    if found.events_undated:
        left.append(f"{found.events_undated} known by a long period alone")
    return count_words(found.events, name) + (f" ({', '.join(left)})" if left else "")


def _counts(found: Coincidence, name: str) -> str:
    counted = _counted(found, name)
    with_, without = found.share_with, found.share_without
    if with_ is None or without is None:
        return f"{counted}: no nights of both kinds were measured{NO_CAUSE}"
    limits = ""
    if found.difference is not None and found.low is not None and found.high is not None:
        limits = (
            f"; difference {_points(found.difference)} points, 95 % interval "
            f"{_points(found.low)} to {_points(found.high)}"
        )
    return (
        f"{counted}: {found.hits_with} of {nights_words(found.nights_with, 'night')} with one went "
        f"wrong ({percent_words(with_)}), {found.hits_without} of {found.nights_without} without "
        f"({percent_words(without)}){limits}{NO_CAUSE}"
    )


def _test(found: Coincidence, name: str) -> str:
    p, least = found.p_value, found.p_min
    if p is None or least is None:
        raise AssertionError("a test has both")
    if p <= _SEEN_P:
        what = f"Nights that went wrong and nights with {_one(name)} fall together more often than"
    else:
        what = f"Nights that went wrong and nights with {_one(name)} fall together no more than"
    strata = ", less weekdays, trend and lasting changes" if found.weekday_strata else ""
    floor = ""
    if least > 0.01:
        floor = (
            f" (no p below {p_words(least)} is possible here; 1 % takes "
            f"{found.nights_for_one_percent} nights)"
        )
    many = f", one of {found.tests} such tests" if found.tests > 1 else ""
    return (
        f"{what} {'a moved calendar' if p <= _SEEN_P else 'moved calendars'} would give: p "
        f"{p_words(p)} over {found.shifts} moves{strata}{many}{floor}{NO_CAUSE}"
    )


def p_words(p: float) -> str:
    """`0.012`, `0.34`."""
    return f"{p:.4f}" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _points(share: float) -> str:
    points = round(100 * share)
    return f"{points:+d}".replace("-", "−") if points else "0"


def lag_rows(found: Coincidence) -> list[str]:
    """The lead and lag profiles, each as two rows of figures under each other."""
    nights = [(lag.lag_nights, lag.difference) for lag in found.lags]
    hours = [(lag.lag_h, lag.difference) for lag in found.hour_lags]
    return [*_profile_rows("nights", nights), *_profile_rows("hours", hours)]


def _profile_rows(unit: str, lags: Sequence[tuple[int, float | None]]) -> list[str]:
    shown = [(lag, difference) for lag, difference in lags if difference is not None]
    if not shown:
        return []
    head = "".join(f"{_signed(lag):>4}" for lag, _ in shown)
    row = "".join(f"{_points(difference):>4}" for _, difference in shown)
    return [f"{unit + ' moved':<13}{head}", f"{'points':<13}{row}"]


def _signed(number: int) -> str:
    return f"{number:+d}".replace("-", "−") if number else "0"


_RELATIONS = {
    "inside": "lies inside",
    "may exceed": "may exceed",
    "exceeds": "exceeds",
    "apart": "lies apart from",
}


def date_sentence(found: DateComparison) -> str:
    """One date beside the first and the last day; nothing is tested."""
    said = []
    if found.onset_after is not None:
        said.append(f"it began {_gap(found.onset_after)}")
    if found.lifting_after is not None:
        said.append(f"it no longer held {_gap(found.lifting_after)}")
    name = type_words(found.event_type)
    return (
        f"{title_words(name)} of {date_words(found.date)} (“{found.title}”): {' and '.join(said)} "
        f"that day; one date is no test{NO_CAUSE}"
    )


def order_sentences(found: OrderComparison, order: Event) -> list[str]:
    """An order beside what was measured: one sentence a window, then days and dates."""
    said = [f"Order “{order.title}”, {hours_words(order)} ({order.timezone}){NO_CAUSE}"]
    if found.relation == "all day":
        said.append(
            f"Measured: all day; this exceeds the order by {found.unordered_min_a_day} minutes of "
            f"an ordered day{NO_CAUSE}"
        )
    said += [_window(window) for window in found.windows]
    if found.not_observed:
        said.append(f"Ordered, and nothing seen: {joined(found.not_observed)}{NO_CAUSE}")
    if found.onset_after_start is not None:
        gap = _gap(found.onset_after_start)
        said.append(f"It began {gap} the first day of the order{NO_CAUSE}")
    if found.lifting_after_end is not None:
        gap = _gap(found.lifting_after_end)
        said.append(f"Its last day was {gap} the last day of the order{NO_CAUSE}")
    return said


def _window(window: HourExcess) -> str:
    if window.ordered is None or window.before_min is None or window.after_min is None:
        return f"Measured {window.observed}: apart from all ordered hours{NO_CAUSE}"
    days = weekday_words(window.weekdays_outside)
    outside = f"; also on {days}, for which nothing was ordered" if days else ""
    relation = _RELATIONS[window.relation]
    return (
        f"Measured {window.observed} {relation} {window.ordered}: begins "
        f"{_minutes(window.before_min, 'before', 'after')} it, ends "
        f"{_minutes(window.after_min, 'after', 'before')} it{outside}{NO_CAUSE}"
    )


def _minutes(minutes: tuple[int, int, int], beyond: str, within: str) -> str:
    low, point, high = minutes
    if point < 0:
        return f"{-point} min ({_span(-high, -low)}) {within}"
    return f"{point} min ({_span(low, high)}) {beyond}"


def _span(low: int, high: int) -> str:
    return f"{low} to {high}".replace("-", "−")


def _gap(gap: DayGap) -> str:
    low, high = gap.earliest_days, gap.latest_days
    if low >= 0:
        return f"{_between(low, high)} after"
    if high <= 0:
        return f"{_between(-high, -low)} before"
    return f"from {nights_words(-low, 'day')} before to {nights_words(high, 'day')} after"


def _between(low: int, high: int) -> str:
    return nights_words(low, "day") if low == high else f"{low} to {nights_words(high, 'day')}"


def group_rows(found: GroupComparison) -> list[tuple[str, str, str, str]]:
    """Service, what its platform did, nights, points beyond its own other hours."""
    order = {"refused": 0, "partly": 1, "complied": 2}
    members = sorted(found.members, key=lambda m: (order.get(m.outcome, 3), m.service))
    return [
        (m.service, m.outcome, str(m.nights), "–" if m.value is None else _points(m.value))
        for m in members
    ]


def group_sentences(found: GroupComparison) -> list[str]:
    """The difference, how sure, and what else would make it."""
    if found.difference is None:
        said = [f"Complied or refused: {found.because}{NO_CAUSE}"]
    else:
        both = f"On {nights_words(found.nights, 'night')} with both measured ({found.basis})"
        more = "less" if found.difference < 0 else "more"
        points = f"{abs(round(100 * found.difference))} points {more} often"
        than = f"than those that complied, each from its own other hours{NO_CAUSE}"
        said = [f"{both}, services whose platforms refused went wrong {points} {than}"]
        if found.p_value is None:
            said.append(f"Described, not tested: {found.because}{NO_CAUSE}")
        elif found.p_min is not None:
            said.append(
                f"p {p_words(found.p_value)} over {found.ways} ways to deal the same labels (none "
                f"below {p_words(found.p_min)} is possible){NO_CAUSE}"
            )
    return [*said, _rivals(found.rival_reasons)]


def _rivals(reasons: Sequence[str]) -> str:
    return f"Would make the same difference: {'; '.join(reasons)}. So it does not show cause."
