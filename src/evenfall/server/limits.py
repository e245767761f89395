"""What one address, and all of them together, may take of a measurement server.

Addresses are needed to limit them and are not kept: the table holds keyed hashes whose key is
drawn at the start and dies with the process; an entry that was idle for a minute goes when the next
client comes. A full table forgets whoever was idle longest, so that many addresses cannot shut
strangers out: what they win is a fresh budget, which they had anyway.
IPv6 counts by /64, which is what one line has, and by /48, which is what one customer may have:
sixty-five thousand /64s in one hand get four times what one address gets.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import secrets
from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from evenfall.net.api import Clock

__all__ = ["RAISED", "Gate", "Limits"]

_MINUTE_S = 60.0
_IPV6_LINE_BYTES = 8
_IPV6_CUSTOMER_BYTES = 6


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Named limits; the defaults are for a small public server.

    Attributes:
        bytes_per_minute: of bodies, both directions, for one address; a `check` takes ≤ 6 MB, so
            ten homes behind one shared address fit.
        connections_per_address, connections: open at once, TLS and plain HTTP together; more are
            reset at once.
        ipv6_48_factor: an IPv6 /48 gets so many times what one address gets, of bytes and of
            connections.
        transfers: bodies under way at once; more are refused as `busy`, never queued, because a
            queue would be measured as slowness.
        handshake_timeout_s, header_timeout_s: until TLS is up, until the request line is complete.
        idle_timeout_s: without a byte taken or given.
        grace_s: beyond the transfer's own cap, then it is cut.
        ndt7_tests: speed tests at once; they fill the server's own line, with pairs beside them.
        ndt7_bytes: of one speed test; then it is closed early, as the specification allows.
        looks_per_minute: outside views for one address.
        looks_at_once: under way; sites that were looked at a minute ago are answered from memory
            and do not count. More are refused as `busy`.
        looks_per_host: a minute at the hosts of one line of the operator's list, for all who ask
            together; and likewise at one address that clients name.
        views_kept_s: how long a view answers further questions about the same site.
        views: kept; the oldest goes.
        results: trailers kept for `result` requests, each for `result_kept_s`.
        addresses: entries in the table; when it is full, the one that was idle longest goes.
    """

    bytes_per_minute: int = 64 * 1024 * 1024
    connections_per_address: int = 16
    ipv6_48_factor: int = 4
    connections: int = 256
    transfers: int = 64
    handshake_timeout_s: float = 10.0
    header_timeout_s: float = 10.0
    idle_timeout_s: float = 10.0
    grace_s: float = 2.0
    ndt7_tests: int = 4
    ndt7_bytes: int = 24 * 1024 * 1024
    looks_per_minute: int = 30
    looks_at_once: int = 16
    looks_per_host: int = 20
    views_kept_s: float = 60.0
    views: int = 512
    results: int = 1024
    result_kept_s: float = 60.0
    addresses: int = 65_536


RAISED = Limits(
    bytes_per_minute=2**40,
    connections_per_address=1024,
    connections=1024,
    transfers=1024,
    ndt7_tests=64,
    looks_per_minute=2**20,
    looks_at_once=1024,
    looks_per_host=2**20,
)
"""For the lab, where every line comes from one address."""


