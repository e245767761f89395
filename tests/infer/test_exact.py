"""Exact tests and intervals against scipy, which we did not write."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import betainc

from evenfall.infer.exact import (
    beta_cdf,
    binomial_tail,
    clopper_pearson,
    fisher_greater,
    hypergeometric_tail,
    median_limits,
)

counts = st.integers(0, 40)


@given(hits=counts, drawn=counts, marked=counts, rest=counts)
def test_hypergeometric_tail(hits: int, drawn: int, marked: int, rest: int) -> None:
    """P(X ≥ hits) is scipy's survival function."""
    total = marked + rest
    drawn = min(drawn, total)
    if total == 0:
        return
    ours = hypergeometric_tail(hits=hits, drawn=drawn, marked=marked, total=total)
    assert ours == pytest.approx(stats.hypergeom.sf(hits - 1, total, marked, drawn), abs=1e-12)


@given(a=counts, b=counts, c=counts, d=counts)
def test_fisher(a: int, b: int, c: int, d: int) -> None:
    """One-sided Fisher is scipy's, for every table with rows."""
    if a + b == 0 or c + d == 0:
        return
    ours = fisher_greater(hits=a, n=a + b, reference_hits=c, reference_n=c + d)
    theirs = stats.fisher_exact([[a, b], [c, d]], alternative="greater").pvalue
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-14)


def test_five_days_against_five_is_enough() -> None:
    """5 of 5 against 0 of 5 is 1 in 252: what the method asks for at five days."""
    assert fisher_greater(hits=5, n=5, reference_hits=0, reference_n=5) == pytest.approx(1 / 252)


@given(hits=counts, n=counts)
def test_binomial_tail(hits: int, n: int) -> None:
    """Tail of fair throws."""
    assert binomial_tail(hits=hits, n=n) == pytest.approx(
        stats.binom.sf(hits - 1, n, 0.5), abs=1e-12
    )


@settings(max_examples=200)
@given(x=st.floats(0, 1), a=st.floats(0.05, 500), b=st.floats(0.05, 500))
def test_incomplete_beta(x: float, a: float, b: float) -> None:
    """I_x(a, b) is scipy's to nine digits, also for fractional arguments."""
    assert beta_cdf(x, a, b) == pytest.approx(betainc(a, b, x), abs=1e-9)


@given(hits=st.integers(0, 200), more=st.integers(0, 200), level=st.sampled_from([0.9, 0.95, 0.99]))
def test_clopper_pearson(hits: int, more: int, level: float) -> None:
    """The limits are scipy's exact ones."""
    n = hits + more
    if n == 0:
        assert clopper_pearson(hits=0, n=0) == (0.0, 1.0)
        return
    theirs = stats.binomtest(hits, n).proportion_ci(level, method="exact")
    assert clopper_pearson(hits=hits, n=n, level=level) == pytest.approx(tuple(theirs), abs=1e-9)


@settings(max_examples=200)
@given(hits=st.floats(0.001, 5000), more=st.floats(0.001, 5000), level=st.sampled_from([0.9, 0.99]))
def test_limits_of_fractional_numbers(hits: float, more: float, level: float) -> None:
    """Also for an effective number, the limits are the quantiles of scipy's beta."""
    n, tail = hits + more, (1.0 - level) / 2.0
    low, high = clopper_pearson(hits=hits, n=n, level=level)
    assert low == pytest.approx(stats.beta.ppf(tail, hits, n - hits + 1.0), abs=1e-9)
    assert high == pytest.approx(stats.beta.ppf(1.0 - tail, hits + 1.0, n - hits), abs=1e-9)


def test_fewer_effective_rows_give_wider_limits() -> None:
    """The same share at an effective half of the rows is known less well."""
    full, half = clopper_pearson(hits=15, n=20), clopper_pearson(hits=7.5, n=10)
    assert half[0] < full[0] < full[1] < half[1]


def test_median_limits_cover() -> None:
    """95 % limits of a median hold it in about that share of samples, and never much less."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        low, high = median_limits(sorted(rng.standard_t(2, 25).tolist()), n_effective=25.0)
        held += low <= 0.0 <= high
    assert held >= 0.94 * 400
