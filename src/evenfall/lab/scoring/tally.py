"""Outcomes added up: one row of the file for a family and method.

Rules:
    A `Tally` holds counts, and errors as value → how often, so that rows of different seeds add up
    and a thousand worlds take one line. It names the ruleset and profile that judged, and `worlds`,
    a mark of what the family's generator draws, and `constants`, a digest of the numbers that
    judge: rows of another ruleset, profile, generator or number are never added.

What it does not do: rates (`rates.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.ruleset import RULESET
from evenfall.lab.scoring.constants import digest
from evenfall.lab.scoring.outcome import Outcome

__all__ = ["DailyTally", "Scored", "Tally", "add_up", "tally_of"]

_NAMED_MAX = 20
_Value = TypeVar("_Value", int, str)


class Tally(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True,
    tag_field="kind", tag="night_score",
):  # fmt: skip
    """One family and method over the worlds of some seeds. One line of the rows file.

    Attributes:
        seeds: how many, from `first_seed` on.
        alarms, missed, wrong: worlds with a false alarm, not found, with a wrong claim.
        alarms_at, missed_at, wrong_at: the first twenty seeds concerned.
        missed_because: what the method says of hit series that it did not find → worlds.
        edge_errors_min, date_errors: value → how often.
        nights_to_claim: nights of the first look whose claim was right → how often; 0: at none.
        megabytes_to_claim: millions of bytes that a hit series rests on until then → how often; 0:
            at none.
        all_episodes_right: worlds that were found with the episodes of every hit series right.
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
    alarms: int = 0
    alarms_at: tuple[int, ...] = ()
    missed: int = 0
    missed_at: tuple[int, ...] = ()
    missed_because: dict[str, int] = {}
    wrong: int = 0
    wrong_at: tuple[int, ...] = ()
    edge_errors_min: dict[int, int] = {}
    edges: int = 0
    edges_covered: int = 0
    date_errors: dict[int, int] = {}
    dates: int = 0
    dates_covered: int = 0
    episodes: int = 0
    episodes_right: int = 0
    all_episodes_right: int = 0
    scopes: int = 0
    scopes_right: int = 0
    weekdays: int = 0
    weekdays_right: int = 0
    nights_to_claim: dict[int, int] = {}
    megabytes_to_claim: dict[int, int] = {}
    constants: str = ""


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
    constants: str = ""


@dataclass(frozen=True)
class Scored:
    """One method on one world: its seed, outcome, and the first right look where one was sought.

    Attributes:
        first_right: nights; 0: at none; None: not sought.
        first_megabytes: that a hit series rests on until then, the mean of them; 0: at none; None:
            not sought, or not known.
        because: what the method says of hit series that it did not find, figures left out.
    """

    seed: int
    outcome: Outcome
    first_right: int | None = None
    because: tuple[str, ...] = ()
    first_megabytes: int | None = None


def tally_of(
    family: str, method: str, scored: Sequence[Scored], *, innocent: bool, worlds: str
) -> Tally:
    """Add up the worlds of consecutive seeds, at least one."""
    outcomes = [one.outcome for one in scored]
    alarms = [one.seed for one in scored if one.outcome.false_alarm]
    missed = [one.seed for one in scored if one.outcome.found is False]
    wrong = [one.seed for one in scored if one.outcome.wrong]
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
        alarms=len(alarms),
        alarms_at=tuple(alarms[:_NAMED_MAX]),
        missed=len(missed),
        missed_at=tuple(missed[:_NAMED_MAX]),
        missed_because=_counted(why for one in scored for why in one.because),
        wrong=len(wrong),
        wrong_at=tuple(wrong[:_NAMED_MAX]),
        edge_errors_min=_counted(error for one in outcomes for error in one.edge_errors_min),
        date_errors=_counted(error for one in outcomes for error in one.date_errors),
        nights_to_claim=_counted(o.first_right for o in scored if o.first_right is not None),
        megabytes_to_claim=_counted(
            o.first_megabytes for o in scored if o.first_megabytes is not None
        ),
        constants=digest(),
        **sums,
    )


_COUNTS = (
    "edges", "edges_covered", "dates", "dates_covered", "episodes", "episodes_right",
    "all_episodes_right", "scopes", "scopes_right", "weekdays", "weekdays_right",
)  # fmt: skip
_WORLDS = ("alarms", "missed", "wrong")
_LISTS = ("alarms_at", "missed_at", "wrong_at")
_ERRORS = ("edge_errors_min", "date_errors", "nights_to_claim", "megabytes_to_claim")


def _counted(values: Iterable[_Value]) -> dict[_Value, int]:
    return dict(sorted(Counter(values).items()))


def add_up(tallies: Sequence[Tally]) -> Tally:
    """One tally of several of the same family, method and rules; at least one."""
    first = tallies[0]
    named = {n: sorted(s for t in tallies for s in getattr(t, n)) for n in _LISTS}
    lists = {name: tuple(seeds[:_NAMED_MAX]) for name, seeds in named.items()}
    errors = {name: _merged([getattr(t, name) for t in tallies]) for name in _ERRORS}
    because = _merged([t.missed_because for t in tallies])
    counts = {name: sum(getattr(t, name) for t in tallies) for name in (*_COUNTS, *_WORLDS)}
    return msgspec.structs.replace(
        first,
        first_seed=min(t.first_seed for t in tallies),
        seeds=sum(t.seeds for t in tallies),
        missed_because=because,
        **lists,
        **errors,
        **counts,
    )


def _merged(parts: Iterable[Mapping[_Value, int]]) -> dict[_Value, int]:
    total = Counter[_Value]()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items()))
