"""The table of METHOD 3 on rounds made by hand: more than half innocent, none convicted by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from round_maker import BLOCK_PAGE, CONTROLS, PLAIN, SERVER, TARGET, RoundMaker

from evenfall.infer.answer import sum_up
from evenfall.infer.facts import Page, sort_site
from evenfall.infer.rivals import Surroundings, list_rivals
from evenfall.infer.ruleset import RULES
from evenfall.infer.verdicts import Judged
from evenfall.model.target import Target, TargetList
from evenfall.model.vocabulary import (
    MECHANISMS,
    Answer,
    Explanation,
    Fact,
    Role,
    Scope,
    State,
)


def clean(r: RoundMaker) -> None:
    """Everything as it should be."""
    r.known().visit(r.target, "203.0.113.11")


def slow(r: RoundMaker, kbit: float = 128) -> None:
    """The page crawls."""
    r.known().visit(r.target, "203.0.113.11", kbit=kbit)


def reset(r: RoundMaker, code: str = "connection_reset") -> None:
    """A reset after the name, and not after another."""
    r.known()
    r.visit(r.target, "203.0.113.11", tls=code)
    r.visit(r.target, "203.0.113.11", tls=code)
    r.visit(r.target, "203.0.113.11", name="news.test")


def throttled(r: RoundMaker) -> None:
    """Slow, and the pairs say it is the name."""
    slow(r)
    for _ in range(2):
        r.pair(0.25e6)


def slow_server(r: RoundMaker) -> None:
    """Slow under any name, at its own address alone."""
    slow(r, 300)
    r.visit(r.target, "203.0.113.11", name="news.test", kbit=300)
    for _ in range(8):
        r.pair(9.8e6)


def slow_without_pairs(r: RoundMaker) -> None:
    """Slow, and no pair was done."""
    slow(r)
    r.visit(r.target, "203.0.113.11", name="news.test", kbit=20_000)


def reset_by_name(r: RoundMaker) -> None:
    """Our own server meets the reset too."""
    reset(r)
    for _ in range(3):
        r.pair(0, failure="connection_reset")


def drop_by_name(r: RoundMaker) -> None:
    """Our own server meets the silence too."""
    reset(r, "generic_timeout_error")
    for _ in range(3):
        r.pair(0, failure="generic_timeout_error")


def reset_by_site(r: RoundMaker) -> None:
    """Our own server is fine with this name."""
    reset(r)
    for _ in range(6):
        r.pair(9.9e6)


def all_names_fail(r: RoundMaker) -> None:
    """No name goes through at its address."""
    r.known()
    for _ in range(2):
        r.visit(r.target, "203.0.113.11", tls="generic_timeout_error")
    r.visit(r.target, "203.0.113.11", name="news.test", tls="generic_timeout_error")
    for _ in range(6):
        r.pair(9.9e6)


def ip_drop(r: RoundMaker) -> None:
    """No answer to a SYN, twice."""
    r.known()
    for _ in range(2):
        r.visit(r.target, "203.0.113.11", tcp="generic_timeout_error")


def refused(r: RoundMaker) -> None:
    """RST to the SYN, twice."""
    r.known()
    for _ in range(2):
        r.visit(r.target, "203.0.113.11", tcp="connection_refused")


def failed_once(r: RoundMaker) -> None:
    """One failure, no second try."""
    r.known().visit(r.target, "203.0.113.11", tcp="generic_timeout_error")


def failed_then_worked(r: RoundMaker) -> None:
    """The second try came through."""
    r.known().visit(r.target, "203.0.113.11", tcp="generic_timeout_error")
    r.visit(r.target, "203.0.113.11")


def dns_lie(r: RoundMaker) -> None:
    """The system points to a stranger."""
    r.known("203.0.113.90").visit(r.target, "203.0.113.90", tls="ssl_unknown_authority")
    r.visit(r.target, "203.0.113.11")


def other_edge(r: RoundMaker) -> None:
    """Two resolvers, two machines, both the service."""
    r.known("203.0.113.12").visit(r.target, "203.0.113.12")


def dead_edge(r: RoundMaker) -> None:
    """The system points to a dead machine."""
    r.known("203.0.113.12").visit(r.target, "203.0.113.12", tcp="generic_timeout_error")
    r.visit(r.target, "203.0.113.11")


def nxdomain(r: RoundMaker) -> None:
    """The system denies a name that exists."""
    denied_once(r)
    asked_again(r, failure="dns_nxdomain_error")


def denied_once(r: RoundMaker) -> None:
    """The same, asked once."""
    r.name(r.target, "system", failure="dns_nxdomain_error")
    r.name(r.target, "public", "203.0.113.11")
    r.visit(r.target, "203.0.113.11")


def nobody_knows(r: RoundMaker) -> None:
    """Both resolvers deny the name, and the one inside TLS."""
    r.name(r.target, "system", failure="dns_nxdomain_error")
    r.name(r.target, "public", failure="dns_nxdomain_error")
    r.inside_tls(r.target, failure="dns_nxdomain_error")


def dns_silence(r: RoundMaker) -> None:
    """The system is silent about this name."""
    silent_once(r)
    asked_again(r, failure="generic_timeout_error")


def silent_once(r: RoundMaker) -> None:
    """The same, asked once: a datagram may have been lost."""
    r.name(r.target, "system", failure="generic_timeout_error")
    r.name(r.target, "public", "203.0.113.11")
    r.visit(r.target, "203.0.113.11")


def asked_again(r: RoundMaker, *answers: str, failure: str | None = None) -> None:
    """The system's resolver, a little later."""
    r.now_us += 5_000_000
    r.name(r.target, "system", *answers, failure=failure)


def cold_resolver(r: RoundMaker) -> None:
    """Silent at first, then it answers."""
    silent_once(r)
    asked_again(r, "203.0.113.11")


def silent_then_denied(r: RoundMaker) -> None:
    """A resolver in trouble says this and that."""
    silent_once(r)
    asked_again(r, failure="dns_nxdomain_error")


def servfail(r: RoundMaker) -> None:
    """The system is in trouble with this name."""
    r.name(r.target, "system", failure="dns_server_misbehaving")
    r.name(r.target, "public", "203.0.113.11")
    r.visit(r.target, "203.0.113.11")


def two_answers(r: RoundMaker) -> None:
    """One query, two answers, one of them a lie."""
    r.name(r.target, "system", "203.0.113.90")
    r.name(r.target, "system", "203.0.113.11")
    r.name(r.target, "public", "203.0.113.11")
    r.visit(r.target, "203.0.113.90", tls="ssl_unknown_authority")
    r.visit(r.target, "203.0.113.11")


def two_machines(r: RoundMaker) -> None:
    """One query, two answers, both the service: a round robin."""
    r.name(r.target, "system", "203.0.113.12")
    r.name(r.target, "system", "203.0.113.11")
    r.name(r.target, "public", "203.0.113.11")
    r.visit(r.target, "203.0.113.12")
    r.visit(r.target, "203.0.113.11")


def two_answers_unseen(r: RoundMaker) -> None:
    """The same, and nobody looked at the other address."""
    r.name(r.target, "system", "203.0.113.11")
    r.name(r.target, "system", "203.0.113.12")
    r.name(r.target, "public", "203.0.113.11")
    r.visit(r.target, "203.0.113.11")


