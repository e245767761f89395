"""CSV and TSV: blocks of bytes in, batches of rows out. A broken line costs itself and no other.

Lines end with LF or CRLF; quoting is RFC 4180's, so a quoted field may span lines. A quotation
mark that nothing sensible closes would swallow the rest of the file; here a record may span at most
100 lines, must be well formed and must have as many fields as the header, or its *first* line alone
is quarantined and reading goes on with the second. A line that is not UTF-8, or longer than 1 MiB,
is quarantined by itself. Every refusal has its line number and byte offset.

Whole runs of lines that turn out to be flawless, one record a line, take a short way; only a run
with something odd in it is read line by line.

What it does not do: guess encodings, comment lines, escapes other than a doubled mark, or repair.

Sources: RFC 4180; Python's csv module in strict mode splits the fields.
"""

from __future__ import annotations

import csv
import itertools
from collections import deque
from collections.abc import Iterable, Iterator

from evenfall.archive.rows import Quarantined, Reason, RowBatch
from evenfall.model.errors import FormatError

__all__ = ["DelimitedReader"]

LINE_BYTES_MAX = 1 << 20
RECORD_LINES_MAX = 100
BATCH_ROWS = 16_384
RUN_LINES = 2048
COLUMNS_MAX = 10_000
_DELIMITERS = (",", "\t", ";", "|")


class _BrokenRecordError(Exception):
    """The record that the csv reader is in the middle of cannot be completed."""


class _Line:
    """One line: its text, or the reason why it has none."""

    __slots__ = ("number", "offset", "reason", "text")

    def __init__(self, raw: bytes | None, number: int, offset: int) -> None:
        self.number = number
        self.offset = offset
        self.reason: Reason | None = None
        self.text = ""
        if raw is None:
            self.reason = Reason.LINE_TOO_LONG
            return
        try:
            self.text = raw.decode()  # with its end: inside quotes it belongs to the field
        except UnicodeDecodeError:
            self.reason = Reason.BAD_UTF8


class _LineFeed:
    """Feeds lines to the csv reader and remembers those of the record it is in."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self.taken: list[_Line] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= RECORD_LINES_MAX:
            raise _BrokenRecordError
        line = next(self._lines)
        self.taken.append(line)
        if line.reason is not None:
            raise _BrokenRecordError
        return line.text

    def give_up_first(self) -> _Line:
        """The record's first line is beyond help; the others will be read again."""
        first, *others = self.taken
        self._lines.put_back(others)
        self.taken = []
        return first


