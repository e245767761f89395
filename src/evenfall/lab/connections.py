"""TCP connections as a box in the middle sees them: a table of flows, and the bytes of each.

State belongs to the flow, never to the rule: a censor that remembers "hello seen" once for a rule
acts on one handshake and misses the next (a defect seen in other emulators). Segments may come
split, repeated and out of order; `Reassembly` gives the bytes in order, as the server's own kernel
will. Limits: `FLOWS_MAX` flows, forgotten after `FLOW_IDLE_S` of silence; `AHEAD_BYTES_MAX` and
`PIECES_MAX` held out of order a flow. A flow whose SYN was not seen has no entry.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

from evenfall.lab.limiting import Limits
from evenfall.lab.opening import Opening
from evenfall.lab.packets import Packet
from evenfall.lab.scenario import CensorRule

if TYPE_CHECKING:
    from evenfall.lab.splice import Splice

__all__ = ["FLOWS_MAX", "FLOW_IDLE_S", "End", "Flow", "FlowTable", "Reassembly"]

FLOWS_MAX = 4096
FLOW_IDLE_S = 300.0
AHEAD_BYTES_MAX = 65_536
PIECES_MAX = 128

_HALF = 2**31
_WHOLE = 2**32

End = tuple[bytes, int]
"""One end of a connection: four or sixteen address bytes and a port."""


class Reassembly:
    """Bytes of one direction, in order, each once.

    Where two segments disagree about a byte the first one counts (as in Linux).

    Attributes:
        expected: sequence number of the next byte in order; what the receiver acknowledges.
    """

    def __init__(self, first_sequence: int) -> None:
        self.expected = first_sequence % _WHOLE
        self._ahead: dict[int, bytes] = {}

    def add(self, sequence: int, payload: bytes) -> bytes:
        """Take a segment and return the bytes that are now in order (often none)."""
        distance = self._distance(sequence)
        fits = distance <= AHEAD_BYTES_MAX and len(self._ahead) < PIECES_MAX
        if (distance <= 0 or fits) and len(payload) > len(self._ahead.get(sequence, b"")):
            self._ahead[sequence] = payload
        ready = b""
        for start in sorted(self._ahead, key=self._distance):
            distance = self._distance(start)
            if distance > 0:
                break
            piece = self._ahead.pop(start)[-distance:]
            ready += piece
            self.expected = (self.expected + len(piece)) % _WHOLE
        return ready

    def _distance(self, sequence: int) -> int:
        """How far ahead of what is expected (below zero: behind), modulo 2^32."""
        return (sequence - self.expected + _HALF) % _WHOLE - _HALF


class Flow:
    """One TCP connection.

    Attributes:
        client, server: its ends.
        first_sequence: the client's initial sequence number, which tells a repeated SYN from the
            SYN of a new connection.
        sent: the client's bytes; None once nobody reads them any more.
        opening: the name in them; None once it is known, or known to be missing.
        rule: what the censor does with it; None: nothing.
        server_expects: next sequence number that the server waits for, when the rule was chosen.
        page_sequence: where a forged response begins in the server's sequence numbers.
        limits: what a rule that slows it has counted.
        residual: its rule was chosen for its address alone, before any name.
        splice: another server has taken it over.
        syn_options: what a second handshake in the client's name may offer.
    """

    __slots__ = (
        "client", "first_sequence", "limits", "opening", "page_sequence", "residual", "rule",
        "seen_s", "sent", "server", "server_expects", "splice", "syn_options",
    )  # fmt: skip

    def __init__(self, client: End, server: End, first_sequence: int, now_s: float) -> None:
        self.client = client
        self.server = server
        self.first_sequence = first_sequence
        self.sent: Reassembly | None = Reassembly(first_sequence + 1)
        self.opening: Opening | None = Opening()
        self.rule: CensorRule | None = None
        self.server_expects = 0
        self.page_sequence: int | None = None
        self.limits = Limits()
        self.residual = False
        self.splice: Splice | None = None
        self.syn_options = b""
        self.seen_s = now_s

    def forget_bytes(self) -> None:
        """Stop reading: the name is known, or there is none."""
        self.sent = None
        self.opening = None


class FlowTable:
    """Flows by their two ends; the longest silent goes first when there is no room."""

    def __init__(self) -> None:
        self._flows: collections.OrderedDict[tuple[End, End], Flow] = collections.OrderedDict()

    def __len__(self) -> int:
        return len(self._flows)

    def open(self, packet: Packet, now_s: float) -> Flow:
        """The flow that this SYN of a client begins; the same one if the SYN is repeated."""
        flow = self.find(packet, upwards=True, now_s=now_s)
        if flow is not None and flow.first_sequence == packet.sequence:
            return flow
        client = (packet.source, packet.source_port)
        server = (packet.destination, packet.destination_port)
        flow = Flow(client, server, packet.sequence, now_s)
        self._flows[client, server] = flow
        self._flows.move_to_end((client, server))
        self._shed(now_s)
        return flow

    def find(self, packet: Packet, *, upwards: bool, now_s: float) -> Flow | None:
        """The flow of a packet, marked as heard from now; None if its start was not seen."""
        source = (packet.source, packet.source_port)
        destination = (packet.destination, packet.destination_port)
        key = (source, destination) if upwards else (destination, source)
        flow = self._flows.get(key)
        if flow is None:
            return None
        if now_s - flow.seen_s > FLOW_IDLE_S:
            del self._flows[key]
            return None
        flow.seen_s = now_s
        self._flows.move_to_end(key)
        return flow

    def _shed(self, now_s: float) -> None:
        """Forget what is silent too long, and the oldest while there are too many."""
        while self._flows:
            key, flow = next(iter(self._flows.items()))
            if len(self._flows) <= FLOWS_MAX and now_s - flow.seen_s <= FLOW_IDLE_S:
                return
            del self._flows[key]
