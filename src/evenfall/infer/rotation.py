"""Could the hours be chance? Each day's scores, turned over that day's own sampling slots.

Under the hypothesis that nothing depends on the time of day, the scores of one day may be moved
along *the slots at which that day was measured* and nothing changes. So the data are compared with
as many rotated copies of themselves, and in every copy the whole search is repeated.

Rules:
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
    at the edge, a rotated copy can reunite what noon had cut). All rotations of one day are
    tabled once, as night gains of every grid window; a rotation then only picks one row from each
    day's table. Rotations that cannot reach the observed value (the positive scores within any
    12 h bound it from above) are not worked out; that changes no p-value.

What it does not do: rotate weekdays (see `weekdays.py`), or know causes. A real evening congestion
is a real dependence on the hour: only controls and pairs tell it from a curfew.

Sources: METHOD 4; J. Besag and P. Clifford, Biometrika 78 (1991), sequential Monte Carlo p-values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.episodes import best_value, night_gain
from evenfall.infer.localtime import BINS_PER_DAY
from evenfall.infer.profiles import NightlyProfile

__all__ = ["RotationTest", "rotation_p"]

_BATCH_FIRST = 64
_BATCH_CELLS_MAX = 3_000_000
_TABLE_CELLS_MAX = 60_000_000  # float32: 240 MB; longer series are tabled anew for each batch
_SLACK = 1e-4  # relative: rounding of float32 must not turn a tie into an exceedance missed
_HALF_DAY_BINS = BINS_PER_DAY // 2
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]
_Table = npt.NDArray[np.float32]


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


@dataclass(frozen=True)
class _Day:
    """One day's slots: `block` (half hour of that day, ascending) and their scores."""

    block: _Ints
    score: _Floats


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
    from_noon = _test(_days_from_noon(day, slot, score, profile), rotations, profile, rng)
    if from_noon.p_value > profile.p_max:
        return from_noon
    from_midnight = _test(_days(day, slot, score, profile), rotations, profile, rng)
    return max(from_noon, from_midnight, key=lambda test: test.p_value)


