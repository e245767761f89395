"""What holds of every verdict: evidence, order, comparison with controls that are spared."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from round_maker import CONTROLS, SERVER, TARGET, RoundMaker

from evenfall.infer.facts import Page
from evenfall.infer.verdicts import judge_round
from evenfall.model.observation import Observation
from evenfall.model.target import Target, TargetList
from evenfall.model.vocabulary import (
    Arm,
    ClockState,
    Direction,
    Fact,
    Provenance,
    Role,
    Scope,
    State,
)

SITE = "203.0.113.11"
SILENT, RESET, ALERT, CLOSED = (
    "generic_timeout_error",
    "connection_reset",
    "ssl_failed_handshake",
    "eof_error",
)


def failing(**visit: str) -> RoundMaker:
    """A site that fails twice, while a neutral name goes through at its address."""
    r = RoundMaker().good_controls().known()
    for _ in range(2):
        r.visit(TARGET, SITE, **visit)
    r.visit(TARGET, SITE, name="news.test")
    return r


@pytest.mark.parametrize(
    ("code", "mechanism"),
    [
        (SILENT, "tls.drop.sni"),
        (RESET, "tls.reset.sni"),
        (CLOSED, "tls.close.sni"),
        (ALERT, "tls.alert.sni"),
    ],
)
def test_the_same_fate_at_our_own_server(code: str, mechanism: str) -> None:
    """Silence, reset, end and alert, here and at our server: isolated, each with its mechanism."""
    r = failing(tls=code)
    for _ in range(3):
        r.pair(0, failure=code)
    verdict = r.verdict()
    assert (verdict.mechanism, verdict.rule_id) == (mechanism, f"check.{mechanism}")
    assert (verdict.scope, verdict.isolated) == (Scope.TARGETED, True)


@pytest.mark.parametrize("code", [SILENT, RESET, CLOSED, ALERT])
def test_fine_pairs_leave_the_name_at_its_address_open(code: str) -> None:
    """Innocent: a site that turns its own name away; our server does not care for it."""
    r = failing(tls=code)
    for _ in range(6):
        r.pair(9.9e6)
    verdict = r.verdict()
    assert verdict.scope is Scope.UNDETERMINED
    assert verdict.rule_id == "check.tls.name_at_address"


def test_a_server_that_alerts_whatever_the_name() -> None:
    """Innocent: the neutral name gets the same alert, so the name makes no difference."""
    r = RoundMaker().good_controls().known()
    for _ in range(2):
        r.visit(TARGET, SITE, tls=ALERT)
    r.visit(TARGET, SITE, name="news.test", tls=ALERT)
    assert r.verdict().rule_id == "check.tls.failing"


def spared(r: RoundMaker, *, unknown_bps: float) -> RoundMaker:
    """Null pairs of a name that nobody knows against a control's."""
    for index, control in enumerate(CONTROLS):
        r.name(control, "system", f"203.0.113.{14 + index}")
        r.visit(control, f"203.0.113.{14 + index}")
    for _ in range(3):
        r.pair(unknown_bps, 10e6, null=True)
    r.known().visit(TARGET, SITE, kbit=128)
    for _ in range(3):
        r.pair(0.13e6)
    return r


def test_controls_that_are_spared_convict_nobody() -> None:
    """A name nobody knows is as slow as the target: insufficient. If it is fast: slowed by name."""
    verdict = spared(RoundMaker(), unknown_bps=0.13e6).verdict()
    assert (verdict.state, verdict.rule_id) == (State.INSUFFICIENT, "check.controls_exempt")
    assert verdict.scope is Scope.UNDETERMINED
    assert spared(RoundMaker(), unknown_bps=9.8e6).verdict().scope is Scope.TARGETED


def test_spared_controls_take_nothing_from_a_lie_or_a_fine_page() -> None:
    """What resolvers said is no comparison of speeds, and a page that comes needs none."""
    lie = RoundMaker()
    for index, control in enumerate(CONTROLS):
        lie.visit(control, f"203.0.113.{14 + index}")
    for _ in range(3):
        lie.pair(0.13e6, 10e6, null=True)
    fine = msgspec.structs.replace(TARGET, target_id="other/front", url="https://other.test/")
    lie.targets = TargetList(targets=(TARGET, fine), controls=CONTROLS, servers=(SERVER,))
    lie.known("203.0.113.90").visit(TARGET, "203.0.113.90", tls="ssl_unknown_authority")
    lie.visit(TARGET, SITE)
    lie.visit(fine, "203.0.113.12")
    first, second = lie.judge().verdicts
    assert (first.scope, first.mechanism) == (Scope.TARGETED, "dns.spoof")
    assert second.state is State.OK


