"""The waves of a curfew, each with its own onset and lifting.

Several episodes of the same hours are one curfew (`episodes.py` finds them together with the
hours), but a reader asks of each when it began and when it ended. Each episode is looked at alone:
from the night after the one before it to the night before the next, so that a neighbour's nights
are never taken for its own.

What it does not do: find episodes, or judge whether two of them are one.

Source: METHOD 5 ("Waves are several episodes").
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from evenfall.infer.episodes import Episode, lifting, onset
from evenfall.infer.localtime import date_text
from evenfall.infer.profiles import NightlyProfile
from evenfall.model.curfew import Spell

__all__ = ["spells"]


def spells(
    gain: npt.NDArray[np.float64],
    measured: npt.NDArray[np.bool_],
    day: npt.NDArray[np.int64],
    found: tuple[Episode, ...],
    profile: NightlyProfile,
) -> tuple[Spell, ...]:
    """One spell for each episode, oldest first.

    Args:
        gain: shape (nights,), what each night of the weekdays concerned says, in order.
        measured: shape (nights,).
        day: shape (nights,), their dates.
        found: the episodes, as indices into these.
        profile: the constants.
    """
    if not found:
        return ()
    after = [0, *(one.last + 1 for one in found[:-1])]
    before = [*(one.first for one in found[1:]), gain.size]
    return tuple(
        _spell(gain[low:high], measured[low:high], day[low:high], _moved(one, low), profile)
        for one, low, high in zip(found, after, before, strict=True)
    )


def _moved(one: Episode, by: int) -> Episode:
    return replace(one, first=one.first - by, last=one.last - by)


def _spell(
    gain: npt.NDArray[np.float64],
    measured: npt.NDArray[np.bool_],
    day: npt.NDArray[np.int64],
    one: Episode,
    profile: NightlyProfile,
) -> Spell:
    held = measured[one.first : one.last + 1]
    dates = (gain, measured, day, (one,), profile)
    return Spell(
        first=date_text(int(day[one.first])),
        last=date_text(int(day[one.last])),
        onset=onset(*dates),
        lifting=lifting(*dates),
        nights_seen=int(np.count_nonzero(held & (gain[one.first : one.last + 1] > 0))),
        nights_measured=int(np.count_nonzero(held)),
    )
