"""What is measured: targets, their controls, and the measurement servers."""

from __future__ import annotations

import msgspec

from evenfall.model.vocabulary import Role

__all__ = ["MeasurementServer", "Target", "TargetList"]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Something measured, or the baseline of something measured.

    `target_id` is a stable name `service/what`, never an address. `quic`: it is known to speak
    HTTP/3, so that it is asked over QUIC though no answer of this round says so.
    """

    target_id: str
    url: str
    role: Role
    domestic: bool = False
    quic: bool = False

    @property
    def service(self) -> str:
        """The part of the id before the slash."""
        return self.target_id.split("/", 1)[0]


class MeasurementServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server of ours (or of the person's choice) for paired transfers.

    Attributes:
        url: `https://HOST:PORT`; the host may be an address.
        pin: `sha256/` + base64 of SHA-256 over the DER SubjectPublicKeyInfo of its key.
        neutral: server name of the control arm; empty: a random control's host, rotated.
    """

    url: str
    pin: str
    neutral: str = ""


class TargetList(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one `check` needs to know, already validated.

    Attributes:
        resolver, public_resolver: `ADDRESS` or `ADDRESS:PORT`; empty: the system's / none.
        doh: a resolver asked inside TLS, `https://HOST/PATH` (RFC 8484); empty: none.
        ca_file: extra trust anchors (PEM); only test networks set it. Setting it also allows
            loopback and private addresses.
    """

    targets: tuple[Target, ...]
    controls: tuple[Target, ...]
    servers: tuple[MeasurementServer, ...] = ()
    resolver: str = ""
    public_resolver: str = ""
    doh: str = ""
    ca_file: str = ""
