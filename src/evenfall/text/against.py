"""What a share was compared with, in the words of every screen: before, elsewhere, at other times.

"Before" is said only where days before were measured. A service that never opened has no before:
what stands beside it then are other networks in the same hours, or nothing at all.

What it does not do: choose the comparison. It comes in with the finding.
"""

from __future__ import annotations

from evenfall.model.curfew import Curfew
from evenfall.model.vocabulary import Pattern, Reference

__all__ = ["against_words", "wrong_words"]

_UNTOLD = "in what it was compared with"  # kept before the comparison was recorded
_WORDS = {
    Reference.OTHER_HOURS: "at other times",
    Reference.OTHER_NETWORKS: "on other networks in the same hours",
    Reference.NEUTRAL_NAME: "under another name",
    Reference.CHANCE: "",
}


def against_words(curfew: Curfew) -> str:
    """Where the share beside the finding's own was measured; empty if nowhere."""
    reference = curfew.effect.outside_of
    if reference is Reference.OTHER_DAYS:
        return _days_words(curfew)
    if reference is not None:
        return _WORDS[reference]
    return _UNTOLD if curfew.pattern is Pattern.ALWAYS else _WORDS[Reference.OTHER_HOURS]


def wrong_words(curfew: Curfew) -> str:
    """What the tests counted in the share of a blocked service did."""
    return "failed or were slow" if curfew.pattern is Pattern.ALWAYS else "failed"


def _days_words(curfew: Curfew) -> str:
    if curfew.onset is None:
        return "afterwards" if curfew.lifting is not None else "on other days"
    return "before" if curfew.lifting is None else "before and afterwards"