class DelimitedReader:
    """Iterates over the rows of one file.

    Args:
        blocks: the decompressed bytes, in pieces of any size.
        delimiter: one character; empty: the commonest of , tab ; | in the first line.
        name: of the file, for messages.
        header: names of the columns, if no line of the file gives them: the first line is a row.

    Raises:
        FormatError: no header, a header that is not UTF-8, or more than 10,000 columns.
    """

    def __init__(
        self,
        blocks: Iterable[bytes],
        *,
        delimiter: str,
        name: str,
        header: tuple[str, ...] = (),
    ) -> None:
        self._name = name
        self._lines = _Lines(blocks)
        first = next(self._lines, None)
        if first is None or (not header and (first.reason is not None or not first.text.strip())):
            raise self._no_header(first)
        first.text = first.text.removeprefix("\ufeff")
        text = first.text.rstrip("\r\n")
        self._delimiter = delimiter or max(_DELIMITERS, key=text.count)
        self.header = header or self._parse_header(text)
        if header:
            self._lines.put_back([first])

    def __iter__(self) -> Iterator[RowBatch]:
        batch = _BatchBuilder()
        while run := self._lines.take_run():
            if rows := self._flawless(run):
                batch.accept_all(rows, run)
            else:
                self._lines.put_back(run)
                self._read_carefully(len(run), batch)
            if batch.is_full:
                yield batch.build()
                batch = _BatchBuilder()
        yield batch.build()

    def _flawless(self, run: list[_Line]) -> list[list[str]] | None:
        """One record a line, each with all its fields, or None."""
        if any(line.reason for line in run):
            return None
        texts = [line.text for line in run]
        try:
            rows = list(csv.reader(texts, delimiter=self._delimiter, strict=True))
        except csv.Error:
            return None
        width = len(self.header)
        return rows if len(rows) == len(run) and all(len(r) == width for r in rows) else None

    def _read_carefully(self, lines: int, batch: _BatchBuilder) -> None:
        """Read at least so many lines, record by record."""
        feed = _LineFeed(self._lines)
        reader = csv.reader(feed, delimiter=self._delimiter, strict=True)
        last = self._lines.number + lines
        while self._lines.number < last:
            try:
                row = next(reader)
            except StopIteration:
                break
            except (csv.Error, _BrokenRecordError) as error:
                batch.refuse(feed.give_up_first(), _reason(error))
                continue
            self._place(row, feed, batch)

    def _place(self, row: list[str], feed: _LineFeed, batch: _BatchBuilder) -> None:
        taken = feed.taken
        if len(row) == len(self.header):
            batch.accept(row, taken[0])
        elif not row or (len(row) == 1 and not row[0].strip()):
            batch.blank += 1
        elif len(taken) > 1:
            batch.refuse(feed.give_up_first(), Reason.BAD_QUOTES)
        else:
            detail = f"{len(row)} fields, the header has {len(self.header)}"
            batch.refuse(taken[0], Reason.FIELD_COUNT, detail)
        feed.taken = []

    def _parse_header(self, text: str) -> tuple[str, ...]:
        try:
            header = next(csv.reader([text], delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            raise FormatError(
                expected="a first line with the names of the columns",
                seen=f"{text[:80]!r} ({error})",
                where=f"{self._name}, line 1",
                remedy="Give the file a header line with one name a column.",
            ) from error
        if len(header) > COLUMNS_MAX:
            raise FormatError(
                expected=f"at most {COLUMNS_MAX:,} columns",
                seen=f"{len(header):,}",
                where=f"{self._name}, line 1",
                remedy="Cut the file down to the columns that the map names.",
            )
        return tuple(header)

    def _no_header(self, first: _Line | None) -> FormatError:
        seen = "an empty line"
        if first is None:
            seen = "an empty file"
        elif first.reason is Reason.BAD_UTF8:
            seen = "bytes that are not UTF-8"
        elif first.reason is Reason.LINE_TOO_LONG:
            seen = f"more than {LINE_BYTES_MAX:,} bytes without an end of line"
        return FormatError(
            expected="a first line with the names of the columns, as UTF-8 text",
            seen=seen,
            where=f"{self._name}, line 1",
            remedy="Check that it is a CSV or TSV file (.gz is allowed) with a header.",
        )


class _BatchBuilder:
    """Collects one batch."""

    def __init__(self) -> None:
        self._rows: list[list[str]] = []
        self._lines: list[int] = []
        self._offsets: list[int] = []
        self._broken: list[Quarantined] = []
        self.blank = 0

    @property
    def is_full(self) -> bool:
        return len(self._rows) + len(self._broken) >= BATCH_ROWS

    def accept(self, row: list[str], first: _Line) -> None:
        self._rows.append(row)
        self._lines.append(first.number)
        self._offsets.append(first.offset)

    def accept_all(self, rows: list[list[str]], lines: list[_Line]) -> None:
        self._rows += rows
        self._lines += [line.number for line in lines]
        self._offsets += [line.offset for line in lines]

    def refuse(self, line: _Line, reason: Reason, detail: str = "") -> None:
        self._broken.append(
            Quarantined(
                line=line.number,
                offset=line.offset,
                reason=line.reason or reason,
                detail=detail,
            )
        )

    def build(self) -> RowBatch:
        return RowBatch(
            rows=self._rows,
            lines=self._lines,
            offsets=self._offsets,
            broken=self._broken,
            blank=self.blank,
        )


def _reason(error: Exception) -> Reason:
    return Reason.LINE_TOO_LONG if "larger than field limit" in str(error) else Reason.BAD_QUOTES


class _Lines:
    """The lines of a file; some may be put back to be read again.

    Attributes:
        number: of the line that was handed out last, 1-based.
    """

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._raw = _raw_lines(blocks)
        self._again: deque[_Line] = deque()
        self._read = 0
        self._offset = 0
        self.number = 0

    def __iter__(self) -> Iterator[_Line]:
        return self

    def __next__(self) -> _Line:
        line = self._again.popleft() if self._again else self._next_raw()
        self.number = line.number
        return line

    def take_run(self) -> list[_Line]:
        """The next lines, at most RUN_LINES; none at the end."""
        return list(itertools.islice(self, RUN_LINES))

    def put_back(self, lines: list[_Line]) -> None:
        """Hand these out again, before all others."""
        if lines:
            self._again.extendleft(reversed(lines))
            self.number = lines[0].number - 1

    def _next_raw(self) -> _Line:
        raw = next(self._raw)
        self._read += 1
        line = _Line(None if isinstance(raw, int) else raw, self._read, self._offset)
        self._offset += raw if isinstance(raw, int) else len(raw)
        return line


def _raw_lines(blocks: Iterable[bytes]) -> Iterator[bytes | int]:
    """Lines with their ends; a line that is too long comes as its length in bytes."""
    rest = b""
    dropped_bytes = 0
    for block in blocks:
        pieces = (rest + block).split(b"\n")
        rest = pieces.pop()
        for piece in pieces:
            if dropped_bytes or len(piece) >= LINE_BYTES_MAX:
                yield dropped_bytes + len(piece) + 1
                dropped_bytes = 0
            else:
                yield piece + b"\n"
        if len(rest) >= LINE_BYTES_MAX:
            dropped_bytes += len(rest)
            rest = b""
    if dropped_bytes:
        yield dropped_bytes + len(rest)
    elif rest:
        yield rest
