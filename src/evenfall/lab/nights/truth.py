"""What is true in a world of many nights, and what may honestly be said about it.

Plain data. A truth is never given to what judges: it is opened when the judgement is written.

Rules:
    A `Hit` is one service on one network to which something is done on purpose. A world without
    hits is innocent, however slow it is.
    Hours are local, as `HH:MM`; an end at or before the start crosses midnight, and a window is
    named by the date on which it starts. Where the ends move from night to night, the hours are
    their centres.
    Dates are local dates on which a window starts. `None` stands where the data begin or end inside
    the episode, so that no date can be known.
    `may_say` is `undetermined` only where the service really is slow or closed in recurring hours
    and the input cannot tell at whose request: saying so there is right, `targeted` is not.

What it does not do: say how a world is made (`plan.py`).
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["EVERY_DAY", "BasisName", "Expected", "Hit", "MaySay", "NightTruth"]

BasisName = Literal["pairs", "difference", "unpaired"]
MaySay = Literal["nothing", "undetermined"]
Expected = Literal["curfew", "always", "none", "insufficient"]

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
"""0 = Monday … 6 = Sunday."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """What is done to one service on one network.

    Attributes:
        windows: (start, end), local `HH:MM`; empty if `pattern` is `always`.
        weekdays: 0 = Monday … 6 = Sunday, of the date on which a window starts.
        episodes: (first date, last date), both `YYYY-MM-DD` and hit; None: the data begin or end
            inside the episode.
        factor: times slower, median over the hit flows that carried any byte; None if none did.
        share: of the flows inside that are hit.
        fail_share: of the hit flows, those that carried nothing.
    """

    service: str
    network: str
    state: Literal["slowed", "blocked"]
    pattern: Literal["window", "always"] = "window"
    windows: tuple[tuple[str, str], ...] = ()
    weekdays: tuple[int, ...] = EVERY_DAY
    episodes: tuple[tuple[str | None, str | None], ...] = ((None, None),)
    factor: float | None
    share: float
    fail_share: float


class NightTruth(msgspec.Struct, frozen=True, kw_only=True):
    """What is true in one world.

    Attributes:
        basis: of the series, as the store makes them: pairs, the difference to controls, or the
            target alone (speeds or failures).
        nights: from local noon to local noon, counted from `first_date`.
        first_date: local date of the first noon.
        cadence_s: between two rounds, before any are missing; of an archive, on average.
        hits: one for each service and network concerned; empty in an innocent world.
        expected: what a perfect judge says of the hit series, or of all in an innocent world.
        congested: local hours in which everything is slow at nobody's request, if any recur.
    """

    family: str
    seed: int
    innocent: bool
    basis: BasisName
    nights: int
    first_date: str
    timezone: str
    cadence_s: int
    hits: tuple[Hit, ...] = ()
    may_say: MaySay = "nothing"
    expected: Expected
    congested: tuple[tuple[str, str], ...] = ()
