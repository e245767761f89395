"""What the emulated censor does to datagrams that are not DNS: QUIC by name, port 443, addresses.

    quic.drop     from the Initial that completes the name on, everything of the flow, both ways
    udp443.drop   everything between a client and port 443 of the services' addresses, or of all
    ip.*          everything of flows to the services' addresses (refused or dropped alike: UDP
                  has no reset)

A flow is the two ends, from its first datagram towards the server. Addresses and ports are asked
then, once a flow; the name when the Initials have told it (`wire.quic_initial`). A rule for all
other names (`others`) slows flows in which no name can be read, too. Limits: `FLOWS_MAX` flows,
forgotten after `IDLE_S` of silence, as routers do (RFC 4787 section 4.3).
"""

from __future__ import annotations

import collections
from collections.abc import Callable

from evenfall.lab.connections import End
from evenfall.lab.decision import DROPPED, Decision
from evenfall.lab.flows import Decider
from evenfall.lab.limiting import LIMITING, Limiter, Limits
from evenfall.lab.packets import Packet
from evenfall.lab.scenario import CensorRule
from evenfall.wire.hello import NEED_MORE, Hello
from evenfall.wire.quic_initial import InitialReader

__all__ = ["FLOWS_MAX", "IDLE_S", "QUIC_PORT", "UdpCensor"]

FLOWS_MAX = 4096
IDLE_S = 120.0
QUIC_PORT = 443


class _Flow:
    __slots__ = ("limits", "reader", "rule", "seen_s")

    def __init__(self, now_s: float) -> None:
        self.rule: CensorRule | None = None
        self.reader: InitialReader | None = None
        self.limits = Limits()
        self.seen_s = now_s


class UdpCensor:
    """Judges datagrams.

    Args:
        decider: its rules of the layers `ip`, `udp443`, `quic`, and those for all others.
        host_at: who lives at an address; empty: nobody of the world.
        acts_now: whether a rule's hours last.
        limiter: slows what a rule for all others slows.
    """

    def __init__(
        self,
        decider: Decider,
        *,
        host_at: Callable[[bytes], str],
        acts_now: Callable[[CensorRule], bool],
        limiter: Limiter,
    ) -> None:
        self._decider = decider
        self._host_at = host_at
        self._acts_now = acts_now
        self._limiter = limiter
        self._flows: collections.OrderedDict[tuple[End, End], _Flow] = collections.OrderedDict()
        self._idle = not decider.has("ip", "udp443", "quic")

    def judge(self, packet: Packet, now_s: float, *, upwards: bool) -> Decision:
        """Decide about one datagram."""
        if self._idle:
            return Decision(leave_s=now_s)
        flow = self._flow(packet, now_s, upwards)
        if flow is None:
            return self._judge_unknown(packet, now_s)
        if upwards and flow.reader is not None:
            self._read(flow, packet)
        rule = flow.rule
        if rule is None or not self._acts_now(rule):
            return Decision(leave_s=now_s)
        if rule.action not in LIMITING:
            return DROPPED
        return Decision(
            leave_s=self._limiter.leave_s(flow.limits, rule, packet, now_s, upwards=upwards)
        )

    def _judge_unknown(self, packet: Packet, now_s: float) -> Decision:
        """A datagram of a server that nobody asked: its address alone counts."""
        host = self._host_at(packet.source)
        rule = self._decider.rule_for("ip", host, family=packet.family) if host else None
        return Decision(leave_s=now_s) if rule is None else DROPPED

    def _flow(self, packet: Packet, now_s: float, upwards: bool) -> _Flow | None:
        source = (packet.source, packet.source_port)
        destination = (packet.destination, packet.destination_port)
        key = (source, destination) if upwards else (destination, source)
        flow = self._flows.get(key)
        if flow is None or now_s - flow.seen_s > IDLE_S:
            if not upwards:
                return None
            flow = self._flows[key] = self._opened(packet, now_s)
            if len(self._flows) > FLOWS_MAX:
                self._flows.popitem(last=False)
        flow.seen_s = now_s
        self._flows.move_to_end(key)
        return flow

    def _opened(self, packet: Packet, now_s: float) -> _Flow:
        flow = _Flow(now_s)
        host = self._host_at(packet.destination)
        quic = packet.destination_port == QUIC_PORT
        layers = ("ip", "udp443") if quic else ("ip",)
        for layer in layers:
            if host or layer == "udp443":
                flow.rule = self._decider.rule_for(layer, host, family=packet.family)
            if flow.rule is not None:
                return flow
        if quic:
            flow.reader = InitialReader()
        else:
            flow.rule = self._decider.rule_for("", "", family=packet.family)
        return flow

    def _read(self, flow: _Flow, packet: Packet) -> None:
        """Look for the name in the client's Initials; once it is known, choose the rule."""
        assert flow.reader is not None  # noqa: S101  (the caller asked)
        answer = flow.reader.feed(packet.payload)
        if answer is NEED_MORE:
            return
        flow.reader = None
        name = (answer.server_name or "") if isinstance(answer, Hello) else ""
        flow.rule = self._decider.rule_for("quic", name, family=packet.family)
