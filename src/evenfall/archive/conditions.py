"""What a condition means for columns of text: three truth values, as in SQL.

Fields are text or empty; an empty field is null. A comparison with null is unknown, `not` leaves
unknown unknown, `and` is the smallest and `or` the largest of false < unknown < true (Kleene 1938,
ISO/IEC 9075). A constant number compares with the number that the field's text is; a text that is
no plain decimal number makes the comparison unknown, where SQL would stop with an error. `like` and
`<` on texts go by code point.

Every predicate looks at one field alone, so its answers are remembered by value: a column with few
distinct values costs one dictionary look-up a row.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from evenfall.archive.grammar import And, Compare, Expression, In, IsNull, Like, Not, Or

__all__ = ["FALSE", "TRUE", "UNKNOWN", "evaluate"]

FALSE, UNKNOWN, TRUE = 0, 1, 2

Field = str | None
Truth = npt.NDArray[np.int8]

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_DECIMAL = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*\Z", re.ASCII)


def evaluate(expression: Expression, columns: Mapping[str, Sequence[Field]]) -> Truth:
    """Truth of `expression` for every row.

    Args:
        expression: a tree of `grammar.parse_condition`.
        columns: name → fields, all equally long; must hold every column of the expression.

    Returns:
        shape (rows,), int8 of FALSE, UNKNOWN, TRUE.
    """
    match expression:
        case And(operands):
            return reduce(np.minimum, [evaluate(o, columns) for o in operands])
        case Or(operands):
            return reduce(np.maximum, [evaluate(o, columns) for o in operands])
        case Not(operand):
            return (TRUE - evaluate(operand, columns)).astype(np.int8)
        case _:
            answers = _Remembered(_predicate(expression))
            column = columns[expression.column]
            return np.fromiter((answers[field] for field in column), np.int8, len(column))


class _Remembered(dict[Field, int]):
    """Answers of a predicate by field; bounded by the rows of one batch."""

    def __init__(self, predicate: Callable[[str], int]) -> None:
        super().__init__({None: UNKNOWN, "": UNKNOWN})
        self._predicate = predicate
        if isinstance(predicate, _Empty):
            self.update({None: TRUE, "": TRUE})

    def __missing__(self, field: str) -> int:
        answer = self[field] = self._predicate(field)
        return answer


class _Empty:
    """`is null`: the one predicate that is true of an empty field."""

    def __call__(self, _field: str) -> int:
        return FALSE


def _predicate(leaf: Compare | In | Like | IsNull) -> Callable[[str], int]:
    match leaf:
        case IsNull():
            return _Empty()
        case Like(_, pattern):
            parts = ("." if c == "_" else ".*" if c == "%" else re.escape(c) for c in pattern)
            compiled = re.compile("".join(parts), re.DOTALL)
            return lambda field: TRUE if compiled.fullmatch(field) else FALSE
        case Compare(_, sign, constant):
            return _comparison(sign, constant)
        case In(_, constants):
            equals = [_comparison("=", constant) for constant in constants]
            return lambda field: max(equal(field) for equal in equals)


def _comparison(sign: str, constant: str | float) -> Callable[[str], int]:
    compare = _COMPARISONS[sign]
    if isinstance(constant, str):
        return lambda field: TRUE if compare(field, constant) else FALSE

    def numeric(field: str) -> int:
        if not _DECIMAL.match(field):
            return UNKNOWN
        return TRUE if compare(float(field), constant) else FALSE

    return numeric
