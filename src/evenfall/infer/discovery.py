"""Many series at once: how many of the found ones may be false.

Whoever looks at a thousand networks at 1 % finds ten curfews in a quiet country. Every claim must
therefore also hold after the adjustment of Benjamini and Yekutieli, which bounds the expected
share of false claims among all claims *whatever the dependence between series is* (networks share
exchanges and services share faults, so independence cannot be assumed). It costs a factor
1 + 1/2 + … + 1/m over Benjamini–Hochberg; that is the price of the word "whatever".

Series that could not be judged have no p-value and do not count in m.

Source: Y. Benjamini and D. Yekutieli, Annals of Statistics 29 (2001), theorem 1.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["p_wanted", "q_values"]


def q_values(p_values: Sequence[float | None]) -> list[float | None]:
    """Benjamini–Yekutieli adjusted p-values, in the order given; None stays None."""
    judged = [index for index, p in enumerate(p_values) if p is not None]
    adjusted: list[float | None] = [None] * len(p_values)
    if not judged:
        return adjusted
    p = np.array([p_values[index] for index in judged], dtype=np.float64)
    m = p.size
    order = np.argsort(p, kind="stable")
    steps = p[order] * m * np.sum(1.0 / np.arange(1, m + 1)) / np.arange(1, m + 1)
    monotone = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    for rank, place in enumerate(order):
        adjusted[judged[place]] = float(monotone[rank])
    return adjusted


def p_wanted(tested: int, found: int, rate: float) -> float:
    """The p at which so many findings among so many tests would be claimed together.

    A p from N draws cannot fall below 1 ÷ (N + 1), and among thousands of series that floor alone
    is too high: whoever draws no more than for one series misses the guilty among many innocent.
    """
    if not tested or not found:
        return 1.0
    return rate * found / (tested * float(np.sum(1.0 / np.arange(1, tested + 1))))
