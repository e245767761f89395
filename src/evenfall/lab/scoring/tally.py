"""Outcomes added up: one row of the file for a family and method, and the rates made from rows.

Rules:
    A `Tally` holds counts, and errors as value → how often, so that rows of different seeds add up
    and a thousand worlds take a line. It names the ruleset and profile that judged, and `worlds`,
    a mark of what the family's generator draws: rows of another ruleset, profile or generator are
    never added.
    Rates are with exact limits (Clopper–Pearson), one-sided, 95 %: the lower one of what is
    wanted, both of what is not.
    Percentiles are by rank, without interpolation.
    What is not known of a method, or has no meaning in the family, is null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from evenfall.infer.exact import clopper_pearson
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.ruleset import RULESET
from evenfall.lab.scoring.outcome import Outcome

__all__ = [
    "TUNING_BELOW",
    "DailyTally",
    "NightScore",
    "NotRun",
    "Scored",
    "Tally",
    "add_up",
    "at_share",
    "lower_limit",
    "score_of",
    "tally_of",
    "upper_limit",
]

TUNING_BELOW = 10_000
"""Constants are tuned on lower seeds only (METHOD 8)."""

_CONFIDENCE = 0.95
_NEVER = 0


class Tally(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True,
    tag_field="kind", tag="night_score",
):  # fmt: skip
    """One family and method over the worlds of some seeds. One line of the rows file.

    Attributes:
        seeds: how many, from `first_seed` on.
        alarms_at, missed_at, wrong_at: the seeds concerned.
        edge_errors_min, date_errors: value → how often.
        nights_to_claim: nights of the first look whose claim was right → how often; 0: at none.
        edges … weekdays_right: as in `Outcome`, added up.
    """

    family: str
    method: str
    innocent: bool
    first_seed: int
    seeds: int
    ruleset: str
    profile: str
    worlds: str
    alarms_at: tuple[int, ...] = ()
    missed_at: tuple[int, ...] = ()
    wrong_at: tuple[int, ...] = ()
    edge_errors_min: dict[int, int] = {}
    edges: int = 0
    edges_covered: int = 0
    date_errors: dict[int, int] = {}
    dates: int = 0
    dates_covered: int = 0
    episodes: int = 0
    episodes_right: int = 0
    scopes: int = 0
    scopes_right: int = 0
    weekdays: int = 0
    weekdays_right: int = 0
    nights_to_claim: dict[int, int] = {}


class DailyTally(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True,
    tag_field="kind", tag="daily_looks",
):  # fmt: skip
    """Innocent series judged anew every day: how many were ever claimed. One line of the file.

    Attributes:
        series: how many series the worlds have together.
        ever_claimed: of these, claimed on one day at least.
        nights_from, nights_to: first and last look, in nights.
        claimed_at: seeds of the worlds concerned.
    """

    family: str
    method: str
    first_seed: int
    seeds: int
    series: int
    ever_claimed: int
    nights_from: int
    nights_to: int
    ruleset: str
    profile: str
    worlds: str
    claimed_at: tuple[int, ...] = ()


class NotRun(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="lab_score"):
    """A method that could not be run here."""

    method: str
    not_run: str


class NightScore(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="lab_score"):
    """What `lab score --json` prints of a family and method; null where it has no meaning.

    Attributes:
        edge_error_min_p50, edge_error_min_p90: minutes.
        coverage: share of the true edges in their printed interval.
        onset_error_nights_p50, onset_coverage: of onsets and liftings together.
        nights_to_claim: median of the first look with a right claim; null if at none for half.
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
    wrong: int | None = None
    edge_error_min_p50: int | None = None
    edge_error_min_p90: int | None = None
    coverage: float | None = None
    onset_error_nights_p50: int | None = None
    onset_coverage: float | None = None
    episodes_right: float | None = None
    scope_right: float | None = None
    weekdays_right: float | None = None
    nights_to_claim: int | None = None
    ruleset: str
    profile: str
    worlds: str
    first_seed: int
    tuning: bool


