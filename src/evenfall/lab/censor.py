"""The censor of the lab: one packet in, a decision out. It exists only inside emulated networks.

A packet and the time go in; out comes when the packet leaves (or that it is dropped) and which
forged packets leave for the client or the server. No sockets, no clock of its own, so every action
is tested packet by packet.

How it decides
    A SYN from the client opens a flow. `ip` rules are asked with its address, then whether that
    address is still treated for an earlier hit; then the client's bytes are put in order until the
    name in them is known (`lab.opening`: the ClientHello's server name or the `Host` header), and
    `sni` or `http` rules are asked with it, once a flow. Segments that came before the name was
    complete have passed, as they do in real boxes. Datagrams are `lab.censor_udp`'s and
    `lab.censor_dns`'s.

What the actions do
    sni.police      token bucket a flow and direction; what finds no token is dropped
    sni.shape       the same rate as a queue: bucket of two frames, `burst_bytes` may wait
    sni.loss        each packet of the flow is dropped with the same chance
    sni.stall       nothing passes after so many bytes
    sni.reset       RST to both ends with the numbers they expect, the segment dropped; again
                    whenever either end sends more
    sni.close       the hello dropped, FIN to the client as if the server had closed, RST to it
    sni.alert       the same with a fatal TLS alert before the FIN
    sni.drop        the segment that completed the name and everything after it, both ways
    sni.mitm        the flow handed to another server, in the real one's name (`lab.splice`)
    ip.drop         everything of flows to the services' addresses
    ip.refuse       RST to the SYN; datagrams dropped
    http.blockpage  the request dropped, a whole response with FIN to the client, RST to the server
    http.redirect   the same with a response that sends the client to the block page

Residual blocking: after a hit by name the server's address is treated alike for this client for
`residual_s`, whatever the name, from the SYN on: slowed, dropped, or refused (`sni.reset`,
`sni.close`, `sni.alert`). Flows that were open before are left alone.

Schedules: what slows, loses, or hits addresses acts while its hours last, also on a flow that
began before; the others decide once. Not here: DNS over TCP, fragments, residual blocking of UDP.
Limit: `RESIDUAL_MAX` addresses, `SPLICES_MAX` flows handed over.
"""

from __future__ import annotations

import collections
import random
from collections.abc import Callable, Mapping

from evenfall.lab.censor_dns import DNS_PORT, DnsCensor
from evenfall.lab.censor_udp import UdpCensor
from evenfall.lab.clock import within
from evenfall.lab.connections import End, Flow, FlowTable
from evenfall.lab.decision import DROPPED, Decision
from evenfall.lab.flows import Decider
from evenfall.lab.forging import ALERT, answer_instead, refuse, reset
from evenfall.lab.limiting import LIMITING, Limiter
from evenfall.lab.packets import ACK, SYN, Packet
from evenfall.lab.scenario import CensorRule
from evenfall.lab.splice import Splice, kept_options

__all__ = ["RESIDUAL_MAX", "SPLICES_MAX", "Censor", "Decision"]

RESIDUAL_MAX = 1024
SPLICES_MAX = 256
_LASTING = (LIMITING | {"ip.drop", "ip.refuse", "udp443.drop"}) - {"sni.stall"}
_REFUSED_LATER = frozenset({"sni.reset", "sni.close", "sni.alert"})


