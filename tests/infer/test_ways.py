"""Each way to a target: IPv4 and IPv6, QUIC beside TCP, Telegram's own protocol."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from round_maker import CONTROLS, TARGET, RoundMaker

from evenfall.infer.answer import sum_up
from evenfall.model.target import Target, TargetList
from evenfall.model.verdict import Verdict, Way
from evenfall.model.vocabulary import Answer, Role, Scope, State, Transport

FOUR, SIX = "203.0.113.11", "2001:db8::11"
SILENT, RESET, NO_ROUTE = "generic_timeout_error", "connection_reset", "network_unreachable"
CENTRE = Target(target_id="messenger/app", url="mtproto://203.0.113.50:5222", role=Role.TARGET)


def way(verdict: Verdict, family: int, transport: Transport = Transport.TCP) -> Way | None:
    """The verdict's way over this IP version and transport."""
    return next((w for w in verdict.ways if (w.family, w.transport) == (family, transport)), None)


# IPv4 and IPv6 ----------------------------------------------------------------------------


def dual(*, four: dict[str, Any], six: dict[str, Any], control_six: str | None = "") -> RoundMaker:
    """Two visits over each IP version; `control_six`: how a control fares over IPv6."""
    r = RoundMaker().good_controls().known()
    if control_six != "":
        r.visit(CONTROLS[0], "2001:db8::14", tcp=control_six, family=6)
    for _ in range(2):
        r.visit(TARGET, FOUR, **four)
        r.visit(TARGET, SIX, family=6, **six)
    return r


def test_a_site_that_opens_over_one_ip_version_opens() -> None:
    """IPv4 cut off, IPv6 fine: ok, with both ways and a clause; and the other way round."""
    for four, six, blocked in (({"tcp": SILENT}, {}, 4), ({}, {"tcp": SILENT}, 6)):
        verdict = dual(four=four, six=six, control_six=None).verdict()
        assert verdict.state is State.OK
        assert f"over IPv{blocked} not" in verdict.because
        found = way(verdict, blocked)
        assert found is not None
        assert (found.state, found.mechanism, found.failure) == (State.BLOCKED, "ip.drop", SILENT)
        other = way(verdict, 10 - blocked)
        assert other is not None
        assert other.state is State.OK


def test_blocked_over_both_is_blocked() -> None:
    """No IP version that works for controls opens the site."""
    verdict = dual(four={"tls": RESET}, six={"tls": RESET}, control_six=None).verdict()
    assert verdict.state is State.BLOCKED
    assert {w.state for w in verdict.ways} == {State.BLOCKED}


@pytest.mark.parametrize("control_six", ["", SILENT])
def test_ipv6_without_a_working_control_is_our_own_side(control_six: str) -> None:
    """Innocent: IPv4 fine, IPv6 fails here, for controls too or untried: never a verdict."""
    verdict = dual(four={}, six={"tls": RESET}, control_six=control_six).verdict()
    assert (verdict.state, verdict.scope) == (State.OK, Scope.UNDETERMINED)
    found = way(verdict, 6)
    assert found is not None
    assert (found.state, found.mechanism) == (State.INSUFFICIENT, None)
    blocked = dual(four={"tcp": SILENT}, six={"tcp": SILENT}, control_six=control_six).verdict()
    assert blocked.state is State.BLOCKED  # IPv4 stands by itself


def test_ipv6_without_a_route_is_nothing() -> None:
    """Innocent: this device has no IPv6; the way says so and the verdict nothing."""
    verdict = dual(four={}, six={"tcp": NO_ROUTE}, control_six=NO_ROUTE).verdict()
    assert verdict.state is State.OK
    assert "IPv6" not in verdict.because
    assert not any("IPv6" in clause for clause in verdict.against)


