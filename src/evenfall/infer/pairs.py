"""Is this name slowed now? The test of paired transfers (METHOD 2).

What it does. Each pair fetched the same bytes from the same server and address twice, in random
order; the two arms differ in the server name alone. `score` turns a pair into
x = ln(target ÷ neutral goodput); `assess` turns all pairs so far into evidence, a decision, and an
effect with an interval.

Rules. Zero bytes are x = −3 and are never dropped. A pair's likelihood ratio is cut at 60, so that
one faulty pair can never convict. THROTTLED: E ≥ 100 and at least 2 pairs. NOT SEEN: E ≤ 0.05 and
at least 4. After 12 pairs the rest is INCONCLUSIVE. If the line's own neutral/neutral pairs are
wider than scale 0.30, the arms of one of them differ by ×2, fewer than two came through, or any
neutral arm of the round failed, THROTTLED needs E ≥ 1000 *and* a sign test at 5 % (against a
slowing of ×1/1.5, so at least five pairs). The order of the pairs does not matter.

Directions are tested apart and share the 1 %: downloads get nine tenths of it, so that the bars
above are 111 and 1111 for them, and ten times as high for uploads.

What a burst allowance hides from small transfers is not held against the larger ones: where there
are pairs of both kinds, the sign test is done over all and over the larger ones, and twice the
smaller p counts. The scale of a line is told from its neutral pairs together with two more of scale
0.19: two pairs alone would call every third quiet line wide.

Bias. A line may prefer one name to another a little, all evening, without anybody's doing (another
route, another cache of the access network). So THROTTLED also needs `e_preferred` ≥ 50: the same
evidence with every x raised by ln 1.5, which is what is left against "the neutral name is preferred
by ×1.5". It costs slowings of less than ×1/3, which METHOD does not claim to see, and little else
(bench/pair_calibration.py).

Arms that fail. A slow transfer has no innocent explanation but noise, which f0 holds; a transfer
that was cut, or brought nothing, has another one: on some lines transfers fail at random. How often
is told by the round's neutral arms, of pairs and null pairs alike. Hence a pair whose target arm
failed is cut at (neutral arms + 2) ÷ (neutral arms that failed + 1): 8 or 9 where none of six or
seven failed, so that three silent pairs convict and two do not; 2 where half of them failed too.
Where the target's own arms fail at one time and come through fast at another, or its name was
faster by ×2 in one pair, the line counts as noisy (docs/decisions/0024). Among arms that came
through, more slowing never lowers the evidence; a failed arm may weigh less than a slow one
(docs/decisions/0009).

How it works. Null f0: Student t with 2 d.o.f. and scale s = max(0.19, the scale of this line's
neutral pairs). With y = x/s: density (2 + y²)^(−3/2), distribution F(y) = ½ + y / (2√(2 + y²)).
Alternative f1: the mean of f0(x − m) over m uniform in [−ln 60, −ln 1.5], which is
(F((x + ln 60)/s) − F((x + ln 1.5)/s)) / ln 40. L = min(f1/f0, 60), and
E = mean over π in {.3, .6, .95} of Π(1 − π + π·L): each product is a non-negative supermartingale
under f0 (E[L] ≤ 1), so E ever reaches 100 with probability at most 1 % (Ville 1939), whenever one
stops. x is held at −3 below, because in the far tail both densities fall alike and the ratio would
sink again; and at 0 above, for the same reason on the other side: a target that is faster than its
neighbour is as good as equal. Where a wide scale puts so much of f0 below −3 that E[L] could pass
1, L is divided by a bound of it; at 0.19 that changes nothing.

The effect is the median of x, with the set of shifts μ that the likelihood mixture does not
exclude: {μ : L_n(μ) > α · mean of L_n over a uniform prior on [−ln 1000, ln 60]}. The ratio is a
martingale under μ (the prior-posterior ratio of Waudby-Smith and Ramdas), so the set holds at every
n at once if the noise has the shape of f0. From 8 pairs on, `infer.sign` gives bounds without that
assumption, and the wider of the two is printed.

What it does not do. It knows nothing of why; a name that is treated differently by our own server's
network would look the same. A pair of which the neutral arm did not connect is no pair at all, and
the caller leaves it out.

Sources: background/throttling.md sections 6 to 8; I. Waudby-Smith, A. Ramdas, NeurIPS 2020,
"Confidence sequences for sampling without replacement", section 2; scale 0.19: 36,000 rows of
russia-twitter-throttle, March–May 2021.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from evenfall.infer.profiles import PAIRS_2026, PairsProfile
from evenfall.infer.sign import median_interval, sign_test_p
from evenfall.model.verdict import SlowerBy
from evenfall.model.vocabulary import Direction

__all__ = [
    "Assessment",
    "Decision",
    "NeutralArms",
    "assess",
    "effect",
    "evidence",
    "failed_arm_max",
    "likelihood_ratio",
    "null_scale",
    "score",
    "t2_cdf",
    "t2_density",
]

_T2_UPPER_QUARTILE = 0.816496580927726  # √(2/3): half of |t₂| lies below it
_SIGN_P_MAX = 0.05
_ALPHA = 0.05
_EFFECT_LOW = -math.log(1000.0)  # zero bytes count as "at least 1000 times slower"
_GRID_POINTS = 801


class Decision(StrEnum):
    """What the pairs of one target show."""

    THROTTLED = "throttled"
    NOT_SEEN = "not_seen"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, kw_only=True)
class NeutralArms:
    """How the arms with a neutral name fared in this round, in pairs and null pairs.

    Attributes:
        done: arms, however they ended.
        failed: those that were cut, brought nothing or did not connect.
    """

    done: int = 0
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """The pairs of one target, summed up.

    Attributes:
        e_value: evidence against "this name is not slowed".
        e_preferred: the same against "the neutral name is preferred by ×1.5, and that is all".
        n_pairs: pairs that count.
        scale: scale of the null density that was used.
        wide: the line is noisy, so that more was asked for.
        sign_p: exact one-sided sign test against a slowing of ×1/1.5.
        slower_by: control ÷ target; only where the decision is THROTTLED.
        settled: no further pair can change the decision under the profile's stopping rule.
    """

    decision: Decision
    e_value: float
    n_pairs: int
    scale: float
    wide: bool
    sign_p: float
    slower_by: SlowerBy | None
    settled: bool
    direction: Direction = Direction.DOWNLOAD
    e_preferred: float = 1.0


def t2_density(y: float) -> float:
    """Density of Student's t with 2 d.o.f."""
    return float((2.0 + y * y) ** -1.5)


