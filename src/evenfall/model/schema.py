"""Columns and data dictionary, derived from the structs; nothing is written down twice."""

from __future__ import annotations

import types
import typing
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from evenfall.model.observation import Observation

__all__ = ["OBSERVATION_COLUMNS", "Column", "columns_of"]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a table.

    Attributes:
        sql_type: DuckDB's (and so Parquet's) type.
        words: the closed vocabulary, if the column has one.
    """

    name: str
    sql_type: str
    nullable: bool
    description: str
    unit: str | None = None
    words: tuple[str, ...] = ()


def columns_of(struct: type[msgspec.Struct]) -> tuple[Column, ...]:
    """The columns of a struct, in field order.

    Raises:
        TypeError: a field's type has no column type; add it to `_sql_type`.
    """
    hints = typing.get_type_hints(struct, include_extras=True)
    return tuple(_column(name, hints[name]) for name in struct.__struct_fields__)


def _column(name: str, hint: Any) -> Column:
    inner, metas = _unwrap(hint)
    nullable = False
    if typing.get_origin(inner) in (typing.Union, types.UnionType):
        members = [m for m in typing.get_args(inner) if m is not type(None)]
        nullable = len(members) < len(typing.get_args(inner))
        inner, more = _unwrap(members[0])
        metas += more
    description = next((m.description for m in metas if m.description), "")
    unit = next((m.extra["unit"] for m in metas if m.extra and "unit" in m.extra), None)
    words = tuple(inner) if isinstance(inner, type) and issubclass(inner, StrEnum) else ()
    return Column(
        name=name,
        sql_type=_sql_type(inner),
        nullable=nullable,
        description=description,
        unit=unit,
        words=tuple(str(w) for w in words),
    )


def _unwrap(hint: Any) -> tuple[Any, list[msgspec.Meta]]:
    metas: list[msgspec.Meta] = []
    while typing.get_origin(hint) is Annotated:
        hint, *extra = typing.get_args(hint)
        metas += [m for m in extra if isinstance(m, msgspec.Meta)]
    return hint, metas


def _sql_type(inner: Any) -> str:
    if isinstance(inner, type):
        if issubclass(inner, bool):
            return "BOOLEAN"
        if issubclass(inner, int):
            return "BIGINT"
        if issubclass(inner, float):
            return "DOUBLE"
        if issubclass(inner, str):
            return "VARCHAR"
    if typing.get_origin(inner) is tuple:
        element, _ = _unwrap(typing.get_args(inner)[0])
        return _sql_type(element) + "[]"
    raise TypeError(f"no column type for {inner!r}")


OBSERVATION_COLUMNS: tuple[Column, ...] = columns_of(Observation)
