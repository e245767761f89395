"""`nights`, `report` and `lab synth`: what a person sees, in colour, in grey and in ASCII."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from evenfall.cli import cli
from evenfall.lab.nights.families import draw
from evenfall.lab.nights.writing import write_world

SECONDS = 120


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fortnight in which video and social are slowed from 20:00 to 22:00, analyzed."""
    path = tmp_path_factory.mktemp("nights") / "store"
    write_world(draw("curfew_basic", 0, nights=14), path)
    done = CliRunner().invoke(cli, ["analyze", "--store", str(path), "-q"], obj={})
    assert done.exit_code == 0, done.output
    return path


def run(*words: str, store: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The real program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "evenfall.cli", *words, "--store", str(store)],
        env={**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8", **env},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )


def test_the_carpet_of_one_service(store: Path) -> None:
    """Marked simulated; axis from noon; fourteen rows; the bracket; the sentence; one next step."""
    done = run("nights", "video", store=store)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert said.startswith("SIMULATED")
    assert "12  14  16  18  20  22  00  02  04  06  08  10" in said
    assert sum(line[:3] in {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
               for line in said.splitlines()) == 14  # fmt: skip
    assert "├" in said
    assert "measured nights video was" in said
    assert "Not shown: Who did it, or why." in said
    assert said.count("Next:") == 1
    assert "\x1b[" not in said  # no colour into a pipe


def test_the_bracket_stands_over_its_columns(store: Path) -> None:
    """The bracket begins above the first half hour of the window found."""
    lines = run("nights", "video", store=store).stdout.splitlines()
    bracket = next(line for line in lines if "├" in line)
    axis = next(line for line in lines if line.strip().startswith("12  14"))
    assert abs(bracket.index("├") - axis.index("20")) <= 1


def test_ascii_and_narrow_terminals_can_read_it(store: Path) -> None:
    """Latin-1 terminals get ASCII alone; a narrow one gets an hour a character."""
    done = run("nights", "video", store=store, PYTHONIOENCODING="ascii", COLUMNS="50")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "12  16  20  00  04  08" in done.stdout
    assert "#" in done.stdout or "X" in done.stdout


def test_all_series_in_one_screen(store: Path) -> None:
    """Without a service: one line each, those with a window first."""
    done = run("nights", store=store)
    assert done.returncode == 0, done.stderr
    body = [line for line in done.stdout.splitlines() if "no rec" in line or "slowed" in line]
    assert [line.split()[0] for line in body] == ["Social", "Video", "Messenger"]
    assert "no recurring hours found" in body[2]


def test_json_is_json_alone(store: Path) -> None:
    """One curfew, one series, one carpet; the carpet has 48 steps a night."""
    done = run("nights", "video", "--json", store=store)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["kind"] for row in rows] == ["curfew", "series", "carpet"]
    assert rows[2]["simulated"] is True
    assert {len(night["steps"]) for night in rows[2]["nights"]} == {48}


def test_a_store_with_one_series_shows_it(tmp_path: Path) -> None:
    """No service need be named where there is one alone; too little measured is said once."""
    path = tmp_path / "store"
    (tmp_path / "m.toml").write_text(
        '[time]\ncolumn = "when"\nzone = "UTC"\n[local]\nzone = "Africa/Nairobi"\n[series]\n'
        'service = "telegram"\nnetwork = { column = "asn", prefix = "AS" }\n'
        "[failure]\nfailed = \"outcome != 'ok'\"\n"
    )
    rows = [f"2023-11-08 {hour:02d}:00:00,1,ok" for hour in range(20)]  # until 22:00 there
    (tmp_path / "f.csv").write_text("\n".join(["when,asn,outcome", *rows]) + "\n")
    files = (str(tmp_path / "f.csv"), "--map", str(tmp_path / "m.toml"))
    assert run("import", "table", *files, store=path).returncode == 0
    done = run("nights", store=path)
    assert done.returncode == 0, done.stderr
    assert "Telegram · network AS1" in done.stdout
    assert "1 measured night, 20 measurements" in " ".join(done.stdout.split())
    assert "(1 measured night so far)" in done.stdout
    assert "1 nights" not in done.stdout
    rows_said = [
        json.loads(line) for line in run("nights", "--json", store=path).stdout.split("\n")[:-1]
    ]
    assert [row["kind"] for row in rows_said] == ["series", "carpet"]
    analyzed = run("analyze", store=path).stdout
    assert "Not enough measured: 1 night measured; a pattern needs 5 (telegram AS1)" in analyzed
    page = tmp_path / "page.html"
    assert run("report", "telegram", "--out", str(page), store=path).returncode == 0
    assert "than the control" not in page.read_text(encoding="utf-8")


def test_analyze_names_what_there_is(store: Path) -> None:
    """An unknown service in a store that holds others is asked wrongly: status 2, the names."""
    done = run("analyze", "--service", "nosuch", store=store)
    assert done.returncode == 2
    assert "messenger or social or video" in done.stderr
    assert "AS64500" in done.stderr
    assert "Import" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("service", ["video", "messenger"])
def test_a_page_is_written(store: Path, tmp_path: Path, service: str) -> None:
    """For a curfew and for none: under 30 kB, simulated, and the sentence is said."""
    out = tmp_path / "page.html"
    done = run("report", service, "--out", str(out), store=store)
    assert done.returncode == 0, done.stderr
    html = out.read_text(encoding="utf-8")
    assert len(gzip.compress(html.encode())) < 30_000
    assert "SIMULATED" in html
    assert str(out) in done.stdout
    row = json.loads(run("report", service, "--json", "--out", str(out), store=store).stdout)
    assert row["kind"] == "report"
    assert row["sentence"] in done.stdout


def test_faults_are_one_clear_message(store: Path, tmp_path: Path) -> None:
    """An unknown service, a folder without a store, a place that cannot be written."""
    unknown = run("report", "nonsense", store=store)
    assert unknown.returncode == 2
    assert "video on AS64500" in unknown.stderr
    absent = run("nights", store=tmp_path / "none")
    assert absent.returncode == 1
    assert "store" in absent.stderr
    nowhere = run("report", "video", "--out", str(tmp_path / "no" / "page.html"), store=store)
    assert nowhere.returncode == 1
    for done in (unknown, absent, nowhere):
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_nothing_is_sent_and_plan_says_so(store: Path) -> None:
    """--plan reads nothing and writes nothing."""
    for words in (["nights"], ["report", "video"]):
        done = run(*words, "--plan", store=store)
        assert done.returncode == 0
        assert "Nothing is sent" in done.stderr
        assert done.stdout == ""
