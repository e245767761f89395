"""What was measured around one moment, as one paragraph.

Nothing here computes: every number comes in with the moment (`infer.moment`) and the finding. The
paragraph goes from what was measured to what it was compared with, then to what lies around it, and
ends with what it does not show.

Wording. One evening shows no pattern, and is never said to. "Targeted" is quoted from a finding
over many nights that covers the moment, and from nothing else; not where it went well then, and not
where everything else suffered at that very moment and nothing tells the two apart (only pairs do).
"""

from __future__ import annotations

from typing import NamedTuple

from evenfall.model.curfew import Curfew
from evenfall.model.vocabulary import Pattern, Scope
from evenfall.text.foreign import one_line
from evenfall.text.words import (
    count_words,
    date_words,
    factor_words,
    joined,
    nights_words,
    percent_words,
    speed_words,
    title_words,
    windows_words,
)

__all__ = ["FaredWords", "MomentWords", "clock_note", "nothing_words", "paragraph", "rests_on"]

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_AS_FAST_BELOW = 1.5  # the lowest step of the carpet
_SCOPES = {
    Scope.TARGETED: "targeted",
    Scope.GENERALIZED: "generalized: other services fared the same",
    Scope.SERVER_SIDE: "server_side: other networks saw the same",
    Scope.UNDETERMINED: "undetermined: whether only this service was affected cannot be told",
}


class FaredWords(NamedTuple):
    """How some measurements fared: the counts and medians of `infer.moment.Fared`."""

    n: int
    n_failed: int
    n_slow: int
    n_untold: int
    slower_by: float | None
    target_bps: float | None
    control_bps: float | None


class MomentWords(NamedTuple):
    """What a paragraph is made of.

    Attributes:
        service, network: ids.
        date: local, ISO; of the moment, or of the night.
        weekday: 0 = Monday.
        hours: `20:30 – 21:30`; for a night empty.
        from_noon: nights run from noon to noon; else days, from midnight.
        zone: IANA name, with its offset then: `Asia/Almaty, UTC+6`.
        basis: `pairs`, `control_difference` or `unpaired`.
        line_slower_by, controls_failed, line_against: how everything else fared.
        line_suffered: whether that is bad.
        tells_apart: whether the service's own trouble can be told from theirs.
        nights_same, nights_same_bad: other nights in the same hours.
        is_bad: at least half of it was slow or failed; of a night, in the hours found.
        bad_hours: of a night, what went wrong: `20:00 – 22:00`.
        in_window: whether some of it lies in the hours found.
        held: its date lies within an episode of what was found.
        curfew: of the same series, if one was found.
    """

    service: str
    network: str
    date: str
    weekday: int
    hours: str
    from_noon: bool
    zone: str
    basis: str
    there: FaredWords
    rest: FaredWords
    line_slower_by: float | None
    controls_failed: float | None
    line_against: str | None
    line_suffered: bool
    tells_apart: bool
    nights_same: int
    nights_same_bad: int
    is_bad: bool
    bad_hours: tuple[str, ...]
    in_window: bool
    held: bool
    curfew: Curfew | None


def paragraph(moment: MomentWords) -> str:
    """The paragraph about one service; something must have been measured."""
    said = [
        f"{_head(moment)}: {_counts(moment.there)}.",
        _speeds(moment),
        _beside(moment),
        _hours(moment),
        _rest(moment),
        _same(moment),
        _found(moment),
        _not_shown(moment),
    ]
    return " ".join(sentence for sentence in said if sentence)


def nothing_words(service: str, network: str, when: str, nearest: str) -> str:
    """Nothing was measured then, and when it was.

    Args:
        service: its id.
        network: on which.
        when: the stretch, as words.
        nearest: local stamp of the nearest measurement, with its zone; empty: there is none.
    """
    near = f" The nearest measurement is of {nearest}." if nearest else ""
    name = f"{one_line(title_words(service))} on {one_line(network)}"
    return f"{name}: nothing was measured {when}.{near} Not measured is not the same as well."


def clock_note(note: str, asked: str, zone: str) -> str:
    """What the zone's clock did at the reading that was asked for; empty if nothing."""
    if note == "skipped":
        return (
            f"{asked} does not exist in {zone}: the clock was put forward over it. What follows is "
            "about the moment of that change."
        )
    if note == "twice":
        return f"{asked} comes twice in {zone}: the clock was put back. Both passes are counted."
    return ""


def rests_on(ids: list[str], n_all: int) -> str:
    """The ids of the observations, and how many more there are."""
    if not n_all:
        return "Rests on no observation of this store by itself."
    more = f" and {n_all - len(ids):,} more (all with --json)" if n_all > len(ids) else ""
    return f"Rests on: {', '.join(ids)}{more}."


def _head(moment: MomentWords) -> str:
    day = f"{_WEEKDAYS[moment.weekday]} {date_words(moment.date)}"
    when = f"the night of {day}, noon to noon" if moment.from_noon else f"{day}, all day"
    if moment.hours:
        when = f"{day}, {moment.hours}"
    name = f"{one_line(title_words(moment.service))} on {one_line(moment.network)}"
    return f"{name}, {when} ({moment.zone})"


