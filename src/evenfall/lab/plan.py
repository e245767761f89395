"""What the lab's servers are to do: one JSON file that the world process reads.

The backend decides addresses and ports (and keeps them the same in every scenario); the world
serves them. Written by a backend, read by `evenfall.lab.world`, never by the probe under test.
"""

from __future__ import annotations

import msgspec

__all__ = ["Endpoint", "Origin", "Resolver", "WorldPlan"]


class Endpoint(msgspec.Struct, frozen=True):
    """A literal address and a port."""

    address: str
    port: int


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """One service's own web server.

    It answers any name with its own content: `/` a small page, `/1M.bin` 1 MiB.

    Attributes:
        tls: HTTPS (its certificate covers `host` alone) or plain HTTP.
        rate_bps: what it sends at, all connections together; null: as fast as it can.
    """

    role: str
    host: str
    listen: Endpoint
    tls: bool = True
    rate_bps: float | None = None


class Resolver(msgspec.Struct, frozen=True, kw_only=True):
    """A DNS server over UDP and TCP: A records of `zone`, NXDOMAIN for the rest."""

    listen: Endpoint
    zone: dict[str, str]


class WorldPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything outside the client's line.

    Attributes:
        block_page: a plain HTTP server with a block page, where a lying resolver may point.
        measurement: where the measurement server listens (null: there is none).
        flood: a TCP server that sends without end to whoever connects (competing flows).
        folder: the run's own folder: `ca.pem`, keys, certificates, measurement state.
    """

    origins: tuple[Origin, ...]
    resolvers: tuple[Resolver, ...]
    folder: str
    block_page: Endpoint | None = None
    measurement: Endpoint | None = None
    flood: Endpoint | None = None
