"""Is it the hours, or who measured in them? A finding is held against the mix behind it.

A slow line that measures only in the evening makes slow evenings; a probe that is swapped for a
worse one makes an onset. Neither is a curfew. So an effect that was found must also be there
*within* what stayed the same: within lines, versions, targets and resolvers that were measured on
both sides.

Rules, for each column that is known:
    1. Where the shares of its labels inside and outside differ by no more than a total variation of
       .1 beyond what that many rows differ by at random, the mix explains nothing of weight: no
       share can differ by more than that through it, and a claim needs .3.
    2. Else only labels count that were measured on both sides (five rows on three dates). None:
       cannot tell.
    3. Failing: the outside is weighed so that its labels have the shares of the inside, and the
       lower limit of the difference must be at least .3, as in `effect.py`. Slow: every row is set
       against its own label's median outside, and must pass the gate of `effect.py`.
    4. What does not pass is explained by the mix if the effect within labels is smaller than a
       claim needs, and left open if it is large enough but measured too little.
    Before against after an onset, lines come and go. There, many labels on both sides that agree
    are enough: the gate must hold with labels in place of days, five of them on each side.

How it works: a weighted share is worth 1 ÷ Σ weight² rows (Kish), fewer where the rows of one day
hang together, and has Clopper and Pearson's limits at that number; the difference follows by
Newcombe's method, as in `effect.py`.

What it does not do: adjust for what the archive does not tell. Judge pairs: their two arms are of
one line at one moment, so of the columns only `target` could explain them.

Sources: METHOD 5; L. Kish, Survey Sampling (1965), 11.7; N. Mantel and W. Haenszel, JNCI 22 (1959),
comparison within strata; A. de Moivre's mean deviation of a binomial: P. Diaconis and S. Zabell,
Statistical Science 6 (1991).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from evenfall.infer.effect import share_difference, strength
from evenfall.infer.exact import clopper_pearson
from evenfall.infer.mix import MIX_KINDS, codes_of
from evenfall.infer.night_profiles import MIX_2026, MixProfile
from evenfall.infer.profiles import NIGHTLY_2026, NightlyProfile
from evenfall.infer.scores import Rows
from evenfall.model.vocabulary import State

__all__ = ["MixAnswer", "MixOutcome", "explains", "explains_onset", "mix_columns"]

_LABELS = {
    "line": "lines",
    "software": "versions of the software",
    "target": "targets",
    "resolver": "resolvers",
}
_Bools = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


class MixOutcome(StrEnum):
    """What the mix has to do with a finding."""

    HOLDS = "holds"  # within lines, versions, targets and resolvers too
    MIX_EXPLAINS = "mix_explains"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class MixAnswer:
    """Outcome; unless it holds, of which column, and the clause for people."""

    outcome: MixOutcome
    column: str = ""
    because: str = ""


@dataclass(frozen=True)
class _Sides:
    """The rows of one column that speak, each with its label.

    Attributes:
        value: shape (n,), 1 failed, 0 worked; or the ratio x.
        code: shape (n,), label.
        inside: shape (n,), else outside.
    """

    place: _Ints
    value: _Floats
    code: _Ints
    day: _Ints
    inside: _Bools

    def only(self, kept: _Bools) -> _Sides:
        """Some of the rows."""
        return _Sides(
            self.place[kept], self.value[kept], self.code[kept], self.day[kept], self.inside[kept]
        )


def mix_columns(rows: Rows) -> dict[str, npt.NDArray[np.object_]]:
    """All columns that say who measured, as far as they are known."""
    columns = {name: rows.mix[name] for name in MIX_KINDS if name in rows.mix}
    return columns if rows.line is None else {"line": rows.line, **columns}


def explains(
    rows: Rows,
    inside: _Bools,
    outside: _Bools,
    state: State,
    profile: MixProfile = MIX_2026,
    nightly: NightlyProfile = NIGHTLY_2026,
) -> MixAnswer:
    """Does the mix explain what was found inside and not outside?

    Args:
        rows: of the series.
        inside: shape (n,), rows in the hours of the episodes.
        outside: shape (n,), the rows they were set against.
        state: what was found: BLOCKED, SLOWED.
        profile: the constants.
        nightly: the gate's.
    """
    return _first_that_fails(rows, inside, outside, state, (profile, nightly), turnover=False)


def explains_onset(
    rows: Rows,
    after: _Bools,
    before: _Bools,
    state: State,
    profile: MixProfile = MIX_2026,
    nightly: NightlyProfile = NIGHTLY_2026,
) -> MixAnswer:
    """The same for rows in the hours after an onset against those in the same hours before it.

    Args:
        rows: of the series.
        after: shape (n,), rows in the hours from the onset on.
        before: shape (n,), rows in the same hours before; none: nothing to explain.
        state: what was found: BLOCKED, SLOWED.
        profile: the constants.
        nightly: the gate's.
    """
    return _first_that_fails(rows, after, before, state, (profile, nightly), turnover=True)


def _first_that_fails(
    rows: Rows,
    inside: _Bools,
    outside: _Bools,
    state: State,
    profiles: tuple[MixProfile, NightlyProfile],
    *,
    turnover: bool,
) -> MixAnswer:
    answers = [
        _of_column(name, rows, sides, state, profiles, turnover=turnover)
        for name, sides in _sides(rows, inside, outside, state)
    ]
    for outcome in (MixOutcome.MIX_EXPLAINS, MixOutcome.CANNOT_TELL):
        for answer in answers:
            if answer.outcome is outcome:
                return answer
    return MixAnswer(MixOutcome.HOLDS)


def _sides(
    rows: Rows, inside: _Bools, outside: _Bools, state: State
) -> Iterator[tuple[str, _Sides]]:
    """The columns in which more than one label speaks, on both sides."""
    value = rows.x
    if state is State.BLOCKED:
        value = np.where(np.isnan(rows.failed), rows.empty.astype(float), rows.failed)
        value = np.where(np.isnan(rows.failed) & np.isnan(rows.x), np.nan, value)
    place = np.flatnonzero((inside | outside) & ~np.isnan(value))
    within = inside[place]
    if not within.any() or within.all():
        return
    for name, labels in mix_columns(rows).items():
        code = codes_of(labels[place])
        if code.any():
            yield name, _Sides(place, value[place], code, rows.day[place], within)


def _of_column(
    name: str,
    rows: Rows,
    sides: _Sides,
    state: State,
    profiles: tuple[MixProfile, NightlyProfile],
    *,
    turnover: bool,
) -> MixAnswer:
    profile, nightly = profiles
    if _variation_beyond_chance(sides.code, sides.inside) <= profile.alike_max:
        return MixAnswer(MixOutcome.HOLDS)
    if turnover and state is State.BLOCKED and _many_agree(sides, profile, nightly):
        return MixAnswer(MixOutcome.HOLDS)
    shared = sides.only(_on_both_sides(sides, profile))
    if not shared.place.size:
        because = f"no {_LABELS[name][:-1]} was measured both inside and outside"
        if name == "software":
            because = "no version of the software measured both inside and outside"
        return MixAnswer(MixOutcome.CANNOT_TELL, name, because)
    contrast = _failing_within if state is State.BLOCKED else _slow_within
    holds, large = contrast(rows, shared, nightly)
    if holds:
        return MixAnswer(MixOutcome.HOLDS)
    if large:
        because = f"too little was measured by the {_LABELS[name]} that are on both sides"
        return MixAnswer(MixOutcome.CANNOT_TELL, name, because)
    because = f"within the same {_LABELS[name]} the hours make no such difference"
    return MixAnswer(MixOutcome.MIX_EXPLAINS, name, because)


def _variation_beyond_chance(code: _Ints, inside: _Bools) -> float:
    """Total variation of the labels' shares, less what as many rows have at random."""
    n = code.size
    total = np.bincount(code)
    within = np.bincount(code[inside], minlength=total.size)
    n_in = int(inside.sum())
    seen = 0.5 * float(np.abs(within / n_in - (total - within) / (n - n_in)).sum())
    counts, times = np.unique(total[total > 0], return_counts=True)
    deviation = sum(
        int(k) * _mean_deviation(int(m), n_in / n) for m, k in zip(counts, times, strict=True)
    )
    return seen - 0.5 * deviation * (1.0 / n_in + 1.0 / (n - n_in))


