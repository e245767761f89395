"""TLS over any stream, through memory: the name in the ClientHello is free of the address.

What it does. `TlsStream.connect` does a handshake as a client over a `Stream` (a real socket, a
stream in memory, TLS again), `TlsStream.accept` as a server; afterwards it is a `Stream` itself.
The moment at which the ClientHello is handed to the network is noted, because goodput counts from
there.

Rules.
- What goes wrong before the handshake is complete keeps the operation `tls_handshake`, whether the
  cause is silence, a reset, an end or an alert: a censor acts on the ClientHello, not on a "read".
- Verification errors are told apart by OpenSSL's numbers (X509_V_ERR_*), never by text:
  `ssl_invalid_hostname`, `ssl_unknown_authority`, else `ssl_invalid_certificate`. Everything else
  that OpenSSL refuses in a handshake is `ssl_failed_handshake`.
- An end without close_notify is `eof_error`: a forged FIN must not look like a clean end.
- After the handshake, OpenSSL's complaints (a broken record, a fatal alert) become
  `unknown_failure: REASON` of the read or write.

How it works. `ssl.MemoryBIO` both ways. Reads take 64 KiB from below and decrypt into one buffer
that lives as long as the stream, until it is full or no whole record is left, so that a megabyte
costs tens of turns of the loop, not hundreds.

What it does not do. No session resumption, no client certificates, no early data: each
measurement is a first visit. `close` sends no close_notify (it would need to wait); lengths in the
protocols above say what is complete.

Sources: Python `ssl` (memory BIO support), OpenSSL x509_vfy.h, RFC 8446.
"""

from __future__ import annotations

import ssl
from typing import cast

from evenfall.net.api import Clock, NetworkFailure, Stream, TcpInfo

__all__ = ["READ_BYTES", "TlsStream", "certificate_failure", "negotiated_protocol"]

READ_BYTES = 65_536
"""Asked from the stream below at a time."""
_WRITE_BYTES = 65_536
"""Encrypted at a time: four full records."""
_HANDSHAKE_FLIGHTS_MAX = 64
"""Turns of a handshake; each brings bytes, so this bounds what a peer can make us chew."""

_HOSTNAME_ERRORS = frozenset({62, 63, 64})  # hostname, e-mail, address mismatch
_AUTHORITY_ERRORS = frozenset({2, 18, 19, 20, 21, 27})  # no issuer, self-signed, untrusted


