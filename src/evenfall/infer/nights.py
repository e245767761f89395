"""Nights: from series to curfews, with one line for every series that was looked at.

`judge` is the public door of the estimator. It takes all series of a store at once, because three
things can only be said of all of them: whether other networks were clean in the same hours,
whether a service that fails round the clock fails elsewhere too, and how many of the claims may be
false (`discovery.py`).

Rules:
    A series is first looked at for a window (`window.py`); only if that gives nothing, for failing
    at all hours (`always.py`). A claim needs its p, its effect and its nights, and q ≤ 5 % over all
    series that were judged.
    What recurs is a `curfew` with pattern `window`; what holds at all measured hours a `curfew`
    with pattern `always`, no windows, and the unmeasured hours named.
    Several episodes of the same hours (waves) are one curfew from the first onset to the last
    lifting; the waves are its `episodes`, and only nights inside them are counted.
    Controls that fare no better in the same hours make it `generalized`: that is not a curfew on
    chosen services and is said in the series' line only.

How it works:
    Each series is examined alone (`_examine`), then against the others of its service (`_Panel`
    knows which these are), then claimed. Rows are not held meanwhile (`case.py`), so memory grows
    with what is found and not with what is judged; no step compares every series with every other.

Results depend on the series, the profile, and `rng` (its state decides the draws, so p-values
differ in the last digit between seeds).

What it does not do: attribute. It never says who did it.

Sources: METHOD 4, 5; PRODUCT ("What `analyze --json` prints").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from evenfall.infer.always import RunTest, find_run, judge_run, same_hours
from evenfall.infer.case import Case, Readings, can_witness
from evenfall.infer.claims import always_curfew, run_state, window_curfew
from evenfall.infer.company import Company
from evenfall.infer.discovery import p_wanted, q_values
from evenfall.infer.in_part import find_part, judge_part
from evenfall.infer.mix import mix_changes
from evenfall.infer.mix_gate import run_gate, window_gate
from evenfall.infer.profiles import NIGHTLY_2026, NightlyProfile
from evenfall.infer.scope import joint_level
from evenfall.infer.scores import Rows
from evenfall.infer.series import Basis, Series
from evenfall.infer.series_state import finding_of
from evenfall.infer.strata import mix_columns
from evenfall.infer.window import sharpened, try_window
from evenfall.model.curfew import Change, Curfew, SeriesFinding
from evenfall.model.vocabulary import Scope

__all__ = ["Judgement", "judge"]


@dataclass(frozen=True)
class Judgement:
    """All that was made of the series.

    Attributes:
        curfews: one for each series that has one, in the order of the series.
        findings: one for each series, in the order given.
    """

    curfews: tuple[Curfew, ...]
    findings: tuple[SeriesFinding, ...]


def judge(
    series: Sequence[Series],
    *,
    profile: NightlyProfile = NIGHTLY_2026,
    rng: np.random.Generator,
) -> Judgement:
    """Judge every series, each alone and all together.

    Args:
        series: one network × service each; any order, any garbage in the rows.
        profile: the constants; its name is carried by the results.
        rng: source of rotations and permutations.

    Returns:
        Curfews and one finding for each series. Rows that cannot be used are counted out, never
        raised about.
    """
    panel = _Panel(series, profile, rng)
    for case in panel.cases:
        panel.test_part(case)
    for case in panel.cases:
        if case.run is not None and case.run_test is None:
            case.run_test = panel.test_run(case)
    panel.sharpen(rng)
    adjusted = q_values([case.p_value for case in panel.cases])
    for case, q in zip(panel.cases, adjusted, strict=True):
        case.curfew = panel.claim(case, q)
    panel.raise_levels()
    return Judgement(
        curfews=tuple(case.curfew for case in panel.cases if case.curfew is not None),
        findings=tuple(
            finding_of(case, q, profile) for case, q in zip(panel.cases, adjusted, strict=True)
        ),
    )


class _Panel:
    """All series that are judged together, each examined alone; who is whose neighbour."""

    def __init__(
        self, series: Sequence[Series], profile: NightlyProfile, rng: np.random.Generator
    ) -> None:
        self._profile = profile
        self._readings = Readings(series, profile)
        self.cases = [self._examine(index, rng) for index in range(len(series))]
        self._of_service: dict[tuple[str, bool], list[Case]] = defaultdict(list)
        self._of_network: dict[tuple[str, bool], list[Case]] = defaultdict(list)
        for case in self.cases:
            if case.n:
                self._of_service[case.series.service, case.series.simulated].append(case)
                self._of_network[case.series.network, case.series.simulated].append(case)

    def _examine(self, index: int, rng: np.random.Generator) -> Case:
        """Look for hours in one series and, if there are none, for a run of bad days."""
        case = self._readings.case(index)
        if case.insufficient:
            return case
        reading, rows = self._readings[index], self._readings.rows(case)
        mixed = mix_changes(rows.day, mix_columns(rows), rng=rng)
        case.mix_changes = mixed
        case.changes += tuple(one.change for one in mixed)
        case.trial = try_window(reading, self._profile, rng)
        if case.windowed is not None:
            basis = case.series.basis
            case.mixed = window_gate(rows, case.windowed, basis, mixed, self._profile)
        else:
            rows = self._readings.with_steps(case)
            case.run = find_run(rows, self._profile)
            self._gate_run(case, rows)
        case.part = find_part(rows, case.series.basis, self._profile)
        return case

    def _gate_run(self, case: Case, rows: Rows) -> None:
        """A run that begins or ends with a change of the mix, and is explained by it, is none."""
        if case.run is None:
            return
        state = run_state(rows, case.run)
        case.mixed = run_gate(rows, case.run, case.series.basis, case.mix_changes, state)
        if case.mixed.reason:
            case.run = None

    def sharpen(self, rng: np.random.Generator) -> None:
        """Draw more for what was found, where for so many series its p is too coarse."""
        found = [case for case in self.cases if case.windowed is not None]
        tested = sum(case.p_value is not None for case in self.cases)
        wanted = p_wanted(tested, len(found), self._profile.false_discovery_rate)
        for case in found:
            if case.trial is not None:
                reading = self._readings[case.index]
                case.trial = sharpened(reading, case.trial, wanted, self._profile, rng)

    def _others(self, case: Case) -> list[Case]:
        """Series of the same service on other networks, with usable rows."""
        return [
            other
            for other in self._of_service[case.series.service, case.series.simulated]
            if other.series.network != case.series.network
            and can_witness(case.series, other.series)
        ]

    def _company(self, case: Case) -> Company:
        """The other networks and services that say something about one series; pairs do not."""
        beside = [
            other
            for other in self._of_network[case.series.network, case.series.simulated]
            if other.series.service != case.series.service and other.series.basis is not Basis.PAIRS
        ]
        return Company(
            self._readings.rows(case),
            case.series.basis,
            {
                other.series.network: self._readings.rows_beside(case, other)
                for other in self._others(case)
            },
            {other.series.service: self._readings.rows_beside(case, other) for other in beside},
        )

    def test_part(self, case: Case) -> None:
        """One rate at all hours, in part, comes before windows and runs of bad days if it holds."""
        if case.part is None:
            return
        company = self._company(case)
        test = judge_part(company.rows, case.part, company.networks, basis=company.basis)
        if test.p_value is not None and test.p_value <= self._profile.p_max:
            case.run, case.run_test = case.part, test
        elif case.run is None:
            case.run_test = test

    def test_run(self, case: Case) -> RunTest:
        """A run of bad days against the days outside it and against other networks."""
        if case.run is None:
            raise AssertionError("only runs are tested")
        rows, run, others = self._readings.rows(case), case.run, self._others(case)
        theirs = {o.index: self._readings.rows_beside(case, o) for o in others}
        free = [theirs[o.index] for o in others if not o.run and not o.windowed]
        affected = any(
            same_hours(rows, run, theirs[o.index]).any() for o in others if o.run is not None
        )
        return judge_run(rows, run, free, others_affected=affected, basis=case.series.basis)

    def claim(self, case: Case, q: float | None) -> Curfew | None:
        """The curfew, if everything holds."""
        if q is None or q > self._profile.false_discovery_rate or case.p_value is None:
            return None
        if case.trial is not None and case.windowed is not None:
            claimed = window_curfew(
                self._readings[case.index],
                case.trial,
                case.windowed,
                self._company(case).of_window(case.windowed, self._profile),
                q,
                self._profile,
            )
            claimed = msgspec.structs.replace(claimed, changes=_within(case.changes, claimed))
            return None if claimed.scope is Scope.GENERALIZED else claimed
        return self._claim_run(case, q)

    def _claim_run(self, case: Case, q: float) -> Curfew | None:
        if case.run is None or case.run_test is None or case.run_test.p_value is None:
            return None
        if case.run_test.p_value > self._profile.p_max:
            return None
        reading, rows = self._readings[case.index], self._readings.rows(case)
        state = run_state(rows, case.run)
        around = self._company(case).of_run(case.run, state, self._profile)
        claimed = always_curfew(reading, case.run, case.run_test, around, q, self._profile)
        return None if claimed.scope is Scope.GENERALIZED else claimed

    def raise_levels(self) -> None:
        """L4 and L5, which take more than one network."""
        for cases in self._of_service.values():
            claimed = [case.curfew for case in cases if case.curfew is not None]
            for case in cases:
                own = case.curfew
                if own is None or own.scope is not Scope.TARGETED:
                    continue
                others = [
                    (c.claim_level, c.scope, c.isolated)
                    for c in claimed
                    if c.network != own.network
                ]
                level = joint_level(own.claim_level, others, isolated=own.isolated)
                case.curfew = msgspec.structs.replace(own, claim_level=level)


def _within(changes: tuple[Change, ...], curfew: Curfew) -> tuple[Change, ...]:
    """Changes that fall into the time from the first to the last night of a claim."""
    if not curfew.episodes:
        return ()
    first, last = curfew.episodes[0].first, curfew.episodes[-1].last
    return tuple(c for c in changes if c.between.latest >= first and c.between.earliest <= last)
