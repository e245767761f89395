"""Where consent was implied, nothing leaves the lab: redirects, answers, servers."""

from __future__ import annotations

import asyncio

import pytest

from evenfall.model.target import MeasurementServer
from evenfall.net.api import NetworkFailure
from evenfall.net.fake import FakeNetwork, Host
from evenfall.probe.consent import is_lab_network, lab_blocks
from evenfall.probe.places import LabBlocks, is_off_limits
from evenfall.probe.sealed import SealedNetwork

OUTSIDE = [
    "93.184.216.34", "2620:fe::fe", "64:ff9b::5db8:d822", "2002:5db8:d822::1", "10.0.0.1",
    "192.168.1.1", "169.254.169.254", "127.0.0.1", "fd00::1", "::ffff:10.0.0.1", "100.100.100.200",
]  # fmt: skip
"""Public, private, of a cloud's metadata; and this machine, where the list names documentation."""
ON_PAPER = LabBlocks(paper=True, loopback=False)


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
    """A lab's site redirects to an address that is not the lab's: seen, and not followed."""
    world.network.families.add(6)
    redirecting(world, f"http://[{address}]:22/x" if ":" in address else f"http://{address}:22/x")
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


@pytest.mark.parametrize("address", ["93.184.216.34", "10.0.0.1", "169.254.169.254", "127.0.0.1"])
def test_a_resolver_does_not_lead_out(world, address):
    """A lab's resolver answers with a place outside: kept as an answer, never connected to."""
    world.zone["video.test"] = world.public_zone["video.test"] = address
    world.zone["measure.test"] = address
    server = MeasurementServer(url="https://measure.test:8443", pin=world.pki.identity.pin)
    result = world.check(targets=world.targets(servers=(server,)))
    assert any(address in (o.answers or ()) for o in result.observations)
    assert address not in places(world)


def test_outside_a_lab_redirects_are_followed(world):
    """With a public second resolver the same list is no lab: it goes there."""
    redirecting(world, f"http://{OUTSIDE[0]}/")
    world.check(targets=world.targets(public_resolver="9.9.9.9"))
    assert OUTSIDE[0] in places(world)


@pytest.mark.parametrize(
    ("address", "is_visited"), [("10.0.0.1", True), ("169.254.169.254", False)]
)
def test_a_test_network_that_asked_may_be_private(world, address, is_visited):
    """Agreed to, with a `ca_file`: a private address is what is wanted, a cloud's secrets never."""
    redirecting(world, f"http://{address}/latest")
    world.check(targets=world.targets(public_resolver="9.9.9.9"))
    assert (address in places(world)) is is_visited
    world.zone["social.test"] = world.public_zone["social.test"] = address
    world.check(targets=world.targets(public_resolver="9.9.9.9"))
    assert (address in places(world)) is is_visited


def test_the_kinds_are_those_of_the_list(world):
    """Documentation addresses open no loopback, and the other way round."""
    assert lab_blocks(world.targets()) == ON_PAPER
    local = {"resolver": "127.13.0.53:44053", "public_resolver": "[::1]:44053"}
    there = lab_blocks(world.targets(**local, servers=()))
    assert there == LabBlocks(paper=False, loopback=True)
    assert there.hold("127.1.2.3")
    assert not there.hold("203.0.113.9")
    assert not there.hold("::ffff:127.0.0.1")
    assert lab_blocks(world.targets(**local)) == LabBlocks(paper=True, loopback=True)


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.1", "[fd00::1]", "100.64.0.1"])
def test_a_private_address_in_the_list_is_no_lab(world, host):
    """It may be the person's own router: somebody is to be asked."""
    server = MeasurementServer(url=f"https://{host}:8443", pin=world.pki.identity.pin)
    assert is_lab_network(world.targets())
    assert not is_lab_network(world.targets(servers=(server,)))


@pytest.mark.parametrize(
    "address",
    ["169.254.1.1", "169.254.169.254", "fe80::1", "224.0.0.1", "ff02::1", "0.1.2.3", "::",
     "255.255.255.255", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254",
     "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "fe80::1%lo", "x", ""],
)  # fmt: skip
def test_off_limits(address):
    """Nobody's list, redirect or resolver leads there."""
    assert is_off_limits(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "8.8.8.8", "203.0.113.9", "fd00::1"])
def test_not_off_limits(address):
    """Innocent: private addresses are another question."""
    assert not is_off_limits(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_gate(address):
    """Whoever asks for it: no connection, no datagram, no question to the system's resolver."""
    inner = FakeNetwork()
    network = SealedNetwork(inner, ON_PAPER)
    for step in (
        lambda: network.connect(address, 443, timeout_s=1),
        lambda: network.ask(address, 53, b"x", timeout_s=1),
        lambda: network.resolve("video.test", family=4, timeout_s=1),
    ):
        with pytest.raises(NetworkFailure, match="outside the lab"):
            asyncio.run(step())
    assert not inner.connects


def test_the_gate_lets_the_lab_through():
    """Documentation and benchmark addresses are this lab."""

    async def all_of_them() -> None:
        for address in ("192.0.2.1", "203.0.113.11", "198.18.0.1", "2001:db8::1"):
            inner.at[address, 443] = Host()
            await network.connect(address, 443, timeout_s=4)

    inner = FakeNetwork()
    inner.families.add(6)
    network = SealedNetwork(inner, ON_PAPER)
    asyncio.run(all_of_them())
    assert len(inner.connects) == 4
