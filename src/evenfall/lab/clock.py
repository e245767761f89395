"""The lab's local time: minutes since midnight that may run faster than the wall's.

Censor and probe read one CLOCK_MONOTONIC, which all namespaces of a machine share; an evening of
seven hours can pass in 90 s while links keep their real rates (only the schedule is compressed).
"""

from __future__ import annotations

import time

import msgspec

__all__ = ["MINUTES_A_DAY", "LabClock", "minutes_of", "within"]

MINUTES_A_DAY = 1440


class LabClock(msgspec.Struct, frozen=True, kw_only=True):
    """Where the emulated local clock stands at any moment of the monotonic clock.

    It is plain data, so that a process in another namespace can be told it.

    Attributes:
        start_local_minutes: local minutes since midnight at `epoch_monotonic_s`.
        speed: emulated seconds that pass in one real second; 1 is real time, 280 turns 17:00 to
            24:00 into 90 s.
        epoch_monotonic_s: seconds of `time.monotonic()` at which the clock starts.
    """

    start_local_minutes: float
    speed: float = 1.0
    epoch_monotonic_s: float

    def elapsed_minutes(self, now_s: float) -> float:
        """Emulated minutes since the start; not wrapped at midnight."""
        return (now_s - self.epoch_monotonic_s) * self.speed / 60

    def local_minutes(self, now_s: float) -> float:
        """Local minutes since midnight, in [0, 1440), at a reading of `time.monotonic()`."""
        return (self.start_local_minutes + self.elapsed_minutes(now_s)) % MINUTES_A_DAY

    def minute_of_day(self) -> float:
        """Local minutes since midnight now."""
        return self.local_minutes(time.monotonic())


def minutes_of(local_time: str) -> int:
    """`"20:30"` → 1230; `"24:00"` → 1440. Raises ValueError for anything else than HH:MM."""
    hours, colon, minutes = local_time.partition(":")
    if not (colon and len(hours) == len(minutes) == 2 and (hours + minutes).isdecimal()):
        raise ValueError(f"{local_time!r} is not HH:MM")
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > MINUTES_A_DAY:
        raise ValueError(f"{local_time!r} is not a time of day")
    return total


def within(local_minutes: float, from_local: str, to_local: str) -> bool:
    """Whether a time lies in the half-open window, which may cross midnight; both empty: always."""
    if not from_local and not to_local:
        return True
    start = minutes_of(from_local or "00:00") % MINUTES_A_DAY
    end = minutes_of(to_local or "24:00")
    if start < end:
        return start <= local_minutes < end
    return local_minutes >= start or local_minutes < end
