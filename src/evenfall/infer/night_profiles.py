"""Named, frozen sets of parameters for what stands around a curfew: levels, mixes, looking on.

The estimator's own constants are `infer.profiles.NightlyProfile`; the rules of names and changes
are those of that file: a constant is changed only together with a new name and a calibration run,
and a result can always be read with the name it carries.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "LEVELS_2026",
    "MIX_2026",
    "ONLINE_2026",
    "LevelProfile",
    "MixProfile",
    "OnlineProfile",
]


@dataclass(frozen=True, kw_only=True)
class LevelProfile:
    """Changes of the level at all hours (`infer.levels`).

    Calibrated on lines like those of tests/infer/test_levels.py (wander with memory, weekly rhythm,
    evening dips, bad days, a random walk of 5 % a day; 14 to 365 days): of 300 lines of each kind
    and length at most 4 have a change found, those being random walks of 90 days, whose level does
    change. On a line that does not wander ×2 is found in 34 of 100 histories of 14 days, 97 of 30
    and 100 of 90; ×1.5 in 14, 81 and 91. On one whose days differ by 20 % with memory, ×2 is found
    in 20 of 100 of 90 days: it is seldom said where it is not plain.

    Attributes:
        factor_min: a smaller change is none.
        days_min: measured days that each level must last.
        days_max: measured days on each side that a change is judged from; what lies further off
            says more about the season.
        kept_min: the next `days_min` days on either side are nearer to their own side's level, and
            so is this share of twice as many.
        sharp_days: lengths of the stretches that are compared, besides all that there are.
        wander_factor: a change exceeds so many times what the line does between two stretches of
            the same length elsewhere.
        wander_few: that factor grows by this over the number of separate stretches there are to
            tell the wander from.
        wander_min: a line wanders at least so much (ln), however still it seems.
        scale_min: scale (ln) of a day's median around its level, at least.
        grid_step: the partition's levels are multiples of this (ln).
        grid_levels_max: and so many at most; a wider range makes the steps wider.
        penalty_per_ln_days: a change costs the partition this times ln(days).
        loss_max: one day costs at most so much; a bad day is not a level.
        parts, parts_min: the day is cut into so many equal parts, and the change shows in at least
            so many of them, or it is one of certain hours.
        part_share: "shows": by at least this share of the change.
        edge_temper, edge_mass: of the interval of the date, as in `NightlyProfile`.
    """

    name: str
    factor_min: float = 1.25
    days_min: int = 5
    days_max: int = 28
    kept_min: float = 0.8
    sharp_days: tuple[int, ...] = (2, 3, 5)
    wander_factor: float = 5.5
    wander_few: float = 8.0
    wander_min: float = 0.03
    scale_min: float = 0.04
    grid_step: float = 0.05
    grid_levels_max: int = 200
    penalty_per_ln_days: float = 3.0
    loss_max: float = 4.0
    parts: int = 4
    parts_min: int = 3
    part_share: float = 0.5
    edge_temper: float = 0.5
    edge_mass: float = 0.9


@dataclass(frozen=True, kw_only=True)
class MixProfile:
    """Changes of who measures, and whether they are what a finding is (`infer.mix`).

    Attributes:
        variation_min: total variation of the shares of labels before and after, less what the same
            days in random order show.
        days_min: measured days that each mix must last.
        kept_min: "for good": share of the days on each side that are nearer to their side's mix.
        p_max, permutations, exceedances_stop: of the permutation test over days, which ends early
            at so many. The least p is a quarter of what is asked for; more draws would cost time
            where a mix did change, and decide nothing.
        labels_max: the commonest labels; the others are taken together.
        marks_max: stretches of days begin and end on a grid of so many marks at most.
        changes_max: of one column; one more where a stretch has two ends.
        stratum_rows_min, stratum_days_min: a label counts as measured on a side with so many rows
            on so many dates.
        labels_many: so many labels on both sides of an onset may stand for days.
        alike_max: up to this total variation between the two sides the mix explains nothing: a
            share cannot differ by more than that through the mix alone, and a claim needs .3.
        edge_temper, edge_mass: of the interval of the date, as in `NightlyProfile`.
    """

    name: str
    variation_min: float = 0.5
    days_min: int = 5
    kept_min: float = 0.85
    p_max: float = 0.01
    permutations: int = 399
    exceedances_stop: int = 20
    labels_max: int = 40
    marks_max: int = 32
    changes_max: int = 8
    stratum_rows_min: int = 5
    stratum_days_min: int = 3
    labels_many: int = 5
    alike_max: float = 0.1
    edge_temper: float = 0.5
    edge_mass: float = 0.9


@dataclass(frozen=True, kw_only=True)
class OnlineProfile:
    """Night by night (`infer.online`; METHOD 5).

    Attributes:
        hit_in, hit_out: share of nights with evidence inside a curfew, and without one.
        threshold: evidence (a likelihood ratio) at which the state changes.
    """

    name: str
    hit_in: float = 0.8
    hit_out: float = 0.02
    threshold: float = 200.0


LEVELS_2026 = LevelProfile(name="levels-2026")
MIX_2026 = MixProfile(name="mix-2026")
ONLINE_2026 = OnlineProfile(name="online-2026")
