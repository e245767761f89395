"""One value a day from rows at any hours: the day's level, free of the day's and the week's rhythm.

Rules:
    A day's level is the median of its rows after each row's hour was allowed for, so that a day
    that was measured in the evening only, or twice as often then, is not a slow day.
    What an hour usually differs by is the median, over all rows of that hour, of row − its day's
    median: no level enters it, so a change of the level does not bend it.
    What a weekday usually differs by is the median, over its dates, of day − the median of the
    seven measured days around; where each weekday has three dates.

What it does not do: seasons, holidays.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["daily_levels", "day_medians"]

_WEEK = 7
_WEEKDAY_DATES_MIN = 3
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


def day_medians(day: _Ints, value: _Floats) -> tuple[_Ints, _Floats]:
    """The measured days, ascending, and the median of each; any order of rows, no NaN."""
    order = np.lexsort((value, day))
    days, first, count = np.unique(day[order], return_index=True, return_counts=True)
    sorted_values = value[order]
    if not days.size:
        return days, np.zeros(0)
    low = sorted_values[first + (count - 1) // 2]
    high = sorted_values[first + count // 2]
    return days, (low + high) / 2.0


def daily_levels(day: _Ints, hour: _Ints, value: _Floats) -> _Floats:
    """The level of each measured day, in order of the days.

    Args:
        day: shape (n,), any whole numbers.
        hour: shape (n,), 0 … 23.
        value: shape (n,), finite.
    """
    days, medians = day_medians(day, value)
    place = np.searchsorted(days, day)
    for _ in range(2):  # once more, with days that are no longer bent by their hours
        deviation = value - medians[place]
        hours, usual = day_medians(hour, deviation)
        _, medians = day_medians(day, value - usual[np.searchsorted(hours, hour)])
    return _without_week(days, medians)


def _without_week(days: _Ints, level: _Floats) -> _Floats:
    weekday = days % _WEEK
    if np.bincount(weekday, minlength=_WEEK).min() < _WEEKDAY_DATES_MIN:
        return level
    padded = np.pad(level, _WEEK // 2, mode="edge")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, _WEEK), axis=1)
    _, usual = day_medians(weekday, level - around)
    return np.asarray(level - usual[weekday])
