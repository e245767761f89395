"""DNS, TCP, TLS and HTTP steps on a network in memory: what they see, and that they never raise."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import random
import ssl

import dns.message
import dns.rcode
import dns.rrset
import pytest

from evenfall.lab.certificates import Authority, write_self_signed
from evenfall.measure.dns import is_bogon, look_up, split_endpoint
from evenfall.measure.http import Exchange, get
from evenfall.measure.round import Round
from evenfall.measure.tcp import connect
from evenfall.measure.tls import handshake, unchecked_context, verifying_context
from evenfall.model.target import Target
from evenfall.model.vocabulary import FAILURES, Fact, Role
from evenfall.net.api import NetworkFailure
from evenfall.net.fake import FakeNetwork, Host, Line, Rule, tls_peer

TARGET = Target(target_id="video/front", url="https://video.test/", role=Role.TARGET)
ADDRESS = "203.0.113.11"
RESOLVER = "198.51.100.53"
RNG = random.Random(1)  # noqa: S311 (query ids, not secrets)


def reply(query, *addresses, rcode=dns.rcode.NOERROR):
    """Bytes of an answer to a query, by dnspython."""
    message = dns.message.make_response(dns.message.from_wire(query))
    message.set_rcode(rcode)
    for address in addresses:
        kind = "AAAA" if ":" in address else "A"
        message.answer.append(
            dns.rrset.from_text(message.question[0].name, 60, "IN", kind, address)
        )
    return message.to_wire()


def ask(answerer, *, family=4, allowed=False, endpoint=RESOLVER, names=()):
    """Look one name up at a resolver that behaves so."""
    network = FakeNetwork()
    network.answers[RESOLVER, 53] = answerer
    network.names.update(names)
    return asyncio.run(
        look_up(
            network, Round("r", network.clock), TARGET, "video.test", resolver="system",
            endpoint=endpoint, family=family, rng=RNG, bogons_allowed=allowed,
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "failure", "addresses"),
    [
        (lambda q: reply(q, "8.8.8.8", "8.8.4.4"), None, ("8.8.8.8", "8.8.4.4")),
        (reply, "dns_no_answer", None),
        (lambda q: reply(q, rcode=dns.rcode.NXDOMAIN), "dns_nxdomain_error", None),
        (lambda q: reply(q, rcode=dns.rcode.REFUSED), "dns_refused_error", None),
        (lambda q: reply(q, rcode=dns.rcode.SERVFAIL), "dns_server_misbehaving", None),
        (lambda q: reply(q, "10.10.34.34"), "dns_bogon_error", ("10.10.34.34",)),
        (lambda q: reply(q, "127.0.0.1"), "dns_bogon_error", ("127.0.0.1",)),
        (lambda q: b"\x00" * 7, "dns_server_misbehaving", None),
        (lambda q: b"\xff\xff" + reply(q, "8.8.8.8")[2:], "dns_server_misbehaving", None),
    ],
    ids=["good", "empty", "nxdomain", "refused", "servfail", "private", "loopback", "junk", "id"],
)
def test_answers(answer, failure, addresses):
    """Each way of answering has its code; junk and answers to other queries are no answers."""
    (seen,) = ask(lambda query: [(0.01, answer(query))])
    assert (seen.fact, seen.failure, seen.answers) == (Fact.DNS_LOOKUP, failure, addresses)
    assert failure is None or failure in FAILURES
    assert seen.resolver == "system"
    assert RESOLVER not in str(seen)


def test_silence_is_asked_twice_and_then_a_failure():
    """A lost datagram is asked for again; silence twice is a timeout after both waits."""
    queries = []

    def lossy(query):
        queries.append(query)
        return [(0.01, reply(query, "8.8.8.8"))] if len(queries) > 1 else []

    (seen,) = ask(lossy)
    assert seen.failure is None
    (silent,) = ask(lambda query: [])
    assert silent.failure == "generic_timeout_error"
    assert silent.duration_us == 4_000_000


def test_two_contradicting_answers_are_two_observations():
    """An injected answer and the real one, which comes a little later, are both kept."""
    seen = ask(lambda q: [(0.01, reply(q, "1.1.1.1")), (0.05, reply(q, "8.8.8.8"))])
    assert [o.answers for o in seen] == [("1.1.1.1",), ("8.8.8.8",)]


def test_the_same_answer_twice_is_one_observation():
    """Innocent: a duplicated datagram, or the same addresses in another order."""
    seen = ask(
        lambda q: [(0.01, reply(q, "1.1.1.1", "8.8.8.8")), (0.02, reply(q, "8.8.8.8", "1.1.1.1"))]
    )
    assert len(seen) == 1


def test_family_six_and_the_systems_own_way():
    """AAAA is asked for family 6; without an endpoint the system resolves."""
    (six,) = ask(lambda q: [(0.01, reply(q, "2606:4700::1111"))], family=6)
    assert (six.family, six.answers) == (6, ("2606:4700::1111",))
    (system,) = ask(lambda q: [], endpoint="", names={("video.test", 4): ("8.8.8.8",)})
    assert system.answers == ("8.8.8.8",)
    (unknown,) = ask(lambda q: [], endpoint="")
    assert unknown.failure == "dns_nxdomain_error"


def test_test_networks_may_have_any_address():
    """In a test network documentation addresses are no bogons."""
    (seen,) = ask(lambda q: [(0.01, reply(q, ADDRESS))], allowed=True)
    assert seen.failure is None


@pytest.mark.parametrize(
    ("address", "bogon"),
    [("8.8.8.8", False), ("2606:4700::1111", False), ("10.0.0.1", True), ("169.254.1.1", True),
     ("224.0.0.1", True), ("fe80::1", True), ("240.0.0.1", True), ("nonsense", True)],
)  # fmt: skip
def test_bogons(address, bogon):
    """Public addresses are none; private, link-local, multicast and nonsense are."""
    assert is_bogon(address) is bogon


@pytest.mark.parametrize(
    ("text", "place"),
    [("192.0.2.1", ("192.0.2.1", 53)), ("192.0.2.1:5353", ("192.0.2.1", 5353)),
     ("2001:db8::1", ("2001:db8::1", 53)), ("[2001:db8::1]:5353", ("2001:db8::1", 5353))],
)  # fmt: skip
def test_endpoints(text, place):
    """Address alone, with a port, IPv6 with and without."""
    assert split_endpoint(text) == place


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """An authority, and server contexts: good, for another name, signed by nobody."""
    folder = tmp_path_factory.mktemp("pki")
    now = dt.datetime.now(dt.UTC)
    authority = Authority(now)
    authority.write_certificate(folder / "ca.pem")
    contexts = {}
    for name, host in (("good", "video.test"), ("other", "somebody.test")):
        paths = folder / f"{name}.crt", folder / f"{name}.key"
        authority.write_leaf(host, certificate=paths[0], key=paths[1])
        contexts[name] = server_context(*paths)
    paths = folder / "own.crt", folder / "own.key"
    write_self_signed("video.test", certificate=paths[0], key=paths[1], now=now)
    contexts["self_signed"] = server_context(*paths)
    return folder / "ca.pem", contexts


def server_context(certificate, key):
    """A TLS server's context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def page_peer(response, *, end=True):
    """A server that waits for a request and sends these bytes."""

    async def peer(stream):
        request = b""
        while b"\r\n\r\n" not in request:
            data = await stream.read(65_536, timeout_s=60)
            if not data:
                return
            request += data
        head, gap, body = response.partition(b"\r\n\r\n")
        await stream.write(head + gap, timeout_s=3600)  # a TLS record of its own
        if body:
            await stream.write(body, timeout_s=3600)
        if end:
            stream.close()
        else:
            await stream.read(1, timeout_s=3600)

    return peer


