"""On which days of the week: a set of weekdays other than "all" has to earn its place.

Rules:
    Tried are all, Mon–Fri, Sat–Sun and each single day; from four weeks on also Sun–Thu and
    Sat–Thu. A set is considered only if every weekday it leaves out was measured (inside the
    window) on at least two dates. It is taken only if it is worth more than "all" in its best
    episodes, if leaving those days out is worth at least ln 200 over all nights of the series, and
    if *it* is worth as much with p ≤ .01 when the dates' weekdays are permuted, each permutation
    with its own best episodes. The p is that of the set taken, not of the best of all sets: two or
    three of them can compete for the same nights, so a restriction that is not there is found in
    up to three of a hundred series, and then says too little, never too much.
    The permutation is the guard: in a long series the ln 200 come easily, from nights before the
    onset. (Within one episode of two weeks they could not come at all: two weekends are 4 · ln 5.)

How it works: the nights' gains are known once the window is; a set is a choice of nights, and the
worth of each choice under each permutation is one column of `episodes.best_value`. A night that is
not in the set counts like one that was not measured.

What it does not do: holidays, and rhythms longer than a week.

Source: METHOD 4.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evenfall.infer.episodes import best_value
from evenfall.infer.profiles import NightlyProfile

__all__ = ["EVERY_DAY", "best_weekdays", "candidate_sets"]

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
_SLACK = 1e-9
_ALWAYS_TRIED = ((0, 1, 2, 3, 4), (5, 6), *((day,) for day in range(7)))
_LONG_TRIED = ((0, 1, 2, 3, 6), (0, 1, 2, 3, 5, 6))


def candidate_sets(
    weekday: npt.NDArray[np.int64], weeks: float, profile: NightlyProfile
) -> tuple[tuple[int, ...], ...]:
    """Sets other than "all" that may be tried, given the weekdays of the measured dates."""
    counts = np.bincount(weekday, minlength=7)
    tried = _ALWAYS_TRIED + (_LONG_TRIED if weeks >= profile.weekday_long_weeks else ())
    return tuple(
        days
        for days in tried
        if all(counts[d] >= profile.weekday_days_min for d in EVERY_DAY if d not in days)
    )


def best_weekdays(
    gain: npt.NDArray[np.float64],
    measured: npt.NDArray[np.bool_],
    day: npt.NDArray[np.int64],
    weekday: npt.NDArray[np.int64],
    profile: NightlyProfile,
    rng: np.random.Generator,
) -> tuple[int, ...]:
    """The weekdays on which the window holds, 0 = Monday.

    Args:
        gain: shape (d,), what each date says.
        measured: shape (d,), whether it was measured inside the window.
        day: shape (d,), its number.
        weekday: shape (d,), 0 = Monday.
        profile: the constants.
        rng: source of the permutations.
    """
    gain, day, weekday = gain[measured], day[measured], weekday[measured]
    if gain.size == 0:
        return EVERY_DAY
    sets = candidate_sets(weekday, (int(day[-1]) - int(day[0]) + 1) / 7, profile)
    if not sets:
        return EVERY_DAY
    member = np.array([[d in days for d in EVERY_DAY] for days in sets])
    whole = float(best_value(gain, profile))
    worth = best_value(np.where(member[:, weekday].T, gain[:, None], 0.0), profile)
    best = int(np.argmax(worth))
    left_out = float(gain[~member[best][weekday]].sum())
    if worth[best] <= whole or -left_out < profile.gain_min:
        return EVERY_DAY
    p = _permuted_p(gain, weekday, member[best], float(worth[best]), profile, rng)
    return sets[best] if p <= profile.weekday_p_max else EVERY_DAY


def _permuted_p(
    gain: npt.NDArray[np.float64],
    weekday: npt.NDArray[np.int64],
    member: npt.NDArray[np.bool_],
    observed: float,
    profile: NightlyProfile,
    rng: np.random.Generator,
) -> float:
    """Share of permutations of the dates' weekdays in which the set is worth as much."""
    labels = rng.permuted(np.tile(weekday[:, None], (1, profile.weekday_permutations)), axis=0)
    worth = best_value(np.where(member[labels], gain[:, None], 0.0), profile)
    reached = int(np.count_nonzero(worth >= observed - _SLACK))
    return (reached + 1) / (profile.weekday_permutations + 1)
