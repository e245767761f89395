"""The families of worlds by name, each with what it is modelled on.

The names are public: `evenfall lab score --families`, `evenfall lab synth`, docs/ERROR-RATES.md.
Half of them are innocent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evenfall.lab.nights import guilty, innocent
from evenfall.lab.nights.draws import Wish
from evenfall.lab.nights.plan import Plan
from evenfall.lab.nights.world import NightWorld, build
from evenfall.model.errors import UsageError

__all__ = ["FAMILIES", "NIGHTS_MAX", "Family", "draw", "family_named"]

NIGHTS_MAX = 1000
_CADENCE_S = (60, 86_400)

_KZ = "Kazakhstan 2018: after 20:00 for two hours (Eurasianet, June 2018)"
_KE = "Kenya, November 2023: exam hours (OONI)"
_RU = "Russia, Twitter 2021: 130–150 kbit/s by dropping (Xue et al., IMC 2021)"
_JO = "Jordan 2018–19: Thursday evenings, resets by name (OONI)"
_NIGHT = "Gabon 2016, 18:00–06:00; Myanmar 2021, 01:00–09:00"
_LOSS = "Russia, YouTube 2024: ×1/12–×1/65, no plateau (ntc.party)"
_ZONES = "IANA tz: daylight saving; Kazakhstan, 1 March 2024"
_MADE = "constructed"


@dataclass(frozen=True)
class Family:
    """One family.

    Attributes:
        name: public.
        innocent: nothing is done on purpose in any of its worlds.
        title: one line for lists and documents.
        source: what it is modelled on.
        plan: draws the plan of one world.
    """

    name: str
    innocent: bool
    title: str
    source: str
    plan: Callable[[np.random.Generator, Wish], Plan]


_GUILTY = (
    ("curfew_basic", "20:00–22:00 at 128 kbit/s by name; 7 nights.", _KZ, guilty.basic),
    ("curfew_eighth", "×1/8 in a drawn window; 7 nights.", _MADE, guilty.eighth),
    ("curfew_third", "×1/3 in a drawn window; 14–28 nights.", _MADE, guilty.third),
    ("curfew_half", "×1/2 in a drawn window; 14–28 nights.", _MADE, guilty.half),
    ("curfew_drawn", "Services, window, depth, mechanism drawn.", _KZ, guilty.drawn),
    ("curfew_partial", "30–60 % of the flows are hit.", _RU, guilty.partial),
    ("curfew_jitter", "Both ends move by ±20 min each night.", _MADE, guilty.jitter),
    ("curfew_sparse", "70 % of the rounds are missing.", _MADE, guilty.sparse),
    ("curfew_weekdays", "Workdays, weekends, or one day a week.", _JO, guilty.weekdays),
    ("curfew_two_windows", "Two windows a day, 1–4 h apart.", _KE, guilty.two_windows),
    ("curfew_midnight", "Crosses midnight or lies behind it.", _NIGHT, guilty.midnight),
    ("curfew_waves", "Three waves, five clear nights between.", _MADE, guilty.waves),
    ("curfew_lifting", "Begins and ends inside 28–60 nights.", "Iran, September–October 2022",
     guilty.lifting),
    ("curfew_difference", "Visits beside controls, no pairs.", _MADE, guilty.by_control),
    ("curfew_congested", "Slowed by name, and the line is full too.", _MADE, guilty.congested),
    ("blocked_window", "Nothing comes through in the window.", _JO,
     guilty.blocked_window),
    ("blocked_always", "Blocked at all hours on one network.", "Kenya 2024, AS33771 (OONI)",
     guilty.blocked_always),
    ("blocked_archive", "Irregular tests of an archive, failures only.", _KE,
     guilty.blocked_archive),
    ("policed_window", "A token bucket, 64–512 kbit/s.", _RU, guilty.policed),
    ("shaped_window", "A shaper, 64–512 kbit/s.", "Flach et al., SIGCOMM 2016", guilty.shaped),
    ("randomloss_window", "Random loss, ×1/5–×1/20, spread wide.", _LOSS, guilty.random_loss),
    ("stall_window", "Nothing, or 15–24 KB and then nothing.", "Russia 2025 (net4people #490)",
     guilty.stall),
    ("mixed_window", "30 % of the flows blocked, 70 % slow.", _MADE, guilty.mixed),
)  # fmt: skip

_INNOCENT = (
    ("null_clean", "Nothing but the daily load.", _MADE, innocent.clean),
    ("null_congestion", "20:00–23:00 everything is slow.", _MADE, innocent.congestion),
    ("null_dense_evening", "Mostly measured in the evening.", _MADE, innocent.dense_evening),
    ("null_noisy_evening", "Evenings scatter 2–5 times wider.", _MADE, innocent.noisy_evening),
    ("null_bad_days", "Some whole days are bad.", _MADE, innocent.bad_days),
    ("null_match_night", "2–6 nights of football.", _MADE, innocent.match_night),
    ("null_cdn", "Own servers slow each evening; pairs even.", _MADE, innocent.cdn),
    ("null_cdn_difference", "The same by control difference.", _MADE, innocent.cdn_difference),
    ("null_site_down", "Down on some days, or nightly maintenance.", _MADE, innocent.site_down),
    ("null_plan_change", "Another tariff from a date on.", _MADE, innocent.plan_change),
    ("null_dst", "A zone change in the middle.", _ZONES, innocent.daylight_saving),
    ("null_probe_swap", "Another, worse probe from a date on.", _MADE, innocent.probe_swap),
    ("null_wifi", "Wi-Fi loss in the evening, on both arms.", _MADE, innocent.wifi),
    ("null_clock_off", "The clock 40–60 min off, unnoticed.", _MADE, innocent.clock_off),
    ("null_clock_unverified", "Unverified rows hold all bad ones.", _MADE,
     innocent.clock_unverified),
    ("null_whitelist", "All but the controls slow; pairs even.", _MADE, innocent.whitelist),
    ("null_controls_down", "The controls are down or slow.", _MADE, innocent.controls_down),
    ("null_vpn_evenings", "A second line through a VPN, evenings.", _MADE,
     innocent.vpn_evenings),
    ("null_only_evenings", "Measured in the evening only.", _MADE, innocent.only_evenings),
    ("null_failing", "5–10 % of tests fail at random.", _MADE, innocent.failing),
    ("null_sawtooth", "A weekly rhythm.", _MADE, innocent.sawtooth),
    ("null_four_nights", "Four nights.", _MADE, innocent.four_nights),
    ("null_archive", "Irregular failures, trouble of the site.", _MADE, innocent.archive),
)  # fmt: skip

FAMILIES: dict[str, Family] = {
    name: Family(name, is_innocent, title, source, plan)
    for is_innocent, rows in ((False, _GUILTY), (True, _INNOCENT))
    for name, title, source, plan in rows
}


def family_named(name: str) -> Family:
    """A family by name.

    Raises:
        UsageError: there is none.
    """
    if name not in FAMILIES:
        raise UsageError(
            expected=f"one of {', '.join(FAMILIES)}",
            seen=repr(name),
            where="family of worlds of many nights",
            remedy="Use one of these names.",
        )
    return FAMILIES[name]


def draw(
    family: str, seed: int, *, nights: int | None = None, cadence_s: int | None = None
) -> NightWorld:
    """The world of a family and a seed; the same arguments always give the same.

    Args:
        family: a name of `FAMILIES`.
        seed: 0 or more; below 10,000 for tuning, from there on for scoring.
        nights: 1 to 1000; None: drawn. `null_four_nights` never has more than four, `curfew_waves`
            never fewer than forty.
        cadence_s: between rounds, 60 s to a day; None: drawn. An archive's tests have none.

    Raises:
        UsageError: no such family.
        ValueError: nights or cadence out of range.
    """
    if nights is not None and not 1 <= nights <= NIGHTS_MAX:
        raise ValueError(f"1 to {NIGHTS_MAX} nights, not {nights}")
    if cadence_s is not None and not _CADENCE_S[0] <= cadence_s <= _CADENCE_S[1]:
        raise ValueError(f"{_CADENCE_S[0]} to {_CADENCE_S[1]} s between rounds, not {cadence_s}")
    found = family_named(family)
    wish = Wish(seed, nights, cadence_s)
    plan = found.plan(np.random.default_rng([seed, 0, *family.encode()]), wish)
    return build(plan, family=family, seed=seed, innocent=found.innocent)