def ok(body, *headers):
    """A response with a length."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class Visit:
    """Connect, shake hands if there is a context, and fetch; keeps what each step saw."""

    def __init__(
        self, host, *, context=None, sni="video.test", bytes_max=262_144, time_s=6.0, network=None
    ):
        self.network = network or FakeNetwork()
        if host is not None:
            self.network.at[ADDRESS, 443] = host
        self.round = Round("r", self.network.clock)
        self.tls = None
        self.exchange: Exchange | None = None
        asyncio.run(self._go(context, sni, bytes_max, time_s))

    async def _go(self, context, sni, bytes_max, time_s):
        where = {"host": "video.test", "address": ADDRESS, "port": 443}
        self.tcp, stream, meter = await connect(
            self.network, self.round, TARGET, timeout_s=6.0, **where
        )
        if stream is None:
            return
        if context is not None:
            self.tls, stream = await handshake(
                stream, meter, self.round, TARGET, sni=sni, context=context, timeout_s=6.0, **where
            )
            if stream is None:
                return
        self.exchange = await get(
            stream, meter, self.round, TARGET, path="/", body_bytes_max=bytes_max,
            time_max_s=time_s, sni=sni if context else None, **where,
        )  # fmt: skip

    @property
    def http(self):
        """The exchange's observation."""
        return self.exchange.observation


