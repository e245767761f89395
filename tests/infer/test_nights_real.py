"""Kenya, autumn 2023: a real curfew, straight from the archive's rows, without the store.

The rows are grouped here by the rule of the data's README, independently of the importer.
"""

from __future__ import annotations

import collections
import csv
import datetime as dt
import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evenfall.infer.nights import Judgement, judge
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.scores import usable_rows
from evenfall.infer.series import Basis, Series
from evenfall.model.curfew import Curfew
from evenfall.model.vocabulary import Pattern, Scope, SeriesState, State

pytestmark = pytest.mark.real

WEEKDAYS = (0, 1, 2, 3, 4)
CLEAN = ("AS30844", "AS329014", "AS15399", "AS36866")


@pytest.fixture(scope="module")
def kenya(real_data: Path) -> dict[str, Series]:
    """One series a network: a test failed if more than 30 % of its IPv4 endpoints failed."""
    tests: dict[str, dict[str, bool]] = collections.defaultdict(dict)
    about: dict[str, tuple[str, int]] = {}
    path = real_data / "kenya_telegram_2023" / "2023-KE-telegram.csv.gz"
    with gzip.open(path, "rt", newline="") as stream:
        for row in csv.DictReader(stream):
            url = row["http_request_url"]
            if not url or "[" in url:  # no endpoint, or an IPv6 host
                continue
            uid = row["measurement_uid"]
            at = dt.datetime.fromisoformat(row["measurement_start_time"])
            about[uid] = ("AS" + row["probe_asn"], int(at.timestamp() * 1e6))
            tests[uid][url] = tests[uid].get(url, False) or row["failure_class"] != "ok"
    rows: dict[str, list[tuple[int, float]]] = collections.defaultdict(list)
    for uid, endpoints in tests.items():
        network, at_us = about[uid]
        failed = sum(endpoints.values()) / len(endpoints) > 0.3
        rows[network].append((at_us, float(failed)))
    return {network: _series(network, found) for network, found in rows.items()}


def _series(network: str, found: list[tuple[int, float]]) -> Series:
    unknown = np.full(len(found), np.nan)
    return Series(
        service="telegram",
        network=network,
        timezone="Africa/Nairobi",
        basis=Basis.UNPAIRED,
        started_us=np.array([at for at, _ in found], dtype=np.int64),
        failed=np.array([failed for _, failed in found]),
        log_ratio=unknown,
        null_log_ratio=unknown,
        control_failed=unknown,
        line=None,
        clock_verified=np.zeros(len(found), dtype=bool),
        archive_clock=True,
    )


@pytest.fixture(scope="module")
def judgement(kenya: dict[str, Series]) -> Judgement:
    """All networks at once."""
    return judge(list(kenya.values()), rng=np.random.default_rng(2023))


def curfew_of(judgement: Judgement, network: str) -> Curfew:
    """The one curfew of a network."""
    (found,) = [c for c in judgement.curfews if c.network == network]
    return found


def test_the_counts_are_those_of_the_readme(kenya: dict[str, Series]) -> None:
    """Failed tests and all tests, as published beside the data."""
    counts = {n: (int(s.failed.sum()), s.failed.size) for n, s in kenya.items()}
    assert counts["AS33771"] == (120, 729)
    assert counts["AS37061"] == (56, 251)
    assert counts["AS12455"] == (86, 211)
    assert counts["AS36926"] == (12, 75)
    assert all(counts[network][0] == 0 for network in CLEAN)


def test_as33771(judgement: Judgement) -> None:
    """Mon–Fri, both windows, 17 November named, dates, nights, effect, level and scope."""
    curfew = curfew_of(judgement, "AS33771")
    assert (curfew.pattern, curfew.state) == (Pattern.WINDOW, State.BLOCKED)
    morning, afternoon = curfew.windows
    assert morning.weekdays == afternoon.weekdays == WEEKDAYS
    assert "06:50" <= morning.start_local <= "07:40"
    assert "10:40" <= morning.end_local <= "11:10"
    assert "12:50" <= afternoon.start_local <= "13:20"
    assert "16:50" <= afternoon.end_local <= "17:10"
    assert curfew.exceptions == ("2023-11-17 (Fri): also failed between the windows (11:00–13:00)",)
    assert curfew.onset.earliest <= "2023-11-08" <= curfew.onset.latest <= "2023-11-13"
    assert curfew.lifting.earliest == "2023-11-25"
    assert 10 <= curfew.nights_seen <= curfew.nights_measured <= 13
    assert curfew.effect.in_window >= 0.9
    assert curfew.effect.outside <= 0.06
    assert curfew.scope is Scope.UNDETERMINED
    assert curfew.scope_because.startswith(
        "no concurrent control on this network; other networks clean"
    )
    assert curfew.lines is None
    assert curfew.claim_level == "L2"
    assert not curfew.isolated
    assert any(caveat.startswith("clock not verified") for caveat in curfew.caveats)


