"""Findings as tables: one row a series, one row a curfew.

Few rows and many kinds of columns: they pass through text, and the engine casts them to the types
of their fields. Everything that a curfew holds and a spreadsheet can show has its own column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evenfall.infer.ruleset import RULESET
from evenfall.model.curfew import Curfew
from evenfall.report.export_fields import CURFEWS, SERIES, Field
from evenfall.report.export_tables import Table, who_of
from evenfall.report.subject import Judged

__all__ = ["curfew_table", "series_table"]


def series_table(judged: Sequence[Judged]) -> Table:
    """One row a series."""
    rows = [
        {
            **who_of(one),
            "state": str(one.finding.state),
            "reason": one.finding.reason,
            "n": one.finding.n,
            "nights_measured": one.finding.nights_measured,
            "p_value": one.finding.p_value,
            "q_value": one.finding.q_value,
            "ruleset": one.curfew.ruleset if one.curfew is not None else RULESET,
        }
        for one in judged
    ]
    return _of_rows("Series", SERIES, rows)


def curfew_table(judged: Sequence[Judged]) -> Table:
    """One row a curfew."""
    rows = [{**who_of(one), **_curfew_row(one.curfew)} for one in judged if one.curfew is not None]
    return _of_rows("Curfews", CURFEWS, rows)


def _curfew_row(curfew: Curfew) -> dict[str, Any]:
    by, effect, windows = curfew.slower_by, curfew.effect, curfew.windows
    return {
        "state": str(curfew.state),
        "scope": str(curfew.scope),
        "scope_because": curfew.scope_because,
        "pattern": str(curfew.pattern),
        "windows_local": " ".join(f"{w.start_local}-{w.end_local}" for w in windows) or None,
        "weekdays": "".join(str(d) for d in windows[0].weekdays) if windows else None,
        "starts_local": " ".join("-".join(w.start_interval) for w in windows) or None,
        "ends_local": " ".join("-".join(w.end_interval) for w in windows) or None,
        "onset_earliest": curfew.onset.earliest if curfew.onset else None,
        "onset_latest": curfew.onset.latest if curfew.onset else None,
        "lifting_earliest": curfew.lifting.earliest if curfew.lifting else None,
        "lifting_latest": curfew.lifting.latest if curfew.lifting else None,
        "episodes": len(curfew.episodes) or 1,
        "nights_seen": curfew.nights_seen,
        "nights_measured": curfew.nights_measured,
        "n": curfew.n,
        "lines": curfew.lines,
        "slower_by_median": by.median if by else None,
        "slower_by_low": by.low if by else None,
        "slower_by_high": by.high if by else None,
        "effect_in_window": effect.in_window,
        "effect_outside": effect.outside,
        "effect_outside_of": str(effect.outside_of) if effect.outside_of else None,
        "effect_low": effect.low,
        "effect_high": effect.high,
        "p_value": curfew.p_value,
        "q_value": curfew.q_value,
        "claim_level": str(curfew.claim_level),
        "isolated": curfew.isolated,
        "caveats": "; ".join(curfew.caveats) or None,
        "rule_id": curfew.rule_id,
        "ruleset": curfew.ruleset,
        "profile": curfew.profile,
    }


def _of_rows(title: str, fields: tuple[Field, ...], rows: Sequence[dict[str, Any]]) -> Table:
    """A table of a few rows, through text: the engine casts it to the types of the fields."""
    frame = {
        f.name: np.array(
            [None if row[f.name] is None else str(row[f.name]) for row in rows], dtype=object
        )
        for f in fields
    }
    frame["@row"] = np.arange(len(rows), dtype=np.int64)
    names = ", ".join(f'CAST("{f.name}" AS VARCHAR) AS "{f.name}"' for f in fields)
    return Table(
        title=title,
        fields=fields,
        sql=f'SELECT {names} FROM found_rows ORDER BY "@row"',  # noqa: S608  (names of our own)
        frames={"found_rows": frame},
    )
