"""The emulated net as data: what has to hold between its tables, with and without bad air."""

from __future__ import annotations

from evenfall.lab.netns_topology import (
    AIR_PORTS,
    CENSOR_AFTER_HOP,
    HOPS,
    LINKS,
    PLACES,
    ROUTES,
    links,
    places,
)


def test_the_hops_are_the_routers_own_addresses() -> None:
    """In order from the client; the wire lies behind the one that the record names."""
    by_namespace = {
        port.namespace: {str(address.ip) for address in port.addresses}
        for pair in LINKS
        for port in pair
        if port.interface in ("lan", "access", "isp")
    }
    for hop, router in zip(HOPS, ("home", "isp", "transit"), strict=True):
        assert hop in by_namespace[router]
    before_wire = next(near.namespace for near, far in LINKS if far.namespace == "wire")
    assert before_wire == ("home", "isp", "transit")[CENSOR_AFTER_HOP - 1]


def test_every_gateway_is_somebodys_address() -> None:
    """On a link of the interface that a route names, in both IP versions."""
    for route in ROUTES:
        ports = [p for pair in LINKS for p in pair]
        own = next(
            p for p in ports if (p.namespace, p.interface) == (route.namespace, route.interface)
        )
        assert any(route.via in address.network for address in own.addresses)
        assert any(route.via == address.ip for p in ports for address in p.addresses)


def test_the_air_changes_nothing_at_the_ends() -> None:
    """Two ports more, without addresses; every other port is as before and in the same order."""
    plain = [port for pair in links(air=False) for port in pair]
    aired = [port for pair in links(air=True) for port in pair]
    added = [port for port in aired if port.namespace == "air"]
    assert [port for port in aired if port.namespace != "air"] == plain
    assert tuple(port.interface for port in added) == AIR_PORTS
    assert not any(port.addresses for port in added)


def test_without_ipv6_nothing_has_such_an_address() -> None:
    """And everything else is where it always is."""
    here = places(ipv6=False)
    assert places(ipv6=True) == PLACES
    assert not here.origins6
    assert here.measurement6 is None
    assert here.origins == PLACES.origins
    assert all(":" not in address for role in here.origins for address in here.addresses_of(role))
