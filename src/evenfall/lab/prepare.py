"""Make one run's keys, certificates and plan: what a drawn scenario means for the servers.

Everything that an innocent of the servers' side or the client's machine comes to is decided here,
and nothing of it is said to the client: the plan lies in the run's own folder.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import msgspec

from evenfall.lab import certificates
from evenfall.lab.plan import Conduct, Endpoint, Measurement, Origin, Places, Resolver, WorldPlan
from evenfall.lab.scenario import ROLES, Drawn, Innocent
from evenfall.server import pin_of

__all__ = [
    "CLOSED_TO_TELEGRAM",
    "MEASUREMENT_STATE",
    "PLAN_NAME",
    "Prepared",
    "prepare_world",
    "unanswered",
    "world_plan",
]

PLAN_NAME = "plan.json"
MEASUREMENT_STATE = "measurement"
CLOSED_TO_TELEGRAM = frozenset({"refuse", "portal", "error"})
"""Conducts of an origin that speaks no Telegram."""
_NAMES_OF_NOBODY = {"block_page": "restricted.invalid", "portal": "login.invalid"}


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has made for itself.

    Attributes:
        plan: the argument of the world process.
        authority: certificate (PEM) that the client has to trust.
        pin: of the measurement server's key, as a target file names it.
    """

    plan: Path
    authority: Path
    pin: str


def prepare_world(
    folder: Path, drawn: Drawn, *, served: Places, seen: Places, now: dt.datetime
) -> Prepared:
    """Make keys, certificates and the plan of one run in `folder` (created, mode 0700).

    Args:
        folder: the run's own folder, which the process under test is never told.
        drawn: hosts, and what innocents do.
        served: where the servers listen.
        seen: where the client finds them, which is what the resolvers say.
        now: aware; certificates are valid from a day before it, by the world's clock.

    Returns:
        The plan's path (the argument of the world process), trust anchor and pin.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    plan = world_plan(folder, drawn, served=served, seen=seen)
    world_now = now + dt.timedelta(seconds=plan.ahead_s)
    authority = certificates.Authority(world_now)
    authority.write_certificate(folder / "ca.pem")
    for name, host in {**drawn.hosts, "doh": seen.doh.address}.items():
        authority.write_leaf(host, certificate=folder / f"{name}.pem", key=folder / f"{name}.key")
    for name, host in _NAMES_OF_NOBODY.items():
        certificates.write_self_signed(
            host, certificate=folder / f"{name}.pem", key=folder / f"{name}.key", now=world_now
        )
    path = folder / PLAN_NAME
    path.write_bytes(msgspec.json.encode(plan))
    return Prepared(plan=path, authority=folder / "ca.pem", pin=pin_of(folder / MEASUREMENT_STATE))


def world_plan(folder: Path, drawn: Drawn, *, served: Places, seen: Places) -> WorldPlan:
    """What the servers are to do, and where; pure.

    Args:
        folder: as of `prepare_world`.
        drawn: likewise.
        served: likewise.
        seen: likewise.
    """
    portal = bool(_of_kind(drawn, "captive_portal"))
    return WorldPlan(
        folder=str(folder),
        origins=tuple(_origin(role, drawn, served, portal=portal) for role in ROLES),
        resolvers=_resolvers(drawn, served=served, seen=seen, portal=portal),
        block_pages=tuple(a for a in (served.block_page, served.block_page6) if a),
        ports=(served.https_port, served.http_port),
        measurement=_measurement(drawn, served, portal=portal),
        flood=served.flood,
        login=_url_of_login(seen) if portal else "",
        silent=tuple(_six(served)) if _of_kind(drawn, "ipv6_broken") else (),
        http3=not (portal or _of_kind(drawn, "quic_closed")),
        ahead_s=sum(innocent.offset_s for innocent in _of_kind(drawn, "clock_off")),
    )


def unanswered(plan: WorldPlan) -> dict[Endpoint, Conduct]:
    """TCP places of a plan at which no connection is accepted: `refuse` or `silent`.

    A relay in front of such a place must not accept for it either.
    """
    found: dict[Endpoint, Conduct] = {}
    for origin in plan.origins:
        ports = [origin.https_port, origin.http_port, origin.telegram_port]
        if origin.conduct in ("refuse", "silent"):
            closed = ports
        else:
            closed = ports[2:] if origin.conduct in CLOSED_TO_TELEGRAM else []
        how: Conduct = "silent" if origin.conduct == "silent" else "refuse"
        for address in origin.addresses:
            found.update({Endpoint(address, port): how for port in closed if port is not None})
    servers = [(m.listen, m.conduct) for m in plan.measurement]
    servers += [(r.listen, r.conduct) for r in plan.resolvers if r.tls]
    found.update({listen: how for listen, how in servers if how in ("refuse", "silent")})
    return found


def _of_kind(drawn: Drawn, kind: str, role: str = "") -> list[Innocent]:
    """The innocents of a kind, and of a role where one is given."""
    return [
        innocent
        for innocent in drawn.scenario.innocents
        if innocent.kind == kind and (not role or role in innocent.services)
    ]


def _origin(role: str, drawn: Drawn, served: Places, *, portal: bool) -> Origin:
    speaks_telegram = served.origins[role] == served.mtproto.address
    return Origin(
        role=role,
        host=drawn.hosts[role],
        addresses=served.addresses_of(role),
        https_port=served.https_port,
        http_port=served.http_port,
        rate_bps=_server_rate_bps(drawn, role),
        conduct="portal" if portal else _conduct(drawn, role),
        telegram_port=served.mtproto_port if speaks_telegram else None,
    )


def _conduct(drawn: Drawn, role: str) -> Conduct:
    if down := _of_kind(drawn, "site_down", role):
        return down[0].how
    if _of_kind(drawn, "geo_refusal", role):
        return "geo"
    return "withhold" if _of_kind(drawn, "own_refusal", role) else "serve"


def _server_rate_bps(drawn: Drawn, role: str) -> float | None:
    """The rate of a role's slow server; the lowest where several innocents name it."""
    rates = [
        rate_bps
        for innocent, rate_bps in zip(
            drawn.scenario.innocents, drawn.innocent_rates_bps, strict=True
        )
        if innocent.kind == "slow_server" and role in innocent.services
    ]
    return min(rates, default=None)


