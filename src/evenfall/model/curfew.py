"""Meanings of many nights: curfews, and one line for every series that was judged."""

from __future__ import annotations

import msgspec

from evenfall.model.verdict import SlowerBy
from evenfall.model.vocabulary import (
    ChangeKind,
    ClaimLevel,
    Pattern,
    Reference,
    Scope,
    SeriesState,
    State,
)

__all__ = [
    "ANALYZE_SCHEMA_VERSION",
    "Change",
    "Congestion",
    "Curfew",
    "Effect",
    "Instants",
    "RateCluster",
    "SeriesFinding",
    "Shares",
    "Spell",
    "Window",
]

ANALYZE_SCHEMA_VERSION = "1.1"


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

    Where it holds at all measured hours: the two shares of tests that failed or were slow, or that
    lie at the one rate.

    Attributes:
        outside: the same where it is compared; 0 if only with chance.
        low, high: 95 % interval of (inside − outside) for failures, of the median of x inside
            for slowness (natural log of target ÷ control).
        outside_of: where `outside` was measured; null in findings that were kept before it was
            recorded.
    """

    in_window: float
    outside: float
    low: float | None = None
    high: float | None = None
    outside_of: Reference | None = None


class Spell(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of a curfew, from its onset to its lifting.

    Attributes:
        first, last: local dates of the first and the last night with evidence.
        onset, lifting: when it began, and when it no longer held; null where the data begin or end
            inside it.
        nights_seen, nights_measured: of its nights with a measurement inside the hours.
    """

    first: str
    last: str
    onset: Instants | None
    lifting: Instants | None
    nights_seen: int
    nights_measured: int


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the measurements inside the hours; the three add up to 1.

    Attributes:
        failed: did not open, or brought no byte.
        slow: came, slower than a third of the level outside the hours.
        fine: the rest.
        n: how many there are.
    """

    failed: float
    slow: float
    fine: float
    n: int


class Congestion(msgspec.Struct, frozen=True, kw_only=True):
    """What everything on the network suffers in the same hours, beside what the target suffers.

    Attributes:
        slower_by: how many times slower the controls were than in their other hours; null: no more.
        failed_share: share of the controls that failed then; null: not known.
        because: the clause for people.
    """

    slower_by: float | None
    failed_share: float | None
    because: str


class RateCluster(msgspec.Struct, frozen=True, kw_only=True):
    """Speeds that gather at one rate, whatever the line can do: what a limiter leaves.

    Attributes:
        median_bps, low_bps, high_bps: the rate, and the limits within which the cluster lies.
        share, share_low, share_high: of the measurements that are in it, with 95 % limits.
        n: measurements in it.
        because: the clause for people.
    """

    median_bps: float
    low_bps: float
    high_bps: float
    share: float
    share_low: float
    share_high: float
    n: int
    because: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Something changed for good within a series; reported, and never called a curfew.

    Attributes:
        what: what changed.
        between: the first local date on which the new state held, as an interval.
        factor: after ÷ before, for a level; else null.
        because: the clause for people.
    """

    what: ChangeKind
    between: Instants
    factor: float | None
    because: str


class Curfew(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="curfew"):
    """A recurring window of one service on one network. Printed by `analyze --json`.

    Attributes:
        lines: distinct lines, null where the archive does not tell lines apart.
        onset, lifting: null where the data begin or end inside the curfew.
        nights_seen, nights_measured: of the nights of the episode with a measurement inside.
        exceptions: local dates that do not fit, each with what was different.
        unmeasured: stretches of local time that were never measured (`always` claims name them).
        episodes: the waves, oldest first; one where it held throughout.
        shares: what became of the measurements inside; null where nothing was measured there.
        congestion: what everything suffers in the same hours; null: nothing more than usual.
        rate: the one rate at which the slowed ones gather; null where they do not.
        changes: of the mix of those who measure, within the time of the claim.
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
    episodes: tuple[Spell, ...] = ()
    shares: Shares | None = None
    congestion: Congestion | None = None
    rate: RateCluster | None = None
    changes: tuple[Change, ...] = ()
    schema: str = ANALYZE_SCHEMA_VERSION


class SeriesFinding(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="series"):
    """What was made of one network × service, also where that is nothing.

    Attributes:
        changes: of its level at all hours, or of the mix of those who measure.
        left_out: rows that were not used, by reason: clock, time, value.
    """

    service: str
    network: str
    state: SeriesState
    reason: str
    n: int
    nights_measured: int
    p_value: float | None
    q_value: float | None
    changes: tuple[Change, ...] = ()
    left_out: dict[str, int] = {}
    schema: str = ANALYZE_SCHEMA_VERSION
