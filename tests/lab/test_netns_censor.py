"""The censor's actions and the bad lines, as ordinary programs in the emulated net meet them.

Real kernels on both ends take what the censor forges; what looks is the standard library, curl,
openssl and aioquic, never our own probe. Several services are treated at once in one net, and one
is always left alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evenfall.lab.netns_topology import HOPS, PLACES

pytestmark = pytest.mark.netns

INSIDE = Path(__file__).with_name("inside")
VIDEO, SOCIAL, MESSENGER = (PLACES.origins[role] for role in ("video", "social", "messenger"))
NEWS = PLACES.origins["news"]
VIDEO6, NEWS6 = PLACES.origins6["video"], PLACES.origins6["news"]
ISP, PUBLIC = PLACES.resolver.address, PLACES.public_resolver.address
LINE = """
title = "test"
innocent = true
expected = []
answers = []
[line]
down_bps = [20e6, 20e6]
up_bps = [10e6, 10e6]
rtt_s = [0.03, 0.03]
"""
CERTIFICATE = """printf '[0, "%s"]' "$(openssl s_client -connect "$1" -servername "$2" \
</dev/null 2>/dev/null | openssl x509 -noout -subject | tr -d '\\n"')" """
CURL = """curl -s -m 2 -o /dev/null --cacert "$(dirname "$EVENFALL_TARGETS")/ca.pem" \
-w '[%{exitcode}, "%{http_code} %{redirect_url}"]' --resolve "$2" "$1" || true"""


