"""Nothing is left: no process, namespace or interface, and the machine's own network untouched."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evenfall.lab import linux, netns_keeper
from evenfall.lab.clock import LabClock
from evenfall.lab.netns import NetnsBackend, order_for
from evenfall.lab.netns_keeper import running_keeper
from evenfall.lab.rtnetlink import Rtnetlink
from evenfall.lab.scenario import CensorRule, Innocent, Scenario, draw
from evenfall.model.errors import LabError, UsageError

pytestmark = pytest.mark.netns

INSIDE = Path(__file__).with_name("inside")
GONE_S = 10.0
SCENARIO = Scenario(title="t", innocent=True, expected=(), answers=())
TOML = 'title = "t"\ninnocent = true\nexpected = []\nanswers = []\n'


def outside() -> dict[str, str]:
    """What the lab must not touch: interfaces, addresses, routes, neighbours, settings."""
    seen = {str(index): name for index, name in socket.if_nameindex()}
    for table in ("route", "fib_trie", "ipv6_route", "if_inet6", "packet"):
        path = Path("/proc/net") / table
        text = path.read_text() if path.exists() else ""
        # the count of references to a route changes by itself
        seen[table] = "" if table == "ipv6_route" else text
    for folder in (
        Path("/proc/sys/net/ipv4"),
        Path("/proc/sys/net/ipv6"),
        Path("/proc/sys/kernel"),
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in VOLATILE:
                with contextlib.suppress(OSError):
                    seen[str(path)] = path.read_text()
    return seen


VOLATILE = {"uuid", "entropy_avail", "ns_last_pid", "pty", "nr", "poolsize", "boot_id"}


def marked(mark: str) -> list[int]:
    """Processes that carry a mark in their environment or arguments."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            data = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            if mark.encode() in data:
                found.append(int(folder.name))
    return found


def wait_until_gone(mark: str) -> list[int]:
    """Who of them is still there after a while."""
    deadline_s = time.monotonic() + GONE_S
    while marked(mark) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return marked(mark)


def namespace_of(pid: int | str) -> str:
    """The network namespace of a process; empty if it has gone or may not be looked at."""
    with contextlib.suppress(OSError):
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    return ""


def inside_namespaces() -> set[str]:
    """Network namespaces that any process is in."""
    return {namespace_of(folder.name) for folder in Path("/proc").glob("[0-9]*")} - {""}


