"""A flow handed to another server after its ClientHello: how the wire stands in the middle.

The client has shaken hands with the real server before its name is known, so a plain address
translation would come too late. A `Splice` opens the same connection once more, to the server that
takes over, with the client's own address, port and numbers; gives it the hello; and from then on
translates: what the client sends goes there, what comes back bears the real server's address and
continues its sequence numbers. The real server gets a reset.

Rules
    1. The client's sequence numbers are kept, the server's are moved by one constant.
    2. The second handshake offers the client's segment size and window scale and nothing else, so
       that no other option holds numbers (SACK, RFC 2018) or times (RFC 7323) that would have to
       be translated; options of the client's segments are left out.
    3. While the second handshake lasts, what the client repeats is dropped.

What it does not do
    It ends no TLS and reads nothing: which certificate is shown is the other server's affair. A
    client that talks to that server directly, from the same port at the same time, would be mixed
    up with its spliced flow. The client's window scale towards the real server is assumed to be
    the one that the other server answers with: both are one kernel in the lab.
"""

from __future__ import annotations

from evenfall.lab.connections import End, Flow
from evenfall.lab.decision import DROPPED, Decision
from evenfall.lab.forging import PAGE_SEGMENT_BYTES, reset_to_server
from evenfall.lab.packets import ACK, PSH, SYN, Packet, build_tcp, redirect_tcp, tcp_options

__all__ = ["Splice", "kept_options"]

_SEGMENT_SIZE, _WINDOW_SCALE = 2, 3
_HALF, _WHOLE = 2**31, 2**32


def kept_options(syn: Packet) -> bytes:
    """Segment size and window scale of a SYN, padded, for the second handshake."""
    kept = b"".join(
        bytes((kind, 2 + len(value))) + value
        for kind, value in tcp_options(syn)
        if kind in (_SEGMENT_SIZE, _WINDOW_SCALE)
    )
    return kept + b"\x01" * (-len(kept) % 4)


class Splice:
    """One flow that another server has taken over.

    Args:
        flow: the client's connection; its hello has just become complete with `packet`.
        hello: all bytes that the client has sent, in order.
        to: the server that takes over.
    """

    def __init__(self, flow: Flow, packet: Packet, hello: bytes, to: End) -> None:
        self._flow = flow
        self._hello = hello
        self._to = to
        self._server_next = packet.acknowledgement
        self._knocked = False
        self._moved: int | None = None  # by how much the other server's numbers are ahead

    def from_client(self, packet: Packet) -> Decision:
        """What the client sends goes to the other server; the first packet opens it."""
        if self._moved is None:
            return DROPPED if self._knocked else self._knock(packet)
        moved = redirect_tcp(
            packet, source=self._flow.client, destination=self._to, sequence=packet.sequence,
            acknowledgement=packet.acknowledgement + self._moved,
        )  # fmt: skip
        return Decision(leave_s=None, to_server=(moved,))

    def from_other(self, packet: Packet) -> Decision:
        """What the other server sends reaches the client in the real one's name."""
        if packet.flags & SYN:
            return self._give_hello(packet)
        if self._moved is None:
            return DROPPED
        moved = redirect_tcp(
            packet, source=self._flow.server, destination=self._flow.client,
            sequence=packet.sequence - self._moved, acknowledgement=packet.acknowledgement,
        )  # fmt: skip
        return Decision(leave_s=None, to_client=(moved,))

    def _knock(self, packet: Packet) -> Decision:
        """Let the real server go and knock at the other one."""
        self._knocked = True
        flow = self._flow
        syn = build_tcp(
            flow.client, self._to, sequence=flow.first_sequence, acknowledgement=0, flags=SYN,
            options=flow.syn_options,
        )  # fmt: skip
        return Decision(leave_s=None, to_server=(reset_to_server(flow, packet), syn))

    def _give_hello(self, packet: Packet) -> Decision:
        """Answer the other server's SYN-ACK (also a repeated one) with the client's bytes."""
        self._moved = (packet.sequence + 1 - self._server_next + _HALF) % _WHOLE - _HALF
        starts = range(0, len(self._hello), PAGE_SEGMENT_BYTES)
        first = self._flow.first_sequence + 1
        return Decision(
            leave_s=None,
            to_server=tuple(
                build_tcp(
                    self._flow.client, self._to, sequence=first + start,
                    acknowledgement=packet.sequence + 1, flags=ACK | PSH,
                    payload=self._hello[start : start + PAGE_SEGMENT_BYTES],
                )
                for start in starts
            ),
        )  # fmt: skip
