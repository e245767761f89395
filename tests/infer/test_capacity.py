"""What a line carries, read from a curve."""

from __future__ import annotations

import pytest

from evenfall.infer.capacity import capacity_of
from evenfall.model.observation import Observation


def _seen(curve, *, capped=False, **change):
    fields = {
        "observation_id": "r/0", "fact": "speed_test", "provenance": "probe",
        "service": "measurement", "target": "measurement/capacity", "role": "control",
        "started_us": 0, "clock": "unverified", "curve": tuple(curve) or None, "capped": capped,
        "body_bytes": curve[-1][1] if curve else 0,
        "goodput_bps": curve[-1][1] * 8_000_000 // max(1, curve[-1][0]) if curve else 0,
    }  # fmt: skip
    import msgspec

    return msgspec.convert({**fields, **change}, Observation)


def _steady(rate_bps, total_bytes, slow_start_s=0.0):
    """A slow start at a tenth of the rate, then the rate."""
    points = [(round(slow_start_s * 1e6), round(slow_start_s * rate_bps / 80))]
    step_us = 20_000
    while points[-1][1] < total_bytes:
        t_us, n = points[-1]
        points.append((t_us + step_us, round(n + rate_bps / 8 * step_us / 1e6)))
    return points


@pytest.mark.parametrize("rate_bps", [128_000, 2e6, 20e6])
def test_a_steady_line_carries_its_rate(rate_bps):
    """Innocent: within 2 %, whatever slow start took before."""
    found = capacity_of(_seen(_steady(rate_bps, 1_000_000, slow_start_s=0.3)))
    assert found.rate_bps == pytest.approx(rate_bps, rel=0.02)
    assert not found.at_least


def test_a_test_that_ended_in_slow_start_says_at_least():
    """Innocent: doubling to the end; whoever reads it may not call the line slow."""
    curve = [(40_000 * i, 14_000 * 2**i) for i in range(8)]
    found = capacity_of(_seen(curve))
    assert found.at_least


def test_a_test_that_ran_its_time_is_never_at_least():
    """A line that gets quicker in the last second was measured for ten."""
    curve = [(1_000_000 * i, 10_000 * i * i) for i in range(1, 11)]
    assert not capacity_of(_seen(curve, capped=True)).at_least


def test_without_a_curve_the_mean_is_at_least():
    """An upload that was over before the server's second message."""
    found = capacity_of(_seen([], body_bytes=500_000, goodput_bps=8_000_000))
    assert (found.rate_bps, found.at_least) == (8_000_000, True)


def test_nothing_is_made_of_nothing():
    """A failure, no bytes, another fact: no capacity, and not 0."""
    assert capacity_of(_seen(_steady(2e6, 500_000), failure="connection_reset")) is None
    assert capacity_of(_seen([])) is None
    assert capacity_of(_seen(_steady(2e6, 500_000), fact="transfer")) is None
