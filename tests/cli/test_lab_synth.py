"""`evenfall lab synth` and the families in `lab list`: written, told, refused, and found again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from evenfall.cli import cli
from evenfall.lab.nights import FAMILIES
from evenfall.store import open_store


def lab(*words: str) -> Result:
    """The command in this process."""
    return CliRunner().invoke(cli, ["lab", *words], obj={})


def test_a_history_is_written_and_found(tmp_path: Path) -> None:
    """JSON has the whole truth; `analyze` finds the window in the store, and says SIMULATED."""
    store = str(tmp_path / "made")
    done = lab("synth", "curfew_basic", "--seed", "5", "--store", store, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["kind"], told["nights"]) == ("lab_synth", 7)
    assert told["truth"]["hits"][0]["windows"] == [["20:00", "22:00"]]
    analyzed = CliRunner().invoke(cli, ["analyze", "--store", store, "--json"], obj={})
    rows = [json.loads(line) for line in analyzed.stdout.splitlines()]
    found = {row["service"] for row in rows if row["kind"] == "curfew"}
    assert found == {hit["service"] for hit in told["truth"]["hits"]}


def test_the_truth_is_told_only_if_asked(tmp_path: Path) -> None:
    """Without --truth no hour is printed; with it, every hit."""
    store = str(tmp_path / "made")
    silent = lab("synth", "curfew_eighth", "--nights", "2", "--store", store)
    assert "2 nights of curfew_eighth (seed 1)" in silent.stdout
    assert "SIMULATED" in silent.stderr
    assert "truth:" not in silent.output
    told = lab("synth", "null_clean", "--nights", "2", "--store", store, "--truth")
    assert "truth: nothing is done on purpose" in told.stdout


def test_plan_writes_nothing(tmp_path: Path) -> None:
    """No store is made."""
    done = lab("synth", "null_clean", "--plan", "--store", str(tmp_path / "made"))
    assert done.exit_code == 0
    assert "Would write" in done.stderr
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("words", [("nonsense",), ("null_clean", "--nights", "0"), ()])
def test_what_cannot_be_is_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    """Exit 2 and no store."""
    done = lab("synth", *words, "--store", str(tmp_path / "made"))
    assert done.exit_code == 2 or "curfew_basic" in str(done.exception)
    assert not (tmp_path / "made").exists()


def test_the_list_names_all_families(tmp_path: Path) -> None:
    """In text and JSON; with a folder of cases, only that folder's."""
    rows = [json.loads(line) for line in lab("list", "--json").stdout.splitlines()]
    listed = {row["name"]: row["innocent"] for row in rows if row["backends"] == ["synth"]}
    assert listed == {name: family.innocent for name, family in FAMILIES.items()}
    assert sum(listed.values()) * 2 >= len(listed)
    text = lab("list").stdout
    assert all(f"\n{name} " in text for name in FAMILIES)
    assert "null_clean" not in lab("list", "--cases", str(tmp_path)).output


def test_the_same_history_twice_is_one(tmp_path: Path) -> None:
    """Written again, every row is a duplicate."""
    for _ in range(2):
        lab("synth", "null_four_nights", "--store", str(tmp_path / "made"))
    with open_store(tmp_path / "made", write=False) as store:
        first, *more = store.imports()
        assert first.kind == "synth"
        assert not more
