"""How many bytes the measurements carried that a series rests on.

Rules:
    Counted are bodies, as `rows.py` writes them: a transfer is cut at its size or after 4 s. Names,
    handshakes and headers are not in these worlds.
    Pairs: both arms, and the neutral pairs of the network. Visits: those to the service, and those
    to the controls. Nobody shares: a network's neutral pairs and controls are counted whole for
    each of its services.
    An archive's tests tell no bytes.
"""

from __future__ import annotations

import numpy as np

from evenfall.lab.nights.facts import CAP_S, FETCH_BYTES, SIZE_BYTES, Facts
from evenfall.lab.nights.hours import Flags, Ints
from evenfall.lab.nights.plan import Plan

__all__ = ["bytes_carried"]


def bytes_carried(plan: Plan, facts: Facts, service: str, *, until_us: int) -> int | None:
    """Bytes behind one service of one network.

    Args:
        plan: the world.
        facts: what the network measured.
        service: one of the plan's.
        until_us: rounds from this moment on (µs since 1970 UTC) are left out.

    Returns:
        None where the world knows no bytes.
    """
    if plan.measures == "tests":
        return None
    before = facts.rounds.shown_us < until_us
    if plan.measures == "pairs":
        arms = [*facts.pairs[service], *(facts.null_pair or ())]
        return sum(_bodies(bps, before, SIZE_BYTES) for bps in arms)
    visits = [facts.visits[service], *facts.controls]
    return sum(_bodies(one.bps, before, FETCH_BYTES) for one in visits)


def _bodies(bps: Ints, before: Flags, size_bytes: int) -> int:
    """Speeds below zero are transfers that were not made, or did not come."""
    came = np.minimum(np.rint(np.maximum(bps[before], 0) * CAP_S / 8), size_bytes)
    return int(came.sum())
