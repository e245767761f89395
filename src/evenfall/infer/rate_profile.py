"""The constants of speeds that gather at one rate (`infer.rate_cluster`, `infer.always`, `scope`).

The rules of names and changes are those of `infer.profiles`: a constant is changed only together
with a new name and a calibration run.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RATE_2026", "RateProfile"]


@dataclass(frozen=True, kw_only=True)
class RateProfile:
    """When speeds gather at one rate, and what follows from it.

    Calibrated by bench/rate_calibration.py on drawn populations of honest speeds. The real limiter
    of tests/cli/test_twitter.py leaves a robust spread (ln) of .04 to .1 and nine tenths of
    the three bands in the middle one; its mobile networks were looked at for how much controls vary
    at least (`control_spread_min`), and for nothing else.

    Attributes:
        band_width: of a band, ln(1.25 ÷ 0.8): a rate, a quarter more and a fifth less.
        band_steps: bands begin this many times within one width.
        control_room: a row can tell only if its control is so many times faster than the upper end
            of the band above: what the line can do does not cut the speeds off.
        middle_share: the band must hold more than this share of itself and its two neighbours. A
            lognormal crowd with a spread of .22 and more leaves less, as does Student's t₂ with the
            scale .19 of paired transfers.
        p_max: of the exact test, over all bands tried.
        rows_min: rows in the band.
        values_min: different values in the band; fewer are rounding.
        control_spread_min: robust spread (ln) of the controls; if the line can always do the same,
            nothing shows that the rate does not depend on it.
        control_spread_factor: and so many times that of the speeds in the band.
        slope_max: of ln speed on ln control within the three bands, by its upper 99 % limit.
        share_min: lower limit of the share in the cluster, for a claim of "in part".
        share_day: a day (or a part of the day) shows it with so much of the share of the run.
        parts, part_rows_min, parts_min: equal parts of the day, what makes one measured, and how
            many have to be.
        row_in, row_out: what a row in the band is weighed with, to find the days on which it held.
        clean_share, clean_share_max: another network is free of it if the upper limit of its share
            is at most this much of the lower limit here, and at most the second; it shows it if its
            lower limit is above that.
        clean_factor: and its median speed is so many times the cluster's upper limit.
        clean_networks_min, clean_rows_many: so many free networks clear the site, or one with so
            many rows.
        slowed_share_min: of the slowed rows, for "the slowed ones gather at one rate".
        level: of the limits that decide about other networks.
    """

    name: str
    band_width: float = 0.4462871026284195
    band_steps: int = 8
    control_room: float = 3.0
    middle_share: float = 0.7
    p_max: float = 0.005
    rows_min: int = 20
    values_min: int = 6
    control_spread_min: float = 0.25
    control_spread_factor: float = 3.0
    slope_max: float = 0.25
    share_min: float = 0.15
    share_day: float = 0.5
    parts: int = 4
    part_rows_min: int = 10
    parts_min: int = 3
    row_in: float = 0.3
    row_out: float = 0.02
    clean_share: float = 0.5
    clean_share_max: float = 0.1
    clean_factor: float = 2.0
    clean_networks_min: int = 3
    clean_rows_many: int = 100
    slowed_share_min: float = 0.5
    level: float = 0.95


RATE_2026 = RateProfile(name="rate-2026")
