"""The accounts of one batch: where it came from, what became of its rows, its ledger line.

Every line that came in is stored, a duplicate, blank or in quarantine; `ImportCounts` refuses sums
that do not add up.

What it does not do: read or write anything.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable

import msgspec

from evenfall import __version__
from evenfall.archive.rows import ImportCounts
from evenfall.archive.table import TableBatch
from evenfall.model.errors import StoreError
from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Provenance
from evenfall.store.ledger import LedgerEntry

__all__ = [
    "ImportSource",
    "Tally",
    "all_duplicates",
    "import_id_of",
    "ledger_entry",
    "refuse_measured",
]


class ImportSource(msgspec.Struct, frozen=True, kw_only=True):
    """A file about to be imported.

    Attributes:
        name: its last path component; folders name people and are not kept.
        sha256: hex, of its decompressed bytes.
        format: as `table/1`.
        map_text, share_over_ppm: of the map file.
    """

    name: str
    sha256: str
    format: str
    map_text: str = ""
    share_over_ppm: int = 0


class Tally:
    """Counts the batches of one file."""

    def __init__(self) -> None:
        self._lines = self._kept = self._blank = self._repeated = self._observations = 0
        self._quarantined: dict[str, int] = {}

    def add(self, batch: TableBatch) -> None:
        """Count the rows of one batch."""
        self._lines += batch.rows_in
        self._kept += batch.rows_kept
        self._blank += batch.blank
        self._repeated += batch.repeated
        self._observations += batch.observations.rows
        for row in batch.quarantined:
            self._quarantined[str(row.reason)] = self._quarantined.get(str(row.reason), 0) + 1

    def counts(self, records: int, observations: int, repeated: int) -> ImportCounts:
        """The accounts, with what was known before: records, observations, repeats."""
        return ImportCounts(
            lines_in=self._lines,
            stored=self._kept - records,
            duplicates=records,
            blank=self._blank,
            quarantined=dict(sorted(self._quarantined.items())),
            repeated=self._repeated - repeated,
            observations=self._observations - observations,
        )


def all_duplicates(before: ImportCounts) -> ImportCounts:
    """The accounts of a file whose bytes were imported before."""
    return ImportCounts(
        lines_in=before.lines_in,
        stored=0,
        duplicates=before.lines_in - before.blank,
        blank=before.blank,
        quarantined={},
        repeated=0,
        observations=0,
    )


def ledger_entry(
    kind: str, import_id: str, source: ImportSource, counts: ImportCounts
) -> LedgerEntry:
    """The line that makes a batch count."""
    return LedgerEntry(
        import_id=import_id,
        kind=kind,
        name=source.name,
        sha256=source.sha256,
        format=source.format,
        map_text=source.map_text,
        share_over_ppm=source.share_over_ppm,
        counts=counts,
        imported_us=time.time_ns() // 1000,
        software=f"evenfall {__version__}",
    )


def import_id_of(form: str, what: str) -> str:
    """A name of a batch that the same bytes in the same format always get."""
    return hashlib.sha256(f"evenfall-import-v1\0{form}\0{what}".encode()).hexdigest()[:20]


def refuse_measured(observations: Iterable[Observation], name: str) -> None:
    """Simulated rows alone come in bare; measured ones come as records or files."""
    for observation in observations:
        if observation.provenance is not Provenance.SYNTH:
            raise StoreError(
                expected="simulated observations (provenance synth)",
                seen=f"provenance {observation.provenance}",
                where=f"{name}, {observation.observation_id}",
                remedy="Measured observations come in as signed records or as files.",
            )
