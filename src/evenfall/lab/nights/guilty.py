"""Families in which something is done on purpose, to a service by its name, in hours that recur.

Each function draws the plan of one world. What is drawn here is the size and shape of what is done;
what all worlds share (place, cadence, scatter, gaps) comes from `draws.frame`.

Sources are named beside each family in `families.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from evenfall.lab.clock import minutes_of
from evenfall.lab.nights.drawn import truth_of
from evenfall.lab.nights.draws import (
    Wish,
    changed,
    evening_window,
    frame,
    hours_of,
    known_place,
    pick,
    tests_frame,
)
from evenfall.lab.nights.plan import (
    NETWORKS,
    SERVICES,
    Act,
    Hours,
    Kind,
    Plan,
    Sampling,
    Style,
    Trouble,
)
from evenfall.lab.nights.truth import EVERY_DAY

__all__ = [
    "basic",
    "blocked_always",
    "blocked_archive",
    "blocked_window",
    "by_control",
    "congested",
    "drawn",
    "eighth",
    "half",
    "jitter",
    "lifting",
    "midnight",
    "mixed",
    "partial",
    "policed",
    "random_loss",
    "shaped",
    "sparse",
    "stall",
    "third",
    "two_windows",
    "waves",
    "weekdays",
]

_TWENTY_MIN_S = 1200
_CADENCES_S = (600, 900, 1200, 1800)
_WEEK = {"nights": (7, 7), "cadences_s": (_TWENTY_MIN_S,), "missing": 0.0}
_KINDS: dict[str, Kind] = {
    "sni.police": "police",
    "sni.shape": "shape",
    "sni.reset": "block",
    "sni.drop": "block",
}
_MON_FRI, _SAT_SUN, _FRIDAY, _THURSDAY = (0, 1, 2, 3, 4), (5, 6), (4,), (3,)


def _curfew(plan: Plan, *acts: Act, **more: Any) -> Plan:
    return changed(plan, acts=acts, **{"expected": "curfew", **more})


def _act(hours: Hours, factor: float = 8.0, **more: Any) -> Act:
    given: dict[str, Any] = {"services": SERVICES[:1], "networks": NETWORKS[:1], **more}
    return Act(hours=hours, factor=factor, **given)


def _deep(rng: np.random.Generator) -> float:
    """How many times slower where depth is not the point: ×1/4 to ×1/40."""
    return float(np.exp(rng.uniform(np.log(4), np.log(40))))


def _frame(rng: np.random.Generator, wish: Wish, **more: Any) -> Plan:
    """At most half of the rounds missing, and one every half hour at least."""
    return frame(rng, wish, **{"missing": 0.5, "cadences_s": _CADENCES_S, **more})


def _week(rng: np.random.Generator, wish: Wish) -> Plan:
    """Seven nights of one pair in every twenty minutes (no bursts and pauses), none missing."""
    plan = frame(rng, wish, **_WEEK)  # type: ignore[arg-type]  # three keywords of three types
    style: Style = "cron" if plan.sampling.style == "cron" else "stratified"
    return changed(plan, sampling=replace(plan.sampling, style=style, missing_nights=0))


def basic(rng: np.random.Generator, wish: Wish) -> Plan:
    """20:00–22:00 at 128 kbit/s by name, seven nights, video and social."""
    plan = known_place(_week(rng, wish))
    act = Act(
        services=SERVICES[:2],
        networks=NETWORKS[:1],
        hours=hours_of((20 * 60, 120)),
        kind="police",
        rate_bps=128_000,
    )
    return _curfew(plan, act)


def eighth(rng: np.random.Generator, wish: Wish) -> Plan:
    """×1/8 in a drawn window, seven nights."""
    plan = _week(rng, wish)
    return _curfew(plan, _act(hours_of(evening_window(rng)), share=1.0))


def third(rng: np.random.Generator, wish: Wish) -> Plan:
    """×1/3, two to four weeks."""
    plan = _frame(rng, wish, nights=(14, 28))
    return _curfew(plan, _act(hours_of(evening_window(rng)), 3.0, share=1.0))


def half(rng: np.random.Generator, wish: Wish) -> Plan:
    """×1/2, two to four weeks."""
    plan = _frame(rng, wish, nights=(14, 28), cadences_s=(600, 900, 1200))
    return _curfew(plan, _act(hours_of(evening_window(rng)), 2.0, share=1.0))


def drawn(rng: np.random.Generator, wish: Wish) -> Plan:
    """Services, window, depth and mechanism drawn, as the demonstration's evening has them."""
    plan = known_place(_frame(rng, wish))
    plan = changed(plan, sampling=Sampling(missing=0.3))
    truth = truth_of(wish.seed)
    start, end = minutes_of(truth.start_local), minutes_of(truth.end_local)
    fails = float(rng.uniform(0, 0.2))
    act = _act(
        hours_of((start, (end - start) % 1440), jitter_min=5.0),
        services=truth.services,
        kind=_KINDS[truth.mechanism],
        rate_bps=float(truth.rate_bps),
        share=truth.share_percent / 100,
        fail_share=fails if truth.rate_bps else 1.0,
    )
    return _curfew(plan, act)


