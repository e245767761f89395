"""Kenya, November 2023, by the front door: `import table` with the example's map, then `analyze`.

Real OONI data with an independent schedule (examinations on weekdays, mornings and afternoons).
The counts are those of the data's own description; the hours are those of the timetable and of the
half-hour table that a reader can make by hand.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.series import Series
from evenfall.store import open_store

pytestmark = [pytest.mark.real, pytest.mark.slow]

FILE = Path("kenya_telegram_2023") / "2023-KE-telegram.csv.gz"
FAILED = {"AS33771": (120, 729), "AS37061": (56, 251), "AS12455": (86, 211), "AS36926": (12, 75)}
CLEAN = {"AS30844": 331, "AS329014": 320, "AS15399": 122, "AS36866": 68}
RUN = [sys.executable, "-c", "from evenfall.cli import main; main()"]


def evenfall(*words: object) -> list[dict]:
    """Lines that a command prints with --json; it must exit with 0."""
    command = [*RUN, *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def imported(file: Path, store: Path, repository: Path) -> dict:
    """The accounts of an import with the example's map."""
    map_path = repository / "examples" / "kenya-2023.toml"
    (line,) = evenfall("import", "table", file, "--map", map_path, "--store", store)
    return line


@pytest.fixture(scope="module")
def kenya(real_data: Path, repository: Path, tmp_path_factory) -> Path:
    """A store with the whole file in it."""
    store = tmp_path_factory.mktemp("kenya") / "store"
    line = imported(real_data / FILE, store, repository)
    assert line["lines_in"] == 125_441
    assert line["lines_in"] == (
        line["stored"] + line["duplicates"] + line["blank"] + sum(line["quarantined"].values())
    )
    # Half of the rows of an endpoint are byte-identical repeats; the others are about no endpoint.
    assert (line["stored"], line["repeated"]) == (62_505, 31_485)
    assert line["quarantined"] == {"no_endpoint": 62_936}
    return store


@pytest.fixture(scope="module")
def analysis(kenya: Path) -> tuple[dict[str, dict], dict[str, dict]]:
    """(curfews, series) by network."""
    lines = evenfall("analyze", "--store", kenya)
    curfews = {line["network"]: line for line in lines if line["kind"] == "curfew"}
    return curfews, {line["network"]: line for line in lines if line["kind"] == "series"}


def all_series(store: Path) -> dict[str, Series]:
    """By network."""
    with open_store(store, write=False) as opened:
        return {series.network: series for series in opened.series()}


def minutes(text: str) -> int:
    """HH:MM since midnight."""
    hours, minute = text.split(":")
    return int(hours) * 60 + int(minute)


def test_tests_and_failures_are_those_of_the_description(kenya: Path) -> None:
    """N and failed tests of every network named there, and none on the clean ones."""
    series = all_series(kenya)
    found = {n: (int(np.nansum(s.failed)), len(s.failed)) for n, s in series.items()}
    assert {network: found[network] for network in FAILED} == FAILED
    assert {network: found[network] for network in CLEAN} == {n: (0, k) for n, k in CLEAN.items()}
    assert len(series) == 26
    assert sum(n for _, n in found.values()) == 2344
    assert {s.timezone for s in series.values()} == {"Africa/Nairobi"}


def test_imported_again_is_all_duplicates(kenya: Path, real_data: Path, repository: Path) -> None:
    """The second time nothing is stored."""
    line = imported(real_data / FILE, kenya, repository)
    assert (line["status"], line["stored"], line["duplicates"]) == ("known", 0, 125_441)


