"""Foreign files: a clean end or nothing, whatever was done to them."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
from pathlib import Path

import duckdb
import pytest

from evenfall.model.errors import FormatError
from evenfall.store.reader import identify, open_rows

CONTENT = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * 7919 % 1000) for n in range(20_000))


def rows_of(path: Path) -> list:
    """All rows of a file, by the front door."""
    return [row for batch in open_rows(identify(path)).batches for row in batch.rows]


def write(path: Path, content: bytes) -> Path:
    """A file with these bytes."""
    path.write_bytes(content)
    return path


def test_plain_and_gzipped_are_the_same_file(tmp_path: Path) -> None:
    """A file is known by its decompressed bytes."""
    plain = identify(write(tmp_path / "f.csv", CONTENT))
    packed = identify(write(tmp_path / "f.csv.gz", gzip.compress(CONTENT)))
    assert plain.sha256 == packed.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert plain.size_bytes == packed.size_bytes == len(CONTENT)
    assert rows_of(tmp_path / "f.csv") == rows_of(tmp_path / "f.csv.gz")
    assert len(rows_of(tmp_path / "f.csv")) == 20_000


def test_gzip_in_several_members(tmp_path: Path) -> None:
    """Concatenated gzip files are one file, as gzip itself reads them."""
    packed = gzip.compress(CONTENT[:5000]) + gzip.compress(CONTENT[5000:])
    assert len(rows_of(write(tmp_path / "f.csv.gz", packed))) == 20_000


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.999])
def test_a_gzip_that_is_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    """At any place, also inside the checksum at its very end."""
    packed = gzip.compress(CONTENT)
    path = write(tmp_path / "f.csv.gz", packed[: int(len(packed) * share)])
    with pytest.raises(FormatError) as refused:
        identify(path)
    assert str(path) in str(refused.value)
    assert "Nothing of it was imported" in refused.value.remedy


def test_what_came_out_before_the_damage_is_counted(tmp_path: Path, foreign_tool) -> None:
    """Cut short, a wrong checksum, a second member cut short: as many bytes as zcat gives."""
    zcat = foreign_tool("zcat")
    packed = gzip.compress(CONTENT)
    wrong = packed[:-8] + bytes(4) + packed[-4:]
    for number, content in enumerate((packed[: len(packed) // 2], wrong, packed + packed[:20_000])):
        path = write(tmp_path / f"{number}.csv.gz", content)
        out = subprocess.run([zcat, str(path)], capture_output=True, check=False).stdout
        assert out
        with pytest.raises(FormatError, match=f"after {len(out):,} decompressed bytes"):
            identify(path)


@pytest.mark.parametrize("back", [1, 5, 8])
def test_a_gzip_with_a_wrong_checksum_or_length_is_refused(tmp_path: Path, back: int) -> None:
    """CRC-32 and length stand in the last eight bytes; every one of them is checked."""
    packed = bytearray(gzip.compress(CONTENT))
    packed[-back] ^= 0x10
    with pytest.raises(FormatError, match="gzip file up to its checksum"):
        identify(write(tmp_path / "f.csv.gz", bytes(packed)))


def test_a_flipped_bit_in_the_data_is_refused(tmp_path: Path) -> None:
    """Damage in the middle does not pass, wherever the decompressor notices it."""
    packed = bytearray(gzip.compress(CONTENT))
    packed[len(packed) // 2] ^= 0x01
    with pytest.raises(FormatError, match="gzip file up to its checksum"):
        identify(write(tmp_path / "f.csv.gz", bytes(packed)))


def test_rubbish_after_a_gzip_is_refused(tmp_path: Path) -> None:
    """What follows the last member is not a gzip member."""
    with pytest.raises(FormatError, match="damage"):
        identify(write(tmp_path / "f.csv.gz", gzip.compress(CONTENT) + b"rubbish!"))


@pytest.mark.parametrize(
    ("name", "content", "seen"),
    [
        ("f.zip", b"PK\x03\x04rest", "a zip archive"),
        ("f.csv.bz2", b"BZh91AY", "a bzip2 file"),
        ("f.csv.xz", b"\xfd7zXZ\x00", "an xz file"),
        ("f.csv.zst", b"\x28\xb5\x2f\xfd\x00", "a zstd file"),
        ("f.parquet.gz", gzip.compress(b"PAR1"), "a gzip file around it"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, name: str, content: bytes, seen: str) -> None:
    """What it is, and what to do, instead of a thousand broken lines."""
    with pytest.raises(FormatError) as refused:
        identify(write(tmp_path / name, content))
    assert refused.value.seen == seen


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """One message, no traceback."""
    with pytest.raises(FormatError, match="no such file"):
        identify(tmp_path / "nothing.csv")
    with pytest.raises(FormatError, match="is a directory"):
        identify(tmp_path)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """The bytes that count are the bytes that were checked."""
    path = write(tmp_path / "f.csv", CONTENT)
    checked = identify(path)
    write(path, CONTENT + b"1,2\n")
    with pytest.raises(FormatError, match="same bytes"):
        list(open_rows(checked).batches)


def test_parquet_becomes_text(tmp_path: Path) -> None:
    """Numbers, times in UTC with their offset, and nulls, whatever the session's zone."""
    path = tmp_path / "f.parquet"
    duckdb.sql(
        'COPY (SELECT 7 AS n, \'é\' AS "t""x", NULL::INT AS nothing, 1.5 AS d, '
        "'2023-11-08 08:00:00+03'::TIMESTAMPTZ AS z, '2023-11-08 05:00:00'::TIMESTAMP AS naive) "
        f"TO '{path}' (FORMAT parquet)"
    )
    rows = open_rows(identify(path))
    assert rows.header == ("n", 't"x', "nothing", "d", "z", "naive")
    (batch,) = rows.batches
    assert batch.rows == [("7", "é", None, "1.5", "2023-11-08 05:00:00+00", "2023-11-08 05:00:00")]
    assert batch.lines == [2]


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    """Cut short, it has no footer; the message is the engine's first line."""
    path = tmp_path / "f.parquet"
    duckdb.sql("SELECT range AS n FROM range(1000)").write_parquet(str(path))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError, match="a Parquet file"):
        open_rows(identify(path))
