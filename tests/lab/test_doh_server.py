"""The lab's DoH server, asked by curl, in both versions of HTTP."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import dns.message
import pytest

from evenfall.lab.plan import DOH_PATH

Find = Callable[[str], str]


def curl(find: Find, *words: str) -> tuple[dict[str, object], bytes]:
    """What curl says about a request (`exit` is its status), and the body."""
    command = [find("curl"), "-sS", "-m", "10", "-w", "\n%{json}", *words]
    done = subprocess.run(command, capture_output=True, check=False)
    body, _, said = done.stdout.rpartition(b"\n")
    return {**json.loads(said), "exit": done.returncode}, body


def test_curl_resolves_by_our_doh(world, foreign_tool: Find) -> None:
    """Curl finds a host by DoH alone, fetches its page there, and does not find a stranger's."""
    host, port = world.drawn.hosts["news"], world.places.https_port
    doh = f"https://{world.places.doh}{DOH_PATH}"
    trust = ("--cacert", str(world.authority), "--doh-url", doh)
    said, body = curl(foreign_tool, *trust, f"https://{host}:{port}/")
    assert (said["exit"], said["remote_ip"]) == (0, world.places.origins["news"])
    assert host.encode() in body
    said, _ = curl(foreign_tool, *trust, f"https://stranger.test:{port}/")
    assert said["exit"] == 6  # could not resolve


@pytest.mark.parametrize("version", ["--http2", "--http1.1"])
def test_doh_speaks_both_versions(world, foreign_tool: Find, tmp_path: Path, version: str) -> None:
    """POST in either version of HTTP gives a DNS answer that dnspython reads."""
    host = world.drawn.hosts["video"]
    (tmp_path / "query").write_bytes(dns.message.make_query(host, "A").to_wire())
    said, body = curl(
        foreign_tool, version, "--cacert", str(world.authority),
        "-H", "content-type: application/dns-message",
        "--data-binary", f"@{tmp_path / 'query'}", f"https://{world.places.doh}{DOH_PATH}",
    )  # fmt: skip
    assert said["http_version"] == {"--http2": "2", "--http1.1": "1.1"}[version]
    assert said["content_type"] == "application/dns-message"
    answer = dns.message.from_wire(body).answer
    assert [record.address for record in answer[0]] == [world.places.origins["video"]]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ((DOH_PATH,), 400),
        ((f"{DOH_PATH}?dns=!!!",), 400),
        ((f"{DOH_PATH}?dns=AAAA",), 400),
        (("/other",), 404),
        ((DOH_PATH, "-d", "x"), 415),
        ((DOH_PATH, "-X", "PUT"), 405),
    ],
)
def test_doh_refuses_what_is_no_question(
    world, foreign_tool: Find, words: tuple[str, ...], status: int
) -> None:
    """Each in both versions: a status, and the server goes on."""
    for version in ("--http2", "--http1.1"):
        path, *more = words
        url = f"https://{world.places.doh}{path}"
        said, _ = curl(foreign_tool, version, "--cacert", str(world.authority), *more, url)
        assert (said["exit"], said["http_code"]) == (0, status)


def test_dohs_certificate_covers_its_address_alone(world, foreign_tool: Find) -> None:
    """The same server under another address is curl's error 60."""
    where = world.places.doh
    said, _ = curl(
        foreign_tool, "--cacert", str(world.authority),
        "--connect-to", f"::{where}", f"https://127.0.0.9:{where.port}{DOH_PATH}",
    )  # fmt: skip
    assert said["exit"] == 60
