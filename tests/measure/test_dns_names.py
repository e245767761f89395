"""What is asked for is foreign too: a redirect may name a host that is no name."""

from __future__ import annotations

import asyncio
import random

import pytest

from evenfall.measure.dns import is_bogon, look_up
from evenfall.measure.round import Round
from evenfall.model.target import Target
from evenfall.model.vocabulary import Role
from evenfall.net.fake import FakeNetwork

TARGET = Target(target_id="video/front", url="https://video.test/", role=Role.TARGET)


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".test", ".".join(["abcdefgh"] * 32)])
def test_no_name_is_data(host):
    """An empty label, one of 64 bytes, a name of 287: a failed lookup, and nobody was asked."""
    network = FakeNetwork()
    network.answers["198.51.100.53", 53] = lambda _: pytest.fail("nothing can be asked")
    (seen,) = asyncio.run(
        look_up(
            network, Round("r", network.clock), TARGET, host, resolver="system", family=4,
            endpoint="198.51.100.53", rng=random.Random(1),  # noqa: S311 (query ids)
        )
    )  # fmt: skip
    assert seen.failure == "dns_nxdomain_error"


@pytest.mark.parametrize(
    ("address", "expected"),
    [("64:ff9b::a00:1", True), ("64:ff9b::808:808", False), ("64:ff9b:1::808:808", True),
     ("2002:a00:1::", True), ("2002:808:808::1", False), ("2002:7f00:1::", True),
     ("::ffff:10.0.0.1", True), ("::ffff:8.8.8.8", False), ("::127.0.0.1", True),
     ("fec0::1", True), ("3fff::1", True), ("2620:fe::fe", False), ("9.9.9.9", False)],
)  # fmt: skip
def test_an_address_within_an_address(address, expected):
    """NAT64, 6to4 and mapped addresses are judged by the IPv4 address that they lead to."""
    assert is_bogon(address) is expected
