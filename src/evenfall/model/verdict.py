"""Meanings of one occasion: the verdict on a target, and the summary of a `check`."""

from __future__ import annotations

import msgspec

from evenfall.model.vocabulary import (
    Answer,
    ClaimLevel,
    Direction,
    Explanation,
    RungName,
    RungState,
    Scope,
    ShapeKind,
    State,
    Transport,
)

__all__ = [
    "CHECK_SCHEMA_VERSION",
    "Located",
    "Rival",
    "Rung",
    "Shape",
    "SlowerBy",
    "Summary",
    "Verdict",
    "Way",
]

CHECK_SCHEMA_VERSION = "1.1"


class SlowerBy(msgspec.Struct, frozen=True, kw_only=True):
    """Control ÷ target goodput with an always-valid interval; "41 times slower (22–88)"."""

    median: float
    low: float
    high: float


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One way to a target: an IP version and a transport, judged on its own.

    Attributes:
        state: as of a target; `insufficient` where nothing was tried or nothing can be said.
        failure: code of the first failure on this way, if any.
        mechanism: a key of `MECHANISMS`, or null.
    """

    family: int
    transport: Transport
    state: State
    failure: str | None = None
    mechanism: str | None = None
    because: str = ""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What the slowed transfers looked like; a qualifier of a verdict that stands without it.

    Attributes:
        confidence: 0 to 1, calibrated in the lab; `unclear` has 0.
        rate_bps: the plateau, where there is one.
    """

    kind: ShapeKind
    confidence: float
    because: str
    rate_bps: int | None = None


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """Where on the way to our own server the name is acted upon, counted in hops from the device.

    Attributes:
        after_hop: the name was seen as far as here without an effect; null: not determined.
        by_hop: seen as far as here it had one; `server_hops` if only on the last stretch.
        server_hops: distance of the measurement server; null: not determined.
    """

    after_hop: int | None
    by_hop: int | None
    server_hops: int | None
    because: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="verdict"):
    """What one occasion shows about one target, and what it rests on.

    Attributes:
        scope_because: one English clause, why the scope is what it is.
        mechanism: a key of `MECHANISMS`, or null where none is supported.
        isolated: true if the name alone made the difference, in paired transfers, or in what our
            own server was seen to answer over plain HTTP.
        slower_by: null unless slowed.
        n_pairs: complete pairs (a pair with a capped or empty arm is complete).
        e_value: evidence against "no slowing by name"; null without pairs.
        wire_bytes is `bytes` here: IP bytes both ways spent on this target.
        witnesses: ids of the observations the verdict rests on.
        against: clauses that speak against it, or for the line being fine.
        ways: what was found on each way to the target.
        shape: what slowed transfers looked like; null unless slowed.
        direction: which way the bytes are slowed; null unless slowed by name.
        located: where on the path the name is acted upon; null unless it was asked for.
    """

    target: str
    service: str
    state: State
    scope: Scope
    scope_because: str
    mechanism: str | None
    claim_level: ClaimLevel
    isolated: bool
    slower_by: SlowerBy | None
    n_pairs: int
    e_value: float | None
    bytes: int
    rule_id: str
    ruleset: str
    profile: str
    witnesses: tuple[str, ...]
    against: tuple[str, ...] = ()
    because: str = ""
    ways: tuple[Way, ...] = ()
    shape: Shape | None = None
    direction: tuple[Direction, ...] | None = None
    located: Located | None = None
    schema: str = CHECK_SCHEMA_VERSION


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One rung of "is it me?": the first that is broken explains what is above it.

    Attributes:
        because: a few words, for a row: what was seen.
        sentence, next_step: of a broken rung below the service: the answer as one sentence, and the
            one thing to do about it; else empty.
    """

    name: RungName
    state: RungState
    because: str
    sentence: str = ""
    next_step: str = ""


class Rival(msgspec.Struct, frozen=True, kw_only=True):
    """One innocent explanation. `ruled_out` null: not tested."""

    explanation: Explanation
    ruled_out: bool | None
    because: str


class Summary(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="summary"):
    """The one answer of a `check`.

    Attributes:
        targets: state by target id.
        line_goodput_bps: best goodput any control reached; null: not measured.
        notes: what a person has to know beside the answer: it was broken off, or a measurement
            server was of no help; one English sentence each.
    """

    answer: Answer
    targets: dict[str, State]
    bytes: int
    duration_s: float
    line_goodput_bps: int | None
    rivals: tuple[Rival, ...]
    sentence: str
    notes: tuple[str, ...] = ()
    ladder: tuple[Rung, ...] = ()
    schema: str = CHECK_SCHEMA_VERSION
