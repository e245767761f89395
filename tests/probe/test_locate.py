"""`check --locate`: names that differ in their letters alone, and the true hop in the lab."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from evenfall.probe.locate import name_like

CHECK = ["check", "--targets", "{targets}", "--json", "--yes", "--locate"]


@pytest.mark.parametrize("host", ["youtube.com", "a.b-c.example.test", "localhost", "203.0.113.5"])
def test_a_name_like_another(host: str) -> None:
    """As long, dots where its dots are, the same last label; and not the name itself."""
    names = {name_like(host, random.Random(seed)) for seed in range(20)}  # noqa: S311
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
        [*evenfall, "lab", "run", case, "--backend", "netns", "--seed", "3", "--timeout", "150",
         "--", *evenfall, *CHECK],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["target"]: line for line in lines if line["kind"] == "verdict"}


@pytest.mark.netns
@pytest.mark.slow
def test_the_hop_is_found() -> None:
    """The emulated censor sits between the second and the third router of four hops."""
    located = verdicts_in("throttle_sni_policer")["video/front"]["located"]
    assert (located["after_hop"], located["by_hop"], located["server_hops"]) == (2, 3, 4)


@pytest.mark.netns
@pytest.mark.slow
def test_nothing_is_located_where_nobody_acts() -> None:
    """A slow server (innocent) is convicted of nothing, so no hop is looked for."""
    for verdict in verdicts_in("slow_server").values():
        assert verdict["located"] is None
