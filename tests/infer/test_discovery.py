"""Benjamini–Yekutieli against scipy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from evenfall.infer.discovery import q_values


@given(st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=40))
def test_is_scipys(p: list[float]) -> None:
    """Adjusted values are those of `false_discovery_control(method="by")`."""
    assert q_values(p) == pytest.approx(false_discovery_control(p, method="by").tolist())


def test_series_without_p_do_not_count() -> None:
    """None stays None and does not enlarge m."""
    assert q_values([None, 0.01, None]) == [None, pytest.approx(0.01), None]
    assert q_values([None]) == [None]
    assert q_values([]) == []
