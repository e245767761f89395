"""Start the keeper of an emulated net, talk to it, and enter its namespaces: the outer half.

Nothing outside is set or left behind. The keeper lives as long as our end of one socket is open.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from evenfall.lab.backend import lab_environment
from evenfall.lab.middlebox import WireCounters
from evenfall.lab.netns_inside import Failure, Order, Report
from evenfall.model.errors import LabError

__all__ = ["PRIVILEGES", "Keeper", "running_keeper", "tool"]

PRIVILEGES = {"root": ("-nmpf",), "userns": ("-Urnmpf",)}
"""How `unshare` is asked: with the caller's own power, or in a user namespace (any user)."""

_ANSWER_S = 20.0
_LEAVE_S = 5.0
_MESSAGE_BYTES_MAX = 1 << 20
_SCM_CREDENTIALS = 2
_CREDENTIALS = struct.Struct("=iII")
_SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"


def tool(name: str) -> str | None:
    """Path of a program, also where an ordinary user's PATH leaves /usr/sbin out."""
    return shutil.which(name) or shutil.which(name, path=_SBIN)


class Keeper:
    """A network that stands.

    Attributes:
        report: what it said when it stood.
        privilege: a key of `PRIVILEGES`.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], control: socket.socket, said: IO[bytes],
        privilege: str,
    ) -> None:  # fmt: skip
        self.privilege = privilege
        self._process = process
        self._control = control
        self._said = said
        self._pid = 0
        self.report: Report

    def order(self, order: Order) -> None:
        """Have the network built. Raises LabError with what was refused."""
        self._control.settimeout(_ANSWER_S)
        answer = b""
        with contextlib.suppress(OSError):  # it ended or is stuck: the empty answer says so
            self._control.send(msgspec.json.encode(order))
            answer, self._pid = _receive_with_pid(self._control)
        if not answer:
            raise self._fault("a network of our own", "its keeper ended")
        reply = msgspec.json.decode(answer, type=Report | Failure)
        if isinstance(reply, Failure):
            raise self._fault(reply.expected, reply.seen)
        self.report = reply

    def counters(self) -> WireCounters:
        """What the wire did so far. Raises LabError if the network has fallen."""
        answer = b""
        with contextlib.suppress(OSError):
            self._control.send(b"counters")
            answer = self._control.recv(_MESSAGE_BYTES_MAX)
        if not answer:
            raise self._fault("the emulated net to stand", "it has fallen")
        return msgspec.json.decode(answer, type=WireCounters)

    def enter(self, namespace: str) -> list[str]:
        """What to put in front of a command that is to run in one of the namespaces.

        Entering moves a process to the root folder, so a shell brings it back to ours.
        """
        descriptor = self.report.descriptors[namespace]
        user = ["--user", "--preserve-credentials"] if self.privilege == "userns" else []
        return [
            tool("nsenter") or "nsenter",
            *user,
            f"--net=/proc/{self._pid}/fd/{descriptor}",
            "--mount",
            "--pid",
            "--target",
            str(self._pid),
            "/bin/sh",
            "-c",
            'cd -- "$0"; exec "$@"',
            str(Path.cwd()),
        ]

    def leave(self) -> None:
        """Close our end and wait until everything in there is gone."""
        self._control.close()
        try:
            self._process.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # --kill-child: the keeper goes with it
            self._process.wait()
        self._said.close()

    def _fault(self, expected: str, seen: str) -> LabError:
        self._said.seek(0)
        said = self._said.read(_MESSAGE_BYTES_MAX).decode(errors="replace").strip()
        return LabError(
            expected=expected,
            seen=f"{seen}: {said.splitlines()[-1]}" if said else seen,
            where=f"network namespaces ({self.privilege})",
            remedy="Use --backend loopback, or see docs/lab.md for what namespaces need.",
        )


@contextlib.contextmanager
def running_keeper(order: Order, privilege: str) -> Iterator[Keeper]:
    """A network built to order; gone when the block is left.

    Raises:
        LabError: it could not be built.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    said = tempfile.TemporaryFile()  # noqa: SIM115  (closed by Keeper.leave)
    with theirs:
        process = subprocess.Popen(  # noqa: S603  (our own program)
            [
                tool("unshare") or "unshare",
                *PRIVILEGES[privilege],
                "--mount-proc",
                "--kill-child",
                sys.executable,
                "-m",
                "evenfall.lab.netns_inside",
            ],
            stdin=theirs.fileno(),
            stdout=said,
            stderr=said,
            env=lab_environment(),
            start_new_session=True,  # Ctrl-C is ours to handle, in order
        )
    keeper = Keeper(process, ours, said, privilege)
    try:
        keeper.order(order)
        yield keeper
    finally:
        keeper.leave()


def _receive_with_pid(control: socket.socket) -> tuple[bytes, int]:
    """A message and the number of the process that sent it, as seen from our pid namespace."""
    message, extra, _, _ = control.recvmsg(_MESSAGE_BYTES_MAX, socket.CMSG_SPACE(_CREDENTIALS.size))
    for level, kind, data in extra:
        if level == socket.SOL_SOCKET and kind == _SCM_CREDENTIALS:
            return message, int(_CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0])
    return message, 0
