"""Token buckets with a clock turned by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.lab.bucket import FRAME_BYTES, Bucket


def test_a_policer_passes_its_burst_and_drops_the_rest() -> None:
    """16 kB at once: ten frames of 1514 pass, the eleventh does not."""
    policer = Bucket(rate_bps=128_000, burst_bytes=16_000, queue_bytes=0)
    outcomes = [policer.offer(FRAME_BYTES, 5.0) for _ in range(12)]
    assert outcomes == [5.0] * 10 + [None, None]


def test_a_policer_never_delays() -> None:
    """What passes leaves at once, also when tokens are nearly gone."""
    policer = Bucket(rate_bps=128_000, burst_bytes=3000, queue_bytes=0)
    times = [policer.offer(1000, n / 20) for n in range(200)]
    assert all(leave is None or leave == n / 20 for n, leave in enumerate(times))


@pytest.mark.parametrize("queue_bytes", [0, 16_000])
def test_the_long_run_is_the_rate(queue_bytes: int) -> None:
    """Offered four times as much for a minute, both kinds pass their rate within 2 %."""
    bucket = Bucket(rate_bps=128_000, burst_bytes=4000, queue_bytes=queue_bytes)
    passed = [bucket.offer(1000, n / 64) for n in range(64 * 60)]
    left_bytes = 1000 * sum(leave is not None and leave <= 60 for leave in passed)
    assert left_bytes == pytest.approx(128_000 / 8 * 60, rel=0.02)


def test_a_shaper_delays_in_order_and_drops_at_the_tail() -> None:
    """At 8000 bit/s (1000 byte/s) frames leave a second apart until the queue is full."""
    shaper = Bucket(rate_bps=8000, burst_bytes=FRAME_BYTES, queue_bytes=4000)
    leaves = [shaper.offer(1000, 0.0) for _ in range(7)]
    assert leaves == pytest.approx([0.0, 0.486, 1.486, 2.486, 3.486, 4.486, None])


def test_a_queue_that_ran_empty_is_forgotten() -> None:
    """After a silence the bucket is full again, and not fuller."""
    shaper = Bucket(rate_bps=8000, burst_bytes=2000, queue_bytes=4000)
    for _ in range(3):
        shaper.offer(1000, 0.0)
    assert shaper.offer(2000, 100.0) == 100.0
    assert shaper.offer(1000, 100.0) == 101.0


def test_time_may_not_run_backwards() -> None:
    """A step back adds no tokens and moves no departure into the past."""
    shaper = Bucket(rate_bps=8000, burst_bytes=2000, queue_bytes=9000)
    shaper.offer(2000, 10.0)
    assert shaper.offer(1000, 9.0) == 11.0


@given(
    st.lists(st.tuples(st.floats(0, 0.5), st.integers(60, FRAME_BYTES)), max_size=60),
    st.floats(10_000, 10_000_000),
)
def test_departures_keep_the_order_and_the_rate(
    arrivals: list[tuple[float, int]], rate_bps: float
) -> None:
    """First in, first out; and no interval carries more than burst plus rate."""
    shaper = Bucket(rate_bps=rate_bps, burst_bytes=3000, queue_bytes=30_000)
    now_s, leaves, sizes = 0.0, [], []
    for gap_s, size in arrivals:
        now_s += gap_s
        leave_s = shaper.offer(size, now_s)
        if leave_s is not None:
            assert leave_s >= now_s
            leaves.append(leave_s)
            sizes.append(size)
    assert leaves == sorted(leaves)
    for start in range(len(leaves)):
        allowed = 3000 + (leaves[-1] - leaves[start]) * rate_bps / 8 + 1e-6 * rate_bps
        assert sum(sizes[start:]) <= allowed + FRAME_BYTES
