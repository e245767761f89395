"""A dirty table through the front door: import, analyze, nights, show, quote, report, export.

Every impossible row is refused under its reason or counted as left out; what remains is judged as
if the rest had never been there; no command fails.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from evenfall.cli import cli

MAP = """
[time]
column = "when"
format = "unix_s"
[local]
zone_column = "zone"
[series]
service = { column = "service" }
network = { column = "network" }
[failure]
failed = "outcome != 'ok'"
[goodput]
target = "target"
controls = ["control"]
unit = "bit/s"
"""
HEADER = "when,zone,service,network,outcome,target,control"
START_S = 1_708_426_800  # 2024-02-20, 11:00 UTC: ten days before the Kazakh change of zone
ZONE = "Asia/Almaty"


def good_rows(*, curfew: bool, nights: int = 20, seed: int = 1) -> list[str]:
    """A test every 20 min; from 14 to 16 UTC (20–22 at first) a tenth of the speed if `curfew`."""
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(nights * 72):
        stamp = START_S + index * 1200 + int(rng.integers(0, 300))
        control = 2e7 * np.exp(rng.normal(0, 0.2))
        local = dt.datetime.fromtimestamp(stamp, dt.UTC) + dt.timedelta(
            hours=6 if stamp < 1_709_229_600 else 5
        )
        slow = 10.0 if curfew and 20 <= local.hour < 22 else 1.0
        target = control / slow * np.exp(rng.standard_t(3) * 0.15)
        rows.append(f"{stamp},{ZONE},video,AS64500,ok,{target:.0f},{control:.0f}")
    return rows


def dirty(field: str, value: str, n: int = 3) -> list[str]:
    """Rows with one impossible field each, at moments that a good row does not have."""
    names = HEADER.split(",")
    rows = []
    for index in range(n):
        row = [str(START_S + 7 + index), ZONE, "video", "AS64500", "ok", "2000000", "20000000"]
        row[names.index(field)] = value
        rows.append(",".join(row))
    return rows


GARBAGE = {
    "time_out_of_range": ("when", "0"),
    "time_out_of_range ": ("when", "4102444800"),
    "time_future": ("when", "4102444799"),
    "time_unreadable": ("when", "1000000000000000000"),
    "time_unreadable ": ("when", "-1"),
    "time_missing": ("when", ""),
    "zone_unknown": ("zone", "Mars/Base"),
    "goodput_not_a_number": ("target", "nan"),
    "goodput_not_a_number ": ("control", "inf"),
    "goodput_negative": ("target", "-5"),
    "goodput_out_of_range": ("target", "1" + "0" * 16),
    "text_too_long": ("service", "x" * 3000),
    "service_missing": ("service", ""),
}


class Shop:
    """A folder with a map, a store, and the commands run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "m.toml").write_text(MAP)

    def run(self, *words: str) -> Result:
        """One command on the store `s`; a traceback of ours fails the test at once."""
        done = CliRunner().invoke(
            cli, [*words, "--store", str(self.folder / "s")], obj={}, env={"COLUMNS": "120"}
        )
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    def bring(self, rows: list[str], name: str = "t.csv") -> dict[str, object]:
        """Import rows; the accounts."""
        (self.folder / name).write_text("\n".join([HEADER, *rows, ""]))
        path, mapped = str(self.folder / name), str(self.folder / "m.toml")
        done = self.run("import", "table", path, "--map", mapped, "--json")
        assert done.exit_code == 0, done.output
        accounts: dict[str, object] = json.loads(done.stdout.splitlines()[0])
        return accounts

    def analyzed(self) -> tuple[list[dict], list[dict]]:
        """Curfews and series of `analyze --json`."""
        done = self.run("analyze", "--json", "-q")
        assert done.exit_code == 0, done.output
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return (
            [line for line in lines if line["kind"] == "curfew"],
            [line for line in lines if line["kind"] == "series"],
        )


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """An empty one."""
    return Shop(tmp_path)


SCREENS = (
    ("nights",),
    ("nights", "--json"),
    ("nights", "SERVICE"),
    ("show", "2024-02-29T21:00", "SERVICE"),
    ("show", "2024-03-01", "SERVICE"),
    ("quote", "SERVICE"),
    ("report", "SERVICE", "--out", "FOLDER/page.html"),
    ("export", "csv", "--out", "FOLDER/out.csv"),
    ("export", "ics", "--out", "FOLDER/out.ics"),
    ("export", "atom", "--out", "FOLDER/out.atom"),
)


def every_screen(shop: Shop, service: str, *only: str) -> list[str]:
    """Whatever can be asked about a service ends well; the texts that were printed.

    `only`: commands; none: all.
    """
    said = []
    for words in SCREENS:
        if only and words[0] not in only:
            continue
        done = shop.run(
            *(w.replace("SERVICE", service).replace("FOLDER", str(shop.folder)) for w in words)
        )
        assert done.exit_code == 0, (words, done.output)
        assert "Traceback" not in done.output
        said.append(done.output)
    return said


