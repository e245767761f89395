"""Names of lines in a foreign table → pseudonyms that mean nothing outside this store.

Archives tell lines apart by what they have: often an address or a customer's number. The store
needs only *which rows are of one line*, so a name is never kept: it becomes the beginning of a
keyed hash (HMAC-SHA-256) under a salt of this store. Equal names give equal pseudonyms, also in
later imports; two stores give different ones. Without a salt a hash of an IPv4 address is undone
in a minute. A resolver that is told by its address is kept likewise, one told by a word as it is.

The salt lies in `line-salt`, readable by its owner alone, and is made with the first line that
comes. Whoever has both the store and its salt can try addresses; who passes a store on leaves it
out.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
from dataclasses import replace

import numpy as np

from evenfall.archive.columns import ObservationColumns
from evenfall.model.errors import StoreError
from evenfall.store.durable import move_durably
from evenfall.store.folder import Folder

__all__ = ["LineNames"]

_SALT_BYTES = 32
_PSEUDONYM_HEX = 12  # 48 bits: ten thousand lines meet by chance once in five million stores


class LineNames:
    """Pseudonyms of one store; opened for the length of one import."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._salt = b""
        self._known: dict[tuple[str, str], str] = {}

    def hidden(self, batch: ObservationColumns) -> ObservationColumns:
        """The batch with pseudonyms for lines, and for resolvers that are told by their address.

        Raises:
            StoreError: the store's salt is damaged.
            OSError: it cannot be read or written.
        """
        changed = {}
        for column in ("line", "resolver"):
            names = batch.columns.get(column)
            if names is not None and any(name is not None for name in names):
                changed[column] = np.empty(batch.rows, dtype=object)
                changed[column][:] = [
                    None if name is None else self._kept_as(column, str(name)) for name in names
                ]
        return replace(batch, columns={**batch.columns, **changed}) if changed else batch

    def _kept_as(self, column: str, name: str) -> str:
        if (column, name) not in self._known:
            is_secret = column == "line" or _is_address(name)
            self._known[column, name] = self._pseudonym(column, name) if is_secret else name
        return self._known[column, name]

    def _pseudonym(self, column: str, name: str) -> str:
        self._salt = self._salt or _salt(self._folder)
        digest = hmac.new(self._salt, name.encode(), hashlib.sha256).hexdigest()
        return f"{column}-{digest[:_PSEUDONYM_HEX]}"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip().strip("[]"))
    except ValueError:
        return False
    return True


def _salt(folder: Folder) -> bytes:
    if folder.salt_file.exists():
        salt = folder.salt_file.read_bytes()
        if len(salt) != _SALT_BYTES:
            raise StoreError(
                expected=f"{_SALT_BYTES} bytes of salt",
                seen=f"{len(salt)}",
                where=str(folder.salt_file),
                remedy="Restore it from a copy: with another one the same line gets a new name.",
            )
        return salt
    salt = secrets.token_bytes(_SALT_BYTES)
    beside = folder.salt_file.with_name(folder.salt_file.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(salt)
        file.flush()
        os.fsync(file.fileno())
    move_durably(beside, folder.salt_file)
    return salt
