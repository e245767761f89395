"""What a method said of one world, held against its truth.

Rules:
    Innocent world: a false alarm is any claim on any series. Where the truth allows to say
    "undetermined", only a `targeted` one is (peers say no scope, so none of theirs is).
    Guilty world: found if *every* hit series got a claim of the right pattern, and, for a window,
    one whose minutes of the day have at least half in common with the true ones (Jaccard).
    Wrong is a claim on a series that is not hit, or one on a hit series that does not find it.
    What follows is counted on hit series that were found:
    Edges: the distance of each true edge from the nearest said one of its kind, and whether it
    lies in that one's interval. A method that says one window where there are two thus pays for it.
    Dates: onset and lifting. One that is in the data and in its interval is covered; one that is
    said where the data begin or end inside, or not said where it is in the data, is not. The error
    is the distance, in nights, from the middle of the interval.
    Episodes: right if there are as many as in truth and every dated end is within two nights.
    Scope: right if a slowing or block by name that pairs show is called `targeted`; where there are
    no pairs there is nothing to be right about.

What it does not do: look at states, mechanisms or rates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from evenfall.lab.nights import Hit, NightTruth
from evenfall.lab.scoring.hours import Span, apart_min, in_common, is_between, span_of
from evenfall.lab.scoring.said import Said
from evenfall.model.curfew import Instants, Spell

__all__ = ["IN_COMMON_MIN", "Outcome", "finds", "outcome", "unfound"]

IN_COMMON_MIN = 0.5
_NIGHTS_OFF_MAX = 2


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One method on one world.

    Attributes:
        found: None in an innocent world.
        wrong: of a guilty world: it claims what is not there as well, or instead.
        edge_errors_min: one for each true edge of the windows that were found.
        edges, edges_covered: those with an interval, and those within it.
        date_errors: nights, one for each onset and lifting that is both true and said.
        dates, dates_covered: those true or said, and those within their interval.
        all_episodes_right: found, and the episodes of every hit series are right.
        episodes, scopes, weekdays: hit series that were found, and how many of them are right.
    """

    false_alarm: bool = False
    found: bool | None = None
    wrong: bool = False
    edge_errors_min: tuple[int, ...] = ()
    edges: int = 0
    edges_covered: int = 0
    date_errors: tuple[int, ...] = ()
    dates: int = 0
    dates_covered: int = 0
    episodes: int = 0
    episodes_right: int = 0
    all_episodes_right: bool = False
    scopes: int = 0
    scopes_right: int = 0
    weekdays: int = 0
    weekdays_right: int = 0


def outcome(truth: NightTruth, said: Sequence[Said]) -> Outcome:
    """Hold all claims of one method against what is true."""
    if truth.innocent:
        may = truth.may_say == "undetermined"
        return Outcome(false_alarm=any(bool(one.targeted) or not may for one in said))
    found = _found(truth, said)
    dates = [pair for hit, one in found if one.dated for pair in _dates(hit, one)]
    counted = [is_in for is_in, _ in dates]
    edges = [edge for hit, one in found for edge in _edges(hit, one)]
    intervals = [covered for _, covered in edges if covered is not None]
    episodes = [_episodes_right(hit, one) for hit, one in found if one.dated]
    scoped = [one.targeted for _, one in found if one.targeted is not None]
    scopes = scoped if truth.basis == "pairs" else []
    weekly = [one.weekdays == hit.weekdays for hit, one in found if one.weekdays is not None]
    return Outcome(
        found=len(found) == len(truth.hits),
        wrong=len(said) > len(found),
        edge_errors_min=tuple(error for error, _ in edges),
        edges=len(intervals),
        edges_covered=sum(intervals),
        date_errors=tuple(error for _, error in dates if error is not None),
        dates=len(counted),
        dates_covered=sum(counted),
        episodes=len(episodes),
        episodes_right=sum(episodes),
        all_episodes_right=sum(episodes) == len(truth.hits),
        scopes=len(scopes),
        scopes_right=sum(scopes),
        weekdays=len(weekly),
        weekdays_right=sum(weekly),
    )


def finds(truth: NightTruth, said: Sequence[Said]) -> bool:
    """Whether every hit series was found."""
    return len(_found(truth, said)) == len(truth.hits)


def unfound(truth: NightTruth, said: Sequence[Said]) -> list[Hit]:
    """The hit series that were not found."""
    found = [hit for hit, _ in _found(truth, said)]
    return [hit for hit in truth.hits if hit not in found]


def _found(truth: NightTruth, said: Sequence[Said]) -> list[tuple[Hit, Said]]:
    by_series = {(one.service, one.network): one for one in said}
    pairs = [(hit, by_series.get((hit.service, hit.network))) for hit in truth.hits]
    return [(hit, one) for hit, one in pairs if one is not None and _is_right(hit, one)]


def _is_right(hit: Hit, one: Said) -> bool:
    if hit.pattern == "always" or one.always:
        return one.always and hit.pattern == "always"
    return in_common(_true_spans(hit), one.spans) >= IN_COMMON_MIN


def _true_spans(hit: Hit) -> list[Span]:
    return [span_of(start, end) for start, end in hit.windows]


def _edges(hit: Hit, one: Said) -> list[tuple[int, bool | None]]:
    """Of each true edge: minutes to the nearest said one of its kind; in its interval, or None."""
    true = [(kind, edge) for span in _true_spans(hit) for kind, edge in enumerate(span)]
    return [_edge(kind, edge, one) for kind, edge in true]


def _edge(kind: int, true: int, one: Said) -> tuple[int, bool | None]:
    distances = [apart_min(span[kind], true) for span in one.spans]
    place = distances.index(min(distances))
    covered = is_between(true, *one.intervals[place][kind]) if one.intervals else None
    return distances[place], covered


def _dates(hit: Hit, one: Said) -> list[tuple[bool, int | None]]:
    """Of onset and lifting, where there is one in truth or one was said: covered, and the error."""
    first, last = hit.episodes[0][0], hit.episodes[-1][1]
    began = None if first is None else _day(first)
    lifted = None if last is None else _day(last) + 1
    pairs = ((began, one.onset), (lifted, one.lifting))
    return [_date(day, near) for day, near in pairs if day is not None or near is not None]


def _date(day: int | None, near: Instants | None) -> tuple[bool, int | None]:
    if day is None or near is None:
        return False, None
    low, high = _day(near.earliest), _day(near.latest)
    return low <= day <= high, abs(2 * day - low - high) // 2


def _episodes_right(hit: Hit, one: Said) -> bool:
    said = one.episodes
    if not said:
        return len(hit.episodes) == 1
    if len(said) != len(hit.episodes):
        return False
    return all(_near(true, spell) for true, spell in zip(hit.episodes, said, strict=True))


def _near(true: tuple[str | None, str | None], spell: Spell) -> bool:
    ends = zip(true, (spell.first, spell.last), strict=True)
    return all(t is None or abs(_day(t) - _day(s)) <= _NIGHTS_OFF_MAX for t, s in ends)


def _day(date: str) -> int:
    return dt.date.fromisoformat(date).toordinal()
