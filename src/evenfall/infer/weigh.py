"""All pairs of a round, weighed for one target: by direction, by ClientHello, by address.

What it does. `infer.pairs` weighs a list of scores; this file decides which pairs belong to it.
Downloads and uploads are tested apart, each against the noise of its own direction. Beside the
decision it tells what else the pairs show: that one ClientHello fares otherwise than the other,
that an address stays bad after the name (`infer.residual`), or that a name which nobody knows fares
no better than the target, so that it is the *controls* that are exempt.

Rules.
- The leading direction is the one that convicts; of two that do, download; if none does, download
  where it has pairs.
- Null pairs: the neutral arm carries a control's host, the arm called "target" a fresh random name.
  If in all of them, at least two, the random name is slower than half, and the target is no slower
  than it by more than half again, the controls are exempt from something that hits every other
  name: then nothing is `targeted`.
- A neutral arm spoilt by residual blocking is left out of the noise; a pair in which the neutral
  arm is spoilt is left out altogether, since its arms were not treated as two names would be.
- "Slowed under one ClientHello alone" is said with evidence as for a conviction under the one, and
  at least two pairs and E ≤ 0.2 under the other.

What it does not do. It judges no target: `infer.finding` and the rules do.

Sources: METHOD 2.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from evenfall.infer.facts import Pair
from evenfall.infer.pairs import Assessment, Decision, NeutralArms, assess, evidence, score
from evenfall.infer.profiles import PAIRS_2026, PairsProfile
from evenfall.infer.residual import Residual, find_residual
from evenfall.model.vocabulary import Direction

__all__ = ["HelloSide", "Weighed", "controls_exempt", "direction_of", "pair_x", "weigh"]

_HELLO_PAIRS_MIN = 2
_HELLO_E_MAX = 0.2
_RANDOM_AS_TARGET_X = -0.4054651081081644  # −ln 1.5


@dataclass(frozen=True, kw_only=True)
class HelloSide:
    """The pairs that were sent with one ClientHello, in the leading direction.

    Attributes:
        e_value: evidence of these pairs alone.
        median_x: median of ln(target ÷ neutral).
    """

    hello: str
    n_pairs: int
    e_value: float
    median_x: float


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """What the pairs of a round show about one target.

    Attributes:
        pairs: the pairs of the leading direction that the assessment rests on.
        by_direction: each direction in which a pair was made.
        leading: the assessment to go by.
        convicted: directions in which the name is slowed.
        by_hello: the leading direction, split by ClientHello.
        only_hello: slowed under this ClientHello and not under the other; None: not shown.
        residual: addresses that stay bad after the name.
        exempt: it is the controls that are treated better than any other name.
    """

    pairs: tuple[Pair, ...]
    by_direction: dict[Direction, Assessment]
    leading: Assessment
    convicted: tuple[Direction, ...]
    by_hello: tuple[HelloSide, ...]
    only_hello: str | None
    residual: tuple[Residual, ...]
    exempt: bool


def pair_x(pair: Pair) -> float:
    """A pair's x = ln(target ÷ neutral)."""
    return score(pair.target.goodput_bps or 0, pair.neutral.goodput_bps or 0)


def direction_of(pair: Pair) -> Direction:
    """Which way its bytes went; pairs from before uploads went down."""
    return pair.target.direction or Direction.DOWNLOAD


def weigh(pairs: Sequence[Pair], target_id: str, *, profile: PairsProfile = PAIRS_2026) -> Weighed:
    """Weigh all pairs of a round for one target.

    Args:
        pairs: of the whole round, in order: this target's, the others', null pairs.
        target_id: whose name is in question.
        profile: parameters.
    """
    residual = find_residual(pairs)
    spoilt = frozenset(name for found in residual for name in found.spoilt)
    own = [
        p
        for p in pairs
        if not p.is_null
        and p.target.target == target_id
        and p.counts
        and p.neutral.observation_id not in spoilt
    ]
    sides = {
        way: [p for p in own if direction_of(p) is way]
        for way in Direction
        if any(direction_of(p) is way for p in own)
    }
    said = {
        way: _assess(side, pairs, way, spoilt=spoilt, profile=profile)
        for way, side in sides.items()
    }
    convicted = tuple(w for w, a in said.items() if a.decision is Decision.THROTTLED)
    lead = next((w for w in (*convicted, Direction.DOWNLOAD, *said) if w in said), None)
    nothing = assess((), (), profile=profile)
    by_hello = _by_hello(sides[lead], said[lead], profile) if lead else ()
    return Weighed(
        pairs=tuple(sides[lead]) if lead else (),
        by_direction=said,
        leading=said[lead] if lead else nothing,
        convicted=convicted,
        by_hello=by_hello,
        only_hello=_only_hello(by_hello, profile) if convicted else None,
        residual=residual,
        exempt=controls_exempt(pairs, [pair_x(p) for p in sides[lead]] if lead else ()),
    )


