"""Conditions of a map file: what is read, what is refused and where, and what they mean.

DuckDB is the reference for meaning: the same condition is evaluated by it, as SQL over the same
columns, and must give the same three truth values.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfall.archive.conditions import FALSE, TRUE, UNKNOWN, evaluate
from evenfall.archive.grammar import (
    And,
    Compare,
    In,
    IsNull,
    Like,
    Not,
    Or,
    columns_in,
    parse_condition,
)
from evenfall.model.errors import FormatError

COLUMNS = ("a", "b", "c d")
WORDS = ("", "ok", "tcp", "a%b", "a_b", "it's", "é", "10", "9", "-1.5", "x\ny", "OK")


def parse(text: str):
    """A condition in a file called m.toml."""
    return parse_condition(text, where="m.toml, where")


# --- meaning, against DuckDB -----------------------------------------------------------------

fields = st.sampled_from([None, *WORDS[1:]])
texts = st.sampled_from(WORDS)
numbers = st.sampled_from([0.0, 9.0, 10.0, -1.5, 2.5e3])
patterns = st.lists(st.sampled_from(["%", "_", "a", "t", "k", "o", "."]), max_size=4).map("".join)
signs = st.sampled_from(["=", "!=", "<", ">", "<=", ">="])
columns = st.sampled_from(COLUMNS)
leaves = (
    st.builds(Compare, columns, signs, texts | numbers)
    | st.builds(In, columns, st.lists(texts | numbers, min_size=1, max_size=3).map(tuple))
    | st.builds(Like, columns, patterns)
    | st.builds(IsNull, columns)
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


def quoted(text: str) -> str:
    """A SQL text."""
    return "'" + text.replace("'", "''") + "'"


def constant_text(constant: str | float) -> str:
    """A constant as both grammars write it."""
    return quoted(constant) if isinstance(constant, str) else repr(constant)


def written(tree, *, sql: bool = False) -> str:
    """The tree as text: ours, or SQL in which a comparison with a number casts what it can."""

    def operand(column: str, constant: str | float) -> str:
        name = f'"{column}"'
        is_number = sql and not isinstance(constant, str)
        return f"TRY_CAST({name} AS DOUBLE)" if is_number else name

    match tree:
        case Compare(column, sign, constant):
            return f"{operand(column, constant)} {sign} {constant_text(constant)}"
        case In(column, constants) if sql:
            each = (f"{operand(column, c)} = {constant_text(c)}" for c in constants)
            return "(" + " OR ".join(each) + ")"
        case In(column, constants):
            return f'"{column}" in ({", ".join(constant_text(c) for c in constants)})'
        case Like(column, pattern):
            return f'"{column}" LIKE {quoted(pattern)}'
        case IsNull(column):
            return f'"{column}" IS NULL'
        case Not(inner):
            return f"NOT ({written(inner, sql=sql)})"
        case And(operands):
            return " AND ".join(f"({written(o, sql=sql)})" for o in operands)
        case Or(operands):
            return " OR ".join(f"({written(o, sql=sql)})" for o in operands)


@settings(max_examples=300, deadline=None)
@given(trees, st.lists(st.tuples(fields, fields, fields), min_size=1, max_size=8))
def test_a_condition_means_what_sql_means(tree, rows) -> None:
    """Any condition over any rows: true, false and unknown exactly as DuckDB says."""
    table = {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}
    ours = evaluate(parse(written(tree)), table).tolist()
    with duckdb.connect() as connection:
        connection.execute('CREATE TABLE t (n INT, a VARCHAR, b VARCHAR, "c d" VARCHAR)')
        connection.executemany(
            "INSERT INTO t VALUES (?, ?, ?, ?)", [(n, *row) for n, row in enumerate(rows)]
        )
        query = f"SELECT ({written(tree, sql=True)}) FROM t ORDER BY n"  # noqa: S608  (the test's)
        found = connection.execute(query)
        theirs = [row[0] for row in found.fetchall()]
    assert ours == [UNKNOWN if t is None else TRUE if t else FALSE for t in theirs]


@settings(max_examples=200, deadline=None)
@given(trees)
def test_written_and_read_again_is_the_same(tree) -> None:
    """The parser gives back the tree that was written, nesting and negation included."""
    assert parse(written(tree)) == tree


def test_an_empty_field_is_null() -> None:
    """A field of no characters, as CSV writes null, is unknown to every comparison."""
    table = {"a": ["", None, "x"]}
    assert evaluate(parse("a = 'x'"), table).tolist() == [UNKNOWN, UNKNOWN, TRUE]
    assert evaluate(parse("not a = 'x'"), table).tolist() == [UNKNOWN, UNKNOWN, FALSE]
    assert evaluate(parse("a is null"), table).tolist() == [TRUE, TRUE, FALSE]
    assert evaluate(parse("a is not null"), table).tolist() == [FALSE, FALSE, TRUE]


def test_like_goes_over_line_breaks_and_takes_nothing_else_literally() -> None:
    """% and _ stand for a line break too; everything a regular expression knows is just itself."""
    table = {"a": ["x\ny", "x.y", "xzy", "(x"]}
    assert evaluate(parse("a like 'x_y'"), table).tolist() == [TRUE, TRUE, TRUE, FALSE]
    assert evaluate(parse("a like '%y'"), table).tolist() == [TRUE, TRUE, TRUE, FALSE]
    assert evaluate(parse("a like 'x.y'"), table).tolist() == [FALSE, TRUE, FALSE, FALSE]
    assert evaluate(parse("a like '(%'"), table).tolist() == [FALSE, FALSE, FALSE, TRUE]


def test_no_rows_is_no_answers() -> None:
    """An empty batch gives an empty answer of the right type."""
    answer = evaluate(parse("a = 'x' and b > 3"), {"a": [], "b": []})
    assert answer.shape == (0,)
    assert answer.dtype == np.int8


def test_precedence_and_keywords_in_any_case() -> None:
    """`not` binds tighter than `and`, `and` tighter than `or`; keywords may shout."""
    tree = parse("a = '1' OR NOT b = '2' And c > 3")
    expected = Or(
        (Compare("a", "=", "1"), And((Not(Compare("b", "=", "2")), Compare("c", ">", 3))))
    )
    assert tree == expected
    assert columns_in(tree) == ("a", "b", "c")


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("", 0, "a column name"),
        ("a", 1, "in like is"),
        ("a == 'x'", 2, "expected =,"),
        ("a <> 'x'", 2, "expected !=,"),
        ("a = null", 4, "use is null"),
        ("a = x", 4, "'text' in single quotes, or a number"),
        ('a = "x"', 4, "'text' in single quotes, or a number"),
        ("'x' = a", 0, "a column name"),
        ("a = 'x", 4, "a closing '"),
        ("a in 'x'", 5, "expected ("),
        ("a in ('x' 'y')", 10, ", or )"),
        ("a in ()", 6, "a number"),
        ("a like 3", 7, "a 'pattern'"),
        ("a not = 'x'", 6, "in or like"),
        ("(a = 'x'", 8, "and, or, or )"),
        ("a = 'x')", 7, "the end"),
        ("a = 'x' b = 'y'", 8, "and, or, or the end"),
        ("a is not 'x'", 9, "expected null"),
        ("a = 1.2.3", 4, "a number"),
        ("a = 'x'; drop table t", 7, "a column"),
        ("lower(a) = 'x'", 5, "in like is"),
        ("a + 1 = 2", 2, "a column"),
    ],
)
def test_what_is_not_in_the_grammar_is_refused_at_its_place(text, offset, expected) -> None:
    """Every refusal names the offset and what was expected there."""
    with pytest.raises(FormatError) as refused:
        parse(text)
    assert f"offset {offset}:" in str(refused.value), str(refused.value)
    assert expected in str(refused.value), str(refused.value)
    assert "docs/import.md" in refused.value.remedy


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_never_crashes(text) -> None:
    """No text makes the parser raise anything but its own error."""
    try:
        parse(text)
    except FormatError as error:
        assert "offset" in error.where  # noqa: PT017  (either outcome is fine)


def test_nesting_and_length_are_limited() -> None:
    """A condition cannot exhaust the stack or the memory."""
    for deep in ("(" * 200 + "a = 'x'" + ")" * 200, "not " * 200 + "a = 'x'"):
        with pytest.raises(FormatError, match="at most 50 levels"):
            parse(deep)
    with pytest.raises(FormatError, match="4,096 characters"):
        parse("a = '" + "x" * 5000 + "'")
