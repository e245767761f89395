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

Results depend on the series, the profile, and `rng` (its state decides the draws, so p-values
differ in the last digit between seeds).

What it does not do: attribute. It never says who did it.

Sources: METHOD 4, 5; PRODUCT ("What `analyze --json` prints").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from evenfall.infer.always import Run, RunTest, find_run, judge_run, same_hours
from evenfall.infer.claims import always_curfew, run_state, window_curfew
from evenfall.infer.discovery import q_values
from evenfall.infer.profiles import NIGHTLY_2026, NightlyProfile
from evenfall.infer.reading import Reading, read
from evenfall.infer.scope import Neighbours, fared_badly, joint_level, neighbours_of
from evenfall.infer.search import in_union
from evenfall.infer.series import Basis, Series
from evenfall.infer.window import Found, Trial, try_window
from evenfall.model.curfew import Curfew, SeriesFinding
from evenfall.model.vocabulary import Pattern, Scope, SeriesState

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


@dataclass
class _Case:
    """One series on its way through the judgement."""

    reading: Reading
    trial: Trial | None = None
    run: Run | None = None
    run_test: RunTest | None = None
    curfew: Curfew | None = None

    @property
    def windowed(self) -> Found | None:
        """The window, if it may be claimed."""
        return self.trial.found if self.trial is not None and not self.trial.reason else None

    @property
    def p_value(self) -> float | None:
        """Of what would be claimed, else of the hours; None where nothing was tested."""
        if self.trial is None or self.trial.insufficient:
            return None
        if (
            self.windowed is None
            and self.run_test is not None
            and self.run_test.p_value is not None
        ):
            return self.run_test.p_value
        return self.trial.p_value


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
    cases = [_Case(read(one, profile)) for one in series]
    for case in cases:
        if not case.reading.insufficient:
            case.trial = try_window(case.reading, profile, rng)
            if case.windowed is None and case.reading.rows is not None:
                case.run = find_run(case.reading.rows, profile)
    for case in cases:
        if case.run is not None:
            case.run_test = _test_against_others(case, cases)
    adjusted = q_values([case.p_value for case in cases])
    for case, q in zip(cases, adjusted, strict=True):
        case.curfew = _claim(case, cases, q, profile)
    _raise_levels(cases)
    return Judgement(
        curfews=tuple(case.curfew for case in cases if case.curfew is not None),
        findings=tuple(_finding(case, q, profile) for case, q in zip(cases, adjusted, strict=True)),
    )


def _others(case: _Case, cases: list[_Case]) -> list[_Case]:
    """Series of the same service on other networks, with usable rows.

    Pairs of another network are no witness of a site that this network's visits could not reach.
    """
    own = case.reading.series
    return [
        other
        for other in cases
        if other.reading.series.service == own.service
        and other.reading.series.network != own.network
        and other.reading.n > 0
        and (own.basis is Basis.PAIRS or other.reading.series.basis is not Basis.PAIRS)
    ]


def _test_against_others(case: _Case, cases: list[_Case]) -> RunTest:
    rows, run = case.reading.rows, case.run
    if rows is None or run is None:
        raise AssertionError("a run is found in rows only")
    others = [(other, other.reading.rows) for other in _others(case, cases)]
    free = [r for other, r in others if r is not None and not other.run and not other.windowed]
    affected = any(
        r is not None and other.run is not None and same_hours(rows, run, r).any()
        for other, r in others
    )
    return judge_run(
        rows,
        run,
        free,
        others_affected=affected,
        basis=case.reading.series.basis,
    )


def _claim(
    case: _Case, cases: list[_Case], q: float | None, profile: NightlyProfile
) -> Curfew | None:
    """The curfew, if everything holds."""
    if q is None or q > profile.false_discovery_rate or case.p_value is None:
        return None
    if case.trial is not None and case.windowed is not None:
        claimed = window_curfew(
            case.reading,
            case.trial,
            case.windowed,
            _window_neighbours(case.windowed, _others(case, cases), profile),
            q,
            profile,
        )
        return None if claimed.scope is Scope.GENERALIZED else claimed
    if case.run is None or case.run_test is None or case.run_test.p_value is None:
        return None
    if case.run_test.p_value > profile.p_max:
        return None
    neighbours = _run_neighbours(case, _others(case, cases), profile)
    return always_curfew(case.reading, case.run, case.run_test, neighbours, q, profile)


