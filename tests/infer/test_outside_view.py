"""The look from outside: what it changes, and that it changes nothing where it was not had.

Every guilty row has its innocent twin: the same failure here, with the site failing outside too,
with a look that came to nothing, or with another address outside.
"""

from __future__ import annotations

import msgspec
import pytest
from round_maker import PLAIN, TARGET, RoundMaker

from evenfall.infer.answer import sum_up
from evenfall.model.vocabulary import Answer, Scope, State

SITE, ELSEWHERE = "203.0.113.11", "198.51.100.9"
SILENT, RESET, REFUSED = "generic_timeout_error", "connection_reset", "connection_refused"
NOT_HAD = (
    SILENT,
    "statement_invalid",
    "refused_by_server: not_listed",
    "pin_mismatch",
    "interrupted",
)


def failing(*, neutral: bool = True, **visit: str) -> RoundMaker:
    """A target that fails twice, and a neutral name that goes through at its address."""
    r = RoundMaker().good_controls().known()
    for _ in range(2):
        r.visit(TARGET, SITE, **visit)
    if neutral and "tcp" not in visit:
        r.visit(TARGET, SITE, name="news.test")
    return r


FAILURES = {
    "ip.drop": {"tcp": SILENT},
    "tcp.reset": {"tcp": REFUSED},
    "tls.drop.sni": {"tls": SILENT},
    "tls.reset.sni": {"tls": RESET},
    "tls.close.sni": {"tls": "eof_error"},
    "tls.alert.sni": {"tls": "ssl_failed_handshake"},
    "tls.mitm": {"tls": "ssl_unknown_authority"},
}


@pytest.mark.parametrize("mechanism", FAILURES)
def test_reached_outside_at_the_same_address_is_targeted(mechanism: str) -> None:
    """It fails here alone: targeted with its mechanism, not isolated, and geo-blocking is said."""
    r = failing(**FAILURES[mechanism])
    r.outside(address=SITE)
    judged = r.judge()
    verdict = judged.verdicts[0]
    assert (verdict.state, verdict.scope) == (State.BLOCKED, Scope.TARGETED)
    assert verdict.mechanism == mechanism
    assert not verdict.isolated
    assert sum_up(judged.verdicts, line_slow=False) is Answer.TARGETED_BLOCKING
    statement = next(o for o in r.observations if o.fact == "outside_view")
    assert statement.observation_id in verdict.witnesses
    assert any("turns this country away" in clause for clause in verdict.against)
    assert any("on this device" in c for c in verdict.against) is (mechanism == "tls.mitm")


def no_name_passes(mechanism: str) -> RoundMaker:
    """Fails twice, and a neutral name fares no better there."""
    r = failing(neutral=False, **FAILURES[mechanism])
    if "tls" in FAILURES[mechanism]:
        r.visit(TARGET, SITE, name="news.test", **FAILURES[mechanism])
    return r


@pytest.mark.parametrize("mechanism", FAILURES)
def test_failing_outside_at_the_same_address_is_down(mechanism: str) -> None:
    """Innocent: nobody gets through with this name there, whatever passes under another."""
    r = failing(**FAILURES[mechanism])
    r.outside(address=SITE, **FAILURES[mechanism])
    judged = r.judge()
    assert judged.verdicts[0].rule_id == "check.site.down"
    assert sum_up(judged.verdicts, line_slow=False) is Answer.SITE_DOWN


@pytest.mark.parametrize("mechanism", FAILURES)
@pytest.mark.parametrize("address", [SITE, ELSEWHERE])
def test_failing_outside_too_is_down(mechanism: str, address: str) -> None:
    """Innocent: no name passes here, and wherever our server found the site it fails alike."""
    r = no_name_passes(mechanism)
    r.outside(address=address, **FAILURES[mechanism])
    judged = r.judge()
    verdict = judged.verdicts[0]
    assert (verdict.state, verdict.scope) == (State.DOWN, Scope.SERVER_SIDE)
    assert verdict.rule_id == "check.site.down"
    assert sum_up(judged.verdicts, line_slow=False) is Answer.SITE_DOWN


