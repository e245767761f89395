"""Other people’s formats: bytes and rows in, observations and quarantine out.

One file a format. Pure: the caller opens the file.
"""

from evenfall.archive.columns import ObservationColumns, from_observations
from evenfall.archive.mapping import TableMap, read_map
from evenfall.archive.rows import REASONS, ImportCounts, Quarantined, Reason, RowBatch
from evenfall.archive.table import TABLE_FORMAT, TableBatch, TableReader

__all__ = [
    "REASONS",
    "TABLE_FORMAT",
    "ImportCounts",
    "ObservationColumns",
    "Quarantined",
    "Reason",
    "RowBatch",
    "TableBatch",
    "TableMap",
    "TableReader",
    "from_observations",
    "read_map",
]