@pytest.mark.parametrize(
    ("host", "failure"),
    [(Host(), None), (Host(on_connect="refuse"), "connection_refused"),
     (Host(on_connect="unreachable"), "host_unreachable"), (None, "generic_timeout_error"),
     (Host(on_connect="no_route"), "network_unreachable")],
    ids=["open", "refused", "unreachable", "silent", "no_route"],
)  # fmt: skip
def test_connect(host, failure):
    """One round trip where it works; each failure has its code and its operation."""
    visit = Visit(host, time_s=0.1)
    assert (visit.tcp.failure, visit.tcp.fact) == (failure, Fact.TCP_CONNECT)
    assert visit.tcp.operation == ("connect" if failure else None)
    if failure is None:
        assert visit.tcp.duration_us == 20_000


@pytest.mark.parametrize(
    ("server", "rules", "failure"),
    [("good", (), None), ("other", (), "ssl_invalid_hostname"),
     ("self_signed", (), "ssl_unknown_authority"),
     ("good", (Rule(action="reset", contains=b"video.test"),), "connection_reset"),
     ("good", (Rule(action="silence", contains=b"video.test"),), "generic_timeout_error")],
    ids=["good", "other_name", "self_signed", "reset", "silence"],
)  # fmt: skip
def test_handshake(pki, server, rules, failure):
    """A valid chain, a strange name, an unknown authority, a reset and silence after the name."""
    ca, contexts = pki
    network_clock = FakeNetwork().clock
    peer = tls_peer(contexts[server], page_peer(ok(b"x")), clock=network_clock)
    visit = Visit(Host(peer=peer, rules=rules), context=verifying_context(str(ca)))
    assert (visit.tls.failure, visit.tls.sni) == (failure, "video.test")
    assert (visit.tls.certificate_sha256 is None) is (failure is not None)


def test_a_neutral_name_is_not_checked(pki):
    """With somebody else's name the handshake alone counts, whatever certificate comes."""
    _, contexts = pki
    peer = tls_peer(contexts["self_signed"], page_peer(ok(b"x")), clock=FakeNetwork().clock)
    visit = Visit(Host(peer=peer), context=unchecked_context(), sni="news.test")
    assert visit.tls.failure is None
    assert visit.http.status_code == 200


def test_a_page(pki):
    """Status, bytes, hash, title, date, goodput and a rising curve; the meter sees the cost."""
    ca, contexts = pki
    body = b"<title> A  &amp; B </title>" + b"x" * 200_000
    date = "Date: Tue, 05 Jun 2018 15:00:03 GMT"
    response = ok(body, date, "Content-Type: text/html; charset=utf-8")
    peer = tls_peer(contexts["good"], page_peer(response), clock=FakeNetwork().clock)
    visit = Visit(
        Host(peer=peer, line=Line(rtt_s=0.04, rate_bps=8e6)), context=verifying_context(str(ca))
    )
    seen = visit.http
    assert (seen.failure, seen.capped, seen.status_code) == (None, False, 200)
    assert seen.body_bytes == len(body) == seen.size_bytes
    assert seen.body_sha256 == hashlib.sha256(body).hexdigest()
    assert seen.title == "A & B"
    assert seen.goodput_bps == pytest.approx(len(body) * 8 / (len(body) * 8 / 8e6 + 0.04), rel=0.05)
    assert [c for _, c in seen.curve] == sorted(c for _, c in seen.curve)
    total = sum(o.wire_bytes for o in (visit.tcp, visit.tls, seen))
    assert len(body) * 1.02 < total < len(body) * 1.1
    assert visit.exchange.date_us == 1_528_210_803_000_000


def test_the_byte_cap_is_no_failure():
    """A megabyte with a cap of 64 KB: capped bytes, no failure, not cut by time."""
    visit = Visit(Host(peer=page_peer(ok(bytes(1 << 20)))), bytes_max=65_536)
    assert (visit.http.failure, visit.http.capped, visit.http.body_bytes) == (None, False, 65_536)


def test_the_time_cap_is_data():
    """At 128 kbit/s six seconds bring 96 KB; that is the datum, not a failure."""
    host = Host(peer=page_peer(ok(bytes(1 << 20))), line=Line(rate_bps=128_000))
    seen = Visit(host).http
    assert (seen.failure, seen.capped) == (None, True)
    assert seen.goodput_bps == pytest.approx(128_000, rel=0.1)
    assert seen.duration_us == pytest.approx(6_000_000, rel=0.01)