def t2_cdf(y: float) -> float:
    """Distribution function of Student's t with 2 d.o.f."""
    return 0.5 + y / (2.0 * math.sqrt(2.0 + y * y))


def score(target_bps: float, neutral_bps: float) -> float:
    """The pair's x = ln(target ÷ neutral); zero bytes with the target's name are −ln 1000.

    (They are clipped where the evidence is computed.) Both zero: 0, for the arms fared alike.
    """
    if target_bps <= 0 and neutral_bps <= 0:
        return 0.0
    if target_bps <= 0:
        return _EFFECT_LOW
    if neutral_bps <= 0:
        return -_EFFECT_LOW
    return math.log(target_bps / neutral_bps)


def likelihood_ratio(x: float, scale: float, *, profile: PairsProfile = PAIRS_2026) -> float:
    """f1/f0 of one pair, cut at the profile's maximum; never rises with x.

    Its mean under f0 is at most 1, whatever the scale.
    """
    x = min(max(x, profile.x_min), 0.0)
    return _density_ratio(x, scale, profile) / max(1.0, _mean_bound(scale, profile))


def _density_ratio(x: float, scale: float, profile: PairsProfile) -> float:
    low, high = math.log(profile.factor_min), math.log(profile.factor_max)
    inside = t2_cdf((x + high) / scale) - t2_cdf((x + low) / scale)
    f1 = inside / (high - low)
    f0 = t2_density(x / scale) / scale
    return min(f1 / f0, profile.evidence_pair_max)