def two_answers_dead(r: RoundMaker) -> None:
    """The same, and nothing answers at the other address: every program takes the first."""
    two_answers_unseen(r)
    r.visit(r.target, "203.0.113.12", tcp="generic_timeout_error")


def expired(r: RoundMaker) -> None:
    """A certificate out of date."""
    r.known()
    for _ in range(2):
        r.visit(r.target, "203.0.113.11", tls="ssl_invalid_certificate")
    for _ in range(6):
        r.pair(9.9e6)


def intercepted(r: RoundMaker) -> None:
    """A stranger answers in our own server's place too."""
    r.known()
    for _ in range(2):
        r.visit(r.target, "203.0.113.11", tls="ssl_unknown_authority")
        r.pair(None, failure="pin_mismatch")


def virtual_host(r: RoundMaker) -> None:
    """Another page, for this name alone, at its own address: any virtual host does that."""
    r.known().visit(r.target, "203.0.113.11", page=BLOCK_PAGE, body=200)
    r.visit(r.target, "203.0.113.11", name="news.test")


def own_refusal(r: RoundMaker) -> None:
    """The same, and our own server answers as itself by this name."""
    virtual_host(r)
    r.asked()


def block_page(r: RoundMaker) -> None:
    """The same, and our own server shows such a page too, by this name alone."""
    virtual_host(r)
    r.asked(target=BLOCK_PAGE)


def page_everywhere(r: RoundMaker) -> None:
    """Our own server shows such a page whatever the name: a portal, not this name."""
    virtual_host(r)
    r.asked(target=BLOCK_PAGE, neutral=BLOCK_PAGE)


def proxy_by_name(r: RoundMaker) -> None:
    """A proxy that connects by `Host` brings the sites' own pages from any address."""
    virtual_host(r)
    r.asked(target=BLOCK_PAGE, neutral=Page(text="<title>news</title>"))


def nobody_answers(r: RoundMaker) -> None:
    """Our own server does not answer by the neutral name: it may be down."""
    virtual_host(r)
    r.asked(target=BLOCK_PAGE, neutral="generic_timeout_error")


def other_trouble_there(r: RoundMaker) -> None:
    """By this name our own server's connection breaks: another fate than at the site."""
    virtual_host(r)
    r.asked(target="connection_reset")


def other_page_there(r: RoundMaker) -> None:
    """By this name comes an ordinary page that is not ours: an old copy, or somebody's portal."""
    virtual_host(r)
    r.asked(target=Page(text="<title>Welcome</title>"))


def block_page_for_all(r: RoundMaker) -> None:
    """Another page, whatever the name."""
    r.known().visit(r.target, "203.0.113.11", page=BLOCK_PAGE, body=200)
    r.visit(r.target, "203.0.113.11", name="news.test", page=BLOCK_PAGE, body=200)


def status_451(r: RoundMaker) -> None:
    """Unavailable for legal reasons."""
    r.known().visit(r.target, "203.0.113.11", status=451, body=200)
    r.visit(r.target, "203.0.113.11", name="news.test")


def block_451(r: RoundMaker) -> None:
    """The same status at our own server by this name."""
    status_451(r)
    r.asked(target=Page(), status=451)


def strange_everywhere(r: RoundMaker) -> None:
    """The certificate is bad at both resolvers' addresses: the site's own mistake would be."""
    r.known("203.0.113.12").visit(r.target, "203.0.113.12", tls="ssl_unknown_authority")
    r.visit(r.target, "203.0.113.12", tls="ssl_unknown_authority")
    r.visit(r.target, "203.0.113.11", tls="ssl_unknown_authority")


def access_denied(r: RoundMaker) -> None:
    """A server's own refusal."""
    r.known().visit(
        r.target, "203.0.113.11", status=403, body=300, page=Page(text="<h1>Access Denied</h1>")
    )


def newspaper(r: RoundMaker) -> None:
    """A long page that quotes a block page."""
    text = "Access to this resource is restricted, said the minister. " + "words " * 2000
    r.known().visit(r.target, "203.0.113.11", page=Page(text=text))


def site_error(r: RoundMaker) -> None:
    """The site says it is broken."""
    r.known().visit(r.target, "203.0.113.11", status=503, body=300)


def partial(r: RoundMaker) -> None:
    """Some flows are hit."""
    clean(r)
    for bps in (0.2e6, 9.8e6, 0.2e6, 9.9e6, 0.25e6):
        r.pair(bps)


def far_away(r: RoundMaker) -> None:
    """A server on another continent."""
    r.known().visit(r.target, "203.0.113.11", kbit=1400, rtt_us=300_000)


def short_page(r: RoundMaker) -> None:
    """Three kilobytes, slowly."""
    r.known().visit(r.target, "203.0.113.11", body=3000, kbit=100)


def no_way(r: RoundMaker) -> None:
    """This device has no route."""
    r.known().visit(r.target, "203.0.113.11", tcp="network_unreachable")


def nothing(r: RoundMaker) -> None:
    """Nothing was measured."""
    del r


Case = tuple[str, Target, Callable[[RoundMaker], None], State, Scope, str | None, str, Answer]

GUILTY: list[Case] = [
    ("throttled", TARGET, throttled, State.SLOWED, Scope.TARGETED, "tls.throttle.sni",
     "check.tls.throttle.sni", Answer.TARGETED_SLOWING),
    ("partial", TARGET, partial, State.SLOWED, Scope.TARGETED, "tls.throttle.sni",
     "check.tls.throttle.sni", Answer.TARGETED_SLOWING),
    ("reset_by_name", TARGET, reset_by_name, State.BLOCKED, Scope.TARGETED, "tls.reset.sni",
     "check.tls.reset.sni", Answer.TARGETED_BLOCKING),
    ("drop_by_name", TARGET, drop_by_name, State.BLOCKED, Scope.TARGETED, "tls.drop.sni",
     "check.tls.drop.sni", Answer.TARGETED_BLOCKING),
    ("dns_lie", TARGET, dns_lie, State.BLOCKED, Scope.TARGETED, "dns.spoof",
     "check.dns.spoof", Answer.TARGETED_BLOCKING),
    ("two_answers", TARGET, two_answers, State.BLOCKED, Scope.TARGETED, "dns.injection",
     "check.dns.injection", Answer.TARGETED_BLOCKING),
    ("nxdomain", TARGET, nxdomain, State.BLOCKED, Scope.TARGETED, "dns.nxdomain",
     "check.dns.nxdomain", Answer.TARGETED_BLOCKING),
    ("dns_silence", TARGET, dns_silence, State.BLOCKED, Scope.TARGETED, "dns.drop",
     "check.dns.drop", Answer.TARGETED_BLOCKING),
    ("intercepted", TARGET, intercepted, State.BLOCKED, Scope.TARGETED, "tls.mitm",
     "check.tls.mitm", Answer.TARGETED_BLOCKING),
    ("block_page", PLAIN, block_page, State.BLOCKED, Scope.TARGETED, "http.blockpage",
     "check.http.blockpage", Answer.TARGETED_BLOCKING),
    ("block_451", PLAIN, block_451, State.BLOCKED, Scope.TARGETED, "http.blockpage",
     "check.http.blockpage", Answer.TARGETED_BLOCKING),
]  # fmt: skip
"""Somebody acts on the name."""

