"""What the targets are compared with: the controls, the line, and the pairs of this round.

What it does. `survey` looks at all controls of a round and says which of them work, how fast the
line is, whether it is slow as such, and what the neutral/neutral pairs say about its noise.

Rules. The line is called slow only if every control whose speed could be told is slow, and at least
two of them (or all there are). A control is slow below the absolute threshold of the profile (or a
quarter of the tariff, where that is known), unless its round-trip time alone explains it. A control
that connects and then says nothing in the time allowed counts as slow beside one that was timed and
found slow; alone it may be dead. One dead control is that control's matter; all dead means that
nothing can be said.

What it does not do. It judges no target.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from evenfall.infer.facts import RESET, Attempt, Pair, Site, Stage
from evenfall.infer.profiles import CheckProfile
from evenfall.infer.speed import Speed, line_bps, queue_factor, speed_of
from evenfall.model.observation import Observation
from evenfall.model.saying import say

__all__ = ["Ground", "end_status", "fine_attempt", "is_slow", "survey"]

_TURNED_AWAY = frozenset({"connection_refused"}) | RESET
_NO_SUCH_NAME = frozenset({"dns_nxdomain_error", "dns_no_answer"})


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The baseline of a round.

    Attributes:
        listed: controls there are, without those that were broken off or not reached.
        sites: controls that work, in order.
        attempts: their working attempts, one each.
        speeds: speeds of those that say something about speed.
        line_bps: the best of them; None: not measured.
        line_slow: every control is slow, and not every target is fast.
        controls_slow: every control is slow.
        fast: how many were timed and are not slow.
        queue_factor: round-trip time under load ÷ at rest; None: not told.
        anything_through: something came back from beyond the router in this round: a connection was
            made or turned away, or a resolver answered.
        has_server: a measurement server was given.
        pairs: all pairs of the round.
        tariff_bps: what the person pays for, if known.
        names_lost: a control's own lookup went unanswered, or had to be repeated: this line loses
            datagrams.
        unfinished: how many controls were broken off or not reached.
        controls: all that were looked at, whether they work or not.
    """

    listed: int
    sites: tuple[Site, ...]
    attempts: tuple[Attempt, ...]
    speeds: tuple[Speed, ...]
    line_bps: float | None
    line_slow: bool
    fast: int
    queue_factor: float | None
    anything_through: bool
    has_server: bool
    pairs: tuple[Pair, ...]
    tariff_bps: float | None
    profile: CheckProfile
    unfinished: int = 0
    names_lost: bool = False
    controls: tuple[Site, ...] = ()
    controls_slow: bool = False

    def works(self, family: int) -> bool:
        """A control was reached over this IP version, as far as it was tried."""
        return any(a.stage is Stage.DONE for a in self._own_attempts(family))

    def is_dead(self, family: int) -> bool:
        """Controls were tried over this IP version, and none was reached."""
        return bool(self._own_attempts(family)) and not self.works(family)

    def _own_attempts(self, family: int) -> list[Attempt]:
        own = (a for site in self.controls for a in site.attempts if not a.is_neutral)
        return [a for a in own if a.tcp.family == family]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the controls' observations."""
        return tuple(i for attempt in self.attempts for i in attempt.ids)

    @property
    def says(self) -> tuple[str, ...]:
        """One clause a working control, for a verdict's `against`."""
        return tuple(
            say("control {control} works", control=site.target.target_id) for site in self.sites
        )


def fine_attempt(site: Site) -> Attempt | None:
    """An attempt of a site that came through, end to end, with its own name."""
    for attempt in site.attempts:
        if attempt.is_neutral or attempt.stage is not Stage.DONE or attempt.http is None:
            continue
        last = site.chain(attempt)[-1]
        if last.stage is Stage.DONE and last.http is not None and (last.status or 0) < 400:
            return last
    return None


def end_status(site: Site) -> int | None:
    """HTTP status at the end of the redirects, by a site's own name; None where none came."""
    for attempt in site.attempts:
        if not attempt.is_neutral and attempt.host == site.host and attempt.status is not None:
            return site.chain(attempt)[-1].status
    return None


