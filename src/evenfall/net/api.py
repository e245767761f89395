"""What `measure/` may ask of a network, and nothing more.

Two things implement it: `net.sockets.SystemNetwork` (real sockets) and `net.fake.FakeNetwork` (in
memory, for tests; no time passes but the manual clock's). A measurement never opens a socket
itself, so every measurement can be tested without one.

Rules: a failure of the measured network is raised as `NetworkFailure` with a df-007 code and the
operation, and `measure/` turns it into a field of an observation; nothing above `measure/` ever
sees it. Times are seconds of one monotonic clock; the wall clock is read once per measurement.
"""

from __future__ import annotations

import ssl
from typing import Protocol, runtime_checkable

import msgspec

__all__ = ["Clock", "Datagrams", "Network", "NetworkFailure", "Stream", "TcpInfo"]


class NetworkFailure(Exception):
    """The measured network said no.

    Args:
        code: a key of `model.vocabulary.FAILURES`, or `unknown_failure: text`.
        operation: resolve, connect, tls_handshake, quic_handshake, read, write or pin.
    """

    def __init__(self, code: str, operation: str) -> None:
        super().__init__(f"{operation}: {code}")
        self.code = code
        self.operation = operation


class TcpInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The part of Linux `TCP_INFO` that we use; null where the kernel does not tell.

    Attributes:
        rtt_us: smoothed round-trip time.
        receiver_rtt_us: round-trip time as the receiver of data sees it, with the queue that these
            data stand in.
        segments_out_of_order: received behind a gap, which a loss on the way leaves.
        bytes_sent: with retransmissions; `bytes_acked` without.
        delivery_rate_bps: the kernel's own estimate of the rate at which bytes arrive.
        busy_us: time in which it had something to send; of it, `receiver_limited_us` and
            `buffer_limited_us` it waited for the other side's window and for its own buffer.
    """

    rtt_us: int | None = None
    rtt_min_us: int | None = None
    receiver_rtt_us: int | None = None
    bytes_sent: int | None = None
    bytes_acked: int | None = None
    bytes_received: int | None = None
    bytes_retransmitted: int | None = None
    retransmissions: int | None = None
    segments_lost: int | None = None
    segments_out: int | None = None
    segments_in: int | None = None
    segments_out_of_order: int | None = None
    delivery_rate_bps: int | None = None
    congestion_control: str | None = None
    rtt_variation_us: int | None = None
    busy_us: int | None = None
    receiver_limited_us: int | None = None
    buffer_limited_us: int | None = None


class Clock(Protocol):
    """Wall clock and monotonic clock; `ManualClock` turns by hand in tests."""

    def wall_us(self) -> int:
        """Microseconds since 1970 UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds of a clock that never steps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


@runtime_checkable
class Stream(Protocol):
    """A TCP connection, or TLS over one. Reads return as soon as bytes are there."""

    @property
    def bytes_read(self) -> int:
        """Bytes of the TCP payload received so far (TLS records included)."""
        ...

    @property
    def bytes_written(self) -> int:
        """Bytes of the TCP payload sent so far (TLS records included)."""
        ...

    @property
    def hello_sent_s(self) -> float | None:
        """Monotonic time at which the ClientHello was handed to the network; None before TLS."""
        ...

    async def read(self, bytes_max: int, *, timeout_s: float) -> bytes:
        """Up to `bytes_max` bytes; empty at a clean end. Raises NetworkFailure."""
        ...

    async def write(self, data: bytes, *, timeout_s: float) -> None:
        """Send all of it. Raises NetworkFailure."""
        ...

    async def start_tls(
        self, context: ssl.SSLContext, *, server_name: str, timeout_s: float
    ) -> Stream:
        """Do a handshake with `server_name` in the ClientHello, whatever the address is.

        The context decides about certificate checks. Raises NetworkFailure.
        """
        ...

    def peer_certificate(self) -> bytes | None:
        """Leaf certificate (DER) after a handshake, else None."""
        ...

    def tcp_info(self) -> TcpInfo:
        """What the kernel knows of this connection now; all null where it does not tell."""
        ...

    def close(self) -> None:
        """Close without waiting for the other side; bytes already written still go out."""
        ...

    def abort(self) -> None:
        """Reset the connection: whatever is still queued, here or there, is dropped."""
        ...


class Datagrams(Protocol):
    """Datagrams to and from one address; see `net.datagrams` for what is lost and what is refused.

    The counts are of payload; a datagram costs the line its IP and UDP headers too.
    """

    @property
    def datagrams_read(self) -> int:
        """Received so far."""
        ...

    @property
    def datagrams_written(self) -> int:
        """Sent so far."""
        ...

    @property
    def bytes_read(self) -> int:
        """Payload received so far."""
        ...

    @property
    def bytes_written(self) -> int:
        """Payload sent so far."""
        ...

    def send(self, data: bytes) -> None:
        """Send one datagram, now or never. Raises NetworkFailure."""
        ...

    async def receive(self, *, timeout_s: float) -> bytes:
        """The next datagram. Raises NetworkFailure."""
        ...

    def close(self) -> None:
        """Close; nothing is sent."""
        ...


class Way(Protocol):
    """One way to ask a router for a sign of life.

    Attributes:
        name: `icmp`, `tcp/PORT` or `udp`.
        probes_max: more in a row are not answered by routers that are in order.
        probe_bytes: IP bytes both ways of one probe and its answer.
    """

    name: str
    probes_max: int
    probe_bytes: int

    async def once(self, *, timeout_s: float) -> bool:
        """Send one probe; whether any answer came in time. Never raises for the network."""
        ...


class Router(msgspec.Struct, frozen=True, kw_only=True):
    """A router that can be asked.

    Attributes:
        family: 4 or 6.
        ways: best first; at least one.
    """

    family: int
    ways: tuple[Way, ...]


class Network(Protocol):
    """A way to the net from this line."""

    clock: Clock

    async def connect(
        self, address: str, port: int, *, timeout_s: float, receive_buffer_bytes: int = 0
    ) -> Stream:
        """Open a TCP connection to a literal address. Raises NetworkFailure.

        `receive_buffer_bytes` bounds what may still come after the reader has stopped; 0 leaves it
        to the system, which lets it grow to megabytes on a fast line.
        """
        ...

    async def ask(self, address: str, port: int, query: bytes, *, timeout_s: float) -> list[bytes]:
        """Send one datagram, wait for the answer; all answers that came are returned, in order.

        After the first answer it listens a little longer (≤ 0.2 s), because a second answer to
        one query is how an injected reply gives itself away. Raises NetworkFailure.
        """
        ...

    def open_datagrams(self, address: str, port: int) -> Datagrams:
        """Datagrams to and from a literal address; sends nothing yet. Raises NetworkFailure."""
        ...

    async def resolve(self, host: str, *, family: int, timeout_s: float) -> tuple[str, ...]:
        """Addresses from the system's own resolver, family 4 or 6. Raises NetworkFailure."""
        ...

    def has_route(self, family: int, *, towards: str = "") -> bool:
        """Whether this machine has a route of family 4 or 6 (no packet is sent).

        `towards` is a literal address; empty means anywhere, which is the default route. A test
        network on loopback has a route to its own addresses and perhaps no default route.
        """
        ...

    def router(self) -> Router | None:
        """The router of the home, with ways to ask it; None: there is none, or it is not known."""
        ...
