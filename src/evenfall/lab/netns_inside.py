"""The keeper of one emulated net: the first process inside fresh namespaces.

`lab.netns` starts it as `unshare … python -m evenfall.lab.netns_inside`, with one end of a socket
pair as standard input. It makes the network, forks the wire and the neighbour, reports, and then
waits. It ends when the other end of the socket closes, whoever closed it and however (also
`kill -9`); because it is process 1 of its own pid namespace, the kernel then ends everything in
there, and with the last process go the namespaces and their interfaces.

It refuses to start in the network namespace of whoever called it, or in one where any interface
but an untouched loopback exists.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import select
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from evenfall.lab import linux, pages
from evenfall.lab.air import Air, AirSettings
from evenfall.lab.censor import Censor
from evenfall.lab.clock import LabClock
from evenfall.lab.middlebox import Conduit, SharedCounters, WireCounters, run_middlebox
from evenfall.lab.neighbour import Received, run_neighbour
from evenfall.lab.netns_network import Net, build
from evenfall.lab.netns_topology import AIR_PORTS, PLACES, WIRE_PORTS
from evenfall.lab.packets import pack_address
from evenfall.lab.pipeline import PathSettings, Pipeline
from evenfall.lab.scenario import CensorRule
from evenfall.model.errors import LabError

__all__ = ["SCRATCH_PREFIX", "Failure", "Order", "Report", "main"]

_MESSAGE_BYTES_MAX = 1 << 20
_READY_S = 10.0
SCRATCH_PREFIX = "evenfall-"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to build; one JSON message on standard input.

    Attributes:
        outside: number of the caller's network namespace, which must not be ours.
        congctl: what the servers' TCP is to use.
        air: how bad the client's Wi-Fi is; null: there is none.
        vpn: the client's traffic leaves by what looks like a tunnel.
        neighbour_flows: competing downloads over the bottleneck.
        scratch: the run's own folder of keys and plan, which goes with the net; empty: none.
    """

    outside: int
    path: PathSettings
    clock: LabClock
    rules: tuple[CensorRule, ...]
    hosts: dict[str, str]
    seed: int
    congctl: str = "cubic"
    air: AirSettings | None = None
    vpn: bool = False
    neighbour_flows: int = 0
    scratch: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The network stands.

    Attributes:
        descriptors: namespace → descriptor of it in this process.
        congestion_control: what the servers' TCP uses.
        ipv6: whether the net has it.
        resolver_file: whether /etc/resolv.conf in there names the ISP's resolver.
    """

    descriptors: dict[str, int]
    congestion_control: str
    ipv6: bool
    resolver_file: bool


class Failure(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The network could not be made."""

    expected: str
    seen: str


