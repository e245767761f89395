"""The ledger: one line for every batch that counts (`raw/imports.jsonl`).

A line is written only after every row of its batch is on the disk; rows in `obs/` whose batch has
no line are left-overs of something that was interrupted and are not seen by anybody. The file is
replaced as a whole, so it never ends in half a line.
"""

from __future__ import annotations

import msgspec

from evenfall.archive.rows import ImportCounts
from evenfall.model.encoding import to_json_line
from evenfall.model.errors import StoreError
from evenfall.store.durable import store_faults, write_durably
from evenfall.store.folder import Folder

__all__ = ["Ledger", "LedgerEntry"]


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One batch.

    Attributes:
        import_id: what its rows carry in `import_id`.
        kind: `import` (a file, which stays where it is) or `synth` (made by the lab's generator).
        name: of the file, without its folder.
        sha256: of the file's decompressed bytes; of the observation ids for `synth`.
        map_text: the map file, as it was used.
        share_over_ppm: its `share_over`, in millionths.
        imported_us: this machine's clock, µs since 1970 UTC.
    """

    import_id: str
    kind: str
    name: str
    sha256: str
    format: str
    counts: ImportCounts
    imported_us: int
    software: str
    map_text: str = ""
    share_over_ppm: int = 0
    v: str = "1.0"


class Ledger:
    """Reads and extends the ledger of one folder."""

    def __init__(self, folder: Folder) -> None:
        self._file = folder.ledger_file

    def entries(self) -> list[LedgerEntry]:
        """All lines, oldest first.

        Raises:
            StoreError: a line that is not one of ours; says which.
        """
        entries = []
        for number, line in enumerate(self._content().splitlines(), start=1):
            try:
                entries.append(msgspec.json.decode(line, type=LedgerEntry))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise StoreError(
                    expected="one JSON object a line, as the ledger was written",
                    seen=str(error),
                    where=f"{self._file}, line {number}",
                    remedy="Restore the ledger from a copy; without it no import counts.",
                ) from error
        return entries

    def append(self, entry: LedgerEntry) -> None:
        """Make a batch count. Lines that are there stay as they are, byte for byte."""
        with store_faults("write the ledger of imports", self._file):
            before = self._content()
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._file, before + to_json_line(entry).encode() + b"\n")

    def _content(self) -> bytes:
        with store_faults("read the ledger of imports", self._file):
            return self._file.read_bytes() if self._file.exists() else b""
