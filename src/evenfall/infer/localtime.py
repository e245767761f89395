"""UTC microseconds → local date, minute of the day, and which of two equal hours.

A curfew is set by a clock on a wall, so nights are judged in local time and only there. Offsets
are never fixed numbers: Almaty was UTC+6 in 2018 and is UTC+5 since March 2024.

Rules:
    The zone is an IANA name, read from the `tzdata` package and not from the machine, so that two
    machines with the same constraints get the same local hours; `tzdata_version` names the edition.
    The hour that a zone change leaves out does not exist: no stamp falls into it, so its bins stay
    unmeasured. The hour that comes twice has `fold` 0 and 1, and whoever adds up bins counts it
    once (`scores.py` takes the mean of the two passes).

How it works:
    `zoneinfo` converts one stamp at a time, which is slow for a million. The offset changes a few
    times a year, so it is asked once per day, the instants of change are found by halving, and the
    stamps are then looked up in that short list with numpy.

What it does not do:
    Two changes within one day that cancel each other would be missed; the zone database has none.
    Leap seconds are not counted, as in POSIX time.

Sources: RFC 8536 (TZif), PEP 615 (zoneinfo), PEP 495 (fold).
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from evenfall.model.errors import FormatError

__all__ = [
    "BINS_PER_DAY",
    "EARLIEST_US",
    "LATEST_US",
    "LocalTimes",
    "change_between",
    "clock_text",
    "date_text",
    "load_zone",
    "local_times",
    "offset_at",
    "tzdata_version",
    "weekday_of",
]

BINS_PER_DAY = 144  # ten minutes each
EARLIEST_US = 86_400_000_000  # 1970-01-02: earlier is a clock that was never set
LATEST_US = 7_258_118_400_000_000  # 2200-01-01
_EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY = 3  # a Thursday; 0 = Monday
_DAY_S = 86_400
_ZONES_CACHED_MAX = 64
_ZONE_NAME_LENGTH_MAX = 80  # the longest of the database has 32
_ZONE_NAME = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+){0,2}")


@dataclass(frozen=True)
class LocalTimes:
    """Local readings of stamps, each of shape (n,).

    Attributes:
        day: int64, local date as days since 1970-01-01.
        minute: int64, minute of the local day, 0 … 1439.
        fold: int64, 1 on the second pass through an hour that comes twice.
    """

    day: npt.NDArray[np.int64]
    minute: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]


@lru_cache(maxsize=_ZONES_CACHED_MAX)
def load_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name, from the `tzdata` package.

    Raises:
        FormatError: no such zone.
    """
    if len(name) <= _ZONE_NAME_LENGTH_MAX and _ZONE_NAME.fullmatch(name):
        entry = resources.files("tzdata.zoneinfo").joinpath(*name.split("/"))
        if entry.is_file():
            with entry.open("rb") as stream:
                if stream.read(4) == b"TZif":
                    stream.seek(0)
                    return ZoneInfo.from_file(stream, key=name)
    raise FormatError(
        expected="an IANA time zone name such as Asia/Almaty",
        seen=repr(name[:_ZONE_NAME_LENGTH_MAX]),
        where="time zone",
        remedy="Look the name up in the IANA time zone database.",
    )


def tzdata_version() -> str:
    """Edition of the zone database in use, such as `2026a`."""
    text = resources.files("tzdata.zoneinfo").joinpath("tzdata.zi").read_text(encoding="utf-8")
    first = text.split("\n", 1)[0]
    return first.removeprefix("# version ").strip()


def local_times(started_us: npt.NDArray[np.int64], zone: ZoneInfo) -> LocalTimes:
    """Read stamps on the zone's clock.

    Args:
        started_us: shape (n,), int64, µs since 1970 UTC, within EARLIEST_US … LATEST_US.
        zone: from `load_zone`.
    """
    if started_us.size == 0:
        empty = np.zeros(0, dtype=np.int64)
        return LocalTimes(day=empty, minute=empty, fold=empty)
    seconds = started_us // 1_000_000
    starts, offsets = _offset_steps(zone, int(seconds.min()), int(seconds.max()))
    step = np.searchsorted(starts, seconds, side="right") - 1
    local = seconds + offsets[step]
    set_back = np.concatenate(([0], np.maximum(offsets[:-1] - offsets[1:], 0)))
    fold = (seconds - starts[step] < set_back[step]).astype(np.int64)
    return LocalTimes(day=local // _DAY_S, minute=(local % _DAY_S) // 60, fold=fold)


def _offset_steps(
    zone: ZoneInfo, first_s: int, last_s: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Instants (s) from which each UTC offset (s) holds, covering first_s … last_s."""
    at = first_s - 2 * _DAY_S
    starts, offsets = [at], [offset_at(zone, at)]
    while at <= last_s:
        following = at + _DAY_S
        if offset_at(zone, following) != offsets[-1]:
            starts.append(change_between(zone, at, following))
            offsets.append(offset_at(zone, following))
        at = following
    return np.array(starts, dtype=np.int64), np.array(offsets, dtype=np.int64)


def change_between(zone: ZoneInfo, before_s: int, after_s: int) -> int:
    """The first second of the new offset, by halving.

    Args:
        zone: from `load_zone`.
        before_s: seconds since 1970 UTC; the old offset holds.
        after_s: likewise; the new one holds, and there is no change but this one between.
    """
    old = offset_at(zone, before_s)
    while after_s - before_s > 1:
        middle = (before_s + after_s) // 2
        if offset_at(zone, middle) == old:
            before_s = middle
        else:
            after_s = middle
    return after_s


def offset_at(zone: ZoneInfo, at_s: int) -> int:
    """Seconds east of UTC that the zone's clock shows at `at_s`, seconds since 1970 UTC."""
    offset = dt.datetime.fromtimestamp(at_s, zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def weekday_of(day: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Weekday of local days, 0 = Monday … 6 = Sunday; same shape."""
    return np.asarray((day + _EPOCH_WEEKDAY) % 7, dtype=np.int64)


def date_text(day: int) -> str:
    """`YYYY-MM-DD` of a local day."""
    return dt.date.fromordinal(_EPOCH_ORDINAL + day).isoformat()


def clock_text(bin_of_day: int, *, end: bool = False) -> str:
    """`HH:MM` of a bin's beginning; as the end of a stretch, midnight is `24:00`."""
    if end and bin_of_day > 0 and bin_of_day % BINS_PER_DAY == 0:
        return "24:00"
    hours, tens = divmod(bin_of_day % BINS_PER_DAY, 6)
    return f"{hours:02d}:{tens}0"
