"""Errors say what was expected, what was seen, where, and what to do."""

from __future__ import annotations

import inspect

import pytest

from evenfall.model import errors


def test_the_base_is_never_raised_itself() -> None:
    """Whoever raises must choose whose fault it is."""
    with pytest.raises(TypeError, match="named errors"):
        errors.EvenfallError(expected="a", seen="b", where="c", remedy="d")


@pytest.mark.parametrize("name", [n for n in errors.__all__ if n != "EvenfallError"])
def test_the_message_holds_all_four_parts(name: str) -> None:
    """Expected, seen, where and remedy all reach the reader."""
    cls = getattr(errors, name)
    if name == "MissingExtra":
        text = str(cls(command="evenfall analyze", extra="analysis", module="duckdb"))
        assert "evenfall[analysis]" in text
        return
    text = str(cls(expected="EXP", seen="SEEN", where="WHERE", remedy="DO."))
    assert all(part in text for part in ("EXP", "SEEN", "WHERE", "DO."))


def test_the_tree_is_drawn_in_the_docstring() -> None:
    """Every class stands in the module's picture of the tree."""
    picture = inspect.getdoc(errors) or ""
    for name in errors.__all__:
        assert name in picture
