"""A host name that is on nobody's list, for the null pairs.

It is drawn anew each time, looks like a name (syllables under a common top-level domain), and is
sent to our own server alone, in a ClientHello; nobody looks it up. Some 10¹² names: to hit one that
is in use is unlikely and would do no harm.
"""

from __future__ import annotations

import random

__all__ = ["random_name"]

_ONSETS = ("b", "br", "d", "dr", "f", "g", "gr", "k", "kr", "l", "m", "n", "p", "pr", "s", "st",
           "t", "tr", "v", "z")  # fmt: skip
_VOWELS = ("a", "e", "i", "o", "u")
_SYLLABLES = 6
_TOPS = ("com", "net", "org")


def random_name(rng: random.Random) -> str:
    """Such as `kratelubinoda.net`; whether it is registered was never asked."""
    syllables = (rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(_SYLLABLES))
    return f"{''.join(syllables)}.{rng.choice(_TOPS)}"
