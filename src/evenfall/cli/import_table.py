"""`evenfall import`: read somebody's history into the store."""

from __future__ import annotations

import contextlib
import glob
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evenfall.cli.options import EvenfallGroup, Settings, settings_of
from evenfall.model.encoding import to_json_line
from evenfall.model.errors import EvenfallError, FormatError, UsageError
from evenfall.text.imported import accounts_lines, known_line

if TYPE_CHECKING:
    from evenfall.archive import ImportCounts, TableBatch, TableMap
    from evenfall.store import Store
    from evenfall.store.reader import FileIdentity

__all__ = ["command"]

IMPORT_SCHEMA = "1.0"
_MAP_BYTES_MAX = 65_536

Progress = Callable[[int, int], None]


@click.group("import", cls=EvenfallGroup, help="Read somebody's history into the store.")
def command() -> None:
    """Group of the formats."""


@command.command("table", help="Import CSV, TSV or Parquet files (.gz too) as a map file says.")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--map",
    "map_path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Map file (TOML): which column is what. See docs/import.md.",
)
@click.pass_context
def table(ctx: click.Context, files: tuple[str, ...], map_path: Path) -> int:
    """Import each file whole or not at all; go on with the next; 1 if any was refused."""
    settings = settings_of(ctx)
    plan = _read_map(map_path)
    paths = _expand(files)
    if settings.plan:
        _say(settings, "Nothing would be sent. Would read, and write to the store, these files:")
        for path in paths:
            _say(settings, f"  {path}")
        return 0
    from evenfall.store import open_store

    refused = 0
    with open_store(settings.store, write=True) as store:
        for path in paths:
            try:
                _import_one(store, path, plan, settings)
            except FormatError as error:
                refused += 1
                _say_refused(path, error, settings)
    return 1 if refused else 0


def _read_map(path: Path) -> TableMap:
    from evenfall.archive import read_map

    try:
        with path.open("rb") as file:
            text = file.read(_MAP_BYTES_MAX + 1).decode("utf-8")
    except OSError as error:
        raise UsageError(
            expected="a map file (TOML) that can be read",
            seen=(error.strerror or str(error)).lower(),
            where=str(path),
            remedy="Give its path with --map; examples/ holds map files to start from.",
        ) from error
    except UnicodeDecodeError as error:
        raise _map_error("bytes that are not UTF-8", path) from error
    return read_map(text, name=str(path))


def _map_error(seen: str, path: Path) -> FormatError:
    return FormatError(
        expected="a map file (TOML)",
        seen=seen,
        where=str(path),
        remedy="examples/ holds map files to start from; docs/import.md lists the keys.",
    )


def _expand(files: Sequence[str]) -> list[Path]:
    """Patterns that the shell left alone are expanded here; a name without one stays."""
    paths: list[Path] = []
    for name in files:
        found: list[str] = []
        if glob.has_magic(name) and not Path(name).exists():
            found = sorted(glob.glob(name, recursive=True))  # noqa: PTH207  (absolute patterns too)
        paths += [Path(match) for match in found] or [Path(name)]
    return list(dict.fromkeys(paths))


def _import_one(store: Store, path: Path, plan: TableMap, settings: Settings) -> None:
    from evenfall.archive import TABLE_FORMAT
    from evenfall.store import ImportSource
    from evenfall.store.reader import identify

    began_s = time.monotonic()
    with _progress(f"checking {path.name}", settings):
        identity = identify(path)
    source = ImportSource(
        name=path.name,
        sha256=identity.sha256,
        format=TABLE_FORMAT,
        map_text=plan.text,
        share_over_ppm=plan.share_over_ppm,
    )
    before = store.known(identity.sha256)
    with _progress(f"importing {path.name}", settings) as advance:
        counts = store.add_import(source, _batches(identity, plan, advance))
    same_map = before is None or before.map_text == plan.text
    if before is not None:
        _say(settings, known_line(str(path), same_map=same_map))
    _report(path, identity, counts, settings, time.monotonic() - began_s, known=before is not None)


def _batches(identity: FileIdentity, plan: TableMap, advance: Progress) -> Iterator[TableBatch]:
    from evenfall.archive import TableReader
    from evenfall.store.reader import open_rows

    rows = open_rows(identity, plan.file.header)
    reader = TableReader(plan, rows.header, name=str(identity.path), now_us=time.time_ns() // 1000)
    for batch in rows.batches:
        yield reader.read(batch)
        if batch.offsets:
            advance(batch.offsets[-1], identity.size_bytes)


def _report(
    path: Path,
    identity: FileIdentity,
    counts: ImportCounts,
    settings: Settings,
    duration_s: float,
    *,
    known: bool,
) -> None:
    from evenfall.archive import REASONS

    numbers = {
        name: getattr(counts, name)
        for name in ("lines_in", "stored", "duplicates", "blank", "repeated", "observations")
    }
    if settings.json:
        _print_line(
            path,
            status="known" if known else "imported",
            sha256=identity.sha256,
            **numbers,
            quarantined=counts.quarantined,
            duration_s=round(duration_s, 3),
        )
    reasons = {str(reason): meaning for reason, meaning in REASONS.items()}
    for line in accounts_lines(str(path), numbers, counts.quarantined, reasons):
        _say(settings, line)


def _say_refused(path: Path, error: EvenfallError, settings: Settings) -> None:
    click.echo(f"evenfall: {error}", err=True)
    if settings.json:
        parts = {name: getattr(error, name) for name in ("expected", "seen", "where", "remedy")}
        _print_line(path, status="refused", error=parts)


def _print_line(path: Path, **fields: Any) -> None:
    line = {"kind": "import", "file": str(path), **fields, "schema": IMPORT_SCHEMA}
    click.echo(to_json_line(line))


def _say(settings: Settings, line: str) -> None:
    if settings.verbosity >= 0:
        click.echo(line, err=settings.json)


@contextlib.contextmanager
def _progress(label: str, settings: Settings) -> Iterator[Progress]:
    """A bar with rate and time left on a terminal; one plain line elsewhere."""
    if settings.verbosity < 0:
        yield lambda _done, _total: None
        return
    if not sys.stderr.isatty():
        click.echo(label, err=True)
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True, no_color=not settings.color)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
