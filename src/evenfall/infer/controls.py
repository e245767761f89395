"""How the controls on the same network fared in the hours in question, by their own level.

A ratio of target to control hides what both share: if a target is twenty times slower in the
evening and the control eight times, the ratio says ×2.5 and nothing of the crowd. So controls are
judged by themselves, inside the hours against their other hours, before anybody calls them fine.

Rules:
    Controls are looked at in the hours, in the hour before and in the hour after, and the worst of
    the three counts: hours found by looking are those in which the controls happened to work.
    failing     more than usual: their share of failures exceeds that of their other hours by more
                than a fifth. With the target: it fails no more than they do, by the gate's limits.
    slower      the upper limit of the median of their speed, less their median outside, is below
                −ln 1.5 (the gate's own limits); or the median itself is slower than ×1/2, however
                few rows there are; or the share of rows slower than a third exceeds that outside
                by more than a fifth, which is a crowd that hits some of the transfers.
    Only what was measured counts. Where nobody asked whether controls opened, the share of those
    that failed is unknown, never nought; likewise their speed.

Both can hold at once: paired transfers convict, and in the same hours everything is slow.
`congestion_beside` says the second where the first is proven otherwise. Beside pairs the neutral
arm is a control too, by its own speed.

What it does not do: say why they suffer. It cannot see a crowd on the road to the target alone.

Sources: METHOD 3 (column 3) and 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evenfall.infer.effect import effective_rows, share_difference
from evenfall.infer.exact import median_limits
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.scores import Rows
from evenfall.model.curfew import Congestion
from evenfall.model.vocabulary import State

__all__ = ["Controls", "congestion_beside", "controls_beside"]

_KNOWN_SHARE_MIN = 0.5
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Controls:
    """What is known of them.

    Attributes:
        any_known: whether any control was measured beside the rows inside.
        enough: what the state is about was measured of them for half of the rows inside.
        failed_share: of the worst stretch.
        fail_more: they fail more than in their other hours.
        fail_with_it: and the target fails no more than they do.
        slower: how many times slower they were, where they suffer; else 1.
    """

    any_known: bool
    enough: bool
    failed_share: float = 0.0
    fail_more: bool = False
    fail_with_it: bool = False
    slower: float = 1.0

    @property
    def suffer(self) -> str:
        """In words, or "" if they do not."""
        said = []
        if self.slower > 1.0:
            factor = f"×{self.slower:.2g}"
            said.append(f"controls on this network were {factor} slower in the same hours too")
        if self.fail_more:
            said.append(f"{self.failed_share:.0%} of the controls fail then too")
        return " and ".join(said)


def controls_beside(
    rows: Rows,
    inside: _Flags,
    outside: _Flags,
    around: Sequence[_Flags],
    *,
    state: State,
    profile: NightlyProfile,
) -> Controls:
    """Look at the controls of a found curfew.

    Args:
        rows: of the series.
        inside: shape (n,), rows of the episode in the hours.
        outside: shape (n,), its other rows.
        around: rows inside, of the hour before, and of the hour after; each of shape (n,).
        state: BLOCKED asks whether they opened, SLOWED how fast they were.
        profile: the constants.
    """
    speed, failing = ~np.isnan(rows.control_speed), ~np.isnan(rows.control)
    # Zero bytes beside a control that brought some: that control worked.
    known = speed if state is State.SLOWED else failing | (rows.empty & speed)
    few = _KNOWN_SHARE_MIN * max(1, int(inside.sum()))
    share, more, with_it = 0.0, False, False
    if int((inside & failing).sum()) >= few:
        share, more, with_it = _failing(rows, inside, outside, around, profile)
    return Controls(
        any_known=bool((inside & (speed | failing)).any()),
        enough=int((inside & known).sum()) >= few,
        failed_share=share,
        fail_more=more,
        fail_with_it=with_it,
        slower=_slower(rows, outside, around, profile),
    )


def _failing(
    rows: Rows,
    inside: _Flags,
    outside: _Flags,
    around: Sequence[_Flags],
    profile: NightlyProfile,
) -> tuple[float, bool, bool]:
    known = ~np.isnan(rows.control)
    stretches = [part & known for part in around if (part & known).sum() >= profile.clean_rows_min]
    if not stretches:
        return 0.0, False, False
    worst = max(stretches, key=lambda part: float(rows.control[part].mean()))
    share = float(rows.control[worst].mean())
    usual = outside & known & ~np.any(around, axis=0)
    level = float(rows.control[usual].mean()) if usual.any() else 0.0
    if share - level <= profile.clean_rate_max:
        return share, False, False
    low, _ = share_difference(
        rows.bad[inside].astype(float),
        rows.day[inside],
        rows.control[worst],
        rows.day[worst],
        level=profile.gate_level,
    )
    return share, True, low < profile.effect_failure_min


def _slower(
    rows: Rows, outside: _Flags, around: Sequence[_Flags], profile: NightlyProfile
) -> float:
    """By what factor they are slower in the worst stretch, where that is beyond doubt or large."""
    known = ~np.isnan(rows.control_speed)
    usual = rows.control_speed[outside & known & ~np.any(around, axis=0)]
    if not usual.size:
        return 1.0
    found = [
        _change(rows, part & known, usual, profile)
        for part in around
        if (part & known).sum() >= profile.clean_rows_min
    ]
    return max(found, default=1.0)


def _change(
    rows: Rows, part: _Flags, usual: npt.NDArray[np.float64], profile: NightlyProfile
) -> float:
    speed = rows.control_speed[part] - float(np.median(usual))
    middle = float(np.median(speed))
    bound = -math.log(profile.effect_slow_factor)
    n = effective_rows((speed < bound).astype(float), rows.day[part])
    _, surely = median_limits(sorted(speed.tolist()), n_effective=n, level=profile.gate_level)
    if surely < bound or middle <= -math.log(profile.control_slow_factor):
        return math.exp(-middle)
    deep = -math.log(profile.effect_deep_factor)
    hit = speed < deep
    before = float((usual - float(np.median(usual)) < deep).mean())
    if float(hit.mean()) - before > profile.clean_rate_max:
        return math.exp(-float(np.median(speed[hit])))
    return 1.0


def congestion_beside(
    rows: Rows,
    inside: _Flags,
    outside: _Flags,
    around: Sequence[_Flags],
    *,
    profile: NightlyProfile,
) -> Congestion | None:
    """What everything on the network suffers in the hours, or None if nothing more than usual.

    Args:
        rows: of the series.
        inside: shape (n,), rows of the episode in the hours.
        outside: shape (n,), its other rows.
        around: rows inside, of the hour before, and of the hour after; each of shape (n,).
        profile: the constants.
    """
    told = replace(rows, control_speed=_any_speed(rows))
    found = controls_beside(told, inside, outside, around, state=State.SLOWED, profile=profile)
    if not found.suffer:
        return None
    asked = bool((inside & ~np.isnan(rows.control)).any())
    return Congestion(
        slower_by=round(found.slower, 2) if found.slower > 1.0 else None,
        failed_share=round(found.failed_share, 4) if asked else None,
        because=found.suffer,
    )


def _any_speed(rows: Rows) -> npt.NDArray[np.float64]:
    """The controls' own speed; where none was measured, that of the neutral arm or control beside.

    Both are ln from their usual; zero bytes count as 1 bit/s.
    """
    beside = np.log(np.maximum(rows.control_bps, 1.0))
    if np.isnan(beside).all():
        return rows.control_speed
    return np.where(np.isnan(rows.control_speed), beside - np.nanmedian(beside), rows.control_speed)
