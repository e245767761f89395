"""What the paired transfers of a target say in one clause."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from evenfall.infer.finding import PairView


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (0, "no paired transfer was made"),
        (1, "1 paired transfer leaves it open"),
        (2, "2 paired transfers leave it open"),
    ],
)
def test_one_transfer_is_one(n: int, words: str) -> None:
    """Singular and plural, noun and verb."""
    assessment = SimpleNamespace(n_pairs=n, decision=None)
    pairs = PairView(pairs=(), intercepted=(), assessment=assessment)
    assert pairs.says == words
