"""A certificate authority for one run: keys nobody else has, valid from a day before now.

Nothing is kept between runs. Leaf certificates cover exactly one host name, so that a wrong answer
from a resolver, or a name sent to the wrong server, shows as it would on the real net.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["Authority", "write_self_signed"]

_BEFORE = dt.timedelta(days=1)
_AFTER = dt.timedelta(days=30)


class Authority:
    """Signs leaf certificates for the length of a run.

    Args:
        now: aware datetime; certificates are valid from a day before it to 30 days after it.
    """

    def __init__(self, now: dt.datetime) -> None:
        self._now = now
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _self_signed(self._key, "Test authority", now, ca=True)

    def write_certificate(self, path: Path) -> None:
        """Write the authority's certificate (PEM): what a client has to trust."""
        path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def write_leaf(self, host: str, *, certificate: Path, key: Path) -> None:
        """Make a key and a certificate for `host` alone and write both (PEM, key mode 0600)."""
        leaf_key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(host, leaf_key, self._now).issuer_name(self._certificate.subject)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
            critical=False,
        )
        signed = _server_extensions(builder, host).sign(self._key, hashes.SHA256())
        _write_pair(signed, leaf_key, certificate=certificate, key=key)


def write_self_signed(host: str, *, certificate: Path, key: Path, now: dt.datetime) -> None:
    """Write a certificate that no authority vouches for: what a block page shows over HTTPS."""
    own_key = ec.generate_private_key(ec.SECP256R1())
    _write_pair(
        _self_signed(own_key, host, now, ca=False), own_key, certificate=certificate, key=key
    )


def _builder(
    name: str, key: ec.EllipticCurvePrivateKey, now: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _AFTER)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _self_signed(
    key: ec.EllipticCurvePrivateKey, name: str, now: dt.datetime, *, ca: bool
) -> x509.Certificate:
    builder = _builder(name, key, now).issuer_name(_name(name))
    builder = _authority_extensions(builder) if ca else _server_extensions(builder, name)
    return builder.sign(key, hashes.SHA256())


def _authority_extensions(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    ).add_extension(usage, critical=True)


def _server_extensions(builder: x509.CertificateBuilder, host: str) -> x509.CertificateBuilder:
    return builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    ).add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _write_pair(
    signed: x509.Certificate,
    signed_key: ec.EllipticCurvePrivateKey,
    *,
    certificate: Path,
    key: Path,
) -> None:
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.touch(mode=0o600)
    key.write_bytes(
        signed_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
