"""How everything else on a network fared in the minutes in which one service was measured.

Rules:
    How the line itself fared is judged by what is known: the controls of that time against their
    own usual speed, else the neutral arms of the pairs against their own median on other days at
    any hour. Twice as slow is said to be slower; half of the controls failing, to be failing.

What it does not do. Tell congestion from anything else: it says how the rest fared, and no more.

Source: METHOD 3 (the controls' column).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.series import Series

__all__ = ["CONTROLS_FAILING", "LINE_SLOWER", "Line", "line_of", "median_of", "times_slower"]

LINE_SLOWER = 2.0
"""Controls this many times slower than usual are said to suffer too."""

CONTROLS_FAILING = 0.5
"""Half of the controls failing, and the failure of a target says nothing (`carpet`, rule 3)."""

_LOG_MAX = 50.0  # e⁵⁰ times: no measurement gives that
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Line:
    """How everything else on the network fared in the stretch.

    Attributes:
        slower_by: how many times slower than usual; None: not known.
        failed_share: share of concurrent controls that failed; None: none measured.
        against: `controls` (other sites) or `neutral` (the other arm of the pairs); None: nothing.
    """

    slower_by: float | None
    failed_share: float | None
    against: str | None

    @property
    def is_known(self) -> bool:
        """Whether anything beside the service was measured."""
        return self.slower_by is not None or self.failed_share is not None

    @property
    def suffered(self) -> bool:
        """The line or its controls fared badly too."""
        return (self.slower_by or 0.0) >= LINE_SLOWER or (
            self.failed_share or 0.0
        ) >= CONTROLS_FAILING


def line_of(series: Series, inside: npt.NDArray[np.bool_]) -> Line:
    """Judge what was measured beside a service in some of its rows, shape (n,)."""
    failed = _mean(series.control_failed[inside])
    if series.control_log_goodput is not None:
        now = median_of(_sane(series.control_log_goodput[inside]))
        if now is not None:
            usual = median_of(_sane(series.control_log_goodput[~inside])) or 0.0
            return Line(slower_by=times_slower(now, usual), failed_share=failed, against="controls")
    slower = _neutral_slower(series, inside)
    against = "neutral" if slower is not None else ("controls" if failed is not None else None)
    return Line(slower_by=slower, failed_share=failed, against=against)


def _neutral_slower(series: Series, inside: npt.NDArray[np.bool_]) -> float | None:
    """How many times slower the other arm was than in all other measurements."""
    if series.control_bps is None:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = np.where(series.control_bps > 0, np.log(series.control_bps), np.nan)
    now, usual = median_of(_sane(speed[inside])), median_of(_sane(speed[~inside]))
    return None if now is None or usual is None else times_slower(now, usual)


def _sane(values: _Floats) -> _Floats:
    return np.where(np.abs(values) <= _LOG_MAX, values, np.nan)


def _mean(values: _Floats) -> float | None:
    known = values[(values >= 0.0) & (values <= 1.0)]
    return float(known.mean()) if known.size else None


def median_of(values: _Floats) -> float | None:
    """Median of the known values; None where there is none."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else None


def times_slower(log_ratio: float | None, level: float) -> float | None:
    """How many times below `level` (ln) the ln of a ratio lies; None stays None."""
    return (
        None
        if log_ratio is None
        else float(np.exp(np.clip(level - log_ratio, -_LOG_MAX, _LOG_MAX)))
    )
