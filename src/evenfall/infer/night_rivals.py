"""Innocent explanations of a recurring window, each faced with the measurements of many nights.

What it does. For each explanation it says ruled out, not ruled out or not tested, and why, with the
counts that the reader can find again in the table. What an explanation predicts depends on what the
scores rest on, so there is one list a basis:

    pairs                two transfers to one server that differ in the name alone. What hits all
                         traffic of the line or the road alike hits both names alike.
    control difference   other sites on the same network at the same time. That speaks for the
                         line, and says nothing about the service's own servers or its road.
    unpaired             the service alone. It rules out next to nothing, and says so.

What acts by name at home (a parental control with a timetable on the router, a filter on the
device, a plan that slows video) makes a window by name on one line, whatever the basis. So own
device and Wi-Fi are ruled out only where three lines or more show the window, and the tariff never:
whether lines share a plan is not noted. A crowd on the service's own road is not ruled out by other
sites that were fine, and the clock only by stamps that were checked.

Other networks on which nothing was found say whether the service itself worked in the same hours.

It does not weigh explanations against each other and gives no probability. Its own numbers: an
explanation that predicts "the neutral side suffers too" is ruled out if at most 10 % of what the
neutral side did inside the window was slow or failed, on at least five measurements there, and the
controls' median speed stayed above half of that in the other hours. A line shows the window with
three rows or more, and three in ten of its rows, that went wrong inside.

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
_LINES_MIN = 3
_LINE_ROWS_MIN = 3
_LINE_SHARE_MIN = 0.3
_BAD_LOG = math.log(1.5)
_HALF_LOG = math.log(2.0)

_AT_HOME = (Explanation.OWN_DEVICE, Explanation.WIFI)


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
    pairs = int((~np.isnan(series.log_ratio[inside])).sum())
    many = True if pairs >= _N_MIN else None
    far = f"the bytes of {pairs} pairs came from the measurement server, under either name"
    alike = f"both halves of {pairs} pairs used it within seconds; a bad line slows both names"
    return [
        Rival(
            explanation=Explanation.CONGESTION,
            ruled_out=steady,
            because=f"a full line slows both names; {both}",
        ),
        *_by_name_at_home(series, inside),
        Rival(explanation=Explanation.LINE, ruled_out=many, because=alike),
        Rival(explanation=Explanation.SITE_ITSELF, ruled_out=many, because=far),
        Rival(explanation=Explanation.CDN, ruled_out=many, because=far),
        Rival(
            explanation=Explanation.DNS,
            ruled_out=None,
            because="whether the measurement server's own name was looked up is not noted here",
        ),
        Rival(
            explanation=Explanation.CAPTIVE_PORTAL,
            ruled_out=many,
            because="the server answered with its pinned key",
        ),
        _vpn(),
    ]


def _by_name_at_home(series: Series, inside: npt.NDArray[np.bool_]) -> list[Rival]:
    """What may act by name and by the clock on one line: the device, the router, the plan."""
    lines = _lines_showing(series, inside)
    if lines >= _LINES_MIN:
        because = f"{lines} lines show the same hours"
        plan = Rival(
            explanation=Explanation.TARIFF,
            ruled_out=None,
            because=f"{because}; whether they share a plan that slows this service is not noted",
        )
        return [*(Rival(explanation=e, ruled_out=True, because=because) for e in _AT_HOME), plan]
    known = "on one line" if series.line is None or lines <= 1 else f"on {lines} lines"
    because = f"a timetable by name at home or in the plan looks the same {known}"
    home = (*_AT_HOME, Explanation.TARIFF)
    return [Rival(explanation=e, ruled_out=False, because=because) for e in home]


def _lines_showing(series: Series, inside: npt.NDArray[np.bool_]) -> int:
    """Lines on which the window is plain by their own rows; 0 where lines are not told apart."""
    if series.line is None:
        return 0
    wrong = (series.failed == 1.0) | (_from_level(series.log_ratio, series, inside) <= -_BAD_LOG)
    names = np.array([name is not None for name in series.line]) & inside
    shown = 0
    for name in {str(name) for name in series.line[names]}:
        of_line = wrong[names & (series.line == name)]
        shown += of_line.sum() >= _LINE_ROWS_MIN and of_line.mean() >= _LINE_SHARE_MIN
    return int(shown)


def _from_level(
    values: npt.NDArray[np.float64], series: Series, inside: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Values less their median outside; pairs have the level 0, and so has what is all inside."""
    usual = values[~inside & np.isfinite(values)]
    if series.basis is Basis.PAIRS or not usual.size:
        return values
    return values - float(np.median(usual))


