"""Sentences of `--plan`: who would be asked what, and how much it can cost at most."""

from __future__ import annotations

from evenfall.model.saying import Saying, say
from evenfall.text.words import bytes_words

__all__ = ["PLAN_HEAD", "plan_step_words", "plan_total_words"]

PLAN_HEAD = say("Nothing is sent now. A check would ask:")


def plan_step_words(whom: str, what: str, bytes_max: int) -> Saying:
    """One place that packets would go to, and what they would cost at most, both ways."""
    return say("{whom}: {what} (at most {size})", whom=whom, what=what, size=bytes_words(bytes_max))


def plan_total_words(bytes_max: int, seconds_max: float) -> Saying:
    """What holds whatever the steps add up to."""
    return say(
        "At most {size} and {seconds:.0f} s in all.",
        size=bytes_words(bytes_max),
        seconds=seconds_max,
    )