def main() -> int:
    """Build what the order says, report, wait for the end; exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # process 1 inherits orphans: let them go
    control = socket.socket(fileno=os.dup(0))
    order = msgspec.json.decode(control.recv(_MESSAGE_BYTES_MAX), type=Order)
    try:
        keeper = _Keeper(order)
    except OSError as error:
        seen = f"{error.strerror or error} (a step the kernel refused)"
        control.send(msgspec.json.encode(Failure(expected="a network of our own", seen=seen)))
        return 1
    except LabError as error:
        control.send(msgspec.json.encode(Failure(expected=error.expected, seen=error.seen)))
        return 1
    control.send(msgspec.json.encode(keeper.report))
    try:
        return keeper.wait(control)
    finally:
        _remove_scratch(order.scratch)


class _Keeper:
    def __init__(self, order: Order) -> None:
        _refuse_foreign_ground(order.outside)
        self._net: Net = build(
            congestion_control=order.congctl, air=order.air is not None, vpn=order.vpn
        )
        self._wire_counters = SharedCounters()
        self._air_counters = SharedCounters()
        self._neighbour_counters = SharedCounters()
        self._wires_alive = [
            self._start_wire("wire", _pipeline(order), WIRE_PORTS, self._wire_counters)
        ]
        if order.air is not None:
            air = Air(order.air, random.Random(order.seed))  # noqa: S311  (a simulation)
            self._wires_alive.append(self._start_wire("air", air, AIR_PORTS, self._air_counters))
        if order.neighbour_flows:
            self._fork(
                "neighbour",
                lambda: run_neighbour(
                    PLACES.flood, order.neighbour_flows, self._neighbour_counters
                ),
            )
        self.report = Report(
            descriptors=self._net.descriptors,
            congestion_control=self._net.congestion_control,
            ipv6=self._net.ipv6,
            resolver_file=_show_resolver(),
        )

    def wait(self, control: socket.socket) -> int:
        """Answer questions for the counters until the caller is gone, or the wire is."""
        while True:
            readable, _, _ = select.select([control.fileno(), *self._wires_alive], [], [])
            if set(readable) & set(self._wires_alive):
                sys.stderr.write("the middlebox ended by itself\n")
                return 1
            if not control.recv(_MESSAGE_BYTES_MAX):
                return 0
            control.send(msgspec.json.encode(self._counters()))

    def _counters(self) -> WireCounters:
        counters = msgspec.json.decode(self._wire_counters.read() or b"{}", type=WireCounters)
        received = msgspec.json.decode(self._neighbour_counters.read() or b"{}", type=Received)
        air = msgspec.json.decode(self._air_counters.read() or b"{}", type=WireCounters)
        counters.overload += air.overload
        counters.late_max_s = max(counters.late_max_s, air.late_max_s)
        counters.competing_bytes = received.competing_bytes
        return counters

    def _start_wire(
        self, namespace: str, conduit: Conduit, names: tuple[str, str], shared: SharedCounters
    ) -> int:
        """Fork a middlebox; the descriptor returned reads its end. Raises OSError."""
        alive, ready = os.pipe()
        self._fork(namespace, lambda: run_middlebox(conduit, names, shared, ready))
        os.close(ready)
        readable, _, _ = select.select([alive], [], [], _READY_S)
        if not (readable and os.read(alive, 1)):
            raise LabError(
                expected="the middlebox to open its two ports",
                seen="it ended, or said nothing in time",
                where="the wire's namespace",
                remedy="Packet sockets (AF_PACKET) may be missing in this kernel.",
            )
        return alive

    def _fork(self, namespace: str, run: Callable[[], None]) -> None:
        """Run a function in a child inside one of the namespaces."""
        if os.fork():
            return
        status = 1
        try:
            linux.enter_network(self._net.descriptors[namespace])
            run()
            status = 0
        finally:
            sys.excepthook(*sys.exc_info()) if status else None
            os._exit(status)


def _refuse_foreign_ground(outside: int) -> None:
    """Go no further unless this network namespace is new and empty."""
    interfaces = [name for _, name in socket.if_nameindex()]
    if linux.namespace_number() == outside or interfaces != ["lo"] or os.getpid() != 1:
        raise LabError(
            expected="to be the first process in namespaces of our own",
            seen=f"interfaces {', '.join(interfaces)}, process {os.getpid()}",
            where="the lab's keeper",
            remedy="It is started by the lab, never by hand.",
        )


def _remove_scratch(folder: str) -> None:
    """Take the run's keys away, as whoever made them cannot do after a `kill -9`."""
    path = Path(folder)
    if path.name.startswith(SCRATCH_PREFIX) and path.parent == Path(tempfile.gettempdir()):
        shutil.rmtree(path, ignore_errors=True)


def _pipeline(order: Order) -> Pipeline:
    rng = random.Random(order.seed)  # noqa: S311  (a simulation, not a secret)
    censor = Censor(
        order.rules,
        hosts=order.hosts,
        addresses={
            pack_address(address): order.hosts[role]
            for role in PLACES.origins
            for address in PLACES.addresses_of(role)
        },
        resolver=pack_address(PLACES.resolver.address),
        lie=PLACES.block_page,
        lie6=PLACES.block_page6,
        block_page=lambda: pages.block_page_response(dt.datetime.now(dt.UTC)),
        redirect=_redirect,
        mitm={
            4: (pack_address(PLACES.block_page), PLACES.https_port),
            6: (pack_address(PLACES.block_page6), PLACES.https_port),
        },
        minute_of_day=order.clock.local_minutes,
        rng=rng,
    )
    return Pipeline(order.path, censor, rng)


def _redirect() -> bytes:
    """What sends a client to the block page's own address."""
    return pages.response(
        302,
        b"",
        content_type="text/html",
        now=dt.datetime.now(dt.UTC),
        keep_alive=False,
        fields=(f"Location: http://{PLACES.block_page}/",),
    )


def _show_resolver() -> bool:
    """Let ordinary programs in here ask the ISP's resolver; false where there is no such file."""
    usual = Path("/etc/resolv.conf")
    if not usual.is_file():
        return False
    with tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX) as folder, contextlib.suppress(OSError):
        ours = Path(folder) / "resolv.conf"
        ours.write_text(f"nameserver {PLACES.resolver.address}\n")
        ours.chmod(0o644)
        linux.bind_mount(ours, usual.resolve())
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
