"""Small exact tests and intervals, written out so that nothing but numbers is needed.

What is here, and where each is used:
    `fisher_greater`      days that failed here against days that failed in the reference
                          (`always.py`): the one-sided test of Fisher, from the hypergeometric law.
    `binomial_tail`       days on which most transfers were slow, against a coin (`always.py`).
    `clopper_pearson`     limits of a share (`effect.py`), also for a fractional "effective n".
    `median_limits`       distribution-free limits of a median from order statistics.

Rules: sums of whole numbers where the law is discrete (`math.comb`, no approximation); the
incomplete beta function by Lentz's continued fraction where n need not be whole, inverted by
Newton's method within a bracket, to 1e-12. No p-value of 0 is ever returned by a rotation test;
those here can be tiny, as they are exact.

What they do not know: days that hang together. A test over days treats days as separate draws; an
outage that lasts a week is one event. `always.py` says what is done about that.

Sources: R. A. Fisher, Statistical Methods for Research Workers, 1934, §21.02; C. Clopper and E.
Pearson, Biometrika 26 (1934); DLMF 8.17.22 (continued fraction); W. Lentz, Appl. Opt. 15 (1976).
"""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = [
    "beta_cdf",
    "binomial_tail",
    "clopper_pearson",
    "fisher_greater",
    "hypergeometric_tail",
    "median_limits",
]

_TERMS_MAX = 10_000
_TINY = 1e-300
_PRECISION = 1e-15
_STEPS_MAX = 100  # Newton's take about ten; halving alone would take 50
_QUANTILE_PRECISION = 1e-14


def hypergeometric_tail(*, hits: int, drawn: int, marked: int, total: int) -> float:
    """P(X ≥ hits) when `drawn` of `total` are drawn and `marked` of them carry a mark."""
    low, high = max(hits, drawn - (total - marked), 0), min(drawn, marked)
    ways = sum(
        math.comb(marked, k) * math.comb(total - marked, drawn - k) for k in _range(low, high)
    )
    return float(ways / math.comb(total, drawn))


def _range(low: int, high: int) -> range:
    return range(low, high + 1)


def fisher_greater(*, hits: int, n: int, reference_hits: int, reference_n: int) -> float:
    """One-sided exact p that the share hits ÷ n is above the reference's, margins fixed."""
    return hypergeometric_tail(
        hits=hits, drawn=n, marked=hits + reference_hits, total=n + reference_n
    )


def binomial_tail(*, hits: int, n: int) -> float:
    """P(X ≥ hits) of n throws of a fair coin."""
    return float(sum(math.comb(n, k) for k in _range(hits, n)) / 2**n)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b), a and b > 0."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta_cdf(1.0 - x, b, a)
    return math.exp(_log_front(x, a, b)) / a * _beta_fraction(x, a, b)


def _log_front(x: float, a: float, b: float) -> float:
    """Logarithm of xᵃ(1 − x)ᵇ ÷ B(a, b)."""
    return (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )


def _beta_fraction(x: float, a: float, b: float) -> float:
    """DLMF 8.17.22 by Lentz's method."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _TERMS_MAX):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            d = 1.0 + numerator * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + numerator / c
            c = c if abs(c) > _TINY else _TINY
            value *= d * c
        if abs(d * c - 1.0) < _PRECISION:
            break
    return value


def clopper_pearson(*, hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Two-sided limits of a share; hits and n may be fractional (an effective number).

    Returns:
        (low, high); (0, 1) where n is 0.
    """
    if n <= 0:
        return 0.0, 1.0
    tail = (1.0 - level) / 2.0
    low = 0.0 if hits <= 0 else _beta_quantile(tail, hits, n - hits + 1.0)
    high = 1.0 if hits >= n else _beta_quantile(1.0 - tail, hits + 1.0, n - hits)
    return low, high


def _beta_quantile(q: float, a: float, b: float) -> float:
    """Newton's steps from the normal law's; where one leaves the bracket, it is halved instead."""
    low, high, mean = 0.0, 1.0, a / (a + b)
    x = mean + NormalDist().inv_cdf(q) * math.sqrt(mean * (1.0 - mean) / (a + b + 1.0))
    x = x if 0.0 < x < 1.0 else mean
    for _ in range(_STEPS_MAX):
        excess = beta_cdf(x, a, b) - q
        low, high = (x, high) if excess < 0.0 else (low, x)
        slope = math.exp(_log_front(x, a, b)) / (x * (1.0 - x))
        following = x - excess / slope if slope > _TINY else low
        if not low < following < high:
            following = (low + high) / 2.0
        if abs(following - x) <= _QUANTILE_PRECISION:
            return following
        x = following
    return x


def median_limits(
    ordered: list[float], *, n_effective: float, level: float = 0.95
) -> tuple[float, float]:
    """Limits of the median: the values at the Clopper–Pearson limits of the share 1/2.

    Args:
        ordered: values, ascending, at least one.
        n_effective: how many independent values they are worth, ≤ len(ordered).
        level: two-sided.
    """
    low, high = clopper_pearson(hits=n_effective / 2.0, n=n_effective, level=level)
    last = len(ordered) - 1
    return ordered[max(0, math.floor(low * last))], ordered[min(last, math.ceil(high * last))]
