"""Speeds that gather at one rate, whatever the line can do: what a limiter leaves.

A full road slows everybody by a factor, so slow speeds stay as wide apart as the lines are. A
policer gives everybody the same rate. So the question is whether the slow speeds lie closer
together than honest ones do, at a place that does not move with the line.

Rules:
    band        an interval of speeds as wide as a quarter more and a fifth less than a rate. Bands
                are tried all along the scale of ln speed, eight to a width.
    rows        only those can tell whose control was at least three times faster than the band
                above: elsewhere the line itself cuts the speeds off.
    gathers     of the rows in a band and its two neighbours, more than seven in ten lie in the
                middle one; exact binomial test at an effective number of rows (those of a day hang
                together), times the number of bands tried.
    whatever    the controls differ three times as much as the speeds in the band, and the
                slope of ln speed on ln control is, by its upper limit, under a quarter. In paired
                transfers the name alone differs, so neither is asked.
    rounding    speeds that take fewer than six different values in the band say nothing.

What it does not do: tell who set the rate. A site may allow every connection so much, and a far
server gives every line what its distance allows; then other networks show it too, or a rate of
their own (`rate_elsewhere`). One that only this network's visitors meet is not excluded by anything
here.

Sources: T. Flach et al., SIGCOMM 2016 (policers leave clusters of ±5 % in a network); decision
0025. The test against neighbouring bands is the discrete form of Silverman's "bump" (Density
Estimation, 1986), with a fixed width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.effect import effective_rows
from evenfall.infer.exact import beta_cdf, clopper_pearson
from evenfall.infer.rate_profile import RATE_2026, RateProfile
from evenfall.infer.scores import Rows
from evenfall.model.curfew import RateCluster

__all__ = [
    "RateElsewhere",
    "cluster_rows",
    "rate_beside",
    "rate_cluster",
    "rate_elsewhere",
    "rate_of_slowed",
]

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]
_QUARTILES = 1.349  # of a normal law, in standard deviations
_Z99 = 2.576
_NAMED_MAX = 6


@dataclass(frozen=True)
class RateElsewhere:
    """Other networks of the service in the same hours: free of any rate, or showing one too.

    Attributes:
        clean: free of this rate, and of any other.
        affected: showing this rate.
        rows_most: the largest number of rows that one of the free ones has.
        other_rate: gathering at a rate of their own, which is what distance does.
        profile: the constants.
    """

    clean: tuple[str, ...]
    affected: tuple[str, ...]
    rows_most: int
    other_rate: tuple[str, ...] = ()
    profile: RateProfile = RATE_2026

    @property
    def clears_the_site(self) -> bool:
        """Whether enough networks are free of it, and more than gather at rates of their own."""
        many = self.rows_most >= self.profile.clean_rows_many
        enough = len(self.clean) >= self.profile.clean_networks_min or many
        return enough and len(self.clean) > len(self.other_rate)

    @property
    def clause(self) -> str:
        """In words."""
        if self.clean:
            same = f"; the same rate: {_named(self.affected)}" if self.affected else ""
            other = f"; a rate of their own: {_named(self.other_rate)}" if self.other_rate else ""
            return f"other networks free of it ({_named(self.clean)}{same}{other})"
        if self.affected:
            return f"other networks show the same rate ({_named(self.affected)})"
        if self.other_rate:
            return f"other networks gather at a rate of their own ({_named(self.other_rate)})"
        return "no other network measured enough of it in these hours"


def _named(names: tuple[str, ...]) -> str:
    rest = len(names) - _NAMED_MAX
    shown = ", ".join(names[:_NAMED_MAX])
    return f"{shown} and {rest} more" if rest > 0 else shown


@dataclass(frozen=True)
class _Band:
    """Rows that can tell, and of those the rows in the middle band and in the two beside it."""

    start: float
    telling: _Flags
    middle: _Flags
    beside: _Flags


def rate_cluster(
    target_bps: _Floats,
    control_bps: _Floats,
    day: _Ints,
    *,
    paired: bool = False,
    profile: RateProfile = RATE_2026,
) -> RateCluster | None:
    """The one rate at which the speeds gather, or None if they do not.

    Args:
        target_bps: shape (n,), bit/s; NaN and zero say nothing.
        control_bps: shape (n,), likewise, of the same moments.
        day: shape (n,), rows of one day hang together.
        paired: target and control differ in the name alone.
        profile: the constants.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        target, control = np.log(target_bps), np.log(control_bps)
    known = np.isfinite(target) & np.isfinite(control)
    target, control, day = target[known], control[known], day[known]
    if target.size < profile.rows_min:
        return None
    starts = _starts(target, profile)
    band = _densest(target, control, starts, profile)
    if band is None or not _gathers(band, day, starts.size, profile):
        return None
    if np.unique(target[band.middle]).size < profile.values_min:
        return None
    if not paired and not _whatever_the_line(target, control, day, band, profile):
        return None
    return _described(target, band, day, profile)


