"""What the emulated censor does to DNS over UDP: refuse, lie, race, ignore, and take over.

    dns.lie        the query dropped, an answer that names the block page sent in its place
    dns.nxdomain   the query dropped, "no such name" sent in its place
    dns.drop       the query dropped
    dns.inject     the query goes on; a false answer races the true one and, being nearer, wins
    dns.hijack     every query to whatever address is answered by the ISP's resolver in the asked
                   one's name; names of the rule's services get the lie

Lies, refusals and drops sit in (or before) the ISP's own resolver unless a rule says otherwise;
injection and hijack sit on the path. A resolver's lie has no IPv6: AAAA for the name is answered
with nothing. What is injected has, or an address of the other family would be left.

Not here: DNS over TCP, and over TLS or HTTPS, which is flows like any other.
"""

from __future__ import annotations

import collections

from evenfall.lab import names
from evenfall.lab.connections import End
from evenfall.lab.decision import DROPPED, Decision
from evenfall.lab.flows import Decider
from evenfall.lab.packets import Packet, build_udp, redirect_udp
from evenfall.lab.scenario import CensorRule

__all__ = ["DNS_PORT", "HANDED_OVER_MAX", "DnsCensor"]

DNS_PORT = 53
HANDED_OVER_MAX = 512
_ANCOUNT = slice(6, 8)
_NO_ANSWERS = b"\0\0"


class DnsCensor:
    """Judges queries and the answers to those that it handed over.

    Args:
        decider: its rules of the layer `dns`.
        resolver: address bytes of the ISP's resolver.
        lie: the address in a wrong answer.
        lie6: the IPv6 address in an injected one; empty: AAAA is left alone.
    """

    def __init__(self, decider: Decider, *, resolver: bytes, lie: str, lie6: str = "") -> None:
        self._decider = decider
        self._resolver: End = (resolver, DNS_PORT)
        self._lie = lie
        self._lies = (lie, lie6) if lie6 else (lie,)
        self._handed_over: collections.OrderedDict[tuple[End, bytes], End] = (
            collections.OrderedDict()
        )

    def judge(self, packet: Packet, now_s: float, *, upwards: bool) -> Decision:
        """Decide about one datagram to or from port 53."""
        passed = Decision(leave_s=now_s)
        if not upwards:
            return self._given_back(packet) or passed
        if packet.destination_port != DNS_PORT:
            return passed
        name = names.name_asked(packet.payload)
        if name is None:
            return passed
        isp = packet.destination == self._resolver[0]
        rule = self._decider.rule_for(
            "dns", name, family=packet.family, accepts=lambda r: isp or not r.isp_alone
        )
        if rule is None:
            return self._take_over(packet, isp) or passed
        return self._act(rule, packet, name, passed, isp=isp)

    def _act(
        self, rule: CensorRule, packet: Packet, name: str, passed: Decision, *, isp: bool
    ) -> Decision:
        if rule.action == "dns.drop":
            return DROPPED
        if rule.action == "dns.hijack" and not rule.services:
            return self._take_over(packet, isp) or passed
        injected = rule.action == "dns.inject"
        lies = self._lies if injected else (self._lie,)
        zone = {} if rule.action == "dns.nxdomain" else {name: lies}
        answer = names.answer(packet.payload, zone)
        if answer is None or (injected and answer[_ANCOUNT] == _NO_ANSWERS):
            return passed
        leave_s = passed.leave_s if injected else None
        return Decision(leave_s=leave_s, to_client=(_answer_packet(packet, answer),))

    def _take_over(self, packet: Packet, isp: bool) -> Decision | None:
        """Hand a query for somebody else to the ISP's resolver, if a rule of hijack says so."""
        other_family = len(packet.destination) != len(self._resolver[0])
        if isp or other_family or not self._decider.active("dns.hijack"):
            return None
        client = (packet.source, packet.source_port)
        key = (client, packet.payload[:2])
        self._handed_over[key] = (packet.destination, packet.destination_port)
        self._handed_over.move_to_end(key)
        if len(self._handed_over) > HANDED_OVER_MAX:
            self._handed_over.popitem(last=False)
        moved = redirect_udp(packet, source=client, destination=self._resolver)
        return Decision(leave_s=None, to_server=(moved,))

    def _given_back(self, packet: Packet) -> Decision | None:
        """Let the ISP's answer to such a query come from the address that was asked."""
        if (packet.source, packet.source_port) != self._resolver:
            return None
        client = (packet.destination, packet.destination_port)
        asked = self._handed_over.pop((client, packet.payload[:2]), None)
        if asked is None:
            return None
        moved = redirect_udp(packet, source=asked, destination=client)
        return Decision(leave_s=None, to_client=(moved,))


def _answer_packet(query: Packet, answer: bytes) -> bytes:
    return build_udp(
        (query.destination, query.destination_port), (query.source, query.source_port), answer
    )
