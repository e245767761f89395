"""What the lab's servers are to do: one JSON file that the world process reads.

The backend decides addresses and ports (and keeps them the same in every scenario); the world
serves them. Written by a backend, read by `evenfall.lab.world`, never by the probe under test.
"""

from __future__ import annotations

import msgspec

__all__ = ["DOH_PATH", "Endpoint", "Origin", "Places", "Resolver", "WorldPlan"]

DOH_PATH = "/dns-query"
"""Where the public resolver answers inside TLS (RFC 8484's own example)."""


class Endpoint(msgspec.Struct, frozen=True):
    """A literal address and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything sits: one value for where servers listen, one for where the client looks.

    In `netns` both are the same; in `loopback` relays (the line and the censor) lie between. The
    same in every scenario, or an address would tell the probe where it is.

    Attributes:
        origins: role → address; every origin listens on `https_port` (TCP, and UDP for HTTP/3) and
            on `http_port`.
        block_page: address of the block page, which has the same two ports.
        doh: the public resolver asked inside TLS, at `DOH_PATH`.
        mtproto_port: of the messenger's own protocol, on the messenger's origin.
        second_measurement: another address of the measurement server: one process, one key.
        mirrors: role → second address of the same site, as a CDN has.
        origins6: role → IPv6 address, ports as in IPv4; empty: there is no IPv6.
        measurement6, block_page6: likewise; null and empty: none.
    """

    origins: dict[str, str]
    https_port: int
    http_port: int
    resolver: Endpoint
    public_resolver: Endpoint
    measurement: Endpoint
    block_page: str
    flood: Endpoint
    doh: Endpoint
    mtproto_port: int
    second_measurement: Endpoint
    mirrors: dict[str, str]
    origins6: dict[str, str] = {}
    measurement6: Endpoint | None = None
    block_page6: str = ""

    @property
    def mtproto(self) -> Endpoint:
        """Where the messenger's own protocol is spoken."""
        return Endpoint(self.origins["messenger"], self.mtproto_port)

    def addresses_of(self, role: str) -> tuple[str, ...]:
        """Every address of a role's site: its own, its mirror's, its IPv6 one."""
        found = (self.origins[role], self.mirrors[role], self.origins6.get(role, ""))
        return tuple(address for address in found if address)

    def https(self, role: str) -> Endpoint:
        """Where the HTTPS server of a role is."""
        return Endpoint(self.origins[role], self.https_port)

    def http(self, role: str) -> Endpoint:
        """Where the plain HTTP server of a role is."""
        return Endpoint(self.origins[role], self.http_port)


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """One service's own web server.

    It answers any name with its own content: `/` a small page, `/1M.bin` 1 MiB. Two origins with
    one role (HTTPS and plain HTTP) are one machine: a rate limit holds over both together.

    Attributes:
        tls: HTTPS (its certificate covers `host` alone) or plain HTTP.
        rate_bps: what it sends at, all connections together; null: as fast as it can.
        refuses: to its own host it says that access is restricted, to any other name nothing
            of the kind, as a virtual host does.
    """

    role: str
    host: str
    listen: Endpoint
    tls: bool = True
    rate_bps: float | None = None
    refuses: bool = False


class Resolver(msgspec.Struct, frozen=True, kw_only=True):
    """A DNS server over UDP and TCP: A records of `zone`, NXDOMAIN for the rest."""

    listen: Endpoint
    zone: dict[str, str]


class WorldPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything outside the client's line.

    Attributes:
        block_page: a plain HTTP server with a block page, where a lying resolver may point.
        block_page_tls: the same over HTTPS, with a certificate that nobody signed for anybody.
        measurement: where the measurement server listens (null: there is none).
        flood: a TCP server that sends without end to whoever connects (competing flows).
        folder: the run's own folder: `ca.pem`, keys, certificates, measurement state.
    """

    origins: tuple[Origin, ...]
    resolvers: tuple[Resolver, ...]
    folder: str
    block_page: Endpoint | None = None
    block_page_tls: Endpoint | None = None
    measurement: Endpoint | None = None
    flood: Endpoint | None = None