def _starts(target: _Floats, profile: RateProfile) -> _Floats:
    step = profile.band_width / profile.band_steps
    first = math.floor(float(target.min()) / step) - profile.band_steps
    last = math.ceil(float(target.max()) / step)
    return np.arange(first, last + 1, dtype=np.float64) * step


def _densest(
    target: _Floats, control: _Floats, starts: _Floats, profile: RateProfile
) -> _Band | None:
    """The band with most rows beyond what its neighbours would fill.

    A row counts for a band only if its control is this far above it, so bands are tried only where
    enough such rows lie; in an honest series of pairs that is nowhere.
    """
    far = control - target >= profile.band_width + math.log(profile.control_room)
    ordered = np.sort(target[far])
    edges = np.searchsorted(ordered, [starts, starts + profile.band_width])
    best, most = None, 0
    for start in starts[edges[1] - edges[0] >= profile.rows_min]:
        band = _band(target, control, float(start), profile)
        worth = 2 * int(band.middle.sum()) - int(band.beside.sum())
        if worth > most and band.middle.sum() >= profile.rows_min:
            best, most = band, worth
    return best


def _band(target: _Floats, control: _Floats, start: float, profile: RateProfile) -> _Band:
    width = profile.band_width
    telling = control >= start + 2 * width + math.log(profile.control_room)
    middle = telling & (target >= start) & (target < start + width)
    near = telling & (target >= start - width) & (target < start + 2 * width)
    return _Band(start, telling, middle, near & ~middle)


def _gathers(band: _Band, day: _Ints, tried: int, profile: RateProfile) -> bool:
    """The middle band holds more than its share, beyond the luck of trying so many bands."""
    near = band.middle | band.beside
    flags = band.middle[near].astype(float)
    n = effective_rows(flags, day[near])
    hits, share = float(flags.mean()) * n, profile.middle_share
    p = share**n if hits >= n else beta_cdf(share, hits, n - hits + 1.0)
    return p * tried <= profile.p_max


def _whatever_the_line(
    target: _Floats, control: _Floats, day: _Ints, band: _Band, profile: RateProfile
) -> bool:
    """The controls vary, and the speeds do not follow them."""
    near = band.middle | band.beside
    spread = _spread(control[band.middle])
    enough = max(
        profile.control_spread_min, profile.control_spread_factor * _spread(target[band.middle])
    )
    if spread < enough:
        return False
    line = control[near] - control[near].mean()
    speed = target[near] - target[near].mean()
    slope = float((line * speed).sum() / (line**2).sum())
    left = speed - slope * line
    error = math.sqrt(float((left**2).mean()) / float((line**2).sum()))
    apart = near.sum() / effective_rows(band.middle[near].astype(float), day[near])
    return slope + _Z99 * error * math.sqrt(apart) < profile.slope_max


def _spread(values: _Floats) -> float:
    low, high = np.percentile(values, (25, 75))
    return float(high - low) / _QUARTILES


