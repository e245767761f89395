"""Which pair comes next: whose, which way, how large. Decided from the pairs so far alone.

The order, as long as there is time and there are bytes for it:

1. A null pair, each suspect's first download, a second null pair (at the other server, if any).
2. Downloads of the suspects in turn: 64 KB; where that was fast, 512 KB, for a burst allowance can
   hide a policer from small transfers; where that was fast too and the site itself is slow, 1 MB.
   At the size at which a pair was slow it goes on, until the name is decided.
3. One upload of each suspect, then of the other targets: an upload has no page that would show
   that it is slow. One that was slow goes on, after two null pairs upwards; a suspect gets a
   second of 512 KB.
4. Downloads of 64 KB, until "not seen" can be said.

Where nothing is suspicious, the second step ends after three pairs, so that the third is reached in
a few seconds. Nothing here measures, and nothing is drawn: the same pairs give the same next step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from evenfall.infer.facts import Pair
from evenfall.infer.pairs import Decision
from evenfall.infer.profiles import PAIRS_2026, PairsProfile
from evenfall.infer.weigh import Weighed, direction_of, pair_x, weigh
from evenfall.model.vocabulary import Direction

__all__ = ["Candidate", "Step", "next_step"]

_QUIET_DOWNLOADS = 3
"""After so many fast downloads of an unsuspicious target, the uploads have their turn."""
_SCREENED_MAX = 6
_LARGE_MAX = 2
"""Of the largest size: nothing is hidden by an allowance of more than two megabytes."""
_INTERCEPTED_MAX = 2
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
        _download(suspects, fits, profile, quiet_max=_QUIET_DOWNLOADS),
        _upload(states, counts, fits, profile),
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
    states: Sequence[_State],
    counts: dict[Direction, int],
    fits: Callable[[int], bool],
    profile: PairsProfile,
) -> Step | None:
    """Uploads: those that were slow first, then one each, then a large one for suspects."""
    small = profile.size_ladder_bytes[0]
    slow = [s for s in states if s.is_urgent(_UP, profile) and _is_open(s, _UP, profile)]
    if slow and counts[_UP] < profile.null_pairs_min:
        return Step(target_id="", direction=_UP, size_bytes=small, index=counts[_UP])
    fresh = [s for s in states if not s.up][: max(0, _SCREENED_MAX - _screened(states))]
    once = [
        s for s in states if s.candidate.is_suspect and len(s.up) == 1 and _is_open(s, _UP, profile)
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
    if state.decision(way) is not Decision.NOT_SEEN:
        return True
    return state.candidate.is_slow and _climbs(side, profile) is not None


def _size(
    state: _State, way: Direction, fits: Callable[[int], bool], profile: PairsProfile
) -> int | None:
    """Bytes of the next pair this way; None: nothing that would help fits."""
    side = state.side(way)
    small = profile.size_ladder_bytes[0]
    slow = [p.target.size_bytes or small for p in side if _x(p) <= profile.slow_x]
    if slow:
        wanted = min(slow)
    else:
        climbed = _climbs(side, profile)
        may = len(side) == 1 or state.candidate.is_slow
        wanted = climbed if climbed is not None and may else small
    if fits(wanted):
        return wanted
    return small if not slow and state.decision(way) is not Decision.NOT_SEEN else None


def _climbs(side: Sequence[Pair], profile: PairsProfile) -> int | None:
    """The next larger size, if all that were tried are fast; None: none is left."""
    if not side:
        return None
    sizes = [p.target.size_bytes or 0 for p in side]
    for size_bytes in profile.size_ladder_bytes[1:]:
        tried = sum(size >= size_bytes for size in sizes)
        if tried < (_LARGE_MAX if size_bytes == profile.size_ladder_bytes[-1] else 1):
            return size_bytes
    return None


def _x(pair: Pair) -> float:
    """Its score; of a pair that does not count, 0."""
    return pair_x(pair) if pair.counts else 0.0
