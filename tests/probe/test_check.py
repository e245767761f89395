"""Whole checks on a network in memory: verdicts, order, budgets, and that they always end."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter

import pytest

from evenfall.infer.surroundings import Surroundings
from evenfall.model.vocabulary import Answer, Arm, ClockState, Fact, Scope, State
from evenfall.net.api import NetworkFailure
from evenfall.net.fake import Host, Line, Rule
from evenfall.probe.budget import CHECK_BYTES_MAX
from evenfall.probe.check import CHECK_S_MAX, run_check
from evenfall.probe.session import Progress

VIDEO, SOCIAL, MESSENGER = "203.0.113.11", "203.0.113.12", "203.0.113.13"
BLOCK = "203.0.113.90"
SERVER = ("203.0.113.80", 8443)


def verdicts(result):
    """Target id → (state, scope, mechanism)."""
    return {v.target: (v.state, v.scope, v.mechanism) for v in result.judged.verdicts}


def within_limits(result):
    """No check passes 75 s or 6 MB, by clock and ledger."""
    assert result.duration_s <= CHECK_S_MAX
    assert result.bytes_spent <= CHECK_BYTES_MAX
    assert result.bytes_spent == sum(o.wire_bytes or 0 for o in result.observations)


FINE = (State.OK, Scope.UNDETERMINED, None)


def test_everything_fine(world):
    """Nothing wrong: ok three times, in under 20 s, the clock verified, no rival left open."""
    result = world.check()
    assert set(verdicts(result).values()) == {FINE}
    assert result.answer is Answer.OK
    assert result.duration_s < 20
    assert {o.clock for o in result.observations} == {ClockState.VERIFIED}
    within_limits(result)


def by_name(action, name, **options):
    """A rule at the site and before our server: the name, wherever it is sent."""
    return (Rule(action=action, contains=name.encode(), **options),)


def throttle_video(world):
    """128 kbit/s after the name, also at our server."""
    rules = by_name("slow", "video.test")
    world.put("video", rules=rules)
    world.put_server(rules=rules)


def reset_social(world):
    """A reset after the name, also at our server."""
    rules = by_name("reset", "social.test")
    world.put("social", rules=rules)
    world.put_server(rules=rules)


def drop_social(world):
    """Silence after the name, also at our server."""
    rules = by_name("silence", "social.test")
    world.put("social", rules=rules)
    world.put_server(rules=rules)


def lie_about_social(world):
    """The resolver points to a block page (HTTPS)."""
    world.put_block_page()
    world.zone["social.test"] = BLOCK


def lie_about_messenger(world):
    """The same for a plain HTTP service."""
    world.put_block_page()
    world.zone["messenger.test"] = BLOCK


def deny_social(world):
    """The resolver denies the name."""
    del world.zone["social.test"]


def drop_video_address(world):
    """No answer to a SYN."""
    world.network.at[VIDEO, 443] = Host(on_connect="silence")


PAGE = b"<title>x</title>Access to this resource is restricted"


def refusal_of_messenger(world):
    """Another page for this Host alone, at its own address: the site's own."""
    peer = world.site(bytes(300_000), by_host={"messenger.test": PAGE})
    world.network.at[MESSENGER, 80] = Host(peer=peer, line=world.line)


def page_for_messenger(world):
    """Another page for this Host wherever it is asked for."""
    refusal_of_messenger(world)
    page = world.site(PAGE, content_type="text/html")
    world.put_server(peer=world.by_host("messenger.test", page, world.server_peer))


def slow_video_server(world):
    """The site itself is slow."""
    world.put("video", line=Line(rtt_s=0.04, rate_bps=250_000))


def reset_by_the_site(world):
    """Only at its own address."""
    world.put("social", rules=by_name("reset", "social.test"))


def video_down(world):
    """503 under its own certificate."""
    world.put("video", peer=world.tls("video", world.site(b"sorry", status=503)))


def one_slow_control(world):
    """A control is slow."""
    world.put("news", line=Line(rtt_s=0.04, rate_bps=250_000))


