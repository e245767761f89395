"""The censor, packet by packet, with a clock turned by hand: what is hit, what is left alone."""

from __future__ import annotations

import random
import ssl

import dns.message
import dns.rcode
import pytest

from evenfall.lab.censor import Censor, Decision
from evenfall.lab.packets import (
    ACK,
    FIN,
    PSH,
    RST,
    SYN,
    Packet,
    build_tcp,
    build_udp,
    pack_address,
    parse_ip,
)
from evenfall.lab.scenario import CensorRule

HOSTS = {"video": "video.test", "news": "news.test"}
VIDEO, NEWS = pack_address("203.0.113.11"), pack_address("203.0.113.15")
RESOLVER, OTHER_RESOLVER = pack_address("198.51.100.53"), pack_address("198.51.100.54")
CLIENT = pack_address("192.168.1.2")
LIE = "203.0.113.90"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"p" * 2000


def hello(name: str | None, padding: int = 0) -> bytes:
    """OpenSSL's ClientHello for a name, longer by about `padding` bytes of ALPN."""
    context = ssl.create_default_context()
    if name is None:
        context.check_hostname = False
    context.set_alpn_protocols(["http/1.1", *["x" * 99] * (padding // 100)])
    out = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def parsed(data: bytes) -> Packet:
    """A packet that must be readable."""
    packet = parse_ip(data)
    assert packet is not None
    return packet


class Bench:
    """A censor between a client and servers that never answer by themselves."""

    def __init__(self, *rules: CensorRule, minute: float = 0.0, seed: int = 1) -> None:
        self.now_s = 0.0
        self.minute = minute
        self.censor = Censor(
            rules,
            hosts=HOSTS,
            addresses={VIDEO: "video.test", NEWS: "news.test"},
            resolver=RESOLVER,
            lie=LIE,
            block_page=lambda: PAGE,
            minute_of_day=lambda _: self.minute,
            rng=random.Random(seed),  # noqa: S311 (seeded)
        )

    def judge(self, data: bytes, *, upwards: bool) -> Decision:
        """Hand the censor one packet now."""
        return self.censor.judge(parsed(data), self.now_s, upwards=upwards)

    def connect(self, server: bytes = VIDEO, port: int = 40_000, to: int = 443) -> Connection:
        """A connection whose three-way handshake has passed."""
        connection = Connection(self, (CLIENT, port), (server, to))
        assert connection.up(b"", flags=SYN).leave_s is not None
        connection.client_next += 1
        assert connection.down(b"", flags=SYN | ACK).leave_s is not None
        connection.server_next += 1
        return connection


class Connection:
    """Sequence numbers of one TCP connection, as both ends have them."""

    def __init__(self, bench: Bench, client: tuple[bytes, int], server: tuple[bytes, int]) -> None:
        self.bench, self.client, self.server = bench, client, server
        self.client_next, self.server_next = 2**32 - 3, 1000  # wraps during the hello

    def up(self, payload: bytes, *, flags: int = ACK, skip: int = 0) -> Decision:
        """A segment of the client, `skip` bytes after what it has sent so far."""
        return self.bench.judge(
            build_tcp(
                self.client, self.server, sequence=self.client_next + skip,
                acknowledgement=self.server_next, flags=flags, payload=payload,
            ),
            upwards=True,
        )  # fmt: skip

    def down(self, payload: bytes, *, flags: int = ACK) -> Decision:
        """A segment of the server."""
        return self.bench.judge(
            build_tcp(
                self.server, self.client, sequence=self.server_next,
                acknowledgement=self.client_next, flags=flags, payload=payload,
            ),
            upwards=False,
        )  # fmt: skip


def passed(decision: Decision) -> bool:
    """It goes on at once, and nothing was forged."""
    return decision.leave_s is not None and not decision.to_client and not decision.to_server


def sni(action: str, **options: object) -> CensorRule:
    """A rule against `video`."""
    return CensorRule(action=action, services=("video",), **options)  # type: ignore[arg-type]  # (options)


# Innocent traffic


@pytest.mark.parametrize("action", ["sni.reset", "sni.drop", "sni.police", "sni.shape"])
@pytest.mark.parametrize("name", ["news.test", "notvideo.test", "video.test.example", None])
def test_other_names_pass(action: str, name: str | None) -> None:
    """No rule acts on another name, a name that only ends alike, or none; also at that address."""
    connection = Bench(sni(action)).connect()
    assert passed(connection.up(hello(name)))
    assert all(passed(connection.down(bytes(1400))) for _ in range(200))


def test_what_is_no_tls_passes() -> None:
    """The forbidden name in the middle of something else is not a server name."""
    connection = Bench(sni("sni.reset")).connect()
    assert passed(connection.up(b"\x00\x01some protocol that mentions video.test"))
    assert passed(connection.up(hello("video.test"), skip=40))


def test_a_flow_whose_start_was_not_seen_passes() -> None:
    """Without the SYN the box does not know where the bytes begin."""
    bench = Bench(sni("sni.reset"))
    assert passed(Connection(bench, (CLIENT, 1), (VIDEO, 443)).up(hello("video.test")))


def test_no_rules_no_act() -> None:
    """An idle censor passes everything and keeps no state."""
    connection = Bench().connect()
    assert passed(connection.up(hello("video.test")))


# Which flows


@pytest.mark.parametrize("name", ["video.test", "VIDEO.test", "cdn.eu.video.test"])
def test_host_and_subdomains_are_hit(name: str) -> None:
    """Exact host or below it, in any case of letters."""
    assert Bench(sni("sni.drop")).connect().up(hello(name)).leave_s is None


def test_every_flow_is_judged_for_itself() -> None:
    """A second and a third handshake are hit like the first; a neutral one between them is not."""
    bench = Bench(sni("sni.drop"))
    names = ["video.test", "news.test", "video.test", "news.test", "video.test"]
    outcomes = [passed(bench.connect(port=5000 + n).up(hello(x))) for n, x in enumerate(names)]
    assert outcomes == [False, True, False, True, False]


def test_the_server_address_does_not_matter() -> None:
    """The name decides: the same name at a foreign address (a measurement server) is hit."""
    assert Bench(sni("sni.drop")).connect(server=NEWS, to=8443).up(hello("video.test")) == Decision(
        leave_s=None
    )


def test_a_share_of_flows() -> None:
    """With share 0.3 about 300 of 1000 flows are hit, and each stays as it was judged."""
    bench = Bench(sni("sni.drop", share=0.3))
    first = hello("video.test")
    hit = 0
    for n in range(1000):
        connection = bench.connect(port=2000 + n)
        outcome = passed(connection.up(first))
        assert passed(connection.up(first)) is outcome
        hit += not outcome
    assert 250 < hit < 350


def test_decisions_repeat_with_the_seed() -> None:
    """The same seed hits the same flows."""

    def run(seed: int) -> list[bool]:
        bench = Bench(sni("sni.drop", share=0.5), seed=seed)
        first = hello("video.test")
        return [passed(bench.connect(port=2000 + n).up(first)) for n in range(64)]

    assert run(7) == run(7)
    assert run(7) != run(8)


# Reassembly


@pytest.mark.parametrize("segment_bytes", [1, 100, 517, 1400])
def test_a_split_hello_is_found(segment_bytes: int) -> None:
    """Whatever the segments, the one that completes the name is stopped, and none before it."""
    connection = Bench(sni("sni.drop")).connect()
    flight = hello("video.test", padding=2000)
    assert len(flight) > 1460
    starts = list(range(0, len(flight), segment_bytes))
    outcomes = [passed(connection.up(flight[s : s + segment_bytes], skip=s)) for s in starts]
    assert outcomes == [True] * (len(starts) - 1) + [False]


def test_segments_out_of_order_and_repeated() -> None:
    """The last segment first, the first one twice: the hole decides."""
    connection = Bench(sni("sni.drop")).connect()
    flight = hello("video.test", padding=2000)
    assert passed(connection.up(flight[1000:], skip=1000))
    assert passed(connection.up(flight[:400]))
    assert passed(connection.up(flight[:400]))
    assert not passed(connection.up(flight[400:1000], skip=400))


def test_data_in_the_syn_is_read() -> None:
    """With TCP Fast Open the hello comes in the SYN, whose own number takes one place."""
    connection = Connection(Bench(sni("sni.drop")), (CLIENT, 3), (VIDEO, 443))
    flight = hello("video.test")
    assert passed(connection.up(flight[:300], flags=SYN))
    connection.client_next += 1
    assert not passed(connection.up(flight[300:], skip=300))


# Actions


def test_reset_names_the_numbers_both_ends_expect() -> None:
    """RST to the client at what it expects, to the server at what it has got; nothing passes."""
    connection = Bench(sni("sni.reset")).connect()
    flight = hello("video.test", padding=2000)
    assert passed(connection.up(flight[:1000]))
    decision = connection.up(flight[1000:], skip=1000)
    assert decision.leave_s is None
    to_client, to_server = parsed(decision.to_client[0]), parsed(decision.to_server[0])
    assert to_client.flags == to_server.flags == RST | ACK
    assert (to_client.source, to_client.source_port) == connection.server
    assert (to_client.destination, to_client.destination_port) == connection.client
    assert to_client.sequence == connection.server_next
    assert to_client.acknowledgement == (connection.client_next + len(flight)) % 2**32
    assert (to_server.source, to_server.source_port) == connection.client
    assert to_server.sequence == (connection.client_next + 1000) % 2**32


def test_reset_is_repeated_for_whoever_goes_on() -> None:
    """A client that missed its RST gets another; so does the server; an RST is never answered."""
    connection = Bench(sni("sni.reset")).connect()
    flight = hello("video.test")
    connection.up(flight)
    assert connection.up(flight).to_client
    down = connection.down(b"late answer")
    assert down.leave_s is None
    assert parsed(down.to_server[0]).sequence == connection.client_next % 2**32
    assert connection.up(b"", flags=RST) == Decision(leave_s=None)


def test_drop_swallows_both_directions() -> None:
    """From the hello on nothing of the flow passes, and nothing is forged."""
    connection = Bench(sni("sni.drop")).connect()
    for decision in (
        connection.up(hello("video.test")),
        connection.up(hello("video.test")),
        connection.down(b"answer"),
        connection.up(b"", flags=FIN | ACK),
    ):
        assert decision == Decision(leave_s=None)


def test_police_drops_above_the_rate_and_delays_nothing() -> None:
    """10 s at four times the rate: burst plus rate gets through, each direction for itself."""
    bench = Bench(sni("sni.police", rate_bps=128_000, burst_bytes=16_000))
    connection = bench.connect()
    assert passed(connection.up(hello("video.test")))
    down_bytes = up_bytes = 0
    for n in range(640):
        bench.now_s = n / 64
        down, up = connection.down(bytes(946)), connection.up(bytes(946), skip=600)
        assert down.leave_s in (None, bench.now_s)
        down_bytes += 1000 * (down.leave_s is not None)
        up_bytes += 1000 * (up.leave_s is not None)
    assert down_bytes == pytest.approx(16_000 + 160_000, rel=0.02)
    assert up_bytes == pytest.approx(16_000 + 160_000, rel=0.02)


def test_shape_queues_up_to_a_limit() -> None:
    """Packets wait in order at the rate; more than `burst_bytes` may not wait."""
    bench = Bench(sni("sni.shape", rate_bps=128_000, burst_bytes=16_000))
    connection = bench.connect()
    connection.up(hello("video.test"))
    leaves = [connection.down(bytes(1446)).leave_s for _ in range(40)]
    kept = [leave for leave in leaves if leave is not None]
    assert kept == sorted(kept)
    assert kept[0] == kept[1] == 0.0
    assert kept[2] == pytest.approx((3 * 1500 - 2 * 1514) / 16_000)  # two frames at once
    assert 0.85 <= kept[-1] <= 1.15  # 16 kB at 16 kB/s
    assert leaves[-1] is None


def test_two_flows_have_two_buckets() -> None:
    """What one flow used up does not slow another flow of the same name."""
    bench = Bench(sni("sni.police"))
    first, second = bench.connect(port=1111), bench.connect(port=2222)
    for connection in (first, second):
        connection.up(hello("video.test"))
    assert sum(passed(first.down(bytes(1400))) for _ in range(50)) == 11
    assert sum(passed(second.down(bytes(1400))) for _ in range(50)) == 11


def test_ip_drop_hits_the_address_alone() -> None:
    """SYN and everything else to the address of the service are dropped; the name elsewhere not."""
    bench = Bench(sni("ip.drop"))
    blocked = Connection(bench, (CLIENT, 1234), (VIDEO, 443))
    assert blocked.up(b"", flags=SYN) == Decision(leave_s=None)
    assert blocked.up(b"", flags=SYN) == Decision(leave_s=None)
    elsewhere = bench.connect(server=NEWS)
    assert passed(elsewhere.up(hello("video.test")))
    ping = build_udp((CLIENT, 1), (VIDEO, 33_434), b"x")
    assert bench.judge(ping, upwards=True).leave_s is None
    assert bench.judge(build_udp((VIDEO, 7), (CLIENT, 1), b"x"), upwards=False).leave_s is None


def test_block_page_answers_in_the_servers_place() -> None:
    """The request is stopped; the client gets the page in order with FIN, the server an RST."""
    connection = Bench(sni("http.blockpage")).connect(to=80)
    request = b"GET /1M.bin HTTP/1.1\r\nHost: Video.test:80\r\nAccept: */*\r\n\r\n"
    assert passed(connection.up(request[:30]))
    decision = connection.up(request[30:], skip=30)
    assert decision.leave_s is None
    segments = [parsed(data) for data in decision.to_client]
    assert b"".join(segment.payload for segment in segments) == PAGE
    assert [bool(segment.flags & FIN) for segment in segments] == [False, True]
    assert segments[0].sequence == connection.server_next
    assert segments[1].sequence == connection.server_next + len(segments[0].payload)
    assert segments[0].flags & (PSH | ACK) == PSH | ACK
    assert segments[0].acknowledgement == (connection.client_next + len(request)) % 2**32
    assert parsed(decision.to_server[0]).flags == RST | ACK


def test_block_page_closes_the_connection_properly() -> None:
    """A repeated request gets the page again; the client's FIN is acknowledged; no server talk."""
    connection = Bench(sni("http.blockpage")).connect(to=80)
    request = b"GET / HTTP/1.1\r\nHost: video.test\r\n\r\n"
    first = connection.up(request)
    assert connection.up(request).to_client == first.to_client
    assert connection.down(b"HTTP/1.1 200 OK") == Decision(leave_s=None)
    assert connection.up(b"", skip=len(request)) == Decision(leave_s=None)
    closing = connection.up(b"", flags=FIN | ACK, skip=len(request))
    answer = parsed(closing.to_client[0])
    assert answer.flags == ACK
    assert answer.sequence == connection.server_next + len(PAGE) + 1
    assert answer.acknowledgement == (connection.client_next + len(request) + 1) % 2**32


@pytest.mark.parametrize(("server", "port"), [(NEWS, 80), (NEWS, 8443), (VIDEO, 8080)])
def test_the_block_page_comes_at_any_address_and_port(server: bytes, port: int) -> None:
    """The Host decides: also at a server of somebody else's, and on its TLS port."""
    connection = Bench(sni("http.blockpage")).connect(server=server, to=port)
    blocked = connection.up(b"GET /plain/0 HTTP/1.1\r\nHost: video.test:80\r\n\r\n")
    assert b"".join(parsed(data).payload for data in blocked.to_client) == PAGE
    neutral = Bench(sni("http.blockpage")).connect(server=server, to=port)
    assert passed(neutral.up(b"GET /plain/0 HTTP/1.1\r\nHost: news.test\r\n\r\n"))


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET / HTTP/1.1\r\nHost: news.test\r\nReferer: http://video.test/\r\n\r\n",
        b"GET /video.test HTTP/1.1\r\nHost: news.test\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
    ],
)
def test_other_requests_get_no_block_page(request_head: bytes) -> None:
    """A path, a referrer or a missing host is no match."""
    connection = Bench(sni("http.blockpage")).connect(to=80)
    assert passed(connection.up(request_head))
    assert passed(connection.down(b"HTTP/1.1 200 OK\r\n\r\n"))


def test_a_tls_name_is_no_http_host() -> None:
    """Rules of one layer do not act on the other."""
    assert passed(Bench(sni("http.blockpage")).connect().up(hello("video.test")))
    plain = Bench(sni("sni.reset")).connect(to=80)
    assert passed(plain.up(b"GET / HTTP/1.1\r\nHost: video.test\r\n\r\n"))


# DNS


def query(name: str, resolver: bytes = RESOLVER, kind: str = "A") -> bytes:
    """A query as dnspython writes it."""
    wire = dns.message.make_query(name, kind, id=77).to_wire()
    return build_udp((CLIENT, 5353), (resolver, 53), wire)


def test_a_lie_replaces_the_answer() -> None:
    """The query is swallowed; the answer comes from the resolver's address and names the lie."""
    decision = Bench(sni("dns.lie")).judge(query("video.test"), upwards=True)
    assert decision.leave_s is None
    forged = parsed(decision.to_client[0])
    assert (forged.source, forged.source_port) == (RESOLVER, 53)
    assert (forged.destination, forged.destination_port) == (CLIENT, 5353)
    answer = dns.message.from_wire(forged.payload)
    assert answer.id == 77
    assert [item.address for item in answer.answer[0]] == [LIE]


def test_the_lie_has_no_ipv6() -> None:
    """AAAA for the name is answered with nothing, not with NXDOMAIN."""
    decision = Bench(sni("dns.lie")).judge(query("video.test", kind="AAAA"), upwards=True)
    answer = dns.message.from_wire(parsed(decision.to_client[0]).payload)
    assert answer.rcode() == dns.rcode.NOERROR
    assert not answer.answer


@pytest.mark.parametrize(
    "packet",
    [
        query("news.test"),
        query("video.test", OTHER_RESOLVER),
        build_udp((CLIENT, 5353), (RESOLVER, 53), b"\x00no dns"),
        build_udp((CLIENT, 5353), (RESOLVER, 123), b"ntp"),
    ],
)
def test_other_queries_pass(packet: bytes) -> None:
    """Other names, another resolver, nonsense and other ports are left alone."""
    assert passed(Bench(sni("dns.lie")).judge(packet, upwards=True))


# Schedule


def test_throttling_follows_the_hours_on_a_living_flow() -> None:
    """The same flow is fast before 20:00, slow in the window, fast after it."""
    bench = Bench(sni("sni.police", from_local="20:00", to_local="22:00"), minute=20 * 60)
    connection = bench.connect()
    connection.up(hello("video.test"))

    def through() -> int:
        bench.now_s += 100
        return sum(passed(connection.down(bytes(1400))) for _ in range(50))

    assert through() == 11
    bench.minute = 22 * 60
    assert through() == 50
    bench.minute = 21 * 60 + 59
    assert through() == 11


def test_a_reset_needs_its_hours_at_the_hello() -> None:
    """Outside the window the handshake passes, and the flow lives on when the window begins."""
    bench = Bench(sni("sni.reset", from_local="23:00", to_local="01:00"), minute=12 * 60)
    connection = bench.connect(port=1)
    assert passed(connection.up(hello("video.test")))
    bench.minute = 0.5
    assert passed(connection.up(b"more", skip=600))
    assert not passed(bench.connect(port=2).up(hello("video.test")))


def test_address_drops_follow_the_hours() -> None:
    """A SYN that was dropped in the window passes when it is repeated after it."""
    bench = Bench(sni("ip.drop", from_local="20:00", to_local="22:00"), minute=21 * 60)
    connection = Connection(bench, (CLIENT, 9), (VIDEO, 443))
    assert connection.up(b"", flags=SYN).leave_s is None
    bench.minute = 22 * 60
    assert passed(connection.up(b"", flags=SYN))
