"""From when to when: episodes of nights, found together with the windows.

A curfew begins on some night and is lifted on another; the nights before and after say nothing
against it and must not be counted as "measured and clear". So the worth of a set of hours is not
the sum over all nights but the best sum over one or more *episodes* of consecutive nights:

    night gain    g = ln(π·e^S + 1 − π) with S the night's score, clipped; π = .8. A night that
                  was not measured has S = 0, so g = 0: missing is never counted as clear.
    episodes      the best path through two states, inside and outside, where every entry costs
                  ln 200. Four clear nights running (ln .2 each) are worth a second episode; one
                  or two missed nights are not. This is how waves become several episodes and four
                  years with gaps in the measuring stay one.
    dates         all onsets are weighed by exp(temper · Σ gain of the nights from there on); the
                  interval holds `edge_mass` of that, and reaches back over the nights nobody
                  measured. Where the first measured night is among the likely ones, the data begin
                  inside the curfew and the onset is not known.

An *onset* is the first date on which it held; a *lifting* is the first date on which it no longer
held. Both are given as the earliest and the latest such date.

The best path is Viterbi's, vectorised over everything but the nights.

What it does not do: look online as nights come in (that is a CUSUM, for `watch`).

Sources: METHOD 4 and 5; A. Viterbi, IEEE Trans. Inf. Theory 13 (1967).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from evenfall.infer.localtime import date_text
from evenfall.infer.profiles import NightlyProfile
from evenfall.model.curfew import Instants

__all__ = ["Episode", "best_value", "episodes", "lifting", "night_gain", "onset"]

_EXP_MAX = 60.0  # e⁶⁰ is safe in float32
_Floats = npt.NDArray[np.floating]
_Array = TypeVar("_Array", npt.NDArray[np.float32], npt.NDArray[np.float64])


@dataclass(frozen=True)
class Episode:
    """Indices of the first and the last night, both with evidence for the curfew."""

    first: int
    last: int


def night_gain(score: _Array, profile: NightlyProfile) -> _Array:
    """ln(π·e^S + 1 − π) of night scores of any shape, kept in their float type."""
    share, limit = profile.share_of_nights, profile.night_score_max
    clipped = np.clip(score, -limit, min(limit, _EXP_MAX))
    np.exp(clipped, out=clipped)
    clipped *= share
    clipped += 1.0 - share
    np.log(clipped, out=clipped)
    if limit > _EXP_MAX:  # there the gain grows as the score does, to the last digit
        clipped += np.clip(score, _EXP_MAX, limit) - _EXP_MAX
    return clipped


def best_value(gain: Iterable[_Floats], profile: NightlyProfile) -> _Floats:
    """Worth of the best episodes; nights come one by one, everything else is kept.

    Args:
        gain: an array of shape (nights, …), or at least one array of shape (…) after the other.
        profile: the constants.

    Returns:
        shape (…), at least 0 (no episode at all).
    """
    nights = iter(gain)
    first = np.asarray(next(nights))
    inside = np.atleast_1d(first - profile.gain_min)
    outside = np.zeros_like(inside)
    entered = np.empty_like(inside)
    for night in nights:
        np.maximum(outside, inside, out=entered)
        np.subtract(outside, profile.gain_min, out=outside)
        np.maximum(inside, outside, out=inside)
        inside += night
        outside, entered = entered, outside
    return np.asarray(np.maximum(inside, outside)).reshape(first.shape)


def episodes(gain: npt.NDArray[np.float64], profile: NightlyProfile) -> tuple[Episode, ...]:
    """The best episodes themselves, earliest first; gain has shape (nights,)."""
    inside, outside = -np.inf, 0.0
    stayed, left = [], []
    for value in gain:
        stays = inside >= outside - profile.gain_min
        leaves = inside > outside
        inside, outside = (
            max(inside, outside - profile.gain_min) + value,
            max(outside, inside),
        )
        stayed.append(stays)
        left.append(leaves)
    held = np.zeros(gain.size, dtype=bool)
    state = inside > outside
    for k in range(gain.size - 1, -1, -1):
        held[k] = state
        state = stayed[k] if state else left[k]
    return _trimmed(held, gain)


def _trimmed(held: npt.NDArray[np.bool_], gain: npt.NDArray[np.float64]) -> tuple[Episode, ...]:
    """Runs of held nights, cut back to nights that speak for the curfew."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], held.astype(np.int8), [0]))))
    found = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        hits = start + np.flatnonzero(gain[start:stop] > 0)
        if hits.size:
            found.append(Episode(first=int(hits[0]), last=int(hits[-1])))
    return tuple(found)


def onset(
    gain: npt.NDArray[np.float64],
    measured: npt.NDArray[np.bool_],
    day: npt.NDArray[np.int64],
    found: tuple[Episode, ...],
    profile: NightlyProfile,
) -> Instants | None:
    """Interval of the first date of the first episode; None if the data begin inside it.

    Args:
        gain: shape (nights,), the nights of the weekdays concerned, in order.
        measured: shape (nights,).
        day: shape (nights,), their dates.
        found: from `episodes`, at least one.
        profile: the constants.
    """
    index = np.flatnonzero(measured[: found[0].last + 1])
    worth = np.cumsum(gain[index][::-1])[::-1]
    likely = index[_credible(worth, profile)]
    if likely[0] == index[0]:
        return None
    before = index[np.searchsorted(index, likely[0]) - 1]
    return Instants(
        earliest=date_text(int(day[before]) + 1), latest=date_text(int(day[likely[-1]]))
    )


def lifting(
    gain: npt.NDArray[np.float64],
    measured: npt.NDArray[np.bool_],
    day: npt.NDArray[np.int64],
    found: tuple[Episode, ...],
    profile: NightlyProfile,
) -> Instants | None:
    """Interval of the first date after the last episode; None if the data end inside it."""
    first = found[-1].first
    index = first + np.flatnonzero(measured[first:])
    worth = np.cumsum(gain[index])
    likely = index[_credible(worth, profile)]
    if likely[-1] == index[-1]:
        return None
    after = index[np.searchsorted(index, likely[-1]) + 1]
    return Instants(earliest=date_text(int(day[likely[0]]) + 1), latest=date_text(int(day[after])))


def _credible(worth: npt.NDArray[np.float64], profile: NightlyProfile) -> npt.NDArray[np.int64]:
    """Places that together hold the mass, likeliest first, as a sorted list without holes."""
    weight = np.exp(profile.edge_temper * (worth - worth.max()))
    order = np.argsort(-weight, kind="stable")
    held = np.cumsum(weight[order]) / weight.sum()
    needed = order[: int(np.searchsorted(held, profile.edge_mass)) + 1]
    return np.arange(needed.min(), needed.max() + 1)
