"""What the censor does to DNS, datagram by datagram; answers are read by dnspython."""

from __future__ import annotations

import random
from typing import Any

import dns.message
import dns.rcode
import pytest

from evenfall.lab import names
from evenfall.lab.censor import Censor, Decision
from evenfall.lab.censor_dns import HANDED_OVER_MAX
from evenfall.lab.packets import Packet, build_udp, pack_address, parse_ip
from evenfall.lab.scenario import CensorRule

CLIENT = pack_address("192.168.1.2")
ISP, PUBLIC = pack_address("198.51.100.53"), pack_address("198.51.100.54")
NOBODY = pack_address("203.0.113.99")
LIE, LIE6, TRUE = "203.0.113.90", "2001:db8:113::90", "203.0.113.11"


def censor_of(action: str, *, lie6: str = "", **options: Any) -> Censor:
    """A censor with one rule of DNS against `video`."""
    rule = CensorRule(action=action, **{"services": ("video",), **options})  # type: ignore[arg-type]  # (options)
    return Censor(
        (rule,),
        hosts={"video": "video.test"},
        addresses={},
        resolver=ISP,
        lie=LIE,
        lie6=lie6,
        block_page=bytes,
        minute_of_day=lambda _: 0.0,
        rng=random.Random(1),  # noqa: S311 (seeded)
    )


def parsed(data: bytes) -> Packet:
    """A packet that must be readable."""
    packet = parse_ip(data)
    assert packet is not None
    return packet


def query(name: str, resolver: bytes = ISP, *, kind: str = "A", number: int = 77) -> Packet:
    """A query as dnspython writes it."""
    wire = dns.message.make_query(name, kind, id=number).to_wire()
    client = CLIENT if len(resolver) == 4 else pack_address("2001:db8:1::2")
    return parsed(build_udp((client, 5353), (resolver, 53), wire))


def said(packet: bytes) -> dns.message.Message:
    """The message in a forged packet."""
    return dns.message.from_wire(parsed(packet).payload)


def addresses_in(message: dns.message.Message) -> list[str]:
    """Every address of an answer."""
    return [item.address for answer in message.answer for item in answer]


def passed(decision: Decision) -> bool:
    """It goes on at once, and nothing was forged."""
    return decision.leave_s is not None and not decision.to_client and not decision.to_server


ACTIONS = ["dns.lie", "dns.nxdomain", "dns.inject", "dns.drop", "dns.hijack"]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", ["news.test", "notvideo.test", "test"])
def test_other_names_pass_at_the_isps_resolver(action: str, name: str) -> None:
    """No action touches another name there; a hijack would hand it over to whom it goes anyway."""
    assert passed(censor_of(action).judge(query(name), 1.0, upwards=True))


@pytest.mark.parametrize("action", ACTIONS)
def test_answers_and_noise_pass(action: str) -> None:
    """What is no query is not touched, whichever way it goes."""
    answer = names.answer(query("video.test").payload, {"video.test": TRUE})
    assert answer is not None
    down = parsed(build_udp((ISP, 53), (CLIENT, 5353), answer))
    assert passed(censor_of(action).judge(down, 1.0, upwards=False))
    noise = parsed(build_udp((CLIENT, 5353), (ISP, 53), b"\x00no dns"))
    assert passed(censor_of(action).judge(noise, 1.0, upwards=True))


@pytest.mark.parametrize(
    ("action", "hit"),
    [("dns.lie", False), ("dns.nxdomain", False), ("dns.drop", False), ("dns.inject", True)],
)
def test_which_resolvers_are_meant(action: str, hit: bool) -> None:
    """Left out, the ISP's alone but for what sits on the path; said, as it is said."""
    asked = query("video.test", PUBLIC)
    assert passed(censor_of(action).judge(asked, 1.0, upwards=True)) is not hit
    everywhere = censor_of(action, isp_resolver_only=False)
    assert not passed(everywhere.judge(asked, 1.0, upwards=True))
    nearby = censor_of(action, isp_resolver_only=True)
    assert passed(nearby.judge(asked, 1.0, upwards=True))
    assert not passed(nearby.judge(query("video.test"), 1.0, upwards=True))


def test_no_such_name() -> None:
    """The query is swallowed; NXDOMAIN comes with its number, for both kinds of address."""
    for kind in ("A", "AAAA"):
        decision = censor_of("dns.nxdomain").judge(
            query("www.Video.test", kind=kind), 1.0, upwards=True
        )
        assert decision.leave_s is None
        message = said(decision.to_client[0])
        assert message.id == 77
        assert message.rcode() == dns.rcode.NXDOMAIN


