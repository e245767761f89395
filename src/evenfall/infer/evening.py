"""One evening of pairs in order of time: was a name slowed, and between which samples?

What it does. `check` looks once; whoever keeps looking through an evening gets a row of pairs, some
from before, some from during, some from after. This file finds the one stretch in which the pairs
speak most strongly for slowing by name, says whether they speak strongly enough, and names the
samples on either side of its two ends. It never speaks of a curfew: one evening cannot show one.

Rules.
- Alarm: the e-detector of METHOD 2, M_n = max(M_{n−1}, 1)·(1 − π + π·L_n) with π = .6, reaches
  20,000. L is the likelihood ratio of one pair, cut at 60, so that no fewer than three pairs alarm.
- The stretch is the run of consecutive samples with the largest sum of ln(1 − π + π·L). An end is
  known only to lie between two samples: the last that is outside and the first that is inside.
  Where the row itself begins or ends inside the stretch, that side is open (None).
- A pair of which both arms brought nothing says nothing about a name and is left out by the caller.

How it works. The largest sum of a run is found in one pass (Kadane). Innocent pairs have
E[ln(1 − π + π·L)] < 0, so a run does not grow through them. The ends are looked for twice: first
with L, which allows for any depth and so takes a slight outlier beside the window for a part of it,
then with the likelihood ratio at the depth of the run just found.

What it does not do. It assumes one stretch; two separate ones in one evening are reported as the
stronger. It does not tell slowing from blocking: `share_empty` says how many of the samples inside
brought no byte at all, and the caller chooses the word.

Sources: J. Shin, A. Ramdas, A. Rinaldo, "E-detectors" (2024), section 3; J. Bentley, CACM 27 (1984)
for the run of the largest sum.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from evenfall.infer.pairs import effect, likelihood_ratio, null_scale, t2_density
from evenfall.infer.profiles import PAIRS_2026, WATCH_2026, PairsProfile, WatchProfile
from evenfall.model.verdict import SlowerBy

__all__ = ["Sample", "Stretch", "find_stretch"]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One pair of one service.

    Attributes:
        from_min, to_min: when the transfer with the target's name began and was over; minutes on
            any one clock.
        x: ln(target ÷ neutral goodput), as `infer.pairs.score` gives it.
        empty: not one byte came with the target's name.
    """

    from_min: float
    to_min: float
    x: float
    empty: bool = False


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Where in a row of samples a name was slowed.

    Attributes:
        evidence: the largest value of the e-detector.
        begin_after_min, begin_by_min: the beginning lies between these; None: the row began inside.
        end_after_min, end_by_min: so does the end; None: the row ended inside.
        n, n_all: samples inside, and in all.
        share_empty: of the samples inside.
    """

    evidence: float
    begin_after_min: float | None
    begin_by_min: float
    end_after_min: float
    end_by_min: float | None
    n: int
    n_all: int
    share_empty: float
    slower_by: SlowerBy


def find_stretch(
    samples: Sequence[Sample],
    null_x: Sequence[float] = (),
    *,
    pairs: PairsProfile = PAIRS_2026,
    watch: WatchProfile = WATCH_2026,
) -> Stretch | None:
    """The slowed stretch, or None where the evidence does not reach the alarm.

    Args:
        samples: of one service, in order of time.
        null_x: scores of neutral pairs on the same line; their scale widens the null density.
        pairs: parameters of the likelihood ratio.
        watch: parameters of the detector.
    """
    scale = max(pairs.scale_min, null_scale(null_x) or 0.0)
    gains = [
        math.log(1 - watch.share + watch.share * likelihood_ratio(s.x, scale, profile=pairs))
        for s in samples
    ]
    peak = _detector_peak(gains)
    if peak < math.log(watch.alarm):
        return None
    first, last = _best_run(gains)
    depth = statistics.median([s.x for s in samples[first : last + 1]])
    first, last = _best_run([_gain_at(s.x, depth, scale, pairs, watch) for s in samples])
    inside = samples[first : last + 1]
    return Stretch(
        evidence=math.exp(min(peak, 700.0)),
        begin_after_min=samples[first - 1].from_min if first else None,
        begin_by_min=samples[first].to_min,
        end_after_min=samples[last].from_min,
        end_by_min=samples[last + 1].to_min if last + 1 < len(samples) else None,
        n=len(inside),
        n_all=len(samples),
        share_empty=sum(s.empty for s in inside) / len(inside),
        slower_by=effect([s.x for s in inside], scale, profile=pairs),
    )


def _detector_peak(gains: Sequence[float]) -> float:
    """Largest ln M_n; M restarts from 1 whenever it has fallen below."""
    level = peak = 0.0
    for gain in gains:
        level = max(level, 0.0) + gain
        peak = max(peak, level)
    return peak


def _gain_at(
    x: float, depth: float, scale: float, pairs: PairsProfile, watch: WatchProfile
) -> float:
    """ln(1 − π + π·f0(x − depth)/f0(x)), the ratio cut as L is; both held above x_min."""
    x, depth = max(x, pairs.x_min), max(depth, pairs.x_min)
    ratio = t2_density((x - depth) / scale) / t2_density(x / scale)
    return math.log(1 - watch.share + watch.share * min(ratio, pairs.evidence_pair_max))


def _best_run(gains: Sequence[float]) -> tuple[int, int]:
    """First and last index of the run with the largest sum; the earliest of equals."""
    best, best_run = -math.inf, (0, 0)
    total, first = 0.0, 0
    for index, gain in enumerate(gains):
        if total <= 0:
            total, first = 0.0, index
        total += gain
        if total > best:
            best, best_run = total, (first, index)
    return best_run
