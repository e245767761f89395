"""A loopback stage for the tests of the lab, and a world without a line in front of it."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evenfall.lab.backend import Stage
from evenfall.lab.clock import LabClock
from evenfall.lab.loopback import LoopbackBackend, _plot, places
from evenfall.lab.plan import Places
from evenfall.lab.prepare import Prepared, prepare_world
from evenfall.lab.scenario import CensorRule, Drawn, Innocent, Line, Scenario, draw
from evenfall.lab.world_process import running_world

FAST_LINE = Line(down_bps=(40e6, 40e6), up_bps=(20e6, 20e6), rtt_s=(0.02, 0.02))


def scenario_of(*censor: CensorRule, innocents: tuple[Innocent, ...] = ()) -> Scenario:
    """A scenario of these rules on a fast line, without expectations."""
    return Scenario(
        name="tested",
        title="tested",
        innocent=not censor,
        line=FAST_LINE,
        censor=censor,
        innocents=innocents,
        expected=(),
        answers=(),
    )


@dataclass(frozen=True)
class World:
    """Servers that run, without any line before them."""

    drawn: Drawn
    places: Places
    authority: Path
    pin: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world whose `video` is slow."""
    slow = Innocent(kind="slow_server", services=("video",), rate_bps=(800_000, 800_000))
    drawn = draw(scenario_of(innocents=(slow,)), 11)
    folder = tmp_path_factory.mktemp("world")
    with _plot() as plot:
        here = places(plot, side=1)
        now = dt.datetime.now(dt.UTC)
        made = prepare_world(folder, drawn, served=here, seen=here, now=now)
        with running_world(made.plan):
            yield World(drawn=drawn, places=here, authority=made.authority, pin=made.pin)


@pytest.fixture(name="scenario_of", scope="session")
def _scenario_of() -> Callable[..., Scenario]:
    """`scenario_of(rule, …, innocents=…)`."""
    return scenario_of


@pytest.fixture
def made_world(tmp_path: Path) -> Iterator[Prepared]:
    """A world that is prepared and not started."""
    drawn = draw(scenario_of(), 1)
    with _plot() as plot:
        here = places(plot, side=1)
        yield prepare_world(tmp_path, drawn, served=here, seen=here, now=dt.datetime.now(dt.UTC))


Staging = Callable[..., contextlib.AbstractContextManager[tuple[Stage, Drawn]]]


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    """Stage a scenario on loopback: arguments `seed`, `at_minutes`, `speed`."""

    @contextlib.contextmanager
    def stand(
        scenario: Scenario, *, seed: int = 5, at_minutes: float = 1230, speed: float = 1
    ) -> Iterator[tuple[Stage, Drawn]]:
        drawn = draw(scenario, seed)
        clock = LabClock(
            start_local_minutes=at_minutes, speed=speed, epoch_monotonic_s=time.monotonic()
        )
        with LoopbackBackend().stage(drawn, folder=tmp_path / "client", clock=clock) as stage:
            yield stage, drawn

    return stand


NOBODY = 65_534


@functools.cache
def _nobodys_python() -> str | None:
    """An interpreter of our version that an ordinary user may execute (ours may lie in /root)."""
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        try:
            subprocess.run(
                [candidate, "-c", "import ssl"], user=NOBODY, group=NOBODY, extra_groups=[],
                check=True, cwd="/",
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError):
            continue
        return candidate
    return None


@pytest.fixture(scope="session")
def interpreter() -> Callable[[str], tuple[list[str], dict[str, Any]]]:
    """`interpreter("as we are" | "as nobody")`: how `Popen` runs our code as that user."""

    def command(user: str) -> tuple[list[str], dict[str, Any]]:
        env = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if user == "as we are":
            return [sys.executable], {"env": env, "cwd": "/"}
        python = _nobodys_python() if os.geteuid() == 0 else None
        if python is None:
            pytest.skip("not run: no interpreter that uid 65534 may execute, or we are not root")
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        return [python], {"env": env, "cwd": "/", **who}

    return command
