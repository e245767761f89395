"""From the store to the tables that are exported: observations, nights, network-hours, findings.

Every table ends as one SQL relation on the store's engine, with the columns of `export_fields` in
their order, so that CSV and Parquet hold the same rows and memory stays bounded. What the estimator
judged (nights, hours) comes from the same series and steps as the carpet; the engine groups it.

Rules.
- A row of the network-hours rests on at least `lines_min` lines where lines can be told apart; rows
  that rest on fewer are left out and counted. Our own measurements without a line are one line.
  Rows of the generator need no protection.
- Observations of a service come with the other arms of its pairs, and without repeats.
- Nothing finer than the network is exported; pseudonyms of lines only where asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

from evenfall.infer.carpet import axis_for, inside_of, local_minutes, steps_of
from evenfall.infer.localtime import EARLIEST_US, LATEST_US, load_zone
from evenfall.infer.night_list import nights_of
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.series import Basis
from evenfall.model.errors import FormatError
from evenfall.report.export_fields import (
    NETWORK_HOURS,
    NIGHTS,
    Field,
    observation_fields,
)
from evenfall.report.export_sql import HOURS_SQL, NIGHTS_SQL, OBSERVATIONS_SQL, SURVEY_SQL
from evenfall.report.subject import Judged
from evenfall.report.zone_changes import offset_text, offsets

__all__ = [
    "LINES_MIN",
    "Survey",
    "Table",
    "hour_table",
    "night_table",
    "observation_table",
    "survey",
    "who_of",
]

LINES_MIN = 3
"""Lines on which a network-hour rests, or it is left out (CONTRACTS, k)."""

_DAY_MIN, _NOON_H = 1440, 12
_HOUR_US, _MINUTE_US = 3_600_000_000, 60_000_000
_Frame = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Table:
    """A relation to be exported.

    Attributes:
        title: for the dictionary.
        fields: its columns, in order.
        sql: selects them.
        parameters: of the SQL.
        frames: name → columns that the SQL reads.
        left_out_sql: counts the rows that are left out for resting on too few lines; may be empty.
    """

    title: str
    fields: tuple[Field, ...]
    sql: str
    parameters: dict[str, Any] = field(default_factory=dict)
    frames: dict[str, _Frame] = field(default_factory=dict)
    left_out_sql: str = ""

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> str:
        """Make the relation on an engine that holds the view `observations`; returns its name."""
        for name, frame in self.frames.items():
            connection.register(name, frame)
        typed = ", ".join(f'CAST("{f.name}" AS {f.sql_type}) AS "{f.name}"' for f in self.fields)
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE exported AS SELECT {typed} FROM ({self.sql})",  # noqa: S608  (names and SQL of our own)
            self.parameters,
        )
        return "exported"

    def left_out(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Rows that rest on too few lines; after `prepare`."""
        if not self.left_out_sql:
            return 0
        found = connection.execute(self.left_out_sql, self.parameters).fetchall()
        return int(found[0][0])


class Survey(NamedTuple):
    """What there is of one service in one zone.

    Attributes:
        zone: IANA name.
        first_us, last_us: first and last stamp, µs since 1970.
    """

    service: str
    zone: str
    simulated: bool
    first_us: int
    last_us: int


def survey(connection: duckdb.DuckDBPyConnection, *, zone: str) -> list[Survey]:
    """What observations there are, by service: the one look at all files before the export.

    Args:
        connection: holds the view `observations`.
        zone: of observations that carry none.
    """
    found = connection.execute(SURVEY_SQL, {"zone": zone}).fetchall()
    return [Survey(*row) for row in found]


def observation_table(
    there: Sequence[Survey], *, kinds: set[bool], services: Sequence[str], zone: str, lines: bool
) -> Table:
    """One row an observation.

    Args:
        there: from `survey`.
        kinds: True for simulated ones, False for measured ones.
        services: only these, with the other arms of their pairs; empty: all.
        zone: of observations that carry none.
        lines: with the pseudonyms of lines.
    """
    return Table(
        title="Observations",
        fields=observation_fields(lines=lines),
        sql=OBSERVATIONS_SQL,
        parameters={
            "zone": zone,
            "services": list(services),
            "all": not services,
            "kinds": sorted(kinds),
        },
        frames={"zone_steps": _zone_steps(there)},
    )


def night_table(judged: Sequence[Judged]) -> Table:
    """One row a series and night."""
    return Table(
        title="Nights",
        fields=NIGHTS,
        sql=NIGHTS_SQL,
        frames={
            "series_names": _names(judged),
            "series_rows": _rows(judged, [_axis_h(one) for one in judged]),
            "curfew_nights": _curfew_nights(judged),
        },
    )


def hour_table(judged: Sequence[Judged], *, lines_min: int = LINES_MIN) -> Table:
    """One row a network, service and local hour of a night, on enough lines."""
    kept = "simulated OR n_lines IS NULL OR n_lines >= $lines_min"
    return Table(
        title="Network-hours",
        fields=NETWORK_HOURS,
        sql=f"SELECT * FROM ({HOURS_SQL}) WHERE {kept} ORDER BY service, network, hour_start_utc",  # noqa: S608  (SQL of our own)
        parameters={"lines_min": lines_min},
        frames={
            "series_names": _names(judged),
            "series_rows": _rows(judged, [_NOON_H] * len(judged)),
        },
        left_out_sql=f"SELECT count(*) FROM ({HOURS_SQL}) WHERE NOT ({kept})",  # noqa: S608  (SQL of our own)
    )


