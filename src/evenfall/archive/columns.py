"""Observations as columns: how many facts travel from a file to the store.

A struct a row would cost more than all the rest of an import; here a batch is one numpy array a
column. `from_observations` makes the same of structs, for those who have few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from evenfall.model.observation import Observation
from evenfall.model.schema import OBSERVATION_COLUMNS, Column

__all__ = ["ObservationColumns", "from_observations"]


@dataclass(frozen=True, kw_only=True)
class ObservationColumns:
    """A batch of observations.

    Attributes:
        rows: how many.
        columns: name → shape (rows,); text as object arrays with None for null, numbers and
            booleans as masked arrays (masked: null), lists as their JSON text. A column that is
            missing is null throughout.
    """

    rows: int
    columns: Mapping[str, npt.NDArray[Any]]


def from_observations(observations: Sequence[Observation]) -> ObservationColumns:
    """The same facts as columns; order is kept."""
    columns = {}
    for column in OBSERVATION_COLUMNS:
        values = [getattr(o, column.name) for o in observations]
        if any(value is not None for value in values):
            columns[column.name] = _array(column, values)
    return ObservationColumns(rows=len(observations), columns=columns)


_NUMBERS: dict[str, type[np.generic]] = {"BIGINT": np.int64, "BOOLEAN": np.bool_}


def _array(column: Column, values: list[Any]) -> npt.NDArray[Any]:
    if kind := _NUMBERS.get(column.sql_type):
        mask = [value is None for value in values]
        numbers = np.array([0 if value is None else value for value in values], dtype=kind)
        return np.ma.masked_array(numbers, mask=mask)
    array = np.empty(len(values), dtype=object)
    if column.sql_type.endswith("[]"):
        array[:] = [None if v is None else msgspec.json.encode(v).decode() for v in values]
    else:
        array[:] = [None if value is None else str(value) for value in values]
    return array
