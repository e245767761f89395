"""What a drawn scenario comes to for the servers: pure, one innocent at a time, with its twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenfall.lab.cases import cases_folder, load_cases
from evenfall.lab.loopback import places
from evenfall.lab.netns_topology import PLACES
from evenfall.lab.plan import Endpoint, Origin, Places, Resolver, WorldPlan
from evenfall.lab.prepare import unanswered, world_plan
from evenfall.lab.scenario import ROLES, Innocent, draw

CLEAN_CONDUCTS = dict.fromkeys(ROLES, "serve")


def plan_of(scenario, *, served: Places = PLACES, seen: Places = PLACES) -> WorldPlan:
    """The plan of a scenario, seed 3."""
    return world_plan(Path("/run"), draw(scenario, 3), served=served, seen=seen)


def conducts(plan: WorldPlan) -> dict[str, str]:
    """Role → conduct."""
    return {origin.role: origin.conduct for origin in plan.origins}


def origin(plan: WorldPlan, role: str) -> Origin:
    """One role's machine."""
    return next(o for o in plan.origins if o.role == role)


def resolver(plan: WorldPlan, at: Endpoint, *, tls: bool = False) -> Resolver:
    """The resolver at a place."""
    return next(r for r in plan.resolvers if r.listen == at and r.tls is tls)


def test_a_clean_world_serves_everywhere(scenario_of) -> None:
    """Every role at three addresses, both families in every resolver, nothing closed."""
    plan = plan_of(scenario_of())
    assert conducts(plan) == CLEAN_CONDUCTS
    assert unanswered(plan) == {}
    assert all(len(o.addresses) == 3 for o in plan.origins)
    assert [o.role for o in plan.origins if o.telegram_port] == ["messenger"]
    for known in plan.resolvers:
        assert all(len(addresses) == 2 for addresses in known.zone.values())
        assert (known.conduct, known.else_) == ("serve", ())
    assert [m.listen for m in plan.measurement] == [
        PLACES.measurement, PLACES.second_measurement, PLACES.measurement6,
    ]  # fmt: skip
    assert (plan.http3, plan.ahead_s, plan.login) == (True, 0, "")


@pytest.mark.parametrize(
    ("kind", "how", "conduct"),
    [
        ("site_down", "refuse", "refuse"),
        ("site_down", "silent", "silent"),
        ("site_down", "error", "error"),
        ("geo_refusal", "refuse", "geo"),
        ("own_refusal", "refuse", "withhold"),
    ],
)
def test_a_sites_conduct_is_its_own(scenario_of, kind: str, how: str, conduct: str) -> None:
    """One role is told to behave otherwise, the other five serve."""
    ill = Innocent(kind=kind, services=("social",), how=how)
    assert conducts(plan_of(scenario_of(innocents=(ill,)))) == CLEAN_CONDUCTS | {"social": conduct}


def test_who_is_down_is_down_at_every_address_and_port(scenario_of) -> None:
    """Refused or silent: three addresses, two ports, and the messenger's own protocol."""
    for how in ("refuse", "silent"):
        down = Innocent(kind="site_down", services=("messenger",), how=how)
        closed = unanswered(plan_of(scenario_of(innocents=(down,))))
        assert set(closed.values()) == {how}
        assert len(closed) == 3 * 3
        assert PLACES.mtproto in closed
        assert PLACES.https("social") not in closed


def test_a_slow_server_is_slow_and_serves(scenario_of) -> None:
    """Its rate is drawn, and only its own."""
    slow = Innocent(kind="slow_server", services=("video",), rate_bps=(300e3, 300e3))
    plan = plan_of(scenario_of(innocents=(slow,)))
    assert [o.rate_bps for o in plan.origins if o.rate_bps] == [300e3]
    assert origin(plan, "video").rate_bps == 300e3
    assert conducts(plan) == CLEAN_CONDUCTS


def test_two_resolvers_of_a_cdn_give_two_addresses(scenario_of) -> None:
    """The ISP's says one address and the others the mirror's, for that site alone."""
    cdn = Innocent(kind="cdn", services=("video",))
    plan = plan_of(scenario_of(innocents=(cdn,)))
    hosts = draw(scenario_of(), 3).hosts
    near = resolver(plan, PLACES.resolver).zone
    for far in (resolver(plan, PLACES.public_resolver), resolver(plan, PLACES.doh, tls=True)):
        assert far.zone[hosts["video"]][0] == PLACES.mirrors["video"]
        assert near[hosts["video"]][0] == PLACES.origins["video"]
        assert {h: a for h, a in far.zone.items() if h != hosts["video"]} == {
            h: a for h, a in near.items() if h != hosts["video"]
        }
    assert PLACES.mirrors["video"] in origin(plan, "video").addresses


