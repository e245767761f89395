"""What the censor does to other datagrams: QUIC by name (hellos of aioquic), ports, addresses."""

from __future__ import annotations

import random
from typing import Any

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from evenfall.lab.censor import Censor
from evenfall.lab.censor_udp import IDLE_S
from evenfall.lab.packets import Packet, build_udp, pack_address, parse_ip
from evenfall.lab.scenario import CensorRule

CLIENT, CLIENT6 = pack_address("192.168.1.2"), pack_address("2001:db8:1::2")
VIDEO, NEWS = pack_address("203.0.113.11"), pack_address("203.0.113.15")
VIDEO6 = pack_address("2001:db8:113::11")
ELSEWHERE = pack_address("203.0.113.200")


class Bench:
    """A censor with one rule, and datagrams at a time that is turned by hand."""

    def __init__(self, action: str, **options: Any) -> None:
        rule = CensorRule(action=action, **{"services": ("video",), **options})  # type: ignore[arg-type]  # (options)
        self.now_s = 0.0
        self.minute = 0.0
        self.censor = Censor(
            (rule,),
            hosts={"video": "video.test", "news": "news.test"},
            addresses={VIDEO: "video.test", VIDEO6: "video.test", NEWS: "news.test"},
            resolver=bytes(4),
            lie="203.0.113.90",
            block_page=bytes,
            minute_of_day=lambda _: self.minute,
            rng=random.Random(1),  # noqa: S311 (seeded)
        )

    def up(
        self, payload: bytes, server: bytes = VIDEO, *, port: int = 443, ours: int = 5000
    ) -> bool:
        """Whether a datagram of the client passes."""
        client = CLIENT if len(server) == 4 else CLIENT6
        return self._passes(build_udp((client, ours), (server, port), payload), upwards=True)

    def down(
        self, payload: bytes, server: bytes = VIDEO, *, port: int = 443, ours: int = 5000
    ) -> bool:
        """Whether a datagram of the server passes."""
        client = CLIENT if len(server) == 4 else CLIENT6
        return self._passes(build_udp((server, port), (client, ours), payload), upwards=False)

    def _passes(self, data: bytes, *, upwards: bool) -> bool:
        packet: Packet | None = parse_ip(data)
        assert packet is not None
        decision = self.censor.judge(packet, self.now_s, upwards=upwards)
        assert not decision.to_client
        assert not decision.to_server
        return decision.leave_s is not None


def flight(name: str, *, long: bool = False) -> list[bytes]:
    """The client's first datagrams; `long`: two of them."""
    alpn = ["h3", *(f"{n:03}" + "x" * 97 for n in range(15 if long else 0))]
    configuration = QuicConfiguration(is_client=True, server_name=name, alpn_protocols=alpn)
    client = QuicConnection(configuration=configuration)
    client.connect(("203.0.113.11", 443), now=0.0)
    return [data for data, _ in client.datagrams_to_send(now=0.0)]


@pytest.mark.parametrize("server", [VIDEO, ELSEWHERE, VIDEO6])
def test_quic_is_dropped_by_name_at_any_address(server: bytes) -> None:
    """From the hello on nothing passes, either way; another flow is judged for itself."""
    bench = Bench("quic.drop")
    (hello,) = flight("video.test")
    assert not bench.up(hello, server)
    assert not bench.up(b"\x40more", server)
    assert not bench.down(b"\x40answer", server)
    (other,) = flight("news.test")
    assert bench.up(other, server, ours=5001)
    assert bench.down(b"\x40answer", server, ours=5001)


@pytest.mark.parametrize("name", ["news.test", "notvideo.test", "video.test.example"])
def test_other_names_pass(name: str) -> None:
    """At the service's own address too, and all that follows."""
    bench = Bench("quic.drop")
    assert all(bench.up(datagram) for datagram in flight(name, long=True))
    assert all(bench.up(bytes(1200)) and bench.down(bytes(1200)) for _ in range(50))


def test_a_split_hello_is_stopped_at_its_second_half() -> None:
    """The first half has passed by then, as with TCP."""
    bench = Bench("quic.drop")
    first, second = flight("cdn.video.test", long=True)
    assert bench.up(first)
    assert bench.down(b"\xc0acknowledged")
    assert not bench.up(second)
    assert not bench.down(b"\xc0answer")


def test_what_is_no_quic_passes() -> None:
    """Noise at port 443, and a hello at a port where nobody looks."""
    bench = Bench("quic.drop")
    assert bench.up(b"video.test")
    assert bench.up(flight("video.test")[0], port=8443, ours=5002)


def test_a_flow_is_forgotten_after_silence() -> None:
    """The same ends later are a new flow, with a new name."""
    bench = Bench("quic.drop")
    assert not bench.up(flight("video.test")[0])
    bench.now_s = IDLE_S + 1
    assert bench.up(flight("news.test")[0])


def test_udp_443_to_everybody_or_to_the_services() -> None:
    """Port 443 of UDP alone, both ways; a rule without services means all addresses."""
    everybody, services = Bench("udp443.drop", services=()), Bench("udp443.drop")
    for server, hit in ((VIDEO, True), (VIDEO6, True), (NEWS, False), (ELSEWHERE, False)):
        assert everybody.up(b"x", server) is False
        assert services.up(b"x", server) is not hit
        assert services.down(b"x", server) is not hit
        assert everybody.up(b"x", server, port=8443)
        assert services.up(b"x", server, port=8443)


@pytest.mark.parametrize("action", ["ip.drop", "ip.refuse"])
def test_datagrams_of_an_address_are_dropped(action: str) -> None:
    """At any port, both ways, also what the server sends unasked."""
    bench = Bench(action)
    assert not bench.up(b"x", port=5222)
    assert not bench.down(b"x", port=5222)
    assert not bench.down(b"x", port=7, ours=9)
    assert bench.up(b"x", NEWS, port=5222)
    assert bench.down(b"x", NEWS, port=7, ours=9)


def test_addresses_follow_the_hours() -> None:
    """A flow that was judged in the window goes on after it."""
    bench = Bench("udp443.drop", from_local="20:00", to_local="22:00")
    assert bench.up(b"x")
    bench.minute = 21 * 60.0
    assert not bench.up(b"x", ours=5001)
    bench.minute = 23 * 60.0
    assert bench.up(b"x", ours=5001)


@pytest.mark.parametrize(("families", "hit4", "hit6"), [((4,), True, False), ((6,), False, True)])
def test_families(families: tuple[int, ...], hit4: bool, hit6: bool) -> None:
    """A rule for one IP version leaves the other alone."""
    bench = Bench("quic.drop", families=families)
    (hello,) = flight("video.test")
    assert bench.up(hello) is not hit4
    assert bench.up(hello, VIDEO6) is not hit6


def test_a_rule_for_all_others_slows_what_names_nobody() -> None:
    """One bucket for QUIC of other names and for datagrams without any; not for those listed."""
    bench = Bench("sni.police", others=True, shared=True, burst_bytes=16_000)
    assert all(bench.up(d, ours=1) for d in flight("video.test"))
    assert all(bench.down(bytes(1200), ours=1) for _ in range(100))
    assert all(bench.up(d, ours=2) for d in flight("news.test"))
    got = sum(bench.down(bytes(1200), ours=2) for _ in range(100))
    assert 10 <= got <= 13
    assert bench.up(b"a call", port=3478, ours=3)
    assert sum(bench.down(bytes(1200), port=3478, ours=3) for _ in range(100)) == 0
