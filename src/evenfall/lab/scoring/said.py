"""What a method says of one series, in one form for all methods.

Evenfall's curfews carry intervals, dates, waves and a scope; a peer's hours carry none of these,
and what a method does not say is None here: it is not counted for it, nor against it.

Rules:
    A peer that claims nine tenths of the hours that were measured is taken to say "always".
    Random draws of Evenfall's own test come from the seed of the world, so a score can be made
    again to the digit.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from evenfall.infer.nights import judge
from evenfall.infer.series import Series
from evenfall.lab.peers.by_name import PEERS
from evenfall.lab.peers.given import given
from evenfall.lab.scoring.hours import Span, span_of, spans_of_hours
from evenfall.model.curfew import Curfew, Instants, Spell
from evenfall.model.vocabulary import Pattern, Scope

__all__ = ["EVENFALL", "METHODS", "Heard", "Said", "says"]

EVENFALL = "evenfall"
METHODS = (EVENFALL, *PEERS)
_ALWAYS_SHARE = 0.9
_DRAWS = 0x4E6967  # apart from the draws of the world itself


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One claim.

    Attributes:
        always: it says that all measured hours are concerned; then there are no spans.
        spans: minutes of the local day.
        intervals: of the start and the end of each span; empty: the method gives none.
        weekdays: 0 = Monday … 6 = Sunday; None: the method knows none.
        targeted: None: the method says no scope.
        dated: it says from when to when; None in `onset` or `lifting` is then a statement.
    """

    service: str
    network: str
    always: bool
    spans: tuple[Span, ...]
    intervals: tuple[tuple[Span, Span], ...] = ()
    weekdays: tuple[int, ...] | None = None
    targeted: bool | None = None
    dated: bool = False
    onset: Instants | None = None
    lifting: Instants | None = None
    episodes: tuple[Spell, ...] = ()


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """All that a method says of a world.

    Attributes:
        claims: series without a claim are left out.
        reasons: (service, network) → why there is no claim, or what it is; empty: it gives none.
    """

    claims: tuple[Said, ...]
    reasons: dict[tuple[str, str], str] = {}


def says(series: Sequence[Series], *, methods: Sequence[str], seed: int) -> dict[str, Heard]:
    """What each method says of all series of a world."""
    found: dict[str, Heard] = {}
    if EVENFALL in methods:
        judged = judge(series, rng=np.random.default_rng([seed, _DRAWS]))
        found[EVENFALL] = Heard(
            claims=tuple(_of_curfew(one) for one in judged.curfews),
            reasons={(one.service, one.network): one.reason for one in judged.findings},
        )
    rows = [(one, given(one)) for one in series]
    for name in methods:
        if name != EVENFALL:
            hours = [(one, seen, PEERS[name](seen)) for one, seen in rows if seen.day.size]
            claims = [
                _of_hours(one, claimed, set(seen.hour.tolist()))
                for one, seen, claimed in hours
                if claimed
            ]
            found[name] = Heard(claims=tuple(claims))
    return found


def _of_curfew(curfew: Curfew) -> Said:
    return Said(
        service=curfew.service,
        network=curfew.network,
        always=curfew.pattern is Pattern.ALWAYS,
        spans=tuple(span_of(w.start_local, w.end_local) for w in curfew.windows),
        intervals=tuple(
            (span_of(*w.start_interval), span_of(*w.end_interval)) for w in curfew.windows
        ),
        weekdays=curfew.windows[0].weekdays if curfew.windows else None,
        targeted=curfew.scope is Scope.TARGETED,
        dated=True,
        onset=curfew.onset,
        lifting=curfew.lifting,
        episodes=curfew.episodes,
    )


def _of_hours(series: Series, claimed: frozenset[int], measured: set[int]) -> Said:
    always = len(claimed) >= _ALWAYS_SHARE * len(measured)
    return Said(
        service=series.service,
        network=series.network,
        always=always,
        spans=() if always else spans_of_hours(claimed),
    )
