"""Rows of the answer on the screen."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from evenfall.cli.check_output import _ground_rows


@pytest.mark.parametrize(("listed", "words"), [(0, "none listed"), (3, "none of 3 answers")])
def test_no_neutral_site(listed: int, words: str) -> None:
    """A list without controls is not the same as controls that do not answer."""
    ground = SimpleNamespace(sites=(), line_bps=None, attempts=(), line_slow=False)
    result = SimpleNamespace(judged=SimpleNamespace(ground=ground))
    assert [row[-1] for row in _ground_rows(result, listed)] == [words]
