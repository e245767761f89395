"""Who measures, and how: did that change for good?

A probe is swapped for one on a worse line, a new version fetches other addresses, a phone begins to
use another resolver: the shares of failed or slow measurements jump on that day, and nobody did
anything to the network. Such changes are found and reported as what they are. Whether they are what
a finding rests on is asked in `strata.py`.

Rules:
    A column (lines, software, target, resolver) changed for good at a date if the mean daily shares
    of its labels before and after, up to the next change, differ by a total variation of at least
    .5, beyond what the same days show in random order; if at least five measured days lie on both
    sides; if most days on either side are nearer to their own side's mix than to the other's; and
    if in at most 1 % of random orders of the days any stretch differs as much from the rest.
    Every day counts once, however many rows it has. Rows without a label are a label of their own;
    so are all labels together that were seen on one day only, or are none of the forty commonest.
    So labels that are new every day are no change.
    Several changes of one column are found one inside the other, at most eight; each is then held
    against its neighbours, so that there and back are two.

What it does not do: tell a version that many probes take up one after the other from one that all
take up at once; the interval of the date is then the wider one.

Sources: METHOD 5; A. Olshen et al., Biostatistics 5 (2004), a stretch against the rest (circular
binary segmentation) with a permutation test; here of total variations.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evenfall.infer.credible import credible_days
from evenfall.infer.night_profiles import MIX_2026, MixProfile
from evenfall.model.curfew import Change, Instants
from evenfall.model.vocabulary import ChangeKind

__all__ = ["MIX_KINDS", "MixChange", "codes_of", "mix_changes"]

MIX_KINDS = {
    "line": ChangeKind.LINES,
    "software": ChangeKind.SOFTWARE,
    "target": ChangeKind.TARGET,
    "resolver": ChangeKind.RESOLVER,
}
"""Column → what is said to have changed."""

_NAMES = {
    ChangeKind.LINES: "the lines that measure",
    ChangeKind.SOFTWARE: "the software that measures",
    ChangeKind.TARGET: "what exactly is asked",
    ChangeKind.RESOLVER: "who is asked for names",
}
_CHANCES = 99  # orders of days that tell what variation there is at random
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MixChange:
    """One change for good.

    Attributes:
        column: `line`, `software`, `target` or `resolver`.
        first_day: the likeliest first day of the new mix, days since 1970-01-01.
        between: the same as an interval of local dates.
        variation: total variation between the two mixes, 0 … 1.
        p_value: of the permutation test.
    """

    column: str
    first_day: int
    between: Instants
    variation: float
    p_value: float

    @property
    def change(self) -> Change:
        """The same for people and programs."""
        kind = MIX_KINDS[self.column]
        return Change(
            what=kind,
            between=self.between,
            factor=None,
            because=f"{_NAMES[kind]}: {self.variation:.0%} of the mix is another than before",
        )


def mix_changes(
    day: _Ints,
    columns: Mapping[str, npt.NDArray[np.object_]],
    profile: MixProfile = MIX_2026,
    *,
    rng: np.random.Generator,
) -> tuple[MixChange, ...]:
    """Find them in every column; earliest first.

    Args:
        day: shape (n,), local date of each row, days since 1970-01-01; any order.
        columns: `line`, `software`, `target`, `resolver`, as far as known: shape (n,), str or None.
        profile: the constants.
        rng: of the permutations.
    """
    days, place = np.unique(day, return_inverse=True)
    if days.size < 2 * profile.days_min:
        return ()
    found: list[MixChange] = []
    for column in MIX_KINDS:
        labels = columns.get(column)
        if labels is not None and (codes := codes_of(labels)).any():
            shares = _daily_shares(codes, place, days.size, profile.labels_max)
            found += _of_column(column, days, shares, profile, rng)
    return tuple(sorted(found, key=lambda change: change.first_day))


def codes_of(labels: npt.NDArray[np.object_]) -> _Ints:
    """Whole numbers for labels, shape (n,), in the order in which they appear; None is a label."""
    if not labels.size or bool((labels == labels[0]).all()):  # the usual case, without a loop
        return np.zeros(labels.size, dtype=np.int64)
    seen: dict[object, int] = {}
    codes = (seen.setdefault(label, len(seen)) for label in labels)
    return np.fromiter(codes, np.int64, labels.size)


def _daily_shares(codes: _Ints, place: _Ints, days: int, most: int) -> _Floats:
    """Shape (days, labels), rows adding up to 1; the last label is all that are rare."""
    seen = np.unique(codes * days + place) // days
    seen_days = np.bincount(seen, minlength=int(codes.max()) + 1)
    commonest = np.argsort(-seen_days, kind="stable")[:most]
    commonest = commonest[seen_days[commonest] > 1]
    short = np.full(seen_days.size, commonest.size)
    short[commonest] = np.arange(commonest.size)
    width = commonest.size + 1
    counts = np.bincount(place * width + short[codes], minlength=days * width)
    counts = counts.reshape(days, width)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _of_column(
    column: str, days: _Ints, shares: _Floats, profile: MixProfile, rng: np.random.Generator
) -> Iterator[MixChange]:
    """The changes that hold against their neighbours."""
    cuts = _divided(shares, profile, rng)
    for cut in sorted(cuts):
        others = [0, *sorted(cuts), days.size]
        start, end = others[others.index(cut) - 1], others[others.index(cut) + 1]
        near, at = shares[start:end], cut - start
        seen = _variation(near, at)
        if _kept(near, at) < profile.kept_min:
            continue
        by_chance = np.mean([_variation(rng.permutation(near), at) for _ in range(_CHANCES)])
        if seen - float(by_chance) < profile.variation_min:
            continue
        worth, dates = _date_worth(near, at), days[start:end]
        temper, mass = profile.edge_temper, profile.edge_mass
        yield MixChange(
            column=column,
            first_day=int(dates[1 + int(worth.argmax())]),
            between=credible_days(worth, dates[1:], int(dates[0]), temper=temper, mass=mass),
            variation=round(seen, 4),
            p_value=cuts[cut],
        )


def _divided(shares: _Floats, profile: MixProfile, rng: np.random.Generator) -> dict[int, float]:
    """Cut → p of the division, each found within what the earlier ones left whole."""
    pieces, cuts = [(0, shares.shape[0])], dict[int, float]()
    while pieces and len(cuts) < profile.changes_max:
        start, end = pieces.pop(0)
        stretch, p_value = _stretch(shares[start:end], profile, rng)
        if p_value <= profile.p_max:
            within = [cut for cut in stretch if 0 < cut < end - start]
            edges = [0, *within, end - start]
            for place, cut in enumerate(within, start=1):
                low, high = edges[place - 1], edges[place + 1]
                cuts[start + _sharpened(shares[start:end], cut, low, high, profile)] = p_value
            pieces += [(start + a, start + b) for a, b in itertools.pairwise(edges)]
    return cuts


def _stretch(
    shares: _Floats, profile: MixProfile, rng: np.random.Generator
) -> tuple[tuple[int, int], float]:
    """The stretch of days that differs most from the others, and its p over random orders."""
    if shares.shape[0] < 2 * profile.days_min:
        return (0, 0), 1.0
    first, last = _stretches(shares.shape[0], profile)
    apart, weight = _apart(shares, first, last)
    if apart.max() < profile.variation_min:
        return (0, 0), 1.0
    best = int((apart * weight).argmax())
    seen, reached = float((apart * weight)[best]), 0
    for drawn in range(1, profile.permutations + 1):
        by_chance, _ = _apart(rng.permutation(shares), first, last)
        reached += bool((by_chance * weight).max() >= seen - 1e-12)
        if reached == profile.exceedances_stop:
            return (0, 0), reached / drawn
    p_value = (reached + 1) / (profile.permutations + 1)
    return (int(first[best]), int(last[best])), p_value


def _stretches(days: int, profile: MixProfile) -> tuple[_Ints, _Ints]:
    """All stretches on a grid of days, half-open, that leave enough inside, before and after."""
    marks = np.unique(np.linspace(0, days, min(days, profile.marks_max) + 1).astype(np.int64))
    first, last = (side.ravel() for side in np.meshgrid(marks, marks, indexing="ij"))
    allowed = (last - first >= profile.days_min) & (last - first <= days - profile.days_min)
    for rest in (first, days - last):
        allowed &= (rest == 0) | (rest >= profile.days_min)
    return first[allowed], last[allowed]


def _apart(shares: _Floats, first: _Ints, last: _Ints) -> tuple[_Floats, _Floats]:
    """Total variation of each stretch against the rest, and √(days inside × rest ÷ all)."""
    n = shares.shape[0]
    sums = np.vstack((np.zeros(shares.shape[1]), np.cumsum(shares, axis=0)))
    inside = sums[last] - sums[first]
    size = (last - first)[:, None]
    apart = 0.5 * np.abs(inside / size - (sums[-1] - inside) / (n - size)).sum(axis=1)
    return apart, np.sqrt(size[:, 0] * (n - size[:, 0]) / n)


def _sharpened(shares: _Floats, cut: int, low: int, high: int, profile: MixProfile) -> int:
    """The day between its neighbours that divides best, where the grid is coarse."""
    last = np.arange(low + profile.days_min, high - profile.days_min + 1)
    if not last.size:
        return cut
    apart, weight = _apart(shares[low:high], np.zeros_like(last), last - low)
    return int(last[int((apart * weight).argmax())])


def _variation(shares: _Floats, cut: int) -> float:
    """Total variation of the mean shares before and after."""
    return 0.5 * float(np.abs(shares[:cut].mean(axis=0) - shares[cut:].mean(axis=0)).sum())


def _kept(shares: _Floats, cut: int) -> float:
    """Share of the days, on the worse side, that are nearer to their own side's mix."""
    means = [shares[:cut].mean(axis=0), shares[cut:].mean(axis=0)]
    to_first, to_second = (np.abs(shares - mean).sum(axis=1) for mean in means)
    return float(min((to_first < to_second)[:cut].mean(), (to_second < to_first)[cut:].mean()))


def _date_worth(shares: _Floats, cut: int) -> _Floats:
    """Log worth of "the new mix began on day k", k = 1 … n − 1; a day counts once."""
    width = shares.shape[1]
    logs = [
        np.log((part.sum(axis=0) + 0.5) / (part.shape[0] + 0.5 * width))
        for part in (shares[:cut], shares[cut:])
    ]
    return np.asarray(np.cumsum(shares @ (logs[0] - logs[1]))[:-1])
