"""The outside view within a check: whom it asks about, and what it pays."""

from __future__ import annotations

import asyncio
import secrets
import types

import pytest

from evenfall.measure.round import Round
from evenfall.measure.transfer import PairServer
from evenfall.model.target import MeasurementServer, Target
from evenfall.model.vocabulary import Fact, Role
from evenfall.net.clock import ManualClock
from evenfall.net.fake import FakeNetwork, Host, Line
from evenfall.probe.budget import Budget
from evenfall.probe.outside import look_from_outside
from evenfall.server.allow_list import AllowList
from evenfall.server.identity import Signer, load_or_create, tls_context
from evenfall.server.limits import Gate, Limits
from evenfall.server.outside import Lookout
from evenfall.server.outside_look import LookPolicy
from evenfall.server.recorder import Results
from evenfall.server.session import Session as ServerSession

PLACES = [("198.51.100.80", 8443), ("198.51.100.81", 8443)]


class World:
    """Two servers of ours, each with an outlook of its own; nothing else answers."""

    def __init__(self, identity, *, hosts=(("video.example",), ("video.example", "b.example"))):
        self.clock = ManualClock()
        self.network = FakeNetwork(self.clock)
        self.outside = FakeNetwork(self.clock)
        self.outside.names["video.example", 4] = ("93.184.215.14",)
        self.outside.names["b.example", 4] = ("93.184.215.15",)
        self.identity = identity
        for place, listed in zip(PLACES, hosts, strict=True):
            self.network.at[place] = Host(
                peer=self._server(listed), line=Line(rtt_s=0.05, rate_bps=5e6)
            )
        self.servers = [
            (
                MeasurementServer(url=f"https://{a}:{p}", pin=identity.pin, neutral="n.example"),
                PairServer(address=a, port=p, pin=identity.pin),
            )
            for a, p in PLACES
        ]
        self.kept = []
        self.told = []
        self.session = types.SimpleNamespace(
            network=self.network,
            round_=Round("r", self.clock),
            budget=Budget(400_000),
            observations=self.kept,
            is_test_network=False,
            left_s=lambda: 60.0,
            keep=self._keep,
            emit=self.told.append,
        )

    def look(self, *urls, until_s=20.0):
        targets = [
            Target(target_id=f"site/{i}", url=url, role=Role.TARGET) for i, url in enumerate(urls)
        ]
        until_s += self.clock.monotonic_s()
        asyncio.run(look_from_outside(self.session, self.servers, targets, until_s=until_s))
        return [o for o in self.kept if o.fact is Fact.OUTSIDE_VIEW]

    def _keep(self, *observations):
        for seen in observations:
            self.kept.append(seen)
            self.session.budget.spend(seen.wire_bytes or 0)

    def _server(self, listed):
        limits = Limits()
        gate = Gate(limits, self.clock)
        hosts = AllowList(hosts=dict.fromkeys(listed, frozenset()))
        lookout = Lookout(
            self.outside, LookPolicy(hosts=hosts), Signer(self.identity), limits, gate
        )

        async def serve(stream):
            session = ServerSession(
                stream, address="192.0.2.7", context=tls_context(self.identity), limits=limits,
                gate=gate, results=Results(self.clock, kept_s=60, count_max=8), clock=self.clock,
                block=b"", lookout=lookout,
            )  # fmt: skip
            await session.run()

        return serve


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """The servers' key."""
    return load_or_create(tmp_path_factory.mktemp("state") / "s")


@pytest.fixture
def world(identity):
    """A fresh world."""
    return World(identity)


def test_a_dead_site_is_seen_dead_from_outside(world):
    """Innocent: the view and its facts are kept, paid for, and nothing stays reserved."""
    views = world.look("https://video.example/")
    assert [o.failure for o in views] == [None]
    connects = [o for o in world.kept if o.fact is Fact.TCP_CONNECT]
    assert [(o.failure, o.seen_by) for o in connects] == [("generic_timeout_error", "server")]
    assert 1_500 < world.session.budget.spent_bytes < 12_000
    assert world.session.budget.left_bytes == 400_000 - world.session.budget.spent_bytes
    assert (world.told[-1].done, world.told[-1].total) == (1, 1)


def test_what_one_server_may_not_look_at_the_next_is_asked(world):
    """Innocent: two operators, two lists."""
    views = world.look("https://b.example/", "https://video.example/")
    assert [(o.target, o.address, o.failure) for o in views] == [
        ("site/0", "198.51.100.80", "refused_by_server: not_listed"),
        ("site/1", "198.51.100.80", None),
        ("site/0", "198.51.100.81", None),
    ]


SITE = Target(target_id="site/0", url="https://video.example/", role=Role.TARGET)


def seen_here(world, fact, address, **fields):
    """One thing that the line saw of the site."""
    round_ = world.session.round_
    world.kept.append(
        round_.observe(fact, SITE, round_.now(), host="video.example", address=address, **fields)
    )


