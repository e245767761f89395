"""Slowed at all hours, but only in part: one rate for a share of the measurements.

Where some of a network's customers are limited and others are not (mobile and fixed lines under one
number, or three flows in five), most rows go well on every day, and neither recurring hours nor bad
days show. What shows is the rate: a share of the speeds gathers at it (`rate_cluster.py`), at every
part of the day, and on other networks it is not there.

Rules:
    rate        all speeds of the series gather at one rate.
    run         the best stretch of days by what each day's rows say about "three in ten lie in the
                band" against "two in a hundred do" (`episodes.py`); at least five measured days.
                Within it the speeds gather, too.
    in part     the lower limit of the share in the band is at least .15, and in each of at least
                three measured quarters of the day the share is half of that of the whole run.
    others      the same service on other networks, on the same dates and in the same hours: at
                least three, or one with a hundred rows, are free of the rate and of any other, and
                more than gather at rates of their own (`rate_cluster.rate_elsewhere`). If they show
                one, or nobody else measured, the site itself or the distance to it may set it, and
                nothing is claimed.
    p           Fisher's exact test, one-sided, on days: days on which the share reached half of
                the run's, here against there.
    pairs       need no other network: the name alone differs. Then p is that of a fair coin on
                days with more target arms in the band than neutral arms beside a fast target.
    The onset is not known where the data begin inside the run.

What it does not do: count a day without fast lines; a line that can do no more than the rate tells
nothing about it.

Sources: METHOD 4 ("always-on is its own state"); decision 0025.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evenfall.infer.always import Run, RunTest, same_hours
from evenfall.infer.episodes import episodes, night_gain
from evenfall.infer.exact import binomial_tail, fisher_greater
from evenfall.infer.localtime import BINS_PER_DAY
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.rate_cluster import (
    cluster_rows,
    rate_beside,
    rate_elsewhere,
)
from evenfall.infer.rate_profile import RATE_2026, RateProfile
from evenfall.infer.scores import Rows
from evenfall.infer.series import Basis
from evenfall.model.curfew import RateCluster, Shares

__all__ = ["PartRun", "find_part", "judge_part", "shares_in_part"]

_ALL_SHOW = (
    "its speeds gather at one rate ({rate}) at all measured hours, and other networks show the "
    "same rate or one of their own: the site itself, or the distance to it, may set it"
)
_UNKNOWN = (
    "its speeds gather at one rate ({rate}) at all measured hours; too little was measured on "
    "other networks in the same hours to tell whether the site itself sets it"
)
_Ints = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PartRun(Run):
    """A run of days on which a share of the rows lies at one rate.

    Attributes:
        rate: of the rows inside.
        held: shape (n,), rows inside that are in the cluster.
        (inherited) bad, other_bad: days on which the share reached half of the run's.
    """

    rate: RateCluster
    held: _Flags


def find_part(
    rows: Rows, basis: Basis, profile: NightlyProfile, rates: RateProfile = RATE_2026
) -> PartRun | None:
    """The best run of days on which a share lies at one rate, or None.

    Args:
        rows: of the series.
        basis: what they rest on.
        profile: constants of the nights.
        rates: constants of the rate.
    """
    paired = basis is Basis.PAIRS
    whole = rate_beside(rows, np.ones(rows.n, dtype=bool), paired=paired, profile=rates)
    if whole is None:
        return None
    telling, held = cluster_rows(rows, whole, rates)
    day, gain = _day_gain(rows.day[telling], held[telling], profile, rates)
    found = episodes(gain, profile)
    if not found:
        return None
    main = max(found, key=lambda e: float(gain[e.first : e.last + 1].sum()))
    inside = (rows.day >= day[main.first]) & (rows.day <= day[main.last])
    rate = rate_beside(rows, inside, paired=paired, profile=rates)
    if rate is None or rate.share_low < rates.share_min:
        return None
    telling, held = cluster_rows(rows, rate, rates)
    if not _at_all_parts(rows.slot[inside & telling], held[inside & telling], rate, rates):
        return None
    days, bad = _days(rows.day, inside & telling, held, rate, rates)
    other_days, other_bad = _days(rows.day, ~inside & telling, held, rate, rates)
    if days < profile.nights_min:
        return None
    return PartRun(
        inside, days, bad, other_days, other_bad, day, gain, main, rate=rate, held=held & inside
    )


def _day_gain(
    day: _Ints, held: _Flags, profile: NightlyProfile, rates: RateProfile
) -> tuple[_Ints, npt.NDArray[np.float64]]:
    days, where = np.unique(day, return_inverse=True)
    hit = math.log(rates.row_in / rates.row_out)
    miss = math.log((1.0 - rates.row_in) / (1.0 - rates.row_out))
    score = np.bincount(where, weights=np.where(held, hit, miss))
    return days, night_gain(score.astype(np.float64), profile)


def _at_all_parts(slot: _Ints, held: _Flags, rate: RateCluster, rates: RateProfile) -> bool:
    part = slot * rates.parts // BINS_PER_DAY
    total = np.bincount(part, minlength=rates.parts)
    share = np.bincount(part, weights=held, minlength=rates.parts) / np.maximum(total, 1)
    measured = total >= rates.part_rows_min
    shown = share >= rates.share_day * rate.share
    return bool(measured.sum() >= rates.parts_min and shown[measured].all())


def _days(
    day: _Ints, chosen: _Flags, held: _Flags, rate: RateCluster, rates: RateProfile
) -> tuple[int, int]:
    """How many days the chosen rows touch, and on how many the share is half of the run's."""
    days, where = np.unique(day[chosen], return_inverse=True)
    share = np.bincount(where, weights=held[chosen]) / np.maximum(np.bincount(where), 1)
    return int(days.size), int(np.count_nonzero(share >= rates.share_day * rate.share))