SCENARIOS = {
    throttle_video: ("video", (State.SLOWED, Scope.TARGETED, "tls.throttle.sni"),
                     Answer.TARGETED_SLOWING),
    reset_social: ("social", (State.BLOCKED, Scope.TARGETED, "tls.reset.sni"),
                   Answer.TARGETED_BLOCKING),
    drop_social: ("social", (State.BLOCKED, Scope.TARGETED, "tls.drop.sni"),
                  Answer.TARGETED_BLOCKING),
    lie_about_social: ("social", (State.BLOCKED, Scope.TARGETED, "dns.spoof"),
                       Answer.TARGETED_BLOCKING),
    lie_about_messenger: ("messenger", (State.BLOCKED, Scope.TARGETED, "dns.spoof"),
                          Answer.TARGETED_BLOCKING),
    deny_social: ("social", (State.BLOCKED, Scope.TARGETED, "dns.nxdomain"),
                  Answer.TARGETED_BLOCKING),
    page_for_messenger: ("messenger", (State.BLOCKED, Scope.TARGETED, "http.blockpage"),
                         Answer.TARGETED_BLOCKING),
    refusal_of_messenger: ("messenger", (State.BLOCKED, Scope.UNDETERMINED, "http.blockpage"),
                           Answer.CANNOT_TELL),
    drop_video_address: ("video", (State.BLOCKED, Scope.UNDETERMINED, "ip.drop"),
                         Answer.CANNOT_TELL),
    slow_video_server: ("video", (State.SLOWED, Scope.UNDETERMINED, None), Answer.CANNOT_TELL),
    reset_by_the_site: ("social", (State.BLOCKED, Scope.UNDETERMINED, "tls.reset.sni"),
                        Answer.CANNOT_TELL),
    video_down: ("video", (State.DOWN, Scope.SERVER_SIDE, None), Answer.SITE_DOWN),
    one_slow_control: ("video", FINE, Answer.OK),
}  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("act", SCENARIOS, ids=lambda act: act.__name__)
def test_scenarios(world, act, seed):
    """One service is touched, in one way: its verdict is right, and the others are fine."""
    name, expected, answer = SCENARIOS[act]
    act(world)
    result = world.check(seed)
    found = verdicts(result)
    assert found.pop(f"{name}/front") == expected, result.judged.verdicts
    assert set(found.values()) == {FINE}
    assert result.answer is answer
    within_limits(result)


@pytest.mark.parametrize("act", [throttle_video, reset_social], ids=lambda act: act.__name__)
def test_isolated_comes_from_pairs_alone(world, act):
    """With a measurement server the verdict is isolated; without one not even targeted."""
    act(world)
    with_server = world.check()
    without = world.check(targets=world.targets(servers=()))
    assert any(v.isolated for v in with_server.judged.verdicts)
    assert not any(v.isolated for v in without.judged.verdicts)
    assert without.answer is Answer.CANNOT_TELL
    assert all(o.fact is not Fact.TRANSFER for o in without.observations)


def test_two_services_at_once(world):
    """One throttled and one reset: both verdicts, the answer is the blocking."""
    rules = by_name("slow", "video.test") + by_name("reset", "social.test")
    world.put("video", rules=rules)
    world.put("social", rules=rules)
    world.put_server(rules=rules)
    result = world.check()
    found = verdicts(result)
    assert found["video/front"][:2] == (State.SLOWED, Scope.TARGETED)
    assert found["social/front"][:2] == (State.BLOCKED, Scope.TARGETED)
    assert result.answer is Answer.TARGETED_BLOCKING
    within_limits(result)


@pytest.mark.parametrize("rate_bps", [100_000, 300_000, 1_000_000])
def test_a_slow_line_is_the_lines_matter(pki, make_world, rate_bps):
    """Everything equally slow: generalized, line_slow, within 75 s."""
    result = make_world(line=Line(rtt_s=0.05, rate_bps=rate_bps)).check()
    assert {found[:2] for found in verdicts(result).values()} == {(State.SLOWED, Scope.GENERALIZED)}
    assert result.answer is Answer.LINE_SLOW
    within_limits(result)