@pytest.mark.parametrize("silenced", [("isp",), ("public", "doh"), ("isp", "public", "doh")])
def test_resolvers_are_silenced_by_name(scenario_of, silenced: tuple[str, ...]) -> None:
    """Those that are named are silent, the measurement server's own never is."""
    plan = plan_of(scenario_of(innocents=(Innocent(kind="no_dns", resolvers=silenced),)))
    isp, public, doh, own = plan.resolvers
    found = {
        name
        for name, known in (("isp", isp), ("public", public), ("doh", doh))
        if known.conduct == "silent"
    }
    assert found == set(silenced)
    assert own.conduct == "serve"


def test_a_portal_stands_everywhere(scenario_of) -> None:
    """Sites, measurement server and DoH are the portal, and every name leads to it."""
    plan = plan_of(scenario_of(innocents=(Innocent(kind="captive_portal"),)))
    assert set(conducts(plan).values()) == {m.conduct for m in plan.measurement} == {"portal"}
    isp, public, doh, _ = plan.resolvers
    for known in (isp, public):
        assert (known.zone, known.else_) == ({}, (PLACES.block_page,))
    assert doh.conduct == "portal"
    assert plan.login == f"http://{PLACES.block_page}/login"
    assert not plan.http3


def test_what_is_broken_for_all(scenario_of) -> None:
    """IPv6 silent, UDP 443 deaf (and announced all the same), clocks ahead: each alone."""
    six = plan_of(scenario_of(innocents=(Innocent(kind="ipv6_broken"),)))
    assert set(six.silent) == {*PLACES.origins6.values(), PLACES.measurement6.address}
    quic = plan_of(scenario_of(innocents=(Innocent(kind="quic_closed"),)))
    assert not quic.http3
    clock = plan_of(scenario_of(innocents=(Innocent(kind="clock_off", offset_s=7200),)))
    assert clock.ahead_s == 7200
    for plan in (six, quic, clock):
        assert conducts(plan) == CLEAN_CONDUCTS


@pytest.mark.parametrize("how", ["refuse", "silent"])
def test_a_dead_measurement_server_is_dead_at_both_addresses(scenario_of, how: str) -> None:
    """And nothing else is."""
    closed = unanswered(plan_of(scenario_of(innocents=(Innocent(kind="server_dead", how=how),))))
    assert set(closed) == {PLACES.measurement, PLACES.second_measurement, PLACES.measurement6}
    assert set(closed.values()) == {how}


def test_the_measurement_server_asks_beside_the_line(scenario_of) -> None:
    """On loopback its resolver gives the servers' addresses, not the relays'; it may visit them."""
    served, seen = places(20, side=1), places(20, side=0)
    plan = plan_of(scenario_of(), served=served, seen=seen)
    measurement = plan.measurement[0]
    assert measurement.resolver is not None
    zone = resolver(plan, measurement.resolver).zone
    assert {addresses[0] for addresses in zone.values()} == set(served.origins.values())
    assert set(measurement.hosts) == {*zone, served.mtproto.address}
    assert f"{served.origins['video']}/32" in measurement.networks
    assert not any(seen.origins["video"] in network for network in measurement.networks)
    said = resolver(plan, served.resolver).zone
    assert {addresses[0] for addresses in said.values()} == set(seen.origins.values())


def test_addresses_and_ports_are_those_of_every_other_scenario() -> None:
    """Whatever the case, the client looks for the same places; only conducts differ."""
    plans = [
        world_plan(Path("/run"), draw(case, 3), served=PLACES, seen=PLACES)
        for case in load_cases(cases_folder())
    ]
    assert len({tuple((o.role, o.addresses, o.https_port) for o in p.origins) for p in plans}) == 1
    assert len({tuple(str(r.listen) for r in p.resolvers) for p in plans}) == 1
    assert len({tuple(str(m.listen) for m in p.measurement) for p in plans}) == 1
