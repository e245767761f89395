"""Archives that hold no curfew, by the front door: speed logs, a traffic index, maps of outages.

Nothing in them is targeted at a service and no hours recur; what did change for good is named as
such. The dates are checked against medians by plain csv and statistics, day by day and month by
month, which know nothing of the estimator.

The traffic index is imported from April 2024 on only (of six years): one file a day and network
is written, and the six years take more than a minute.
"""

from __future__ import annotations

import collections
import csv
import datetime as dt
import gzip
import json
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from evenfall.cli import cli
from evenfall.infer.nights import Judgement, judge
from evenfall.model.curfew import Change, SeriesFinding
from evenfall.model.vocabulary import ChangeKind, SeriesState
from evenfall.store import open_store

pytestmark = [pytest.mark.real, pytest.mark.slow]

Judged = Callable[[str, Path], tuple[dict, Judgement]]


@pytest.fixture(scope="module")
def judged(real_data: Path, repository: Path, tmp_path_factory) -> Judged:
    """Import a file with an example's map into a store of its own, and judge all series of it."""

    def run(example: str, file: Path) -> tuple[dict, Judgement]:
        store = tmp_path_factory.mktemp(example) / "store"
        map_path = repository / "examples" / f"{example}.toml"
        words = ["import", "table", str(real_data / file), "--map", str(map_path)]
        done = CliRunner().invoke(cli, [*words, "--store", str(store), "--json"])
        assert done.exit_code == 0, done.output
        counts = json.loads(done.stdout.splitlines()[0])
        total = counts["stored"] + counts["duplicates"] + counts["blank"]
        assert counts["lines_in"] == total + sum(counts["quarantined"].values())
        with open_store(store, write=False) as opened:
            return counts, judge(opened.series(), rng=np.random.default_rng(0))

    return run


def levels(finding: SeriesFinding) -> list[Change]:
    """Changes of the level, oldest first."""
    return [change for change in finding.changes if change.what is ChangeKind.LEVEL]


def daily_medians(rows: Iterator[tuple[str, float]]) -> dict[str, float]:
    """Date → median of its values."""
    by_day = collections.defaultdict(list)
    for date, value in rows:
        by_day[date].append(value)
    return {date: statistics.median(by_day[date]) for date in sorted(by_day)}


def step_by_hand(medians: dict[str, float], change: Change, days: int = 14) -> float:
    """Median of the days after the interval of a change ÷ that of the days before it."""
    before = [v for date, v in medians.items() if date < change.between.earliest][-days:]
    after = [v for date, v in medians.items() if date > change.between.latest][:days]
    return statistics.median(after) / statistics.median(before)


def test_brisbane_changed_its_plan_twice(judged: Judged, real_data: Path) -> None:
    """18 months: no curfew; May 2018 and March 2019, as the medians of months and days say."""
    file = Path("speedtests") / "wizardtim_au_telstra_30min.csv"
    counts, judgement = judged("speedtest-au", file)
    assert (counts["lines_in"], counts["stored"]) == (23_654, 23_654)
    assert judgement.curfews == ()
    (finding,) = (one for one in judgement.findings if one.n > 1000)
    first, second = levels(finding)
    assert first.between.earliest[:7] == first.between.latest[:7] == "2018-05"
    assert second.between.earliest[:7] == second.between.latest[:7] == "2019-03"
    with (real_data / file).open(newline="") as stream:
        rows = [(r["datetimestart"][:10], float(r["download"])) for r in csv.DictReader(stream)]
    medians = daily_medians(iter(rows))
    for change in (first, second):
        assert change.factor == pytest.approx(step_by_hand(medians, change), rel=0.05)
    months = daily_medians((date[:7], value) for date, value in rows)
    steps = {b: months[b] / months[a] for a, b in zip(months, list(months)[1:], strict=False)}
    assert {month for month, step in steps.items() if not 0.8 < step < 1.25} == {
        "2018-05", "2019-04",
    }  # fmt: skip


