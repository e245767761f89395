"""Looks from outside: what is seen, and what nobody can make the server do."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import secrets
import ssl

import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from evenfall.lab.certificates import Authority
from evenfall.lab.telegram_server import answer_to
from evenfall.measure.outside import check_signature
from evenfall.net.clock import ManualClock
from evenfall.net.fake import FakeNetwork, Host, Line, tls_peer
from evenfall.server.allow_list import AllowList
from evenfall.server.identity import Signer, load_or_create
from evenfall.server.limits import Gate, Limits
from evenfall.server.outside import Lookout
from evenfall.server.outside_look import (
    BODY_BYTES_MAX,
    LOOK_S,
    NAMED_S,
    UNPROVEN,
    LookPolicy,
)
from evenfall.wire.outside import LookRequest, LookTarget, encode, read_statement

RESOLVER = "9.9.9.9"
PUBLIC, OTHER = "93.184.215.14", "93.184.215.15"
BODY = b"<html><title>Video</title>" + bytes(60_000)


class Pki:
    def __init__(self, folder) -> None:
        authority = Authority(dt.datetime.now(dt.UTC))
        self.ca_file = folder / "ca.pem"
        authority.write_certificate(self.ca_file)
        self.contexts = {}
        for name in ("video", "other"):
            paths = folder / f"{name}.crt", folder / f"{name}.key"
            authority.write_leaf(f"{name}.example", certificate=paths[0], key=paths[1])
            self.contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.contexts[name].load_cert_chain(*paths)
        self.identity = load_or_create(folder / "state")


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """One authority, two sites, one server's key."""
    return Pki(tmp_path_factory.mktemp("pki"))


class Place:
    """A server's outlook on a net in memory: `zone` is what its resolver says now."""

    def __init__(self, pki, *, hosts=("video.example",), limits=None, networks=()) -> None:
        self.pki = pki
        self.network = FakeNetwork(ManualClock(wall_us=1_795_000_000_000_000))
        self.network.families = {4, 6}
        self.network.answers[RESOLVER, 53] = self._resolve
        self.zone = {"video.example": [PUBLIC]}
        self.questions = 0
        self.put(PUBLIC)
        self.policy = LookPolicy(
            hosts=AllowList(hosts=dict.fromkeys(hosts, frozenset())),
            resolver=RESOLVER,
            networks=networks,
            ca_file=str(pki.ca_file),
        )
        limits = limits or Limits()
        gate = Gate(limits, self.network.clock)
        self.lookout = Lookout(self.network, self.policy, Signer(pki.identity), limits, gate)

    def put(self, address, inside=None, *, name="video", port=443, **host) -> None:
        inside = inside or page(BODY)
        if port == 443:
            inside = tls_peer(self.pki.contexts[name], inside, clock=self.network.clock)
        self.network.at[address, port] = Host(
            peer=inside, line=Line(rtt_s=0.02, rate_bps=20e6), **host
        )

    def ask(self, url="https://video.example/", addresses=(), client="198.51.100.9"):
        return asyncio.run(self.answer(url, addresses, client))

    async def answer(self, url="https://video.example/", addresses=(), client="198.51.100.9"):
        request = LookRequest(
            target=LookTarget(url=url, addresses=tuple(addresses)),
            id=secrets.token_hex(16),
            nonce=secrets.token_hex(16),
        )
        answer = await self.lookout.answer(encode(request).rstrip(), client=client)
        if not answer.ok:
            return answer.error
        assert check_signature(answer, self.pki.identity.pin)
        return read_statement(answer.statement, request)

    def visited(self):
        return {address for address, _ in self.network.connects}

    def _resolve(self, query):
        self.questions += 1
        asked = dns.message.from_wire(query)
        reply = dns.message.make_response(asked)
        question = asked.question[0]
        six = question.rdtype == dns.rdatatype.AAAA
        given = self.zone.get(question.name.to_text().rstrip("."), [])
        given = [a for a in (given() if callable(given) else given) if (":" in a) == six]
        if given:
            kind = "AAAA" if six else "A"
            reply.answer.append(dns.rrset.from_text(question.name, 1, "IN", kind, *given))
        return [(0.01, reply.to_wire())]


def page(body, *, status="200 OK", head="Content-Type: text/html", length=None):
    """A site that answers every request with this."""

    async def serve(stream):
        await stream.read(65_536, timeout_s=30)
        size = len(body) if length is None else length
        await stream.write(
            f"HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {size}\r\n\r\n".encode() + body,
            timeout_s=60,
        )
        stream.close()

    return serve


