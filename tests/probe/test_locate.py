"""`check --locate`: names that differ in their letters alone, and the true hop in the lab."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from evenfall.probe.locate import name_like

_FEWER = """
import os, sys
from pathlib import Path

file = Path(sys.argv[1])
head, *parts = file.read_text().split("\\n[[")
kept = [part for part in parts if "messenger" not in part and "social" not in part]
fewer = file.with_name("fewer.toml")
fewer.write_text("\\n[[".join([head, *kept]))
evenfall = [sys.executable, "-m", "evenfall.cli"]
check = ["check", "--targets", str(fewer), "--json", "--yes", "--locate"]
os.execv(sys.executable, [*evenfall, *check])
"""
"""One target and the controls: in the lab, beside its target file, then the check in its place."""


@pytest.mark.parametrize("host", ["youtube.com", "a.b-c.example.test", "localhost", "203.0.113.5"])
def test_a_name_like_another(host: str) -> None:
    """As long, dots where its dots are, the same last label; and not the name itself."""
    names = {name_like(host, random.Random(seed)) for seed in range(20)}  # noqa: S311 (seeded)
    for name in names:
        assert len(name) == len(host)
        assert [i for i, c in enumerate(name) if c == "."] == [
            i for i, c in enumerate(host) if c == "."
        ]
        assert name != host
        assert name.isascii()
    assert len(names) > 15


def verdicts_in(case: str) -> dict[str, dict]:
    """Verdicts of a check with --locate in an emulated net, by target."""
    evenfall = [sys.executable, "-m", "evenfall.cli"]
    done = subprocess.run(
        [*evenfall, "lab", "run", case, "--backend", "netns", "--seed", "3",
         "--timeout", "150", "--", sys.executable, "-c", _FEWER, "{targets}"],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["target"]: line for line in lines if line["kind"] == "verdict"}


@pytest.mark.netns
@pytest.mark.slow
def test_the_hop_is_found() -> None:
    """The emulated censor sits between the second and the third router of four hops.

    One that resets, not one that slows: every step that is slowed takes four seconds.
    """
    located = verdicts_in("reset_sni")["video/front"]["located"]
    assert (located["after_hop"], located["by_hop"], located["server_hops"]) == (2, 3, 4)


@pytest.mark.netns
@pytest.mark.slow
def test_nothing_is_located_where_nobody_acts() -> None:
    """Nobody acts (innocent): nothing is convicted, so no hop is looked for."""
    verdicts = verdicts_in("clean")
    assert verdicts["video/front"]["state"] == "ok"
    assert all(verdict["located"] is None for verdict in verdicts.values())
