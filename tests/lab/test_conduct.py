"""Servers that are down, abroad, a portal or ahead in time, as curl and dnspython see them.

Each has its twin beside it: another role of the same world that does its work.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.exception
import dns.resolver
import pytest

from evenfall.lab.loopback import _plot, places
from evenfall.lab.plan import DOH_PATH, Endpoint, Places
from evenfall.lab.prepare import Prepared, prepare_world
from evenfall.lab.scenario import Drawn, Innocent, draw
from evenfall.lab.world_process import running_world

Find = Callable[[str], str]
World = tuple[Drawn, Places, Prepared]

REFUSED, TIMED_OUT, UNTRUSTED = 7, 28, 60  # curl's statuses


@contextlib.contextmanager
def a_world(folder: Path, scenario) -> Iterator[World]:
    """Servers of a scenario without a line before them."""
    with _plot() as plot:
        here = places(plot, side=1)
        drawn = draw(scenario, 5)
        now = dt.datetime.now(dt.UTC)
        made = prepare_world(folder, drawn, served=here, seen=here, now=now)
        with running_world(made.plan):
            yield drawn, here, made


@pytest.fixture(scope="module")
def ill(tmp_path_factory, scenario_of) -> Iterator[World]:
    """`video` refuses, `social` is silent, `messenger` out of order, `news` refuses strangers."""
    innocents = (
        Innocent(kind="site_down", services=("video",), how="refuse"),
        Innocent(kind="site_down", services=("social",), how="silent"),
        Innocent(kind="site_down", services=("messenger",), how="error"),
        Innocent(kind="geo_refusal", services=("news",)),
        Innocent(kind="quic_closed"),
    )
    with a_world(tmp_path_factory.mktemp("ill"), scenario_of(innocents=innocents)) as world:
        yield world


@pytest.fixture(scope="module")
def portal(tmp_path_factory, scenario_of) -> Iterator[World]:
    """A hotel."""
    innocents = (Innocent(kind="captive_portal"),)
    with a_world(tmp_path_factory.mktemp("portal"), scenario_of(innocents=innocents)) as world:
        yield world


@pytest.fixture(scope="module")
def ahead(tmp_path_factory, scenario_of) -> Iterator[World]:
    """Clocks 400 days ahead; the ISP's resolver and the measurement server are dead."""
    innocents = (
        Innocent(kind="clock_off", offset_s=400 * 86_400),
        Innocent(kind="no_dns", resolvers=("isp",)),
        Innocent(kind="server_dead", how="refuse"),
    )
    with a_world(tmp_path_factory.mktemp("ahead"), scenario_of(innocents=innocents)) as world:
        yield world


def curl(find: Find, world: World, url: str, at: Endpoint, *more: str) -> tuple[int, str, bytes]:
    """Exit status, HTTP status, and head with body."""
    done = subprocess.run(
        [find("curl"), "-sS", "-i", "-m", "2", "-w", "\n%{http_code}", "--cacert",
         str(world[2].authority), "--connect-to", f"::{at}", *more, url],
        capture_output=True, check=False,
    )  # fmt: skip
    body, _, status = done.stdout.rpartition(b"\n")
    return done.returncode, status.decode(), body


def ask(find: Find, world: World, role: str, scheme: str = "https") -> tuple[int, str, bytes]:
    """A role's front page."""
    drawn, here, _ = world
    at = here.https(role) if scheme == "https" else here.http(role)
    return curl(find, world, f"{scheme}://{drawn.hosts[role]}:{at.port}/", at)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_refused_silent_out_of_order_and_well(ill, foreign_tool: Find, scheme: str) -> None:
    """RST, nothing, 503 with a valid certificate, and a twin that serves."""
    assert ask(foreign_tool, ill, "video", scheme)[0] == REFUSED
    assert ask(foreign_tool, ill, "social", scheme)[0] == TIMED_OUT
    assert ask(foreign_tool, ill, "messenger", scheme)[:2] == (0, "503")
    assert ask(foreign_tool, ill, "software", scheme)[:2] == (0, "200")


def test_a_site_that_does_not_serve_us_says_so_under_its_own_certificate(
    ill, foreign_tool: Find
) -> None:
    """451 (RFC 7725) to a stranger; its page to whoever sits beside it."""
    drawn, here, _ = ill
    assert ask(foreign_tool, ill, "news")[:2] == (0, "451")
    at = here.https("news")
    url = f"https://{drawn.hosts['news']}:{at.port}/"
    beside = curl(foreign_tool, ill, url, at, "--interface", at.address)
    assert beside[:2] == (0, "200")


