"""`demo` without its evening: the fortnight, the page, the truth last."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 150


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The real program."""
    return subprocess.run(
        [sys.executable, "-m", "evenfall.cli", "demo", *words],
        env={**os.environ, "COLUMNS": "100", **env},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_the_truth_comes_last(tmp_path: Path) -> None:
    """Digest first, findings, page, then the truth with a yes for each end."""
    out = tmp_path / "demo"
    done = run("--no-evening", "--out", str(out), HOME="/nonexistent")
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert said.startswith("SIMULATED")
    order = [said.index(mark) for mark in ("SHA-256", "measured nights", ".html", "truth:")]
    assert order == sorted(order)
    assert "right: yes" in said
    assert "true start inside the printed interval: yes; true end: yes" in said
    page = Path(said.rstrip().splitlines()[-1].removeprefix("Open "))
    assert page.is_file()
    assert page.parent == out.resolve()
    assert "SIMULATED" in page.read_text(encoding="utf-8")


def test_json_is_json_alone(tmp_path: Path) -> None:
    """Curfews, series, the truth beside them, and where everything lies."""
    done = run("--no-evening", "--json", "--out", str(tmp_path / "demo"))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [row["kind"] for row in rows]
    assert kinds.count("series") == 3
    assert kinds[-2:] == ["demo_truth", "demo"]
    assert kinds.count("curfew") == len(rows[-2]["truth"]["services"])
    assert "SIMULATED" in done.stderr


def test_the_same_seed_gives_the_same_findings(tmp_path: Path) -> None:
    """Byte for byte in the store's findings, and the same page."""
    for name in ("a", "b"):
        assert run("--no-evening", "-q", "--out", str(tmp_path / name)).returncode == 0
    for file in ("store/findings/curfews.jsonl", "store/findings/series.jsonl", "video.html"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    """Nothing of anybody's is overwritten."""
    (tmp_path / "mine.txt").write_text("mine")
    done = run("--no-evening", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "a folder with something in it" in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "mine.txt"]


def test_an_unknown_backend_is_a_usage_error(tmp_path: Path) -> None:
    """Said with the names that there are."""
    done = run("--backend", "nonsense", "--out", str(tmp_path / "demo"))
    assert done.returncode == 2
    assert "netns or loopback" in done.stderr


@pytest.mark.slow
def test_all_of_it_in_two_minutes(tmp_path: Path) -> None:
    """Evening and fortnight on the best backend there is, within 120 s of this machine's time."""
    done = run("--seed", "2", "--out", str(tmp_path / "demo"))
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^   \d\d:\d\d  ", done.stdout, flags=re.MULTILINE)) >= 15
    assert "evening: found messenger and social; right: yes" in done.stdout
    assert "One evening is no pattern" in done.stdout
