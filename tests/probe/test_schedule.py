"""The order of a round in a network in memory: what is told, what is not sent, how it ends."""

from __future__ import annotations

import pytest

from evenfall.infer.fingerprints import read_fingerprints
from evenfall.infer.surroundings import Surroundings
from evenfall.model.vocabulary import (
    Answer,
    Explanation,
    Fact,
    RungName,
    RungState,
    State,
)
from evenfall.net.api import Router
from evenfall.net.fake import Host, Line, Rule
from evenfall.probe.schedule import Wishes
from evenfall.probe.session import Progress, RungDone, TargetDone

TARGETS = ["video/front", "social/front", "messenger/front"]


class Way:
    """A router in memory that loses some probes."""

    name, probes_max, probe_bytes = "icmp", 20, 60

    def __init__(self, clock, lost=(), trip_s=0.003) -> None:
        self.clock, self.lost, self.trip_s, self.sent = clock, set(lost), trip_s, 0

    async def once(self, *, timeout_s: float) -> bool:
        """As `net.api.Way.once`."""
        number, self.sent = self.sent, self.sent + 1
        await self.clock.sleep(timeout_s if number in self.lost else self.trip_s)
        return number not in self.lost


def with_router(world, **options):
    """Put a router before the world."""
    way = Way(world.clock, **options)
    world.network.home = Router(family=4, ways=(way,))
    return way


def told(world, **options):
    """A check, and the events that came of it."""
    events: list[object] = []
    return world.check(emit=events.append, **options), events


def rungs(events):
    """Names of the rungs told, in order."""
    return [e.rung.name for e in events if isinstance(e, RungDone)]


def test_rungs_and_targets_are_told_in_order(world):
    """Device and router after the names, line and sites before the targets, each target once."""
    with_router(world)
    result, events = told(world)
    assert rungs(events) == [
        RungName.DEVICE, RungName.WIFI, RungName.LINE, RungName.NEUTRAL_SITES,
        RungName.DOMESTIC_SITES,
    ]  # fmt: skip
    done = [e.verdict.target for e in events if isinstance(e, TargetDone)]
    assert sorted(done) == sorted(TARGETS)
    names = [i for i, e in enumerate(events) if isinstance(e, Progress) and e.stage == "names"]
    first_site = next(
        i for i, e in enumerate(events) if isinstance(e, Progress) and e.stage == "sites"
    )
    wifi = next(i for i, e in enumerate(events) if isinstance(e, RungDone) and i > names[-1] - 3)
    assert names[-1] < wifi < first_site
    assert [r.state for r in result.ladder if r.state is RungState.BROKEN] == []
    assert sum(o.fact is Fact.GATEWAY_PROBE for o in result.observations) == 1
    assert result.duration_s < 20


def test_a_slowed_target_is_told_with_its_pairs(world):
    """The row of 6A: its own speed, the same server under another name, times of pairs."""
    rules = (Rule(action="slow", contains=b"video.test"),)
    world.put("video", rules=rules)
    world.put_server(rules=rules)
    _, events = told(world)
    video = next(
        e for e in events if isinstance(e, TargetDone) and e.verdict.target == "video/front"
    )
    assert video.verdict.state is State.SLOWED
    assert video.pairs >= 2
    assert video.slower == video.pairs
    assert video.goodput_bps is not None
    assert video.neutral_bps is not None
    assert video.neutral_bps > 5 * video.goodput_bps


def test_a_vpn_sends_nothing(world):
    """No datagram, no connection, no probe: one rung, not_measured, its own sentence."""
    way = with_router(world)
    result, events = told(world, surroundings=Surroundings(tunnel="tun0"))
    assert (result.observations, result.bytes_spent) == ((), 0)
    assert world.network.connects == []
    assert way.sent == 0
    assert result.answer is Answer.NOT_MEASURED
    assert rungs(events) == [RungName.DEVICE]
    assert "not your provider" in result.ladder[0].sentence
    assert {v.rule_id for v in result.judged.verdicts} == {"check.other_network"}


