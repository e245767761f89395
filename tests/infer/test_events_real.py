"""Kenya, autumn 2023: failing beside the timetable of examinations, an independent schedule.

The timetable is a file of its own and knows nothing of measurements; the measurements know nothing
of examinations. The order's hours are those of the documents (07–10 and 13–16, Monday to Friday).
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from evenfall.archive.events import read_events
from evenfall.infer.beside_events import coincidences, order_comparisons
from evenfall.infer.event_dates import checked
from evenfall.infer.event_nights import Hours, hours_for, span_of
from evenfall.infer.event_profiles import EVENTS_2026
from evenfall.infer.nights import Judgement, judge
from evenfall.infer.ordered import parse_hours
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.series import Series
from evenfall.model.coincidence import Coincidence
from evenfall.model.event import Event, EventType, Precision
from evenfall.store import open_store

pytestmark = [pytest.mark.real, pytest.mark.slow]

ZONE = "Africa/Nairobi"
HOURS = Hours((span_of("08:00", "11:00"), span_of("14:00", "17:00")), "the timetable's hours")
CLEAN = ("AS30844", "AS329014", "AS15399", "AS36866")


@pytest.fixture(scope="module")
def kenya(real_data: Path, repository: Path, tmp_path_factory) -> dict[str, Series]:
    """One series a network, by the importer."""
    from click.testing import CliRunner

    from evenfall.cli import cli

    store = tmp_path_factory.mktemp("kenya") / "store"
    file = real_data / "kenya_telegram_2023" / "2023-KE-telegram.csv.gz"
    words = ["import", "table", str(file), "--map", str(repository / "examples/kenya-2023.toml")]
    done = CliRunner().invoke(cli, [*words, "--store", str(store), "-q"], obj={})
    assert done.exit_code == 0, done.output
    with open_store(store, write=False) as opened:
        return {series.network: series for series in opened.series()}


@pytest.fixture(scope="module")
def judgement(kenya: dict[str, Series]) -> Judgement:
    """All networks at once."""
    return judge(list(kenya.values()), rng=np.random.default_rng(2023))


@pytest.fixture(scope="module")
def examinations(real_data: Path) -> list[Event]:
    """The timetable as events; 36 sessions on 18 days."""
    path = real_data / "kenya_telegram_2023" / "kcse_exam_windows_2023.csv"
    read = read_events(path.read_bytes(), name=path.name, timezone=ZONE, added_us=0)
    with path.open(newline="") as file:
        days = {row["exam_day"] for row in csv.DictReader(file)}
    assert (len(read.events), len(days), read.left_out) == (36, 18, [])
    assert {e.start[:10] for e in read.events} == days
    assert {e.start[11:] for e in read.events} == {"08:00", "14:00"}
    return read.events


def beside(series: Series, events: list[Event], hours: Hours = HOURS) -> Coincidence:
    """The one comparison."""
    (found,) = coincidences(series, hours, events, NIGHTLY_2026, EVENTS_2026)
    return found


@pytest.mark.parametrize("network", ["AS33771", "AS37061"])
def test_failing_falls_into_the_hours_of_examinations(kenya, examinations, network) -> None:
    """Tests fail far more inside the sessions; most if these are not moved, or to an hour earlier.

    (The hours that were measured begin an hour before a session and end with it.)
    """
    found = beside(kenya[network], examinations)
    by_hour = {lag.lag_h: lag.difference or 0.0 for lag in found.hour_lags}
    assert by_hour[0] > 0.4
    assert max(by_hour, key=by_hour.__getitem__) in (-1, 0)
    assert by_hour[0] > by_hour[-4] + 0.2
    assert by_hour[0] > by_hour[4] + 0.2
    assert found.share_with is not None
    assert found.share_without is not None
    assert found.share_with > found.share_without + 0.3


@pytest.mark.parametrize("network", CLEAN)
def test_networks_that_were_clean_show_nothing(kenya, examinations, network) -> None:
    """The same timetable beside networks on which nothing failed: nothing falls together."""
    found = beside(kenya[network], examinations)
    assert found.p_value is None or found.p_value > 0.05
    assert all(abs(lag.difference or 0.0) < 0.1 for lag in found.hour_lags)


def test_so_few_nights_cannot_give_one_per_cent(kenya, examinations) -> None:
    """46 nights: p no smaller than 1 in 42, and 104 nights are named as needed."""
    found = beside(kenya["AS33771"], examinations)
    assert found.p_min == pytest.approx(1 / (found.shifts + 1))
    assert found.shifts <= 41
    assert found.p_value is None or found.p_value >= found.p_min > 0.01
    assert found.nights_for_one_percent == 104


def test_the_hours_exceed_the_order(judgement: Judgement) -> None:
    """07–10 and 13–16 ordered; measured an hour longer each, beyond the interval; no other days."""
    order = checked(
        Event(
            type=EventType.ORDER, title="examination hours", start="2023-11-08", end="2023-11-24",
            timezone=ZONE, precision=Precision.DAY, source="documents",
            ordered=parse_hours("Mon-Fri 07:00-10:00; Mon-Fri 13:00-16:00", where="here"),
        ),
        where="here",
    )  # fmt: skip
    (curfew,) = [c for c in judgement.curfews if c.network == "AS33771"]
    (found,), other = order_comparisons(curfew, [order])
    assert other == ()
    assert found.relation == "exceeds"
    assert [w.ordered for w in found.windows] == ["07:00-10:00", "13:00-16:00"]
    for window in found.windows:
        assert window.weekdays_outside == ()
        assert window.after_min is not None
        assert window.before_min is not None
        assert 0 < window.after_min[0] <= 60 <= window.after_min[2]
        assert window.before_min[0] <= 0 <= window.before_min[2]
    assert hours_for(curfew, EVENTS_2026).words == "the hours found, 07:00–11:00 and 13:00–17:00"
    assert found.onset_after_start is not None
    assert found.onset_after_start.earliest_days <= 5