def test_silence() -> None:
    """A dropped query is dropped, and nothing is said."""
    decision = censor_of("dns.drop").judge(query("video.test"), 1.0, upwards=True)
    assert decision == Decision(leave_s=None)


def test_an_injected_answer_races_the_true_one() -> None:
    """The query goes on at once and a lie leaves for the client at the same moment."""
    decision = censor_of("dns.inject").judge(query("video.test", PUBLIC), 3.0, upwards=True)
    assert decision.leave_s == 3.0
    assert not decision.to_server
    forged = parsed(decision.to_client[0])
    assert (forged.source, forged.source_port) == (PUBLIC, 53)
    assert addresses_in(said(decision.to_client[0])) == [LIE]


def test_what_is_injected_has_both_families() -> None:
    """AAAA is raced with the IPv6 lie, and left alone where there is none."""
    asked = query("video.test", PUBLIC, kind="AAAA")
    assert passed(censor_of("dns.inject").judge(asked, 3.0, upwards=True))
    decision = censor_of("dns.inject", lie6=LIE6).judge(asked, 3.0, upwards=True)
    assert decision.leave_s == 3.0
    assert addresses_in(said(decision.to_client[0])) == [LIE6]


@pytest.mark.parametrize("resolver", [ISP, PUBLIC, NOBODY])
def test_a_hijack_lies_for_its_names_at_every_address(resolver: bytes) -> None:
    """Also where nobody runs a resolver."""
    decision = censor_of("dns.hijack").judge(query("video.test", resolver), 1.0, upwards=True)
    assert decision.leave_s is None
    assert parsed(decision.to_client[0]).source == resolver
    assert addresses_in(said(decision.to_client[0])) == [LIE]


@pytest.mark.parametrize("services", [("video",), ()])
@pytest.mark.parametrize("asked_address", [PUBLIC, NOBODY])
def test_a_hijack_hands_other_names_to_the_isps_resolver(
    services: tuple[str, ...], asked_address: bytes
) -> None:
    """The ISP's resolver is asked by the client, and its answer comes from who was asked."""
    censor = censor_of("dns.hijack", services=services)
    asked = query("news.test", asked_address)
    decision = censor.judge(asked, 1.0, upwards=True)
    assert decision.leave_s is None
    moved = parsed(decision.to_server[0])
    assert (moved.source, moved.source_port) == (CLIENT, 5353)
    assert (moved.destination, moved.destination_port) == (ISP, 53)
    assert moved.payload == asked.payload
    answer = names.answer(moved.payload, {"news.test": TRUE})
    assert answer is not None
    back = parsed(build_udp((ISP, 53), (CLIENT, 5353), answer))
    given = censor.judge(back, 2.0, upwards=False)
    assert given.leave_s is None
    assert parsed(given.to_client[0]).source == asked_address
    assert parsed(given.to_client[0]).payload == answer
    assert passed(censor.judge(back, 3.0, upwards=False)), "a second such answer is nobody's"


def test_answers_to_direct_queries_are_left_alone() -> None:
    """A query to the ISP's own resolver, and its answer, keep their addresses."""
    censor = censor_of("dns.hijack", services=())
    asked = query("news.test")
    assert passed(censor.judge(asked, 1.0, upwards=True))
    back = parsed(build_udp((ISP, 53), (CLIENT, 5353), asked.payload))
    assert passed(censor.judge(back, 2.0, upwards=False))


def test_queries_handed_over_are_forgotten_in_the_end() -> None:
    """The oldest goes when there are too many; the newest is still given back."""
    censor = censor_of("dns.hijack", services=())
    for number in range(HANDED_OVER_MAX + 1):
        censor.judge(query("news.test", PUBLIC, number=number), 1.0, upwards=True)

    def back(number: int) -> Packet:
        wire = dns.message.make_query("news.test", "A", id=number).to_wire()
        return parsed(build_udp((ISP, 53), (CLIENT, 5353), wire))

    assert passed(censor.judge(back(0), 2.0, upwards=False))
    assert not passed(censor.judge(back(HANDED_OVER_MAX), 2.0, upwards=False))


@pytest.mark.parametrize(("families", "hit"), [((4,), False), ((6,), True), ((4, 6), True)])
def test_queries_over_ipv6(families: tuple[int, ...], hit: bool) -> None:
    """A query to a resolver's IPv6 address is hit if the rule acts on that family."""
    asked = query("video.test", pack_address("2001:db8:113::53"))
    censor = censor_of("dns.inject", families=families)
    assert passed(censor.judge(asked, 1.0, upwards=True)) is not hit