def _crawls(site: Site) -> bool:
    """Connected, then no answer in the time allowed."""
    own = [a for a in site.attempts if not a.is_neutral]
    said_nothing = (a.silent or (a.headless and a.failure == "stalled") for a in own)
    return bool(own) and all(said_nothing) and all(a.stage is not Stage.TCP for a in own)


def _came_back(attempt: Attempt) -> bool:
    """Something at the other end spoke: it connected, or turned the connection away (RFC 9293)."""
    return attempt.tcp.failure is None or attempt.tcp.failure in _TURNED_AWAY


def _names_came(lookups: Sequence[Observation]) -> bool:
    """A resolver beyond the router answered, were it that there is no such name or address.

    The system's own may be the router itself, which on a dead line answers with errors, or from its
    memory: it counts only with an address, and where no other resolver was asked.
    """
    others = [o for o in lookups if o.resolver != "system"]
    if others:
        return any(o.answers or o.failure in _NO_SUCH_NAME for o in others)
    return any(o.answers for o in lookups)


def _lost_a_name(site: Site) -> bool:
    """A lookup failed for lack of an answer, or one question was asked at two moments."""
    asked = site.asked("system", 4)
    moments = {o.started_us for o in asked}
    return len(moments) > 1 or any(o.failure == "generic_timeout_error" for o in asked)


def is_slow(speed: Speed, profile: CheckProfile, *, tariff_bps: float | None = None) -> bool:
    """Slow in itself: below the threshold, and not merely far away."""
    threshold = profile.line_slow_bps
    if tariff_bps is not None:
        threshold = max(threshold, profile.tariff_share * tariff_bps)
    if speed.later_bps >= threshold:
        return False
    half_a_trip = speed.body_bytes / 2 * 8e6 / speed.rtt_us if speed.rtt_us else math.inf
    return speed.capped or speed.later_bps < profile.attainable_share * half_a_trip


def _all_fast(targets: Sequence[Site], profile: CheckProfile, tariff_bps: float | None) -> bool:
    """Every target that was timed came fast: it is the controls that are unwell, not the line."""
    attempts = (a for site in targets if (a := fine_attempt(site)) is not None)
    speeds = [s for a in attempts if (s := speed_of(a, profile)) is not None]
    return bool(speeds) and not any(is_slow(s, profile, tariff_bps=tariff_bps) for s in speeds)


def survey(
    controls: Sequence[Site],
    targets: Sequence[Site],
    pairs: Sequence[Pair],
    *,
    has_server: bool,
    tariff_bps: float | None,
    profile: CheckProfile,
    unfinished: Collection[str] = (),
) -> Ground:
    """Look at all controls of a round; those that are `unfinished` say nothing."""
    finished = [site for site in controls if site.target.target_id not in unfinished]
    working = [(site, a) for site in finished if (a := fine_attempt(site)) is not None]
    attempts = tuple(a for _, a in working)
    speeds = tuple(s for a in attempts if (s := speed_of(a, profile)) is not None)
    slow = [is_slow(s, profile, tariff_bps=tariff_bps) for s in speeds]
    crawling = sum(_crawls(site) for site in finished)
    enough = len(slow) + crawling >= min(profile.controls_min, max(1, len(controls)))
    controls_slow = enough and bool(slow) and all(slow)
    everyone = [a for site in (*controls, *targets) for a in site.attempts]
    return Ground(
        listed=len(finished),
        sites=tuple(site for site, _ in working),
        attempts=attempts,
        speeds=speeds,
        line_bps=line_bps(speeds),
        line_slow=controls_slow and not _all_fast(targets, profile, tariff_bps),
        controls_slow=controls_slow,
        fast=slow.count(False),
        queue_factor=queue_factor(attempts),
        anything_through=any(map(_came_back, everyone))
        or any((p.neutral.body_bytes or 0) > 0 for p in pairs)
        or _names_came([o for site in (*controls, *targets) for o in site.lookups]),
        has_server=has_server,
        pairs=tuple(pairs),
        tariff_bps=tariff_bps,
        profile=profile,
        unfinished=len(controls) - len(finished),
        controls=tuple(finished),
        names_lost=any(_lost_a_name(site) for site in finished),
    )