BY_NAME = [m for m, visit in FAILURES.items() if "tls" in visit and m != "tls.mitm"]


@pytest.mark.parametrize("mechanism", BY_NAME)
@pytest.mark.parametrize("there", [{"tcp": SILENT}, {"tls": RESET}, {"tls": "eof_error"}])
def test_a_block_by_name_is_no_dead_site(mechanism: str, there: dict[str, str]) -> None:
    """Guilty: another name passes here, so the machine lives; another address explains nothing."""
    r = failing(**FAILURES[mechanism])
    r.outside(address=ELSEWHERE, **there)
    verdict = r.verdict()
    assert (verdict.state, verdict.scope) == (State.BLOCKED, Scope.UNDETERMINED)
    assert verdict.rule_id == "check.tls.name_at_address"


@pytest.mark.parametrize("mechanism", BY_NAME)
def test_a_server_that_comes_less_far_than_we_do_tells_nothing(mechanism: str) -> None:
    """Guilty: the site turns our server away at its own address; from here a name passes there."""
    r = failing(**FAILURES[mechanism])
    r.outside(address=SITE, tcp=SILENT)
    assert r.verdict().rule_id == "check.tls.name_at_address"


@pytest.mark.parametrize(
    ("mechanism", "there"),
    [
        ("tls.reset.sni", {"tcp": SILENT}),  # a dead machine elsewhere
        ("tls.drop.sni", {"tcp": REFUSED}),
        ("tls.mitm", {"tls": RESET}),  # a stranger's certificate here, none there
        ("tls.reset.sni", {"tls": "ssl_invalid_certificate"}),
    ],
)
def test_another_address_has_to_fail_alike(mechanism: str, there: dict[str, str]) -> None:
    """Guilty: it stops elsewhere in another way than here, also if no name passes here."""
    r = no_name_passes(mechanism)
    r.outside(address=ELSEWHERE, **there)
    assert r.verdict().scope is Scope.UNDETERMINED


@pytest.mark.parametrize("mechanism", FAILURES)
def test_a_site_that_opens_somewhere_is_not_down(mechanism: str) -> None:
    """Guilty: of two other addresses outside one fails as here and one opens."""
    r = no_name_passes(mechanism)
    r.outside(address=ELSEWHERE, **FAILURES[mechanism])
    r.outside(address="198.51.100.10")
    assert (r.verdict().state, r.verdict().scope) == (State.BLOCKED, Scope.UNDETERMINED)


def test_a_page_that_another_name_is_given_shows_that_the_machine_lives() -> None:
    """Guilty: plain HTTP; this name is met with silence, another with a page, elsewhere nothing."""
    for spared in (True, False):
        r = RoundMaker(PLAIN).good_controls().known()
        for _ in range(2):
            r.visit(PLAIN, SITE, http=SILENT)
        r.visit(PLAIN, SITE, name="news.test", http=None if spared else SILENT)
        r.outside(address=ELSEWHERE, http=SILENT)
        assert (r.verdict().state is State.DOWN) is not spared


@pytest.mark.parametrize("code", ["ssl_invalid_certificate", "ssl_invalid_hostname"])
def test_an_old_certificate_on_one_machine_accuses_nobody(code: str) -> None:
    """Innocent: out of date or for another name, of a trusted issuer; valid from outside."""
    r = failing(tls=code)
    r.outside(address=SITE)
    verdict = r.verdict()
    assert (verdict.state, verdict.scope) == (State.BLOCKED, Scope.UNDETERMINED)
    assert (verdict.rule_id, verdict.mechanism) == ("check.tls.certificate", None)
    assert "one of several machines" in verdict.scope_because


@pytest.mark.parametrize("mechanism", FAILURES)
@pytest.mark.parametrize("code", NOT_HAD)
def test_a_look_that_was_not_had_moves_nothing(mechanism: str, code: str) -> None:
    """Innocent: a dead, strange or unwilling server leaves the verdict as it is without it."""
    without = failing(**FAILURES[mechanism]).verdict()
    r = failing(**FAILURES[mechanism])
    r.outside(failure=code)
    verdict = r.verdict()
    assert (verdict.state, verdict.scope, verdict.rule_id) == (
        without.state,
        without.scope,
        without.rule_id,
    )
    assert verdict.scope is not Scope.TARGETED


