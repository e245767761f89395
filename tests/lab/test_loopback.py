"""The loopback line and censor, felt by curl and dnspython from where the client sits."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time

import dns.resolver
import pytest

from evenfall.lab.black_hole import BlackHole
from evenfall.lab.loopback import LoopbackBackend, _plot
from evenfall.lab.plan import Endpoint
from evenfall.lab.run import run_command
from evenfall.lab.scenario import CensorRule, Innocent
from evenfall.model.errors import LabError

_OK, _RESET, _TIMEOUT = 0, 35, 28  # curl's exit statuses


@pytest.fixture
def curl(tmp_path, foreign_tool):
    """`curl(stage, drawn, role, seconds)`: what curl says of one download in there."""

    def ask(stage, drawn, role: str, *, seconds: float = 10) -> dict[str, float]:
        command = [
            foreign_tool("curl"), "-s", "-m", str(seconds), "-o", str(tmp_path / "body"),
            "-w", "%{json}", "--cacert", "{ca}",
            "--connect-to", f"::{{endpoint:{role}}}", f"{{url:{role}}}",
        ]  # fmt: skip
        with (tmp_path / "said.json").open("w+b") as said:
            status = run_command(stage, drawn, command, timeout_s=30, stdout=said)
            said.seek(0)
            return {**json.loads(said.read()), "exit": status}

    return ask


def test_a_clean_line_has_the_rate_that_was_drawn(staging, scenario_of, curl) -> None:
    """1 MiB over 40 Mbit/s and 20 ms takes the time of its bits and a few round trips."""
    with staging(scenario_of()) as (stage, drawn):
        for role in ("video", "messenger"):
            said = curl(stage, drawn, role)
            assert (said["exit"], said["http_code"]) == (_OK, 200)
            bits_s = (1 << 20) * 8 / 40e6
            assert bits_s < said["time_total"] < bits_s + 0.15


def test_the_line_delays_by_the_round_trip(staging, scenario_of, curl) -> None:
    """A handshake and a first byte each wait for the round trip; connect() does not (limits)."""
    with staging(scenario_of()) as (stage, drawn):
        said = curl(stage, drawn, "news")
        assert said["time_connect"] < 0.015
        assert 0.02 <= said["time_appconnect"] - said["time_connect"] < 0.05
        assert 0.02 <= said["time_starttransfer"] - said["time_appconnect"] < 0.05


def test_a_policer_passes_its_burst_and_then_its_rate(staging, scenario_of, curl) -> None:
    """128 kbit/s with 16 kB of burst, for the named service alone."""
    rule = CensorRule(action="sni.police", services=("video",))
    with staging(scenario_of(rule)) as (stage, drawn):
        said = curl(stage, drawn, "video", seconds=4)
        assert said["exit"] == _TIMEOUT
        # curl counts whole TLS records of 16 KiB
        assert 16_000 + 4 * 16_000 - 17_000 < said["size_download"] < 16_000 + 4 * 16_000 + 2_000
        assert curl(stage, drawn, "social")["exit"] == _OK


def test_a_shaper_has_no_burst(staging, scenario_of, curl) -> None:
    """The same rate from the first byte on."""
    rule = CensorRule(action="sni.shape", services=("video",))
    with staging(scenario_of(rule)) as (stage, drawn):
        said = curl(stage, drawn, "video", seconds=2)
        # one whole record of 16 KiB fits into 2 s at the rate alone; with a burst it would be two
        assert said["size_download"] == 16_384


def test_the_limiter_follows_the_name_not_the_address(staging, scenario_of, foreign_tool) -> None:
    """At the measurement server's address the target's name is slow, another name is not."""
    rule = CensorRule(action="sni.reset", services=("video",))
    with staging(scenario_of(rule)) as (stage, drawn):
        outcomes = {}
        for role in ("video", "news"):
            done = subprocess.run(
                [foreign_tool("openssl"), "s_client", "-connect", str(stage.seen.measurement),
                 "-servername", drawn.hosts[role]],
                input=b"", capture_output=True, check=False, timeout=10,
            )  # fmt: skip
            outcomes[role] = b"BEGIN CERTIFICATE" in done.stdout
        assert outcomes == {"video": False, "news": True}


def test_reset_is_a_reset_and_drop_is_silence(staging, scenario_of, curl) -> None:
    """Curl sees ECONNRESET after the hello of one name, and nothing at all after another's."""
    reset = CensorRule(action="sni.reset", services=("video",))
    drop = CensorRule(action="sni.drop", services=("social",))
    with staging(scenario_of(reset, drop)) as (stage, drawn):
        assert curl(stage, drawn, "video")["exit"] == _RESET
        said = curl(stage, drawn, "social", seconds=2)
        assert said["exit"] == _TIMEOUT
        assert (said["num_connects"], said["time_appconnect"]) == (1, 0)


def test_a_dropped_address_does_not_answer_a_syn(staging, scenario_of, curl) -> None:
    """The connection is never made; other addresses are fine."""
    rule = CensorRule(action="ip.drop", services=("video",))
    with staging(scenario_of(rule)) as (stage, drawn):
        said = curl(stage, drawn, "video", seconds=4)
        assert (said["exit"], said["num_connects"]) == (_TIMEOUT, 0)
        assert curl(stage, drawn, "social")["exit"] == _OK


def test_a_block_page_comes_instead_of_the_body(staging, scenario_of, curl, tmp_path) -> None:
    """Plain HTTP with the host in question; the same host over TLS is let through."""
    rule = CensorRule(action="http.blockpage", services=("messenger",))
    with staging(scenario_of(rule)) as (stage, drawn):
        assert curl(stage, drawn, "messenger")["http_code"] == 200
        assert b"Access restricted" in (tmp_path / "body").read_bytes()


