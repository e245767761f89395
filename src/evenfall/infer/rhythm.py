"""The daily and weekly rhythm of an index: what people do, taken out before hours are compared.

A volume of traffic is low at four in the morning because people sleep, not because anybody slowed
anything; a speed has no such excuse. So for a series that is an index (a volume, a share, a count)
an hour is set against the *same* hour of the same weekday on other dates, never against other
hours. A curfew that began or ended within the data still shows; one that held throughout is part of
the rhythm, and nothing can be said of it from the index alone.

Rules:
    The usual value of an hour of a weekday is the median, over its dates, of row − its day's level
    (`daily.py`), of the dates within eight weeks: rhythms change with the season and with the
    clocks. Where a weekday has fewer than four dates, all weekdays together stand for it.

What it does not do: holidays, which are days with another rhythm.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evenfall.infer.daily import day_medians
from evenfall.infer.series import Series

__all__ = ["is_index", "without_rhythm"]

_INDEX_ENDING = "/index"  # of a target, as the importer of tables names it
_NEAR_DAYS = 56
_DATES_MIN = 4
_HOURS = 24
_WEEK = 7
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


def is_index(series: Series) -> bool:
    """Whether the numbers are those of an index, and no speeds."""
    targets = series.mix.get("target")
    if targets is None or not targets.size:
        return False
    return all(isinstance(one, str) and one.endswith(_INDEX_ENDING) for one in set(targets))


def without_rhythm(day: _Ints, hour: _Ints, value: _Floats) -> _Floats:
    """The values with what is usual for their hour and weekday taken out.

    Args:
        day: shape (n,), local date, days since 1970-01-01; any order.
        hour: shape (n,), local hour, 0 … 23.
        value: shape (n,), natural logarithms; what is not finite stays as it is.
    """
    known = np.isfinite(value)
    if not known.any():
        return value
    days, level = day_medians(day[known], value[known])
    deviation = np.full(value.size, np.nan)
    deviation[known] = value[known] - level[np.searchsorted(days, day[known])]
    grid = _grid(days, day[known], hour[known], deviation[known])
    usual = np.zeros(value.size)
    usual[known] = _usual(days, grid)[np.searchsorted(days, day[known]), hour[known]]
    return np.asarray(value - usual)


def _grid(days: _Ints, day: _Ints, hour: _Ints, deviation: _Floats) -> _Floats:
    """Shape (days, 24): the median of each hour of each day, NaN where it was not measured."""
    grid = np.full((days.size, _HOURS), np.nan)
    cells, medians = day_medians(np.searchsorted(days, day) * _HOURS + hour, deviation)
    grid[cells // _HOURS, cells % _HOURS] = medians
    return grid


def _usual(days: _Ints, grid: _Floats) -> _Floats:
    """Shape (days, 24): what is usual around each date."""
    usual = np.zeros_like(grid)
    for place, date in enumerate(days):
        low, high = np.searchsorted(days, (date - _NEAR_DAYS, date + _NEAR_DAYS + 1))
        near = grid[low:high]
        same = near[days[low:high] % _WEEK == date % _WEEK]
        usual[place] = _hourly_medians(same, otherwise=_hourly_medians(near))
    return usual


def _hourly_medians(grid: _Floats, otherwise: _Floats | None = None) -> _Floats:
    """Median of each hour; 0, or `otherwise`, where it has too few dates."""
    dates = np.count_nonzero(~np.isnan(grid), axis=0)
    filled = np.where(dates > 0, grid, 0.0)
    least = _DATES_MIN if otherwise is not None else 1
    fallback = np.zeros(grid.shape[1]) if otherwise is None else otherwise
    return np.where(dates >= least, np.nanmedian(filled, axis=0), fallback)