def _described(target: _Floats, band: _Band, day: _Ints, profile: RateProfile) -> RateCluster:
    held = band.middle[band.telling].astype(float)
    n = effective_rows(held, day[band.telling])
    share = float(held.mean())
    low, high = clopper_pearson(hits=share * n, n=n, level=profile.level)
    median_bps = math.exp(float(np.median(target[band.middle])))
    ends = math.exp(band.start), math.exp(band.start + profile.band_width)
    rows = int(band.middle.sum())
    because = (
        f"{rows} of {held.size} measurements on lines that can do more lie between "
        f"{_rate(ends[0])} and {_rate(ends[1])}, whatever the line can do"
    )
    return RateCluster(
        median_bps=round(median_bps),
        low_bps=round(ends[0]),
        high_bps=round(ends[1]),
        share=round(share, 4),
        share_low=round(low, 4),
        share_high=round(high, 4),
        n=rows,
        because=because,
    )


def _rate(bps: float) -> str:
    for unit, name in ((1e6, "Mbit/s"), (1e3, "kbit/s")):
        if bps >= unit:
            return f"{bps / unit:.3g} {name}"
    return f"{bps:.0f} bit/s"


def cluster_rows(
    rows: Rows, rate: RateCluster, profile: RateProfile = RATE_2026
) -> tuple[_Flags, _Flags]:
    """Which rows can tell, and which of them are in the cluster; two of shape (n,)."""
    above = rate.high_bps * math.exp(profile.band_width) * profile.control_room
    with np.errstate(invalid="ignore"):
        telling = (rows.control_bps >= above) & ~np.isnan(rows.target_bps)
        held = telling & (rows.target_bps >= rate.low_bps) & (rows.target_bps < rate.high_bps)
    return telling, held


def rate_beside(
    rows: Rows, inside: _Flags, *, paired: bool, profile: RateProfile = RATE_2026
) -> RateCluster | None:
    """The rate at which the rows inside gather.

    Args:
        rows: of a series.
        inside: shape (n,), the rows asked about.
        paired: the series is one of pairs.
        profile: the constants.
    """
    return rate_cluster(
        rows.target_bps[inside],
        rows.control_bps[inside],
        rows.day[inside],
        paired=paired,
        profile=profile,
    )


def rate_of_slowed(
    rows: Rows, inside: _Flags, *, paired: bool, profile: RateProfile = RATE_2026
) -> RateCluster | None:
    """The rate at which the slowed rows of certain hours gather.

    As `rate_beside`, and at least half of the rows inside that went wrong, and can tell, lie at it.
    """
    rate = rate_beside(rows, inside, paired=paired, profile=profile)
    if rate is None:
        return None
    telling, held = cluster_rows(rows, rate, profile)
    slowed = inside & telling & rows.bad
    share = float(held[slowed].mean()) if slowed.any() else 0.0
    return rate if share >= profile.slowed_share_min else None


def rate_elsewhere(
    rate: RateCluster,
    others: Mapping[str, tuple[Rows, _Flags]],
    profile: RateProfile = RATE_2026,
) -> RateElsewhere:
    """Sort other networks by whether a rate is seen there too; those that cannot tell, out.

    Whether one gathers at a rate of its own is asked as of pairs, which is the easier test: doubt
    keeps a network from clearing the site.

    Args:
        rate: found here.
        others: network → its rows, and which of them lie in the same hours of the same dates.
        profile: the constants.
    """
    bound = min(profile.clean_share * rate.share_low, profile.clean_share_max)
    clean, affected, other_rate, most = [], [], [], 0
    for name, (rows, within) in others.items():
        telling, held = cluster_rows(rows, rate, profile)
        asked = telling & within
        n, hits = int(asked.sum()), int((held & within).sum())
        low, high = clopper_pearson(hits=hits, n=n, level=profile.level)
        if low > bound:
            affected.append(name)
        elif rate_beside(rows, within, paired=True, profile=profile) is not None:
            other_rate.append(name)
        elif high <= bound and _faster(rows.target_bps[asked], rate, profile):
            clean.append(name)
            most = max(most, n)
    return RateElsewhere(tuple(clean), tuple(affected), most, tuple(other_rate), profile)


def _faster(speeds_bps: _Floats, rate: RateCluster, profile: RateProfile) -> bool:
    return float(np.median(speeds_bps)) >= profile.clean_factor * rate.high_bps
