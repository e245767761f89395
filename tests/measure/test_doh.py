"""Lookups inside TLS over a network in memory: HTTP/2 by h2's server side, HTTP/1.1, and faults."""

from __future__ import annotations

import asyncio
import random

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import h2.config
import h2.connection
import h2.events
import pytest

from evenfall.measure.doh import DOH_S, DohServer, Question, doh_context, look_up_inside_tls
from evenfall.measure.round import Round
from evenfall.model.target import Target
from evenfall.model.vocabulary import FAILURES, Fact, Role
from evenfall.net.fake import FakeNetwork, Host, Line, Rule, tls_peer

RESOLVER = "198.51.100.54"
ZONE = {"video.test.": "8.8.8.8", "social.test.": "8.8.4.4", "bogon.test.": "10.0.0.1"}
NAMES = ("video.test", "social.test", "bogon.test", "gone.test", "six.test")
TYPE = "application/dns-message"


def target(host: str) -> Target:
    """Whose name it is."""
    return Target(target_id=f"{host.split('.')[0]}/front", url=f"https://{host}/", role=Role.TARGET)


def answer(wire: bytes) -> bytes:
    """A resolver, by dnspython."""
    query = dns.message.from_wire(wire)
    assert query.id == 0
    assert len(wire) % 128 == 0, "padded"
    message = dns.message.make_response(query)
    question = message.question[0]
    name = question.name.to_text()
    if name == "gone.test.":
        message.set_rcode(dns.rcode.NXDOMAIN)
    elif question.rdtype == dns.rdatatype.AAAA and name == "six.test.":
        message.answer.append(dns.rrset.from_text(name, 60, "IN", "AAAA", "2606:4700::1111"))
    elif question.rdtype == dns.rdatatype.A and name in ZONE:
        message.answer.append(dns.rrset.from_text(name, 60, "IN", "A", ZONE[name]))
    return message.to_wire()


class Http2:
    """A DoH server on h2; `replies` turns an answer into (status, media type, body), or None."""

    def __init__(self, reply=lambda wire: (200, TYPE, answer(wire)), *, settings=None) -> None:
        self.reply, self.settings = reply, settings or {}
        self.requests = []
        self.left = {}

    async def __call__(self, stream) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        connection = h2.connection.H2Connection(config)
        connection.local_settings.update(self.settings)
        connection.initiate_connection()
        bodies = {}
        await stream.write(connection.data_to_send(), timeout_s=60)
        while data := await stream.read(65_536, timeout_s=60):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.requests.append(dict(event.headers))
                    bodies[event.stream_id] = b""
                elif isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    self._send(connection, event.stream_id, bodies[event.stream_id])
                elif isinstance(event, h2.events.WindowUpdated):
                    self._go_on(connection)
            if out := connection.data_to_send():
                await stream.write(out, timeout_s=60)

    def _send(self, connection, stream_id, wire):
        if (reply := self.reply(wire)) is None:
            return
        status, kind, body = reply
        connection.send_headers(stream_id, [(":status", str(status)), ("content-type", kind)])
        self.left[stream_id] = body
        self._go_on(connection)

    def _go_on(self, connection):
        """As much of every body as its window takes."""
        for stream_id, body in list(self.left.items()):
            while body and (room := connection.local_flow_control_window(stream_id)):
                piece = body[: min(room, 16_000)]
                connection.send_data(stream_id, piece)
                body = body[len(piece) :]
            self.left[stream_id] = body
            if not body:
                connection.end_stream(stream_id)
                del self.left[stream_id]


async def http1(stream) -> None:
    """A DoH server that speaks HTTP/1.1 and keeps the connection."""
    buffered = b""
    while True:
        while b"\r\n\r\n" not in buffered:
            data = await stream.read(65_536, timeout_s=60)
            if not data:
                return
            buffered += data
        head, _, buffered = buffered.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /dns-query HTTP/1.1\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        while len(buffered) < length:
            buffered += await stream.read(65_536, timeout_s=60)
        wire, buffered = buffered[:length], buffered[length:]
        body = answer(wire)
        reply = f"HTTP/1.1 200 OK\r\nContent-Type: {TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        await stream.write(reply.encode() + body, timeout_s=60)


