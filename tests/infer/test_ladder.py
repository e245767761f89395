"""Is it me? Every rung broken and held, from rounds made by hand; most of them are innocent."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from round_maker import CONTROLS, TARGET, RoundMaker

from evenfall.infer.answer import sum_up
from evenfall.infer.device import off_words
from evenfall.infer.facts import Page
from evenfall.infer.gateway import Gateway, gateway_of
from evenfall.infer.ground import is_slow
from evenfall.infer.ladder import broken_below, climb
from evenfall.infer.profiles import CHECK_2026
from evenfall.infer.rivals import list_rivals
from evenfall.infer.speed import Speed
from evenfall.infer.surroundings import Surroundings
from evenfall.model.target import Target
from evenfall.model.verdict import Rung
from evenfall.model.vocabulary import Answer, Explanation, Fact, Role, RungName, RungState

ROUTER = Target(target_id="line/gateway", url="", role=Role.CONTROL)
N, H, B = RungState.NOT_TESTED, RungState.HOLDS, RungState.BROKEN


def ladder(maker: RoundMaker, **around: object) -> tuple[Rung, ...]:
    """The rungs of a round."""
    surroundings = Surroundings(**around)  # type: ignore[arg-type]  # (options)
    judged = maker.judge(surroundings=surroundings)
    return climb(judged, maker.observations, surroundings)


def states(maker: RoundMaker, **around: object) -> list[tuple[RungName, RungState]]:
    """Names and states of them."""
    return [(rung.name, rung.state) for rung in ladder(maker, **around)]


def broken(maker: RoundMaker, **around: object) -> Rung:
    """The one broken rung below the service, which has a sentence and one step."""
    found = broken_below(ladder(maker, **around))
    assert found is not None
    assert found.sentence.endswith(".")
    assert found.next_step.endswith(".")
    return found


def answered(maker: RoundMaker, **around: object) -> Answer:
    """The one answer."""
    judged = maker.judge(surroundings=Surroundings(**around))  # type: ignore[arg-type]  # (options)
    return sum_up(judged.verdicts, line_slow=judged.ground.line_slow)


def router(maker: RoundMaker, *, sent: int = 15, lost: int = 0, ms: float | None = 3) -> None:
    """Probes to the router."""
    maker.add(
        Fact.GATEWAY_PROBE, ROUTER, probes_sent=sent, probes_lost=lost,
        rtt_us=None if ms is None else round(ms * 1000), rtt_min_us=None if ms is None else 1000,
    )  # fmt: skip


def fine(maker: RoundMaker, kbit: float = 20_000) -> RoundMaker:
    """The target opens."""
    maker.known()
    maker.visit(TARGET, "203.0.113.11", kbit=kbit)
    return maker


def slow_evening() -> RoundMaker:
    """Controls and the service are slow alike."""
    return fine(RoundMaker().good_controls(kbit=300), kbit=300)


def shut(maker: RoundMaker) -> RoundMaker:
    """No answer to a SYN, twice."""
    maker.known()
    for _ in range(2):
        maker.visit(TARGET, "203.0.113.11", tcp="generic_timeout_error")
    return maker


def throttled(maker: RoundMaker) -> RoundMaker:
    """Slow by name, here and at our server."""
    maker.known()
    maker.visit(TARGET, "203.0.113.11", kbit=150)
    for _ in range(4):
        maker.pair(120e3, 10e6)
    return maker


def offline() -> RoundMaker:
    """Nobody answers: neither resolvers nor sites."""
    maker = RoundMaker()
    for site in (*CONTROLS, TARGET):
        maker.name(site, failure="generic_timeout_error")
    return maker


def domestic(maker: RoundMaker, *which: int) -> None:
    """Some controls are inside the country."""
    controls = [msgspec.structs.replace(c, domestic=i in which) for i, c in enumerate(CONTROLS)]
    maker.targets = msgspec.structs.replace(maker.targets, controls=tuple(controls))


def test_a_sound_evening_is_climbed_to_the_top() -> None:
    """Every rung that was tested holds; nothing is broken below the service."""
    maker = fine(RoundMaker().good_controls())
    router(maker)
    domestic(maker, 2)
    found = ladder(maker, tunnel="", clock_off_s=0.2, cpu_share=0.1, has_route=True)
    assert [(r.name, r.state) for r in found] == [(name, H) for name in RungName]
    assert broken_below(found) is None
    words = {r.name: str(r.because) for r in found}
    assert words[RungName.DEVICE] == "in order"
    assert words[RungName.WIFI] == "no loss (3 ms)"
    assert words[RungName.NEUTRAL_SITES].endswith("(2 of 2 answer)")
    assert not any(r.sentence or r.next_step for r in found)


def test_what_was_not_asked_is_not_tested() -> None:
    """No router, no domestic site, no speed: `not_tested`, and the climb goes on."""
    maker = RoundMaker().known()
    maker.visit(TARGET, "203.0.113.11", body=5000)
    for index, control in enumerate(CONTROLS):
        maker.name(control, "system", f"203.0.113.{14 + index}")
        maker.visit(control, f"203.0.113.{14 + index}", body=5000)
    assert states(maker) == list(zip(RungName, (H, N, N, H, N, H), strict=True))


@pytest.mark.parametrize("act", [fine, shut, throttled])
def test_a_vpn_is_the_first_thing(act: Callable[[RoundMaker], RoundMaker]) -> None:
    """Whatever is seen: one rung, its own sentence, not_measured."""
    maker = act(RoundMaker().good_controls())
    found = ladder(maker, tunnel="wg0")
    assert [(r.name, r.state) for r in found] == [(RungName.DEVICE, B)]
    assert "not your provider" in found[0].sentence
    assert "--through-vpn" in found[0].next_step
    assert answered(maker, tunnel="wg0") is Answer.NOT_MEASURED


@pytest.mark.parametrize("act", [fine, shut, throttled])
def test_through_a_vpn_the_device_holds_and_says_so(
    act: Callable[[RoundMaker], RoundMaker],
) -> None:
    """Asked for: nothing is broken by it, and nothing is targeted."""
    maker = act(RoundMaker().good_controls())
    first = ladder(maker, tunnel="wg0", through_vpn=True)[0]
    assert (first.state, str(first.because)) == (H, "measured through a VPN (wg0)")
    assert answered(maker, tunnel="wg0", through_vpn=True) in (Answer.OK, Answer.CANNOT_TELL)


@pytest.mark.parametrize("off_s", [-3600.0, 3600.0, 700.0, -86_400.0 * 400])
@pytest.mark.parametrize("act", [fine, throttled])
def test_a_wrong_clock(act: Callable[[RoundMaker], RoundMaker], off_s: float) -> None:
    """By minutes and more: own sentence, cannot_tell, no verdict about the service."""
    maker = act(RoundMaker().good_controls())
    found = broken(maker, clock_off_s=off_s)
    assert found.name is RungName.DEVICE
    assert "clock is wrong by" in found.sentence
    assert ("fast" in found.because) is (off_s < 0)
    assert answered(maker, clock_off_s=off_s) is Answer.CANNOT_TELL


@pytest.mark.parametrize("off_s", [None, 0.0, 4.0, -40.0, 599.0])
def test_a_clock_that_is_a_little_off_breaks_nothing(off_s: float | None) -> None:
    """Seconds do not matter to one occasion, and are mentioned."""
    maker = fine(RoundMaker().good_controls())
    first = ladder(maker, clock_off_s=off_s)[0]
    assert first.state is H
    assert ("clock is off" in first.because) is (abs(off_s or 0) > 5)


def test_words_for_a_clock() -> None:
    """The largest unit that fits."""
    assert [str(off_words(s)) for s in (40, -600, 3600, -7300, 86_400 * 3)] == [
        "40 seconds", "10 minutes", "1 hour", "2 hours", "3 days",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "says"),
    [("ssl_invalid_certificate", "out of date"), ("ssl_unknown_authority", "stands between")],
)
def test_no_control_shows_its_own_certificate(code: str, says: str) -> None:
    """All out of date: this clock; all strange: something in between. Never a verdict."""
    maker = RoundMaker()
    for index, control in enumerate(CONTROLS):
        maker.name(control, "system", f"203.0.113.{14 + index}")
        maker.visit(control, f"203.0.113.{14 + index}", tls=code)
    maker.known()
    for _ in range(2):
        maker.visit(TARGET, "203.0.113.11", tls=code)
    found = broken(maker)
    assert found.name is RungName.DEVICE
    assert says in found.sentence
    assert answered(maker) is Answer.CANNOT_TELL


def test_one_expired_control_is_that_controls_matter() -> None:
    """The others are fine: nothing is said of this device."""
    maker = RoundMaker()
    for index, control in enumerate(CONTROLS):
        maker.name(control, "system", f"203.0.113.{14 + index}")
        expired = "ssl_invalid_certificate" if index == 0 else None
        maker.visit(control, f"203.0.113.{14 + index}", tls=expired)
    assert broken_below(ladder(fine(maker))) is None


def test_a_login_page() -> None:
    """All controls lead to one other host: own sentence, not_measured."""
    maker = RoundMaker()
    controls = tuple(
        Target(target_id=f"{n}/front", url=f"http://{n}.test/", role=Role.CONTROL) for n in "abc"
    )
    maker.targets = msgspec.structs.replace(maker.targets, controls=controls)
    for control in controls:
        maker.visit(control, "203.0.113.20", status=302, body=0,
                    page=Page(location="http://portal.test/"))  # fmt: skip
        there = msgspec.structs.replace(control, url="http://portal.test/")
        maker.visit(there, "203.0.113.21")
    found = broken(fine(maker))
    assert "log-in" in found.sentence
    assert answered(maker) is Answer.NOT_MEASURED


@pytest.mark.parametrize(("share", "is_broken"), [(0.95, True), (0.5, False), (None, False)])
def test_a_busy_device_where_everything_is_slow(share: float | None, is_broken: bool) -> None:
    """Only a processor that was taken can be the reason; else it is the line."""
    maker = slow_evening()
    found = broken(maker, cpu_share=share)
    assert (found.name is RungName.DEVICE) is is_broken
    assert found.name in (RungName.DEVICE, RungName.LINE)


def test_a_busy_device_where_everything_is_fast_is_mentioned() -> None:
    """It breaks nothing."""
    first = ladder(fine(RoundMaker().good_controls()), cpu_share=0.99)[0]
    assert (first.state, str(first.because)) == (H, "in order, but busy (99%)")


@pytest.mark.parametrize(
    ("lost", "ms", "is_bad"),
    [(0, 3, False), (1, 3, False), (0, 90, False), (2, 3, True), (5, 3, True), (0, 400, True)],
)
def test_the_router(lost: int, ms: float, is_bad: bool) -> None:
    """One lost probe of fifteen says nothing; several, or a very late answer, do."""
    maker = RoundMaker().good_controls()
    router(maker, lost=lost, ms=ms)
    shut(maker)
    found = broken_below(ladder(maker))
    assert (found is not None) is is_bad
    if found:
        assert found.name is RungName.WIFI
        assert "router" in found.sentence
        assert answered(maker) is Answer.CANNOT_TELL


def test_a_bad_router_breaks_nothing_where_all_is_well() -> None:
    """Some routers answer few probes on purpose; its figures are shown, and that is all."""
    maker = fine(RoundMaker().good_controls())
    router(maker, lost=6)
    second = ladder(maker)[1]
    assert (second.state, str(second.because)) == (H, "6 of 15 probes lost (3 ms)")


def test_a_silent_router_was_not_tested() -> None:
    """No probe came back: neither broken nor fine."""
    maker = shut(RoundMaker().good_controls())
    router(maker, sent=10, lost=10, ms=None)
    second = ladder(maker)[1]
    assert (second.state, "answers no probes" in second.because) == (N, True)


def test_bad_wifi_and_a_name_that_pairs_convict_are_both_said() -> None:
    """METHOD 3: both hold at once; the service follows the broken rung, the answer is targeted."""
    maker = throttled(RoundMaker().good_controls())
    router(maker, lost=4)
    assert states(maker) == [
        (RungName.DEVICE, H), (RungName.WIFI, B), (RungName.SERVICE, B),
    ]  # fmt: skip
    assert answered(maker) is Answer.TARGETED_SLOWING


def test_bad_wifi_where_everything_is_slow() -> None:
    """The answer is line_slow, and the sentence is the router's."""
    maker = slow_evening()
    router(maker, lost=4)
    assert broken(maker).name is RungName.WIFI
    assert answered(maker) is Answer.LINE_SLOW


