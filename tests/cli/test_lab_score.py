"""`lab score` of nights: JSON Lines and nothing else, rows that add up once, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from evenfall.cli import cli
from evenfall.lab.peers import by_name
from evenfall.lab.scoring import run, worlds

KEYS = {
    "kind", "family", "method", "seeds", "innocent", "false_alarms", "false_alarm_rate",
    "false_alarm_low", "false_alarm_high", "found", "power", "power_low", "missed_because", "wrong",
    "edge_error_min_p50", "edge_error_min_p90", "coverage", "onset_error_nights_p50",
    "onset_coverage", "episodes_right", "scope_right", "weekdays_right", "nights_to_claim",
    "megabytes_to_claim", "all_episodes_right", "ruleset", "profile", "worlds", "constants",
    "first_seed", "tuning",
}  # fmt: skip
METHODS = ["evenfall", "wehe", "ooni_cusum", "fixed_threshold", "ruptures_pelt"]


def score(*words: str) -> Result:
    """`lab score` in this process, one job."""
    return CliRunner().invoke(cli, ["lab", "score", "--jobs", "1", *words], obj={})


def lines(done: Result) -> list[dict[str, object]]:
    """Its standard output as JSON Lines."""
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_row_for_each_family_and_method() -> None:
    """One innocent family, one not; the keys that others read; null where it has no meaning."""
    names = ("--families", "null_clean,curfew_basic")
    found = lines(score(*names, "--seeds", "2", "--first-seed", "9000", "--json"))
    assert [(r["family"], r["method"]) for r in found] == [
        (family, method) for family in ("curfew_basic", "null_clean") for method in METHODS
    ]
    assert all(set(r) == KEYS for r in found)
    assert {r["first_seed"] for r in found} == {9000}
    assert all(r["tuning"] for r in found)
    guilty, innocent = found[0], found[5]
    assert guilty["found"] == 2
    assert guilty["false_alarm_rate"] is None
    assert innocent["false_alarms"] == 0
    assert innocent["power"] is innocent["coverage"] is None
    assert found[1]["coverage"] is None


def test_a_terminal_gets_tables_and_the_warning_about_tuning_seeds() -> None:
    """Both kinds of families, every method, and who is ahead."""
    done = score("--families", "null_clean", "--families", "curfew_basic", "--seeds", "1",
                 "--first-seed", "9000", "--prefixes", "0")  # fmt: skip
    assert done.exit_code == 0
    assert "Tuning seeds" in done.stderr
    for word in ("null_clean", "curfew_basic", "Evenfall", "Wehe", "OONI", "PELT", "worlds found"):
        assert word in done.stdout


def test_seeds_of_scoring_are_the_default() -> None:
    """The first is 10,000, and nothing is said about tuning."""
    done = score("--families", "null_four_nights", "--seeds", "1", "--json")
    assert {row["first_seed"] for row in lines(done)} == {10_000}
    assert "Tuning" not in done.stderr


def test_rows_are_kept_and_no_seed_counts_twice(tmp_path) -> None:
    """The same seeds again are refused, and the next free one is named; other seeds add up."""
    rows = tmp_path / "rows.jsonl"
    words = ("--families", "null_clean", "--seeds", "2", "--rows", str(rows), "--json")
    lines(score(*words))
    assert len(rows.read_text().splitlines()) == len(METHODS)
    again = score(*words)
    assert again.exit_code != 0
    assert "--first-seed 10002" in str(again.exception.remedy)
    lines(score(*words, "--first-seed", "10002"))
    assert len(rows.read_text().splitlines()) == 2 * len(METHODS)


def test_rows_of_other_numbers_do_not_stand_in_the_way(tmp_path) -> None:
    """The same seeds are scored again where a constant has changed since."""
    rows = tmp_path / "rows.jsonl"
    words = ("--families", "null_four_nights", "--seeds", "1", "--rows", str(rows), "--json")
    (now,) = {row["constants"] for row in lines(score(*words))}
    rows.write_text(rows.read_text().replace(now, "0a1b2c3d"))
    lines(score(*words))
    assert [json.loads(line)["constants"] for line in rows.read_text().splitlines()] == [
        "0a1b2c3d"
    ] * len(METHODS) + [now] * len(METHODS)
    assert score(*words).exit_code != 0


def test_looking_every_day_prints_rows_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    """Innocent families alone, one line a method; kept beside the others in the same file."""
    monkeypatch.setattr(worlds, "DAILY_TO", 6)
    rows = tmp_path / "rows.jsonl"
    words = ("--families", "null_clean,curfew_basic", "--rows", str(rows), "--json")
    looked = lines(score(*words, "--daily", "1"))
    assert [(r["kind"], r["family"]) for r in looked] == [("daily_looks", "null_clean")] * 5
    assert [r["method"] for r in looked] == METHODS
    assert looked[0]["series"] == 3
    assert "ever claimed" in score("--families", "null_clean", "--daily", "1").stdout
    lines(score(*words, "--seeds", "1"))
    assert len(rows.read_text().splitlines()) == 3 * len(METHODS)


def test_ctrl_c_keeps_what_is_done(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """The family that is whole stands in the file, the other counts nowhere; status 130."""
    rows = tmp_path / "rows.jsonl"
    whole = run.score_world

    def broken_off(family: str, seed: int, **more: object) -> object:
        if family == "null_clean":
            raise KeyboardInterrupt
        return whole(family, seed, **more)

    monkeypatch.setattr(run, "score_world", broken_off)
    done = score("--families", "curfew_basic,null_clean", "--seeds", "1", "--rows", str(rows))
    assert done.exit_code == 130
    assert "interrupted" in done.stderr
    kept = [json.loads(line) for line in rows.read_text().splitlines()]
    assert [(r["family"], r["method"]) for r in kept] == [("curfew_basic", m) for m in METHODS]


def test_without_the_library_its_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others run; the table has a mark."""
    monkeypatch.setattr(by_name, "find_spec", lambda _name: None)
    words = ("--families", "null_clean", "--seeds", "1")
    first, *found = lines(score(*words, "--json"))
    assert first == {
        "kind": "lab_score", "method": "ruptures_pelt",
        "not_run": "ruptures is not installed: pip install 'evenfall[peers]'",
    }  # fmt: skip
    assert [row["method"] for row in found] == METHODS[:-1]
    shown = score(*words).stdout
    assert "PELT*" in shown
    assert "not run: ruptures_pelt" in shown


def test_a_plan_scores_nothing() -> None:
    """It says how much it would do."""
    done = score("--families", "null_*", "--seeds", "3", "--plan")
    assert done.exit_code == 0
    assert "Would score 23 families, 3 seeds from 10000" in done.stderr
    assert done.stdout == ""


def test_an_unknown_family_is_refused() -> None:
    """With the names there are."""
    done = score("--families", "nul_clean")
    assert done.exit_code != 0
    assert "null_clean" in str(done.exception.expected)


def test_help_loads_no_numpy() -> None:
    """`--help` stays fast."""
    code = (
        "import sys; from evenfall.cli import cli\n"
        "try: cli(['lab', 'score', '--help'], obj={})\n"
        "except SystemExit: pass\n"
        "sys.exit('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