@pytest.mark.parametrize("curfew", [True, False])
def test_dirt_changes_no_answer(shop: Shop, curfew: bool) -> None:
    """Impossible rows shuffled among good ones are counted by reason, and nothing else changes.

    The hours stay on the wall while the zone moves from UTC+6 to UTC+5 in the middle.
    """
    good = good_rows(curfew=curfew)
    rows = [*good, *(row for field, value in GARBAGE.values() for row in dirty(field, value))]
    rows = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
    accounts = shop.bring(rows)
    expected: dict[str, int] = {}
    for reason in GARBAGE:
        expected[reason.strip()] = expected.get(reason.strip(), 0) + 3
    assert accounts["quarantined"] == expected
    assert accounts["stored"] == len(good)
    clean = Shop(shop.folder / "clean")
    clean.bring(good)
    assert shop.analyzed() == clean.analyzed()
    curfews, (series,) = shop.analyzed()
    assert [(c["windows"][0]["start_local"], c["windows"][0]["end_local"]) for c in curfews] == (
        [("20:00", "22:00")] if curfew else []
    )
    assert series["left_out"] == {}
    every_screen(shop, "video")


def test_duplicates_and_order(shop: Shop) -> None:
    """Every row four times, in any order: stored once over, repeats weigh nothing, same answer."""
    good = good_rows(curfew=True, nights=8)
    rows = good * 4
    rows = [rows[i] for i in np.random.default_rng(2).permutation(len(rows))]
    accounts = shop.bring(rows)
    assert (accounts["stored"], accounts["repeated"]) == (len(rows), 3 * len(good))
    clean = Shop(shop.folder / "clean")
    clean.bring(good)
    assert shop.analyzed() == clean.analyzed()
    assert len(shop.analyzed()[0]) == 1


def test_a_clock_of_another_century_hides_nothing(shop: Shop) -> None:
    """Rows that a clock of 1990 or 2000 stamped: possible dates, judged, and no screen fails."""
    old = [row.replace(str(START_S + 7)[:6], "631152") for row in dirty("outcome", "tcp")]
    old += [f"{946684800 + i},{ZONE},video,AS64500,tcp,0,20000000" for i in range(40)]
    shop.bring([*good_rows(curfew=False), *old])
    assert shop.analyzed()[0] == []
    said = every_screen(shop, "video")
    assert "2024" in said[2]


@pytest.mark.parametrize("outcome", ["ok", "tcp"])
def test_one_row(shop: Shop, outcome: str) -> None:
    """A store of one row: not enough, on every screen."""
    shop.bring([f"{START_S},{ZONE},video,AS64500,{outcome},1000,1000"])
    curfews, (series,) = shop.analyzed()
    assert (curfews, series["state"], series["n"]) == ([], "insufficient", 1)
    every_screen(shop, "video")


def test_all_failing_all_equal_and_all_of_one_second(shop: Shop) -> None:
    """Three services: one always fails, one never varies, one has all its rows in one second."""
    rows = []
    for index in range(72 * 14):
        stamp = START_S + index * 1200
        rows.append(f"{stamp},{ZONE},dead,AS64500,tcp,0,20000000")
        rows.append(f"{stamp},{ZONE},flat,AS64500,ok,1000000,1000000")
        rows.append(f"{START_S},{ZONE},burst,AS64500,tcp,{index},20000000")
    shop.bring(rows)
    curfews, series = shop.analyzed()
    states = {line["service"]: line["state"] for line in series}
    assert all(curfew["service"] == "dead" for curfew in curfews)
    assert states["flat"] == "none"
    assert states["burst"] == "insufficient"
    assert all(c["pattern"] == "always" and c["scope"] != "targeted" for c in curfews)
    for service in states:
        every_screen(shop, service, "show", "quote", "report")


def test_names_that_nobody_should_have(shop: Shop) -> None:
    """Markup, control characters, quotes and slashes: stored, judged, and printed as text."""
    names = ["<script>alert(1)</script>", "../../x", 'a\'b""c', "\x1b[31mred", "=1+1", "день"]
    rows = [
        f'{START_S + i * 1200},{ZONE},"{name}","{name}",ok,1000000,1000000'
        for name in names
        for i in range(72 * 6)
    ]
    accounts = shop.bring(rows)
    assert accounts["stored"] == len(rows)
    curfews, series = shop.analyzed()
    assert curfews == []
    assert sorted(line["service"] for line in series) == sorted(
        name.replace('""', '"') for name in names
    )
    for line in series:
        every_screen(shop, line["service"], "quote", "report")
        page = (shop.folder / "page.html").read_text(encoding="utf-8")
        assert "<script" not in page


def test_a_store_without_a_row(shop: Shop) -> None:
    """A table of which nothing could be kept: empty screens, or an error that says what to do."""
    accounts = shop.bring(dirty("when", "0"))
    assert accounts["stored"] == 0
    assert shop.run("nights").exit_code == 0
    for words in (("analyze",), ("nights", "video"), ("show", "2024-03-01", "video"),
                  ("quote", "video"), ("report", "video")):  # fmt: skip
        done = CliRunner().invoke(cli, [*words, "--store", str(shop.folder / "s")], obj={})
        assert done.exit_code in (0, 1, 2), words
        said = done.output if done.exit_code == 0 else str(done.exception)
        assert said.strip(), words
