"""The lab's servers, asked by clients that nobody here wrote: curl, openssl, dnspython."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable

import dns.resolver
import pytest

from evenfall.lab.world_process import running_world, world_command
from evenfall.model.errors import LabError

Find = Callable[[str], str]


def curl(find: Find, world, url: str, at: str, *more: str) -> dict[str, object]:
    """What curl says about one request; `exit` is its status."""
    done = subprocess.run(
        [find("curl"), "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{json}",
         "--cacert", str(world.authority), "--connect-to", f"::{at}", *more, url],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {**json.loads(done.stdout), "exit": done.returncode}


def test_origins_serve_their_own_content_over_valid_tls(world, foreign_tool: Find) -> None:
    """Curl trusts the run's authority and gets 1 MiB from every role, over HTTPS and HTTP."""
    for role in ("social", "messenger", "encyclopedia"):
        host = world.drawn.hosts[role]
        for scheme, at in (("https", world.places.https(role)), ("http", world.places.http(role))):
            said = curl(foreign_tool, world, f"{scheme}://{host}:{at.port}/1M.bin", str(at))
            assert (said["exit"], said["http_code"], said["size_download"]) == (0, 200, 1 << 20)


def test_a_certificate_covers_its_own_host_alone(world, foreign_tool: Find) -> None:
    """The wrong server under a right name is curl's error 60, as on the real net."""
    host = world.drawn.hosts["social"]
    at = world.places.https("news")
    said = curl(foreign_tool, world, f"https://{host}:{at.port}/", str(at))
    assert said["exit"] == 60


def test_any_name_is_answered_with_a_handshake(world, foreign_tool: Find) -> None:
    """Openssl with a stranger's server name completes and is shown the origin's certificate."""
    at = world.places.https("news")
    done = subprocess.run(
        [foreign_tool("openssl"), "s_client", "-connect", str(at), "-servername", "other.test",
         "-CAfile", str(world.authority)],
        input=b"", capture_output=True, check=False, timeout=10,
    )  # fmt: skip
    text = done.stdout.decode()
    assert f"subject=CN={world.drawn.hosts['news']}" in text.replace(" = ", "=")
    assert "Verify return code: 0 (ok)" in text


