"""Other services on the same network: clean, affected, alike, and what they stand for."""

from __future__ import annotations

import numpy as np
import pytest

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.siblings import NO_SIBLINGS, siblings_of


def of(*, own: float = 0.9, **shares: float):
    """Siblings with ten rows each, of which such a share went wrong."""
    flags = {name: np.arange(10) < round(10 * share) for name, share in shares.items()}
    return siblings_of(flags, own, NIGHTLY_2026)


@pytest.mark.parametrize(
    ("shares", "controls", "alike"),
    [
        ({}, False, False),
        ({"mail": 0.0}, False, False),
        ({"mail": 0.0, "news": 0.1}, True, False),
        ({"mail": 0.0, "news": 0.2, "video": 0.9}, True, False),
        ({"mail": 0.0, "video": 0.9, "social": 0.9}, False, False),
        ({"video": 0.9}, False, False),
        ({"video": 0.9, "social": 0.5}, False, True),
        ({"video": 0.4, "social": 0.3}, False, False),
    ],
)
def test_who_stands_for_controls(shares: dict, controls: bool, alike: bool) -> None:
    """Two clean ones are controls; two that fail alike, and none that does not, are everything."""
    found = of(**shares)
    assert (found.are_controls, found.all_alike) == (controls, alike)


def test_alike_is_measured_by_the_target_itself() -> None:
    """Three in ten is much beside a target that fails in half of its tests, little beside 90 %."""
    assert of(own=0.5, a=0.3, b=0.3).all_alike
    assert not of(own=0.9, a=0.3, b=0.3).all_alike


def test_two_rows_are_no_sibling() -> None:
    """Neither clean nor affected; and nothing measured is said as nothing."""
    found = siblings_of({"mail": np.zeros(2, dtype=bool)}, 0.9, NIGHTLY_2026)
    assert found == NO_SIBLINGS
    assert found.clause == ""


def test_the_clause_names_them() -> None:
    """Both kinds, by name."""
    assert of(mail=0.0, news=0.0, video=0.9).clause == (
        "mail, news on this network fine in the same hours; not fine: video"
    )
    assert of(video=0.9, social=0.9).clause == "video, social likewise"
