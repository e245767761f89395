"""When an event was: checked, put on the zone's clock, and turned into nights.

What it does: `checked` refuses an event that cannot be, and gives it the id of its content;
`span_us` tells from when to when it lasted; `nights_of` on which nights of a series it fell.

Rules:
    A date is `YYYY-MM-DD`, a time `YYYY-MM-DDTHH:MM`, both local in the event's own zone, within
    1970–2199. A local time that the zone's clock skipped is refused; one that came twice is its
    first pass.
    An end that is a date counts to the end of that day. An end before the start is refused.
    A night has the local date on which its hours start. A whole day is the night of its date, as
    written, whatever the zone of the series. A time is first read on the series' clock; before
    06:00 it belongs to the evening before where the hours begin after noon.
    An event without an end is one night: how long it went on is not known.
    A period ("on some days between") names no night if it is longer than three days.

What it does not do: read any clock; `added_us` is the caller's.

Sources: METHOD 4 (names of nights) and 6; PEP 495 for times that came twice or never.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

from evenfall.infer.event_profiles import EventsProfile
from evenfall.infer.localtime import EARLIEST_US, LATEST_US, load_zone
from evenfall.model.errors import FormatError
from evenfall.model.event import Event, OrderedHours, Precision, with_id

__all__ = ["checked", "days_of", "nights_of", "span_us"]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_EPOCH = dt.date(1970, 1, 1)
_TEXT_MAX = {"title": 500, "source": 4000, "stated_reason": 20_000, "platform": 200}
_LIST_MAX = 200
_YEARS = (1969, 2200)  # local ones of what lies between the limits in UTC
_NAME_MAX = 200
_SHA256 = re.compile(r"[0-9a-f]{64}")


def checked(event: Event, *, where: str) -> Event:
    """The event with its id, if it can have been.

    Args:
        event: its id is not looked at.
        where: what a person can point at, for the message.

    Raises:
        FormatError: a bad date, time, zone, order of times, hours or archive digest; a text that is
            missing or too long.
    """
    load_zone(event.timezone)
    _check_texts(event, where)
    first = _moment(event.start, event.timezone, where)
    if event.end is not None:
        last = _moment(event.end, event.timezone, where)
        whole_days = "T" not in event.end
        if (last.date() < first.date()) if whole_days else (last < first):
            raise _bad(
                "an end that is not before the start", f"{event.start} to {event.end}", where
            )
    elif event.precision is Precision.PERIOD:
        raise _bad("a period with an end", f"{event.start} without an end", where)
    if event.precision is Precision.MINUTE and "T" not in event.start:
        raise _bad("a time of day for a precision of minutes", event.start, where)
    for hours in event.ordered:
        _check_hours(hours, where)
    return with_id(event)


def _check_texts(event: Event, where: str) -> None:
    if not event.title.strip():
        raise _bad("a title", "none", where)
    for name, longest in _TEXT_MAX.items():
        text = getattr(event, name) or ""
        if len(text) > longest:
            raise _bad(f"a {name} of at most {longest} characters", f"{len(text)}", where)
    for names in (event.services, event.networks):
        if len(names) > _LIST_MAX or any(not n or len(n) > _NAME_MAX for n in names):
            raise _bad("a short list of names", f"{len(names)} names, or an empty one", where)
    one_line = (event.title, event.platform or "", *event.services, *event.networks)
    if any(_has_control(text, but="") for text in (*one_line, event.archive_name or "")):
        raise _bad("names and a title of one line", "a line break or control character", where)
    if any(_has_control(text, but="\n\r\t") for text in (event.source, event.stated_reason or "")):
        raise _bad("text", "a control character", where)
    if event.archive_sha256 is not None and not _SHA256.fullmatch(event.archive_sha256):
        raise _bad("64 lower-case hex digits", event.archive_sha256, where)


def _has_control(text: str, *, but: str) -> bool:
    """Control characters move a terminal's cursor; a lone surrogate is no text at all."""
    return any(unicodedata.category(c) in ("Cc", "Cs") and c not in but for c in text)


