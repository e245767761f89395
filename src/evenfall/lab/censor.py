"""The censor of the lab: one packet in, a decision out. It exists only inside emulated networks.

A packet and the time go in; out comes when the packet leaves (or that it is dropped) and which
forged packets leave for the client or the server. No sockets, no clock of its own, so every action
is tested packet by packet.

How it decides
    A SYN from the client opens a flow. `ip` rules are asked with its address; then the client's
    bytes are put in order until the name in them is known (`lab.opening`: the ClientHello's server
    name or the `Host` header), and `sni` or `http` rules are asked with it, once a flow. Segments
    that came before the name was complete have passed, as they do in real boxes.
    DNS queries over UDP to one resolver are asked with the name in them.

What the actions do
    sni.police      token bucket a flow and direction; what finds no token is dropped
    sni.shape       the same rate as a queue: bucket of two frames, `burst_bytes` may wait
    sni.reset       RST to both ends with the numbers they expect, the segment dropped; again
                    whenever either end sends more
    sni.drop        the segment that completed the name and everything after it, both ways
    ip.drop         everything of flows to the services' addresses; of other protocols, each packet
    http.blockpage  the request dropped, a whole response with FIN to the client, RST to the server
    dns.lie         the query dropped, an answer that names the block page sent in its place

Schedules: `sni.police`, `sni.shape` and `ip.drop` act while their hours last, also on a flow that
began before; the others decide once. Not here: DNS over TCP, fragments, QUIC, residual blocking.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import msgspec

from evenfall.lab import names
from evenfall.lab.bucket import FRAME_BYTES, Bucket
from evenfall.lab.clock import within
from evenfall.lab.connections import Flow, FlowTable
from evenfall.lab.flows import Decider
from evenfall.lab.packets import (
    ACK,
    ETHERNET_BYTES,
    FIN,
    PSH,
    RST,
    SYN,
    Packet,
    build_tcp,
    build_udp,
)
from evenfall.lab.scenario import CensorRule

__all__ = ["Censor", "Decision"]

SHAPER_BURST_BYTES = 2 * FRAME_BYTES
PAGE_SEGMENT_BYTES = 1200
_DNS_PORT = 53
_LASTING = frozenset({"sni.police", "sni.shape", "ip.drop"})
_RST_ACK = RST | ACK


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one packet.

    Attributes:
        leave_s: when it goes on (≥ now); null: it is dropped.
        to_client, to_server: forged IPv4 packets that leave now.
    """

    leave_s: float | None
    to_client: tuple[bytes, ...] = ()
    to_server: tuple[bytes, ...] = ()


_DROPPED = Decision(leave_s=None)


