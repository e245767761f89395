"""Worlds of many nights with known truth: statistics only, no packet is sent.

    world = draw("curfew_basic", seed=10_000)
    world.series        what the store would give to the estimator
    world.truth         what is true, for whoever keeps the score

The same family and seed give the same world, to the bit. Seeds below 10,000 are for tuning, those
from 10,000 on for scoring. See `docs/lab.md` for the families.
"""

from __future__ import annotations

from evenfall.lab.nights.carried import bytes_carried
from evenfall.lab.nights.families import FAMILIES, Family, draw
from evenfall.lab.nights.truth import EVERY_DAY, Hit, NightTruth
from evenfall.lab.nights.world import NightWorld, observations

__all__ = [
    "EVERY_DAY",
    "FAMILIES",
    "Family",
    "Hit",
    "NightTruth",
    "NightWorld",
    "bytes_carried",
    "draw",
    "observations",
]
