"""Who else was measured in the same hours, and what that says: other networks, other services.

A claim about one network and one service leans on the others: networks where the same service was
fine clear the site, services that were fine on the same network stand for controls, and a rate that
no other network shows is no rate of the site's. All of them are asked about the same hours of the
same dates, and only there.

What it does not do: decide. `scope.py` does, from what is gathered here.

Sources: METHOD 3 and 4; decision 0025.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from evenfall.infer.always import Run, same_hours
from evenfall.infer.in_part import PartRun
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.rate_cluster import RateElsewhere, rate_elsewhere, rate_of_slowed
from evenfall.infer.scope import Neighbours, fared_badly, neighbours_of
from evenfall.infer.scores import Rows
from evenfall.infer.search import in_union
from evenfall.infer.series import Basis
from evenfall.infer.siblings import NO_SIBLINGS, Siblings, siblings_of
from evenfall.infer.window import Found
from evenfall.model.curfew import RateCluster
from evenfall.model.vocabulary import State

__all__ = ["Around", "Company"]

_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Around:
    """What the others show in the hours of one claim.

    Attributes:
        neighbours: the same service on other networks.
        siblings: other services on the same network.
        rate: at which this series' slowed rows gather, where they do.
        elsewhere: whether other networks show that rate.
    """

    neighbours: Neighbours
    siblings: Siblings = NO_SIBLINGS
    rate: RateCluster | None = None
    elsewhere: RateElsewhere | None = None


@dataclass(frozen=True)
class Company:
    """One series' rows, and those of the others that say something about it.

    Attributes:
        rows, basis: of the series itself.
        networks: network → rows of the same service there.
        services: service → its rows on the same network, pairs left out (`siblings.py`).
    """

    rows: Rows
    basis: Basis
    networks: Mapping[str, Rows]
    services: Mapping[str, Rows] = field(default_factory=dict)

    def of_window(self, found: Found, profile: NightlyProfile) -> Around:
        """In the hours and on the dates of a window."""
        state = found.strength.state
        near = {name: (rows, _in_hours(found, rows)) for name, rows in self.networks.items()}
        beside = {name: (rows, _in_hours(found, rows)) for name, rows in self.services.items()}
        rate = elsewhere = None
        if state is State.SLOWED:
            paired = self.basis is Basis.PAIRS
            rate = rate_of_slowed(self.rows, found.inside, paired=paired)
        if rate is not None:
            elsewhere = rate_elsewhere(rate, near)
        return Around(
            neighbours_of(_fared(near, state, profile), profile),
            self._siblings(beside, found.inside, state, profile),
            rate,
            elsewhere,
        )

    def of_run(self, run: Run, state: State, profile: NightlyProfile) -> Around:
        """On the dates and in the clock hours of a run."""
        near = self._same_hours(run, self.networks)
        neighbours = neighbours_of(_fared(near, state, profile), profile)
        if isinstance(run, PartRun):
            return Around(neighbours, NO_SIBLINGS, run.rate, rate_elsewhere(run.rate, near))
        beside = self._same_hours(run, self.services)
        return Around(neighbours, self._siblings(beside, run.inside, state, profile))

    def _same_hours(self, run: Run, others: Mapping[str, Rows]) -> dict[str, tuple[Rows, _Flags]]:
        return {name: (rows, same_hours(self.rows, run, rows)) for name, rows in others.items()}

    def _siblings(
        self,
        beside: Mapping[str, tuple[Rows, _Flags]],
        inside: _Flags,
        state: State,
        profile: NightlyProfile,
    ) -> Siblings:
        if self.basis is Basis.PAIRS or not beside:
            return NO_SIBLINGS
        own = float(self.rows.bad[inside].mean())
        return siblings_of(_fared(beside, state, profile), own, profile)


def _in_hours(found: Found, rows: Rows) -> _Flags:
    """Rows of another series inside the same hours of the same dates."""
    within, night = in_union(rows.day, rows.slot, found.union)
    return within & np.isin(night, found.nights.day[found.held])


def _fared(
    others: Mapping[str, tuple[Rows, _Flags]], state: State, profile: NightlyProfile
) -> dict[str, _Flags]:
    return {
        name: fared_badly(rows, within, state, profile) for name, (rows, within) in others.items()
    }
