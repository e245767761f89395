"""When is measured: rounds of one network, their local time, and who made them.

Nights run from local noon to local noon, so that a day of a zone change has 23 or 25 hours. The
moments are drawn, thinned, and only then read on the wall clock; what a clock that is off shows is
kept beside what is true.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.localtime import load_zone, local_times
from evenfall.lab.nights.hours import Flags, Floats, Ints, within_h
from evenfall.lab.nights.plan import Plan

__all__ = ["Rounds", "make_rounds"]

_EPOCH = dt.date(1970, 1, 1)
_CRON_JITTER_S = 15.0
_BURST_GAP_S = (90.0, 240.0)
_AWAKE_H = (8.0, 24.0)


@dataclass(frozen=True)
class Rounds:
    """Rounds in order of true time, each array of shape (n,).

    Attributes:
        at_us: true time.
        shown_us: what the clock showed.
        date: local date, days from the world's first one (true time).
        minute: local minute of that date, with fractions.
        line: index of the line.
        verified: the clock was checked and right, or thought so.
    """

    network: str
    first_day: int
    at_us: Ints
    shown_us: Ints
    date: Ints
    minute: Floats
    line: Ints
    verified: Flags

    @property
    def n(self) -> int:
        """How many."""
        return int(self.at_us.size)


def make_rounds(plan: Plan, network: str, rng: np.random.Generator) -> Rounds:
    """Draw the rounds of one network."""
    noons = _noons(plan)
    night, fraction = _moments(plan, rng)
    length = np.diff(noons)
    at_us = np.sort(((noons[night] + fraction * length[night]) * 1e6).astype(np.int64))
    local = local_times(at_us, load_zone(plan.timezone))
    first_day = (plan.first_date - _EPOCH).days
    date = local.day - first_day
    minute = local.minute + at_us // 1_000_000 % 60 / 60
    kept = _kept(plan, at_us, noons, minute, rng)
    at_us, date, minute = at_us[kept], date[kept], minute[kept]
    off, known = _clock(plan, date)
    return Rounds(
        network=network,
        first_day=first_day,
        at_us=at_us,
        shown_us=at_us + off,
        date=date,
        minute=minute,
        line=_lines(plan, date, minute, rng),
        verified=~known,
    )


def _noons(plan: Plan) -> Floats:
    """UTC seconds of the local noons that bound the nights, shape (nights + 1,)."""
    zone = load_zone(plan.timezone)
    dates = (plan.first_date + dt.timedelta(days=k) for k in range(plan.nights + 1))
    return np.array([dt.datetime.combine(d, dt.time(12), tzinfo=zone).timestamp() for d in dates])


def _moments(plan: Plan, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Night and fraction of it, of every round that could be."""
    if plan.sampling.style == "archive":
        return _archive_moments(plan, rng)
    slots = 86_400 // plan.cadence_s
    night = np.repeat(np.arange(plan.nights), slots)
    slot = np.tile(np.arange(slots), plan.nights)
    if plan.sampling.style == "cron":
        place = slot + rng.random() + rng.normal(0, _CRON_JITTER_S / plan.cadence_s, slot.size)
    elif plan.sampling.style == "bursts":
        size = int(rng.integers(2, 5))
        gap = rng.uniform(*_BURST_GAP_S) / plan.cadence_s
        begin = rng.random((plan.nights, slots // size + 1)) * (size - size * gap)
        first = begin[night, slot // size]
        place = slot // size * size + np.maximum(first, 0) + slot % size * gap
    else:
        place = slot + rng.random(slot.size)
    return night, np.clip(place / slots, 0, 1 - 1e-9)


def _archive_moments(plan: Plan, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Some people's tests: two thirds while awake, one third by timers at any hour."""
    low, high = plan.sampling.tests_a_day
    counts = rng.integers(low, high + 1, plan.nights)
    night = np.repeat(np.arange(plan.nights), counts)
    hour = rng.uniform(0, 24, night.size)
    awake = rng.random(night.size) < 2 / 3
    hour = np.where(awake, rng.uniform(*_AWAKE_H, night.size), hour)
    return night, (hour - 12) % 24 / 24


def _kept(
    plan: Plan,
    at_us: Ints,
    noons: Floats,
    minute: Floats,
    rng: np.random.Generator,
) -> Flags:
    sampling = plan.sampling
    kept = rng.random(at_us.size) >= sampling.missing
    if sampling.dense > 1:
        spare = rng.random(at_us.size) < 1 / sampling.dense
        kept &= spare | within_h(minute, sampling.dense_h)
    if sampling.only_h is not None:
        kept &= within_h(minute, sampling.only_h)
    if sampling.missing_nights:
        gone = rng.choice(plan.nights, sampling.missing_nights, replace=False)
        kept &= ~np.isin(np.searchsorted(noons * 1e6, at_us, side="right") - 1, gone)
    return np.asarray(kept, dtype=bool)


def _lines(plan: Plan, date: Ints, minute: Floats, rng: np.random.Generator) -> Ints:
    if plan.swap is not None:
        return (date >= plan.swap.date).astype(np.int64)
    if plan.vpn is not None:
        its = rng.random(date.size) < plan.vpn.share
        return (its & within_h(minute, plan.vpn.hours_h)).astype(np.int64)
    return rng.integers(0, max(plan.lines, 1), date.size)


def _clock(plan: Plan, date: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """µs that the clock is ahead, and where it is known to be off."""
    if plan.clock is None:
        return np.zeros(date.size, dtype=np.int64), np.zeros(date.size, dtype=bool)
    off = np.isin(date, plan.clock.dates)
    shift = np.where(off, int(plan.clock.offset_min * 60e6), 0).astype(np.int64)
    return shift, off & plan.clock.noticed
