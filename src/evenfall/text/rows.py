"""Words of the rows: one for each rung of "is it me?", one for each service and each way to it.

A row is a mark and a few words: ✔ as it should be, ▼ slow, ✖ out of reach, ? not known. A row never
says why; that is what the sentences under it are for (`text.check`).
"""

from __future__ import annotations

from typing import NamedTuple

from evenfall.model.saying import Saying, say
from evenfall.model.verdict import Rung, Verdict, Way
from evenfall.model.vocabulary import Direction, RungName, RungState, State, Transport
from evenfall.text.words import service_words, speed_words

__all__ = [
    "PairFigures",
    "mark_of",
    "row_words",
    "rung_mark",
    "rung_name_words",
    "target_words",
    "way_name_words",
    "way_words",
    "ways_that_differ",
]

UNKNOWN = "?"
_ERROR_STATUS = 400
_MARKS = {State.OK: "✔", State.SLOWED: "▼", State.BLOCKED: "✖", State.DOWN: "✖"}
_RUNG_MARKS = {RungState.HOLDS: "✔", RungState.BROKEN: "▼"}
_RUNGS = {
    RungName.DEVICE: say("your device"),
    RungName.WIFI: say("to the router"),
    RungName.LINE: say("your line"),
    RungName.NEUTRAL_SITES: say("neutral sites"),
    RungName.DOMESTIC_SITES: say("domestic sites"),
    RungName.SERVICE: say("the service"),
}
_WAY_STATES = {
    State.OK: say("opens"),
    State.SLOWED: say("slow"),
    State.BLOCKED: say("does not open"),
    State.DOWN: say("does not work"),
}


class PairFigures(NamedTuple):
    """How our own server fared.

    Attributes:
        neutral_bps: median speed under a neutral name.
        slower: pairs in which the target's name was slower by ×1/1.5 or more.
        total: pairs that count.
    """

    neutral_bps: float
    slower: int
    total: int


def rung_name_words(name: RungName) -> Saying:
    """What a rung is called at the beginning of its row."""
    return _RUNGS[name]


def rung_mark(rung: Rung) -> str:
    """✔ holds, ▼ broken, ? not tested."""
    return _RUNG_MARKS.get(rung.state, UNKNOWN)


def mark_of(verdict: Verdict | Way) -> str:
    """✔ fine, ▼ slow, ✖ out of reach, ? not known."""
    return _MARKS.get(verdict.state, UNKNOWN)


def target_words(verdict: Verdict) -> str:
    """What a target is called: the service, and which part of it where that is not the front."""
    what = verdict.target.split("/", 1)[1]
    name = service_words(verdict.service)
    if what == "front":
        return name
    if what == "app":
        return say("{service} (app)", service=name)
    return f"{name} ({what})"


def row_words(
    verdict: Verdict,
    *,
    target_bps: float | None,
    pairs: PairFigures | None,
    status: int | None = None,
) -> Saying:
    """What was found about one target, in a few words.

    Args:
        verdict: what was found.
        target_bps: best speed of its own page.
        pairs: how our server fared.
        status: HTTP status of its page; one of an error is said in place of "opens".
    """
    found = _state_words(verdict)
    if verdict.state is State.OK and status is not None and status >= _ERROR_STATUS:
        return say("answers with status {status}", status=status)
    by_pairs = verdict.state is State.SLOWED and verdict.isolated and pairs and pairs.total
    if verdict.state not in (State.OK, State.SLOWED) or target_bps is None:
        return _beside_pairs(found, pairs) if by_pairs and pairs else found
    speed = speed_words(target_bps)
    if by_pairs and pairs:
        return _beside_pairs(speed, pairs)
    return say("{speed}, {found}", speed=speed, found=found)


def _beside_pairs(found: Saying, pairs: PairFigures) -> Saying:
    return say(
        "{found}; same server, other name: {speed} ({slower} of {total})",
        found=found,
        speed=speed_words(pairs.neutral_bps),
        slower=pairs.slower,
        total=pairs.total,
    )


def _state_words(verdict: Verdict) -> Saying:
    if verdict.state is State.SLOWED and verdict.direction == (Direction.UPLOAD,):
        return say("slow when sending")
    return _WAY_STATES.get(verdict.state, say("not known"))


def ways_that_differ(verdict: Verdict) -> tuple[Way, ...]:
    """Ways that were tried and fared otherwise than the target as a whole."""
    told = (way for way in verdict.ways if way.state is not State.INSUFFICIENT)
    return tuple(way for way in told if way.state is not verdict.state)


def way_name_words(way: Way) -> Saying:
    """What a way is called: IP version and transport."""
    if way.transport is Transport.QUIC:
        return say("QUIC, IPv{family}", family=way.family)
    return say("IPv{family}", family=way.family)


def way_words(way: Way) -> Saying:
    """What was found on one way."""
    found = _WAY_STATES.get(way.state, say("not known"))
    if way.failure and way.state in (State.BLOCKED, State.DOWN):
        return say("{found} ({failure})", found=found, failure=way.failure)
    return found
