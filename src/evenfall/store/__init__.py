"""Parquet as truth, DuckDB as engine: a folder of facts, and queries over it.

Facts are never edited; everything derived can be made again.

    with open_store(path, write=False) as store:
        for series in store.series(services=["youtube"]):
            ...
"""

from evenfall.store.ledger import LedgerEntry
from evenfall.store.opened import ImportSource, Store, open_store

__all__ = ["ImportSource", "LedgerEntry", "Store", "open_store"]