def test_a_slow_line() -> None:
    """Every control slow: the line, with one step; with a tariff, what was promised."""
    maker = slow_evening()
    router(maker)
    found = broken(maker)
    assert (found.name, "Everything is slow" in found.sentence) == (RungName.LINE, True)
    judged = maker.judge(tariff_bps=100e6)
    because = climb(judged, maker.observations, Surroundings())[-1].because
    assert "100 Mbit/s promised" in because


@pytest.mark.parametrize("answers", [True, False])
def test_no_network(answers: bool) -> None:
    """Nothing gets through: the line, whether the router answers or not; not_measured."""
    maker = offline()
    router(maker, ms=3 if answers else None, lost=0 if answers else 15)
    found = broken(maker, has_route=True)
    assert found.name is RungName.LINE
    assert ("router answers" in found.sentence) is answers
    assert answered(maker) is Answer.NOT_MEASURED


def refusing(maker: RoundMaker, *sites: Target, failure: str = "connection_refused") -> RoundMaker:
    """Sites whose names are known and that turn every connection away."""
    for index, site in enumerate(sites):
        maker.name(site, "system", f"203.0.113.{14 + index}")
        maker.visit(site, f"203.0.113.{14 + index}", tcp=failure)
    return maker


@pytest.mark.parametrize("how", ["a reset", "an address", "no such name"])
def test_a_line_over_which_anything_comes_back_is_not_down(how: str) -> None:
    """All sites refuse, or are silent while a resolver beyond the router answers: no conclusion."""
    maker = RoundMaker()
    failure = "connection_refused" if how == "a reset" else "generic_timeout_error"
    refusing(maker, *CONTROLS, TARGET, failure=failure)
    if how == "no such name":
        maker.name(TARGET, "public", failure="dns_nxdomain_error")
    router(maker)
    found = broken(maker, has_route=True)
    assert (found.name, "no conclusion" in found.sentence) == (RungName.NEUTRAL_SITES, True)
    assert answered(maker) is Answer.CANNOT_TELL


