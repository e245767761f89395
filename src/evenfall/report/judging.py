"""Every series of a store beside what was made of it.

The findings of the last `evenfall analyze` are used as they stand if they speak of all these
series; otherwise the series are judged here, all together (scope and q need the others), so that
every screen and Python say the same.

A store may hold one service on one network twice: measured and simulated, or in two time zones.
Findings that were stored name neither, so such a store is always judged here, where each finding
stands beside the series it was made of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evenfall.infer.nights import judge
from evenfall.infer.profiles import NIGHTLY_2026
from evenfall.infer.series import Series
from evenfall.model.curfew import Curfew, SeriesFinding
from evenfall.model.vocabulary import SeriesState
from evenfall.report.subject import Judged

__all__ = ["judged_anew", "judged_as_stored"]

_CLAIMED = (SeriesState.CURFEW, SeriesState.ALWAYS)


def judged_anew(series: Sequence[Series], *, seed: int) -> list[Judged]:
    """Judge all of them, each alone and all together."""
    judgement = judge(series, profile=NIGHTLY_2026, rng=np.random.default_rng(seed))
    curfews = iter(judgement.curfews)  # in the order of the series that have one
    return [
        Judged(
            series=one,
            finding=finding,
            curfew=next(curfews) if finding.state in _CLAIMED else None,
        )
        for one, finding in zip(series, judgement.findings, strict=True)
    ]


def judged_as_stored(
    series: Sequence[Series], curfews: Sequence[Curfew], findings: Sequence[SeriesFinding]
) -> list[Judged] | None:
    """What the last analysis said of them; None if it does not speak of all of these."""
    keys = [(s.service, s.network) for s in series]
    finding_of = {(f.service, f.network): f for f in findings}
    curfew_of = {(c.service, c.network): c for c in curfews}
    if len(set(keys)) < len(keys) or not set(keys) <= set(finding_of):
        return None
    if any(s.timezone != curfew_of.get(k, s).timezone for s, k in zip(series, keys, strict=True)):
        return None
    return [
        Judged(series=s, finding=finding_of[k], curfew=curfew_of.get(k))
        for s, k in zip(series, keys, strict=True)
    ]