def test_the_two_windows_of_as33771(analysis) -> None:
    """Mon–Fri, both windows with their ends, scope undetermined, 17 November named."""
    curfew = analysis[0]["AS33771"]
    assert curfew["pattern"] == "window"
    assert curfew["state"] == "blocked"
    assert curfew["scope"] == "undetermined"
    morning, afternoon = sorted(curfew["windows"], key=lambda w: w["start_local"])
    for window in (morning, afternoon):
        assert window["weekdays"] == [0, 1, 2, 3, 4]
    assert minutes("06:50") <= minutes(morning["start_local"]) <= minutes("07:40")
    assert minutes("10:40") <= minutes(morning["end_local"]) <= minutes("11:10")
    assert minutes("12:50") <= minutes(afternoon["start_local"]) <= minutes("13:20")
    assert minutes("16:50") <= minutes(afternoon["end_local"]) <= minutes("17:10")
    assert any("2023-11-17" in exception for exception in curfew["exceptions"])
    assert curfew["lines"] is None
    assert curfew["claim_level"] == "L2"
    assert curfew["isolated"] is False


def test_the_other_networks(analysis) -> None:
    """37061 has a window, 12455 is always, the clean ones have none, each has its line."""
    curfews, series = analysis
    assert curfews["AS37061"]["pattern"] == "window"
    assert curfews["AS12455"]["pattern"] == "always"
    assert curfews["AS12455"]["unmeasured"] is not None
    for network in CLEAN:
        assert network not in curfews
        assert series[network]["state"] in ("none", "insufficient")
    assert {curfew["scope"] for curfew in curfews.values()} == {"undetermined"}
    assert len(series) == 26
    assert all(line["reason"] for line in series.values())


@pytest.mark.parametrize(("days", "weekdays"), [(-1, [6, 0, 1, 2, 3]), (1, [1, 2, 3, 4, 5])])
def test_a_shifted_copy_is_found_shifted(
    kenya: Path, real_data: Path, repository: Path, tmp_path: Path, days: int, weekdays: list[int]
) -> None:
    """Three hours and a day, earlier or later: the same windows, that much elsewhere."""
    hours = 3 * days
    copy = tmp_path / "shifted.csv"
    with gzip.open(real_data / FILE, "rt", newline="") as source, copy.open("w", newline="") as out:
        rows = csv.DictReader(source)
        writer = csv.DictWriter(out, rows.fieldnames or ())
        writer.writeheader()
        for row in rows:
            if row["probe_asn"] == "33771":
                at = datetime.fromisoformat(row["measurement_start_time"])
                moved = at + timedelta(days=days, hours=hours)
                writer.writerow(row | {"measurement_start_time": moved.isoformat()})
    imported(copy, tmp_path / "s", repository)
    lines = evenfall("analyze", "--store", tmp_path / "s")
    (curfew,) = [line for line in lines if line["kind"] == "curfew"]
    starts = sorted(minutes(window["start_local"]) for window in curfew["windows"])
    expected = [minutes("07:15") + 60 * hours, minutes("13:05") + 60 * hours]
    assert starts == pytest.approx(expected, abs=30)
    if days < 0:  # Tuesday to Saturday is no set that anybody's week has; it is not tried
        assert sorted(curfew["windows"][0]["weekdays"]) == sorted(weekdays)


def test_rotated_copies_claim_nothing(kenya: Path) -> None:
    """20 copies of AS33771, each day's outcomes rotated over that day's own measurements."""
    from evenfall.infer.nights import judge

    series = all_series(kenya)["AS33771"]
    zone = ZoneInfo(series.timezone)
    order = np.argsort(series.started_us, kind="stable")
    days = [datetime.fromtimestamp(us / 1e6, zone).date() for us in series.started_us[order]]
    claimed = []
    for seed in range(20):
        rng = np.random.default_rng(1000 + seed)
        failed = series.failed[order].copy()
        for day in sorted(set(days)):
            rows = np.flatnonzero([d == day for d in days])
            failed[rows] = np.roll(failed[rows], rng.integers(len(rows)))
        back = np.empty_like(failed)
        back[order] = failed
        copy = dataclasses.replace(series, failed=back)
        judgement = judge([copy], profile=NIGHTLY_2026, rng=rng)
        claimed += [curfew.windows for curfew in judgement.curfews]
    assert claimed == []