def test_through_a_vpn_it_measures_and_convicts_nobody(world):
    """Slowed by name behind a tunnel: slowed, undetermined, cannot_tell."""
    rules = (Rule(action="slow", contains=b"video.test"),)
    world.put("video", rules=rules)
    world.put_server(rules=rules)
    result = world.check(surroundings=Surroundings(tunnel="tun0", through_vpn=True))
    assert result.judged.verdicts[0].state is State.SLOWED
    assert result.answer is Answer.CANNOT_TELL
    assert "through a VPN" in result.judged.verdicts[0].scope_because


def test_proxies_are_ignored_and_said(world):
    """A proxy in the environment changes nothing; the device's row says that it is not used."""
    result = world.check(surroundings=Surroundings(tunnel="", proxies=("https_proxy",)))
    assert result.answer is Answer.OK
    assert "proxy settings are not used" in result.ladder[0].because
    vpn = next(r for r in result.rivals if r.explanation is Explanation.VPN)
    assert (vpn.ruled_out, "https_proxy" in vpn.because) == (True, True)


def test_bad_wifi_and_a_dead_site(world):
    """The router loses a fifth, one site is silent: the router's sentence, cannot_tell."""
    with_router(world, lost={3, 6, 9, 12})
    world.network.at["203.0.113.11", 443] = Host(on_connect="silence")
    result = world.check()
    assert result.ladder[-1].name is RungName.WIFI
    assert "start there" in result.ladder[-1].sentence
    assert result.answer is Answer.CANNOT_TELL


def test_bad_wifi_on_a_good_evening(world):
    """Everything opens: the answer is ok whatever the router answers."""
    with_router(world, lost={3, 6, 9, 12})
    result = world.check()
    assert result.answer is Answer.OK
    assert result.ladder[-1].state is RungState.HOLDS


def test_a_router_that_answers_late_is_not_waited_for(world):
    """Silence of the router costs at most two seconds, and the round is as it was."""
    with_router(world, lost=range(100))
    result = world.check()
    assert result.answer is Answer.OK
    assert result.ladder[1].state is RungState.NOT_TESTED
    assert result.duration_s < 20


def test_no_network_at_all(world):
    """No route: the device; nobody answers: the line. Never a verdict."""
    world.network.answers.clear()
    world.network.at.clear()
    result = world.check()
    assert (result.answer, result.ladder[-1].name) == (Answer.NOT_MEASURED, RungName.LINE)
    world.network.families = set()
    result = world.check()
    assert (result.answer, result.ladder[-1].name) == (Answer.NOT_MEASURED, RungName.DEVICE)
    assert {v.state for v in result.judged.verdicts} == {State.INSUFFICIENT}


def test_no_dns(world):
    """The provider's resolver answers with errors, the second one is fine: its own sentence."""
    world.zone.clear()
    world.network.answers["198.51.100.53", 53] = lambda query: [(0.01, _refused(query))]
    result = world.check()
    assert "No name can be looked up" in result.ladder[-1].sentence
    assert result.answer in (Answer.CANNOT_TELL, Answer.NOT_MEASURED)


def _refused(query: bytes) -> bytes:
    """The same question back, with RCODE 2 (RFC 1035 §4.1.1)."""
    return query[:2] + bytes((0x81, 0x82)) + query[4:]


@pytest.mark.parametrize("off_s", [3600, -3600])
def test_a_clock_off_by_an_hour(world, off_s):
    """Certificates are still good, the servers' time is not ours: cannot_tell, own sentence."""
    inside = world.clock.wall_us
    world.clock.step_wall(off_s)

    def theirs() -> int:
        return inside() - off_s * 1_000_000

    _serve_with(world, theirs)
    result = world.check(targets=world.targets(servers=()))
    assert result.around.clock_off_s == pytest.approx(-off_s, abs=2)
    assert "clock is wrong by" in result.ladder[0].sentence
    assert result.answer is Answer.CANNOT_TELL
    assert {v.rule_id for v in result.judged.verdicts} == {"check.clock"}