def asked(world, monkeypatch, url="https://video.example/"):
    """The question as it leaves this machine."""
    questions = []

    async def look(network, place, round_, wanted, **_):
        questions.extend(wanted)
        return ()

    monkeypatch.setattr("evenfall.probe.outside.look", look)
    world.look(url)
    return questions[0]


def test_only_where_it_failed_is_told(world, monkeypatch):
    """Not what a resolver merely gave, nor where it went well, nor where a neutral name failed."""
    round_ = world.session.round_
    world.kept.append(
        round_.observe(
            Fact.DNS_LOOKUP, SITE, round_.now(), host="video.example", resolver="system",
            answers=("93.184.215.99", "93.184.215.14"),
        )
    )  # fmt: skip
    seen_here(world, Fact.TCP_CONNECT, "93.184.215.14")
    seen_here(world, Fact.TLS_HANDSHAKE, "93.184.215.14", sni="n.example", failure="eof_error")
    seen_here(world, Fact.TCP_CONNECT, "93.184.215.15")
    reset = {"sni": "video.example", "failure": "connection_reset"}
    seen_here(world, Fact.TLS_HANDSHAKE, "93.184.215.15", **reset)
    assert asked(world, monkeypatch).addresses == ("93.184.215.15",)


def test_a_page_in_doubt_is_asked_about_where_it_came_from(world, monkeypatch):
    """Innocent: it is slow, and failed nowhere; the server tries that very address."""
    seen_here(world, Fact.TCP_CONNECT, "93.184.215.99")
    seen_here(world, Fact.TCP_CONNECT, "93.184.215.98")
    assert asked(world, monkeypatch).addresses == ("93.184.215.99",)


def test_an_address_that_failed_is_tried_there(world):
    """Innocent: it travels along to the server, which looks there too."""
    seen_here(world, Fact.TCP_CONNECT, "93.184.215.99", failure="generic_timeout_error")
    world.look("https://video.example/")
    tried = {address for address, _ in world.outside.connects}
    assert tried == {"93.184.215.14", "93.184.215.99"}


@pytest.mark.parametrize("private", ["192.168.1.1", "10.0.0.7", "100.64.3.2", "fd00::1"])
def test_a_private_address_stays_at_home(world, monkeypatch, private):
    """It may be of somebody's home, or tell whose network it is; in a lab it is what is wanted."""
    seen_here(world, Fact.TCP_CONNECT, private, failure="generic_timeout_error")
    assert asked(world, monkeypatch).addresses == ()
    world.session.is_test_network = True
    assert asked(world, monkeypatch).addresses == (private,)


def test_the_query_stays_at_home(world, monkeypatch):
    """A URL of somebody's own list may hold a key in its query."""
    question = asked(world, monkeypatch, "https://video.example/a/b?key=secret#part")
    assert question.target.url == "https://video.example/a/b"
    assert question.target.target_id == "site/0"


@pytest.mark.parametrize(("url", "pages"), [("/a?key=x", 0), ("/a", 1)], ids=["cut", "whole"])
def test_a_page_without_its_query_is_another_page(world, monkeypatch, url, pages):
    """What the server saw of it is not kept; how far its address was reached is."""

    async def look(network, place, round_, wanted, **_):
        facts = (Fact.OUTSIDE_VIEW, Fact.TCP_CONNECT, Fact.HTTP_EXCHANGE)
        return [
            round_.observe(f, q.target, round_.now(), host=q.host) for q in wanted for f in facts
        ]

    monkeypatch.setattr("evenfall.probe.outside.look", look)
    world.look(f"https://video.example{url}")
    kept = [o.fact for o in world.kept]
    assert kept.count(Fact.HTTP_EXCHANGE) == pages
    assert kept.count(Fact.TCP_CONNECT) == 1


def test_a_dead_server_costs_its_time_and_no_more(world):
    """A server that does not answer leaves its questions to the next one."""
    del world.network.at[PLACES[0]]
    before_s = world.clock.monotonic_s()
    views = world.look("https://video.example/")
    assert [o.failure for o in views] == ["generic_timeout_error", None]
    assert world.clock.monotonic_s() - before_s < 15


def test_the_end_of_the_time_is_kept(world):
    """A look that takes longer than is left is given up, on time."""
    before_s = world.clock.monotonic_s()
    views = world.look("https://video.example/", until_s=3.0)
    assert views[0].failure == "generic_timeout_error"
    assert world.clock.monotonic_s() - before_s < 3.2


@pytest.mark.parametrize("left_bytes", [0, 20_000])
def test_what_cannot_be_paid_is_not_asked(world, left_bytes):
    """The budget is kept: no bytes, no question."""
    world.session.budget = Budget(left_bytes)
    assert world.look("https://video.example/") == []


def test_nonces_are_never_the_same(world):
    """Two checks within a minute get statements of their own."""
    first = world.look("https://video.example/")[0]
    second = world.look("https://video.example/")[-1]
    assert first.statement != second.statement
    assert secrets.compare_digest(first.statement[:10], second.statement[:10])
