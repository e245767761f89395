"""Names: lies, injections, hijacks and denials, each with its innocent twin."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from round_maker import PLAIN, TARGET, RoundMaker

from evenfall.infer.fingerprints import Fingerprint
from evenfall.infer.names import is_refused, odd_answers
from evenfall.model.vocabulary import Scope, State

TRUE, OTHER, LIE = "203.0.113.11", "203.0.113.12", "203.0.113.90"
UNKNOWN = "ssl_unknown_authority"
DENIED, SILENT = "dns_nxdomain_error", "generic_timeout_error"


def lie_at(r: RoundMaker, address: str = LIE) -> None:
    """Something answers there, and is not the service."""
    r.visit(TARGET, address, tls=UNKNOWN)


def spoof(r: RoundMaker) -> None:
    """Only DNS over HTTPS contradicts: there is no second resolver."""
    r.name(TARGET, "system", LIE)
    r.inside_tls(TARGET, TRUE)
    lie_at(r)
    r.visit(TARGET, TRUE)


def hijack(r: RoundMaker) -> None:
    """Two resolvers give the same wrong address, the one inside TLS the right one."""
    r.known(LIE, public=(LIE,))
    r.inside_tls(TARGET, TRUE)
    lie_at(r)
    r.visit(TARGET, TRUE)


def own_certificate(r: RoundMaker) -> None:
    """All three agree, and the certificate is bad: the site's own mistake."""
    r.known(LIE, public=(LIE,))
    r.inside_tls(TARGET, LIE)
    lie_at(r)
    lie_at(r)


def content_network(r: RoundMaker) -> None:
    """Each resolver gets another machine, and each shows a valid certificate."""
    r.known(TRUE, public=(OTHER,))
    r.inside_tls(TARGET, "203.0.113.13")
    r.visit(TARGET, TRUE)
    r.visit(TARGET, OTHER)


def doh_unreachable(r: RoundMaker) -> None:
    """DNS over HTTPS does not answer: no verdict about anybody."""
    r.known()
    r.inside_tls(TARGET, failure=SILENT)
    r.visit(TARGET, TRUE)


def dead_edge_agreed(r: RoundMaker) -> None:
    """Two resolvers agree on a machine that is dead; DNS over HTTPS knows a living one."""
    r.known(OTHER, public=(OTHER,))
    r.inside_tls(TARGET, TRUE)
    r.visit(TARGET, OTHER, tcp=SILENT)
    r.visit(TARGET, TRUE)


def injected(r: RoundMaker) -> None:
    """Two answers to one query, at both resolvers; the first is a lie."""
    for resolver in ("system", "public"):
        r.name(TARGET, resolver, LIE)
        r.name(TARGET, resolver, TRUE)
    lie_at(r)
    r.visit(TARGET, TRUE)


def injected_late(r: RoundMaker) -> None:
    """The lie comes second, and nobody uses it."""
    r.name(TARGET, "system", TRUE)
    r.name(TARGET, "system", LIE)
    r.visit(TARGET, TRUE)
    lie_at(r)


def two_machines(r: RoundMaker) -> None:
    """Two answers to one query, both the service."""
    r.name(TARGET, "system", OTHER)
    r.name(TARGET, "system", TRUE)
    r.visit(TARGET, OTHER)
    r.visit(TARGET, TRUE)


def bogon(r: RoundMaker) -> None:
    """The system's resolver gives an address that no public service can have."""
    r.name(TARGET, "system", "10.10.34.34", failure="dns_bogon_error")
    r.inside_tls(TARGET, TRUE)
    r.visit(TARGET, TRUE)


def bogon_twice(r: RoundMaker) -> None:
    """So does the second resolver."""
    for resolver in ("system", "public"):
        r.name(TARGET, resolver, "10.10.34.34", failure="dns_bogon_error")
    r.inside_tls(TARGET, TRUE)
    r.visit(TARGET, TRUE)


def bogon_alone(r: RoundMaker) -> None:
    """Nobody knows a better address: a name that is meant for a private network."""
    r.name(TARGET, "system", "10.10.34.34", failure="dns_bogon_error")


def twice(r: RoundMaker, failure: str) -> None:
    """The system's resolver fails in this way, and again 5 s later."""
    r.name(TARGET, "system", failure=failure)
    r.now_us += 5_000_000
    r.name(TARGET, "system", failure=failure)


def denied(r: RoundMaker) -> None:
    """Both resolvers deny the name, DNS over HTTPS knows it, and there is the service."""
    twice(r, DENIED)
    r.name(TARGET, "public", failure=DENIED)
    r.inside_tls(TARGET, TRUE)
    r.visit(TARGET, TRUE)