def test_our_server_is_asked_by_host_about_a_page_and_only_then(world):
    """A clean round asks nothing over plain HTTP; a page is asked about by both names, once."""
    assert not [o for o in world.check().observations if o.pair_id and o.fact is not Fact.TRANSFER]
    page_for_messenger(world)
    asked = [o for o in world.check().observations if o.pair_id and o.fact is Fact.HTTP_EXCHANGE]
    assert {o.arm: (o.address, o.port) for o in asked} == dict.fromkeys(Arm, SERVER)
    names = {o.arm: o.host for o in asked}
    assert names.pop(Arm.TARGET) == "messenger.test"
    assert names.pop(Arm.NEUTRAL) in {"encyclopedia.test", "news.test", "software.test"}
    assert len({o.pair_id for o in asked}) == 1


def test_a_page_without_a_server_of_ours_stays_open(make_world):
    """Nobody to ask: undetermined, though a neutral name gets another page."""
    world = make_world(has_server=False)
    refusal_of_messenger(world)
    result = world.check()
    assert verdicts(result)["messenger/front"][:2] == (State.BLOCKED, Scope.UNDETERMINED)
    assert result.answer is Answer.CANNOT_TELL


def test_a_long_way_is_not_slow(make_world):
    """Half a second of round trip on a fast line is no slow line."""
    result = make_world(line=Line(rtt_s=0.5, rate_bps=20e6)).check()
    assert result.answer is Answer.OK


def test_offline(world):
    """Nobody answers at all: not measured, and it ends."""
    world.network.at.clear()
    world.network.answers.clear()
    result = world.check()
    assert result.answer is Answer.NOT_MEASURED
    within_limits(result)


def test_no_route(world):
    """A machine without IPv4: its own side, not measured."""
    world.network.families.clear()
    assert world.check().answer is Answer.NOT_MEASURED


def test_controls_down(world):
    """All controls dead, targets alive: no conclusion."""
    for name in ("encyclopedia", "news", "software"):
        world.put(name, on_connect="silence")
    result = world.check()
    assert result.answer is Answer.CANNOT_TELL
    assert {v.rule_id for v in result.judged.verdicts} == {"check.controls_down"}
    within_limits(result)


def test_no_controls(world):
    """A list without controls is measured and not judged."""
    result = world.check(targets=world.targets(controls=()))
    assert result.answer is Answer.CANNOT_TELL
    within_limits(result)


@pytest.mark.parametrize(
    "host",
    [{"on_connect": "silence"}, {"on_connect": "refuse"},
     {"rules": (Rule(action="silence"),)}, {"rules": (Rule(action="reset"),)}],
    ids=["silent", "refused", "mute", "reset"],
)  # fmt: skip
def test_a_dead_measurement_server_accuses_nobody(world, host):
    """Without its help a throttled name is slow for an unknown reason, and the check ends."""
    world.put("video", rules=by_name("slow", "video.test"))
    world.put_server(**host)
    result = world.check()
    assert verdicts(result)["video/front"] == (State.SLOWED, Scope.UNDETERMINED, None)
    within_limits(result)


def test_a_wrong_pin_accuses_nobody(world):
    """A server with another key is no witness at all."""
    world.put("video", rules=by_name("slow", "video.test"))
    targets = world.targets()
    wrong = targets.servers[0].__class__(url=targets.servers[0].url, pin="sha256/" + "A" * 43 + "=")
    result = world.check(targets=world.targets(servers=(wrong,)))
    assert verdicts(result)["video/front"][1] is Scope.UNDETERMINED


def test_one_connection_at_a_time_to_one_address(world):
    """Three services at one address are asked one after the other."""
    open_now, most = Counter(), Counter()
    real = world.network.connect

    async def connect(address, port, *, timeout_s, receive_buffer_bytes=0):
        stream = await real(address, port, timeout_s=timeout_s)
        open_now[address] += 1
        most[address] = max(most[address], open_now[address])
        ended = False

        def once(original):
            def end():
                nonlocal ended
                if not ended:
                    ended = True
                    open_now[address] -= 1
                original()

            return end

        stream.close, stream.abort = once(stream.close), once(stream.abort)
        return stream

    world.network.connect = connect
    world.zone |= {"video.test": MESSENGER, "social.test": MESSENGER}
    world.network.at[MESSENGER, 443] = world.network.at[SOCIAL, 443]
    world.check()
    assert most.total() > 5
    assert set(most.values()) == {1}


