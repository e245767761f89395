"""A fixed threshold: hours whose median is below half of the rest of the day's.

The rule that every speed-test log is read with: an evening counts as slowed if its median is less
than half of the day's. There is no publication to follow; it is what a careful reader of a table
does without statistics.

How it is carried over, each choice in its favour:
    Not one evening against one day, but each hour of the day against all other hours, over all
    nights together: the window need not lie in the evening, and one bad night decides nothing.
    The median is that of the ratio to the concurrent control, not of the speed, so an evening that
    is slow for everybody is not called slowed.
    A failed transfer counts as the slowest.
    Hours with fewer than `ROWS_MIN` rows are not judged.

What it does not do: ask how many nights there are, or how sure it is.
"""

from __future__ import annotations

import math

import numpy as np

from evenfall.lab.peers.given import HOURS, Given

__all__ = ["fixed_threshold_hours"]

HALF = math.log(2.0)
ROWS_MIN = 5


def fixed_threshold_hours(seen: Given) -> frozenset[int]:
    """Local hours whose median is below half of that of the other hours."""
    return frozenset(hour for hour in range(HOURS) if _below_half(seen, hour))


def _below_half(seen: Given, hour: int) -> bool:
    inside = seen.hour == hour
    if np.count_nonzero(inside) < ROWS_MIN or inside.all():
        return False
    return bool(np.median(seen.x[inside]) < np.median(seen.x[~inside]) - HALF)
