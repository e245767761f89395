"""The waiting token bucket: arithmetic, with time as an argument."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenfall.lab.pacing import TokenBucket


def test_a_burst_passes_at_once_and_the_rest_at_the_rate() -> None:
    """8 kbit/s with 1000 bytes of burst: 1000 at once, then 1000 a second."""
    bucket = TokenBucket(8_000, 1_000)
    assert bucket.reserve(1_000, 100.0) == 0
    assert bucket.reserve(1_000, 100.0) == pytest.approx(1.0)
    assert bucket.reserve(500, 100.0) == pytest.approx(1.5)


def test_silence_refills_no_more_than_the_burst() -> None:
    """After an hour the burst is back, and nothing beyond it."""
    bucket = TokenBucket(8_000, 1_000)
    bucket.reserve(5_000, 0.0)
    assert bucket.reserve(1_000, 3_600.0) == 0
    assert bucket.reserve(1_000, 3_600.0) == pytest.approx(1.0)


def test_without_burst_every_byte_takes_its_time() -> None:
    """A line without tokens is a serialising link."""
    assert TokenBucket(8_000).reserve(100, 50.0) == pytest.approx(0.1)


@pytest.mark.parametrize("rate_bps", [0, -1])
def test_no_rate_is_refused(rate_bps: float) -> None:
    """A bucket that never passes anything is a mistake, not a slow line."""
    with pytest.raises(ValueError, match="above zero"):
        TokenBucket(rate_bps)


@given(
    pieces=st.lists(st.tuples(st.integers(1, 20_000), st.floats(0, 2)), min_size=1, max_size=50),
    burst_bytes=st.integers(0, 50_000),
)
def test_never_more_than_rate_and_burst(pieces: list[tuple[int, float]], burst_bytes: int) -> None:
    """Whatever is asked, what has left by any time is within burst + rate × time."""
    rate_bps = 800_000.0
    bucket = TokenBucket(rate_bps, burst_bytes)
    now_s = 10.0
    sent = 0
    for size, pause_s in pieces:
        now_s += pause_s
        left_s = now_s + bucket.reserve(size, now_s)
        sent += size
        assert sent * 8 <= burst_bytes * 8 + rate_bps * (left_s - 10.0) * (1 + 1e-9) + 1e-6


def test_waiters_are_served_in_order_and_evenly() -> None:
    """Two greedy flows on one bucket take turns, piece by piece."""

    async def two_flows() -> list[str]:
        bucket = TokenBucket(8e6)
        order: list[str] = []

        async def flow(name: str) -> None:
            for _ in range(10):
                await bucket.take(1_000)
                order.append(name)

        await asyncio.gather(flow("a"), flow("b"))
        return order

    order = asyncio.run(two_flows())
    assert max(len(list(run)) for _, run in itertools.groupby(order)) <= 2
