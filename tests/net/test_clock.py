"""The manual clock: time passes when everybody waits, and only then."""

from __future__ import annotations

import asyncio

import pytest

from evenfall.net.clock import ManualClock, SystemClock


def test_sleepers_wake_in_order_without_real_time():
    """Three tasks sleep side by side for minutes; they wake by deadline, at once."""
    clock = ManualClock()
    woken = []

    async def sleeper(name, seconds):
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic_s()))

    async def main():
        await asyncio.gather(sleeper("c", 300), sleeper("a", 10), sleeper("b", 20))

    asyncio.run(main())
    assert woken == [("a", 1010.0), ("b", 1020.0), ("c", 1300.0)]


def test_nobody_jumps_while_others_work():
    """A task that keeps touching the clock holds time still."""
    clock = ManualClock()

    async def worker():
        for _ in range(100):
            clock.touch()
            await asyncio.sleep(0)
        return clock.monotonic_s()

    async def main():
        sleeping = asyncio.ensure_future(clock.sleep(60))
        assert await worker() == 1000.0
        await sleeping
        assert clock.monotonic_s() == 1060.0

    asyncio.run(main())


def test_an_event_in_time_wins_and_a_late_one_loses():
    """`wait_for` tells whether the event came before the deadline."""

    async def set_after(clock, event, seconds):
        await clock.sleep(seconds)
        event.set()

    async def came(seconds):
        clock, event = ManualClock(), asyncio.Event()
        setting = asyncio.ensure_future(set_after(clock, event, seconds))
        result = await clock.wait_for(event, until_s=1005.0)
        setting.cancel()
        return result, clock.monotonic_s()

    assert asyncio.run(came(2)) == (True, 1002.0)
    assert asyncio.run(came(20)) == (False, 1005.0)


def test_wall_and_monotonic_move_together_until_somebody_sets_the_clock():
    """`advance` moves both; `step_wall` only the wall clock; time does not go back."""
    clock = ManualClock(wall_us=5_000_000)
    clock.advance(2.5)
    assert (clock.wall_us(), clock.monotonic_s()) == (7_500_000, 1002.5)
    clock.step_wall(-40 * 60)
    assert (clock.wall_us(), clock.monotonic_s()) == (7_500_000 - 2_400_000_000, 1002.5)
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)


def test_the_machines_clock_runs():
    """Innocent: wall time is after this was written, monotonic time does not step back."""
    clock = SystemClock()
    first = clock.monotonic_s()
    assert clock.wall_us() > 1_700_000_000_000_000
    assert clock.monotonic_s() >= first
