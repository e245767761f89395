"""One transfer under way: connect, handshake, pin, exchange, and the result of a cut one.

`measure.transfer` says what is measured and how it counts; this is the order of the steps and
what is kept at each way it can end.
"""

from __future__ import annotations

import functools
import hashlib
import ssl
from typing import Any

import msgspec

from evenfall.measure.exchange import Progress, Refused, download, fetch_result, upload
from evenfall.measure.pin import pin_of_certificate
from evenfall.measure.round import Meter, Moment, Round
from evenfall.measure.transfer_fields import (
    curve_of,
    ending,
    in_flight_bytes,
    tcp_fields,
    unsent_bytes,
)
from evenfall.model.errors import ProtocolError
from evenfall.net.api import Network, NetworkFailure, Stream, TcpInfo
from evenfall.wire.pair_messages import Request

__all__ = ["CONNECT_TIMEOUT_S", "RESULT_TIMEOUT_S", "PairServer", "TransferRun"]

CONNECT_TIMEOUT_S = 4.0
RESULT_TIMEOUT_S = 2.0
"""For connecting, and for the handshake, when asking for the result of a cut transfer."""


class PairServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where a measurement server is, and whose key it has to show.

    Attributes:
        address: literal IPv4 or IPv6 address.
        pin: as printed by `evenfall server`.
    """

    address: str
    port: int
    pin: str


class TransferRun:
    """One transfer under way: what it is, what it has shown, how it ended."""

    def __init__(
        self,
        network: Network,
        server: PairServer,
        round_: Round,
        *,
        sni: str,
        request: Request,
        cap_s: float,
    ) -> None:
        self.network = network
        self.server = server
        self.request = request
        self.sni = sni
        self.cap_s = cap_s
        self.start: Moment = round_.now()
        self.progress: Progress | None = None
        self.failure: NetworkFailure | None = None
        self.no_evidence = False
        self.certificate: bytes | None = None
        self.info = TcpInfo()
        self.wire_bytes = 0
        self.ended_s = self.start.monotonic_s

    async def measure(self) -> None:
        """Connect, shake hands, transfer; every end is kept."""
        try:
            stream = await self.network.connect(
                self.server.address, self.server.port, timeout_s=CONNECT_TIMEOUT_S
            )
        except NetworkFailure as failure:
            self.failure = failure
            self.ended_s = self.network.clock.monotonic_s()
            return
        meter = Meter(stream)
        try:
            await self._over(stream, meter)
        except NetworkFailure as failure:
            self.failure = failure
        except (Refused, ProtocolError) as error:
            self.no_evidence = True
            self.failure = NetworkFailure(f"unknown_failure: {_short(error)}", "read")
        finally:
            self.ended_s = self.network.clock.monotonic_s()
            self.info = stream.tcp_info()
            if self.failure is None:
                stream.close()
            else:
                stream.abort()  # what is queued is dropped: the next arm finds a quiet line
            self.wire_bytes += meter.spent()
            if self.failure is not None:
                self.wire_bytes -= unsent_bytes(self.info, stream.bytes_written)

    async def _over(self, stream: Stream, meter: Meter) -> None:
        clock = self.network.clock
        hello_s = clock.monotonic_s()
        self.progress = self._new_progress(hello_s)
        secure = await stream.start_tls(_context(), server_name=self.sni, timeout_s=self.cap_s)
        meter.follow(secure)
        self.progress = self._new_progress(secure.hello_sent_s or hello_s)
        self.certificate = secure.peer_certificate()
        if pin_of_certificate(self.certificate or b"") != self.server.pin:
            self.no_evidence = True
            raise NetworkFailure("pin_mismatch", "pin")
        body = download if self.request.op == "get" else upload
        await body(secure, self.request, self.progress)

    def _new_progress(self, hello_s: float) -> Progress:
        since_start_us = round((hello_s - self.start.monotonic_s) * 1e6)
        return Progress(
            self.network.clock,
            hello_s=hello_s,
            deadline_s=hello_s + self.cap_s,
            wall_us=self.start.wall_us + since_start_us,
        )

    def worth_asking(self) -> bool:
        """Whether the server may know more of a transfer that was cut."""
        return (
            self.failure is not None
            and not self.no_evidence
            and self.progress is not None
            and self.progress.requested_s is not None
        )

    async def ask_for_result(self, sni: str) -> None:
        """Fetch the trailer on a new connection; if that fails, it stays unknown."""
        clock = self.network.clock
        try:
            stream = await self.network.connect(
                self.server.address, self.server.port, timeout_s=RESULT_TIMEOUT_S
            )
        except NetworkFailure:
            return
        meter = Meter(stream)
        now_s = clock.monotonic_s()
        asking = Progress(clock, hello_s=now_s, deadline_s=now_s + RESULT_TIMEOUT_S, wall_us=0)
        try:
            secure = await stream.start_tls(_context(), server_name=sni, timeout_s=RESULT_TIMEOUT_S)
            if pin_of_certificate(secure.peer_certificate() or b"") == self.server.pin:
                await fetch_result(secure, self.request.id, asking)
        except (NetworkFailure, Refused, ProtocolError):
            return
        finally:
            stream.close()
            self.wire_bytes += meter.spent()
        if self.progress is not None:
            self.progress.trailer = asking.trailer
            self.wire_bytes += in_flight_bytes(self.request.op, asking.trailer)

    def fields(self) -> dict[str, Any]:
        """The observation's fields."""
        progress = self.progress
        trailer = progress.trailer if progress else None
        return {
            **ending(progress, self.failure, cap_s=self.cap_s, no_evidence=self.no_evidence),
            **tcp_fields(self.request.op, self.info, trailer),
            "duration_us": max(0, round((self.ended_s - self.start.monotonic_s) * 1e6)),
            "first_byte_us": progress.first_byte_us if progress else None,
            "body_bytes": progress.body_bytes if progress else None,
            "certificate_sha256": (
                hashlib.sha256(self.certificate).hexdigest() if self.certificate else None
            ),
            "curve": curve_of(progress, trailer) if progress else None,
            "wire_bytes": self.wire_bytes,
        }


@functools.cache
def _context() -> ssl.SSLContext:
    """TLS 1.3 only, chain not checked: the pinned key is checked instead, before any request.

    ALPN is that of a web client, so that the ClientHello differs from one only in what the name
    makes different.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def _short(error: Exception) -> str:
    if isinstance(error, Refused):
        return f"refused {error.code}"
    return f"pair protocol: {error}"[:200]