def test_what_a_refused_statement_reports_is_no_evidence() -> None:
    """Innocent: facts after a statement with a bad signature count for nothing."""
    r = failing(tcp=SILENT)
    r.outside(address=SITE)
    r.observations = [
        msgspec.structs.replace(o, failure="statement_invalid") if o.statement else o
        for o in r.observations
    ]
    assert r.verdict().scope is Scope.UNDETERMINED


@pytest.mark.parametrize("mechanism", FAILURES)
@pytest.mark.parametrize(
    "code", ["network_unreachable", "unknown_failure: not shown to be its own"]
)
def test_the_servers_own_faults_are_no_failure_of_the_site(mechanism: str, code: str) -> None:
    """Innocent: our server had no way, or will not say; the site is not down for that."""
    r = failing(**FAILURES[mechanism])
    r.outside(address=SITE, tcp=code)
    verdict = r.verdict()
    assert (verdict.state, verdict.scope) == (State.BLOCKED, Scope.UNDETERMINED)


@pytest.mark.parametrize("mechanism", FAILURES)
def test_another_address_outside_tells_nothing_about_this_one(mechanism: str) -> None:
    """Innocent: a service that answers elsewhere may have one dead machine here; that is said."""
    r = failing(**FAILURES[mechanism])
    r.outside(address=ELSEWHERE)
    verdict = r.verdict()
    assert (verdict.state, verdict.scope) == (State.BLOCKED, Scope.UNDETERMINED)
    if mechanism in ("ip.drop", "tcp.reset", "tls.drop.sni"):
        assert "at another address alone" in verdict.scope_because


def test_one_server_that_gets_through_is_enough() -> None:
    """The first server fails (its own line, say), the second reaches the address."""
    r = failing(tcp=SILENT)
    r.outside(address=SITE, tcp=SILENT)
    r.outside(address=SITE)
    assert r.verdict().scope is Scope.TARGETED


def test_without_a_look_it_is_said_that_one_is_missing() -> None:
    """`scope_because` names what would have told."""
    assert "nobody looked from outside" in failing(tcp=SILENT).verdict().scope_because
    r = failing(tcp=SILENT)
    r.outside(failure="refused_by_server: busy")
    assert "refused_by_server: busy" in r.verdict().scope_because


def test_a_handshake_that_fails_whatever_the_name_stays_open() -> None:
    """Innocent: no name passes here; from outside it does. The route may swallow large packets."""
    r = failing(neutral=False, tls=SILENT)
    r.visit(TARGET, SITE, name="news.test", tls=SILENT)
    r.outside(address=SITE)
    verdict = r.verdict()
    assert (verdict.rule_id, verdict.scope) == ("check.tls.failing", Scope.UNDETERMINED)


def test_a_page_that_does_not_come_stays_open() -> None:
    """Innocent: TLS is fine and the page does not come here; outside it does."""
    r = failing(neutral=False, http=SILENT)
    r.outside(address=SITE)
    verdict = r.verdict()
    assert (verdict.rule_id, verdict.scope) == ("check.http.failing", Scope.UNDETERMINED)
    assert "from outside the page comes" in verdict.scope_because


def test_pairs_come_before_the_look_and_both_causes_are_said() -> None:
    """Our server is cut off by this name, and the site is down besides: targeted, with a note."""
    r = failing(tls=RESET)
    for _ in range(3):
        r.pair(0, failure=RESET)
    r.outside(address=SITE, tls=RESET)
    verdict = r.verdict()
    assert (verdict.scope, verdict.isolated) == (Scope.TARGETED, True)
    assert any("does not get through to it either" in clause for clause in verdict.against)


def test_one_failure_stays_unconfirmed() -> None:
    """Innocent: reached outside, failed here once: it was not repeated."""
    r = RoundMaker().good_controls().known()
    r.visit(TARGET, SITE, tcp=SILENT)
    r.outside(address=SITE)
    assert r.verdict().rule_id == "check.unconfirmed"


