"""Judges seeded histories and writes `nights.json`: `.venv/bin/python tests/golden/make.py`.

The file records the ruleset that judged it. If a verdict differs from the recorded one, this
refuses to write until `RULESET` has been raised and the changelog says, under "Verdicts changed",
what changed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from evenfall.infer.nights import judge
from evenfall.infer.ruleset import RULESET
from evenfall.lab.nights.families import draw
from evenfall.lab.nights.writing import write_world
from evenfall.store import open_store

GOLDEN = Path(__file__).resolve().parent / "nights.json"
CHANGELOG = Path(__file__).resolve().parents[2] / "CHANGELOG.md"
CADENCE_S = 1200
HISTORIES = (
    ("curfew_basic", 14, 1), ("curfew_drawn", 14, 2),
    ("null_clean", 14, 1), ("null_congestion", 14, 1), ("null_match_night", 14, 1),
)  # fmt: skip


def judged(name: str, nights: int, seed: int, folder: Path) -> dict[str, object]:
    """What today's rules make of one seeded history."""
    store_path = folder / f"{name}-{seed}"
    write_world(draw(name, seed, nights=nights, cadence_s=CADENCE_S), store_path)
    with open_store(store_path, write=False) as store:
        judgement = judge(store.series(), rng=np.random.default_rng(1))
    windows = {
        curfew.service: [
            [window.start_local, window.end_local, list(window.weekdays)]
            for window in curfew.windows
        ]
        for curfew in judgement.curfews
    }
    scopes = {c.service: [str(c.state), str(c.scope), c.rule_id] for c in judgement.curfews}
    return {
        finding.service: {
            "state": str(finding.state),
            "windows": windows.get(finding.service, []),
            "verdict": scopes.get(finding.service),
        }
        for finding in judgement.findings
    }


def all_judged() -> dict[str, object]:
    """Every history in the list."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            f"{name}, {nights} nights, seed {seed}": judged(name, nights, seed, Path(folder))
            for name, nights, seed in HISTORIES
        }


def main() -> int:
    """Write the file, or say what has to be done first."""
    verdicts = all_judged()
    before = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else None
    if before and before["verdicts"] != verdicts and before["ruleset"] == RULESET:
        sys.stderr.write(
            f"verdicts differ and the ruleset is still {RULESET}: raise RULESET in "
            "infer/ruleset.py and say in the changelog, under Verdicts changed, what changed.\n"
        )
        return 1
    GOLDEN.write_text(
        json.dumps({"ruleset": RULESET, "verdicts": verdicts}, indent=1, sort_keys=True) + "\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
