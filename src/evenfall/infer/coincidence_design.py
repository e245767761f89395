"""What weekdays, a trend and lasting changes explain of nights, and what events explain beyond.

What it does. `scores` gives for every move of a calendar the difference between nights with and
without an event, less what weekday and date explain of both, and its standard score.

Rules:
    Explained are: each weekday's level, a line that may bend every four weeks, and up to three
    lasting steps, each at least two weeks from the ends and from each other, taken in one after
    another while F > 12. They are found from the values alone and are the same for every move.
    The score's variance is that of the weekday times that of the four weeks around, both drawn to
    the whole by four nights' weight: a weekend that is noisier is not compared with quiet weekdays.
    A move whose events the explained parts reproduce has no score.

What it does not do. It does not follow a change shorter than two weeks. It knows no p-value.

Sources: R. Frisch and F. Waugh, Econometrica 1 (1933), partial regression; D. Andrews, Econometrica
61 (1993), F of a step at an unknown time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.event_profiles import EventsProfile

__all__ = ["Scores", "scores"]

_NOTHING = 1e-9
_Floats = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.bool_]
_Days = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scores:
    """Per move 0 … K − 1, NaN where the events have nothing of their own.

    Attributes:
        difference, score: shape (K,), in units of the value, and standardised.
        own_weekday, own_all: share of the unmoved calendar's variation beyond weekdays alone, and
            beyond weekdays and dates.
    """

    difference: _Floats
    score: _Floats
    own_weekday: float
    own_all: float


def scores(
    measured: _Flags, event: _Flags, value: _Floats, weekday: _Days, profile: EventsProfile
) -> Scores:
    """Compare for every move; all arrays of shape (K,), one cell a date."""
    week = np.eye(7)[weekday] * measured[:, None]
    explained = _with_steps(
        _orthonormal(_smooth(week, measured, profile)), measured, value, profile
    )
    rest = _beyond(value * measured, explained)
    variance = _variance(rest, week, measured, explained.shape[1], profile)
    k = measured.size
    difference, score = np.full(k, np.nan), np.full(k, np.nan)
    step = max(1, profile.cells_max // k)
    for low in range(0, k, step):
        move = np.arange(low, min(low + step, k))
        own = _beyond(_moved(event, measured, move), explained) * measured
        size, spread = (own**2).sum(axis=1), own**2 @ variance
        there = size > _NOTHING
        total = own @ rest
        difference[move] = np.where(there, total / np.where(there, size, 1.0), np.nan)
        noisy = spread > _NOTHING**2
        standard = np.where(noisy, total / np.sqrt(np.where(noisy, spread, 1.0)), 0.0)
        score[move] = np.where(there, standard, np.nan)
    true = _moved(event, measured, np.zeros(1, dtype=np.int64))
    return Scores(
        difference, score, _own(true, _orthonormal(week), measured), _own(true, explained, measured)
    )


def _moved(event: _Flags, measured: _Flags, move: _Days) -> _Floats:
    k = event.size
    found: _Floats = event[(np.arange(k)[None, :] - move[:, None]) % k] * measured.astype(float)
    return found


def _beyond(rows: _Floats, explained: _Floats) -> _Floats:
    left: _Floats = rows - (rows @ explained) @ explained.T
    return left


def _own(row: _Floats, explained: _Floats, measured: _Flags) -> float:
    all_ = float(row.sum() - row.sum() ** 2 / measured.sum())
    return float((_beyond(row, explained) ** 2).sum()) / all_ if all_ > 0 else 0.0


def _orthonormal(columns: _Floats) -> _Floats:
    left, size, _ = np.linalg.svd(columns, full_matrices=False)
    kept: _Floats = left[:, size > _NOTHING * size[0]]
    return kept


def _smooth(week: _Floats, measured: _Flags, profile: EventsProfile) -> _Floats:
    k = measured.size
    date = np.arange(k)
    bends = np.linspace(0, k, round(k / profile.trend_nights) + 1)[1:-1]
    lines = [date / k, *(np.maximum(date - bend, 0) / k for bend in bends)]
    return np.hstack((week, np.stack(lines, axis=1) * measured[:, None]))


def _with_steps(
    explained: _Floats, measured: _Flags, value: _Floats, profile: EventsProfile
) -> _Floats:
    k, apart = measured.size, profile.step_nights
    dates, ends = np.arange(k), [0, k]
    for _ in range(profile.steps_max):
        at = [a for a in range(apart, k - apart + 1) if all(abs(a - e) >= apart for e in ends)]
        free = int(measured.sum()) - explained.shape[1] - 1
        if not at or free <= 0:
            break
        step = _beyond((dates >= np.array(at)[:, None]) * measured.astype(float), explained)
        rest, size = _beyond(value * measured, explained), (step**2).sum(axis=1)
        gain = np.where(size > 1e-6, (step @ rest) ** 2 / np.maximum(size, 1e-6), 0.0)
        best = int(gain.argmax())
        left = max(float((rest**2).sum() - gain[best]), 0.0)
        if gain[best] <= _NOTHING or gain[best] * free <= profile.step_f * left:
            break
        ends.append(at[best])
        explained = np.hstack((explained, (step[best] / np.sqrt(size[best]))[:, None]))
    return explained


def _variance(
    rest: _Floats, week: _Floats, measured: _Flags, rank: int, profile: EventsProfile
) -> _Floats:
    """Of each date's value, shape (K,)."""
    nights, weight = int(measured.sum()), profile.variance_weight
    free = max(nights - rank, 1)
    whole = float((rest**2).sum()) / free
    if whole <= _NOTHING**2:
        return np.zeros(rest.size)
    square = rest**2 * measured * (nights / free)
    of_day = (week.T @ square + weight * whole) / (week.sum(axis=0) + weight)
    date, near = np.arange(rest.size), profile.trend_nights
    low, high = np.maximum(date - near, 0), np.minimum(date + near + 1, rest.size)
    sums, counts = np.cumsum(np.append(0.0, square)), np.cumsum(np.append(0, measured))
    around = (sums[high] - sums[low] + weight * whole) / (counts[high] - counts[low] + weight)
    found: _Floats = (week @ of_day) * around / whole
    return found