def test_lunch_and_weekends_are_clear(kenya: dict[str, Series], judgement: Judgement) -> None:
    """From the episode's first to its last day, but for 17 November, as the rows themselves say."""
    rows = usable_rows(kenya["AS33771"], NIGHTLY_2026)
    days = {d: dt.date(1970, 1, 1) + dt.timedelta(days=int(d)) for d in np.unique(rows.day)}
    date = np.array([days[d] for d in rows.day])
    episode = (date >= dt.date(2023, 11, 13)) & (date <= dt.date(2023, 11, 24))
    lunch = episode & (rows.slot >= 67) & (rows.slot < 77) & (date != dt.date(2023, 11, 17))
    weekend = episode & np.isin((rows.day + 3) % 7, (5, 6))
    assert rows.bad[lunch].mean() <= 0.03
    assert rows.bad[weekend].mean() <= 0.03
    assert curfew_of(judgement, "AS33771").windows[0].end_local <= "11:10"


def test_the_other_networks(judgement: Judgement) -> None:
    """37061 has hours, 12455 fails always, the clean ones have nothing, each has its line."""
    other = curfew_of(judgement, "AS37061")
    assert (other.pattern, other.windows[0].weekdays) == (Pattern.WINDOW, WEEKDAYS)
    always = curfew_of(judgement, "AS12455")
    assert (always.pattern, always.windows) == (Pattern.ALWAYS, ())
    assert always.unmeasured == ("01:00–08:00",)
    assert always.onset.earliest <= "2023-11-09" <= always.onset.latest
    states = {f.network: f.state for f in judgement.findings}
    for network in CLEAN:
        assert states[network] in (SeriesState.NONE, SeriesState.INSUFFICIENT)
    assert len(judgement.findings) == 26
    assert {c.network for c in judgement.curfews} <= {"AS33771", "AS37061", "AS12455", "AS36926"}
    assert {c.scope for c in judgement.curfews} == {Scope.UNDETERMINED}


@pytest.mark.parametrize("seed", range(8))
def test_other_seeds_say_the_same(kenya: dict[str, Series], seed: int) -> None:
    """Rotations are drawn; the finding is not."""
    series = [kenya[n] for n in ("AS33771", "AS37061", "AS12455", *CLEAN)]
    got = judge(series, rng=np.random.default_rng(seed))
    assert [c.network for c in got.curfews] == ["AS33771", "AS37061", "AS12455"]
    assert got.curfews[0].windows[0].weekdays == WEEKDAYS
    assert got.curfews[1].windows[0].weekdays == WEEKDAYS


def test_shifted_by_three_hours_and_a_day(kenya: dict[str, Series], judgement: Judgement) -> None:
    """The same windows, three hours later, and 18 November named in place of the 17th."""
    shift_us = (24 + 3) * 3_600_000_000
    series = kenya["AS33771"]
    moved = replace(series, started_us=series.started_us + shift_us)
    (curfew,) = judge([moved], rng=np.random.default_rng(1)).curfews
    before = curfew_of(judgement, "AS33771")
    for now, then in zip(curfew.windows, before.windows, strict=True):
        for a, b in ((now.start_local, then.start_local), (now.end_local, then.end_local)):
            assert _minutes(a) - _minutes(b) == pytest.approx(180, abs=10)
    assert any(e.startswith("2023-11-18") and "between" in e for e in curfew.exceptions)


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def test_rotated_copies_claim_nothing(kenya: dict[str, Series]) -> None:
    """20 copies, each day's outcomes moved over that day's own tests: no claim."""
    series = kenya["AS33771"]
    order = np.argsort(series.started_us, kind="stable")
    day = (series.started_us[order] + 3 * 3_600_000_000) // 86_400_000_000  # UTC+3, no summer time
    for seed in range(20):
        rng = np.random.default_rng(seed)
        failed = series.failed.copy()
        for date in np.unique(day):
            place = order[day == date]
            failed[place] = np.roll(series.failed[place], int(rng.integers(place.size)))
        got = judge([replace(series, failed=failed)], rng=rng)
        assert got.curfews == ()
