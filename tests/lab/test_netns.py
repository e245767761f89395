"""The emulated net seen by ordinary programs in it: true delays, true rates, each censor action.

Every test runs as root (where the tests do) and as an ordinary user. What looks at the net is the
standard library, never our own probe (`inside/client.py`).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.netns

INSIDE = Path(__file__).with_name("inside")
VIDEO, NEWS = "203.0.113.11", "203.0.113.15"
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
Staged = Callable[..., dict[str, Any]]
Interpreter = Callable[[str], tuple[list[str], dict[str, Any]]]


@pytest.fixture(params=["as we are", "as nobody"])
def staged(request: pytest.FixtureRequest, interpreter: Interpreter) -> Staged:
    """Stage a scenario (TOML after the line) and run commands of `inside/client.py` in it."""
    python, arguments = interpreter(request.param)

    def run(rules: str, commands: Sequence[Sequence[str]], **spec: Any) -> dict[str, Any]:
        done = subprocess.run(
            [*python, str(INSIDE / "stage.py")],
            input=json.dumps({"scenario": LINE + rules, "commands": commands, **spec}),
            capture_output=True, text=True, timeout=120, check=False, **arguments,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        outcome: dict[str, Any] = json.loads(done.stdout)
        counters = outcome["counters"]
        assert counters["overload"] <= counters["entered"] / 1000, "the machine was too slow"
        return outcome

    return run


def censor(action: str, **options: Any) -> str:
    """A rule against `video`, as TOML."""
    lines = [f'action = "{action}"', 'services = ["video"]']
    return "\n".join(["[[censor]]", *lines, *(f"{k} = {v!r}" for k, v in options.items())])


def fetch(role: str, seconds: int, address: str = VIDEO) -> list[str]:
    """A download for some seconds from an address, under the name of a role."""
    return ["fetch", address, "443", f"{{{role}}}", str(seconds)]


def handshake(role: str, address: str = VIDEO) -> list[str]:
    """One TLS handshake."""
    return ["tls", address, "443", f"{{{role}}}"]


def test_a_clean_line_is_as_drawn(staged: Staged) -> None:
    """RTT within 3 ms of 30 ms, 20 Mbit/s of which ≥ 80 % are payload, three routers, no loss."""
    outcome = staged("", [["rtt", VIDEO, "443", "20"], fetch("video", 3), ["hops", VIDEO]])
    rtt, download, hops = outcome["results"]
    assert 30 <= rtt["median_ms"] <= 33
    assert 16e6 <= download["goodput_bps"] <= 19.5e6
    assert hops == {"hops": 4}
    assert outcome["counters"]["censor_drops"] == outcome["counters"]["forged"] == 0


def test_one_congestion_control_everywhere(staged: Staged) -> None:
    """What the stage says it uses is what a connection reports, and it is the kernel's cubic."""
    outcome = staged("", [fetch("video", 1)])
    used = outcome["results"][0]["congestion_control"]
    assert used == outcome["facts"]["congestion_control"]
    assert used == "cubic"


def test_a_policer_cuts_the_named_flow_alone(staged: Staged) -> None:
    """About 128 kbit/s with a burst at the start for the name, full speed for another name."""
    outcome = staged(censor("sni.police"), [fetch("video", 5), fetch("news", 1)])
    slow, fast = outcome["results"]
    # 16 kB of burst and 5 s of rate, 95 % of it payload, less what TCP wasted
    assert 100_000 <= slow["goodput_bps"] <= 150_000
    assert slow["first_second_bits"] >= 150_000
    assert slow["rtt_ms"] < 60
    assert fast["goodput_bps"] >= 10e6


def test_a_shaper_has_no_burst(staged: Staged) -> None:
    """The same rate as a queue: the first second carries no more than any other."""
    outcome = staged(censor("sni.shape"), [fetch("video", 5), fetch("news", 1)])
    slow, fast = outcome["results"]
    assert 80_000 <= slow["goodput_bps"] <= 128_000
    assert slow["first_second_bits"] <= 150_000
    assert fast["goodput_bps"] >= 10e6


def test_the_name_is_hit_at_any_address(staged: Staged) -> None:
    """RST by name: at the service's own address and elsewhere; other names pass at both."""
    outcome = staged(
        censor("sni.reset"),
        [handshake("video"), handshake("video", NEWS), handshake("news"), handshake("news", NEWS)],
    )
    outcomes = [result["outcome"] for result in outcome["results"]]
    assert outcomes == ["ConnectionResetError", "ConnectionResetError", "ok", "ok"]
    # the censor is nearer than the server: its RST is there before a ServerHello would be
    times_ms = [result["ms"] for result in outcome["results"]]
    assert min(times_ms[:2]) < min(times_ms[2:])


