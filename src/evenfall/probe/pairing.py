"""Paired transfers within one check: which names, which sizes, how long.

Neutral/neutral pairs come first and again after the first turn, to learn the line's own noise; then
the suspects take turns until each is decided, twelve pairs are done, or time or bytes run out. They
start at 64 KB. A suspect that is slow by itself, and for which 64 KB show nothing, goes on with
256 KB: a burst allowance can hide a policer from small transfers (METHOD 2, "Size ladder").
Nothing else of ours is on the line meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Iterator, Sequence

from evenfall.infer.facts import Pair
from evenfall.infer.finding import PairView, view_pairs
from evenfall.infer.ground import Ground
from evenfall.infer.pairs import Decision
from evenfall.infer.profiles import CheckProfile
from evenfall.measure.dns import ATTEMPTS, is_bogon, look_up
from evenfall.measure.pairs import reserve_pair_bytes, run_null_pair, run_pair
from evenfall.measure.transfer import PairServer
from evenfall.model.observation import Observation
from evenfall.model.target import MeasurementServer, Target
from evenfall.model.vocabulary import Role
from evenfall.probe.contrasts import Suspect, ground_so_far
from evenfall.probe.session import Progress, Session, Stage
from evenfall.probe.targets import host_of, port_of

__all__ = ["PairingStage"]

_QUIET_PAIR_S = 4.0  # time that has to be left for a pair whose predecessors were quick
_CUT_PAIR_S = 13.0  # and for one that may be cut in both arms
_PAIR_S_MARGIN = 1.3
_SMALL_PAIRS = 6  # METHOD 2: NOT SEEN needs six at x = 0
_CLIMBED_PAIRS_MAX = 4
_DEAD_AFTER = 2


class PairingStage:
    """The pairs of one round.

    Args:
        session: the round.
        profile: parameters of the decision.
    """

    def __init__(self, session: Session, profile: CheckProfile) -> None:
        self.session = session
        self.profile = profile
        self._servers: list[tuple[MeasurementServer, PairServer]] = []
        self._dead: dict[str, int] = {}
        self._turn = 0
        self._longest_s: dict[str, float] = {}
        self._climbed: dict[str, int] = {}

    @property
    def servers(self) -> tuple[tuple[MeasurementServer, PairServer], ...]:
        """Those that have an address and are not given up."""
        return tuple(self._servers)

    async def find_servers(self) -> None:
        """Addresses of the measurement servers; one that has none is left out."""
        for server in self.session.targets.servers:
            address = await self._address_of(server)
            self.session.sought[server.url] = address
            if address is not None:
                place = PairServer(address=address, port=port_of(server.url), pin=server.pin)
                self._servers.append((server, place))

    async def run(self, wanted: Sequence[Suspect], *, until_s: float) -> None:
        """Do pairs for these targets until all are decided or something runs out."""
        if not wanted or not self._servers:
            return
        open_ = list(wanted)
        nulls = 0
        while open_ and self._has_server():
            if nulls < self.profile.pairs.null_pairs_min:
                nulls += 1
                if not await self._null_pair(until_s=until_s):
                    return
            for suspect in list(open_):
                size_bytes = self._next_size(suspect)
                goes_on = size_bytes is not None and self._has_server()
                if not goes_on or not await self._pair(
                    suspect.target, size_bytes or 0, until_s=until_s
                ):
                    open_.remove(suspect)

    def _next_size(self, suspect: Suspect) -> int | None:
        """Bytes of the suspect's next pair; None: it is decided, or there is no point."""
        view = self._view(suspect.target)
        said = view.assessment
        if said.decision is Decision.THROTTLED or said.n_pairs >= self.profile.pairs.n_max:
            return None
        if len(view.intercepted) >= _DEAD_AFTER:
            return None
        small, large = self.profile.pairs.size_ladder_bytes[:2]
        climbed = self._climbed.get(suspect.target.target_id, 0)
        if not climbed and (said.n_pairs < _SMALL_PAIRS) and said.decision is not Decision.NOT_SEEN:
            return small
        # The target itself is fast: what 64 KB did not show is not looked for any further.
        hidden = not suspect.failing and (suspect.ratio or 0.0) >= self.profile.slow_factor
        if said.decision is Decision.NOT_SEEN and not hidden:
            return None
        if climbed >= _CLIMBED_PAIRS_MAX:
            return None
        self._climbed[suspect.target.target_id] = climbed + 1
        return large if self._fits(large) else small

    async def _pair(self, target: Target, size_bytes: int, *, until_s: float) -> bool:
        """One pair of this target; False if there is no time or budget for it."""
        if not self._may_start(target.target_id, size_bytes, until_s):
            return False
        server, place = self._next_server()
        with self._paid_for(size_bytes):
            pair = await run_pair(
                self.session.network, place, self.session.round_, target,
                target_sni=host_of(target.url), neutral_sni=self._neutral(server),
                size_bytes=size_bytes, rng=self.session.rng, end_s=self.session.end_s,
                on_clock=self.session.server_clocks.append,
            )  # fmt: skip
        self._done(target, place, pair.target, pair.neutral)
        return True

    async def _null_pair(self, *, until_s: float) -> bool:
        size_bytes = self.profile.pairs.size_ladder_bytes[0]
        if not self._may_start("", size_bytes, until_s):
            return False
        server, place = self._next_server()
        names = (self._neutral(server), self._neutral(server))
        about = self.session.rng.choice(self.session.targets.controls or (_server_target(server),))
        with self._paid_for(size_bytes):
            pair = await run_null_pair(
                self.session.network, place, self.session.round_, about,
                neutral_snis=names, size_bytes=size_bytes, rng=self.session.rng,
                end_s=self.session.end_s, on_clock=self.session.server_clocks.append,
            )  # fmt: skip
        self._done(about, place, pair.target, pair.neutral)
        return True

    @contextlib.contextmanager
    def _paid_for(self, size_bytes: int) -> Iterator[None]:
        """Reserved while it runs; a pair that is broken off costs all that it could have cost."""
        most = reserve_pair_bytes(size_bytes)
        self.session.budget.reserve(most)
        try:
            yield
        except asyncio.CancelledError:
            self.session.budget.spend(most)
            raise
        finally:
            self.session.budget.release(most)

    def _done(
        self, target: Target, place: PairServer, first: Observation, second: Observation
    ) -> None:
        self.session.keep(first, second)
        pair = Pair(target=first, neutral=second, is_null=bool(first.is_null_pair))
        took_s = sum((o.duration_us or 0) for o in (first, second)) / 1e6
        name = "" if pair.is_null else target.target_id
        self._longest_s[name] = max(took_s, self._longest_s.get(name, 0.0))
        # A server that says nothing under a neutral name either is no witness; one that does not
        # even connect need not be asked again.
        speeds = (first.goodput_bps, second.goodput_bps)
        strikes = _DEAD_AFTER if speeds == (None, None) else 0 if any(speeds) else 1
        before = self._dead.get(place.address, 0)
        self._dead[place.address] = before + strikes if strikes else 0
        self._servers = [s for s in self._servers if self._dead.get(s[1].address, 0) < _DEAD_AFTER]
        done = sum(1 for o in self.session.observations if o.pair_id) // 2
        self.session.emit(Progress(stage=Stage.PAIRS, what=target.target_id, done=done))

    def _may_start(self, name: str, size_bytes: int, until_s: float) -> bool:
        if not self._fits(size_bytes):
            return False
        cap_s = self.profile.pairs.cap_s
        seen_s = max(self._longest_s.get(name, 0.0), self._longest_s.get("", 0.0))
        need_s = _QUIET_PAIR_S
        if seen_s:
            need_s = max(need_s, _PAIR_S_MARGIN * seen_s + 2 * cap_s * (seen_s > cap_s) / 4)
        need_s = min(need_s, _CUT_PAIR_S)
        return until_s - self.session.network.clock.monotonic_s() >= need_s

    def _fits(self, size_bytes: int) -> bool:
        return self.session.budget.fits(reserve_pair_bytes(size_bytes))

    def _has_server(self) -> bool:
        return bool(self._servers)

    def _next_server(self) -> tuple[MeasurementServer, PairServer]:
        self._turn += 1
        return self._servers[self._turn % len(self._servers)]

    def _neutral(self, server: MeasurementServer) -> str:
        hosts = [host_of(c.url) for c in self.session.targets.controls]
        return server.neutral or (self.session.rng.choice(hosts) if hosts else "example.com")

    def _view(self, target: Target) -> PairView:
        ground: Ground = ground_so_far(self.session, self.profile)
        return view_pairs(target.target_id, ground)

    async def _address_of(self, server: MeasurementServer) -> str | None:
        host = host_of(server.url)
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            pass
        left_s = self.session.left_s()
        if left_s <= 0:
            return None
        found = await look_up(
            self.session.network, self.session.round_, _server_target(server), host,
            resolver="system", endpoint=self.session.targets.resolver, family=4,
            rng=self.session.rng, bogons_allowed=True, timeout_s=min(2.0, left_s / ATTEMPTS),
        )  # fmt: skip
        self.session.keep(*found)
        given = (a for o in found for a in o.answers or ())
        return next((a for a in given if is_bogon(a) or not self.session.is_sealed), None)


def _server_target(server: MeasurementServer) -> Target:
    """The server as the subject of an observation about itself."""
    return Target(target_id="measurement/server", url=server.url, role=Role.CONTROL)