def gone(r: RoundMaker) -> None:
    """Nobody knows the name, here or outside."""
    twice(r, DENIED)
    r.name(TARGET, "public", failure=DENIED)
    r.inside_tls(TARGET, failure=DENIED)
    r.outside()
    r.name(TARGET, "server", failure=DENIED)
    seen_outside(r)


def gone_for_doh_and_system(r: RoundMaker) -> None:
    """Without a second resolver: the one inside TLS denies it too."""
    twice(r, DENIED)
    r.inside_tls(TARGET, failure=DENIED)


def gone_for_outside_too(r: RoundMaker) -> None:
    """DNS over HTTPS is out of reach; our server outside is told the same as we are."""
    twice(r, DENIED)
    r.inside_tls(TARGET, failure=SILENT)
    r.outside()
    r.name(TARGET, "server", failure=DENIED)
    seen_outside(r)


def denied_on_the_wire(r: RoundMaker) -> None:
    """Both denials cross one wire, and DNS over HTTPS is shut: somebody may answer for both."""
    twice(r, DENIED)
    r.name(TARGET, "public", failure=DENIED)
    r.inside_tls(TARGET, failure=SILENT)
    r.outside(failure="refused_by_server: busy")


def denied_in_the_open(r: RoundMaker) -> None:
    """The same, and nobody was to be asked inside TLS."""
    twice(r, DENIED)
    r.name(TARGET, "public", failure=DENIED)


def broken_edge(r: RoundMaker) -> None:
    """The system's resolver gives a machine that answers with an alert; another one is fine."""
    r.known(OTHER)
    for _ in range(2):
        r.visit(TARGET, OTHER, tls="ssl_failed_handshake")
    r.visit(TARGET, TRUE)


def seen_outside(r: RoundMaker) -> None:
    """The last observation is our server's."""
    r.observations[-1] = msgspec.structs.replace(r.observations[-1], seen_by="server")


def hidden_from_here(r: RoundMaker) -> None:
    """All resolvers here deny it; our server outside knows it: the site may hide it."""
    twice(r, DENIED)
    r.name(TARGET, "public", failure=DENIED)
    r.outside(address=TRUE)


def silent(r: RoundMaker) -> None:
    """No answer for this name, twice; the one inside TLS knows it."""
    twice(r, SILENT)
    r.inside_tls(TARGET, TRUE)
    r.visit(TARGET, TRUE)


def right_address_cut_off(r: RoundMaker) -> None:
    """The address given is silent here and the service outside: no matter of names."""
    r.known(OTHER)
    r.visit(TARGET, OTHER, tcp=SILENT)
    r.visit(TARGET, OTHER, tcp=SILENT)
    r.visit(TARGET, TRUE)
    r.outside(address=OTHER)


Case = tuple[Callable[[RoundMaker], None], State, Scope, str | None, str]

GUILTY: list[Case] = [
    (spoof, State.BLOCKED, Scope.TARGETED, "dns.spoof", "check.dns.spoof"),
    (hijack, State.BLOCKED, Scope.TARGETED, "dns.hijack", "check.dns.hijack"),
    (injected, State.BLOCKED, Scope.TARGETED, "dns.injection", "check.dns.injection"),
    (bogon, State.BLOCKED, Scope.TARGETED, "dns.spoof", "check.dns.spoof"),
    (bogon_twice, State.BLOCKED, Scope.TARGETED, "dns.hijack", "check.dns.hijack"),
    (denied, State.BLOCKED, Scope.TARGETED, "dns.nxdomain", "check.dns.nxdomain"),
    (silent, State.BLOCKED, Scope.TARGETED, "dns.drop", "check.dns.drop"),
    (right_address_cut_off, State.BLOCKED, Scope.TARGETED, "ip.drop", "check.ip.drop"),
]
INNOCENT: list[Case] = [
    (own_certificate, State.BLOCKED, Scope.UNDETERMINED, None, "check.tls.certificate"),
    (content_network, State.OK, Scope.UNDETERMINED, None, "check.ok"),
    (doh_unreachable, State.OK, Scope.UNDETERMINED, None, "check.ok"),
    (dead_edge_agreed, State.BLOCKED, Scope.UNDETERMINED, None, "check.dns.differs"),
    (injected_late, State.OK, Scope.UNDETERMINED, None, "check.ok"),
    (two_machines, State.OK, Scope.UNDETERMINED, None, "check.ok"),
    (gone, State.DOWN, Scope.SERVER_SIDE, None, "check.dns.unknown"),
    (gone_for_doh_and_system, State.DOWN, Scope.SERVER_SIDE, None, "check.dns.unknown"),
    (gone_for_outside_too, State.DOWN, Scope.SERVER_SIDE, None, "check.dns.unknown"),
    (denied_on_the_wire, State.BLOCKED, Scope.UNDETERMINED, None, "check.dns.fails"),
    (denied_in_the_open, State.BLOCKED, Scope.UNDETERMINED, None, "check.dns.fails"),
    (broken_edge, State.BLOCKED, Scope.UNDETERMINED, None, "check.dns.differs"),
    (hidden_from_here, State.BLOCKED, Scope.UNDETERMINED, None, "check.dns.fails"),
]


