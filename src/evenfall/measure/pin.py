"""The pin of a measurement server: SHA-256 of its public key, as CONTRACTS writes it."""

from __future__ import annotations

import base64
import hashlib

__all__ = ["pin_of_certificate", "pin_of_public_key"]


def pin_of_public_key(spki_der: bytes) -> str:
    """`sha256/` + base64 of SHA-256 over a DER SubjectPublicKeyInfo (RFC 7469 §2.4)."""
    return "sha256/" + base64.b64encode(hashlib.sha256(spki_der).digest()).decode("ascii")


def pin_of_certificate(certificate_der: bytes) -> str | None:
    """The pin of a certificate's key; None if the bytes are no certificate."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        key = x509.load_der_x509_certificate(certificate_der).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return pin_of_public_key(spki)
