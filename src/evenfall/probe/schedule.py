"""The order of one round, and how its 75 s are shared out.

    0            names, and the router beside them
    … 36 s       first looks; two or three sites side by side, bodies one at a time
    … 48 s       second looks, and beside them the outside view, which the server waits for
    … 72 s       pairs, alone on the line: the three worst targets, or the slowest if all is well
    later        what was asked for by name: the capacity, the path; each with a time of its own

Each part has its share, so that a slow beginning cannot eat what decides. What is left out is left
out by METHOD 2's rule: pairs only for the three slowest or failing, a second look only for those
that fail and the three slowest; the rest of the list keeps what its looks have shown, and what was
not looked at is `not_measured`. Bytes for the pairs are held back from the beginning; those for
what was asked for by name only after the second looks, and pages are made shorter for it from the
beginning. With a VPN that nobody asked to measure nothing is sent at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from evenfall.infer.fingerprints import Fingerprint
from evenfall.infer.profiles import CheckProfile
from evenfall.infer.surroundings import Surroundings
from evenfall.measure.gateway import GATEWAY_BYTES, probe_gateway
from evenfall.model.target import Target
from evenfall.model.vocabulary import RungName, Scope
from evenfall.net.api import Router
from evenfall.probe.capacity import CAPACITY_BYTES, measure_capacity
from evenfall.probe.contrasts import Suspect, ground_so_far, names_in_doubt, second_looks, suspects
from evenfall.probe.legs import first_looks, interleave, look_up_names
from evenfall.probe.locate import LOCATE_S_MAX, PATH_BYTES, locate
from evenfall.probe.outside import look_from_outside
from evenfall.probe.pairing import PairingStage
from evenfall.probe.plain import ask_about_pages
from evenfall.probe.session import Session
from evenfall.probe.telling import Telling

__all__ = [
    "CAPACITY_S_MAX",
    "END_S",
    "PAIRED_MAX",
    "PAIRS_BYTES",
    "Schedule",
    "Wishes",
    "asked_bytes",
    "hard_end_s",
]

END_S = 72.5
"""Nothing begins that would end later, as far as can be foreseen."""
_HARD_END_S = 74.0
_ROUTER_S = 3.0  # for a router that answers late; silence takes half of it
_FIRST_LOOKS_S = 36.0
_SECOND_LOOKS_S = 48.0
PAIRED_MAX = 3
PAIRS_BYTES = 1_900_000
"""Held back from the beginning: two null pairs, and four of 64 KB for each of three targets."""
_UNSUSPICIOUS_PAIRS_S = 15.0  # for the slowest target, where nothing is suspicious
_HEALTHY_S_MAX = 19.5  # a person whose line is fine is not kept waiting for more certainty
_SLOW_LINE_PAIRS_S = 28.0  # the same, where everything is slow: both may hold at once


CAPACITY_S_MAX = 24.0
"""What `--capacity` may add to a check: ten seconds each way, and their beginnings."""
_CAPACITY, _PATH = "capacity", "path"  # what bytes are set aside for


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a person asked for beside the answer.

    Attributes:
        capacity: how much the line carries (ndt7), at the end.
        path: the hop, where a service is convicted; at the end.
        fingerprints: known block pages, from a file of theirs.
        hellos: ClientHello profiles of the pairs, in turns; None: all that this machine has.
    """

    capacity: bool = False
    path: bool = False
    fingerprints: tuple[Fingerprint, ...] = ()
    hellos: tuple[str, ...] | None = None


def hard_end_s(wishes: Wishes) -> float:
    """When a round is cut off, whatever it is doing."""
    more_s = CAPACITY_S_MAX * wishes.capacity + LOCATE_S_MAX * wishes.path
    return _HARD_END_S + more_s


def asked_bytes(wishes: Wishes) -> int:
    """What is to be left for what was asked for."""
    return CAPACITY_BYTES * wishes.capacity + PATH_BYTES * wishes.path


