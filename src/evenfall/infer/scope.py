"""What shares the fate of the target, and how far a claim about nights may go.

Rules (METHOD 3 and 4, CONTRACTS "Claim"):
    pairs           only the name differed, to one server: `targeted`, and `isolated`.
    controls        concurrent, on the same network, judged by their own level (`controls.py`).
                    They fail more than usual, and the target not clearly more than they →
                    `generalized`. They are slower than usual → `generalized` if the target is no
                    slower than they, else `undetermined`, and both are named. They are fine: they
                    still sit on other servers, and a site may be slow, or closed for maintenance,
                    every night at nobody's request. So `targeted` only if it did not open, and
                    the same service was clean on another network in the same hours. Slowness
                    stays `undetermined` even then: a crowded road from this network to one site
                    is slow every evening, and leaves the controls and the neighbours fine
                    (METHOD 3). They never make it `isolated`.
                    What was not measured of them is not fine: controls of which only the speed is
                    known say nothing about failing, and the other way round.
    one rate        slowness is `targeted` after all, never `isolated`, if the slowed ones gather at
                    one rate (`rate_cluster.py`), with controls far faster at those very moments,
                    and enough other networks are free of that rate: a crowded road has no rate. A
                    limit that the site itself sets for this network is not excluded, nor a way so
                    long that the distance sets the rate; both are named.
    siblings        other services on this network (`siblings.py`). Where controls were not asked
                    whether they opened, two that were fine take their place; where all fail alike
                    it is `generalized`.
    neither         `undetermined`, and it says so; other networks in the same hours are named as
                    clean or not, which is context and no control.
    level           L2 when it recurs on one line, or where lines are not told apart, or on
                    different servers only; L3 with three lines on this network; L4 when two
                    networks reach L3 with clean controls; L5 when both are isolated as well.

    the road        a full one fails too, but not nearly always: less than four fifths of failures
                    are `undetermined`;
    one outage      fewer than 7 dates of certain hours, or 14 of all hours, on which it did not
                    open are what a cut road does too: `undetermined`, whoever else was fine.

Other networks count as clean if at least six rows were measured at the same instants and at most a
fifth of them went wrong, as affected if three were and more did. They clear the site if as
many are clean as affected, or more. For slowness that means rows with a speed,
and the speed counts together with that of their own controls: a ratio that stands still while both
slow down is no sign of a site that works. Pairs of another network say nothing about the site,
which they never asked.

What it does not do: say who did it, or why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.controls import Controls, controls_beside
from evenfall.infer.exact import median_limits
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.rate_cluster import RateElsewhere
from evenfall.infer.scores import Rows
from evenfall.infer.series import Basis
from evenfall.infer.siblings import NO_SIBLINGS, Siblings
from evenfall.model.curfew import RateCluster
from evenfall.model.vocabulary import ClaimLevel, Scope, State

__all__ = [
    "Neighbours",
    "Reach",
    "fared_badly",
    "joint_level",
    "lines_hit",
    "neighbours_of",
    "network_level",
    "reach",
]

_LINES_L3 = 3
_LINE_BAD_MIN = 3
_LINE_BAD_SHARE = 0.3
_NETWORKS_L4 = 2
_NAMED_MAX = 6


@dataclass(frozen=True)
class Neighbours:
    """Other networks of the same service in the same hours, by name."""

    clean: tuple[str, ...]
    affected: tuple[str, ...]

    @property
    def clear_the_site(self) -> bool:
        """Whether they show that the site itself was well: as many clean as affected, or more."""
        return bool(self.clean) and len(self.clean) >= len(self.affected)

    @property
    def clause(self) -> str:
        """In words."""
        if not self.clean and not self.affected:
            return "no other network measured in these hours"
        if not self.clean:
            return f"other networks not clean either ({_named(self.affected)})"
        also = f"; not clean: {_named(self.affected)}" if self.affected else ""
        return f"other networks clean ({_named(self.clean)}{also})"


def _named(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_NAMED_MAX])
    rest = len(names) - _NAMED_MAX
    return f"{shown} and {rest} more" if rest > 0 else shown


@dataclass(frozen=True)
class Reach:
    """Scope, why, and whether the name alone was varied."""

    scope: Scope
    because: str
    isolated: bool


def reach(
    rows: Rows,
    inside: npt.NDArray[np.bool_],
    outside: npt.NDArray[np.bool_],
    around: Sequence[npt.NDArray[np.bool_]],
    *,
    basis: Basis,
    state: State,
    neighbours: Neighbours,
    profile: NightlyProfile,
    rate: RateCluster | None = None,
    elsewhere: RateElsewhere | None = None,
    siblings: Siblings = NO_SIBLINGS,
    dates_min: int = 0,
) -> Reach:
    """Decide the scope of a found curfew.

    Args:
        rows: of the series.
        inside: shape (n,), rows of the episode in the hours claimed.
        outside: shape (n,), its other rows.
        around: rows inside, of the hour before, and of the hour after; each of shape (n,).
        basis: what the scores rest on.
        state: BLOCKED or SLOWED.
        neighbours: other networks in the same hours.
        profile: the constants.
        rate: at which the slowed rows gather (`rate_cluster.rate_of_slowed`), if they do.
        elsewhere: whether other networks show that rate.
        siblings: other services on this network in the same hours.
        dates_min: without pairs, so many dates on which it did not open make it more than one
            outage of the road.
    """
    controls = controls_beside(rows, inside, outside, around, state=state, profile=profile)
    if controls.fail_with_it:
        share = f"{controls.failed_share:.0%} of them"
        because = f"controls on this network fail in the same hours ({share})"
        return Reach(Scope.GENERALIZED, because, isolated=False)
    if basis is Basis.PAIRS:
        also = f"; {controls.suffer}" if controls.suffer else ""
        because = f"paired transfers to one server differed in the name alone{also}"
        return Reach(Scope.TARGETED, because, isolated=True)
    if (
        state is State.SLOWED
        and rate is not None
        and elsewhere is not None
        and elsewhere.clears_the_site
    ):
        return _at_one_rate(controls, rate, elsewhere)
    if controls.slower > 1.0:
        return _beside_slow_controls(rows, inside, controls, basis, state, profile)
    if not controls.enough and (siblings.all_alike or siblings.are_controls):
        found = _among_siblings(controls, siblings, state, neighbours)
    elif not controls.enough:
        found = Reach(Scope.UNDETERMINED, _unknown(controls, state, neighbours), isolated=False)
    else:
        found = _against_other_servers(controls, state, neighbours)
    return _but_for_the_road(found, rows, inside, dates_min, profile)


def _but_for_the_road(
    found: Reach,
    rows: Rows,
    inside: npt.NDArray[np.bool_],
    dates_min: int,
    profile: NightlyProfile,
) -> Reach:
    """What one outage of the road to the site, or a full one, does as well, is not targeted."""
    dates = int(np.unique(rows.day[inside & rows.bad]).size)
    share = float(rows.bad[inside].mean()) if inside.any() else 0.0
    reason = ""
    if dates < dates_min:
        reason = (
            f"on {dates} dates only, which one outage of the road does too ({dates_min} needed)"
        )
    elif share < profile.blocked_share_min:
        reason = (
            f"{share:.0%} of the measurements fail, which a full road does too "
            f"({profile.blocked_share_min:.0%} are needed)"
        )
    if found.scope is not Scope.TARGETED or not reason:
        return found
    return Reach(Scope.UNDETERMINED, f"{found.because}; but {reason}", isolated=False)


def _at_one_rate(controls: Controls, rate: RateCluster, elsewhere: RateElsewhere) -> Reach:
    """A crowded road has no rate; a site, and a long way, may have one."""
    also = f"; {controls.suffer}" if controls.suffer else ""
    because = (
        f"its speeds gather at one rate ({rate.because}), controls on this network were far faster "
        f"at the same moments{also}, {elsewhere.clause}; not excluded: a limit that the site "
        "itself sets for this network, or a way to it so long that the distance sets the rate"
    )
    return Reach(Scope.TARGETED, because, isolated=False)


def _among_siblings(
    controls: Controls, siblings: Siblings, state: State, neighbours: Neighbours
) -> Reach:
    """Other services in the place of controls that nobody asked."""
    if siblings.all_alike:
        because = f"other services on this network go wrong in the same hours: {siblings.clause}"
        return Reach(Scope.GENERALIZED, because, isolated=False)
    fared = siblings.clause if controls.any_known else f"no control, but {siblings.clause}"
    if state is State.BLOCKED and neighbours.clear_the_site:
        because = f"{fared}, and the same service was fine elsewhere: {neighbours.clause}"
        return Reach(Scope.TARGETED, because, isolated=False)
    could = (
        "the site itself or its route could fail"
        if state is State.BLOCKED
        else "the site or the road to it may be full"
    )
    because = f"{fared}; {could} in these hours; {neighbours.clause}"
    return Reach(Scope.UNDETERMINED, because, isolated=False)


def _beside_slow_controls(
    rows: Rows,
    inside: npt.NDArray[np.bool_],
    controls: Controls,
    basis: Basis,
    state: State,
    profile: NightlyProfile,
) -> Reach:
    """A crowd on this network in these hours: alike is general, worse cannot be told apart."""
    if state is State.SLOWED and basis is Basis.UNPAIRED:
        beyond = rows.x + math.log(controls.slower)
        _, surely = median_limits(
            sorted(beyond[inside & ~np.isnan(beyond)].tolist()),
            n_effective=float(np.unique(rows.day[inside]).size),
            level=profile.gate_level,
        )
        if surely >= -math.log(profile.effect_slow_factor):
            because = f"{controls.suffer}, and it no more than they"
            return Reach(Scope.GENERALIZED, because, isolated=False)
    worse = "it fails more" if state is State.BLOCKED else "it is slower than they are"
    because = f"{controls.suffer}; {worse}, but a full line or road may do that to one site"
    return Reach(Scope.UNDETERMINED, because, isolated=False)


def _unknown(controls: Controls, state: State, neighbours: Neighbours) -> str:
    if not controls.any_known:
        return f"no concurrent control on this network; {neighbours.clause}"
    asked = "whether controls on this network opened"
    if state is State.SLOWED:
        asked = "how fast the controls on this network were"
    return f"{asked} in the same hours was not measured; {neighbours.clause}"


def _against_other_servers(controls: Controls, state: State, neighbours: Neighbours) -> Reach:
    """Controls sit on other servers; only another network clears the site itself."""
    fared = "controls on this network were fine in the same hours"
    if controls.fail_more:
        fared = f"it fails far more often than the controls on this network; {controls.suffer}"
    if neighbours.clear_the_site and state is State.BLOCKED:
        because = f"{fared}, and the same service was fine elsewhere: {neighbours.clause}"
        return Reach(Scope.TARGETED, because, isolated=False)
    if neighbours.clear_the_site:
        because = (
            f"{fared}, and the site itself was not slow elsewhere ({neighbours.clause}); but the "
            "road to it from this network may be full in these hours, which paired transfers tell"
        )
        return Reach(Scope.UNDETERMINED, because, isolated=False)
    could = "fail" if state is State.BLOCKED else "be slow"
    because = (
        f"{fared}, but they sit on other servers: the site itself or its route could {could} in "
        f"these hours; no paired transfers; {neighbours.clause}"
    )
    return Reach(Scope.UNDETERMINED, because, isolated=False)


def lines_hit(rows: Rows, inside: npt.NDArray[np.bool_]) -> int | None:
    """Distinct lines that show the hours by their own rows; None where lines are not known.

    One bad row happens on any line; it takes three, and three in ten of the line's rows inside.
    """
    if rows.line is None:
        return None
    bad = rows.bad[inside]
    names = np.array([str(name) if name is not None else "" for name in rows.line[inside]])
    of_line = [bad[names == name] for name in np.unique(names) if name]
    return sum(
        bool(own.sum() >= _LINE_BAD_MIN and own.mean() >= _LINE_BAD_SHARE) for own in of_line
    )


def network_level(basis: Basis, lines: int | None) -> ClaimLevel:
    """How far one network's own rows carry: L2 or L3."""
    many = lines is not None and lines >= _LINES_L3
    return ClaimLevel.L3 if many and basis is Basis.PAIRS else ClaimLevel.L2


