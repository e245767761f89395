"""An open store: what one may ask of it, and how a batch of rows becomes part of it.

A batch counts from the moment its ledger line is on the disk, and not before: a process that is
killed, or a disk that is full, on the way leaves a store that opens, reads as before, and takes the
same batch again to the same result.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import duckdb

from evenfall.archive.columns import from_observations
from evenfall.archive.rows import ImportCounts
from evenfall.archive.table import TableBatch
from evenfall.infer.series import Series
from evenfall.model.curfew import Curfew, SeriesFinding
from evenfall.model.errors import StoreError
from evenfall.model.observation import Observation
from evenfall.store.accounts import (
    ImportSource,
    Tally,
    all_duplicates,
    import_id_of,
    ledger_entry,
    refuse_measured,
)
from evenfall.store.digest import digest_of
from evenfall.store.durable import store_faults
from evenfall.store.engine import (
    confine,
    connect,
    literal,
    observations_table,
    rows_of_files,
    stage,
)
from evenfall.store.findings import drop_findings, read_findings, write_findings
from evenfall.store.folder import Folder, open_folder, writer_lock
from evenfall.store.ledger import Ledger, LedgerEntry
from evenfall.store.lines import LineNames
from evenfall.store.parquet import merge_staged, observation_files
from evenfall.store.quarantine import QuarantinedRow, QuarantineWriter, read_quarantine
from evenfall.store.series import load_series, parts_of
from evenfall.store.speeds import PairSpeeds, load_pair_speeds

__all__ = ["ImportSource", "Store", "open_store"]

_SYNTH_BATCH_ROWS = 20_000
ZONE_DEFAULT = "UTC"


@contextlib.contextmanager
def open_store(path: Path, *, write: bool) -> Iterator[Store]:
    """Open a store folder; made if it is absent and is to be written.

    Args:
        path: the folder.
        write: be its one writer while inside.

    Raises:
        StoreError: not a store, newer than we are, locked by another writer, not accessible.
    """
    folder = open_folder(path, write=write)
    with contextlib.ExitStack() as stack:
        if write:
            stack.enter_context(writer_lock(folder))
            temporary = folder.temporary
        else:
            temporary = _outside()
        stack.callback(shutil.rmtree, temporary, ignore_errors=True)
        yield stack.enter_context(contextlib.closing(Store(folder, temporary, writes=write)))


class Store:
    """Made by `open_store`."""

    def __init__(self, folder: Folder, temporary: Path, *, writes: bool) -> None:
        self._folder = folder
        self._ledger = Ledger(folder)
        self._writes = writes
        self._connection = connect(temporary)

    @property
    def path(self) -> Path:
        """The folder."""
        return self._folder.path

    def close(self) -> None:
        """Let go of the engine; `open_store` does it."""
        self._connection.close()

    def imports(self) -> list[LedgerEntry]:
        """Every batch that counts, oldest first."""
        return self._ledger.entries()

    def known(self, sha256: str) -> LedgerEntry | None:
        """The batch that held these bytes, if they were imported before."""
        return next((e for e in self._ledger.entries() if e.sha256 == sha256), None)

    def add_import(
        self,
        source: ImportSource,
        batches: Iterable[TableBatch],
    ) -> ImportCounts:
        """Bring one file in: all of it, or nothing.

        Args:
            source: what file; if its bytes were imported before, nothing is read and every row
                is a duplicate.
            batches: its rows, in order; an exception from here leaves the store as it was.

        Raises:
            StoreError: the folder cannot be written, or the accounts do not add up.
        """
        self._refuse_reader()
        if before := self.known(source.sha256):
            return all_duplicates(before.counts)
        import_id = import_id_of(source.format, source.sha256)
        with self._faults("write the imported rows"):
            self._connection.execute(observations_table("staged"))
            refused = QuarantineWriter(self._connection)
        tally, lines = Tally(), LineNames(self._folder)
        for batch in batches:
            with self._faults("hold the imported rows"):
                stage(self._connection, "staged", lines.hidden(batch.observations), import_id)
                refused.add(batch.quarantined)
            tally.add(batch)
        with self._faults("write the imported rows"):
            known = merge_staged(self._connection, self._folder, self._counting_ids())
            refused.write(self._folder, import_id, source.name)
            self._connection.execute("DROP TABLE staged")
        counts = tally.counts(known.records, known.observations, known.repeated)
        entry = ledger_entry("import", import_id, source, counts.checked(where=source.name))
        self._count(entry)
        return counts

    def add_observations(
        self,
        observations: Iterable[Observation],
        *,
        name: str,
        format: str = "synth",  # noqa: A002  (the ledger's word)
    ) -> ImportCounts:
        """Bring simulated observations in: all of them, or nothing; the ledger says `synth`.

        Rows that are there already are duplicates. `import_id` is set on every row.

        Raises:
            StoreError: an observation that is not simulated (measured ones come in as records or
                files, never bare), or the folder cannot be written.
        """
        self._refuse_reader()
        ids = hashlib.sha256()
        count = 0
        with self._faults("write the simulated rows"):
            self._connection.execute(observations_table("staged"))
        rows = iter(observations)
        while chunk := list(itertools.islice(rows, _SYNTH_BATCH_ROWS)):
            refuse_measured(chunk, name)
            for observation in chunk:
                ids.update(observation.observation_id.encode() + b"\n")
            count += len(chunk)
            with self._faults("hold the simulated rows"):
                stage(self._connection, "staged", from_observations(chunk), "")
        import_id = import_id_of(format, ids.hexdigest())
        with self._faults("write the simulated rows"):
            self._connection.execute("UPDATE staged SET import_id = ?", [import_id])
            known = merge_staged(self._connection, self._folder, self._counting_ids())
            self._connection.execute("DROP TABLE staged")
        counts = ImportCounts(
            lines_in=count,
            stored=count - known.observations,
            duplicates=known.observations,
            blank=0,
            quarantined={},
            repeated=0,
            observations=count - known.observations,
        ).checked(where=name)
        if counts.stored:
            source = ImportSource(name=name, sha256=ids.hexdigest(), format=format)
            self._count(ledger_entry("synth", import_id, source, counts))
        return counts

    def series(
        self,
        services: Sequence[str] | None = None,
        networks: Sequence[str] | None = None,
        *,
        zone: str = ZONE_DEFAULT,
    ) -> list[Series]:
        """What the estimator of nights is given, ordered by service and network.

        Args:
            services: only these; None: all.
            networks: only these; None: all.
            zone: IANA zone of observations that carry none.
        """
        entries = self._ledger.entries()
        wanted = ""
        if services is not None:
            names = ", ".join(literal(service) for service in services) or "NULL"
            # Controls and neutral pairs are filed under other services, and needed too.
            wanted = f" AND (role = 'control' OR is_null_pair OR service IN ({names}))"
        with self._faults("read the observations"):
            files = parts_of(observation_files(self._folder, networks))
            parts = [_counting_rows(entries, part) + wanted for part in files]
            shares = [(entry.import_id, entry.share_over_ppm) for entry in entries]
            return load_series(self._connection, parts, shares, zone)

    def pair_speeds(self, series: Series) -> PairSpeeds:
        """Both arms of the pairs that a series rests on, in bit/s, newest first."""
        with self._faults("read the observations"):
            return load_pair_speeds(
                self._connection,
                self._rows(self._ledger.entries(), _folders_of(series.network)),
                series.service,
                series.network,
                series.simulated,
            )

    @contextlib.contextmanager
    def selecting(
        self, networks: Sequence[str] | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """The engine, with the rows that count as the view `observations`, for reading.

        Args:
            networks: only these; None: all.

        Raises:
            StoreError: whatever the engine refuses while inside. Other errors are the caller's.
        """
        with self._faults("read the observations"):
            rows = self._rows(self._ledger.entries(), networks)
            self._connection.execute(f"CREATE OR REPLACE TEMP VIEW observations AS {rows}")
        with self._engine_faults():
            yield self._connection

    @contextlib.contextmanager
    def asking(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """As `selecting`, for statements that are not ours: an engine of its own, confined.

        It opens the files behind `observations` and what it spills, nothing else, and is gone
        afterwards.

        Raises:
            StoreError: whatever the engine refuses while inside. Other errors are the caller's.
        """
        temporary = _outside()
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, temporary, ignore_errors=True)
            with self._faults("read the observations"):
                files = observation_files(self._folder, None)
                rows = _counting_rows(self._ledger.entries(), files)
                engine = stack.enter_context(contextlib.closing(connect(temporary)))
                engine.execute(f"CREATE TEMP VIEW observations AS {rows}")
                confine(engine, files, temporary)
            with self._engine_faults():
                yield engine

    @contextlib.contextmanager
    def _engine_faults(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error:
            with self._faults("read the observations"):
                raise

    def write_findings(self, curfews: Sequence[Curfew], findings: Sequence[SeriesFinding]) -> None:
        """Replace the findings by those of an analysis."""
        self._refuse_reader()
        write_findings(self._folder, curfews, findings)

    def findings(self) -> tuple[list[Curfew], list[SeriesFinding]]:
        """The findings of the last analysis; empty before the first, and after new rows came."""
        return read_findings(self._folder)

    def quarantined(self, *, rows_max: int = 1000) -> list[QuarantinedRow]:
        """The first rows that were not kept, of the imports that count."""
        paths = [self._folder.quarantine / f"{e.import_id}.parquet" for e in self.imports()]
        with self._faults("read the quarantine"):
            files = [path for path in paths if path.exists()]
            return read_quarantine(self._connection, files, rows_max=rows_max)

    def digest(self) -> str:
        """Equal for two stores that hold the same facts."""
        with self._faults("read the observations"):
            return digest_of(self._connection, self._rows(self._ledger.entries(), None))

    def _rows(self, entries: Sequence[LedgerEntry], networks: Sequence[str] | None) -> str:
        return _counting_rows(entries, observation_files(self._folder, networks))

    def _count(self, entry: LedgerEntry) -> None:
        if entry.counts.stored:
            drop_findings(self._folder)
        self._ledger.append(entry)

    def _counting_ids(self) -> list[str]:
        return [entry.import_id for entry in self._ledger.entries()]

    def _faults(self, doing: str) -> contextlib.AbstractContextManager[None]:
        return store_faults(doing, self.path)

    def _refuse_reader(self) -> None:
        if not self._writes:
            raise StoreError(
                expected="a store opened for writing",
                seen="one opened for reading",
                where=str(self.path),
                remedy="Open it with write=True.",
            )


def _outside() -> Path:
    """A folder that is not there yet, for what a reader's engine spills."""
    return Path(tempfile.gettempdir()).resolve() / f"evenfall-read-{uuid.uuid4().hex}"


def _counting_rows(entries: Sequence[LedgerEntry], files: Sequence[Path]) -> str:
    """SQL for the rows of these files that belong to batches that count."""
    counting = ", ".join(literal(entry.import_id) for entry in entries) or "NULL"
    return (
        f"SELECT * FROM ({rows_of_files(files)}) "  # noqa: S608  (our own names)
        f"WHERE (import_id IS NULL OR import_id IN ({counting}))"
    )


def _folders_of(network: str) -> list[str] | None:
    """Which networks' files to open; a series of unknown network may lie anywhere."""
    return None if network == "unknown" else [network]
