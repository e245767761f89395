"""Moments, sentences and exports of real data: Kenya, November 2023, against the exam timetable.

The timetable is independent of the measurements (`kcse_exam_windows_2023.csv`): a calendar of
nights seen must lie on its days, and a moment outside it must not be quoted as inside.
"""

from __future__ import annotations

import json
from pathlib import Path

import icalendar
import pytest
from click.testing import CliRunner

from evenfall.cli import cli

pytestmark = [pytest.mark.real, pytest.mark.slow]

FILE = Path("kenya_telegram_2023") / "2023-KE-telegram.csv.gz"
TELEGRAM = ("telegram", "--network", "AS33771")


def run(*words: str, store: Path) -> str:
    """What a command prints; it must exit with 0."""
    done = CliRunner().invoke(cli, [*words, "--store", str(store)], obj={})
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


@pytest.fixture(scope="module")
def kenya(real_data: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the whole file in it, judged."""
    store = tmp_path_factory.mktemp("kenya") / "store"
    map_path = repository / "examples" / "kenya-2023.toml"
    run("import", "table", str(real_data / FILE), "--map", str(map_path), store=store)
    run("analyze", "-q", store=store)
    return store


def test_the_sentence_is_about_weekdays_and_says_what_it_cannot(kenya: Path) -> None:
    """Mornings and afternoons, Monday to Friday, in Nairobi's time; no control, so no target."""
    sentence = run("quote", *TELEGRAM, store=kenya)
    assert "measured days, Telegram on network AS33771 did not open in" in sentence
    assert "Monday to Friday" in sentence
    assert "Africa/Nairobi" in sentence
    assert "whether only this service was affected cannot be told" in sentence


def test_clean_networks_are_quoted_as_such(kenya: Path) -> None:
    """Four networks on which nothing recurred."""
    for network in ("AS30844", "AS329014", "AS15399", "AS36866"):
        assert "no recurring hours" in run("quote", "telegram", "--network", network, store=kenya)


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("2023-11-14 08:00", "It lies inside the hours found over many days"),  # an exam
        ("2023-11-11 09:00", "outside the"),  # a Saturday
        ("2023-11-01 08:00", "It lies outside the dates"),  # before it began
        ("2023-11-14 21:15", "It lies outside the hours"),  # the same day's evening
    ],
)
def test_moments_inside_and_outside_the_timetable(kenya: Path, when: str, said: str) -> None:
    """Only the examination morning is inside; and even there nobody is called a target."""
    paragraph = run("show", when, *TELEGRAM, store=kenya)
    assert said in paragraph
    assert "targeted" not in paragraph
    row = json.loads(run("show", when, *TELEGRAM, "--json", store=kenya))
    assert row["observation_ids"]
    assert row["scope"] == ("undetermined" if "inside" in said else None)


def test_the_calendar_lies_on_the_days_of_the_examinations(
    kenya: Path, real_data: Path, tmp_path: Path
) -> None:
    """Every night seen on AS33771 is a weekday on which an examination was held."""
    timetable = (real_data / "kenya_telegram_2023" / "kcse_exam_windows_2023.csv").read_text()
    path = tmp_path / "k.ics"
    run("export", "ics", "--network", "AS33771", "--out", str(path), store=kenya)
    found = icalendar.Calendar.from_ical(path.read_bytes()).walk("VEVENT")
    days = {event["DTSTART"].dt.date() for event in found if "RRULE" not in event}
    assert len(days) >= 8
    for day in days:
        assert day.weekday() < 5
        assert day.isoformat() in timetable, day