INNOCENT: list[Case] = [
    ("clean", TARGET, clean, State.OK, Scope.UNDETERMINED, None, "check.ok", Answer.OK),
    ("other_edge", TARGET, other_edge, State.OK, Scope.UNDETERMINED, None, "check.ok", Answer.OK),
    ("newspaper", PLAIN, newspaper, State.OK, Scope.UNDETERMINED, None, "check.ok", Answer.OK),
    ("access_denied", PLAIN, access_denied, State.OK, Scope.UNDETERMINED, None, "check.ok",
     Answer.OK),
    ("far_away", TARGET, far_away, State.OK, Scope.UNDETERMINED, None, "check.ok", Answer.OK),
    ("short_page", TARGET, short_page, State.OK, Scope.UNDETERMINED, None, "check.ok", Answer.OK),
    ("failed_then_worked", TARGET, failed_then_worked, State.OK, Scope.UNDETERMINED, None,
     "check.ok", Answer.OK),
    ("slow_server", TARGET, slow_server, State.SLOWED, Scope.UNDETERMINED, None,
     "check.slow.undetermined", Answer.CANNOT_TELL),
    ("slow_without_pairs", TARGET, slow_without_pairs, State.SLOWED, Scope.UNDETERMINED, None,
     "check.slow.undetermined", Answer.CANNOT_TELL),
    ("reset_by_site", TARGET, reset_by_site, State.BLOCKED, Scope.UNDETERMINED, "tls.reset.sni",
     "check.tls.name_at_address", Answer.CANNOT_TELL),
    ("all_names_fail", TARGET, all_names_fail, State.BLOCKED, Scope.UNDETERMINED, None,
     "check.tls.failing", Answer.CANNOT_TELL),
    ("ip_drop", TARGET, ip_drop, State.BLOCKED, Scope.UNDETERMINED, "ip.drop", "check.ip.drop",
     Answer.CANNOT_TELL),
    ("refused", TARGET, refused, State.BLOCKED, Scope.UNDETERMINED, "tcp.reset",
     "check.tcp.reset", Answer.CANNOT_TELL),
    ("failed_once", TARGET, failed_once, State.INSUFFICIENT, Scope.UNDETERMINED, None,
     "check.unconfirmed", Answer.CANNOT_TELL),
    ("dead_edge", TARGET, dead_edge, State.BLOCKED, Scope.UNDETERMINED, None,
     "check.dns.differs", Answer.CANNOT_TELL),
    ("denied_once", TARGET, denied_once, State.INSUFFICIENT, Scope.UNDETERMINED, None,
     "check.unconfirmed", Answer.CANNOT_TELL),
    ("silent_once", TARGET, silent_once, State.INSUFFICIENT, Scope.UNDETERMINED, None,
     "check.unconfirmed", Answer.CANNOT_TELL),
    ("cold_resolver", TARGET, cold_resolver, State.OK, Scope.UNDETERMINED, None, "check.ok",
     Answer.OK),
    ("silent_then_denied", TARGET, silent_then_denied, State.BLOCKED, Scope.UNDETERMINED, None,
     "check.dns.fails", Answer.CANNOT_TELL),
    ("two_machines", TARGET, two_machines, State.OK, Scope.UNDETERMINED, None, "check.ok",
     Answer.OK),
    ("two_answers_unseen", TARGET, two_answers_unseen, State.OK, Scope.UNDETERMINED, None,
     "check.ok", Answer.OK),
    ("two_answers_dead", TARGET, two_answers_dead, State.OK, Scope.UNDETERMINED, None,
     "check.ok", Answer.OK),
    ("nobody_knows", TARGET, nobody_knows, State.DOWN, Scope.SERVER_SIDE, None,
     "check.dns.unknown", Answer.SITE_DOWN),
    ("servfail", TARGET, servfail, State.BLOCKED, Scope.UNDETERMINED, None, "check.dns.fails",
     Answer.CANNOT_TELL),
    ("expired", TARGET, expired, State.BLOCKED, Scope.UNDETERMINED, None,
     "check.tls.certificate", Answer.CANNOT_TELL),
    ("strange_everywhere", TARGET, strange_everywhere, State.BLOCKED, Scope.UNDETERMINED, None,
     "check.tls.certificate", Answer.CANNOT_TELL),
    ("block_page_for_all", PLAIN, block_page_for_all, State.BLOCKED, Scope.UNDETERMINED,
     "http.blockpage", "check.http.blockpage", Answer.CANNOT_TELL),
    ("virtual_host", PLAIN, virtual_host, State.BLOCKED, Scope.UNDETERMINED,
     "http.blockpage", "check.http.blockpage", Answer.CANNOT_TELL),
    ("own_refusal", PLAIN, own_refusal, State.BLOCKED, Scope.UNDETERMINED,
     "http.blockpage", "check.http.blockpage", Answer.CANNOT_TELL),
    ("page_everywhere", PLAIN, page_everywhere, State.BLOCKED, Scope.UNDETERMINED,
     "http.blockpage", "check.http.blockpage", Answer.CANNOT_TELL),
    ("proxy_by_name", PLAIN, proxy_by_name, State.BLOCKED, Scope.UNDETERMINED,
     "http.blockpage", "check.http.blockpage", Answer.CANNOT_TELL),
    ("nobody_answers", PLAIN, nobody_answers, State.BLOCKED, Scope.UNDETERMINED,
     "http.blockpage", "check.http.blockpage", Answer.CANNOT_TELL),
    ("other_trouble_there", PLAIN, other_trouble_there, State.BLOCKED, Scope.UNDETERMINED,
     "http.blockpage", "check.http.blockpage", Answer.CANNOT_TELL),
    ("other_page_there", PLAIN, other_page_there, State.BLOCKED, Scope.UNDETERMINED,
     "http.blockpage", "check.http.blockpage", Answer.CANNOT_TELL),
    ("plain_451", PLAIN, status_451, State.BLOCKED, Scope.UNDETERMINED, "http.blockpage",
     "check.http.blockpage", Answer.CANNOT_TELL),
    ("signed_451", TARGET, status_451, State.BLOCKED, Scope.SERVER_SIDE, None,
     "check.http.refusal", Answer.CANNOT_TELL),
    ("site_error", TARGET, site_error, State.DOWN, Scope.SERVER_SIDE, None, "check.site.error",
     Answer.SITE_DOWN),
    ("plain_error", PLAIN, site_error, State.DOWN, Scope.UNDETERMINED, None, "check.site.error",
     Answer.CANNOT_TELL),
    ("no_way", TARGET, no_way, State.INSUFFICIENT, Scope.UNDETERMINED, None, "check.own_side",
     Answer.NOT_MEASURED),
    ("nothing", TARGET, nothing, State.INSUFFICIENT, Scope.UNDETERMINED, None,
     "check.not_measured", Answer.NOT_MEASURED),
]  # fmt: skip
"""Nobody does, or nobody can tell from here."""


@pytest.mark.parametrize("case", [*GUILTY, *INNOCENT], ids=lambda case: case[0])
def test_table(case: Case) -> None:
    """State, scope, mechanism, rule and answer of every row."""
    _, target, act, state, scope, mechanism, rule, answer = case
    maker = RoundMaker(target).good_controls()
    act(maker)
    judged = maker.judge()
    verdict = judged.verdicts[0]
    assert (verdict.state, verdict.scope, verdict.mechanism, verdict.rule_id) == (
        state,
        scope,
        mechanism,
        rule,
    ), verdict
    assert sum_up(judged.verdicts, line_slow=judged.ground.line_slow) is answer


