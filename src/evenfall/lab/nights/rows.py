"""Facts → observations: the rows that a probe or an archive would have left.

The same fields are filled as in measured rows, except that `provenance` is `synth`, whatever reads
them says SIMULATED, and a clock is called verified where the world says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from evenfall.lab.nights.facts import (
    CAP_S,
    CONTROL_SITES,
    FETCH_BYTES,
    SIZE_BYTES,
    Facts,
    Visits,
)
from evenfall.lab.nights.hours import Ints
from evenfall.lab.nights.plan import Plan
from evenfall.lab.nights.series import PAIR_US, RESOLVER, line_names, software_names
from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Arm, ClockState, Direction, Fact, Provenance, Role

__all__ = ["rows_of"]

_ARM_GAP_US = 1_200_000
_FAILURE = "generic_timeout_error"


def rows_of(plan: Plan, facts: Facts, name: str) -> Iterator[Observation]:
    """All rows of one network, round by round in order of true time.

    Args:
        plan: the world.
        facts: what this network measured.
        name: of the world, for the ids.
    """
    rounds = facts.rounds
    lines = line_names(plan, rounds.line)
    software = software_names(plan, rounds.line)
    swaps = np.random.default_rng(rounds.n).random((rounds.n, len(plan.services) + 1)) < 0.5
    for number in range(rounds.n):
        record = hashlib.sha256(f"{name}/{rounds.network}/{number}".encode()).hexdigest()
        row = _Row(
            record_id=record,
            shown_us=int(rounds.shown_us[number]),
            fields={
                "provenance": Provenance.SYNTH,
                "network": rounds.network,
                "line": None if lines is None else lines[number],
                "timezone": plan.timezone,
                "clock": _clock(plan, bool(rounds.verified[number])),
                "round_id": record,
                "software": software[number],
            },
        )
        yield from _round(plan, facts, number, row, swaps[number].tolist())


class _Row:
    """One round's rows, numbered in order."""

    def __init__(self, *, record_id: str, shown_us: int, fields: dict[str, Any]) -> None:
        self.record_id = record_id
        self.shown_us = shown_us
        self._fields = fields
        self._index = 0

    def __call__(self, service: str, *, place: int, after_us: int = 0, **more: Any) -> Observation:
        self._index += 1
        return Observation(
            observation_id=f"{self.record_id}/{self._index - 1}",
            service=service,
            target=f"{service}/front",
            started_us=self.shown_us + place * PAIR_US + after_us,
            **self._fields,
            **more,
        )


def _clock(plan: Plan, verified: bool) -> ClockState:
    if plan.archive:
        return ClockState.ARCHIVE
    return ClockState.VERIFIED if verified else ClockState.UNVERIFIED


def _round(
    plan: Plan, facts: Facts, number: int, row: _Row, swaps: list[bool]
) -> Iterator[Observation]:
    for place, service in enumerate(plan.services):
        if plan.measures == "pairs":
            yield from _pair(row, service, place, facts.pairs[service], number, swaps[place])
    place = len(plan.services)
    if facts.null_pair is not None and facts.null_pair[0][number] >= 0:
        yield from _pair(
            row, plan.services[0], place, facts.null_pair, number, swaps[-1], is_null=True
        )
    first = place + 1 if plan.measures == "pairs" else 0
    for more, (service, visits) in enumerate(facts.visits.items()):
        yield _visit(plan, row, service, first + more, visits, number, Role.TARGET)
    for more, visits in enumerate(facts.controls):
        site, place = CONTROL_SITES[more], first + len(facts.visits) + more
        yield _visit(plan, row, site, place, visits, number, Role.CONTROL)


def _pair(
    row: _Row,
    service: str,
    place: int,
    arms: tuple[Ints, Ints],
    number: int,
    swapped: bool,
    *,
    is_null: bool = False,
) -> Iterator[Observation]:
    order = [(Arm.TARGET, arms[0]), (Arm.NEUTRAL, arms[1])]
    if swapped:
        order.reverse()
    pair_id = f"{row.record_id[:12]}{place:04x}"
    for position, (arm, bps) in enumerate(order):
        named = arm is Arm.TARGET and not is_null
        yield row(
            service,
            place=place,
            after_us=position * _ARM_GAP_US,
            fact=Fact.TRANSFER,
            role=Role.TARGET,
            pair_id=pair_id,
            arm=arm,
            position=position,
            is_null_pair=is_null,
            direction=Direction.DOWNLOAD,
            size_bytes=SIZE_BYTES,
            sni=f"{service}.test" if named else "neutral.test",
            **_went(int(bps[number]), SIZE_BYTES),
        )


def _visit(
    plan: Plan, row: _Row, service: str, place: int, visits: Visits, number: int, role: Role
) -> Observation:
    failed, bps = bool(visits.failed[number]), int(visits.bps[number])
    fields: dict[str, Any] = {"role": role, "resolver": RESOLVER}
    if plan.measures == "tests":
        fields |= {"fact": Fact.TEST, "endpoint": f"{service}.test"}
    else:
        fields |= {"fact": Fact.HTTP_EXCHANGE, "host": f"{service}.test"}
        fields |= {"status_code": None if failed else 200}
    if failed:
        fields |= {"failure": _FAILURE, "operation": "tls_handshake"}
    elif bps >= 0:
        fields |= _went(bps, FETCH_BYTES)
        fields.pop("capped")
    return row(service, place=place, **fields)


def _went(bps: int, size_bytes: int) -> dict[str, Any]:
    """Fields of a transfer at that goodput: all bytes, or what had come when the cap cut it."""
    took = min(size_bytes * 8 / bps, CAP_S) if bps else CAP_S
    body = round(bps * took / 8)
    fields: dict[str, Any] = {
        "goodput_bps": bps,
        "body_bytes": min(body, size_bytes),
        "duration_us": round(took * 1e6),
        "capped": body < size_bytes,
    }
    if not bps:
        fields |= {"failure": _FAILURE, "operation": "tls_handshake"}
    return fields