def test_a_server_that_is_of_no_help_is_said() -> None:
    """Pairs that were tried and brought nothing under any name are not "no pair was made"."""
    r = RoundMaker().good_controls().known()
    r.visit(TARGET, SITE, kbit=200)
    for _ in range(2):
        r.pair(None, None, failure=SILENT)
    verdict = r.verdict()
    assert verdict.scope is Scope.UNDETERMINED
    assert "our own server was of no help" in verdict.scope_because


def test_direction_and_shape_belong_to_a_slowing_by_name() -> None:
    """Named where the pairs convict; null where a page is fine or merely slow."""
    r = RoundMaker().good_controls().known()
    r.visit(TARGET, SITE, kbit=128)
    for _ in range(3):
        r.pair(0.13e6)
    verdict = r.verdict()
    assert verdict.direction == (Direction.DOWNLOAD,)
    assert verdict.shape is not None
    fine = RoundMaker().good_controls().known()
    fine.visit(TARGET, SITE)
    assert (fine.verdict().direction, fine.verdict().shape) == (None, None)
    slow = RoundMaker().good_controls().known()
    slow.visit(TARGET, SITE, kbit=128)
    assert (slow.verdict().direction, slow.verdict().shape) == (None, None)


# what holds whatever was seen -------------------------------------------------------------

OTHER = Target(target_id="social/front", url="https://social.test/", role=Role.TARGET)
PAGE = Target(target_id="shop/front", url="http://shop.test/", role=Role.TARGET)
CENTRE = Target(target_id="messenger/app", url="mtproto://203.0.113.50:5222", role=Role.TARGET)
TARGETS = (TARGET, OTHER, PAGE, CENTRE)
CODES = st.sampled_from(
    [None, None, SILENT, RESET, CLOSED, ALERT, "connection_refused", "network_unreachable",
     "ssl_unknown_authority", "http_request_failed", "stalled", "interrupted"]
)  # fmt: skip
PLACES = st.sampled_from([SITE, "203.0.113.12", "2001:db8::11"])
PLAIN_FACTS = (
    Fact.TCP_CONNECT,
    Fact.TLS_HANDSHAKE,
    Fact.HTTP_EXCHANGE,
    Fact.QUIC_HANDSHAKE,
    Fact.MTPROTO_EXCHANGE,
)


@st.composite
def seen(draw: st.DrawFn, facts: tuple[Fact, ...] = PLAIN_FACTS) -> dict[str, Any]:
    """Fields of one observation of some target or control."""
    site = draw(st.sampled_from((*TARGETS, *CONTROLS)))
    host = site.url.split("/")[2].split(":")[0]
    fact = draw(st.sampled_from(facts))
    address = draw(PLACES)
    sent = draw(st.sampled_from([host, host, "news.test"]))
    fields: dict[str, Any] = {
        "fact": fact, "service": site.service, "target": site.target_id, "role": site.role,
        "host": sent if fact is Fact.HTTP_EXCHANGE else host, "address": address,
        "family": 6 if ":" in address else 4, "failure": draw(CODES),
        "duration_us": draw(st.integers(1000, 6_000_000)),
    }  # fmt: skip
    if fact in (Fact.TLS_HANDSHAKE, Fact.QUIC_HANDSHAKE):
        fields["sni"] = sent
    if fact is Fact.HTTP_EXCHANGE:
        fields |= {
            "status_code": draw(st.sampled_from([200, 200, 302, 403, 451, 503])),
            "body_bytes": draw(st.integers(0, 262_144)),
            "capped": draw(st.booleans()),
            "offers_quic": draw(st.booleans()),
        }
    if fact is Fact.DNS_LOOKUP:
        fields |= {"resolver": draw(st.sampled_from(["system", "public", "doh"])),
                   "answers": (address,)}  # fmt: skip
    if fact is Fact.TRANSFER:
        fields |= {"pair_id": draw(st.sampled_from("abc")), "arm": draw(st.sampled_from(Arm)),
                   "goodput_bps": draw(st.integers(0, 10_000_000)), "body_bytes": 9}  # fmt: skip
    return fields


def observed(rows: list[dict[str, Any]]) -> list[Observation]:
    """Observations of one round, in order."""
    return [
        Observation(
            observation_id=f"r/{index}", provenance=Provenance.PROBE, clock=ClockState.VERIFIED,
            started_us=1_528_210_800_000_000 + index, wire_bytes=100, **row,
        )
        for index, row in enumerate(rows)
    ]  # fmt: skip


