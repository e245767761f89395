"""How fast a foreign table comes in, against merely reading it with Python's csv module.

A made-up table of the shape of an archive's export: gzip, 30 columns, 14 days, 20 networks,
every fourth row a repeat. The yardstick reads the same file with `gzip` and `csv.DictReader` and
throws the rows away. Both sides are whole processes, taken in turn.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = 100_000
ROUNDS = 3
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
where = "endpoint_host not like '%:%'"
failed = "outcome != 'ok'"
share_over = 0.3
"""
READ = "import csv,gzip,sys; print(sum(1 for _ in csv.DictReader(gzip.open(sys.argv[1],'rt'))))"
IMPORT = "from evenfall.cli import main; main()"


def make(path: Path) -> None:
    """The table."""
    rng = random.Random(5)  # noqa: S311  (not cryptography)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["when", "asn", "uid", "url", "outcome", *(f"c{n}" for n in range(25))])
    row: list[object] = []
    for n in range(ROWS):
        if n % 4 or not row:
            test = n // 20
            stamp = f"2023-11-{test % 14 + 1:02d} {test % 24:02d}:{test % 60:02d}:00+00:00"
            outcome = "ok" if rng.random() < 0.9 else "tcp"
            filler = [f"{rng.getrandbits(48):x}, {n}" for _ in range(25)]
            row = [stamp, test % 20, f"u{test}", f"http://h{n % 12}/", outcome, *filler]
        writer.writerow(row)
    path.write_bytes(gzip.compress(out.getvalue().encode(), 1))


def wall_s(command: list[str]) -> float:
    """Wall time of one whole process."""
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def run() -> list[dict[str, object]]:
    """Measure and return the row for docs/PERFORMANCE.md."""
    with tempfile.TemporaryDirectory() as folder:
        table, plan = Path(folder) / "t.csv.gz", Path(folder) / "m.toml"
        make(table)
        plan.write_text(MAP)
        read_s, import_s = [], []
        for n in range(ROUNDS):
            read_s.append(wall_s([sys.executable, "-c", READ, str(table)]))
            store = str(Path(folder) / f"s{n}")
            words = ["import", "table", str(table), "--map", str(plan), "--store", store]
            import_s.append(wall_s([sys.executable, "-c", IMPORT, *words]))
    ours_s, plain_s = statistics.median(import_s), statistics.median(read_s)
    return [
        {
            "name": "`import table` of a gzipped CSV ÷ reading it with `csv.DictReader` (time)",
            "ratio": ours_s / plain_s,
            "goal": "30,000 rows/s",
            "detail": f"{ROWS:,} rows of 30 columns: {ROWS / ours_s:,.0f} rows/s into the store "
            f"({ours_s:.1f} s) against {ROWS / plain_s:,.0f} rows/s ({plain_s:.1f} s)",
        }
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
