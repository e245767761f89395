"""Meanings of many nights: curfews, and one line for every series that was judged."""

from __future__ import annotations

import msgspec

from evenfall.model.verdict import SlowerBy
from evenfall.model.vocabulary import ClaimLevel, Pattern, Scope, SeriesState, State

__all__ = ["ANALYZE_SCHEMA_VERSION", "Curfew", "Effect", "Instants", "SeriesFinding", "Window"]

ANALYZE_SCHEMA_VERSION = "1.0"


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A recurring stretch of local time, half-open.

    Attributes:
        weekdays: 0 = Monday … 6 = Sunday; of the local date on which the window starts.
        start_local, end_local: `HH:MM`; `24:00` is allowed as an end; an end before the start
            crosses midnight.
        start_interval, end_interval: 90 % intervals, limited by the sampling.
    """

    weekdays: tuple[int, ...]
    start_local: str
    end_local: str
    start_interval: tuple[str, str]
    end_interval: tuple[str, str]


class Instants(msgspec.Struct, frozen=True, kw_only=True):
    """A change is known only to lie between two dates (local, YYYY-MM-DD)."""

    earliest: str
    latest: str


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """How strong: for failures the two shares of failed tests; for slowness medians of x.

    Attributes:
        low, high: 95 % interval of (inside − outside) for failures, of the median of x inside
            for slowness (natural log of target ÷ control).
    """

    in_window: float
    outside: float
    low: float | None = None
    high: float | None = None


class Curfew(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="curfew"):
    """A recurring window of one service on one network. Printed by `analyze --json`.

    Attributes:
        lines: distinct lines, null where the archive does not tell lines apart.
        onset, lifting: null where the data begin or end inside the curfew.
        nights_seen, nights_measured: of the nights of the episode with a measurement inside.
        exceptions: local dates that do not fit, each with what was different.
        unmeasured: stretches of local time that were never measured (`always` claims name them).
    """

    service: str
    network: str
    timezone: str
    state: State
    scope: Scope
    scope_because: str
    pattern: Pattern
    lines: int | None
    windows: tuple[Window, ...]
    onset: Instants | None
    lifting: Instants | None
    nights_seen: int
    nights_measured: int
    n: int
    p_value: float | None
    effect: Effect
    slower_by: SlowerBy | None
    claim_level: ClaimLevel
    isolated: bool
    rule_id: str
    ruleset: str
    profile: str
    exceptions: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    q_value: float | None = None
    schema: str = ANALYZE_SCHEMA_VERSION


class SeriesFinding(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="series"):
    """What was made of one network × service, also where that is nothing."""

    service: str
    network: str
    state: SeriesState
    reason: str
    n: int
    nights_measured: int
    p_value: float | None
    q_value: float | None
    schema: str = ANALYZE_SCHEMA_VERSION