@pytest.mark.parametrize("case", INNOCENT, ids=lambda case: case[0])
def test_innocents_are_never_targeted(case: Case) -> None:
    """Nothing innocent is targeted or isolated, whatever else is said about it."""
    maker = RoundMaker(case[1]).good_controls()
    case[2](maker)
    verdict = maker.verdict()
    assert verdict.scope is not Scope.TARGETED
    assert not verdict.isolated


@pytest.mark.parametrize("case", [*GUILTY, *INNOCENT], ids=lambda case: case[0])
def test_without_pairs_nothing_is_isolated(case: Case) -> None:
    """The same rounds without our own server: never isolated, slow never targeted."""
    maker = RoundMaker(case[1], has_server=False).good_controls()
    case[2](maker)
    maker.observations = [o for o in maker.observations if o.pair_id is None]
    verdict = maker.verdict()
    assert not verdict.isolated
    assert not (verdict.state is State.SLOWED and verdict.scope is Scope.TARGETED)
    assert verdict.e_value is None
    assert verdict.n_pairs == 0


@pytest.mark.parametrize("case", [*GUILTY, *INNOCENT], ids=lambda case: case[0])
def test_without_controls_nothing_is_said(case: Case) -> None:
    """No control, or dead ones: insufficient, and the answer is cannot_tell or not_measured."""
    maker = RoundMaker(case[1])
    case[2](maker)
    for control in CONTROLS:
        maker.visit(control, "203.0.113.14", tls="generic_timeout_error")
    judged = maker.judge()
    assert judged.verdicts[0].state is State.INSUFFICIENT
    assert sum_up(judged.verdicts, line_slow=judged.ground.line_slow) in (
        Answer.CANNOT_TELL,
        Answer.NOT_MEASURED,
    )


@pytest.mark.parametrize("case", [*GUILTY, *INNOCENT], ids=lambda case: case[0])
def test_verdicts_name_what_they_rest_on(case: Case) -> None:
    """Rule and mechanism are in the vocabularies; witnesses exist; nothing is claimed above L1."""
    maker = RoundMaker(case[1]).good_controls()
    case[2](maker)
    verdict = maker.verdict()
    assert verdict.rule_id in RULES
    assert verdict.mechanism is None or verdict.mechanism in MECHANISMS
    assert verdict.claim_level in ("L0", "L1")
    known = {o.observation_id for o in maker.observations}
    assert set(verdict.witnesses) <= known
    if verdict.rule_id != "check.not_measured":
        assert verdict.witnesses, verdict
    assert (verdict.slower_by is None) or verdict.state is State.SLOWED
    assert verdict.because
    assert verdict.scope_because


def test_rules_are_all_reached() -> None:
    """Every rule of `check` decides at least one round of this file (or is named here with why)."""
    reached = {case[6] for case in [*GUILTY, *INNOCENT]}
    elsewhere = {
        "check.no_control", "check.controls_down", "check.offline", "check.slow.generalized",
        "check.pairs.inconclusive", "check.http.failing", "check.redirect.failing",
        "check.other_network", "check.clock",
    }  # fmt: skip
    elsewhere |= {
        # test_outside_view, test_names, test_ways, test_at_hello
        "check.controls_exempt", "check.dns.hijack", "check.mtproto.failing", "check.site.down",
        "check.slow.server", "check.tls.alert.sni", "check.tls.close.sni",
        "check.tls.mitm.outside",
    }  # fmt: skip
    assert {r for r in RULES if r.startswith("check.")} == reached | elsewhere


def test_a_slow_line_is_generalized() -> None:
    """Everything at 300 kbit/s: slowed, generalized, line_slow; pairs alike change nothing."""
    maker = RoundMaker().good_controls(kbit=300)
    slow(maker, 300)
    for _ in range(6):
        maker.pair(0.28e6, 0.3e6)
    judged = maker.judge()
    verdict = judged.verdicts[0]
    assert (verdict.state, verdict.scope) == (State.SLOWED, Scope.GENERALIZED)
    assert verdict.rule_id == "check.slow.generalized"
    assert sum_up(judged.verdicts, line_slow=judged.ground.line_slow) is Answer.LINE_SLOW


def test_both_causes_at_once() -> None:
    """A slow line on which one name is slower still: targeted, and the answer says line_slow."""
    maker = RoundMaker().good_controls(kbit=900)
    slow(maker, 40)
    for _ in range(3):
        maker.pair(0.04e6, 0.9e6)
    judged = maker.judge()
    verdict = judged.verdicts[0]
    assert (verdict.state, verdict.scope, verdict.isolated) == (State.SLOWED, Scope.TARGETED, True)
    assert sum_up(judged.verdicts, line_slow=judged.ground.line_slow) is Answer.LINE_SLOW


def test_a_tariff_makes_a_fast_looking_line_slow() -> None:
    """Controls at 4 Mbit/s are fine by themselves and slow on a line sold with 100."""
    maker = RoundMaker().good_controls(kbit=4000)
    maker.known().visit(maker.target, "203.0.113.11", kbit=4000)
    assert not maker.judge().ground.line_slow
    assert maker.judge(tariff_bps=100e6).ground.line_slow


def test_one_slow_control_is_its_own_matter() -> None:
    """One control at 200 kbit/s, two fine: the line is not slow, the target is fine."""
    maker = RoundMaker()
    maker.visit(CONTROLS[0], "203.0.113.14", kbit=200)
    maker.visit(CONTROLS[1], "203.0.113.15")
    maker.visit(CONTROLS[2], "203.0.113.16")
    clean(maker)
    assert not maker.judge().ground.line_slow
    assert maker.verdict().state is State.OK


def test_far_away_is_no_excuse_for_not_loading() -> None:
    """Cut at six seconds, with a round trip of 1.2 s that slow start would explain: still slow."""
    maker = RoundMaker().good_controls().known()
    maker.visit(TARGET, "203.0.113.11", kbit=200, rtt_us=1_200_000)
    verdict = maker.verdict()
    assert verdict.state is State.SLOWED
    assert "times slower than the controls" in verdict.because


def test_noise_is_not_a_name() -> None:
    """Wide null pairs and three slow pairs of a slow target: undetermined, not targeted."""
    maker = RoundMaker().good_controls()
    maker.pair(3e6, 10e6, null=True)
    maker.pair(10e6, 4e6, null=True)
    maker.pair(2e6, 10e6, null=True)
    slow(maker)
    for _ in range(3):
        maker.pair(1.5e6)
    assert maker.verdict().scope is Scope.UNDETERMINED


def test_open_evidence_is_not_ok() -> None:
    """A fast page with pairs that hold some evidence and no decision: insufficient."""
    maker = RoundMaker().good_controls()
    clean(maker)
    maker.pair(0.2e6)
    verdict = maker.verdict()
    assert (verdict.state, verdict.rule_id) == (State.INSUFFICIENT, "check.pairs.inconclusive")


def test_a_dead_measurement_server_is_no_evidence() -> None:
    """Pairs in which neither name brought anything count for nothing."""
    maker = RoundMaker().good_controls()
    clean(maker)
    for _ in range(3):
        maker.pair(0, 0, failure="generic_timeout_error")
        maker.pair(None, None, failure="generic_timeout_error")
    verdict = maker.verdict()
    assert verdict.state is State.OK
    assert verdict.n_pairs == 0


