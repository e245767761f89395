"""One TLS handshake with a chosen server name, with or without checking the certificate.

With the target's own name the chain must lead to a trusted authority (the system's, and those of a
test network's `ca_file`) and be valid for the name. With a neutral name at somebody else's address
nothing is checked: the question there is only whether the handshake goes through.
"""

from __future__ import annotations

import hashlib
import ssl

from evenfall.measure.round import Meter, Round
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact
from evenfall.net.api import NetworkFailure, Stream

__all__ = ["HELLO_PROFILE", "handshake", "unchecked_context", "verifying_context"]

HELLO_PROFILE = "stdlib"


def verifying_context(ca_file: str = "") -> ssl.SSLContext:
    """The system's trust anchors, and those of `ca_file` where one is given.

    Raises:
        OSError: the file cannot be read or holds no certificate (`ssl.SSLError` is one).
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


def unchecked_context() -> ssl.SSLContext:
    """No certificate check; only for asking whether a handshake with some name goes through."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def handshake(
    stream: Stream,
    meter: Meter,
    round_: Round,
    target: Target,
    *,
    host: str,
    address: str,
    port: int,
    sni: str,
    context: ssl.SSLContext,
    timeout_s: float,
) -> tuple[Observation, Stream | None]:
    """Do a handshake with `sni`; returns the observation and the TLS stream, or None."""
    start = round_.now()
    fields = {
        "host": host,
        "address": address,
        "port": port,
        "family": 6 if ":" in address else 4,
        "sni": sni,
        "hello_profile": HELLO_PROFILE,
    }
    try:
        secure = await stream.start_tls(context, server_name=sni, timeout_s=timeout_s)
    except NetworkFailure as failure:
        observation = round_.observe(
            Fact.TLS_HANDSHAKE,
            target,
            start,
            failure=failure.code,
            operation=failure.operation,
            wire_bytes=meter.spent(),
            **fields,
        )
        stream.close()
        return observation, None
    meter.follow(secure)
    certificate = secure.peer_certificate()
    observation = round_.observe(
        Fact.TLS_HANDSHAKE,
        target,
        start,
        certificate_sha256=hashlib.sha256(certificate).hexdigest() if certificate else None,
        wire_bytes=meter.spent(),
        **fields,
    )
    return observation, secure
