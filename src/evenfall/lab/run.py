"""Run a command, or the real `evenfall check`, in a staged scenario.

The process under test is a program like any other: it gets its folder, a fixed environment and its
own arguments. What is true is looked at only after it has spoken.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from evenfall.lab.backend import Backend, Output, Stage
from evenfall.lab.clock import LabClock, minutes_of
from evenfall.lab.scenario import ROLES, Drawn, Scenario, draw
from evenfall.lab.target_file import PLAIN_ROLES, url_of
from evenfall.lab.truth import Comparison, compare, expected_answers, read_check
from evenfall.model.errors import LabError, UsageError

__all__ = [
    "DEFAULT_AT",
    "CheckRun",
    "check_output",
    "parse_at",
    "run_check",
    "run_command",
    "staged",
]

DEFAULT_AT = "20:30"
"""Local time at which a run begins: inside the evening window that started this project."""

CHECK_S_MAX = 240.0
_SAID_BYTES_MAX = 2_000
_PLACEHOLDER = re.compile(r"\{(targets|ca|(?:url|host|endpoint):[a-z]+)\}")


class CheckRun(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="lab_run"):
    """One `check` in one scenario, with the truth beside it. One line of `lab run --json`.

    Attributes:
        innocent: nobody does anything on purpose in this scenario, at this time of day.
        match: every service and the answer are among what is right.
        answers: right answers.
        down_bps, up_bps, rtt_s, loss: the line that was drawn.
        facts: what the backend records of the net that it made: congestion control, hops, where
            the censor sits; empty if it has nothing to say.
    """

    scenario: str
    backend: str
    seed: int
    at_local: str
    innocent: bool
    match: bool
    answer: str
    answers: tuple[str, ...]
    services: tuple[Comparison, ...]
    duration_s: float
    down_bps: float
    up_bps: float
    rtt_s: float
    loss: float
    facts: dict[str, str] = {}
    schema: str = "1.0"

    @property
    def says_targeted(self) -> bool:
        """Whether any service was called targeted, rightly or not."""
        return any(c.found is not None and c.found.scope == "targeted" for c in self.services)


def parse_at(at_local: str) -> int:
    """Minutes since midnight of a local time.

    Raises:
        UsageError: it is not `HH:MM`.
    """
    try:
        return minutes_of(at_local)
    except ValueError as error:
        raise UsageError(
            expected="a local time such as 20:30",
            seen=repr(at_local),
            where="--at",
            remedy="Write hours and minutes, 00:00 to 23:59.",
        ) from error


@contextlib.contextmanager
def staged(
    scenario: Scenario, backend: Backend, *, seed: int, at_local: str, speed: float = 1.0
) -> Iterator[tuple[Stage, Drawn, LabClock]]:
    """A scenario, drawn by `seed`, standing at a local time; gone when the block is left.

    Raises:
        UsageError: `at_local` is not `HH:MM`.
        LabError: the backend could not set it up.
    """
    minutes = parse_at(at_local)
    drawn = draw(scenario, seed)
    clock = LabClock(start_local_minutes=minutes, speed=speed, epoch_monotonic_s=time.monotonic())
    with (
        tempfile.TemporaryDirectory(prefix="evenfall-") as folder,
        backend.stage(drawn, folder=Path(folder), clock=clock) as stage,
    ):
        yield stage, drawn, clock


def run_command(
    stage: Stage,
    drawn: Drawn,
    command: Sequence[str],
    *,
    timeout_s: float | None,
    stdout: Output = None,
) -> int:
    """Run a person's command where the client sits; its exit status.

    In its words `{targets}` stands for the target file, `{ca}` for the trust anchor, and
    `{url:ROLE}`, `{host:ROLE}`, `{endpoint:ROLE}` for a role's URL, host name and ADDRESS:PORT.

    Raises:
        UsageError: no such command, or an unknown role in a placeholder.
        LabError: it did not end in time.
    """
    words = [_PLACEHOLDER.sub(lambda m: _fill(m.group(1), stage, drawn), w) for w in command]
    return stage.run(words, timeout_s=timeout_s, stdout=stdout)


def _fill(name: str, stage: Stage, drawn: Drawn) -> str:
    if name == "targets":
        return str(stage.target_file)
    if name == "ca":
        return str(stage.client_folder / "ca.pem")
    kind, _, role = name.partition(":")
    if role not in ROLES:
        raise UsageError(
            expected=f"a role of the lab's world ({', '.join(ROLES)})",
            seen=repr(role),
            where=f"{{{name}}}",
            remedy="Use one of these roles.",
        )
    if kind == "url":
        return url_of(role, drawn=drawn, seen=stage.seen)
    if kind == "host":
        return drawn.hosts[role]
    plain = role in PLAIN_ROLES
    return str(stage.seen.http(role) if plain else stage.seen.https(role))


def run_check(
    scenario: Scenario, backend: Backend, *, seed: int, at_local: str = DEFAULT_AT
) -> CheckRun:
    """Stage a scenario, run the real `check` in it, and put the truth beside what it says.

    Raises:
        LabError: it could not be staged, or `check` did not come to its end.
    """
    with staged(scenario, backend, seed=seed, at_local=at_local) as (stage, drawn, clock):
        minute = clock.minute_of_day()
        started_s = time.monotonic()
        output = check_output(stage)
        duration_s = time.monotonic() - started_s
        facts = dict(stage.facts)
    seen = read_check(output)
    services = compare(scenario, seen, minute_of_day=minute)
    answers = expected_answers(scenario, minute_of_day=minute)
    return CheckRun(
        scenario=scenario.name,
        backend=backend.name,
        seed=seed,
        at_local=at_local,
        innocent=scenario.innocent,
        match=seen.answer in answers and all(c.match for c in services),
        answer=seen.answer,
        answers=answers,
        services=tuple(services),
        duration_s=round(duration_s, 1),
        down_bps=round(drawn.down_bps),
        up_bps=round(drawn.up_bps),
        rtt_s=round(drawn.rtt_s, 4),
        loss=round(drawn.loss, 4),
        facts=facts,
    )


def check_output(stage: Stage, *, extra: Sequence[str] = ()) -> bytes:
    """What `check --json` prints in there.

    Args:
        stage: a network that stands.
        extra: further options of `check`.

    Raises:
        LabError: `check` did not come to its end.
    """
    command = [
        sys.executable,
        "-c",
        "from evenfall.cli import main; main()",
        "check",
        "--targets",
        str(stage.target_file),
        "--json",
        "--yes",
        *extra,
    ]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as errors:
        # a checkout that is not installed is found by PYTHONPATH, there as here
        env = {n: os.environ[n] for n in ("PYTHONPATH",) if n in os.environ}
        status = stage.run(command, stdout=said, stderr=errors, timeout_s=CHECK_S_MAX, env=env)
        errors.seek(0)
        complaint = errors.read()[-_SAID_BYTES_MAX:].decode(errors="replace").strip()
        if status != 0:
            raise LabError(
                expected="`evenfall check` to end with status 0",
                seen=f"status {status}: {complaint or 'nothing said'}",
                where="the client of the lab",
                remedy="What it said is above; run it by hand with `lab run SCENARIO -- …`.",
            )
        said.seek(0)
        return said.read()
