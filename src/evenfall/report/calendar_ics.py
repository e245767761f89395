"""An iCalendar file: the nights on which something was seen, and the hours expected next.

What it does. One event for each window of each night that speaks for a curfew, in its zone, and one
recurring event for each window that had not been lifted when the measurements ended.

Rules (RFC 5545):
    Lines end in CRLF and are folded at 75 bytes, never inside a character. Text is escaped; what is
    not printable is replaced. Every TZID has its VTIMEZONE, made from the same zone database by
    which the nights were judged, for the time that the events cover.
    A window that ends before it starts ends on the next date, and so does one that ends at 24:00.
    UIDs depend on service, network, date and window alone, so that a calendar updates its events.
    DTSTAMP is the last measurement: the same store gives the same bytes.
    The expected hours are an expectation: they end `EXPECTED_WEEKS` after the last night measured,
    and their text says so. They are TRANSPARENT: nobody is busy because of them.

What it does not do. Alarms, invitations, or a promise. A service slowed at all hours gives one
all-day event an episode and no expectation.

Source: RFC 5545 (3.1 folding, 3.3.10 RRULE, 3.3.11 text, 3.6.5 VTIMEZONE), RFC 7986 (NAME).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evenfall import __version__
from evenfall.infer.localtime import EARLIEST_US, LATEST_US, load_zone
from evenfall.infer.night_list import Night, nights_of
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.model.curfew import Curfew, Window
from evenfall.model.vocabulary import Pattern, State
from evenfall.report.subject import Judged
from evenfall.report.zone_changes import offset_text, offsets
from evenfall.text.foreign import one_line
from evenfall.text.words import date_words, nights_words, title_words

__all__ = ["EXPECTED_WEEKS", "calendar"]

EXPECTED_WEEKS = 8
"""Weeks after the last night measured for which hours are expected to go on."""

_LINE_BYTES_MAX = 75
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})
_NOT_SHOWN = "It does not show who did it, or why."


@dataclass(frozen=True)
class _Event:
    """One VEVENT; `start` and `end` are local, both dates or both date-times."""

    uid: str
    stamp_us: int
    zone: str
    start: dt.datetime | dt.date
    end: dt.datetime | dt.date
    summary: str
    description: str
    rule: str = ""


def calendar(judged: Sequence[Judged]) -> bytes:
    """The file, of all series that have a curfew; one without events if none has."""
    events = [event for one in judged if one.curfew for event in _events(one, one.curfew)]
    events.sort(key=lambda event: (event.start.isoformat(), event.uid))
    simulated = any(one.series.simulated for one in judged)
    name = ("SIMULATED " if simulated else "") + "Evenfall: hours found"
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//Evenfall//evenfall {__version__}//EN",
        "CALSCALE:GREGORIAN",
        f"NAME:{_text(name)}",
        f"X-WR-CALNAME:{_text(name)}",
        *_zones(events),
        *(line for event in events for line in _event_lines(event)),
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines).encode()


def _events(judged: Judged, curfew: Curfew) -> list[_Event]:
    stamp_us = _last_us(judged)
    if curfew.pattern is Pattern.ALWAYS or not curfew.windows:
        return [_whole_days(judged, curfew, stamp_us, *spell) for spell in _spells(curfew)]
    nights = nights_of(judged.series, curfew, NIGHTLY_2026)
    seen = [
        _night_event(judged, curfew, night, index, stamp_us)
        for night in nights
        for index in night.windows
    ]
    return seen + _expected(judged, curfew, stamp_us)


def _night_event(judged: Judged, curfew: Curfew, night: Night, index: int, stamp_us: int) -> _Event:
    window = curfew.windows[index]
    start, end = _bounds(night.date, window)
    hours = f"{window.start_local} to {window.end_local}"
    return _Event(
        uid=_uid(judged, "night", night.date.isoformat(), str(index)),
        stamp_us=stamp_us,
        zone=judged.series.timezone,
        start=start,
        end=end,
        summary=f"{_mark(judged)}{_name(curfew)} {_deed(curfew)} (measured)",
        description=(
            f"{_mark(judged)}Measured on this night within the hours {hours}: behaviour compatible "
            f"with hours that recur, seen on {_counts(curfew)}. The ends of the hours are known to "
            f"intervals: {_ends(window)}. {_NOT_SHOWN}"
        ),
    )


def _expected(judged: Judged, curfew: Curfew, stamp_us: int) -> list[_Event]:
    """Recurring events from the last measurement on; none once it was lifted."""
    if curfew.lifting is not None:
        return []
    zone = load_zone(judged.series.timezone)
    last = dt.datetime.fromtimestamp(stamp_us // 1_000_000, zone).replace(tzinfo=None)
    until = last.date() + dt.timedelta(weeks=EXPECTED_WEEKS)
    until_utc = dt.datetime.combine(until, dt.time(12), zone).astimezone(dt.UTC)
    return [
        _expected_event(judged, curfew, window, index, last, until_utc, stamp_us)
        for index, window in enumerate(curfew.windows)
    ]


def _expected_event(
    judged: Judged,
    curfew: Curfew,
    window: Window,
    index: int,
    last: dt.datetime,
    until: dt.datetime,
    stamp_us: int,
) -> _Event:
    days = (last.date() + dt.timedelta(days=ahead) for ahead in range(8))
    bounds = (_bounds(day, window) for day in days if day.weekday() in window.weekdays)
    start, end = next(bound for bound in bounds if bound[0] > last)
    return _Event(
        uid=_uid(judged, "expected", str(index)),
        stamp_us=stamp_us,
        zone=judged.series.timezone,
        start=start,
        end=end,
        summary=f"{_mark(judged)}{_name(curfew)}: hours to expect if it goes on",
        description=(
            f"{_mark(judged)}Not a promise: behaviour compatible with recurring hours was seen on "
            f"{_counts(curfew)}; the measurements end on {date_words(f'{last:%Y-%m-%d}')}. Shown "
            f"for {EXPECTED_WEEKS} weeks from there. {_NOT_SHOWN}"
        ),
        rule=f"{_recurrence(window)};UNTIL={until:%Y%m%dT%H%M%SZ}",
    )


def _recurrence(window: Window) -> str:
    days = sorted(set(window.weekdays))
    if len(days) == len(_DAYS):
        return "FREQ=DAILY"
    return f"FREQ=WEEKLY;BYDAY={','.join(_DAYS[day] for day in days)}"


def _whole_days(
    judged: Judged, curfew: Curfew, stamp_us: int, first: dt.date, last: dt.date
) -> _Event:
    return _Event(
        uid=_uid(judged, "days", first.isoformat()),
        stamp_us=stamp_us,
        zone=judged.series.timezone,
        start=first,
        end=last + dt.timedelta(days=1),
        summary=f"{_mark(judged)}{_name(curfew)} {_deed(curfew)} at all measured hours",
        description=(
            f"{_mark(judged)}Seen on {_counts(curfew)}, at whatever hour it was measured. "
            f"{_NOT_SHOWN}"
        ),
    )


def _spells(curfew: Curfew) -> list[tuple[dt.date, dt.date]]:
    return [
        (dt.date.fromisoformat(spell.first), dt.date.fromisoformat(spell.last))
        for spell in curfew.episodes
    ]


def _bounds(date: dt.date, window: Window) -> tuple[dt.datetime, dt.datetime]:
    """Local start and end of a window that starts on a date."""
    midnight = dt.datetime.combine(date, dt.time())
    start = midnight + _since_midnight(window.start_local)
    end = midnight + _since_midnight(window.end_local)
    return start, end if end > start else end + dt.timedelta(days=1)


def _since_midnight(clock: str) -> dt.timedelta:
    hours, minutes = clock.split(":")
    return dt.timedelta(hours=int(hours), minutes=int(minutes))


def _zones(events: Sequence[_Event]) -> list[str]:
    lines: list[str] = []
    for name in sorted({event.zone for event in events}):
        dates = [_date(at) for e in events if e.zone == name for at in (e.start, e.end)]
        ahead = dt.timedelta(weeks=EXPECTED_WEEKS + 2)
        lines += _zone_lines(name, min(dates) - dt.timedelta(days=2), max(dates) + ahead)
    return lines


def _date(at: dt.datetime | dt.date) -> dt.date:
    return at.date() if isinstance(at, dt.datetime) else at


def _zone_lines(name: str, first: dt.date, last: dt.date) -> list[str]:
    """A VTIMEZONE for the time between two dates."""
    lines = ["BEGIN:VTIMEZONE", f"TZID:{name}"]
    ends = (dt.datetime.combine(day, dt.time(), dt.UTC).timestamp() for day in (first, last))
    for change in offsets(load_zone(name), *(int(end) for end in ends)):
        kind = "DAYLIGHT" if change.is_daylight else "STANDARD"
        at = dt.datetime.fromtimestamp(change.at_s + change.before_s, dt.UTC)
        lines += [
            f"BEGIN:{kind}",
            f"DTSTART:{at:%Y%m%dT%H%M%S}",
            f"TZOFFSETFROM:{offset_text(change.before_s, colon=False)}",
            f"TZOFFSETTO:{offset_text(change.offset_s, colon=False)}",
            f"TZNAME:{_text(change.name)}",
            f"END:{kind}",
        ]
    return [*lines, "END:VTIMEZONE"]


def _event_lines(event: _Event) -> Iterable[str]:
    stamp = dt.datetime.fromtimestamp(event.stamp_us // 1_000_000, dt.UTC)
    yield "BEGIN:VEVENT"
    yield f"UID:{event.uid}"
    yield f"DTSTAMP:{stamp:%Y%m%dT%H%M%SZ}"
    yield f"DTSTART{_time(event.start, event.zone)}"
    yield f"DTEND{_time(event.end, event.zone)}"
    if event.rule:
        yield f"RRULE:{event.rule}"
    yield f"SUMMARY:{_text(event.summary)}"
    yield f"DESCRIPTION:{_text(event.description)}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _time(at: dt.datetime | dt.date, zone: str) -> str:
    if isinstance(at, dt.datetime):
        return f";TZID={zone}:{at:%Y%m%dT%H%M%S}"
    return f";VALUE=DATE:{at:%Y%m%d}"


def _text(words: str) -> str:
    return words.translate(_ESCAPES)


def _folded(line: str) -> str:
    """The line in pieces of at most 75 bytes, those after the first behind a space."""
    pieces, piece, size = [], "", 0
    for character in line:
        bytes_ = len(character.encode())
        if size + bytes_ > _LINE_BYTES_MAX:
            pieces.append(piece)
            piece, size = " ", 1
        piece += character
        size += bytes_
    return "\r\n".join([*pieces, piece])


def _uid(judged: Judged, *parts: str) -> str:
    series = judged.series
    kind = "synth" if series.simulated else "measured"
    named = "\0".join((series.service, series.network, kind, *parts))
    return f"{hashlib.sha256(named.encode()).hexdigest()[:32]}@evenfall.invalid"


def _last_us(judged: Judged) -> int:
    at = judged.series.started_us
    possible = at[(at >= EARLIEST_US) & (at < LATEST_US)]
    return int(possible.max()) if possible.size else EARLIEST_US


def _name(curfew: Curfew) -> str:
    return f"{one_line(title_words(curfew.service))} on {one_line(curfew.network)}"


def _deed(curfew: Curfew) -> str:
    return "did not open" if curfew.state is State.BLOCKED else "was slow"


def _counts(curfew: Curfew) -> str:
    return f"{curfew.nights_seen} of {nights_words(curfew.nights_measured, 'measured night')}"


def _ends(window: Window) -> str:
    (a, b), (c, d) = window.start_interval, window.end_interval
    return f"start {a} to {b}, end {c} to {d}"


def _mark(judged: Judged) -> str:
    return "SIMULATED: " if judged.series.simulated else ""
