"""CSV and TSV: a broken line costs itself and no other, wherever the blocks are cut."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenfall.archive.delimited import LINE_BYTES_MAX, DelimitedReader
from evenfall.archive.rows import Reason
from evenfall.model.errors import FormatError


def read(content: bytes, *, block: int = 1 << 20, delimiter: str = ""):
    """(header, rows, broken as (line, reason), blank)."""
    blocks = (content[i : i + block] for i in range(0, len(content), block))
    reader = DelimitedReader(blocks, delimiter=delimiter, name="f.csv")
    rows, broken, blank = [], [], 0
    for batch in reader:
        rows += batch.rows
        broken += batch.broken
        blank += batch.blank
        assert len(batch.lines) == len(batch.offsets) == len(batch.rows)
    return reader.header, rows, [(q.line, q.reason) for q in broken], blank


def test_a_plain_file() -> None:
    """Quotes, doubled quotes, line breaks in quotes, CRLF, a byte order mark, no last line end."""
    content = '\ufeffa,b\r\n1,"x, ""y"""\r\n"2\n3",z\r\n\r\n4,5'.encode()
    header, rows, broken, blank = read(content)
    assert header == ("a", "b")
    assert rows == [["1", 'x, "y"'], ["2\n3", "z"], ["4", "5"]]
    assert broken == []
    assert blank == 1


@pytest.mark.parametrize(
    ("head", "delimiter"), [("a,b", ","), ("a\tb", "\t"), ("a;b", ";"), ("a|b", "|")]
)
def test_the_delimiter_is_found_in_the_header(head: str, delimiter: str) -> None:
    """The commonest of four candidates."""
    content = f"{head}\n1{delimiter}2\n".encode()
    assert read(content)[:2] == (("a", "b"), [["1", "2"]])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1,2,3", Reason.FIELD_COUNT),
        (b"1", Reason.FIELD_COUNT),
        (b'"1,2', Reason.BAD_QUOTES),
        (b'1,"2', Reason.BAD_QUOTES),
        (b'"1"x,2', Reason.BAD_QUOTES),
        (b"1,\xff", Reason.BAD_UTF8),
        (b"1," + b"x" * LINE_BYTES_MAX, Reason.LINE_TOO_LONG),
        (b"1," + b"x" * 200_000, Reason.LINE_TOO_LONG),
    ],
    ids=["more", "fewer", "open1", "open2", "after", "utf8", "long_line", "long_field"],
)
@pytest.mark.parametrize("place", [0, 1, 150, 299])
@pytest.mark.parametrize("block", [1 << 20, 7919])
def test_a_broken_line_costs_itself_alone(
    line: bytes, reason: Reason, place: int, block: int
) -> None:
    """300 good lines around it are all there, in order, wherever it stands."""
    good = [f'{n},"v {n}"'.encode() for n in range(300)]
    lines = [*good[:place], line, *good[place:]]
    header, rows, broken, _ = read(b"\n".join([b"a,b", *lines]), block=block)
    assert header == ("a", "b")
    assert rows == [[str(n), f"v {n}"] for n in range(300)]
    assert broken == [(place + 2, reason)]


def test_every_line_is_accounted_for_when_all_are_broken() -> None:
    """A thousand lines that each open a quote are a thousand refusals, quickly."""
    _, rows, broken, _ = read(b"a,b\n" + b'"x,1\n' * 1000)
    # An open quote is closed by the next line's: pairs of lines make one field too few.
    assert rows == []
    assert [line for line, _ in broken] == list(range(2, 1002))


def test_offsets_point_at_the_line() -> None:
    """The byte offset of a refusal is where its line begins in the decompressed file."""
    content = "a,b\né,1\nx\ny,2\n".encode()
    reader = DelimitedReader([content], delimiter=",", name="f.csv")
    batch = next(iter(reader))
    (refused,) = batch.broken
    assert content[refused.offset :].startswith(b"x\n")
    assert [content[o : o + 2] for o in batch.offsets] == ["é".encode(), b"y,"]


cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=20)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(cells, min_size=2, max_size=2), max_size=12), st.integers(1, 40))
def test_what_the_standard_library_writes_is_read_back(rows, block) -> None:
    """Any rows written by `csv.writer` come back, whatever the size of the blocks."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    _, back, broken, blank = read(out.getvalue().encode(), block=block, delimiter=",")
    assert back == rows
    assert broken == []
    assert blank == 0


@pytest.mark.parametrize(
    ("content", "seen"),
    [(b"", "an empty file"), (b"\n1,2\n", "an empty line"), (b"a,\xff\n", "not UTF-8")],
)
def test_a_file_without_a_header_is_refused(content: bytes, seen: str) -> None:
    """One message that says what a header is."""
    with pytest.raises(FormatError, match="names of the columns") as refused:
        read(content)
    assert seen in refused.value.seen


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_a_header_that_is_given_makes_the_first_line_a_row(start: bytes) -> None:
    """Its number is 1 and its offset 0; lines with another number of fields are refused."""
    content = start + b'1,"a b"\n2,c\n3\n'
    reader = DelimitedReader([content], delimiter="", name="f.csv", header=("t", "v"))
    (batch,) = reader
    assert reader.header == ("t", "v")
    assert [list(row) for row in batch.rows] == [["1", "a b"], ["2", "c"]]
    assert batch.lines == [1, 2]
    assert batch.offsets is not None
    assert batch.offsets[0] == 0
    assert [(q.line, q.reason) for q in batch.broken] == [(3, Reason.FIELD_COUNT)]


def test_a_broken_first_line_costs_itself_alone_where_the_header_is_given() -> None:
    """A row like any other."""
    reader = DelimitedReader([b"\xff\n1,2\n"], delimiter=",", name="f.csv", header=("a", "b"))
    (batch,) = reader
    assert [list(row) for row in batch.rows] == [["1", "2"]]
    assert [q.reason for q in batch.broken] == [Reason.BAD_UTF8]
    with pytest.raises(FormatError, match="names of the columns"):
        DelimitedReader([], delimiter=",", name="f.csv", header=("a",))
