"""Families in which nothing is done on purpose: what a judge says of them is said of people.

Each function draws the plan of one world. Much is slow here, fails, or is measured badly; in some
the service really is slow in recurring hours, and a judge who cannot tell may say so and no more
(`may_say`).

Sources are named beside each family in `families.py`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np

from evenfall.infer.localtime import load_zone
from evenfall.lab.nights.draws import (
    KAZAKHSTAN_CHANGE,
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
    ClockFault,
    Hours,
    Plan,
    Step,
    Swap,
    Trouble,
    Vpn,
)
from evenfall.lab.nights.truth import MaySay

__all__ = [
    "archive",
    "bad_days",
    "cdn",
    "cdn_difference",
    "clean",
    "clock_off",
    "clock_unverified",
    "congestion",
    "controls_down",
    "daylight_saving",
    "dense_evening",
    "failing",
    "four_nights",
    "match_night",
    "noisy_evening",
    "only_evenings",
    "plan_change",
    "probe_swap",
    "sawtooth",
    "site_down",
    "vpn_evenings",
    "whitelist",
    "wifi",
]

_WINTER_TIMES = ("America/New_York", "Australia/Sydney", "Europe/Berlin", "Europe/Kyiv")
_FEW = 4
_BESIDE = ("pairs", "visits")
_ALONE = ("visits", "speeds")
_ANY = ("pairs", "visits", "speeds")


def _measured(rng: np.random.Generator, plan: Plan, ways: tuple[Any, ...]) -> Plan:
    """One of these ways to measure; speeds alone have no controls."""
    way = pick(rng, ways)
    controls = 0 if way == "speeds" else plan.controls
    return changed(plan, measures=way, controls=controls)


def _dates(rng: np.random.Generator, nights: int, least: int, most: int) -> tuple[int, ...]:
    """Some single dates."""
    count = min(int(rng.integers(least, most + 1)), max(nights - 1, 1))
    return tuple(sorted(rng.choice(nights, count, replace=False).tolist()))


def _on(dates: tuple[int, ...], *windows: tuple[int, int]) -> Hours:
    """These windows (or the whole day) on single dates."""
    return Hours(windows_min=windows, dates=tuple((date, date) for date in dates))


def _middle(rng: np.random.Generator, nights: int) -> int:
    """A date with a third of the nights on either side at least."""
    return int(rng.integers(max(nights // 3, 1), max(2 * nights // 3, 1) + 1))


def clean(rng: np.random.Generator, wish: Wish) -> Plan:
    """The daily load and nothing else."""
    return known_place(frame(rng, wish))


def congestion(rng: np.random.Generator, wish: Wish) -> Plan:
    """The line is full from 20:00 to 23:00, for everything."""
    plan = _measured(rng, known_place(frame(rng, wish)), _BESIDE)
    factor = float(rng.uniform(3, 12))
    fails = float(rng.uniform(0, 0.1))
    full = Trouble(on="line", hours=hours_of((20 * 60, 180)), factor=factor, fail_share=fails)
    return changed(plan, troubles=(full,))


def dense_evening(rng: np.random.Generator, wish: Wish) -> Plan:
    """Most rounds are made in the evening, which is noisier in half of the worlds."""
    plan = _measured(rng, frame(rng, wish, cadences_s=(600, 900)), _BESIDE)
    wide = float(rng.uniform(1.5, 3)) if rng.random() < 0.5 else 1.0
    noise = replace(plan.noise, bad_h=(19.0, 24.0), bad_factor=wide, stall_share=0.0)
    dense = replace(plan.sampling, dense=float(rng.uniform(3, 10)), dense_h=(18.0, 24.0))
    return changed(plan, noise=noise, sampling=dense)


def noisy_evening(rng: np.random.Generator, wish: Wish) -> Plan:
    """The scatter is two to five times wider in the evening, and nothing is slower."""
    plan = _measured(rng, frame(rng, wish), _BESIDE)
    bad_h = (float(pick(rng, (18, 19, 20))), float(pick(rng, (22, 23, 0))))
    wide = float(rng.uniform(2, 5))
    return changed(plan, noise=replace(plan.noise, bad_h=bad_h, bad_factor=wide))


def bad_days(rng: np.random.Generator, wish: Wish) -> Plan:
    """Some whole days are bad for everything."""
    plan = _measured(rng, frame(rng, wish), _ANY)
    bad = Trouble(
        on="line",
        hours=_on(_dates(rng, plan.nights, 2, 6)),
        factor=float(rng.uniform(3, 15)),
        fail_share=float(rng.uniform(0, 0.4)),
    )
    return changed(plan, troubles=(bad,))


def match_night(rng: np.random.Generator, wish: Wish) -> Plan:
    """Two to six nights of football: the line is full and the video site itself is slow.

    Without pairs the site is seen to be slow in the same hours of some nights: nobody can tell why.
    """
    plan = _measured(rng, known_place(frame(rng, wish, nights=(14, 28))), _BESIDE)
    dates = _dates(rng, plan.nights, 2, min(6, max(plan.nights // 3, 2)))
    hours = _on(dates, (20 * 60 + 45, 120))
    full = Trouble(on="line", hours=hours, factor=float(rng.uniform(2, 6)))
    site = Trouble(on="site", hours=hours, services=SERVICES[:1], factor=float(rng.uniform(2, 6)))
    unclear: MaySay = "nothing" if plan.measures == "pairs" else "undetermined"
    return changed(plan, troubles=(full, site), may_say=unclear)


def cdn(rng: np.random.Generator, wish: Wish) -> Plan:
    """The service's own servers are slow for everybody each evening; pairs at ours are even."""
    return changed(frame(rng, wish), troubles=(_slow_site(rng),))