class _Account:
    """What one address, or one /48, has left; `times` what one address gets."""

    def __init__(self, limits: Limits, times: int, at_s: float) -> None:
        self.connections_max = times * limits.connections_per_address
        self.bytes_max = times * limits.bytes_per_minute
        self.bytes_left: float = self.bytes_max
        self.looks_max = times * limits.looks_per_minute
        self.looks_left: float = self.looks_max
        self.at_s = at_s
        self.connections = 0

    def refill(self, now_s: float) -> None:
        """Up to a whole minute's bytes and looks."""
        minutes = (now_s - self.at_s) / _MINUTE_S
        self.bytes_left = min(self.bytes_max, self.bytes_left + minutes * self.bytes_max)
        self.looks_left = min(self.looks_max, self.looks_left + minutes * self.looks_max)
        self.at_s = now_s


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
        self._accounts: OrderedDict[bytes, _Account] = OrderedDict()  # idle longest first
        self._connections = 0
        self._transfers = 0
        self._speed_tests = 0
        self._tidied_s = clock.monotonic_s()

    @contextlib.contextmanager
    def connection(self, address: str) -> Iterator[bool]:
        """True inside if this address may have one more connection."""
        accounts = self._accounts_of(address)
        allowed = (
            bool(accounts)
            and self._connections < self._limits.connections
            and all(account.connections < account.connections_max for account in accounts)
        )
        if not allowed:
            yield False
            return
        self._connections += 1
        for account in accounts:
            account.connections += 1
        try:
            yield True
        finally:
            self._connections -= 1
            for account in accounts:
                account.connections -= 1

    @contextlib.contextmanager
    def transfer(self, address: str, size_bytes: int) -> Iterator[str | None]:
        """Inside: None if the transfer may start, else the code it is refused with."""
        accounts = self._accounts_of(address)
        if self._transfers >= self._limits.transfers or not accounts:
            yield "busy"
            return
        if any(account.bytes_left < size_bytes for account in accounts):
            yield "budget"
            return
        for account in accounts:
            account.bytes_left -= size_bytes
        self._transfers += 1
        try:
            yield None
        finally:
            self._transfers -= 1

    @contextlib.contextmanager
    def speed_test(self, address: str, size_bytes: int) -> Iterator[str | None]:
        """As `transfer`, for a speed test, of which there are few at once."""
        if self._speed_tests >= self._limits.ndt7_tests:
            yield "busy"
            return
        with self.transfer(address, size_bytes) as refused:
            self._speed_tests += 1
            try:
                yield refused
            finally:
                self._speed_tests -= 1

    def settle(self, address: str, reserved_bytes: int, spent_bytes: int) -> None:
        """Give back what was reserved and not used, or charge what was used beyond it."""
        for account in self._accounts_of(address):
            left_bytes = account.bytes_left + reserved_bytes - spent_bytes
            account.bytes_left = min(account.bytes_max, left_bytes)

    def look(self, address: str) -> bool:
        """Whether this address may have one more look; if so, it is counted."""
        accounts = self._accounts_of(address)
        if not accounts or any(account.looks_left < 1 for account in accounts):
            return False
        for account in accounts:
            account.looks_left -= 1
        return True

    def _accounts_of(self, address: str) -> tuple[_Account, ...]:
        """The refilled accounts that an address is counted in; none: there is no room for it."""
        now_s = self._clock.monotonic_s()
        if now_s - self._tidied_s >= _MINUTE_S:
            self._forget_idle(now_s)
        prefixes = _prefixes(address)
        accounts = [
            self._account(self._key(prefix), self._limits.ipv6_48_factor if place else 1, now_s)
            for place, prefix in enumerate(prefixes)
        ]
        known = tuple(account for account in accounts if account is not None)
        return known if len(known) == len(prefixes) else ()

    def _account(self, key: bytes, times: int, now_s: float) -> _Account | None:
        account = self._accounts.get(key)
        if account is None:
            if len(self._accounts) >= self._limits.addresses and not self._evict_idle():
                return None
            account = self._accounts[key] = _Account(self._limits, times, now_s)
        self._accounts.move_to_end(key)
        account.refill(now_s)
        return account

    def _evict_idle(self) -> bool:
        """Forget the one that was idle longest; false if every one is connected.

        The walk passes connected ones only, of which there are at most two a connection.
        """
        for key, account in self._accounts.items():
            if not account.connections:
                del self._accounts[key]
                return True
        return False

    def _forget_idle(self, now_s: float) -> None:
        self._tidied_s = now_s
        self._accounts = OrderedDict(
            (key, account)
            for key, account in self._accounts.items()
            if account.connections or now_s - account.at_s < _MINUTE_S
        )

    def _key(self, prefix: bytes) -> bytes:
        return hashlib.blake2b(prefix, key=self._hash_key, digest_size=16).digest()


def _prefixes(address: str) -> tuple[bytes, ...]:
    """What an address is counted by: itself if IPv4, else its /64 and its /48."""
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.version == 4:
        return (ip.packed,)
    return ip.packed[:_IPV6_LINE_BYTES], ip.packed[:_IPV6_CUSTOMER_BYTES]
