"""OONI's event detector, carried over to slowness and to hours that recur.

The published rule: hourly medians y of a "blocked" score between 0 and 1 go through a two-sided
CUSUM with fixed means, μ₀ = 0 when all is well and μ₁ = 0.7 when blocked (ν = μ₁ − μ₀):

    S⁺ = max(0, S⁺ + y − μ₀ − ν/2)        S⁻ = max(0, S⁻ − (y − μ₁) − ν/2)

A state machine runs the side that matters: S⁺ in state ok, S⁻ in state blocked, both while nothing
is known. A sum above h = edd·ν/2 (edd = 10: 3.5) changes the state, and both sums begin anew. Hours
without measurements do not exist; after a silence of more than 24 h both sums are multiplied by
½^(hours ÷ 48).

How it is carried over, each choice in its favour:
    A failed transfer scores 1. A slow one scores between 0 (two thirds as fast as its control, or
    faster) and 1 (a third as fast, or slower), linear in the logarithm: OONI does not look at
    speeds at all, and without this it could find no slowing.
    Times are local, not UTC.
    It claims if it is ever in the blocked state, also if that was its silent first state.
    A stretch begins where the sum that convicted last left zero, and ends likewise (Page's estimate
    of the moment of change), not at the alarm, six blocked hours later.
    The hours claimed are those that lie in such stretches on at least half as many dates as the
    hour that does so most often.

What it does not do: watch several stages of one measurement side by side, as OONI does.

Sources: github.com/ooni/data oonipipeline/analysis/detector.py (constants, states, decay) and its
hourly DAG (edd); M. Basseville, I. Nikiforov, Detection of Abrupt Changes (1993), 2.2.5; E. Page,
Biometrika 41 (1954). Own implementation of what is published there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.lab.peers.given import HOURS, Given, cells

__all__ = ["Cusum", "blocked_scores", "blocked_stretches", "ooni_hours"]

MEAN_OK, MEAN_BLOCKED = 0.0, 0.7
SHIFT = MEAN_BLOCKED - MEAN_OK
THRESHOLD = 10 * SHIFT / 2
SILENCE_H, HALF_LIFE_H = 24, 48.0
SLOW_FROM, SLOW_FULL = math.log(1.5), math.log(3.0)
_OFTEN_SHARE = 0.5


def ooni_hours(seen: Given) -> frozenset[int]:
    """Local hours that recur in the stretches of the blocked state; empty: never blocked."""
    hours, median = cells(seen, blocked_scores(seen.x))
    often = Counter[int]()
    for first, last in blocked_stretches(hours.tolist(), median.tolist()):
        often.update(hour % HOURS for hour in range(first, last + 1))
    least = _OFTEN_SHARE * max(often.values(), default=0)
    return frozenset(hour for hour, count in often.items() if count >= least)


def blocked_scores(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """0 … 1 of ln ratios, same shape."""
    return np.clip((-x - SLOW_FROM) / (SLOW_FULL - SLOW_FROM), 0.0, 1.0)


def blocked_stretches(hours: Sequence[int], scores: Sequence[float]) -> list[tuple[int, int]]:
    """First and last hour of each stretch in the blocked state.

    Args:
        hours: ascending, those with measurements alone.
        scores: the median of each.
    """
    cusum = Cusum()
    found = []
    began = None
    for hour, score in zip(hours, scores, strict=True):
        before = cusum.state
        since = cusum.step(hour, score)
        if cusum.state == before:
            continue
        if cusum.state == "blocked":
            began = since
        elif began is not None:
            found.append((began, since - 1))
            began = None
    if began is not None:
        found.append((began, hours[-1]))
    return found


@dataclass
class Cusum:
    """The two sums and the state.

    Attributes:
        state: unknown, ok or blocked.
        rising, falling: S⁺ and S⁻.
        rising_since, falling_since: the first hour of the present run above zero.
    """

    state: str = "unknown"
    rising: float = 0.0
    falling: float = 0.0
    rising_since: int = 0
    falling_since: int = 0
    last_hour: int | None = None

    def step(self, hour: int, score: float) -> int:
        """Take one hour in; returns since when the state that now holds is thought to hold."""
        self._decay(hour)
        if self.state != "blocked":
            if self.rising == 0.0:
                self.rising_since = hour
            self.rising = max(0.0, self.rising + score - MEAN_OK - SHIFT / 2)
        if self.state != "ok":
            if self.falling == 0.0:
                self.falling_since = hour
            self.falling = max(0.0, self.falling - (score - MEAN_BLOCKED) - SHIFT / 2)
        if self.rising > THRESHOLD:
            return self._enter("blocked", self.rising_since)
        if self.falling > THRESHOLD:
            return self._enter("ok", self.falling_since)
        return hour

    def _decay(self, hour: int) -> None:
        silent_h = 0 if self.last_hour is None else hour - self.last_hour
        if silent_h > SILENCE_H:
            self.rising *= 0.5 ** (silent_h / HALF_LIFE_H)
            self.falling *= 0.5 ** (silent_h / HALF_LIFE_H)
        self.last_hour = hour

    def _enter(self, state: str, since: int) -> int:
        self.state = state
        self.rising = self.falling = 0.0
        return since