@dataclass(frozen=True)
class Scored:
    """One method on one world: its seed, outcome, and the first right look where one was sought.

    Attributes:
        first_right: nights; 0: at none; None: not sought.
    """

    seed: int
    outcome: Outcome
    first_right: int | None = None


def tally_of(
    family: str, method: str, scored: Sequence[Scored], *, innocent: bool, worlds: str
) -> Tally:
    """Add up the worlds of consecutive seeds, at least one."""
    outcomes = [one.outcome for one in scored]
    sums = {name: sum(getattr(one, name) for one in outcomes) for name in _COUNTS}
    return Tally(
        family=family,
        method=method,
        innocent=innocent,
        first_seed=min(one.seed for one in scored),
        seeds=len(scored),
        ruleset=RULESET,
        profile=NIGHTLY_2026.name,
        worlds=worlds,
        alarms_at=tuple(one.seed for one in scored if one.outcome.false_alarm),
        missed_at=tuple(one.seed for one in scored if one.outcome.found is False),
        wrong_at=tuple(one.seed for one in scored if one.outcome.wrong),
        edge_errors_min=_counted(error for one in outcomes for error in one.edge_errors_min),
        date_errors=_counted(error for one in outcomes for error in one.date_errors),
        nights_to_claim=_counted(o.first_right for o in scored if o.first_right is not None),
        **sums,
    )


_COUNTS = (
    "edges", "edges_covered", "dates", "dates_covered", "episodes", "episodes_right",
    "scopes", "scopes_right", "weekdays", "weekdays_right",
)  # fmt: skip
_LISTS = ("alarms_at", "missed_at", "wrong_at")
_ERRORS = ("edge_errors_min", "date_errors", "nights_to_claim")


def _counted(values: Iterable[int]) -> dict[int, int]:
    return dict(sorted(Counter(values).items()))


def add_up(tallies: Sequence[Tally]) -> Tally:
    """One tally of several of the same family, method and rules; at least one."""
    first = tallies[0]
    lists = {n: tuple(sorted(s for t in tallies for s in getattr(t, n))) for n in _LISTS}
    errors = {name: _merged([getattr(t, name) for t in tallies]) for name in _ERRORS}
    counts = {name: sum(getattr(t, name) for t in tallies) for name in _COUNTS}
    return msgspec.structs.replace(
        first,
        first_seed=min(t.first_seed for t in tallies),
        seeds=sum(t.seeds for t in tallies),
        **lists,
        **errors,
        **counts,
    )


def _merged(parts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    total = Counter[int]()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items()))


def score_of(tally: Tally) -> NightScore:
    """Counts as rates."""
    n, alarms, missed = tally.seeds, len(tally.alarms_at), len(tally.missed_at)
    score = NightScore(
        family=tally.family,
        method=tally.method,
        seeds=n,
        innocent=tally.innocent,
        ruleset=tally.ruleset,
        profile=tally.profile,
        worlds=tally.worlds,
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
    return msgspec.structs.replace(
        score,
        found=n - missed,
        power=_rounded(1 - missed / n),
        power_low=_rounded(lower_limit(n - missed, n)),
        wrong=len(tally.wrong_at),
        edge_error_min_p50=at_share(tally.edge_errors_min, 0.5),
        edge_error_min_p90=at_share(tally.edge_errors_min, 0.9),
        coverage=_share(tally.edges_covered, tally.edges),
        onset_error_nights_p50=at_share(tally.date_errors, 0.5),
        onset_coverage=_share(tally.dates_covered, tally.dates),
        episodes_right=_share(tally.episodes_right, tally.episodes),
        scope_right=_share(tally.scopes_right, tally.scopes),
        weekdays_right=_share(tally.weekdays_right, tally.weekdays),
        nights_to_claim=_typical_look(tally.nights_to_claim),
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