class Censor:
    """One box on the path, with its rules.

    Args:
        rules: of the scenario, in order.
        hosts: role → host name.
        addresses: four address bytes of a server → its host name (for `ip` rules).
        resolver: four address bytes of the resolver whose answers may be replaced.
        lie: the address that `dns.lie` answers with.
        block_page: makes a whole HTTP response.
        minute_of_day: local minutes since midnight at a time in seconds.
        rng: draws the share of flows.
    """

    def __init__(
        self,
        rules: tuple[CensorRule, ...],
        *,
        hosts: Mapping[str, str],
        addresses: Mapping[bytes, str],
        resolver: bytes,
        lie: str,
        block_page: Callable[[], bytes],
        minute_of_day: Callable[[float], float],
        rng: random.Random,
    ) -> None:
        self._addresses = addresses
        self._resolver = resolver
        self._lie = lie
        self._block_page = block_page
        self._minute_at = minute_of_day
        self._now_s = 0.0
        self._flows = FlowTable()
        self._idle = not rules
        self._decider = Decider(rules, hosts=hosts, minute_of_day=self._minute, rng=rng)

    def judge(self, packet: Packet, now_s: float, *, upwards: bool) -> Decision:
        """Decide about one packet, on its way up (from the client) or down.

        `now_s` is the monotonic clock that `minute_of_day` was made for.
        """
        if self._idle:
            return Decision(leave_s=now_s)
        self._now_s = now_s
        if packet.is_tcp:
            return self._judge_tcp(packet, upwards=upwards)
        if self._is_query(packet, upwards=upwards):
            return self._judge_query(packet)
        server = packet.destination if upwards else packet.source
        return _DROPPED if self._address_rule(server) else self._passed()

    def _minute(self) -> float:
        return self._minute_at(self._now_s)

    def _passed(self) -> Decision:
        return Decision(leave_s=self._now_s)

    def _address_rule(self, server: bytes) -> CensorRule | None:
        host = self._addresses.get(server)
        return self._decider.rule_for("ip", host) if host else None

    # DNS

    def _is_query(self, packet: Packet, *, upwards: bool) -> bool:
        return (
            upwards
            and packet.is_udp
            and packet.destination_port == _DNS_PORT
            and packet.destination == self._resolver
        )

    def _judge_query(self, packet: Packet) -> Decision:
        name = names.name_asked(packet.payload)
        if name is None or self._decider.rule_for("dns", name) is None:
            return self._passed()
        answer = names.answer(packet.payload, {name: self._lie})
        if answer is None:
            return self._passed()
        forged = build_udp(
            (packet.destination, packet.destination_port),
            (packet.source, packet.source_port),
            answer,
        )
        return Decision(leave_s=None, to_client=(forged,))

    # TCP

    def _judge_tcp(self, packet: Packet, *, upwards: bool) -> Decision:
        if upwards and packet.flags & (SYN | ACK) == SYN:
            flow: Flow | None = self._opened(packet)
        else:
            flow = self._flows.find(packet, upwards=upwards, now_s=self._now_s)
        if flow is None:
            server = packet.destination if upwards else packet.source
            return _DROPPED if self._address_rule(server) else self._passed()
        if upwards and flow.opening is not None and packet.payload:
            self._read_opening(flow, packet)
        return self._act(flow, packet, upwards=upwards)

    def _opened(self, packet: Packet) -> Flow:
        flow = self._flows.open(packet, self._now_s)
        if flow.rule is None and flow.opening is not None:
            flow.rule = self._address_rule(packet.destination)
            if flow.rule is not None:
                flow.forget_bytes()
        return flow

    def _read_opening(self, flow: Flow, packet: Packet) -> None:
        """Look for the name in the client's bytes so far; once it is known, choose the rule."""
        if flow.sent is None or flow.opening is None:
            return
        flow.server_expects = flow.sent.expected
        first = packet.sequence + (1 if packet.flags & SYN else 0)  # TCP Fast Open
        ready = flow.sent.add(first, packet.payload)
        if ready and flow.opening.feed(ready):
            flow.rule = self._decider.rule_for(flow.opening.layer, flow.opening.name)
            flow.forget_bytes()

    def _act(self, flow: Flow, packet: Packet, *, upwards: bool) -> Decision:
        rule = flow.rule
        if rule is None or not self._acts_now(rule):
            return self._passed()
        if rule.action in ("sni.police", "sni.shape"):
            frame_bytes = packet.ip_bytes + ETHERNET_BYTES
            return Decision(leave_s=self._bucket(flow, rule, upwards).offer(
                frame_bytes, self._now_s
            ))  # fmt: skip
        if rule.action == "sni.reset":
            return _reset(flow, packet, upwards=upwards)
        if rule.action == "http.blockpage":
            return self._block(flow, packet, upwards=upwards)
        return _DROPPED

    def _acts_now(self, rule: CensorRule) -> bool:
        """Whether the rule's hours last; what decides once has decided."""
        if rule.action not in _LASTING:
            return True
        return within(self._minute(), rule.from_local, rule.to_local)

    @staticmethod
    def _bucket(flow: Flow, rule: CensorRule, upwards: bool) -> Bucket:
        bucket = flow.buckets.get(upwards)
        if bucket is None:
            shaped = rule.action == "sni.shape"
            bucket = flow.buckets[upwards] = Bucket(
                rate_bps=rule.rate_bps,
                burst_bytes=SHAPER_BURST_BYTES if shaped else rule.burst_bytes,
                queue_bytes=max(rule.burst_bytes, FRAME_BYTES) if shaped else 0,
            )
        return bucket

    def _block(self, flow: Flow, packet: Packet, *, upwards: bool) -> Decision:
        """Answer in the server's place, once and again for each repeat of the request."""
        if not upwards or packet.flags & RST:
            return _DROPPED
        page = self._block_page()
        end = packet.sequence + len(packet.payload)
        if flow.page_sequence is None:
            flow.page_sequence = packet.acknowledgement
            response = _response(flow, page, acknowledgement=end)
            return Decision(
                leave_s=None, to_client=response, to_server=(_reset_to_server(flow, packet),)
            )
        if packet.payload:
            return Decision(leave_s=None, to_client=_response(flow, page, acknowledgement=end))
        if packet.flags & FIN:
            after = flow.page_sequence + len(page) + 1
            closing = build_tcp(
                flow.server, flow.client, sequence=after, acknowledgement=end + 1, flags=ACK
            )
            return Decision(leave_s=None, to_client=(closing,))
        return _DROPPED


def _reset(flow: Flow, packet: Packet, *, upwards: bool) -> Decision:
    """Reset both ends: the sender by what it expects next, the server by what it got so far."""
    if packet.flags & RST:
        return _DROPPED
    end = packet.sequence + len(packet.payload)
    if not upwards:
        to_server = build_tcp(
            flow.client, flow.server, sequence=packet.acknowledgement, acknowledgement=end,
            flags=_RST_ACK,
        )  # fmt: skip
        return Decision(leave_s=None, to_server=(to_server,))
    to_client = build_tcp(
        flow.server, flow.client, sequence=packet.acknowledgement, acknowledgement=end,
        flags=_RST_ACK,
    )  # fmt: skip
    return Decision(
        leave_s=None, to_client=(to_client,), to_server=(_reset_to_server(flow, packet),)
    )


def _reset_to_server(flow: Flow, packet: Packet) -> bytes:
    return build_tcp(
        flow.client, flow.server, sequence=flow.server_expects,
        acknowledgement=packet.acknowledgement, flags=_RST_ACK,
    )  # fmt: skip


def _response(flow: Flow, page: bytes, *, acknowledgement: int) -> tuple[bytes, ...]:
    """A forged response in segments, FIN on the last."""
    first = flow.page_sequence or 0
    starts = range(0, len(page), PAGE_SEGMENT_BYTES)
    return tuple(
        build_tcp(
            flow.server,
            flow.client,
            sequence=first + start,
            acknowledgement=acknowledgement,
            flags=ACK | PSH | (FIN if start == starts[-1] else 0),
            payload=page[start : start + PAGE_SEGMENT_BYTES],
        )
        for start in starts
    )