@pytest.mark.parametrize(
    ("code", "mechanism"), [("connection_reset", None), ("generic_timeout_error", None)]
)
def test_silence_after_the_handshake(code: str, mechanism: str | None) -> None:
    """The page does not come twice: blocked, and without pairs undetermined."""
    maker = RoundMaker().good_controls().known()
    for _ in range(2):
        maker.visit(maker.target, "203.0.113.11", http=code)
    verdict = maker.verdict()
    assert (verdict.rule_id, verdict.state) == ("check.http.failing", State.BLOCKED)
    assert (verdict.scope, verdict.mechanism) == (Scope.UNDETERMINED, mechanism)


def test_a_redirect_that_leads_nowhere() -> None:
    """The page it leads to is out of reach: undetermined, the host is named."""
    maker = RoundMaker().good_controls().known()
    maker.visit(
        maker.target,
        "203.0.113.11",
        status=302,
        body=0,
        page=Page(location="https://www.video.test/"),
    )
    maker.add(
        Fact.TCP_CONNECT, maker.target, host="www.video.test", address="203.0.113.18", port=443,
        family=4, duration_us=1, failure="generic_timeout_error",
    )  # fmt: skip
    verdict = maker.verdict()
    assert verdict.rule_id == "check.redirect.failing"
    assert "www.video.test" in verdict.because


def test_a_redirect_to_a_block_page() -> None:
    """A plain answer that leads to a block page elsewhere, and a neutral name that does not."""
    maker = RoundMaker(PLAIN).good_controls().known()
    maker.visit(
        PLAIN, "203.0.113.11", status=302, body=0, page=Page(location="http://blocked.test/")
    )
    blocked = Target(target_id=PLAIN.target_id, url="http://blocked.test/", role=Role.TARGET)
    maker.visit(blocked, "203.0.113.90", body=200, page=BLOCK_PAGE)
    maker.visit(PLAIN, "203.0.113.11", name="news.test")
    assert maker.verdict().scope is Scope.UNDETERMINED
    maker.asked(target=BLOCK_PAGE)
    assert maker.verdict().mechanism == "http.blockpage"
    assert maker.verdict().scope is Scope.TARGETED


def test_the_same_bytes_are_such_a_page() -> None:
    """A page whose words nobody knows is known again by its hash; another one's is not."""
    for sha256, scope in (("page", Scope.TARGETED), ("other", Scope.UNDETERMINED)):
        maker = RoundMaker(PLAIN).good_controls().known()
        maker.visit(PLAIN, "203.0.113.11", page=BLOCK_PAGE, body=200)
        last = maker.observations[-1]
        maker.observations[-1] = msgspec.structs.replace(last, body_sha256="page")
        maker.asked(target=Page(text="..."), sha256=sha256)
        assert maker.verdict().scope is scope


def test_a_block_page_is_isolated_only_by_our_own_server() -> None:
    """The contrast is a witness; half a question is none."""
    maker = RoundMaker(PLAIN).good_controls()
    block_page(maker)
    verdict = maker.verdict()
    asked = [o.observation_id for o in maker.observations if o.fact is Fact.HTTP_EXCHANGE][-2:]
    assert verdict.isolated
    assert set(asked) <= set(verdict.witnesses)
    maker.observations.pop()
    verdict = maker.verdict()
    assert (verdict.isolated, verdict.scope) == (False, Scope.UNDETERMINED)


def test_a_redirect_into_a_private_network() -> None:
    """A public site that leads to 10.10.34.34, for this name alone: another page in its place."""
    maker = RoundMaker(PLAIN).good_controls()
    maker.known("9.9.9.11", public=("9.9.9.11",))
    page = Page(location="http://10.10.34.34/")
    maker.visit(PLAIN, "9.9.9.11", status=302, body=0, page=page)
    maker.visit(PLAIN, "9.9.9.11", name="news.test")
    assert maker.verdict().scope is Scope.UNDETERMINED
    maker.asked(target=Page(location="http://10.10.34.34/?who=messenger"), status=302)
    verdict = maker.verdict()
    assert (verdict.mechanism, verdict.scope) == ("http.blockpage", Scope.TARGETED)


def test_redirects_without_an_end() -> None:
    """A page that redirects to itself does not open; whose mistake it is cannot be told."""
    maker = RoundMaker().good_controls().known()
    for _ in range(4):
        page = Page(location="https://video.test/")
        maker.visit(TARGET, "203.0.113.11", status=302, body=0, page=page)
    verdict = maker.verdict()
    assert (verdict.rule_id, verdict.scope) == ("check.redirect.failing", Scope.UNDETERMINED)


def test_no_controls_listed() -> None:
    """A list without controls cannot be judged; the rule says so."""
    maker = RoundMaker()
    clean(maker)
    maker.targets = TargetList(targets=(TARGET,), controls=(), servers=(SERVER,))
    judged = maker.judge()
    assert judged.verdicts[0].rule_id == "check.no_control"
    assert sum_up(judged.verdicts, line_slow=False) is Answer.CANNOT_TELL


def test_controls_down_and_offline() -> None:
    """Dead controls beside a living target are `controls_down`; nothing at all is `offline`."""
    down = RoundMaker()
    clean(down)
    for control in CONTROLS:
        down.visit(control, "203.0.113.14", tcp="generic_timeout_error")
    assert down.verdict().rule_id == "check.controls_down"
    offline = RoundMaker()
    offline.name(TARGET, failure="generic_timeout_error")
    offline.visit(TARGET, "203.0.113.11", tcp="generic_timeout_error")
    for control in CONTROLS:
        offline.visit(control, "203.0.113.14", tcp="generic_timeout_error")
    judged = offline.judge()
    assert judged.verdicts[0].rule_id == "check.offline"
    assert sum_up(judged.verdicts, line_slow=False) is Answer.NOT_MEASURED
    offline.name(TARGET, "public", "203.0.113.11")
    assert offline.verdict().rule_id == "check.controls_down"


@pytest.mark.parametrize("failure", ["stalled", None])
@pytest.mark.parametrize("target", [TARGET, PLAIN])
def test_an_answer_without_a_head_is_none(target: Target, failure: str | None) -> None:
    """It drips or stops before its head is whole, twice: out of reach."""
    maker = RoundMaker(target).good_controls()
    maker.known()
    for _ in range(2):
        maker.half_a_head(target, "203.0.113.11", failure=failure)
    verdict = maker.verdict()
    assert (verdict.state, verdict.rule_id) == (State.BLOCKED, "check.http.failing")
    assert "stalled" in verdict.because
    once = RoundMaker(target).good_controls()
    once.known()
    once.half_a_head(target, "203.0.113.11", failure=failure)
    assert once.verdict().rule_id == "check.unconfirmed"


@pytest.mark.parametrize("status", [403, 404])
def test_an_error_page_is_named_in_the_reason(status: int) -> None:
    """It answers; what with is said first, and that it is like the controls is not."""
    maker = RoundMaker().good_controls()
    maker.known()
    maker.visit(TARGET, "203.0.113.11", status=status)
    because = maker.verdict().because
    assert because.startswith(f"it answers with status {status}")
    assert "like the controls" not in because


@pytest.mark.parametrize(("kbit", "says"), [(0.1, "more than 1,000 times"), (100, "about ")])
def test_how_much_slower_has_no_false_digits(kbit: float, says: str) -> None:
    """Where next to nothing came the ratio is a bound."""
    maker = RoundMaker().good_controls()
    maker.known()
    maker.visit(TARGET, "203.0.113.11", kbit=kbit)
    assert maker.verdict().because.startswith(says)