@functools.lru_cache(maxsize=64)
def _mean_bound(scale: float, profile: PairsProfile) -> float:
    """An upper bound of the ratio's mean under f0, both cuts of x included.

    Inside the cuts the ratio's mean is the mass of f1 there; at each cut all of f0's tail has the
    ratio at the cut. At scale 0.19 this is 0.82; above about 0.3 it passes 1.
    """
    inside = _f1_below(0.0, scale, profile) - _f1_below(profile.x_min, scale, profile)
    slow_tail = t2_cdf(profile.x_min / scale) * _density_ratio(profile.x_min, scale, profile)
    return inside + slow_tail + 0.5 * _density_ratio(0.0, scale, profile)


def _f1_below(x: float, scale: float, profile: PairsProfile) -> float:
    """Mass of f1 below x: the mean of F over the mixture, ∫F = (y + √(2 + y²)) / 2."""
    low, high = math.log(profile.factor_min), math.log(profile.factor_max)
    upper, lower = (x + high) / scale, (x + low) / scale
    area = (upper - lower + math.sqrt(2 + upper * upper) - math.sqrt(2 + lower * lower)) / 2
    return area * scale / (high - low)


def failed_arm_max(neutral: NeutralArms, *, profile: PairsProfile = PAIRS_2026) -> float:
    """What a pair whose target arm failed can say at most; always more than 1."""
    arms = neutral.done + profile.failed_arms_added
    return arms / (neutral.failed + profile.failed_added)


def evidence(
    x: Sequence[float],
    scale: float,
    *,
    failed: Collection[int] = (),
    neutral: NeutralArms | None = None,
    profile: PairsProfile = PAIRS_2026,
) -> float:
    """E after these pairs; 1 without any. For `failed` and `neutral` see `assess`."""
    most = failed_arm_max(neutral or NeutralArms(), profile=profile)
    ratios = [likelihood_ratio(value, scale, profile=profile) for value in x]
    ratios = [min(ratio, most) if i in failed else ratio for i, ratio in enumerate(ratios)]
    products = (math.prod(1 - pi + pi * ratio for ratio in ratios) for pi in profile.shares)
    return sum(products) / len(profile.shares)


def null_scale(null_x: Sequence[float], *, prior: Sequence[float] = ()) -> float | None:
    """Scale of a t₂ whose median |x| is that of these neutral/neutral pairs; None without any.

    `prior` are scales that count as one pair each, of just this width.
    """
    if not null_x:
        return None
    sizes = [abs(value) for value in null_x] + [scale * _T2_UPPER_QUARTILE for scale in prior]
    return statistics.median(sizes) / _T2_UPPER_QUARTILE


def assess(
    x: Sequence[float],
    null_x: Sequence[float],
    *,
    failed: Collection[int] = (),
    large: Collection[int] = (),
    neutral: NeutralArms | None = None,
    erratic: bool = False,
    direction: Direction = Direction.DOWNLOAD,
    profile: PairsProfile = PAIRS_2026,
) -> Assessment:
    """Sum up all pairs of one target and direction measured so far.

    Args:
        x: scores of the pairs target/neutral, in any order.
        null_x: scores of this round's pairs neutral/neutral of which both arms came through (their
            sign means nothing).
        failed: which of `x` have a target arm that was cut or brought nothing, by index.
        large: which of `x` are larger than the smallest size of the ladder, by index.
        neutral: how all neutral arms of the round fared; None: nothing is known of them.
        erratic: a target arm failed, and another as large or larger came through fast: what fails
            at one time and not at another asks for as much as a noisy line.
        direction: which way the bytes went; sets how much evidence is asked for.
        profile: the parameters.
    """
    own_scale = null_scale(null_x, prior=[profile.scale_min] * profile.null_pairs_prior)
    arms = neutral or NeutralArms()
    wide = (
        erratic
        or arms.failed > 0
        or len(null_x) < profile.null_pairs_min
        or sum(abs(value) >= -profile.slow_x for value in null_x) > profile.null_outliers_max
        or (own_scale is not None and own_scale > profile.null_scale_wide)
    )
    scale = max(profile.scale_min, own_scale or 0.0)
    e_value = evidence(x, scale, failed=failed, neutral=arms, profile=profile)
    shift = math.log(profile.factor_min)
    e_preferred = evidence(
        [value + shift for value in x], scale, failed=failed, neutral=arms, profile=profile
    )
    sign_p = _sign_p(x, large, -shift)
    share = profile.download_share
    asked = _Asked(wide, share if direction is Direction.DOWNLOAD else 1 - share)
    decision = _decide(e_value, e_preferred, len(x), sign_p, asked, profile)
    return Assessment(
        decision=decision,
        e_value=e_value,
        n_pairs=len(x),
        scale=scale,
        wide=wide,
        sign_p=sign_p,
        slower_by=effect(x, scale, profile=profile) if decision is Decision.THROTTLED else None,
        settled=decision is not Decision.INCONCLUSIVE or len(x) >= profile.n_max,
        direction=direction,
        e_preferred=e_preferred,
    )


