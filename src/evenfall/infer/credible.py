"""The dates, or places, that are likely enough to be named: a posterior cut at its mass.

Given the log worth of every possible place of a change, the weight of each is exp(temper · worth);
the temper below 1 stands for neighbours that hang together. The likeliest places are taken until
they hold the mass, and the range from the first to the last of them is the interval.

Source: METHOD 4 ("tempered posterior").
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evenfall.infer.localtime import date_text
from evenfall.model.curfew import Instants

__all__ = ["credible_days", "credible_places"]


def credible_places(
    worth: npt.NDArray[np.float64], *, temper: float, mass: float
) -> tuple[int, int]:
    """First and last index of the likeliest places that together hold the mass."""
    weight = np.exp(temper * (worth - worth.max()))
    order = np.argsort(-weight, kind="stable")
    held = np.cumsum(weight[order]) / weight.sum()
    needed = order[: int(np.searchsorted(held, mass)) + 1]
    return int(needed.min()), int(needed.max())


def credible_days(
    worth: npt.NDArray[np.float64],
    day: npt.NDArray[np.int64],
    before: int,
    *,
    temper: float,
    mass: float,
) -> Instants:
    """The first date of the new state, as an interval that reaches back over unmeasured days.

    Args:
        worth: shape (n,), of "the new state began on this measured day".
        day: shape (n,), those days, ascending.
        before: the measured day before the first of them.
        temper: see above.
        mass: see above.
    """
    first, last = credible_places(worth, temper=temper, mass=mass)
    previous = before if first == 0 else int(day[first - 1])
    return Instants(earliest=date_text(previous + 1), latest=date_text(int(day[last])))