def test_an_answer_that_stops_after_its_head_is_slow() -> None:
    """A whole head and not a byte more: never `ok`, and not closed either."""
    maker = RoundMaker().good_controls()
    maker.known()
    maker.visit(TARGET, "203.0.113.11", http="stalled", body=0)
    assert maker.verdict().state is State.SLOWED


def test_ipv6_that_fails_is_mentioned_and_does_not_decide() -> None:
    """IPv4 fine, IPv6 silent: ok, with a note. Without a route it is our own side: no note."""
    maker = RoundMaker().good_controls()
    clean(maker)
    maker.visit(TARGET, "2001:db8::1", tcp="generic_timeout_error", family=6)
    verdict = maker.verdict()
    assert verdict.state is State.OK
    assert any("IPv6" in clause for clause in verdict.against)
    without = RoundMaker().good_controls()
    clean(without)
    without.visit(TARGET, "2001:db8::1", tcp="network_unreachable", family=6)
    assert not any("IPv6" in clause for clause in without.verdict().against)


def test_three_slow_controls_and_a_fast_target_are_no_slow_line() -> None:
    """The controls' own matter; with a slow target beside them it is the line's."""
    for kbit, slow in ((20_000, False), (300, True)):
        maker = RoundMaker()
        for number, control in enumerate(CONTROLS):
            maker.visit(control, f"203.0.113.{14 + number}", kbit=300)
        maker.known().visit(TARGET, "203.0.113.11", kbit=kbit)
        judged = maker.judge()
        assert judged.ground.line_slow is slow
        assert (sum_up(judged.verdicts, line_slow=slow) is Answer.OK) is not slow


def test_steps_of_connections_side_by_side_are_kept_apart() -> None:
    """Two connections are open at once: each handshake belongs to the one of its address."""
    maker = RoundMaker().good_controls()
    maker.known()
    ends = [
        {"host": "video.test", "address": address, "port": 443, "family": family}
        for address, family in (("203.0.113.11", 4), ("2001:db8::1", 6))
    ]
    for where in ends:
        maker.add(Fact.TCP_CONNECT, TARGET, duration_us=40_000, **where)
    for where, failure in zip(ends, (None, "connection_reset"), strict=True):
        maker.add(Fact.TLS_HANDSHAKE, TARGET, sni="video.test", failure=failure, **where)
    site = sort_site(TARGET, maker.observations, {})
    assert [(a.address, a.failure) for a in site.own(4)] == [("203.0.113.11", None)]
    assert [(a.address, a.failure) for a in site.own(6)] == [("2001:db8::1", "connection_reset")]


def test_a_handshake_over_ipv6_does_not_excuse_a_page_that_fails_over_ipv4() -> None:
    """The page is asked over IPv4 alone: 503 there is what a person meets, if IPv6 opens or not."""
    maker = RoundMaker().good_controls()
    maker.known().visit(TARGET, "203.0.113.11", status=503)
    six = {"host": "video.test", "address": "2001:db8::1", "port": 443, "family": 6}
    maker.add(Fact.TCP_CONNECT, TARGET, duration_us=40_000, **six)
    maker.add(Fact.TLS_HANDSHAKE, TARGET, sni="video.test", **six)
    verdict = maker.verdict()
    assert (verdict.state, verdict.rule_id) == (State.DOWN, "check.site.error")
    dropped = RoundMaker().good_controls()
    dropped.known().visit(TARGET, "203.0.113.11", tls="generic_timeout_error")
    dropped.add(Fact.TCP_CONNECT, TARGET, duration_us=40_000, **six)
    dropped.add(Fact.TLS_HANDSHAKE, TARGET, sni="video.test", **six)
    assert dropped.verdict().state is State.OK  # neither page was asked: a browser ends on IPv6


def test_the_answer_prefers_what_was_not_measured_only_if_all() -> None:
    """One target targeted, one not measured: targeted_slowing, not not_measured."""
    maker = RoundMaker().good_controls()
    throttled(maker)
    maker.targets = TargetList(targets=(TARGET, PLAIN), controls=CONTROLS, servers=(SERVER,))
    assert sum_up(maker.judge().verdicts, line_slow=False) is Answer.TARGETED_SLOWING


@pytest.mark.parametrize("case", [*GUILTY, *INNOCENT], ids=lambda case: case[0])
def test_every_rival_is_answered(case: Case) -> None:
    """All eleven explanations, each with a reason."""
    maker = RoundMaker(case[1]).good_controls()
    case[2](maker)
    rivals = list_rivals(maker.judge(), Surroundings(tunnel="", clock_off_s=0.1))
    assert [r.explanation for r in rivals] == list(Explanation)
    assert all(r.because for r in rivals)


NEAR = {Explanation.OWN_DEVICE, Explanation.WIFI, Explanation.TARIFF}
"""What can itself act by name, near to the person."""


def ruled_out(judged: Judged, **around: Any) -> dict[Explanation, bool | None]:
    """Explanation → ruled out or not, as far as known."""
    return {r.explanation: r.ruled_out for r in list_rivals(judged, Surroundings(**around))}


def test_rivals_of_a_throttled_name() -> None:
    """Pairs rule out line, congestion, the site and its network; not a list nearby."""
    maker = RoundMaker().good_controls()
    throttled(maker)
    found = ruled_out(maker.judge(), tunnel="", clock_off_s=0.1)
    assert {e for e, out in found.items() if not out} == NEAR


@pytest.mark.parametrize("act", [drop_by_name, intercepted, dns_lie, nxdomain, ip_drop, expired])
def test_a_filter_near_the_person_is_never_ruled_out(act: Callable[[RoundMaker], None]) -> None:
    """Trouble of one name: hosts file, antivirus, parental control, tariff look the same."""
    maker = RoundMaker().good_controls()
    act(maker)
    found = ruled_out(maker.judge())
    assert {found[e] for e in NEAR} == {False}


@pytest.mark.parametrize("act", [clean, site_error, status_451])
def test_a_filter_is_ruled_out_where_the_site_speaks_for_itself(
    act: Callable[[RoundMaker], None],
) -> None:
    """Nothing wrong, or the site's own word under its certificate: nobody near is suspected."""
    maker = RoundMaker().good_controls()
    act(maker)
    found = ruled_out(maker.judge())
    assert {found[e] for e in NEAR} == {True}


def test_slow_controls_with_a_short_page_are_not_nothing() -> None:
    """A fine target on a slow line: the answer is line_slow, so line and congestion stay open."""
    maker = RoundMaker().good_controls(kbit=300)
    maker.known().visit(TARGET, "203.0.113.11", body=9000, kbit=20_000)
    judged = maker.judge()
    assert sum_up(judged.verdicts, line_slow=judged.ground.line_slow) is Answer.LINE_SLOW
    found = ruled_out(judged)
    open_ = {Explanation.LINE, Explanation.WIFI, Explanation.CONGESTION, Explanation.OWN_DEVICE}
    assert {found[e] for e in open_} == {False}
    assert found[Explanation.SITE_ITSELF] is True


