"""Paired transfers as facts: which two belong together, and how their arms fared.

What it does. `sort_pairs` puts the two arms of each pair together. A `Pair` says which arm failed
and whether the pair can be scored at all.

Rules. Half a pair is no pair. An arm that the end of the round cut, or that our own server
declined, says nothing about the line. In a null pair both arms carry neutral names.

What it does not do. It scores nothing; `infer.pairs` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Arm, Direction, Fact

__all__ = ["Pair", "sort_pairs"]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The two arms of one paired transfer."""

    target: Observation
    neutral: Observation
    is_null: bool

    @property
    def target_failed(self) -> bool:
        """With the target's name it was cut, or brought nothing."""
        return _failed(self.target)

    @property
    def neutral_arms(self) -> list[Observation]:
        """Arms with a neutral name that say something about the line: two in a null pair."""
        arms = (self.target, self.neutral) if self.is_null else (self.neutral,)
        return [arm for arm in arms if not _says_nothing(arm)]

    @property
    def neutral_failed(self) -> int:
        """How many of those failed."""
        return sum(_failed(arm) for arm in self.neutral_arms)

    @property
    def direction(self) -> Direction:
        """Which way the bytes went; download where nothing is said."""
        return self.target.direction or Direction.DOWNLOAD

    @property
    def counts(self) -> bool:
        """Both arms got as far as sending a name, and at least one brought bytes."""
        speeds = (self.target.goodput_bps, self.neutral.goodput_bps)
        return None not in speeds and any(speeds)

    @property
    def ids(self) -> tuple[str, str]:
        """Ids of both arms."""
        return self.target.observation_id, self.neutral.observation_id


def _failed(arm: Observation) -> bool:
    return arm.failure is not None or not arm.goodput_bps


def _says_nothing(arm: Observation) -> bool:
    """The round ended, or our server declined: no word about the line."""
    code = arm.failure or ""
    return code == "interrupted" or code.startswith("unknown_failure")


def sort_pairs(observations: Sequence[Observation]) -> list[Pair]:
    """Complete pairs in the order of their first arm; half a pair is no pair.

    The arm called `target` comes first; of a null pair whose arms are both called `neutral`, the
    one that was measured first stands in its place, which means nothing.
    """
    arms: dict[str, list[Observation]] = {}
    for seen in observations:
        if seen.fact is Fact.TRANSFER and seen.pair_id and seen.arm and seen.seen_by is None:
            arms.setdefault(seen.pair_id, []).append(seen)
    pairs = []
    for both in arms.values():
        first, *rest = sorted(both, key=lambda arm: arm.arm is not Arm.TARGET)
        is_null = bool(first.is_null_pair)
        if len(rest) == 1 and rest[0].arm is Arm.NEUTRAL and (is_null or first.arm is Arm.TARGET):
            pairs.append(Pair(target=first, neutral=rest[0], is_null=is_null))
    return pairs
