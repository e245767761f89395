"""How a world of many nights is made, as plain data drawn by a family from its seed.

A plan has four parts: when is measured (`Sampling`), how the line and the transfers scatter
(`Noise`), what is done on purpose (`Act`), and what is nobody's doing (`Trouble` and the faults of
the measurement itself). The same plan gives the series and the rows; the truth is read off it.

What it does not do: draw. See `draws.py` for what all families share, `guilty.py` and `innocent.py`
for what each adds.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from evenfall.lab.nights.truth import EVERY_DAY, Expected, MaySay

__all__ = [
    "NETWORKS",
    "SERVICES",
    "Act",
    "ClockFault",
    "Hours",
    "Kind",
    "Measures",
    "Noise",
    "Plan",
    "Sampling",
    "Step",
    "Swap",
    "Trouble",
    "Vpn",
]

Kind = Literal["factor", "police", "shape", "stall", "block"]
Measures = Literal["pairs", "visits", "speeds", "tests"]
Style = Literal["stratified", "cron", "bursts", "archive"]

SERVICES = ("video", "social", "messenger")
"""What may be measured, in this order; none is a real service."""

NETWORKS = ("AS64500", "AS64501", "AS64502", "AS64503")
"""Reserved for documentation (RFC 5398)."""


@dataclass(frozen=True, kw_only=True)
class Hours:
    """When something holds, on a wall clock.

    Attributes:
        windows_min: (start, length) in minutes, the start since local midnight; empty: always.
        weekdays: of the date on which a window (or, where always, the day) starts.
        dates: (first, last), counted in days from the world's first date; empty: all.
        jitter_min: both ends move by up to this much, each date anew.
    """

    windows_min: tuple[tuple[int, int], ...] = ()
    weekdays: tuple[int, ...] = EVERY_DAY
    dates: tuple[tuple[int, int], ...] = ()
    jitter_min: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Act:
    """What is done on purpose, to a name.

    Attributes:
        kind: `factor` divides the goodput, `police` and `shape` limit it to `rate_bps`, `stall`
            lets nothing or 15–24 KB through, `block` nothing.
        factor, spread: median and standard deviation (natural log) of the divisor, a flow.
        factor_max: if given, the divisor is drawn between the two, evenly on the log scale.
        share: of the flows inside that are hit.
        fail_share: of the hit flows, those that carry nothing whatever the kind does.
    """

    services: tuple[str, ...]
    networks: tuple[str, ...]
    hours: Hours
    kind: Kind = "factor"
    factor: float = 1.0
    factor_max: float = 0.0
    spread: float = 0.1
    rate_bps: float = 0.0
    share: float = 0.95
    fail_share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What is nobody's doing.

    Attributes:
        on: `line`, everything on it; `site`, the services' own servers, for everybody; `others`,
            everything but the controls, which are spared; `controls`, the controls alone.
        services: of `site`; empty: all.
        networks: empty: all.
        factor, spread: median and standard deviation (natural log) of how many times slower; drawn
            anew for each date.
        fail_share: of what is measured meanwhile, how much fails.
    """

    on: Literal["line", "site", "others", "controls"]
    hours: Hours
    services: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    factor: float = 1.0
    spread: float = 0.2
    fail_share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """When rounds are made.

    Attributes:
        style: one a slot at a random moment; always at the same one (cron); a few in a row, then a
            pause; or as an archive has them, some people at their own times.
        missing: share of rounds that never happen.
        missing_nights: whole nights without any round.
        dense: rounds within `dense_h` are that many times as frequent as the others.
        dense_h: (from, to), local hours.
        only_h: (from, to), local hours; nothing is measured outside; None: all hours.
        tests_a_day: of an archive: (least, most), drawn for each date.
    """

    style: Style = "stratified"
    missing: float = 0.0
    missing_nights: int = 0
    dense: float = 1.0
    dense_h: tuple[float, float] = (18.0, 24.0)
    only_h: tuple[float, float] | None = None
    tests_a_day: tuple[int, int] = (5, 30)


@dataclass(frozen=True, kw_only=True)
class Noise:
    """How transfers scatter that nobody treats differently.

    Attributes:
        shape: of the difference between two transfers.
        scale: of that shape, natural log: of t with 2 degrees of freedom, of a normal, of Laplace.
        stall_share: of arms that crawl or stop in the bad hours, whatever their name.
        bad_h: the bad hours, local, (from, to); may cross midnight.
        bad_factor: how much wider the scatter is in the bad hours.
        wander_sd: of the line's level (first-order autoregression), natural log.
        dip: share of the line's speed that the busiest hour (21:00) takes.
        weekend: what is left of it on Saturday and Sunday.
        fail_share: of visits and tests, at any hour.
    """

    shape: Literal["t2", "normal", "laplace"] = "t2"
    scale: float = 0.15
    stall_share: float = 0.0
    bad_h: tuple[float, float] = (19.0, 23.0)
    bad_factor: float = 1.0
    wander_sd: float = 0.2
    dip: float = 0.3
    weekend: float = 1.0
    fail_share: float = 0.01


@dataclass(frozen=True, kw_only=True)
class Step:
    """From a date on the line is another: its speed is multiplied."""

    date: int
    factor: float


@dataclass(frozen=True, kw_only=True)
class Swap:
    """From a date on another probe measures, on another line, with another version."""

    date: int
    factor: float
    fail_share: float
    noise_factor: float


@dataclass(frozen=True, kw_only=True)
class Vpn:
    """A second line that goes through a VPN and measures within these hours only.

    Attributes:
        factor: how many times slower everything is through it.
        target_factor: and the targets beyond that, whose servers are far from its exit.
        share: of the rounds in these hours that are its.
    """

    hours_h: tuple[float, float]
    factor: float
    target_factor: float
    share: float


@dataclass(frozen=True, kw_only=True)
class ClockFault:
    """On these dates the clock is off; whoever measures knows it (`noticed`) or does not."""

    dates: tuple[int, ...]
    offset_min: float
    noticed: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A world before it is rendered.

    Attributes:
        measures: pairs at our server; visits to the sites beside controls; speeds of the sites
            alone; or tests that only tell whether they failed.
        controls: control sites measured in every round.
        lines: of each network; 0: an archive that does not tell lines apart.
    """

    measures: Measures
    nights: int
    first_date: dt.date
    timezone: str
    cadence_s: int
    services: tuple[str, ...]
    networks: tuple[str, ...] = NETWORKS[:1]
    lines: int = 1
    controls: int = 2
    sampling: Sampling = Sampling()
    noise: Noise = Noise()
    acts: tuple[Act, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    steps: tuple[Step, ...] = ()
    swap: Swap | None = None
    vpn: Vpn | None = None
    clock: ClockFault | None = None
    archive: bool = False
    expected: Expected = "none"
    may_say: MaySay = "nothing"