def cdn_difference(rng: np.random.Generator, wish: Wish) -> Plan:
    """The same without pairs, from several networks: slow in recurring hours, nobody knows why."""
    plan = frame(rng, wish, measures="visits", networks=NETWORKS[: int(rng.integers(2, 4))])
    return changed(plan, troubles=(_slow_site(rng),), may_say="undetermined")


def _slow_site(rng: np.random.Generator) -> Trouble:
    return Trouble(
        on="site",
        hours=hours_of(evening_window(rng, length_min=(90, 240)), jitter_min=15.0),
        services=SERVICES[:1],
        factor=float(rng.uniform(3, 15)),
        spread=0.4,
    )


def site_down(rng: np.random.Generator, wish: Wish) -> Plan:
    """A site is down on some days, or each night for maintenance, for every network."""
    networks = NETWORKS[: int(rng.integers(2, 4))]
    plan = frame(rng, wish, measures="visits", networks=networks)
    fails = float(rng.uniform(0.8, 1.0))
    if rng.random() < 0.5:
        hours = _on(_dates(rng, plan.nights, 1, 5))
        down = Trouble(on="site", hours=hours, services=SERVICES[:1], fail_share=fails)
        return changed(plan, troubles=(down,))
    hours = hours_of((int(rng.integers(0, 9)) * 30, int(rng.integers(2, 7)) * 30))
    down = Trouble(on="site", hours=hours, services=SERVICES[:1], fail_share=fails)
    return changed(plan, troubles=(down,), may_say="undetermined")


def plan_change(rng: np.random.Generator, wish: Wish) -> Plan:
    """The tariff changes: from a date on everything is faster, or slower."""
    plan = _measured(rng, frame(rng, wish, nights=(14, 40)), _ANY)
    factor = float(np.exp(rng.uniform(np.log(1.5), np.log(6))))
    step = Step(date=_middle(rng, plan.nights), factor=factor if rng.random() < 0.5 else 1 / factor)
    return changed(plan, steps=(step,))


