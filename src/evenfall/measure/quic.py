"""One QUIC handshake with a chosen server name, as a browser would before HTTP/3.

aioquic's connection lives in memory: it says which datagrams to send and is fed those that came, so
the network of a test can carry it and every byte is counted. The handshake is made without
certificate checks; afterwards the chain is judged here by OpenSSL's numbers, with the codes that a
TLS handshake over TCP has. With a neutral name at somebody else's address nothing is checked.

A handshake is cut at `HANDSHAKE_S`: its first datagram is sent again after 0.2, 0.6 and 1.4 s, so
four in a row were lost by then. It is ended politely, before any request.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evenfall.measure.round import DATAGRAM_OVERHEAD_BYTES, SIX_EXTRA_BYTES, Round
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact
from evenfall.net.api import Datagrams, Network, NetworkFailure
from evenfall.net.tls import certificate_failure

if TYPE_CHECKING:
    from aioquic.quic.connection import QuicConnection
    from cryptography.x509 import Certificate

__all__ = ["HANDSHAKE_S", "QUIC_BYTES", "QuicTrust", "quic_handshake", "quic_trust"]

HANDSHAKE_S = 3.0
QUIC_BYTES = 24_576
"""What a handshake has to reserve: four Initials of 1,200 bytes, and as many certificates."""

_STEPS_MAX = 400  # datagrams and timers of one handshake
_PORT = 443
_OPERATION = "quic_handshake"
_NO_ERROR = 0x0100  # H3_NO_ERROR (RFC 9114 §8.1)


@dataclass(frozen=True, kw_only=True)
class QuicTrust:
    """Trust anchors for `quic_handshake`, the same that TLS over TCP has.

    Attributes:
        system_file: bundle of the system's anchors; None: the ones that come with aioquic.
        extra: further anchors, PEM.
    """

    system_file: str | None = None
    extra: bytes | None = None


def quic_trust(ca_file: str = "") -> QuicTrust:
    """The system's trust anchors, and those of `ca_file` where one is given.

    Raises:
        OSError: the file cannot be read.
    """
    return QuicTrust(
        system_file=ssl.get_default_verify_paths().cafile,
        extra=Path(ca_file).read_bytes() if ca_file else None,
    )


async def quic_handshake(
    network: Network,
    round_: Round,
    target: Target,
    *,
    host: str,
    address: str,
    port: int = _PORT,
    sni: str,
    trust: QuicTrust | None,
    timeout_s: float = HANDSHAKE_S,
) -> Observation:
    """Do a handshake with `sni` at a literal address; `trust` None: the certificate is not judged.

    Failures are in the observation: `generic_timeout_error` for silence, `quic_failed_handshake`
    where the other side ended it, `ssl_*` for its certificate; nothing is raised.
    """
    connection = _connection(sni)  # its first import takes a while, which is not the network's
    start = round_.now()
    failure: NetworkFailure | None = None
    certificate: Certificate | None = None
    wire_bytes = 0
    duration_us = None
    try:
        datagrams = network.open_datagrams(address, port)
        try:
            connection.connect((address, port), now=round_.clock.monotonic_s())
            try:
                await _drive(connection, datagrams, round_, (address, port), timeout_s)
                duration_us = round_.since_us(start)
                certificate, chain = _shown(connection)
                if trust is not None:
                    _judge(certificate, chain, sni, trust)
            finally:
                _leave(connection, datagrams, round_)
                wire_bytes = _cost(datagrams, address)
        finally:
            datagrams.close()
    except NetworkFailure as seen:
        failure = seen
    return round_.observe(
        Fact.QUIC_HANDSHAKE,
        target,
        start,
        host=host,
        address=address,
        port=port,
        family=6 if ":" in address else 4,
        sni=sni,
        duration_us=duration_us if duration_us is not None else round_.since_us(start),
        failure=failure.code if failure else None,
        operation=failure.operation if failure else None,
        certificate_sha256=_fingerprint(certificate),
        wire_bytes=wire_bytes,
    )


def _connection(sni: str) -> QuicConnection:
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.connection import QuicConnection

    # What a strange peer sends is data, not a line on the person's screen.
    logging.getLogger("quic").addHandler(logging.NullHandler())
    configuration = QuicConfiguration(
        is_client=True, alpn_protocols=["h3"], server_name=sni, verify_mode=ssl.CERT_NONE
    )
    return QuicConnection(configuration=configuration)


async def _drive(
    connection: QuicConnection,
    datagrams: Datagrams,
    round_: Round,
    place: tuple[str, int],
    timeout_s: float,
) -> None:
    """Send, receive and keep time until the handshake is complete."""
    clock = round_.clock
    deadline_s = clock.monotonic_s() + timeout_s
    for _ in range(_STEPS_MAX):
        _flush(connection, datagrams, clock.monotonic_s())
        now_s = clock.monotonic_s()
        if now_s >= deadline_s:
            raise NetworkFailure("generic_timeout_error", _OPERATION)
        timer_s = connection.get_timer()
        wait_s = min(deadline_s, timer_s if timer_s is not None else deadline_s) - now_s
        try:
            data = await datagrams.receive(timeout_s=wait_s)
        except NetworkFailure as failure:
            if failure.code != "generic_timeout_error":
                raise NetworkFailure(failure.code, _OPERATION) from failure
            _keep_time(connection, clock.monotonic_s())
            await asyncio.sleep(0)  # a timer in the past may not keep the loop for itself
        else:
            connection.receive_datagram(data, place, now=clock.monotonic_s())
        if _completed(connection):
            _flush(connection, datagrams, clock.monotonic_s())
            return
    raise NetworkFailure("quic_failed_handshake", _OPERATION)


def _flush(connection: QuicConnection, datagrams: Datagrams, now_s: float) -> None:
    for data, _ in connection.datagrams_to_send(now=now_s):
        try:
            datagrams.send(data)
        except NetworkFailure as failure:
            raise NetworkFailure(failure.code, _OPERATION) from failure


def _keep_time(connection: QuicConnection, now_s: float) -> None:
    timer_s = connection.get_timer()
    if timer_s is not None and timer_s <= now_s:
        connection.handle_timer(now=now_s)


def _completed(connection: QuicConnection) -> bool:
    """Whether the handshake is complete; raises if the connection has ended before."""
    from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted

    while (event := connection.next_event()) is not None:
        if isinstance(event, HandshakeCompleted):
            return True
        if isinstance(event, ConnectionTerminated):
            raise NetworkFailure("quic_failed_handshake", _OPERATION)
    return False


def _shown(connection: QuicConnection) -> tuple[Certificate, list[Certificate]]:
    """The certificate that the other side proved to hold, and those it sent along."""
    tls = connection.tls
    # aioquic has no other way to it; tests/measure/test_quic.py would notice
    certificate = tls._peer_certificate
    if certificate is None:  # no session is ever resumed here
        raise NetworkFailure("quic_failed_handshake", _OPERATION)
    return certificate, list(tls._peer_certificate_chain)


def _judge(certificate: Certificate, chain: list[Certificate], name: str, trust: QuicTrust) -> None:
    """Dates and chain first, then the name; raises with the code that TLS over TCP would have."""
    from aioquic.tls import AlertBadCertificate, AlertCertificateExpired, verify_certificate

    try:
        verify_certificate(certificate, chain, cadata=trust.extra, cafile=trust.system_file)
    except AlertCertificateExpired as error:
        raise NetworkFailure("ssl_invalid_certificate", _OPERATION) from error
    except AlertBadCertificate as error:
        numbers = getattr(error.__context__, "errors", [0])  # of pyOpenSSL: X509_V_ERR_*, depth
        raise NetworkFailure(certificate_failure(int(numbers[0])), _OPERATION) from error
    try:
        # its dates and chain are good, so what is refused now is the name
        verify_certificate(certificate, chain, name, cadata=trust.extra, cafile=trust.system_file)
    except AlertBadCertificate as error:
        raise NetworkFailure("ssl_invalid_hostname", _OPERATION) from error


def _leave(connection: QuicConnection, datagrams: Datagrams, round_: Round) -> None:
    """Say goodbye, once; whether it arrives is nobody's concern."""
    connection.close(error_code=_NO_ERROR)
    try:
        _flush(connection, datagrams, round_.clock.monotonic_s())
    except NetworkFailure:
        return  # it was refused before; there is nobody to say it to


def _cost(datagrams: Datagrams, address: str) -> int:
    overhead = DATAGRAM_OVERHEAD_BYTES + (SIX_EXTRA_BYTES if ":" in address else 0)
    count = datagrams.datagrams_read + datagrams.datagrams_written
    return datagrams.bytes_read + datagrams.bytes_written + count * overhead


def _fingerprint(certificate: Certificate | None) -> str | None:
    if certificate is None:
        return None
    from cryptography.hazmat.primitives.serialization import Encoding

    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
