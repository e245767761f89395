"""What is being done right now, in a few words."""

from __future__ import annotations

from evenfall.model.saying import Saying, say

__all__ = ["stage_words"]

_STAGES = {
    "names": say("looking names up"),
    "sites": say("opening sites"),
    "contrasts": say("looking again at what is odd"),
    "outside": say("asking the measurement server what it sees"),
    "pairs": say("the same bytes under two names"),
    "uploads": say("the same bytes the other way"),
    "capacity": say("how much the line carries"),
    "path": say("where on the way"),
}


def stage_words(stage: str, done: int, total: int, what: str) -> Saying:
    """A stage, how far it has come (total 0: not known), and with what.

    Args:
        stage: one of `probe.session.Stage`.
        done: steps that are over.
        total: of how many.
        what: target id or host.
    """
    doing = _STAGES.get(stage, stage)
    if total:
        return say(
            "{doing}: {done} of {total}  {what}", doing=doing, done=done, total=total, what=what
        )
    return say("{doing}: {done}  {what}", doing=doing, done=done, what=what)
