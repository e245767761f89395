"""Services whose platforms complied with takedown requests, beside services that refused.

What it does. Each service has a value for each night: the share of its measurements in the hours
that went wrong, less its share in its own other hours. On each night on which both groups were
measured, the mean of those that refused less the mean of those that complied; the mean of that over
the nights is the difference.

Rules:
    A night on which one group was not measured says nothing.
    From six services on, with two in each group, labels are dealt to the services in every way
    there is (drawn, where there are more than 20,000), and p is the share of the ways that give as
    large a difference, the true one included. Fewer services are described, not tested: with five
    against three the smallest p is 1/56.
    A service that complied in part, or once and once not, is in neither group and is listed.
    One-sided: those that refused fare worse.

What it does not do. It shows no cause: three other things would make the same difference, and every
result lists them. Nights are not the unit of the test, for services and not nights were chosen by
whoever complied.

Sources: METHOD 6; E. Edgington and P. Onghena, Randomization Tests, 2007.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.event_nights import Hours, NightlyValues, nightly_values
from evenfall.infer.event_profiles import EventsProfile
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.series import Series
from evenfall.model.coincidence import GroupComparison, GroupMember
from evenfall.model.event import Event, EventType, Outcome

__all__ = [
    "RIVAL_REASONS",
    "Contrast",
    "compare_groups",
    "excess_of",
    "group_comparison",
    "outcome_by_service",
]

RIVAL_REASONS = (
    "servers in the region: services that answer quickly to requests may also be nearer",
    "small volume: a small service is little of the traffic, and is spared by limits on bulk",
    "a shared CDN: services of one group may lie on the same addresses",
)
_GROUP_MIN = 2
_TIE = 1e-9
_DIGITS = 4
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Contrast:
    """What was made of two groups.

    Attributes:
        nights: on which both were measured.
        difference: refused less complied; None where there is no such night.
        ways: how many ways of dealing the labels were looked at.
        p_value: None where it was not tested, and `because` says why.
    """

    nights: int
    difference: float | None
    ways: int
    p_value: float | None
    p_min: float | None
    because: str


def outcome_by_service(events: Iterable[Event]) -> dict[str, Outcome]:
    """What is known of each service, lower case; different answers are `partly`.

    The services of an event are meant, or its platform where it names none.
    """
    known: dict[str, set[Outcome]] = {}
    for event in events:
        if event.type is not EventType.TAKEDOWN_REQUEST or event.outcome is None:
            continue
        if event.outcome is Outcome.UNKNOWN:
            continue
        names = event.services or ((event.platform,) if event.platform else ())
        for name in names:
            known.setdefault(name.lower(), set()).add(event.outcome)
    return {
        name: next(iter(said)) if len(said) == 1 else Outcome.PARTLY for name, said in known.items()
    }


def excess_of(nights: NightlyValues) -> dict[int, float]:
    """Night → share gone wrong in the hours, less that in the service's other hours."""
    if math.isnan(nights.elsewhere):
        return {}
    pairs = zip(nights.day.tolist(), nights.value.tolist(), strict=True)
    return {day: value - nights.elsewhere for day, value in pairs}


def compare_groups(
    refused: Sequence[Mapping[int, float]],
    complied: Sequence[Mapping[int, float]],
    profile: EventsProfile,
    rng: np.random.Generator,
) -> Contrast:
    """Compare two groups of services on the same nights.

    Args:
        refused: one mapping a service, night → value, as from `excess_of`.
        complied: likewise.
        profile: the constants.
        rng: used only where the ways are too many to go through.
    """
    table = _table([*refused, *complied])
    k, n = len(refused), len(refused) + len(complied)
    label = np.arange(n) < k
    difference, nights = _differences(table, label[None, :])
    if nights[0] == 0:
        return Contrast(0, None, 0, None, None, "no night on which both groups were measured")
    if n < profile.services_tested_min or min(k, n - k) < _GROUP_MIN:
        because = (
            f"too few services to test: {k} that refused, {n - k} that complied; a test needs "
            f"{profile.services_tested_min} in all and {_GROUP_MIN} in each group"
        )
        return Contrast(int(nights[0]), float(difference[0]), 0, None, None, because)
    labels, exact = _deals(n, k, profile, rng)
    dealt, _ = _differences(table, labels)
    there = dealt[~np.isnan(dealt)]
    as_much = int(np.count_nonzero(there >= difference[0] - _TIE))
    ways = there.size if exact else there.size + 1
    return Contrast(
        nights=int(nights[0]),
        difference=float(difference[0]),
        ways=ways,
        p_value=(as_much if exact else as_much + 1) / ways,
        p_min=1 / ways,
        because="",
    )


