"""Kept rows of a table → columns of observations: a test, a transfer, and one more per control.

An index in place of a speed is a transfer of the target `SERVICE/index`, so that nobody takes its
numbers for bit/s.

All facts of a row share its record id, and its round, so that the store can set the target's
transfer against the controls' of the same occasion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evenfall.archive.columns import ObservationColumns
from evenfall.archive.goodput import goodput_column
from evenfall.archive.mapping import INDEX_UNIT, TableMap
from evenfall.model.vocabulary import ClockState, Fact, Provenance, Role

__all__ = ["INDEX_WHAT", "TABLE_WHAT", "build_facts"]

TABLE_WHAT = "table"  # the second half of a target id: service/table
INDEX_WHAT = "index"  # the same where the numbers are no speeds

Fields = dict[str, list[Any]]


def build_facts(
    plan: TableMap, fields: Fields, ids: Sequence[str], repeats: Sequence[int]
) -> ObservationColumns:
    """The observations of one batch.

    Args:
        plan: the map.
        fields: the file's columns, and ours with @, of the rows that are kept.
        ids: record id of each row.
        repeats: how often each row was seen before in its file.
    """
    common = _common(plan, fields, ids, repeats)
    parts: list[Fields] = []
    if plan.failure is not None:
        parts.append(_test(plan, common, fields))
    if plan.goodput is not None:
        what = INDEX_WHAT if plan.goodput.unit == INDEX_UNIT else TABLE_WHAT
        columns = [plan.goodput.target, *plan.goodput.controls]
        for number, column in enumerate(columns):
            role = Role.CONTROL if number else Role.TARGET
            parts.append(_transfer(common, fields, (column, what), len(parts), role))
    return _join(parts)


def _common(plan: TableMap, fields: Fields, ids: Sequence[str], repeats: Sequence[int]) -> Fields:
    rows = len(ids)
    group = plan.failure.group if plan.failure else ""
    return {
        "record": list(ids),
        "provenance": [str(Provenance.IMPORT)] * rows,
        "service": fields["@service"],
        "network": fields["@network"],
        "line": fields["@line"],
        "software": fields["@software"],
        "resolver": fields["@resolver"],
        "timezone": fields["@timezone"],
        "started_us": fields["@started_us"],
        "clock": [str(ClockState.ARCHIVE)] * rows,
        "local_date": fields["@local_date"],
        "local_hour": fields["@local_hour"],
        "round_id": fields[group] if group else list(ids),
        "repeat": list(repeats),
    }


def _test(plan: TableMap, common: Fields, fields: Fields) -> Fields:
    rows = len(common["record"])
    endpoint = plan.failure.endpoint if plan.failure else ""
    return common | {
        "observation_id": [f"{record}/0" for record in common["record"]],
        "fact": [str(Fact.TEST)] * rows,
        "role": [str(Role.TARGET)] * rows,
        "target": [f"{service}/{TABLE_WHAT}" for service in common["service"]],
        "endpoint": fields[endpoint] if endpoint else [None] * rows,
        "failure": fields["@failure"],
    }


def _transfer(
    common: Fields, fields: Fields, measured_as: tuple[str, str], index: int, role: Role
) -> Fields:
    """Of one column; `measured_as` is its name and the second half of its target's id."""
    column, what = measured_as
    rows = len(common["record"])
    services = common["service"] if role is Role.TARGET else [column] * rows
    part = common | {
        "observation_id": [f"{record}/{index}" for record in common["record"]],
        "fact": [str(Fact.TRANSFER)] * rows,
        "role": [str(role)] * rows,
        "service": services,
        "target": [f"{service}/{what}" for service in services],
        "goodput_bps": fields[goodput_column(column)],
    }
    measured = [row for row, value in enumerate(part["goodput_bps"]) if value is not None]
    if len(measured) < rows:
        part = {name: [values[row] for row in measured] for name, values in part.items()}
    return part


def _join(parts: Sequence[Fields]) -> ObservationColumns:
    rows = sum(len(part["record"]) for part in parts)
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in dict.fromkeys(name for part in parts for name in part if name != "record"):
        values: list[Any] = []
        for part in parts:
            values += part.get(name) or [None] * len(part["record"])
        columns[name] = _array(values)
    return ObservationColumns(rows=rows, columns=columns)


def _array(values: list[Any]) -> npt.NDArray[Any]:
    known = next((value for value in values if value is not None), None)
    if isinstance(known, int):
        mask = [value is None for value in values]
        numbers = np.array([0 if value is None else value for value in values], dtype=np.int64)
        return np.ma.masked_array(numbers, mask=mask)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
