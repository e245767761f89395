"""A digest of a series: the same measurements give the same 64 characters, in any order of rows."""

from __future__ import annotations

import hashlib
import math
from typing import Any

from evenfall.infer.series import Series
from evenfall.model.encoding import canonical_json

__all__ = ["series_digest"]


def series_digest(series: Series) -> str:
    """Hex SHA-256 over one canonical JSON line a measurement, sorted.

    A line holds service, network, zone, stamp in µs, and failed, ratio, neutral ratio and failed
    controls in millionths; what is not known is null, zero bytes are the text `-inf`.
    """
    head = canonical_json([series.service, series.network, series.timezone, str(series.basis)])
    columns = (series.failed, series.log_ratio, series.null_log_ratio, series.control_failed)
    lines = sorted(
        canonical_json([int(stamp), *(_millionths(float(v)) for v in values)])
        for stamp, *values in zip(series.started_us, *columns, strict=True)
    )
    return hashlib.sha256(b"\n".join([head, *lines])).hexdigest()


def _millionths(value: float) -> Any:
    if math.isnan(value):
        return None
    return round(value * 1e6) if math.isfinite(value) else str(value)
