"""A store that is old, damaged, or holds rows of clocks that are off: read, or refused with advice.

Never a traceback, and never an answer made of half of the facts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import msgspec
import pytest
from click.testing import CliRunner, Result

from evenfall.cli import cli
from evenfall.lab.nights import draw, observations
from evenfall.lab.nights.writing import write_world
from evenfall.model.encoding import to_json_line
from evenfall.model.errors import StoreError
from evenfall.model.schema import OBSERVATION_COLUMNS
from evenfall.model.vocabulary import ClockState
from evenfall.store import open_store

COMMANDS = (
    ("analyze", "-q"), ("nights",), ("nights", "video"), ("show", "2026-03-05T21:00", "video"),
    ("quote", "video"), ("report", "video", "--out", "OUT"),
)  # fmt: skip
NEWEST = ("software",)  # columns that the first stores did not have, newest last
HARDLY_ANY = {
    "observation_id", "fact", "provenance", "service", "target", "role", "network", "timezone",
    "started_us", "clock", "round_id", "goodput_bps", "pair_id", "arm", "is_null_pair",
    "import_id", "failure", "line",
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A fortnight: video and social slowed from 20:00 to 22:00."""
    write_world(draw("curfew_basic", 0, nights=14), tmp_path / "s")
    return tmp_path / "s"


def run(store: Path, *words: str) -> Result:
    """One command; `OUT` is a page beside the store."""
    words = tuple(str(store.parent / "page.html") if word == "OUT" else word for word in words)
    return CliRunner().invoke(cli, [*words, "--store", str(store)], obj={})


def analyzed(store: Path) -> list[dict]:
    """What `analyze --json` prints, without what only newer columns tell."""
    done = run(store, "analyze", "--json", "-q")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def rewrite(file: Path, keep: Callable[[str], bool]) -> None:
    """Write a Parquet file anew with only these columns, as an older program did."""
    names = ", ".join(f'"{c.name}"' for c in OBSERVATION_COLUMNS if keep(c.name))
    beside = file.with_suffix(".old")
    duckdb.connect().execute(
        f"COPY (SELECT {names} FROM read_parquet('{file}', hive_partitioning = false)) "  # noqa: S608  (our own test's path)
        f"TO '{beside}' (FORMAT parquet)"
    )
    beside.replace(file)


@pytest.mark.parametrize("which", ["newest", "hardly_any"])
@pytest.mark.parametrize("files", ["all", "half"])
def test_a_store_of_an_older_version_is_read(store: Path, which: str, files: str) -> None:
    """Files without the newest columns, or with hardly any, also among new ones: same answer."""
    assert set(NEWEST) <= {c.name for c in OBSERVATION_COLUMNS}
    expected = analyzed(store)
    parquet = sorted((store / "obs").rglob("*.parquet"))
    for file in parquet if files == "all" else parquet[::2]:
        rewrite(
            file,
            (lambda name: name not in NEWEST)
            if which == "newest"
            else (lambda name: name in HARDLY_ANY),
        )
    assert analyzed(store) == expected
    assert [line["kind"] for line in expected].count("curfew") == 2
    for words in COMMANDS:
        done = run(store, *words)
        assert done.exit_code == 0, (words, done.exception)


def test_an_older_file_is_written_on(store: Path, tmp_path: Path) -> None:
    """New rows of the same days join an older file: all of both are there, nulls where unknown."""
    for file in (store / "obs").rglob("*.parquet"):
        rewrite(file, lambda name: name not in NEWEST)
    write_world(draw("null_clean", 5, nights=14), store)
    fresh = tmp_path / "fresh"
    rows = observations(draw("curfew_basic", 0, nights=14))
    with open_store(fresh, write=True) as raw:
        raw.add_observations((msgspec.structs.replace(r, software=None) for r in rows), name="a")
    write_world(draw("null_clean", 5, nights=14), fresh)
    with open_store(store, write=False) as old, open_store(fresh, write=False) as new:
        assert old.digest() == new.digest()


