"""The window of one series: found, tested, and measured, or the reason why there is none.

The steps, in order; each may end the trial with a sentence:
    1. rotation test of the best window on any hours (`rotation.py`), at the p that the look allows;
       rows with a speed are scored there as for a curfew that hits three in five of them;
    2. the union on the fine grid (`search.py`), the weekdays (`weekdays.py`), and the union again
       on those weekdays;
    3. each window beyond the strongest tested by rotation with the stronger ones masked; if one
       fails, the search is repeated with as many windows as passed;
    4. episodes, nights seen and measured (`episodes.py`);
    5. five nights measured inside, five of them with evidence (a few evenings with a match are no
       pattern), and the other hours measured on five dates of the episode;
    6. the gate of the effect (`effect.py`);
    7. where it hits a share of the rows only, or did not pass, hours, episodes and gates once more,
       with rows scored for that share.

Looks: .005 at 5 nights, .0025 at 7, halved at 14, 28 and 56, .00006 at each later one; the p asked
for is that of the last look passed. A series that is judged again every night between two looks is
tested more often than the schedule counts. Measured on 700 innocent series judged daily from 5 to
34 nights: p passed in 3, no claim in any (the gate stands behind p), so the p is not frozen between
looks.

What it does not do: know other networks or other series; see `nights.py`.

Source: METHOD 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evenfall.infer.effect import Strength, strength
from evenfall.infer.episodes import Episode, best_value, episodes, night_gain
from evenfall.infer.localtime import BINS_PER_DAY
from evenfall.infer.profiles import NightlyProfile
from evenfall.infer.reading import Reading, bins_of
from evenfall.infer.rotation import RotationTest, rotation_p
from evenfall.infer.scores import Rows, bin_scores, first_of_bursts
from evenfall.infer.search import (
    Nights,
    Span,
    find_union,
    in_union,
    lay_out,
    night_scores,
    occupied,
)
from evenfall.infer.series import Basis
from evenfall.infer.weekdays import EVERY_DAY, best_weekdays
from evenfall.model.vocabulary import State

__all__ = ["Found", "Trial", "look_p", "sharpened", "try_window"]

_NEAR_BINS = 6  # an hour
_CONTROLS_FAIL_SHARE = 0.05  # below this no one asks whether controls explain it


@dataclass(frozen=True)
class Found:
    """A window with everything that is counted in it.

    Attributes:
        nights: the dates of the weekdays concerned.
        gain, measured: shape (dates,): what each date says, and whether it was measured inside.
        episodes: indices into them.
        inside, outside: shape (rows,), rows of the episodes in the hours, and their other rows.
        around: inside, the hour before, the hour after; each of shape (rows,).
        nights_seen, nights_measured: dates of the episodes with evidence, and measured inside.
        search: the profile with the night's limit that the union was found with.
    """

    union: tuple[Span, ...]
    weekdays: tuple[int, ...]
    nights: Nights
    gain: npt.NDArray[np.float64]
    measured: npt.NDArray[np.bool_]
    episodes: tuple[Episode, ...]
    inside: npt.NDArray[np.bool_]
    outside: npt.NDArray[np.bool_]
    around: tuple[npt.NDArray[np.bool_], ...]
    nights_seen: int
    nights_measured: int
    search: NightlyProfile
    strength: Strength

    @property
    def held(self) -> npt.NDArray[np.bool_]:
        """Shape (dates,), dates within an episode."""
        flags = np.zeros(self.nights.day.size, dtype=bool)
        for episode in self.episodes:
            flags[episode.first : episode.last + 1] = True
        return flags


@dataclass(frozen=True)
class Trial:
    """Outcome; `found` is claimable only if `reason` is empty.

    Attributes:
        p_value: of the hours as a whole.
        p_needed: what the look allows.
        reason: why nothing is claimed.
        insufficient: the reason is a lack of data.
    """

    p_value: float
    p_needed: float
    found: Found | None
    reason: str
    insufficient: bool = False


def look_p(nights: int, profile: NightlyProfile) -> float:
    """The p that a claim needs after so many nights."""
    passed = [p for needed, p in profile.looks if nights >= needed]
    if not passed:
        return 0.0
    late = nights >= 2 * profile.looks[-1][0]
    return profile.look_p_late if late else passed[-1]


def try_window(reading: Reading, profile: NightlyProfile, rng: np.random.Generator) -> Trial:
    """Look for recurring hours in a series that is sufficient."""
    if reading.rows is None or reading.nights is None:
        return Trial(1.0, 0.0, None, reading.insufficient, insufficient=True)
    needed = look_p(reading.nights_measured, profile)
    wanted = max(profile.rotations, math.ceil(profile.rotations_per_p / needed) - 1)
    rotations = min(wanted, profile.rotations_max)
    test = _test(reading.rows, rotations, profile, rng)
    if test.p_value > needed:
        reason = _why_nothing(reading, test.p_value, needed, profile, rng)
        return Trial(test.p_value, needed, None, reason)
    union, weekdays, search = _hours_and_days(reading.nights, profile, rng)
    union, search = _confirmed(reading, union, weekdays, search, profile, rng)
    gates = _gates(reading.series.basis, profile)
    found = _count(reading.rows, reading.nights, union, weekdays, search, gates)
    if found is None:
        return Trial(test.p_value, needed, None, "no run of nights outweighs the others")
    reason, insufficient = _gate(reading.rows, found, gates)
    share = max(profile.share_hit_min, float(reading.rows.bad[found.inside].mean()))
    if reason or share < profile.share_of_nights:
        again = _for_its_share(
            reading.rows, profile.share_of_rows if reason else share, found, gates, rng
        )
        if again is not None:
            found, reason, insufficient = again, "", False
    return Trial(test.p_value, needed, found, reason, insufficient)


def sharpened(
    reading: Reading, trial: Trial, wanted: float, profile: NightlyProfile, rng: np.random.Generator
) -> Trial:
    """A trial with its p drawn anew, from draws enough to show whether it is as small as wanted."""
    if reading.rows is None or trial.p_value <= wanted:
        return trial
    draws = math.ceil(profile.rotations_per_p / wanted) - 1
    test = _test(reading.rows, min(draws, profile.rotations_many_max), profile, rng)
    return replace(trial, p_value=test.p_value)


def _test(
    rows: Rows, rotations: int, profile: NightlyProfile, rng: np.random.Generator
) -> RotationTest:
    bins = bin_scores(_timed_in_part(rows, profile.share_of_rows), profile)
    return rotation_p(*bins, masked=None, rotations=rotations, profile=profile, rng=rng)


def _in_part(rows: Rows, share: float) -> Rows:
    """The rows scored for a curfew that hits a share of them: ln(1 − share + share · L)."""
    return replace(rows, score=np.log1p(share * np.expm1(rows.score)))


def _timed_in_part(rows: Rows, share: float) -> Rows:
    """The same for rows with a speed; a failure is scored for a share already (.8 of them fail)."""
    soft = _in_part(rows, share)
    return replace(soft, score=np.where(np.isnan(rows.x), rows.score, soft.score))


def _for_its_share(
    rows: Rows, share: float, found: Found, profile: NightlyProfile, rng: np.random.Generator
) -> Found | None:
    """The claim measured again with the share of rows that it hits; None where it does not pass.

    Where one row in two is hit, a row that is well says little against the hours it lies in. With
    the scores of a whole curfew, hours and episodes would shrink to where the hits happen to lie.
    """
    rows = _in_part(rows, share)
    nights = lay_out(*bin_scores(rows, profile))
    few = replace(profile, windows_max=len(found.union))
    union, weekdays, search = _hours_and_days(nights, few, rng)
    again = _count(rows, nights, union, weekdays, search, profile)
    if again is None or _gate(rows, again, profile)[0]:
        return None
    return again


def _gates(basis: Basis, profile: NightlyProfile) -> NightlyProfile:
    """The constants of the gates, which ask for more where there are no pairs."""
    if basis is Basis.PAIRS:
        return replace(profile, rows_inside_min_unpaired=profile.rows_inside_min)
    return replace(profile, effect_share_min=profile.effect_share_min_unpaired)


def _why_nothing(
    reading: Reading, p: float, needed: float, profile: NightlyProfile, rng: np.random.Generator
) -> str:
    """The reason; looks whether the target failed in certain hours together with the controls."""
    rows = reading.rows
    if rows is not None and np.nanmean(np.append(rows.control, 0.0)) > _CONTROLS_FAIL_SHARE:
        alone = rotation_p(
            *bins_of(reading.series, profile),
            masked=None,
            rotations=profile.rotations,
            profile=profile,
            rng=rng,
        )
        if alone.p_value <= needed:
            return (
                "it fails in certain hours, and the controls on this network fail with it: "
                "congestion or a limit on everything (generalized)"
            )
    return f"no recurring hours: p {p:.2g}, a claim needs {needed:.2g} after so many nights"


def _hours_and_days(
    nights: Nights, profile: NightlyProfile, rng: np.random.Generator
) -> tuple[tuple[Span, ...], tuple[int, ...], NightlyProfile]:
    union, search = find_union(nights, profile)
    gain = night_gain(night_scores(nights.cumulative, union), profile)
    measured = night_scores(nights.counted, union) > 0
    weekdays = best_weekdays(gain, measured, nights.day, nights.weekday, profile, rng)
    if weekdays != EVERY_DAY:
        union, search = find_union(nights.only(np.isin(nights.weekday, weekdays)), profile)
    return union, weekdays, search


def _confirmed(
    reading: Reading,
    union: tuple[Span, ...],
    weekdays: tuple[int, ...],
    search: NightlyProfile,
    profile: NightlyProfile,
    rng: np.random.Generator,
) -> tuple[tuple[Span, ...], NightlyProfile]:
    """The union, with only as many windows as pass on their own."""
    if reading.nights is None or len(union) < 2:
        return union, search
    nights = reading.nights.only(np.isin(reading.nights.weekday, weekdays))
    strongest_first = sorted(union, key=lambda span: -_alone(nights, span, profile))
    for passed in range(1, len(union)):
        masked = occupied(tuple(strongest_first[:passed]), 0)
        test = rotation_p(
            *reading.bins, masked=masked, rotations=profile.rotations, profile=profile, rng=rng
        )
        if test.p_value > profile.p_max:
            return find_union(nights, replace(profile, windows_max=passed))
    return union, search


def _alone(nights: Nights, span: Span, profile: NightlyProfile) -> float:
    return float(best_value(night_gain(night_scores(nights.cumulative, (span,)), profile), profile))


def _count(
    rows: Rows,
    nights: Nights,
    union: tuple[Span, ...],
    weekdays: tuple[int, ...],
    search: NightlyProfile,
    profile: NightlyProfile,
) -> Found | None:
    """Episodes of the union on its weekdays, and the rows and nights that fall in them."""
    nights = nights.only(np.isin(nights.weekday, weekdays))
    gain = night_gain(night_scores(nights.cumulative, union), profile)
    measured = night_scores(nights.counted, union) > 0
    runs = episodes(gain, profile)
    if not union or not runs:
        return None
    within, night = in_union(rows.day, rows.slot, union)
    held_rows = np.zeros(rows.n, dtype=bool)
    held = np.zeros(nights.day.size, dtype=bool)
    for run in runs:
        held[run.first : run.last + 1] = True
        held_rows |= (night >= nights.day[run.first]) & (night <= nights.day[run.last])
    first = first_of_bursts(rows, profile)
    inside = held_rows & within & np.isin((night + 3) % 7, weekdays)
    outside = held_rows & ~inside
    return Found(
        union=union,
        weekdays=weekdays,
        nights=nights,
        gain=gain,
        measured=measured,
        episodes=runs,
        inside=inside,
        outside=outside,
        around=(inside, *(outside & near for near in _near(rows, union))),
        nights_seen=int(np.count_nonzero(held & measured & (gain > 0))),
        nights_measured=int(np.count_nonzero(held & measured)),
        search=search,
        strength=strength(rows, inside & first, outside & first, profile),
    )


def _near(
    rows: Rows, union: tuple[Span, ...]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Rows in the hour before and in the hour after each window, by the clock."""
    before = tuple(Span((s.start - _NEAR_BINS) % BINS_PER_DAY, _NEAR_BINS) for s in union)
    after = tuple(Span(s.end % BINS_PER_DAY, _NEAR_BINS) for s in union)
    return occupied(before, 0)[rows.slot], occupied(after, 0)[rows.slot]


def _gate(rows: Rows, found: Found, profile: NightlyProfile) -> tuple[str, bool]:
    """Why the window may not be claimed, and whether that is a lack of data; "" if it may."""
    if found.nights_measured < profile.nights_min:
        few = f"hours that recur on {found.nights_measured} nights"
        return (f"{few}; a pattern needs {profile.nights_min}", True)
    if found.nights_seen < profile.nights_min:
        seen = f"bad hours on {found.nights_seen} of {found.nights_measured} measured nights"
        return (f"{seen}; a pattern needs {profile.nights_min} of them", False)
    slow = found.strength.state is State.SLOWED
    least = profile.rows_inside_min_unpaired if slow else profile.rows_inside_min
    n = int(np.count_nonzero(found.inside))
    if n < least:
        return (f"{n} measurements inside the hours; a pattern needs {least}", True)
    dates = np.unique(rows.day[found.outside]).size
    if dates < profile.nights_min:
        return (f"the other hours were measured on {dates} dates of the episode only", True)
    if found.strength.state is State.INSUFFICIENT:
        return (found.strength.because, False)
    return ("", False)
