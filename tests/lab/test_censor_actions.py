"""What the censor writes in other people's names and remembers: closings, alerts, handovers.

Both IP versions, packet by packet; that a real kernel and a real TLS client take what is forged
here is checked in `test_netns_censor`.
"""

from __future__ import annotations

import random
import ssl
from typing import Any

import pytest

from evenfall.lab.censor import Censor, Decision
from evenfall.lab.connections import End
from evenfall.lab.packets import (
    ACK,
    FIN,
    PSH,
    RST,
    SYN,
    Packet,
    build_tcp,
    pack_address,
    parse_ip,
    tcp_options,
)
from evenfall.lab.scenario import CensorRule

CLIENTS = {4: pack_address("192.168.1.2"), 6: pack_address("2001:db8:1::2")}
VIDEO = {4: pack_address("203.0.113.11"), 6: pack_address("2001:db8:113::11")}
NEWS = {4: pack_address("203.0.113.15"), 6: pack_address("2001:db8:113::15")}
OTHER: dict[int, End] = {
    4: (pack_address("203.0.113.90"), 443),
    6: (pack_address("2001:db8:113::90"), 443),
}
REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://203.0.113.90/\r\n\r\n"
PAGE = b"HTTP/1.1 200 OK\r\n\r\npage"
SYN_OPTIONS = bytes.fromhex("020405b40402080a000000010000000001030307")
families = pytest.mark.parametrize("family", [4, 6])


def hello(name: str) -> bytes:
    """OpenSSL's ClientHello for a name."""
    out = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def parsed(data: bytes) -> Packet:
    """A packet that must be readable."""
    packet = parse_ip(data)
    assert packet is not None
    return packet


def passed(decision: Decision) -> bool:
    """It goes on at once, and nothing was forged."""
    return decision.leave_s is not None and not decision.to_client and not decision.to_server


class Bench:
    """A censor with rules against `video`, and a clock turned by hand."""

    def __init__(self, action: str, **options: Any) -> None:
        rule = CensorRule(action=action, **{"services": ("video",), **options})  # type: ignore[arg-type]  # (options)
        self.now_s = 0.0
        self.censor = Censor(
            (rule,),
            hosts={"video": "video.test", "news": "news.test"},
            addresses=dict.fromkeys(VIDEO.values(), "video.test")
            | dict.fromkeys(NEWS.values(), "news.test"),
            resolver=bytes(4),
            lie="203.0.113.90",
            block_page=lambda: PAGE,
            minute_of_day=lambda _: 0.0,
            rng=random.Random(1),  # noqa: S311 (seeded)
            redirect=lambda: REDIRECT,
            mitm=OTHER,
        )

    def dial(self, server: bytes, *, port: int = 40_000, to: int = 443) -> Connection:
        """A connection of which nothing has been sent."""
        client = CLIENTS[4 if len(server) == 4 else 6]
        return Connection(self, (client, port), (server, to))

    def connect(self, server: bytes, *, port: int = 40_000, to: int = 443) -> Connection:
        """A connection whose three-way handshake has passed."""
        connection = self.dial(server, port=port, to=to)
        assert passed(connection.up(b"", flags=SYN))
        connection.sent = 1
        assert passed(connection.down(b"", flags=SYN | ACK))
        connection.received = 1
        return connection


class Connection:
    """Sequence numbers of one TCP connection, as both ends have them; both wrap soon."""

    client_first, server_first = 2**32 - 3, 2**32 - 100

    def __init__(self, bench: Bench, client: End, server: End) -> None:
        self.bench, self.client, self.server = bench, client, server
        self.sent = self.received = 0

    def up(self, payload: bytes, *, flags: int = ACK, skip: int = 0) -> Decision:
        """A segment of the client, `skip` bytes after what it has sent so far."""
        return self.judge(
            build_tcp(
                self.client, self.server, sequence=self.client_first + self.sent + skip,
                acknowledgement=self.server_first + self.received if flags & ACK else 0,
                flags=flags, payload=payload, options=SYN_OPTIONS if flags & SYN else b"",
            ),
            upwards=True,
        )  # fmt: skip

    def down(self, payload: bytes, *, flags: int = ACK) -> Decision:
        """A segment of the server."""
        return self.judge(
            build_tcp(
                self.server, self.client, sequence=self.server_first + self.received,
                acknowledgement=self.client_first + self.sent, flags=flags, payload=payload,
            ),
            upwards=False,
        )  # fmt: skip

    def judge(self, data: bytes, *, upwards: bool) -> Decision:
        """Hand the censor one packet now."""
        return self.bench.censor.judge(parsed(data), self.bench.now_s, upwards=upwards)