def test_the_messengers_protocol_goes_with_its_machine(ill) -> None:
    """Refused where the site is out of order."""
    where = ill[1].mtproto
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((where.address, where.port), timeout=2)


def test_udp_443_is_deaf_and_announced(ill, foreign_tool: Find) -> None:
    """A datagram is neither answered nor refused; Alt-Svc is there all the same."""
    _, here, _ = ill
    assert b"Alt-Svc: h3=" in ask(foreign_tool, ill, "software")[2]
    at = here.https("software")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((at.address, at.port))
        sock.settimeout(0.3)
        sock.send(bytes(1200))
        with pytest.raises(TimeoutError):  # a closed port would be ConnectionRefusedError
            sock.recv(1)


def test_the_portal_answers_for_everybody(portal, foreign_tool: Find) -> None:
    """Every name leads to it, every page is sent on, every certificate is nobody's."""
    drawn, here, _ = portal
    for where in (here.resolver, here.public_resolver):
        for name in (drawn.hosts["video"], "anything.example"):
            found = asked_stub(where, name)
            assert [record.address for record in found] == [here.block_page]
    status, code, said = ask(foreign_tool, portal, "video", "http")
    login = f"http://{here.block_page}:{here.http_port}/login"
    assert (status, code) == (0, "302")
    assert f"Location: {login}".encode() in said
    for at in (here.https("video"), here.measurement, here.doh, Endpoint(here.block_page, 44_443)):
        assert curl(foreign_tool, portal, f"https://{drawn.hosts['video']}/", at)[0] == UNTRUSTED
    shown = curl(foreign_tool, portal, login, Endpoint(here.block_page, here.http_port))
    assert shown[:2] == (0, "200")
    assert b"Sign in" in shown[2]


def asked_stub(where: Endpoint, name: str) -> dns.resolver.Answer:
    """Dnspython's stub resolver, 0.5 s."""
    stub = dns.resolver.Resolver(configure=False)
    stub.nameservers, stub.port = [where.address], where.port
    return stub.resolve(name, "A", search=False, lifetime=0.5)


def test_a_silent_resolver_beside_one_that_answers(ahead) -> None:
    """The ISP's gives nothing over UDP and TCP, the public one does."""
    drawn, here, _ = ahead
    host = drawn.hosts["news"]
    with pytest.raises(dns.exception.Timeout):
        asked_stub(here.resolver, host)
    with pytest.raises(TimeoutError):
        socket.create_connection((here.resolver.address, here.resolver.port), timeout=0.3)
    assert asked_stub(here.public_resolver, host)[0].address == here.origins["news"]


def test_a_world_ahead_in_time(ahead, foreign_tool: Find) -> None:
    """Curl finds the certificate not yet valid; `Date` is as far ahead; DoH likewise."""
    drawn, here, _ = ahead
    assert ask(foreign_tool, ahead, "news")[0] == UNTRUSTED
    _, code, said = ask(foreign_tool, ahead, "news", "http")
    assert code == "200"
    date = next(line for line in said.decode().splitlines() if line.startswith("Date: "))
    off = email.utils.parsedate_to_datetime(date[6:]) - dt.datetime.now(dt.UTC)
    assert abs(off.total_seconds() - 400 * 86_400) < 10
    url = f"https://{here.doh}{DOH_PATH}"
    assert curl(foreign_tool, ahead, url, here.doh)[0] == UNTRUSTED
    assert drawn.hosts["news"]


def test_a_dead_measurement_server_refuses_at_both_addresses(ahead, ill) -> None:
    """And its twin in another world accepts at both, with one key."""
    for world, alive in ((ahead, False), (ill, True)):
        for where in (world[1].measurement, world[1].second_measurement):
            place = (where.address, where.port)
            if alive:
                socket.create_connection(place, timeout=2).close()
                continue
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(place, timeout=2)


def test_both_addresses_of_the_measurement_server_show_one_key(ill, foreign_tool: Find) -> None:
    """Openssl reads the same certificate at either."""
    shown = {
        subprocess.run(
            [foreign_tool("openssl"), "s_client", "-connect", str(where)],
            input=b"", capture_output=True, check=False, timeout=10,
        ).stdout.split(b"-----BEGIN CERTIFICATE-----")[1].split(b"-----END")[0]
        for where in (ill[1].measurement, ill[1].second_measurement)
    }  # fmt: skip
    assert len(shown) == 1
