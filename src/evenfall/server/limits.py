"""What one address, and all of them together, may take of a measurement server.

Addresses are needed to limit them and are not kept: the table holds keyed hashes whose key is
drawn at the start and dies with the process; an entry that was idle for a minute goes when the next
client comes.
IPv6 counts by /64, which is what one line has.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import secrets
from collections.abc import Iterator

import msgspec

from evenfall.net.api import Clock

__all__ = ["RAISED", "Gate", "Limits"]

_MINUTE_S = 60.0
_IPV6_PREFIX_BITS = 64


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Named limits; the defaults are for a small public server.

    Attributes:
        bytes_per_minute: of bodies, both directions, for one address; a `check` takes ≤ 6 MB, so
            ten homes behind one shared address fit.
        connections_per_address, connections: open at once; more are closed at once.
        transfers: bodies under way at once; more are refused as `busy`, never queued, because a
            queue would be measured as slowness.
        handshake_timeout_s, header_timeout_s: until TLS is up, until the request line is complete.
        idle_timeout_s: without a byte taken or given.
        grace_s: beyond the transfer's own cap, then it is cut.
        results: trailers kept for `result` requests, each for `result_kept_s`.
        addresses: entries in the table; when it is full, strangers are turned away.
    """

    bytes_per_minute: int = 64 * 1024 * 1024
    connections_per_address: int = 16
    connections: int = 256
    transfers: int = 64
    handshake_timeout_s: float = 10.0
    header_timeout_s: float = 10.0
    idle_timeout_s: float = 10.0
    grace_s: float = 2.0
    results: int = 1024
    result_kept_s: float = 60.0
    addresses: int = 65_536


RAISED = Limits(
    bytes_per_minute=2**40, connections_per_address=1024, connections=1024, transfers=1024
)
"""For the lab, where every line comes from one address."""


class _Account:
    """What one address has left."""

    def __init__(self, bytes_left: float, at_s: float) -> None:
        self.bytes_left = bytes_left
        self.at_s = at_s
        self.connections = 0


class Gate:
    """Says who may connect and take bytes.

    Args:
        limits: how much.
        clock: for refilling.
    """

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._hash_key = secrets.token_bytes(16)
        self._accounts: dict[bytes, _Account] = {}
        self._connections = 0
        self._transfers = 0
        self._tidied_s = clock.monotonic_s()

    @contextlib.contextmanager
    def connection(self, address: str) -> Iterator[bool]:
        """True inside if this address may have one more connection."""
        account = self._account(address)
        allowed = (
            account is not None
            and self._connections < self._limits.connections
            and account.connections < self._limits.connections_per_address
        )
        if account is None or not allowed:
            yield False
            return
        self._connections += 1
        account.connections += 1
        try:
            yield True
        finally:
            self._connections -= 1
            account.connections -= 1

    @contextlib.contextmanager
    def transfer(self, address: str, size_bytes: int) -> Iterator[str | None]:
        """Inside: None if the transfer may start, else the code it is refused with."""
        account = self._account(address)
        if self._transfers >= self._limits.transfers or account is None:
            yield "busy"
            return
        if account.bytes_left < size_bytes:
            yield "budget"
            return
        account.bytes_left -= size_bytes
        self._transfers += 1
        try:
            yield None
        finally:
            self._transfers -= 1

    def _account(self, address: str) -> _Account | None:
        """The refilled account of an address; None: the table is full."""
        now_s = self._clock.monotonic_s()
        if now_s - self._tidied_s >= _MINUTE_S:
            self._forget_idle(now_s)
        key = self._key(address)
        account = self._accounts.get(key)
        if account is None:
            if len(self._accounts) >= self._limits.addresses:
                return None
            account = self._accounts[key] = _Account(self._limits.bytes_per_minute, now_s)
        refill = (now_s - account.at_s) / _MINUTE_S * self._limits.bytes_per_minute
        account.bytes_left = min(self._limits.bytes_per_minute, account.bytes_left + refill)
        account.at_s = now_s
        return account

    def _forget_idle(self, now_s: float) -> None:
        self._tidied_s = now_s
        self._accounts = {
            key: account
            for key, account in self._accounts.items()
            if account.connections or now_s - account.at_s < _MINUTE_S
        }

    def _key(self, address: str) -> bytes:
        ip = ipaddress.ip_address(address.split("%", 1)[0])
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        packed = ip.packed if ip.version == 4 else ip.packed[: _IPV6_PREFIX_BITS // 8]
        return hashlib.blake2b(packed, key=self._hash_key, digest_size=16).digest()
