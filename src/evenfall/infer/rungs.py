"""What the rungs of "is it me?" have in common: the facts that they ask, and how one is written.

What it does. `Case` reads from one round what more than one rung wants to know; `Sites` sums up the
controls on one side of the border; `holds`, `broken` and `not_tested` write a rung.

Rules. What a measurement server saw from its own side (`seen_by`) says nothing about this line and
is left out. A number of bytes per second is the best that anything reached: a lower bound.

What it does not do. It decides nothing; `infer.device` and `infer.ladder` do.
"""

from __future__ import annotations

from collections.abc import Sequence

from evenfall.infer.capacity import capacity_of
from evenfall.infer.gateway import Gateway, gateway_of
from evenfall.infer.ground import Ground, fine_attempt, is_slow
from evenfall.infer.speed import Speed, speed_of
from evenfall.infer.surroundings import Surroundings
from evenfall.infer.verdicts import Judged
from evenfall.model.observation import Observation
from evenfall.model.saying import Saying, say, say_n
from evenfall.model.verdict import Rung, Verdict
from evenfall.model.vocabulary import Fact, RungName, RungState, Scope, State
from evenfall.text.words import speed_words

__all__ = ["Case", "Sites", "broken", "holds", "not_tested"]

_SILENCE = frozenset({"generic_timeout_error", "dns_temporary_failure", "network_unreachable"})
_UNDER_WAY = frozenset({"check.not_measured"})


class Case:
    """What the rungs ask of a round.

    Args:
        judged: what the round shows.
        observations: all of the round.
        around: our own side.
    """

    def __init__(
        self, judged: Judged, observations: Sequence[Observation], around: Surroundings
    ) -> None:
        self.ground: Ground = judged.ground
        self.verdicts = judged.verdicts
        self.around = around
        self.profile = judged.ground.profile
        self.gateway: Gateway | None = gateway_of(observations)
        attempts = [a for s in judged.sites.values() if (a := fine_attempt(s)) is not None]
        timed = [s for a in attempts if (s := speed_of(a, self.profile)) is not None]
        self._service_bps = max((s.later_bps for s in timed), default=0.0)
        self.router_asked = any(o.fact is Fact.GATEWAY_PROBE for o in observations)
        own = [o for o in observations if o.seen_by is None]
        self.lookups = [o for o in own if o.fact is Fact.DNS_LOOKUP and o.resolver == "system"]
        self.others_know = any(
            o.answers for o in own if o.fact is Fact.DNS_LOOKUP and o.resolver in ("public", "doh")
        )
        tested = (c for o in own if (c := capacity_of(o)) is not None)
        self.tested_bps = max((capacity.rate_bps for capacity in tested), default=0)

    @property
    def convicted(self) -> list[Verdict]:
        """Services that pairs, or a lie about the name, convict whatever the line does."""
        return [v for v in self.verdicts if v.scope is Scope.TARGETED]

    @property
    def troubled(self) -> list[Verdict]:
        """Services that are not fine, for whatever reason."""
        return [v for v in self.verdicts if v.state is not State.OK]

    @property
    def is_over(self) -> bool:
        """Something was looked at, to its end."""
        return any(v.rule_id not in _UNDER_WAY for v in self.verdicts)

    @property
    def has_trouble(self) -> bool:
        """There is something to explain: one service, or everything."""
        return self.is_over and (bool(self.troubled) or self.ground.line_slow)

    @property
    def line_bps(self) -> float | None:
        """The most that the line was seen to carry, whatever came over it."""
        return max(self.ground.line_bps or 0, self.tested_bps, self._service_bps) or None

    @property
    def has_no_names(self) -> bool:
        """Several names were asked for, and the system's resolver gave an address for none.

        Only if another resolver gave one, or this one answered with an error: a resolver that is
        merely silent lies behind a line that may be down.
        """
        names = {o.host for o in self.lookups}
        if len(names) <= 1 or any(o.answers for o in self.lookups):
            return False
        answered = any(o.failure not in _SILENCE for o in self.lookups)
        return answered or self.others_know

    @property
    def nothing_through(self) -> bool:
        """Neutral sites were looked for, and nothing came back from anywhere.

        Without neutral sites nobody can tell a dead line from a dead service.
        """
        return self.nothing_came and any(s.lookups or s.attempts for s in self.ground.controls)

    @property
    def nothing_came(self) -> bool:
        """Sites were looked for, whichever, and nothing came back."""
        looked = bool(self.lookups) or any(s.attempts for s in self.ground.controls)
        return looked and not self.ground.anything_through


def holds(name: RungName, because: str) -> Rung:
    """It holds; `because` says what was seen."""
    return Rung(name=name, state=RungState.HOLDS, because=because)


def not_tested(name: RungName, because: str) -> Rung:
    """Nothing was measured that would tell."""
    return Rung(name=name, state=RungState.NOT_TESTED, because=because)


def broken(name: RungName, because: str, sentence: str = "", next_step: str = "") -> Rung:
    """It does not hold; see `model.verdict.Rung` for the words."""
    return Rung(
        name=name,
        state=RungState.BROKEN,
        because=because,
        sentence=sentence,
        next_step=next_step,
    )


class Sites:
    """The controls of one side of the border."""

    def __init__(self, ground: Ground, *, domestic: bool) -> None:
        self.listed = [s for s in ground.controls if s.target.domestic is domestic]
        working = {s.target.target_id for s in ground.sites}
        self.works = [s for s in self.listed if s.target.target_id in working]
        attempts = [a for s in self.works if (a := fine_attempt(s)) is not None]
        self.speeds: list[Speed] = [
            s for a in attempts if (s := speed_of(a, ground.profile)) is not None
        ]
        self.slow = [is_slow(s, ground.profile, tariff_bps=ground.tariff_bps) for s in self.speeds]

    @property
    def all_slow(self) -> bool:
        """Each that could be timed is slow."""
        return bool(self.slow) and all(self.slow)

    @property
    def any_fast(self) -> bool:
        """One that could be timed is not."""
        return False in self.slow

    @property
    def words(self) -> Saying:
        """`38 Mbit/s (3 of 3)`."""
        counted = {"works": len(self.works), "listed": len(self.listed)}
        if not self.works:
            return say_n("it does not answer", "none of {n} answers", len(self.listed))
        if not self.speeds:
            return say("{works} of {listed} answer", **counted)
        best = speed_words(max(s.later_bps for s in self.speeds))
        return say("{speed} ({works} of {listed} answer)", speed=best, **counted)