def moved(location):
    """A site that sends everybody elsewhere."""
    return page(b"", status="302 Found", head=f"Location: {location}")


def steps(statement, fact=None):
    """Its steps, of one kind where told."""
    return [s for s in statement.steps if fact in (None, s.fact)]


def test_a_site_that_works(pki):
    """Innocent: lookup, connection, valid certificate, page, rate; and not a byte of its body."""
    said = Place(pki).ask()
    assert said.ended == "complete"
    assert [s.fact for s in said.steps if s.family != 6] == [
        "dns_lookup", "tcp_connect", "tls_handshake", "http_exchange",
    ]  # fmt: skip
    fetched = steps(said, "http_exchange")[0]
    assert (fetched.failure, fetched.status_code, fetched.body_bytes) == (None, 200, len(BODY))
    assert fetched.title == "Video"
    assert 1e6 < fetched.goodput_bps < 20e6
    assert len(fetched.body_sha256) == 64
    assert steps(said, "tls_handshake")[0].certificate_sha256
    assert "html" not in json.dumps([str(s) for s in said.steps])


def test_a_site_that_is_slow_for_everybody(pki):
    """Innocent: its own rate is seen as it is, cut after the leg's six seconds."""
    place = Place(pki)
    place.network.at[PUBLIC, 443].line = Line(rtt_s=0.02, rate_bps=64_000)
    fetched = steps(place.ask(), "http_exchange")[0]
    assert fetched.capped
    assert 40_000 < fetched.goodput_bps < 70_000


@pytest.mark.parametrize(
    ("breaking", "fact", "failure"),
    [
        ({"on_connect": "silence"}, "tcp_connect", "generic_timeout_error"),
        ({"on_connect": "refuse"}, "tcp_connect", "connection_refused"),
        ({"name": "other"}, "tls_handshake", "ssl_invalid_hostname"),
    ],
)
def test_a_site_that_is_down_for_everybody(pki, breaking, fact, failure):
    """Innocent: what fails is said in the words of every other observation."""
    place = Place(pki)
    place.put(PUBLIC, **breaking)
    last = steps(place.ask())[-1]
    assert (last.fact, last.failure) == (fact, failure)


def test_both_families(pki):
    """Innocent: over IPv6 the handshake, the page once."""
    place = Place(pki)
    place.zone["video.example"] = [PUBLIC, "2606:2800:21f::1"]
    place.put("2606:2800:21f::1")
    said = place.ask()
    assert [s.family for s in steps(said, "tls_handshake")] == [4, 6]
    assert [s.family for s in steps(said, "http_exchange")] == [4]


@pytest.mark.parametrize("speaks", [True, False])
def test_telegrams_own_protocol(pki, speaks):
    """Innocent: a listed endpoint by its address; it answers, or something else does."""

    async def endpoint(stream):
        asked = (await stream.read(4096, timeout_s=30))[2:]  # 0xef and the length
        answer = answer_to(asked, now_s=1_795_000_000, server_nonce=bytes(16))
        framed = bytes((len(answer) // 4,)) + answer
        await stream.write(framed if speaks else bytes(100), timeout_s=30)

    place = Place(pki, hosts=(OTHER,))
    place.put(OTHER, endpoint, port=80)
    last = steps(place.ask(f"mtproto://{OTHER}:80"))[-1]
    assert (last.fact, last.failure) == (
        "mtproto_exchange", None if speaks else "mtproto_invalid_response",
    )  # fmt: skip
    assert place.questions == 0


def test_redirects_are_followed_on_the_list_and_looked_up_anew(pki):
    """Innocent: a redirect to another listed host."""
    place = Place(pki, hosts=("video.example", "other.example"))
    place.put(PUBLIC, moved("https://other.example/home"))
    place.put(OTHER, name="other")
    place.zone["other.example"] = [OTHER]
    said = place.ask()
    assert said.ended == "complete"
    assert [s.host for s in steps(said, "http_exchange")] == ["video.example", "other.example"]


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/",
        "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/", "http://localhost/",
        "http://2130706433/", "https://evil.example/", "https://video.example:22/",
        "https://user:word@video.example/", "file:///etc/passwd", "gopher://video.example/",
        "mtproto://video.example:443",
        "//evil.example", "https://video.example@127.0.0.1/",
    ],
)  # fmt: skip
def test_redirects_off_the_list_are_not_followed(pki, location):
    """Attack: the site itself sends the server into somebody's network."""
    place = Place(pki)
    place.put(PUBLIC, moved(location))
    assert place.ask().ended == "redirect_not_listed"
    assert place.visited() == {PUBLIC}