def damaged(done: Result, *said: str) -> None:
    """The command ended with an error of ours that names the file and says what to do."""
    assert isinstance(done.exception, StoreError), (done.output, done.exception)
    for words in said:
        assert words in str(done.exception)
    assert done.exception.remedy


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_named(store: Path, share: float) -> None:
    """A Parquet file without its end: every command says which; moved away, the rest is read."""
    victim = min((store / "obs").rglob("*.parquet"))
    victim.write_bytes(victim.read_bytes()[: int(victim.stat().st_size * share)])
    for words in COMMANDS:
        damaged(run(store, *words), victim.name)
    victim.rename(store.parent / "away.parquet")
    assert run(store, "analyze", "-q").exit_code == 0


def test_bits_that_turned_are_named(store: Path) -> None:
    """A file whose middle is noise is refused, or read as it was; never half of it."""
    expected = analyzed(store)
    victim = max((store / "obs").rglob("*.parquet"), key=lambda file: file.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[len(content) // 4 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 4)
    victim.write_bytes(bytes(content))
    done = run(store, "analyze", "--json", "-q")
    if done.exit_code == 0:
        assert [json.loads(line) for line in done.stdout.splitlines()] == expected
    else:
        damaged(done, victim.name)


@pytest.mark.parametrize("part", ["first", "last"])
def test_half_a_line_in_the_ledger_is_named(store: Path, part: str) -> None:
    """Which line, and that nothing counts without it; the facts are untouched."""
    write_world(draw("null_clean", 2, nights=6), store)
    ledger = store / "raw" / "imports.jsonl"
    lines = ledger.read_bytes().splitlines()
    number = 0 if part == "first" else 1
    whole = ledger.read_bytes()
    lines[number] = lines[number][: len(lines[number]) // 2]
    ledger.write_bytes(b"\n".join(lines) + b"\n")
    for words in COMMANDS:
        damaged(run(store, *words), f"imports.jsonl, line {number + 1}", "Restore the ledger")
    ledger.write_bytes(whole)
    assert run(store, "analyze", "-q").exit_code == 0


def test_findings_that_cannot_be_read(store: Path) -> None:
    """They are derived: the error says how to make them anew, and analyze does not need them."""
    assert run(store, "analyze", "-q").exit_code == 0
    (store / "findings" / "series.jsonl").write_bytes(b'{"kind":"series","serv')
    damaged(run(store, "nights"), "series.jsonl", "evenfall analyze")


# clocks that are off ------------------------------------------------------------------------


def test_rounds_of_a_clock_that_is_off_by_an_hour(tmp_path: Path) -> None:
    """A third of the rounds an hour late: left out and said so; the window is that of the rest."""
    rows = list(observations(draw("curfew_basic", 0, nights=14)))
    clock = ClockState.UNVERIFIED
    rounds = sorted({str(row.round_id) for row in rows})
    off = set(rounds[::3])
    moved = [
        msgspec.structs.replace(row, clock=clock, started_us=row.started_us + 3_600_000_000)
        if row.round_id in off
        else row
        for row in rows
    ]
    for name, kept in (
        ("mixed", moved),
        ("rest", [row for row in rows if row.round_id not in off]),
        ("none", [msgspec.structs.replace(row, clock=clock) for row in rows]),
    ):
        with open_store(tmp_path / name, write=True) as store:
            store.add_observations(kept, name=name)
    mixed, rest, none = (
        {(line["kind"], line["service"]): line for line in analyzed(tmp_path / name)}
        for name in ("mixed", "rest", "none")
    )
    for service in ("video", "social"):
        found, alone = mixed["curfew", service], rest["curfew", service]
        assert found["windows"] == alone["windows"]
        assert any("unverified clock were left out" in caveat for caveat in found["caveats"])
        assert mixed["series", service]["left_out"]["clock"] > 0
        assert mixed["series", service]["n"] == rest["series", service]["n"]
        assert ("curfew", service) not in none
        assert none["series", service]["state"] == "insufficient"
    screen = run(tmp_path / "mixed", "nights", "video").output
    assert "left out" in screen
    assert "clock" in screen
    assert to_json_line(moved[0])
