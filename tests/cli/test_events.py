"""`events`: what a person adds, lists, imports, withdraws and compares; and what is refused."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import os
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from click.testing import CliRunner, Result

from evenfall.cli import cli
from evenfall.model.errors import EvenfallError

MAP = """
[time]
column = "when"
zone = "UTC"
[local]
zone = "Asia/Almaty"
[series]
service = { column = "service" }
network = { column = "asn", prefix = "AS" }
[failure]
failed = "ok = 'no'"
"""
NIGHTS = 60
FIRST = dt.date(2018, 3, 26)
ADD = ["events", "add", "--type", "ruling", "--date", "2018-03-13", "--title", "A court ruled",
       "--source", "https://example.org/1", "--tz", "Asia/Almaty"]  # fmt: skip


def run(*words: object, store: Path, env: dict | None = None) -> Result:
    """The command in this process; its own errors come out as exceptions of ours."""
    words = (*map(str, words), "--store", str(store))
    return CliRunner().invoke(cli, list(words), obj={}, env={"COLUMNS": "80", **(env or {})})


def good(*words: object, store: Path) -> str:
    """What it prints; it must exit with 0."""
    done = run(*words, store=store)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def lines(*words: object, store: Path) -> list[dict]:
    """Its JSON lines."""
    return [json.loads(line) for line in good(*words, "--json", "-q", store=store).splitlines()]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An empty place."""
    return tmp_path / "store"


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty nights; three services fail from 20 to 22 when there is a broadcast, three never."""
    folder = tmp_path_factory.mktemp("events")
    rng = np.random.default_rng(8)
    broadcast = rng.random(NIGHTS) < 0.3
    zone = ZoneInfo("Asia/Almaty")
    rows = []
    for name in ("video", "social", "chat", "mail", "maps", "news"):
        for hour in range(NIGHTS * 24):
            local = dt.datetime.combine(FIRST, dt.time(12), tzinfo=zone)
            local += dt.timedelta(hours=hour)
            hit = name in ("video", "social", "chat") and 20 <= local.hour < 22
            hit = hit and broadcast[min(NIGHTS - 1, (local.date() - FIRST).days)]
            failed = rng.random() < (0.95 if hit else 0.02)
            at = local.astimezone(dt.UTC).isoformat()
            rows.append([at, 9198, name, "no" if failed else "yes"])
    with (folder / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["when", "asn", "service", "ok"], *rows])
    dates = [(FIRST + dt.timedelta(days=int(n))).isoformat() for n in np.flatnonzero(broadcast)]
    table = "\n".join(["date,time,kind,title", *(f"{d},20:15,broadcast,live" for d in dates)])
    (folder / "live.csv").write_text(table + "\n")
    (folder / "map.toml").write_text(MAP)
    path = folder / "store"
    good("import", "table", folder / "rows.csv", "--map", folder / "map.toml", store=path)
    good("analyze", store=path)
    good("events", "import", folder / "live.csv", "--tz", "Asia/Almaty", store=path)
    for name in ("video", "social", "chat", "mail", "maps", "news"):
        outcome = "refused" if name in ("video", "social", "chat") else "complied"
        good("events", "add", "--type", "takedown-request", "--date", "2018-03-20", "--service",
             name, "--platform", name, "--outcome", outcome, "--title", "asked", "--source", "made",
             "--tz", "Asia/Almaty", store=path)  # fmt: skip
    good("events", "add", "--type", "order", "--date", "2018-03-25", "--title", "evenings",
         "--source", "made", "--tz", "Asia/Almaty", "--ordered", "Mon-Fri 20:00-22:00",
         store=path)  # fmt: skip
    return path


def test_a_ruling_with_an_archived_copy(store: Path, tmp_path: Path) -> None:
    """Name and SHA-256 are kept, as `sha256sum` gives it; the copy and its folder are not."""
    copy = tmp_path / "ruling.wacz"
    copy.write_bytes(b"page" * 1000)
    (row,) = lines(*ADD, "--archive", copy, "--reason", "none given", store=store)
    assert row["archive_name"] == "ruling.wacz"
    assert row["archive_sha256"] == hashlib.sha256(b"page" * 1000).hexdigest()
    assert (row["kind"], row["type"], row["precision"]) == ("event", "ruling", "day")
    kept = [p for p in store.rglob("*") if p.is_file() and b"page" * 10 in p.read_bytes()]
    assert kept == []
    assert str(tmp_path) not in (store / "events.jsonl").read_text()
    assert lines("events", "list", store=store) == [row]


def test_added_twice_is_one(store: Path) -> None:
    """The second time it is said so, with exit status 0."""
    good(*ADD, store=store)
    assert "already" in good(*ADD, store=store)
    assert len(lines("events", "list", store=store)) == 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--date", "2018-02-30"], "a date as"),
        (["--date", "yesterday"], "a date as"),
        (["--time", "25:00"], "a date as"),
        (["--time", "8 pm"], "a date as"),
        (["--end", "2018-03-12"], "not before the start"),
        (["--time", "20:00", "--end", "19:00"], "not before the start"),
        (["--end", "soon"], "a date as"),
        (["--tz", "Asia/Nowhere"], "IANA"),
        (["--date", "2021-03-28", "--time", "02:30", "--tz", "Europe/Berlin"], "skipped"),
        (["--title", "  "], "a title"),
        (["--ordered", "evenings"], "Mon-Fri 20:00-22:00"),
        (["--ordered", "20:00-26:00"], "hours as"),
        (["--outcome", "complied"], "takedown-request"),
        (["--archive", "/nowhere/at/all"], "regular file"),
        (["--archive", "/dev/zero"], "regular file"),
        (["--precision", "minute"], "time of day"),
        (["--service", ""], "names"),
        (["--title", "a\x1b[2J"], "control character"),
        (["--title", "two\nlines"], "line break"),
        (["--title", "half a \udcff"], "control character"),
        (["--source", "\x07"], "control character"),
    ],
)
def test_what_cannot_be_is_refused(store: Path, more: list[str], says: str) -> None:
    """One clear message with a remedy, status 2, and nothing is kept."""
    done = run(*ADD, *more, store=store)
    assert isinstance(done.exception, EvenfallError), done.output
    assert done.exception.exit_code == 2
    assert says in str(done.exception)
    assert done.exception.remedy
    assert not (store / "events.jsonl").exists()


def test_a_zone_has_to_be_named(store: Path) -> None:
    """Dates without a zone mean nothing."""
    done = run(*ADD[:-2], store=store)
    assert isinstance(done.exception, EvenfallError)
    assert "--tz Asia/Almaty" in done.exception.remedy


def test_nothing_is_sent_or_kept_with_plan(store: Path) -> None:
    """`--plan` says that nothing would be sent, and does nothing."""
    for words in (ADD, ["events", "list"], ["events", "import", "x.csv"], ["events", "test", "v"],
                  ["events", "remove", "ab", "--why", "x"]):  # fmt: skip
        assert "Nothing would be sent" in good(*words, "--plan", store=store)
    assert not store.exists()


def test_lists_fit_the_screen(store: Path) -> None:
    """Two lines an event, none longer than the terminal, in UTF-8 and without it."""
    good(*ADD, "--title", "Решение суда " + "x" * 300, "--reason", "y" * 300, store=store)
    good(*ADD, "--date", "2018-03-14", "--time", "20:00", "--end", "22:00", store=store)
    for columns in ("80", "120"):
        done = run("events", "list", store=store, env={"COLUMNS": columns})
        shown = done.stdout.splitlines()
        assert len(shown) == 5
        assert max(map(len, shown)) <= int(columns)
        assert "2018-03-14 20:00" in done.stdout
    assert [e["start"] for e in lines("events", "list", store=store)] == [
        "2018-03-13", "2018-03-14T20:00",
    ]  # fmt: skip


def test_withdrawn_and_gone_from_the_list(store: Path) -> None:
    """By the beginning of its id; the reason is kept; a second time it is not there."""
    (row,) = lines(*ADD, store=store)
    done = lines("events", "remove", row["event_id"][:8], "--why", "wrong year", store=store)
    assert (done[0]["kind"], done[0]["why"]) == ("event_withdrawn", "wrong year")
    assert lines("events", "list", store=store) == []
    assert "wrong year" in (store / "events.jsonl").read_text()
    again = run("events", "remove", row["event_id"], "--why", "x", store=store)
    assert isinstance(again.exception, EvenfallError)
    for why in (" ", "two\nlines", "half a \udcff"):
        done = run("events", "remove", row["event_id"], "--why", why, store=store)
        assert isinstance(done.exception, EvenfallError)


def test_an_import_names_what_it_left_out(store: Path, tmp_path: Path) -> None:
    """Counts, lines and reasons; a second import adds nothing."""
    table = tmp_path / "t.csv"
    table.write_text("date,title\n2018-03-13,a\n2018-13-13,b\n")
    (row,) = lines("events", "import", table, "--tz", "Asia/Almaty", store=store)
    assert (row["added"], row["known"], [x["line"] for x in row["left_out"]]) == (1, 0, [3])
    said = good("events", "import", table, "--tz", "Asia/Almaty", store=store)
    assert "0 events added, 1 known, 1 rows left out" in said
    assert "line 3" in said


def test_a_table_that_is_none_is_refused(store: Path, tmp_path: Path) -> None:
    """A pipe without a writer, no file, a text that is no table, a folder."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = tmp_path / "t.txt"
    text.write_text("BEGIN:SOMETHING\r\nEND:SOMETHING\r\n")
    for path in (pipe, tmp_path / "nothing.csv", text, tmp_path):
        done = run("events", "import", path, "--tz", "Asia/Almaty", store=store)
        assert isinstance(done.exception, EvenfallError), path
        assert path.name in str(done.exception)


