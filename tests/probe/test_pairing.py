"""The pairs of a whole round on a network in memory: names, servers, hellos, directions, time."""

from __future__ import annotations

import random
import statistics

import pytest

from evenfall.infer.facts import sort_pairs
from evenfall.infer.weigh import pair_x, weigh
from evenfall.model.target import MeasurementServer
from evenfall.model.vocabulary import Answer, Arm, Direction, Fact, Scope, State
from evenfall.net.fake import Host, Rule
from evenfall.net.fake_stream import Line
from evenfall.probe.pairing import PairingStage
from evenfall.probe.random_names import random_name

from .conftest import CONTROLS, SERVER, SERVICES, World

SECOND = ("203.0.113.81", 8443)
UP, DOWN = Direction.UPLOAD, Direction.DOWNLOAD


def transfers(result):
    """All arms, in order."""
    return [o for o in result.observations if o.fact is Fact.TRANSFER]


def pairs(result):
    """All pairs, in order."""
    return sort_pairs(result.observations)


def with_two_servers(world: World):
    """A target file that lists the same server at two addresses."""
    world.network.at[SECOND] = Host(peer=world.server_peer, line=world.line)
    servers = tuple(
        MeasurementServer(url=f"https://{a}:{p}", pin=world.pki.identity.pin)
        for a, p in (SERVER, SECOND)
    )
    return world.targets(servers=servers)


def slow_uploads(world: World, name: str, **changes):
    """Our server, with a policer of uploads on this name before it."""
    rule = Rule(action="slow", contains=name.encode(), rate_bps=64_000, direction="up")
    world.put_server(rules=(rule,), **changes)


def test_a_healthy_round(world):
    """Innocent: at most 8 s of pairs, two of them null, and every upload looked at."""
    result = world.check()
    assert result.answer is Answer.OK
    arms = transfers(result)
    took_s = (arms[-1].started_us + arms[-1].duration_us - arms[0].started_us) / 1e6
    assert took_s <= 8.0
    assert result.duration_s <= 20.0
    assert sum(p.is_null for p in pairs(result)) == 2
    screened = {p.target.target for p in pairs(result) if p.target.direction is UP}
    assert len(screened) == len(SERVICES)
    assert max(o.size_bytes for o in arms) == 524_288


def test_null_pairs_hold_a_control_against_a_name_that_nobody_knows(world):
    """The neutral arm has a control's host, the other a fresh name; never the same twice."""
    nulls = [p for p in pairs(world.check()) if p.is_null]
    hosts = {f"{name}.test" for name in CONTROLS}
    names = [p.target.sni for p in nulls]
    assert {p.neutral.sni for p in nulls} <= hosts
    assert not set(names) & (hosts | {f"{name}.test" for name in SERVICES})
    assert len(set(names)) == len(names) == 2


def test_the_servers_own_neutral_name_wins(world):
    """`neutral` of the target file is sent in every neutral arm."""
    server = MeasurementServer(
        url=f"https://{SERVER[0]}:{SERVER[1]}", pin=world.pki.identity.pin, neutral="quiet.test"
    )
    result = world.check(targets=world.targets(servers=(server,)))
    assert {o.sni for o in transfers(result) if o.arm is Arm.NEUTRAL} == {"quiet.test"}


def test_names_are_names():
    """A thousand random names are different, valid host names."""
    rng = random.Random(1)  # noqa: S311 (names)
    names = [random_name(rng) for _ in range(1000)]
    assert len(set(names)) == 1000
    assert all(len(label) <= 63 for name in names for label in name.split("."))
    assert all(name.isascii() and name.islower() for name in names)


