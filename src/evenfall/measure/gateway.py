"""Round trips to the router of the home: how many probes come back, and how soon.

The first way that the router answers is taken. The probe that found it is not counted: it was
chosen because it came back. Then a short row of probes, evenly spaced, a few kilobytes in all. A
router that answers nothing gives an observation whose probes are all lost and that has no round
trip: it was asked, and it is not told what that means.
"""

from __future__ import annotations

import asyncio
import statistics

from evenfall.measure.round import Round
from evenfall.model.observation import Observation
from evenfall.model.target import Target
from evenfall.model.vocabulary import Fact, Role
from evenfall.net.api import Router, Way
from evenfall.net.gateway import PROBE_S_MAX

__all__ = ["GATEWAY_BYTES", "GATEWAY_ID", "probe_gateway"]

GATEWAY_ID = "line/gateway"
GATEWAY_BYTES = 10_240
"""The most that a row of probes may cost, the search for a way included."""

_PROBES = 15
_GAP_S = 0.08
_SEARCHES = 2  # of every way; one lost probe is no silence
_ABOUT = Target(target_id=GATEWAY_ID, url="", role=Role.CONTROL)


async def probe_gateway(router: Router, round_: Round) -> Observation:
    """Ask the router; never raises for the network.

    Returns:
        An observation of fact `gateway_probe` about `line/gateway`: `probes_sent`, `probes_lost`,
        `rtt_min_us` and `rtt_us` (median; both null if nothing came back), `endpoint` (the way).
    """
    start = round_.now()
    way, spent_bytes = await _answered_way(router)
    if way is None:
        tried = _SEARCHES * len(router.ways)
        return round_.observe(
            Fact.GATEWAY_PROBE, _ABOUT, start, family=router.family, probes_sent=tried,
            probes_lost=tried, wire_bytes=spent_bytes,
        )  # fmt: skip
    number = min(_PROBES, way.probes_max)
    trips_us = await _row(round_, way, number)
    came = [trip for trip in trips_us if trip is not None]
    return round_.observe(
        Fact.GATEWAY_PROBE, _ABOUT, start, family=router.family, endpoint=way.name,
        probes_sent=number, probes_lost=number - len(came),
        rtt_min_us=min(came, default=None),
        rtt_us=round(statistics.median(came)) if came else None,
        wire_bytes=spent_bytes + number * way.probe_bytes,
    )  # fmt: skip


async def _answered_way(router: Router) -> tuple[Way | None, int]:
    """The best way that is answered, and the bytes that it took to find it."""
    spent_bytes = 0
    for _ in range(_SEARCHES):
        answered = await asyncio.gather(*(w.once(timeout_s=PROBE_S_MAX) for w in router.ways))
        spent_bytes += sum(way.probe_bytes for way in router.ways)
        for way, came in zip(router.ways, answered, strict=True):
            if came:
                return way, spent_bytes
    return None, spent_bytes


async def _row(round_: Round, way: Way, number: int) -> list[int | None]:
    """Round trips of evenly spaced probes; None: lost."""

    async def one(index: int) -> int | None:
        await round_.clock.sleep(index * _GAP_S)
        start = round_.now()
        return round_.since_us(start) if await way.once(timeout_s=PROBE_S_MAX) else None

    return list(await asyncio.gather(*(one(index) for index in range(number))))
