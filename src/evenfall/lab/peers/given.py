"""What a peer is given of one series: rows in order of local time, cleaned as for Evenfall itself.

Rules:
    x is ln(target ÷ control), or ln from the target's own usual level where nothing was measured
    beside it; a transfer that failed, or brought no byte, is at the lowest value that Evenfall
    counts; a test of opening alone is 0 if it worked.
    Speeds are those of the two arms; a failed transfer has 0 bit/s. Where only opening was tested,
    a test that worked counts 1 bit/s, one that failed 0, and the control always 1: rules about
    throughput can then be applied at all.
    An hour counts from local midnight of 1970-01-01 on the wall's clock.

What it does not do: tell a peer the basis, the line, or who measured. None of them asks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.scores import Rows, usable_rows
from evenfall.infer.series import Series

__all__ = ["HOURS", "Given", "cells", "given"]

HOURS = 24
_SLOTS_PER_HOUR = 6

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Given:
    """Rows of one series; every array has shape (n,), in order of time.

    Attributes:
        day: local date, days since 1970-01-01.
        hour: of that date, 0 … 23.
        x: ln ratio, never NaN; see above.
        target_bps, control_bps: NaN where no speed was measured.
    """

    day: _Ints
    hour: _Ints
    x: _Floats
    target_bps: _Floats
    control_bps: _Floats


def given(series: Series) -> Given:
    """Clean a series as Evenfall does and forget what no peer asks for.

    Raises:
        FormatError: the zone is unknown.
    """
    rows = usable_rows(series, NIGHTLY_2026)
    failed = (rows.failed == 1.0) | rows.empty
    x = np.where(failed, NIGHTLY_2026.x_min, np.nan_to_num(rows.x, nan=0.0))
    target, control = _speeds(rows, failed)
    return Given(
        day=rows.day,
        hour=rows.slot // _SLOTS_PER_HOUR,
        x=np.maximum(x, NIGHTLY_2026.x_min),
        target_bps=target,
        control_bps=control,
    )


def _speeds(rows: Rows, failed: npt.NDArray[np.bool_]) -> tuple[_Floats, _Floats]:
    if np.isnan(rows.target_bps).all():
        return np.where(failed, 0.0, 1.0), np.ones(rows.n)
    return np.where(failed, 0.0, rows.target_bps), rows.control_bps


def cells(seen: Given, values: _Floats) -> tuple[_Ints, _Floats]:
    """Median of each hour that has rows: hours since 1970 (local), ascending, and the medians."""
    at = seen.day * HOURS + seen.hour
    ordered = values[np.lexsort((values, at))]
    hours, rows = np.unique(at, return_counts=True)
    first = np.cumsum(rows) - rows
    return hours, (ordered[first + (rows - 1) // 2] + ordered[first + rows // 2]) / 2
