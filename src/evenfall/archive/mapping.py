"""The map file of `import table`: TOML text in, a checked plan out (CONTRACTS, "Map file").

Every key is known or refused; every message says what was expected, what was seen, where, and what
to do. A zone name is looked up when the map is read, not when the first row needs it. The two
conditions are parsed by `grammar`, never handed on as text.
"""

from __future__ import annotations

import difflib
import tomllib
import types
import typing
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import msgspec

from evenfall.archive.grammar import Expression, parse_condition
from evenfall.model.errors import FormatError

__all__ = [
    "INDEX_UNIT",
    "UNITS_BPS",
    "ColumnText",
    "FailureKeys",
    "FileKeys",
    "GoodputKeys",
    "LocalKeys",
    "SeriesKeys",
    "TableMap",
    "TimeKeys",
    "read_map",
]

_TEXT_LENGTH_MAX = 65_536
_REMEDY = "docs/import.md lists every key of a map file."

UNITS_BPS: dict[str, int] = {
    "bit/s": 1,
    "kbit/s": 1_000,
    "Mbit/s": 1_000_000,
    "Gbit/s": 1_000_000_000,
    "byte/s": 8,
    "kB/s": 8_000,
    "KiB/s": 8 * 1024,
    "MB/s": 8_000_000,
    "MiB/s": 8 * 1024 * 1024,
}
"""Unit of `[goodput]` → bit/s."""

INDEX_UNIT = "index"
"""Unit of a volume, a share or an index: of no bytes and no seconds."""


class FileKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[file]`: how the file is written.

    Attributes:
        header: names of the columns, where the file has no line with them; its first line is then
            a row. Empty: the first line names them.
    """

    header: tuple[str, ...] = ()


class TimeKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[time]`: how stamps are read.

    Attributes:
        format: `iso`, `unix_s`, `unix_ms`, or a pattern of strptime(3).
        zone: IANA zone of stamps that carry no offset; empty: such stamps are refused.
    """

    column: str
    format: str = "iso"
    zone: str = ""


class LocalKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[local]`: the zone that evenings are judged in; exactly one of the three."""

    zone: str = ""
    zone_column: str = ""
    zone_by_network: dict[str, str] = {}


class ColumnText(msgspec.Struct, frozen=True, kw_only=True):
    """A column, with a prefix put before each of its values (unless it is there already)."""

    column: str
    prefix: str = ""


class SeriesKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[series]`: who is measured, where; a text is the same for every row.

    Attributes:
        line: tells lines apart.
        software: program and version that measured.
        resolver: who was asked for names.
    """

    service: str | ColumnText
    network: str | ColumnText
    line: ColumnText | None = None
    software: ColumnText | None = None
    resolver: ColumnText | None = None


class FailureKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[failure]`: which rows make a test, and when it failed.

    Attributes:
        failed: condition; true: this row failed.
        where: condition; rows for which it is not true are left out.
        group: column whose value is the same for all rows of one test; empty: a row is a test.
        endpoint: column that tells the endpoints of a test apart; empty: each row is one.
        share_over: a test failed if more than this share of its endpoints failed.
    """

    failed: str
    where: str = ""
    group: str = ""
    endpoint: str = ""
    share_over: float = 0.0


class GoodputKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`[goodput]`: columns of speeds; controls were measured in the same row's occasion.

    Attributes:
        unit: one of `UNITS_BPS`, or `index`: not a speed, only to be compared with itself.
    """

    target: str
    unit: str
    controls: tuple[str, ...] = ()


class _Sections(msgspec.Struct, frozen=True, kw_only=True):
    time: TimeKeys
    local: LocalKeys
    series: SeriesKeys
    file: FileKeys = FileKeys()
    failure: FailureKeys | None = None
    goodput: GoodputKeys | None = None


class TableMap(msgspec.Struct, frozen=True, kw_only=True):
    """A checked map file.

    Attributes:
        name: of the file, for messages.
        text: the file as it was read; the ledger keeps it.
        where, failed: the parsed conditions; null where there is none.
    """

    name: str
    text: str
    time: TimeKeys
    local: LocalKeys
    series: SeriesKeys
    file: FileKeys
    failure: FailureKeys | None
    goodput: GoodputKeys | None
    where: Expression | None
    failed: Expression | None

    @property
    def share_over_ppm(self) -> int:
        """`share_over` in millionths; 0 without `[failure]`."""
        return round(self.failure.share_over * 1_000_000) if self.failure else 0


def read_map(text: str, *, name: str) -> TableMap:
    """Check a map file.

    Args:
        text: TOML, at most 64 KiB.
        name: path as the person gave it.

    Raises:
        FormatError: not TOML, an unknown or missing key, a wrong type, zone, unit or condition.
    """
    table = _toml(text, name)
    _refuse_unknown_keys(table, _Sections, where=name)
    try:
        sections = msgspec.convert(table, _Sections)
    except msgspec.ValidationError as error:
        raise _from_msgspec(error, name) from error
    _check_time_format(sections.time.format, f"{name}, [time] format")
    _check_zones(sections, name)
    _check_measures(sections, name)
    _check_header(sections.file.header, f"{name}, [file] header")
    failure = sections.failure
    return TableMap(
        name=name,
        text=text,
        time=sections.time,
        local=sections.local,
        series=sections.series,
        file=sections.file,
        failure=failure,
        goodput=sections.goodput,
        where=_condition(failure.where, f"{name}, [failure] where") if failure else None,
        failed=_condition(failure.failed, f"{name}, [failure] failed") if failure else None,
    )


