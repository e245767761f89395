"""How it is slowed: policing, shaping, random loss, a stall, or a queue that all stand in.

What it does. `shape_of` takes the pairs of one target and says what the slow arms looked like, with
a confidence. It qualifies a verdict that stands without it, and convicts nobody.

Rules, in this order; the first that fits decides.

| kind | in the slow arms |
|---|---|
| stall | most ended with bytes that came and then none for half the time allowed |
| congestion | a queue, and the neutral arms stand in one as long |
| shaping | the round-trip time grows under load, and not in the neutral arms |
| policing | losses without a queue, and the rates of the transfers cluster |
| random loss | losses without a queue, and the rates scatter |
| unclear | anything else, or too little was told; its confidence is 0 |

What it does not do. It looks at the slow arms alone: how a name is slowed says nothing about
whether it is.

Sources: Flach et al., SIGCOMM 2016 (policing: losses without a standing queue, a plateau at the
token rate; the same rate in many transfers); background/throttling.md section 4; METHOD 2.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from evenfall.infer.facts import Pair
from evenfall.infer.pairs import score
from evenfall.infer.profiles import CHECK_2026, CheckProfile
from evenfall.infer.traits import Traits, traits_of
from evenfall.model.observation import Observation
from evenfall.model.saying import say
from evenfall.model.verdict import Shape
from evenfall.model.vocabulary import ShapeKind

__all__ = ["shape_of"]

_SLOW_X = -0.69  # half as fast


def shape_of(pairs: Sequence[Pair], profile: CheckProfile = CHECK_2026) -> Shape:
    """What the slowed transfers looked like.

    Args:
        pairs: of one target and one direction, those that count; null pairs are left out.
        profile: parameters.
    """
    _ = profile
    own = [p for p in pairs if not p.is_null]
    slow = [p for p in own if _x(p) <= _SLOW_X]
    if not slow:
        return _unclear(say("no transfer was slow"))
    rtts = [o.rtt_min_us for p in own for o in (p.target, p.neutral) if o.rtt_min_us]
    line_rtt_us = min(rtts, default=None)
    arms = [traits_of(p.target, line_rtt_us=line_rtt_us) for p in slow]
    others = [traits_of(p.neutral, line_rtt_us=line_rtt_us) for p in own]
    return _kind(arms, others)


def _kind(arms: Sequence[Traits], others: Sequence[Traits]) -> Shape:
    stalled = [a for a in arms if a.stalled]
    if 2 * len(stalled) > len(arms):
        at = statistics.median([a.stalled_at_bytes or 0 for a in stalled])
        return Shape(
            kind=ShapeKind.STALL,
            confidence=0.9,
            because=say("it stops after about {kb} kB and goes no further", kb=round(at / 1000)),
        )
    queue = _median([a.queue for a in arms])
    theirs = _median([a.queue for a in others])
    loss = _median([a.loss for a in arms])
    if queue is None:
        return _unclear(say("this machine's kernel does not tell round-trip times"))
    if queue >= 1.5:
        if theirs is not None and theirs >= 1.5 and queue < 1.3 * theirs:
            return Shape(
                kind=ShapeKind.CONGESTION,
                confidence=0.7,
                because=say("the round trip grows under load with any name"),
            )
        return Shape(
            kind=ShapeKind.SHAPING,
            confidence=0.8,
            because=say("the round trip grows {times:.1f} times under load", times=queue),
            rate_bps=_rate(arms),
        )
    if loss is None or loss < 0.005:
        return _unclear(say("neither losses nor a queue were seen"))
    rates = [a.goodput_bps for a in arms if a.goodput_bps]
    spread = statistics.stdev(rates) / statistics.fmean(rates) if len(rates) > 1 else None
    if spread is not None and spread >= 0.15:
        return Shape(
            kind=ShapeKind.RANDOM_LOSS,
            confidence=0.6,
            because=say("packets are lost, without a queue and at no fixed rate"),
        )
    return Shape(
        kind=ShapeKind.POLICING,
        confidence=0.6,
        because=say("packets are lost without a queue, and the rate is the same each time"),
        rate_bps=_rate(arms),
    )


def _rate(arms: Sequence[Traits]) -> int | None:
    rates = [a.plateau.rate_bps for a in arms if a.plateau is not None]
    return round(statistics.median(rates)) if rates else None


def _median(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return statistics.median(told) if told else None


def _unclear(because: str) -> Shape:
    return Shape(kind=ShapeKind.UNCLEAR, confidence=0.0, because=because)


def _x(pair: Pair) -> float:
    bps: tuple[Observation, Observation] = (pair.target, pair.neutral)
    return score(*(o.goodput_bps or 0 for o in bps))
