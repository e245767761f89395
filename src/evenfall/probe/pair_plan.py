"""Which pair comes next: whose, which way, how large. Decided from the pairs so far alone.

The order, as long as there is time and there are bytes for it:

1. A null pair, each suspect's first download, a second null pair (at the other server, if any);
   once a pair was slow, up to two more, and as many upwards before a slow upload goes on.
2. Downloads of the suspects in turn: 64 KB; where that was fast, 512 KB, for a burst allowance can
   hide a policer from small transfers. Once a pair was slow it goes on with the size that tells
   most for its bytes (`probe.pair_sizes`), up to 1 MB, until the name is decided.
3. One upload of each suspect, then of the other targets: an upload has no page that would show
   that it is slow. One that was slow goes on; of a suspect that is slow itself a second of 512 KB
   is made.
4. Downloads of 64 KB, until "not seen" can be said.

Where nothing is suspicious, the second step ends after three pairs, so that the third is reached in
a few seconds. Nothing here measures, and nothing is drawn: the same pairs give the same next step.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from evenfall.infer.facts import Pair
from evenfall.infer.pairs import Decision
from evenfall.infer.profiles import PAIRS_2026, PairsProfile
from evenfall.infer.weigh import Weighed, direction_of, pair_x, weigh
from evenfall.model.vocabulary import Direction
from evenfall.probe.pair_sizes import telling_size

__all__ = ["Candidate", "Step", "next_step"]

_QUIET_DOWNLOADS = 3
"""After so many fast downloads of an unsuspicious target, the uploads have their turn."""
_SCREENED_MAX = 6
_INTERCEPTED_MAX = 2
_DEEP_X = -1.4
"""A quarter as fast: from here a pair says ×20 or more."""
_DOWN, _UP = Direction.DOWNLOAD, Direction.UPLOAD


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A target that pairs may be made for.

    Attributes:
        is_suspect: gets downloads; the others are only screened for slow uploads.
        is_slow: its own page is slow, or it failed: what small transfers do not show is looked for
            with larger ones.
    """

    target_id: str
    is_suspect: bool = True
    is_slow: bool = False


@dataclass(frozen=True, kw_only=True)
class Step:
    """One pair to be made.

    Attributes:
        target_id: empty: a null pair.
        index: how many pairs of this kind there were: chooses ClientHello and server in turn.
    """

    target_id: str
    direction: Direction
    size_bytes: int
    index: int


@dataclass
class _State:
    """The pairs of one candidate, and what they show."""

    candidate: Candidate
    down: list[Pair] = field(default_factory=list)
    up: list[Pair] = field(default_factory=list)
    said: Weighed | None = None

    def side(self, way: Direction) -> list[Pair]:
        return self.down if way is _DOWN else self.up

    def decision(self, way: Direction) -> Decision:
        weighed = self.said.by_direction.get(way) if self.said else None
        return weighed.decision if weighed else Decision.INCONCLUSIVE

    def is_urgent(self, way: Direction, profile: PairsProfile) -> bool:
        """A pair this way was slow, or failed."""
        return any(_x(p) <= profile.slow_x for p in self.side(way))


def next_step(
    pairs: Sequence[Pair],
    candidates: Sequence[Candidate],
    *,
    fits: Callable[[int], bool],
    given_up: frozenset[str] = frozenset(),
    profile: PairsProfile = PAIRS_2026,
) -> Step | None:
    """The next pair; None: everything is decided, or there is no point in more.

    Args:
        pairs: of this round, in order.
        candidates: suspects first, in the order of suspicion.
        fits: whether a pair of so many bytes an arm can still be paid for.
        given_up: ids of candidates for which there is no more time.
        profile: parameters of the decision.
    """
    found = _states(pairs, candidates, profile)
    states = [s for s in found if s.candidate.target_id not in given_up]
    suspects = [s for s in states if s.candidate.is_suspect]
    counts = {way: sum(p.is_null and direction_of(p) is way for p in pairs) for way in Direction}
    small = profile.size_ladder_bytes[0]
    if not states or not fits(small):
        return None
    for step in (
        _beginning(suspects, counts, small, profile),
        _more_nulls(states, counts, small, profile),
        _download(suspects, fits, profile, quiet_max=_QUIET_DOWNLOADS),
        _upload(states, fits, profile),
        _download(suspects, fits, profile, quiet_max=profile.n_max),
    ):
        if step is not None:
            return step
    return None


def _states(
    pairs: Sequence[Pair], candidates: Sequence[Candidate], profile: PairsProfile
) -> list[_State]:
    states = [_State(c) for c in candidates]
    for state in states:
        own = [p for p in pairs if not p.is_null and p.target.target == state.candidate.target_id]
        state.down = [p for p in own if direction_of(p) is _DOWN]
        state.up = [p for p in own if direction_of(p) is _UP]
        if own:
            state.said = weigh(pairs, state.candidate.target_id, profile=profile)
    return states