def test_what_a_router_remembers_does_not_speak_for_the_line() -> None:
    """Addresses from the system's resolver, which may be the router; another resolver is silent."""
    maker = refusing(RoundMaker(), *CONTROLS, TARGET, failure="generic_timeout_error")
    maker.name(TARGET, "public", failure="generic_timeout_error")
    router(maker)
    assert "the line is down" in broken(maker, has_route=True).sentence


@pytest.mark.parametrize("failure", ["connection_refused", "generic_timeout_error"])
def test_without_neutral_sites_no_line_is_called_down(failure: str) -> None:
    """One target, which refuses or is silent, and no controls: nothing is said of the line."""
    maker = RoundMaker(has_server=False)
    maker.targets = msgspec.structs.replace(maker.targets, controls=())
    maker.name(TARGET, failure=None if failure == "connection_refused" else failure)
    maker.visit(TARGET, "203.0.113.11", tcp=failure)
    router(maker)
    found = ladder(maker, has_route=True)
    assert {r.name: r.state for r in found}[RungName.LINE] is N
    assert broken_below(found) is None


def test_no_way_at_all_is_the_device() -> None:
    """No route: it is not connected."""
    assert "not connected" in broken(offline(), has_route=False).sentence


@pytest.mark.parametrize("how", ["errors", "others"])
def test_no_dns(how: str) -> None:
    """The resolver answers with errors, or another one knows the names: it is the resolver."""
    maker = RoundMaker()
    code = "dns_server_misbehaving" if how == "errors" else "generic_timeout_error"
    for site in (*CONTROLS, TARGET):
        maker.name(site, failure=code)
    if how == "others":
        maker.name(TARGET, "public", "203.0.113.11")
    found = broken(maker)
    assert (found.name, "No name can be looked up" in found.sentence) == (RungName.LINE, True)
    assert answered(maker) in (Answer.NOT_MEASURED, Answer.CANNOT_TELL)


