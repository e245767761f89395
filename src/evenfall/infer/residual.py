"""Does an address stay bad after a name was seen there, whatever is sent to it next?

What it does. Some boxes, once they have seen a name, punish the server's address for a while
(Türkiye, November 2022). Then the neutral arm that follows the target's crawls or fails too, the
two arms look alike, and the pair says the opposite of what happened. `find_residual` compares the
neutral arms of one address that came after a target arm there with the clean ones: those, at any
address, that came before any target arm was sent to their own.

Rules.
- A neutral arm is bad if it failed, or reached less than a quarter of the median of the clean ones.
- It is told only if clean arms are good (at most one in four bad), at least two arms afterwards are
  bad, and the exact test of "bad arms are spread over both alike" gives p ≤ 5 %.
- And only if a neutral arm at *another* address was good after the first bad one here: with one
  address, a line that has become slow in the meantime looks the same.
- Arms that followed a target arm by more than `MEMORY_US` are neither: the box may have forgotten.
- An address at which the name was seen gives no clean arms any more, however well it does: "clean"
  must not be chosen by how the arms fared.

What it does not do. It convicts nobody: a burst of failures that happens to begin with a target arm
looks the same. What it changes: `spoilt` arms are no evidence about the line's noise, and a pair of
which both arms were spoilt is no evidence that the name makes no difference.

Sources: net4people/bbs issues 155 and 413; background/throttling.md section 2 and 10; Fisher's
exact test.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from evenfall.infer.exact import fisher_greater
from evenfall.infer.facts import Pair
from evenfall.model.observation import Observation
from evenfall.model.vocabulary import Arm

__all__ = ["MEMORY_US", "Residual", "find_residual"]

MEMORY_US = 180_000_000
"""Three minutes; boxes are known to remember for one to several."""
_BAD_SHARE = 0.25
_P_MAX = 0.05
_BAD_MIN = 2
_CLEAN_BAD_SHARE_MAX = 0.25


@dataclass(frozen=True, kw_only=True)
class Residual:
    """An address at which neutral names fare badly after the target's name was seen there.

    Attributes:
        after, after_bad: neutral arms after a target arm at this address, and the bad ones.
        clean, clean_bad: those before any target arm at their own address, here and elsewhere.
        p: of Fisher's exact test, one-sided.
        spoilt: ids of the bad arms afterwards.
    """

    address: str
    after: int
    after_bad: int
    clean: int
    clean_bad: int
    p: float
    spoilt: frozenset[str]


def find_residual(pairs: Sequence[Pair]) -> tuple[Residual, ...]:
    """Every address where it is told, in the order of the addresses' names."""
    arms = sorted((o for p in pairs for o in (p.target, p.neutral)), key=lambda o: o.started_us)
    after, clean = _sorted_out(arms)
    speeds = [o.goodput_bps or 0 for o in clean if not o.failure]
    usual_bps = statistics.median(speeds) if speeds else 0.0
    clean_bad = sum(_is_bad(o, usual_bps) for o in clean)
    found = []
    for address in sorted({o.address or "" for o in after}):
        here = [o for o in after if (o.address or "") == address]
        bad = [o for o in here if _is_bad(o, usual_bps)]
        if len(bad) < _BAD_MIN or clean_bad > _CLEAN_BAD_SHARE_MAX * len(clean):
            continue
        if not any(_contradicts(o, bad[0], address, usual_bps) for o in clean):
            continue
        p = fisher_greater(
            hits=len(bad), n=len(here), reference_hits=clean_bad, reference_n=len(clean)
        )
        if p <= _P_MAX:
            found.append(
                Residual(
                    address=address,
                    after=len(here),
                    after_bad=len(bad),
                    clean=len(clean),
                    clean_bad=clean_bad,
                    p=p,
                    spoilt=frozenset(o.observation_id for o in bad),
                )
            )
    return tuple(found)


def _sorted_out(arms: Sequence[Observation]) -> tuple[list[Observation], list[Observation]]:
    """Neutral arms in order of time: those after a target arm at their address, and the clean."""
    named_us: dict[str, int] = {}
    after, clean = [], []
    for arm in arms:
        address = arm.address or ""
        if arm.arm is Arm.TARGET and not arm.is_null_pair:
            named_us[address] = arm.started_us
        elif _says_nothing(arm):
            continue
        elif address not in named_us:
            clean.append(arm)
        elif arm.started_us - named_us[address] <= MEMORY_US:
            after.append(arm)
    return after, clean


def _contradicts(clean: Observation, bad: Observation, address: str, usual_bps: float) -> bool:
    """Good at another address, later than the first bad arm here."""
    elsewhere = (clean.address or "") != address
    later = clean.started_us > bad.started_us
    return elsewhere and later and not _is_bad(clean, usual_bps)


def _is_bad(arm: Observation, usual_bps: float) -> bool:
    if arm.failure is not None or not arm.goodput_bps:
        return True
    return arm.goodput_bps < _BAD_SHARE * usual_bps


def _says_nothing(arm: Observation) -> bool:
    code = arm.failure or ""
    return code == "interrupted" or code.startswith("unknown_failure")