def test_a_circle_of_redirects_ends(pki):
    """Attack: round and round."""
    place = Place(pki)
    place.put(PUBLIC, moved("https://video.example/again"))
    said = place.ask()
    assert said.ended == "too_many_redirects"
    assert len(steps(said, "http_exchange")) == 4


NOWHERE = (
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::",  # noqa: S104 (addresses)
    "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1",
    "2002:a00:1::1", "::10.0.0.1", "fec0::1",
)  # fmt: skip


@pytest.mark.parametrize("address", NOWHERE)
def test_a_listed_name_that_leads_inside_is_not_visited(pki, address):
    """Attack: whoever owns a listed name points it at the server's own network."""
    place = Place(pki)
    place.zone["video.example"] = [address]
    place.put(address)
    said = place.ask()
    assert place.network.connects == []
    assert "dns_bogon_error" in [s.failure for s in steps(said, "dns_lookup")]


def test_a_listed_literal_that_is_private_is_not_visited(pki):
    """Even an operator's slip opens no private network."""
    place = Place(pki, hosts=("10.0.0.1",))
    place.put("10.0.0.1", port=80)
    assert place.ask("http://10.0.0.1/").steps == ()
    assert place.network.connects == []


def test_a_name_that_changes_its_mind(pki):
    """Attack (DNS rebinding): public when it is judged, private a moment later."""
    place = Place(pki)
    answers = iter([[PUBLIC], [PUBLIC]])  # one question a family, and no further ones
    place.zone["video.example"] = lambda: next(answers, ["127.0.0.1"])
    place.put("127.0.0.1")
    said = place.ask()
    assert steps(said, "http_exchange")[0].status_code == 200
    assert (place.visited(), place.questions) == ({PUBLIC}, 2)
    place.network.clock.advance(61)
    place.ask()
    assert place.visited() == {PUBLIC}


def test_of_a_public_and_a_private_answer_the_public_is_taken(pki):
    """Attack: both in one answer, the private first."""
    place = Place(pki)
    place.zone["video.example"] = ["127.0.0.1", PUBLIC]
    place.put("127.0.0.1")
    place.ask()
    assert place.visited() == {PUBLIC}


def test_the_lab_may_name_its_own_networks(pki):
    """Innocent: what a program that starts the server allows, and only that."""
    place = Place(pki, networks=("203.0.113.0/24",))
    place.zone["video.example"] = ["203.0.113.11"]
    place.put("203.0.113.11")
    assert steps(place.ask(), "http_exchange")[0].status_code == 200
    place.zone["video.example"] = ["127.0.0.1"]
    place.network.clock.advance(61)
    place.ask()
    assert place.visited() == {"203.0.113.11"}


def test_ten_gigabytes(pki):
    """Attack: a body without end; it is cut at the cap, and the promise is noted."""
    place = Place(pki)
    place.put(PUBLIC, page(bytes(2_000_000), length=10**10))
    fetched = steps(place.ask(), "http_exchange")[0]
    assert fetched.body_bytes == BODY_BYTES_MAX
    assert fetched.size_bytes == 10**10


def test_a_length_that_no_number_holds(pki):
    """Attack: a Content-Length beyond 2^53 is left out; the rest is said."""
    place = Place(pki)
    place.put(PUBLIC, page(BODY, length=9_999_999_999_999_999))
    fetched = steps(place.ask(), "http_exchange")[0]
    assert (fetched.size_bytes, fetched.status_code) == (None, 200)


def test_a_title_that_is_no_text(pki):
    """Attack: a title of lone surrogates cannot break the statement."""
    place = Place(pki)
    body = b"<title>\\ud800\\ud800</title>"
    place.put(PUBLIC, page(body, head="Content-Type: text/html; charset=unicode_escape"))
    assert steps(place.ask(), "http_exchange")[0].title == "??"


def test_a_codec_that_cannot_read_a_page(pki):
    """Attack: a charset that Python knows and that refuses to replace what is wrong."""
    place = Place(pki)
    place.put(PUBLIC, page(BODY, head="Content-Type: text/html; charset=idna"))
    assert steps(place.ask(), "http_exchange")[0].title == "Video"


