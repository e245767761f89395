"""QUIC, a resolver inside TLS, Telegram's protocol and IPv6 in a whole check, in memory.

More than half of the worlds are innocent: what does not work by itself is nobody's measure.
"""

from __future__ import annotations

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import pull_quic_header
from aioquic.tls import Buffer
from tests.probe.conftest import BLOCK, SYSTEM, answer

from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact, Role, State
from evenfall.net.fake import Host, Line, Rule
from evenfall.probe.legs import SIX_LEG_S
from evenfall.probe.quic_looks import QUIC_CONTROLS_MAX

PUBLIC = "198.51.100.54"
TELEGRAM = ("203.0.113.13", 5222)
SERVICES = ("video", "social")
CONTROLS = ("encyclopedia", "news", "software")
SITES = (*SERVICES, *CONTROLS)
H3 = 'h3=":443"; ma=86400'


def quic_peer(world, name):
    """Aioquic's server under a site's certificate, a new one for each conversation."""
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
    configuration.load_cert_chain(*world.pki.paths[name])
    connections = []

    def peer(data, now_s):
        if not connections:
            header = pull_quic_header(Buffer(data=data), host_cid_length=8)
            connections.append(
                QuicConnection(
                    configuration=configuration,
                    original_destination_connection_id=header.destination_cid,
                )
            )
        connections[0].receive_datagram(data, ("192.0.2.1", 50_000), now=now_s)
        return [(0.04, out) for out, _ in connections[0].datagrams_to_send(now=now_s)]

    return peer


def put_quic(world, names=SITES, *, answers=SITES):
    """HTTP/3 announced by `names`, and spoken by `answers`."""
    for name in names:
        world.alt_svc[f"{name}.test"] = H3
        if name in answers:
            place = (world.zone[f"{name}.test"], 443)
            world.network.datagram_peers[place] = lambda name=name: quic_peer(world, name)


def quic_of(result, name):
    """(sni, failure) of the QUIC handshakes of a site, in order."""
    return [
        (o.sni, o.failure)
        for o in result.observations
        if o.fact is Fact.QUIC_HANDSHAKE and o.target == f"{name}/front"
    ]


def test_quic_is_tried_where_it_is_offered(world):
    """Innocent: every target that announces HTTP/3, two controls, once each; others never."""
    put_quic(world, ("video", *CONTROLS))
    result = world.check()
    assert quic_of(result, "video") == [("video.test", None)]
    assert quic_of(result, "social") == []
    assert sum(map(len, (quic_of(result, name) for name in CONTROLS))) == QUIC_CONTROLS_MAX
    offers = {o.host: o.offers_quic for o in result.observations if o.offers_quic is not None}
    assert (offers["video.test"], offers["social.test"]) == (True, False)
    assert result.bytes_spent == sum(o.wire_bytes or 0 for o in result.observations)


def test_nobody_is_asked_over_quic_where_no_control_answers(world):
    """Innocent: UDP does not work on this line; the controls show it, targets are left alone."""
    put_quic(world, answers=())
    result = world.check()
    assert quic_of(result, "video") == quic_of(result, "social") == []
    assert {f for name in CONTROLS for _, f in quic_of(result, name)} == {"generic_timeout_error"}


def test_a_silent_target_gets_a_neutral_name_and_another_try(world):
    """QUIC to one service is not answered: a neutral name at its address, then its own again."""
    put_quic(world, answers=("video", *CONTROLS))
    result = world.check()
    (first, neutral, again) = quic_of(result, "social")
    assert first == again == ("social.test", "generic_timeout_error")
    assert neutral[0] in {f"{name}.test" for name in CONTROLS}
    assert quic_of(result, "video") == [("video.test", None)]


def test_what_is_known_to_speak_http3_is_asked_without_a_page(world):
    """A service whose page is cut off cannot announce anything: the list says it for it."""
    put_quic(world, ("video", *CONTROLS))
    world.put("social", rules=(Rule(action="silence", contains=b"social.test"),))
    place = (world.zone["social.test"], 443)
    world.network.datagram_peers[place] = lambda: quic_peer(world, "social")
    url = "https://social.test/1M.bin"
    social = Target(target_id="social/front", url=url, role=Role.TARGET, quic=True)
    result = world.check(targets=world.targets(targets=(social,)))
    assert quic_of(result, "social") == [("social.test", None)]


