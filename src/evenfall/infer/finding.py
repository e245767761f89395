"""What a rule says about one target, before it is printed as a verdict.

What it does. A `Finding` is the part of a verdict that a rule decides; `PairView` sums up the
paired transfers of one target (weighed by `infer.weigh`), which most rules ask. `unconfirmed` is
the one finding that several rules end in.

Rules. Every finding names its rule. `isolated` is set from pairs where they decided, and from our
own server asked over plain HTTP (`infer.plain`): from what differs in the name alone.

What it does not do. It decides nothing; see `infer.verdicts` for the order of the rules.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from evenfall.infer.facts import RESET, Attempt, Pair
from evenfall.infer.ground import Ground
from evenfall.infer.pairs import Assessment, Decision
from evenfall.infer.weigh import weigh
from evenfall.model.saying import say, say_n
from evenfall.model.verdict import SlowerBy
from evenfall.model.vocabulary import Direction, Scope, State

__all__ = ["Finding", "PairView", "unconfirmed", "view_pairs"]

_ENDS = {
    "connection_reset": "tls.reset.sni",
    "connection_aborted": "tls.reset.sni",
    "eof_error": "tls.close.sni",
    "ssl_failed_handshake": "tls.alert.sni",
}


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


def unconfirmed(because: str, witnesses: tuple[str, ...]) -> Finding:
    """Something was seen once, which is no finding."""
    return Finding(
        rule_id="check.unconfirmed",
        state=State.INSUFFICIENT,
        scope=Scope.UNDETERMINED,
        scope_because=say("it was not repeated"),
        because=because,
        witnesses=witnesses,
    )


@dataclass(frozen=True, kw_only=True)
class PairView:
    """The paired transfers of one target.

    Attributes:
        pairs: those that count, of the direction that leads.
        intercepted: pairs in which the target's name met another key, and the neutral name ours.
        assessment: what they show together.
        directions: in which the name is slowed.
        exempt: a name that nobody knows fares as badly: it is the controls that are spared.
        residual: addresses at which neutral names fail too once the target's name was seen there.
        fruitless: pairs that were made and do not count, because our server was of no help.
        spent_bytes: what all its pairs cost the line.
    """

    pairs: tuple[Pair, ...]
    intercepted: tuple[Pair, ...]
    assessment: Assessment
    directions: tuple[Direction, ...] = ()
    exempt: bool = False
    residual: tuple[str, ...] = ()
    fruitless: int = 0
    spent_bytes: int = 0

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

    @property
    def cut_mechanism(self) -> str:
        """The mechanism by which most of those ended."""
        ends = Counter(_ENDS.get(p.target.failure or "", "tls.drop.sni") for p in self._empty)
        return ends.most_common(1)[0][0] if ends else "tls.drop.sni"

    def same_fate(self, attempt: Attempt) -> bool:
        """The name decides, and our server met with it what the attempt met.

        That is silence, an alert, or an end of the connection (a box that sends a FIN or a reset
        may look either way, by what was still on the line).

        A neutral name went through to our server each time, or the pair would not be evidence.
        """
        if not (self.throttled and self.cut_off):
            return False
        if attempt.reset:
            return self.reset
        if not (attempt.silent or attempt.alerted):
            return False
        alike = sum(p.target.failure == attempt.failure for p in self._empty)
        return 2 * alike > len(self._empty)

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
        if not n and self.fruitless:
            return say_n(
                "{n} paired transfer was tried, and our own server was of no help",
                "{n} paired transfers were tried, and our own server was of no help",
                self.fruitless,
            )
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
    intercepted = tuple(
        p for p in own if p.target.failure == "pin_mismatch" and (p.neutral.goodput_bps or 0) > 0
    )
    weighed = weigh(ground.pairs, target_id, profile=ground.profile.pairs)
    return PairView(
        pairs=weighed.pairs,
        intercepted=intercepted,
        assessment=weighed.leading,
        directions=weighed.convicted,
        exempt=weighed.exempt,
        residual=tuple(found.address for found in weighed.residual),
        fruitless=sum(not p.counts and p not in intercepted for p in own),
        spent_bytes=sum(arm.wire_bytes or 0 for p in own for arm in (p.target, p.neutral)),
    )
