"""Named, frozen sets of parameters, each with its source. A result carries its profile's name.

A constant may be changed only together with a new name and a calibration run that is kept in the
repository; an old name is never re-meant, so an old result can be checked for ever.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NIGHTLY_2026", "PAIRS_2026", "NightlyProfile", "PairsProfile"]


@dataclass(frozen=True, kw_only=True)
class PairsProfile:
    """Paired transfers (METHOD 2). Scores are x = ln(target ÷ neutral goodput).

    Attributes:
        scale_min: scale of the null density, Student t with 2 d.o.f.; calibrated on 36,000 rows of
            russia-twitter-throttle, March–May 2021 (CC BY 4.0).
        evidence_pair_max: one pair's likelihood ratio is cut here, below 1/alpha, so that one
            faulty pair can never convict.
        shares: shares of flows hit that the mixture covers.
        factor_min, factor_max: the alternative's slowing, uniform in the logarithm.
        x_min: x is clipped below here; zero bytes are x_min.
        e_throttled, n_throttled_min: THROTTLED at this evidence and as many pairs.
        e_not_seen, n_not_seen_min: NOT SEEN at this evidence and as many pairs.
        n_max: pairs after which the rest is INCONCLUSIVE.
        null_scale_wide: a line whose neutral pairs are wider than this must show e_wide and agree
            with the sign test.
        cap_s: time cap of one transfer.
        size_ladder_bytes: sizes, smallest first.
    """

    name: str
    scale_min: float = 0.19
    evidence_pair_max: float = 60.0
    shares: tuple[float, ...] = (0.3, 0.6, 0.95)
    factor_min: float = 1.5
    factor_max: float = 60.0
    x_min: float = -3.0
    e_throttled: float = 100.0
    n_throttled_min: int = 2
    e_not_seen: float = 0.05
    n_not_seen_min: int = 4
    n_max: int = 12
    null_scale_wide: float = 0.30
    e_wide: float = 1000.0
    null_pairs_min: int = 2
    cap_s: float = 4.0
    size_ladder_bytes: tuple[int, ...] = (65_536, 262_144, 1_048_576)


@dataclass(frozen=True, kw_only=True)
class NightlyProfile:
    """Nights (METHOD 4 and 5)."""

    name: str
    bin_s: int = 600
    score_min: float = -4.0
    score_max: float = 6.0
    night_score_max: float = 60.0
    share_of_nights: float = 0.8
    failure_rate_in: float = 0.8
    failure_rate_out: float = 0.05
    window_min_s: int = 1800
    window_max_s: int = 43_200
    windows_max: int = 3
    gain_min: float = 5.298317366548036  # ln 200
    nights_min: int = 5
    p_max: float = 0.01
    rotations: int = 999
    looks: tuple[tuple[int, float], ...] = (
        (5, 0.005),
        (7, 0.0025),
        (14, 0.00125),
        (28, 0.000625),
        (56, 0.0003125),
    )
    effect_slow_factor: float = 1.5
    effect_failure_min: float = 0.3
    false_discovery_rate: float = 0.05


PAIRS_2026 = PairsProfile(name="pairs-2026")
NIGHTLY_2026 = NightlyProfile(name="nightly-2026")
