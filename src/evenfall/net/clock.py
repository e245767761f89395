"""Clocks: the machine's own, and one that a test turns by hand.

What it does. `SystemClock` reads the wall clock and a monotonic clock and sleeps for real.
`ManualClock` starts where the caller says and moves only when somebody sleeps or calls `advance`:
when every task of the loop has come to rest, time jumps to the earliest sleeper. So a test of a
four-second timeout takes no time, and two tasks that sleep side by side wake in the right order.

Rules. Wall and monotonic time of a `ManualClock` move together; a stepping wall clock is made with
`step_wall`. Nothing in `measure/` calls `time` or `asyncio.sleep` itself.

How it works. asyncio cannot say "all tasks are blocked", so a sleeper gives the loop
`_SETTLE_TURNS` turns in which nothing touches the clock before it dares to jump; streams in memory
call `touch` whenever bytes move. This is the idea of trio's autojump clock (trio
`testing.MockClock`), with turns in place of a blocked-task signal.

What it does not do. It does not slow real input and output down; used together with real sockets
it would spin.
"""

from __future__ import annotations

import asyncio
import time

__all__ = ["ManualClock", "SystemClock"]

_SETTLE_TURNS = 12
"""Turns of the loop without any activity after which everybody is taken to be waiting."""


class SystemClock:
    """The machine's clocks."""

    def wall_us(self) -> int:
        """Microseconds since 1970 UTC."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """Seconds of a clock that never steps."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for real."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock for tests: it moves when somebody sleeps, and never by itself.

    Args:
        wall_us: where the wall clock starts (2018-06-05 15:00 UTC unless told).
        monotonic_s: where the monotonic clock starts.
    """

    def __init__(
        self, *, wall_us: int = 1_528_210_800_000_000, monotonic_s: float = 1000.0
    ) -> None:
        self._wall_us = float(wall_us)
        self._monotonic_s = monotonic_s
        self._activity = 0
        self._tickets = 0
        self._sleepers: dict[int, float] = {}

    def wall_us(self) -> int:
        """Microseconds since 1970 UTC."""
        return round(self._wall_us)

    def monotonic_s(self) -> float:
        """Seconds; moves only by `advance` and `sleep`."""
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Move both clocks forward at once.

        Raises:
            ValueError: backwards.
        """
        if seconds < 0:
            raise ValueError("a monotonic clock does not go back")
        self._monotonic_s += seconds
        self._wall_us += seconds * 1e6
        self.touch()

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as a person or NTP would."""
        self._wall_us += seconds * 1e6

    def touch(self) -> None:
        """Say that something happened, so that nobody jumps ahead in time just now."""
        self._activity += 1

    async def sleep(self, seconds: float) -> None:
        """Return when the clock has moved by `seconds`; moves it if everybody else waits."""
        until_s = self._monotonic_s + max(0.0, seconds)
        self._tickets += 1
        ticket = self._tickets
        self._sleepers[ticket] = until_s
        try:
            await self._wait(ticket, until_s)
        finally:
            del self._sleepers[ticket]
            self.touch()

    async def wait_for(self, event: asyncio.Event, *, until_s: float) -> bool:
        """Wait for the event, at most until the monotonic time `until_s`; true if it is set."""
        if event.is_set():
            return True
        waiter = asyncio.ensure_future(event.wait())
        sleeper = asyncio.ensure_future(self.sleep(until_s - self._monotonic_s))
        try:
            await asyncio.wait({waiter, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (waiter, sleeper):
                task.cancel()
            await asyncio.gather(waiter, sleeper, return_exceptions=True)
        return event.is_set()

    async def _wait(self, ticket: int, until_s: float) -> None:
        quiet_turns = 0
        while self._monotonic_s < until_s:
            seen = self._activity
            await asyncio.sleep(0)
            quiet_turns = quiet_turns + 1 if seen == self._activity else 0
            earliest = min(self._sleepers, key=lambda key: (self._sleepers[key], key))
            if quiet_turns >= _SETTLE_TURNS and earliest == ticket:
                self.advance(until_s - self._monotonic_s)
