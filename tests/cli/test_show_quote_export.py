"""`show`, `quote` and `export` by the front door: what is printed, written, refused.

Two stores are made by hand: a measured one, imported from a table (one service slowed from 20 to
22, one innocent), and a simulated one, of paired transfers on an evening when the line was full.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner, Result

from evenfall.cli import cli
from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Arm, ClockState, Direction, Fact, Provenance, Role
from evenfall.store import open_store

ZONE = "Asia/Almaty"
NIGHTS = 9
MAP = """
[time]
column = "when"
format = "iso"
zone = "Asia/Almaty"
[local]
zone = "Asia/Almaty"
[series]
service = { column = "service" }
network = { column = "asn", prefix = "AS" }
line = { column = "customer" }
[goodput]
target = "target_kbps"
controls = ["control_kbps"]
unit = "kbit/s"
"""


def rows() -> Iterator[str]:
    """Nine nights, a row every half hour, three customers; `video` is slowed from 20 to 22."""
    rng = np.random.default_rng(7)
    start = dt.datetime(2018, 6, 4, 12)  # noqa: DTZ001  (the zone is the map's)
    for step in range(NIGHTS * 48):
        at = start + dt.timedelta(minutes=30 * step + int(rng.integers(0, 25)))
        for service in ("video", "=music"):
            control = 20_000 * float(np.exp(rng.normal(0, 0.1)))
            factor = 30.0 if service == "video" and 20 <= at.hour < 22 else 1.0
            target = control / factor * float(np.exp(rng.normal(0, 0.1)))
            yield f"{at:%Y-%m-%d %H:%M:%S},{service},9198,c{step % 3},{target:.0f},{control:.0f}"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An imported and judged store."""
    folder = tmp_path_factory.mktemp("measured")
    (folder / "m.toml").write_text(MAP)
    head = "when,service,asn,customer,target_kbps,control_kbps"
    (folder / "f.csv").write_text("\n".join([head, *rows()]) + "\n")
    store = folder / "store"
    words = ["import", "table", str(folder / "f.csv"), "--map", str(folder / "m.toml")]
    assert run(*words, store=store).exit_code == 0
    assert run("analyze", "-q", store=store).exit_code == 0
    return store


def pair(at: dt.datetime, target_bps: int, neutral_bps: int) -> list[Observation]:
    """One round of the generator: both arms of a pair, and a control beside it."""
    round_id = f"{int(at.timestamp()):064x}"
    shared: dict[str, Any] = {
        "provenance": Provenance.SYNTH, "network": "AS64500", "timezone": ZONE,
        "clock": ClockState.VERIFIED, "round_id": round_id, "direction": Direction.DOWNLOAD,
    }  # fmt: skip
    arms = [
        Observation(
            observation_id=f"{round_id}/{index}", fact=Fact.TRANSFER, service="video",
            target="video/front", role=Role.TARGET, pair_id=round_id[:16], arm=arm,
            position=index, is_null_pair=False, goodput_bps=speed, body_bytes=65_536,
            started_us=int(at.timestamp() * 1e6) + index * 1_000_000, **shared,
        )
        for index, (arm, speed) in enumerate(((Arm.TARGET, target_bps), (Arm.NEUTRAL, neutral_bps)))
    ]  # fmt: skip
    control = Observation(
        observation_id=f"{round_id}/2", fact=Fact.HTTP_EXCHANGE, service="news",
        target="news/front", role=Role.CONTROL, goodput_bps=neutral_bps, body_bytes=65_536,
        started_us=int(at.timestamp() * 1e6) + 3_000_000, **shared,
    )  # fmt: skip
    return [*arms, control]


