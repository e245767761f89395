"""`evenfall import table`: what it prints, what it refuses, and the exit statuses of PRODUCT."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from evenfall.cli import main

MAP = """
[time]
column = "when"
zone = "UTC"
[local]
zone = "Africa/Nairobi"
[series]
service = "telegram"
network = { column = "asn", prefix = "AS" }
[failure]
group = "uid"
failed = "outcome != 'ok'"
"""
GOOD = "when,asn,uid,outcome\n" + "".join(
    f"2023-11-08 {n:02d}:00:00,1,u{n},{'ok' if n % 2 else 'tcp'}\n" for n in range(20)
)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in a folder with m.toml and good.csv; (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    Path("m.toml").write_text(MAP)
    Path("good.csv").write_text(GOOD)

    def command(*words: str):
        monkeypatch.setattr(sys, "argv", ["evenfall", *words])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    return command


def table(run, *words: str):
    """`import table` into the folder's own store."""
    return run("import", "table", *words, "--store", "s")


def test_the_accounts_are_printed(run) -> None:
    """Human text on stdout, the identity as its last line."""
    status, out, err = table(run, "good.csv", "--map", "m.toml")
    assert status == 0
    assert out.splitlines()[-1].strip() == (
        "20 = 20 stored + 0 duplicates + 0 quarantined + 0 blank"
    )
    assert "importing good.csv" in err


def test_json_is_one_line_a_file(run) -> None:
    """Stdout holds JSON Lines alone; counts, status and digest in them."""
    Path("more.csv").write_text(GOOD.replace(",u", ",v").replace(",vid", ",uid") + "\nbroken\n")
    status, out, _ = table(run, "good.csv", "more.csv", "--map", "m.toml", "--json")
    assert status == 0
    first, second = (json.loads(line) for line in out.splitlines())
    assert first["kind"] == "import"
    assert (first["status"], first["lines_in"], first["stored"]) == ("imported", 20, 20)
    assert second["quarantined"] == {"field_count": 1}
    assert (second["blank"], len(second["sha256"])) == (1, 64)


def test_imported_again_is_known(run) -> None:
    """All duplicates, status 0; another map is pointed out."""
    table(run, "good.csv", "--map", "m.toml")
    status, out, _ = table(run, "good.csv", "--map", "m.toml")
    assert status == 0
    assert "every row is a duplicate" in out
    assert "another map" not in out
    Path("m.toml").write_text(MAP.replace("Nairobi", "Cairo"))
    status, out, _ = table(run, "good.csv", "--map", "m.toml", "--json")
    line = json.loads(out)
    assert (status, line["status"], line["duplicates"], line["stored"]) == (0, "known", 20, 0)


def test_a_pattern_is_expanded(run) -> None:
    """A quoted pattern finds its files, each once."""
    Path("good2.csv").write_text(GOOD.replace(",u", ",w").replace(",wid", ",uid"))
    _, out, _ = table(run, "good*.csv", "good.csv", "--map", "m.toml", "--json")
    assert [json.loads(line)["file"] for line in out.splitlines()] == ["good.csv", "good2.csv"]


def test_a_refused_file_does_not_keep_the_others_out(run) -> None:
    """Truncated gzip between two good files: both are in, the message is one line, status 1."""
    packed = gzip.compress(GOOD.replace(",u", ",x").replace(",xid", ",uid").encode())
    Path("cut.csv.gz").write_bytes(packed[:-6])
    Path("last.csv").write_text(GOOD.replace(",u", ",y").replace(",yid", ",uid"))
    status, out, err = table(run, "good.csv", "cut.csv.gz", "last.csv", "--map", "m.toml", "--json")
    assert status == 1
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["status"] for line in lines] == ["imported", "refused", "imported"]
    assert set(lines[1]["error"]) == {"expected", "seen", "where", "remedy"}
    messages = [line for line in err.splitlines() if line.startswith("evenfall:")]
    assert len(messages) == 1
    assert "cut.csv.gz" in messages[0]
    assert "Nothing of it was imported" in messages[0]
    # The file comes whole, and all of it is there.
    Path("cut.csv.gz").write_bytes(packed)
    _, out, _ = table(run, "cut.csv.gz", "--map", "m.toml", "--json")
    assert json.loads(out)["stored"] == 20


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Africa/Nairobi", "Africa/Nairobbi", ["m.toml, [local] zone", "mean Africa/Nairobi"]),
        ('zone = "UTC"', 'zone = "Mars/Olympus"', ["m.toml, [time] zone"]),
        ('zone = "UTC"\n', "", ["[time] zone, because", "2023-11-08 00:00:00"]),
        ("outcome !=", "outcom !=", ["column 'outcom'", "when, asn, uid, outcome", "outcome?"]),
        ("failed =", "fails =", ["m.toml, [failure]", "'fails'", "mean failed"]),
        ("!= 'ok'", "<> 'ok'", ["offset 8"]),
    ],
    ids=["local_zone", "time_zone", "no_zone", "column", "key", "grammar"],
)
def test_a_wrong_map_is_one_clear_message(run, old: str, new: str, said: list[str]) -> None:
    """Status 1, one line, what and where and what to do; the store has nothing of it."""
    table(run, "good.csv", "--map", "m.toml")
    Path("m.toml").write_text(MAP.replace(old, new, 1))
    Path("next.csv").write_text(GOOD.replace(",u", ",z").replace(",zid", ",uid"))
    status, _, err = table(run, "next.csv", "--map", "m.toml", "-q")
    assert status == 1
    assert err.count("\n") == 1
    for part in said:
        assert part in err, err
    Path("m.toml").write_text(MAP)
    _, out, _ = table(run, "next.csv", "--map", "m.toml", "--json")
    assert json.loads(out)["stored"] == 20


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["good.csv"], 2, "--map"),
        (["--map", "m.toml"], 2, "FILE"),
        (["good.csv", "--map", "none.toml"], 2, "none.toml"),
        (["none.csv", "--map", "m.toml"], 1, "none.csv"),
        (["good.csv", "--map", "m.toml", "--nonsense"], 2, "--nonsense"),
    ],
)
def test_statuses(run, words: list[str], status: int, said: str) -> None:
    """2 for what was asked wrongly, 1 for what is not as it should be."""
    found, _, err = table(run, *words)
    assert found == status
    assert said in err
    assert "Traceback" not in err


def test_a_file_without_rows_says_so(run) -> None:
    """A header alone is no fault, and nobody takes it for an import."""
    Path("empty.csv").write_text(GOOD.splitlines()[0] + "\n")
    status, out, _ = table(run, "empty.csv", "--map", "m.toml")
    assert status == 0
    assert out.splitlines() == [
        "empty.csv: 0 rows: a header and nothing below it; nothing was imported."
    ]


def test_plan_writes_nothing(run) -> None:
    """--plan reads the map, names the files, and makes no store."""
    status, out, _ = table(run, "good.csv", "--map", "m.toml", "--plan")
    assert status == 0
    assert "Nothing would be sent" in out
    assert "good.csv" in out
    assert not Path("s").exists()


def test_help_of_import_is_light() -> None:
    """`evenfall import table --help` loads no numpy and no duckdb."""
    code = (
        "import sys\nsys.argv=['evenfall','import','table','--help']\n"
        "from evenfall.cli import main\ntry: main()\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy','duckdb','scipy') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "--map" in done.stdout