def _table(services: Sequence[Mapping[int, float]]) -> _Floats:
    """Shape (services, nights), NaN where not measured."""
    days = sorted(set().union(*services)) if services else []
    place = {day: index for index, day in enumerate(days)}
    table = np.full((len(services), len(days)), np.nan)
    for row, service in enumerate(services):
        for day, value in service.items():
            table[row, place[day]] = value
    return table


def _differences(
    table: _Floats, labels: npt.NDArray[np.bool_]
) -> tuple[_Floats, npt.NDArray[np.int64]]:
    """Difference and its nights for each row of labels, shape (ways, services)."""
    known = (~np.isnan(table)).astype(float)
    value = np.nan_to_num(table)
    one = labels.astype(float)
    n1, n0 = one @ known, (1.0 - one) @ known
    both = (n1 > 0) & (n0 > 0)
    each = (one @ value) / np.maximum(n1, 1.0) - ((1.0 - one) @ value) / np.maximum(n0, 1.0)
    nights = both.sum(axis=1)
    total = np.where(both, each, 0.0).sum(axis=1)
    return np.where(nights > 0, total / np.maximum(nights, 1), np.nan), nights


def _deals(
    n: int, k: int, profile: EventsProfile, rng: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], bool]:
    """Ways to deal k labels to n services: all of them, or draws."""
    if math.comb(n, k) <= profile.ways_max:
        chosen = np.array(list(itertools.combinations(range(n), k)))
        labels = np.zeros((len(chosen), n), dtype=bool)
        np.put_along_axis(labels, chosen, True, axis=1)
        return labels, True
    ranks = rng.random((profile.ways_drawn, n)).argsort(axis=1)
    return ranks < k, False


def group_comparison(
    series: Sequence[Series],
    hours: Hours,
    events: Iterable[Event],
    nightly: NightlyProfile,
    profile: EventsProfile,
    rng: np.random.Generator,
) -> GroupComparison | None:
    """Services of one network by what their platforms did.

    Args:
        series: all of one network and one zone, simulated or measured but not both.
        hours: those that make a night, the same for all.
        events: takedown requests among them are used, whatever their date.
        nightly: how rows are scored.
        profile: the constants.
        rng: used where the ways to deal the labels are too many to go through.

    Returns:
        None where not both groups have a service among the series.
    """
    if not series:
        return None
    on_network = [e for e in events if not e.networks or _names(e, series[0].network)]
    outcomes = outcome_by_service(on_network)
    known = [s for s in series if s.service.lower() in outcomes]
    excess = {s.service: excess_of(nightly_values(s, hours, nightly)) for s in known}
    groups = {
        outcome: [excess[s.service] for s in known if outcomes[s.service.lower()] is outcome]
        for outcome in (Outcome.REFUSED, Outcome.COMPLIED)
    }
    if not all(groups.values()):
        return None
    found = compare_groups(groups[Outcome.REFUSED], groups[Outcome.COMPLIED], profile, rng)
    return GroupComparison(
        network=series[0].network,
        timezone=series[0].timezone,
        basis=hours.words,
        members=tuple(
            _member(s.service, str(outcomes[s.service.lower()]), excess[s.service]) for s in known
        ),
        nights=found.nights,
        difference=_rounded(found.difference),
        p_value=found.p_value,
        p_min=found.p_min,
        ways=found.ways,
        because=found.because,
        rival_reasons=RIVAL_REASONS,
        simulated=series[0].simulated,
    )


def _names(event: Event, network: str) -> bool:
    return network.lower() in {name.lower() for name in event.networks}


def _member(service: str, outcome: str, excess: Mapping[int, float]) -> GroupMember:
    value = float(np.mean(list(excess.values()))) if excess else None
    return GroupMember(service=service, outcome=outcome, nights=len(excess), value=_rounded(value))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