def test_controls_and_targets_take_turns(world):
    """Between two targets there is a control, in an order that the seed draws."""
    orders = set()
    for seed in range(4):
        start = len(world.network.connects)
        world.check(seed)
        first = [a for a, _ in world.network.connects[start:]][:6]
        orders.add(tuple(first))
        is_target = [a in {VIDEO, SOCIAL, MESSENGER} for a in first]
        assert all(a != b for a, b in itertools.pairwise(is_target)), first
    assert len(orders) > 1


def test_the_budget_is_never_raised(world):
    """With 700 kB nothing passes 700 kB, and what did not fit is not measured."""
    result = world.check(bytes_max=700_000)
    assert result.bytes_spent <= 700_000
    assert any(v.rule_id == "check.not_measured" for v in result.judged.verdicts)


def test_an_endless_server_cannot_raise_it(world):
    """A page without an end is cut at its cap."""

    async def endless(stream):
        await stream.read(65_536, timeout_s=60)
        await stream.write(b"HTTP/1.1 200 OK\r\n\r\n", timeout_s=60)
        try:
            while True:
                await stream.write(bytes(65_536), timeout_s=3600)
        except NetworkFailure:
            return

    for name in ("video", "news"):
        world.put(name, peer=world.tls(name, endless))
    result = world.check()
    within_limits(result)
    bodies = [o.body_bytes for o in result.observations if o.fact is Fact.HTTP_EXCHANGE]
    assert max(bodies) <= 262_144


def test_interrupted_keeps_what_was_measured(world):
    """A cancelled check returns verdicts on what it had, and says that it was interrupted."""

    async def go():
        told = asyncio.Event()
        task = asyncio.ensure_future(
            run_check(
                world.network,
                world.targets(),
                rng=random.Random(3),  # noqa: S311 (orders and names)
                emit=told_at(told, lambda p: p.stage == "sites" and p.done == 2),
            )
        )
        await told.wait()
        task.cancel()
        return await task

    result = asyncio.run(go())
    assert result.interrupted
    assert result.observations
    assert len(result.judged.verdicts) == 3
    assert any(v.rule_id == "check.not_measured" for v in result.judged.verdicts)


def test_redirects_are_followed_and_bounded(world):
    """A redirect loop ends after three hops; a redirect to a private address is not followed."""

    async def loop(stream):
        await stream.read(65_536, timeout_s=60)
        answer = (
            b"HTTP/1.1 302 X\r\nLocation: https://video.test/again\r\nContent-Length: 0\r\n\r\n"
        )
        await stream.write(answer, timeout_s=60)
        stream.close()

    world.put("video", peer=world.tls("video", loop))
    result = world.check()
    asked = [o for o in result.observations if o.target == "video/front"]
    assert sum(o.fact is Fact.HTTP_EXCHANGE and o.status_code == 302 for o in asked) == 4
    within_limits(result)


def test_ipv6_is_measured_where_there_is_a_route(world):
    """With a route, AAAA is asked for; a dead IPv6 address does not make a service blocked."""
    world.network.families.add(6)
    result = world.check()
    assert any(o.family == 6 and o.fact is Fact.DNS_LOOKUP for o in result.observations)
    assert result.answer is Answer.OK


def test_private_addresses_are_not_connected_to(world):
    """Without `ca_file`, an answer that points into the local network is not followed."""
    world.zone["video.test"] = "192.168.1.1"
    world.public_zone["video.test"] = "192.168.1.1"
    world.check(targets=world.targets(ca_file=""))
    assert "192.168.1.1" not in {a for a, _ in world.network.connects}


def test_the_same_seed_gives_the_same_check(pki, make_world):
    """Orders and names come from the rng alone: two runs with one seed are equal."""
    runs = []
    for _ in range(2):
        world = make_world()
        throttle_video(world)
        result = world.check(9)
        runs.append(
            [(o.target, o.fact, o.sni, o.size_bytes, o.position) for o in result.observations]
        )
    assert runs[0] == runs[1]


