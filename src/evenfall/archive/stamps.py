"""Reading the time column, and placing an instant on a local clock.

A stamp's own offset wins; without one the map's zone is needed, and a stamp that this zone's clock
showed twice or never is refused with that reason rather than guessed. A date without an hour is
refused too: it would put a whole archive at midnight.

Integers only: µs since 1970-01-01 UTC. Answers are remembered by text, bounded by one batch.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from evenfall.archive.rows import Reason
from evenfall.model.errors import FormatError

__all__ = ["STARTED_US_MAX", "STARTED_US_MIN", "StampReader", "local_date_hour"]

STARTED_US_MIN = 631_152_000_000_000  # 1990-01-01: no archive of this kind is older
STARTED_US_MAX = 4_102_444_800_000_000  # 2100-01-01
FUTURE_ALLOWED_US = 86_400_000_000  # a day: machines disagree, archives do not foresee

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNIX = re.compile(r"\s*(\d{1,16})(?:\.(\d{1,9})\d*)?\s*\Z", re.ASCII)
_DATE_ONLY = re.compile(r"\d{4}-?(\d\d-?\d\d|\d{3}|W\d\d(-?\d)?)\Z", re.ASCII)


class _NaiveStampError(Exception):
    """A stamp without an offset, and no zone to read it in."""


class StampReader:
    """Turns fields of the time column into µs since 1970 UTC, or a reason why not.

    Args:
        form: `iso`, `unix_s`, `unix_ms`, or a strptime pattern.
        zone: zone of stamps without an offset; empty: there must be none.
        now_us: stamps more than a day after this are refused.
        where: map file and key, for the message about a missing zone.
    """

    def __init__(self, form: str, zone: str, *, now_us: int, where: str) -> None:
        self._read = self._reader(form)
        self._zone = ZoneInfo(zone) if zone else None
        self._latest_us = min(now_us + FUTURE_ALLOWED_US, STARTED_US_MAX)
        self._where = where

    def read_all(self, fields: list[str | None]) -> list[int | Reason]:
        """One answer a field.

        Raises:
            FormatError: a stamp has no offset and the map names no zone.
        """
        remembered: dict[str | None, int | Reason] = {None: Reason.TIME_MISSING}
        for field in dict.fromkeys(fields):
            if field is not None:
                remembered[field] = self.read(field)
        return [remembered[field] for field in fields]

    def read(self, field: str) -> int | Reason:
        """One stamp; see `read_all`."""
        try:
            stamp = self._read(field)
        except _NaiveStampError:
            raise FormatError(
                expected="[time] zone, because stamps carry no offset of their own",
                seen=f"the stamp {field[:80]!r} and no zone",
                where=self._where,
                remedy='Add to [time] the zone the stamps are written in, as zone = "UTC".',
            ) from None
        except (ValueError, OverflowError):
            return Reason.TIME_UNREADABLE
        if isinstance(stamp, Reason):
            return stamp
        if not STARTED_US_MIN <= stamp < STARTED_US_MAX:
            return Reason.TIME_OUT_OF_RANGE
        return Reason.TIME_FUTURE if stamp > self._latest_us else stamp

    def _reader(self, form: str) -> Callable[[str], int | Reason]:
        if form in ("unix_s", "unix_ms"):
            digits = 6 if form == "unix_s" else 3
            return lambda field: _unix_us(field, digits)
        if form == "iso":
            return self._iso_us
        # %z in the pattern makes the stamp aware; without it the map's zone is used.
        return lambda field: self._to_us(datetime.strptime(field, form))  # noqa: DTZ007  (the zone comes next)

    def _iso_us(self, field: str) -> int | Reason:
        field = field.strip()
        if _DATE_ONLY.match(field):
            return Reason.TIME_UNREADABLE
        return self._to_us(datetime.fromisoformat(field))

    def _to_us(self, stamp: datetime) -> int | Reason:
        if stamp.tzinfo is None:
            if self._zone is None:
                raise _NaiveStampError
            stamp = stamp.replace(tzinfo=self._zone)
            if reason := _undecidable(stamp):
                return reason
        return (stamp - _EPOCH) // _MICROSECOND


def _undecidable(stamp: datetime) -> Reason | None:
    first, second = stamp.utcoffset(), stamp.replace(fold=1).utcoffset()
    if first == second:
        return None
    # PEP 495: in a gap the offset before is the smaller one, in a fold it is the larger.
    in_gap = first is not None and second is not None and first < second
    return Reason.TIME_NONEXISTENT if in_gap else Reason.TIME_AMBIGUOUS


def _unix_us(field: str, digits: int) -> int:
    match = _UNIX.match(field)
    if match is None:
        raise ValueError(field)
    whole, fraction = match.groups()
    scale: int = 10**digits
    return int(whole) * scale + int((fraction or "").ljust(digits, "0")[:digits])


def local_date_hour(started_us: int, zone: ZoneInfo) -> tuple[str, int]:
    """Local calendar date `YYYY-MM-DD` and hour 0–23 of an instant."""
    local = datetime.fromtimestamp(started_us // 1_000_000, zone)
    return local.strftime("%Y-%m-%d"), local.hour