def _condition(text: str, where: str) -> Expression | None:
    return parse_condition(text, where=where) if text else None


def _error(expected: str, seen: str, where: str, remedy: str = _REMEDY) -> FormatError:
    return FormatError(expected=expected, seen=seen, where=where, remedy=remedy)


def _toml(text: str, name: str) -> dict[str, Any]:
    if len(text) > _TEXT_LENGTH_MAX:
        raise _error("a map file of at most 64 KiB", f"{len(text)} characters", name)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _error("a TOML file", f"an error: {error}", name) from error


def _refuse_unknown_keys(table: dict[str, Any], struct: type[Any], *, where: str) -> None:
    hints = typing.get_type_hints(struct)
    for key, value in table.items():
        if key not in hints:
            what = "sections" if struct is _Sections else "keys"
            raise _error(
                f"only the {what} {', '.join(hints)}", f"{key!r}", where, _did_you_mean(key, hints)
            )
        inner = _struct_in(hints[key])
        if inner is not None and isinstance(value, dict):
            _refuse_unknown_keys(value, inner, where=f"{where}, {_name_of(struct, key)}")


def _struct_in(hint: Any) -> type[Any] | None:
    members = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    structs = (m for m in members if isinstance(m, type) and issubclass(m, msgspec.Struct))
    return next(structs, None)


def _name_of(struct: type[Any], key: str) -> str:
    return f"[{key}]" if struct is _Sections else key


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"Did you mean {close[0]}? {_REMEDY}" if close else _REMEDY


def _from_msgspec(error: msgspec.ValidationError, name: str) -> FormatError:
    """Say "Expected `str`, got `int` - at `$.time.column`" in our four parts."""
    message, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    section, _, key = path.partition(".")
    where = f"{name}, [{section}] {key}".rstrip() if section else name
    if "missing required field" in message:
        missing = message.rsplit("`", 2)[1]
        what = f"the key {missing}" if section else f"a section [{missing}]"
        return _error(what, "none", where)
    expected, _, seen = message.replace("`", "").removeprefix("Expected ").partition(", got ")
    return _error(expected, seen or "something else", where)


def _check_time_format(form: str, where: str) -> None:
    if form in ("iso", "unix_s", "unix_ms"):
        return
    # A pattern without an hour would put a whole archive at midnight.
    if not any(directive in form for directive in ("%H", "%I", "%X", "%c")):
        raise _error(
            "iso, unix_s, unix_ms, or a strptime pattern that reads an hour (%H)", repr(form), where
        )


def _check_header(header: tuple[str, ...], where: str) -> None:
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise _error("a name once for each column", f"{twice!r} twice", where)
    if any(not name.strip() for name in header):
        raise _error("a name for each column", "an empty one", where)


def _check_zones(sections: _Sections, name: str) -> None:
    _check_zone(sections.time.zone, f"{name}, [time] zone")
    local = sections.local
    given = [key for key in ("zone", "zone_column", "zone_by_network") if getattr(local, key)]
    if len(given) != 1:
        raise _error(
            "exactly one of zone, zone_column, zone_by_network",
            " and ".join(given) or "none",
            f"{name}, [local]",
            'For instance zone = "Asia/Almaty": the zone in which evenings are judged.',
        )
    _check_zone(local.zone, f"{name}, [local] zone")
    for network, zone in local.zone_by_network.items():
        _check_zone(zone or "?", f"{name}, [local] zone_by_network, {network}")


def _check_zone(zone: str, where: str) -> None:
    if not zone:
        return
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        close = difflib.get_close_matches(zone, sorted(available_timezones()), n=3, cutoff=0.6)
        remedy = f"Did you mean {' or '.join(close)}?" if close else "Use a name as Asia/Almaty."
        raise _error(
            "a zone of the time zone database (Region/City)", repr(zone), where, remedy
        ) from error


def _check_measures(sections: _Sections, name: str) -> None:
    failure, goodput = sections.failure, sections.goodput
    if failure is None and goodput is None:
        raise _error("a section [failure] or [goodput], or both", "neither", name)
    if goodput is not None and goodput.unit not in (*UNITS_BPS, INDEX_UNIT):
        raise _error(
            f"one of {', '.join(UNITS_BPS)}, {INDEX_UNIT}",
            repr(goodput.unit),
            f"{name}, [goodput] unit",
        )
    if failure is None:
        return
    if not failure.failed.strip():
        raise _error("a condition", "nothing", f"{name}, [failure] failed")
    if not 0.0 <= failure.share_over < 1.0:
        raise _error(
            "a share of at least 0 and below 1",
            f"{failure.share_over}",
            f"{name}, [failure] share_over",
        )
    if failure.endpoint and not failure.group:
        raise _error(
            "group, because endpoint tells the endpoints of one group apart",
            "endpoint alone",
            f"{name}, [failure]",
        )