def test_dropped_hellos_are_silence(staged: Staged) -> None:
    """No answer after the ClientHello; TCP itself connects."""
    outcome = staged(censor("sni.drop"), [handshake("video"), handshake("news")])
    assert [result["outcome"] for result in outcome["results"]] == ["TimeoutError", "ok"]


def test_dropped_addresses_do_not_connect(staged: Staged) -> None:
    """No SYN-ACK from the service's address; its name at another address is fine."""
    outcome = staged(censor("ip.drop"), [handshake("video"), handshake("video", NEWS)])
    outcomes = [result["outcome"] for result in outcome["results"]]
    assert outcomes == ["connect: TimeoutError", "ok"]


def test_a_lie_comes_from_the_isps_resolver_alone(staged: Staged) -> None:
    """One answer, a wrong one, for one name at one resolver."""
    asked = [("198.51.100.53", "video"), ("198.51.100.54", "video"), ("198.51.100.53", "news")]
    outcome = staged(censor("dns.lie"), [["resolve", a, f"{{{role}}}"] for a, role in asked])
    answers = [result["answers"] for result in outcome["results"]]
    assert answers == [["203.0.113.90"], [VIDEO], [NEWS]]


def test_a_block_page_is_a_whole_response(staged: Staged) -> None:
    """The kernel accepts the forged page and its FIN; another host is served by its server."""
    commands = [["plain", VIDEO, "80", "{video}"], ["plain", VIDEO, "80", "{news}"]]
    blocked, served = staged(censor("http.blockpage"), commands)["results"]
    assert "Access restricted" in blocked["body"]
    assert blocked["end"] == "closed"
    assert "Access restricted" not in served["body"]
    assert served["body"].startswith("HTTP/1.1 200")


def test_the_block_page_comes_before_our_own_server_too(staged: Staged) -> None:
    """At the measurement server's port by this Host a page, by another what the server says."""
    at = ["203.0.113.80", "8443"]
    commands = [["plain", *at, "{video}"], ["plain", *at, "{news}"]]
    blocked, served = staged(censor("http.blockpage"), commands)["results"]
    assert "Access restricted" in blocked["body"]
    assert served["body"].endswith("Evenfall measurement server\n")


def test_congestion_slows_every_name_and_lengthens_the_rtt(staged: Staged) -> None:
    """Six downloads next door in a queue of 8 Mbit/s: RTT up, goodput down, for both names."""
    rules = '[[innocents]]\nkind = "congestion"\nrate_bps = [8e6, 8e6]\nflows = 6\n'
    commands = [["rtt", VIDEO, "443", "10"], fetch("video", 3), fetch("news", 3)]
    outcome = staged(rules, commands)
    rtt, first, second = outcome["results"]
    assert rtt["median_ms"] > 60
    for download in (first, second):
        assert 0.2e6 <= download["goodput_bps"] <= 4e6
    assert outcome["counters"]["competing_bytes"] > 4e6


def test_a_tariff_holds_for_everything(staged: Staged) -> None:
    """500 kbit/s under any name, and an idle line keeps its RTT."""
    rules = '[[innocents]]\nkind = "tariff"\nrate_bps = [5e5, 5e5]\n'
    commands = [["rtt", VIDEO, "443", "5"], fetch("video", 3), fetch("news", 3)]
    rtt, first, second = staged(rules, commands)["results"]
    assert rtt["median_ms"] <= 33
    for download in (first, second):
        assert 300_000 <= download["goodput_bps"] <= 500_000


def test_a_compressed_evening_has_its_hours(staged: Staged) -> None:
    """At an hour a second, from 17:00 on: fine, reset from 20:00, fine again after 22:00."""
    rules = censor("sni.reset", from_local="20:00", to_local="22:00")
    wait = ["raw", "sleep", "0.5"]
    outcome = staged(
        rules, [handshake("video"), *[wait, handshake("video")] * 12], minute=17 * 60, speed=3600
    )
    seen = [r["outcome"] for r in outcome["results"] if isinstance(r, dict)]
    changes = [a for a, b in zip(seen, [*seen[1:], None], strict=True) if a != b]
    assert changes == ["ok", "ConnectionResetError", "ok"]
