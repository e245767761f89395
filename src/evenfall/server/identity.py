"""The server's key, its certificate and its pin: made on the first start, kept in the state folder.

The key is ECDSA P-256 (every TLS client accepts it; Ed25519 certificates are refused by several).
The certificate is self-signed, names nobody and is valid for a century: clients check the pin of
the key and nothing else, and a certificate made anew from the same key keeps the pin.

    STATE/key.pem           0600, PKCS #8; refused if others may read it
    STATE/certificate.pem   made again from the key whenever it is missing
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import secrets
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from evenfall.measure.pin import pin_of_public_key
from evenfall.model.errors import StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = ["Identity", "Signer", "load_or_create", "pin_of", "tls_context"]

_VALID_FOR = dt.timedelta(days=36_500)
_BACKDATED = dt.timedelta(days=1)  # for clients whose clock is behind
_KEY_BYTES_MAX = 16_384


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Where key and certificate are, and the key's pin."""

    key_path: Path
    certificate_path: Path
    pin: str


def load_or_create(state: Path) -> Identity:
    """Read the key and certificate of a state folder; make what is missing.

    Raises:
        StoreError: the folder cannot be written, or the key is unreadable, damaged, of another
            kind, or readable by others.
    """
    key_path, certificate_path = state / "key.pem", state / "certificate.pem"
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not key_path.exists():
            _write_once(key_path, _new_key_pem(), mode=0o600)
        key = _read_key(key_path)
        if not certificate_path.exists():
            _write_once(certificate_path, _certificate_pem(key), mode=0o644)
        _refuse_mismatch(certificate_path, key_path)
    except OSError as error:
        raise StoreError(
            expected="a folder that can be read and written",
            seen=error.strerror or type(error).__name__,
            where=str(error.filename or state),
            remedy="Check its owner and permissions, or choose another with --state.",
        ) from error
    return Identity(key_path=key_path, certificate_path=certificate_path, pin=_pin(key))


def pin_of(state: Path) -> str:
    """The pin of the key in a state folder; makes the key if there is none yet."""
    return load_or_create(state).pin


class Signer:
    """Signs with a server's key: ECDSA P-256 over SHA-256, as `measure.outside` checks it.

    Args:
        identity: whose key.

    Raises:
        StoreError: the key cannot be used.
    """

    def __init__(self, identity: Identity) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._key = _read_key(identity.key_path)
        public = self._key.public_key()
        self.public_key = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, message: bytes) -> bytes:
        """A DER signature over the message (0.05 ms)."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        return self._key.sign(message, ec.ECDSA(hashes.SHA256()))


def tls_context(identity: Identity) -> ssl.SSLContext:
    """TLS 1.3 only, any server name, no session tickets (every measurement is a first visit)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.load_cert_chain(identity.certificate_path, identity.key_path)
    return context


def _new_key_pem() -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read_key(path: Path) -> EllipticCurvePrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise StoreError(
            expected="a key that only its owner can read",
            seen=f"permissions {stat.S_IMODE(path.stat().st_mode):04o}",
            where=str(path),
            remedy=f"chmod 600 {path}; if others may have read it, delete it and tell users the "
            "new pin.",
        )
    with path.open("rb") as file:
        pem = file.read(_KEY_BYTES_MAX)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _bad_key(path, "something that is no unencrypted private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _bad_key(path, f"a key of another kind ({type(key).__name__})")
    return key


def _bad_key(path: Path, seen: str) -> StoreError:
    return StoreError(
        expected="an elliptic-curve private key in PEM",
        seen=seen,
        where=str(path),
        remedy="Restore it from a backup, or delete it: a new key has a new pin, which every "
        "target file must then carry.",
    )


def _certificate_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - _BACKDATED)
        .not_valid_after(today + _VALID_FOR)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def _refuse_mismatch(certificate_path: Path, key_path: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate_path, key_path)
    except ssl.SSLError as error:
        raise StoreError(
            expected=f"a certificate of the key in {key_path.name}",
            seen="another key's, or no certificate",
            where=str(certificate_path),
            remedy="Delete the certificate; it is made again from the key, and the pin stays.",
        ) from error


def _pin(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.public_key()
    return pin_of_public_key(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _write_once(path: Path, content: bytes, *, mode: int) -> None:
    """Write a whole file or none; if somebody else was quicker, theirs stays."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
