"""What a backend is, how one is chosen, and what the process under test is given.

A backend stages a drawn scenario: it starts the world, puts the line and the censor in front of it,
and runs commands where the client sits. It declares which observables it can emulate; a scenario
that needs another is refused, because a detector that finds nothing in a network that cannot show
it has not been tested.

No peeking: the process under test gets one folder (target file, trust anchor, an empty home), an
environment of a few fixed names, and nothing else. The folder that holds the truth lies elsewhere
and is not named to it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from evenfall.lab.clock import LabClock
from evenfall.lab.plan import Places
from evenfall.lab.scenario import Drawn, Scenario
from evenfall.model.errors import LabError, UsageError

__all__ = [
    "BACKEND_NAMES",
    "Backend",
    "Stage",
    "backends",
    "choose_backend",
    "client_environment",
    "lab_environment",
    "missing_observables",
    "run_client",
]

BACKEND_NAMES = ("netns", "loopback")
"""In order of preference: the first that this machine and the scenario allow is taken."""

Output = int | IO[bytes] | None
"""As `subprocess` takes it: PIPE is not useful here, DEVNULL, an open file, or None (inherit)."""

_KILL_AFTER_S = 5.0


class Stage(Protocol):
    """A network that stands, with a client in it."""

    @property
    def client_folder(self) -> Path:
        """All that the process under test is given to read."""
        ...

    @property
    def seen(self) -> Places:
        """Where the client finds everything; the same in every scenario."""
        ...

    @property
    def target_file(self) -> Path:
        """The probe's target file, in the client's folder."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """What the backend records of the net that it made; never shown to the process in it."""
        ...

    def run(
        self,
        command: Sequence[str],
        *,
        stdout: Output = None,
        stderr: Output = None,
        timeout_s: float | None = None,
        env: Mapping[str, str] | None = None,
    ) -> int:
        """Run a command where the client sits; its exit status (128 + n if signal n ended it).

        Args:
            command: program and arguments, no shell.
            stdout: as `subprocess` takes it; None: ours.
            stderr: likewise.
            timeout_s: after it the command is ended and a LabError raised.
            env: added to the fixed environment.

        Raises:
            UsageError: no such command.
            LabError: it did not end in time.
        """
        ...


class Backend(Protocol):
    """A way to emulate a network on this machine."""

    @property
    def name(self) -> str:
        """A name of BACKEND_NAMES."""
        ...

    @property
    def emulates(self) -> frozenset[str]:
        """Observables (`lab.scenario.Observable`) that are true in it."""
        ...

    def unavailable(self) -> str | None:
        """Why this machine cannot run it, or None."""
        ...

    def stage(
        self, drawn: Drawn, *, folder: Path, clock: LabClock
    ) -> contextlib.AbstractContextManager[Stage]:
        """Set the network up; it is gone when the context is left.

        Args:
            drawn: the scenario with its ranges drawn.
            folder: the client's folder, empty, and not below one that holds the truth.
            clock: what schedules of censor rules are read against.

        Raises:
            LabError: it could not be set up, or a rule asks for what this backend cannot do.
        """
        ...


def backends() -> dict[str, Backend]:
    """Every backend there is, in order of preference."""
    from evenfall.lab.loopback import LoopbackBackend
    from evenfall.lab.netns import NetnsBackend

    return {"netns": NetnsBackend(), "loopback": LoopbackBackend()}


def missing_observables(backend: Backend, scenario: Scenario) -> list[str]:
    """What the scenario needs and the backend cannot emulate."""
    return sorted(set(scenario.needs) - backend.emulates)


def choose_backend(
    name: str, scenario: Scenario, among: Mapping[str, Backend] | None = None
) -> Backend:
    """The backend asked for, or (`auto`) the first that can.

    Args:
        name: of BACKEND_NAMES, or `auto`.
        scenario: what is to be emulated.
        among: the backends to choose from; None: `backends()`.

    Raises:
        UsageError: no backend of that name.
        LabError: this machine or that backend cannot run this scenario; every reason is named.
    """
    candidates = backends() if among is None else among
    if name != "auto" and name not in candidates:
        raise UsageError(
            expected=f"auto, {' or '.join(candidates)}",
            seen=repr(name),
            where="--backend",
            remedy="Leave it out to take the best that this machine can.",
        )
    reasons = []
    for candidate in candidates.values():
        if name not in ("auto", candidate.name):
            continue
        reason = _objection(candidate, scenario)
        if reason is None:
            return candidate
        reasons.append(f"{candidate.name}: {reason}")
    raise LabError(
        expected="a backend that can emulate this scenario on this machine",
        seen="; ".join(reasons),
        where=f"scenario {scenario.name}",
        remedy="`evenfall lab list` shows which backend can run which scenario; "
        "docs/lab.md says what each needs.",
    )


def _objection(backend: Backend, scenario: Scenario) -> str | None:
    missing = missing_observables(backend, scenario)
    if missing:
        return f"does not emulate {', '.join(missing)}"
    return backend.unavailable()


def client_environment(
    client_folder: Path, target_file: Path, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of the process under test: the same names and values in every scenario."""
    fixed = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(client_folder / "home"),
        "LANG": "C.UTF-8",
        "EVENFALL_TARGETS": str(target_file),
    }
    return {**fixed, **(extra or {})}


def lab_environment() -> dict[str, str]:
    """The environment of the lab's own processes: nothing of whoever runs the lab.

    What the client could find of them in /proc then says nothing about a scenario either.
    """
    kept = ("PYTHONPATH", "VIRTUAL_ENV", "TMPDIR")
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    return {
        "PATH": path,
        "LANG": "C.UTF-8",
        **{name: os.environ[name] for name in kept if name in os.environ},
    }


def run_client(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    stdout: Output,
    stderr: Output,
    timeout_s: float | None,
    name: str = "",
) -> int:
    """Run a command in a session of its own; what is left of it ends with it.

    Args:
        command: with whatever prefix enters the client's namespace.
        env: its whole environment, as `client_environment` makes it.
        stdout: as `Stage.run`.
        stderr: as `Stage.run`.
        timeout_s: as `Stage.run`.
        name: what the person called it, for messages; empty: the command's first word.

    Raises:
        UsageError, LabError: as `Stage.run`.
    """
    called = name or command[0]
    try:
        process = subprocess.Popen(  # noqa: S603  (the person's own command, no shell)
            list(command),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    except OSError as error:
        raise UsageError(
            expected="a command that can be run",
            seen=error.strerror or str(error),
            where=called,
            remedy="Check its spelling, or give its full path.",
        ) from error
    try:
        status = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        raise LabError(
            expected=f"the command to end within {timeout_s:.0f} s",
            seen="it was still running, and was ended",
            where=called,
            remedy="Give it more time with --timeout.",
        ) from None
    finally:
        _end_session(process)
    return 128 - status if status < 0 else status


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """End the session's processes: politely, then not; harmless if all have gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_KILL_AFTER_S)
            if number == signal.SIGTERM and not _has_members(process.pid):
                return


def _has_members(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
