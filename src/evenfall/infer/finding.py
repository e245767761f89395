"""What a rule says about one target, before it is printed as a verdict.

What it does. A `Finding` is the part of a verdict that a rule decides; `PairView` sums up the
paired transfers of one target, which most rules ask.

Rules. Every finding names its rule. `isolated` is set from pairs where they decided, and from our
own server asked over plain HTTP (`infer.plain`): from what differs in the name alone.

What it does not do. It decides nothing; see `infer.verdicts` for the order of the rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from evenfall.infer.facts import RESET, Attempt, Pair
from evenfall.infer.ground import Ground, pair_score
from evenfall.infer.pairs import Assessment, Decision, assess
from evenfall.model.saying import say, say_n
from evenfall.model.verdict import SlowerBy
from evenfall.model.vocabulary import Scope, State

__all__ = ["Finding", "PairView", "view_pairs"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule's answer; see `model.verdict.Verdict` for the fields."""

    rule_id: str
    state: State
    scope: Scope
    scope_because: str
    because: str
    mechanism: str | None = None
    isolated: bool = False
    slower_by: SlowerBy | None = None
    witnesses: tuple[str, ...] = ()
    against: tuple[str, ...] = ()

    def with_more(
        self, *, witnesses: tuple[str, ...] = (), against: tuple[str, ...] = ()
    ) -> Finding:
        """The same with more witnesses and clauses."""
        return replace(
            self,
            witnesses=tuple(dict.fromkeys((*self.witnesses, *witnesses))),
            against=(*self.against, *against),
        )


@dataclass(frozen=True, kw_only=True)
class PairView:
    """The paired transfers of one target.

    Attributes:
        pairs: those that count.
        intercepted: pairs in which the target's name met another key, and the neutral name ours.
        assessment: what they show together.
    """

    pairs: tuple[Pair, ...]
    intercepted: tuple[Pair, ...]
    assessment: Assessment

    @property
    def throttled(self) -> bool:
        """The name makes the difference."""
        return self.assessment.decision is Decision.THROTTLED

    @property
    def not_seen(self) -> bool:
        """No slowing by name of ×1/3 or more on most transfers."""
        return self.assessment.decision is Decision.NOT_SEEN

    @property
    def _empty(self) -> list[Pair]:
        return [p for p in self.pairs if not p.target.body_bytes and p.target.failure]

    @property
    def cut_off(self) -> bool:
        """With the target's name most transfers brought nothing at all."""
        return 2 * len(self._empty) > len(self.pairs)

    @property
    def reset(self) -> bool:
        """Most of those ended with a reset."""
        return 2 * sum(p.target.failure in RESET for p in self._empty) > len(self._empty)

    def same_fate(self, attempt: Attempt) -> bool:
        """The name decides, and our server met with it what the attempt met: silence, or a reset.

        A neutral name went through to our server each time, or the pair would not be evidence.
        """
        if not (self.throttled and self.cut_off):
            return False
        silent = sum(p.target.failure == "generic_timeout_error" for p in self._empty)
        return (attempt.reset and self.reset) or (attempt.silent and 2 * silent > len(self._empty))

    @property
    def stalled(self) -> bool:
        """With the target's name most transfers stopped on the way."""
        return 2 * sum(p.target.failure == "stalled" for p in self.pairs) > len(self.pairs)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all arms."""
        return tuple(i for pair in (*self.pairs, *self.intercepted) for i in pair.ids)

    @property
    def says(self) -> str:
        """One clause."""
        n = self.assessment.n_pairs
        if not n:
            return say("no paired transfer was made")
        if self.throttled:
            return say_n(
                "{n} paired transfer differs by the name alone",
                "{n} paired transfers differ by the name alone",
                n,
            )
        if self.not_seen:
            return say_n(
                "{n} paired transfer shows no slowing by name of ×1/3 or more",
                "{n} paired transfers show no slowing by name of ×1/3 or more",
                n,
            )
        return say_n("{n} paired transfer leaves it open", "{n} paired transfers leave it open", n)


def view_pairs(target_id: str, ground: Ground) -> PairView:
    """Sum up the pairs of one target."""
    own = [p for p in ground.pairs if not p.is_null and p.target.target == target_id]
    counted = tuple(p for p in own if p.counts)
    intercepted = tuple(
        p for p in own if p.target.failure == "pin_mismatch" and (p.neutral.goodput_bps or 0) > 0
    )
    assessment = assess(
        [pair_score(p) for p in counted],
        ground.null_x,
        failed=[i for i, p in enumerate(counted) if p.target_failed],
        neutral=ground.neutral_arms,
        profile=ground.profile.pairs,
    )
    return PairView(pairs=counted, intercepted=intercepted, assessment=assessment)