def _serve_with(world, now_us):
    """Sites whose Date is not by the client's clock."""
    clock = world.clock

    class Theirs:
        """The same clock, another wall."""

        def __getattr__(self, name):
            return getattr(clock, name)

        def wall_us(self):
            """Theirs."""
            return now_us()

    world.clock = Theirs()


def test_a_busy_processor_on_a_slow_line(make_world):
    """Everything slow and the processor taken: the device; free: the line. line_slow both times."""
    for share, name in ((1.0, RungName.DEVICE), (0.05, RungName.LINE)):
        world = make_world(line=Line(rtt_s=0.04, rate_bps=250_000))
        clock = world.clock
        result = world.check(wanted_s=lambda c=clock, s=share: s * c.monotonic_s())
        assert result.around.cpu_share == pytest.approx(share, abs=0.01)
        assert (result.answer, result.ladder[-1].name) == (Answer.LINE_SLOW, name)


def test_fingerprints_reach_the_judgement(world):
    """A page that the person's own file knows, and ours does not, is not the service's page."""
    page = b"<html><title>Sorry</title>Order 4711 of the ministry</html>"
    world.network.at["203.0.113.13", 80] = Host(
        peer=world.site(page, content_type="text/html"), line=world.line
    )
    text = "name,scope,location_found,pattern_type,pattern\nm.kz,nat,body,contains,Order 4711\n"
    known = read_fingerprints(text, where="f.csv")
    with_file = world.check(wishes=Wishes(fingerprints=known))
    assert with_file.judged.verdicts[2].state is State.BLOCKED


ASKED = {
    "nothing": Wishes(),
    "capacity": Wishes(capacity=True),
    "path": Wishes(path=True),
    "both": Wishes(capacity=True, path=True),
}


def looked_at(result):
    """Sites that were connected to."""
    return {o.target for o in result.observations if o.fact is Fact.TCP_CONNECT}


@pytest.mark.parametrize("wishes", ASKED.values(), ids=ASKED)
def test_no_look_is_left_out_for_what_was_asked_for(world, wishes):
    """Innocent: pages are shorter, every site is looked at, and all of it fits the budget."""
    result = world.check(wishes=wishes)
    assert {f"{name}/front" for name in world_names()} <= looked_at(result)
    assert result.answer is Answer.OK
    assert {v.state for v in result.judged.verdicts} == {State.OK}
    assert result.bytes_spent <= 6_000_000


@pytest.mark.parametrize("wishes", ASKED.values(), ids=ASKED)
def test_a_second_look_is_paid_for_whatever_was_asked_for(world, wishes):
    """What decides comes before what was asked for beside it."""
    for name in ("video", "social"):
        world.put(name, rules=(Rule(action="drop", contains=f"{name}.test".encode()),))
    result = world.check(wishes=wishes)
    by_target = {v.target: v for v in result.judged.verdicts}
    for name in ("video", "social"):
        assert by_target[f"{name}/front"].state is State.BLOCKED


def world_names():
    """Every site of the world."""
    return ("video", "social", "messenger", "encyclopedia", "news", "software")


@pytest.mark.parametrize("bytes_max", [30_000, 500_000, 900_000])
def test_a_site_that_could_not_be_paid_for_is_not_measured(world, bytes_max):
    """No bytes, no connect, and nothing is said of it: least of all that it does not answer."""
    result = world.check(targets=world.targets(servers=()), bytes_max=bytes_max)
    seen = looked_at(result)
    assert len(seen) < len(world_names())
    for verdict in result.judged.verdicts:
        if verdict.target not in seen:
            assert verdict.rule_id == "check.not_measured", verdict.target
    assert not any(r.state is RungState.BROKEN for r in result.ladder)


def test_a_site_waits_for_room_beside_others(world):
    """Two pages do not fit side by side; one after the other, short as they are, all six do."""
    for name in world_names():
        short = world.site(bytes(30_000))
        world.put(name, peer=short if name == "messenger" else world.tls(name, short))
    result = world.check(targets=world.targets(servers=()), bytes_max=750_000)
    assert looked_at(result) == {f"{name}/front" for name in world_names()}
    assert result.bytes_spent <= 750_000
