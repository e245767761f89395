"""Could the hours be chance? Each day's scores, turned over that day's own sampling slots.

Under the hypothesis that nothing depends on the time of day, the scores of one day may be moved
along *the slots at which that day was measured* and nothing changes. So the data are compared with
as many rotated copies of themselves, and in every copy the whole search is repeated.

Rules:
    One night says no more than 60, and no more than twice what a typical day says in all its slots,
    whichever is more: a long window must not be worth as much as a part of it, in data or copies.
    Scores are rotated over slots, never over the clock: who measures every ten minutes in the
    evening and twice by day would, with rotation of the clock, convict 8–100 % of the innocent.
    Each day keeps its scores in their cyclic order, so bad hours stay together (autocorrelation),
    a wholly bad day stays wholly bad, and a day with few slots has few rotations.
    A day is counted both from noon to noon and from midnight to midnight; the *larger* p counts.
    From noon, an evening is never cut; from midnight, a bad calendar day is never cut. A curfew
    passes both. (In 900 made histories with wholly bad days neither alone convicted anybody; the
    second is kept as a belt to the braces and costs time only where the first is small.)
    p = h ÷ l if the h-th exceedance came in the l-th rotation (Besag and Clifford), else
    (exceedances + 1) ÷ (rotations + 1). It is never 0, and it is valid at any number of rotations.
    Added windows are tested with the others masked in place: their slots are taken out, the rest
    is rotated.

How it works:
    The statistic is the worth (`episodes.best_value`, all weekdays) of the best window on a grid
    of half hours and ten lengths, on the circle: a window that runs over the day's edge goes on at
    the beginning of the *same* day, so that no place on the circle is favoured (with windows cut
    at the edge, a rotated copy can reunite what noon had cut). `turns.py` draws the copies and
    says which exceed; most that do not are ruled out by bounds without being worked out, which
    changes no p-value.

What it does not do: rotate weekdays (see `weekdays.py`), or know causes. A real evening congestion
is a real dependence on the hour: only controls and pairs tell it from a curfew.

Sources: METHOD 4; J. Besag and P. Clifford, Biometrika 78 (1991), sequential Monte Carlo p-values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evenfall.infer.localtime import BINS_PER_DAY
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.turns import SLACK, Turns

__all__ = ["RotationTest", "rotation_p"]

_BATCH_FIRST = 64
_BATCH_MAX = 4096
_HALF_DAY_BINS = BINS_PER_DAY // 2
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RotationTest:
    """Outcome of one test.

    Attributes:
        p_value: valid at any stopping; 1 where no window is worth anything.
        observed: the statistic on the data.
        rotations: how many were drawn.
    """

    p_value: float
    observed: float
    rotations: int


def rotation_p(
    day: _Ints,
    slot: _Ints,
    score: _Floats,
    *,
    masked: npt.NDArray[np.bool_] | None,
    rotations: int,
    profile: NightlyProfile,
    rng: np.random.Generator,
) -> RotationTest:
    """Test the best window against rotations.

    Args:
        day: shape (bins,), of the measured bins in order of time.
        slot: shape (bins,), place in the day.
        score: shape (bins,).
        masked: shape (144,), bins of the clock taken out before; None takes out none.
        rotations: at most so many for each way of counting days.
        profile: the constants.
        rng: source of the shifts.
    """
    if masked is not None:
        open_bins = ~masked[slot]
        day, slot, score = day[open_bins], slot[open_bins], score[open_bins]
    from_noon = _test(*_from_noon(day, slot), score, rotations, profile, rng)
    if from_noon.p_value > profile.p_max:
        return from_noon
    from_midnight = _test(day, slot, score, rotations, profile, rng)
    return max(from_noon, from_midnight, key=lambda test: test.p_value)


def _from_noon(day: _Ints, slot: _Ints) -> tuple[_Ints, _Ints]:
    noon = day * BINS_PER_DAY + slot - _HALF_DAY_BINS
    return noon // BINS_PER_DAY, noon % BINS_PER_DAY


def _test(
    day: _Ints,
    slot: _Ints,
    score: _Floats,
    rotations: int,
    profile: NightlyProfile,
    rng: np.random.Generator,
) -> RotationTest:
    if not day.size:
        return RotationTest(p_value=1.0, observed=0.0, rotations=0)
    profile = _roomy(day, score, profile)
    turns = Turns(day, slot // (profile.test_step_s // profile.bin_s), score, profile)
    observed = turns.observed()
    if observed <= 0.0:
        return RotationTest(p_value=1.0, observed=0.0, rotations=0)
    needed = observed * (1.0 - SLACK)
    exceeded = done = 0
    for batch in _batches(rotations):
        places = np.flatnonzero(turns.exceed(batch, needed, rng))
        if exceeded + places.size >= profile.exceedances_stop:
            last = int(places[profile.exceedances_stop - exceeded - 1])
            drawn = done + last + 1
            return RotationTest(profile.exceedances_stop / drawn, observed, drawn)
        exceeded += places.size
        done += batch
    return RotationTest((exceeded + 1) / (done + 1), observed, done)


def _roomy(day: _Ints, score: _Floats, profile: NightlyProfile) -> NightlyProfile:
    """The profile with a night's limit that a typical day cannot reach twice over.

    Where half of the day is bad, a night reaches the usual limit with a part of it, and copies that
    lie askew would count as much as the data. What a day says in all is the same in every rotation
    of it, so a limit made of that is the same for the data and for every copy.
    """
    _, where = np.unique(day, return_inverse=True)
    says = np.bincount(where, weights=np.maximum(score, 0.0))
    limit = profile.night_score_typical * float(np.median(says))
    return replace(profile, night_score_max=max(profile.night_score_max, limit))


def _batches(rotations: int) -> Iterator[int]:
    """Sizes that grow (an innocent series ends early) and keep memory within bounds."""
    size, left = _BATCH_FIRST, rotations
    while left > 0:
        yield min(size, left)
        left -= size
        size = min(size * 3, _BATCH_MAX)
