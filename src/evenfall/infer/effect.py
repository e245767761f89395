"""How strong, and whether that is strong enough to be said.

A p-value says that the hours matter, never that they matter much: with enough nights a slowing of
a tenth is "significant". So nothing is claimed unless the effect, too, is beyond doubt:

    failing     the lower limit of (share failing inside − outside) is at least .3;
    slowness    the upper limit of the median of x inside, less the median outside, is below
                −ln 1.5; or
    in part     the lower limit of the share of transfers inside that are slower than a third
                exceeds by at least .3 both that share outside and the share of transfers inside
                that are *faster* than three times: a slowing that hits some of the flows, which
                the median does not see, and which noise, being even-handed, does not make.

The limits of the gate are those of 99 %, not of the 95 % that are printed: hours and nights were
chosen for being bad, so the effect in them looks larger than it is.

    both        the lower limit of the share that failed *or* was slower than a third exceeds by at
                least .3 that share outside and the share of transfers that were faster than three
                times: a curfew that closes some and slows others.

The state is that of the larger share, wherever it holds by itself or both hold together. Zero bytes
are a failure and no slow transfer: how slow it is, is asked of those that came.

Outside means: all other hours of the same episode. Whole bad days raise both shares alike.

How it works: the limits of each share are Clopper and Pearson's at an *effective* number of rows,
n ÷ (variance between nights ÷ the variance that separate rows would have), because rows of one
night hang together; the limits of the difference follow by Newcombe's method (square and add). The
limits of a median are order statistics at the same kind of effective number.

Sources: METHOD 4; J. Rao and A. Scott, Biometrics 48 (1992), the effective number; R. Newcombe,
Statistics in Medicine 17 (1998), method 10, with exact limits instead of Wilson's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.exact import clopper_pearson, median_limits
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.scores import Rows
from evenfall.model.curfew import Effect, Shares
from evenfall.model.verdict import SlowerBy
from evenfall.model.vocabulary import State

__all__ = [
    "Strength",
    "effective_rows",
    "share_difference",
    "shares_inside",
    "slower_by",
    "slower_than_controls",
    "state_of",
    "strength",
]


@dataclass(frozen=True)
class Strength:
    """What the gate found.

    Attributes:
        state: BLOCKED or SLOWED, see above; INSUFFICIENT if nothing holds.
        effect: of the state, or of whichever kind of row there is more of.
        slower_by: only for SLOWED.
        because: why not, where the gate does not hold.
        notes: what a reader of the effect must know.
    """

    state: State
    effect: Effect
    slower_by: SlowerBy | None
    because: str
    notes: tuple[str, ...] = ()


def strength(
    rows: Rows,
    inside: npt.NDArray[np.bool_],
    outside: npt.NDArray[np.bool_],
    profile: NightlyProfile,
) -> Strength:
    """Judge the effect.

    Args:
        rows: of the series.
        inside: shape (n,), rows of the episode in the window.
        outside: shape (n,), its other rows.
        profile: the constants.
    """
    failing = _failing(rows, inside, outside, profile)
    slow = _slow(rows, inside, outside, profile)
    judged = [one for one in (failing, slow) if one is not None]
    holding = [one for one in judged if one.state is not State.INSUFFICIENT]
    shares = shares_inside(rows, inside, outside, profile)
    if failing is not None and slow is not None and shares is not None:
        larger = [one for one in holding if one.state is state_of(shares)]
        together = _both(rows, inside, outside, shares, failing, slow, profile)
        holding = larger or ([together] if together is not None else holding)
    if holding:
        return holding[0]
    if judged:
        speeds = int((inside & ~np.isnan(rows.x)).sum())
        return judged[-1] if 2 * speeds > int(inside.sum()) else judged[0]
    nothing = Effect(in_window=math.nan, outside=math.nan)
    return Strength(State.INSUFFICIENT, nothing, None, "nothing was measured outside the window")


def _failing(
    rows: Rows,
    inside: npt.NDArray[np.bool_],
    outside: npt.NDArray[np.bool_],
    profile: NightlyProfile,
) -> Strength | None:
    """Shares of rows that failed; zero bytes in a transfer is a failure."""
    failed, known = _failed(rows).astype(float), _told(rows)
    a, b = inside & known, outside & known
    if not a.any() or not b.any():
        return None
    columns = (failed[a], rows.day[a], failed[b], rows.day[b])
    low, high = share_difference(*columns, level=profile.effect_level)
    surely, _ = share_difference(*columns, level=profile.gate_level)
    effect = Effect(
        in_window=round(float(failed[a].mean()), 4),
        outside=round(float(failed[b].mean()), 4),
        low=round(low, 4),
        high=round(high, 4),
    )
    holds = surely >= profile.effect_failure_min
    because = (
        ""
        if holds
        else (
            f"the share that failed inside the hours exceeds that outside by {surely:.2f} at "
            f"least; a claim needs {profile.effect_failure_min:g}"
        )
    )
    return Strength(State.BLOCKED if holds else State.INSUFFICIENT, effect, None, because)


def _failed(rows: Rows) -> npt.NDArray[np.bool_]:
    """Did not open, or brought no byte."""
    return np.asarray((rows.failed == 1.0) | rows.empty)


def _told(rows: Rows) -> npt.NDArray[np.bool_]:
    return np.asarray(~np.isnan(rows.failed) | ~np.isnan(rows.x))


def _deeply_slow(
    rows: Rows, outside: npt.NDArray[np.bool_], profile: NightlyProfile
) -> npt.NDArray[np.bool_]:
    """Came, slower than a third of the level outside the hours."""
    usual = rows.x[outside & ~np.isnan(rows.x)]
    level = float(np.median(usual)) if usual.size else 0.0
    slow = rows.x < level - math.log(profile.effect_deep_factor)
    return np.asarray(slow & ~_failed(rows))


def shares_inside(
    rows: Rows,
    inside: npt.NDArray[np.bool_],
    outside: npt.NDArray[np.bool_],
    profile: NightlyProfile,
) -> Shares | None:
    """What became of the rows inside; None where nothing was measured there.

    Args:
        rows: of the series.
        inside: shape (n,), rows of the episode in the window.
        outside: shape (n,), its other rows; they give the level that "slow" is measured from.
        profile: the constants.
    """
    asked = inside & _told(rows)
    n = int(asked.sum())
    if n == 0:
        return None
    failed = float(_failed(rows)[asked].mean())
    slow = float(_deeply_slow(rows, outside, profile)[asked].mean())
    return Shares(
        failed=round(failed, 4), slow=round(slow, 4), fine=round(1.0 - failed - slow, 4), n=n
    )


def state_of(shares: Shares) -> State:
    """BLOCKED if more failed than were slow, else SLOWED."""
    return State.BLOCKED if shares.failed > shares.slow else State.SLOWED


def share_difference(
    first: npt.NDArray[np.float64],
    first_day: npt.NDArray[np.int64],
    second: npt.NDArray[np.float64],
    second_day: npt.NDArray[np.int64],
    *,
    level: float,
) -> tuple[float, float]:
    """Limits of (share of first − share of second); 0/1 values with the day of each."""
    shares, lows, highs = [], [], []
    for value, day in ((first, first_day), (second, second_day)):
        n = effective_rows(value, day)
        share = float(value.mean())
        low, high = clopper_pearson(hits=share * n, n=n, level=level)
        shares.append(share)
        lows.append(low)
        highs.append(high)
    difference = shares[0] - shares[1]
    return (
        difference - math.hypot(shares[0] - lows[0], highs[1] - shares[1]),
        difference + math.hypot(highs[0] - shares[0], shares[1] - lows[1]),
    )


def effective_rows(value: npt.NDArray[np.float64], day: npt.NDArray[np.int64]) -> float:
    """How many separate rows 0/1 values are worth, given that those of one day hang together."""
    n, share = value.size, float(value.mean())
    _, where = np.unique(day, return_inverse=True)
    size = np.bincount(where)
    if size.size < 2 or share in (0.0, 1.0):
        return float(n)
    residual = np.bincount(where, weights=value) - size * share
    between = size.size / (size.size - 1) * float((residual**2).sum())
    return n / max(1.0, between / (n * share * (1.0 - share)))


def _slow(
    rows: Rows,
    inside: npt.NDArray[np.bool_],
    outside: npt.NDArray[np.bool_],
    profile: NightlyProfile,
) -> Strength | None:
    """Median of x inside, with limits, against the median outside, of transfers that came."""
    known = ~np.isnan(rows.x) & ~_failed(rows)
    a, b = inside & known, outside & known
    if not a.any() or not b.any():
        return None
    x, level = rows.x[a], float(np.median(rows.x[b]))
    bound = level - math.log(profile.effect_slow_factor)
    n = effective_rows((x < bound).astype(float), rows.day[a])
    ordered = sorted(x.tolist())
    low, high = median_limits(ordered, n_effective=n, level=profile.effect_level)
    _, surely = median_limits(ordered, n_effective=n, level=profile.gate_level)
    middle = float(np.median(x))
    effect = Effect(
        in_window=round(middle, 4), outside=round(level, 4), low=round(low, 4), high=round(high, 4)
    )
    if surely < bound:
        return Strength(State.SLOWED, effect, _slower(middle, low, high), "")
    share = _share_hit(x, rows.day[a], rows.x[b], rows.day[b], profile)
    if share >= profile.effect_share_min:
        hit = float((x < -math.log(profile.effect_deep_factor)).mean())
        note = f"it hits a share of the transfers: {hit:.0%} inside are slower than a third"
        return Strength(State.SLOWED, effect, _slower(middle, low, high), "", (note,))
    because = (
        f"the median inside the hours is slower by ×{math.exp(level - middle):.2f}, "
        f"perhaps only ×{math.exp(level - surely):.2f}; a claim needs "
        f"×{profile.effect_slow_factor:g}"
    )
    return Strength(State.INSUFFICIENT, effect, None, because)


def _share_hit(
    x: npt.NDArray[np.float64],
    day: npt.NDArray[np.int64],
    x_outside: npt.NDArray[np.float64],
    day_outside: npt.NDArray[np.int64],
    profile: NightlyProfile,
) -> float:
    """Lower limit of the share of deeply slowed transfers, beyond that outside and beyond noise."""
    deep = math.log(profile.effect_deep_factor)
    slow = (x < -deep).astype(float)
    rivals = (((x > deep).astype(float), day), ((x_outside < -deep).astype(float), day_outside))
    return min(
        share_difference(slow, day, values, days, level=profile.gate_level)[0]
        for values, days in rivals
    )


def _both(
    rows: Rows,
    inside: npt.NDArray[np.bool_],
    outside: npt.NDArray[np.bool_],
    shares: Shares,
    failing: Strength,
    slow: Strength,
    profile: NightlyProfile,
) -> Strength | None:
    """Failed or deeply slow, taken together; None if not even so."""
    known = _told(rows)
    failed, slow_ones = _failed(rows), _deeply_slow(rows, outside, profile)
    hit = (failed | slow_ones).astype(float)
    fast = (rows.x > math.log(profile.effect_deep_factor)).astype(float)
    a, b = inside & known, outside & known
    surely = min(
        share_difference(hit[a], rows.day[a], values, days, level=profile.gate_level)[0]
        for values, days in ((fast[a], rows.day[a]), (hit[b], rows.day[b]))
    )
    if surely < profile.effect_share_min:
        return None
    note = f"{shares.failed:.0%} inside failed and {shares.slow:.0%} were slower than a third"
    state = state_of(shares)
    if state is State.BLOCKED:
        return Strength(state, failing.effect, None, "", (note,))
    return Strength(state, slow.effect, slower_by(rows, inside, profile), "", (note,))


def slower_by(
    rows: Rows, inside: npt.NDArray[np.bool_], profile: NightlyProfile
) -> SlowerBy | None:
    """How many times slower the rows inside are that came, or None where no speed is known."""
    known = inside & ~np.isnan(rows.x) & ~_failed(rows)
    if not known.any():
        return None
    x = rows.x[known]
    n = effective_rows(rows.bad[known].astype(float), rows.day[known])
    low, high = median_limits(sorted(x.tolist()), n_effective=n, level=profile.effect_level)
    return _slower(float(np.median(x)), low, high)


def slower_than_controls(
    rows: Rows, chosen: npt.NDArray[np.bool_], profile: NightlyProfile
) -> SlowerBy | None:
    """Control ÷ target of the rows chosen (shape (n,)), from the speeds themselves.

    For what is slow at all hours: there the ratio's own level is the slowness.
    """
    asked = chosen & (rows.target_bps > 0) & (rows.control_bps > 0)
    if not asked.any():
        return None
    x = np.log(rows.target_bps[asked]) - np.log(rows.control_bps[asked])
    n = effective_rows((x < np.median(x)).astype(float), rows.day[asked])
    low, high = median_limits(sorted(x.tolist()), n_effective=n, level=profile.effect_level)
    return _slower(float(np.median(x)), low, high)


def _slower(middle: float, low: float, high: float) -> SlowerBy:
    return SlowerBy(
        median=round(math.exp(-middle), 2),
        low=round(math.exp(-high), 2),
        high=round(math.exp(-low), 2),
    )
