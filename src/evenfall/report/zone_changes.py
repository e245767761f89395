"""When a zone's clock is set forward or back, between two instants.

A calendar file must carry the rules of its zone (VTIMEZONE), and a table its offsets; both need the
changes as a list. The zone comes from `infer.localtime.load_zone`, so they agree with how nights
were judged.

How it works. The offset is asked once a day, and an instant of change is found by halving. Two
changes within one day that cancel each other would be missed; the zone database has none.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from evenfall.infer.localtime import change_between, offset_at

__all__ = ["Offset", "offset_text", "offsets"]

_DAY_S = 86_400


@dataclass(frozen=True)
class Offset:
    """An offset and from when it holds.

    Attributes:
        at_s: seconds since 1970 UTC from which it holds.
        before_s: the offset that held until then; of the first one, the same.
        offset_s: seconds east of UTC.
        name: as the zone abbreviates it.
        is_daylight: whether the zone calls it daylight-saving time.
    """

    at_s: int
    before_s: int
    offset_s: int
    name: str
    is_daylight: bool


def offsets(zone: ZoneInfo, first_s: int, last_s: int) -> list[Offset]:
    """The offset that holds at `first_s`, and every later one up to `last_s`."""
    found = [_offset(zone, first_s, None)]
    at = first_s
    while at <= last_s:
        following = at + _DAY_S
        if offset_at(zone, following) != found[-1].offset_s:
            changed = change_between(zone, at, following)
            found.append(_offset(zone, changed, found[-1].offset_s))
        at = following
    return found


def offset_text(offset_s: int, *, colon: bool = True) -> str:
    """`+06:00`, or `+0600`."""
    minutes = abs(offset_s) // 60
    mark = ":" if colon else ""
    return f"{'-' if offset_s < 0 else '+'}{minutes // 60:02d}{mark}{minutes % 60:02d}"


def _offset(zone: ZoneInfo, at_s: int, before_s: int | None) -> Offset:
    local = dt.datetime.fromtimestamp(at_s, zone)
    seconds = offset_at(zone, at_s)
    return Offset(
        at_s=at_s,
        before_s=seconds if before_s is None else before_s,
        offset_s=seconds,
        name=local.tzname() or "",
        is_daylight=bool(local.dst()),
    )
