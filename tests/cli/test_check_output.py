"""Rows of the answer on the screen."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from evenfall.cli.check_output import _ground_rows


@pytest.mark.parametrize(
    ("listed", "unfinished", "words"),
    [
        (0, 0, "none listed"),
        (3, 0, "none of 3 answers"),
        (2, 1, "none of 2 answers, 1 not measured"),
        (0, 3, "not measured"),
    ],
)
def test_no_neutral_site(listed: int, unfinished: int, words: str) -> None:
    """No controls, controls that do not answer, and controls not measured are three things."""
    ground = SimpleNamespace(
        sites=(), line_bps=None, attempts=(), line_slow=False, listed=listed, unfinished=unfinished
    )
    result = SimpleNamespace(judged=SimpleNamespace(ground=ground))
    assert [row.words for row in _ground_rows(result)] == [words]
