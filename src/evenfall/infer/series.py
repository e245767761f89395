"""What the estimator of nights is given: one network × service as arrays.

Pure data. A series is made from observations by the store's queries; how rows were grouped into
tests and paired with controls has been decided before this point and is said in `basis`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

__all__ = ["Basis", "Series"]


class Basis(StrEnum):
    """What the scores rest on; it bounds the claim."""

    PAIRS = "pairs"  # same server, only the name differed: may set `isolated`
    CONTROL_DIFFERENCE = "control_difference"  # concurrent controls on the same network
    UNPAIRED = "unpaired"  # the target alone, against its own level out of the window (≤ L2)


@dataclass(frozen=True, kw_only=True)
class Series:
    """One network × service.

    Attributes:
        service, network, timezone: who and where; the zone is an IANA name.
        started_us: shape (n,), int64, µs since 1970 UTC, any order.
        failed: shape (n,), float64; 1 failed, 0 worked, NaN: this row says nothing about opening.
        log_ratio: shape (n,), float64; ln(target ÷ control goodput) (or ln of the target's own
            goodput if `basis` is UNPAIRED); NaN: no speed known. Zero bytes are −inf here and are
            clipped by the estimator, never dropped.
        null_log_ratio: shape (n,), float64; ln of a neutral/neutral pair of the same round, NaN
            where there is none; the noise of this line at that time.
        control_failed: shape (n,), float64; share of concurrent controls on the same network that
            failed, NaN: no control, or nothing about failing was measured of it.
        control_log_goodput: shape (n,), float64; how fast those controls were, ln from their own
            usual goodput, NaN: not known; None: of no row.
        line: shape (n,), object (str) or None where the archive does not tell lines apart.
        clock_verified: shape (n,), bool; rows with False are left out of windows unless
            `archive_clock`.
        archive_clock: the stamps are an archive's own; the claim says "clock not verified".
        simulated: made by the lab's generator: evidence of nothing, and every page says so.
        target_bps, control_bps: shape (n,), float64; the two speeds behind `log_ratio` in bit/s,
            NaN where not known; None: of no row.
        mix: for `software`, `target` and `resolver`: shape (n,), object (str or None), who
            measured what, and how. A name that is missing was told by no row.
    """

    service: str
    network: str
    timezone: str
    basis: Basis
    started_us: npt.NDArray[np.int64]
    failed: npt.NDArray[np.float64]
    log_ratio: npt.NDArray[np.float64]
    null_log_ratio: npt.NDArray[np.float64]
    control_failed: npt.NDArray[np.float64]
    line: npt.NDArray[np.object_] | None
    clock_verified: npt.NDArray[np.bool_]
    archive_clock: bool = False
    control_log_goodput: npt.NDArray[np.float64] | None = None
    simulated: bool = False
    target_bps: npt.NDArray[np.float64] | None = None
    control_bps: npt.NDArray[np.float64] | None = None
    mix: Mapping[str, npt.NDArray[np.object_]] = field(default_factory=dict)