def _mean_deviation(m: int, q: float) -> float:
    """E|X − mq| of a binomial, in de Moivre's closed form."""
    v = math.floor(m * q) + 1
    if v > m:
        return 2.0 * m * (1.0 - q) * q**m if q < 1.0 else 0.0
    log_ways = math.lgamma(m + 1) - math.lgamma(v + 1) - math.lgamma(m - v + 1)
    log_chance = log_ways + v * math.log(q) + (m - v) * math.log1p(-q)
    return 2.0 * v * (1.0 - q) * math.exp(log_chance)


def _on_both_sides(sides: _Sides, profile: MixProfile) -> _Bools:
    """Rows of labels that were measured well enough on both sides."""
    labels = int(sides.code.max()) + 1
    enough = np.ones(labels, dtype=bool)
    for side in (sides.inside, ~sides.inside):
        enough &= np.bincount(sides.code[side], minlength=labels) >= profile.stratum_rows_min
        pairs = np.unique(np.stack((sides.code[side], sides.day[side])), axis=1)
        enough &= np.bincount(pairs[0], minlength=labels) >= profile.stratum_days_min
    return np.asarray(enough[sides.code])


def _many_agree(sides: _Sides, profile: MixProfile, nightly: NightlyProfile) -> bool:
    """Many labels on both sides, and the difference holds with labels in place of days."""
    a, b = sides.only(sides.inside), sides.only(~sides.inside)
    if min(np.unique(a.code).size, np.unique(b.code).size) < profile.labels_many:
        return False
    low, _ = share_difference(a.value, a.code, b.value, b.code, level=nightly.gate_level)
    return low >= nightly.effect_failure_min


