"""Failing at all hours is its own state, and needs its own proof.

A service that fails round the clock shows no hours, so rotation says nothing about it. It is
claimed from the *level*: days of the episode against other days, and against other networks in the
same hours.

Rules:
    The episode is the best stretch of days by the days' own scores (`episodes.py`); with at least
    five measured days, in at least six different hours of the clock, also by day, of which in nine
    of ten most rows went wrong, and four fifths of all rows.
    before      Fisher's exact test, one-sided, on days: bad days among the measured days of the
                episode against bad days among all days outside it. A day is bad if at least half
                of its rows went wrong. The episode was chosen by looking, so p is multiplied by
                the number of places in the series where a run of that many days could lie.
    others      the same test against other networks of the same service, on the dates of the
                episode and in the hours (date and hour of the clock) in which this one was
                measured. Networks with a curfew or a run of bad days of their own are no
                reference. If other networks were measured and none is clean, the site itself may
                be down, and nothing is claimed.
    coin        only for pairs, and only if neither of the two is there: days on which most pairs
                were slow against a fair coin (nothing but the name differs, so slow is not the
                site's).
    p is the largest of those available; ≤ .01 is needed. Without pairs the other networks have to
    be among them: a site that is down looks the same from one network, however clear the days
    before. Then the series is insufficient, and says so.

What it does not do: a test over days takes days as separate draws, which an outage of the site is
not; only the other networks, or pairs, guard against that.

Sources: METHOD 4 ("always-on is its own state"); Fisher as in `exact.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.episodes import Episode, episodes, night_gain
from evenfall.infer.exact import binomial_tail, fisher_greater
from evenfall.infer.localtime import BINS_PER_DAY
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.scores import Rows
from evenfall.infer.series import Basis

__all__ = ["Run", "RunTest", "bad_days", "find_run", "judge_run", "same_hours"]

_ALL_FAIL = "it fails at all measured hours on every network: the site itself may be down"
_ALONE = (
    "it fails at all measured hours; with no other network in the same hours, the site itself may "
    "be down"
)
_PER_HOUR = BINS_PER_DAY // 24
_Ints = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Run:
    """A run of days on which it failed at all measured hours.

    Attributes:
        inside: shape (n,), rows of the episode.
        days, bad: measured days of the episode, and how many of them are bad.
        other_days, other_bad: the same of all days outside the episode.
        day, gain: shape (d,), all measured days and what each says.
        found: the episode, as indices into `day`.
    """

    inside: _Flags
    days: int
    bad: int
    other_days: int
    other_bad: int
    day: _Ints
    gain: npt.NDArray[np.float64]
    found: Episode


@dataclass(frozen=True)
class RunTest:
    """p_value is None where there is nothing to compare with, and `because` says what is missing.

    `reference` is the share of reference rows that went wrong, `against` what they were.
    """

    p_value: float | None
    reference: float
    against: str
    because: str


def find_run(rows: Rows, profile: NightlyProfile) -> Run | None:
    """The best run of bad days, or None if there is none that holds at all measured hours."""
    day, where = np.unique(rows.day, return_inverse=True)
    score = np.bincount(where, weights=rows.score).astype(np.float64)
    gain = night_gain(score, profile)
    found = episodes(gain, profile)
    if not found:
        return None
    main = max(found, key=lambda e: float(gain[e.first : e.last + 1].sum()))
    inside = (rows.day >= day[main.first]) & (rows.day <= day[main.last])
    if not _at_all_hours(rows, inside, profile):
        return None
    days, bad = bad_days(rows.day[inside], rows.bad[inside])
    other_days, other_bad = bad_days(rows.day[~inside], rows.bad[~inside])
    if days < profile.nights_min:
        return None
    return Run(inside, days, bad, other_days, other_bad, day, gain, main)


def _at_all_hours(rows: Rows, inside: _Flags, profile: NightlyProfile) -> bool:
    hour, bad = rows.slot[inside] // _PER_HOUR, rows.bad[inside]
    measured = np.bincount(hour, minlength=24)
    wrong = np.bincount(hour, weights=bad, minlength=24)
    hours = int(np.count_nonzero(measured))
    mostly = np.count_nonzero((measured > 0) & (2 * wrong >= measured))
    by_day = measured[profile.daytime_from_h : profile.daytime_to_h]
    return bool(
        hours >= profile.always_hours_min
        and np.count_nonzero(by_day) >= profile.daytime_hours_min
        and mostly >= profile.always_hours_share * hours
        and bad.mean() >= profile.failure_rate_in
    )


def bad_days(day: _Ints, bad: _Flags) -> tuple[int, int]:
    """How many days there are, and on how many at least half of the rows went wrong."""
    _, where = np.unique(day, return_inverse=True)
    total = np.bincount(where)
    wrong = np.bincount(where, weights=bad)
    return int(total.size), int(np.count_nonzero(2 * wrong >= total)) if total.size else 0


def same_hours(rows: Rows, run: Run, other: Rows) -> _Flags:
    """Rows of another network on the dates and in the clock hours of the run's own rows."""
    own = rows.day[run.inside] * 24 + rows.slot[run.inside] // _PER_HOUR
    return np.isin(other.day * 24 + other.slot // _PER_HOUR, own)


def judge_run(
    rows: Rows,
    run: Run,
    references: Sequence[Rows],
    *,
    others_affected: bool,
    basis: Basis,
) -> RunTest:
    """Test the run against the days outside it, and against other networks in the same hours.

    Args:
        rows: of this series.
        run: found in them.
        references: rows of other networks of the service that have no run or curfew of their own.
        others_affected: whether there are networks with a run of their own in these hours.
        basis: what the scores rest on.
    """
    clean = _pooled(rows, run, references)
    if clean is None and basis is not Basis.PAIRS:
        return RunTest(None, np.nan, "", _ALL_FAIL if others_affected else _ALONE)
    tests: list[tuple[float, float, str]] = []
    if run.other_days:
        places = run.day.size - (run.found.last - run.found.first)
        p = fisher_greater(
            hits=run.bad, n=run.days, reference_hits=run.other_bad, reference_n=run.other_days
        )
        outside = float(rows.bad[~run.inside].mean())
        tests.append((min(1.0, p * places), outside, "days outside the episode"))
    if clean is not None:
        day, bad = clean
        days, wrong = bad_days(day, bad)
        p = fisher_greater(hits=run.bad, n=run.days, reference_hits=wrong, reference_n=days)
        tests.append((p, float(bad.mean()), "other networks in the same hours"))
    if not tests:
        tests.append((binomial_tail(hits=run.bad, n=run.days), 0.0, "a fair coin, day by day"))
    p = max(test[0] for test in tests)
    return RunTest(p, tests[0][1], " and ".join(test[2] for test in tests), "")


def _pooled(rows: Rows, run: Run, references: Sequence[Rows]) -> tuple[_Ints, _Flags] | None:
    day, bad = [], []
    for other in references:
        chosen = same_hours(rows, run, other)
        day.append(other.day[chosen])
        bad.append(other.bad[chosen])
    days = np.concatenate(day) if day else np.zeros(0, dtype=np.int64)
    return (days, np.concatenate(bad)) if days.size else None