@pytest.mark.parametrize("act", [own_refusal, virtual_host, status_451, site_error])
def test_the_site_is_not_ruled_out_where_it_may_be_the_cause(
    act: Callable[[RoundMaker], None],
) -> None:
    """Its refusal, its error, or a page that may be its own; also where our server is let in."""
    maker = RoundMaker(PLAIN if act in (own_refusal, virtual_host) else TARGET).good_controls()
    act(maker)
    maker.outside(address="203.0.113.11", kbit=20_000)
    judged = maker.judge()
    assert judged.verdicts[0].state in (State.BLOCKED, State.DOWN)
    found = {r.explanation: r for r in list_rivals(judged, Surroundings(), maker.observations)}
    assert found[Explanation.SITE_ITSELF].ruled_out is False


def test_one_explained_target_does_not_explain_the_other() -> None:
    """A name that is lied about beside a site that fails: its path may be full, names may fail."""
    maker = RoundMaker().good_controls()
    dns_lie(maker)
    maker.targets = TargetList(targets=(TARGET, PLAIN), controls=CONTROLS, servers=(SERVER,))
    maker.name(PLAIN, "system", "203.0.113.13")
    for _ in range(2):
        maker.visit(PLAIN, "203.0.113.13", tcp="generic_timeout_error")
    assert ruled_out(maker.judge())[Explanation.CONGESTION] is False
    alone = RoundMaker().good_controls()
    dns_lie(alone)
    assert ruled_out(alone.judge())[Explanation.CONGESTION] is True


def test_a_name_without_an_address_keeps_dns_open() -> None:
    """The resolver fails for one of two names: name lookup is not ruled out."""
    maker = RoundMaker().good_controls()
    slow(maker)
    maker.targets = TargetList(targets=(TARGET, PLAIN), controls=CONTROLS, servers=(SERVER,))
    assert ruled_out(maker.judge())[Explanation.DNS] is True
    maker.name(PLAIN, "system", failure="dns_server_misbehaving")
    assert ruled_out(maker.judge())[Explanation.DNS] is False


def test_rivals_of_a_slow_line_and_a_slow_server() -> None:
    """A slow line leaves congestion and tariff open; a slow server leaves the site open."""
    line = RoundMaker().good_controls(kbit=300)
    slow(line, 300)
    open_ = {
        r.explanation for r in list_rivals(line.judge(), Surroundings()) if r.ruled_out is False
    }
    assert {Explanation.CONGESTION, Explanation.TARIFF, Explanation.WIFI} <= open_
    server = RoundMaker().good_controls()
    slow_server(server)
    found = {r.explanation: r.ruled_out for r in list_rivals(server.judge(), Surroundings())}
    assert found[Explanation.SITE_ITSELF] is False
    assert found[Explanation.OWN_DEVICE] is True
    assert found[Explanation.TARIFF] is False
    assert found[Explanation.VPN] is None
    assert found[Explanation.CLOCK] is None


def test_vpn_and_clock_are_said() -> None:
    """A tunnel on the default route and a clock that is off are not ruled out."""
    maker = RoundMaker().good_controls()
    clean(maker)
    rivals = list_rivals(maker.judge(), Surroundings(tunnel="wg0", clock_off_s=-2400.0))
    found = {r.explanation: r for r in rivals}
    assert found[Explanation.VPN].ruled_out is False
    assert "wg0" in found[Explanation.VPN].because
    assert found[Explanation.CLOCK].ruled_out is False


SITE = "203.0.113.11"
SILENT, RESET = "generic_timeout_error", "connection_reset"


def failing_site(*, pairs: str | float | None, **visit: str) -> RoundMaker:
    """A site that fails twice; `pairs`: a failure code at 0 byte/s, a speed, or fine (None)."""
    maker = RoundMaker().good_controls().known()
    for _ in range(2):
        maker.visit(TARGET, SITE, **visit)
    for _ in range(6):
        if isinstance(pairs, str):
            maker.pair(0, failure=pairs)
        else:
            maker.pair(pairs or 9.9e6)
    return maker


@pytest.mark.parametrize(("code", "kind"), [(SILENT, "drop"), (RESET, "reset")])
@pytest.mark.parametrize("stage", ["tls", "http"])
def test_the_same_fate_is_blocked_by_name(code: str, kind: str, stage: str) -> None:
    """The site and our server under its name end alike: blocked, isolated."""
    verdict = failing_site(pairs=code, **{stage: code}).verdict()
    assert (verdict.state, verdict.scope, verdict.isolated) == (State.BLOCKED, Scope.TARGETED, True)
    if stage == "tls":
        assert verdict.rule_id == f"check.tls.{kind}.sni"


@pytest.mark.parametrize("stage", ["tls", "http", "tcp"])
@pytest.mark.parametrize(
    ("code", "pairs"), [(SILENT, 2.4e6), (RESET, 2.4e6), (SILENT, RESET), (RESET, SILENT)]
)
def test_another_fate_is_slowed_by_name_with_a_note(
    stage: str, code: str, pairs: str | float
) -> None:
    """Pairs slower, or cut in another way: what they show is the name, not why the site fails."""
    maker = failing_site(pairs=pairs, **{stage: code})
    judged = maker.judge()
    verdict = judged.verdicts[0]
    assert verdict.rule_id == "check.tls.throttle.sni"
    assert (verdict.state, verdict.isolated) == (State.SLOWED, True)
    assert any("the site itself also fails" in clause for clause in verdict.against)
    rivals = {r.explanation: r.ruled_out for r in list_rivals(judged, Surroundings())}
    assert rivals[Explanation.SITE_ITSELF] is False


@pytest.mark.parametrize("stage", ["tls", "http", "tcp"])
@pytest.mark.parametrize("code", [SILENT, RESET])
def test_fine_pairs_leave_a_failing_site_undetermined(stage: str, code: str) -> None:
    """Innocent: our server does not care for the name."""
    verdict = failing_site(pairs=None, **{stage: code}).verdict()
    assert (verdict.state, verdict.scope) == (State.BLOCKED, Scope.UNDETERMINED)
    assert not verdict.isolated


@pytest.mark.parametrize("pairs", [SILENT, RESET, 1e6, None])
def test_an_address_is_never_isolated(pairs: str | float | None) -> None:
    """No answer to a SYN: whatever pairs show, `ip.drop` is not shown by them."""
    verdict = failing_site(pairs=pairs, tcp=SILENT).verdict()
    assert not (verdict.isolated and verdict.mechanism == "ip.drop")


@pytest.mark.parametrize("code", [SILENT, RESET])
def test_two_failed_pairs_are_not_enough(code: str) -> None:
    """Innocent so far: the site fails, and two transfers failed too; it may be chance."""
    maker = RoundMaker().good_controls().known()
    for _ in range(2):
        maker.visit(TARGET, SITE, tls=code)
        maker.pair(0, failure=code)
    assert maker.verdict().scope is Scope.UNDETERMINED


def test_a_certificate_is_not_explained_by_slow_pairs() -> None:
    """An expired certificate and pairs that are slow by name: slowed, and the certificate noted."""
    verdict = failing_site(pairs=1e6, tls="ssl_invalid_certificate").verdict()
    assert verdict.state is State.SLOWED
    assert any("ssl_invalid_certificate" in clause for clause in verdict.against)


def test_plain_http_has_the_same_rule() -> None:
    """No handshake: an answer that does not come, beside pairs that are silent by name."""
    maker = RoundMaker(PLAIN).good_controls().known()
    for _ in range(2):
        maker.visit(PLAIN, SITE, http=SILENT)
    for _ in range(3):
        maker.pair(0, failure=SILENT)
    assert maker.verdict().isolated


