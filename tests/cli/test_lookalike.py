"""A made-up archive with known truth, by the front door: what Kenya's is, without Kenya's data.

Same columns, same map file, same sampling: about 16 tests a day on the busy networks, 46 days,
every row twice. Truth: AS64501 fails on weekdays 07:00–11:00 and 13:00–17:00 from 8 to 24 November,
17 November without the break; AS64502 fails at all hours from 9 November; the others never do,
though one of them is measured in the windows alone and one has a bad day.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

ZONE = ZoneInfo("Africa/Nairobi")
FIRST, DAYS = date(2023, 10, 15), 46
ENDPOINTS = [f"http://192.0.2.{n}/" for n in range(1, 8)]
COLUMNS = ["measurement_uid", "probe_asn", "measurement_start_time", "http_request_url"]
CLEAN = ("AS64503", "AS64504", "AS64505")
RUN = [sys.executable, "-c", "from evenfall.cli import main; main()"]


def fails(asn: int, at: datetime) -> bool:
    """The truth."""
    hour, day = at.hour + at.minute / 60, at.date()
    if asn == 64501:
        inside = 7 <= hour < 11 or 13 <= hour < 17 or (day == date(2023, 11, 17) and 7 <= hour < 17)
        return date(2023, 11, 8) <= day <= date(2023, 11, 24) and day.weekday() < 5 and inside
    if asn == 64502:
        return day >= date(2023, 11, 9)
    return asn == 64505 and day == date(2023, 11, 2)


def rows(rng: np.random.Generator):
    """(test, network, moment, endpoint, outcome) of the whole archive."""
    for asn, per_day in ((64501, 18), (64502, 6), (64503, 10), (64504, 6), (64505, 8)):
        for day in range(DAYS):
            hours = rng.uniform(*((7, 17) if asn == 64504 else (0, 24)), rng.poisson(per_day))
            if asn == 64501 and FIRST + timedelta(days=day) == date(2023, 11, 17):
                hours = [*hours, 11.4, 11.8, 12.2, 12.6]  # the break that was none is measured
            for n, hour in enumerate(hours):
                midnight = datetime.combine(FIRST + timedelta(days=day), datetime.min.time(), ZONE)
                at = midnight + timedelta(hours=float(hour))
                share = 0.95 if fails(asn, at) else 0.02
                for endpoint in ENDPOINTS:
                    bad = rng.random() < share
                    yield f"{asn}-{day}-{n}", asn, at, endpoint, "tcp" if bad else "ok"


@pytest.fixture(scope="module")
def analysis(tmp_path_factory, repository: Path):
    """(accounts, curfews, series) of the archive."""
    folder = tmp_path_factory.mktemp("lookalike")
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*COLUMNS, "failure_class"])
    for uid, asn, at, endpoint, outcome in rows(np.random.default_rng(2023)):
        row = [uid, asn, at.astimezone(UTC).isoformat(" ", "seconds"), endpoint, outcome]
        writer.writerows([row, row, [*row[:3], "", "ok"]])
    (folder / "archive.csv.gz").write_bytes(gzip.compress(out.getvalue().encode()))
    words = ["--map", repository / "examples" / "kenya-2023.toml"]
    (accounts,) = evenfall("import", "table", folder / "archive.csv.gz", *words, store=folder / "s")
    lines = evenfall("analyze", store=folder / "s")
    curfews = {line["network"]: line for line in lines if line["kind"] == "curfew"}
    return accounts, curfews, {x["network"]: x for x in lines if x["kind"] == "series"}


def evenfall(*words: object, store: Path) -> list[dict]:
    """Lines that a command prints with --json; it must exit with 0."""
    command = [*RUN, *map(str, words), "--store", str(store), "--json", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def inside(time: str, interval: list[str]) -> bool:
    """An HH:MM within an interval of less than two and a half hours."""
    low, this, high = (int(t[:2]) * 60 + int(t[3:]) for t in (interval[0], time, interval[1]))
    return low <= this <= high < low + 150


def test_every_row_is_accounted_for(analysis) -> None:
    """A third of the rows is about no endpoint, half of the others are repeats."""
    accounts, _, series = analysis
    assert accounts["lines_in"] % 3 == 0
    third = accounts["lines_in"] // 3
    assert accounts["stored"] == 2 * third
    assert accounts["repeated"] == third
    assert accounts["quarantined"] == {"no_endpoint": third}
    assert sum(line["n"] for line in series.values()) == third // len(ENDPOINTS)


def test_the_two_windows_are_found(analysis) -> None:
    """Mon–Fri, all four ends inside their printed intervals, onset and the odd day named."""
    curfew = analysis[1]["AS64501"]
    assert curfew["pattern"] == "window"
    windows = sorted(curfew["windows"], key=lambda w: w["start_local"])
    assert [w["weekdays"] for w in windows] == [[0, 1, 2, 3, 4]] * 2
    for window, (start, end) in zip(windows, (("07:00", "11:00"), ("13:00", "17:00")), strict=True):
        assert inside(start, window["start_interval"])
        assert inside(end, window["end_interval"])
    assert any("2023-11-17" in exception for exception in curfew["exceptions"])
    assert curfew["onset"]["earliest"] <= "2023-11-08" <= curfew["onset"]["latest"]
    assert curfew["scope"] == "undetermined"
    assert curfew["claim_level"] == "L2"


def test_always_is_always(analysis) -> None:
    """A network that fails at all hours has no window."""
    assert analysis[1]["AS64502"]["pattern"] == "always"


def test_the_innocent_have_their_line_and_no_curfew(analysis) -> None:
    """Clean, clean but measured by day alone, clean but for one bad day."""
    _, curfews, series = analysis
    assert set(curfews) == {"AS64501", "AS64502"}
    for network in CLEAN:
        assert series[network]["state"] in ("none", "insufficient")
        assert series[network]["reason"]
