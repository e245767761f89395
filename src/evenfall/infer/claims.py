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

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

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
from evenfall.infer.search import Nights
from evenfall.infer.series import Basis, Series
from evenfall.infer.spells import spells
from evenfall.infer.window import Found, Trial
from evenfall.model.curfew import Curfew, Effect, Window
from evenfall.model.verdict import SlowerBy
from evenfall.model.vocabulary import Pattern, Reference, State

__all__ = ["always_curfew", "run_state", "window_curfew"]

_WINDOW_RULES = {
    Basis.PAIRS: "nights.window.pairs",
    Basis.CONTROL_DIFFERENCE: "nights.window.difference",
    Basis.UNPAIRED: "nights.window.own_level",
}
_REFERENCES = {
    "days outside the episode": Reference.OTHER_DAYS,
    "other networks in the same hours": Reference.OTHER_NETWORKS,
    "the neutral arms, day by day": Reference.NEUTRAL_NAME,
    "a fair coin, day by day": Reference.CHANCE,
}


@dataclass(frozen=True)
class _Sides:
    """Rows of a claim, and what its others show: what every claim is filled from.

    Attributes:
        inside, outside: shape (n,), rows in the claim and those it is set against.
        near: rows inside, of the hour before, and of the hour after, as far as there are hours.
        dates_min: fewer dates are one outage of a road.
    """

    rows: Rows
    inside: npt.NDArray[np.bool_]
    outside: npt.NDArray[np.bool_]
    near: Sequence[npt.NDArray[np.bool_]]
    around: Around
    dates_min: int


def _common(
    series: Series, sides: _Sides, state: State, q_value: float, profile: NightlyProfile
) -> dict[str, Any]:
    """What a claim of hours and one of all hours have in common, as fields of a `Curfew`."""
    rows, inside, outside, around = sides.rows, sides.inside, sides.outside, sides.around
    reached = reach(
        rows,
        inside,
        outside,
        sides.near,
        basis=series.basis,
        state=state,
        neighbours=around.neighbours,
        profile=profile,
        rate=around.rate,
        elsewhere=around.elsewhere,
        siblings=around.siblings,
        dates_min=sides.dates_min,
    )
    lines = lines_hit(rows, inside)
    return {
        "service": series.service,
        "network": series.network,
        "timezone": series.timezone,
        "state": state,
        "scope": reached.scope,
        "scope_because": reached.because,
        "lines": lines,
        "claim_level": network_level(series.basis, lines),
        "isolated": reached.isolated,
        "ruleset": RULESET,
        "profile": profile.name,
        "q_value": q_value,
        "shares": shares_inside(rows, inside, outside, profile),
        "congestion": congestion_beside(rows, inside, outside, sides.near, profile=profile),
        "rate": around.rate,
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
    sides = _Sides(
        rows, found.inside, found.outside, found.around, around, profile.outage_nights_min
    )
    dates = (found.gain, found.measured, found.nights.day, found.episodes, profile)
    edges = _edges(found)
    return Curfew(
        **_common(series, sides, found.strength.state, q_value, profile),
        pattern=Pattern.WINDOW,
        windows=_windows(found, edges),
        onset=onset(*dates),
        lifting=lifting(*dates),
        nights_seen=found.nights_seen,
        nights_measured=found.nights_measured,
        n=int(np.count_nonzero(found.inside | found.outside)),
        p_value=trial.p_value,
        effect=msgspec.structs.replace(found.strength.effect, outside_of=Reference.OTHER_HOURS),
        slower_by=found.strength.slower_by,
        rule_id=_WINDOW_RULES[series.basis],
        exceptions=_exceptions(reading.nights, found, edges, profile),
        unmeasured=unmeasured_hours(rows.slot[found.inside | found.outside]),
        caveats=(*found.strength.notes, *_caveats(reading)),
        episodes=spells(*dates),
    )


def _exceptions(
    nights: Nights, found: Found, edges: list[Edges], profile: NightlyProfile
) -> tuple[str, ...]:
    """Dates of the episodes that do not fit; between two waves there is nothing to fit."""
    held = np.zeros(nights.day.size, dtype=bool)
    for one in found.episodes:
        first, last = found.nights.day[one.first], found.nights.day[one.last]
        held |= (nights.day >= first) & (nights.day <= last)
    return exceptions(
        nights.only(held),
        found.union,
        found.weekdays,
        "failed" if found.strength.state is State.BLOCKED else "was slow",
        profile,
        [(e.start_low, e.start_high) for e in edges] + [(e.end_low, e.end_high) for e in edges],
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
    """BLOCKED if at least half of the run's rows did not open or brought no byte, else SLOWED."""
    if isinstance(run, PartRun):
        return State.SLOWED
    failing = (rows.failed == 1.0)[run.inside] | rows.empty[run.inside]
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
    sides = _Sides(rows, run.inside, ~run.inside, (run.inside,), around, profile.outage_days_min)
    common = _common(series, sides, state, q_value, profile)
    if part is not None:
        common["shares"] = shares_in_part(rows, part)
    dates = (run.gain, np.ones(run.day.size, dtype=bool), run.day, (run.found,), profile)
    return Curfew(
        **common,
        pattern=Pattern.ALWAYS,
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
            outside_of=_reference(test),
        ),
        slower_by=_run_slower_by(rows, run, state, profile),
        rule_id="nights.always",
        unmeasured=unmeasured_hours(rows.slot[run.inside]),
        caveats=(
            f"in all measured hours; compared with {test.against}",
            *((f"it hits a share: {part.rate.because}",) if part else ()),
            *_caveats(reading),
        ),
        episodes=spells(*dates),
    )


def _reference(test: RunTest) -> Reference | None:
    """What the share `test.reference` was measured on: the first that the run was set against."""
    return _REFERENCES.get(test.against.partition(" and ")[0])


def _run_slower_by(rows: Rows, run: Run, state: State, profile: NightlyProfile) -> SlowerBy | None:
    if state is State.BLOCKED:
        return None
    if isinstance(run, PartRun):
        return slower_than_controls(rows, run.held, profile)
    return slower_by(rows, run.inside, profile)