def test_dead_controls() -> None:
    """None answers while the target does: no conclusion, cannot_tell."""
    maker = RoundMaker()
    for index, control in enumerate(CONTROLS):
        maker.name(control, "system", f"203.0.113.{14 + index}")
        maker.visit(control, f"203.0.113.{14 + index}", tcp="generic_timeout_error")
    fine(maker)
    found = broken(maker)
    assert (found.name, "no conclusion" in found.sentence) == (RungName.NEUTRAL_SITES, True)
    assert answered(maker) is Answer.CANNOT_TELL


@pytest.mark.parametrize("sound", [True, False])
def test_slow_controls_beside_a_fast_service(sound: bool) -> None:
    """They are no measure; where nothing is wrong, nothing is said of it."""
    maker = RoundMaker().good_controls(kbit=300)
    (fine if sound else shut)(maker)
    if not sound:
        other = msgspec.structs.replace(TARGET, target_id="social/front")
        maker.targets = msgspec.structs.replace(maker.targets, targets=(TARGET, other))
        maker.name(other, "system", "203.0.113.12")
        maker.visit(other, "203.0.113.12")
    found = broken_below(ladder(maker))
    assert (found is None) is sound
    if found:
        assert (found.name, "no conclusion" in found.sentence) == (RungName.NEUTRAL_SITES, True)