def test_quic_keeps_out_of_the_way_of_bodies(world):
    """Handshakes begin after the last first look's body has ended."""
    put_quic(world)
    result = world.check()
    quic = [o for o in result.observations if o.fact is Fact.QUIC_HANDSHAKE]
    pages = [o for o in result.observations if o.fact is Fact.HTTP_EXCHANGE and not o.pair_id]
    bodies = [(o.started_us, o.started_us + o.duration_us) for o in pages]
    for one in quic:
        end_us = one.started_us + one.duration_us
        assert not any(one.started_us < b and a < end_us for a, b in bodies)


DOH = f"https://{PUBLIC}/dns-query"


def inside_tls(result):
    """Host → (answers, failure, operation) of the lookups inside TLS."""
    return {
        o.host: (o.answers, o.failure, o.operation)
        for o in result.observations
        if o.resolver == "doh"
    }


def test_targets_are_asked_for_inside_tls(world):
    """Innocent: every target's name once, no control's, over one connection, before any visit."""
    world.put_doh()
    result = world.check(targets=world.targets(doh=DOH))
    seen = inside_tls(result)
    assert seen == {f"{name}.test": ((world.zone[f"{name}.test"],), None, None)
                    for name in (*SERVICES, "messenger")}  # fmt: skip
    assert world.network.connects.count((PUBLIC, 443)) == 1
    facts = [o.resolver or o.fact for o in result.observations]
    assert max(i for i, f in enumerate(facts) if f == "doh") < facts.index(Fact.TCP_CONNECT)


def test_no_resolver_inside_tls_no_question(world):
    """Innocent: without `doh` in the list nothing is asked there."""
    world.put_doh()
    assert inside_tls(world.check()) == {}
    assert (PUBLIC, 443) not in world.network.connects


def test_a_resolver_inside_tls_that_is_cut_off(world):
    """Its failure says so for each name, and delays nothing for long."""
    result = world.check(targets=world.targets(doh=DOH))
    assert set(inside_tls(result).values()) == {(None, "generic_timeout_error", "connect")}
    assert result.duration_s < 25


def telegram_list(world):
    """The usual list, and an endpoint of Telegram's protocol."""
    app = Target(target_id="messenger/app", url="mtproto://203.0.113.13:5222", role=Role.TARGET)
    return world.targets(targets=(*world.targets().targets, app))


def spoken(result):
    """(fact, failure) of what this line did about the app."""
    return [
        (o.fact, o.failure)
        for o in result.observations
        if o.target == "messenger/app" and not o.seen_by and o.fact is not Fact.OUTSIDE_VIEW
    ]


def test_telegram_is_asked_in_its_own_protocol(world):
    """Innocent: one connection, one question, no lookup, no page, no QUIC."""
    world.put_telegram()
    result = world.check(targets=telegram_list(world))
    assert spoken(result) == [(Fact.TCP_CONNECT, None), (Fact.MTPROTO_EXCHANGE, None)]
    assert world.network.connects.count(TELEGRAM) == 1


def test_telegram_that_does_not_answer_is_asked_again(world):
    """Silence after the question: the same once more, and no neutral name, which it has not."""
    world.network.at[TELEGRAM] = Host(line=world.line)
    result = world.check(targets=telegram_list(world))
    exchange = (Fact.MTPROTO_EXCHANGE, "generic_timeout_error")
    assert spoken(result) == 2 * [(Fact.TCP_CONNECT, None), exchange]


def six_world(world, names=SITES):
    """Every site in IPv6 too."""
    world.network.families = {4, 6}
    for index, name in enumerate(SITES):
        address = f"2001:db8::{index + 1}"
        world.six_zone[f"{name}.test"] = address
        if name in names:
            world.network.at[address, 443] = world.network.at[world.zone[f"{name}.test"], 443]
    return world


