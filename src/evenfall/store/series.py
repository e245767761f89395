"""Observations → `infer.series.Series`, one a network and service.

The SQL of `query` makes the rows; here they are cut into series and given their basis: pairs where
there is one, else the difference to concurrent controls, else the target's own level. Rows of a
weaker kind do not speak in a series of a stronger one: beside pairs, visits do not speak either.

Networks are loaded a few at a time, so that memory is bounded by the largest network and by what
is returned; that is kept small by not holding a text twice and not spelling out unknown columns.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from evenfall.infer.series import Basis, Series
from evenfall.store.query import CONCURRENT_US, SERIES_SQL

__all__ = ["load_series", "parts_of"]

_PART_BYTES = 2_000_000  # of files; about 170,000 observations, which take 200 MB to work on

_RATIO = """
CREATE OR REPLACE TEMP MACRO ratio(target_bps, control_bps) AS CASE
  WHEN target_bps IS NULL OR control_bps IS NULL THEN NULL
  WHEN target_bps = 0 AND control_bps = 0 THEN NULL
  WHEN target_bps = 0 THEN '-inf'::DOUBLE
  ELSE ln(target_bps) - ln(greatest(control_bps, 1)) END
"""
_MIX = ("software", "target", "resolver")
Frame = dict[str, npt.NDArray[Any]]


def parts_of(files: Sequence[Path]) -> list[list[Path]]:
    """Files in parts that are loaded one after the other; a network's are never torn apart.

    Everything a series is compared with was measured on its own network, so a part needs nothing
    of another. Small networks share a part, since every part is asked for by a query of its own.
    """
    of_network: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        of_network[file.parent.name].append(file)
    parts: list[list[Path]] = [[]]
    filled = 0
    for own in of_network.values():
        size = sum(file.stat().st_size for file in own)
        if parts[-1] and filled + size > _PART_BYTES:
            parts.append([])
            filled = 0
        parts[-1] += own
        filled += size
    return parts


def load_series(
    connection: duckdb.DuckDBPyConnection,
    parts: Sequence[str],
    shares: Sequence[tuple[str, int]],
    zone: str,
) -> list[Series]:
    """All series of the rows that are selected, ordered by service and network.

    Args:
        connection: an engine.
        parts: SQL that selects observations; all those of a network are in one part.
        shares: (import id, share_over in millionths).
        zone: time zone of observations that carry none.
    """
    connection.execute(_RATIO)
    connection.register(
        "imports",
        {
            "import_id": np.array([import_id for import_id, _ in shares] or [""], dtype=object),
            "share_over_ppm": np.array([share for _, share in shares] or [0], dtype=np.int64),
        },
    )
    texts: dict[str, str] = {}
    try:
        found = [
            _series(part, texts)
            for rows in parts
            for part in _groups(_frame_of(connection, rows, zone))
        ]
    finally:
        connection.unregister("imports")
    return sorted(found, key=lambda one: (one.service, one.network, one.timezone, one.simulated))


def _frame_of(connection: duckdb.DuckDBPyConnection, rows: str, zone: str) -> Frame:
    connection.execute(f"CREATE OR REPLACE TEMP VIEW observations AS {rows}")
    known = {"zone": zone, "concurrent_us": CONCURRENT_US}
    return connection.execute(SERIES_SQL, known).fetchnumpy()


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


def _series(part: Frame, texts: dict[str, str]) -> Series:
    floats = {name: _floats(part[name]) for name in ("pair_x", "null_x", "control_x", "own_x")}
    basis, log_ratio = _basis(floats)
    failed = _floats(part["failed"])
    speaks = ~(np.isnan(failed) & np.isnan(log_ratio))
    archive = np.asarray(part["archive"], dtype=bool)
    verified = np.asarray(part["verified"], dtype=bool)
    if archive.any():
        # The archive's clock lets its rows in; our own unverified ones must not slip in with them.
        speaks &= archive | verified
    line = _texts(part["line"], texts)
    return Series(
        service=str(part["service"][0]),
        network=str(part["network"][0]),
        timezone=str(part["timezone"][0]),
        basis=basis,
        started_us=np.asarray(part["started_us"], dtype=np.int64)[speaks],
        failed=_small(failed[speaks]),
        log_ratio=_small(log_ratio[speaks]),
        null_log_ratio=_small(floats["null_x"][speaks]),
        control_failed=_small(_floats(part["control_failed"])[speaks]),
        control_log_goodput=_small(_floats(part["control_speed"])[speaks]),
        line=None if line is None else line[speaks],
        clock_verified=verified[speaks],
        archive_clock=bool(archive.any()),
        simulated=bool(part["simulated"][0]),
        target_bps=_small(_floats(part["target_bps"])[speaks]),
        control_bps=_small(_floats(part["control_bps"])[speaks]),
        mix={
            name: told[speaks] for name in _MIX if (told := _texts(part[name], texts)) is not None
        },
    )


def _small(column: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The column; where nothing is known, one NaN that stands for all of its rows."""
    if column.size and np.isnan(column).all():
        return np.broadcast_to(np.float64(np.nan), column.shape)
    return column


def _basis(floats: dict[str, npt.NDArray[np.float64]]) -> tuple[Basis, npt.NDArray[np.float64]]:
    if not np.isnan(floats["pair_x"]).all():
        return Basis.PAIRS, floats["pair_x"]
    if not np.isnan(floats["control_x"]).all():
        return Basis.CONTROL_DIFFERENCE, floats["control_x"]
    return Basis.UNPAIRED, floats["own_x"]


def _floats(column: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan)


def _texts(column: npt.NDArray[Any], known: dict[str, str]) -> npt.NDArray[np.object_] | None:
    """Equal texts are one object, over all series: the engine makes one for every row."""
    gone = np.ma.getmaskarray(column)
    if gone.all():
        return None
    told = [known.setdefault(text, text) for text in np.ma.getdata(column)[~gone].tolist()]
    texts = np.full(gone.size, None, dtype=object)
    texts[~gone] = told
    return texts
