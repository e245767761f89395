"""Wehe's decision rule, carried over to many nights.

The published rule (`wehe.py`): the throughputs of the original and of the control transfer differ
if |area| is at least 0.5, or 0.3 above 10 Mbit/s, *and* a two-sample Kolmogorov–Smirnov test gives
p < 0.01; a run that does not say "no differentiation" is repeated, and the second result counts.

How it is carried over, each choice in its favour:
    A run is one hour of the day, its throughputs are those of all transfers of the series in that
    hour, many nights together. One transfer alone would convict or acquit by chance; pooled, the
    test has the independent samples that it assumes and that a single replay never gives it.
    The confirmation is the other half of the nights: dates are dealt alternately into two halves,
    and an hour is claimed if both say differentiation. An hour of an innocent line is thus claimed
    by noise one time in 10,000, which is kinder than a correction for 24 hours, and costs less
    power than Bonferroni's.
    Only hours in which the target is the *slower* one count; the client reports both.
    The control is the concurrent neutral transfer. Where nothing was measured beside the target, it
    is the target itself in all other hours.
    A failed transfer has throughput 0 and stays in the test. The client leaves zeros out, which are
    pauses within a transfer to it; here they are whole transfers, and without them an hour in which
    nine of ten fail would look even. Where only opening was tested, see `given.py`.

What it does not do: replay recorded applications, which is half of what Wehe is.

Sources: those of `wehe.py`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evenfall.lab.peers.given import HOURS, Given
from evenfall.lab.peers.wehe import AREA_MIN, AREA_MIN_FAST, FAST_BPS, P_MAX, ks_p_value

__all__ = ["wehe_hours"]

_Mask = npt.NDArray[np.bool_]


def wehe_hours(seen: Given) -> frozenset[int]:
    """Local hours that both halves of the nights call differentiated."""
    halves = _halves(seen)
    return frozenset(
        hour
        for hour in range(HOURS)
        if all(_slower(seen, half, seen.hour == hour) for half in halves)
    )


def _halves(seen: Given) -> tuple[_Mask, _Mask]:
    """Dates that were measured, dealt alternately."""
    _, place = np.unique(seen.day, return_inverse=True)
    return place % 2 == 0, place % 2 == 1


def _slower(seen: Given, half: _Mask, inside: _Mask) -> bool:
    known = ~np.isnan(seen.target_bps)
    original = seen.target_bps[half & inside & known]
    control = seen.control_bps[half & inside]
    if np.isnan(seen.control_bps).all():
        control = seen.target_bps[half & ~inside]
    control = control[~np.isnan(control)]
    if not original.size or not control.size:
        return False
    mean, fast = float(original.mean()), float(control.mean())
    area_min = AREA_MIN_FAST if fast > FAST_BPS else AREA_MIN
    if mean > fast * (1 - area_min) or fast <= 0:
        return False
    return ks_p_value(original.tolist(), control.tolist()) < P_MAX