def test_a_calendar_is_imported(store: Path, tmp_path: Path) -> None:
    """A weekly broadcast of 2018, up to its last time."""
    calendar = tmp_path / "c.ics"
    rule = "DTSTART:20180601T143000Z\r\nRRULE:FREQ=WEEKLY;COUNT=5\r\nSUMMARY:live\r\n"
    calendar.write_text(f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{rule}END:VEVENT\r\nEND:VCALENDAR\r\n")
    good("events", "import", calendar, "--tz", "Asia/Almaty", "--type", "broadcast", store=store)
    listed = lines("events", "list", "--type", "broadcast", store=store)
    assert [e["start"] for e in listed][:2] == ["2018-06-01T20:30", "2018-06-08T20:30"]
    assert len(listed) == 5


def test_nights_with_and_without(nights: Path) -> None:
    """The made association is found on the service that has it, and not on one that has none."""
    found = {row["event_type"]: row for row in lines("events", "test", "video", store=nights)
             if row["kind"] == "coincidence"}  # fmt: skip
    live = found["broadcast"]
    assert live["p_value"] <= 0.05
    assert live["share_with"] > 0.9
    assert live["share_without"] < 0.1
    assert live["low"] > 0.5
    assert live["does_not_show"] == "cause"
    assert max(live["lags"], key=lambda lag: lag["difference"])["lag_nights"] == 0
    clean = [row for row in lines("events", "test", "mail", "--type", "broadcast", store=nights)
             if row["kind"] == "coincidence"]  # fmt: skip
    assert clean[0]["p_value"] > 0.05


def test_groups_and_orders_are_compared_too(nights: Path) -> None:
    """Those that refused fare worse; the order's hours, and its days, beside the ones measured."""
    rows = lines("events", "test", "video", "--network", "AS9198", store=nights)
    (groups,) = [row for row in rows if row["kind"] == "group_comparison"]
    assert groups["difference"] > 0.15
    assert groups["p_value"] == pytest.approx(1 / 20)
    assert len(groups["rival_reasons"]) == 3
    (order,) = [row for row in rows if row["kind"] == "order_comparison"]
    assert order["relation"] == "exceeds"
    assert order["windows"][0]["weekdays_outside"] == [5, 6]
    assert all(row["does_not_show"] == "cause" for row in rows)


@pytest.mark.parametrize("columns", [80, 120])
def test_the_screen_of_a_comparison(nights: Path, columns: int) -> None:
    """Fits, and every paragraph says what it does not show."""
    done = run("events", "test", "video", store=nights, env={"COLUMNS": str(columns)})
    shown = done.stdout.splitlines()
    assert max(map(len, shown)) <= columns
    assert " ".join(done.stdout.split()).count("not show cause") >= 10
    assert "\x1b[" not in done.stdout


def test_the_same_seed_and_hours_give_the_same(nights: Path) -> None:
    """Hours that were asked for are said; two runs print the same bytes."""
    words = ("events", "test", "video", "--hours", "20:00-22:00", "--seed", "3", "--json", "-q")
    assert good(*words, store=nights) == good(*words, store=nights)
    assert "the hours asked for, 20:00–22:00" in good(*words, store=nights)


def test_what_cannot_be_compared_is_said(nights: Path, store: Path) -> None:
    """An unknown service, no events of a type, bad hours, no store."""
    for words, place in ((["nobody"], nights), (["video", "--type", "election"], nights),
                         (["video", "--hours", "late"], nights), (["video"], store)):  # fmt: skip
        done = run("events", "test", *words, store=place)
        assert isinstance(done.exception, EvenfallError), words
        assert done.exception.remedy