@pytest.mark.parametrize("case", [*GUILTY, *INNOCENT], ids=lambda case: case[0].__name__)
def test_table(case: Case) -> None:
    """State, scope, mechanism and rule of every row; names never isolate."""
    act, state, scope, mechanism, rule = case
    r = RoundMaker().good_controls()
    act(r)
    verdict = r.verdict()
    found = (verdict.state, verdict.scope, verdict.mechanism, verdict.rule_id)
    assert found == (state, scope, mechanism, rule), verdict
    assert not verdict.isolated
    assert verdict.witnesses


def test_one_operator_asked_twice_is_one_voice() -> None:
    """The second resolver and the one inside TLS may be one: with system and our server three."""
    for act, voices in ((gone, 3), (gone_for_doh_and_system, 2), (gone_for_outside_too, 2)):
        r = RoundMaker().good_controls()
        act(r)
        assert f"{voices} independent resolvers" in r.verdict().because, act


def test_what_is_said_of_a_broken_machine_and_of_one_wire() -> None:
    """An alert is an answer; two denials in the open are one."""
    for act, said in (
        (broken_edge, "a broken machine of the site"),
        (dead_edge_agreed, "a dead machine of the site"),
        (denied_on_the_wire, "asked in the open"),
    ):
        r = RoundMaker().good_controls()
        act(r)
        assert said in r.verdict().scope_because


@pytest.mark.parametrize("act", [spoof, hijack, injected])
def test_a_lie_needs_the_service_elsewhere(act: Callable[[RoundMaker], None]) -> None:
    """Innocent: nobody was seen to be the service at another address."""
    r = RoundMaker().good_controls()
    act(r)
    r.observations = [o for o in r.observations if o.address != TRUE]
    assert r.verdict().scope is not Scope.TARGETED


def test_a_private_name_is_no_lie() -> None:
    """Innocent: an address that is not public, and nobody who knows a better one."""
    r = RoundMaker().good_controls()
    bogon_alone(r)
    assert r.verdict().state is State.INSUFFICIENT


def test_a_right_first_answer_is_a_note() -> None:
    """The second, wrong answer is said beside the verdict."""
    r = RoundMaker().good_controls()
    injected_late(r)
    assert any("two answers" in clause for clause in r.verdict().against)


def test_the_address_of_a_block_page_is_strange_even_if_it_is_silent() -> None:
    """A row of the person's own list for `dns`; without it a dead machine looks the same."""
    row = Fingerprint(name="net", scope="isp", location="dns", pattern_type="full", pattern=LIE)
    for rows, mechanism in (((row,), "dns.spoof"), ((), None)):
        r = RoundMaker().good_controls().known(LIE)
        r.visit(TARGET, LIE, tcp=SILENT)
        r.visit(TARGET, TRUE)
        assert r.verdict(fingerprints=rows).mechanism == mechanism


def test_what_a_prober_has_to_look_at() -> None:
    """`odd_answers` names what nobody vouches for, `is_refused` a name without an address."""
    r = RoundMaker().good_controls()
    injected(r)
    site = r.judge().sites[TARGET.target_id]
    assert odd_answers(site, 4) == {LIE, TRUE}  # the second resolver's own query was raced too
    assert not is_refused(site, 4)
    r.inside_tls(TARGET, TRUE)
    assert odd_answers(r.judge().sites[TARGET.target_id], 4) == {LIE}
    refused = RoundMaker().good_controls()
    twice(refused, DENIED)
    assert is_refused(refused.judge().sites[TARGET.target_id], 4)


def test_over_plain_http_a_denial_stays_open() -> None:
    """Innocent: no certificate says that the address inside TLS is the service."""
    r = RoundMaker(PLAIN).good_controls()
    r.name(PLAIN, "system", failure=DENIED)
    r.now_us += 5_000_000
    r.name(PLAIN, "system", failure=DENIED)
    r.inside_tls(PLAIN, TRUE)
    r.visit(PLAIN, TRUE)
    assert r.verdict().scope is Scope.UNDETERMINED
