"""What was made of a series in one line: its state, and the reason for it.

Every series has its line, also one that has one row; "nothing was found" and "too little was
measured" are different states, and both say why.

What it does not do: decide. It words what the judgement left in the case.
"""

from __future__ import annotations

from evenfall.infer.case import Case
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.window import Trial
from evenfall.model.curfew import Curfew, SeriesFinding
from evenfall.model.vocabulary import Pattern, SeriesState

__all__ = ["finding_of"]


def finding_of(case: Case, q: float | None, profile: NightlyProfile) -> SeriesFinding:
    """The series' own line."""
    state, reason = _state(case, q, profile)
    return SeriesFinding(
        service=case.series.service,
        network=case.series.network,
        state=state,
        reason=reason,
        n=case.n,
        nights_measured=case.nights_measured,
        p_value=case.p_value,
        q_value=q,
        changes=case.changes,
        left_out=case.left_out,
    )


def _state(case: Case, q: float | None, profile: NightlyProfile) -> tuple[SeriesState, str]:
    if case.curfew is not None:
        return _claimed(case.curfew)
    if case.trial is None:
        return SeriesState.INSUFFICIENT, case.insufficient
    if case.mixed.reason:
        lacking = case.mixed.insufficient
        return SeriesState.INSUFFICIENT if lacking else SeriesState.NONE, case.mixed.reason
    return _unclaimed(case, case.trial, q, profile)


def _claimed(curfew: Curfew) -> tuple[SeriesState, str]:
    if curfew.pattern is Pattern.ALWAYS:
        return SeriesState.ALWAYS, f"{curfew.state} in all measured hours"
    hours = " and ".join(f"{w.start_local}–{w.end_local}" for w in curfew.windows)
    unit = "night" if curfew.nights_measured == 1 else "nights"
    seen = f"{curfew.nights_seen} of {curfew.nights_measured} {unit} measured inside"
    return SeriesState.CURFEW, f"{curfew.state} {hours}, {seen}"


def _unclaimed(
    case: Case, trial: Trial, q: float | None, profile: NightlyProfile
) -> tuple[SeriesState, str]:
    if case.windowed is not None or (case.run_test is not None and not case.run_test.because):
        if q is not None and q > profile.false_discovery_rate:
            return SeriesState.NONE, f"q {q:.2g} over all series judged; a claim needs 0.05"
        if case.windowed is not None:
            return SeriesState.NONE, "the controls fare no better in the same hours (generalized)"
        return SeriesState.NONE, _run_words(case, profile)
    if case.run_test is not None:
        return SeriesState.INSUFFICIENT, case.run_test.because
    state = SeriesState.INSUFFICIENT if trial.insufficient else SeriesState.NONE
    return state, trial.reason


def _run_words(case: Case, profile: NightlyProfile) -> str:
    """Why a run of bad days that was tested is no claim."""
    test = case.run_test
    if test is not None and test.p_value is not None and test.p_value <= profile.p_max:
        return (
            "it goes wrong at all measured hours, and what stands beside it with it (generalized)"
        )
    return "a run of bad days, no more than chance or the other networks show"
