"""One transfer under way: connect, handshake, pin, exchange, and the result of a cut one.

`measure.transfer` says what is measured and how it counts; this is the order of the steps and
what is kept at each way it can end.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec

from evenfall.measure.exchange import Progress, Refused, download, fetch_result, upload
from evenfall.measure.pin import pin_of_certificate
from evenfall.measure.round import Meter, Moment, Round
from evenfall.measure.transfer_fields import (
    curve_of,
    ending,
    in_flight_bytes,
    samples_of,
    tcp_fields,
    unsent_bytes,
)
from evenfall.model.errors import ProtocolError
from evenfall.net.api import Network, NetworkFailure, Stream, TcpInfo
from evenfall.net.hello_profiles import STDLIB, pair_context
from evenfall.wire.pair_messages import Request

__all__ = ["CONNECT_TIMEOUT_S", "RESULT_TIMEOUT_S", "PairServer", "TransferRun"]

CONNECT_TIMEOUT_S = 4.0
RESULT_TIMEOUT_S = 2.0
"""For connecting, and for the handshake, when asking for the result of a cut transfer."""
_END_MARGIN_S = 0.01
"""A timer may ring so much before the end that set it."""


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
    """One transfer under way: what it is, what it has shown, how it ended.

    After `end_s` (monotonic) nothing is waited for: a transfer that this cuts short, before its own
    cap, is `interrupted`, which is no evidence about anybody.
    """

    def __init__(
        self,
        network: Network,
        server: PairServer,
        round_: Round,
        *,
        sni: str,
        request: Request,
        cap_s: float,
        end_s: float = math.inf,
        hello: str = STDLIB,
    ) -> None:
        self.network = network
        self.hello = hello
        self.server = server
        self.request = request
        self.sni = sni
        self.cap_s = cap_s
        self.end_s = end_s
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
            stream = await self._connect(CONNECT_TIMEOUT_S)
        except NetworkFailure as failure:
            self.failure = failure
            self.ended_s = self.network.clock.monotonic_s()
            return
        meter = Meter(stream, family=self._family)
        try:
            await self._over(stream, meter)
        except NetworkFailure as failure:
            self.failure = self._as_interrupted(failure)
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
        secure = await stream.start_tls(
            pair_context(self.hello),
            server_name=self.sni,
            timeout_s=min(self.cap_s, self._left_s()),
        )
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
            deadline_s=min(hello_s + self.cap_s, self.end_s),
            wall_us=self.start.wall_us + since_start_us,
            end_s=self.end_s,
        )

    @property
    def _family(self) -> int:
        return 6 if ":" in self.server.address else 4

    def _left_s(self) -> float:
        return max(0.0, self.end_s - self.network.clock.monotonic_s())

    async def _connect(self, timeout_s: float) -> Stream:
        """Open a connection, within the time that is left.

        Raises:
            NetworkFailure: `interrupted` if it was the end that cut it short.
        """
        left_s = self._left_s()
        if left_s <= 0:
            raise NetworkFailure("interrupted", "connect")
        try:
            return await self.network.connect(
                self.server.address, self.server.port, timeout_s=min(timeout_s, left_s)
            )
        except NetworkFailure as failure:
            raise self._as_interrupted(failure) from failure

    def _as_interrupted(self, failure: NetworkFailure) -> NetworkFailure:
        """A timeout at the end of the round is ours; before it, it stands."""
        if failure.code != "generic_timeout_error" or self._left_s() > _END_MARGIN_S:
            return failure
        self.no_evidence = True
        return NetworkFailure("interrupted", failure.operation)

    def worth_asking(self) -> bool:
        """Whether the server may know more of a transfer that was cut."""
        return (
            self.failure is not None
            and not self.no_evidence
            and self._left_s() > 0
            and self.progress is not None
            and self.progress.requested_s is not None
        )

    async def ask_for_result(self, sni: str) -> None:
        """Fetch the trailer on a new connection; if that fails, it stays unknown."""
        clock = self.network.clock
        try:
            stream = await self.network.connect(
                self.server.address,
                self.server.port,
                timeout_s=min(RESULT_TIMEOUT_S, self._left_s()),
            )
        except NetworkFailure:
            return
        meter = Meter(stream, family=self._family)
        now_s = clock.monotonic_s()
        wait_s = min(RESULT_TIMEOUT_S, self._left_s())
        asking = Progress(
            clock, hello_s=now_s, deadline_s=now_s + wait_s, wall_us=0, end_s=self.end_s
        )
        try:
            secure = await stream.start_tls(
                pair_context(self.hello), server_name=sni, timeout_s=wait_s
            )
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
            "samples": samples_of(progress.samples, trailer) if progress else None,
            "wire_bytes": self.wire_bytes,
        }


def _short(error: Exception) -> str:
    if isinstance(error, Refused):
        return f"refused {error.code}"
    return f"pair protocol: {error}"[:200]