@pytest.mark.parametrize(
    ("censored", "role", "is_blocked"),
    [(True, "messenger", True), (True, "news", False), (False, "messenger", False)],
)
def test_the_block_page_comes_before_our_own_server_too(
    staging, scenario_of, foreign_tool, tmp_path, censored, role, is_blocked
) -> None:
    """By the Host in question a page at its port; by another, and in a clean world, its own."""
    token = "0123456789abcdef" * 2
    rule = CensorRule(action="http.blockpage", services=("messenger",))
    with (
        staging(scenario_of(*[rule] * censored)) as (stage, drawn),
        (tmp_path / "said").open("w+b") as said,
    ):
        command = [
            foreign_tool("curl"), "-s", "-m", "5", "-H", f"Host: {drawn.hosts[role]}:80",
            f"http://{stage.seen.measurement}/plain/{token}",
        ]  # fmt: skip
        assert run_command(stage, drawn, command, timeout_s=30, stdout=said) == _OK
        said.seek(0)
        body = said.read().decode()
    assert ("Access restricted" in body, token in body) == (is_blocked, not is_blocked)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_only_the_isps_resolver_lies_and_only_about_one_name(staging, scenario_of, tcp) -> None:
    """Dnspython asks both resolvers for both names."""
    rule = CensorRule(action="dns.lie", services=("social",))
    with staging(scenario_of(rule)) as (stage, drawn):

        def ask(where: Endpoint, role: str) -> str:
            stub = dns.resolver.Resolver(configure=False)
            stub.nameservers, stub.port = [where.address], where.port
            return stub.resolve(drawn.hosts[role], "A", tcp=tcp, search=False)[0].address

        seen = stage.seen
        assert ask(seen.resolver, "social") == seen.block_page
        assert ask(seen.resolver, "video") == seen.origins["video"]
        assert ask(seen.public_resolver, "social") == seen.origins["social"]


def test_a_crowd_leaves_a_share(staging, scenario_of, curl) -> None:
    """Nine competing flows on 8 Mbit/s leave one flow about a tenth to a quarter, for any name."""
    crowd = Innocent(kind="congestion", rate_bps=(8e6, 8e6), flows=9)
    with staging(scenario_of(innocents=(crowd,))) as (stage, drawn):
        for role in ("video", "news"):
            said = curl(stage, drawn, role, seconds=4)
            assert 0.4e6 < said["speed_download"] * 8 < 2.2e6


def test_a_tariff_holds_for_all_together(staging, scenario_of, curl) -> None:
    """400 kbit/s, whoever is asked."""
    tariff = Innocent(kind="tariff", rate_bps=(400_000, 400_000))
    with staging(scenario_of(innocents=(tariff,))) as (stage, drawn):
        said = curl(stage, drawn, "news", seconds=4)
        assert said["size_download"] == pytest.approx(4 * 50_000 + 16_000, rel=0.15)


def test_hours_begin_and_end_while_it_stands(staging, scenario_of, curl) -> None:
    """At 600 times the pace, an hour of blocking at 20:00 passes in six seconds."""
    rules = (
        CensorRule(action="sni.reset", services=("video",), from_local="20:00", to_local="21:00"),
        CensorRule(action="ip.drop", services=("social",), from_local="20:00", to_local="21:00"),
    )
    with staging(scenario_of(*rules), at_minutes=19 * 60 + 50, speed=600) as (stage, drawn):
        begun_s = time.monotonic()
        assert curl(stage, drawn, "video", seconds=0.6)["exit"] == _OK
        time.sleep(max(0.0, begun_s + 2 - time.monotonic()))
        assert curl(stage, drawn, "video", seconds=1)["exit"] == _RESET
        assert curl(stage, drawn, "social", seconds=1)["exit"] == _TIMEOUT
        time.sleep(max(0.0, begun_s + 8 - time.monotonic()))
        assert curl(stage, drawn, "video")["exit"] == _OK
        assert curl(stage, drawn, "social")["exit"] == _OK


def test_what_needs_packets_is_refused(staging, scenario_of) -> None:
    """A share of dropped SYNs cannot be emulated, and the message says where it can."""
    rule = CensorRule(action="ip.drop", services=("video",), share=0.5)
    with pytest.raises(LabError, match="netns"), staging(scenario_of(rule)):
        raise AssertionError("it was staged")


def test_nothing_is_left_behind(staging, scenario_of) -> None:
    """Addresses are free again, and two runs at once have different ones."""
    with staging(scenario_of()) as (stage, _), _plot() as other:
        places = stage.seen
        assert not places.block_page.startswith(f"127.{other}.")
    for endpoint in (places.https("video"), places.measurement, places.resolver):
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind((endpoint.address, endpoint.port))


def test_a_black_hole_keeps_ignoring() -> None:
    """Several clients in a row time out; once it is closed the address refuses."""
    with socket.socket() as chooser:
        chooser.bind(("127.0.0.1", 0))
        port = chooser.getsockname()[1]
    hole = BlackHole(Endpoint("127.0.0.1", port))
    with contextlib.closing(hole):
        for _ in range(3):
            with pytest.raises(TimeoutError):
                socket.create_connection(("127.0.0.1", port), timeout=0.3)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=0.3)


def test_it_says_what_it_emulates() -> None:
    """Nothing that the client's own TCP would have to feel."""
    backend = LoopbackBackend()
    assert backend.emulates == {"dns", "tls", "http", "goodput", "tcp_drop", "quic"}
    assert backend.unavailable() is None