def _counts(there: FaredWords) -> str:
    measured = count_words(there.n, "measurement")
    untold = f", and {there.n_untold:,} that could not tell" if there.n_untold else ""
    if not there.n:
        return f"no measurement that could tell{untold}"
    if there.n_failed + there.n_slow == 0:
        return f"{measured}{untold}; none failed, none was three times slower or more"
    parts = []
    if there.n_failed:
        parts.append(f"{there.n_failed:,} did not open")
    if there.n_slow:
        parts.append(f"{there.n_slow:,} {'was' if there.n_slow == 1 else 'were'} slow")
    return f"{measured}{untold}; {' and '.join(parts)}"


def _speeds(moment: MomentWords) -> str:
    there = moment.there
    if there.slower_by is None:
        return ""
    than = {
        "pairs": "the same server under another name",
        "control_difference": "controls on other servers",
    }.get(moment.basis, "its own usual speed in this series")
    if there.target_bps is not None and there.control_bps is not None:
        figures = (
            f"Median {speed_words(there.target_bps)} against {speed_words(there.control_bps)} of "
            f"{than}"
        )
    elif there.target_bps is not None:
        figures = f"Median {speed_words(there.target_bps)}, compared with {than}"
    else:
        figures = f"Compared with {than}"
    factor = there.slower_by
    if factor >= _AS_FAST_BELOW:
        return f"{figures}: {factor_words(factor)} times slower."
    if factor <= 1 / _AS_FAST_BELOW:
        return f"{figures}: {factor_words(1 / factor)} times faster."
    return f"{figures}: about as fast."


def _beside(moment: MomentWords) -> str:
    """What else was measured on the network at that time."""
    failed, slower = moment.controls_failed, moment.line_slower_by
    if failed is None and slower is None:
        return "Nothing was measured beside it at that time."
    head = "Everything else suffered too: at" if moment.line_suffered else "Beside it, at"
    share = "none" if failed == 0 else percent_words(failed or 0.0)
    failing = "" if failed is None else f"{share} of the controls failed"
    if slower is None:
        return f"{head} the same time, {failing}."
    fast = "about as fast as usual"
    if slower >= _AS_FAST_BELOW:
        fast = f"{factor_words(slower)} times slower than usual"
    verb = "the other name was" if moment.line_against == "neutral" else "controls were"
    return f"{head} the same time, {verb} {fast}{f', and {failing}' if failing else ''}."


def _unit(moment: MomentWords) -> str:
    return "night" if moment.from_noon else "day"


def _hours(moment: MomentWords) -> str:
    if not moment.bad_hours:
        return ""
    return f"Slow or failed for the most part: {', '.join(moment.bad_hours)}."


def _rest(moment: MomentWords) -> str:
    rest = moment.rest
    if not moment.hours:
        return ""
    if not rest.n:
        return f"The rest of that {_unit(moment)} was not measured."
    bad = rest.n_failed + rest.n_slow
    return f"In the rest of that {_unit(moment)} {bad:,} of {rest.n:,} failed or were slow."


def _same(moment: MomentWords) -> str:
    if not moment.hours and not moment.in_window:
        return ""
    hours = "the same hours" if moment.hours else "the hours found"
    if not moment.nights_same:
        return f"No other {_unit(moment)} was measured in {hours}."
    others = nights_words(moment.nights_same, f"other measured {_unit(moment)}")
    return f"In {hours} it was slow or failed on {moment.nights_same_bad} of {others}."


def _found(moment: MomentWords) -> str:
    """What was found over many nights, if anything, and whether it may be quoted here."""
    curfew = moment.curfew
    if curfew is None:
        return "Over all nights together, no recurring hours were found for it."
    over = f"over many {_unit(moment)}s"
    scope = _SCOPES[curfew.scope]
    measured = nights_words(curfew.nights_measured, f"measured {_unit(moment)}")
    nights = f"{curfew.nights_seen} of {measured}"
    if not moment.held:
        return f"It lies outside the dates of what was found {over} ({_dates(curfew)})."
    if curfew.pattern is Pattern.ALWAYS:
        return f"Found {over}: {curfew.state} at all measured hours ({nights}; {scope})."
    hours = f"{windows_words(curfew.windows)}, {nights}"
    if not moment.in_window:
        return f"It lies outside the hours found {over} ({hours})."
    inside = f"It lies inside the hours found {over}"
    if not moment.is_bad:
        return f"{inside} ({hours}), but was not seen here."
    if not moment.tells_apart:
        rest = "what everything suffered on this occasion cannot be told from it"
        return f"{inside} ({hours}), but {rest}."
    return f"{inside}: {hours}, {scope}."


def _dates(curfew: Curfew) -> str:
    return joined([f"{date_words(e.first)} to {date_words(e.last)}" for e in curfew.episodes])


def _not_shown(moment: MomentWords) -> str:
    one = "One occasion shows no pattern."
    if moment.there.n == 1:
        one = "One measurement may be chance, and one occasion shows no pattern."
    if moment.line_suffered and not (moment.tells_apart and moment.is_bad):
        return f"Not shown: that this service fared worse than the rest; who did it, or why. {one}"
    return f"Not shown: who did it, or why. {one}"
