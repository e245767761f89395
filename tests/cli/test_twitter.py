"""Twitter in Russia, March 2021, by the front door: `import table` with the map, then `analyze`.

Real measurements of thousands of visitors (4ndv/russia-twitter-throttle, CC BY 4.0). The slowing
began before them and ended after them, hit all customers of some networks and a share of others,
and left the rest of the world alone. The truth is counted here by plain division: the share of a
network's tests that lie between 79 and 126 kbit/s, of those on lines that do more than 1 Mbit/s.
"""

from __future__ import annotations

import collections
import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real, pytest.mark.slow]

RUN = [sys.executable, "-c", "from evenfall.cli import main; main()"]
TESTS_MIN = 200
HIT, SPARED = 0.5, 0.02  # between them is the undecided middle
MOBILE = {"AS16345", "AS8359", "AS31133", "AS25159", "AS12958"}
FIXED = {"AS25513", "AS42610", "AS8402"}


def evenfall(*words: object) -> list[dict]:
    """Lines that a command prints with --json; it must exit with 0."""
    command = [*RUN, *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def files(real_data: Path) -> list[Path]:
    """The nineteen days."""
    found = sorted((real_data / "twitter_ru_2021_03").glob("*.csv"))
    assert len(found) == 19
    return found


@pytest.fixture(scope="module")
def counted(files: list[Path]) -> dict[str, tuple[str, int, float, float]]:
    """Network → (country, tests, share at the rate, median kbit/s of those at the rate)."""
    speeds: dict[str, list[tuple[float, float]]] = collections.defaultdict(list)
    country = {}
    for path in files:
        with path.open(newline="") as stream:
            for row in csv.DictReader(stream):
                network = "AS" + row["asn"]
                country[network] = row["as_country"]
                speeds[network].append((float(row["test_result"]), float(row["control_result"])))
    table = {}
    for network, pairs in speeds.items():
        fast = [target for target, control in pairs if control > 1000]
        at_rate = [target for target in fast if 79 <= target <= 126]
        share = len(at_rate) / len(fast) if fast else 0.0
        rate = statistics.median(at_rate) if at_rate else float("nan")
        table[network] = (country[network], len(pairs), share, rate)
    return table


@pytest.fixture(scope="module")
def analysis(files: list[Path], repository: Path, tmp_path_factory) -> list[dict]:
    """What `analyze` prints of all nineteen."""
    store = tmp_path_factory.mktemp("twitter") / "store"
    map_path = repository / "examples" / "twitter-ru-2021.toml"
    accounts = evenfall("import", "table", *files, "--map", map_path, "--store", store)
    assert sum(line["lines_in"] for line in accounts) == 30_471
    assert sum(line["stored"] + sum(line["quarantined"].values()) for line in accounts) == 30_471
    return evenfall("analyze", "--store", store)


@pytest.fixture(scope="module")
def curfews(analysis: list[dict]) -> dict[str, dict]:
    """By network."""
    return {line["network"]: line for line in analysis if line["kind"] == "curfew"}


def large(counted, low: float, high: float) -> set[str]:
    """Networks of at least 200 tests with a share between the two."""
    return {
        network
        for network, (_, tests, share, _) in counted.items()
        if tests >= TESTS_MIN and low <= share <= high
    }


def test_networks_split_as_they_were_hit(counted, curfews) -> None:
    """Half and more at the rate: targeted. One in fifty and less: no claim at all."""
    hit, spared = large(counted, HIT, 1.0), large(counted, 0.0, SPARED)
    assert hit >= MOBILE
    assert spared >= FIXED
    assert {n for n in hit if curfews.get(n, {}).get("scope") == "targeted"} == hit
    assert not spared & curfews.keys()


def test_nothing_outside_russia(counted, curfews) -> None:
    """None of more than five hundred other networks."""
    assert {counted[network][0] for network in curfews} == {"RU"}
    assert sum(country != "RU" for country, *_ in counted.values()) > 500


def test_no_window_where_it_is_always(curfews) -> None:
    """Every claim is one of slowness at all measured hours, begun before the data."""
    for curfew in curfews.values():
        assert (curfew["pattern"], curfew["state"]) == ("always", "slowed")
        assert curfew["windows"] == []
        assert curfew["claim_level"] == "L2"
        assert curfew["isolated"] is False
    assert all(curfews[network]["onset"] is None for network in MOBILE)


def test_rates_and_shares_are_those_that_were_counted(counted, curfews) -> None:
    """The rate within 5 % of the counted median, the counted share within ten points."""
    for network, curfew in curfews.items():
        _, _, share, rate = counted[network]
        assert curfew["rate"]["median_bps"] == pytest.approx(1000 * rate, rel=0.05)
        assert curfew["rate"]["share"] == pytest.approx(share, abs=0.1)
        assert curfew["shares"]["failed"] < 0.02
        assert curfew["slower_by"]["median"] > 10


def test_what_is_not_excluded_is_said(curfews) -> None:
    """Who set the rate is not known: a limit of the site's own for this network is named."""
    because = curfews["AS16345"]["scope_because"]
    assert "a limit that the site itself sets for this network" in because
    assert "other networks free of it" in because


def test_every_network_has_its_line(counted, analysis) -> None:
    """Also those that were measured once; a test without a network is in none."""
    told = {line["network"] for line in analysis if line["kind"] == "series"}
    assert told - {"unknown"} == set(counted) - {"AS"}
