"""One true sentence that can be printed: n, interval, network, dates, zone, caveat, ruleset.

The sentence says less than the finding, never more: what was measured, on how many of how many
measured nights, how strong with its interval, compared with what, on which network, between which
dates, in whose local time, from how many measurements, under which ruleset; and what it does not
show. "Nothing was found" and "it cannot be told" are findings too, and are as easy to quote.

Rules.
- It is one sentence: one full stop, at its end.
- Every number comes in with the finding; nothing is rounded up: a factor is printed with its
  interval, a share with its count.
- The same store gives the same sentence, whenever it is asked for.
- What was made by a generator begins with SIMULATED.
- Who did it is never said, and a window is "about", because its ends are intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from evenfall.model.curfew import Curfew, RateCluster, SeriesFinding, Spell, Window
from evenfall.model.vocabulary import Pattern, Scope, SeriesState, State
from evenfall.text.against import against_words, wrong_words
from evenfall.text.foreign import one_line
from evenfall.text.words import (
    count_words,
    date_words,
    factor_words,
    joined,
    nights_words,
    percent_words,
    service_words,
    weekday_words,
)

__all__ = ["Quoted", "Subject", "quote"]

_WAVES_NAMED_MAX = 3
_EVENING_FROM = "18:30"  # as `text.nights`
_THAN = {
    "pairs": "the same server under another name",
    "control_difference": "control sites measured beside it",
    "unpaired": "it was in its other hours",
}
_CAVEATS = {
    Scope.TARGETED: "this does not show who did it, or why",
    Scope.SERVER_SIDE: "other networks saw the same, and this does not show why",
    Scope.GENERALIZED: "other services fared the same, and this does not show why",
    Scope.UNDETERMINED: "whether only this service was affected cannot be told, nor who did it, or "
    "why",
}
_ESCAPES = (
    "stretches under half an hour, slowing by less than half, single evenings and hours that were "
    "not measured would escape this search"
)


class Subject(NamedTuple):
    """What is to be quoted.

    Attributes:
        finding, curfew: of one series.
        basis: `pairs`, `control_difference` or `unpaired`.
        timezone: IANA name.
        first_date, last_date: local dates of the first and the last measurement, ISO.
        ruleset: under which it was judged.
        simulated: made by a generator.
    """

    finding: SeriesFinding
    curfew: Curfew | None
    basis: str
    timezone: str
    first_date: str
    last_date: str
    ruleset: str
    simulated: bool


class Quoted(NamedTuple):
    """A sentence and what is in it.

    Attributes:
        sentence: to be printed as it is.
        caveat: the part of it that says what is not shown.
        first_date, last_date: the dates it speaks of.
        interval: 95 % limits of the effect it names; None where it names none.
    """

    sentence: str
    caveat: str
    first_date: str
    last_date: str
    interval: tuple[float, float] | None


def quote(subject: Subject) -> Quoted:
    """The sentence about one series."""
    if subject.curfew is not None:
        return _found(subject, subject.curfew)
    if subject.finding.state is SeriesState.INSUFFICIENT:
        return _too_little(subject)
    return _nothing(subject)


def _found(subject: Subject, curfew: Curfew) -> Quoted:
    unit = f"measured {_unit(curfew)}"
    first, last = _span(subject, curfew.episodes)
    nights = f"{curfew.nights_seen} of {nights_words(curfew.nights_measured, unit)}"
    deed, interval = _deed(subject, curfew)
    caveat = _CAVEATS[curfew.scope]
    sentence = (
        f"{_mark(subject)}{_dates(curfew.episodes, first, last)}, on {nights}, "
        f"{_name(subject)} {deed}{_hours(curfew)} (local time, {subject.timezone}; "
        f"{count_words(curfew.n, 'measurement')}{_lines(curfew)}{_rate(curfew)}; "
        f"{_ruleset(subject)}){_crowd(curfew)}; {caveat}."
    )
    return Quoted(sentence, caveat, first, last, interval)


def _nothing(subject: Subject) -> Quoted:
    finding = subject.finding
    caveat = _ESCAPES
    nights = nights_words(finding.nights_measured, "measured night")
    sentence = (
        f"{_mark(subject)}{_between(subject.first_date, subject.last_date)}, on {nights}, no "
        f"recurring hours of slowness or blocking were found for {_name(subject)} "
        f"(local time, {subject.timezone}; "
        f"{count_words(finding.n, 'measurement')}; {_ruleset(subject)}); {caveat}."
    )
    return Quoted(sentence, caveat, subject.first_date, subject.last_date, None)


def _too_little(subject: Subject) -> Quoted:
    finding = subject.finding
    name = one_line(service_words(finding.service))
    caveat = f"this shows neither that {name} is well nor that it is not"
    between = _between(subject.first_date, subject.last_date)
    dates = f"{between[:1].lower()}{between[1:]}, " if subject.first_date else ""
    sentence = (
        f"{_mark(subject)}Whether {_name(subject)} has recurring bad hours cannot be told from "
        f"{count_words(finding.n, 'measurement')} on "
        f"{nights_words(finding.nights_measured, 'measured night')} ({dates}local time, "
        f"{subject.timezone}; {_ruleset(subject)}); {caveat}."
    )
    return Quoted(sentence, caveat, subject.first_date, subject.last_date, None)


def _deed(subject: Subject, curfew: Curfew) -> tuple[str, tuple[float, float] | None]:
    """What was seen, with its interval, and compared with what."""
    if curfew.state is State.BLOCKED:
        return _blocked(curfew)
    by = curfew.slower_by
    if by is None:
        return "was slow", None
    than = _THAN.get(subject.basis, _THAN["unpaired"])
    limits = f"95 % interval {factor_words(by.low)} to {factor_words(by.high)}"
    slower = f"was {factor_words(by.median)} times slower ({limits}) than {than}"
    return slower + _in_part(curfew), (by.low, by.high)


def _in_part(curfew: Curfew) -> str:
    """Of a claim about a part of the measurements: which part, so that no more is said."""
    rate = curfew.rate
    if rate is None or not _is_in_part(curfew):
        return ""
    return f" in {_share(rate)} of the measurements, at about {_kilobits(rate)}"


def _is_in_part(curfew: Curfew) -> bool:
    """At all hours, and only for those measurements that gather at one rate."""
    rate = curfew.rate
    return (
        curfew.pattern is Pattern.ALWAYS
        and rate is not None
        and curfew.effect.in_window == rate.share
    )


def _share(rate: RateCluster) -> str:
    limits = f"{percent_words(rate.share_low)} to {percent_words(rate.share_high)}"
    return f"{percent_words(rate.share)} (95 % interval {limits})"


def _kilobits(rate: RateCluster) -> str:
    return f"{rate.median_bps / 1e3:,.0f} kbit/s"


def _blocked(curfew: Curfew) -> tuple[str, tuple[float, float] | None]:
    effect = curfew.effect
    against = against_words(curfew)
    interval, limits = "", None
    if effect.low is not None and effect.high is not None:
        limits = (effect.low, effect.high)
        interval = (
            f", 95 % interval of the difference {percent_words(effect.low)} to "
            f"{percent_words(effect.high)}"
        )
    share, other = percent_words(effect.in_window), percent_words(effect.outside)
    beside = f" ({other} {against}{interval})" if against else ""
    if curfew.pattern is Pattern.ALWAYS:
        return f"mostly did not open: {share} of tests {wrong_words(curfew)}{beside}", limits
    return f"did not open in {share} of tests{beside}", limits


def _hours(curfew: Curfew) -> str:
    if curfew.pattern is Pattern.ALWAYS or not curfew.windows:
        return " at all measured hours"
    clocks = joined([f"between about {_clocks(window)}" for window in curfew.windows])
    days = weekday_words(curfew.windows[0].weekdays)
    return f" {clocks}" + (f", {days}" if days else "")


def _unit(curfew: Curfew) -> str:
    """Nights, or days where all hours lie in daylight, or none stand out."""
    windows = curfew.windows
    dark = any(w.end_local > _EVENING_FROM or w.end_local < w.start_local for w in windows)
    return "night" if dark else "day"


def _clocks(window: Window) -> str:
    return f"{window.start_local} and {window.end_local}"


def _lines(curfew: Curfew) -> str:
    if curfew.lines is None:
        return ", lines not told apart"
    return " on one line" if curfew.lines == 1 else f" on {curfew.lines:,} lines"


def _rate(curfew: Curfew) -> str:
    """The one rate at which they gather, with how many do; said once."""
    rate = curfew.rate
    if rate is None or _is_in_part(curfew):
        return ""
    return f", {_share(rate)} of those within the hours at about {_kilobits(rate)}"


def _crowd(curfew: Curfew) -> str:
    """What everything on the network suffers in the same hours, if it does."""
    crowd = curfew.congestion
    if crowd is None:
        return ""
    if crowd.slower_by is not None:
        return f"; controls were {factor_words(crowd.slower_by)} times slower in these hours too"
    if crowd.failed_share is not None:
        return f"; {percent_words(crowd.failed_share)} of the controls failed in these hours too"
    return "; everything else suffers in these hours too"


def _span(subject: Subject, episodes: Sequence[Spell]) -> tuple[str, str]:
    if not episodes:
        return subject.first_date, subject.last_date
    return episodes[0].first, episodes[-1].last


def _dates(episodes: Sequence[Spell], first: str, last: str) -> str:
    if len(episodes) < 2:
        return _between(first, last)
    if len(episodes) > _WAVES_NAMED_MAX:
        return f"In {len(episodes)} waves between {date_words(first)} and {date_words(last)}"
    waves = joined([f"{date_words(e.first)} to {date_words(e.last)}" for e in episodes])
    return f"In {len(episodes)} waves ({waves})"


def _between(first: str, last: str) -> str:
    if not first:
        return "At no date"
    if first == last:
        return f"On {date_words(first)}"
    return f"Between {date_words(first)} and {date_words(last)}"


def _name(subject: Subject) -> str:
    network = subject.finding.network
    where = "an unknown network" if network == "unknown" else f"network {one_line(network)}"
    return f"{one_line(service_words(subject.finding.service))} on {where}"


def _ruleset(subject: Subject) -> str:
    return f"Evenfall ruleset {subject.ruleset}"


def _mark(subject: Subject) -> str:
    return "SIMULATED, evidence of nothing: " if subject.simulated else ""
