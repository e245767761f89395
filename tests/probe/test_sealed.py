"""Where consent was implied, nothing leaves the lab: redirects, answers, servers."""

from __future__ import annotations

import asyncio

import pytest

from evenfall.model.target import MeasurementServer
from evenfall.net.api import NetworkFailure
from evenfall.net.fake import FakeNetwork, Host
from evenfall.probe.sealed import SealedNetwork

OUTSIDE = ["93.184.216.34", "2620:fe::fe", "64:ff9b::5db8:d822", "2002:5db8:d822::1"]


def redirecting(world, location: str) -> None:
    """The video service sends everybody elsewhere."""

    async def elsewhere(stream) -> None:
        await stream.read(65_536, timeout_s=60)
        head = f"HTTP/1.1 302 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        await stream.write(head.encode(), timeout_s=60)
        stream.close()

    world.put("video", peer=world.tls("video", elsewhere))


def places(world) -> set[str]:
    """Every address that was connected to."""
    return {address for address, _ in world.network.connects}


@pytest.mark.parametrize("address", OUTSIDE)
def test_a_redirect_does_not_lead_out(world, address):
    """A lab's site redirects to a public address: seen, and not followed."""
    world.network.families.add(6)
    redirecting(world, f"http://[{address}]/" if ":" in address else f"http://{address}/")
    world.check()
    assert address not in places(world)


def test_a_redirect_to_a_real_name_is_not_even_looked_up(world):
    """The name of somebody real does not leave the lab either; one in the lab is followed."""
    redirecting(world, "https://example.com/")
    assert all(o.host != "example.com" for o in world.check().observations)
    redirecting(world, "https://news.test/")
    assert any(
        (o.target, o.host) == ("video/front", "news.test") for o in world.check().observations
    )


def test_a_resolver_does_not_lead_out(world):
    """A lab's resolver answers with a public address: kept as an answer, never connected to."""
    world.zone["video.test"] = world.public_zone["video.test"] = OUTSIDE[0]
    world.zone["measure.test"] = OUTSIDE[0]
    server = MeasurementServer(url="https://measure.test:8443", pin=world.pki.identity.pin)
    result = world.check(targets=world.targets(servers=(server,)))
    assert any(OUTSIDE[0] in (o.answers or ()) for o in result.observations)
    assert OUTSIDE[0] not in places(world)


def test_outside_a_lab_redirects_are_followed(world):
    """With a public second resolver the same list is no lab: it goes there."""
    redirecting(world, f"http://{OUTSIDE[0]}/")
    world.check(targets=world.targets(public_resolver="9.9.9.9"))
    assert OUTSIDE[0] in places(world)


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_gate(address):
    """Whoever asks for it: no connection, no datagram, no question to the system's resolver."""
    inner = FakeNetwork()
    network = SealedNetwork(inner)
    for step in (
        lambda: network.connect(address, 443, timeout_s=1),
        lambda: network.ask(address, 53, b"x", timeout_s=1),
        lambda: network.resolve("video.test", family=4, timeout_s=1),
    ):
        with pytest.raises(NetworkFailure, match="outside the lab"):
            asyncio.run(step())
    assert not inner.connects


def test_the_gate_lets_the_lab_through():
    """Loopback, documentation and private addresses are the lab."""

    async def all_of_them() -> None:
        for address in ("127.13.0.11", "203.0.113.11", "192.168.1.1", "2001:db8::1"):
            inner.at[address, 443] = Host()
            await network.connect(address, 443, timeout_s=4)

    inner = FakeNetwork()
    inner.families.add(6)
    network = SealedNetwork(inner)
    asyncio.run(all_of_them())
    assert len(inner.connects) == 4
