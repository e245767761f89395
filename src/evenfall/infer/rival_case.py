"""What the answers about innocent explanations share: the troubles of a round, and its witnesses.

What it does. `RivalCase` reads from one round whether anything is wrong, whether all of it is a
matter of the name, whether everything is slow, what the router's probes and the outside view say;
`answer` writes one rival.

Rules. "Isolated" troubles are those that pairs, or our own server over plain HTTP, have laid to the
name alone. The outside view counts as fine for a service only if our server got its page in the
same round, and if a page that is slow here came at a multiple of the speed there.

What it does not do. It rules nothing out; `infer.rivals` does.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenfall.infer.capacity import capacity_of
from evenfall.infer.facts import Stage
from evenfall.infer.gateway import gateway_of
from evenfall.infer.surroundings import Surroundings
from evenfall.infer.verdicts import Judged
from evenfall.model.observation import Observation
from evenfall.model.saying import Saying, say
from evenfall.model.verdict import Rival, Verdict
from evenfall.model.vocabulary import Explanation, Fact, Scope, State
from evenfall.text.words import speed_words

__all__ = ["TWO_NAMES", "RivalCase", "answer", "nothing_wrong"]

TWO_NAMES = say("the same server and path are fine under another name, again and again")
_SERVER_ERROR = 500


class RivalCase:
    """The facts that the answers share.

    Args:
        judged: what the round shows.
        around: our own side.
        observations: all of the round.
    """

    def __init__(
        self, judged: Judged, around: Surroundings, observations: Sequence[Observation]
    ) -> None:
        self.ground = judged.ground
        self.around = around
        self.pairs = judged.pairs
        self.sites = judged.sites
        self.gateway = gateway_of(observations)
        self.troubled = [v for v in judged.verdicts if v.state is not State.OK]
        self.isolated = [v for v in self.troubled if v.isolated]
        self.nothing_wrong = not self.troubled and not self.ground.line_slow
        self.everything_slow = self.ground.line_slow or self.all_of_scope(Scope.GENERALIZED)
        self.selective = any(self._may_be_selective(v) for v in self.troubled)
        self._outside = [o for o in observations if o.seen_by == "server"]
        tested = [c.rate_bps for o in observations if (c := capacity_of(o)) is not None]
        self.line_bps = max((*tested, self.ground.line_bps or 0)) or None

    @property
    def fast(self) -> Saying | None:
        """Why the line is fine; None if that is not known."""
        if not self.ground.fast:
            return None
        return say(
            "{fast} of {listed} controls were fast in the same minute, the best at {speed}",
            fast=self.ground.fast,
            listed=self.ground.listed,
            speed=speed_words(self.ground.line_bps or 0),
        )

    def all_isolated(self) -> bool:
        """Every trouble found is a matter of the name, and of nothing beside."""
        only = [v for v in self.isolated if not self.fails_too(v)]
        return bool(self.troubled) and len(only) == len(self.troubled)

    def fails_too(self, verdict: Verdict) -> bool:
        """Slow by name at our server, and the site itself does not come through at all."""
        attempts = [a for f in (4, 6) for a in self.sites[verdict.target].own(f)]
        through = any(a.stage is Stage.DONE or a.stopped_midway for a in attempts)
        return verdict.state is State.SLOWED and bool(attempts) and not through

    def all_of_scope(self, *scopes: Scope) -> bool:
        """Every trouble found has one of these scopes."""
        return bool(self.troubled) and all(v.scope in scopes for v in self.troubled)

    def is_by_the_site(self) -> bool:
        """The site's own doing, or a page that may be its own, decides about a service."""
        return any(
            v.rule_id.startswith("check.site.")
            or v.rule_id == "check.http.refusal"
            or (v.rule_id == "check.http.blockpage" and v.scope is Scope.UNDETERMINED)
            for v in self.troubled
        )

    def is_outside_fine(self) -> bool:
        """Our server was served well by every service that is in trouble here."""
        wanted = [v for v in self.troubled if v.state is not State.INSUFFICIENT]
        return bool(wanted) and all(self._is_fine_there(v) for v in wanted)

    def is_outside_bad(self) -> bool:
        """Our server looked at a service that is in trouble here, and it was so there too."""
        return any(
            (self._pages(v) and not self._is_fine_there(v)) or self._fails_there(v)
            for v in self.troubled
        )

    def _pages(self, verdict: Verdict) -> list[Observation]:
        return [o for o in self._of(verdict) if o.fact is Fact.HTTP_EXCHANGE]

    def _of(self, verdict: Verdict) -> list[Observation]:
        return [o for o in self._outside if o.target == verdict.target]

    def _fails_there(self, verdict: Verdict) -> bool:
        reached = [o for o in self._of(verdict) if o.fact is Fact.TCP_CONNECT]
        return bool(reached) and all(o.failure for o in reached)

    def _is_fine_there(self, verdict: Verdict) -> bool:
        came = [
            o
            for o in self._pages(verdict)
            if o.failure is None and (o.status_code or _SERVER_ERROR) < _SERVER_ERROR
        ]
        if verdict.state is not State.SLOWED:
            return bool(came)
        here = [
            a.http.goodput_bps
            for a in self.sites[verdict.target].attempts
            if a.http and a.http.goodput_bps and not a.is_neutral
        ]
        there = [o.goodput_bps for o in came if o.goodput_bps]
        factor = self.ground.profile.slow_factor
        return bool(here) and bool(there) and max(there) >= factor * max(here)

    def _may_be_selective(self, verdict: Verdict) -> bool:
        """Something near that picks by name or address would look like this."""
        if verdict.scope in (Scope.SERVER_SIDE, Scope.GENERALIZED):
            return False
        slow_by_itself = verdict.state is State.SLOWED and not verdict.isolated
        return not (slow_by_itself and self.pairs[verdict.target].not_seen)


def answer(explanation: Explanation, ruled_out: bool | None, because: str) -> Rival:
    """One rival; `because` is a clause."""
    return Rival(explanation=explanation, ruled_out=ruled_out, because=because)


def nothing_wrong(explanation: Explanation) -> Rival:
    """There is nothing to explain."""
    return answer(explanation, True, say("nothing is slow or out of reach"))
