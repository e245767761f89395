"""How it is slowed: policing, shaping, random loss, a stall, or a queue that all stand in.

What it does. `shape_of` takes the pairs of one target and says what the slow arms looked like, with
a confidence. It qualifies a verdict that stands without it, and convicts nobody.

Rules, in this order; the first that fits decides.

| kind | in the slow arms |
|---|---|
| stall | most ended with bytes that came and then none for half the time, at the same place |
| congestion | losses or a queue, and the neutral arms have them too |
| shaping | the round trip grows under load, and much less in the neutral arms |
| policing | losses without a queue; the bytes before the first (the bucket) or the rates cluster |
| random loss | losses without a queue, and neither is the same |
| unclear | anything else, or too little was told; its confidence is 0 |

With a single slow arm "the same" cannot be told; then a burst of at least ten kilobytes before the
first loss and a straight line after it stand for it, with less confidence.

What it does not do. It looks at the slow arms alone: how a name is slowed says nothing about
whether it is.

Sources: Flach et al., SIGCOMM 2016 (policing: losses without a standing queue, a plateau at the
token rate; the same rate in many transfers); background/throttling.md section 4; METHOD 2.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from evenfall.infer.facts import Pair
from evenfall.infer.profiles import CHECK_2026, CheckProfile, ShapeProfile
from evenfall.infer.traits import Traits, traits_of
from evenfall.infer.weigh import pair_x
from evenfall.model.saying import say
from evenfall.model.verdict import Shape
from evenfall.model.vocabulary import ShapeKind

__all__ = ["shape_of"]

_BUCKET_BYTES_MIN = 10_000
_SOME_BUCKET_BYTES = 5_000
_STRAIGHT_MAX = 0.05


def shape_of(pairs: Sequence[Pair], profile: CheckProfile = CHECK_2026) -> Shape:
    """What the slowed transfers looked like.

    Args:
        pairs: of one target and one direction, those that count; null pairs are left out.
        profile: parameters.
    """
    own = [p for p in pairs if not p.is_null]
    slow = [p for p in own if pair_x(p) <= profile.pairs.slow_x]
    if not slow:
        return _unclear(say("no transfer was slow"))
    rtts = [o.rtt_min_us for p in own for o in (p.target, p.neutral) if o.rtt_min_us]
    line_rtt_us = min(rtts, default=None)
    arms = [traits_of(p.target, line_rtt_us=line_rtt_us) for p in slow]
    others = [traits_of(p.neutral, line_rtt_us=line_rtt_us) for p in own]
    return _kind(arms, others, profile.shape)


def _kind(arms: Sequence[Traits], others: Sequence[Traits], profile: ShapeProfile) -> Shape:
    sure = profile.confidence if len(arms) >= profile.arms_min else profile.confidence_few
    stop_kb = _stops_at_kb(arms, profile)
    if stop_kb is not None:
        return Shape(
            kind=ShapeKind.STALL,
            confidence=sure,
            because=say("it stops after about {kb} kB and goes no further", kb=stop_kb),
        )
    if _median([a.queue for a in arms]) is None and _median([a.loss for a in arms]) is None:
        return _unclear(say("neither end's kernel told about losses or round trips"))
    queued, lossy = _has_queue(arms, profile), _loses(arms, profile)
    if (queued and _has_queue(others, profile)) or (lossy and _lose_too(arms, others, profile)):
        return Shape(
            kind=ShapeKind.CONGESTION,
            confidence=sure,
            because=say("transfers under the neutral name meet the same losses or the same queue"),
        )
    if queued and _longer_queue(arms, others, profile):
        return Shape(
            kind=ShapeKind.SHAPING,
            confidence=sure,
            because=say(
                "the round trip grows {times:.1f} times under load, and hardly with another name",
                times=_median([a.queue for a in arms]),
            ),
            rate_bps=_rate(arms),
        )
    if not lossy:
        return _unclear(say("neither losses nor a queue were seen"))
    if _same_bucket_or_rate(arms, profile):
        return Shape(
            kind=ShapeKind.POLICING,
            confidence=sure,
            because=say("packets are dropped without a queue, above the same rate each time"),
            rate_bps=_rate(arms),
        )
    return Shape(
        kind=ShapeKind.RANDOM_LOSS,
        confidence=sure,
        because=say("packets are dropped without a queue, and at no fixed rate"),
    )


def _stops_at_kb(arms: Sequence[Traits], profile: ShapeProfile) -> int | None:
    """Where most of them stopped, if it was at the same place each time."""
    at = [float(a.stalled_at_bytes or 0) for a in arms if a.stalled]
    if 2 * len(at) <= len(arms) or (len(at) > 1 and _spread(at) > profile.spread_max):
        return None
    return round(statistics.median(at) / 1000)


def _has_queue(arms: Sequence[Traits], profile: ShapeProfile) -> bool:
    factor = _median([a.queue for a in arms])
    added_us = _median([a.queue_us for a in arms])
    if factor is None or added_us is None:
        return False
    return factor >= profile.queue_factor and added_us >= profile.queue_added_us


def _longer_queue(arms: Sequence[Traits], others: Sequence[Traits], profile: ShapeProfile) -> bool:
    ours, theirs = (_median([a.queue for a in side]) for side in (arms, others))
    return ours is not None and (theirs is None or ours >= profile.queue_over_neutral * theirs)


def _loses(arms: Sequence[Traits], profile: ShapeProfile) -> bool:
    loss = _median([a.loss for a in arms])
    return loss is not None and loss >= profile.loss_min


def _lose_too(arms: Sequence[Traits], others: Sequence[Traits], profile: ShapeProfile) -> bool:
    ours, theirs = (_median([a.loss for a in side]) for side in (arms, others))
    return bool(ours) and theirs is not None and theirs >= profile.loss_shared * (ours or 0.0)


def _same_bucket_or_rate(arms: Sequence[Traits], profile: ShapeProfile) -> bool:
    buckets = [float(a.first_loss_bytes) for a in arms if a.first_loss_bytes is not None]
    rates = [a.plateau.rate_bps for a in arms if a.plateau is not None]
    if len(arms) >= profile.arms_min:
        # The very first segment may be lost each time by chance; no bucket is that small.
        if statistics.median(buckets or [0.0]) < _SOME_BUCKET_BYTES:
            buckets = []
        return any(
            len(values) >= profile.arms_min and _spread(values) <= profile.spread_max
            for values in (buckets, rates)
        )
    straight = all(a.plateau is not None and a.plateau.residual <= _STRAIGHT_MAX for a in arms)
    return straight and min(buckets, default=0.0) >= _BUCKET_BYTES_MIN


def _spread(values: Sequence[float]) -> float:
    """Coefficient of variation."""
    mean = statistics.fmean(values)
    return statistics.stdev(values) / mean if mean > 0 else 0.0


def _rate(arms: Sequence[Traits]) -> int | None:
    rates = [a.plateau.rate_bps for a in arms if a.plateau is not None]
    return round(statistics.median(rates)) if rates else None


def _median(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return statistics.median(told) if told else None


def _unclear(because: str) -> Shape:
    return Shape(kind=ShapeKind.UNCLEAR, confidence=0.0, because=because)
