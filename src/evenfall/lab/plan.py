"""What the lab's servers are to do: one JSON file that the world process reads.

The backend decides addresses and ports (and keeps them the same in every scenario); the world
serves them. Written by a backend, read by `evenfall.lab.world`, never by the probe under test.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "DOH_PATH",
    "Conduct",
    "Endpoint",
    "Measurement",
    "Origin",
    "Places",
    "Resolver",
    "WorldPlan",
]

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


Conduct = Literal["serve", "withhold", "geo", "error", "refuse", "silent", "portal"]
"""What a server does to whoever connects: its work; a page that says that access is restricted, to
its own name alone; 451 to everybody abroad (who is not in its own network); 503 to everybody;
nothing listens; nothing answers; a captive portal stands in its place."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """One service's own machine, at all its addresses.

    It answers any name with its own content: `/` a small page, `/1M.bin` 1 MiB; over HTTPS (its
    certificate covers `host` alone), plain HTTP and HTTP/3. A rate limit holds over all together.

    Attributes:
        https_port: TCP, and UDP for HTTP/3.
        rate_bps: what it sends at, all connections together; null: as fast as it can.
        telegram_port: of the messenger's own protocol; null: it speaks none.
    """

    role: str
    host: str
    addresses: tuple[str, ...]
    https_port: int
    http_port: int
    rate_bps: float | None = None
    conduct: Conduct = "serve"
    telegram_port: int | None = None


class Resolver(msgspec.Struct, frozen=True, kw_only=True):
    """A DNS server: A and AAAA records of `zone`, and what stands for any other name.

    Attributes:
        else_: addresses of every name that is not in `zone`; empty: NXDOMAIN.
        tls: asked inside TLS (DoH) instead of over UDP and TCP.
        conduct: `serve`, `silent` or `portal`.
    """

    listen: Endpoint
    zone: dict[str, tuple[str, ...]]
    else_: tuple[str, ...] = ()
    tls: bool = False
    conduct: Conduct = "serve"


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One address of the measurement server; all share a process and a key.

    Attributes:
        conduct: `serve`, `refuse`, `silent` or `portal`.
        networks: where the lab's sites are, which are no public addresses; it may look at them.
        hosts: whose sites it may look at.
        ports: on which.
        resolver: whom it asks for their addresses.
    """

    listen: Endpoint
    conduct: Conduct = "serve"
    networks: tuple[str, ...]
    hosts: tuple[str, ...]
    ports: tuple[int, ...]
    resolver: Endpoint


class WorldPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything outside the client's line.

    Attributes:
        folder: the run's own folder: `ca.pem`, keys, certificates, measurement state.
        block_pages: addresses of a web server with a block page, where a lying resolver may point;
            over HTTPS with a certificate that nobody signed for anybody.
        ports: HTTPS and HTTP, of the block page.
        measurement: where the measurement server listens.
        flood: a TCP server that sends without end to whoever connects (competing flows).
        login: URL of a captive portal's page, which the block page's server then shows; empty:
            there is none.
        silent: addresses at which nothing answers, whatever should be there.
        http3: whether UDP 443 is answered anywhere; HTTPS announces it in any case.
        ahead_s: how far all clocks out here are ahead of the machine's own.
    """

    folder: str
    origins: tuple[Origin, ...]
    resolvers: tuple[Resolver, ...]
    block_pages: tuple[str, ...] = ()
    ports: tuple[int, int] = (443, 80)
    measurement: tuple[Measurement, ...] = ()
    flood: Endpoint | None = None
    login: str = ""
    silent: tuple[str, ...] = ()
    http3: bool = True
    ahead_s: float = 0.0