ACTIONS = ["sni.close", "sni.alert", "sni.mitm", "sni.loss", "sni.stall", "sni.reset", "sni.drop"]


@families
@pytest.mark.parametrize("action", ACTIONS)
def test_other_names_pass_at_every_address(action: str, family: int) -> None:
    """The neutral twin of every action: same address, another name, and nothing happens."""
    bench = Bench(action, loss=1.0, stall_bytes=0, residual_s=60.0 if action != "sni.mitm" else 0)
    for port, server in enumerate((VIDEO[family], NEWS[family])):
        connection = bench.connect(server, port=40_000 + port)
        assert passed(connection.up(hello("news.test")))
        assert all(passed(connection.down(bytes(1200))) for _ in range(50))


@families
@pytest.mark.parametrize("action", ACTIONS)
def test_the_name_is_hit_in_both_ip_versions_and_anywhere(action: str, family: int) -> None:
    """At its own address and at another's, in IPv4 and IPv6."""
    bench = Bench(action, loss=1.0, stall_bytes=0)
    for port, server in enumerate((VIDEO[family], NEWS[family])):
        connection = bench.connect(server, port=40_000 + port)
        assert not passed(connection.up(hello("www.video.test")))


@pytest.mark.parametrize(("only", "hit"), [((4,), {4}), ((6,), {6}), ((4, 6), {4, 6})])
def test_a_rule_may_know_one_ip_version_only(only: tuple[int, ...], hit: set[int]) -> None:
    """As boxes that were bought before IPv6."""
    bench = Bench("sni.reset", families=only)
    dropped = {f for f in (4, 6) if not passed(bench.connect(VIDEO[f]).up(hello("video.test")))}
    assert dropped == hit


# Closing and alerting


@families
@pytest.mark.parametrize(
    ("action", "said"), [("sni.close", b""), ("sni.alert", bytes.fromhex("15030300020228"))]
)
def test_the_connection_is_closed_in_the_servers_name(
    action: str, said: bytes, family: int
) -> None:
    """FIN (after an alert) with the numbers that the client expects; the server gets an RST."""
    connection = Bench(action).connect(VIDEO[family])
    flight = hello("video.test")
    decision = connection.up(flight, flags=ACK | PSH)
    assert decision.leave_s is None
    (closing,) = map(parsed, decision.to_client)
    assert closing.payload == said
    assert closing.flags & (FIN | ACK | RST) == FIN | ACK
    assert (closing.source, closing.source_port) == connection.server
    assert closing.sequence == (connection.server_first + 1) % 2**32
    assert closing.acknowledgement == (connection.client_first + 1 + len(flight)) % 2**32
    (gone,) = map(parsed, decision.to_server)
    assert gone.flags & RST
    assert gone.sequence == (connection.client_first + 1) % 2**32


@pytest.mark.parametrize("action", ["sni.close", "sni.alert"])
def test_a_closed_connection_is_seen_off(action: str) -> None:
    """A repeated hello is answered again, the client's FIN acknowledged, the server not heard."""
    connection = Bench(action).connect(VIDEO[4])
    flight = hello("video.test")
    first = connection.up(flight)
    assert connection.up(flight).to_client == first.to_client
    assert connection.down(b"answer") == Decision(leave_s=None)
    last = parsed(connection.up(b"", flags=FIN | ACK, skip=len(flight)).to_client[0])
    end = parsed(first.to_client[0])
    assert last.flags == ACK
    assert last.sequence == (end.sequence + len(end.payload) + 1) % 2**32