def test_a_clock_that_is_off_is_said(make_world):
    """Servers 40 minutes ahead: observations stay unverified, the rival is not ruled out."""
    world = make_world(has_server=False)
    world.network.clock = _Behind(world.clock)
    result = world.check()
    clock = next(r for r in result.rivals if r.explanation == "clock")
    assert clock.ruled_out is False
    assert {o.clock for o in result.observations} == {ClockState.UNVERIFIED}


class _Behind:
    """The probe's own clock, 40 minutes behind everybody else's."""

    def __init__(self, clock) -> None:
        self._clock = clock

    def wall_us(self):
        return self._clock.wall_us() - 2_400_000_000

    def __getattr__(self, name):
        return getattr(self._clock, name)


def test_the_hard_end(world, monkeypatch):
    """A step that forgets its time is broken off, and the round is judged as it is."""

    async def forgetful(*_, **__):
        await asyncio.sleep(3600)

    monkeypatch.setattr("evenfall.probe.schedule._HARD_END_S", 3.0)
    monkeypatch.setattr("evenfall.probe.schedule.second_looks", forgetful)
    result = world.check()
    assert not result.interrupted
    assert result.answer is Answer.OK


def test_a_broken_off_pair_is_paid_for(world, monkeypatch):
    """What a pair that the person breaks off may have cost is on the bill."""

    async def go():
        begun = asyncio.Event()

        async def endless(*_, **__):
            begun.set()
            await asyncio.sleep(3600)

        monkeypatch.setattr("evenfall.probe.pairing.run_null_pair", endless)
        rng = random.Random(3)  # noqa: S311 (orders and names)
        task = asyncio.ensure_future(run_check(world.network, world.targets(), rng=rng))
        await begun.wait()
        task.cancel()
        return await task

    result = asyncio.run(go())
    assert result.interrupted
    assert result.bytes_spent > sum(o.wire_bytes or 0 for o in result.observations) + 131_072


def silent_at_first(world, name, *, times):
    """A resolver that says nothing to the first queries for one name."""
    asked = Counter()

    def reply(query):
        if name.encode().split(b".")[0] in query:
            asked[name] += 1
            if asked[name] <= times:
                return []
        return [(0.01, world.answer(query))]

    world.network.answers["198.51.100.53", 53] = reply
    return asked


@pytest.mark.parametrize("moved", [False, True], ids=["same_address", "another_address"])
def test_a_lookup_that_was_lost_accuses_nobody(world, moved):
    """Both datagrams of the first lookup are lost, the second lookup is answered: fine."""
    if moved:
        world.network.at["203.0.113.33", 443] = world.network.at[SOCIAL, 443]
        world.zone["social.test"] = "203.0.113.33"
    silent_at_first(world, "social.test", times=2)  # a lookup is two datagrams
    result = world.check()
    assert verdicts(result)["social/front"] == FINE
    lookups = [o for o in result.observations if o.host == "social.test" and o.family == 4]
    assert [bool(o.failure) for o in lookups if o.resolver == "system"] == [True, False]
    within_limits(result)


def test_a_resolver_that_is_silent_about_one_name(world):
    """Silence again, with time for a retry: dns.drop."""
    asked = silent_at_first(world, "social.test", times=1000)
    result = world.check()
    assert verdicts(result)["social/front"] == (State.BLOCKED, Scope.TARGETED, "dns.drop")
    assert asked["social.test"] == 4
    within_limits(result)


@pytest.mark.parametrize("lie", [True, False])
def test_two_answers_to_one_query(world, lie):
    """Both addresses are looked at: a stranger at the first is a lie, the service there is not."""
    world.put_block_page()
    other = BLOCK if lie else "203.0.113.33"
    world.network.at["203.0.113.33", 443] = world.network.at[SOCIAL, 443]

    def reply(query):
        both = [(0.01, world.answer(query, social=other)), (0.02, world.answer(query))]
        return both if b"social" in query else both[:1]

    world.network.answers["198.51.100.53", 53] = reply
    result = world.check()
    expected = (State.BLOCKED, Scope.TARGETED, "dns.injection") if lie else FINE
    assert verdicts(result)["social/front"] == expected
    assert any(o.address == other for o in result.observations)
    within_limits(result)