def _beginning(
    suspects: Sequence[_State], counts: dict[Direction, int], small: int, profile: PairsProfile
) -> Step | None:
    """The first turn, with a null pair before and after it."""
    if not suspects:
        return None
    fresh = next((s for s in suspects if not s.down), None)
    if counts[_DOWN] and fresh is not None:
        return Step(target_id=fresh.candidate.target_id, direction=_DOWN, size_bytes=small, index=0)
    if counts[_DOWN] < profile.null_pairs_min:
        return Step(target_id="", direction=_DOWN, size_bytes=small, index=counts[_DOWN])
    return None


def _more_nulls(
    states: Sequence[_State], counts: dict[Direction, int], small: int, profile: PairsProfile
) -> Step | None:
    """Once a pair was slow, how noisy this line is has to be known better.

    One null pair for every slow pair, so that a name that is plainly slowed is not kept waiting.
    """
    for way in Direction:
        slow = sum(
            _x(p) <= profile.slow_x
            for s in states
            if _is_open(s, way, profile)
            for p in s.side(way)
        )
        wanted = min(profile.null_pairs_max, profile.null_pairs_min + slow)
        if slow and counts[way] < wanted:
            return Step(target_id="", direction=way, size_bytes=small, index=counts[way])
    return None


def _download(
    suspects: Sequence[_State],
    fits: Callable[[int], bool],
    profile: PairsProfile,
    *,
    quiet_max: int,
) -> Step | None:
    """The suspect with the fewest downloads whose name is not decided."""
    open_ = [s for s in suspects if _is_open(s, _DOWN, profile)]
    for state in sorted(open_, key=lambda s: len(s.down)):
        urgent = state.candidate.is_slow or state.is_urgent(_DOWN, profile)
        if not urgent and len(state.down) >= quiet_max:
            continue
        size_bytes = _size(state, _DOWN, fits, profile)
        if size_bytes is not None:
            return Step(
                target_id=state.candidate.target_id,
                direction=_DOWN,
                size_bytes=size_bytes,
                index=len(state.down),
            )
    return None


def _upload(
    states: Sequence[_State], fits: Callable[[int], bool], profile: PairsProfile
) -> Step | None:
    """Uploads: those that were slow first, then one each, then a large one where it is slow."""
    slow = [s for s in states if s.is_urgent(_UP, profile) and _is_open(s, _UP, profile)]
    fresh = [s for s in states if not s.up][: max(0, _SCREENED_MAX - _screened(states))]
    once = [
        s for s in states if s.candidate.is_slow and len(s.up) == 1 and _is_open(s, _UP, profile)
    ]
    for state in (*sorted(slow, key=lambda s: len(s.up)), *fresh, *once):
        size_bytes = _size(state, _UP, fits, profile)
        if size_bytes is not None:
            return Step(
                target_id=state.candidate.target_id,
                direction=_UP,
                size_bytes=size_bytes,
                index=len(state.up),
            )
    return None


def _screened(states: Sequence[_State]) -> int:
    return sum(1 for s in states if s.up)


def _is_open(state: _State, way: Direction, profile: PairsProfile) -> bool:
    """Whether another pair can still change what is said of this direction."""
    side = state.side(way)
    if len(side) >= profile.n_max or state.decision(way) is Decision.THROTTLED:
        return False
    intercepted = sum(p.target.failure == "pin_mismatch" for p in side)
    if intercepted >= _INTERCEPTED_MAX:
        return False
    return state.decision(way) is not Decision.NOT_SEEN


def _size(
    state: _State, way: Direction, fits: Callable[[int], bool], profile: PairsProfile
) -> int | None:
    """Bytes of the next pair this way; None: nothing that would help fits."""
    side = state.side(way)
    small, large = profile.size_ladder_bytes[:2]
    by_size: dict[int, list[float]] = {}
    for pair in side:
        by_size.setdefault(pair.target.size_bytes or small, []).append(_x(pair))
    medians = {size: statistics.median(x) for size, x in by_size.items()}
    slowest = min((p for p in side if p.counts), key=pair_x, default=None)
    if slowest is None or pair_x(slowest) > profile.slow_x:
        climbs = len(side) == 1 and (way is Direction.DOWNLOAD or state.candidate.is_slow)
        wanted = large if climbs else small
    elif len(side) > 1 and max(by_size) == small and medians[small] > _DEEP_X:
        wanted = large  # slow, but so little that many of this size would be needed
    else:
        wanted = _after_slow(slowest, side, medians, profile)
    return wanted if fits(wanted) else small if fits(small) else None


def _after_slow(
    slowest: Pair, side: Sequence[Pair], medians: dict[int, float], profile: PairsProfile
) -> int:
    """What came through fast may be hidden by an allowance: then only larger ones can tell."""
    small = profile.size_ladder_bytes[0]
    its_bytes = slowest.target.size_bytes or small
    fast = [size for size, x in medians.items() if x > profile.slow_x]
    if max(fast, default=0) >= its_bytes:
        return small  # as many bytes or more were fast: it was chance
    since = [p.target.size_bytes or small for p in side[side.index(slowest) + 1 :]]
    if any(size in fast for size in since):
        return its_bytes  # a smaller one was thought to do, and did not
    return telling_size(slowest, above_bytes=max(fast, default=0), profile=profile)


def _x(pair: Pair) -> float:
    """Its score; of a pair that does not count, 0."""
    return pair_x(pair) if pair.counts else 0.0
