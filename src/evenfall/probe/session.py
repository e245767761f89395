"""What the steps of one round share: the way out, the clock's end, the bytes, what was seen.

Nothing here measures. `Session` holds the observations in the order in which they were made, keeps
the ledger, and owns the two locks that keep measurements honest: one connection at a time to one
address, and one body at a time on the line.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from evenfall.infer.facts import Page
from evenfall.infer.fingerprints import Fingerprint
from evenfall.measure.dns import is_bogon
from evenfall.measure.exchange import ClockOffset
from evenfall.measure.http import Exchange
from evenfall.measure.round import Round
from evenfall.model.observation import Observation
from evenfall.model.target import TargetList
from evenfall.model.verdict import Rung, Verdict
from evenfall.model.vocabulary import Role
from evenfall.net.api import Network
from evenfall.probe.budget import Budget
from evenfall.probe.places import LabBlocks, is_off_limits

__all__ = ["LEG_S", "Event", "Progress", "RungDone", "Session", "Stage", "TargetDone"]

LEG_S = 6.0
"""Each leg (connect, handshake, page) is cut here, at a time and not at a byte count."""

_DATE_STEP_US = 1_000_000  # an HTTP Date has whole seconds


class Stage:
    """Names of the parts of a round, for progress."""

    NAMES = "names"
    SITES = "sites"
    CONTRASTS = "contrasts"
    OUTSIDE = "outside"
    PAIRS = "pairs"
    UPLOADS = "uploads"
    CAPACITY = "capacity"
    PATH = "path"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Something was finished.

    Attributes:
        stage: one of `Stage`.
        what: target id, or a host.
        done, total: steps of this stage; total 0 if not known.
    """

    stage: str
    what: str = ""
    done: int = 0
    total: int = 0


@dataclass(frozen=True, kw_only=True)
class RungDone:
    """A rung of "is it me?" is known; a later one of the same name replaces it.

    Rungs come in the order in which they are climbed, device first.
    """

    rung: Rung


@dataclass(frozen=True, kw_only=True)
class TargetDone:
    """Nothing more will be measured about one target; sent once for each.

    Attributes:
        verdict: as far as it can be judged now; what is measured later (the clock, the line's own
            noise) may still change it.
        goodput_bps: best speed of its own page; None: it was not timed.
        neutral_bps: median speed of our server under neutral names beside this target's; None: no
            pair was made.
        slower: pairs in which our server was slower under this target's name by ×1/1.5 or more.
        pairs: pairs that count.
        status: HTTP status at the end of its redirects; None: none came.
    """

    verdict: Verdict
    goodput_bps: float | None = None
    neutral_bps: float | None = None
    slower: int = 0
    pairs: int = 0
    status: int | None = None


Event = Progress | RungDone | TargetDone
"""What `Session.emit` is told: a step of a stage, a rung, a target."""


@dataclass(kw_only=True)
class Session:
    """One round under way.

    Attributes:
        end_s: monotonic time at which everything is over.
        body_bytes_max: of one page.
        trusting: checks certificates; `unchecked` does not.
        lab: kinds of addresses of a lab network, for which consent was implied: nothing leaves it.
        line: held while a body is on the line.
        sought: url of a measurement server → address at which it was sought; None: it has none.
        unfinished: ids of sites whose first look has not come to its end.
        under_way: ids of observations that belong to a visit which has not come to its end.
        fingerprints: known block pages, from a file of the person's own.
    """

    network: Network
    round_: Round
    targets: TargetList
    rng: random.Random
    budget: Budget
    start_s: float
    end_s: float
    body_bytes_max: int
    trusting: ssl.SSLContext
    unchecked: ssl.SSLContext
    lab: LabBlocks | None = None
    emit: Callable[[Event], None] = lambda _: None
    observations: list[Observation] = field(default_factory=list)
    pages: dict[str, Page] = field(default_factory=dict)
    dates_us: list[tuple[int, int]] = field(default_factory=list)
    server_clocks: list[ClockOffset] = field(default_factory=list)
    line: asyncio.Lock = field(default_factory=asyncio.Lock)
    sought: dict[str, str | None] = field(default_factory=dict)
    unfinished: set[str] = field(default_factory=set)
    under_way: set[str] = field(default_factory=set)
    fingerprints: tuple[Fingerprint, ...] = ()
    _addresses: dict[str, asyncio.Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sites = (*self.targets.targets, *self.targets.controls)
        self.unfinished.update(site.target_id for site in sites)

    @property
    def is_sealed(self) -> bool:
        """A lab network: nothing leaves it."""
        return self.lab is not None

    @property
    def is_test_network(self) -> bool:
        """`ca_file` is set: private addresses are what is wanted."""
        return bool(self.targets.ca_file)

    def may_visit(self, address: str) -> bool:
        """Whether a site may be sought at this address, which some answer named."""
        if self.lab is not None:
            return self.lab.hold(address)
        return not is_off_limits(address) and (self.is_test_network or not is_bogon(address))

    def left_s(self) -> float:
        """Time until the end."""
        return self.end_s - self.network.clock.monotonic_s()

    def address(self, address: str) -> asyncio.Lock:
        """The lock of one address: one connection at a time to it."""
        return self._addresses.setdefault(address, asyncio.Lock())

    def keep(self, *observations: Observation) -> None:
        """Keep what was seen, and put it on the bill."""
        for observation in observations:
            self.observations.append(observation)
            self.budget.spend(observation.wire_bytes or 0)

    def keep_exchange(self, exchange: Exchange) -> None:
        """Keep an exchange, its page's words, and a control's date."""
        observation = exchange.observation
        self.keep(observation)
        self.pages[observation.observation_id] = Page(
            text=exchange.text, location=exchange.location, headers=exchange.headers
        )
        if exchange.date_us is not None and observation.role is Role.CONTROL:
            offset_us = exchange.date_us + _DATE_STEP_US // 2 - exchange.date_read_us
            bound_us = _DATE_STEP_US // 2 + (observation.first_byte_us or 0) // 2
            self.dates_us.append((offset_us, bound_us))
