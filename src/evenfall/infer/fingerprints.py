"""Known block pages, from a file of the user's own, in the CSV format of OONI's fingerprints.

What it does. `read_fingerprints` reads the columns `name, scope, location_found, pattern_type,
pattern` (others are ignored); `match` says which row an answer fits.

Rules. A row counts by its scope: `nat` and `isp` name a country's or an operator's page, `prod` a
product's, `inst` an institution's. `fp` marks what only looks like a block page: where such a row
fits, no other counts. `vbw`, a vague sign, is read and never counts. A pattern is looked for in the
first 16 KiB of the body, in one header (`header.<name>`), or in an address that a resolver gave
(`dns`): as the whole (`full`), its beginning (`prefix`), a part (`contains`), or by a regular
expression (`regexp`). A match is a reason to look further, and no verdict alone.

What it does not do. It brings no list of its own: the public one has no licence that lets us carry
it. Regular expressions are searched for by `infer.pattern`, in bounded time; what it does not read
is refused. The length of a pattern, of the text and the number of rows are limited, and so is the
work on one answer (`STEPS_MAX`, about 0.2 s): if it does not do for the whole list, the answer
counts as not searched, and no row fits. An answer that was searched once is not searched again.

Sources: ooni/blocking-fingerprints, `fingerprints_http.csv` and `fingerprints_dns.csv` (columns and
words as of 2024-10).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from evenfall.infer.pattern import Allowance, PatternError, compile_pattern
from evenfall.model.errors import FormatError

__all__ = [
    "REGEXPS_MAX",
    "ROWS_MAX",
    "STEPS_MAX",
    "Fingerprint",
    "match",
    "match_address",
    "read_fingerprints",
]

ROWS_MAX = 20_000
REGEXPS_MAX = 1_000
"""Of the rows; the public list has some dozens."""
STEPS_MAX = 400_000
"""Of all searches in one answer."""
_ADDRESS_STEPS_MAX = 40_000
_ANSWERS_KEPT = 512
PATTERN_CHARS_MAX = 4_096
_COLUMNS = ("name", "scope", "location_found", "pattern_type", "pattern")
_TYPES = frozenset({"full", "prefix", "contains", "regexp"})
_WEIGHTY = frozenset({"nat", "isp", "prod", "inst"})
_INNOCENT = "fp"
_SCOPES = _WEIGHTY | {_INNOCENT, "vbw"}
_PLAIN_CHARS_A_STEP = 1_024


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """One row.

    Attributes:
        scope: nat, isp, prod, inst, vbw or fp.
        location: body, dns, or header.<name in lower case>.
        pattern_type: full, prefix, contains or regexp.
    """

    name: str
    scope: str
    location: str
    pattern_type: str
    pattern: str

    @property
    def is_innocent(self) -> bool:
        """It marks what only looks like a block page."""
        return self.scope == _INNOCENT

    @property
    def names_a_network(self) -> bool:
        """The page of a country or an operator: no site puts it up itself."""
        return self.scope in ("nat", "isp")

    def fits(self, text: str, allowance: Allowance) -> bool:
        """The pattern is found in this text; False also if the allowance does not do for it."""
        if self.pattern_type == "regexp":
            return compile_pattern(self.pattern).found_in(text, allowance)
        if not allowance.spend(1 + len(text) // _PLAIN_CHARS_A_STEP):
            return False
        if self.pattern_type == "full":
            return text == self.pattern
        if self.pattern_type == "prefix":
            return text.startswith(self.pattern)
        return self.pattern in text


def read_fingerprints(text: str, *, where: str) -> tuple[Fingerprint, ...]:
    """Rows of a CSV file with a head line.

    Args:
        text: the file.
        where: its name, for messages.

    Raises:
        FormatError: a column is missing, a word is unknown, a pattern cannot be used, or there are
            more than `ROWS_MAX` rows or `REGEXPS_MAX` regular expressions.
    """
    reader = csv.DictReader(io.StringIO(text))
    try:
        return _read_rows(reader, where=where)
    except csv.Error as error:  # a field without an end
        raise _unusable("rows of a CSV file", str(error), where) from error


def _read_rows(reader: csv.DictReader[str], *, where: str) -> tuple[Fingerprint, ...]:
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise FormatError(
            expected=f"the columns {', '.join(_COLUMNS)}",
            seen=f"no column {', '.join(missing)}",
            where=where,
            remedy="Use a file in the format of OONI's fingerprints_http.csv.",
        )
    found: list[Fingerprint] = []
    regexps = 0
    for number, row in enumerate(reader, start=2):
        if len(found) >= ROWS_MAX:
            raise _unusable(f"at most {ROWS_MAX} rows", "more", f"{where}, line {number}")
        regexps += row["pattern_type"] == "regexp"
        if regexps > REGEXPS_MAX:
            expected = f"at most {REGEXPS_MAX} regular expressions"
            raise _unusable(expected, "more", f"{where}, line {number}")
        found.append(_read_row(row, where=f"{where}, line {number}"))
    return tuple(found)


def match(
    fingerprints: Sequence[Fingerprint], *, text: str, headers: Mapping[str, str]
) -> Fingerprint | None:
    """The row that decides about this answer: an innocent one before all others; None: none."""
    return _found(_Rows(fingerprints), text, tuple(headers.items()))


def match_address(fingerprints: Sequence[Fingerprint], addresses: Iterable[str]) -> str | None:
    """Name of the row that one of these addresses is known by."""
    found = _found_address(_Rows(fingerprints), tuple(addresses))
    return found.name if found and not found.is_innocent else None


class _Rows:
    """A list of rows as a key: the same list is the same, and none is compared row by row."""

    def __init__(self, rows: Sequence[Fingerprint]) -> None:
        self.rows = rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Rows) and other.rows is self.rows

    def __hash__(self) -> int:
        return id(self.rows)


@lru_cache(maxsize=_ANSWERS_KEPT)
def _found(
    fingerprints: _Rows, text: str, headers: tuple[tuple[str, str], ...]
) -> Fingerprint | None:
    allowance = Allowance(STEPS_MAX)
    named = dict(headers)
    fitting = [
        f
        for f in fingerprints.rows
        if (part := text if f.location == "body" else named.get(f.location.partition(".")[2]))
        and f.location != "dns"
        and f.fits(part, allowance)
    ]
    # A row that was not searched might have said that it is no block page.
    return None if allowance.is_used_up else _weightiest(fitting)


@lru_cache(maxsize=_ANSWERS_KEPT)
def _found_address(fingerprints: _Rows, addresses: tuple[str, ...]) -> Fingerprint | None:
    allowance = Allowance(_ADDRESS_STEPS_MAX)
    fitting = [
        f
        for f in fingerprints.rows
        if f.location == "dns" and any(f.fits(address, allowance) for address in addresses)
    ]
    return None if allowance.is_used_up else _weightiest(fitting)


def _weightiest(fitting: Sequence[Fingerprint]) -> Fingerprint | None:
    counted = [f for f in fitting if f.is_innocent or f.scope in _WEIGHTY]
    return min(counted, key=lambda f: (not f.is_innocent, not f.names_a_network), default=None)


def _read_row(row: Mapping[str, str | None], *, where: str) -> Fingerprint:
    name, scope, location, kind, pattern = ((row.get(column) or "") for column in _COLUMNS)
    location = location.lower()
    if scope not in _SCOPES:
        raise _unusable(f"a scope of {', '.join(sorted(_SCOPES))}", repr(scope[:80]), where)
    if kind not in _TYPES:
        raise _unusable(f"a pattern type of {', '.join(sorted(_TYPES))}", repr(kind[:80]), where)
    if location not in ("body", "dns") and not location.startswith("header."):
        raise _unusable("body, header.<name> or dns", repr(location[:80]), where)
    if not 0 < len(pattern) <= PATTERN_CHARS_MAX:
        size = f"{len(pattern)} characters"
        raise _unusable(f"a pattern of 1 to {PATTERN_CHARS_MAX} characters", size, where)
    if kind == "regexp":
        try:
            compile_pattern(pattern)
        except PatternError as error:
            expected = "a regular expression that can be searched for in bounded time"
            raise _unusable(expected, str(error), where) from error
    return Fingerprint(
        name=name, scope=scope, location=location, pattern_type=kind, pattern=pattern
    )


def _unusable(expected: str, seen: str, where: str) -> FormatError:
    return FormatError(
        expected=expected, seen=seen, where=where, remedy="Mend the row, or leave it out."
    )
