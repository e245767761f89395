"""Facts → `infer.series.Series`, as the store's query would make them of the same rows.

The rules are the store's (`store/query.py`), kept here a second time so that thousands of worlds
need no database; a test writes worlds into a store and compares. One is left out: where no control
of a round told a speed, the store takes that of the same ten minutes, here it stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from evenfall.infer.series import Basis, Series
from evenfall.lab.nights.facts import Facts, Visits
from evenfall.lab.nights.hours import Flags, Floats, Ints
from evenfall.lab.nights.plan import Plan

__all__ = ["PAIR_US", "RESOLVER", "line_names", "series_of", "software_names"]

PAIR_US = 6_000_000
"""From one measurement of a round to the next."""

RESOLVER = "system"
_SOFTWARE = ("synth-probe 1.4", "synth-probe 2.0")
_Texts = npt.NDArray[np.object_]


def series_of(plan: Plan, facts: Facts) -> Iterator[Series]:
    """One series for each service that has any row, in the order of the plan."""
    failing, speed = _controls(facts.controls, facts.rounds.n)
    for place, service in enumerate(plan.services):
        if plan.measures == "pairs":
            columns = _pair_columns(facts, service)
        else:
            columns = _visit_columns(facts, service)
        speaks = ~(np.isnan(columns["failed"]) & np.isnan(columns["log_ratio"]))
        if speaks.any():
            columns["control_failed"], columns["control_log_goodput"] = failing, speed
            yield _series(plan, facts, service, place, columns, speaks)


def line_names(plan: Plan, line: Ints) -> _Texts | None:
    """Pseudonyms of the lines; None where an archive does not tell."""
    if not plan.lines:
        return None
    names = [f"line-{number + 1}" for number in range(max(plan.lines, 2))]
    return np.array(names, dtype=object)[line]


def software_names(plan: Plan, line: Ints) -> _Texts:
    """What measured: one version, or another from the swap on."""
    swapped = line if plan.swap is not None else np.zeros(line.size, dtype=np.int64)
    return np.array(_SOFTWARE, dtype=object)[swapped]


def _series(
    plan: Plan,
    facts: Facts,
    service: str,
    place: int,
    columns: dict[str, Floats],
    speaks: Flags,
) -> Series:
    rounds = facts.rounds
    started = rounds.shown_us + place * PAIR_US
    order = np.argsort(started, kind="stable")
    order = order[speaks[order]]
    line = line_names(plan, rounds.line)
    mix = {
        "software": software_names(plan, rounds.line)[order],
        "target": np.full(order.size, f"{service}/front", dtype=object),
    }
    if plan.measures != "pairs":
        mix["resolver"] = np.full(order.size, RESOLVER, dtype=object)
    return Series(
        service=service,
        network=rounds.network,
        timezone=plan.timezone,
        basis=_basis(plan, columns),
        started_us=started[order],
        line=None if line is None else line[order],
        clock_verified=rounds.verified[order] & (not plan.archive),
        archive_clock=plan.archive,
        simulated=True,
        mix=mix,
        **{name: column[order] for name, column in columns.items()},
    )


def _basis(plan: Plan, columns: dict[str, Floats]) -> Basis:
    if plan.measures == "pairs":
        return Basis.PAIRS
    told = ~np.isnan(columns["control_bps"]) & ~np.isnan(columns["target_bps"])
    return Basis.CONTROL_DIFFERENCE if told.any() else Basis.UNPAIRED


def _pair_columns(facts: Facts, service: str) -> dict[str, Floats]:
    named, neutral = (_known(arm) for arm in facts.pairs[service])
    null = np.full(named.size, np.nan)
    if facts.null_pair is not None:
        null = _ratio(*(_known(arm) for arm in facts.null_pair))
    return {
        "failed": np.full(named.size, np.nan),
        "log_ratio": _ratio(named, neutral),
        "null_log_ratio": null,
        "target_bps": named,
        "control_bps": neutral,
    }


def _visit_columns(facts: Facts, service: str) -> dict[str, Floats]:
    visits = facts.visits[service]
    bps = _known(visits.bps)
    control = _median([_known(control.bps) for control in facts.controls], bps.size)
    beside = _ratio(bps, control)
    with np.errstate(divide="ignore"):
        own = np.log(bps)
    return {
        "failed": visits.failed.astype(np.float64),
        "log_ratio": beside if not np.isnan(beside).all() else own,
        "null_log_ratio": np.full(bps.size, np.nan),
        "target_bps": bps,
        "control_bps": np.where(np.isnan(bps), np.nan, control),
    }


def _controls(controls: list[Visits], n: int) -> tuple[Floats, Floats]:
    """Share of controls that failed, and how fast they were from their own usual goodput."""
    if not controls:
        return np.full(n, np.nan), np.full(n, np.nan)
    failing = np.mean([control.failed for control in controls], axis=0)
    speeds = [np.log(np.maximum(_known(control.bps), 1)) for control in controls]
    return failing, _median([_from_level(speed) for speed in speeds], n)


def _from_level(speed: Floats) -> Floats:
    known = speed[~np.isnan(speed)]
    return speed - np.median(known) if known.size else speed


def _ratio(first: Floats, second: Floats) -> Floats:
    """ln(first ÷ second); −inf if only the first is zero, NaN if both are or one is not known."""
    with np.errstate(divide="ignore"):
        ratio = np.log(first) - np.log(np.maximum(second, 1))
    return np.where((first == 0) & (second == 0), np.nan, ratio)


def _median(columns: list[Floats], n: int) -> Floats:
    """Median of what is known in each row, NaN where nothing is; of up to three columns."""
    if not columns:
        return np.full(n, np.nan)
    ordered = np.sort(np.stack(columns), axis=0)  # NaN last
    known = np.count_nonzero(~np.isnan(ordered), axis=0)
    rows = np.arange(n)
    low, high = np.maximum(known - 1, 0) // 2, np.maximum(known, 1) // 2
    return np.where(known > 0, (ordered[low, rows] + ordered[high, rows]) / 2, np.nan)


def _known(bps: Ints) -> Floats:
    return np.where(bps < 0, np.nan, bps.astype(np.float64))
