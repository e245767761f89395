"""Synthetic history: many nights of paired transfers on one line, with known truth.

Statistics only: no packet is sent. A round is made every 20 minutes at a random moment of its slot
(`missing` of them never happen): one pair for each service, every third one followed by a pair of
two neutral names, and one fetch from each of two control sites. The line breathes: it is slower in
the evening, its level wanders (first-order autoregression), each transfer has its own heavy-tailed
noise, and a pair shares what the line does to both arms. On top of that a case puts what is done
on purpose, to the arm with the service's name alone, or what is nobody's doing, to everything.

What the rows look like is what the probe's own transfers look like (the same fields filled), except
that `provenance` is `synth`, whatever reads them says SIMULATED, and the clock is called verified.

Source of the noise: METHOD 2 (t with 2 d.o.f., scale .19 on 36,000 real rows, here .12 to .16 a
pair); the limiter's arithmetic is that of a token bucket.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from evenfall.infer.localtime import load_zone
from evenfall.lab.clock import minutes_of
from evenfall.lab.synth_case import SERVICES, Case, Truth, truth_of
from evenfall.lab.synth_row import Moment, fetch, pair
from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Role

__all__ = ["FIRST_DATE", "NETWORK", "NIGHTS_DEFAULT", "ZONE", "history", "write_history"]

NETWORK = "AS64500"  # reserved for documentation (RFC 5398)
ZONE = "Asia/Almaty"
FIRST_DATE = dt.date(2026, 3, 2)
NIGHTS_DEFAULT = 14
NIGHTS_MAX = 1000

_SLOT_MIN = 20
_SLOTS = 24 * 60 // _SLOT_MIN
_NULL_EVERY = 3
_LINE_BPS = (15e6, 40e6)
_WANDER = 0.92  # correlation of the line's level from one slot to the next
_WANDER_SD = 0.22
_EVENING_DIP = 0.30
_CONTROL_SITES = ("encyclopedia", "news")


def history(case: Case, *, nights: int, seed: int) -> Iterator[Observation]:
    """All observations of a history in order of time, about 0.5 s for a fortnight.

    Nights run from noon to noon, the first from noon of `FIRST_DATE`; the same arguments always
    give the same rows.
    """
    if not 1 <= nights <= NIGHTS_MAX:
        raise ValueError(f"1 to {NIGHTS_MAX} nights, not {nights}")
    rng = np.random.default_rng([seed, *case.name.encode()])
    truth = truth_of(case, seed)
    line_bps = math.exp(rng.uniform(*np.log(_LINE_BPS)))
    rtt_s = float(rng.uniform(0.02, 0.09))
    noise = float(rng.uniform(0.12, 0.16))
    wander = 0.0
    for night in range(nights):
        noon = _noon(FIRST_DATE + dt.timedelta(days=night))
        edges = rng.uniform(-case.edge_jitter_min, case.edge_jitter_min, 2)
        for slot in range(_SLOTS):
            wander = _WANDER * wander + rng.normal(0, _WANDER_SD * math.sqrt(1 - _WANDER**2))
            since_noon_min = (slot + rng.random()) * _SLOT_MIN
            if rng.random() < case.missing:
                continue
            crowd = _crowd(case, night, since_noon_min)
            level = line_bps * math.exp(wander) * crowd * _daily(since_noon_min)
            moment = Moment(
                record_id=hashlib.sha256(f"{case.name}/{seed}/{night}/{slot}".encode()).hexdigest(),
                started_us=int((noon + since_noon_min * 60) * 1e6),
                level_bps=level,
                rtt_s=rtt_s / crowd**0.5,
                noise=noise,
                network=NETWORK,
                timezone=ZONE,
                fail_share=case.fail_share,
            )
            hit = _hit(truth, night, since_noon_min, edges.tolist())
            yield from _round(moment, case, truth, hit, crowd, slot, rng)


def write_history(case: Case, *, nights: int, seed: int, store_path: Path) -> Truth:
    """Write a history into a store (made if absent) and return what is true in it.

    Raises:
        StoreError: the store cannot be written.
    """
    from evenfall.store import open_store

    with open_store(store_path, write=True) as store:
        store.add_observations(
            history(case, nights=nights, seed=seed),
            name=f"synth/{case.name}/{seed}/{nights}",
            format="synth",
        )
    return truth_of(case, seed)


def _round(
    moment: Moment,
    case: Case,
    truth: Truth,
    hit: bool,
    crowd: float,
    slot: int,
    rng: np.random.Generator,
) -> Iterator[Observation]:
    index = 0
    for place, service in enumerate(SERVICES):
        acts = truth if hit and service in truth.services else None
        arms = pair(moment, service, index, acts, rng)
        yield from arms
        index += 2
        if (slot + place) % _NULL_EVERY == 0:
            yield from pair(moment, service, index, None, rng, is_null=True)
            index += 2
        site_bps = moment.level_bps * (crowd if service in case.slow_sites else 1.0)
        yield fetch(moment, service, index, site_bps, acts, rng, role=Role.TARGET)
        index += 1
    for name in _CONTROL_SITES:
        yield fetch(moment, name, index, moment.level_bps, None, rng, role=Role.CONTROL)
        index += 1


def _noon(date: dt.date) -> float:
    return dt.datetime.combine(date, dt.time(12), tzinfo=load_zone(ZONE)).timestamp()


def _daily(since_noon_min: float) -> float:
    """The line's daily load: least at 21:00, nine hours after noon."""
    hours = since_noon_min / 60 - 9
    return 1 - _EVENING_DIP * math.exp(-((hours / 2.2) ** 2))


def _crowd(case: Case, night: int, since_noon_min: float) -> float:
    """What innocent congestion leaves of the line; 1: there is none."""
    hour = (12 + since_noon_min / 60) % 24
    on = not case.congested_nights or night in case.congested_nights
    inside = case.congested_from_h <= hour < case.congested_to_h
    return case.congestion if on and inside else 1.0


def _hit(truth: Truth, night: int, since_noon_min: float, edges_min: list[float]) -> bool:
    """Whether the window is on: each night with its own small delay at either end."""
    if not truth.services:
        return False
    start = (minutes_of(truth.start_local) - 720) % 1440
    length = (minutes_of(truth.end_local) - minutes_of(truth.start_local)) % 1440 or 1440
    date = FIRST_DATE + dt.timedelta(days=night + (start >= 720))
    within = start + edges_min[0] <= since_noon_min < start + length + edges_min[1]
    return within and date.weekday() in truth.weekdays