def test_ipv4_that_is_broken_for_all_decides_nothing() -> None:
    """Innocent: controls come over IPv6 alone, and so does the site."""
    r = RoundMaker()
    for index, control in enumerate(CONTROLS):
        r.visit(control, f"203.0.113.{14 + index}", tcp=SILENT)
        r.visit(control, f"2001:db8::{14 + index}", family=6)
    r.known()
    for _ in range(2):
        r.visit(TARGET, FOUR, tcp=SILENT)
    r.visit(TARGET, SIX, family=6)
    verdict = r.verdict()
    assert verdict.state is State.OK
    found = way(verdict, 4)
    assert found is not None
    assert found.state is State.INSUFFICIENT


# QUIC -------------------------------------------------------------------------------------


def over_quic(
    *, target: str | None = SILENT, control: str | None = None, neutral: str | None = "untried",
    offers: bool | None = True, times: int = 2, tcp: str | None = None,
) -> RoundMaker:  # fmt: skip
    """QUIC to the target and a control, beside a page that comes over TCP."""
    r = RoundMaker().good_controls().known()
    for _ in range(2 if tcp else 1):
        r.visit(TARGET, FOUR, offers_quic=offers, tcp=tcp)
    for _ in range(times):
        r.quic(TARGET, FOUR, failure=target)
    if neutral != "untried":
        r.quic(TARGET, FOUR, failure=neutral, name="news.test")
    if control != "untried":
        r.quic(CONTROLS[0], "203.0.113.14", failure=control)
    return r


def test_quic_that_is_dropped_is_a_way_and_not_the_state() -> None:
    """Two Initials unanswered while TCP and a control's QUIC work: blocked way, the site opens."""
    judged = over_quic().judge()
    verdict = judged.verdicts[0]
    found = way(verdict, 4, Transport.QUIC)
    assert found is not None
    assert (found.state, found.mechanism) == (State.BLOCKED, "quic.drop")
    assert verdict.state is State.OK
    assert "fall back to TCP" in verdict.because
    assert sum_up(judged.verdicts, line_slow=False) is Answer.OK


def test_quic_that_is_dropped_by_name() -> None:
    """A neutral name is answered over QUIC at the same address."""
    found = way(over_quic(neutral=None).verdict(), 4, Transport.QUIC)
    assert found is not None
    assert "neutral name is answered" in found.because


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ({"control": SILENT}, "closed for all"),
        ({"control": "untried"}, "no control was tried"),
        ({"offers": False}, "does not say that it speaks QUIC"),
        ({"times": 1}, "one datagram may be lost"),
        ({"target": "quic_failed_handshake"}, "ended the handshake itself"),
        ({"target": NO_ROUTE}, "no way there"),
    ],
)
def test_quic_that_says_nothing(seen: dict[str, Any], why: str) -> None:
    """Innocent: the way is insufficient, with its reason, and nothing is said beside the state."""
    verdict = over_quic(**seen).verdict()
    found = way(verdict, 4, Transport.QUIC)
    assert found is not None
    assert (found.state, found.mechanism) == (State.INSUFFICIENT, None)
    assert why in found.because
    assert "QUIC" not in verdict.because


def test_quic_to_an_address_that_fails_over_tcp_too() -> None:
    """Innocent of `quic.drop`: the address fails whatever the transport."""
    r = over_quic(tcp=SILENT)
    target = msgspec.structs.replace(TARGET, quic=True)
    r.targets = msgspec.structs.replace(r.targets, targets=(target,))
    found = way(r.verdict(), 4, Transport.QUIC)
    assert found is not None
    assert (found.state, found.mechanism) == (State.INSUFFICIENT, None)
    assert "TCP to this address fails too" in found.because


def test_quic_that_works_and_quic_that_was_not_tried() -> None:
    """Answered once is answered; without a try there is no way to speak of."""
    works = way(over_quic(target=None).verdict(), 4, Transport.QUIC)
    assert works is not None
    assert works.state is State.OK
    r = RoundMaker().good_controls().known()
    r.visit(TARGET, FOUR)
    assert way(r.verdict(), 4, Transport.QUIC) is None


