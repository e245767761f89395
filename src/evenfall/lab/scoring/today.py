"""Which kept rows still count: a change of what is drawn or decided scores everything again.

A row is of today if today's ruleset, profile and numbers made it of worlds that today's generator
draws. What the seeds are for, tuning or scoring, is not asked here.
"""

from __future__ import annotations

from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.ruleset import RULESET
from evenfall.lab.nights import FAMILIES
from evenfall.lab.scoring.constants import digest
from evenfall.lab.scoring.tally import DailyTally, Tally
from evenfall.lab.scoring.worlds import mark

__all__ = ["is_todays"]


def is_todays(row: Tally | DailyTally) -> bool:
    """Whether a row may be added to what is scored today."""
    made_by = (row.ruleset, row.profile, row.constants)
    return (
        made_by == (RULESET, NIGHTLY_2026.name, digest())
        and row.family in FAMILIES
        and row.worlds == mark(row.family)
    )