@pytest.fixture(scope="module")
def match_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six evenings at 20 Mbit/s; on the fifth, from 21 to 23, everything is ten times slower."""
    path = tmp_path_factory.mktemp("match") / "store"
    start = dt.datetime(2018, 6, 14, 12, tzinfo=ZoneInfo(ZONE))
    made: list[Observation] = []
    for step in range(6 * 48):
        at = start + dt.timedelta(minutes=30 * step + 7)
        full = (at.day, at.hour) in {(18, 21), (18, 22)}
        speed = (2_000_000 if full else 20_000_000) + 1000 * (step % 17)
        made += pair(at, speed - 5000, speed)
    with open_store(path, write=True) as store:
        store.add_observations(made, name="match-night")
    return path


def run(*words: str, store: Path) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(cli, [*words, "--store", str(store)], obj={})


def error_of(result: Result) -> str:
    """What our own error says; a traceback of anything else fails the test."""
    from evenfall.model.errors import EvenfallError

    assert isinstance(result.exception, EvenfallError), result.exception
    return str(result.exception)


def flat(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())


# show ----------------------------------------------------------------------------------------


def test_show_answers_the_doctors_question(match_night: Path) -> None:
    """18 June at 21:00, a full line: not slower than its pair, all suffered, nobody targeted."""
    done = run("show", "2018-06-18T21:30", "video", store=match_night)
    assert done.exit_code == 0, done.output
    said = flat(done.output)
    assert said.startswith("SIMULATED")
    assert "2 measurements; none failed" in said
    assert "of the same server under another name: about as fast" in said
    assert "Everything else suffered too: at the same time, controls were 10 times slower" in said
    assert "targeted" not in said
    assert "no pattern" in said


def test_show_rests_on_the_rows_of_that_hour(match_night: Path) -> None:
    """--json lists every id; each is an observation that began within the stretch."""
    done = run("show", "2018-06-18T21:30", "video", "--json", store=match_night)
    (row,) = [json.loads(line) for line in done.output.splitlines()]
    assert row["kind"] == "moment"
    assert row["simulated"] is True
    assert row["scope"] is None
    assert len(row["observation_ids"]) == 6  # two rounds of two arms and a control
    for name in row["observation_ids"]:
        assert row["from_us"] <= int(name.split("/")[0], 16) * 1_000_000 < row["to_us"]
    human = run("show", "2018-06-18T21:30", "video", store=match_night).output
    assert "and 2 more (all with --json)" in human


def test_show_of_a_slowed_evening_quotes_what_was_found(measured: Path) -> None:
    """Inside the hours of many nights; the innocent service beside it has none."""
    said = flat(run("show", "2018-06-08 21:00", store=measured).output)
    video, music = sorted(said.split("Rests on:")[:2], key=lambda p: "Video" not in p)
    assert "It lies inside the hours found over many nights: 20:00 – 22:00" in video
    factor = int(re.search(r": (\d+) times slower\.", video)[1])
    assert 24 <= factor <= 37, "a median of two rows, each of noise e^0.14, around 30"
    assert "no recurring hours were found for it" in music
    assert "none was three times slower or more" in music


def test_show_reads_times_nights_and_zones(measured: Path) -> None:
    """A date is a night; 21:00 is the last one measured; --tz reads the clock of another zone."""
    night = flat(run("show", "2018-06-08", "video", store=measured).output)
    assert "the night of Friday 8 Jun 2018, noon to noon" in night
    assert "Slow or failed for the most part: 20:00 – 22:00" in night
    last = json.loads(run("show", "21:00", "video", "--json", store=measured).output)
    assert last["from_local"] == "2018-06-12T20:30:00+06:00"
    utc = json.loads(
        run("show", "2018-06-08 15:00", "video", "--tz", "UTC", "--json", store=measured).output
    )
    local = json.loads(run("show", "2018-06-08 21:00", "video", "--json", store=measured).output)
    assert (utc["from_us"], utc["there"]) == (local["from_us"], local["there"])


def test_show_says_when_nothing_was_measured(measured: Path) -> None:
    """A year before: said for each service, with the nearest; exit 0, for it ran."""
    done = run("show", "2017-06-08 21:00", store=measured)
    assert done.exit_code == 0
    assert done.output.count("nothing was measured") == 2
    assert "The nearest measurement is of 2018-06-04 12:" in done.output


@pytest.mark.parametrize(
    ("asked", "said"),
    [("2024-03-31T02:30", "does not exist"), ("2024-10-27T02:30", "comes twice")],
)
def test_show_tells_of_the_clock(measured: Path, asked: str, said: str) -> None:
    """Readings that a zone skips or repeats are said to be such."""
    done = run("show", asked, "video", "--tz", "Europe/Berlin", store=measured)
    assert said in done.output


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["show", "yesterday"], "2018-06-18T21:00"),
        (["show", "2018-06-08", "nothing"], "video on AS9198"),
        (["show", "2018-06-08", "video", "--network", "AS1"], "video on AS9198"),
        (["show", "2018-06-08", "--network", "AS1"], "on AS"),
        (["quote", "nothing"], "video on AS9198"),
        (["quote", "--network", "AS1"], "on AS"),
        (["export", "csv", "--service", "nothing"], "video"),
        (["export", "ics", "--service", "nothing"], "video"),
        (["export", "atom", "--network", "AS1"], "on AS"),
        (["export", "csv", "--out", "/nowhere/at/all.csv"], "--out"),
        (["export", "parquet", "--out", "/nowhere/at/all.parquet"], "--out"),
        (["export", "csv", "--out", "/dev/null"], "device"),
        (["export", "parquet", "--out", "-"], "file"),
        (["export", "csv", "--out", "-", "--json"], "--out"),
        (["export", "csv", "--lines", "--what", "series"], "--lines"),
    ],
)
def test_wrong_input_names_what_there_is_and_what_to_do(
    measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], named: str
) -> None:
    """Our own error, never a traceback; and nothing is written."""
    monkeypatch.chdir(tmp_path)
    done = run(*words, store=measured)
    assert named in error_of(done)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [["show", "21:00"], ["quote"], ["export", "csv"], ["export", "ics"], ["export", "atom"]],
)
def test_an_empty_store_and_none_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """No store, and a store without rows: what is missing, and how it comes in."""
    monkeypatch.chdir(tmp_path)
    assert "mport" in error_of(run(*words, store=tmp_path / "none"))
    with open_store(tmp_path / "empty", write=True):
        pass
    assert "import" in error_of(run(*words, store=tmp_path / "empty"))


@pytest.mark.parametrize(
    "words", [["show", "21:00"], ["quote"], ["export", "csv"], ["export", "ics"]]
)
def test_plan_reads_and_writes_nothing(
    measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """--plan says that nothing is sent, and does nothing."""
    monkeypatch.chdir(tmp_path)
    done = run(*words, "--plan", store=measured)
    assert done.exit_code == 0
    assert "Nothing is sent" in done.output
    assert list(tmp_path.iterdir()) == []


# quote ---------------------------------------------------------------------------------------


def test_quote_is_a_line_for_each_service(measured: Path) -> None:
    """Two services, two lines: the slowed one with its interval, the innocent one without."""
    lines = run("quote", store=measured).output.splitlines()
    assert len(lines) == 2
    video = next(line for line in lines if line.startswith("Between") and "slower" in line)
    assert "on 9 of 9 measured nights, video on network AS9198 was" in video
    assert "95 % interval" in video
    assert any("no recurring hours" in line for line in lines)
    assert run("quote", store=measured).output.splitlines() == lines


def test_quote_has_fields(measured: Path, match_night: Path) -> None:
    """The same sentence beside its parts; simulated rows say so in both."""
    row = json.loads(run("quote", "VIDEO", "--json", store=measured).output)
    assert row["sentence"] == run("quote", "video", store=measured).output.strip()
    assert (row["kind"], row["nights_seen"], row["nights_measured"]) == ("quote", 9, 9)
    assert row["interval"][0] < 33
    assert row["interval"][1] > 27
    made = json.loads(run("quote", "video", "--json", store=match_night).output)
    assert made["simulated"] is True
    assert made["sentence"].startswith("SIMULATED")


# export --------------------------------------------------------------------------------------


def exported(store: Path, folder: Path, *words: str) -> Path:
    """The file that an export wrote."""
    path = folder / f"out.{words[0]}"
    done = run("export", *words, "--out", str(path), store=store)
    assert done.exit_code == 0, (done.output, done.exception)
    return path


def test_export_csv_of_observations_names_no_customer(measured: Path, tmp_path: Path) -> None:
    """Target and control of each row; no line unless asked for, and then a pseudonym."""
    path = exported(measured, tmp_path, "csv")
    with path.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == NIGHTS * 48 * 2 * 2
    assert "line" not in found[0]
    assert {row["service"] for row in found} >= {"video", "'=music"}
    assert (tmp_path / "out.csv.dictionary.md").read_text().startswith("# Observations")
    with exported(measured, tmp_path, "csv", "--lines").open(newline="") as file:
        lines = {row["line"] for row in csv.DictReader(file)}
    assert len(lines) == 3
    assert all(line.startswith("line-") for line in lines)


def test_export_parquet_reads_back_elsewhere(measured: Path, tmp_path: Path) -> None:
    """Another engine sees the rows of the CSV, formulas and all as they were."""
    path = exported(measured, tmp_path, "parquet", "--service", "=music")
    with duckdb.connect(":memory:") as other:
        found = other.execute(
            "SELECT service, count(*), bool_or(simulated) FROM read_parquet(?) GROUP BY 1",
            [str(path)],
        ).fetchall()
    assert found == [("=music", NIGHTS * 48, False)]


def test_export_of_hours_leaves_out_few_lines(measured: Path, tmp_path: Path) -> None:
    """Two rows an hour come from two customers of three: all is left out, and it says so."""
    words = ("export", "csv", "--aggregate", "network-hour", "--out", str(tmp_path / "h.csv"))
    done = run(*words, "--json", store=measured)
    row = json.loads(next(line for line in done.output.splitlines() if line.startswith("{")))
    assert row["rows"] == 0
    assert row["left_out"] == NIGHTS * 24 * 2
    path = exported(measured, tmp_path, "csv", "--aggregate", "network-hour", "--lines-min", "1")
    with path.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == NIGHTS * 24 * 2


def test_export_to_standard_output_is_the_file(measured: Path, tmp_path: Path) -> None:
    """`--out -` gives the same bytes, and the human words go elsewhere."""
    for words in (("csv", "--what", "curfews"), ("csv",), ("ics",), ("atom",)):
        path = exported(measured, tmp_path, *words)
        done = run("export", *words, "--out", "-", store=measured)
        assert done.exit_code == 0
        assert done.stdout_bytes == path.read_bytes()


def test_a_reader_that_goes_away_is_no_fault_of_the_store(measured: Path) -> None:
    """`export csv --out - | head -1`: no error about the disk, and no traceback."""
    words = [sys.executable, "-m", "evenfall.cli", "export", "csv", "--out", "-"]
    with subprocess.Popen(
        [*words, "--store", str(measured)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"service,network")
        process.stdout.close()
        said = process.stderr.read().decode()
    assert "disk" not in said
    assert "Traceback" not in said


def test_export_is_the_same_each_time_and_replaces_whole(measured: Path, tmp_path: Path) -> None:
    """No clock goes in; an older file is replaced, and nothing is left beside it."""
    for words in (
        ("csv", "--what", "nights"),
        ("ics",),
        ("atom",),
        ("parquet", "--what", "series"),
    ):
        first = exported(measured, tmp_path, *words).read_bytes()
        assert exported(measured, tmp_path, *words).read_bytes() == first
    assert not [path for path in tmp_path.iterdir() if ".new" in path.name]


def test_export_of_an_innocent_store_is_an_empty_calendar(
    match_night: Path, tmp_path: Path
) -> None:
    """Nothing found: no event, no entry; and it is marked, for it was made."""
    calendar = exported(match_night, tmp_path, "ics").read_text()
    assert "BEGIN:VEVENT" not in calendar
    assert "SIMULATED" in calendar
    feed = exported(match_night, tmp_path, "atom").read_text()
    assert "<entry>" not in feed
    assert "SIMULATED" in feed


def test_simulated_and_measured_are_not_mixed_in_silence(measured: Path, tmp_path: Path) -> None:
    """Both in one store: refused; one kind or both by a word, and the column tells them apart."""
    store = tmp_path / "both"
    shutil.copytree(measured, store)
    at = dt.datetime(2018, 6, 4, 13, tzinfo=ZoneInfo(ZONE))
    made = [o for step in range(4) for o in pair(at + dt.timedelta(hours=step), 10**7, 10**7)]
    with open_store(store, write=True) as opened:
        opened.add_observations(made, name="made")
    for words in (("csv",), ("ics",), ("atom",), ("csv", "--what", "nights")):
        refused = run("export", *words, "--out", str(tmp_path / "x"), store=store)
        assert "--simulated" in error_of(refused)
        assert not (tmp_path / "x").exists()
    counts = {}
    for kind in ("only", "without", "mixed"):
        path = exported(store, tmp_path, "csv", "--simulated", kind)
        with path.open(newline="") as file:
            counts[kind] = [row["simulated"] for row in csv.DictReader(file)]
    assert set(counts["only"]) == {"true"}
    assert set(counts["without"]) == {"false"}
    assert len(counts["mixed"]) == len(counts["only"]) + len(counts["without"])
    assert len(counts["only"]) == len(made)