@pytest.mark.parametrize("victim", SERVICES[:2])
def test_slow_uploads_alone_are_found(world, victim):
    """The page is fast and downloads are fine: slowed by name, direction upload."""
    slow_uploads(world, f"{victim}.test")
    result = world.check()
    said = weigh(pairs(result), f"{victim}/front")
    assert said.convicted == (UP,)
    verdict = next(v for v in result.judged.verdicts if v.target == f"{victim}/front")
    assert (verdict.state, verdict.scope) == (State.SLOWED, Scope.TARGETED)
    assert verdict.direction == (UP,)
    others = [v for v in result.judged.verdicts if v.target != f"{victim}/front"]
    assert all(v.scope is not Scope.TARGETED for v in others)


def test_uploads_that_are_slow_for_everybody_convict_nobody(world):
    """Innocent: a line with a thin uplink."""
    world.put_server(rules=(Rule(action="slow", rate_bps=300_000, direction="up"),))
    result = world.check()
    assert all(not weigh(pairs(result), f"{name}/front").convicted for name in SERVICES)


def test_both_arms_of_a_pair_share_server_and_hello(world):
    """Addresses and ClientHellos take turns between pairs and never within one."""
    rule = Rule(action="slow", contains=b"social.test", rate_bps=64_000)
    targets = with_two_servers(world)
    world.put("social", rules=(rule,))
    result = world.check(targets=targets)
    seen = pairs(result)
    assert all(p.target.address == p.neutral.address for p in seen)
    assert all(p.target.hello_profile == p.neutral.hello_profile for p in seen)
    own = [p for p in seen if p.target.target == "social/front" and p.target.direction is DOWN]
    combinations = {(p.target.address, p.target.hello_profile) for p in own[:4]}
    assert len(own) >= 4
    assert len(combinations) == 4


def test_without_the_extra_there_is_one_hello(world, monkeypatch):
    """Everything works with the standard library's ClientHello alone."""
    monkeypatch.setattr("evenfall.probe.pairing.available", lambda: ("stdlib",))
    result = world.check()
    assert {o.hello_profile for o in transfers(result)} == {"stdlib"}
    assert result.answer is Answer.OK


def test_the_order_of_the_arms_is_drawn(world):
    """Over a few rounds either arm goes first about as often."""
    firsts = []
    for seed in range(3):
        firsts += [p.target.position for p in pairs(World(world.pki).check(seed=seed))]
    assert 0.25 < statistics.fmean(firsts) < 0.75


@pytest.mark.parametrize("rtt_s", [0.02, 0.2])
def test_time_is_kept_on_a_crawling_line(world, rtt_s):
    """Innocent: 128 kbit/s for everybody ends within 75 s, and nobody is accused."""
    slow = World(world.pki, line=Line(rtt_s=rtt_s, rate_bps=128_000))
    result = slow.check()
    assert result.duration_s <= 75.0
    assert all(v.scope is not Scope.TARGETED for v in result.judged.verdicts)


def test_a_dead_server_is_given_up(world):
    """Innocent: a server out of reach costs one pair, not the round."""
    world.put_server(on_connect="silence")
    result = world.check()
    assert len(pairs(result)) <= 1
    assert all(v.scope is not Scope.TARGETED for v in result.judged.verdicts)


def test_targets_without_a_name_have_no_pairs(world):
    """Telegram's endpoints are addresses: there is nothing to send to our server."""
    base = world.targets()
    endpoint = base.targets[0].__class__(
        target_id="messenger/app", url="mtproto://203.0.113.13:5222", role=base.targets[0].role
    )
    result = world.check(targets=world.targets(targets=(*base.targets, endpoint)))
    assert "messenger/app" not in {o.target for o in transfers(result)}


def test_no_suspect_no_pair(world):
    """Innocent: with nobody to look at, nothing is sent."""
    stage = PairingStage.__new__(PairingStage)
    stage._servers = [(None, None)]
    import asyncio

    assert asyncio.run(stage.run([], until_s=1e9)) is None


def test_scores_of_a_healthy_line_are_near_zero(world):
    """Innocent: on a line in memory the name makes no difference at all."""
    assert all(abs(pair_x(p)) < 0.2 for p in pairs(world.check()))
