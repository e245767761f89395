"""Dates that do not fit the pattern, each in one readable clause.

A reader of "Monday to Friday, 07:00–11:00 and 13:00–17:00" must learn that on one Friday it also
failed over lunch. So every date of the episode is looked at for three things:

    missed      inside the windows it was measured, and the scores say "nothing was wrong";
    other hours a stretch outside the windows whose scores add up to ln 200 or more, that is, as
                much as a window of its own would need; it is named as lying between the windows
                or outside them;
    other days  the same inside the windows, on a weekday that the pattern leaves out.

Single stray failures are not exceptions, and neither is a stretch that lies wholly inside the
interval of an edge: the window may well have begun, or ended, there. At most 40 are listed; more
are counted.

What it does not do: explain. The date is there so that somebody can look it up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from evenfall.infer.localtime import BINS_PER_DAY, clock_text, date_text
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.search import Nights, Span

__all__ = ["exceptions", "unmeasured_hours"]

_LISTED_MAX = 40
_BETWEEN = "between the windows"
_WEEKDAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def exceptions(
    nights: Nights,
    union: tuple[Span, ...],
    weekdays: tuple[int, ...],
    verb: str,
    profile: NightlyProfile,
    edges: Sequence[tuple[int, int]] = (),
) -> tuple[str, ...]:
    """Clauses for the dates given, in order.

    Args:
        nights: the dates of the episodes, every weekday.
        union: the windows.
        weekdays: on which they hold.
        verb: what a bad row did: "failed" or "was slow".
        profile: the constants.
        edges: intervals of the windows' ends as (low, high), bins that may lie beyond the day.
    """
    clauses: list[str] = []
    gaps = _gaps(union)
    near = _near_edges(edges)
    for row in range(nights.day.size):
        clauses.extend(_of_date(nights, row, union, gaps, near, weekdays, verb, profile))
    if len(clauses) > _LISTED_MAX:
        more = len(clauses) - _LISTED_MAX
        clauses = [*clauses[:_LISTED_MAX], f"and {more} more"]
    return tuple(clauses)


def _of_date(
    nights: Nights,
    row: int,
    union: tuple[Span, ...],
    gaps: list[tuple[int, int, str]],
    near: list[npt.NDArray[np.bool_]],
    weekdays: tuple[int, ...],
    verb: str,
    profile: NightlyProfile,
) -> list[str]:
    running, counted = nights.cumulative[row], nights.counted[row]
    weekday = int(nights.weekday[row])
    name = f"{date_text(int(nights.day[row]))} ({_WEEKDAY_NAMES[weekday]})"
    inside = sum(float(running[s.end] - running[s.start]) for s in union)
    bins = sum(int(counted[s.end] - counted[s.start]) for s in union)
    found = []
    if weekday in weekdays and bins and inside <= 0.0:
        found.append(f"{name}: {_measured(bins)} inside the windows, mostly fine")
    if weekday not in weekdays and inside >= profile.gain_min:
        found.append(f"{name}: {verb} inside the windows, on a weekday the pattern leaves out")
    for start, stop, where in gaps:
        stretch = _worst(running, counted, start, stop)
        # A stretch inside the interval of an edge is that edge, unless it is all that was measured
        # between two windows: then the break was none on that date.
        if stretch is not None and not (
            where == _BETWEEN and _is_whole(counted, start, stop, stretch)
        ):
            for edge in (e for e in near if e[stretch[0] : stretch[1]].all()):
                start, stop = _within(edge, start, stop)
                stretch = _worst(running, counted, start, stop)
                break
        if stretch is not None and stretch[2] >= profile.gain_min:
            hours = _hours(counted, start, stop, stretch)
            found.append(f"{name}: also {verb} {where} ({hours})")
    return found


def _measured(bins: int) -> str:
    unit = "stretch" if bins == 1 else "stretches"
    return f"measured in {bins} {unit} of ten minutes"


def _gaps(union: tuple[Span, ...]) -> list[tuple[int, int, str]]:
    """Stretches of a date's own 24 hours outside the union, and what to call them."""
    taken = np.zeros(BINS_PER_DAY, dtype=bool)
    for span in union:
        taken[np.arange(span.start, span.end) % BINS_PER_DAY] = True
    edges = np.flatnonzero(np.diff(np.concatenate(([1], taken.astype(np.int8), [1]))))
    first, last = union[0].start, max(span.end for span in union)
    return [
        (
            int(start),
            int(stop),
            _BETWEEN if first < start and stop < last else "outside the windows",
        )
        for start, stop in zip(edges[::2], edges[1::2], strict=True)
    ]


def _near_edges(edges: Sequence[tuple[int, int]]) -> list[npt.NDArray[np.bool_]]:
    """For each edge the bins of the day that lie inside its interval."""
    near = np.zeros((len(edges), BINS_PER_DAY), dtype=bool)
    for row, (low, high) in zip(near, edges, strict=True):
        row[np.arange(low, high) % BINS_PER_DAY] = True
    return list(near)


def _within(near: npt.NDArray[np.bool_], start: int, stop: int) -> tuple[int, int]:
    """The gap without the intervals at its two ends; empty if these are all of it."""
    far = start + np.flatnonzero(~near[start:stop])
    return (int(far[0]), int(far[-1]) + 1) if far.size else (start, start)


def _worst(
    running: npt.NDArray[np.float64], counted: npt.NDArray[np.int32], start: int, stop: int
) -> tuple[int, int, float] | None:
    """The stretch within start … stop whose scores add up to most; None if unmeasured."""
    if counted[stop] == counted[start]:
        return None
    part = running[start : stop + 1]
    rise = part - np.minimum.accumulate(part)
    end = int(np.argmax(rise))
    begin = int(np.flatnonzero(part[: end + 1] <= part[: end + 1].min() + 1e-9)[-1])
    return start + begin, start + end, float(rise[end])


def _hours(
    counted: npt.NDArray[np.int32], start: int, stop: int, stretch: tuple[int, int, float]
) -> str:
    """The stretch, or the whole gap if nothing measured in the gap lies outside the stretch."""
    begin, end, _ = stretch
    if _is_whole(counted, start, stop, stretch):
        begin, end = start, stop
    return f"{clock_text(begin)}–{clock_text(end, end=True)}"


def _is_whole(
    counted: npt.NDArray[np.int32], start: int, stop: int, stretch: tuple[int, int, float]
) -> bool:
    """Whether nothing measured in the gap lies outside the stretch."""
    return bool(counted[stretch[0]] == counted[start] and counted[stop] == counted[stretch[1]])


def unmeasured_hours(slot: npt.NDArray[np.int64]) -> tuple[str, ...]:
    """Whole hours of the clock in which no row lies, joined: `01:00–08:00`."""
    per_hour = BINS_PER_DAY // 24
    seen = np.bincount(slot // per_hour, minlength=24) > 0
    edges = np.flatnonzero(np.diff(np.concatenate(([1], seen.astype(np.int8), [1]))))
    return tuple(
        f"{clock_text(int(a) * per_hour)}–{clock_text(int(b) * per_hour, end=True)}"
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    )