def listed(targets: tuple[Target, ...]) -> TargetList:
    """These targets with the usual controls."""
    return TargetList(targets=targets, controls=CONTROLS, servers=(SERVER,))


@given(st.lists(seen(), max_size=40))
@settings(max_examples=150, deadline=None)
def test_nothing_is_targeted_without_pairs_resolvers_or_a_look_from_outside(
    rows: list[dict[str, Any]],
) -> None:
    """Whatever connections did, they alone convict nobody, and isolate nothing."""
    for verdict in judge_round(observed(rows), listed(TARGETS)).verdicts:
        assert verdict.scope is not Scope.TARGETED
        assert not verdict.isolated
        assert verdict.mechanism is None or verdict.state is not State.OK


EVERYTHING = (*PLAIN_FACTS, Fact.DNS_LOOKUP, Fact.TRANSFER, Fact.OUTSIDE_VIEW)


@given(st.lists(seen(EVERYTHING), max_size=40), st.permutations(TARGETS))
@settings(max_examples=150, deadline=None)
def test_the_order_of_targets_changes_nothing(
    rows: list[dict[str, Any]], order: list[Target]
) -> None:
    """Each target's verdict is the same wherever it stands in the list."""
    observations = observed(rows)
    straight = judge_round(observations, listed(TARGETS)).verdicts
    mixed = judge_round(observations, listed(tuple(order))).verdicts
    assert {v.target: v for v in straight} == {v.target: v for v in mixed}


@given(st.lists(seen(EVERYTHING), max_size=40))
@settings(max_examples=100, deadline=None)
def test_every_round_can_be_judged(rows: list[dict[str, Any]]) -> None:
    """No sequence of facts raises; each verdict has words, and witnesses that exist."""
    observations = observed(rows)
    known = {o.observation_id for o in observations}
    for verdict in judge_round(observations, listed(TARGETS)).verdicts:
        assert verdict.because
        assert verdict.scope_because
        assert set(verdict.witnesses) <= known
        assert all(way.because for way in verdict.ways)


@pytest.mark.parametrize(
    ("code", "mechanism"),
    [
        (SILENT, "tls.drop.sni"),
        (RESET, "tls.reset.sni"),
        (CLOSED, "tls.close.sni"),
        (ALERT, "tls.alert.sni"),
    ],
)
def test_a_page_that_came_once_and_a_name_that_is_cut_off(code: str, mechanism: str) -> None:
    """The page came; by this name our server is out of reach: blocked, as most of the pairs end."""
    r = RoundMaker().good_controls().known()
    r.visit(TARGET, SITE)
    for _ in range(4):
        r.pair(0, failure=code)
    verdict = r.verdict()
    assert (verdict.state, verdict.mechanism) == (State.BLOCKED, mechanism)


def test_a_redirect_is_followed_past_other_connections() -> None:
    """Between a redirect and the page it leads to, a handshake over IPv6 was made elsewhere."""
    r = RoundMaker().good_controls().known()
    r.visit(TARGET, SITE, status=302, body=0, page=Page(location="https://www.video.test/"))
    r.visit(TARGET, "2001:db8::11", family=6, tcp=SILENT)
    www = msgspec.structs.replace(TARGET, url="https://www.video.test/")
    r.visit(www, "203.0.113.18", status=503, body=300)
    assert r.verdict().rule_id == "check.site.error"


@pytest.mark.parametrize(("afterwards_bps", "said"), [(0.15e6, True), (9.9e6, False)])
def test_what_stays_after_the_name_is_said(afterwards_bps: float, said: bool) -> None:
    """Our server's address is slow for all names once this one was sent: a note, no conviction."""
    r = RoundMaker().good_controls().known()
    r.visit(TARGET, SITE, kbit=128)
    for _ in range(3):
        r.now_us += 4_000_000
        r.pair(0.14e6 if said else 9.8e6, afterwards_bps)
        r.now_us += 4_000_000
        r.pair(9.9e6, 10e6, null=True)  # at our server's other address
    r.observations = [
        msgspec.structs.replace(
            o,
            started_us=o.started_us + index,
            address="203.0.113.81" if o.is_null_pair else "203.0.113.80",
        )
        if o.fact is Fact.TRANSFER
        else o
        for index, o in enumerate(r.observations)
    ]
    verdict = r.verdict()
    assert verdict.scope is Scope.UNDETERMINED
    assert any("other names fared badly" in clause for clause in verdict.against) is said
