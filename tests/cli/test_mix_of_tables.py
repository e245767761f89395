"""Tables in which who measures makes the evenings: by the front door, no curfew, the change said.

Three weeks of one service, each 20 minutes, made from a seed. The same table is imported with the
columns of who measured, and once without, to show that without them it would be claimed.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from evenfall.cli import cli
from evenfall.infer.nights import Judgement, judge
from evenfall.model.vocabulary import ChangeKind, SeriesState
from evenfall.store import open_store

FIRST = dt.datetime(2024, 5, 6, tzinfo=dt.UTC)  # a Monday; written as local time, without a zone
DAYS = 21
MAP = """
[time]
column = "when"
zone = "Asia/Almaty"
[local]
zone = "Asia/Almaty"
[series]
service = "video"
network = "AS64500"
{who}
[failure]
failed = "ok = 'no'"
"""
LINE = 'line = { column = "line" }'
SOFTWARE = 'software = { column = "version" }'


class Table:
    """When was measured, by which line and version, and what failed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.minute = np.arange(0, DAYS * 1440, 20) + self.rng.integers(0, 5, DAYS * 72)
        self.hour = self.minute % 1440 / 60
        self.date = self.minute // 1440
        self.line = np.full(self.minute.size, "home", dtype=object)
        self.version = np.full(self.minute.size, "1.0", dtype=object)
        self.rate = np.full(self.minute.size, 0.03)

    def judged(self, folder: Path, who: str = "") -> Judgement:
        """What is made of it."""
        failed = self.rng.random(self.minute.size) < self.rate
        rows = zip(self.minute, self.line, self.version, failed, strict=True)
        lines = [
            f"{FIRST + dt.timedelta(minutes=int(at)):%Y-%m-%d %H:%M:%S},{line},{version},"
            f"{'no' if bad else 'yes'}"
            for at, line, version, bad in rows
        ]
        (folder / "t.csv").write_text("\n".join(["when,line,version,ok", *lines, ""]))
        (folder / "m.toml").write_text(MAP.format(who=who))
        words = ["import", "table", str(folder / "t.csv"), "--map", str(folder / "m.toml")]
        done = CliRunner().invoke(cli, [*words, "--store", str(folder / "s")])
        assert done.exit_code == 0, done.output
        with open_store(folder / "s", write=False) as store:
            return judge(store.series(), rng=np.random.default_rng(0))


def tunnel_of_the_evening(table: Table) -> None:
    """A second line that measures from 20 to 22 only, and nearly always fails."""
    evening = (table.hour >= 20) & (table.hour < 22) & (table.rng.random(table.hour.size) < 0.7)
    table.line[evening] = "tunnel"
    table.rate[evening] = 0.95


@pytest.mark.parametrize("seed", [1, 2])
def test_a_bad_line_that_measures_in_the_evening_only(tmp_path: Path, seed: int) -> None:
    """With lines told apart it is no curfew; without, it looks like one."""
    for name, who, claimed in (("with", LINE, 0), ("without", "", 1)):
        table = Table(seed)
        tunnel_of_the_evening(table)
        (tmp_path / name).mkdir()
        judgement = table.judged(tmp_path / name, who)
        assert len(judgement.curfews) == claimed, name
        (finding,) = judgement.findings
        assert claimed or "within the same lines" in finding.reason


def test_a_version_that_fails_is_a_change_of_the_software(tmp_path: Path) -> None:
    """From day 10 a new version that fails at all hours: the change is dated, and no curfew."""
    table = Table(3)
    table.version[table.date >= 10] = "2.0"
    table.rate[table.date >= 10] = 0.9
    judgement = table.judged(tmp_path, SOFTWARE)
    assert judgement.curfews == ()
    (change,) = judgement.findings[0].changes
    assert change.what is ChangeKind.SOFTWARE
    assert change.between.earliest <= "2024-05-16" <= change.between.latest


def test_a_swapped_probe_whose_evenings_fail(tmp_path: Path) -> None:
    """From day 10 another line, which fails from 20 to 22: no onset can be told from the swap."""
    table = Table(4)
    table.line[table.date >= 10] = "other"
    table.rate[(table.date >= 10) & (table.hour >= 20) & (table.hour < 22)] = 0.95
    judgement = table.judged(tmp_path, LINE)
    assert judgement.curfews == ()
    (finding,) = judgement.findings
    assert [change.what for change in finding.changes] == [ChangeKind.LINES]
    assert finding.state is SeriesState.INSUFFICIENT


@pytest.mark.parametrize("who", [LINE, f"{LINE}\n{SOFTWARE}"])
def test_a_curfew_on_all_lines_is_claimed(tmp_path: Path, who: str) -> None:
    """Two lines, a new version half-way, and 20–22 fails on both before and after: a curfew."""
    table = Table(5)
    table.line[table.rng.random(table.hour.size) < 0.3] = "second"
    table.version[table.date >= 10] = "2.0"
    table.rate[(table.hour >= 20) & (table.hour < 22)] = 0.9
    (curfew,) = table.judged(tmp_path, who).curfews
    assert curfew.lines == 2
    (window,) = curfew.windows
    assert "19:30" <= window.start_local <= "20:20"
    assert "21:40" <= window.end_local <= "22:20"
    kinds = {change.what for change in curfew.changes}
    assert kinds == ({ChangeKind.SOFTWARE} if SOFTWARE in who else set())