def test_chicago_is_flat_but_for_one_new_plan(judged: Judged, real_data: Path) -> None:
    """A file without a line of names, stamps in seconds: no curfew, ×2.8 on 24 September 2014."""
    file = Path("speedtests") / "klimburg_us_hourly_flat.csv"
    counts, judgement = judged("speedtest-us", file)
    assert (counts["lines_in"], counts["quarantined"]) == (954, {})
    assert judgement.curfews == ()
    (change,) = levels(judgement.findings[0])
    with (real_data / file).open(newline="") as stream:
        offset = dt.timezone(dt.timedelta(hours=-5))  # summer time in Chicago
        medians = daily_medians(
            (str(dt.datetime.fromtimestamp(int(row[0]), offset).date()), float(row[1]))
            for row in csv.reader(stream)
        )
    jumps = {b: medians[b] / medians[a] for a, b in zip(medians, list(medians)[1:], strict=False)}
    assert change.between.earliest <= max(jumps, key=jumps.__getitem__) <= change.between.latest
    assert change.factor == pytest.approx(step_by_hand(medians, change), rel=0.05)


def test_six_days_by_the_minute_are_too_few_days(judged: Judged) -> None:
    """A dirty file without names: its broken rows are counted, and nothing is claimed."""
    file = Path("speedtests") / "johannes_de_1min.csv"
    counts, judgement = judged("speedtest-de", file)
    assert counts["lines_in"] == 4072
    assert counts["quarantined"] == {"field_count": 445, "time_unreadable": 1}
    assert judgement.curfews == ()
    assert judgement.findings[0].state is SeriesState.INSUFFICIENT


def test_tokyo_is_no_curfew_and_its_level_changed(judged: Judged, real_data: Path) -> None:
    """Two forms of stamps, failures without a time; slow for weeks, and not by the hour."""
    file = Path("speedtests") / "sksat_jp_5min.csv.gz"
    counts, judgement = judged("speedtest-jp", file)
    assert counts["quarantined"] == {"time_missing": 2205}
    assert judgement.curfews == ()
    first, second = levels(judgement.findings[0])
    assert first.between.earliest <= "2020-11-22" <= first.between.latest
    assert second.between.earliest <= "2021-01-15" <= second.between.latest
    with gzip.open(real_data / file, "rt", newline="") as stream:
        medians = daily_medians(
            (row["time_jst"][:10], float(row["download_bps"]))
            for row in csv.DictReader(stream)
            if row["time_jst"] and row["download_bps"].replace(".", "", 1).isdigit()
        )
    assert first.factor == pytest.approx(step_by_hand(medians, first), rel=0.1)
    assert second.factor == pytest.approx(step_by_hand(medians, second), rel=0.1)


@pytest.fixture(scope="module")
def traffic(judged: Judged, real_data: Path, tmp_path_factory) -> dict[str, Judgement]:
    """The index of two countries from April 2024 on."""
    judgements = {}
    for country in ("RU", "NL"):
        cut = tmp_path_factory.mktemp("cut") / f"{country}.csv"
        with (real_data / "youtube_traffic" / f"{country}.csv").open() as stream:
            lines = [line for n, line in enumerate(stream) if n == 0 or line >= "2024-04-01"]
        cut.write_text("".join(lines))
        _, judgements[country] = judged(f"youtube-traffic-{country.lower()}", cut)
    return judgements


def test_traffic_in_russia_fell_in_august_2024(traffic: dict[str, Judgement]) -> None:
    """To two thirds, at all hours, on a date between July and September; no hours recur."""
    judgement = traffic["RU"]
    assert judgement.curfews == ()
    first = levels(judgement.findings[0])[0]
    assert "2024-07-01" <= first.between.earliest <= first.between.latest <= "2024-09-30"
    assert first.factor is not None
    assert 0.5 < first.factor < 0.75


def test_traffic_in_the_netherlands_did_not(traffic: dict[str, Judgement]) -> None:
    """The same hours and months: nothing."""
    judgement = traffic["NL"]
    assert judgement.curfews == ()
    assert judgement.findings[0].changes == ()


@pytest.mark.parametrize(
    ("example", "file", "series"),
    [
        ("outage-venezuela-2019", "ven-2019-07-22_gif.csv", 13),
        ("outage-hurricane-2020", "usa-2020-08-31_HurrLaura.csv", 4),
        ("shutdown-iran-2019", "irn-2019-11-11_gif.csv", 30),
    ],
)
def test_outages_are_targeted_at_nobody(
    judged: Judged, example: str, file: str, series: int
) -> None:
    """A power cut, a hurricane and a shutdown of everything: no curfew on any network."""
    _, judgement = judged(example, Path("monash") / file)
    assert judgement.curfews == ()
    assert len(judgement.findings) == series
    assert all(finding.reason for finding in judgement.findings)
