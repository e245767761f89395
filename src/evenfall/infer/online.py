"""Night by night: when a curfew is said to have come, and when to have gone.

An archive is judged whole; whoever watches sees one night after the other and wants to be told once
when the hours begin to recur and once when they no longer do. For that every night is a hit (the
hours spoke for the curfew), a clear night, or was not measured.

Rules:
    coming  the evidence of a hit is ln(.8 ÷ .02), that of a clear night ln(.2 ÷ .98); they are
            added up, never falling below 0; "it has come" at ln 200. Two hits in three nights are
            enough, one is not, however long one waits.
    going   the same the other way round: "it has gone" at ln 200, which takes four clear nights,
            and more where hits lie between them.
    A night that was not measured changes nothing, in either state: missing is never clear.
    The first night of a rise that led to the change is the likely onset (or the likely first clear
    night); the night before the rise was at the latest one of the other state.

How it works: the cumulative sum of Page, restarted at each change of state. One pair of numbers is
the whole memory, so a state can be kept in a file and taken up again after years.

What it does not do: decide what a hit is (`search.night_scores` and `episodes.night_gain` do, a hit
is a night whose gain is above 0), or say from when to when for the record: that is `episodes.py`,
over all nights at once.

Sources: METHOD 5; E. Page, Biometrika 41 (1954); M. Reynolds and Z. Stoumbos, J. Quality Technology
31 (1999), for a Bernoulli variable.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from evenfall.infer.night_profiles import ONLINE_2026, OnlineProfile

__all__ = ["OnlineState", "Turn", "turns", "watch_night"]


@dataclass(frozen=True)
class OnlineState:
    """All that is remembered between nights.

    Attributes:
        held: it has come and not gone.
        evidence: ln likelihood ratio for the other state, at least 0.
        since: day of the first night of the present rise of the evidence; None: there is none.
    """

    held: bool = False
    evidence: float = 0.0
    since: int | None = None


@dataclass(frozen=True)
class Turn:
    """A change of state that was told.

    Attributes:
        held: True: it came; False: it went.
        since: the likely first night of the new state, days since 1970-01-01.
        told: the night on which the evidence sufficed.
    """

    held: bool
    since: int
    told: int


def watch_night(
    state: OnlineState, day: int, hit: bool | None, profile: OnlineProfile = ONLINE_2026
) -> tuple[OnlineState, Turn | None]:
    """One more night.

    Args:
        state: what is remembered.
        day: of the night, days since 1970-01-01; later than the one before.
        hit: whether the hours spoke for the curfew; None: not measured.
        profile: the constants.
    """
    if hit is None:
        return state, None
    gain = _gain(hit, profile)
    evidence = max(0.0, state.evidence + (-gain if state.held else gain))
    if evidence <= 0.0:
        return replace(state, evidence=0.0, since=None), None
    since = day if state.since is None else state.since
    if evidence < math.log(profile.threshold):
        return replace(state, evidence=evidence, since=since), None
    held = not state.held
    return OnlineState(held=held), Turn(held=held, since=since, told=day)


def turns(
    nights: Iterable[tuple[int, bool | None]], profile: OnlineProfile = ONLINE_2026
) -> tuple[Turn, ...]:
    """All changes of state over nights in order, beginning with none held."""
    state, told = OnlineState(), []
    for day, hit in nights:
        state, turn = watch_night(state, day, hit, profile)
        if turn is not None:
            told.append(turn)
    return tuple(told)


def _gain(hit: bool, profile: OnlineProfile) -> float:
    inside, outside = profile.hit_in, profile.hit_out
    if hit:
        return math.log(inside / outside)
    return math.log((1.0 - inside) / (1.0 - outside))
