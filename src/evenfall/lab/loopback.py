"""The `loopback` backend: relays on 127.0.0.0/8 in front of real servers; no privilege, any user.

How it works
    One run takes one plot: a block 127.K.0.0/16 that no other run holds (a listening socket is the
    lock, so a killed run gives it back). The client looks at 127.K.0.x, where relays are the line
    and the censor; the servers listen at 127.K.1.x in a process of their own. K depends on which
    plots are free, never on the scenario.

What is true in it
    DNS answers, TLS and HTTP outcomes, goodput. Not RTT of the handshake, retransmissions, TTL or
    anything else that the client's own TCP would have to feel; scenarios that need those are
    refused.

What it does not do
    Whole 127.0.0.0/8 is up on Linux only; elsewhere it says that it is not available.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from evenfall.lab.backend import Output, Stage, client_environment, run_client
from evenfall.lab.clock import LabClock
from evenfall.lab.line_thread import LineThread
from evenfall.lab.plan import Endpoint, Places
from evenfall.lab.prepare import prepare_world
from evenfall.lab.scenario import ROLES, Drawn
from evenfall.lab.slowing import SLOWING
from evenfall.lab.target_file import write_client_folder
from evenfall.lab.world_process import running_world
from evenfall.model.errors import LabError

__all__ = ["LoopbackBackend", "places"]

_PLOTS = range(13, 77)
_LOCK_PORT = 44_000
_MTPROTO_PORT = 44_522
_HTTPS_PORT, _HTTP_PORT, _DNS_PORT, _MEASUREMENT_PORT, _FLOOD_PORT = (
    44_443,
    44_080,
    44_053,
    8443,
    44_009,
)


def places(plot: int, *, side: int) -> Places:
    """Addresses of one plot: `side` 0 is where the client looks, 1 where the servers listen."""
    base = f"127.{plot}.{side}"
    return Places(
        origins={role: f"{base}.{11 + index}" for index, role in enumerate(ROLES)},
        https_port=_HTTPS_PORT,
        http_port=_HTTP_PORT,
        resolver=Endpoint(f"{base}.53", _DNS_PORT),
        public_resolver=Endpoint(f"{base}.54", _DNS_PORT),
        measurement=Endpoint(f"{base}.80", _MEASUREMENT_PORT),
        block_page=f"{base}.90",
        flood=Endpoint(f"{base}.99", _FLOOD_PORT),
        doh=Endpoint(f"{base}.54", _HTTPS_PORT),
        mtproto_port=_MTPROTO_PORT,
        second_measurement=Endpoint(f"{base}.81", _MEASUREMENT_PORT),
        mirrors={role: f"{base}.{31 + index}" for index, role in enumerate(ROLES)},
    )


class LoopbackBackend:
    """Relays and servers on 127.0.0.0/8."""

    name = "loopback"
    emulates = frozenset({"dns", "tls", "http", "goodput", "tcp_drop", "quic"})

    def unavailable(self) -> str | None:
        """Linux brings up all of 127.0.0.0/8; others do not, or call it by other names."""
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.bind((places(_PLOTS[0], side=0).block_page, 0))
        except OSError as error:
            return f"127.0.0.0/8 cannot be used ({error.strerror})"
        if not sys.platform.startswith("linux"):
            return "a listener that ignores connections is known to work on Linux only"
        return None

    @contextlib.contextmanager
    def stage(self, drawn: Drawn, *, folder: Path, clock: LabClock) -> Iterator[Stage]:
        """Start the servers and the relays; both are gone when the context is left."""
        _refuse_what_packets_need(drawn)
        with contextlib.ExitStack() as stack:
            plot = stack.enter_context(_plot())
            truth = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evenfall-")))
            served, seen = places(plot, side=1), places(plot, side=0)
            now = dt.datetime.now(dt.UTC)
            world = prepare_world(truth, drawn, served=served, seen=seen, now=now)
            target_file = write_client_folder(folder, drawn=drawn, seen=seen, world=world)
            stack.enter_context(running_world(world.plan))
            world.plan.unlink()  # read by now; a slow server's rate is nobody's to find
            stack.enter_context(LineThread(drawn, served=served, seen=seen, clock=clock))
            yield _LoopbackStage(client_folder=folder, seen=seen, target_file=target_file)


class _LoopbackStage(msgspec.Struct, frozen=True, kw_only=True):
    client_folder: Path
    seen: Places
    target_file: Path
    facts: dict[str, str] = {}

    def run(
        self,
        command: Sequence[str],
        *,
        stdout: Output = None,
        stderr: Output = None,
        timeout_s: float | None = None,
        env: Mapping[str, str] | None = None,
    ) -> int:
        """As `Stage.run`."""
        return run_client(
            command,
            env=client_environment(self.client_folder, self.target_file, env),
            stdout=stdout,
            stderr=stderr,
            timeout_s=timeout_s,
        )


def _refuse_what_packets_need(drawn: Drawn) -> None:
    for rule in drawn.scenario.censor:
        if rule.action.startswith("ip.") and rule.share < 1:
            _refuse(f"an {rule.action} of all flows", f"a share of {rule.share}", drawn)
        if rule.action == "sni.loss":
            _refuse("what a relay can do to a stream", rule.action, drawn)
        if rule.residual_s > 0 and rule.action not in SLOWING:
            _refuse("connections that are answered", f"{rule.action} that outlasts one", drawn)
    for innocent in drawn.scenario.innocents:
        if innocent.kind == "wifi_loss":
            _refuse("a client with nothing before its line", "a home router over bad air", drawn)
    if drawn.loss > 0:
        _refuse("a line without loss", f"a loss of {drawn.loss:.3f}", drawn)


def _refuse(expected: str, seen: str, drawn: Drawn) -> None:
    raise LabError(
        expected=expected,
        seen=seen,
        where=f"scenario {drawn.scenario.name} on loopback",
        remedy="Use --backend netns: loopback has no packets to drop.",
    )


@contextlib.contextmanager
def _plot() -> Iterator[int]:
    """A block of addresses of our own while the block runs."""
    for plot in _PLOTS:
        lock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            lock.bind((f"127.{plot}.0.1", _LOCK_PORT))
            lock.listen(0)
        except OSError:
            lock.close()
            continue
        with lock:
            yield plot
        return
    raise LabError(
        expected=f"one of {len(_PLOTS)} address blocks to be free",
        seen="all are held by other lab runs",
        where=f"127.{_PLOTS[0]}.0.0/16 to 127.{_PLOTS[-1]}.0.0/16",
        remedy="Wait for other runs to end.",
    )