@pytest.mark.parametrize("act", [clean, throttled, drop_by_name, dns_lie, slow_server])
def test_behind_a_vpn_nothing_is_said_about_this_line(act: Callable[[RoundMaker], None]) -> None:
    """A tunnel on the default route: insufficient, and the answer is not_measured."""
    maker = RoundMaker().good_controls()
    act(maker)
    judged = maker.judge(surroundings=Surroundings(tunnel="wg0"))
    verdict = judged.verdicts[0]
    assert (verdict.state, verdict.rule_id) == (State.INSUFFICIENT, "check.other_network")
    assert "another network than yours" in verdict.because
    assert sum_up(judged.verdicts, line_slow=judged.ground.line_slow) is Answer.NOT_MEASURED
    for tunnel in ("", None):
        around = Surroundings(tunnel=tunnel, proxies=("http_proxy",))
        assert maker.verdict(surroundings=around) == maker.verdict()


@pytest.mark.parametrize("act", [clean, throttled, drop_by_name, dns_lie, slow_server])
def test_through_a_vpn_findings_stand_and_none_is_targeted(
    act: Callable[[RoundMaker], None],
) -> None:
    """With --through-vpn the state and the mechanism stay, `targeted` becomes `undetermined`."""
    maker = RoundMaker().good_controls()
    act(maker)
    plain = maker.verdict()
    seen = maker.verdict(surroundings=Surroundings(tunnel="wg0", through_vpn=True))
    assert (seen.state, seen.mechanism, seen.rule_id) == (
        plain.state,
        plain.mechanism,
        plain.rule_id,
    )
    assert seen.scope is not Scope.TARGETED
    assert ("through a VPN (wg0)" in seen.scope_because) is (plain.scope is Scope.TARGETED)


def test_a_login_page_for_everybody() -> None:
    """All controls over plain HTTP lead to one other host: insufficient; to two hosts: not so."""
    for hosts, rule in ((("portal.test",) * 3, "check.other_network"),
                        (("portal.test", "www.b.test", "www.c.test"), "check.ok")):  # fmt: skip
        maker = RoundMaker()
        controls = tuple(
            Target(target_id=f"{n}/front", url=f"http://{n}.test/", role=Role.CONTROL)
            for n in "abc"
        )
        maker.targets = TargetList(targets=(TARGET,), controls=controls, servers=())
        for control, to in zip(controls, hosts, strict=True):
            maker.visit(control, "203.0.113.20", status=302, body=0,
                        page=Page(location=f"http://{to}/"))  # fmt: skip
            there = Target(target_id=control.target_id, url=f"http://{to}/", role=Role.CONTROL)
            maker.visit(there, "203.0.113.21")
        clean(maker)
        assert maker.verdict().rule_id == rule


@pytest.mark.parametrize("off_s", [-3600.0, 601.0, 86_400.0])
@pytest.mark.parametrize("act", [clean, throttled, reset_by_name, expired, dns_lie])
def test_a_clock_that_is_wrong_by_minutes_comes_first(
    act: Callable[[RoundMaker], None], off_s: float
) -> None:
    """Whatever was seen: insufficient, with a sentence of its own, and cannot_tell."""
    maker = RoundMaker().good_controls()
    act(maker)
    judged = maker.judge(surroundings=Surroundings(clock_off_s=off_s))
    verdict = judged.verdicts[0]
    assert (verdict.state, verdict.rule_id) == (State.INSUFFICIENT, "check.clock")
    assert sum_up(judged.verdicts, line_slow=judged.ground.line_slow) is Answer.CANNOT_TELL


@pytest.mark.parametrize("off_s", [-240.0, 599.0])
def test_a_clock_that_is_off_by_seconds_hurts_certificates_alone(off_s: float) -> None:
    """Certificate findings are taken back; a slowing and a reset by name stand."""
    around = Surroundings(clock_off_s=off_s)
    for act in (expired, dns_lie):
        maker = RoundMaker().good_controls()
        act(maker)
        verdict = maker.verdict(surroundings=around)
        assert (verdict.state, verdict.rule_id) == (State.INSUFFICIENT, "check.clock")
        assert maker.verdict(surroundings=Surroundings(clock_off_s=4.0)) == maker.verdict()
    for act in (throttled, reset_by_name, clean, nxdomain):
        maker = RoundMaker().good_controls()
        act(maker)
        assert maker.verdict(surroundings=around) == maker.verdict()


@pytest.mark.parametrize(
    ("kbit", "rule_id"), [(24_000, "check.slow.undetermined"), (26_000, "check.ok")]
)
def test_what_is_fast_in_itself_is_not_slow(kbit: float, rule_id: str) -> None:
    """Beside controls at 2 Gbit/s, 26 Mbit/s is no slowness, and a little below 25 still may be."""
    r = RoundMaker(has_server=False)
    for control in CONTROLS:
        r.name(control, "system", "203.0.113.20")
        r.visit(control, "203.0.113.20", kbit=2_000_000, rtt_us=200)
    r.name(r.target, "system", "203.0.113.11")
    r.visit(r.target, "203.0.113.11", kbit=kbit, rtt_us=200)
    assert r.judge().verdicts[0].rule_id == rule_id


def lossy_controls(r: RoundMaker) -> None:
    """A control's own lookup was not answered at first."""
    r.name(CONTROLS[0], "system", failure="generic_timeout_error")
    r.now_us += 5_000_000
    r.good_controls()


def repeated_controls(r: RoundMaker) -> None:
    """A control was asked for twice."""
    r.good_controls()
    r.now_us += 5_000_000
    r.name(CONTROLS[0], "system", "203.0.113.14")


def slow_controls(r: RoundMaker) -> None:
    """Everything crawls."""
    r.good_controls(kbit=400)


@pytest.mark.parametrize(
    ("target", "controls", "scope"),
    [
        (TARGET, RoundMaker.good_controls, Scope.TARGETED),
        (PLAIN, RoundMaker.good_controls, Scope.UNDETERMINED),
        (TARGET, lossy_controls, Scope.UNDETERMINED),
        (TARGET, repeated_controls, Scope.UNDETERMINED),
        (TARGET, slow_controls, Scope.UNDETERMINED),
    ],
)
def test_a_silent_resolver_on_a_line_with_loss_is_no_proof(
    target: Target, controls: Callable[[RoundMaker], Any], scope: Scope
) -> None:
    """Silence about one name is targeted only with a certificate, on a line that loses nothing."""
    r = RoundMaker(target)
    controls(r)
    dns_silence(r)
    verdict = r.verdict()
    assert verdict.scope is scope
    assert (verdict.mechanism == "dns.drop") is (scope is Scope.TARGETED)


@pytest.mark.parametrize(
    ("target", "controls", "scope"),
    [
        (TARGET, RoundMaker.good_controls, Scope.TARGETED),
        (TARGET, lossy_controls, Scope.TARGETED),
        (PLAIN, RoundMaker.good_controls, Scope.UNDETERMINED),
    ],
)
def test_a_denied_name_needs_a_certificate_and_no_quiet_line(
    target: Target, controls: Callable[[RoundMaker], Any], scope: Scope
) -> None:
    """A denial is said, not lost; but over plain HTTP nobody vouches for the other address."""
    r = RoundMaker(target)
    controls(r)
    denied_once(r)
    asked_again(r, failure="dns_nxdomain_error")
    verdict = r.verdict()
    assert verdict.scope is scope
    assert (verdict.mechanism == "dns.nxdomain") is (scope is Scope.TARGETED)