def _check_hours(hours: OrderedHours, where: str) -> None:
    text = f"{hours.start_local}-{hours.end_local}"
    ends = _CLOCK.fullmatch(hours.end_local) or hours.end_local == "24:00"
    if not (_CLOCK.fullmatch(hours.start_local) and ends) or hours.start_local == hours.end_local:
        raise _bad("hours as 20:00-22:00", text, where)
    days = hours.weekdays
    if not days or any(day not in range(7) for day in days) or tuple(sorted(set(days))) != days:
        raise _bad("weekdays from Monday to Sunday, each once", str(days), where)


def _moment(text: str, zone_name: str, where: str) -> dt.datetime:
    """A date (its first moment) or a time, in its zone."""
    try:
        if not (_DATE.fullmatch(text) or _TIME.fullmatch(text)):
            raise ValueError(text)
        naive = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise _bad("a date as 2018-03-13, or a time as 2018-03-13T20:00", repr(text), where) from (
            error
        )
    local = naive.replace(tzinfo=load_zone(zone_name))
    if not _YEARS[0] <= naive.year <= _YEARS[1] or not EARLIEST_US <= _us(local) < LATEST_US:
        raise _bad("a year from 1970 to 2199", text, where)
    if "T" in text and _read_back(local) != naive:
        raise _bad(
            f"a time that {zone_name} had",
            f"{text}, which its clocks skipped",
            where,
            remedy="Give the hour before or after it.",
        )
    return local


def _read_back(local: dt.datetime) -> dt.datetime:
    return local.astimezone(dt.UTC).astimezone(local.tzinfo).replace(tzinfo=None, fold=0)


def _us(moment: dt.datetime) -> int:
    since = moment.astimezone(dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return since // dt.timedelta(microseconds=1)


def _bad(expected: str, seen: str, where: str, *, remedy: str = "") -> FormatError:
    return FormatError(
        expected=expected,
        seen=seen,
        where=where,
        remedy=remedy or "Correct it and give it again; nothing was kept.",
    )


def span_us(event: Event) -> tuple[int, int]:
    """First and last moment, µs since 1970 UTC, half-open; a date is a whole local day.

    An event without an end ends with its first day, or where it began if that has a time.
    """
    start = _moment(event.start, event.timezone, event.event_id)
    ending = event.end if event.end is not None else event.start
    end = _moment(ending, event.timezone, event.event_id)
    if "T" not in ending:
        end = end + dt.timedelta(days=1)  # wall-clock sum: the next local midnight
    return _us(start), _us(end)


def days_of(event: Event) -> tuple[int, int]:
    """First and last local date as written, as days since 1970-01-01."""
    start = dt.date.fromisoformat(event.start[:10])
    end = dt.date.fromisoformat((event.end or event.start)[:10])
    return (start - _EPOCH).days, (end - _EPOCH).days


def nights_of(
    event: Event, *, timezone: str, begins_after_noon: bool, profile: EventsProfile
) -> range | None:
    """Nights on which it fell, as days since 1970-01-01; None where it names none.

    Args:
        event: a checked one.
        timezone: IANA zone of the series.
        begins_after_noon: the hours that make a night begin at 12:00 or later.
        profile: the constants.
    """
    first, last = days_of(event)
    if event.precision is Precision.PERIOD and last - first >= profile.undated_days_min:
        return None
    if "T" in event.start:
        first = _night(event.start, event.timezone, timezone, begins_after_noon, profile)
        last = first if event.end is None else last
    if event.end is not None and "T" in event.end:
        last = _night(event.end, event.timezone, timezone, begins_after_noon, profile)
    return range(first, max(first, last) + 1)


def _night(
    text: str, own_zone: str, zone: str, begins_after_noon: bool, profile: EventsProfile
) -> int:
    local = _moment(text, own_zone, text).astimezone(dt.UTC).astimezone(load_zone(zone))
    day = (local.date() - _EPOCH).days
    return day - 1 if begins_after_noon and local.hour < profile.night_until_h else day