def _failing_within(rows: Rows, shared: _Sides, nightly: NightlyProfile) -> tuple[bool, bool]:
    """Whether the gate holds for shares with equal mixes, and whether the estimate would do."""
    del rows  # the shares speak for themselves
    a, b = shared.only(shared.inside), shared.only(~shared.inside)
    target = np.bincount(a.code, minlength=int(shared.code.max()) + 1) / a.code.size
    own = np.bincount(b.code, minlength=target.size)
    weights = (np.full(a.code.size, 1.0 / a.code.size), (target / np.maximum(own, 1))[b.code])
    share_a, low_a, _ = _weighted_limits(a, weights[0], nightly.gate_level)
    share_b, _, high_b = _weighted_limits(b, weights[1], nightly.gate_level)
    difference = share_a - share_b
    low = difference - math.hypot(share_a - low_a, high_b - share_b)
    return low >= nightly.effect_failure_min, difference >= nightly.effect_failure_min


def _weighted_limits(side: _Sides, weight: _Floats, level: float) -> tuple[float, float, float]:
    """A weighted share of 0/1 values and its limits; weights add up to 1."""
    share = min(1.0, float((weight * side.value).sum()))
    worth = 1.0 / float((weight**2).sum())
    _, where = np.unique(side.day, return_inverse=True)
    days = int(where.max()) + 1
    apart = share * (1.0 - share) / worth
    if days > 1 and apart > 1e-12:
        residual = np.bincount(where, weights=weight * (side.value - share))
        worth /= max(1.0, days / (days - 1) * float((residual**2).sum()) / apart)
    low, high = clopper_pearson(hits=share * worth, n=worth, level=level)
    return share, low, high


def _slow_within(rows: Rows, shared: _Sides, nightly: NightlyProfile) -> tuple[bool, bool]:
    """The same for x, each row set against its own label's median outside."""
    x = np.full(rows.n, np.nan)
    for code in np.unique(shared.code):
        own = shared.code == code
        x[shared.place[own]] = shared.value[own] - np.median(shared.value[own & ~shared.inside])
    sides = [np.zeros(rows.n, dtype=bool) for _ in range(2)]
    sides[0][shared.place[shared.inside]] = True
    sides[1][shared.place[~shared.inside]] = True
    speeds_only = replace(
        rows, x=x, failed=np.full(rows.n, np.nan), empty=np.zeros(rows.n, dtype=bool)
    )
    found = strength(speeds_only, sides[0], sides[1], nightly)
    if found.state is State.SLOWED:
        return True, True
    deep = [float((x[side] < -math.log(nightly.effect_deep_factor)).mean()) for side in sides]
    large = float(np.median(x[sides[0]])) < -math.log(nightly.effect_slow_factor)
    return False, large or deep[0] - deep[1] >= nightly.effect_failure_min