def _by_controls(series: Series, inside: npt.NDArray[np.bool_], site_itself: Rival) -> list[Rival]:
    fine, because = _controls_fine(series, inside)
    return [
        Rival(
            explanation=Explanation.CONGESTION,
            ruled_out=False,
            because=f"{because}; the road to this service alone may be full",
        ),
        *_by_name_at_home(series, inside),
        *(
            Rival(explanation=e, ruled_out=fine, because=because)
            for e in (Explanation.LINE, Explanation.CAPTIVE_PORTAL)
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


def _controls_fine(series: Series, inside: npt.NDArray[np.bool_]) -> tuple[bool | None, str]:
    """Whether controls opened and kept their speed; whatever of the two was measured."""
    judged: list[tuple[bool, str]] = []
    failed = series.control_failed[inside]
    failed = failed[~np.isnan(failed)]
    if len(failed) >= _N_MIN:
        share = float(failed.mean())
        said = f"failed in {100 * share:.0f} % of {len(failed)} rounds there"
        judged.append((share <= _NEUTRAL_BAD_MAX, said))
    if series.control_log_goodput is not None:
        speed = series.control_log_goodput
        there, usual = (speed[part & ~np.isnan(speed)] for part in (inside, ~inside))
        if min(len(there), len(usual)) >= _N_MIN:
            slower = float(np.median(usual) - np.median(there))
            said = f"were ×{math.exp(slower):.2g} slower there than at other hours"
            judged.append((slower < _HALF_LOG, said))
    if not judged:
        return None, "too few controls at the same time"
    because = "controls on the same network " + " and ".join(said for _, said in judged)
    return all(fine for fine, _ in judged), because


def _alone(site_itself: Rival) -> list[Rival]:
    because = "no control at the same time on the same network"
    tested = (
        Explanation.CONGESTION,
        *_AT_HOME,
        Explanation.LINE,
        Explanation.TARIFF,
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
    bad = series.started_us[inside & (_went_wrong(series, inside) == 1)]
    names: list[str] = []
    n = n_failed = 0
    for other in elsewhere:
        if not len(bad):
            break
        if other.basis is Basis.PAIRS:  # they never asked the site itself
            continue
        there = inside_of(other, windows) if windows else np.ones(len(other.failed), dtype=bool)
        same = there & (other.started_us >= bad.min()) & (other.started_us <= bad.max())
        wrong = _went_wrong(other, there)
        told = wrong[same & ~np.isnan(wrong)]
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
        because=(
            f"{n_failed} of {n} tests failed or were slow on {shown} in the same hours of the "
            "same days"
        ),
    )


def _went_wrong(series: Series, inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """1 failed or slower than half of its usual, 0 fine, NaN not told; shape (n,)."""
    speed = _from_level(series.log_ratio, series, inside)
    if series.control_log_goodput is not None:
        speed = speed + np.nan_to_num(series.control_log_goodput)
    slow = np.where(np.isnan(speed), np.nan, speed <= -_HALF_LOG)
    return np.where(np.isnan(series.failed), slow, series.failed)


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
        ruled_out=True if verified else None,
        because=f"{verified:,} of {n:,} stamps checked against a second clock; the others left out",
    )
