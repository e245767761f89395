"""Rates of a family and method, made from counts: what `lab score` prints.

Rules:
    Limits are exact (Clopper–Pearson), one-sided, 95 %: the lower one of what is wanted, both of
    what is not.
    Percentiles are by rank, without interpolation.
    What is not known of a method, or has no meaning in the family, is null.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from evenfall.infer.exact import clopper_pearson
from evenfall.lab.scoring.said import EVENFALL
from evenfall.lab.scoring.tally import Tally

__all__ = [
    "TUNING_BELOW",
    "NightScore",
    "NotRun",
    "at_share",
    "lower_limit",
    "score_of",
    "upper_limit",
]

TUNING_BELOW = 10_000
"""Constants are tuned on lower seeds only (METHOD 8)."""

_CONFIDENCE = 0.95
_NEVER = 0


class NotRun(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="lab_score"):
    """A method that could not be run here."""

    method: str
    not_run: str


class NightScore(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="lab_score"):
    """What `lab score --json` prints of a family and method; null where it has no meaning.

    Attributes:
        missed_because: what the method says of hit series that it did not find → worlds.
        edge_error_min_p50, edge_error_min_p90: minutes.
        coverage: share of the true edges in their printed interval.
        onset_error_nights_p50, onset_coverage: of onsets and liftings together.
        nights_to_claim: median of the first look with a right claim; null if at none for half.
        megabytes_to_claim: likewise, in millions of bytes that a hit series rests on until then;
            null also where the worlds tell none.
        episodes_right: of the hit series found, those with all episodes right.
        all_episodes_right: of all worlds, those that were found and all episodes are right.
        tuning: the seeds are those that constants may be tuned on.
    """

    family: str
    method: str
    seeds: int
    innocent: bool
    false_alarms: int | None = None
    false_alarm_rate: float | None = None
    false_alarm_low: float | None = None
    false_alarm_high: float | None = None
    found: int | None = None
    power: float | None = None
    power_low: float | None = None
    missed_because: dict[str, int] | None = None
    wrong: int | None = None
    edge_error_min_p50: int | None = None
    edge_error_min_p90: int | None = None
    coverage: float | None = None
    onset_error_nights_p50: int | None = None
    onset_coverage: float | None = None
    episodes_right: float | None = None
    all_episodes_right: float | None = None
    scope_right: float | None = None
    weekdays_right: float | None = None
    nights_to_claim: int | None = None
    megabytes_to_claim: int | None = None
    ruleset: str
    profile: str
    worlds: str
    constants: str
    first_seed: int
    tuning: bool


def score_of(tally: Tally) -> NightScore:
    """Counts as rates."""
    n, alarms, missed = tally.seeds, tally.alarms, tally.missed
    score = NightScore(
        family=tally.family,
        method=tally.method,
        seeds=n,
        innocent=tally.innocent,
        ruleset=tally.ruleset,
        profile=tally.profile,
        worlds=tally.worlds,
        constants=tally.constants,
        first_seed=tally.first_seed,
        tuning=tally.first_seed < TUNING_BELOW,
    )
    if tally.innocent:
        return msgspec.structs.replace(
            score,
            false_alarms=alarms,
            false_alarm_rate=_rounded(alarms / n),
            false_alarm_low=_rounded(lower_limit(alarms, n)),
            false_alarm_high=_rounded(upper_limit(alarms, n)),
        )
    dated = tally.method == EVENFALL
    return msgspec.structs.replace(
        score,
        found=n - missed,
        power=_rounded(1 - missed / n),
        power_low=_rounded(lower_limit(n - missed, n)),
        missed_because=tally.missed_because or None,
        wrong=tally.wrong,
        edge_error_min_p50=at_share(tally.edge_errors_min, 0.5),
        edge_error_min_p90=at_share(tally.edge_errors_min, 0.9),
        coverage=_share(tally.edges_covered, tally.edges),
        onset_error_nights_p50=at_share(tally.date_errors, 0.5),
        onset_coverage=_share(tally.dates_covered, tally.dates),
        episodes_right=_share(tally.episodes_right, tally.episodes),
        all_episodes_right=_rounded(tally.all_episodes_right / n) if dated else None,
        scope_right=_share(tally.scopes_right, tally.scopes),
        weekdays_right=_share(tally.weekdays_right, tally.weekdays),
        nights_to_claim=_typical_look(tally.nights_to_claim),
        megabytes_to_claim=_typical_look(tally.megabytes_to_claim),
    )


def _typical_look(first_right: Mapping[int, int]) -> int | None:
    """Median, "at no look" being later than any; None if that is the median, or none was sought."""
    latest = max(first_right, default=0) + 1
    later = {latest if look == _NEVER else look: n for look, n in first_right.items()}
    middle = at_share(later, 0.5)
    return None if middle == latest and _NEVER in first_right else middle


def _share(part: int, whole: int) -> float | None:
    return _rounded(part / whole) if whole else None


def _rounded(rate: float) -> float:
    return round(rate, 5)


def at_share(counted: Mapping[int, int], share: float) -> int | None:
    """The value at a rank, of value → how often; None without values."""
    total = sum(counted.values())
    rank = min(total - 1, int(share * total))
    for value in sorted(counted):
        rank -= counted[value]
        if rank < 0:
            return value
    return None


def lower_limit(hits: int, n: int) -> float:
    """Exact one-sided 95 % lower limit of a rate."""
    return clopper_pearson(hits=hits, n=n, level=2 * _CONFIDENCE - 1)[0]


def upper_limit(hits: int, n: int) -> float:
    """Exact one-sided 95 % upper limit of a rate."""
    return clopper_pearson(hits=hits, n=n, level=2 * _CONFIDENCE - 1)[1]