def partial(rng: np.random.Generator, wish: Wish) -> Plan:
    """Only 30–60 % of the flows are hit."""
    plan = _frame(rng, wish, nights=(14, 28))
    window = evening_window(rng, length_min=(90, 240))
    act = _act(hours_of(window), _deep(rng), share=float(rng.uniform(0.3, 0.6)))
    return _curfew(plan, act)


def jitter(rng: np.random.Generator, wish: Wish) -> Plan:
    """Both ends move by up to 20 minutes, each night anew."""
    plan = _frame(rng, wish, nights=(10, 28))
    window = evening_window(rng, length_min=(120, 240))
    return _curfew(plan, _act(hours_of(window, jitter_min=20.0), _deep(rng)))


def sparse(rng: np.random.Generator, wish: Wish) -> Plan:
    """70 % of the rounds never happen."""
    plan = _frame(rng, wish, nights=(14, 28), cadences_s=(600, 900, 1200, 1800))
    plan = changed(plan, sampling=replace(plan.sampling, missing=0.7))
    window = evening_window(rng, length_min=(90, 240))
    return _curfew(plan, _act(hours_of(window), _deep(rng)))


def weekdays(rng: np.random.Generator, wish: Wish) -> Plan:
    """Only on Monday to Friday, at weekends, or on one day a week."""
    plan = _frame(rng, wish, nights=(28, 42), missing=0.4)
    days = pick(rng, (_MON_FRI, _MON_FRI, _SAT_SUN, _FRIDAY, _THURSDAY))
    if len(days) == 1:
        plan = changed(plan, nights=wish.nights or int(rng.integers(42, 57)))
    window = evening_window(rng, length_min=(90, 240))
    return _curfew(plan, _act(hours_of(window, weekdays=days), _deep(rng)))


def two_windows(rng: np.random.Generator, wish: Wish) -> Plan:
    """Two a day, one to four hours apart, as Kenya's exams."""
    plan = _frame(rng, wish, nights=(10, 28))
    first = evening_window(rng, start_min=(6 * 60, 13 * 60), length_min=(90, 240))
    gap = int(rng.integers(12, 49)) * 5
    second = (first[0] + first[1] + gap, int(rng.integers(18, 49)) * 5)
    days = pick(rng, (EVERY_DAY, EVERY_DAY, _MON_FRI))
    if days == _MON_FRI:
        plan = changed(plan, nights=wish.nights or int(rng.integers(21, 29)))
    return _curfew(plan, _act(hours_of(first, second, weekdays=days), _deep(rng)))


def midnight(rng: np.random.Generator, wish: Wish) -> Plan:
    """Crosses midnight, or lies behind it."""
    plan = _frame(rng, wish)
    fixed = pick(rng, ((22 * 60, 240), (60, 480), (18 * 60, 720), None))
    start = int(rng.integers(21 * 12, 24 * 12)) * 5
    length = int(rng.integers(36, 97)) * 5
    return _curfew(plan, _act(hours_of(fixed or (start, length)), _deep(rng)))


def waves(rng: np.random.Generator, wish: Wish) -> Plan:
    """Three waves, at least five clear nights between them."""
    plan = _frame(rng, wish, nights=(40, 90), missing=0.4, cadences_s=(1200, 1800))
    span = max(plan.nights, 40)
    spare = span - 3 * 5 - 4 * 6  # what is left beyond five hit nights and six clear ones each
    gone = min(plan.sampling.missing_nights, 1)
    cuts = np.sort(rng.integers(0, spare + 1, 6)).tolist()
    parts = np.diff([0, *cuts, spare]).tolist()
    dates, at = [], 0
    for wave in range(3):
        first = at + 6 + int(parts[2 * wave])
        at = first + 5 + int(parts[2 * wave + 1])
        dates.append((first, at - 1))
    plan = changed(plan, nights=span, sampling=replace(plan.sampling, missing_nights=gone))
    window = evening_window(rng, length_min=(90, 240))
    return _curfew(plan, _act(hours_of(window, dates=tuple(dates)), _deep(rng)))