def joint_level(
    own: ClaimLevel, others: Sequence[tuple[ClaimLevel, Scope, bool]], *, isolated: bool
) -> ClaimLevel:
    """L4 and L5 from networks with the same service: (level, scope, isolated) of each other one."""
    strong = [item for item in others if item[0] >= ClaimLevel.L3 and item[1] is Scope.TARGETED]
    if own is not ClaimLevel.L3 or len(strong) + 1 < _NETWORKS_L4:
        return own
    with_isolation = [item for item in strong if item[2]]
    if isolated and len(with_isolation) + 1 >= _NETWORKS_L4:
        return ClaimLevel.L5
    return ClaimLevel.L4


def fared_badly(
    rows: Rows, within: npt.NDArray[np.bool_], state: State, profile: NightlyProfile
) -> npt.NDArray[np.bool_]:
    """Of another network's rows `within` (shape (n,)), which went wrong; those that can tell."""
    if state is not State.SLOWED:
        return rows.bad[within]
    told = within & ~np.isnan(rows.x)
    with_its_controls = rows.x + np.where(np.isnan(rows.control_speed), 0.0, rows.control_speed)
    slow = with_its_controls <= -math.log(profile.control_slow_factor)
    return np.asarray((rows.bad | slow)[told])


def neighbours_of(
    others: Mapping[str, npt.NDArray[np.bool_]], profile: NightlyProfile
) -> Neighbours:
    """Sort networks by whether the rows given (True = wrong), all in the hours, are clean."""
    clean: list[str] = []
    affected: list[str] = []
    for name, bad in others.items():
        if bad.size >= profile.clean_rows_min and bad.mean() > profile.clean_rate_max:
            affected.append(name)
        elif bad.size >= profile.clean_network_rows_min:
            clean.append(name)
    return Neighbours(clean=tuple(clean), affected=tuple(affected))
