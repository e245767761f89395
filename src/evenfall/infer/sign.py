"""Sign tests: what can be said of a median without any assumption about the noise.

What it does. `sign_test_p` is the exact one-sided sign test against a shift. `median_interval` is a
confidence sequence for a median: an interval that holds at every number of observations at once,
so that one may stop whenever one likes.

Rules. Observations are independent, and each lies below its median with probability one half (ties
are counted for neither side). Nothing else is assumed: no symmetry, no moments.

How it works. For a candidate θ let k of n observations lie below it. If θ is the median, then k is
binomial(n, ½) at every n, and the mixture over p uniform in [0, 1]

    M_n(θ) = 2^n ∫ p^k (1−p)^(n−k) dp = 2^n / ((n + 1) · C(n, k))

is a non-negative martingale that starts at 1, so by Ville's inequality it ever reaches 1/α with
probability at most α. The θ with M_n(θ) < 1/α are the interval. M depends on θ only through k, and
is smallest in the middle: hence the interval lies between two order statistics, and is unbounded
while 2^n / (n + 1) < 1/α (below 8 observations at α = 5 %).

What it does not do. It is wide. `infer.pairs` uses it beside an interval that assumes the shape of
the noise, and prints the wider of the two.

Sources: J. Ville, Étude critique de la notion de collectif, 1939; H. Robbins, Ann. Math. Statist.
41 (1970) 1397, the mixture; S. Howard and A. Ramdas, Bernoulli 28 (2022) 1704, confidence sequences
for quantiles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["median_interval", "sign_test_p"]


def sign_test_p(x: Sequence[float], *, shift: float) -> float:
    """Exact one-sided p-value of "the median of x is not below `shift`".

    Values equal to `shift` are left out. No value left: 1.
    """
    below = sum(1 for value in x if value < shift)
    n = below + sum(1 for value in x if value > shift)
    return float(sum(math.comb(n, k) for k in range(below, n + 1)) / 2**n)


def median_interval(x: Sequence[float], *, alpha: float = 0.05) -> tuple[float, float] | None:
    """Bounds that hold the median at every n at once with probability 1 − `alpha`.

    Returns None while there are too few observations for any bound.
    """
    n = len(x)
    ordered = sorted(x)
    for k in range(n // 2 + 1):
        # θ just above the k-th smallest value has k values below it.
        if 2**n / ((n + 1) * math.comb(n, k)) < 1 / alpha:
            return None if k == 0 else (ordered[k - 1], ordered[n - k])
    return None