# slow -------------------------------------------------------------------------------------


def slow(r: RoundMaker, *, pairs_bps: float, n: int = 6) -> RoundMaker:
    """The page comes at 300 kbit/s beside controls at 20 Mbit/s."""
    r.good_controls().known().visit(TARGET, SITE, kbit=300)
    for _ in range(n):
        r.pair(pairs_bps)
    return r


def test_slow_for_everybody_is_the_sites_own() -> None:
    """As slow from outside, our pairs fine: server_side."""
    r = slow(RoundMaker(), pairs_bps=9.8e6)
    r.outside(address=SITE, kbit=350)
    verdict = r.verdict()
    assert (verdict.state, verdict.scope) == (State.SLOWED, Scope.SERVER_SIDE)
    assert verdict.rule_id == "check.slow.server"


@pytest.mark.parametrize(
    "look",
    [
        {"address": SITE, "kbit": 20_000},  # fast there
        {"address": SITE, "kbit": 700, "rtt_us": 600_000},  # as fast as the distance lets it
        {"address": SITE, "body": 900, "kbit": 90},  # too short to time
        {"failure": SILENT},
    ],
)
def test_else_a_slow_page_stays_open(look: dict[str, object]) -> None:
    """Fast outside, or nobody can tell: undetermined, and never targeted."""
    r = slow(RoundMaker(), pairs_bps=9.8e6)
    r.outside(**look)
    verdict = r.verdict()
    assert (verdict.state, verdict.scope) == (State.SLOWED, Scope.UNDETERMINED)
    assert ("much faster" in verdict.scope_because) is (look.get("kbit") == 20_000)


def test_slow_by_name_and_slow_for_everybody() -> None:
    """Both causes: the pairs convict the name, and the server is slow besides."""
    r = slow(RoundMaker(), pairs_bps=0.3e6)
    r.outside(address=SITE, kbit=350)
    verdict = r.verdict()
    assert (verdict.scope, verdict.isolated) == (Scope.TARGETED, True)
    assert any("as slowly" in clause for clause in verdict.against)


# pages ------------------------------------------------------------------------------------


def test_a_server_error_for_everybody_over_plain_http() -> None:
    """503 here and outside: the site's own word; outside fine: anybody on the way can say so."""
    for outside, scope in ((503, Scope.SERVER_SIDE), (200, Scope.UNDETERMINED)):
        r = RoundMaker(PLAIN).good_controls().known()
        r.visit(PLAIN, SITE, status=503, body=300)
        r.outside(address=SITE, status=outside)
        assert (r.verdict().state, r.verdict().scope) == (State.DOWN, scope)


def test_a_page_unlike_the_one_outside_is_a_note_and_no_verdict() -> None:
    """Another title and length: ok, said in `against`. The same hash or a like title: nothing."""
    for theirs, said in (
        ({"title": "Welcome to streaming", "body": 200_000}, True),
        ({"title": "Video streaming for everybody", "body": 200_000}, False),
        ({"title": "Welcome to streaming", "body": 9_000, "body_sha256": "ours"}, False),
    ):
        r = RoundMaker().good_controls().known()
        r.visit(TARGET, SITE, body=9_000, title="Ресурсы Video portal", body_sha256="ours")
        r.outside(address=SITE, **theirs)
        verdict = r.verdict()
        assert verdict.state is State.OK
        assert any("another title and length" in clause for clause in verdict.against) is said


def test_the_servers_facts_are_not_this_lines() -> None:
    """What came outside neither opens the site nor costs bytes here, nor answers for a resolver."""
    r = RoundMaker().good_controls()
    r.name(TARGET, "system", failure="dns_server_misbehaving")
    r.outside(address=SITE)
    judged = r.judge()
    site = judged.sites[TARGET.target_id]
    assert site.attempts == []
    assert site.answers("server", 4) == set()
    assert site.wire_bytes == 200  # one lookup, and the look itself
    assert judged.verdicts[0].state is not State.OK