def effect(x: Sequence[float], scale: float, *, profile: PairsProfile = PAIRS_2026) -> SlowerBy:
    """Control ÷ target: exp(−median x), with the wider of the two always-valid intervals."""
    held = [min(max(value, _EFFECT_LOW), -_EFFECT_LOW) for value in x]
    low, high = _likelihood_interval(held, scale, profile)
    without_shape = median_interval(held, alpha=_ALPHA)
    if without_shape is not None:
        low, high = min(low, without_shape[0]), max(high, without_shape[1])
    median = statistics.median(held)
    return SlowerBy(
        median=_rounded(math.exp(-median)),
        low=_rounded(math.exp(-max(high, median))),
        high=_rounded(math.exp(-min(low, median))),
    )


def _sign_p(x: Sequence[float], large: Collection[int], shift: float) -> float:
    """The sign test over all pairs, or over the large ones alone; twice the smaller p."""
    everything = sign_test_p(x, shift=shift)
    beyond = [value for i, value in enumerate(x) if i in large]
    if not beyond or len(beyond) == len(x):
        return everything
    return min(1.0, 2 * min(everything, sign_test_p(beyond, shift=shift)))


class _Asked(NamedTuple):
    """How much is asked for: on a noisy line more, and more of a direction with a small share."""

    wide: bool
    share: float


def _decide(
    e_value: float,
    e_preferred: float,
    n: int,
    sign_p: float,
    asked: _Asked,
    profile: PairsProfile,
) -> Decision:
    convicted = e_value * asked.share >= (profile.e_wide if asked.wide else profile.e_throttled)
    convicted = convicted and e_preferred >= profile.e_preferred
    if asked.wide:
        convicted = convicted and sign_p <= _SIGN_P_MAX
    if convicted and n >= profile.n_throttled_min:
        return Decision.THROTTLED
    if e_value <= profile.e_not_seen and n >= profile.n_not_seen_min:
        return Decision.NOT_SEEN
    return Decision.INCONCLUSIVE


def _likelihood_interval(
    x: Sequence[float], scale: float, profile: PairsProfile
) -> tuple[float, float]:
    """Shifts that the mixture over a uniform prior does not exclude, on a fixed grid."""
    prior_low, prior_high = _EFFECT_LOW, math.log(profile.factor_max)
    step = (prior_high - prior_low) / (_GRID_POINTS - 1)
    grid = [prior_low + step * i for i in range(_GRID_POINTS)]
    log_likelihood = [
        sum(-1.5 * math.log(2.0 + ((value - mu) / scale) ** 2) for value in x) for mu in grid
    ]
    top = max(log_likelihood)
    mean = sum(math.exp(value - top) for value in log_likelihood) / _GRID_POINTS
    bar = top + math.log(_ALPHA * mean)
    kept = [mu for mu, value in zip(grid, log_likelihood, strict=True) if value > bar]
    # One step outwards on each side: the true end lies between two points of the grid.
    return min(kept) - step, max(kept) + step


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
