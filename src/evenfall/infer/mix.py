"""Who measures, and how: did that change for good?

A probe is swapped for one on a worse line, a new version fetches other addresses, a phone begins to
use another resolver: the shares of failed or slow measurements jump on that day, and nobody did
anything to the network. Such changes are found and reported as what they are. Whether they are what
a finding rests on is asked in `strata.py`.

Rules:
    A column (lines, software, target, resolver) changed for good at a date if the mean daily shares
    of its labels before and after differ by a total variation of at least .5, beyond what the same
    days show in random order; if at least five measured days lie on both sides; if four fifths of
    the days on either side are nearer to their own side's mix than to the other's; and if a
    permutation of the days gives as large a difference at any date in at most 1 % of the draws.
    Labels that are different every day are no change: they are so in any order.
    Every day counts once, however many rows it has. Rows without a label are a label of their own.
    Several changes of one column are found one inside the other, at most eight.

What it does not do: tell a version that many probes take up one after the other from one that all
take up at once; the interval of the date is then the wider one.

Sources: METHOD 5; total variation of multinomials with a permutation test: S. Matteson and N.
James, JASA 109 (2014), who divide in the same way.
"""

from __future__ import annotations

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
        if labels is not None and (codes := codes_of(labels, profile.labels_max)).any():
            shares = _daily_shares(codes, place, days.size)
            found += _divided(column, days, shares, profile, rng)
    return tuple(sorted(found, key=lambda change: change.first_day))


def codes_of(labels: npt.NDArray[np.object_], most: int | None = None) -> _Ints:
    """Whole numbers for labels, the commonest first; None is a label, and so is "all others".

    Args:
        labels: shape (n,).
        most: so many labels at most; None: all of them.
    """
    seen: dict[object, int] = {}
    raw = np.fromiter(
        (seen.setdefault(label, len(seen)) for label in labels), np.int64, labels.size
    )
    rank = np.empty(max(len(seen), 1), dtype=np.int64)
    rank[np.argsort(-np.bincount(raw, minlength=1), kind="stable")] = np.arange(rank.size)
    return rank[raw] if most is None else np.minimum(rank[raw], most)


def _daily_shares(codes: _Ints, place: _Ints, days: int) -> _Floats:
    """Shape (days, labels), rows adding up to 1."""
    width = int(codes.max()) + 1
    counts = np.bincount(place * width + codes, minlength=days * width).reshape(days, width)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _divided(
    column: str, days: _Ints, shares: _Floats, profile: MixProfile, rng: np.random.Generator
) -> Iterator[MixChange]:
    """Changes, strongest first, each looked for within what the stronger ones left whole."""
    pieces, left = [(0, days.size)], profile.changes_max
    while pieces and left:
        start, end = pieces.pop(0)
        found = _strongest(column, days[start:end], shares[start:end], profile, rng)
        if found is not None:
            left -= 1
            cut = start + int(np.searchsorted(days[start:end], found.first_day))
            pieces += [(start, cut), (cut, end)]
            yield found


def _strongest(
    column: str, days: _Ints, shares: _Floats, profile: MixProfile, rng: np.random.Generator
) -> MixChange | None:
    """The strongest change of these days, if there is one."""
    if days.size < 2 * profile.days_min:
        return None
    variation = _variations(shares, profile.days_min)
    cut = int(variation.argmax())
    seen = float(variation[cut])
    cut += profile.days_min
    if seen < profile.variation_min or _kept(shares, cut) < profile.kept_min:
        return None
    p_value, by_chance = _permuted(shares, seen, profile, rng)
    if p_value > profile.p_max or seen - by_chance < profile.variation_min:
        return None
    worth = _date_worth(shares, cut)
    temper, mass = profile.edge_temper, profile.edge_mass
    return MixChange(
        column=column,
        first_day=int(days[1 + int(worth.argmax())]),
        between=credible_days(worth, days[1:], int(days[0]), temper=temper, mass=mass),
        variation=round(seen, 4),
        p_value=p_value,
    )


def _variations(shares: _Floats, shortest: int) -> _Floats:
    """Total variation of the mean shares before and after each allowed cut."""
    n = shares.shape[0]
    sums = np.cumsum(shares, axis=0)
    cut = np.arange(shortest, n - shortest + 1)
    before = sums[cut - 1]
    after = sums[-1] - before
    return np.asarray(0.5 * np.abs(before / cut[:, None] - after / (n - cut)[:, None]).sum(axis=1))


def _kept(shares: _Floats, cut: int) -> float:
    """Share of the days, on the worse side, that are nearer to their own side's mix."""
    means = [shares[:cut].mean(axis=0), shares[cut:].mean(axis=0)]
    to_first, to_second = (np.abs(shares - mean).sum(axis=1) for mean in means)
    return float(min((to_first < to_second)[:cut].mean(), (to_second < to_first)[cut:].mean()))


def _permuted(
    shares: _Floats, seen: float, profile: MixProfile, rng: np.random.Generator
) -> tuple[float, float]:
    """How often random orders of days reach it at any cut, and the median of what they reach."""
    largest = np.array(
        [
            _variations(rng.permutation(shares), profile.days_min).max()
            for _ in range(profile.permutations)
        ]
    )
    reached = int(np.count_nonzero(largest >= seen - 1e-12))
    return (reached + 1) / (profile.permutations + 1), float(np.median(largest))


def _date_worth(shares: _Floats, cut: int) -> _Floats:
    """Log worth of "the new mix began on day k", k = 1 … n − 1; a day counts once."""
    width = shares.shape[1]
    logs = [
        np.log((part.sum(axis=0) + 0.5) / (part.shape[0] + 0.5 * width))
        for part in (shares[:cut], shares[cut:])
    ]
    return np.asarray(np.cumsum(shares @ (logs[0] - logs[1]))[:-1])