def in_six(result, name):
    """(fact, sni, failure) over IPv6 at one site."""
    return [
        (o.fact, o.sni, o.failure)
        for o in result.observations
        if o.family == 6 and o.target == f"{name}/front" and o.fact is not Fact.DNS_LOOKUP
    ]


def test_six_is_a_way_of_its_own(world):
    """Innocent: controls and targets alike, connect and handshake, no page."""
    result = six_world(world).check()
    for name in SITES:
        expected = [(Fact.TCP_CONNECT, None, None), (Fact.TLS_HANDSHAKE, f"{name}.test", None)]
        assert in_six(result, name) == expected


def test_six_that_the_systems_resolver_does_not_give_is_no_way(world):
    """A false A and no AAAA: a browser goes to the false address, and so does the look."""
    six_world(world).put_block_page()
    honest = world.network.answers[SYSTEM, 53]

    def reply(query):
        false = {"social.test": BLOCK}
        return [(0.01, answer(query, false))] if b"social" in query else honest(query)

    world.network.answers[SYSTEM, 53] = reply
    result = world.check()
    assert not in_six(result, "social")
    assert in_six(result, "video")
    found = next(v for v in result.judged.verdicts if v.target == "social/front")
    assert (found.state, found.mechanism) == (State.BLOCKED, "dns.spoof")


def test_six_that_leads_nowhere_is_given_up(world):
    """Innocent: a route and no answers. A few sites show it; the rest do not wait for it."""
    result = six_world(world, names=()).check()
    tried = [name for name in SITES if in_six(result, name)]
    assert 2 <= len(tried) <= 4
    assert all(len(in_six(result, name)) == 1 for name in tried), "and nothing is asked again"
    assert result.duration_s < 20 + 2 * SIX_LEG_S


def test_six_cut_off_for_one_service_is_asked_again(world):
    """By its name, over IPv6 alone: the same again, and a neutral name at that address."""
    six_world(world)
    address = world.six_zone["social.test"]
    rules = (Rule(action="reset", contains=b"social.test"),)
    world.network.at[address, 443] = Host(
        peer=world.network.at[world.zone["social.test"], 443].peer, line=world.line, rules=rules
    )
    shaken = [s for s in in_six(world.check(), "social") if s[0] is Fact.TLS_HANDSHAKE]
    assert [s[2] for s in shaken] == ["connection_reset", "connection_reset", None]
    assert shaken[2][1] in {f"{name}.test" for name in CONTROLS}


def neutral_tries(result, name):
    """(µs since the first, failure) of handshakes with a neutral name at a site."""
    tries = [
        o
        for o in result.observations
        if o.fact is Fact.TLS_HANDSHAKE and o.target == f"{name}/front" and o.sni != o.host
    ]
    return [(o.started_us - tries[0].started_us, o.failure) for o in tries]


def test_a_neutral_name_that_passes_is_sent_once(world):
    """Innocent of residual blocking: the name alone is acted on."""
    world.put("social", rules=(Rule(action="reset", contains=b"social.test"),))
    assert neutral_tries(world.check(), "social") == [(0, None)]


def test_an_address_that_stays_shut_is_asked_later_once_more(world):
    """After its name the address does not answer to anybody for a while; five seconds on it may."""
    world.put("social", rules=(Rule(action="reset", contains=b".test"),))
    (first, later) = neutral_tries(world.check(), "social")
    assert first[1] == later[1] == "connection_reset"
    assert later[0] >= 5_000_000


def begins_pairs_s(result):
    """Seconds until the first paired transfer: all looks are over by then."""
    first = min(o.started_us for o in result.observations if o.fact is Fact.TRANSFER)
    return (first - result.observations[0].started_us) / 1e6


def test_the_new_stages_cost_little_time(make_world):
    """Innocent: a healthy line at 30 ms waits less than a second longer for its pairs."""
    line = Line(rtt_s=0.03, rate_bps=20e6)
    plain, full = make_world(line=line), make_world(line=line)
    put_quic(full)
    full.put_doh()
    full.put_telegram()
    app = telegram_list(full).targets
    before_s = begins_pairs_s(plain.check())
    after_s = begins_pairs_s(full.check(targets=full.targets(targets=app, doh=DOH)))
    assert after_s - before_s < 1.0
