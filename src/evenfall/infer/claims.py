"""Writes a claim about nights down: every field of a `Curfew`, filled from what was counted.

Nothing is decided here that the other modules have not decided; here it gets its words, its local
times and its caveats.

Rules:
    Times are local, `HH:MM`; an end at midnight is `24:00`, an end before the start crosses it.
    Caveats are short clauses a reader must know: clocks that nobody verified, rows left out, other
    servers. Waves are `episodes`.
    `n` counts the rows of the episodes, inside and outside the hours; the series' own line counts
    all.

Source: PRODUCT ("What `analyze --json` prints"), CONTRACTS ("Claim").
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evenfall.infer.always import Run, RunTest
from evenfall.infer.company import Around
from evenfall.infer.controls import congestion_beside
from evenfall.infer.edges import Edges, edge_intervals
from evenfall.infer.effect import shares_inside, slower_by, slower_than_controls
from evenfall.infer.episodes import lifting, onset
from evenfall.infer.in_part import PartRun, shares_in_part
from evenfall.infer.localtime import clock_text
from evenfall.infer.oddities import exceptions, unmeasured_hours
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.reading import Reading
from evenfall.infer.ruleset import RULESET
from evenfall.infer.scope import lines_hit, network_level, reach
from evenfall.infer.scores import Rows
from evenfall.infer.series import Basis
from evenfall.infer.spells import spells
from evenfall.infer.window import Found, Trial
from evenfall.model.curfew import Curfew, Effect, Window
from evenfall.model.verdict import SlowerBy
from evenfall.model.vocabulary import Pattern, State

__all__ = ["always_curfew", "run_state", "window_curfew"]

_WINDOW_RULES = {
    Basis.PAIRS: "nights.window.pairs",
    Basis.CONTROL_DIFFERENCE: "nights.window.difference",
    Basis.UNPAIRED: "nights.window.own_level",
}


def window_curfew(
    reading: Reading,
    trial: Trial,
    found: Found,
    around: Around,
    q_value: float,
    profile: NightlyProfile,
) -> Curfew:
    """A claim of recurring hours, with what the others show in them."""
    series, rows = reading.series, reading.rows
    if rows is None or reading.nights is None:
        raise AssertionError("a window is found in rows only")
    state = found.strength.state
    reached = reach(
        rows,
        found.inside,
        found.outside,
        found.around,
        basis=series.basis,
        state=state,
        neighbours=around.neighbours,
        profile=profile,
        rate=around.rate,
        elsewhere=around.elsewhere,
        siblings=around.siblings,
    )
    lines = lines_hit(rows, found.inside)
    first = found.nights.day[found.episodes[0].first]
    last = found.nights.day[found.episodes[-1].last]
    spanned = (reading.nights.day >= first) & (reading.nights.day <= last)
    dates = (found.gain, found.measured, found.nights.day, found.episodes, profile)
    edges = _edges(found)
    return Curfew(
        service=series.service,
        network=series.network,
        timezone=series.timezone,
        state=state,
        scope=reached.scope,
        scope_because=reached.because,
        pattern=Pattern.WINDOW,
        lines=lines,
        windows=_windows(found, edges),
        onset=onset(*dates),
        lifting=lifting(*dates),
        nights_seen=found.nights_seen,
        nights_measured=found.nights_measured,
        n=int(np.count_nonzero(found.inside | found.outside)),
        p_value=trial.p_value,
        effect=found.strength.effect,
        slower_by=found.strength.slower_by,
        claim_level=network_level(series.basis, lines),
        isolated=reached.isolated,
        rule_id=_WINDOW_RULES[series.basis],
        ruleset=RULESET,
        profile=profile.name,
        exceptions=exceptions(
            reading.nights.only(spanned),
            found.union,
            found.weekdays,
            "failed" if state is State.BLOCKED else "was slow",
            profile,
            [(e.start_low, e.start_high) for e in edges] + [(e.end_low, e.end_high) for e in edges],
        ),
        unmeasured=unmeasured_hours(rows.slot[found.inside | found.outside]),
        caveats=(
            *found.strength.notes,
            *_caveats(reading),
        ),
        q_value=q_value,
        episodes=spells(*dates),
        shares=shares_inside(rows, found.inside, found.outside, profile),
        congestion=congestion_beside(
            rows, found.inside, found.outside, found.around, profile=profile
        ),
        rate=around.rate,
    )


def _edges(found: Found) -> list[Edges]:
    counted = found.nights.only(found.held)
    places = range(len(found.union))
    return [edge_intervals(counted, found.union, place, found.search) for place in places]


def _windows(found: Found, edges: list[Edges]) -> tuple[Window, ...]:
    return tuple(
        Window(
            weekdays=found.weekdays,
            start_local=clock_text(span.start),
            end_local=clock_text(span.end, end=True),
            start_interval=(clock_text(near.start_low), clock_text(near.start_high)),
            end_interval=(
                clock_text(near.end_low, end=True),
                clock_text(near.end_high, end=True),
            ),
        )
        for span, near in zip(found.union, edges, strict=True)
    )


def _caveats(reading: Reading) -> tuple[str, ...]:
    series, rows = reading.series, reading.rows
    notes = []
    if series.archive_clock and not bool(np.all(series.clock_verified)):
        notes.append("clock not verified: the stamps are the archive's own")
    if rows is not None and rows.left_out_clock:
        notes.append(f"{rows.left_out_clock} rows with an unverified clock were left out")
    if rows is not None and rows.left_out_other:
        notes.append(f"{rows.left_out_other} rows without a usable time or outcome were left out")
    if series.basis is Basis.CONTROL_DIFFERENCE:
        notes.append("compared with controls on other servers, not with a neutral name on the same")
    if series.basis is Basis.UNPAIRED:
        notes.append("compared with its own other hours: nothing concurrent was measured beside it")
    return tuple(notes)


def run_state(rows: Rows, run: Run) -> State:
    """BLOCKED if at least half of the run's rows failed to open, else SLOWED."""
    if isinstance(run, PartRun):
        return State.SLOWED
    failing = rows.failed[run.inside] == 1.0
    return State.BLOCKED if failing.sum() * 2 >= run.inside.sum() else State.SLOWED


