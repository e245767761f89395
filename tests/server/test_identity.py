"""The key: made once, kept, never read from where others could have changed or read it."""

from __future__ import annotations

import multiprocessing
import ssl
import stat

import pytest

from evenfall.model.errors import StoreError
from evenfall.server.identity import load_or_create, pin_of, tls_context


def test_the_first_start_makes_a_key_only_its_owner_can_read(tmp_path):
    """Innocent: 0600, and the folder 0700 if we made it."""
    identity = load_or_create(tmp_path / "new" / "state")
    assert stat.S_IMODE(identity.key_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(identity.key_path.parent.stat().st_mode) == 0o700
    assert sorted(p.name for p in identity.key_path.parent.iterdir()) == [
        "certificate.pem",
        "key.pem",
    ]


def test_the_pin_stays_when_the_certificate_is_made_again(tmp_path):
    """Innocent: a lost certificate changes nothing for users; a lost key does."""
    pin = pin_of(tmp_path)
    assert pin_of(tmp_path) == pin
    (tmp_path / "certificate.pem").unlink()
    assert pin_of(tmp_path) == pin
    (tmp_path / "key.pem").unlink()
    with pytest.raises(StoreError, match=r"certificate\.pem.*another key"):
        pin_of(tmp_path)
    (tmp_path / "certificate.pem").unlink()
    assert pin_of(tmp_path) != pin


def test_two_first_starts_agree_on_one_key(tmp_path):
    """Innocent: whoever comes second takes the key that is there."""
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(pin_of, [tmp_path / "state"] * 4))) == 1


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_damaged_key_is_named_and_kept(tmp_path, content):
    """It is never overwritten: a new key would silently have another pin."""
    key = tmp_path / "key.pem"
    key.touch(0o600)
    key.write_bytes(content)
    with pytest.raises(StoreError, match=r"key\.pem.*new pin"):
        load_or_create(tmp_path)
    assert key.read_bytes() == content


def test_a_key_that_others_can_read_is_refused(tmp_path):
    """Group or world permissions: told how to mend it."""
    load_or_create(tmp_path).key_path.chmod(0o640)
    with pytest.raises(StoreError, match=r"0640.*chmod 600"):
        load_or_create(tmp_path)


def test_a_folder_that_cannot_be_one_is_named(tmp_path):
    """A file where the folder should be."""
    (tmp_path / "state").write_text("x")
    with pytest.raises(StoreError, match="state"):
        load_or_create(tmp_path / "state")


def test_the_context_speaks_1_3_alone(tmp_path):
    """Nothing older, no tickets."""
    context = tls_context(load_or_create(tmp_path))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.num_tickets == 0
