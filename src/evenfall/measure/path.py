"""One step of finding where a name is acted upon: shown to so many hops, then a short transfer.

The ClientHello goes out twice on one connection with our own server (`net.limited`): first with the
name in question and a limited number of hops, then, as TCP's own retransmission, with a neutral
name. If the transfer that follows is cut off or crawls, whatever acts on the name sits within the
limit. The result is one observation (fact `path_probe`): `sni` is the name shown, `host` the
neutral one under which the connection went on, `hops` the limit, `fate` what became of the first.

`goodput_bps` counts from the end of the handshake: the retransmission costs at least 200 ms, which
say nothing about the line.
"""

from __future__ import annotations

import math
import secrets
import ssl
from collections.abc import Callable
from typing import Any

from evenfall.measure.exchange import Progress, Refused, download
from evenfall.measure.pin import pin_of_certificate
from evenfall.measure.round import (
    SEGMENT_OVERHEAD_BYTES,
    SIX_EXTRA_BYTES,
    Meter,
    Moment,
    Round,
)
from evenfall.measure.transfer_run import PairServer
from evenfall.model.errors import ProtocolError
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact
from evenfall.net.api import Clock, NetworkFailure
from evenfall.net.limited import LimitedNetwork, LimitedStream
from evenfall.wire.pair_messages import Request

__all__ = ["CAP_S", "SIZE_BYTES", "probe_path", "reserve_path_bytes"]

SIZE_BYTES = 65_536
CAP_S = 4.0
_CONNECT_S = 4.0
_OVERHEAD_BYTES = 16_384
_SILENT_SYNS = 3  # what a kernel sends within _CONNECT_S


def reserve_path_bytes() -> int:
    """IP bytes that one step can cost at most."""
    return SIZE_BYTES + SIZE_BYTES // 10 + _OVERHEAD_BYTES


async def probe_path(
    clock: Clock,
    server: PairServer,
    round_: Round,
    target: Target,
    *,
    shown: str,
    real: str,
    hops: int,
    size_bytes: int = SIZE_BYTES,
    end_s: float = math.inf,
    opener: Callable[..., LimitedNetwork] = LimitedNetwork,
) -> Observation:
    """Show `shown` to the first `hops` hops, then transfer `size_bytes` under `real`.

    Args:
        clock: times everything.
        server: ours.
        round_: hands out ids and stamps.
        target: what the observation is about.
        shown: host name that the first `hops` hops see.
        real: host name of equal length under which the connection goes on.
        hops: 1 … 64; for a name other than `real`, less than the server's distance.
        size_bytes: of the transfer.
        end_s: monotonic time at which all is over.
        opener: what opens the connection.
    """
    step = _Step(round_.now(), clock, end_s=end_s)
    network = opener(clock, hops=hops, real=real, shown=shown)
    await step.run(network, server, real, size_bytes)
    return round_.observe(
        Fact.PATH_PROBE,
        target,
        step.start,
        host=real,
        sni=shown,
        hops=hops,
        address=server.address,
        port=server.port,
        family=6 if ":" in server.address else 4,
        size_bytes=size_bytes,
        hello_profile="stdlib",
        **step.fields(),
    )


class _Step:
    """What one step has shown so far."""

    def __init__(self, start: Moment, clock: Clock, *, end_s: float) -> None:
        self.start = start
        self.clock = clock
        self.end_s = min(end_s, start.monotonic_s + _CONNECT_S + CAP_S)
        self.failure: NetworkFailure | None = None
        self.fate: str | None = None
        self.progress: Progress | None = None
        self.secure_s: float | None = None
        self.wire_bytes = 0

    async def run(
        self, network: LimitedNetwork, server: PairServer, real: str, size_bytes: int
    ) -> None:
        try:
            stream = await network.connect(
                server.address, server.port, timeout_s=min(_CONNECT_S, self._left_s())
            )
        except NetworkFailure as failure:
            self.failure = failure
            sent = _SILENT_SYNS if failure.code == "generic_timeout_error" else 1
            extra_bytes = SIX_EXTRA_BYTES if ":" in server.address else 0
            self.wire_bytes = sent * (SEGMENT_OVERHEAD_BYTES + 8 + extra_bytes)
            return
        meter = Meter(stream, family=6 if ":" in server.address else 4)
        try:
            await self._over(stream, meter, server, real, size_bytes)
        except NetworkFailure as failure:
            self.failure = failure
        except (Refused, ProtocolError) as error:
            self.failure = NetworkFailure(f"unknown_failure: {error}"[:200], "read")
        finally:
            if isinstance(stream, LimitedStream):
                self.fate = stream.fate.value
            if self.failure is None:
                stream.close()
            else:
                stream.abort()
            self.wire_bytes += meter.spent()

    async def _over(
        self, stream: Any, meter: Meter, server: PairServer, real: str, size_bytes: int
    ) -> None:
        secure = await stream.start_tls(
            _small_hello(), server_name=real, timeout_s=min(CAP_S, self._left_s())
        )
        meter.follow(secure)
        self.secure_s = self.clock.monotonic_s()
        if pin_of_certificate(secure.peer_certificate() or b"") != server.pin:
            raise NetworkFailure("pin_mismatch", "pin")
        self.progress = Progress(
            self.clock,
            hello_s=self.secure_s,
            deadline_s=min(self.secure_s + CAP_S, self.end_s),
            wall_us=self.start.wall_us,
            end_s=self.end_s,
        )
        request = Request(
            op="get", size_bytes=size_bytes, cap_us=round(CAP_S * 1e6), id=secrets.token_hex(16)
        )
        await download(secure, request, self.progress)

    def _left_s(self) -> float:
        return max(0.0, self.end_s - self.clock.monotonic_s())

    def fields(self) -> dict[str, Any]:
        """The observation's fields."""
        body_bytes = self.progress.body_bytes if self.progress else 0
        capped = self.failure is not None and self.failure.code == "generic_timeout_error"
        took_s = CAP_S
        if self.failure is None and self.progress and self.progress.last_byte_s and self.secure_s:
            took_s = max(1e-3, self.progress.last_byte_s - self.secure_s)
        slow_only = capped and body_bytes > 0
        failure = None if slow_only else self.failure
        return {
            "fate": self.fate,
            "failure": failure.code if failure else None,
            "operation": failure.operation if failure else None,
            "capped": capped,
            "body_bytes": body_bytes,
            "goodput_bps": round(body_bytes * 8 / took_s),
            "wire_bytes": self.wire_bytes,
        }


def _small_hello() -> ssl.SSLContext:
    """TLS 1.3 only, the pin is checked instead of the chain, one classical key share.

    A post-quantum key share would make the ClientHello longer than one segment.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ecdh_curve("prime256v1")  # X25519 is no such curve to OpenSSL 3.0
    context.set_alpn_protocols(["http/1.1"])
    return context
