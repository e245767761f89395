"""Foreign files: opened, decompressed, checked to their clean end; rows come out in batches.

A file is read twice. The first time nothing is believed: every byte goes through the decompressor
and a hash, so that a gzip file that is cut short or whose checksum is wrong is refused before one
row of it counts. The second time rows are handed out, and the hash must come out the same.

Bounded: 1 MiB blocks, lines of at most 1 MiB, batches of 16,384 rows; archives are never extracted
to the disk. gzip goes through isal, which checks CRC-32 and length of every member.

Parquet is read by DuckDB; every value becomes text (times in UTC with their offset, null stays
null), so that one importer serves all three.

What it does not do: read from a pipe, xz, bz2, zstd or zip, or guess a format from the content
alone (a name ending in .parquet, .tsv or .csv decides; anything else is taken for CSV).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO, cast

import duckdb
import msgspec
from isal import igzip, isal_zlib

from evenfall.archive.delimited import BATCH_ROWS, DelimitedReader
from evenfall.archive.rows import RowBatch
from evenfall.model.errors import FormatError
from evenfall.store.engine import connect, literal

__all__ = ["FileIdentity", "Rows", "identify", "open_rows"]

_BLOCK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 31  # zlib's word for "with a gzip header"
_COUNTED_BYTES = 4096  # at most about 4 MiB when decompressed
_GZIP_FAULTS: tuple[type[Exception], ...] = (
    EOFError,
    igzip.BadGzipFile,
    isal_zlib.error,  # type: ignore[assignment]  # (a class, the stub says an instance)
    zlib.error,
)
_REFUSED_MAGIC = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
}


class Kind(StrEnum):
    """How the rows are written."""

    DELIMITED = "delimited"
    PARQUET = "parquet"


class FileIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """A file that has been read to its clean end.

    Attributes:
        sha256: hex, of the decompressed bytes.
        size_bytes: decompressed.
        delimiter: for a text table; empty: to be found in the header.
    """

    path: Path
    kind: Kind
    gzipped: bool
    delimiter: str
    sha256: str
    size_bytes: int


class Rows:
    """Header and batches of one file.

    Attributes:
        header: names of the columns.
        batches: may be iterated over once.
    """

    def __init__(self, header: tuple[str, ...], batches: Iterator[RowBatch]) -> None:
        self.header = header
        self.batches = batches


def identify(path: Path) -> FileIdentity:
    """Read a file to its end and say what it is.

    Raises:
        FormatError: not there, not readable, a format we do not read, or a gzip file without a
            clean end.
    """
    with _open(path) as raw:
        start = raw.read(8)
    _refuse_foreign(path, start)
    gzipped = start.startswith(_GZIP_MAGIC)
    kind, delimiter = _kind(path, start)
    if gzipped and kind is Kind.PARQUET:
        raise FormatError(
            expected="a Parquet file as it is (it is compressed inside)",
            seen="a gzip file around it",
            where=str(path),
            remedy="Unpack it first: gunzip FILE.",
        )
    digest = hashlib.sha256()
    size_bytes = 0
    for block in _blocks(path, gzipped=gzipped):
        digest.update(block)
        size_bytes += len(block)
    return FileIdentity(
        path=path,
        kind=kind,
        gzipped=gzipped,
        delimiter=delimiter,
        sha256=digest.hexdigest(),
        size_bytes=size_bytes,
    )


def open_rows(file: FileIdentity, header: tuple[str, ...] = ()) -> Rows:
    """Header and batches of a file that `identify` has passed.

    Args:
        file: which.
        header: names of the columns of a text table that has no line with them.

    Raises:
        FormatError: no header; while iterating: the file is not the same any more.
    """
    if file.kind is Kind.PARQUET:
        return _parquet_rows(file)
    reader = DelimitedReader(
        _same_blocks(file), delimiter=file.delimiter, name=str(file.path), header=header
    )
    return Rows(reader.header, iter(reader))


def _kind(path: Path, start: bytes) -> tuple[Kind, str]:
    name = path.name.lower().removesuffix(".gz")
    if start.startswith(b"PAR1") or name.endswith((".parquet", ".pq")):
        return Kind.PARQUET, ""
    return Kind.DELIMITED, "\t" if name.endswith((".tsv", ".tab")) else ""


def _refuse_foreign(path: Path, start: bytes) -> None:
    for magic, what in _REFUSED_MAGIC.items():
        if start.startswith(magic):
            raise FormatError(
                expected="a CSV, TSV or Parquet file, the first two also with gzip around them",
                seen=what,
                where=str(path),
                remedy="Unpack it first.",
            )


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> FormatError:
    return FormatError(
        expected="a file that can be read",
        seen=(error.strerror or str(error)).lower(),
        where=str(path),
        remedy="Check the path and the right to read it.",
    )


def _blocks(path: Path, *, gzipped: bool) -> Iterator[bytes]:
    with _open(path) as raw:
        stream = _unzipped(raw) if gzipped else raw
        try:
            while block := stream.read(_BLOCK_BYTES):
                yield block
        except _GZIP_FAULTS as error:
            raise FormatError(
                expected="a gzip file up to its checksum",
                seen=f"{_gzip_fault(error)} after {_good_bytes(path):,} decompressed bytes",
                where=str(path),
                remedy="Nothing of it was imported. Get the file again: its end is missing or "
                "damaged.",
            ) from error
        except OSError as error:
            raise _unreadable(path, error) from error


def _unzipped(raw: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", igzip.GzipFile(fileobj=raw))  # type: ignore[no-untyped-call]  # (isal)


def _gzip_fault(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the end of the file in the middle of the data"
    return f"damage ({error})"


def _good_bytes(path: Path) -> int:
    """Bytes that come out of a damaged gzip file before its fault.

    Counted anew with zlib, in small pieces: the fast reader gives nothing of the block it fails in.
    """
    done_bytes = 0
    member = zlib.decompressobj(_GZIP_WBITS)
    with _open(path) as raw:
        while piece := raw.read(_COUNTED_BYTES):
            while piece:
                before = member.copy()
                try:
                    done_bytes += len(member.decompress(piece))
                except zlib.error:
                    return done_bytes + _one_by_one(before, piece)
                piece = member.unused_data
                if member.eof:
                    member = zlib.decompressobj(_GZIP_WBITS)
    return done_bytes


def _one_by_one(member: zlib._Decompress, piece: bytes) -> int:
    """The same for the piece with the fault in it."""
    done_bytes = 0
    for at in range(len(piece)):
        try:
            done_bytes += len(member.decompress(piece[at : at + 1]))
        except zlib.error:
            break
    return done_bytes


def _same_blocks(file: FileIdentity) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for block in _blocks(file.path, gzipped=file.gzipped):
        digest.update(block)
        yield block
    if digest.hexdigest() != file.sha256:
        raise FormatError(
            expected="the same bytes as when it was checked a moment ago",
            seen="other bytes",
            where=str(file.path),
            remedy="Something is writing to the file. Import it when that is done.",
        )


def _parquet_rows(file: FileIdentity) -> Rows:
    connection = connect(Path(tempfile.gettempdir()) / f"evenfall-{os.getpid()}")
    source = f"read_parquet({literal(str(file.path))}, hive_partitioning = false)"
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608  (quoted path)
    except duckdb.Error as error:
        raise _bad_parquet(file.path, error) from error
    header = tuple(str(row[0]) for row in described)
    names = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}"::VARCHAR' for name in header)
    return Rows(header, _parquet_batches(connection, f"SELECT {names} FROM {source}", file.path))  # noqa: S608  (quoted)


def _parquet_batches(
    connection: duckdb.DuckDBPyConnection, query: str, path: Path
) -> Iterator[RowBatch]:
    line = 1
    try:
        cursor = connection.execute(query)
        while rows := cursor.fetchmany(BATCH_ROWS):
            lines = list(range(line + 1, line + 1 + len(rows)))
            line += len(rows)
            yield RowBatch(rows=rows, lines=lines, offsets=None, broken=[], blank=0)
    except duckdb.Error as error:
        raise _bad_parquet(path, error) from error
    finally:
        connection.close()


def _bad_parquet(path: Path, error: Exception) -> FormatError:
    return FormatError(
        expected="a Parquet file",
        seen=(str(error).strip().splitlines() or [""])[0][:300],
        where=str(path),
        remedy="Nothing of it was imported. Get the file again, or export it as CSV.",
    )