def test_a_vpn_reaches_the_verdict(world):
    """A throttled name behind a tunnel: nothing is said about this line."""
    throttle_video(world)
    result = world.check(surroundings=Surroundings(tunnel="wg0"))
    assert {found[0] for found in verdicts(result).values()} == {State.INSUFFICIENT}
    assert result.answer is Answer.NOT_MEASURED


def told_at(told, when):
    """An `emit` that sets the event at the first progress for which `when` holds."""
    return lambda event: told.set() if isinstance(event, Progress) and when(event) else None


def stopped(world, *, when, **options):
    """A check that is cancelled at the first progress for which `when` holds."""

    async def go():
        told = asyncio.Event()
        rng = random.Random(3)  # noqa: S311 (orders and names)
        task = asyncio.ensure_future(
            run_check(
                world.network, world.targets(), rng=rng,
                emit=told_at(told, when), **options,
            )
        )  # fmt: skip
        await told.wait()
        task.cancel()
        return await task

    return asyncio.run(go())


def test_stopped_before_a_site_was_opened_is_not_offline(world):
    """After the names: nothing is said of the line, the answer is not_measured."""
    result = stopped(world, when=lambda p: p.stage == "names" and p.done == 6)
    assert result.interrupted
    assert {v.rule_id for v in result.judged.verdicts} == {"check.not_measured"}
    assert {v.because for v in result.judged.verdicts} == {"stopped before this was measured"}
    assert result.answer is Answer.NOT_MEASURED
    assert result.judged.ground.listed == 0


@pytest.mark.parametrize("done", range(1, 7))
def test_stopped_half_way_only_what_was_finished_counts(world, done):
    """A target whose look came to its end is judged, the others are not measured; none is down."""
    result = stopped(world, when=lambda p: p.stage == "sites" and p.done == done)
    ground = result.judged.ground
    assert len(ground.sites) == ground.listed == 3 - ground.unfinished
    rules = [v.rule_id for v in result.judged.verdicts]
    judged = "check.ok" if ground.listed else "check.no_control"
    assert set(rules) <= {judged, "check.not_measured"}
    unmeasured = rules.count("check.not_measured")
    assert unmeasured + ground.unfinished <= 6 - done
    assert (result.answer is Answer.NOT_MEASURED) is (unmeasured == 3)


def test_a_second_look_that_was_broken_off_is_no_success(world):
    """A connect whose handshake never came does not make a failing site fine."""
    world.put("social", rules=by_name("reset", "social.test"))
    real = world.network.connect
    count = Counter()

    async def go():
        task = asyncio.ensure_future(
            run_check(world.network, world.targets(), rng=random.Random(3))  # noqa: S311 (orders)
        )

        async def connect(address, port, **options):
            stream = await real(address, port, **options)
            count[address] += 1
            if address == SOCIAL and count[address] == 2:
                asyncio.get_running_loop().call_soon(task.cancel)
            return stream

        world.network.connect = connect
        return await task

    result = asyncio.run(go())
    assert result.interrupted
    assert verdicts(result)["social/front"][0] in (State.BLOCKED, State.INSUFFICIENT)


def test_a_wrong_pin_is_said(world):
    """Where, and that another key was seen; a server that helps is not mentioned."""
    assert world.check().server_faults == ()
    server = world.targets().servers[0]
    wrong = server.__class__(url=server.url, pin="sha256/" + "A" * 43 + "=")
    (fault,) = world.check(targets=world.targets(servers=(wrong,))).server_faults
    assert (fault.place, fault.failure) == ("203.0.113.80:8443", "pin_mismatch")


@pytest.mark.parametrize(
    ("on_connect", "failure"),
    [("silence", "generic_timeout_error"), ("refuse", "connection_refused")],
)
def test_a_server_out_of_reach_is_said(world, on_connect, failure):
    """The same with the failure that was seen."""
    world.put_server(on_connect=on_connect)
    (fault,) = world.check().server_faults
    assert fault.failure == failure


def test_a_name_that_is_cut_is_not_the_servers_fault(world):
    """A censor that acts on one name leaves the neutral arms, and no fault is seen."""
    reset_social(world)
    assert world.check().server_faults == ()
