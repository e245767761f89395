"""Observations → `infer.series.Series`, one a network and service.

The SQL of `query` makes the rows; here they are cut into series and given their basis: pairs where
there is one, else the difference to concurrent controls, else the target's own level. Rows of a
weaker kind do not speak in a series of a stronger one: beside pairs, visits do not speak either.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from evenfall.infer.series import Basis, Series
from evenfall.store.query import CONCURRENT_US, SERIES_SQL

__all__ = ["load_series"]

_RATIO = """
CREATE OR REPLACE TEMP MACRO ratio(target_bps, control_bps) AS CASE
  WHEN target_bps IS NULL OR control_bps IS NULL THEN NULL
  WHEN target_bps = 0 AND control_bps = 0 THEN NULL
  WHEN target_bps = 0 THEN '-inf'::DOUBLE
  ELSE ln(target_bps) - ln(greatest(control_bps, 1)) END
"""
_MIX = ("software", "target", "resolver")
Frame = dict[str, npt.NDArray[Any]]


def load_series(
    connection: duckdb.DuckDBPyConnection, rows: str, shares: Sequence[tuple[str, int]], zone: str
) -> list[Series]:
    """All series of the rows that the SQL `rows` selects.

    Args:
        connection: an engine.
        rows: SQL that selects observations.
        shares: (import id, share_over in millionths).
        zone: time zone of observations that carry none.
    """
    connection.execute(_RATIO)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW observations AS {rows}")
    connection.register(
        "imports",
        {
            "import_id": np.array([import_id for import_id, _ in shares] or [""], dtype=object),
            "share_over_ppm": np.array([share for _, share in shares] or [0], dtype=np.int64),
        },
    )
    try:
        frame = connection.execute(
            SERIES_SQL, {"zone": zone, "concurrent_us": CONCURRENT_US}
        ).fetchnumpy()
    finally:
        connection.unregister("imports")
    return [_series(part) for part in _groups(frame)]


def _groups(frame: Frame) -> Iterator[Frame]:
    keys = ("service", "network", "timezone", "simulated")
    rows = len(frame["service"])
    if not rows:
        return
    changed = np.zeros(rows - 1, dtype=bool)
    for key in keys:
        column = np.asarray(frame[key])
        changed |= column[1:] != column[:-1]
    edges = [0, *(np.flatnonzero(changed) + 1).tolist(), rows]
    for start, end in itertools.pairwise(edges):
        yield {name: column[start:end] for name, column in frame.items()}


def _series(part: Frame) -> Series:
    floats = {name: _floats(part[name]) for name in ("pair_x", "null_x", "control_x", "own_x")}
    basis, log_ratio = _basis(floats)
    failed = _floats(part["failed"])
    speaks = ~(np.isnan(failed) & np.isnan(log_ratio))
    archive = np.asarray(part["archive"], dtype=bool)
    verified = np.asarray(part["verified"], dtype=bool)
    if archive.any():
        # The archive's clock lets its rows in; our own unverified ones must not slip in with them.
        speaks &= archive | verified
    line = _texts(part["line"])
    return Series(
        service=str(part["service"][0]),
        network=str(part["network"][0]),
        timezone=str(part["timezone"][0]),
        basis=basis,
        started_us=np.asarray(part["started_us"], dtype=np.int64)[speaks],
        failed=failed[speaks],
        log_ratio=log_ratio[speaks],
        null_log_ratio=floats["null_x"][speaks],
        control_failed=_floats(part["control_failed"])[speaks],
        control_log_goodput=_floats(part["control_speed"])[speaks],
        line=None if line is None else line[speaks],
        clock_verified=verified[speaks],
        archive_clock=bool(archive.any()),
        simulated=bool(part["simulated"][0]),
        target_bps=_floats(part["target_bps"])[speaks],
        control_bps=_floats(part["control_bps"])[speaks],
        mix={name: told[speaks] for name in _MIX if (told := _texts(part[name])) is not None},
    )


def _basis(floats: dict[str, npt.NDArray[np.float64]]) -> tuple[Basis, npt.NDArray[np.float64]]:
    if not np.isnan(floats["pair_x"]).all():
        return Basis.PAIRS, floats["pair_x"]
    if not np.isnan(floats["control_x"]).all():
        return Basis.CONTROL_DIFFERENCE, floats["control_x"]
    return Basis.UNPAIRED, floats["own_x"]


def _floats(column: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan)


def _texts(column: npt.NDArray[Any]) -> npt.NDArray[np.object_] | None:
    gone = np.ma.getmaskarray(column)
    if gone.all():
        return None
    texts = np.array(np.ma.getdata(column), dtype=object)
    texts[gone] = None
    return texts