def _days_from_noon(day: _Ints, slot: _Ints, score: _Floats, profile: NightlyProfile) -> list[_Day]:
    noon = day * BINS_PER_DAY + slot - _HALF_DAY_BINS
    return _days(noon // BINS_PER_DAY, noon % BINS_PER_DAY, score, profile)


def _days(day: _Ints, slot: _Ints, score: _Floats, profile: NightlyProfile) -> list[_Day]:
    block = slot // (profile.test_step_s // profile.bin_s)
    cuts = np.flatnonzero(np.diff(day)) + 1
    return [_Day(b, s) for b, s in zip(np.split(block, cuts), np.split(score, cuts), strict=True)]


def _test(
    days: list[_Day], rotations: int, profile: NightlyProfile, rng: np.random.Generator
) -> RotationTest:
    sizes = np.array([day.score.size for day in days], dtype=np.int64)
    start, stop = _grid(profile)
    tables = _Tables(days, start, stop, profile)
    observed = float(_statistic(tables, np.zeros((1, len(days)), dtype=np.int64), profile)[0])
    if observed <= 0.0:
        return RotationTest(p_value=1.0, observed=0.0, rotations=0)
    needed = observed * (1.0 - _SLACK)
    exceeded = done = 0
    for batch in _batches(rotations, max(sizes.size, start.size)):
        shifts = (rng.random((batch, sizes.size)) * sizes).astype(np.int64)
        hit = np.zeros(batch, dtype=bool)
        possible = np.flatnonzero(tables.bound(shifts) >= needed)
        if possible.size:
            hit[possible] = _statistic(tables, shifts[possible], profile) >= needed
        places = np.flatnonzero(hit)
        if exceeded + places.size >= profile.exceedances_stop:
            last = int(places[profile.exceedances_stop - exceeded - 1])
            drawn = done + last + 1
            return RotationTest(profile.exceedances_stop / drawn, observed, drawn)
        exceeded += places.size
        done += batch
    return RotationTest((exceeded + 1) / (done + 1), observed, done)


def _batches(rotations: int, cells_each: int) -> Iterator[int]:
    """Sizes that grow (an innocent series ends early) and keep memory within bounds."""
    largest = max(8, _BATCH_CELLS_MAX // max(1, cells_each))
    size, left = min(_BATCH_FIRST, largest), rotations
    while left > 0:
        yield min(size, left)
        left -= size
        size = min(size * 3, largest)


def _grid(profile: NightlyProfile) -> tuple[_Ints, _Ints]:
    """First and one-past-last half hour of every window that is tried, over two turns."""
    blocks = 86_400 // profile.test_step_s
    lengths = np.array(profile.test_lengths_s, dtype=np.int64) // profile.test_step_s
    start = np.repeat(np.arange(blocks), lengths.size)
    return start, start + np.tile(lengths, blocks)


class _Tables:
    """Night gains of every grid window under every rotation of every day."""

    def __init__(
        self, days: list[_Day], start: _Ints, stop: _Ints, profile: NightlyProfile
    ) -> None:
        self._days, self._start, self._stop, self._profile = days, start, stop, profile
        cells = sum(day.score.size for day in days) * start.size
        kept = cells <= _TABLE_CELLS_MAX
        self._gains = [self._table(day) for day in days] if kept else None
        self._ceilings = [self._ceiling(day) for day in days]

    def gains(self) -> Iterator[_Table]:
        """For each day: shape (rotations of that day, windows)."""
        return iter(self._gains) if self._gains is not None else map(self._table, self._days)

    def bound(self, shifts: _Ints) -> _Floats:
        """An upper bound of the statistic for each row of shifts (rotations, days)."""
        total = np.zeros((shifts.shape[0], self._ceilings[0].shape[1]), dtype=np.float32)
        picked = np.empty_like(total)
        for column, ceiling in enumerate(self._ceilings):
            np.take(ceiling, shifts[:, column], axis=0, out=picked, mode="clip")
            total += picked
        return np.asarray(total.max(axis=1), dtype=np.float64) * (1.0 + _SLACK)

    def _table(self, day: _Day) -> _Table:
        running = _running_blocks(day.block, _rotations(day.score), self._profile)
        score: _Table = running[:, self._stop] - running[:, self._start]
        return night_gain(score, self._profile)

    def _ceiling(self, day: _Day) -> _Table:
        """Positive scores within 12 h from each half hour on, for each rotation."""
        running = _running_blocks(day.block, np.maximum(_rotations(day.score), 0.0), self._profile)
        width = self._profile.window_max_s // self._profile.test_step_s
        starts = np.arange(running.shape[1] // 2)
        within = running[:, starts + width] - running[:, starts]
        return np.asarray(np.minimum(within, self._profile.night_score_max), dtype=np.float32)


def _rotations(score: _Floats) -> _Floats:
    """All cyclic shifts, shape (n, n); row r is the scores moved on by r slots."""
    n = score.size
    return np.asarray(score[(np.arange(n)[None, :] - np.arange(n)[:, None]) % n])


def _running_blocks(block: _Ints, turned: _Floats, profile: NightlyProfile) -> _Table:
    """Running sums over two turns of a day's half hours: shape (rotations, 97)."""
    blocks = 86_400 // profile.test_step_s
    present, first = np.unique(block, return_index=True)
    sums = np.zeros((turned.shape[0], 2 * blocks + 1), dtype=np.float32)
    sums[:, present + 1] = np.add.reduceat(turned, first, axis=1)
    sums[:, blocks + 1 :] = sums[:, 1 : blocks + 1]
    return np.cumsum(sums, axis=1, dtype=np.float32)


def _statistic(tables: _Tables, shifts: _Ints, profile: NightlyProfile) -> _Floats:
    """Worth of the best grid window for each row of shifts (rotations, days)."""
    picked = (table[shifts[:, column]] for column, table in enumerate(tables.gains()))
    return np.asarray(best_value(picked, profile).max(axis=1), dtype=np.float64)