def daylight_saving(rng: np.random.Generator, wish: Wish) -> Plan:
    """A zone change in the middle, a true daily rhythm, no curfew."""
    plan = _measured(rng, frame(rng, wish, nights=(14, 28)), _ANY)
    back = dt.timedelta(days=plan.nights // 2)
    if rng.random() < 1 / 3:
        return _rhythm(changed(plan, timezone="Asia/Almaty", first_date=KAZAKHSTAN_CHANGE - back))
    zone, year = pick(rng, _WINTER_TIMES), int(rng.integers(2023, 2026))
    change = _changes(zone, year)[int(rng.integers(2))]
    return _rhythm(changed(plan, timezone=zone, first_date=change - back))


def _rhythm(plan: Plan) -> Plan:
    """The evening takes a quarter of the line's speed: seen, and below what is called slow."""
    return changed(plan, noise=replace(plan.noise, dip=0.25))


def _changes(zone: str, year: int) -> list[dt.date]:
    """The dates on which the zone's offset changes in that year."""
    days = [dt.date(year, 1, 1) + dt.timedelta(days=k) for k in range(366)]
    where = load_zone(zone)
    offsets = [dt.datetime.combine(day, dt.time(12), tzinfo=where).utcoffset() for day in days]
    return [day for k, day in enumerate(days) if k and offsets[k] != offsets[k - 1]]


def probe_swap(rng: np.random.Generator, wish: Wish) -> Plan:
    """From a date on another probe on another line measures: slower, noisier, failing more."""
    plan = _measured(rng, frame(rng, wish, nights=(14, 40), lines=2), _ANY)
    swap = Swap(
        date=_middle(rng, plan.nights),
        factor=float(rng.uniform(2, 8)),
        fail_share=float(rng.uniform(0.05, 0.4)),
        noise_factor=float(rng.uniform(1, 2.5)),
    )
    return changed(plan, swap=swap)


def wifi(rng: np.random.Generator, wish: Wish) -> Plan:
    """The neighbours' radio: in the evening transfers of any name crawl or stop."""
    plan = _measured(rng, frame(rng, wish), _BESIDE)
    share = float(rng.uniform(0.1, 0.4))
    noise = replace(plan.noise, bad_h=(19.0, 23.0), stall_share=share, bad_factor=1.5)
    slow = Trouble(on="line", hours=hours_of((19 * 60, 240)), factor=float(rng.uniform(1.2, 2.5)))
    return changed(plan, noise=noise, troubles=(slow,))


def clock_off(rng: np.random.Generator, wish: Wish) -> Plan:
    """On some nights the clock is 40–60 minutes off and nobody notices; evenings are full."""
    plan = congestion(rng, wish)
    return changed(plan, clock=_fault(rng, plan, noticed=False))


def clock_unverified(rng: np.random.Generator, wish: Wish) -> Plan:
    """Rows whose clock was not verified hold all the bad evenings."""
    plan = _measured(rng, frame(rng, wish, nights=(14, 28)), _ANY)
    fault = _fault(rng, plan, noticed=True)
    windows = _on(fault.dates, (20 * 60, 150))
    bad = [
        Trouble(on=where, hours=windows, factor=float(rng.uniform(4, 10)), fail_share=0.2)
        for where in ("line", "site")
    ]
    return changed(plan, clock=fault, troubles=tuple(bad))


def _fault(rng: np.random.Generator, plan: Plan, *, noticed: bool) -> ClockFault:
    offset = float(rng.uniform(40, 60)) * (1 if rng.random() < 0.5 else -1)
    dates = _dates(rng, plan.nights, plan.nights // 3, plan.nights // 2)
    return ClockFault(dates=dates, offset_min=offset, noticed=noticed)


def whitelist(rng: np.random.Generator, wish: Wish) -> Plan:
    """Everything but the controls is slow: they are on a list of what is spared."""
    plan = frame(rng, wish)
    hours = hours_of(evening_window(rng, length_min=(90, 240)))
    spared = Trouble(on="others", hours=hours, factor=float(rng.uniform(3, 12)))
    return changed(plan, troubles=(spared,))


def controls_down(rng: np.random.Generator, wish: Wish) -> Plan:
    """The control sites are down or slow, from a date on, by day, or in the evening."""
    plan = frame(rng, wish, measures="visits")
    fails, factor = float(rng.uniform(0.5, 1.0)), float(rng.uniform(1, 4))
    hours = pick(
        rng,
        (
            Hours(dates=((_middle(rng, plan.nights), plan.nights),)),
            hours_of((9 * 60, 540)),
            hours_of((19 * 60, 240)),
        ),
    )
    down = Trouble(on="controls", hours=hours, factor=factor, fail_share=fails)
    return changed(plan, troubles=(down,))


def vpn_evenings(rng: np.random.Generator, wish: Wish) -> Plan:
    """One of two lines goes through a VPN, and measures in the evening only."""
    plan = _measured(rng, frame(rng, wish, nights=(14, 28), lines=2), _ALONE)
    vpn = Vpn(
        hours_h=(float(pick(rng, (18, 19, 20))), float(pick(rng, (22, 23, 0)))),
        factor=float(rng.uniform(2, 6)),
        target_factor=float(rng.uniform(1, 3)),
        share=float(rng.uniform(0.4, 0.8)),
    )
    return changed(plan, vpn=vpn)


def only_evenings(rng: np.random.Generator, wish: Wish) -> Plan:
    """Measured in the evening only, when the line is full and the site slow: nothing to compare."""
    plan = _measured(rng, frame(rng, wish), _ANY)
    only = replace(plan.sampling, only_h=(19.0, float(pick(rng, (22, 23)))))
    full = Trouble(on="line", hours=hours_of((18 * 60, 360)), factor=float(rng.uniform(1.5, 6)))
    return changed(plan, sampling=only, troubles=(full,), expected="insufficient")


def failing(rng: np.random.Generator, wish: Wish) -> Plan:
    """5–10 % of the tests fail at random, and failures are all that is known."""
    plan = frame(rng, wish, nights=(14, 40), measures="tests", lines=0, archive=True)
    noise = replace(plan.noise, fail_share=float(rng.uniform(0.05, 0.10)), stall_share=0.0)
    return changed(plan, noise=noise, controls=int(rng.integers(0, 2)))


def sawtooth(rng: np.random.Generator, wish: Wish) -> Plan:
    """A weekly rhythm: weekends, or workdays, are slow for everything."""
    plan = _measured(rng, frame(rng, wish, nights=(21, 42)), _ANY)
    days = pick(rng, ((5, 6), (0, 1, 2, 3, 4), (4,)))
    slow = Trouble(on="line", hours=Hours(weekdays=days), factor=float(rng.uniform(1.5, 4)))
    return changed(plan, troubles=(slow,))


def four_nights(rng: np.random.Generator, wish: Wish) -> Plan:
    """Four nights, in which the line was full: too few for any claim."""
    few = wish._replace(nights=min(wish.nights or _FEW, _FEW))
    plan = frame(rng, few, missing=0.3)
    plan = changed(plan, sampling=replace(plan.sampling, missing_nights=0))
    full = Trouble(on="line", hours=hours_of((20 * 60, 150)), factor=6.0)
    return changed(plan, troubles=(full,), expected="insufficient")


def archive(rng: np.random.Generator, wish: Wish) -> Plan:
    """An archive's irregular failures on several networks; the whole site fails now and then."""
    plan = tests_frame(rng, wish)
    everywhere = tuple(
        Trouble(
            on="site",
            hours=_on((date,), evening_window(rng, start_min=(600, 1260))),
            fail_share=float(rng.uniform(0.5, 1.0)),
        )
        for date in _dates(rng, plan.nights, 2, 6)
    )
    one_line = Trouble(
        on="line",
        hours=_on(_dates(rng, plan.nights, 1, 4)),
        networks=NETWORKS[:1],
        fail_share=float(rng.uniform(0.2, 0.7)),
    )
    return changed(plan, troubles=(*everywhere, one_line))