def test_half_a_record_has_arrived(pki):
    """At 20 kbit/s no TLS record of 16 KB is complete in 6 s; its bytes count, it did not stop."""
    ca, contexts = pki
    peer = tls_peer(contexts["good"], page_peer(ok(bytes(1 << 20))), clock=FakeNetwork().clock)
    rule = Rule(action="slow", contains=b"video.test", rate_bps=20_000)
    visit = Visit(Host(peer=peer, rules=(rule,)), context=verifying_context(str(ca)))
    assert (visit.http.status_code, visit.http.failure, visit.http.capped) == (200, None, True)
    assert visit.http.body_bytes == pytest.approx(15_000, rel=0.35)


def test_a_stall_is_told_from_slowness():
    """Bytes, then none for the rest of the time: `stalled`, with the bytes that came."""
    host = Host(
        peer=page_peer(ok(bytes(1 << 20))), rules=(Rule(action="silence", after_bytes=20_000),)
    )
    seen = Visit(host).http
    assert (seen.failure, seen.capped) == ("stalled", True)
    assert 0 < seen.body_bytes <= 24_000


@pytest.mark.parametrize("is_tls", [False, True])
@pytest.mark.parametrize("pause_s", [1.0, 5.5, 7.0])
def test_half_a_head_is_no_answer(pki, is_tls, pause_s):
    """A head that drips, or stops half-way, is `stalled` whenever its first byte came."""
    ca, contexts = pki
    network = FakeNetwork()
    clock = network.clock

    async def peer(stream):
        await stream.read(65_536, timeout_s=60.0)
        for piece in (b"HTTP/1.1", b" 200 OK\r\n"):
            await clock.sleep(pause_s / 2)
            await stream.write(piece, timeout_s=60.0)
        await asyncio.Event().wait()  # silent from here, and the clock is the visit's alone

    host = Host(peer=tls_peer(contexts["good"], peer, clock=clock) if is_tls else peer)
    context = verifying_context(str(ca)) if is_tls else None
    seen = Visit(host, context=context, network=network).http
    assert (seen.failure, seen.operation, seen.status_code) == ("stalled", "read", None)
    assert (seen.body_bytes, seen.capped) == (0, True)


@pytest.mark.parametrize(
    ("response", "end", "failure", "status"),
    [(b"SSH-2.0-x\r\n", True, "http_invalid_response", None),
     (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", True, "eof_error", 200),
     (b"", True, "eof_error", None),
     (b"", False, "generic_timeout_error", None),
     (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", True, "http_request_failed", 503),
     (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", True, None, 200)],
    ids=["foreign", "short", "closed", "mute", "error", "until_end"],
)  # fmt: skip
def test_answers_of_servers(response, end, failure, status):
    """Each odd answer has its code and nothing raises."""
    seen = Visit(Host(peer=page_peer(response, end=end))).http
    assert (seen.failure, seen.status_code) == (failure, status)


def test_a_redirect_is_handed_on():
    """Location is given to the caller, who decides; the exchange itself is fine."""
    response = b"HTTP/1.1 302 F\r\nLocation: http://x.test/\r\nContent-Length: 0\r\n\r\n"
    visit = Visit(Host(peer=page_peer(response)))
    assert (visit.exchange.location, visit.http.failure) == ("http://x.test/", None)


def test_a_reset_in_the_body_keeps_what_came():
    """The bytes before a reset stay in the observation."""
    host = Host(
        peer=page_peer(ok(bytes(1 << 20))), rules=(Rule(action="reset", after_bytes=20_000),)
    )
    seen = Visit(host).http
    assert seen.failure == "connection_reset"
    assert seen.body_bytes > 0


def test_failures_are_never_exceptions():
    """A network that fails at everything still gives observations."""

    class Broken(FakeNetwork):
        async def connect(self, address, port, *, timeout_s, receive_buffer_bytes=0):
            raise NetworkFailure("unknown_failure: odd", "connect")

        async def ask(self, address, port, query, *, timeout_s):
            raise NetworkFailure("host_unreachable", "read")

    network = Broken()
    round_ = Round("r", network.clock)

    async def go():
        seen = await look_up(
            network, round_, TARGET, "video.test", resolver="public", endpoint=RESOLVER, family=4,
            rng=RNG,
        )  # fmt: skip
        opened, stream, _ = await connect(
            network, round_, TARGET, host="video.test", address=ADDRESS, port=443, timeout_s=1
        )
        return seen[0].failure, opened.failure, stream

    assert asyncio.run(go()) == ("host_unreachable", "unknown_failure: odd", None)