def _window_neighbours(found: Found, others: list[_Case], profile: NightlyProfile) -> Neighbours:
    """Other networks inside the same hours of the same dates."""
    dates = found.nights.day[found.held]
    bad = {}
    for other in others:
        rows = other.reading.rows
        if rows is not None:
            within, night = in_union(rows.day, rows.slot, found.union)
            bad[other.reading.series.network] = fared_badly(
                rows, within & np.isin(night, dates), found.strength.state, profile
            )
    return neighbours_of(bad, profile)


def _run_neighbours(case: _Case, others: list[_Case], profile: NightlyProfile) -> Neighbours:
    rows, run = case.reading.rows, case.run
    bad = {}
    for other in others:
        theirs = other.reading.rows
        if rows is not None and run is not None and theirs is not None:
            bad[other.reading.series.network] = fared_badly(
                theirs, same_hours(rows, run, theirs), run_state(rows, run), profile
            )
    return neighbours_of(bad, profile)


def _raise_levels(cases: list[_Case]) -> None:
    """L4 and L5, which take more than one network."""
    claimed = [case.curfew for case in cases if case.curfew is not None]
    for case in cases:
        own = case.curfew
        if own is None or own.scope is not Scope.TARGETED:
            continue
        others = [
            (c.claim_level, c.scope, c.isolated)
            for c in claimed
            if c.service == own.service and c.network != own.network
        ]
        level = joint_level(own.claim_level, others, isolated=own.isolated)
        case.curfew = msgspec.structs.replace(own, claim_level=level)


def _finding(case: _Case, q: float | None, profile: NightlyProfile) -> SeriesFinding:
    state, reason = _state(case, q, profile)
    return SeriesFinding(
        service=case.reading.series.service,
        network=case.reading.series.network,
        state=state,
        reason=reason,
        n=case.reading.n,
        nights_measured=case.reading.nights_measured,
        p_value=case.p_value,
        q_value=q,
        left_out=_left_out(case.reading),
    )


def _left_out(reading: Reading) -> dict[str, int]:
    """Rows that were not used, by reason; only reasons that there are."""
    rows = reading.rows
    if rows is None:
        return {}
    counts = {
        "clock": rows.left_out_clock,
        "time": rows.left_out_time,
        "value": rows.left_out_other - rows.left_out_time,
    }
    return {reason: count for reason, count in counts.items() if count}


def _state(case: _Case, q: float | None, profile: NightlyProfile) -> tuple[SeriesState, str]:
    curfew = case.curfew
    if curfew is not None and curfew.pattern is Pattern.ALWAYS:
        return SeriesState.ALWAYS, f"{curfew.state} in all measured hours"
    if curfew is not None:
        hours = " and ".join(f"{w.start_local}–{w.end_local}" for w in curfew.windows)
        unit = "night" if curfew.nights_measured == 1 else "nights"
        seen = f"{curfew.nights_seen} of {curfew.nights_measured} {unit} measured inside"
        return SeriesState.CURFEW, f"{curfew.state} {hours}, {seen}"
    if case.trial is None:
        return SeriesState.INSUFFICIENT, case.reading.insufficient
    return _state_without_claim(case, case.trial, q, profile)


def _state_without_claim(
    case: _Case, trial: Trial, q: float | None, profile: NightlyProfile
) -> tuple[SeriesState, str]:
    if case.windowed is not None or (case.run_test is not None and not case.run_test.because):
        if q is not None and q > profile.false_discovery_rate:
            return SeriesState.NONE, f"q {q:.2g} over all series judged; a claim needs 0.05"
        if case.windowed is not None:
            return SeriesState.NONE, "the controls fare no better in the same hours (generalized)"
        return SeriesState.NONE, "a run of bad days, no more than chance or the other networks show"
    if case.run_test is not None:
        return SeriesState.INSUFFICIENT, case.run_test.because
    state = SeriesState.INSUFFICIENT if trial.insufficient else SeriesState.NONE
    return state, trial.reason
