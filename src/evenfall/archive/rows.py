"""What passes between a file and the store: rows, refusals with a reason, and the accounts.

Pure data. A row that is not stored is never lost silently: it is counted under one of the reasons
below and named in the quarantine table by file, line and offset. The row's own text is *not*
copied there, because foreign files hold addresses of people; the file itself stays where it is.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from evenfall.model.errors import StoreError

__all__ = ["REASONS", "ImportCounts", "Quarantined", "Reason", "RowBatch"]


class Reason(StrEnum):
    """Why a row was not stored. Closed and append-only; meanings in `REASONS`."""

    BAD_UTF8 = "bad_utf8"
    FIELD_COUNT = "field_count"
    BAD_QUOTES = "bad_quotes"
    LINE_TOO_LONG = "line_too_long"
    NO_ENDPOINT = "no_endpoint"
    NOT_SELECTED = "not_selected"
    TIME_MISSING = "time_missing"
    TIME_UNREADABLE = "time_unreadable"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    TIME_FUTURE = "time_future"
    TIME_NONEXISTENT = "time_nonexistent"
    TIME_AMBIGUOUS = "time_ambiguous"
    SERVICE_MISSING = "service_missing"
    NETWORK_MISSING = "network_missing"
    TEXT_TOO_LONG = "text_too_long"
    ZONE_AMBIGUOUS = "zone_ambiguous"
    ZONE_UNKNOWN = "zone_unknown"
    GROUP_MISSING = "group_missing"
    OUTCOME_UNKNOWN = "outcome_unknown"
    GOODPUT_MISSING = "goodput_missing"
    GOODPUT_NOT_A_NUMBER = "goodput_not_a_number"
    GOODPUT_NEGATIVE = "goodput_negative"
    GOODPUT_OUT_OF_RANGE = "goodput_out_of_range"


REASONS: dict[Reason, str] = {
    Reason.BAD_UTF8: "The line is not valid UTF-8.",
    Reason.FIELD_COUNT: "The row has more or fewer fields than the header.",
    Reason.BAD_QUOTES: "A quotation mark opens a field and nothing sensible closes it; the "
    "lines after it are read on their own.",
    Reason.LINE_TOO_LONG: "The line is longer than 1 MiB.",
    Reason.NO_ENDPOINT: "The map names an endpoint column and it is empty here: the row is not "
    "about an endpoint.",
    Reason.NOT_SELECTED: "The map's `where` is false, or cannot be told, for this row.",
    Reason.TIME_MISSING: "The time column is empty.",
    Reason.TIME_UNREADABLE: "The time is not in the format that the map names, or has no hour.",
    Reason.TIME_OUT_OF_RANGE: "The time is before 1990 or after 2099: a clock that was never set.",
    Reason.TIME_FUTURE: "The time is more than a day ahead of this machine's clock.",
    Reason.TIME_NONEXISTENT: "A stamp without an offset, in the hour that a change to summer time "
    "left out.",
    Reason.TIME_AMBIGUOUS: "A stamp without an offset, in the hour that a change from summer time "
    "repeated.",
    Reason.SERVICE_MISSING: "The service column is empty.",
    Reason.NETWORK_MISSING: "The network column is empty.",
    Reason.TEXT_TOO_LONG: "A service, network, line, group or endpoint of more than 2,048 "
    "characters.",
    Reason.ZONE_AMBIGUOUS: "The map does not decide in which time zone this row is judged.",
    Reason.ZONE_UNKNOWN: "The zone column names no zone of the time zone database.",
    Reason.GROUP_MISSING: "The group column is empty: the row belongs to no test.",
    Reason.OUTCOME_UNKNOWN: "The map's `failed` cannot be told for this row (it compares an empty "
    "field).",
    Reason.GOODPUT_MISSING: "The goodput column is empty.",
    Reason.GOODPUT_NOT_A_NUMBER: "A goodput, of target or control, is not a finite number.",
    Reason.GOODPUT_NEGATIVE: "A goodput, of target or control, is below zero.",
    Reason.GOODPUT_OUT_OF_RANGE: "A goodput, of target or control, is above 10^15 bit/s.",
}
"""Reason → one sentence, as printed in docs/import.md."""


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """One row that was not stored.

    Attributes:
        line: 1-based line of the file (row number plus one for Parquet).
        offset: byte offset of the line in the decompressed file; null for Parquet.
        detail: the value at fault, cut at 80 characters; never the whole row.
    """

    line: int
    offset: int | None
    reason: Reason
    detail: str = ""


class RowBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of a file in order, and what was broken between them.

    Attributes:
        rows: fields as text, as many as the header has; "" and None both mean empty.
        lines, offsets: one a row, as in `Quarantined`.
    """

    rows: list[list[str]] | list[tuple[str | None, ...]]
    lines: list[int]
    offsets: list[int] | None
    broken: list[Quarantined]
    blank: int


class ImportCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts of one file: lines_in = stored + duplicates + quarantined + blank.

    Attributes:
        lines_in: rows after the header, blank lines included; a row may span lines of text.
        stored: rows now in the store, repeats inside the file included.
        duplicates: rows that the store already had, from this file or another.
        quarantined: by reason.
        repeated: of the stored ones, byte-identical to an earlier row of the same file.
        observations: facts made of the stored rows (a row with two controls makes three).
    """

    lines_in: int
    stored: int
    duplicates: int
    blank: int
    quarantined: dict[str, int]
    repeated: int
    observations: int

    def checked(self, *, where: str) -> ImportCounts:
        """Itself, if the accounts add up.

        Raises:
            StoreError: they do not; a fault of ours, and the import must not count.
        """
        total = self.stored + self.duplicates + sum(self.quarantined.values()) + self.blank
        if self.lines_in != total:
            raise StoreError(
                expected=f"{self.lines_in} lines read to be accounted for",
                seen=f"{total}: {self}",
                where=where,
                remedy="A fault in Evenfall: nothing of the file was kept. Please report it.",
            )
        return self
