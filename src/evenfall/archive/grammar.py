"""The closed grammar of a map file's `where` and `failed`: text in, a typed tree out.

A map file may come from anybody, so its conditions are never handed to a database. They are read
by this parser alone, and a condition can do nothing but compare columns with constants:

    condition  = conjunct { "or" conjunct }
    conjunct   = negation { "and" negation }
    negation   = "not" negation | "(" condition ")" | predicate
    predicate  = column ( "=" | "!=" | "<" | ">" | "<=" | ">=" ) constant
               | column [ "not" ] "in" "(" constant { "," constant } ")"
               | column [ "not" ] "like" string
               | column "is" [ "not" ] "null"
    column     = name | '"' any characters '"'        ("" inside stands for one ")
    constant   = 'text' | number                      ('' inside stands for one ')

Keywords may be written in any case; texts compare exactly. `conditions.evaluate` says what a tree
means, with SQL's three truth values. Not in it: arithmetic, functions, column against column.

Sources: precedence as in ISO/IEC 9075 (SQL), 6.39 <boolean value expression>.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from evenfall.model.errors import FormatError

__all__ = [
    "And",
    "Compare",
    "Expression",
    "In",
    "IsNull",
    "Like",
    "Not",
    "Or",
    "columns_in",
    "parse_condition",
]

_TEXT_LENGTH_MAX = 4096
_DEPTH_MAX = 50
_KEYWORDS = frozenset({"and", "or", "not", "in", "like", "is", "null"})
_OPERATORS = ("=", "!=", "<", ">", "<=", ">=")
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
      | (?P<string>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<word>[^\W\d]\w*)
      | (?P<operator>!=|<=|>=|=(?!=)|<(?!>)|>)
      | (?P<mark>[(),])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Compare:
    """`column operator constant`; a number compares as a number, a text as a text."""

    column: str
    operator: str
    constant: str | float


@dataclass(frozen=True, slots=True)
class In:
    """`column in (…)`."""

    column: str
    constants: tuple[str | float, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """`column like 'pattern'`: `%` is any text, `_` any one character, nothing escapes."""

    column: str
    pattern: str


@dataclass(frozen=True, slots=True)
class IsNull:
    """`column is null`: the field is empty."""

    column: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; unknown stays unknown."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    operands: tuple[Expression, ...]


Expression = Compare | In | Like | IsNull | Not | And | Or


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    offset: int


def parse_condition(text: str, *, where: str) -> Expression:
    """Read one condition.

    Args:
        text: at most 4,096 characters, at most 50 levels of nesting.
        where: the file and key it stands in, for messages.

    Raises:
        FormatError: with the offset (characters from 0) and what was expected there.
    """
    if len(text) > _TEXT_LENGTH_MAX:
        raise _error(where, _TEXT_LENGTH_MAX, "at most 4,096 characters", f"{len(text)} characters")
    parser = _Parser([*_tokens(text, where)], len(text), where)
    expression = parser.condition(depth=0)
    parser.expect_end()
    return expression


def columns_in(expression: Expression) -> tuple[str, ...]:
    """Names of the columns it reads, each once, in the order of their first use."""
    return tuple(dict.fromkeys(_columns(expression)))


def _columns(expression: Expression) -> Iterator[str]:
    match expression:
        case And(operands) | Or(operands):
            for operand in operands:
                yield from _columns(operand)
        case Not(operand):
            yield from _columns(operand)
        case _:
            yield expression.column


def _tokens(text: str, where: str) -> Iterator[_Token]:
    offset = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        if match is None:
            raise _unknown_character(text, offset, where)
        kind = match.lastgroup or ""
        if kind != "space":
            word = match.group()
            if kind == "word" and word.lower() in _KEYWORDS:
                kind, word = "keyword", word.lower()
            yield _Token(kind, word, offset)
        offset = match.end()


def _unknown_character(text: str, offset: int, where: str) -> FormatError:
    rest = text[offset : offset + 20]
    if rest[0] in "'\"":
        return _error(where, offset, f"a closing {rest[0]}", f"{rest!r} to the end")
    if rest.startswith(("==", "<>")):
        better = "=" if rest.startswith("==") else "!="
        return _error(where, offset, f"{better}", f"{rest[:2]}")
    return _error(
        where, offset, "a column, a 'text', a number, an operator or a parenthesis", repr(rest)
    )


def _error(where: str, offset: int, expected: str, seen: str) -> FormatError:
    return FormatError(
        expected=expected,
        seen=seen,
        where=f"{where}, offset {offset}",
        remedy="The grammar is in docs/import.md: = != < > <= >=, in, like, is null, and/or/not.",
    )


class _Parser:
    """Recursive descent over a list of tokens; every method consumes what it returns."""

    def __init__(self, tokens: list[_Token], length: int, where: str) -> None:
        self._tokens = tokens
        self._end = _Token("end", "the end", length)
        self._position = 0
        self._where = where

    def _peek(self) -> _Token:
        if self._position < len(self._tokens):
            return self._tokens[self._position]
        return self._end

    def _take(self) -> _Token:
        token = self._peek()
        self._position += 1
        return token

    def _accept(self, kind: str, text: str) -> bool:
        token = self._peek()
        if (token.kind, token.text) == (kind, text):
            self._position += 1
            return True
        return False

    def _failure(self, expected: str) -> FormatError:
        token = self._peek()
        seen = token.text if token.kind == "end" else repr(token.text)
        return _error(self._where, token.offset, expected, seen)

    def expect_end(self) -> None:
        if self._peek().kind != "end":
            raise self._failure("and, or, or the end")

    def condition(self, depth: int) -> Expression:
        if depth > _DEPTH_MAX:
            raise self._failure(f"at most {_DEPTH_MAX} levels of parentheses and not")
        operands = [self._conjunct(depth)]
        while self._accept("keyword", "or"):
            operands.append(self._conjunct(depth))
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _conjunct(self, depth: int) -> Expression:
        operands = [self._negation(depth)]
        while self._accept("keyword", "and"):
            operands.append(self._negation(depth))
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _negation(self, depth: int) -> Expression:
        if depth > _DEPTH_MAX:
            raise self._failure(f"at most {_DEPTH_MAX} levels of parentheses and not")
        if self._accept("keyword", "not"):
            return Not(self._negation(depth + 1))
        if self._accept("mark", "("):
            inside = self.condition(depth + 1)
            if not self._accept("mark", ")"):
                raise self._failure("and, or, or )")
            return inside
        return self._predicate()

    def _predicate(self) -> Expression:
        column = self._column()
        token = self._peek()
        if token.kind == "operator":
            self._position += 1
            return Compare(column, token.text, self._constant())
        if self._accept("keyword", "is"):
            negated = self._accept("keyword", "not")
            if not self._accept("keyword", "null"):
                raise self._failure("null" if negated else "null or not null")
            return Not(IsNull(column)) if negated else IsNull(column)
        negated = self._accept("keyword", "not")
        if self._accept("keyword", "in"):
            inside: Expression = In(column, self._constants())
        elif self._accept("keyword", "like"):
            inside = Like(column, self._pattern())
        else:
            raise self._failure(
                "in or like" if negated else f"one of {' '.join(_OPERATORS)} in like is"
            )
        return Not(inside) if negated else inside

    def _column(self) -> str:
        token = self._peek()
        if token.kind == "word":
            return self._take().text
        if token.kind == "quoted" and len(token.text) > 2:
            return self._take().text[1:-1].replace('""', '"')
        raise self._failure("a column name")

    def _constant(self) -> str | float:
        token = self._peek()
        if token.kind == "string":
            return _unquote(self._take().text)
        if token.kind == "number":
            return float(self._take().text)
        if (token.kind, token.text) == ("keyword", "null"):
            raise self._failure(
                "'text' or a number (a comparison with null is never true: use is null)"
            )
        raise self._failure("'text' in single quotes, or a number")

    def _constants(self) -> tuple[str | float, ...]:
        if not self._accept("mark", "("):
            raise self._failure("(")
        constants = [self._constant()]
        while self._accept("mark", ","):
            constants.append(self._constant())
        if not self._accept("mark", ")"):
            raise self._failure(", or )")
        return tuple(constants)

    def _pattern(self) -> str:
        if self._peek().kind != "string":
            raise self._failure("a 'pattern' in single quotes")
        return _unquote(self._take().text)


def _unquote(literal: str) -> str:
    return literal[1:-1].replace("''", "'")
