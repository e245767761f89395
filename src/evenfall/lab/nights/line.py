"""How fast a network's lines are at each round, and how two transfers on them scatter.

The level breathes with the hour and the weekend, wanders (first-order autoregression on a
ten-minute grid, one for the network and each site), and steps where the tariff changes. Two
transfers that nobody treats differently differ by heavy tails of a drawn shape, and in bad hours
some crawl or stop, whatever their name.

What it does not do: anything on purpose; see `facts.py`.
"""

from __future__ import annotations

import math

import numpy as np

from evenfall.lab.nights.hours import Flags, Floats, within_h
from evenfall.lab.nights.plan import Noise, Plan
from evenfall.lab.nights.rounds import Rounds

__all__ = ["crawl", "difference", "level", "wander"]

_LINE_BPS = (8e6, 60e6)
_GRID_US = 600_000_000
_HOLDS = 0.96  # correlation from one ten-minute step to the next: .92 in twenty minutes
_TAPS = 160  # .96 ** 160 is .0015
_BUSIEST_MIN, _BUSY_MIN = 21 * 60, 132.0
_DIFFERENCE_MAX = math.log(100)
"""Two transfers that nobody treats differently differ by no more; a t with 2 d.o.f. would."""
_CRAWL = (0.7, 3.0)  # ln of how many times slower an arm that crawls is
_STOPS_SHARE = 0.1


def wander(rounds: Rounds, sd: float, rng: np.random.Generator) -> Floats:
    """Stationary autoregression of standard deviation `sd` at the rounds, shape (n,)."""
    if not rounds.n:
        return np.zeros(0)
    place = (rounds.at_us - rounds.at_us[0]) // _GRID_US
    shocks = rng.normal(0, sd * math.sqrt(1 - _HOLDS**2), int(place[-1]) + _TAPS)
    smooth = np.convolve(shocks, _HOLDS ** np.arange(_TAPS), mode="valid")
    return np.asarray(smooth[place], dtype=np.float64)


def level(plan: Plan, rounds: Rounds, rng: np.random.Generator) -> Floats:
    """The ln bit/s that the line of each round carries when nothing is wrong, shape (n,)."""
    lines = max(plan.lines, 2)
    speeds = rng.uniform(*np.log(_LINE_BPS)) + rng.normal(0, 0.4, lines)
    weekday = (rounds.date + rounds.first_day + 3) % 7
    found = speeds[rounds.line] + wander(rounds, plan.noise.wander_sd, rng)
    found += _daily(rounds.minute, plan.noise.dip)
    found += np.where(weekday >= 5, math.log(plan.noise.weekend), 0.0)
    for step in plan.steps:
        found += np.where(rounds.date >= step.date, math.log(step.factor), 0.0)
    if plan.swap is not None:
        found = found - speeds[rounds.line] + speeds[0]
        found -= np.where(rounds.line == 1, math.log(plan.swap.factor), 0.0)
    if plan.vpn is not None:
        found = found - speeds[rounds.line] + speeds[0]
        found -= np.where(rounds.line == 1, math.log(plan.vpn.factor), 0.0)
    return found


def difference(plan: Plan, rounds: Rounds, rng: np.random.Generator) -> Floats:
    """The ln of one transfer over another that nobody treats differently, shape (n,)."""
    noise, n = plan.noise, rounds.n
    if noise.shape == "t2":
        raw = rng.standard_t(2, n)
    else:
        raw = rng.laplace(0, 1, n) if noise.shape == "laplace" else rng.normal(0, 1, n)
    return np.clip(raw * noise.scale * _wider(plan, rounds), -_DIFFERENCE_MAX, _DIFFERENCE_MAX)


def crawl(plan: Plan, rounds: Rounds, rng: np.random.Generator) -> tuple[Floats, Flags]:
    """What bad hours do to one arm, whatever its name: ln slower, and whether it stops."""
    share = np.where(within_h(rounds.minute, plan.noise.bad_h), plan.noise.stall_share, 0.0)
    hit = rng.random(rounds.n) < share
    stops = hit & (rng.random(rounds.n) < _STOPS_SHARE)
    return np.where(hit, rng.uniform(*_CRAWL, rounds.n), 0.0), stops


def _wider(plan: Plan, rounds: Rounds) -> Floats:
    """Factor on the scatter of each round."""
    noise: Noise = plan.noise
    wide = np.where(within_h(rounds.minute, noise.bad_h), noise.bad_factor, 1.0)
    if plan.swap is not None:
        wide = wide * np.where(rounds.line == 1, plan.swap.noise_factor, 1.0)
    return wide


def _daily(minute: Floats, dip: float) -> Floats:
    away = (minute - _BUSIEST_MIN + 720) % 1440 - 720
    return np.asarray(np.log1p(-dip * np.exp(-((away / _BUSY_MIN) ** 2))))