def always_curfew(
    reading: Reading,
    run: Run,
    test: RunTest,
    around: Around,
    q_value: float,
    profile: NightlyProfile,
) -> Curfew:
    """A claim that it fails, or in part lies at one rate, at all measured hours."""
    series, rows = reading.series, reading.rows
    if rows is None:
        raise AssertionError("a run is found in rows only")
    part = run if isinstance(run, PartRun) else None
    if part is not None:
        rows = replace(rows, bad=part.held)
    state = run_state(rows, run)
    reached = reach(
        rows,
        run.inside,
        ~run.inside,
        (run.inside,),
        basis=series.basis,
        state=state,
        neighbours=around.neighbours,
        profile=profile,
        rate=around.rate,
        elsewhere=around.elsewhere,
        siblings=around.siblings,
    )
    lines = lines_hit(rows, run.inside)
    dates = (run.gain, np.ones(run.day.size, dtype=bool), run.day, (run.found,), profile)
    unmeasured = unmeasured_hours(rows.slot[run.inside])
    return Curfew(
        service=series.service,
        network=series.network,
        timezone=series.timezone,
        state=state,
        scope=reached.scope,
        scope_because=reached.because,
        pattern=Pattern.ALWAYS,
        lines=lines,
        windows=(),
        onset=onset(*dates),
        lifting=lifting(*dates),
        nights_seen=run.bad,
        nights_measured=run.days,
        n=int(np.count_nonzero(run.inside)),
        p_value=test.p_value,
        effect=Effect(
            in_window=part.rate.share if part else round(float(rows.bad[run.inside].mean()), 4),
            outside=round(test.reference, 4),
        ),
        slower_by=_run_slower_by(rows, run, state, profile),
        claim_level=network_level(series.basis, lines),
        isolated=reached.isolated,
        rule_id="nights.always",
        ruleset=RULESET,
        profile=profile.name,
        unmeasured=unmeasured,
        caveats=(
            f"in all measured hours; compared with {test.against}",
            *((f"it hits a share: {part.rate.because}",) if part else ()),
            *_caveats(reading),
        ),
        q_value=q_value,
        episodes=spells(*dates),
        shares=(
            shares_in_part(rows, part)
            if part
            else shares_inside(rows, run.inside, ~run.inside, profile)
        ),
        congestion=congestion_beside(rows, run.inside, ~run.inside, (run.inside,), profile=profile),
        rate=around.rate,
    )


def _run_slower_by(rows: Rows, run: Run, state: State, profile: NightlyProfile) -> SlowerBy | None:
    if state is State.BLOCKED:
        return None
    if isinstance(run, PartRun):
        return slower_than_controls(rows, run.held, profile)
    return slower_by(rows, run.inside, profile)