# Addresses


@families
def test_a_refused_address_looks_like_a_closed_port(family: int) -> None:
    """RST to the SYN with the number after it; another address is open."""
    bench = Bench("ip.refuse")
    decision = bench.dial(VIDEO[family]).up(b"", flags=SYN)
    assert decision.leave_s is None
    assert not decision.to_server
    refusal = parsed(decision.to_client[0])
    assert refusal.flags == RST | ACK
    assert (refusal.sequence, refusal.acknowledgement) == (0, 2**32 - 2)
    assert passed(bench.connect(NEWS[family]).up(hello("video.test")))


# Plain HTTP


@families
def test_a_redirect_comes_in_the_servers_place(family: int) -> None:
    """The whole response and the end; another host is served."""
    bench = Bench("http.redirect")
    request = b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n"
    decision = bench.connect(VIDEO[family], to=80).up(request % b"video.test")
    assert b"".join(parsed(data).payload for data in decision.to_client) == REDIRECT
    assert parsed(decision.to_client[-1]).flags & FIN
    assert passed(bench.connect(VIDEO[family], port=4, to=80).up(request % b"news.test"))


# Residual blocking


@families
@pytest.mark.parametrize("action", ["sni.reset", "sni.close", "sni.alert"])
def test_after_a_hit_the_address_refuses(action: str, family: int) -> None:
    """Whatever the name, from the SYN on, for its time; elsewhere and before it, nothing."""
    bench = Bench(action, residual_s=60)
    before = bench.connect(NEWS[family], port=1)
    bench.connect(NEWS[family], port=2).up(hello("video.test"))
    bench.now_s = 59.0
    assert passed(before.up(hello("news.test"))), "a flow that was open before"
    refusal = bench.dial(NEWS[family], port=3).up(b"", flags=SYN)
    assert parsed(refusal.to_client[0]).flags == RST | ACK
    assert passed(bench.connect(VIDEO[family], port=4).up(hello("news.test")))
    bench.now_s = 60.0
    assert passed(bench.connect(NEWS[family], port=5).up(hello("news.test")))


@families
def test_after_a_hit_the_address_is_silent(family: int) -> None:
    """With `sni.drop` the SYN is dropped; the other client of the address is not meant."""
    bench = Bench("sni.drop", residual_s=60)
    bench.connect(VIDEO[family], port=1).up(hello("video.test"))
    assert bench.dial(VIDEO[family], port=2).up(b"", flags=SYN) == Decision(leave_s=None)
    other = bench.dial(VIDEO[family], port=3)
    other.client = (bytes(len(VIDEO[family])), 7)
    assert passed(other.up(b"", flags=SYN))


def test_after_a_hit_the_address_is_slow() -> None:
    """With a policer, each new flow to the address has a bucket, whatever its name."""
    bench = Bench("sni.police", residual_s=60)
    bench.connect(NEWS[4], port=1).up(hello("video.test"))
    slow = bench.connect(NEWS[4], port=2)
    assert passed(slow.up(hello("news.test")))
    assert sum(passed(slow.down(bytes(1400))) for _ in range(50)) == 10
    fast = bench.connect(VIDEO[4], port=3)
    assert passed(fast.up(hello("news.test")))
    assert all(passed(fast.down(bytes(1400))) for _ in range(50))


def test_a_hit_under_residual_blocking_prolongs_nothing() -> None:
    """Attempts that are refused do not restart the clock; a new hit by name would."""
    bench = Bench("sni.drop", residual_s=10)
    bench.connect(VIDEO[4], port=1).up(hello("video.test"))
    for second in range(9):
        bench.now_s = float(second)
        assert not passed(bench.dial(VIDEO[4], port=100 + second).up(b"", flags=SYN))
    bench.now_s = 10.0
    assert passed(bench.dial(VIDEO[4], port=200).up(b"", flags=SYN))


