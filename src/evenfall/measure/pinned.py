"""A TLS connection to a measurement server whose key is pinned, under a neutral name.

What is asked inside it is seen by nobody on the way: TLS 1.3 alone, and a ClientHello like the one
of a paired transfer. The key is checked before a byte of a question is sent.
"""

from __future__ import annotations

import functools
import ssl

from evenfall.measure.pin import pin_of_certificate
from evenfall.measure.round import SEGMENT_OVERHEAD_BYTES, SIX_EXTRA_BYTES, Meter
from evenfall.measure.transfer_run import PairServer
from evenfall.net.api import Network, NetworkFailure, Stream

__all__ = ["PinnedConnection"]

_SILENT_SYNS = 3  # what a kernel sends within 6 s


class PinnedConnection:
    """One connection to one server; `open` it, use `stream`, `close` it.

    Args:
        network: the way out.
        server: where it is, and whose key it has to show.
        receive_buffer_bytes: as for `Network.connect`.
    """

    def __init__(
        self, network: Network, server: PairServer, *, receive_buffer_bytes: int = 0
    ) -> None:
        self._network = network
        self._server = server
        self._receive_buffer_bytes = receive_buffer_bytes
        self._meter: Meter | None = None
        self._below: Stream | None = None

    async def open(self, *, sni: str, timeout_s: float) -> Stream:
        """Connect, do a handshake with the name `sni`, check the key: all within `timeout_s`.

        Raises:
            NetworkFailure: of connect, tls_handshake or pin (`pin_mismatch`).
        """
        clock = self._network.clock
        deadline_s = clock.monotonic_s() + timeout_s
        self._below = await self._network.connect(
            self._server.address,
            self._server.port,
            timeout_s=timeout_s,
            receive_buffer_bytes=self._receive_buffer_bytes,
        )
        self._meter = Meter(self._below, family=6 if ":" in self._server.address else 4)
        secure = await self._below.start_tls(
            _context(), server_name=sni, timeout_s=deadline_s - clock.monotonic_s()
        )
        self._meter.follow(secure)
        if pin_of_certificate(secure.peer_certificate() or b"") != self._server.pin:
            raise NetworkFailure("pin_mismatch", "pin")
        return secure

    def spent(self, *, in_flight_bytes: int = 0) -> int:
        """IP bytes since the last call, the handshake included; see `measure.round.Meter`."""
        if self._meter is None:
            extra_bytes = SIX_EXTRA_BYTES if ":" in self._server.address else 0
            return _SILENT_SYNS * (SEGMENT_OVERHEAD_BYTES + 8 + extra_bytes)
        return self._meter.spent(in_flight_bytes=in_flight_bytes)

    def close(self) -> None:
        """Reset: what is still on its way is of no use any more, and costs the person."""
        if self._below is not None:
            self._below.abort()


@functools.cache
def _context() -> ssl.SSLContext:
    """TLS 1.3 only; the chain says nothing here, the pinned key does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context