class Asked:
    """Questions put to a server in memory; keeps what was seen."""

    def __init__(
        self, issuer, peer, *, url=f"https://{RESOLVER}/dns-query", alpn=("h2",), names=NAMES,
        families=(4,), certificate=RESOLVER, bogons=False, **host,
    ) -> None:  # fmt: skip
        self.network = FakeNetwork()
        context = issuer.context(certificate, alpn=alpn)
        if peer is not None:
            self.network.at[RESOLVER, 443] = Host(
                peer=tls_peer(context, peer, clock=self.network.clock),
                **{"line": Line(rtt_s=0.04), **host},
            )
        self.network.names["doh.example", 4] = (RESOLVER,)
        questions = [
            Question(target=target(name), host=name, family=family)
            for name in names
            for family in families
        ]
        server = DohServer(
            url=url, resolver="", context=doh_context(str(issuer.ca_file)), bogons_allowed=bogons
        )
        seen = asyncio.run(
            look_up_inside_tls(
                self.network, Round("r", self.network.clock), questions, server=server,
                rng=random.Random(1),  # noqa: S311 (query ids)
            )
        )  # fmt: skip
        assert len(seen) == len(questions), "one observation for each question"
        self.seen = seen
        self.by_host = {o.host: o for o in seen}


@pytest.mark.parametrize(
    ("peer", "alpn"),
    [(Http2(), ("h2",)), (http1, ("http/1.1",)), (http1, ())],
    ids=["http/2", "http/1.1", "no alpn"],
)
def test_answers_are_those_of_any_lookup(issuer, peer, alpn):
    """Innocent: addresses, NXDOMAIN, no address of the family and a bogon, on one connection."""
    asked = Asked(issuer, peer, alpn=alpn)
    seen = {host: (o.answers, o.failure) for host, o in asked.by_host.items()}
    assert seen == {
        "video.test": (("8.8.8.8",), None),
        "social.test": (("8.8.4.4",), None),
        "bogon.test": (("10.0.0.1",), "dns_bogon_error"),
        "gone.test": (None, "dns_nxdomain_error"),
        "six.test": (None, "dns_no_answer"),
    }
    assert asked.network.connects == [(RESOLVER, 443)]
    for one in asked.seen:
        assert (one.fact, one.resolver, one.role) == (Fact.DNS_LOOKUP, "doh", Role.TARGET)
        assert RESOLVER not in str(one)
        assert one.operation == ("resolve" if one.failure else None)
        assert one.responses is None


def test_questions_go_side_by_side_over_http2(issuer):
    """Innocent: five questions take as long as one, and cost a few kilobytes in all."""
    server = Http2()
    asked = Asked(issuer, server, families=(4, 6))
    assert max(o.duration_us for o in asked.seen) < 6 * 40_000
    assert sum(o.wire_bytes for o in asked.seen) < 10_000
    assert min(o.wire_bytes for o in asked.seen) >= 0
    assert asked.network.connects == [(RESOLVER, 443)]
    assert server.requests[0] == {
        ":method": "POST", ":scheme": "https", ":authority": RESOLVER, ":path": "/dns-query",
        "accept": TYPE, "content-type": TYPE, "content-length": "128",
    }  # fmt: skip
    six = [o for o in asked.seen if o.family == 6 and o.host == "six.test"]
    assert six[0].answers == ("2606:4700::1111",)


@pytest.mark.parametrize(
    ("reply", "failure"),
    [((403, "text/html", b"no"), "http_request_failed"),
     ((200, "text/html", b"<html>"), "http_invalid_response"),
     ((302, TYPE, b""), "http_invalid_response"),
     ((200, TYPE, b"junk"), "dns_server_misbehaving"),
     ((200, TYPE, b""), "dns_server_misbehaving"),
     ((200, TYPE, bytes(70_000)), "http_invalid_response"),
     (None, "generic_timeout_error")],
    ids=["403", "a page", "redirect", "junk", "empty", "too long", "silent"],
)  # fmt: skip
def test_other_replies_have_their_codes(issuer, reply, failure):
    """A block page, junk and silence inside TLS are no answers about a name."""
    asked = Asked(issuer, Http2(lambda wire: reply), names=("video.test",))
    (seen,) = asked.seen
    assert (seen.failure, seen.answers) == (failure, None)
    assert failure in FAILURES


