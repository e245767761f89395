"""Every rotation of every day, laid out so that thousands of copies can be searched quickly.

A rotation moves one day's scores along that day's own slots. A day of n slots has n of them, and
each is one *row* here; a rotated copy of the series picks one row from each day. What the search
needs of a row is the gain of each grid window (48 starts × 10 lengths), and whether a copy can
reach the observed worth at all.

Rules:
    Scores are rounded to a power of two so small that every sum of them is exact in float32: the
    same scores in another order tie exactly, and a tie counts as an exceedance.
    A window that runs over the day's edge goes on at the beginning of the same day.
    Copies are drawn one day after the other, and a copy that can no longer reach what is needed is
    not drawn to its end: the days left out could not have changed that it does not exceed. So
    every copy counts exactly as if it had been worked out.

How it works, cheapest first:
    `running`   running sums over two turns of the half hours, one column a row. They are looked up
                in the running sum of the day's slots, never added up for each rotation.
    bundles     the 480 windows fall into 16 bundles of 30 that lie beside each other (starts of
                three hours, five lengths). The best score within a bundle bounds all its windows:
                - positive parts alone, of both bundles of the same starts together, added up in
                  the order in which the days tell most; a copy ends as soon as none can reach
                  (`survivors`);
                - the best episodes (`best_value`) of a bundle's best scores.
    windows     what is left, copy × bundle, is worked out window by window. The gains of a bundle
                are tabled when it is first asked for.

What it does not do: choose how many copies, or count them; see `rotation.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from evenfall.infer.episodes import best_value, night_gain
from evenfall.infer.profiles import NightlyProfile

__all__ = ["SLACK", "Turns"]

SLACK = 1e-4
"""Relative; rounding of float32 must not turn a tie into an exceedance missed."""

_FLOAT_BITS = 24
_START_BUNDLES = 8
_LENGTH_BUNDLES = 2
_BUNDLES = _START_BUNDLES * _LENGTH_BUNDLES
_SCREEN_DAYS = 6  # between two looks at which copies can still reach
_COPIES_MAX = 2048  # worked out at once, so that they stay in the cache
_PAIRS_MAX = 2048  # copies × bundles, likewise
_BLOCK_ROWS = 4096
_KEPT_CELLS_MAX = 60_000_000  # float32: 240 MB; longer series are tabled anew for each batch
_Floats = npt.NDArray[np.float64]
_Singles = npt.NDArray[np.float32]
_Ints = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


class Turns:
    """All rows of a series.

    Args:
        day: shape (bins,), in order of time.
        block: shape (bins,), half hour of the day, ascending within a day.
        score: shape (bins,).
        profile: the constants.
    """

    def __init__(self, day: _Ints, block: _Ints, score: _Floats, profile: NightlyProfile) -> None:
        self._profile = profile
        self._blocks = 86_400 // profile.test_step_s
        lengths = np.array(profile.test_lengths_s, dtype=np.int64) // profile.test_step_s
        self._lengths = np.split(lengths, _LENGTH_BUNDLES)
        self._starts = self._blocks // _START_BUNDLES
        cuts = np.concatenate(([0], np.flatnonzero(np.diff(day)) + 1, [day.size]))
        self._size = np.diff(cuts)
        self._first = cuts[:-1]
        self._running = self._running_sums(block, score)
        best = self._bundle_scores()
        self._gain = np.ascontiguousarray(night_gain(best, profile).T)
        by_start = self._gain.reshape(-1, _LENGTH_BUNDLES, _START_BUNDLES).max(axis=1)
        self._positive = np.maximum(by_start, np.float32(0.0))
        self._most = np.maximum.reduceat(self._positive, self._first, axis=0)
        mean = np.add.reduceat(self._positive, self._first, axis=0) / self._size[:, None]
        self._order = np.argsort(-(self._most - mean).sum(axis=1), kind="stable")
        self._tables: dict[int, tuple[_Singles, set[int]]] = {}

    @property
    def days(self) -> int:
        """How many days there are."""
        return int(self._size.size)

    def observed(self) -> float:
        """The statistic on the data themselves."""
        running = self._running[:, self._first]
        bundles = [self._windows(running, bundle) for bundle in range(_BUNDLES)]
        gain = night_gain(np.concatenate(bundles), self._profile)
        return float(best_value(np.ascontiguousarray(gain.T), self._profile).max())

    def exceed(self, batch: int, needed: float, rng: np.random.Generator) -> _Flags:
        """Draw copies; which of them are worth at least `needed`, shape (batch,)."""
        hit = np.zeros(batch, dtype=bool)
        row, alive = self.survivors(batch, needed, rng)
        for low in range(0, alive.size, _COPIES_MAX):
            some = alive[low : low + _COPIES_MAX]
            picked = row[:, some]
            copy, bundle = np.nonzero(self.bounds(picked) * (1.0 + SLACK) >= needed)
            for first in range(0, copy.size, _PAIRS_MAX):
                part = slice(first, first + _PAIRS_MAX)
                worth = self.worth(picked, copy[part], bundle[part])
                hit[some[copy[part][worth >= needed]]] = True
        return hit

    def survivors(self, batch: int, needed: float, rng: np.random.Generator) -> tuple[_Ints, _Ints]:
        """Draw copies day after day, leaving those that can no longer reach `needed`.

        Returns:
            The row picked of each day, shape (days, batch), −1 where it was not drawn; and which
            copies may reach.
        """
        row = np.full((self.days, batch), -1, dtype=np.int64)
        alive = np.arange(batch)
        total = np.zeros((batch, _START_BUNDLES), dtype=np.float32)
        limit = np.float32((needed + self._profile.gain_min) * (1.0 - SLACK))
        still = self._most[self._order][::-1].cumsum(axis=0)[::-1]
        for place in range(0, self.days, _SCREEN_DAYS):
            keep = (total + still[place] >= limit).any(axis=1)
            if not keep.all():
                alive, total = alive[keep], total[keep]
            if not alive.size:
                break
            for day in self._order[place : place + _SCREEN_DAYS]:
                drawn = rng.random(alive.size) * self._size[day]
                picked = drawn.astype(np.int64) + self._first[day]
                row[day, alive] = picked
                total += np.take(self._positive, picked, axis=0)
        return row, alive[(total >= limit).any(axis=1)]

    def bounds(self, row: _Ints) -> _Singles:
        """An upper bound of the worth within each bundle, shape (copies, bundles).

        Args:
            row: shape (days, copies), all drawn.
        """
        nights = (np.take(self._gain, of_day, axis=0) for of_day in row)
        return np.asarray(best_value(nights, self._profile), dtype=np.float32)

    def worth(self, row: _Ints, copy: _Ints, bundle: _Ints) -> _Singles:
        """Worth of the best window within a bundle.

        Args:
            row: shape (days, copies), all drawn.
            copy: shape (pairs,), which of them.
            bundle: shape (pairs,), where in it to look.

        Returns:
            shape (pairs,).
        """
        best = best_value(self._window_gains(row, copy, bundle), self._profile)
        return np.asarray(best.max(axis=1), dtype=np.float32)

    def _window_gains(self, row: _Ints, copy: _Ints, bundle: _Ints) -> Iterator[_Singles]:
        """For each day: gains of every window of each pair's bundle, shape (pairs, windows)."""
        bundles = set(np.unique(bundle).tolist())
        for first_day, last_day in self._day_blocks():
            low = int(self._first[first_day])
            table = self._table(first_day, last_day, bundles)
            for day in range(first_day, last_day):
                picked = np.take(row[day], copy) - low
                yield np.take(table, picked * _BUNDLES + bundle, axis=0)

    def _day_blocks(self) -> Iterator[tuple[int, int]]:
        """Runs of days (first, one past the last) that are tabled together."""
        first = 0
        while first < self.days:
            limit = self._first[first] + _BLOCK_ROWS
            last = max(first + 1, int(np.searchsorted(self._first + self._size, limit, "right")))
            yield first, last
            first = last

    def _table(self, first_day: int, last_day: int, bundles: set[int]) -> _Singles:
        """Gains of the days' rows, shape (rows × bundles, windows); only some bundles are filled.

        Tables are kept for the next batch unless the series is too long for that.
        """
        low = int(self._first[first_day])
        rows = int(self._first[last_day - 1] + self._size[last_day - 1]) - low
        windows = self._starts * self._lengths[0].size
        table, filled = self._tables.get(first_day) or (
            np.empty((rows, _BUNDLES, windows), dtype=np.float32),
            set[int](),
        )
        running = self._running[:, low : low + rows]
        for bundle in sorted(bundles - filled):
            gain = night_gain(self._windows(running, bundle), self._profile)
            table[:, bundle] = gain.T
        if self._running.shape[1] * windows * _BUNDLES <= _KEPT_CELLS_MAX:
            self._tables[first_day] = table, filled | bundles
        return table.reshape(rows * _BUNDLES, windows)

    def _windows(self, running: _Singles, bundle: int) -> _Singles:
        """Scores of a bundle's windows, shape (windows, rows)."""
        which, starts = divmod(bundle, _START_BUNDLES)
        low = starts * self._starts
        high = low + self._starts
        return np.concatenate(
            [running[low + n : high + n] - running[low:high] for n in self._lengths[which]]
        )

    def _bundle_scores(self) -> _Singles:
        """The best score within each bundle, shape (bundles, rows)."""
        rows = self._running.shape[1]
        start = self._running[: self._blocks]
        best = np.full((_LENGTH_BUNDLES, _START_BUNDLES, rows), -np.inf, dtype=np.float32)
        for which, lengths in enumerate(self._lengths):
            for n in lengths:
                score = self._running[n : n + self._blocks] - start
                of_bundle = score.reshape(_START_BUNDLES, self._starts, rows).max(axis=1)
                np.maximum(best[which], of_bundle, out=best[which])
        return best.reshape(_BUNDLES, rows)

    def _running_sums(self, block: _Ints, score: _Floats) -> _Singles:
        """Running sums at the edges of the half hours of two turns, shape (97, rows)."""
        day = np.repeat(np.arange(self.days), self._size)
        counts = np.bincount(day * self._blocks + block, minlength=self.days * self._blocks)
        edge = np.zeros((2 * self._blocks + 1, self.days), dtype=np.int64)
        of_day = counts.reshape(self.days, self._blocks).T
        np.cumsum(np.concatenate((of_day, of_day)), axis=0, out=edge[1:])
        # Three turns of each day's slots, so that row r (scores moved on by r) is a shift by r.
        turned = np.arange(score.size) - self._first[day]
        begin = 3 * self._first[day] + day + self._size[day] - turned
        return np.take(self._slot_sums(score), np.repeat(edge, self._size, axis=1) + begin)

    def _slot_sums(self, score: _Floats) -> _Singles:
        """For each day, the running sum of three turns of its scores, one after the other."""
        step = _resolution(score, self._first)
        score = np.round(score / step) * step
        sums = [
            np.cumsum(np.concatenate(([0.0], part, part, part)))
            for part in np.split(score, self._first[1:])
        ]
        return np.concatenate(sums).astype(np.float32)


def _resolution(score: _Floats, first: _Ints) -> float:
    """The power of two in which three turns of any day add up exactly in float32."""
    most = float(np.add.reduceat(np.abs(score), first).max())
    return math.ldexp(1.0, math.frexp(3.0 * most)[1] + 1 - _FLOAT_BITS)
