"""A small foreign table and the way of its rows into a store."""

from __future__ import annotations

from pathlib import Path

from evenfall.archive import TABLE_FORMAT, ImportCounts, TableReader, read_map
from evenfall.store import ImportSource, Store
from evenfall.store.reader import identify, open_rows

MAP = """
[time]
column = "when"
zone = "UTC"
[local]
zone = "Africa/Nairobi"
[series]
service = "telegram"
network = { column = "asn", prefix = "AS" }
[failure]
group = "uid"
endpoint = "url"
failed = "outcome != 'ok'"
share_over = 0.3
"""
HEADER = "when,asn,uid,url,outcome"


def row(test: int, *, endpoint: int = 0, outcome: str = "ok", day: int = 1, asn: int = 1) -> str:
    """One line of the table: a test every 10 minutes of a day of November 2023."""
    stamp = f"2023-11-{day:02d} {test // 6 % 24:02d}:{test % 6}0:00"
    return f"{stamp},{asn},u{day}-{test},http://h{endpoint}/,{outcome}"


def table(*, days: int = 3, networks: int = 2, tests: int = 10) -> list[str]:
    """Lines of tests with four endpoints each; every third test fails at two of them."""
    return [
        row(test, endpoint=e, day=day, asn=asn, outcome="tcp" if test % 3 == 0 and e < 2 else "ok")
        for day in range(1, days + 1)
        for asn in range(1, networks + 1)
        for test in range(tests)
        for e in range(4)
    ]


def bring(store: Store, path: Path, map_text: str = MAP) -> ImportCounts:
    """Import one file, as the command does."""
    identity = identify(path)
    plan = read_map(map_text, name="m.toml")

    def batches():
        rows = open_rows(identity)
        reader = TableReader(plan, rows.header, name=path.name, now_us=1_800_000_000_000_000)
        for batch in rows.batches:
            yield reader.read(batch)

    source = ImportSource(
        name=path.name,
        sha256=identity.sha256,
        format=TABLE_FORMAT,
        map_text=map_text,
        share_over_ppm=plan.share_over_ppm,
    )
    return store.add_import(source, batches())