# Handing over


@families
def test_a_flow_is_handed_to_another_server(family: int) -> None:
    """Second handshake in the client's name, then the hello, then both ways with moved numbers."""
    bench = Bench("sni.mitm")
    connection = bench.connect(VIDEO[family])
    flight = hello("video.test")
    decision = connection.up(flight, flags=ACK | PSH)
    assert (decision.leave_s, decision.to_client) == (None, ())
    gone, syn = map(parsed, decision.to_server)
    assert gone.flags & RST
    assert (gone.destination, gone.destination_port) == connection.server
    assert (syn.source, syn.source_port) == connection.client
    assert (syn.destination, syn.destination_port) == OTHER[family]
    assert (syn.flags, syn.sequence) == (SYN, connection.client_first)
    assert tcp_options(syn) == [(2, b"\x05\xb4"), (3, b"\x07")]
    assert connection.up(flight) == Decision(leave_s=None), "repeated while the other is dialled"

    answer = build_tcp(
        OTHER[family], connection.client, sequence=5000,
        acknowledgement=connection.client_first + 1, flags=SYN | ACK,
    )  # fmt: skip
    for _ in range(2):  # also if the other server repeats itself
        given = connection.judge(answer, upwards=False)
        assert (given.leave_s, given.to_client) == (None, ())
        (data,) = map(parsed, given.to_server)
        assert data.payload == flight
        assert data.sequence == (connection.client_first + 1) % 2**32
        assert data.acknowledgement == 5001

    server_hello = build_tcp(
        OTHER[family], connection.client, sequence=5001,
        acknowledgement=connection.client_first + 1 + len(flight), flags=ACK | PSH,
        payload=b"certificate",
    )  # fmt: skip
    (seen,) = map(parsed, connection.judge(server_hello, upwards=False).to_client)
    assert (seen.source, seen.source_port) == connection.server
    assert seen.payload == b"certificate"
    assert seen.sequence == (connection.server_first + 1) % 2**32
    assert seen.flags == ACK | PSH

    connection.sent += len(flight)
    connection.received += len(b"certificate")
    (reply,) = map(parsed, connection.up(b"finished").to_server)
    assert (reply.destination, reply.destination_port) == OTHER[family]
    assert reply.payload == b"finished"
    assert reply.acknowledgement == 5001 + len(b"certificate")


def test_the_real_server_is_not_heard_after_a_handover() -> None:
    """What it still sends is dropped; a direct connection to the other server is untouched."""
    bench = Bench("sni.mitm")
    connection = bench.connect(VIDEO[4])
    connection.up(hello("video.test"))
    assert connection.down(b"late") == Decision(leave_s=None)
    assert passed(bench.connect(OTHER[4][0], port=41_000).up(hello("restricted.invalid")))


def test_without_another_server_a_handover_is_silence() -> None:
    """A family that nobody serves is dropped, not passed."""
    bench = Bench("sni.mitm")
    bench.censor._mitm = {}
    assert bench.connect(VIDEO[6]).up(hello("video.test")) == Decision(leave_s=None)


# Zero rating


def test_a_rule_for_all_others_spares_those_it_names() -> None:
    """Listed names are fast; other names, plain HTTP and no name at all share one bucket."""
    bench = Bench("sni.police", others=True, shared=True, burst_bytes=16_000)

    def through(first: bytes, port: int) -> int:
        connection = bench.connect(NEWS[4], port=port)
        assert connection.up(first).leave_s is not None
        return sum(passed(connection.down(bytes(1400))) for _ in range(50))

    assert through(hello("cdn.video.test"), 1) == 50
    assert through(b"GET / HTTP/1.1\r\nHost: video.test\r\n\r\n", 2) == 50
    assert through(hello("news.test"), 3) == 11
    assert through(hello("elsewhere.example"), 4) == 0
    assert through(b"\x00\x01whatever", 5) == 0
    assert through(b"GET / HTTP/1.1\r\nHost: news.test\r\n\r\n", 6) == 0
