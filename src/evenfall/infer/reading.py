"""One series made ready for judging, or the reason why it cannot be judged.

"Insufficient" is a result and comes with a sentence. A series is insufficient if, after garbage
and unverified clocks were counted out,

    nothing is left;
    fewer than five nights were measured (counted from noon to noon and by calendar date, whichever
    is less: four evenings touch five dates);
    the day was not measured: rows in four different hours between 06 and 18, on five dates, are
    needed, or slow evenings cannot be told from a slow line;
    the controls failed nearly always: what fails beside them says nothing.

What it does not do: judge.

Source: METHOD 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.localtime import BINS_PER_DAY
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.scores import Rows, bin_scores, usable_rows
from evenfall.infer.search import Nights, lay_out
from evenfall.infer.series import Series
from evenfall.model.errors import FormatError

__all__ = ["Reading", "bins_of", "read"]

_PER_HOUR = BINS_PER_DAY // 24
_CONTROLS_DOWN = 0.8  # mean over a whole series; with fewer down, some of it can be judged


@dataclass(frozen=True)
class Reading:
    """A series in local time.

    Attributes:
        rows: usable rows; None if the zone is unknown.
        nights: the bins by date; None where `insufficient`.
        bins: day, slot and score of every measured bin.
        nights_measured: see above.
        insufficient: why it cannot be judged; empty if it can.
    """

    series: Series
    rows: Rows | None
    nights: Nights | None
    bins: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]
    nights_measured: int
    insufficient: str

    @property
    def n(self) -> int:
        """Usable rows."""
        return 0 if self.rows is None else self.rows.n


def read(series: Series, profile: NightlyProfile) -> Reading:
    """Score a series and lay it out; never raises for what the rows hold."""
    none = np.zeros(0, dtype=np.int64)
    bins = (none, none, np.zeros(0))
    try:
        rows = usable_rows(series, profile)
    except FormatError as error:
        return Reading(series, None, None, bins, 0, str(error))
    if rows.n == 0:
        return Reading(series, rows, None, bins, 0, _nothing_left(rows))
    measured = _nights(rows)
    reason = _too_little(rows, measured, profile)
    bins = bin_scores(rows, profile)
    nights = None if reason else lay_out(*bins)
    return Reading(series, rows, nights, bins, measured, reason)


def bins_of(
    series: Series, profile: NightlyProfile
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Bins scored as if there were no controls: did the target fail at all?"""
    return bin_scores(usable_rows(series, profile, against_controls=False), profile)


def _nothing_left(rows: Rows) -> str:
    left_out = []
    if rows.left_out_clock:
        left_out.append(f"{rows.left_out_clock} with an unverified clock")
    if rows.left_out_other:
        left_out.append(f"{rows.left_out_other} without a usable time or outcome")
    return "no usable rows" + (f" ({', '.join(left_out)})" if left_out else "")


def _nights(rows: Rows) -> int:
    by_date = np.unique(rows.day).size
    from_noon = np.unique((rows.day * BINS_PER_DAY + rows.slot - BINS_PER_DAY // 2) // BINS_PER_DAY)
    return min(by_date, from_noon.size)


def _too_little(rows: Rows, nights: int, profile: NightlyProfile) -> str:
    if nights < profile.nights_min:
        unit = "night" if nights == 1 else "nights"
        return f"{nights} {unit} measured; a pattern needs {profile.nights_min}"
    hour = rows.slot // _PER_HOUR
    by_day = (hour >= profile.daytime_from_h) & (hour < profile.daytime_to_h)
    hours, dates = np.unique(hour[by_day]).size, np.unique(rows.day[by_day]).size
    if hours < profile.daytime_hours_min or dates < profile.nights_min:
        return (
            f"daytime not measured: rows in {hours} different hours between "
            f"{profile.daytime_from_h:02d} and {profile.daytime_to_h:02d}, on {dates} dates; "
            f"{profile.daytime_hours_min} hours on {profile.nights_min} dates are needed"
        )
    known = ~np.isnan(rows.control)
    if 2 * np.count_nonzero(known) >= rows.n and rows.control[known].mean() >= _CONTROLS_DOWN:
        return f"the controls failed too ({rows.control[known].mean():.0%} of them, at all hours)"
    return ""
