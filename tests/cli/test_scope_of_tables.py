"""A table of speeds or failures by the front door: what controls and other networks allow to say.

Two networks, three weeks, a row every half hour; the zone is UTC, so that hours are those written.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

RUN = [sys.executable, "-c", "from evenfall.cli import main; main()"]
HEAD = '[time]\ncolumn = "when"\nzone = "UTC"\n[local]\nzone = "UTC"\n[series]\n'
SERIES = 'service = "video"\nnetwork = { column = "asn", prefix = "AS" }\n'
SPEEDS = HEAD + SERIES + '[goodput]\ntarget = "site"\ncontrols = ["c"]\nunit = "kbit/s"\n'
FAILURES = HEAD + SERIES + "[failure]\nfailed = \"ok = 'no'\"\n"
NIGHTS = 21

Factor = Callable[[float], float]


def evenfall(*words: object) -> list[dict]:
    """Lines that a command prints with --json; it must exit with 0."""
    command = [*RUN, *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def stamps() -> list[dt.datetime]:
    """Every half hour, from a noon on."""
    first = dt.datetime(2024, 3, 4, 12, tzinfo=dt.UTC)
    return [first + dt.timedelta(minutes=30 * n) for n in range(NIGHTS * 48)]


def analysed(tmp_path: Path, table: str, map_text: str) -> dict[str, dict]:
    """Curfews by network of an imported table."""
    (tmp_path / "t.csv").write_text(table)
    (tmp_path / "m.toml").write_text(map_text)
    store = tmp_path / "store"
    evenfall("import", "table", tmp_path / "t.csv", "--map", tmp_path / "m.toml", "--store", store)
    lines = evenfall("analyze", "--store", store)
    return {line["network"]: line for line in lines if line["kind"] == "curfew"}


def evening(factor: float) -> Factor:
    """So many times slower from 20 to 23."""
    return lambda hour: factor if 20 <= hour < 23 else 1.0


def steady(_hour: float) -> float:
    """Never slower."""
    return 1.0


def speeds(networks: dict[int, tuple[Factor, Factor]]) -> str:
    """Rows of target and control, each slower by its factor of the hour."""
    rng = np.random.default_rng(5)
    lines = ["when,asn,site,c"]
    for asn, factors in networks.items():
        for at in stamps():
            site, control = (20_000 * np.exp(0.2 * rng.normal()) / f(at.hour) for f in factors)
            lines.append(f"{at:%Y-%m-%d %H:%M:%S},{asn},{site:.0f},{control:.0f}")
    return "\n".join([*lines, ""])


def failures(down: dict[int, Callable[[float], bool]]) -> str:
    """Rows that fail nearly always while a network's rule holds."""
    rng = np.random.default_rng(6)
    lines = ["when,asn,ok"]
    for asn, is_down in down.items():
        for at in stamps():
            failed = rng.random() < (0.95 if is_down(at.hour) else 0.02)
            lines.append(f"{at:%Y-%m-%d %H:%M:%S},{asn},{'no' if failed else 'yes'}")
    return "\n".join([*lines, ""])


def test_a_crowded_evening_is_not_targeted(tmp_path: Path) -> None:
    """Target 20 times slower, control 8 times, another network clean: both named, undetermined."""
    table = speeds({1: (evening(20), evening(8)), 2: (steady, steady)})
    curfew = analysed(tmp_path, table, SPEEDS)["AS1"]
    assert curfew["scope"] == "undetermined"
    assert not curfew["isolated"]
    assert "controls on this network were ×" in curfew["scope_because"]
    assert "slower in the same hours too" in curfew["scope_because"]


def test_both_slower_alike_is_nothing(tmp_path: Path) -> None:
    """A rush hour: the ratio stands still, and nothing is claimed."""
    table = speeds({1: (evening(8), evening(8)), 2: (steady, steady)})
    assert analysed(tmp_path, table, SPEEDS) == {}


@pytest.mark.parametrize(
    ("other", "open_question"),
    [
        (None, "the site itself or its route could be slow"),
        ((steady, steady), "the road to it from this network may be full"),
        ((evening(20), steady), "the site itself or its route could be slow"),
        ((evening(8), evening(8)), "the site itself or its route could be slow"),
    ],
    ids=["alone", "fine_elsewhere", "slow_everywhere", "elsewhere_a_crowd"],
)
def test_steady_controls_do_not_make_slowness_targeted(
    tmp_path: Path, other: tuple[Factor, Factor] | None, open_question: str
) -> None:
    """The site may be slow every evening; was it fine elsewhere, then the road may be full."""
    networks = {1: (evening(20), steady)} | ({2: other} if other else {})
    curfew = analysed(tmp_path, speeds(networks), SPEEDS)["AS1"]
    assert (curfew["state"], curfew["scope"]) == ("slowed", "undetermined")
    assert curfew["claim_level"] == "L2"
    assert not curfew["isolated"]
    assert open_question in curfew["scope_because"]


def test_nightly_maintenance_is_not_targeted(tmp_path: Path) -> None:
    """The site closes from 02 to 04 on every network."""
    closed = {asn: (lambda hour: 2 <= hour < 4) for asn in (1, 2, 3)}
    curfews = analysed(tmp_path, failures(closed), FAILURES)
    assert len(curfews) == 3
    assert {curfew["scope"] for curfew in curfews.values()} == {"undetermined"}