def controls_exempt(
    pairs: Sequence[Pair],
    target_x: Sequence[float] = (),
    *,
    profile: PairsProfile = PAIRS_2026,
) -> bool:
    """Whether a name that nobody knows fares as badly against the controls as the target does.

    Args:
        pairs: of the whole round.
        target_x: scores of the target; empty: only the null pairs are asked.
        profile: parameters.
    """
    nulls = [p for p in pairs if p.is_null and p.counts]
    random_x = [pair_x(p) for p in nulls]
    if len(random_x) < profile.null_pairs_min or max(random_x) > profile.slow_x:
        return False
    if not target_x:
        return True
    floor = max(statistics.median(random_x), profile.x_min)
    return max(statistics.median(target_x), profile.x_min) >= floor + _RANDOM_AS_TARGET_X


def _assess(
    side: Sequence[Pair],
    pairs: Sequence[Pair],
    way: Direction,
    *,
    spoilt: Collection[str],
    profile: PairsProfile,
) -> Assessment:
    small = profile.size_ladder_bytes[0]
    around = [p for p in pairs if direction_of(p) is way]
    nulls = [p for p in around if p.is_null and p.counts and not p.neutral_failed]
    arms = [
        (arm, arm.failure is not None or not arm.goodput_bps)
        for p in around
        for arm in p.neutral_arms
        if arm.observation_id not in spoilt
    ]
    return assess(
        [pair_x(p) for p in side],
        [pair_x(p) for p in nulls],
        failed=[i for i, p in enumerate(side) if p.target_failed],
        large=[i for i, p in enumerate(side) if (p.target.size_bytes or 0) > small],
        neutral=NeutralArms(done=len(arms), failed=sum(failed for _, failed in arms)),
        erratic=_is_erratic(side, profile),
        direction=way,
        profile=profile,
    )


def _is_erratic(side: Sequence[Pair], profile: PairsProfile) -> bool:
    """A target arm failed, and another as large or larger came through fast.

    Or its name was as much faster in a pair as would count as slowed the other way round: a line
    that does that to the neutral arm does it to the other too.
    """
    if any(pair_x(p) >= -profile.slow_x for p in side):
        return True
    failed = [p.target.size_bytes or 0 for p in side if p.target_failed]
    fast = [p.target.size_bytes or 0 for p in side if pair_x(p) > profile.fast_x]
    return bool(failed) and max(fast, default=-1) >= min(failed)


def _by_hello(
    side: Sequence[Pair], said: Assessment, profile: PairsProfile
) -> tuple[HelloSide, ...]:
    found = []
    for hello in dict.fromkeys(p.target.hello_profile or "stdlib" for p in side):
        x = [pair_x(p) for p in side if (p.target.hello_profile or "stdlib") == hello]
        e_value = evidence(x, said.scale, profile=profile)
        found.append(
            HelloSide(hello=hello, n_pairs=len(x), e_value=e_value, median_x=statistics.median(x))
        )
    return tuple(found)


def _only_hello(sides: Sequence[HelloSide], profile: PairsProfile) -> str | None:
    enough = [s for s in sides if s.n_pairs >= _HELLO_PAIRS_MIN]
    slowed = [s for s in enough if s.e_value >= profile.e_throttled]
    spared = [s for s in enough if s.e_value <= _HELLO_E_MAX]
    return slowed[0].hello if len(slowed) == 1 and spared else None
