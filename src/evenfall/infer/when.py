"""A moment or a night as a person writes it → instants, in a zone.

What it does. `2018-06-18T21:00`, `2018-06-18 21:00`, `21:00` or `2018-06-18` become an `Asked`; an
`Asked` and a zone become a `Stretch` of UTC with a note where the clock of that zone did something
a reader must know.

Rules:
    A date-time is a wall-clock reading without an offset; the stretch is half an hour on both
    sides of it.
    A date is a night: from its local noon to the next one, as nights are named everywhere here; or
    from midnight, for a service whose hours lie in daylight (`carpet.axis_for`).
    A time alone is the last such that the measurements reach: not later than the last of them.
    A reading that the zone skips is taken at the instant at which its clock was put forward; one
    that comes twice covers both passes. Both are said in `note`.

What it does not do. It reads no wall clock of its own and guesses no format: `18.06.2018` and an
offset are refused with the forms that are taken.

Sources: PEP 495 (fold), RFC 3339 for the forms, METHOD 4 for the naming of nights.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from evenfall.model.errors import UsageError

__all__ = ["AROUND_MIN", "NOON_H", "Asked", "ClockNote", "Stretch", "asked_of", "stretch_of"]

AROUND_MIN = 30
"""Minutes on both sides of a moment that are looked at."""

_YEARS = range(1970, 2200)
NOON_H = 12
_DATE = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::00)?"
_FORMS = tuple(re.compile(form, re.ASCII) for form in (f"{_DATE}[T ]{_TIME}", _DATE, _TIME))


class ClockNote(StrEnum):
    """What the zone's clock did at a reading."""

    NONE = ""
    SKIPPED = "skipped"  # the reading does not exist
    TWICE = "twice"  # it comes twice


@dataclass(frozen=True)
class Asked:
    """What was asked for; at least one of the two is there.

    Attributes:
        date: of the moment, or of the night.
        minute: minute of the local day, 0 … 1439; None: the whole night.
        text: as it was written.
    """

    date: dt.date | None
    minute: int | None
    text: str


@dataclass(frozen=True)
class Stretch:
    """A half-open stretch of time and what it stands for.

    Attributes:
        from_us, to_us: µs since 1970 UTC.
        at_us: the moment itself; None for a night.
        date: local date of the moment, or of the night.
        minute: as asked.
        note: what the clock did at the reading.
    """

    from_us: int
    to_us: int
    at_us: int | None
    date: dt.date
    minute: int | None
    note: ClockNote = ClockNote.NONE


def asked_of(text: str) -> Asked:
    """Read what a person wrote.

    Raises:
        UsageError: no such form, date or time.
    """
    found = next((f for form in _FORMS if (f := form.fullmatch(text.strip()))), None)
    if found is None:
        raise _unreadable(text)
    told = {name: int(digits) for name, digits in found.groupdict().items()}
    return Asked(_date_of(told, text), _minute_of(told, text), text.strip())


def _date_of(told: dict[str, int], text: str) -> dt.date | None:
    if "year" not in told:
        return None
    try:
        date = dt.date(told["year"], told["month"], told["day"])
    except ValueError as error:
        raise _unreadable(text) from error
    if date.year not in _YEARS:
        raise _unreadable(text)
    return date


def _minute_of(told: dict[str, int], text: str) -> int | None:
    if "hour" not in told:
        return None
    if told["hour"] > 23 or told["minute"] > 59:
        raise _unreadable(text)
    return told["hour"] * 60 + told["minute"]


def _unreadable(text: str) -> UsageError:
    return UsageError(
        expected="a local date-time (2018-06-18T21:00), a time (21:00) or a date (2018-06-18), "
        f"from {_YEARS.start} to {_YEARS.stop - 1}",
        seen=repr(text),
        where="WHEN",
        remedy="The zone is that of the measurements; name another with --tz.",
    )


def stretch_of(asked: Asked, zone: ZoneInfo, *, last_us: int, day_from_h: int = NOON_H) -> Stretch:
    """The stretch that is meant, on a zone's clock.

    Args:
        asked: from `asked_of`.
        zone: on whose clock it is read.
        last_us: the last measurement; a time without a date is looked for before it.
        day_from_h: local hour at which a date begins: 12, or 0.
    """
    if asked.minute is None:
        if asked.date is None:
            raise AssertionError("what is asked has a date or a time")
        return _night(asked.date, zone, day_from_h * 60)
    if asked.date is not None:
        return _moment(asked.date, asked.minute, zone)
    date = dt.datetime.fromtimestamp(last_us / 1e6, zone).date()
    found = _moment(date, asked.minute, zone)
    if found.at_us is not None and found.at_us > last_us:
        found = _moment(date - dt.timedelta(days=1), asked.minute, zone)
    return found


def _night(date: dt.date, zone: ZoneInfo, from_min: int) -> Stretch:
    start, end = (
        _us(_reading(date + dt.timedelta(days=ahead), from_min).replace(tzinfo=zone))
        for ahead in (0, 1)
    )
    return Stretch(start, end, None, date, None)


def _reading(date: dt.date, minute: int) -> dt.datetime:
    """What a clock on the wall shows; no zone."""
    return dt.datetime(date.year, date.month, date.day) + dt.timedelta(minutes=minute)  # noqa: DTZ001  (the zone comes after)


def _moment(date: dt.date, minute: int, zone: ZoneInfo) -> Stretch:
    reading = _reading(date, minute)
    first, second = (_us(reading.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    around = AROUND_MIN * 60_000_000
    if first == second:
        return Stretch(first - around, first + around, first, date, minute)
    if first < second:
        return Stretch(first - around, second + around, first, date, minute, ClockNote.TWICE)
    at = _change_between(zone, second, first)  # a gap: fold 1 reads it with the later offset
    return Stretch(at - around, at + around, at, date, minute, ClockNote.SKIPPED)


def _change_between(zone: ZoneInfo, before_us: int, after_us: int) -> int:
    """The instant at which the offset changes, to the second, by halving."""
    low, high = before_us // 1_000_000, after_us // 1_000_000
    old = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == old else (low, middle)
    return high * 1_000_000


def _offset(zone: ZoneInfo, at_s: int) -> dt.timedelta | None:
    return dt.datetime.fromtimestamp(at_s, zone).utcoffset()


def _us(moment: dt.datetime) -> int:
    return round(moment.timestamp()) * 1_000_000