def test_a_list_or_our_server_may_say_that_quic_is_spoken() -> None:
    """`quic = true` in the target file, or Alt-Svc seen from outside, stand for Alt-Svc here."""
    listed = over_quic(offers=None)
    target = msgspec.structs.replace(TARGET, quic=True)
    listed.targets = msgspec.structs.replace(listed.targets, targets=(target,))
    outside = over_quic(offers=None)
    outside.outside(address=FOUR, offers_quic=True)
    for r in (listed, outside):
        found = way(r.verdict(), 4, Transport.QUIC)
        assert found is not None
        assert found.state is State.BLOCKED


# Telegram's own protocol ------------------------------------------------------------------


def centre(**visit: str | None) -> RoundMaker:
    """Two connections to a data centre."""
    r = RoundMaker(CENTRE).good_controls()
    for _ in range(2):
        r.ask_messenger("203.0.113.50", **visit)
    return r


@pytest.mark.parametrize(
    ("visit", "state", "mechanism", "rule"),
    [
        ({}, State.OK, None, "check.ok"),
        ({"tcp": SILENT}, State.BLOCKED, "ip.drop", "check.ip.drop"),
        ({"tcp": "connection_refused"}, State.BLOCKED, "tcp.reset", "check.tcp.reset"),
        ({"answer": SILENT}, State.BLOCKED, "tcp.drop", "check.mtproto.failing"),
        ({"answer": RESET}, State.BLOCKED, "tcp.reset", "check.mtproto.failing"),
        ({"answer": "eof_error"}, State.BLOCKED, None, "check.mtproto.failing"),
        ({"answer": "mtproto_invalid_response"}, State.BLOCKED, None, "check.mtproto.failing"),
        ({"tcp": NO_ROUTE}, State.INSUFFICIENT, None, "check.own_side"),
    ],
)
def test_a_data_centre_without_a_look_from_outside(
    visit: dict[str, str], state: State, mechanism: str | None, rule: str
) -> None:
    """Whatever fails, one line alone cannot tell: undetermined."""
    verdict = centre(**visit).verdict()
    assert (verdict.state, verdict.mechanism, verdict.rule_id) == (state, mechanism, rule)
    assert verdict.scope is Scope.UNDETERMINED
    assert [w.transport for w in verdict.ways] == [Transport.MTPROTO]


def test_a_data_centre_that_our_server_reaches() -> None:
    """A dead address is cut off; an unanswered question stays open, for our server asked none."""
    for visit, scope in (
        ({"tcp": SILENT}, Scope.TARGETED),
        ({"answer": SILENT}, Scope.UNDETERMINED),
    ):
        r = centre(**visit)
        begin = len(r.observations)
        r.outside()
        r.ask_messenger("203.0.113.50")
        r.observations[begin + 1 :] = [
            msgspec.structs.replace(o, seen_by="server")
            for o in r.observations[begin + 1 : begin + 2]
        ]
        assert r.verdict().scope is scope


def test_a_data_centre_that_failed_once() -> None:
    """Innocent: it was not repeated."""
    r = RoundMaker(CENTRE).good_controls()
    r.ask_messenger("203.0.113.50", tcp=SILENT)
    assert r.verdict().rule_id == "check.unconfirmed"


def test_a_page_and_a_data_centre_of_one_service_are_two_targets() -> None:
    """The page opens, the application's own way does not: two verdicts of one service."""
    page = Target(target_id="messenger/front", url="https://messenger.test/", role=Role.TARGET)
    r = centre(tcp=SILENT)
    r.targets = TargetList(targets=(page, CENTRE), controls=CONTROLS, servers=r.targets.servers)
    r.name(page, "system", "203.0.113.13")
    r.visit(page, "203.0.113.13")
    front, app = r.judge().verdicts
    assert (front.service, app.service) == ("messenger", "messenger")
    assert (front.state, app.state) == (State.OK, State.BLOCKED)
