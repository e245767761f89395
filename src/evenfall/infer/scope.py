"""What shares the fate of the target, and how far a claim about nights may go.

Rules (METHOD 3 and 4, CONTRACTS "Claim"):
    pairs           only the name differed, to one server: `targeted`, and `isolated`.
    controls        concurrent, on the same network, known for half of the rows inside the hours.
                    They are looked at in these hours, in the hour before and in the hour after,
                    and the worst of the three counts, for hours found by looking are those in
                    which they happened to work. They fail more than usual, and the target not
                    clearly more than they → `generalized`; they are clean → `targeted`, for
                    failures. Both → `targeted`, and it is said.
                    For *slowness* against other servers that is not
                    enough (a site's own server may be slow every evening): `targeted` only if
                    another network was clean in the same hours.
    neither         `undetermined`, and it says so; other networks in the same hours are named as
                    clean or not, which is context and no control.
    level           L2 when it recurs on one line, or where lines are not told apart, or on
                    different servers only; L3 with three lines on this network; L4 when two
                    networks reach L3 with clean controls; L5 when both are isolated as well.

Other networks count as clean if at least three rows were measured inside the same local hours of
the same dates and at most a fifth of them went wrong.

What it does not do: say who did it, or why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.effect import share_difference
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.scores import Rows
from evenfall.infer.series import Basis
from evenfall.model.vocabulary import ClaimLevel, Scope, State

__all__ = [
    "Neighbours",
    "Reach",
    "joint_level",
    "lines_hit",
    "neighbours_of",
    "network_level",
    "reach",
]

_KNOWN_SHARE_MIN = 0.5
_LINES_L3 = 3
_NETWORKS_L4 = 2
_NAMED_MAX = 6


@dataclass(frozen=True)
class Neighbours:
    """Other networks of the same service in the same hours, by name."""

    clean: tuple[str, ...]
    affected: tuple[str, ...]

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
    """
    known = ~np.isnan(rows.control)
    enough = int((inside & known).sum()) >= _KNOWN_SHARE_MIN * max(1, int(inside.sum()))
    beside = _beside(rows, inside, outside, around, profile)
    if enough and beside.fail_with_it:
        return Reach(
            Scope.GENERALIZED,
            f"controls on this network fail in the same hours ({beside.share:.0%} of them)",
            isolated=False,
        )
    also = f"; {beside.share:.0%} of the controls fail then too" if beside.more_than_usual else ""
    if basis is Basis.PAIRS:
        because = f"paired transfers to one server differed in the name alone{also}"
        return Reach(Scope.TARGETED, because, isolated=True)
    if state is State.SLOWED and basis is Basis.CONTROL_DIFFERENCE:
        return _slower_than_controls(neighbours)
    if enough and also:
        because = f"it fails far more often than the controls on this network{also}"
        return Reach(Scope.TARGETED, because, isolated=False)
    if enough:
        because = f"controls on this network were fine in the same hours; {neighbours.clause}"
        return Reach(Scope.TARGETED, because, isolated=False)
    because = f"no concurrent control on this network; {neighbours.clause}"
    return Reach(Scope.UNDETERMINED, because, isolated=False)


@dataclass(frozen=True)
class _Beside:
    """How the controls fared around the hours."""

    share: float
    more_than_usual: bool
    fail_with_it: bool


def _beside(
    rows: Rows,
    inside: npt.NDArray[np.bool_],
    outside: npt.NDArray[np.bool_],
    around: Sequence[npt.NDArray[np.bool_]],
    profile: NightlyProfile,
) -> _Beside:
    known = ~np.isnan(rows.control)
    stretches = [part & known for part in around if (part & known).sum() >= profile.clean_rows_min]
    if not stretches:
        return _Beside(0.0, more_than_usual=False, fail_with_it=False)
    worst = max(stretches, key=lambda part: float(rows.control[part].mean()))
    share = float(rows.control[worst].mean())
    usual = outside & known & ~np.any(around, axis=0)
    level = float(rows.control[usual].mean()) if usual.any() else 0.0
    if share - level <= profile.clean_rate_max:
        return _Beside(share, more_than_usual=False, fail_with_it=False)
    low, _ = share_difference(
        rows.bad[inside].astype(float),
        rows.day[inside],
        rows.control[worst],
        rows.day[worst],
        level=profile.gate_level,
    )
    return _Beside(share, more_than_usual=True, fail_with_it=low < profile.effect_failure_min)


def _slower_than_controls(neighbours: Neighbours) -> Reach:
    if neighbours.clean:
        because = f"controls on this network were fine in the same hours; {neighbours.clause}"
        return Reach(Scope.TARGETED, because, isolated=False)
    because = (
        "controls on this network were fine, but they sit on other servers: that the site itself "
        f"or the route to it was slow is not excluded; {neighbours.clause}"
    )
    return Reach(Scope.UNDETERMINED, because, isolated=False)


def lines_hit(rows: Rows, inside: npt.NDArray[np.bool_]) -> int | None:
    """Distinct lines with something wrong inside the hours; None where lines are not known."""
    if rows.line is None:
        return None
    return len({str(name) for name in rows.line[inside & rows.bad] if name is not None})


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


def neighbours_of(
    others: Mapping[str, npt.NDArray[np.bool_]], profile: NightlyProfile
) -> Neighbours:
    """Sort networks by whether the rows given (True = wrong), all in the hours, are clean."""
    clean: list[str] = []
    affected: list[str] = []
    for name, bad in others.items():
        if bad.size >= profile.clean_rows_min:
            (clean if bad.mean() <= profile.clean_rate_max else affected).append(name)
    return Neighbours(clean=tuple(clean), affected=tuple(affected))
