"""What a relay can do of the censor's actions, felt by ssl, dnspython and aioquic on loopback.

Several services are treated at once in one stage, and one is always left alone.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from evenfall.lab.loopback import LoopbackBackend
from evenfall.lab.plan import Endpoint
from evenfall.lab.scenario import CensorRule, Innocent
from evenfall.model.errors import LabError

LIMIT_S = 1.0
QUIC_CLIENT = Path(__file__).with_name("inside") / "quic_client.py"


def rule(action: str, service: str = "video", **options: Any) -> CensorRule:
    """A rule against one service."""
    return CensorRule(action=action, services=(service,), **options)  # type: ignore[arg-type]  # (options)


@contextlib.contextmanager
def tls(at: Endpoint, name: str):
    """A TLS connection with any name, the certificate unseen."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((at.address, at.port), timeout=LIMIT_S) as raw,
        context.wrap_socket(raw, server_hostname=name) as stream,
    ):
        yield stream


def outcome(at: Endpoint, name: str) -> str:
    """How a connection and its handshake end."""
    try:
        with tls(at, name):
            return "ok"
    except OSError as error:
        return type(error).__name__


def body_bytes(at: Endpoint, name: str, seconds: float = LIMIT_S) -> int:
    """What comes of the large body in some seconds."""
    got = 0
    until_s = time.monotonic() + seconds
    with contextlib.suppress(TimeoutError), tls(at, name) as stream:
        stream.sendall(f"GET /1M.bin HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        while (left_s := until_s - time.monotonic()) > 0:
            stream.settimeout(left_s)
            data = stream.recv(65_536)
            if not data:
                break
            got += len(data)
    return got


def test_closings_alerts_and_refusals(staging, scenario_of) -> None:
    """Each is what it is for OpenSSL; another name at the same address is let through."""
    rules = rule("sni.close"), rule("sni.alert", "social"), rule("ip.refuse", "messenger")
    with staging(scenario_of(*rules)) as (stage, drawn):
        hosts, at = drawn.hosts, stage.seen.https
        assert outcome(at("video"), hosts["video"]) == "SSLEOFError"
        with (
            pytest.raises(ssl.SSLError, match="ALERT_HANDSHAKE_FAILURE"),
            tls(at("social"), hosts["social"]),
        ):
            pass
        assert outcome(at("messenger"), hosts["news"]) == "ConnectionRefusedError"
        for role in ("video", "social", "news"):
            assert outcome(at(role), hosts["news"]) == "ok"
        assert outcome(at("news"), hosts["messenger"]) == "ok"


def test_a_handover_and_a_redirect(staging, scenario_of) -> None:
    """Another server's certificate under the name; a 302 to the block page for plain HTTP."""
    rules = rule("sni.mitm"), rule("http.redirect", "messenger")
    with staging(scenario_of(*rules)) as (stage, drawn):
        seen = stage.seen
        shown = {}
        for role in ("video", "news"):
            with tls(seen.https("news"), drawn.hosts[role]) as stream:
                shown[role] = b"restricted.invalid" in stream.getpeercert(binary_form=True)
        assert shown == {"video": True, "news": False}
        answers = {}
        for role in ("messenger", "news"):
            where = seen.http("messenger")
            asking = http.client.HTTPConnection(where.address, where.port, timeout=LIMIT_S)
            asking.request("GET", "/", headers={"Host": drawn.hosts[role]})
            answer = asking.getresponse()
            answers[role] = answer.status, answer.getheader("Location")
            asking.close()
        page = f"http://{seen.block_page}:{seen.http_port}/"
        assert answers == {"messenger": (302, page), "news": (200, None)}


def test_a_stall_after_so_many_bytes(staging, scenario_of) -> None:
    """Nothing after 100 kB for the name, all of it for another."""
    stall = rule("sni.stall", direction="down", stall_bytes=100_000)
    with staging(scenario_of(stall)) as (stage, drawn):
        assert 60_000 <= body_bytes(stage.seen.https("video"), drawn.hosts["video"]) <= 100_000
        assert body_bytes(stage.seen.https("video"), drawn.hosts["news"]) > 1 << 20


def test_a_delayed_trigger_and_a_direction(staging, scenario_of) -> None:
    """Half a megabyte passes at full speed before the policer begins; one of uploads slows none."""
    rules = (
        rule("sni.police", delay_bytes=500_000),
        rule("sni.police", "social", direction="up"),
    )
    with staging(scenario_of(*rules)) as (stage, drawn):
        hosts, at = drawn.hosts, stage.seen.https
        assert 480_000 <= body_bytes(at("video"), hosts["video"]) <= 560_000
        assert body_bytes(at("social"), hosts["social"]) > 1 << 20


def test_residual_slowness_is_of_the_address(staging, scenario_of) -> None:
    """After the name was seen there the address is slow for every name; another address is not."""
    police = rule("sni.police", residual_s=60.0)
    with staging(scenario_of(police)) as (stage, drawn):
        hosts, at = drawn.hosts, stage.seen.https
        assert body_bytes(at("video"), hosts["news"]) > 1 << 20
        assert outcome(at("video"), hosts["video"]) == "ok"
        assert body_bytes(at("video"), hosts["news"]) < 60_000
        assert body_bytes(at("news"), hosts["news"]) > 1 << 20


def test_a_whitelist_leaves_the_controls_fast(staging, scenario_of) -> None:
    """Every other name shares one rate, wherever it is spoken."""
    innocent = Innocent(kind="whitelist", rate_bps=(300_000, 300_000))
    with staging(scenario_of(innocents=(innocent,))) as (stage, drawn):
        at = stage.seen.https
        assert body_bytes(at("video"), drawn.hosts["news"]) > 1 << 20
        assert body_bytes(at("news"), "stranger.test") < 100_000


def ask(resolver: Endpoint, name: str) -> list[str]:
    """Every answer that comes to one query within a while: an address, or the code's name."""
    query = dns.message.make_query(name, "A")
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.connect((resolver.address, resolver.port))
        asker.settimeout(0.5)
        asker.send(query.to_wire())
        with contextlib.suppress(TimeoutError):
            while True:
                answer = dns.message.from_wire(asker.recv(4096))
                found.append(
                    answer.answer[0][0].address
                    if answer.answer
                    else dns.rcode.to_text(answer.rcode())
                )
    return found


def test_dns_in_four_ways(staging, scenario_of) -> None:
    """Two answers, the lie first; NXDOMAIN and silence at the ISP's resolver; the truth else."""
    rules = (
        rule("dns.inject"),
        rule("dns.nxdomain", "social"),
        rule("dns.drop", "messenger"),
    )
    with staging(scenario_of(*rules)) as (stage, drawn):
        seen, hosts = stage.seen, drawn.hosts
        true = seen.origins
        assert ask(seen.public_resolver, hosts["video"])[0] == seen.block_page
        assert len(ask(seen.resolver, hosts["video"])) == 2
        assert ask(seen.resolver, hosts["social"]) == ["NXDOMAIN"]
        assert ask(seen.public_resolver, hosts["social"]) == [true["social"]]
        assert ask(seen.resolver, hosts["messenger"]) == []
        assert ask(seen.resolver, hosts["news"]) == [true["news"]]


def test_a_hijack_lies_at_both_resolvers(staging, scenario_of) -> None:
    """The same lie from either, the truth for another name."""
    with staging(scenario_of(rule("dns.hijack"))) as (stage, drawn):
        for resolver in (stage.seen.resolver, stage.seen.public_resolver):
            assert ask(resolver, drawn.hosts["video"]) == [stage.seen.block_page]
            assert ask(resolver, drawn.hosts["news"]) == [stage.seen.origins["news"]]


def quic(at: Endpoint, name: str) -> dict[str, Any]:
    """How a QUIC handshake of aioquic's client ends."""
    command = [sys.executable, str(QUIC_CLIENT), at.address, str(at.port), name]
    done = subprocess.run(command, capture_output=True, check=True, timeout=20)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_quic_by_name_and_by_port(staging, scenario_of) -> None:
    """A handshake through the line, a round trip long; none under the name or to the service."""
    rules = rule("quic.drop"), rule("udp443.drop", "social")
    with staging(scenario_of(*rules)) as (stage, drawn):
        hosts, at = drawn.hosts, stage.seen.https
        free = quic(at("video"), hosts["news"])
        assert free["outcome"] == "ok"
        assert free["ms"] >= 40, "a handshake and a ping are two round trips of 20 ms"
        assert quic(at("news"), hosts["video"])["outcome"] == "timeout"
        assert quic(at("social"), hosts["news"])["outcome"] == "timeout"


def test_a_line_that_is_down_is_silent(staging, scenario_of) -> None:
    """No connection, no answer."""
    with staging(scenario_of(innocents=(Innocent(kind="line_down"),))) as (stage, drawn):
        assert outcome(stage.seen.https("news"), drawn.hosts["news"]) == "TimeoutError"
        assert outcome(stage.seen.measurement, drawn.hosts["news"]) == "TimeoutError"
        assert ask(stage.seen.resolver, drawn.hosts["news"]) == []


@pytest.mark.parametrize(
    "refused",
    [
        rule("sni.loss"),
        rule("sni.drop", residual_s=60.0),
        rule("ip.refuse", share=0.5),
        Innocent(kind="wifi_loss"),
    ],
    ids=["loss", "residual silence", "a share of refusals", "bad air"],
)
def test_what_needs_packets_is_refused(staging, scenario_of, refused) -> None:
    """A stage that could not show it is not built."""
    parts = {"innocents": (refused,)} if isinstance(refused, Innocent) else {}
    scenario = scenario_of(*(() if parts else (refused,)), **parts)
    with pytest.raises(LabError, match="netns"), staging(scenario):
        pass
    assert {"rtt", "retransmissions", "ttl", "ipv6", "gateway"}.isdisjoint(LoopbackBackend.emulates)