def test_certificates_are_valid_from_a_day_before(world, foreign_tool: Find) -> None:
    """Openssl reads the authority's dates: a day ago, and 30 days from now."""
    for seconds, expired in ((29 * 86_400, False), (31 * 86_400, True)):
        done = subprocess.run(
            [foreign_tool("openssl"), "x509", "-in", str(world.authority), "-noout",
             "-checkend", str(seconds)],
            capture_output=True, check=False,
        )  # fmt: skip
        assert (done.returncode != 0) is expired
    done = subprocess.run(
        [foreign_tool("openssl"), "x509", "-in", str(world.authority), "-noout", "-startdate"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    started = time.mktime(time.strptime(done.stdout.strip()[10:], "%b %d %H:%M:%S %Y GMT"))
    age_s = time.mktime(time.gmtime()) - started
    assert 86_400 <= age_s < 86_400 + 600


def test_bodies_do_not_compress_and_differ_by_host(world, foreign_tool: Find) -> None:
    """Gzip gains nothing on a body, and two roles' bodies are alike in kind only."""
    bodies = []
    for role in ("social", "news"):
        url = f"http://{world.places.http(role)}/1M.bin"
        done = subprocess.run([foreign_tool("curl"), "-sS", url], capture_output=True, check=True)
        bodies.append(done.stdout)
    assert all(len(gzip.compress(body)) >= len(body) for body in bodies)
    assert bodies[0] != bodies[1]


def test_front_page_missing_page_and_head(world, foreign_tool: Find) -> None:
    """`/` is HTML with a title; another path is 404; HEAD has no body; POST is refused."""
    at = world.places.http("news")
    url = f"http://{at}/"
    done = subprocess.run([foreign_tool("curl"), "-sS", url], capture_output=True, check=True)
    assert b"<title>" in done.stdout
    assert curl(foreign_tool, world, f"{url}none", str(at))["http_code"] == 404
    said = curl(foreign_tool, world, f"{url}1M.bin", str(at), "--head")
    assert (said["http_code"], said["size_download"]) == (200, 0)
    assert curl(foreign_tool, world, url, str(at), "-d", "x")["http_code"] == 405


def test_a_slow_server_shares_its_rate_over_all_connections(world, foreign_tool: Find) -> None:
    """Two downloads at once, HTTPS and HTTP, get 800 kbit/s together, not each."""
    host = world.drawn.hosts["video"]

    def command(scheme: str, at: object, port: int) -> list[str]:
        return [
            foreign_tool("curl"), "-s", "-m", "3", "-o", "/dev/null", "-w", "%{size_download}",
            "--cacert", str(world.authority), "--connect-to", f"::{at}",
            f"{scheme}://{host}:{port}/1M.bin",
        ]  # fmt: skip

    ports = {"https": world.places.https("video"), "http": world.places.http("video")}
    commands = [command(scheme, at, at.port) for scheme, at in ports.items()]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for command in commands]
    sizes = [int(process.communicate(timeout=10)[0]) for process in running]
    assert sum(sizes) == pytest.approx(300_000, rel=0.15)
    assert min(sizes) > 0.3 * max(sizes)


def test_block_page_over_http_and_untrusted_https(world, foreign_tool: Find) -> None:
    """The block page answers any path; over HTTPS nobody vouches for it (curl's error 60)."""
    http = f"{world.places.block_page}:{world.places.http_port}"
    done = subprocess.run(
        [foreign_tool("curl"), "-sS", f"http://{http}/any/where?x=1"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert b"Access restricted" in done.stdout
    https = f"{world.places.block_page}:{world.places.https_port}"
    said = curl(foreign_tool, world, f"https://{world.drawn.hosts['news']}/", https)
    assert said["exit"] == 60


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_resolvers_answer_a_foreign_stub(world, tcp: bool) -> None:
    """Dnspython's resolver: A records, no AAAA, NXDOMAIN for strangers; over UDP and TCP."""
    for where in (world.places.resolver, world.places.public_resolver):
        stub = dns.resolver.Resolver(configure=False)
        stub.nameservers, stub.port = [where.address], where.port
        host = world.drawn.hosts["news"]
        found = stub.resolve(host.upper(), "A", tcp=tcp, search=False)
        assert [record.address for record in found] == [world.places.origins["news"]]
        with pytest.raises(dns.resolver.NoAnswer):
            stub.resolve(host, "AAAA", tcp=tcp, search=False)
        with pytest.raises(dns.resolver.NXDOMAIN):
            stub.resolve("stranger.test", "A", tcp=tcp, search=False)


def test_measurement_server_shows_the_pinned_key(world, foreign_tool: Find) -> None:
    """Openssl reads the server's public key; its digest is the pin of the target file."""
    shown = subprocess.run(
        [foreign_tool("openssl"), "s_client", "-connect", str(world.places.measurement),
         "-servername", world.drawn.hosts["video"]],
        input=b"", capture_output=True, check=False, timeout=10,
    )  # fmt: skip
    key = subprocess.run(
        [foreign_tool("openssl"), "x509", "-pubkey", "-noout"],
        input=shown.stdout, capture_output=True, check=True,
    )  # fmt: skip
    der = base64.b64decode(b"".join(key.stdout.splitlines()[1:-1]))
    assert world.pin == "sha256/" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def test_flood_sends_without_end(world) -> None:
    """Whoever connects to the flood server is sent more than any page has."""
    wanted, got = 4 << 20, 0
    where = (world.places.flood.address, world.places.flood.port)
    with socket.create_connection(where, timeout=20) as connection:
        while got <= wanted and (piece := connection.recv(1 << 16)):
            got += len(piece)
    assert got > wanted


@pytest.mark.parametrize("how", ["stdin", "sigterm"])
def test_the_world_leaves_when_its_parent_does(made_world, how: str) -> None:
    """Standard input closes (also after kill -9 of the parent), or SIGTERM: it is gone."""
    process = subprocess.Popen(
        world_command(made_world.plan), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"ready\n"
    if how == "stdin":
        process.stdin.close()
    else:
        process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    process.stdout.close()
    process.stdin.close()


def test_a_taken_address_is_one_clear_message(made_world) -> None:
    """A second world on the same addresses says so, without a traceback."""
    with (
        running_world(made_world.plan),
        pytest.raises(LabError, match="free addresses"),
        running_world(made_world.plan),
    ):
        raise AssertionError("two worlds at one place")
    assert b"Traceback" not in made_world.plan.with_name("world.log").read_bytes()
