"""Which rule acts on a flow: layer, name, hours, share."""

from __future__ import annotations

import random

import pytest

from evenfall.lab.flows import Decider
from evenfall.lab.scenario import CensorRule

HOSTS = {"video": "v.test", "social": "s.test"}


def decider(*rules: CensorRule, minute: float = 0) -> Decider:
    """A decider whose clock stands."""
    return Decider(rules, hosts=HOSTS, minute_of_day=lambda: minute, rng=random.Random(1))  # noqa: S311 (seeded)


def test_layer_and_name_decide() -> None:
    """A rule about SNI acts on that name in that layer, and on names below it."""
    rule = CensorRule(action="sni.reset", services=("video",))
    ask = decider(rule).rule_for
    assert ask("sni", "v.test") is rule
    assert ask("sni", "A.V.TEST.") is rule
    assert ask("sni", "s.test") is None
    assert ask("sni", "xv.test") is None
    assert ask("sni", "") is None
    assert ask("http", "v.test") is None
    assert ask("dns", "v.test") is None


@pytest.mark.parametrize(
    ("minute", "acts"), [(1199, False), (1200, True), (1319, True), (1320, False)]
)
def test_hours_decide(minute: int, acts: bool) -> None:
    """20:00 to 22:00, half-open."""
    rule = CensorRule(action="sni.drop", services=("video",), from_local="20:00", to_local="22:00")
    assert (decider(rule, minute=minute).rule_for("sni", "v.test") is rule) is acts


def test_a_share_of_flows_is_drawn() -> None:
    """With a share of .3, about three flows in ten are hit, and the draw is the seed's."""
    rule = CensorRule(action="sni.drop", services=("video",), share=0.3)
    draws = [decider(rule).rule_for("sni", "v.test") for _ in range(3)]
    assert draws == [draws[0]] * 3  # a fresh decider of one seed draws alike
    one = decider(rule)
    hits = sum(one.rule_for("sni", "v.test") is not None for _ in range(2_000))
    assert 540 <= hits <= 660  # 600 ± 3 standard deviations


def test_the_first_rule_that_fits_acts() -> None:
    """Order in the file is order of the boxes."""
    first = CensorRule(action="sni.reset", services=("social",))
    second = CensorRule(action="sni.drop", services=("social", "video"))
    ask = decider(first, second).rule_for
    assert ask("sni", "s.test") is first
    assert ask("sni", "v.test") is second


def test_a_rule_for_all_others_spares_its_own() -> None:
    """It acts where a name was looked for, on other names and on none; not on DNS or addresses."""
    rule = CensorRule(action="sni.shape", services=("video",), others=True)
    ask = decider(rule).rule_for
    for layer in ("sni", "http", "quic", ""):
        assert ask(layer, "s.test") is rule
        assert ask(layer, "") is rule
        assert ask(layer, "www.v.test") is None
    assert ask("dns", "s.test") is None
    assert ask("ip", "s.test") is None


def test_a_rule_without_services_means_all() -> None:
    """Every name, and addresses where nobody lives."""
    rule = CensorRule(action="udp443.drop", services=())
    assert decider(rule).rule_for("udp443", "") is rule
    assert decider(rule).rule_for("udp443", "s.test") is rule
    assert decider(rule).rule_for("sni", "s.test") is None


def test_the_ip_version_decides() -> None:
    """A rule for IPv6 leaves IPv4 alone; one without says both."""
    only = CensorRule(action="sni.drop", services=("video",), families=(6,))
    assert decider(only).rule_for("sni", "v.test") is None
    assert decider(only).rule_for("sni", "v.test", family=6) is only
    both = CensorRule(action="sni.drop", services=("video",))
    assert decider(both).rule_for("sni", "v.test", family=6) is both


def test_the_caller_may_refuse_a_rule() -> None:
    """The next one that fits is taken."""
    first = CensorRule(action="dns.lie", services=("video",))
    second = CensorRule(action="dns.inject", services=("video",))
    ask = decider(first, second).rule_for
    assert ask("dns", "v.test", accepts=lambda rule: not rule.isp_alone) is second


def test_what_rules_there_are() -> None:
    """By layer, and by action while its hours last; a rule for all others belongs to each layer."""
    rule = CensorRule(action="dns.hijack", services=(), from_local="20:00", to_local="22:00")
    assert decider(rule).has("dns", "ip")
    assert not decider(rule).has("ip", "quic")
    assert decider(CensorRule(action="sni.shape", services=(), others=True)).has("quic")
    assert decider(rule, minute=1200).active("dns.hijack")
    assert not decider(rule, minute=0).active("dns.hijack")
    assert not decider(rule, minute=1200).active("dns.lie")
