"""Minutes of the local day: windows that may cross midnight, what they share, how far apart.

A span is (start, end) in minutes since midnight, half-open; an end at or before the start crosses
midnight; equal ends are the whole day. Distances go the shorter way round the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from evenfall.lab.clock import MINUTES_A_DAY, minutes_of

__all__ = ["Span", "apart_min", "in_common", "is_between", "span_of", "spans_of_hours"]

Span = tuple[int, int]


def span_of(start_local: str, end_local: str) -> Span:
    """The span of two `HH:MM`; raises ValueError for anything else."""
    return minutes_of(start_local) % MINUTES_A_DAY, minutes_of(end_local) % MINUTES_A_DAY


def spans_of_hours(hours: Iterable[int]) -> tuple[Span, ...]:
    """Runs of hours of the day, joined across midnight, each hour 0 … 23."""
    chosen = set(hours)
    if len(chosen) == 24:
        return ((0, 0),)
    starts = [hour for hour in sorted(chosen) if (hour - 1) % 24 not in chosen]
    return tuple((start * 60, _run_end(start, chosen) * 60) for start in starts)


def _run_end(start: int, chosen: set[int]) -> int:
    end = start
    while end % 24 in chosen:
        end += 1
    return end % 24


def in_common(first: Sequence[Span], second: Sequence[Span]) -> float:
    """Jaccard's index of the minutes of two unions of spans; 0 if both are empty."""
    one, other = _minutes(first), _minutes(second)
    return len(one & other) / len(one | other) if one | other else 0.0


def _minutes(spans: Sequence[Span]) -> set[int]:
    found: set[int] = set()
    for start, end in spans:
        length = (end - start) % MINUTES_A_DAY or MINUTES_A_DAY
        found.update(minute % MINUTES_A_DAY for minute in range(start, start + length))
    return found


def apart_min(first: int, second: int) -> int:
    """Minutes between two times of the day, 0 … 720."""
    gap = (first - second) % MINUTES_A_DAY
    return min(gap, MINUTES_A_DAY - gap)


def is_between(time: int, low: int, high: int) -> bool:
    """Whether a time of the day lies in the closed interval from low on to high."""
    return (time - low) % MINUTES_A_DAY <= (high - low) % MINUTES_A_DAY
