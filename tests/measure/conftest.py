"""Certificates for the steps: good, expired, of an unknown authority, for names and addresses."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_NAME = x509.NameOID.COMMON_NAME


class Issuer:
    """One authority; `paths` of a leaf's certificate and key, made as asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._authority = self._sign("Authority", self._key, is_authority=True)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(self._authority.public_bytes(Encoding.PEM))

    def paths(
        self, host: str, *, expired: bool = False, self_signed: bool = False
    ) -> tuple[Path, Path]:
        """Certificate and key for a name or an address."""
        stem = f"{host.replace(':', '_')}-{expired}-{self_signed}"
        certificate, key = self._folder / f"{stem}.crt", self._folder / f"{stem}.key"
        if not key.exists():
            private = ec.generate_private_key(ec.SECP256R1())
            leaf = self._sign(host, private, expired=expired, self_signed=self_signed)
            certificate.write_bytes(leaf.public_bytes(Encoding.PEM))
            key.write_bytes(
                private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            )
        return certificate, key

    def context(self, host: str, *, alpn: tuple[str, ...] = (), **kind: bool) -> ssl.SSLContext:
        """A TLS server's context."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.paths(host, **kind))
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def _sign(self, host, key, *, is_authority=False, expired=False, self_signed=False):
        now = dt.datetime.now(dt.UTC)
        subject = x509.Name([x509.NameAttribute(_NAME, host)])
        own = is_authority or self_signed
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if own else self._authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=3))
            .not_valid_after(now + dt.timedelta(days=-1 if expired else 3))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(host)]), critical=False
            )
        return builder.sign(key if own else self._key, hashes.SHA256())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


@pytest.fixture(scope="session")
def issuer(tmp_path_factory) -> Issuer:
    """One authority for all tests here."""
    return Issuer(tmp_path_factory.mktemp("issuer"))
