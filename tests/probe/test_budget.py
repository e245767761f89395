"""The budget: what is broken off is paid for, whichever step it was."""

from __future__ import annotations

import asyncio
import random
import types

import pytest

from evenfall.infer.locate import Next, Shown
from evenfall.measure.path import reserve_path_bytes
from evenfall.measure.quic import QUIC_BYTES
from evenfall.measure.round import Round
from evenfall.measure.transfer import PairServer
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact, Role
from evenfall.net.clock import ManualClock
from evenfall.net.fake import FakeNetwork
from evenfall.probe import inside_tls, locate, quic_looks, visits
from evenfall.probe.budget import HANDSHAKE_BYTES, LOOKUP_BYTES, Budget, reserve_for

BODY_BYTES = 65_536
SITE = Target(target_id="video/front", url="https://video.test/", role=Role.TARGET)
APP = Target(target_id="video/app", url="mtproto://203.0.113.9:443", role=Role.TARGET)


class FakeSession:
    """What the steps need of a session."""

    def __init__(self) -> None:
        clock = ManualClock()
        self.network = FakeNetwork(clock)
        self.round_ = Round("r", clock)
        self.budget = Budget(1_000_000)
        self.body_bytes_max = BODY_BYTES
        self.under_way: set[str] = set()
        self.trusting = self.unchecked = None
        self.line = asyncio.Lock()
        self.rng = random.Random(1)  # noqa: S311 (seeded)
        self.is_test_network = True
        self.targets = types.SimpleNamespace(
            doh="https://198.51.100.54/dns-query", resolver="", ca_file=""
        )

    def left_s(self) -> float:
        """Enough."""
        return 60.0

    def address(self, _: str) -> asyncio.Lock:
        """Nobody else is there."""
        return asyncio.Lock()

    def keep(self, *seen) -> None:
        """As in a session."""
        for observation in seen:
            self.budget.spend(observation.wire_bytes or 0)


async def _hang(*_, **__):
    await asyncio.Event().wait()


def _visit(session):
    return visits.visit(session, SITE, address="203.0.113.9")


def _speak(session):
    return visits.speak(session, APP, address="203.0.113.9")


def _quic(session):
    return quic_looks._shake(session, SITE, ("203.0.113.9", 443), trust=None, until_s=1e9)


def _doh(session):
    return inside_tls.ask_inside_tls(session, [SITE], families=(4,))


def _locate(session):
    server = PairServer(address="203.0.113.80", port=8443, pin="")
    step = Next(hops=1, shown=Shown.TARGET)
    return locate._step(session, server, SITE, step, "video.test", "abcde.test", 60.0)


STEPS = {
    "visit": (_visit, visits, "connect", reserve_for(BODY_BYTES)),
    "telegram": (_speak, visits, "connect", HANDSHAKE_BYTES),
    "quic": (_quic, quic_looks, "quic_handshake", QUIC_BYTES),
    "inside tls": (_doh, inside_tls, "look_up_inside_tls", HANDSHAKE_BYTES + LOOKUP_BYTES),
    "locate": (_locate, locate, "probe_path", reserve_path_bytes()),
}


async def _break_off(step) -> None:
    task = asyncio.ensure_future(step)
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


@pytest.mark.parametrize(("step", "room", "name", "most_bytes"), STEPS.values(), ids=STEPS)
def test_a_step_that_is_broken_off_costs_all_of_it(monkeypatch, step, room, name, most_bytes):
    """Nobody knows what was on its way: all that was reserved is booked, nothing stays reserved."""
    monkeypatch.setattr(room, name, _hang)
    session = FakeSession()
    asyncio.run(_break_off(step(session)))
    assert session.budget.spent_bytes == most_bytes
    assert session.budget.left_bytes == 1_000_000 - most_bytes


def test_what_was_kept_before_is_not_paid_twice(monkeypatch):
    """A visit that is broken off in its page has paid for its connect already."""
    session = FakeSession()

    async def connected(network, round_, site, **_):
        opened = round_.observe(Fact.TCP_CONNECT, site, round_.now(), wire_bytes=172)
        return opened, object(), object()

    monkeypatch.setattr(visits, "connect", connected)
    monkeypatch.setattr(visits, "handshake", _hang)
    asyncio.run(_break_off(_visit(session)))
    assert session.budget.spent_bytes == reserve_for(BODY_BYTES)
    assert session.under_way == {"r/0"}  # a connect without its handshake says nothing


def test_a_step_that_ends_costs_what_it_says(monkeypatch):
    """Innocent: a connect that fails is booked as the observation has it, and no more."""
    session = FakeSession()

    async def refused(network, round_, site, **_):
        failed = round_.observe(
            Fact.TCP_CONNECT, site, round_.now(), failure="connection_refused", wire_bytes=60
        )
        return failed, None, None

    monkeypatch.setattr(visits, "connect", refused)
    asyncio.run(_visit(session))
    assert session.budget.spent_bytes == 60
    asyncio.run(_speak(session))
    assert session.budget.left_bytes == 1_000_000 - 120
    assert session.under_way == set()