def lifting(rng: np.random.Generator, wish: Wish) -> Plan:
    """Begins and ends within the data."""
    plan = _frame(rng, wish, nights=(28, 60))
    first = int(rng.integers(7, max(plan.nights // 3, 8) + 1))
    last = int(rng.integers(first + 7, max(plan.nights - 7, first + 8)))
    window = evening_window(rng, length_min=(90, 240))
    return _curfew(plan, _act(hours_of(window, dates=((first, last),)), _deep(rng)))


def by_control(rng: np.random.Generator, wish: Wish) -> Plan:
    """No pairs: visits to the service beside controls, and a second network that is clean."""
    plan = _frame(rng, wish, nights=(10, 28), measures="visits", networks=NETWORKS[:2])
    window = evening_window(rng, length_min=(90, 240))
    act = _act(hours_of(window), _deep(rng), fail_share=float(rng.uniform(0, 0.3)))
    return _curfew(plan, act)


def congested(rng: np.random.Generator, wish: Wish) -> Plan:
    """Slowed by name, and the whole line is full in the evening besides."""
    plan = _frame(rng, wish)
    window = evening_window(rng, start_min=(18 * 60, 21 * 60), length_min=(90, 180))
    busy = evening_window(rng, start_min=(18 * 60, 20 * 60), length_min=(120, 240))
    full = Trouble(on="line", hours=hours_of(busy), factor=float(rng.uniform(2.5, 8)))
    return _curfew(plan, _act(hours_of(window), _deep(rng)), troubles=(full,))


def blocked_window(rng: np.random.Generator, wish: Wish) -> Plan:
    """Nothing comes through in the window: by pairs, or by visits with a clean network beside."""
    plan = _frame(rng, wish)
    if rng.random() < 0.5:
        plan = changed(plan, measures="visits", networks=NETWORKS[:2])
    act = _act(hours_of(evening_window(rng)), kind="block", share=float(rng.uniform(0.85, 1.0)))
    return _curfew(plan, act)


def blocked_always(rng: np.random.Generator, wish: Wish) -> Plan:
    """Blocked at all hours on one network, from a date on or throughout; two others are clean."""
    plan = _frame(rng, wish, nights=(14, 28), measures="visits", networks=NETWORKS[:3])
    first = int(rng.integers(5, plan.nights // 2 + 1)) if plan.nights >= 12 else 0
    dates = ((first, plan.nights),) if rng.random() < 0.5 else ()
    act = _act(Hours(dates=dates), kind="block", share=float(rng.uniform(0.95, 1.0)))
    return _curfew(plan, act, expected="always")


def blocked_archive(rng: np.random.Generator, wish: Wish) -> Plan:
    """An archive's irregular tests, failures only; one or two windows on one network."""
    plan = tests_frame(rng, wish)
    first = evening_window(rng, start_min=(6 * 60, 9 * 60), length_min=(180, 300))
    single = evening_window(rng, start_min=(8 * 60, 19 * 60), length_min=(180, 480))
    second = (first[0] + first[1] + 120, 240)
    windows = (first, second) if rng.random() < 0.5 else (single,)
    hours = hours_of(*windows)
    act = _act(hours, kind="block", services=SERVICES[2:], share=float(rng.uniform(0.85, 1.0)))
    return _curfew(plan, act)


def policed(rng: np.random.Generator, wish: Wish) -> Plan:
    """A token bucket with an allowance, 64 to 512 kbit/s."""
    return _limited(rng, wish, "police")


def shaped(rng: np.random.Generator, wish: Wish) -> Plan:
    """A queue in front of the same rates."""
    return _limited(rng, wish, "shape")


def _limited(rng: np.random.Generator, wish: Wish, kind: Kind) -> Plan:
    plan = _frame(rng, wish)
    rate_bps = float(64_000 * 8 ** rng.random())
    return _curfew(plan, _act(hours_of(evening_window(rng)), kind=kind, rate_bps=rate_bps))


def random_loss(rng: np.random.Generator, wish: Wish) -> Plan:
    """Packets lost at random: ×1/5 to ×1/20, each flow its own, a few fail."""
    plan = _frame(rng, wish)
    fails = float(rng.uniform(0, 0.1))
    act = _act(hours_of(evening_window(rng)), 5.0, factor_max=20.0, fail_share=fails)
    return _curfew(plan, act)


def stall(rng: np.random.Generator, wish: Wish) -> Plan:
    """Nothing, or 15–24 KB and then nothing."""
    plan = _frame(rng, wish)
    return _curfew(plan, _act(hours_of(evening_window(rng)), kind="stall"))


def mixed(rng: np.random.Generator, wish: Wish) -> Plan:
    """30 % of the flows are blocked, 70 % slow."""
    plan = _frame(rng, wish)
    act = _act(hours_of(evening_window(rng)), _deep(rng), fail_share=0.3, share=1.0)
    return _curfew(plan, act)
