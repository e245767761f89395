"""The pin of a certificate, against a foreign reader."""

from __future__ import annotations

import ssl
import subprocess

import pytest

from evenfall.measure.pin import pin_of_certificate


@pytest.mark.parametrize("kind", ["ec -pkeyopt ec_paramgen_curve:P-256", "rsa", "ed25519"])
def test_the_pin_is_what_openssl_computes_for_every_kind_of_key(tmp_path, foreign_tool, kind):
    """Innocent: a certificate made by openssl has the pin that openssl computes."""
    openssl = foreign_tool("openssl")
    algorithm, *options = kind.split()
    pem = tmp_path / "c.pem"
    make = [openssl, "req", "-x509", "-newkey", algorithm, *options, "-nodes", "-subj", "/CN=x"]
    subprocess.run(
        [*make, "-keyout", str(tmp_path / "k.pem"), "-out", str(pem)],
        check=True,
        capture_output=True,
    )
    pipeline = (
        f"{openssl} x509 -pubkey -noout -in {pem} | {openssl} pkey -pubin -outform der"
        f" | {openssl} dgst -sha256 -binary | base64"
    )
    expected = subprocess.run(["sh", "-c", pipeline], check=True, capture_output=True, text=True)
    der = ssl.PEM_cert_to_DER_cert(pem.read_text())
    assert pin_of_certificate(der) == "sha256/" + expected.stdout.strip()


@pytest.mark.parametrize("garbage", [b"", b"\x30\x03\x02\x01\x01", b"x" * 500])
def test_what_is_no_certificate_has_no_pin(garbage):
    """And so never equals one."""
    assert pin_of_certificate(garbage) is None
