"""A check with fifteen sites in namespaces: seconds, bytes, and the ledger against the interface.

The lines and the list are those of `bench/check_duration.py`, which is run as it is.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.netns, pytest.mark.slow]


def measured(repository, line: str) -> dict:
    """One line of the bench."""
    done = subprocess.run(
        [sys.executable, str(repository / "bench" / "check_duration.py"), line],
        capture_output=True, text=True, timeout=160, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_healthy_line_and_fifteen_sites(repository):
    """Under 20 s and 6 MB; all fine; the ledger within 3 % of the interface."""
    seen = measured(repository, "healthy")
    assert seen["duration_s"] <= 20
    assert (seen["answer"], seen["states"]) == ("ok", {"ok": 10})
    assert max(seen["interface_bytes"], seen["ledger_bytes"]) <= 6_000_000
    assert seen["ledger_bytes"] == pytest.approx(seen["interface_bytes"], rel=0.03)