def staged(rules: str, commands: Sequence[Sequence[str]], **spec: Any) -> list[Any]:
    """Stage rules (TOML after the line), run commands in it: their results, then the facts."""
    done = subprocess.run(
        [sys.executable, str(INSIDE / "stage.py")],
        input=json.dumps({"scenario": LINE + rules, "commands": commands, **spec}),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    counters = outcome["counters"]
    assert counters["overload"] <= counters["entered"] / 1000, "the machine was too slow"
    return [*outcome["results"], outcome["facts"]]


def rule(action: str, service: str = "video", **options: Any) -> str:
    """A rule against one service, as TOML."""
    lines = [f'action = "{action}"', f"services = {[service] if service else []}"]
    return "\n".join(["[[censor]]", *lines, *(f"{k} = {v!r}" for k, v in options.items()), ""])


def handshake(role: str, address: str) -> list[str]:
    """One TLS handshake with a role's name."""
    return ["tls", address, "443", f"{{{role}}}"]


def shell(script: str, *words: str) -> list[str]:
    """A shell command whose output is one JSON list."""
    return ["raw", "sh", "-c", script.replace("{", "{{").replace("}", "}}"), "sh", *words]


def said(result: Any) -> Any:
    """What such a command printed."""
    status, output = result
    assert status == 0
    return json.loads(output)[1]


def test_closings_alerts_and_refusals() -> None:
    """Each is what it is for OpenSSL; a neutral name at the same addresses is let through."""
    rules = rule("sni.close") + rule("sni.alert", "social") + rule("ip.refuse", "messenger")
    results = staged(
        rules,
        [
            handshake("video", VIDEO), handshake("social", SOCIAL),
            handshake("messenger", MESSENGER), handshake("news", VIDEO),
            handshake("news", SOCIAL), handshake("messenger", NEWS), handshake("video", VIDEO6),
            handshake("news", VIDEO6),
        ],
    )  # fmt: skip
    outcomes = [result["outcome"] for result in results[:-1]]
    assert outcomes == [
        "SSLEOFError", "SSLError", "connect: ConnectionRefusedError", "ok", "ok", "ok",
        "SSLEOFError", "ok",
    ]  # fmt: skip


def test_a_handover_shows_the_other_servers_certificate() -> None:
    """Nobody's certificate for openssl and curl under the name, at any address; else its own."""
    at = [f"{VIDEO}:443", f"{NEWS}:443", f"[{VIDEO6}]:443", f"{VIDEO}:443"]
    names = ["{video}", "{video}", "{video}", "{news}"]
    urls = [
        ("https://{video}/", f"{{video}}:443:{VIDEO}"),
        ("https://{news}/", f"{{news}}:443:{NEWS}"),
    ]
    results = staged(
        rule("sni.mitm"),
        [shell(CERTIFICATE, a, n) for a, n in zip(at, names, strict=True)]
        + [shell(CURL, *words) for words in urls],
    )
    shown = [said(result) for result in results[:4]]
    assert all("restricted.invalid" in subject for subject in shown[:3])
    assert "restricted.invalid" not in shown[3]
    first, second = (json.loads(result[1]) for result in results[4:6])
    assert first[0] == 60, "curl: certificate problem"
    assert second == [0, "200 "]


def test_quic_by_name_and_by_port() -> None:
    """aioquic: no handshake under the name anywhere, none to the service's port, else fine."""
    client = ["raw", sys.executable, str(INSIDE / "quic_client.py")]
    asked = [
        (NEWS, "{video}"), (VIDEO, "{news}"), (SOCIAL, "{news}"), (VIDEO6, "{video}"),
        (NEWS6, "{news}"),
    ]  # fmt: skip
    results = staged(
        rule("quic.drop") + rule("udp443.drop", "social"),
        [[*client, address, "443", name] for address, name in asked],
    )
    outcomes = [json.loads(result[1])["outcome"] if isinstance(result, list) else result["outcome"]
                for result in results[:-1]]  # fmt: skip
    assert outcomes == ["timeout", "ok", "timeout", "timeout", "ok"]


def test_dns_in_four_ways() -> None:
    """Injection gives two answers, the lie first; NXDOMAIN and silence where they are made."""
    rules = rule("dns.inject") + rule("dns.nxdomain", "social") + rule("dns.drop", "messenger")
    asked = [
        (PUBLIC, "video"), (ISP, "social"), (PUBLIC, "social"), (ISP, "messenger"),
        (PUBLIC, "messenger"), (PUBLIC, "news"),
    ]  # fmt: skip
    results = staged(rules, [["resolve", address, f"{{{role}}}"] for address, role in asked])
    answers = [result["answers"] for result in results[:-1]]
    assert answers == [
        [PLACES.block_page, VIDEO], ["none"], [SOCIAL], [], [MESSENGER], [NEWS],
    ]  # fmt: skip


def test_a_hijack_answers_for_everybody() -> None:
    """The lie from any address; the truth for other names, also where nobody runs a resolver."""
    asked = [(PUBLIC, "video"), (NEWS, "video"), (PUBLIC, "news"), (NEWS, "news")]
    results = staged(
        rule("dns.hijack"), [["resolve", address, f"{{{role}}}"] for address, role in asked]
    )
    answers = [result["answers"] for result in results[:-1]]
    assert answers == [[PLACES.block_page], [PLACES.block_page], [NEWS], [NEWS]]


def test_the_place_of_the_censor_can_be_seen_from_the_client() -> None:
    """A hello that expires before the censor is reported by a router; one that passes it is reset.

    TTL 1 and 2 end at the home router and at the ISP; with TTL 3 the hello passes the wire, where
    its name is read, and would have ended at the transit, where one with a neutral name does.
    """
    results = staged(
        rule("sni.reset"),
        [
            ["expiring", VIDEO, "443", "{video}"], ["expiring", VIDEO, "443", "{news}"],
            ["expiring", VIDEO6, "443", "{video}"], ["expiring", VIDEO6, "443", "{news}"],
        ],
    )  # fmt: skip
    seen = [result["seen"] for result in results[:-1]]
    assert seen[0] == seen[2] == ["expired", "expired", "reset", "reset"]
    assert seen[1] == seen[3] == ["expired", "expired", "expired", "answer"]
    assert results[-1]["censor_after_hop"] == "2"


def test_every_router_says_who_it_is() -> None:
    """SYNs with TTL 1 to 3 are answered by the hops of the stage's own record, in both versions."""
    first, second, facts = staged("", [["routers", VIDEO, "443"], ["routers", VIDEO6, "443"]])
    assert first["seen"] == [*HOPS, "open"] == [*facts["hops"].split(), "open"]
    assert second["seen"] == [
        "2001:db8:1::1", "2001:db8:64:1::1", "2001:db8:64:9::2", "open",
    ]  # fmt: skip


def test_residual_blocking_is_of_the_address() -> None:
    """After one hello with the name its server is silent for other names too; others are not."""
    results = staged(
        rule("sni.drop", residual_s=60.0),
        [
            handshake("news", VIDEO), handshake("video", VIDEO), handshake("news", VIDEO),
            handshake("news", NEWS),
        ],
    )  # fmt: skip
    outcomes = [result["outcome"] for result in results[:-1]]
    assert outcomes == ["ok", "TimeoutError", "connect: TimeoutError", "ok"]


def test_a_stall_after_sixteen_kilobytes() -> None:
    """A download under the name ends after 16 kB of payload; another name goes on."""
    fetches = [["fetch", VIDEO, "443", f"{{{role}}}", "1"] for role in ("video", "news")]
    stalled, free, _ = staged(rule("sni.stall", direction="down", stall_bytes=16_000), fetches)
    assert 8_000 <= stalled["bytes"] <= 16_000
    assert free["bytes"] > 500_000


def test_a_whitelist_leaves_the_controls_fast() -> None:
    """Everything else shares 300 kbit/s, the measurement server under a strange name too."""
    rules = '[[innocents]]\nkind = "whitelist"\nrate_bps = [3e5, 3e5]\n'
    slow, free, _ = staged(
        rules,
        [["fetch", VIDEO, "443", "{video}", "1"], ["fetch", NEWS, "443", "{news}", "1"]],
    )
    assert slow["goodput_bps"] < 400_000
    assert free["goodput_bps"] > 3_000_000


def test_losses_are_felt_by_cubic_and_not_by_bbr() -> None:
    """The servers' congestion control is what the run was given: at 2 % loss it decides."""
    fetch = [["fetch", VIDEO, "443", "{video}", "2"]]
    if "bbr" not in Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text():
        pytest.skip("not run: this kernel has no bbr")
    rates = {}
    for control in ("cubic", "bbr"):
        seen, facts = staged("", fetch, given={"loss": 0.02, "congctl": control})
        assert facts["congestion_control"] == control
        rates[control] = seen["goodput_bps"]
    assert rates["bbr"] > 2 * rates["cubic"]


def test_bad_air_is_seen_at_the_home_router() -> None:
    """Of 40 knocks there some are lost, and some that are answered have waited."""
    rules = '[[innocents]]\nkind = "wifi_loss"\nloss = 0.1\njitter_s = 0.015\n'
    bad, _ = staged(rules, [["closed", HOPS[0], "9", "40"]])
    assert 22 <= bad["answers"] <= 39  # 81 % of 40 are 32.4, within four standard errors
    assert bad["max_ms"] > 20


def test_a_line_that_is_down_ends_behind_the_home_router() -> None:
    """The router answers, nothing beyond it does."""
    rules = '[[innocents]]\nkind = "line_down"\n'
    results = staged(
        rules,
        [["closed", HOPS[0], "9", "20"], handshake("news", NEWS), ["resolve", ISP, "{news}"]],
    )
    assert results[0]["answers"] == 20, "good air loses nothing"
    assert results[0]["min_ms"] < 5
    assert results[1]["outcome"] == "connect: TimeoutError"
    assert results[2]["answers"] == []
