"""Kenya, November 2023, in Python: what docs/python.md promises, on real tests of an archive."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import evenfall
from evenfall.cli import cli

pytestmark = [pytest.mark.real, pytest.mark.slow]

FILE = Path("kenya_telegram_2023") / "2023-KE-telegram.csv.gz"
CLEAN = ("AS30844", "AS329014", "AS15399", "AS36866")


@pytest.fixture(scope="module")
def kenya(real_data: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the whole file in it."""
    store = tmp_path_factory.mktemp("kenya") / "store"
    words = ["import", "table", str(real_data / FILE), "--store", str(store), "--map"]
    done = CliRunner().invoke(cli, [*words, str(repository / "examples/kenya-2023.toml")], obj={})
    assert done.exit_code == 0, done.output
    return store


def test_the_first_question(kenya: Path) -> None:
    """Hours of the examinations on AS33771, with intervals; drawn, not marked as simulated."""
    with evenfall.open(kenya) as store:
        assert store.services == ("telegram",)
        nights = store.nights("telegram", network="AS33771")
        tests = store.sql(
            "select count(distinct round_id) as n from observations where network = 'AS33771'"
        )
    assert nights.curfew is not None
    first = nights.window()
    assert first is not None
    assert (first.start_local, first.weekdays) == ("07:00", (0, 1, 2, 3, 4))
    for window in nights.windows:
        assert window.start_interval[0] <= window.start_local <= window.start_interval[1]
        assert window.end_interval[0] <= window.end_local <= window.end_interval[1]
    assert tests["n"][0] >= len(nights) > 300
    html = nights._repr_html_()
    assert html.count('<a href="#e') > 14
    assert "SIMULATED" not in html
    assert "telegram" in nights.sentence.lower()
    assert nights.why().n == nights.curfew.n


def test_the_clean_networks_have_none(kenya: Path) -> None:
    """Four networks without a claim beside it, in one table."""
    with evenfall.open(kenya) as store:
        overview = store.overview()
    found = {one.network: one.curfew for one in overview}
    assert [found[network] for network in CLEAN] == [None] * 4
    assert overview._repr_html_().count("<tr>") > len(CLEAN)