def test_one_bad_reply_spoils_no_other(issuer):
    """Innocent: a reset stream or an error for one name leaves the others alone."""
    server = Http2(lambda wire: None if b"social" in wire else (200, TYPE, answer(wire)))
    asked = Asked(issuer, server, names=("video.test", "social.test"))
    assert asked.by_host["video.test"].answers == ("8.8.8.8",)
    assert asked.by_host["social.test"].failure == "generic_timeout_error"
    assert asked.by_host["social.test"].duration_us == DOH_S * 1e6


@pytest.mark.parametrize(
    ("host", "failure", "operation"),
    [({"on_connect": "refuse"}, "connection_refused", "connect"),
     ({"on_connect": "silence"}, "generic_timeout_error", "connect"),
     ({"rules": (Rule(action="reset", contains=b"h2"),)}, "connection_reset", "tls_handshake")],
    ids=["refused", "silent", "reset"],
)  # fmt: skip
def test_a_cut_off_resolver_says_nothing_about_names(issuer, host, failure, operation):
    """The connection failed: each question says where, and it is not `resolve`."""
    asked = Asked(issuer, Http2(), **host)
    assert {(o.failure, o.operation) for o in asked.seen} == {(failure, operation)}
    assert sum(o.wire_bytes > 0 for o in asked.seen) == 1, "the connection is paid for once"


@pytest.mark.parametrize(
    ("url", "certificate", "failure"),
    [(f"https://{RESOLVER}/dns-query", RESOLVER, None),
     (f"https://{RESOLVER}/dns-query", "198.51.100.99", "ssl_invalid_hostname"),
     (f"https://{RESOLVER}/dns-query", "doh.example", "ssl_invalid_hostname"),
     ("https://doh.example/dns-query", "doh.example", None),
     ("https://doh.example/dns-query", RESOLVER, "ssl_invalid_hostname"),
     ("https://gone.example/dns-query", RESOLVER, "dns_nxdomain_error")],
    ids=["address", "other address", "name for address", "name", "address for name", "no name"],
)  # fmt: skip
def test_the_certificate_decides_who_is_asked(issuer, url, certificate, failure):
    """A literal address has to be in the certificate; a name too, wherever it was found."""
    asked = Asked(
        issuer, Http2(), url=url, certificate=certificate, names=("video.test",), bogons=True
    )
    assert asked.seen[0].failure == failure


def test_a_name_that_leads_into_a_private_network_is_not_followed(issuer):
    """The system's resolver may lie about the resolver too."""
    asked = Asked(issuer, Http2(), url="https://doh.example/dns-query", certificate="doh.example",
                  names=("video.test",))  # fmt: skip
    assert (asked.seen[0].failure, asked.seen[0].operation) == ("dns_bogon_error", "connect")
    assert asked.network.connects == []


def test_no_name_is_no_question(issuer):
    """A label over 63 bytes: the same failure that the system's resolver gives."""
    asked = Asked(issuer, Http2(), names=("a" * 64 + ".test", "video.test"))
    assert asked.by_host["video.test"].failure is None
    assert asked.by_host["a" * 64 + ".test"].failure == "dns_nxdomain_error"


@pytest.mark.parametrize(
    "noise", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 9000, b"\xff" * 40]
)
def test_a_server_that_does_not_keep_to_http2(issuer, noise):
    """Nonsense after the handshake ends the conversation, in no time."""

    async def peer(stream):
        await stream.write(noise, timeout_s=60)
        await stream.read(65_536, timeout_s=60)
        await stream.read(65_536, timeout_s=60)

    asked = Asked(issuer, peer)
    assert {o.failure for o in asked.seen} <= {"http_invalid_response", "generic_timeout_error"}


def test_a_server_that_hangs_up(issuer):
    """An end after the handshake fails every question, with the operation read."""

    async def peer(stream):
        await stream.read(65_536, timeout_s=60)
        stream.close()

    asked = Asked(issuer, peer)
    assert {o.operation for o in asked.seen} == {"read"}