def test_a_byte_a_second(pki):
    """Attack: a site that drips; the look ends in its time, and says so."""

    async def drip(stream):
        await stream.read(65_536, timeout_s=30)
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + bytes(100):
            await stream.write(bytes([byte]), timeout_s=30)
            await place.network.clock.sleep(1)

    place = Place(pki)
    place.put(PUBLIC, drip)
    before_s = place.network.clock.monotonic_s()
    place.ask()
    assert place.network.clock.monotonic_s() - before_s <= LOOK_S + 0.5


def test_slow_redirects_end_in_time(pki):
    """Attack: four places, each just within its leg."""

    async def slow(stream):
        await stream.read(65_536, timeout_s=30)
        await place.network.clock.sleep(5.5)
        await stream.write(
            b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n", timeout_s=30
        )

    place = Place(pki)
    place.put(PUBLIC, slow)
    before_s = place.network.clock.monotonic_s()
    assert place.ask().ended == "time"
    assert place.network.clock.monotonic_s() - before_s <= LOOK_S + 0.5


def test_silence_after_slow_redirects_ends_in_time(pki):
    """Attack: the last place does not even connect; a leg is no longer than what is left."""

    async def slow(stream):
        await stream.read(65_536, timeout_s=30)
        await place.network.clock.sleep(5.5)
        head = f"HTTP/1.1 302 Found\r\nLocation: {next(turns)}\r\nContent-Length: 0\r\n\r\n"
        await stream.write(head.encode(), timeout_s=30)

    place = Place(pki, hosts=("video.example", "silent.example"))
    place.zone["silent.example"] = [OTHER]
    turns = iter(["/again", "https://silent.example/"])
    place.put(PUBLIC, slow)
    before_s = place.network.clock.monotonic_s()
    last = steps(place.ask())[-1]
    assert (last.host, last.failure) == ("silent.example", "generic_timeout_error")
    assert place.network.clock.monotonic_s() - before_s <= LOOK_S + 0.5


def test_an_address_that_the_line_was_sent_to_and_that_is_the_sites(pki):
    """Innocent: another of its addresses; the certificate proves it, and it is reported."""
    place = Place(pki)
    place.put(OTHER)
    shown = [s for s in steps(place.ask(addresses=[OTHER])) if s.address == OTHER]
    assert [(s.fact, s.failure) for s in shown] == [("tcp_connect", None), ("tls_handshake", None)]


def test_the_lines_address_is_taken_first_where_it_is_among_ours(pki):
    """Innocent: one name, two addresses; the same one is compared."""
    place = Place(pki)
    place.zone["video.example"] = [PUBLIC, OTHER]
    place.put(OTHER)
    assert steps(place.ask(addresses=[OTHER]), "http_exchange")[0].address == OTHER


@pytest.mark.parametrize(
    "there",
    [
        {"on_connect": "refuse"},
        {"on_connect": "silence"},
        {"on_connect": "unreachable"},
        {"name": "other"},
        {"inside": page(b"x"), "port": 80},
        None,
    ],
)
def test_strangers_learn_nothing_of_other_addresses(pki, there):
    """Attack: a port scan by named addresses; open, closed, silent, other: all look alike."""
    place = Place(pki)
    if there is not None:
        place.put(OTHER, **there)
    before_s = place.network.clock.monotonic_s()
    shown = [s for s in place.ask(addresses=[OTHER]).steps if s.address == OTHER]
    assert [(s.fact, s.failure, s.duration_us) for s in shown] == [
        ("tcp_connect", UNPROVEN, round(NAMED_S * 1e6))
    ]
    assert place.network.clock.monotonic_s() - before_s == pytest.approx(NAMED_S, abs=0.3)


def test_addresses_named_over_plain_http_are_not_tried(pki):
    """Attack: without a certificate nothing could prove itself."""
    place = Place(pki)
    place.put(PUBLIC, page(BODY), port=80)
    place.put(OTHER, page(BODY), port=80)
    place.ask("http://video.example/", addresses=[OTHER])
    assert place.visited() == {PUBLIC}


@pytest.mark.parametrize("address", [*NOWHERE, "not an address", "fe80::1%eth0"])
def test_private_addresses_that_a_client_names_are_not_tried(pki, address):
    """Attack: the client names the server's own network."""
    place = Place(pki)
    place.put(address)
    place.ask(addresses=[address])
    assert place.visited() == {PUBLIC}