@pytest.mark.parametrize("how", ["dead", "slow"])
def test_the_way_abroad(how: str) -> None:
    """Neutral sites abroad dead or slow, the domestic one fast: it is the way there."""
    maker = RoundMaker()
    domestic(maker, 2)
    for index, control in enumerate(maker.targets.controls):
        maker.name(control, "system", f"203.0.113.{14 + index}")
        ends = "generic_timeout_error" if how == "dead" and index < 2 else None
        slow = how == "slow" and index < 2
        maker.visit(control, f"203.0.113.{14 + index}", tcp=ends, kbit=300 if slow else 20_000)
    shut(maker)
    found = broken(maker)
    assert (found.name, "the way there" in found.sentence) == (RungName.NEUTRAL_SITES, True)


def test_domestic_sites_alone_do_not_answer() -> None:
    """Abroad is fine: the rung of the domestic sites."""
    maker = RoundMaker()
    domestic(maker, 2)
    for index, control in enumerate(maker.targets.controls):
        maker.name(control, "system", f"203.0.113.{14 + index}")
        dead = "generic_timeout_error" if index == 2 else None
        maker.visit(control, f"203.0.113.{14 + index}", tcp=dead)
    assert broken(shut(maker)).name is RungName.DOMESTIC_SITES


@pytest.mark.parametrize(("act", "state"), [(fine, H), (shut, B), (throttled, B)])
def test_the_service_is_the_top(act: Callable[[RoundMaker], RoundMaker], state: RungState) -> None:
    """Below it all holds: nothing is said in its place."""
    found = ladder(act(RoundMaker().good_controls()))
    assert (found[-1].name, found[-1].state) == (RungName.SERVICE, state)
    assert broken_below(found) is None


@pytest.mark.parametrize(
    ("sent", "lost", "bad"),
    [(15, 0, False), (15, 1, False), (15, 2, True), (20, 2, False), (20, 3, True), (4, 1, False)],
)
def test_the_bound_of_a_loss(sent: int, lost: int, bad: bool) -> None:
    """Exact lower bounds: 1 of 4 is 1.3 %, 2 of 20 is 1.8 %, 2 of 15 is 2.4 %."""
    seen = Gateway(sent=sent, lost=lost, rtt_us=2000, observation_id="r/0")
    assert seen.is_bad(CHECK_2026) is bad


def test_the_last_answered_series_counts() -> None:
    """Series of which nothing came back are left out."""
    maker = RoundMaker()
    router(maker, lost=1)
    router(maker, lost=15, ms=None)
    seen = gateway_of(maker.observations)
    assert seen is not None
    assert (seen.lost, seen.observation_id) == (1, "r/0")


def rival(maker: RoundMaker, explanation: Explanation, **around: object) -> tuple[object, str]:
    """Ruled out or not, and why."""
    surroundings = Surroundings(**around)  # type: ignore[arg-type]  # (options)
    judged = maker.judge(surroundings=surroundings)
    found = list_rivals(judged, surroundings, maker.observations)
    return next((r.ruled_out, str(r.because)) for r in found if r.explanation is explanation)


def test_probes_rule_the_wifi_out_or_keep_it() -> None:
    """Everything slow: a router that answers rules it out, one that loses keeps it open."""
    for lost, ruled_out in ((0, True), (4, False)):
        maker = slow_evening()
        router(maker, lost=lost)
        assert rival(maker, Explanation.WIFI)[0] is ruled_out
    assert rival(slow_evening(), Explanation.WIFI)[0] is False


def test_a_free_processor_rules_the_device_out() -> None:
    """Everything slow, processor free: it is not the device; busy: it may be."""
    for share, ruled_out in ((0.1, True), (0.95, False)):
        maker = slow_evening()
        assert rival(maker, Explanation.OWN_DEVICE, cpu_share=share)[0] is ruled_out


@pytest.mark.parametrize(("works", "ruled_out"), [(True, True), (False, False)])
def test_the_outside_view_and_the_site(works: bool, ruled_out: bool) -> None:
    """Our server opens what is shut here: not the site; it cannot either: the site stays open."""
    maker = shut(RoundMaker().good_controls())
    down = None if works else "generic_timeout_error"
    maker.outside(address="203.0.113.11", tcp=down)
    assert rival(maker, Explanation.SITE_ITSELF)[0] is ruled_out


def test_a_record_under_way_is_no_burst() -> None:
    """Bytes of a record that the time cap cut are in no curve: the mean rate, not 40 Gbit/s."""
    seen = Speed(body_bytes=10_100, duration_us=3_197_972, capped=True, curve=(), rtt_us=344_701)
    assert seen.later_bps == pytest.approx(25_266, abs=1)
    assert is_slow(seen, CHECK_2026)
