"""Segments that a censor writes in somebody else's name: resets, whole answers, closings.

Every function takes the flow and the packet that gave rise to it and returns a `Decision`: what is
dropped, and what leaves for either end, with the numbers that the receiver expects (a segment that
misses them would be ignored, RFC 9293 section 3.10.7.4).
"""

from __future__ import annotations

from evenfall.lab.connections import Flow
from evenfall.lab.decision import DROPPED, Decision
from evenfall.lab.packets import ACK, FIN, PSH, RST, SYN, Packet, build_tcp

__all__ = ["ALERT", "PAGE_SEGMENT_BYTES", "answer_instead", "refuse", "reset", "reset_to_server"]

PAGE_SEGMENT_BYTES = 1200
ALERT = bytes.fromhex("15030300020228")
"""A TLS record with a fatal alert, handshake_failure (RFC 8446 sections 5.1, 6)."""

_RST_ACK = RST | ACK


def reset(flow: Flow, packet: Packet, *, upwards: bool) -> Decision:
    """Reset both ends: the sender by what it expects next, the server by what it got so far."""
    if packet.flags & RST:
        return DROPPED
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
        leave_s=None, to_client=(to_client,), to_server=(reset_to_server(flow, packet),)
    )


def refuse(packet: Packet) -> Decision:
    """Answer a SYN as a closed port does; anything else of the flow is dropped."""
    if packet.flags & (SYN | ACK | RST) != SYN:
        return DROPPED
    server, client = (
        (packet.destination, packet.destination_port),
        (packet.source, packet.source_port),
    )
    after = packet.sequence + 1 + len(packet.payload)
    closed = build_tcp(server, client, sequence=0, acknowledgement=after, flags=_RST_ACK)
    return Decision(leave_s=None, to_client=(closed,))


def answer_instead(flow: Flow, packet: Packet, answer: bytes, *, upwards: bool) -> Decision:
    """Answer in the server's place and close; again for each repeat of the request.

    `answer` is what the client reads before the end; empty: the end alone.
    """
    if not upwards or packet.flags & RST:
        return DROPPED
    end = packet.sequence + len(packet.payload)
    if flow.page_sequence is None:
        flow.page_sequence = packet.acknowledgement
        return Decision(
            leave_s=None,
            to_client=_response(flow, answer, acknowledgement=end),
            to_server=(reset_to_server(flow, packet),),
        )
    if packet.payload:
        return Decision(leave_s=None, to_client=_response(flow, answer, acknowledgement=end))
    if packet.flags & FIN:
        after = flow.page_sequence + len(answer) + 1
        closing = build_tcp(
            flow.server, flow.client, sequence=after, acknowledgement=end + 1, flags=ACK
        )
        return Decision(leave_s=None, to_client=(closing,))
    return DROPPED


def reset_to_server(flow: Flow, packet: Packet) -> bytes:
    """A reset in the client's name, with the number that the server waits for."""
    return build_tcp(
        flow.client, flow.server, sequence=flow.server_expects,
        acknowledgement=packet.acknowledgement, flags=_RST_ACK,
    )  # fmt: skip


def _response(flow: Flow, answer: bytes, *, acknowledgement: int) -> tuple[bytes, ...]:
    """A forged answer in segments, FIN on the last."""
    first = flow.page_sequence or 0
    starts = range(0, max(len(answer), 1), PAGE_SEGMENT_BYTES)
    return tuple(
        build_tcp(
            flow.server,
            flow.client,
            sequence=first + start,
            acknowledgement=acknowledgement,
            flags=ACK | (PSH if answer else 0) | (FIN if start == starts[-1] else 0),
            payload=answer[start : start + PAGE_SEGMENT_BYTES],
        )
        for start in starts
    )