def _resolvers(drawn: Drawn, *, served: Places, seen: Places, portal: bool) -> tuple[Resolver, ...]:
    """The ISP's, the public one, the public one inside TLS, and the measurement server's own."""
    elsewhere = {role for innocent in _of_kind(drawn, "cdn") for role in innocent.services}
    near = {host: _addresses(role, seen) for role, host in drawn.hosts.items()}
    far = {
        host: _addresses(role, seen, mirror=role in elsewhere) for role, host in drawn.hosts.items()
    }
    beside = {host: _addresses(role, served) for role, host in drawn.hosts.items()}
    deaf = {name for innocent in _of_kind(drawn, "no_dns") for name in innocent.resolvers}
    everything = (seen.block_page,) if portal else ()

    def resolver(name: str, listen: Endpoint, zone: dict[str, tuple[str, ...]]) -> Resolver:
        tls = name == "doh"
        conduct: Conduct = "portal" if portal and tls else "silent" if name in deaf else "serve"
        zone = {} if portal else zone
        return Resolver(listen=listen, zone=zone, else_=everything, tls=tls, conduct=conduct)

    return (
        resolver("isp", served.resolver, near),
        resolver("public", served.public_resolver, far),
        resolver("doh", served.doh, far),
        Resolver(listen=_own_resolver(served), zone=beside),
    )


def _addresses(role: str, seen: Places, *, mirror: bool = False) -> tuple[str, ...]:
    first = seen.mirrors[role] if mirror else seen.origins[role]
    return tuple(address for address in (first, seen.origins6.get(role, "")) if address)


def _measurement(drawn: Drawn, served: Places, *, portal: bool) -> tuple[Measurement, ...]:
    """Both addresses of the measurement server, and the IPv6 one where there is IPv6."""
    dead = _of_kind(drawn, "server_dead")
    conduct: Conduct = "portal" if portal else dead[0].how if dead else "serve"
    everywhere = (served.measurement, served.second_measurement, served.measurement6)
    return tuple(
        Measurement(
            listen=listen,
            conduct=conduct,
            networks=tuple(sorted(set(_sites(served)))),
            hosts=(*drawn.hosts.values(), served.mtproto.address),
            ports=(served.https_port, served.http_port, served.mtproto_port),
            resolver=_own_resolver(served),
        )
        for listen in everywhere
        if listen is not None
    )


def _own_resolver(served: Places) -> Endpoint:
    """Whom the measurement server asks: a resolver beside it, which no line lies before."""
    return Endpoint(served.measurement.address, served.resolver.port)


def _sites(served: Places) -> Iterator[str]:
    for role in ROLES:
        for address in served.addresses_of(role):
            yield f"{address}/{128 if ':' in address else 32}"


def _six(served: Places) -> Iterator[str]:
    """Every IPv6 address that anything listens at."""
    yield from served.origins6.values()
    if served.measurement6 is not None:
        yield served.measurement6.address


def _url_of_login(seen: Places) -> str:
    port = "" if seen.http_port == 80 else f":{seen.http_port}"
    return f"http://{seen.block_page}{port}/login"