def judge_part(
    rows: Rows,
    run: PartRun,
    others: Mapping[str, Rows],
    *,
    basis: Basis,
    rates: RateProfile = RATE_2026,
) -> RunTest:
    """Test the run against other networks in the same hours; pairs against a coin.

    Args:
        rows: of this series.
        run: found in them.
        others: network → rows of the same service there, whatever they show.
        basis: what the rows rest on.
        rates: the constants.
    """
    if basis is Basis.PAIRS:
        return _against_a_coin(rows, run, rates)
    there = {name: (other, same_hours(rows, run, other)) for name, other in others.items()}
    elsewhere = rate_elsewhere(run.rate, there, rates)
    if not elsewhere.clears_the_site:
        shown = len(elsewhere.affected) + len(elsewhere.other_rate) > len(elsewhere.clean)
        because = _ALL_SHOW if shown else _UNKNOWN
        told = because.format(rate=f"{run.rate.median_bps / 1000:.3g} kbit/s")
        return RunTest(None, np.nan, "", told)
    day, held = _pooled(run.rate, [there[name] for name in elsewhere.clean], rates)
    days, wrong = _days(day, np.ones(day.size, dtype=bool), held, run.rate, rates)
    p = fisher_greater(hits=run.bad, n=run.days, reference_hits=wrong, reference_n=days)
    return RunTest(p, float(held.mean()), "other networks in the same hours", "")


def _pooled(
    rate: RateCluster, there: list[tuple[Rows, _Flags]], rates: RateProfile
) -> tuple[_Ints, _Flags]:
    day, held = [], []
    for rows, within in there:
        telling, inside = cluster_rows(rows, rate, rates)
        day.append(rows.day[telling & within])
        held.append(inside[telling & within])
    return np.concatenate(day), np.concatenate(held)


def _against_a_coin(rows: Rows, run: PartRun, rates: RateProfile) -> RunTest:
    """Target arms in the band beside a fast neutral arm, against the mirror image, day by day."""
    turned, mirrored = cluster_rows(_mirror(rows), run.rate, rates)
    days, where = np.unique(rows.day[run.inside], return_inverse=True)
    more = np.bincount(where, weights=run.held[run.inside], minlength=days.size) - np.bincount(
        where, weights=mirrored[run.inside], minlength=days.size
    )
    told = int(np.count_nonzero(more))
    share = float(mirrored[run.inside].sum() / max(1, int(turned[run.inside].sum())))
    p = binomial_tail(hits=int(np.count_nonzero(more > 0)), n=told)
    return RunTest(p, share, "the neutral arms, day by day", "")


def _mirror(rows: Rows) -> Rows:
    return replace(rows, target_bps=rows.control_bps, control_bps=rows.target_bps)


def shares_in_part(rows: Rows, run: PartRun) -> Shares:
    """What became of the rows of the run: failed, at the rate or below it, or faster."""
    told = run.inside & (~np.isnan(rows.failed) | ~np.isnan(rows.x))
    failed = told & ((rows.failed == 1.0) | rows.empty)
    with np.errstate(invalid="ignore"):
        slow = told & ~failed & (run.held | (rows.target_bps < run.rate.high_bps))
    n = int(told.sum())
    shares = float(failed.sum() / n), float(slow.sum() / n)
    return Shares(
        failed=round(shares[0], 4),
        slow=round(shares[1], 4),
        fine=round(1.0 - sum(shares), 4),
        n=n,
    )