def who_of(judged: Judged) -> dict[str, Any]:
    """The columns that every table of series has."""
    series = judged.series
    return {
        "service": series.service,
        "network": series.network,
        "simulated": series.simulated,
        "timezone": series.timezone,
        "basis": str(series.basis),
    }


def _axis_h(judged: Judged) -> int:
    return axis_for(judged.curfew.windows if judged.curfew is not None else ())


def _names(judged: Sequence[Judged]) -> _Frame:
    who = [who_of(one) for one in judged]
    texts = ("service", "network", "timezone", "basis")
    return {
        "series": np.arange(len(judged), dtype=np.int64),
        "simulated": np.array([row["simulated"] for row in who], dtype=bool),
        "has_hours": np.array([bool(one.curfew and one.curfew.windows) for one in judged], bool),
        **{name: np.array([row[name] for row in who], dtype=object) for name in texts},
    }


def _rows(judged: Sequence[Judged], axes_h: Sequence[int]) -> _Frame:
    """All measurements of all series, with their step, ratio and place on the local clock."""
    parts = [_part(i, one, axis) for i, (one, axis) in enumerate(zip(judged, axes_h, strict=True))]
    if not parts:
        return _part_of_nothing()
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _part(number: int, judged: Judged, axis_h: int) -> _Frame:
    series = judged.series
    possible = (series.started_us >= EARLIEST_US) & (series.started_us < LATEST_US)
    outside = ~inside_of(series, judged.curfew.windows if judged.curfew is not None else ())
    at, local = series.started_us[possible], local_minutes(series)[possible]
    return {
        "series": np.full(at.size, number, dtype=np.int64),
        "night": (local - axis_h * 60) // _DAY_MIN,
        "hour_start_us": at // _MINUTE_US * _MINUTE_US - local % 60 * _MINUTE_US,
        "offset_s": local * 60 - at // _MINUTE_US * 60,
        "local_hour": local % _DAY_MIN // 60,
        "step": steps_of(series, outside=outside)[possible].astype(np.int64),
        "ratio": _ratio(judged, outside)[possible],
        "line": _lines(judged)[possible],
    }


def _part_of_nothing() -> _Frame:
    whole = ("series", "night", "hour_start_us", "offset_s", "local_hour", "step")
    return {
        **{name: np.zeros(0, dtype=np.int64) for name in whole},
        "ratio": np.zeros(0),
        "line": np.zeros(0, dtype=object),
    }


def _ratio(judged: Judged, outside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Target ÷ what it is compared with; NaN where no speed is known."""
    series = judged.series
    log_ratio = series.log_ratio
    if series.basis is Basis.UNPAIRED:
        finite = np.isfinite(log_ratio)
        own = log_ratio[finite & outside] if (finite & outside).any() else log_ratio[finite]
        log_ratio = log_ratio - (np.median(own) if own.size else 0.0)
    with np.errstate(over="ignore"):
        ratio = np.exp(log_ratio)
    return np.where(np.isfinite(ratio), ratio, np.nan)


def _lines(judged: Judged) -> npt.NDArray[np.object_]:
    """Which line each measurement is of, None where that is not told."""
    series = judged.series
    is_own = not series.simulated and not series.archive_clock
    unknown = "own" if is_own else None
    lines = np.full(series.started_us.size, unknown, dtype=object)
    if series.line is not None:
        told = np.array([line is not None for line in series.line], dtype=bool)
        lines[told] = series.line[told]
    return lines


def _curfew_nights(judged: Sequence[Judged]) -> _Frame:
    found = [
        (number, (night.date.toordinal() - 719_163), night.seen)
        for number, one in enumerate(judged)
        if one.curfew is not None
        for night in nights_of(one.series, one.curfew, NIGHTLY_2026)
    ]
    series, day, seen = zip(*found, strict=True) if found else ((), (), ())
    return {
        "series": np.array(series, dtype=np.int64),
        "night": np.array(day, dtype=np.int64),
        "seen": np.array(seen, dtype=bool),
    }


def _zone_steps(there: Sequence[Survey]) -> _Frame:
    """Offsets of all zones in the observations, each with the instant from which it holds."""
    steps = []
    for name in sorted({one.zone for one in there}):
        first_us = min(one.first_us for one in there if one.zone == name)
        last_us = max(one.last_us for one in there if one.zone == name)
        try:
            known = offsets(load_zone(name), first_us // 1_000_000, last_us // 1_000_000)
        except FormatError:
            continue  # a zone that nobody knows has no local time
        steps += [(name, s.at_s * 1_000_000, s.offset_s, offset_text(s.offset_s)) for s in known]
    names, at, seconds, texts = zip(*steps, strict=True) if steps else ((), (), (), ())
    return {
        "zone": np.array(names, dtype=object),
        "from_us": np.array(at, dtype=np.int64),
        "offset_s": np.array(seconds, dtype=np.int64),
        "offset_text": np.array(texts, dtype=object),
    }