class Schedule:
    """The stages of one round.

    Args:
        session: the round.
        telling: who is told.
        around: our own side, as it is known before the first packet.
        router: of the home, if it can be asked.
        profile: parameters of the judgement.
        wishes: what else was asked for.
    """

    def __init__(
        self,
        session: Session,
        telling: Telling,
        around: Surroundings,
        *,
        router: Router | None,
        profile: CheckProfile,
        wishes: Wishes,
    ) -> None:
        self.session = session
        self.telling = telling
        self.around = around
        self.router = router
        self.profile = profile
        self.wishes = wishes
        self._held_bytes: dict[str, int] = {}
        self.pairing = PairingStage(session, profile, hellos=wishes.hellos)

    async def run(self) -> None:
        """All of it."""
        if self.around.is_elsewhere:
            self.telling.rungs(upto=RungName.DEVICE)
            return
        if self.session.targets.servers:
            self.session.budget.hold_back(PAIRS_BYTES)
        order = interleave(self.session)
        await _side_by_side(look_up_names(self.session, order), self._ask_router())
        self.telling.rungs(upto=RungName.WIFI)
        await first_looks(self.session, order, until_s=self._at(_FIRST_LOOKS_S))
        self.telling.rungs(upto=RungName.DOMESTIC_SITES)
        await self.pairing.find_servers()
        await self._look_again()
        # Only now: no look at a site is left out for what was asked for beside the answer.
        self._hold(_PATH, PATH_BYTES if self.wishes.path else 0)
        self._hold(_CAPACITY, CAPACITY_BYTES if self.wishes.capacity else 0)
        await self._pairs()
        self.telling.targets()
        if self.wishes.capacity:
            await self._capacity()
        if self.wishes.path:
            await self._path()

    def _hold(self, what: str, most_bytes: int) -> None:
        """Set bytes aside for what was asked for, as far as the pairs keep theirs."""
        held_bytes = max(0, min(most_bytes, self.session.budget.left_bytes))
        self.session.budget.reserve(held_bytes)
        self._held_bytes[what] = held_bytes

    def _let_go(self, what: str) -> None:
        self.session.budget.release(self._held_bytes.pop(what, 0))

    def _at(self, second: float) -> float:
        return self.session.start_s + second

    def _now_s(self) -> float:
        return self.session.network.clock.monotonic_s()

    async def _ask_router(self) -> None:
        """Small probes beside the lookups, when the line is all but idle."""
        if self.router is None or not self.session.budget.fits(GATEWAY_BYTES):
            return
        try:
            async with asyncio.timeout(_ROUTER_S):
                with self.session.budget.paid_for(GATEWAY_BYTES):
                    self.session.keep(await probe_gateway(self.router, self.session.round_))
        except TimeoutError:  # it answers, but so late that no figure is worth waiting for
            return

    async def _look_again(self) -> None:
        """Second looks at what is in doubt; the measurement servers look at it too."""
        session = self.session
        ground = ground_so_far(session, self.profile)
        found = suspects(session, ground)
        failing, slow = [s for s in found if s.failing], [s for s in found if not s.failing]
        doubtful = [*failing, *slow[:PAIRED_MAX], *names_in_doubt(session, ground)]
        if not ground.anything_through:
            doubtful = []  # no failure means anything where nothing works; nobody is kept waiting
        chosen = [s.target.target_id for s in (*doubtful, *found[:PAIRED_MAX])]
        self.telling.targets(except_for=[*chosen, *self._spare(found)])
        until_s = self._at(_SECOND_LOOKS_S)
        servers = self.pairing.servers
        await _side_by_side(
            second_looks(session, doubtful, until_s=until_s),
            look_from_outside(session, servers, [s.target for s in doubtful], until_s=until_s),
        )
        await ask_about_pages(session, servers, until_s=until_s)

    def _spare(self, found: Sequence[Suspect]) -> list[str]:
        """Where nothing is suspicious, the one that will be paired all the same."""
        return [] if found else [s.target.target_id for s in self._slowest()]

    async def _pairs(self) -> None:
        session = self.session
        if not session.targets.servers:
            return
        ground = ground_so_far(session, self.profile)
        found = [s for s in suspects(session, ground) if s.has_name][:PAIRED_MAX]
        until_s = session.end_s
        if not found:
            found = self._slowest()
            if ground.line_slow:
                until_s = min(until_s, self._now_s() + _SLOW_LINE_PAIRS_S)
            else:
                until_s = min(self._now_s() + _UNSUSPICIOUS_PAIRS_S, self._at(_HEALTHY_S_MAX))
        self.telling.targets(except_for=[s.target.target_id for s in found])
        session.budget.hold_back(0)
        await self.pairing.run(found, until_s=until_s)

    async def _capacity(self) -> None:
        """`--capacity`: alone on the line, with our first server."""
        self._let_go(_CAPACITY)
        servers = self.pairing.servers
        if servers:
            self.session.end_s = self._now_s() + CAPACITY_S_MAX
            await measure_capacity(self.session, servers[0], until_s=self.session.end_s)
            self.telling.rungs(upto=RungName.LINE)

    async def _path(self) -> None:
        """`--locate`: for the first service that pairs have convicted."""
        self._let_go(_PATH)
        servers = self.pairing.servers
        wanted = self._convicted()
        if not servers or not wanted:
            return
        self.session.end_s = self._now_s() + LOCATE_S_MAX
        await locate(self.session, servers[0][1], wanted[0], until_s=self.session.end_s)

    def _convicted(self) -> list[Target]:
        by_id = {t.target_id: t for t in self.session.targets.targets}
        judged = self.telling.judge()
        return [
            by_id[v.target]
            for v in judged.verdicts
            if v.isolated and v.scope is Scope.TARGETED and v.n_pairs
        ]

    def _slowest(self) -> list[Suspect]:
        """Where nothing is suspicious: the one target most worth a second opinion."""
        judged = self.telling.judge()
        timed: list[Suspect] = []
        for target in self.session.targets.targets:
            attempts = judged.sites[target.target_id].own(4)
            speeds = [a.http.goodput_bps for a in attempts if a.http and a.http.goodput_bps]
            if speeds:
                timed.append(Suspect(target, failing=False, ratio=1e9 / min(speeds)))
        if not timed:
            return []
        slowest = max(timed, key=lambda suspect: suspect.ratio or 0.0)
        return [Suspect(slowest.target, failing=False, ratio=None)]


async def _side_by_side(*steps: Coroutine[Any, Any, object]) -> None:
    """Both to their end; a fault of ours in one ends the other too, and is raised."""
    tasks = [asyncio.ensure_future(step) for step in steps]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
