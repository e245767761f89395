"""Paired transfers within one check: which names, which server, which ClientHello, how long.

`probe.pair_plan` says which pair comes next; this file does it. Pairs are made one after the other,
and nothing else of ours is on the line meanwhile.

- The neutral name is the server's own, if the target file gives one, else a random control's host.
- A null pair sets it against a fresh random name that is on nobody's list: where that fares like
  the target, it is the controls that are exempt.
- Servers (addresses) and ClientHellos take turns, so that of four pairs each combination is one.
  Both arms of a pair share both.
- A pair is begun only if the time it may take is left; a pair that is broken off costs all that it
  could have cost. Once a pair speaks for slowing, the limit is the end of the round.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from evenfall.infer.facts import sort_pairs
from evenfall.infer.profiles import CheckProfile
from evenfall.infer.weigh import weigh
from evenfall.measure.dns import ATTEMPTS, look_up
from evenfall.measure.pairs import reserve_pair_bytes, run_null_pair, run_pair
from evenfall.measure.transfer import PairServer
from evenfall.model.observation import Observation
from evenfall.model.target import MeasurementServer, Target
from evenfall.model.vocabulary import Role
from evenfall.net.hello_profiles import available
from evenfall.probe.contrasts import Suspect
from evenfall.probe.pair_plan import Candidate, Step, next_step
from evenfall.probe.places import is_off_limits
from evenfall.probe.random_names import random_name
from evenfall.probe.session import Progress, Session, Stage
from evenfall.probe.targets import host_of, is_host_name, is_mtproto, port_of

__all__ = ["PairingStage"]

_QUIET_PAIR_S = 4.0  # time that has to be left for a pair whose predecessors were quick
_CUT_PAIR_S = 13.0  # and for one that may be cut in both arms
_PAIR_S_MARGIN = 1.3
_DEAD_AFTER = 2
_EVIDENCE_GOES_ON = 5.0
"""One pair at a quarter of the speed says 37; one at half says 3."""
_PAIRS_MAX = 200
"""Of a round; the plan ends long before."""


class PairingStage:
    """The pairs of one round.

    Args:
        session: the round.
        profile: parameters of the decision.
        hellos: ClientHello profiles to take turns.
    """

    def __init__(
        self, session: Session, profile: CheckProfile, *, hellos: Sequence[str] | None = None
    ) -> None:
        self.session = session
        self.profile = profile
        self.hellos = tuple(hellos) if hellos is not None else available()
        self._servers: list[tuple[MeasurementServer, PairServer]] = []
        self._dead: dict[str, int] = {}
        self._longest_s: dict[str, float] = {}

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
        """Do pairs for these targets until all are decided or something runs out.

        The other targets of the list are screened for slow uploads.
        """
        if not wanted or not self._servers:
            return
        candidates = self._candidates(wanted)
        targets = {t.target_id: t for t in self.session.targets.targets}
        given_up: set[str] = set()
        for _ in range(_PAIRS_MAX):
            step = next_step(
                sort_pairs(self.session.observations), candidates, fits=self._fits,
                given_up=frozenset(given_up), profile=self.profile.pairs,
            )  # fmt: skip
            if step is None or not self._servers:
                return
            if not self._may_start(step, self._limit_s(step, until_s)):
                if not step.target_id:
                    return
                given_up.add(step.target_id)
            elif step.target_id:
                await self._pair(step, targets[step.target_id])
            else:
                await self._null_pair(step)

    def _candidates(self, wanted: Sequence[Suspect]) -> list[Candidate]:
        slow = self.profile.slow_factor
        found = [
            Candidate(
                target_id=s.target.target_id,
                is_slow=not s.failing and (s.ratio or 0.0) >= slow,
            )
            for s in wanted
            if s.has_name
        ]
        known = {c.target_id for c in found}
        others = [
            t.target_id
            for t in self.session.targets.targets
            if t.target_id not in known and _has_name(t)
        ]
        self.session.rng.shuffle(others)
        return [*found, *(Candidate(target_id=name, is_suspect=False) for name in others)]

    async def _pair(self, step: Step, target: Target) -> None:
        server, place = self._server_of(step)
        with self.session.budget.paid_for(reserve_pair_bytes(step.size_bytes)):
            pair = await run_pair(
                self.session.network, place, self.session.round_, target,
                target_sni=host_of(target.url), neutral_sni=self._neutral(server)[0],
                size_bytes=step.size_bytes, direction=step.direction, rng=self.session.rng,
                cap_s=self.profile.pairs.cap_s, end_s=self.session.end_s,
                on_clock=self.session.server_clocks.append, hello=self._hello_of(step),
            )  # fmt: skip
        self._done(step, target, place, pair.target, pair.neutral)

    async def _null_pair(self, step: Step) -> None:
        server, place = self._server_of(step)
        neutral, about = self._neutral(server)
        names = (random_name(self.session.rng), neutral)
        with self.session.budget.paid_for(reserve_pair_bytes(step.size_bytes)):
            pair = await run_null_pair(
                self.session.network, place, self.session.round_, about, neutral_snis=names,
                size_bytes=step.size_bytes, direction=step.direction, rng=self.session.rng,
                cap_s=self.profile.pairs.cap_s, end_s=self.session.end_s,
                on_clock=self.session.server_clocks.append, hello=self._hello_of(step),
            )  # fmt: skip
        self._done(step, about, place, pair.target, pair.neutral)

    def _done(
        self,
        step: Step,
        about: Target,
        place: PairServer,
        first: Observation,
        second: Observation,
    ) -> None:
        self.session.keep(first, second)
        took_s = sum((o.duration_us or 0) for o in (first, second)) / 1e6
        name = _kind(step)
        self._longest_s[name] = max(took_s, self._longest_s.get(name, 0.0))
        # A server that says nothing under a neutral name either is no witness; one that does not
        # even connect need not be asked again.
        speeds = (first.goodput_bps, second.goodput_bps)
        strikes = _DEAD_AFTER if speeds == (None, None) else 0 if any(speeds) else 1
        before = self._dead.get(place.address, 0)
        self._dead[place.address] = before + strikes if strikes else 0
        self._servers = [s for s in self._servers if self._dead.get(s[1].address, 0) < _DEAD_AFTER]
        done = sum(1 for o in self.session.observations if o.pair_id and o.arm) // 2
        self.session.emit(Progress(stage=Stage.PAIRS, what=about.target_id, done=done))

    def _may_start(self, step: Step, until_s: float) -> bool:
        if not self._fits(step.size_bytes):
            return False
        cap_s = self.profile.pairs.cap_s
        quiet = f"/{step.direction}/{self.profile.pairs.size_ladder_bytes[0]}"
        seen_s = max(self._longest_s.get(_kind(step), 0.0), self._longest_s.get(quiet, 0.0))
        need_s = _QUIET_PAIR_S
        if seen_s:
            need_s = max(need_s, _PAIR_S_MARGIN * seen_s + 2 * cap_s * (seen_s > cap_s) / 4)
        need_s = min(need_s, _CUT_PAIR_S)
        return until_s - self.session.network.clock.monotonic_s() >= need_s

    def _limit_s(self, step: Step, until_s: float) -> float:
        """Where there is evidence that somebody is slowed, the round takes the time it has."""
        pairs = sort_pairs(self.session.observations)
        own = {p.target.target for p in pairs if not p.is_null and p.target.role is Role.TARGET}
        for name in [step.target_id] if step.target_id else sorted(own):
            said = weigh(pairs, name, profile=self.profile.pairs).by_direction.get(step.direction)
            if said is not None and said.e_value >= _EVIDENCE_GOES_ON:
                return self.session.end_s
        return until_s

    def _fits(self, size_bytes: int) -> bool:
        return self.session.budget.fits(reserve_pair_bytes(size_bytes))

    def _server_of(self, step: Step) -> tuple[MeasurementServer, PairServer]:
        return self._servers[_turn(step.index) % len(self._servers)]

    def _hello_of(self, step: Step) -> str:
        return self.hellos[step.index % len(self.hellos)]

    def _neutral(self, server: MeasurementServer) -> tuple[str, Target]:
        """A neutral name, and whom a null pair with it is about."""
        controls = self.session.targets.controls
        control = self.session.rng.choice(controls) if controls else _server_target(server)
        name = host_of(control.url) if controls else "example.com"
        return server.neutral or name, control

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
        # At home or at work it may stand at a private address: the person named it.
        return next((a for a in given if not self._is_elsewhere(a)), None)

    def _is_elsewhere(self, address: str) -> bool:
        lab = self.session.lab
        return is_off_limits(address) if lab is None else not lab.hold(address)


def _server_target(server: MeasurementServer) -> Target:
    """The server as the subject of an observation about itself."""
    return Target(target_id="measurement/server", url=server.url, role=Role.CONTROL)


def _has_name(target: Target) -> bool:
    """Only a name can be sent to our own server; Telegram's endpoints have none."""
    return not is_mtproto(target.url) and is_host_name(host_of(target.url))


def _kind(step: Step) -> str:
    """Pairs that take about the same time."""
    return f"{step.target_id}/{step.direction}/{step.size_bytes}"


def _turn(index: int) -> int:
    """With two ClientHellos by turns, every combination with two servers within four pairs."""
    return index + index // 2