class Censor:
    """One box on the path, with its rules.

    Args:
        rules: of the scenario, in order.
        hosts: role → host name.
        addresses: address bytes of a server → its host name (for `ip` rules).
        resolver: address bytes of the resolver whose answers may be replaced.
        lie: the address that a false answer names.
        lie6: the IPv6 address that an injected one names; empty: none.
        block_page: makes a whole HTTP response.
        minute_of_day: local minutes since midnight at a time in seconds.
        rng: draws the share of flows, and random losses.
        redirect: makes a whole response that sends the client elsewhere; null: the block page.
        mitm: IP version → the server that takes over flows of `sni.mitm`; a flow of a version that
            is missing is dropped.
    """

    def __init__(
        self,
        rules: tuple[CensorRule, ...],
        *,
        hosts: Mapping[str, str],
        addresses: Mapping[bytes, str],
        resolver: bytes,
        lie: str,
        lie6: str = "",
        block_page: Callable[[], bytes],
        minute_of_day: Callable[[float], float],
        rng: random.Random,
        redirect: Callable[[], bytes] | None = None,
        mitm: Mapping[int, End] | None = None,
    ) -> None:
        self._addresses = addresses
        self._answers: dict[str, Callable[[], bytes]] = {
            "http.blockpage": block_page,
            "http.redirect": redirect or block_page,
            "sni.alert": lambda: ALERT,
            "sni.close": bytes,
        }
        self._mitm = mitm or {}
        self._minute_at = minute_of_day
        self._now_s = 0.0
        self._flows = FlowTable()
        self._residual: collections.OrderedDict[tuple[bytes, bytes], tuple[CensorRule, float]] = (
            collections.OrderedDict()
        )
        self._splices: collections.OrderedDict[tuple[End, End], Splice] = collections.OrderedDict()
        self._idle = not rules
        self._limiter = Limiter(rng)
        self._decider = Decider(rules, hosts=hosts, minute_of_day=self._minute, rng=rng)
        self._dns = DnsCensor(self._decider, resolver=resolver, lie=lie, lie6=lie6)
        self._udp = UdpCensor(
            self._decider,
            host_at=lambda address: self._addresses.get(address, ""),
            acts_now=self._acts_now,
            limiter=self._limiter,
        )

    def judge(self, packet: Packet, now_s: float, *, upwards: bool) -> Decision:
        """Decide about one packet, on its way up (from the client) or down.

        `now_s` is the monotonic clock that `minute_of_day` was made for.
        """
        if self._idle:
            return Decision(leave_s=now_s)
        self._now_s = now_s
        if packet.is_tcp:
            return self._judge_tcp(packet, upwards=upwards)
        if packet.is_udp:
            return self._judge_udp(packet, upwards=upwards)
        server = packet.destination if upwards else packet.source
        return DROPPED if self._address_rule(server) else self._passed()

    def _minute(self) -> float:
        return self._minute_at(self._now_s)

    def _passed(self) -> Decision:
        return Decision(leave_s=self._now_s)

    def _address_rule(self, server: bytes) -> CensorRule | None:
        host = self._addresses.get(server)
        family = 4 if len(server) == 4 else 6
        return self._decider.rule_for("ip", host, family=family) if host else None

    def _judge_udp(self, packet: Packet, *, upwards: bool) -> Decision:
        server_port = packet.destination_port if upwards else packet.source_port
        if server_port == DNS_PORT:
            return self._dns.judge(packet, self._now_s, upwards=upwards)
        return self._udp.judge(packet, self._now_s, upwards=upwards)

    # TCP

    def _judge_tcp(self, packet: Packet, *, upwards: bool) -> Decision:
        if upwards and packet.flags & (SYN | ACK) == SYN:
            flow: Flow | None = self._opened(packet)
        else:
            flow = self._flows.find(packet, upwards=upwards, now_s=self._now_s)
        if flow is None:
            return self._judge_unknown(packet, upwards=upwards)
        if upwards and flow.opening is not None and packet.payload:
            self._read_opening(flow, packet)
        return self._act(flow, packet, upwards=upwards)

    def _judge_unknown(self, packet: Packet, *, upwards: bool) -> Decision:
        """A segment of no flow whose start was seen: perhaps of one that was handed over."""
        if not upwards and self._splices:
            ends = (
                (packet.destination, packet.destination_port),
                (
                    packet.source,
                    packet.source_port,
                ),
            )
            splice = self._splices.get(ends)
            if splice is not None:
                return splice.from_other(packet)
        server = packet.destination if upwards else packet.source
        return DROPPED if self._address_rule(server) else self._passed()

    def _opened(self, packet: Packet) -> Flow:
        flow = self._flows.open(packet, self._now_s)
        if flow.rule is None and flow.opening is not None:
            flow.rule = self._address_rule(packet.destination)
            if flow.rule is None:
                flow.rule = self._residual_rule(packet)
                flow.residual = flow.rule is not None
            if flow.rule is not None:
                flow.forget_bytes()
            else:
                flow.syn_options = kept_options(packet) if self._mitm else b""
        return flow

    def _residual_rule(self, packet: Packet) -> CensorRule | None:
        """The rule under which this client was caught at this address a while ago."""
        rule, until_s = self._residual.get((packet.source, packet.destination), (None, 0.0))
        return rule if self._now_s < until_s else None

    def _read_opening(self, flow: Flow, packet: Packet) -> None:
        """Look for the name in the client's bytes so far; once it is known, choose the rule."""
        opening = flow.opening
        if flow.sent is None or opening is None:
            return
        flow.server_expects = flow.sent.expected
        first = packet.sequence + (1 if packet.flags & SYN else 0)  # TCP Fast Open
        ready = flow.sent.add(first, packet.payload)
        if ready and opening.feed(ready):
            flow.rule = self._decider.rule_for(opening.layer, opening.name, family=packet.family)
            flow.forget_bytes()
            if flow.rule is not None:
                self._remember(flow, flow.rule, packet, opening.data)

    def _remember(self, flow: Flow, rule: CensorRule, packet: Packet, data: bytes) -> None:
        """What a hit leaves behind: a marked address, a flow to hand over."""
        if rule.residual_s > 0:
            key = flow.client[0], flow.server[0]
            self._residual[key] = rule, self._now_s + rule.residual_s
            self._residual.move_to_end(key)
            if len(self._residual) > RESIDUAL_MAX:
                self._residual.popitem(last=False)
        to = self._mitm.get(packet.family)
        if rule.action == "sni.mitm" and to is not None:
            flow.splice = Splice(flow, packet, data, to)
            self._splices[flow.client, to] = flow.splice
            if len(self._splices) > SPLICES_MAX:
                self._splices.popitem(last=False)

    def _act(self, flow: Flow, packet: Packet, *, upwards: bool) -> Decision:
        rule = flow.rule
        if rule is None or not self._acts_now(rule):
            return self._passed()
        if rule.action in LIMITING:
            leave_s = self._limiter.leave_s(flow.limits, rule, packet, self._now_s, upwards=upwards)
            return Decision(leave_s=leave_s)
        if rule.action == "ip.refuse" or (flow.residual and rule.action in _REFUSED_LATER):
            return refuse(packet)
        if rule.action == "sni.reset":
            return reset(flow, packet, upwards=upwards)
        answer = self._answers.get(rule.action)
        if answer is not None:
            return answer_instead(flow, packet, answer(), upwards=upwards)
        if flow.splice is not None and upwards:
            return flow.splice.from_client(packet)
        return DROPPED

    def _acts_now(self, rule: CensorRule) -> bool:
        """Whether the rule's hours last; what decides once has decided."""
        if rule.action not in _LASTING:
            return True
        return within(self._minute(), rule.from_local, rule.to_local)
