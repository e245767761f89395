"""Innocent explanations of a recurring window, each faced with the measurements of many nights.

What it does. For each explanation it says ruled out, not ruled out or not tested, and why, with the
counts that the reader can find again in the table. What an explanation predicts depends on what the
scores rest on, so there is one list a basis:

    pairs                two transfers to one server that differ in the name alone. Whatever sits
                         on the own side, on the line or on the road hits both names alike.
    control difference   other sites on the same network at the same time. That speaks for the
                         line, and says nothing about the service's own servers or its road.
    unpaired             the service alone. It rules out next to nothing, and says so.

Other networks on which nothing was found say whether the service itself worked in the same hours.

It does not weigh explanations against each other and gives no probability. One number is its own:
an explanation that predicts "the neutral side suffers too" is ruled out if at most 10 % of what the
neutral side did inside the window was slow or failed, on at least five measurements there.

Source: METHOD 2 and 3 (what the columns of contrast separate).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from evenfall.infer.carpet import inside_of
from evenfall.infer.series import Basis, Series
from evenfall.model.curfew import Window
from evenfall.model.verdict import Rival
from evenfall.model.vocabulary import Explanation

__all__ = ["night_rivals"]

_NEUTRAL_BAD_MAX = 0.10
_N_MIN = 5
_SLOW_LOG = math.log(3.0)
_NAMES_MAX = 4

_LOCAL = (Explanation.OWN_DEVICE, Explanation.WIFI, Explanation.LINE, Explanation.TARIFF)


def night_rivals(
    series: Series, windows: Sequence[Window], elsewhere: Sequence[Series] = ()
) -> tuple[Rival, ...]:
    """Face every innocent explanation, in the order in which a reader thinks of them.

    Args:
        series: the measurements, any basis.
        windows: what was found; empty for an episode without a window: all hours count as inside.
        elsewhere: the same service on networks where nothing was found.
    """
    inside = inside_of(series, windows) if windows else np.ones(len(series.started_us), dtype=bool)
    if series.basis is Basis.PAIRS:
        found = _by_pairs(series, inside)
    elif series.basis is Basis.CONTROL_DIFFERENCE:
        found = _by_controls(series, inside, _site_itself(series, windows, inside, elsewhere))
    else:
        found = _alone(_site_itself(series, windows, inside, elsewhere))
    return (*found, _clock(series))


def _by_pairs(series: Series, inside: npt.NDArray[np.bool_]) -> list[Rival]:
    null = series.null_log_ratio[inside]
    null = null[~np.isnan(null)]
    slow = int((np.abs(null) >= _SLOW_LOG).sum())
    enough = len(null) >= _N_MIN
    both = (
        f"two neutral names differed threefold in {slow} of {len(null)} pairs in these hours"
        if enough
        else "too few pairs of two neutral names in these hours"
    )
    steady = slow / len(null) <= _NEUTRAL_BAD_MAX if enough else None
    because_local = "both halves of a pair used it within seconds; only the name differed"
    because_far = "the bytes came from the measurement server, under either name"
    return [
        Rival(
            explanation=Explanation.CONGESTION,
            ruled_out=steady,
            because=f"a full line slows both names; {both}",
        ),
        *(Rival(explanation=e, ruled_out=True, because=because_local) for e in _LOCAL),
        Rival(explanation=Explanation.SITE_ITSELF, ruled_out=True, because=because_far),
        Rival(explanation=Explanation.CDN, ruled_out=True, because=because_far),
        Rival(
            explanation=Explanation.DNS,
            ruled_out=True,
            because="pairs go to a fixed address; no name is looked up",
        ),
        Rival(
            explanation=Explanation.CAPTIVE_PORTAL,
            ruled_out=True,
            because="the server answered with its pinned key",
        ),
        _vpn(),
    ]


def _by_controls(series: Series, inside: npt.NDArray[np.bool_], site_itself: Rival) -> list[Rival]:
    failed = series.control_failed[inside]
    failed = failed[~np.isnan(failed)]
    share = float(failed.mean()) if len(failed) else math.nan
    fine = share <= _NEUTRAL_BAD_MAX if len(failed) >= _N_MIN else None
    because = (
        f"controls on the same network failed in {100 * share:.0f} % of {len(failed)} rounds there"
        if fine is not None
        else "too few controls at the same time"
    )
    return [
        *(
            Rival(explanation=e, ruled_out=fine, because=because)
            for e in (Explanation.CONGESTION, *_LOCAL, Explanation.CAPTIVE_PORTAL)
        ),
        site_itself,
        Rival(
            explanation=Explanation.CDN,
            ruled_out=False,
            because="the controls take other roads",
        ),
        Rival(explanation=Explanation.DNS, ruled_out=None, because="lookups were not compared"),
        _vpn(),
    ]


def _alone(site_itself: Rival) -> list[Rival]:
    because = "no control at the same time on the same network"
    tested = (
        Explanation.CONGESTION,
        *_LOCAL,
        Explanation.CDN,
        Explanation.DNS,
        Explanation.CAPTIVE_PORTAL,
    )
    faced = [Rival(explanation=e, ruled_out=False, because=because) for e in tested]
    return [*faced, site_itself, _vpn()]


def _site_itself(
    series: Series,
    windows: Sequence[Window],
    inside: npt.NDArray[np.bool_],
    elsewhere: Sequence[Series],
) -> Rival:
    """Whether the service worked from other networks in the same hours of the same days."""
    bad = series.started_us[inside & (series.failed == 1)]
    names: list[str] = []
    n = n_failed = 0
    for other in elsewhere:
        if not len(bad):
            break
        same = (
            inside_of(other, windows) if windows else np.ones(len(other.failed), dtype=bool)
        ) & ((other.started_us >= bad.min()) & (other.started_us <= bad.max()))
        told = other.failed[same & ~np.isnan(other.failed)]
        if len(told) >= _N_MIN:
            names.append(other.network)
            n, n_failed = n + len(told), n_failed + int(told.sum())
    if not names:
        because = "no view of the service from another network at the same time"
        return Rival(explanation=Explanation.SITE_ITSELF, ruled_out=False, because=because)
    shown = ", ".join(names[:_NAMES_MAX]) + (" and others" if len(names) > _NAMES_MAX else "")
    return Rival(
        explanation=Explanation.SITE_ITSELF,
        ruled_out=n_failed / n <= _NEUTRAL_BAD_MAX,
        because=f"{n_failed} of {n} tests failed on {shown} in the same hours of the same days",
    )


def _vpn() -> Rival:
    return Rival(
        explanation=Explanation.VPN,
        ruled_out=None,
        because="whether one was on is not noted with these measurements",
    )


def _clock(series: Series) -> Rival:
    n = len(series.started_us)
    verified = int(series.clock_verified.sum())
    if series.archive_clock:
        because = "the archive's own clock, not checked by us"
        return Rival(explanation=Explanation.CLOCK, ruled_out=None, because=because)
    return Rival(
        explanation=Explanation.CLOCK,
        ruled_out=True if n else None,
        because=f"{verified:,} of {n:,} stamps checked against a second clock; the others left out",
    )