@contextlib.contextmanager
def stage_running(
    mark: str, python: list[str], arguments: dict[str, Any]
) -> Iterator[subprocess.Popen[str]]:
    """A stage in a process of its own that runs a long command, up to the command's start."""
    spec = {
        "scenario": TOML,
        "announce": True,
        "commands": [["raw", "sh", "-c", f"sleep 300; : {mark}"]],
    }
    arguments = {**arguments, "env": {**arguments["env"], "TMPDIR": mark}}
    process = subprocess.Popen(
        [*python, str(INSIDE / "stage.py")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        **arguments,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        process.stdin.write(json.dumps(spec))
        process.stdin.close()
        assert process.stdout.readline() == "staged\n"
        deadline_s = time.monotonic() + GONE_S
        while not any(b"sleep 300" in line for line in arguments_of(mark)):
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def arguments_of(mark: str) -> list[bytes]:
    """Command lines of the marked processes that are the command itself, not its way in."""
    lines = []
    for pid in marked(mark):
        with contextlib.suppress(OSError):
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
            lines += [line.replace(b"\0", b" ")] if line.startswith(b"sh\0") else []
    return lines


@pytest.mark.parametrize("user", ["as we are", "as nobody"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_after_a_kill(
    number: int, user: str, interpreter: Callable[[str], tuple[list[str], dict[str, Any]]]
) -> None:
    """However the lab ends, servers, wire, neighbour and the command under test end with it."""
    with tempfile.TemporaryDirectory(prefix="test-") as mark:
        Path(mark).chmod(0o777)
        end_one(number, mark, *interpreter(user))
        left = [path.name for path in Path(mark).iterdir() if path.name.startswith("evenfall-")]
        assert left == []  # keys of the run


def end_one(number: int, mark: str, python: list[str], arguments: dict[str, Any]) -> None:
    """Stage, send one signal to the lab alone, look around."""
    before = outside()
    with stage_running(mark, python, arguments) as process:
        running = marked(mark)
        assert len(running) >= 5  # lab, unshare, keeper, wire, servers, command
        spaces = {space for pid in running if (space := namespace_of(pid))} - {namespace_of("self")}
        assert spaces
        process.send_signal(number)
        assert wait_until_gone(mark) == []
    assert not spaces & inside_namespaces()
    assert "nsfs" not in Path("/proc/self/mountinfo").read_text()
    assert outside() == before


def test_the_machine_is_as_before_while_it_runs(tmp_path: Path) -> None:
    """Also *during* a run nothing outside differs, and interfaces of the lab are not visible."""
    before = outside()
    clock = LabClock(start_local_minutes=0, epoch_monotonic_s=time.monotonic())
    with NetnsBackend().stage(draw(SCENARIO, 1), folder=tmp_path / "client", clock=clock) as stage:
        assert stage.run(["true"], timeout_s=20) == 0
        assert outside() == before
    assert outside() == before


def test_statuses_and_missing_commands(tmp_path: Path) -> None:
    """The command's own status comes back; a program that is not there is a usage error."""
    clock = LabClock(start_local_minutes=0, epoch_monotonic_s=time.monotonic())
    with NetnsBackend().stage(draw(SCENARIO, 1), folder=tmp_path / "client", clock=clock) as stage:
        assert stage.run(["sh", "-c", "exit 7"], timeout_s=20) == 7
        assert stage.run(["sh", "-c", "kill -TERM $$"], timeout_s=20) == 128 + 15
        here = tmp_path / "where"
        with here.open("wb") as stdout:
            stage.run(["pwd"], stdout=stdout, timeout_s=20)
        assert here.read_text().strip() == str(Path.cwd())
        with pytest.raises(UsageError, match="no-such-program"):
            stage.run(["no-such-program"], timeout_s=20)
        with pytest.raises(LabError, match="within 0 s"):
            stage.run(["sleep", "60"], timeout_s=0.3)
        assert stage.run(["true"], timeout_s=20) == 0


def test_the_scenario_cannot_be_read_from_inside(tmp_path: Path) -> None:
    """Scenarios with one seed: same addresses, routes, environment, arguments and file names.

    What differs: random keys, times, and numbers of processes.
    """
    look = (
        "env | sort; ip addr; ip route; ip -6 route; cat /etc/resolv.conf; ls -A $HOME/..; "
        "tr '\\0' ' ' < /proc/1/cmdline; cat $EVENFALL_TARGETS | grep -v pin"
    )
    seen = []
    of_others = set(Path("/tmp").glob("evenfall-*/plan.json"))  # noqa: S108 (the very folder)
    for number, scenario in enumerate((SCENARIO, throttled(), in_bad_air())):
        folder = tmp_path / str(number) / "client"
        clock = LabClock(start_local_minutes=0, epoch_monotonic_s=time.monotonic())
        out = tmp_path / "out"
        with (
            NetnsBackend().stage(draw(scenario, 9), folder=folder, clock=clock) as stage,
            out.open("wb") as stdout,
        ):
            stage.run(["sh", "-c", look], stdout=stdout, timeout_s=20)
            plans = set(Path("/tmp").glob("evenfall-*/plan.json"))  # noqa: S108 (the very folder)
            assert not plans - of_others
        seen.append(out.read_text().replace(f"/{number}/", "/N/"))
    assert "192.168.1.2" in seen[0] or "not found" in seen[0]
    assert seen[0] == seen[1] == seen[2]


def in_bad_air() -> Scenario:
    """A scenario with a second wire, right beside the client."""
    innocent = Innocent(kind="wifi_loss", loss=0.01)
    return Scenario(title="x", innocent=True, innocents=(innocent,), expected=(), answers=())


def throttled() -> Scenario:
    """A scenario that does something to somebody."""
    rule = CensorRule(action="sni.police", services=("video",))
    return Scenario(title="x", innocent=False, censor=(rule,), expected=(), answers=())


def test_the_keeper_refuses_to_work_outside() -> None:
    """Started by hand in the machine's own namespace it makes nothing and says why."""
    clock = LabClock(start_local_minutes=0, epoch_monotonic_s=0)
    order = order_for(draw(SCENARIO, 0), clock)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    before = outside()
    with ours, theirs:
        ours.send(msgspec.json.encode(order))
        done = subprocess.run(
            [sys.executable, "-m", "evenfall.lab.netns_inside"],
            stdin=theirs.fileno(), check=False, capture_output=True, timeout=30,
        )  # fmt: skip
        assert done.returncode == 1
        assert b"namespaces of our own" in ours.recv(65_536)
    assert outside() == before


def test_no_foreign_interface_is_touched() -> None:
    """Addresses, routes and "up" are refused for any interface that was not made by the lab."""
    netlink = Rtnetlink()
    with contextlib.closing(netlink):
        name = socket.if_nameindex()[-1][1]
        for act in (
            lambda: netlink.bring_up(name),
            lambda: netlink.add_address(name, IPv4Interface("192.0.2.1/24")),
            lambda: netlink.add_route(
                IPv4Network("192.0.2.0/24"), via=IPv4Interface("192.0.2.1/24").ip, name=name
            ),
        ):
            with pytest.raises(LabError, match="made itself"):
                act()


def test_a_kernel_that_refuses_is_told_in_words() -> None:
    """A way into namespaces that fails gives a LabError with the reason in it."""
    clock = LabClock(start_local_minutes=0, epoch_monotonic_s=0)
    order = order_for(draw(SCENARIO, 0), clock)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(netns_keeper.PRIVILEGES, "broken", ("-nmpf", "--wd=/no/such/folder"))
        with (
            pytest.raises(LabError, match=r"/no/such/folder|not permitted"),
            running_keeper(order, "broken"),
        ):
            pass


def test_our_own_namespace_is_known() -> None:
    """The number that the keeper compares is that of this process."""
    assert f"net:[{linux.namespace_number()}]" == namespace_of("self")