def test_a_minute_is_remembered_and_shared(pki):
    """A hundred questions are one visit; each statement has its own nonce."""
    place = Place(pki)

    async def many():
        return await asyncio.gather(*(place.answer(client=f"198.51.100.{i}") for i in range(100)))

    said = asyncio.run(many())
    assert len({s.nonce for s in said}) == 100
    assert len(place.network.connects) == 1
    place.network.clock.advance(30)
    place.ask()
    assert len(place.network.connects) == 1
    place.network.clock.advance(31)
    place.ask()
    assert len(place.network.connects) == 2


def test_looks_are_limited_for_an_address_and_for_a_host(pki):
    """Nobody gets more than a minute's looks; the next minute they are back."""
    place = Place(pki, limits=Limits(looks_per_minute=3, looks_per_host=2))
    assert [type(place.ask()).__name__ for _ in range(3)] == ["Statement"] * 3
    assert place.ask() == "budget"
    assert place.ask("https://video.example/2", client="198.51.100.10").ended == "complete"
    assert place.ask("https://video.example/3", client="198.51.100.10") == "busy"
    place.network.clock.advance(61)
    assert place.ask("https://video.example/3").ended == "complete"


def test_names_below_one_entry_share_its_looks(pki):
    """`*.example` is one line of the list: made-up names below it are no new hosts."""
    place = Place(pki, hosts=("*.example", "other.example"), limits=Limits(looks_per_host=2))
    for name in ("video", "a.video"):
        assert place.ask(f"https://{name}.example/").kind == "outside_view"
    assert place.ask("https://b.video.example/") == "busy"
    assert place.ask("https://other.example/").kind == "outside_view"  # innocent: another line
    place.network.clock.advance(61)
    assert place.ask("https://b.video.example/").kind == "outside_view"


def test_an_address_that_clients_name_is_visited_so_often_only(pki):
    """However it is spelled and whichever host is asked about; others are not held up by it."""
    hosts = ("a.example", "b.example", "c.example", "d.example")
    place = Place(pki, hosts=hosts, limits=Limits(looks_per_host=2))
    six = "2606:4700::1111"
    assert place.ask("https://a.example/", [six]).kind == "outside_view"
    assert place.ask("https://b.example/", ["2606:4700:0::1111"]).kind == "outside_view"
    assert place.ask("https://c.example/", [OTHER, six]) == "busy"
    assert [a for a, _ in place.network.connects].count(six) == 2
    assert place.ask("https://d.example/", [OTHER]).kind == "outside_view"


def test_naming_many_addresses_forgets_no_host(pki):
    """The counts of hosts stand apart from what clients make up."""
    place = Place(pki, limits=Limits(looks_per_host=2, views=4))
    for index in range(2):
        named = [f"93.184.{index}.{i}" for i in range(1, 5)]
        assert place.ask(f"https://video.example/{index}", named).kind == "outside_view"
    assert place.ask("https://video.example/3", ["93.184.9.9"]) == "busy"


def test_looks_at_once_are_limited(pki):
    """Beyond it, the answer is `busy`, at once."""
    place = Place(pki, limits=Limits(looks_at_once=2))

    async def many():
        urls = [f"https://video.example/{i}" for i in range(4)]
        return await asyncio.gather(*(place.answer(url) for url in urls))

    assert [a for a in asyncio.run(many()) if isinstance(a, str)] == ["busy", "busy"]


def test_a_client_that_leaves_takes_nobodys_look_along(pki):
    """The look goes on for the others who asked."""
    place = Place(pki)

    async def both():
        first = asyncio.ensure_future(place.answer())
        second = asyncio.ensure_future(place.answer())
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(both()).ended == "complete"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"v":"2.0","op":"look","strange":1}', "version"),
        (b'{"v":"1.0","op":"look"}', "malformed"),
        (b"{", "malformed"),
        (b"\xff", "malformed"),
        (b'{"v":"1.0","op":"look","target":{"url":"https://video.example/","addresses":'
         b'["1.1.1.1","1.1.1.1","1.1.1.1","1.1.1.1","1.1.1.1"]},"id":"%s","nonce":"%s"}'
         % (b"0" * 32, b"0" * 32), "malformed"),
    ],
)  # fmt: skip
def test_requests_that_are_none(pki, line, code):
    """Each gets a code, and no look."""
    place = Place(pki)
    answer = asyncio.run(place.lookout.answer(line, client="198.51.100.9"))
    assert (answer.ok, answer.error) == (False, code)
    assert place.network.connects == []
