"""Sentences about many nights: the answer, how sure, and what it does not show.

Terminal, page and `analyze` say the same words, because they take them from here. A sentence is a
tuple of parts; a part marked strong carries the finding's own numbers, so that a page can set it in
ink and a test can hold each number to the finding. Nothing here computes: every number comes in
with the finding.

Wording. Measured, compared with, how sure, what it does not show. "Throttled" is said only where
slowed *and* targeted hold together. A window is "about", because its ends are intervals. Who did it
is never said, and "no pattern" is never said as "nothing happened".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from evenfall.model.curfew import Curfew, SeriesFinding, Window
from evenfall.model.vocabulary import ClaimLevel, Pattern, Scope, SeriesState, State
from evenfall.text.against import against_words, wrong_words
from evenfall.text.words import (
    count_words,
    date_words,
    dates_words,
    factor_words,
    joined,
    nights_words,
    percent_words,
    service_words,
    weekday_words,
    window_words,
    windows_words,
)

__all__ = [
    "Fact",
    "Part",
    "answer",
    "counted_words",
    "facts",
    "not_shown",
    "plain",
    "state_words",
]

_EVENING_FROM = "18:30"
_ALL_OF_THEM = 0.995  # prints as 100 %
_SLOW_FACTOR = 1.5  # the gate's: where the median is surely slower, it speaks for most of them

_FARED = {True: "opened", False: "stayed fast"}  # by whether the service was blocked

_CLAIMS = {
    ClaimLevel.L0: "an anecdote",
    ClaimLevel.L1: "measured on one occasion",
    ClaimLevel.L2: "repeated",
    ClaimLevel.L3: "three or more lines on one network",
    ClaimLevel.L4: "two or more networks, controls clean",
    ClaimLevel.L5: "several networks, only the name differed",
}


class Part(NamedTuple):
    """A piece of a sentence; strong pieces carry the finding."""

    text: str
    strong: bool = False


class Fact(NamedTuple):
    """One entry of "how sure": a figure, and what it rests on."""

    figure: str
    basis: str


def plain(parts: Sequence[Part]) -> str:
    """The sentence without marks."""
    return "".join(part.text for part in parts)


def answer(finding: SeriesFinding, curfew: Curfew | None = None) -> tuple[Part, ...]:
    """The answer in one or two sentences, numbers included.

    Args:
        finding: what was made of the series.
        curfew: of the same service and network; None where none was found.
    """
    name = service_words(finding.service)
    if curfew is not None:
        return _always(curfew, name) if curfew.pattern is Pattern.ALWAYS else _window(curfew, name)
    if finding.state is SeriesState.INSUFFICIENT:
        return (
            Part("Not enough was measured", strong=True),
            Part(f" to say whether {name} has recurring bad hours: "),
            Part(nights_words(finding.nights_measured, "measured night"), strong=True),
            Part(f", {count_words(finding.n, 'measurement')}."),
        )
    return (
        Part("No recurring hours", strong=True),
        Part(f" of slowness or blocking were found for {name} on "),
        Part(nights_words(finding.nights_measured, "measured night"), strong=True),
        Part(f" ({count_words(finding.n, 'measurement')})."),
    )


def facts(finding: SeriesFinding, curfew: Curfew | None = None) -> tuple[Fact, ...]:
    """How sure, in at most four figures, each with what it rests on."""
    if curfew is None:
        return _facts_without(finding)
    found = [Fact(window_words(w), _ends_words(w)) for w in curfew.windows[:2]]
    if curfew.pattern is Pattern.ALWAYS:
        found.append(Fact("all measured hours", "no hours of the day stand out"))
    found.append(_effect_fact(curfew))
    if curfew.isolated:
        fared = _FARED[curfew.state is State.BLOCKED]
        found.append(Fact("only the name differed", f"same server, other name: {fared}"))
    elif len(found) < 3:
        found.append(Fact(f"scope {curfew.scope}", curfew.scope_because.split(" (", 1)[0]))
    found.append(
        Fact(
            f"claim {curfew.claim_level}" + (", isolated" if curfew.isolated else ""),
            _level_words(curfew),
        )
    )
    return tuple(found)


def _level_words(curfew: Curfew) -> str:
    if curfew.claim_level is not ClaimLevel.L2:
        return _CLAIMS[curfew.claim_level]
    if curfew.lines is None:
        return "repeated; the lines are not told apart"
    return "repeated; no other line was asked" if curfew.lines < 2 else "repeated, on several lines"


def counted_words(finding: SeriesFinding, curfew: Curfew) -> str:
    """Measurements and nights of the episode, out of those of the whole series."""
    measured = nights_words(finding.nights_measured, "measured night")
    if curfew.pattern is Pattern.ALWAYS:
        measured += "; days run from midnight, nights from noon, the fewer are counted here"
    return (
        f"{count_words(curfew.n, 'measurement')} of the episode, out of {finding.n:,} of the whole "
        f"series ({measured})"
    )


def not_shown(finding: SeriesFinding, curfew: Curfew | None = None) -> tuple[str, ...]:
    """What the finding does not show, one sentence each, most important first."""
    name = service_words(finding.service)
    if curfew is None:
        return _not_shown_without(finding, name)
    said = ["Who did it, or why."]
    if curfew.scope is Scope.UNDETERMINED:
        said.append(f"Whether only {name} was affected: {curfew.scope_because}.")
    if curfew.claim_level in (ClaimLevel.L0, ClaimLevel.L1, ClaimLevel.L2):
        judged = "other networks" in curfew.scope_because
        several = curfew.lines is not None and curfew.lines > 1
        asked = [*([] if several else ["lines"]), *([] if judged else ["networks"])]
        said += [f"Whether other {joined(asked)} see the same."] if asked else []
    if curfew.onset is None:
        said.append("When it began: the first night measured already had it.")
    if curfew.lifting is None:
        said.append("Whether it has ended: the last night measured still had it.")
    if curfew.exceptions:
        said.append(f"Not explained: {'; '.join(map(_exception_words, curfew.exceptions))}.")
    if curfew.unmeasured:
        said.append(f"Never measured: {joined(list(curfew.unmeasured))}.")
    said += [_sentence(caveat) for caveat in curfew.caveats]
    return tuple(said)


def state_words(finding: SeriesFinding, curfew: Curfew | None = None) -> str:
    """Three to eight words for a list of services."""
    if curfew is not None and curfew.pattern is Pattern.ALWAYS:
        return f"{_done(curfew)} at all measured hours"
    if curfew is not None:
        waves = f", in {len(curfew.episodes)} waves" if len(curfew.episodes) > 1 else ""
        return f"{_done(curfew)} {windows_words(curfew.windows)}{waves}"
    if finding.state is SeriesState.INSUFFICIENT:
        return "not enough measured"
    return "no recurring hours found"


def _window(curfew: Curfew, name: str) -> tuple[Part, ...]:
    unit = (
        "night"
        if any(w.end_local > _EVENING_FROM or w.end_local < w.start_local for w in curfew.windows)
        else "day"
    )
    clauses: list[Part] = []
    for index, window in enumerate(curfew.windows):
        clauses.append(Part(" and between about " if index else " between about "))
        clauses.append(Part(f"{window.start_local} and {window.end_local}", strong=True))
    days = weekday_words(curfew.windows[0].weekdays) if curfew.windows else ""
    if days:
        clauses.append(Part(f", {days}"))
    return (
        *_episode(curfew),
        Part(_of_nights(curfew, f"measured {unit}"), strong=True),
        *_deed(curfew, name),
        *clauses,
        *_contrast(curfew, name),
    )


def _always(curfew: Curfew, name: str) -> tuple[Part, ...]:
    return (
        *_episode(curfew),
        Part(_of_nights(curfew, "measured day"), strong=True),
        *_deed(curfew, name),
        Part(", "),
        Part("at whatever hour it was measured", strong=True),
        *_contrast(curfew, name),
    )


def _episode(curfew: Curfew) -> tuple[Part, ...]:
    """The dates that the counts speak of; none where the episode is all that was measured."""
    onset, lifting = curfew.onset, curfew.lifting
    if len(curfew.episodes) > 1:
        waves = Part(f"{len(curfew.episodes)} waves", strong=True)
        first, last = date_words(curfew.episodes[0].first), date_words(curfew.episodes[-1].last)
        between = (Part(" between "), Part(first, strong=True), Part(" and "))
        return Part("In "), waves, *between, Part(last, strong=True), Part(", on ")
    if onset is not None and lifting is not None:
        same_year = onset.earliest[:4] == lifting.latest[:4]
        return (
            Part("Between "),
            Part(dates_words(onset, year=not same_year), strong=True),
            Part(" and "),
            Part(dates_words(lifting), strong=True),
            Part(", on "),
        )
    if onset is not None:
        return Part("Since "), Part(dates_words(onset), strong=True), Part(", on ")
    if lifting is not None:
        return Part("Until "), Part(dates_words(lifting), strong=True), Part(", on ")
    return (Part("On "),)


def _deed(curfew: Curfew, name: str) -> tuple[Part, ...]:
    if curfew.state is State.BLOCKED:
        mostly = "mostly " if curfew.effect.in_window < _ALL_OF_THEM else ""
        return (Part(f" {name} {mostly}did not open"),)
    hit = _share_hit(curfew)
    if hit is not None and curfew.pattern is Pattern.WINDOW:
        share = Part(f"in {percent_words(hit)} of the measurements", strong=True)
        return (Part(f" {name} was slower than a third, or did not open, "), share)
    if curfew.slower_by is None:
        return (Part(f" {name} was slow"),)
    factor = factor_words(curfew.slower_by.median)
    slower = (Part(f" {name} was "), Part(f"{factor} times slower", strong=True))
    if hit is None:
        return slower
    return (*slower, Part(f" in {percent_words(hit)} of the measurements", strong=True))


def _share_hit(curfew: Curfew) -> float | None:
    """The share of the measurements that it hits, where that is a part of them.

    In certain hours: the middle one may be well. At all hours: only those at one rate are meant.
    """
    if curfew.state is not State.SLOWED:
        return None
    if curfew.pattern is Pattern.ALWAYS:
        rate = curfew.rate
        meant = rate is not None and curfew.effect.in_window == rate.share
        return rate.share if rate is not None and meant else None
    middle_is_slow = curfew.slower_by is not None and curfew.slower_by.low >= _SLOW_FACTOR
    if curfew.shares is None or middle_is_slow:
        return None
    return curfew.shares.failed + curfew.shares.slow


def _contrast(curfew: Curfew, name: str) -> tuple[Part, ...]:
    if curfew.state is State.BLOCKED:
        against = against_words(curfew)
        beside = f", {percent_words(curfew.effect.outside)} {against}" if against else ""
        said = [
            Part(": "),
            Part(percent_words(curfew.effect.in_window), strong=True),
            Part(f" of tests {wrong_words(curfew)}{beside}."),
        ]
    else:
        said = [Part(".")]
    if curfew.scope is Scope.TARGETED:
        said.append(
            Part(f" The same server under another name {_FARED[curfew.state is State.BLOCKED]}.")
            if curfew.isolated
            else Part(" Controls on the same network stayed well.")
        )
    elif curfew.scope is Scope.GENERALIZED:
        said.append(Part(" Other services fared the same at those hours."))
    elif curfew.scope is Scope.SERVER_SIDE:
        said.append(Part(" Other networks saw the same."))
    else:
        said.append(Part(f" Whether only {name} was affected cannot be told."))
    return tuple(said)


def _facts_without(finding: SeriesFinding) -> tuple[Fact, ...]:
    found = [
        Fact(
            nights_words(finding.nights_measured, "measured night"),
            count_words(finding.n, "measurement"),
        ),
    ]
    if finding.p_value is not None:
        chance = "how often chance alone gives a window as strong"
        found.append(Fact(f"p = {finding.p_value:.2g}", chance))
    found.append(Fact("no claim", finding.reason or "nothing stood out"))
    return tuple(found)


def _not_shown_without(finding: SeriesFinding, name: str) -> tuple[str, ...]:
    if finding.state is SeriesState.INSUFFICIENT:
        needs = "A pattern needs at least five nights, and hours outside the suspected window."
        return (f"That {name} is well, or that it is not. {needs}",)
    escapes = (
        "Stretches under half an hour, slowing by less than half, single evenings and hours that "
        "were not measured would all escape this search."
    )
    return (
        f"That {name} was well at all times. {escapes}",
        "Whether other lines and networks see the same.",
    )


def _effect_fact(curfew: Curfew) -> Fact:
    if curfew.slower_by is not None:
        low, high = factor_words(curfew.slower_by.low), factor_words(curfew.slower_by.high)
        figure = f"{factor_words(curfew.slower_by.median)}× slower"
        return Fact(figure, f"between {low} and {high} times")
    if curfew.state is State.BLOCKED:
        return _failing_fact(curfew)
    return Fact(_of_nights(curfew, "night"), count_words(curfew.n, "measurement"))


def _failing_fact(curfew: Curfew) -> Fact:
    effect, against = curfew.effect, against_words(curfew)
    figure = f"{percent_words(effect.in_window)} {wrong_words(curfew)}"
    if not against:
        return Fact(figure, "day by day more than chance alone gives")
    interval = ""
    if effect.low is not None and effect.high is not None:
        interval = f"; difference {percent_words(effect.low)} to {percent_words(effect.high)}"
    return Fact(figure, f"{percent_words(effect.outside)} {against}{interval}")


def _ends_words(window: Window) -> str:
    (a, b), (c, d) = window.start_interval, window.end_interval
    return f"starts {a} – {b}, ends {c} – {d}"


def _done(curfew: Curfew) -> str:
    if curfew.state is State.BLOCKED:
        return "did not open"
    return "slowed" if curfew.state is State.SLOWED else str(curfew.state)


def _of_nights(curfew: Curfew, unit: str) -> str:
    """Of waves the counts are of their own nights, which the words say."""
    of = "of their" if len(curfew.episodes) > 1 else "of"
    return f"{curfew.nights_seen} {of} {nights_words(curfew.nights_measured, unit)}"


def _exception_words(exception: str) -> str:
    """Exceptions begin with a date; what follows it is the finding's own clause."""
    head, _, rest = exception.partition(" ")
    return f"{date_words(head)} {rest}".strip()


def _sentence(clause: str) -> str:
    clause = clause.strip()
    return clause[:1].upper() + clause[1:] + ("" if clause.endswith(".") else ".")