class TlsStream:
    """TLS over a stream; made by `connect` or `accept`."""

    def __init__(
        self,
        below: Stream,
        tls: ssl.SSLObject,
        bios: tuple[ssl.MemoryBIO, ssl.MemoryBIO],
        clock: Clock,
    ) -> None:
        self._below = below
        self._clock = clock
        self._tls = tls
        self._incoming, self._outgoing = bios
        self._buffer = bytearray(READ_BYTES)
        self.hello_sent_s: float | None = None

    @classmethod
    async def connect(
        cls,
        below: Stream,
        context: ssl.SSLContext,
        *,
        server_name: str,
        timeout_s: float,
        clock: Clock,
    ) -> TlsStream:
        """Handshake as a client.

        `server_name` is sent as SNI and, if the context checks host names, compared with the
        certificate; empty: no SNI.

        Raises:
            NetworkFailure: operation tls_handshake.
            ValueError: OpenSSL cannot send such a name (a leading dot, a label over 63 bytes).
        """
        bios = (ssl.MemoryBIO(), ssl.MemoryBIO())
        tls = context.wrap_bio(*bios, server_side=False, server_hostname=server_name or None)
        stream = cls(below, tls, bios, clock)
        await stream._handshake(deadline_s=clock.monotonic_s() + timeout_s)
        return stream

    @classmethod
    async def accept(
        cls,
        below: Stream,
        context: ssl.SSLContext,
        *,
        timeout_s: float,
        clock: Clock,
        received: bytes = b"",
    ) -> TlsStream:
        """Handshake as a server, whatever name the client sends.

        `received` are bytes that were read from `below` to see what they are.

        Raises:
            NetworkFailure: operation tls_handshake.
        """
        bios = (ssl.MemoryBIO(), ssl.MemoryBIO())
        bios[0].write(received)
        stream = cls(below, context.wrap_bio(*bios, server_side=True), bios, clock)
        await stream._handshake(deadline_s=clock.monotonic_s() + timeout_s)
        return stream

    @property
    def bytes_read(self) -> int:
        """Bytes received below TLS."""
        return self._below.bytes_read

    @property
    def bytes_written(self) -> int:
        """Bytes sent below TLS."""
        return self._below.bytes_written

    async def read(self, bytes_max: int, *, timeout_s: float) -> bytes:
        """Up to `bytes_max` decrypted bytes; empty after the other side's close_notify."""
        view = memoryview(self._buffer)[: min(bytes_max, READ_BYTES)]
        deadline_s = self._clock.monotonic_s() + timeout_s
        while True:
            count, ended = self._decrypt(view)
            if self._outgoing.pending:  # an answer to a key update
                await self._below.write(self._outgoing.read(), timeout_s=timeout_s)
            if count or ended:
                return bytes(view[:count])
            await self._fill(timeout_s=deadline_s - self._clock.monotonic_s())

    async def write(self, data: bytes, *, timeout_s: float) -> None:
        """Encrypt and send all of it."""
        view = memoryview(data)
        while view:
            try:
                taken = self._tls.write(view[:_WRITE_BYTES])
            except ssl.SSLError as error:
                raise _broken(error, "write") from error
            view = view[taken:]
            await self._below.write(self._outgoing.read(), timeout_s=timeout_s)

    async def start_tls(
        self, context: ssl.SSLContext, *, server_name: str, timeout_s: float
    ) -> TlsStream:
        """TLS inside TLS."""
        return await TlsStream.connect(
            self, context, server_name=server_name, timeout_s=timeout_s, clock=self._clock
        )

    def peer_certificate(self) -> bytes | None:
        """Leaf certificate (DER)."""
        return self._tls.getpeercert(binary_form=True)

    def alpn(self) -> str | None:
        """The application protocol agreed on in the handshake."""
        return self._tls.selected_alpn_protocol()

    def tcp_info(self) -> TcpInfo:
        """Of the connection below."""
        return self._below.tcp_info()

    def close(self) -> None:
        """Close the connection below."""
        self._below.close()

    def abort(self) -> None:
        """Reset the connection below."""
        self._below.abort()

    async def _handshake(self, *, deadline_s: float) -> None:
        for _ in range(_HANDSHAKE_FLIGHTS_MAX):
            if await self._handshake_step(deadline_s):
                return
            timeout_s = deadline_s - self._clock.monotonic_s()
            try:
                data = await self._below.read(READ_BYTES, timeout_s=timeout_s)
            except NetworkFailure as failure:
                raise NetworkFailure(failure.code, "tls_handshake") from failure
            if not data:
                raise NetworkFailure("eof_error", "tls_handshake")
            self._incoming.write(data)
        raise NetworkFailure("ssl_failed_handshake", "tls_handshake")

    async def _handshake_step(self, deadline_s: float) -> bool:
        """One go of OpenSSL and what it wants to send; true once the handshake is complete."""
        refused: ssl.SSLError | None = None
        finished = False
        try:
            self._tls.do_handshake()
            finished = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            refused = error
        if flight := self._outgoing.read():
            now_s = self._clock.monotonic_s()
            if self.hello_sent_s is None:
                self.hello_sent_s = now_s
            await self._send_flight(flight, deadline_s - now_s, refused)
        if refused is not None:
            raise _refused(refused) from refused
        return finished

    async def _send_flight(
        self, flight: bytes, timeout_s: float, refused: ssl.SSLError | None
    ) -> None:
        try:
            await self._below.write(flight, timeout_s=timeout_s)
        except NetworkFailure as failure:
            if refused is None:  # else: our alert could not be sent; why we refused matters more
                raise NetworkFailure(failure.code, "tls_handshake") from failure

    def _decrypt(self, view: memoryview) -> tuple[int, bool]:
        """Decrypt whole records into the view: (bytes, whether the other side has ended)."""
        count = 0
        while count < len(view):
            try:
                got = self._read_into(view[count:])
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                return count, True
            except ssl.SSLError as error:
                if count:  # hand over what is good; the next call meets the error again
                    break
                raise _broken(error, "read") from error
            if not got:
                return count, True
            count += got
        return count, False

    def _read_into(self, view: memoryview) -> int:
        # typeshed knows only the form that returns bytes
        return cast("int", self._tls.read(len(view), view))

    async def _fill(self, *, timeout_s: float) -> None:
        data = await self._below.read(READ_BYTES, timeout_s=timeout_s)
        if not data:
            raise NetworkFailure("eof_error", "read")
        self._incoming.write(data)


def certificate_failure(verify_code: int) -> str:
    """The failure that an X509_V_ERR_* number of OpenSSL stands for."""
    if verify_code in _HOSTNAME_ERRORS:
        return "ssl_invalid_hostname"
    if verify_code in _AUTHORITY_ERRORS:
        return "ssl_unknown_authority"
    return "ssl_invalid_certificate"


def negotiated_protocol(stream: Stream) -> str | None:
    """What ALPN agreed on, if the stream is TLS and both sides named one."""
    return stream.alpn() if isinstance(stream, TlsStream) else None


def _refused(error: ssl.SSLError) -> NetworkFailure:
    """Why a handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return NetworkFailure(certificate_failure(error.verify_code), "tls_handshake")
    return NetworkFailure("ssl_failed_handshake", "tls_handshake")


def _broken(error: ssl.SSLError, operation: str) -> NetworkFailure:
    """Why an established TLS connection cannot go on."""
    if isinstance(error, ssl.SSLEOFError):
        return NetworkFailure("eof_error", operation)
    reason = getattr(error, "reason", None)  # one that Python itself raises has none
    return NetworkFailure(f"unknown_failure: {reason or 'TLS'}", operation)
